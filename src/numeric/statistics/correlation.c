/* See correlation.h. */
#include "numeric/statistics/correlation.h"

#include <math.h>
#include <stdlib.h>

typedef struct ranked {
    double value;
    int64_t place;
} ranked;

static int ascending(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    return (x->value > y->value) - (x->value < y->value);
}

bal_status bal_ranks(bal_ctx *ctx, const double *values, int64_t count, double *ranks)
{
    ranked *order = bal_calloc(ctx, (size_t)count, sizeof *order);
    if (!order)
        return BAL_NO_MEMORY;
    for (int64_t i = 0; i < count; i++)
        order[i] = (ranked){values[i], i};
    qsort(order, (size_t)count, sizeof *order, ascending);
    for (int64_t first = 0, end; first < count; first = end) {
        for (end = first + 1; end < count && order[end].value == order[first].value; end++)
            continue;
        for (int64_t i = first; i < end; i++) /* the mean of first + 1 .. end */
            ranks[order[i].place] = 0.5 * (double)(first + 1 + end);
    }
    bal_free(ctx, order);
    return BAL_OK;
}

/* Ranks are halves of whole numbers: their sums are exact up to 10^5 pairs or so, and equal ranks
 * give exactly 1. */
static double of_ranks(const double *x, const double *y, int64_t count)
{
    const double mean = 0.5 * (double)(count + 1);
    double xx = 0.0, yy = 0.0, xy = 0.0;
    for (int64_t i = 0; i < count; i++) {
        xx += (x[i] - mean) * (x[i] - mean);
        yy += (y[i] - mean) * (y[i] - mean);
        xy += (x[i] - mean) * (y[i] - mean);
    }
    return xx > 0.0 && yy > 0.0 ? xy / sqrt(xx * yy) : NAN;
}

bal_status bal_spearman(bal_ctx *ctx, const double *x, const double *y, int64_t count, double *rho)
{
    *rho = NAN;
    if (count < 2)
        return BAL_OK;
    double *ranks = bal_calloc(ctx, (size_t)count, 2 * sizeof *ranks);
    if (!ranks)
        return BAL_NO_MEMORY;
    bal_status status;
    BAL_GOTO(bal_ranks(ctx, x, count, ranks));
    BAL_GOTO(bal_ranks(ctx, y, count, ranks + count));
    *rho = of_ranks(ranks, ranks + count, count);
fail:
    bal_free(ctx, ranks);
    return status;
}
