/* Rank correlation. */
#ifndef BAL_CORRELATION_H
#define BAL_CORRELATION_H

#include "base/context.h"

/* ranks receives the rank of each of count values, 1 for the lowest; equal values get the mean of
 * their ranks. The values must not be NaN. */
BAL_MUST_CHECK bal_status bal_ranks(bal_ctx *ctx, const double *values, int64_t count,
                                    double *ranks);
/* Spearman's rank correlation (1904) of count pairs, ties by mean ranks: Pearson's correlation of
 * the ranks. NaN for fewer than two pairs, or where all values of x or of y are equal. */
BAL_MUST_CHECK bal_status bal_spearman(bal_ctx *ctx, const double *x, const double *y,
                                       int64_t count, double *rho);

#endif
