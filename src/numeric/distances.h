/* Distances between all pairs of rows, block after block, for sums over pairs (silhouette, means
 * between classes) that no matrix of all pairs fits in memory for. */
#ifndef BAL_DISTANCES_H
#define BAL_DISTANCES_H

#include "numeric/rows.h"

/* One block: rows row..row+rows-1 of a against rows column..column+columns-1 of b. */
typedef struct bal_distance_block {
    int64_t row, rows, column, columns;
    const double *values; /* Euclidean distances, rows x columns; valid during the call only */
} bal_distance_block;

/* Called from worker threads, worker in 0..bal_ctx_threads-1. All blocks of a row of a are handed
 * out by one worker, one after the other, with ascending column: sums that are kept for each row of
 * a need no lock and are the same bits for every number of threads. Blocks with other rows may
 * run at the same time. */
typedef void bal_distance_visit(void *user, const bal_distance_block *block, int worker);

typedef struct bal_distances_settings {
    bal_rows a;
    bal_rows b; /* values NULL: a; the distance of a row to itself is then exactly 0 */
    bal_distance_visit *visit;
    bal_rows_progress *progress; /* or NULL */
    void *user;                  /* of visit and progress */
} bal_distances_settings;

/* Visits all of a against all of b. The distances come from double-precision products of rows from
 * which a centre was subtracted, and from differences (rows.h) where the product has lost digits:
 * the relative error is below 1e-9 for every pair, and rows that are equal are at 0. They do not
 * depend on threads. A thread takes 1 MiB and up to 6 KiB a column of work space. Fails with
 * BAL_BAD_ARG (see rows.h) and BAL_INTERRUPTED. */
BAL_MUST_CHECK bal_status bal_distances(bal_ctx *ctx, const bal_distances_settings *settings);

#endif
