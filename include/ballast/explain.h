/* ballast/explain.h: what the decisions of a network rest on, class by class, measured on arrays:
 * the embedding that the head reads, labels, predictions, and the head's weights. So embeddings
 * that another program saved can be measured as well.
 *
 * The measures are those of Dablain, Jacobson, Bellinger, Roberts and Chawla ("Understanding CNN
 * fragility when learning with imbalanced data", Machine Learning 2023) and of their code for the
 * same quantities, with some beside them; docs/methods/explain has a page for each.
 *
 *   z      the feature embedding (FE) of an item: what the head reads, dim numbers
 *   W, b   the head: classes x dim and classes numbers; logits are W z + b. With a cosine head
 *          logits are scale * cos(w_j, z), and below z stands for z / |z|, W for scale * w_j /
 * |w_j| p      the predicted class CE     the classification embedding: z * w_p, product by
 * product; sum(CE) + b_p is the logit TP, FN items of a class that are predicted as the class, or
 * as another one m_c    mean CE over the TP of class c; T_c: its top-K, the indices of the K
 * largest entries of m_c, equal ones in the order of their index
 *
 * There are two sides, training and test, and either may be missing. All is computed in double. An
 * undefined value is NaN (n/a in text, null in JSON), never 0. Results do not depend on the number
 * of threads.
 */
#ifndef BALLAST_EXPLAIN_H
#define BALLAST_EXPLAIN_H

#include "ballast/base.h"
#include "ballast/evaluate.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- lists ---- */

/* Measures; each has a page in docs/methods/explain. */
typedef struct bal_measure_info {
    const char *name;    /* "number-needed" */
    const char *about;   /* one line */
    const char *formula; /* one line */
    const char *source;
    const char *range;
} bal_measure_info;
/* Measure i, NULL at the end. */
BAL_API const bal_measure_info *bal_measure_at(int i);

/* Which items of a class a figure is a mean over, so that a class without them has none. */
typedef enum bal_figure_over {
    BAL_OVER_ALL,   /* its items */
    BAL_OVER_RIGHT, /* its TP */
    BAL_OVER_WRONG, /* its FN */
    BAL_OVER_BOTH,  /* both sides: TP of the training side and of the test side */
    BAL_OVER_LACK   /* both sides: TP of the training side, FN of the test side */
} bal_figure_over;

/* One number a class and side: key, measure, items it is over, decimals in text, interval by the
 * bootstrap, measured again at a common size, one line. Figures of both sides stand on the test
 * side, and are NaN on the other. */
