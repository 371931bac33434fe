/* What a scan remembers of each item, and the steps that look at it. */
#ifndef BAL_SCAN_PARTS_H
#define BAL_SCAN_PARTS_H

#include "audit/audit_parts.h"
#include "audit/scan/look.h"
#include "base/threads.h"

typedef struct bal_record {
    uint64_t hash[2];
    float mean[3], deviation[3]; /* of the channels, 0..255 */
    int32_t width, height;
    uint8_t channels; /* 0: could not be read */
    bool blank;
} bal_record;

/* A step after the decoding. Items that are blank or could not be read take no part in the search
 * for copies and in the comparison with their class. */
typedef struct bal_scan_work {
    bal_ctx *ctx;
    const bal_scan_ask *ask;
    bal_pool *pool;
    bal_ctx **workers;   /* a context for each thread of the pool */
    bal_record *records; /* one an item, as all that follow */
    bal_look *looks;     /* NULL: near duplicates are not searched */
    uint8_t *splits;
    uint8_t *marks; /* BAL_MARK_... */
    bal_audit_cleanliness *out;
} bal_scan_work;

enum { BAL_MARK_LEAKED = 1, BAL_MARK_LEAKED_NEAR = 2, BAL_MARK_CONFLICT = 4 };

bool bal_scan_takes_part(const bal_scan_work *work, int64_t item);
/* Progress, where somebody listens. */
void bal_scan_tell(const bal_scan_work *work, const char *what, int64_t done, int64_t total);

/* Groups of equal hashes: copies, copied, and the marks that follow. */
BAL_MUST_CHECK bal_status bal_scan_copies(bal_scan_work *work);
/* The group that an item is the first of; NULL: the item has no copies. */
const bal_audit_copies *bal_scan_copies_of(const bal_audit_cleanliness *clean, int64_t first);
/* Near duplicates among the first items of groups and those without copies, and their marks. */
BAL_MUST_CHECK bal_status bal_scan_near(bal_scan_work *work);
/* Leaked, leaked_near and conflicting, from the marks. */
void bal_scan_count_marks(bal_scan_work *work);
/* Sizes, and those that are far from the others. */
BAL_MUST_CHECK bal_status bal_scan_sizes(bal_scan_work *work);
/* Brightness, contrast and colour against the item's class; the medians. */
BAL_MUST_CHECK bal_status bal_scan_outliers(bal_scan_work *work);

/* Is the picture one value everywhere, or very nearly? */
bool bal_is_blank(const bal_record *record, const bal_small *small);

#endif
