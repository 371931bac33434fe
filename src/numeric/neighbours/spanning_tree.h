/* The minimum spanning tree of rows under Euclidean distance, exact. */
#ifndef BAL_SPANNING_TREE_H
#define BAL_SPANNING_TREE_H

#include "numeric/rows.h"

typedef struct bal_edge {
    int64_t from, to; /* from < to */
    double distance;  /* bal_rows_euclidean */
} bal_edge;

typedef struct bal_spanning_tree_settings {
    bal_rows rows;
    size_t memory; /* bytes of work space, 0: 256 MiB, as in neighbours.h; 300 a row come on top */
    bal_rows_progress *progress; /* or NULL; counts edges */
    void *user;
} bal_spanning_tree_settings;

/* edges receives rows - 1 edges in ascending order of (distance, from, to). Edges of equal length
 * are taken in that order too, as Kruskal's algorithm would, so the tree is unique. (Boruvka 1926,
 * started from a graph of nearest neighbours.) One row has no edges. Fails as bal_neighbours. */
BAL_MUST_CHECK bal_status bal_spanning_tree(bal_ctx *ctx,
                                            const bal_spanning_tree_settings *settings,
                                            bal_edge *edges);

#endif