#define BAL_FIGURE_LIST(X)                                                                         \
    X(recall, "class-means", ALL, 3, 0, 0, "share of the items that are right (Wilson)")           \
    X(feature_norm, "norms", ALL, 3, 1, 0, "mean |z|, before any normalisation")                   \
    X(weight_norm, "norms", ALL, 3, 0, 0, "|w_c|, before any normalisation")                       \
    X(magnitude, "magnitude", RIGHT, 3, 1, 1, "mean of m_c over T_c")                              \
    X(peak, "magnitude", RIGHT, 3, 1, 1, "largest entry of m_c")                                   \
    X(magnitude_needed, "magnitude", RIGHT, 3, 1, 1,                                               \
      "mean over T_c of the CE among the TP that need the feature")                                \
    X(share, "share", RIGHT, 3, 1, 1, "sum of m_c over T_c, over the sum of m_c")                  \
    X(share_positive, "share", RIGHT, 3, 1, 1, "the same over the sum of the positive m_c")        \
    X(needed, "number-needed", RIGHT, 3, 1, 1, "mean number of features that a TP needs")          \
    X(needed_wrong, "number-needed", WRONG, 3, 1, 1, "the same of the FN, for the wrong class")    \
    X(needed_all, "number-needed", ALL, 3, 1, 1, "the same of all items")                          \
    X(distinct, "frequency", RIGHT, 1, 0, 1, "features that at least one TP needs")                \
    X(entropy, "frequency", RIGHT, 3, 0, 1, "entropy of the frequencies f_c, in nats")             \
    X(magnitude_wrong, "tp-fn", WRONG, 3, 1, 1, "mean over T_c of z * w_c among the FN")           \
    X(share_wrong, "tp-fn", WRONG, 3, 1, 1,                                                        \
      "share_positive of the FN's mean CE, which is for the wrong classes")                        \
    X(overlap_class, "overlap", RIGHT, 3, 0, 0, "largest |T_c and T_j| / K over other classes j")  \
    X(overlap_sides, "overlap", BOTH, 3, 0, 1, "|T_c of training and of test| / K")                \
    X(gap, "train-test-gap", BOTH, 3, 1, 1, "mean |m_test - m_train| / |m_train| over T_c")        \
    X(gap_signed, "train-test-gap", BOTH, 3, 1, 1, "mean (m_test - m_train) / |m_train| over T_c") \
    X(gap_wrong, "train-test-gap", LACK, 3, 1, 1, "gap of the test FN's z * w_c")                  \
    X(gap_wrong_signed, "train-test-gap", LACK, 3, 1, 1, "gap_signed of the test FN's z * w_c")    \
    X(range_gap, "range-gap", BOTH, 3, 0, 1, "length of test ranges outside the training range")   \
    X(density, "density", ALL, 3, 0, 0,                                                            \
      "how often other classes hold the class's features, over how often it does itself")          \
    X(effective_rank, "diversity", ALL, 2, 0, 1,                                                   \
      "exp of the entropy of the covariance's spectrum")                                           \
    X(spread, "diversity", ALL, 3, 0, 1, "trace of the covariance over the squared mean norm")     \
    X(cosine, "diversity", ALL, 3, 0, 1, "mean cosine distance between its items")                 \
    X(safe, "archetypes", ALL, 3, 0, 1, "share with 4 or 5 of the 5 nearest of its own class")     \
    X(borderline, "archetypes", ALL, 3, 0, 1, "share with 2 or 3")                                 \
    X(rare, "archetypes", ALL, 3, 0, 1, "share with 1")                                            \
    X(outlier, "archetypes", ALL, 3, 0, 1, "share with none")                                      \
    X(cdnv, "neural-collapse", ALL, 3, 0, 0, "mean over other classes of the CDNV")                \
    X(mean_error, "neural-collapse", ALL, 3, 0, 0, "share nearest to another class's mean")

typedef enum bal_figure {
#define BAL_FIGURE_ENUM(field, measure, over, decimals, interval, common, about) BAL_FIGURE_##field,
    BAL_FIGURE_LIST(BAL_FIGURE_ENUM)
#undef BAL_FIGURE_ENUM
        BAL_FIGURE_COUNT
} bal_figure;

typedef struct bal_figure_info {
    const char *key, *measure, *about;
    bal_figure_over over;
    int decimals;
    bool interval, common;
} bal_figure_info;
BAL_API const bal_figure_info *bal_figure_at(int i); /* NULL at the end */

/* ---- what goes in ---- */

typedef enum bal_side { BAL_SIDE_TRAIN, BAL_SIDE_TEST, BAL_SIDES } bal_side;
BAL_API const char *bal_side_name(bal_side side); /* "train", "test" */

typedef struct bal_embedding {
    const float *features;      /* items x dim, finite; may be a mapped file */
    const int32_t *labels;      /* items, 0..classes-1 */
    const int32_t *predictions; /* items; NULL: the largest logit, the first of equals */
    int64_t items;              /* 0: this side is missing */
} bal_embedding;

typedef struct bal_linear_head {
    const float *weight; /* classes x dim; NULL: no head. Measures of the CE are then NaN, and so is
                            recall without predictions */
    const float *bias;   /* classes; NULL: 0. Not with cosine */
    bool cosine;
    double scale; /* of the cosine head */
} bal_linear_head;

