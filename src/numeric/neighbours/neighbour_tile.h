/* One block of queries against one block of points: product, scan, and what passes to the lists. */
#ifndef BAL_NEIGHBOUR_TILE_H
#define BAL_NEIGHBOUR_TILE_H

#include "numeric/neighbours/candidates.h"

#include <pthread.h>

#define BAL_TILE_CHUNK 64 /* blocks have a multiple of so many rows */
#define BAL_TILE_HITS 4096
#define BAL_TILE_GROUP 16 /* divides a chunk */

/* A part of the rows, scaled, in blocks of `edge`. Place p of the part is row rows[p] of the
 * caller's matrix, or first + p where rows is NULL. */
typedef struct bal_tile_side {
    bal_scaled_rows scaled;
    const int64_t *rows;
    int64_t first, count;
    float *most;     /* a block: the largest radius */
    int64_t *lowest; /* a block: the lowest row */
} bal_tile_side;

/* What all threads share. */
typedef struct bal_tile_work {
    const bal_scaling *scaling;
    int64_t edge;
    bal_tile_side queries, points;
    bool self;            /* the same matrix: a row is no neighbour of itself; points ascend */
    bool mirrors;         /* points are the queries: each product serves both of its rows */
    const int32_t *group; /* a row: rows of the same group are no neighbours, and each side has its
                             rows in the order of their groups; NULL: there are no groups */
    bal_candidates set;
    pthread_mutex_t *locks; /* a block of queries: its lists */
} bal_tile_work;

typedef struct bal_tile_hit {
    int32_t list, other; /* places in their blocks */
    float score;
} bal_tile_hit;

/* One side's view of a tile: the block whose lists get the hits, and the other one. */
typedef struct bal_tile_view {
    int64_t block, rows;
    const bal_tile_side *own, *other;
    int64_t other_block;
    float *limit;  /* edge: least product - half that can matter; infinite beyond the block */
    float *margin; /* edge */
    bal_tile_hit *hits;
    int64_t count;
} bal_tile_view;

/* What one thread has for itself. */
typedef struct bal_tile_space {
    float *product; /* edge x edge */
    float *half;    /* edge: of the points of the tile, infinite beyond the block */
    float *best;    /* edge / BAL_TILE_GROUP x edge: of groups of rows, for each column */
    unsigned char *found;
    double *scratch; /* bal_candidates_room or edge / BAL_TILE_GROUP, the larger */
    bal_tile_view views[2];
} bal_tile_space;

BAL_MUST_CHECK bal_status bal_tile_space_open(bal_tile_space *out, bal_ctx *ctx, int64_t edge,
                                              int64_t k);
void bal_tile_space_close(bal_ctx *ctx, bal_tile_space *space);

/* Offers every point of block j to every query of block i that it can be among the nearest of, and
 * with mirrors the other way round too; i <= j then. */
void bal_tile_run(bal_tile_work *work, bal_tile_space *space, int64_t i, int64_t j);

#endif
