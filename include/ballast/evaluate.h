/* ballast/evaluate.h: metrics on arrays, with intervals. Definitions follow scikit-learn.
 *
 * Undefined values are NaN (null in JSON, n/a in text), never 0, and averages say how many classes
 * they cover. A class is present when it has at least one item.
 */
#ifndef BALLAST_EVALUATE_H
#define BALLAST_EVALUATE_H

#include "ballast/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bal_interval {
    double low, high; /* NaN, NaN where undefined or not asked for */
} bal_interval;

typedef struct bal_class_metrics {
    int64_t support;   /* items of the class */
    int64_t predicted; /* items predicted as the class */
    double precision;  /* NaN when nothing is predicted as it */
    double recall;     /* NaN when absent */
    double f1;         /* 2TP / (2TP + FP + FN); NaN when absent and never predicted */
    double auroc;      /* one against the rest, ties count 1/2; NaN when absent or alone */
    double average_precision;
    double loss;                  /* mean -log p_y over the items of the class; NaN when absent */
    bal_interval recall_interval; /* Wilson 95 % */
} bal_class_metrics;

/* The single numbers of a report, one row each: field, JSON key, text, bootstrap interval wanted.
 */
#define BAL_METRIC_LIST(X)                                                                    \
    X(accuracy, "accuracy", "share of the items that are right", 1)                           \
    X(balanced_accuracy, "balanced_accuracy", "mean recall over the classes present", 1)      \
    X(macro_precision, "macro_precision", "mean precision; 0 where nothing was predicted", 1) \
    X(macro_recall, "macro_recall", "mean recall over labels present or predicted", 1)        \
    X(macro_f1, "macro_f1", "mean F1 over labels present or predicted", 1)                    \
    X(weighted_f1, "weighted_f1", "F1 weighted by support", 1)                                \
    X(mcc, "mcc", "Matthews correlation, R_K; 0 where the denominator is 0", 1)               \
    X(kappa, "kappa", "Cohen's kappa", 1)                                                     \
    X(gmean, "gmean", "geometric mean of the recalls of the classes present", 1)              \
    X(auroc_macro, "auroc_macro", "mean AUROC over the classes where it is defined", 0)       \
    X(average_precision_macro, "average_precision_macro", "mean average precision", 0)        \
    X(top5_accuracy, "top5_accuracy", "label among the five largest scores", 0)               \
    X(ece, "ece", "expected calibration error, 15 bins of the largest probability", 1)        \
    X(classwise_ece, "classwise_ece", "mean over classes of the calibration error of p_c", 0) \
    X(nll, "nll", "mean negative log-likelihood", 1)                                          \
    X(brier, "brier", "mean over items of the sum over classes of squared error", 1)          \
    X(worst_class_recall, "worst_class_recall", "smallest recall of a class present", 1)      \
    X(class_recall_gap, "class_recall_gap", "largest minus smallest recall of a class", 1)    \
    X(group_recall_gap, "group_recall_gap", "the same of groups of classes by frequency", 0)

typedef enum bal_metric {
#define BAL_METRIC_ENUM(field, key, text, interval) BAL_METRIC_##field,
    BAL_METRIC_LIST(BAL_METRIC_ENUM)
#undef BAL_METRIC_ENUM
        BAL_METRIC_COUNT
} bal_metric;
BAL_API const char *bal_metric_key(bal_metric metric);
BAL_API const char *bal_metric_about(bal_metric metric);
/* BAL_METRIC_COUNT for an unknown name. */
BAL_API bal_metric bal_metric_find(const char *key);
/* True where smaller is better (ece, nll, brier, ...). */
BAL_API bool bal_metric_is_loss(bal_metric metric);

/* Head, middle, tail by training counts: many > 100, medium 20..100, few < 20; thirds by frequency
 * where that leaves a group empty (thirds is then true). */
enum { BAL_GROUP_MANY, BAL_GROUP_MEDIUM, BAL_GROUP_FEW, BAL_GROUP_COUNT };
typedef struct bal_group_metrics {
    const char *name; /* "many", "medium", "few" or "head", "middle", "tail" */
    int classes;
    double recall; /* mean over the group's classes present; NaN when none */
    bal_interval interval;
} bal_group_metrics;