typedef struct bal_explain_settings {
    bal_embedding side[BAL_SIDES]; /* borrowed, as the head's arrays are, until the close */
    int dim, classes;              /* at least 1 and 2 */
    bal_linear_head head;
    const int64_t *train_counts; /* n_c, classes; NULL: the training side's. Borrowed in the call */
    const char *const *class_names; /* or NULL: "0", "1", ...; copied */
    int top;       /* K of T_c; 0: a tenth of dim, at least 1; more than dim is dim. Default 0 */
    int own_top;   /* features that an item holds, for the density; default 10 */
    int bootstrap; /* draws, 0..10000; 0: no intervals; default 200 */
    int draws;     /* subsamples at the common size, 0..1000; default 20 */
    int max_items; /* a side's archetypes are measured on a stratified sample of so many, and the
                      diversity of a class on at most so many of its items; 0: all; default 20000 */
    double confidence; /* of intervals; default 0.95 */
    uint64_t seed;     /* default 1 */
    void (*progress)(void *user, const char *what, int64_t done, int64_t total); /* or NULL */
    void *progress_user;
} bal_explain_settings;
BAL_API bal_explain_settings bal_explain_defaults(void);
/* Rows for top, own_top, bootstrap, draws and max_items. */
BAL_API const bal_option *bal_explain_options(void);

/* ---- what comes out ---- */

typedef struct bal_figure_value {
    double value;
    /* Of the bootstrap over the items of the class, percentiles. Poisson weights of mean 1 stand
     * for drawing with replacement (Chamandy et al. 2012), and T_c stays that of all items. NaN
     * where fewer than two items are behind the figure. */
    bal_interval interval;
    /* With every class subsampled to the side's common size, without replacement, again and again:
     * median, 2.5 % and 97.5 % quantile over the draws. NaN for a class that is not larger. */
    double common;
    bal_interval common_interval;
} bal_figure_value;

enum { BAL_ARCHETYPES = 4 }; /* safe, borderline, rare, outlier */
BAL_API const char *bal_archetype_name(int archetype);

typedef struct bal_explained_class {
    int64_t items, right, wrong;
    int64_t predicted; /* items of all classes that are predicted as it */
    bal_figure_value figures[BAL_FIGURE_COUNT];
    int top_count;              /* K; 0 without TP or head */
    const int32_t *top;         /* T_c, largest first */
    const double *magnitude;    /* K: m_c there */
    const double *conditional;  /* K: mean CE among the TP that need the feature; NaN: none does */
    const int32_t *feature_top; /* K (0 without items): indices of the K largest of feature_mean */
    /* dim each; NaN where there are no such items */
    const double *feature_mean;   /* FE, all items */
    const double *ce_mean;        /* m_c */
    const double *wrong_ce_mean;  /* CE of the FN, for the classes they were taken for */
    const double *wrong_own_mean; /* z * w_c of the FN */
    const double *frequency;      /* share of the TP whose needed set holds the feature */
    const double *frequency_all;  /* of all items, each for its predicted class */
    const double *low, *high;     /* range of FE over all items */
    int lost_to;   /* the class that most of its FN are taken for, the first of equals; -1: no FN */
    int64_t lost;  /* and how many */
    int adversary; /* the other class that is most often among the 5 nearest of its FN; -1 */
    double adversary_share;             /* of those neighbours */
    int64_t archetypes[BAL_ARCHETYPES]; /* of the items that were measured */
    int64_t medoids[BAL_ARCHETYPES];    /* items with the least sum of distances to the others of
                                           class and archetype; -1: none. Above 2000, among 2000 */
} bal_explained_class;

/* Neural collapse (Papyan, Han and Donoho 2020) and minority collapse (Fang et al. 2021). The
 * global mean is the mean of the class means, every class weighs the same; classes without items
 * are left out. */
typedef struct bal_collapse {
    int classes;               /* present */
    double nc1;                /* Tr(S_W S_B^+) / C */
    double cdnv;               /* mean over pairs of classes */
    double mean_norm_spread;   /* NC2: standard deviation of |mu_c - mu| over their mean */
    double weight_norm_spread; /* of |w_c| */
    double mean_angle;         /* NC2: mean over pairs of |cos + 1 / (C - 1)| of mu_c - mu */
    double weight_angle;       /* of w_c */
    double duality;            /* NC3: | W / |W|_F - M / |M|_F |_F^2, M of rows mu_c - mu */
    double disagreement;       /* NC4: share of items that the nearest class mean names otherwise */
    double tail_cosine;        /* mean cosine between the weights of the group "few" (or "tail") */
    double head_cosine;        /* of the group "many" (or "head") */
    int tail_classes, head_classes;
} bal_collapse;

/* How a figure goes with recall on the test side and with n_c, over the classes: Spearman's rank
 * correlation. */
