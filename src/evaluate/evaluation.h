/* The inside of an evaluation. Its parts, one file each, in the order of the work:
 *   item_scores.c  one pass over the scores: a small record per item, ordered by class
 *   tally.c        sums over items -> the metrics that need nothing else
 *   curves.c       AUROC, average precision, class-wise calibration: a sort per class
 *   class_groups.c head, middle, tail
 *   item_groups.c  groups of items
 *   bootstrap.c    the same tally over resampled items */
#ifndef BAL_EVALUATION_H
#define BAL_EVALUATION_H

#include "ballast/evaluate.h"

#include "base/context.h"
#include "base/threads.h"

enum { BAL_CALIBRATION_BINS = 15, BAL_TOP = 5 };

/* All that metrics of an item need. */
typedef struct bal_item_score {
    double loss;  /* -log p_y */
    double brier; /* sum_c (p_c - [c = y])^2 */
    double gap;   /* largest probability minus [right] */
    int32_t predicted;
    int32_t bin; /* of the largest probability */
} bal_item_score;

/* Logits become probabilities again by exp(z - max) / sum. */
typedef struct bal_item_norm {
    double max, sum;
} bal_item_norm;

/* Sums over a set of items (all of them, or a resample). */
typedef struct bal_tally {
    const int64_t *support; /* C: items of the class */
    int64_t *predicted;     /* C: items predicted as the class */
    int64_t *right;         /* C: items of the class predicted as it */
    double loss, brier;
    double gaps[BAL_CALIBRATION_BINS];
} bal_tally;

struct bal_evaluation {
    bal_ctx *ctx;
    int classes;
    int64_t items;
    char **names;
    bal_class_metrics *per_class;
    int64_t *confusion; /* C x C, row: truth */
    double values[BAL_METRIC_COUNT];
    int covered[BAL_METRIC_COUNT];
    bal_interval intervals[BAL_METRIC_COUNT];
    bal_group_metrics groups[BAL_GROUP_COUNT];
    int item_group_count;
    char **item_group_names;
    bal_item_group_metrics *item_groups;
    bal_fairness fairness;
};

/* Items of a class in a group of items. */
typedef struct bal_group_cell {
    int64_t items, right;
} bal_group_cell;

/* What only the computation needs. */
typedef struct bal_evaluation_work {
    const bal_evaluation_settings *settings;
    bal_evaluation *e;
    bal_pool *pool;
    int64_t *support;       /* C */
    int64_t *first;         /* C + 1: where each class starts in scores */
    bal_item_score *scores; /* items, ordered by class */
    bal_item_norm *norms;   /* items, in the caller's order; unused for probabilities */
    double *row;            /* C */
    double top5;            /* items with the label among the five largest */
    bal_tally tally;
    bal_group_cell *cells; /* item groups x C; NULL: none */
    signed char *group_of; /* C: BAL_GROUP_..., -1: none */
} bal_evaluation_work;

/* Bin of a probability: (b/15, (b+1)/15], 0 belongs to the first. */
int bal_calibration_bin(double p);

BAL_MUST_CHECK bal_status bal_score_items(bal_evaluation_work *w);

/* Writes the metrics with an interval column to values (the others are left alone). */
void bal_tally_metrics(const bal_tally *tally, int classes, int64_t items, double *values);
/* Mean recall over the classes of each group that are present; NaN when none. */
void bal_tally_groups(const bal_tally *tally, int classes, const signed char *group_of,
                      double *recalls);

BAL_MUST_CHECK bal_status bal_class_curves(bal_evaluation_work *w);
BAL_MUST_CHECK bal_status bal_class_groups(bal_evaluation_work *w);
/* Groups of items: checked, each item counted, and then what they say. */
BAL_MUST_CHECK bal_status bal_item_groups_open(bal_evaluation_work *w);
void bal_item_groups_count(bal_evaluation_work *w, int64_t i, int label, int predicted);
void bal_item_groups_finish(bal_evaluation_work *w);
BAL_MUST_CHECK bal_status bal_bootstrap(bal_evaluation_work *w);

#endif