/* Groups of items (a site, a device, a patient), where the caller says which item is of which. */
typedef struct bal_item_group_metrics {
    const char *name;
    int64_t items;                  /* of the group in what was measured; 0: all else is NaN */
    int classes;                    /* that have items in the group */
    double accuracy;                /* share of its items that are right */
    double recall;                  /* mean over those classes; groups may have different ones */
    bal_interval accuracy_interval; /* Wilson */
} bal_item_group_metrics;
/* What stands out among them. Groups and cells (a class in a group) with fewer items than
 * item_group_least are left out, for their recall says nothing. */
typedef struct bal_fairness {
    int worst_group, best_group; /* by recall; -1: none has enough items */
    double gap;                  /* recall of the best minus that of the worst */
    int cell_group, cell_class;  /* the cell with the smallest recall; -1: none */
    int64_t cell_items;
    double cell_recall;
    bal_interval cell_interval;    /* Wilson */
    int small_groups, small_cells; /* left out */
} bal_fairness;

typedef struct bal_evaluation bal_evaluation;
/* What is done to scores before they are measured: calibrate.h. */
typedef struct bal_calibration bal_calibration;

typedef struct bal_evaluation_settings {
    int classes;
    int64_t items;
    const float *scores; /* items x classes: logits, or probabilities */
    bool scores_are_probabilities;
    const bal_calibration *calibration; /* or NULL; borrowed during the call. Its offsets decide the
                                           prediction, and ece then is of the probability of the
                                           class that is predicted, not of the largest */
    const int32_t *labels;              /* items, 0..classes-1 */
    const int64_t *train_counts;        /* per class, for the groups; or NULL: groups are n/a */
    const char *const *class_names;     /* or NULL: "0", "1", ... */
    const int32_t *item_groups;         /* items: group of each from 0, -1: none; or NULL */
    int item_group_count;               /* numbers go to below this */
    const char *const *item_group_names; /* or NULL: "0", "1", ... */
    int64_t item_group_least;            /* see bal_fairness; at least 1, default 10 */
    int bootstrap;     /* draws of the stratified bootstrap; 0: none; default 2000 */
    double confidence; /* default 0.95 */
    uint64_t seed;
} bal_evaluation_settings;
BAL_API bal_evaluation_settings bal_evaluation_defaults(void);

/* Computes everything. All arrays are borrowed during the call. Fails with BAL_BAD_ARG (sizes,
 * label out of range), BAL_BAD_DATA (a score that is NaN or infinite: the row and column are
 * named), BAL_MISMATCH (a calibration of another number of classes). */
BAL_API BAL_MUST_CHECK bal_status bal_evaluate(bal_evaluation **out, bal_ctx *ctx,
                                               const bal_evaluation_settings *settings);
BAL_API void bal_evaluation_close(bal_evaluation **evaluation);
BAL_API double bal_evaluation_metric(const bal_evaluation *e, bal_metric metric);
/* Over how many classes a macro average went (0 for metrics that are not averages over classes). */
BAL_API int bal_evaluation_covered(const bal_evaluation *e, bal_metric metric);
BAL_API bal_interval bal_evaluation_interval(const bal_evaluation *e, bal_metric metric);
BAL_API int bal_evaluation_classes(const bal_evaluation *e);
BAL_API int64_t bal_evaluation_items(const bal_evaluation *e);
BAL_API const char *bal_evaluation_class_name(const bal_evaluation *e, int c);
BAL_API const bal_class_metrics *bal_evaluation_class(const bal_evaluation *e, int c);
BAL_API const bal_group_metrics *bal_evaluation_group(const bal_evaluation *e, int group);
/* 0 where the evaluation knows no groups of items. */
BAL_API int bal_evaluation_item_groups(const bal_evaluation *e);
BAL_API const bal_item_group_metrics *bal_evaluation_item_group(const bal_evaluation *e, int group);
/* NULL where the evaluation knows no groups of items. */
BAL_API const bal_fairness *bal_evaluation_fairness(const bal_evaluation *e);
/* Items of class `truth` predicted as `predicted`. */
BAL_API int64_t bal_evaluation_confusion(const bal_evaluation *e, int truth, int predicted);
/* JSON text with the keys of BAL_METRIC_LIST, items, per_class, groups, ci, confusion, and
 * item_groups and fairness where items have groups; new, release with bal_release. */
BAL_API BAL_MUST_CHECK bal_status bal_evaluation_json(const bal_evaluation *e, bal_ctx *ctx,
                                                      char **text);

#ifdef __cplusplus
}
#endif
#endif