typedef struct bal_trend {
    bal_figure figure;
    bal_side side;
    int classes;                       /* where the figure is defined */
    double recall, size;               /* NaN for fewer than 3 classes, or all the same */
    double common_recall, common_size; /* of the medians at the common size */
    double recall_given_size; /* partial rank correlation, what remains with n_c held fixed */
} bal_trend;

enum { BAL_EXPLAIN_MATRIX_CLASSES = 1024 };

typedef struct bal_explained_side {
    int64_t items;
    int64_t measured; /* of them, for the archetypes */
    int64_t common;   /* items a class of the common size; 0: no class is large enough */
    double recall;    /* mean over the classes present; NaN without predictions */
    const bal_explained_class *class_of;
    bal_collapse collapse;
    const int32_t *predictions; /* items; NULL: none */
    const int32_t *needed;      /* items: number needed; NULL without head */
    const uint8_t *archetypes;  /* items: 0..3; BAL_ARCHETYPES: not measured */
    /* classes x classes, NULL for more than BAL_EXPLAIN_MATRIX_CLASSES classes; row r, column c: */
    const int64_t *confusion;  /* items of r predicted as c; NULL without predictions */
    const double *overlap;     /* |T_r and T_c| / K; NaN where one has none */
    const double *density;     /* sum over T_r (of the FE mean) of the share of c's items that hold
                                  the feature among their own_top largest, over that of r */
    const double *adversaries; /* share of c among the 5 nearest of the FN of r; rows sum to 1 */
    const double *cdnv;        /* (var_r + var_c) / (2 |mu_r - mu_c|^2) */
    const int64_t *holds;      /* classes x dim: items that hold the feature so; never NULL */
} bal_explained_side;

typedef struct bal_explain bal_explain;
/* Measures. Fails with BAL_BAD_ARG (a setting), BAL_BAD_DATA (a label or a prediction out of range,
 * a value that is not finite: side, row and column are named), BAL_NO_MEMORY, BAL_INTERRUPTED.
 * Memory does not grow with items x dim but for the sample of max_items. */
BAL_API BAL_MUST_CHECK bal_status bal_explain_open(bal_explain **out, bal_ctx *ctx,
                                                   const bal_explain_settings *settings);
BAL_API void bal_explain_close(bal_explain **explain);

BAL_API int bal_explain_classes(const bal_explain *e);
BAL_API int bal_explain_dim(const bal_explain *e);
BAL_API int bal_explain_top(const bal_explain *e); /* K */
BAL_API bool bal_explain_has_head(const bal_explain *e);
BAL_API const char *bal_explain_class_name(const bal_explain *e, int c);
BAL_API const int64_t *bal_explain_train_counts(const bal_explain *e); /* n_c */
/* "many", "medium", "few" or "head", "middle", "tail" of a class, by n_c. */
BAL_API const char *bal_explain_group(const bal_explain *e, int c);
/* NULL for a side that is missing. */
BAL_API const bal_explained_side *bal_explain_side(const bal_explain *e, bal_side side);
/* Trend i, NULL at the end. */
BAL_API const bal_trend *bal_explain_trend(const bal_explain *e, int i);
/* The CE of one item for a class (its predicted one: -1); dim doubles. Fails with BAL_BAD_ARG: no
 * such item, side or class, no head. */
typedef struct bal_ce_ask {
    bal_side side;
    int64_t item;
    int c;
} bal_ce_ask;
BAL_API BAL_MUST_CHECK bal_status bal_explain_ce(const bal_explain *e, bal_ctx *ctx, bal_ce_ask ask,
                                                 double *ce);

/* The item of side `among` whose features are nearest (Euclidean, the first of equals) to those of
 * an item of `side`, of any class but `but` (-1: of any): an adversary, where but is the item's own
 * class. -1 where there is none. Fails with BAL_BAD_ARG: no such item or side. */
typedef struct bal_nearest_ask {
    bal_side side;
    int64_t item;
    bal_side among;
    int but;
} bal_nearest_ask;
BAL_API BAL_MUST_CHECK bal_status bal_explain_nearest(const bal_explain *e, bal_ctx *ctx,
                                                      const bal_nearest_ask *ask, int64_t *nearest);

/* ---- findings and advice ---- */

