/* See quantile.h. */
#include "numeric/statistics/quantile.h"

#include <math.h>
#include <stdlib.h>

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void bal_sort_doubles(double *values, int64_t count)
{
    if (count > 1)
        qsort(values, (size_t)count, sizeof *values, ascending);
}

double bal_quantile_sorted(const double *sorted, int64_t count, double q)
{
    if (count < 1)
        return NAN;
    const double at = q * (double)(count - 1);
    const int64_t below = (int64_t)floor(at);
    if (below >= count - 1)
        return sorted[count - 1];
    return sorted[below] + (at - (double)below) * (sorted[below + 1] - sorted[below]);
}

double bal_median(double *values, int64_t count)
{
    bal_sort_doubles(values, count);
    return bal_quantile_sorted(values, count, 0.5);
}
