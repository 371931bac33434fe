/* Finds the pictures whose perceptual hashes are near, without comparing all with all.
 *
 * Multi-index hashing (Norouzi, Punjani and Fleet 2012): the hash is cut into bands, each with
 * a table from its value to the items that have it. Two hashes at distance r or less have a band
 * where they differ by few bits (the limits, each plus one, add up to r + 1), so looking up all
 * values that near finds every item. A picture asks with its three hashes, the table holds that of
 * the whole: so a crop is found from what it was cut from. */
#ifndef BAL_NEAR_INDEX_H
#define BAL_NEAR_INDEX_H

#include "audit/scan/look.h"

#define BAL_NEAR_LARGEST 16       /* distance that can be asked for */
#define BAL_NEAR_VISITS (1 << 15) /* entries of tables that one query looks at, at most */
#define BAL_NEAR_HITS 8           /* that one query returns, at most */

typedef struct bal_near_index bal_near_index;

/* What a query found: the smallest distance of any of the query's hashes from the item's first, and
 * the largest cosine of the query's sketches with the item's. */
typedef struct bal_near_hit {
    uint32_t item;
    int distance;
    float cosine;
} bal_near_hit;

typedef struct bal_near_index_settings {
    const bal_look *looks; /* borrowed by the index */
    const uint8_t *wanted; /* 1: the item takes part; borrowed while opening */
    int64_t count;         /* of items, below 2^32 */
    int distance;          /* 0..BAL_NEAR_LARGEST */
    float least_cosine;    /* of hits */
} bal_near_index_settings;

/* 72 bytes for each item at most, and 1 MiB. Fails with BAL_NO_MEMORY. */
BAL_MUST_CHECK bal_status bal_near_index_open(bal_near_index **out, bal_ctx *ctx,
                                              const bal_near_index_settings *settings);
void bal_near_index_close(bal_near_index **index);

/* Memory of a thread that queries: a bit for each item. */
typedef struct bal_near_room {
    uint64_t *seen;
    uint32_t *visited; /* BAL_NEAR_VISITS */
} bal_near_room;
BAL_MUST_CHECK bal_status bal_near_room_open(const bal_near_index *index, bal_near_room *room);
void bal_near_room_free(const bal_near_index *index, bal_near_room *room);

/* Writes the hits with the largest cosines, at most BAL_NEAR_HITS, best first (equal ones by item);
 * returns how many. *cut becomes true when BAL_NEAR_VISITS ended the search: it goes from what is
 * nearest outwards, and from the query's own place in a crowded list, so what is lost is far, or
 * one of thousands that look the same. The result depends on the index and the item alone. */
int bal_near_query(const bal_near_index *index, uint32_t item, bal_near_room *room,
                   bal_near_hit *hits, bool *cut);

#endif
