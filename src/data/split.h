/* Which items a data set has: the cut to a long tail, and the validation split. */
#ifndef BAL_DATA_SPLIT_H
#define BAL_DATA_SPLIT_H

#include "data/source.h"

/* Keeps out[c] = bal_longtail_counts() images of every class of the training split; keep[i] becomes
 * 0 for the others. Members are the first of the class's shuffle by (seed, class), so that a
 * steeper tail is a subset of a flatter one. */
bal_status bal_split_longtail(bal_ctx *ctx, const bal_source *source, const char *spec,
                              uint64_t seed, uint8_t *keep);

/* Moves a share of every class from the training split into the validation split: n * fraction
 * rounded to the nearest, at least one and at most n - 1 where the class has two or more, none
 * where it has one. splits may be the source's own. */
bal_status bal_split_validation(bal_ctx *ctx, const bal_source *source, const uint8_t *keep,
                                double fraction, uint64_t seed);

#endif
