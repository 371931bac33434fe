/* The parts of an audit and what they hand to each other. audit.c calls them in order:
 *
 *   bal_audit_measure_extent  counts and what follows from them
 *   bal_audit_scan            one decode of every item: cleanliness, and pixels for the difficulty
 *   bal_audit_hardness        the difficulty, on an array of features
 *   bal_audit_apply_rules     findings and advice from the three
 *
 * Each fills a public struct whose arrays it owns until the matching _free, which accepts a struct
 * of zeros and a half-filled one.
 */
#ifndef BAL_AUDIT_PARTS_H
#define BAL_AUDIT_PARTS_H

#include "ballast/audit.h"
#include "base/context.h"

/* Tells the caller of the audit how far a part is, at most ten times a second; call it from the
 * calling thread only, as often as it suits. */
typedef struct bal_audit_teller {
    const bal_audit_settings *settings;
    double last; /* clock of the last report */
} bal_audit_teller;
void bal_audit_tell(bal_audit_teller *teller, const char *what, int64_t done, int64_t total);

/* ---- scan (scan*.c) ---- */

#define BAL_SCAN_DISTANCE 10 /* a good near_distance: docs/methods/audit.md says why */

typedef struct bal_scan_ask {
    const bal_dataset *data;
    int64_t items; /* of all splits: they are numbered 0..items-1 */
    int classes;
    int near_distance;   /* -1: near duplicates are not searched */
    bool clean;          /* false: only the pixels below are wanted */
    const int64_t *kept; /* items whose reduced pixels are wanted, ascending; kept_count, 0: none */
    int64_t kept_count;
    int kept_channels; /* 1 or 3 */
    bal_audit_teller *teller;
} bal_scan_ask;

typedef struct bal_scan {
    bal_audit_cleanliness clean;
    /* kept_count x (BAL_AUDIT_PIXELS x BAL_AUDIT_PIXELS x kept_channels), HWC, values / 255: the
     * whole image squeezed to that square. A row that could not be read is 0, and says so: */
    float *pixels;
    uint8_t *readable; /* kept_count: 1 or 0 */
} bal_scan;

/* Decodes every item (or, without clean, the kept ones) once with all threads of the context. Fails
 * with BAL_NO_MEMORY or BAL_INTERRUPTED only: what cannot be read is a finding. */
BAL_MUST_CHECK bal_status bal_audit_scan(bal_ctx *ctx, const bal_scan_ask *ask, bal_scan *out);
void bal_scan_free(bal_ctx *ctx, bal_scan *scan);

/* ---- hardness (hardness*.c) ---- */

typedef struct bal_hardness_ask {
    const float *rows; /* count x dim, finite; borrowed */
    int64_t count;
    int dim;
    const int32_t *labels; /* count, 0..classes-1; classes without a row are allowed */
    int classes;
    int neighbours; /* k >= 1; used: at most count - 1 */
    int components; /* reduced by PCA to so many first, where dim is larger; 0: never */
    uint64_t seed;  /* of the draws of the diversity */
    int draws;      /* 0: none */
    bal_audit_teller *teller;
} bal_hardness_ask;

/* Fills all of out but features, of and items, which are the caller's. With less than two rows or
 * one class present the numbers are NaN. The results depend on nothing but the ask (not on
 * threads). Fails with BAL_NO_MEMORY, BAL_INTERRUPTED, BAL_BAD_DATA (a value that is not finite:
 * the row is named). */
BAL_MUST_CHECK bal_status bal_audit_hardness(bal_ctx *ctx, const bal_hardness_ask *ask,
                                             bal_audit_difficulty *out);
/* Frees the arrays that bal_audit_hardness made. */
void bal_hardness_free(bal_ctx *ctx, bal_audit_difficulty *difficulty);

#endif
