/* See scaled_rows.h. The bounds are those of Higham, Accuracy and Stability of Numerical
 * Algorithms, section 3.1: a sum of n products in any order is off by at most
 * n u / (1 - n u) times the sum of the magnitudes, u = 2^-24. */
#include "numeric/neighbours/scaled_rows.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define SAMPLE 15
#define TOP_EXPONENT 50 /* no scaled value is above 2^50: squares of 2^22 of them stay finite */
#define U 0x1p-24

BAL_WIDE static void order_two(float *restrict low, float *restrict high, int64_t columns)
{
    for (int64_t c = 0; c < columns; c++) {
        const float a = low[c], b = high[c];
        const float less = a < b ? a : b, more = a < b ? b : a;
        low[c] = less;
        high[c] = more;
    }
}

/* Puts every column into ascending order: neighbours trade places in turns (odd-even
 * transposition), many columns side by side in vector registers. */
static void sort_columns(float *values, int64_t count, int64_t columns)
{
    for (int64_t turn = 0; turn < count; turn++)
        for (int64_t i = turn % 2; i + 1 < count; i += 2)
            order_two(values + i * columns, values + (i + 1) * columns, columns);
}

static bal_status find_centre(bal_scaling *s, bal_ctx *ctx, const bal_rows *rows,
                              const int64_t *which, int64_t count)
{
    const int64_t all = which ? count : rows->rows, some = all < SAMPLE ? all : SAMPLE;
    const size_t columns = (size_t)rows->columns, bytes = columns * sizeof *s->centre;
    s->centre = bal_calloc(ctx, columns, sizeof *s->centre);
    float *sample = bal_calloc(ctx, (size_t)some, bytes);
    if (!s->centre || !sample) {
        bal_free(ctx, sample);
        bal_scaling_close(ctx, s);
        return BAL_NO_MEMORY;
    }
    for (int64_t i = 0; i < some; i++) {
        const int64_t row = which ? which[i * all / some] : i * all / some;
        memcpy(sample + i * rows->columns, rows->values + row * rows->columns, bytes);
    }
    sort_columns(sample, some, rows->columns);
    memcpy(s->centre, sample + (some - 1) / 2 * rows->columns, bytes);
    bal_free(ctx, sample);
    return BAL_OK;
}

bal_status bal_scaling_open(bal_scaling *out, bal_ctx *ctx, const bal_rows *rows,
                            const int64_t *which, int64_t count, bal_distance distance,
                            float largest)
{
    *out = (bal_scaling){.distance = distance, .columns = rows->columns, .scale = 1.0};
    if (distance == BAL_COSINE)
        return BAL_OK;
    if (largest > 0.0F) {
        int exponent;
        frexp(2.0 * (double)largest, &exponent); /* bounds |x - centre| */
        out->scale = ldexp(1.0, TOP_EXPONENT - exponent);
    }
    return find_centre(out, ctx, rows, which, count);
}

void bal_scaling_close(bal_ctx *ctx, bal_scaling *scaling)
{
    bal_free(ctx, scaling->centre);
    *scaling = (bal_scaling){0};
}

BAL_WIDE static void centre_row(const bal_scaling *s, const float *x, float *y)
{
    const float *centre = s->centre;
    const double scale = s->scale;
    int64_t c = 0;
    for (; c + 8 <= s->columns; c += 8)
        for (int l = 0; l < 8; l++)
            y[c + l] = (float)(((double)x[c + l] - (double)centre[c + l]) * scale);
    for (; c < s->columns; c++)
        y[c] = (float)(((double)x[c] - (double)centre[c]) * scale);
}

void bal_scale_row(const bal_scaling *s, const bal_rows *rows, int64_t row,
                   const bal_scaled_rows *out, int64_t at)
{
    const float *x = rows->values + row * rows->columns;
    float *y = out->values + at * rows->columns;
    if (s->distance == BAL_COSINE) {
        const double square = bal_rows_square(x, rows->columns);
        const double inverse = square > 0.0 ? 1.0 / sqrt(square) : 0.0;
        for (int64_t c = 0; c < rows->columns; c++)
            y[c] = (float)((double)x[c] * inverse);
        out->half[at] = 0.0F;
        out->radius[at] = 1.0F;
        return;
    }
    centre_row(s, x, y);
    const double square = bal_rows_square(y, rows->columns);
    out->half[at] = (float)(0.5 * square);
    out->radius[at] = nextafterf((float)sqrt(square), FLT_MAX);
}

/* With r and q the radii of the two rows, n columns, g = n u / (1 - n u), n u <= 1/4:
 *   the product is off by at most        g r q
 *   half, rounded to float, by           0.51 u q^2
 *   the subtraction by                   1.4 u r q + 0.51 u q^2
 *   the rows, rounded to float, are apart by d' with |d' - scale d| <= u (r + q), so that half the
 *   squares differ by at most            1.01 u (r + q)^2, and twice that leaves room for columns
 *                                        that underflow
 * which is at most (g + 6 u) r q + 4 u q^2 + 3 u r^2. Products that underflow add less than
 * 2^-126 each. The slack of 0.9 u r q and more also covers the rounding of the distances in double,
 * n 2^-53 of r^2 + q^2. For cosine r = q = 1 and half is 0. */
double bal_score_margin(const bal_scaling *s, double r, double most)
{
    const double n = (double)s->columns, g = n * U / (1.0 - n * U);
    return (g + 6.0 * U) * r * most + 4.0 * U * most * most + 3.0 * U * r * r +
           (n + 8.0) * 0x1p-126;
}

double bal_score_at(const bal_scaling *s, float half, double distance)
{
    if (s->distance == BAL_COSINE)
        return 1.0 - distance - 8.0 * U;
    const double square = s->scale * distance * (s->scale * distance);
    const double rounding = ((double)s->columns + 8.0) * 0x1p-51 * square + 2.0 * U * (double)half;
    return (double)half - 0.5 * square - rounding;
}
