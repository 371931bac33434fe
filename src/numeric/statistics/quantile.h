/* Quantiles of a sample. */
#ifndef BAL_QUANTILE_H
#define BAL_QUANTILE_H

#include <stdint.h>

/* Sorts ascending; the values must not be NaN. */
void bal_sort_doubles(double *values, int64_t count);
/* The q-quantile, 0 <= q <= 1, of count >= 1 ascending values, with linear interpolation between
 * the order statistics (Hyndman and Fan's type 7, which NumPy and R use). NaN for count 0. */
double bal_quantile_sorted(const double *sorted, int64_t count, double q);

/* Sorts the values and returns their median. */
double bal_median(double *values, int64_t count);

#endif
