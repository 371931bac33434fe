/* Exact k nearest neighbours.
 *
 * Single-precision matrix products find the rows that can be among the nearest; an error bound of
 * the product decides which can, so no neighbour is lost. The distances of those rows are then
 * computed in double (rows.h). So duplicates, offsets and huge values are right, and the result is
 * the same bits for every number of threads and every amount of memory. */
#ifndef BAL_NEIGHBOURS_H
#define BAL_NEIGHBOURS_H

#include "numeric/rows.h"

typedef enum bal_distance {
    BAL_EUCLIDEAN,
    BAL_COSINE /* 1 - cos; a row of zeros is at 1 from every other row */
} bal_distance;

typedef struct bal_neighbours_settings {
    bal_rows points;
    const int64_t *point_rows; /* which rows of the points, ascending; NULL: all */
    int64_t point_count;       /* of point_rows */
    bal_rows queries; /* values NULL: rows of the points' matrix, and none is then a neighbour of
                         itself (another row at distance 0 is) */
    const int64_t *query_rows; /* which rows are queries; NULL: all. The array point_rows itself,
                                  and as many: half of the work is done, if memory allows */
    int64_t query_count;       /* of query_rows */
    int64_t k; /* 1..the number of points, less one where a query can be one of them */
    bal_distance distance;
    size_t memory; /* bytes of work space, 0: 256 MiB. With less than it takes to keep the points
                      and 400 + 32 k bytes a query, the work is done in parts, and below 1 MiB or so
                      a thread the least that works is taken */
    bal_rows_progress *progress; /* or NULL */
    void *user;
} bal_neighbours_settings;

/* index (row numbers of the points' matrix) and distance (may be NULL) receive queries x k numbers,
 * a query's neighbours in ascending order of (distance, index): where distances are equal the
 * lowest row numbers are the neighbours. Rows that are in no list are not looked at.
 * Uses the context's threads. Fails with BAL_BAD_ARG for k, columns that differ, or values that are
 * not finite (row and column named), and with BAL_INTERRUPTED. */
BAL_MUST_CHECK bal_status bal_neighbours(bal_ctx *ctx, const bal_neighbours_settings *settings,
                                         int64_t *index, double *distance);

#endif
