/* Rows made ready for single-precision products, and how far such a product can be from the truth.
 *
 * Euclidean: y = (x - centre) scale, rounded to float, with scale a power of two; the score of rows
 * i and j is (|y_i|^2 - scale^2 d_ij^2) / 2, which is y_i . y_j - |y_j|^2 / 2 but for rounding.
 * Cosine: y = x / |x|, and the score is the cosine. For one row i the nearest j have the largest
 * score. */
#ifndef BAL_SCALED_ROWS_H
#define BAL_SCALED_ROWS_H

#include "numeric/neighbours/neighbours.h"

typedef struct bal_scaling {
    bal_distance distance;
    int64_t columns;
    double scale;
    float *centre; /* columns; NULL for cosine */
} bal_scaling;

/* The centre is each column's median over some of the rows (which: the numbers of count rows; NULL:
 * all): one row far away does not move it. largest: of the magnitudes of all rows that will
 * be scaled. Close with bal_scaling_close. */
BAL_MUST_CHECK bal_status bal_scaling_open(bal_scaling *out, bal_ctx *ctx, const bal_rows *rows,
                                           const int64_t *which, int64_t count,
                                           bal_distance distance, float largest);
void bal_scaling_close(bal_ctx *ctx, bal_scaling *scaling);

/* count rows, scaled. */
typedef struct bal_scaled_rows {
    float *values; /* count x columns */
    float *half;   /* |y|^2 / 2; 0 for cosine */
    float *radius; /* not below |y|; 1 for cosine */
} bal_scaled_rows;

/* Scales row `row` of rows and writes it as row `at` of out. */
void bal_scale_row(const bal_scaling *scaling, const bal_rows *rows, int64_t row,
                   const bal_scaled_rows *out, int64_t at);

/* How far product - half, computed in float in any order of summation, can be from the score of a
 * row of radius r against one whose radius is at most most. */
double bal_score_margin(const bal_scaling *scaling, double r, double most);
/* A score that no row which is at this distance in double, or nearer, can be below. half is that of
 * the row whose score it is. */
double bal_score_at(const bal_scaling *scaling, float half, double distance);

#endif