/* From measures to remedies. */
typedef struct bal_explain_rule {
    const char *name;    /* "few-features" */
    const char *measure; /* that it looks at */
    const char *remedy;  /* what helps, a clause; NULL: an observation */
    const char *source;  /* of the remedy, or of the observation */
    const char *recipes; /* that do it, the best first, '|' between; "": the run's own */
    const char *options; /* further words of `ballast train` */
} bal_explain_rule;
BAL_API const bal_explain_rule *bal_explain_rule_at(int i); /* NULL at the end */

typedef struct bal_explain_finding {
    const bal_explain_rule *rule;
    const char *text; /* one sentence with the figures that it follows from; borrowed */
} bal_explain_finding;
/* Finding i, in the order of the rules; NULL at the end. */
BAL_API const bal_explain_finding *bal_explain_finding_at(const bal_explain *e, int i);

/* ---- output ---- */

/* All figures, matrices and findings as JSON text; new, release with bal_release. Vectors of dim
 * numbers are in the files of bal_explain_write. */
BAL_API BAL_MUST_CHECK bal_status bal_explain_json(const bal_explain *e, bal_ctx *ctx, char **text);
/* A folder that appears whole or not at all; it must not exist, or be empty. For each SIDE:
 *   SIDE-classes.csv   a row a class: figures, with interval, value at the common size, its
 * interval SIDE-top.csv       a row a class and place in T_c: feature, m, given need, frequency
 *   SIDE-features.csv  a row a class and feature: the vectors of bal_explained_class, holds
 *   SIDE-items.csv     a row an item: label, prediction, number needed, archetype
 *   SIDE-confusion.csv, -overlap.csv, -density.csv, -adversaries.csv, -cdnv.csv: matrices
 *   SIDE-fe-mean.npy, SIDE-ce-mean.npy: classes x dim, float64
 *   SIDE-fe.npy, SIDE-ce.npy, SIDE-labels.npy: items x dim, float32 and int32
 *   trends.csv
 * Fails with BAL_BAD_ARG (the folder), BAL_IO. */
BAL_API BAL_MUST_CHECK bal_status bal_explain_write(const bal_explain *e, bal_ctx *ctx,
                                                    const char *folder);

/* ---- two networks ---- */

typedef struct bal_matched_class { /* of the first network and of the second */
    double recall[2], size[2];     /* size: n_c */
    double magnitude[2], peak[2], share[2], needed[2], rank[2], gap[2];
    double overlap;     /* |T_c and T_c'| / K after pairing; NaN where one has none, or K differs */
    double correlation; /* mean correlation of the first network's T_c with the partners */
    double profile;     /* mean absolute difference of the two sorted m_c, each over its largest
                           entry, over the first min(dim) of them: it needs no pairing */
} bal_matched_class;

typedef struct bal_matching {
    int dim[2], classes;
    const int32_t *partner;    /* dim[0]: feature of the second network, -1: none */
    const double *correlation; /* dim[0]: with the partner; NaN where a feature never changes */
    double mean;               /* over the pairs where it is defined */
    double chance; /* the same with the second network's items shuffled: what pairing alone makes
                      of features that have nothing to do with each other */
    const bal_matched_class *class_of;
} bal_matching;

/* Features of two networks over the same items of the test side (the training side, where there is
 * none), paired one to one so that the sum of Pearson's correlations is largest (Li et al. 2016;
 * Kuhn 1955). Where one network has more features some of them stay alone. */
typedef struct bal_match bal_match;
/* Both are borrowed in the call. Fails with BAL_MISMATCH: other classes, items or labels;
 * BAL_BAD_ARG: more than 8192 features; BAL_NO_MEMORY, BAL_INTERRUPTED. Time grows with the cube of
 * the features. */
BAL_API BAL_MUST_CHECK bal_status bal_match_open(bal_match **out, bal_ctx *ctx,
                                                 const bal_explain *a, const bal_explain *b);
BAL_API void bal_match_close(bal_match **match);
BAL_API const bal_matching *bal_match_get(const bal_match *match);
/* New text, release with bal_release. */
BAL_API BAL_MUST_CHECK bal_status bal_match_json(const bal_match *match, bal_ctx *ctx, char **text);

#ifdef __cplusplus
}
#endif
#endif
