/* Thumbs of some items of a data set, decoded by all threads when they are needed. */
#ifndef BAL_NEAR_THUMBS_H
#define BAL_NEAR_THUMBS_H

#include "audit/scan/near_match.h"
#include "audit/scan/scan_parts.h"

/* So many are in memory at most (150 MB of them). */
#define BAL_THUMBS ((int64_t)1 << 17)

typedef struct bal_thumbs {
    const bal_scan_work *work;
    bal_small_room *rooms; /* one a thread */
    int32_t *slot_of;      /* one an item; -1: it has no thumb */
    int64_t *owners;       /* one a slot */
    bal_thumb *thumbs;
    int64_t count, room; /* slots that are taken; that there is memory for */
    int64_t ready;       /* the first so many are decoded */
    int64_t decoded;     /* in all */
    atomic_bool stop, no_memory;
} bal_thumbs;

/* The work is borrowed. Fails with BAL_NO_MEMORY; bal_thumbs_free accepts what was made. */
BAL_MUST_CHECK bal_status bal_thumbs_start(bal_thumbs *thumbs, const bal_scan_work *work);
void bal_thumbs_free(bal_thumbs *thumbs);
/* Makes a place for an item, if it has none. Fails with BAL_NO_MEMORY. */
BAL_MUST_CHECK bal_status bal_thumbs_want(bal_thumbs *thumbs, int64_t item);
/* Decodes those that are wanted and not yet there. Fails with BAL_NO_MEMORY and BAL_INTERRUPTED; an
 * item that cannot be read any more has a thumb of width 0. */
BAL_MUST_CHECK bal_status bal_thumbs_decode(bal_thumbs *thumbs);
const bal_thumb *bal_thumbs_at(const bal_thumbs *thumbs, int64_t item);
/* Forgets them all. */
void bal_thumbs_clear(bal_thumbs *thumbs);

#endif
