/* The inside of an audit: what its parts left, and what the rules made of it. */
#ifndef BAL_AUDIT_HANDLE_H
#define BAL_AUDIT_HANDLE_H

#include "audit/audit_parts.h"

struct bal_audit {
    bal_ctx *ctx;
    const bal_dataset *data;
    bal_audit_settings settings;
    bool asked[BAL_AUDIT_ADVICE]; /* which sections */
    double seconds[BAL_AUDIT_ADVICE];
    bal_audit_extent extent;
    bal_audit_class_extent *extent_of; /* extent.of */
    bal_scan scan;
    bal_audit_difficulty difficulty;
    int64_t *measured; /* difficulty.items */
    char *feature_name;
    bal_audit_finding *findings; /* severe first within a section */
    int finding_count;
    bal_audit_advice advice;
    bal_audit_reason *reasons; /* advice.reasons */
    char **texts;              /* of findings and reasons */
    int text_count;
    char *command; /* advice.command */
};

/* extent.c. The second fills e and of (one a class) from e->classes and the counts in e->items and
 * of[c].items, which are there already; everything else is 0. */
BAL_MUST_CHECK bal_status bal_audit_measure_extent(bal_audit *a);
BAL_MUST_CHECK bal_status bal_audit_measure_counts(bal_ctx *ctx, bal_audit_extent *e,
                                                   bal_audit_class_extent *of);
/* rules.c: findings and advice. */
BAL_MUST_CHECK bal_status bal_audit_apply_rules(bal_audit *a);
void bal_audit_free_rules(bal_audit *a);

#endif
