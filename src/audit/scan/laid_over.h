/* The arithmetic of laying one small picture over another. */
#ifndef BAL_LAID_OVER_H
#define BAL_LAID_OVER_H

#include "audit/scan/near_match.h"

/* From a place in A to one in B, both from 0 to 1 a side: u = sx (x - 1/2) + 1/2 + tx. */
typedef struct bal_pose {
    double sx, sy, tx, ty;
} bal_pose;

/* B at the cells of A, over x0..x1-1, y0..y1-1 where both are; rest is 0 elsewhere. */
typedef struct bal_laid {
    int x0, x1, y0, y1;
    float gain, offset; /* of B, to explain A by least squares */
    float b[BAL_SMALL_AREA], rest[BAL_SMALL_AREA];
} bal_laid;

/* By straight lines between the cells. Returns the correlation with A; -1 where less than half of A
 * is covered or one has no contrast. Leaves rest alone. */
double bal_lay(const bal_plane *a, const bal_plane *b, const bal_pose *pose, bal_laid *out);
/* rest = A - (gain B + offset) */
void bal_rest(const bal_plane *a, bal_laid *laid);
/* The exact comparison: fills structure and detail of out, and the gain. */
bool bal_judge(const bal_template *a, const bal_plane *b, const bal_pose *pose, double *gain,
               bal_match *out);

float bal_dot(const float *a, const float *b, int count);
/* The n x n matrix (lower half) becomes its Cholesky factor; false: not positive definite. */
bool bal_cholesky(double *matrix, int n);
void bal_cholesky_solve(const double *factor, double *right, int n);

#endif
