/* The inside of the difficulty. Its parts, one file each:
 *   hardness.c             checks, reduction, order of the work, what is freed
 *   hardness_neighbours.c  kDN, N3, types of examples
 *   hardness_overlap.c     which classes the neighbours belong to
 *   hardness_tree.c        N1
 *   hardness_fisher.c      Fisher's ratios
 *   hardness_silhouette.c  silhouette widths
 *   hardness_diversity.c   variety within a class
 */
#ifndef BAL_HARDNESS_PARTS_H
#define BAL_HARDNESS_PARTS_H

#include "audit/audit_parts.h"
#include "numeric/rows.h"

enum { BAL_TYPE_NEIGHBOURS = 5 };

/* What the parts read and where they write. */
typedef struct bal_hardness_work {
    bal_ctx *ctx;
    const bal_hardness_settings *settings;
    bal_rows given; /* the rows as they came */
    bal_rows rows;  /* and reduced: what distances are measured on */
    const int32_t *labels;
    int classes;
    int64_t *first;    /* classes + 1: where each class begins in by_class */
    int64_t *by_class; /* rows, class by class, ascending within a class */
    int64_t near;      /* neighbours that were searched, at least k and BAL_TYPE_NEIGHBOURS, at most
                          rows - 1 */
    int64_t *nearest;  /* rows x near */
    double *mean;      /* classes x columns: of each class; from hardness_fisher.c */
    double *within;    /* classes x columns: sums of squares about them */
    bal_audit_item_difficulty *each;
    bal_audit_class_difficulty *class_of;
    bal_audit_difficulty *out;
} bal_hardness_work;

static inline int64_t bal_class_items(const bal_hardness_work *w, int c)
{
    return w->first[c + 1] - w->first[c];
}

/* The progress of one part, for the functions of numeric: user of bal_hardness_step. */
typedef struct bal_hardness_part {
    const bal_hardness_settings *settings;
    const char *what;
} bal_hardness_part;
bal_rows_progress bal_hardness_step;

BAL_MUST_CHECK bal_status bal_measure_neighbours(bal_hardness_work *w);
BAL_MUST_CHECK bal_status bal_measure_overlaps(bal_hardness_work *w);
BAL_MUST_CHECK bal_status bal_measure_tree(bal_hardness_work *w);
BAL_MUST_CHECK bal_status bal_measure_fisher(bal_hardness_work *w);
/* The ratio of two classes alone; needs bal_measure_fisher before it. */
double bal_fisher_of_pair(const bal_hardness_work *w, int a, int b);
BAL_MUST_CHECK bal_status bal_measure_silhouette(bal_hardness_work *w);
BAL_MUST_CHECK bal_status bal_measure_diversity(bal_hardness_work *w);

/* All measures on all rows of the settings, whose limits were checked; bal_hardness_free frees the
 * arrays, also of a half-filled struct. */
BAL_MUST_CHECK bal_status bal_measure_hardness(bal_ctx *ctx, const bal_hardness_settings *settings,
                                               bal_audit_difficulty *out);

#endif
