/* Which items a data set has: the cut to a long tail, and the validation split. */
#ifndef BAL_DATA_SPLIT_H
#define BAL_DATA_SPLIT_H

#include "data/readers/source.h"

/* Keeps out[c] = bal_longtail_counts() images of every class of the training split; keep[i] becomes
 * 0 for the others. Members are the first of the class's shuffle by (seed, class), so that a
 * steeper tail is a subset of a flatter one. */
bal_status bal_split_longtail(bal_ctx *ctx, const bal_source *source, const char *spec,
                              uint64_t seed, uint8_t *keep);

/* n * fraction rounded to the nearest, at least one and at most n - 1 where n is two or more; else
 * 0.
 */
int64_t bal_validation_share(int64_t n, double fraction);

/* Moves a share of every class from the training split into the validation split: of n images
 * bal_validation_share(n). Where the source has groups, see below. */
bal_status bal_split_validation(bal_ctx *ctx, const bal_source *source, const uint8_t *keep,
                                double fraction, uint64_t seed);

/* The same for a source with groups: whole groups move, and items without one alone. The sum over
 * the classes of ((moved - bal_validation_share) / n)^2 is brought down greedily, from a draw by
 * the seed. A class keeps at least one training image, and gets a validation image wherever that
 * leaves one; of those that get none a warning tells. BAL_BAD_DATA: a share is wanted, but nothing
 * can move. */
bal_status bal_split_validation_groups(bal_ctx *ctx, const bal_source *source, const uint8_t *keep,
                                       double fraction, uint64_t seed);

#endif
