/* ballast/resample.h: SMOTE and its family, on plain arrays: rows x columns float32 values, one
 * label a row. Images are rows of pixels, and the features of a network are rows as well.
 *
 * Resampling is planned first and made afterwards. bal_resample_open() decides which input rows are
 * kept, in which order, and for every new row where it comes from (its origin). The values are made
 * when they are asked for, in blocks, so that an output larger than memory can be written, and the
 * same plan can be applied to something else than the values it was made from.
 *
 * Everything is a function of the data, the settings and the seed; the number of threads changes
 * nothing. Definitions and defaults follow imbalanced-learn 0.10 where it has the method; pages of
 * docs/methods/resampling say what differs. */
#ifndef BALLAST_RESAMPLE_H
#define BALLAST_RESAMPLE_H

#include "ballast/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- the methods ---- */
typedef enum bal_resample_kind {
    BAL_RESAMPLE_OVER,    /* adds rows to classes; keeps all input rows */
    BAL_RESAMPLE_UNDER,   /* leaves a wanted number of rows in classes */
    BAL_RESAMPLE_CLEAN,   /* removes rows that a rule finds, however many */
    BAL_RESAMPLE_COMBINED /* adds rows to classes, then cleans what there is */
} bal_resample_kind;
/* "over", "under", "clean", "combined" */
BAL_API const char *bal_resample_kind_name(bal_resample_kind kind);

typedef struct bal_resampler_info {
    const char *name, *formula, *source;
    bal_resample_kind kind;
    const char *options; /* rows of bal_resample_options() that only some methods read and this one
                            does: their names with blanks between them, "" for none */
    int k, m;            /* its defaults; 0: it has none of these */
} bal_resampler_info;
/* Method i, NULL at the end. */
BAL_API const bal_resampler_info *bal_resampler_at(int i);

/* ---- settings ---- */
#define BAL_RESAMPLE_AUTO (-1) /* the method's own default, or its own rule */

typedef void bal_resample_progress_fn(void *user, const char *what, int64_t done, int64_t of);

/* strategy says which classes change and how far. The majority is the class with most rows, the
 * minority that with fewest; the first by label where several are equal.
 *   auto          over: not majority; under and clean: not minority
 *   minority, not minority, not majority, all, majority
 *                 over: these classes get as many rows as the majority has ("majority" is refused);
 *                 under: these are left as many as the minority has ("minority" is refused);
 *                 clean: rows of these classes may be removed ("minority" is refused).
 *                 A hyphen instead of the blank is as good.
 *   0.5           two classes only; over: the minority gets floor(0.5 x majority) rows;
 *                 under: the majority is left floor(minority / 0.5); clean: refused
 *   0:500,3:700   over and under: rows of these classes afterwards; also {"0": 500, "3": 700}
 *   [0,3]         clean: rows of these classes may be removed; also 0,3
 * It is read while opening only. */
typedef struct bal_resample_settings {
    const char *method;   /* default "smote" */
    const char *strategy; /* default "auto" */
    int k;                /* neighbours; at least 1, or BAL_RESAMPLE_AUTO (the default) */
    int m;                /* neighbours that judge a row; likewise */
    const char *distance; /* "euclidean" (default) or "cosine": whose neighbours */
    const char *kind_sel; /* enn and its kin: "all" (default) or "mode" of the neighbours must be of
                             the row's class */
    int max_iter;         /* renn: passes at most; 1..100000, default 100 */
    int n_seeds;          /* cnn, oss: rows of a class to begin with; 1..1000000, default 1 */
    double threshold_cleaning; /* ncr: share of all rows that a class must exceed for its rows near
                                  the minority to go; 0..1, default 0.5 */
    bool allow_minority; /* all-knn: goes on when a class has fewer rows than the minority had */
    bool replacement;    /* random-under: a row may be drawn more than once */
    const char *voting;  /* cluster-centroids: "soft" (default) makes rows of the centres, "hard"
                            keeps the rows nearest to them */
    double shrinkage;    /* random-over: 0 copies rows; above, width of the noise on them; >= 0 */
    const char *categorical;  /* smote-nc: columns that hold categories, "0,3,5-7"; else NULL */
    int clusters;             /* kmeans-smote: of all rows; at least 1; default 8 */
    double balance_threshold; /* kmeans-smote: least share of the class in a cluster that gets new
                                 rows, 0..1, or BAL_RESAMPLE_AUTO (the default): half the class's
                                 share of all new rows */
    double density_exponent;  /* kmeans-smote: of the mean distance in a cluster, at least 0, or
                                 BAL_RESAMPLE_AUTO (the default): 0.16 log_1.6(n)^1.8 */
    double out_step; /* svm-smote: how far beyond a safe row new ones may lie, 0..1; default 0.5 */
    uint64_t seed;   /* default 1 */
    int memory;      /* MiB of working memory, input and plan not counted; at least 1; default
                        1024 */
    bal_resample_progress_fn *progress; /* or NULL; from the calling thread */
    void *progress_user;
} bal_resample_settings;
/* A setting that only other methods read must be left at its default. */
BAL_API bal_resample_settings bal_resample_defaults(void);
/* The rows for bal_resample_settings, ended by a NULL name. */
BAL_API const bal_option *bal_resample_options(void);

/* ---- the plan ---- */
typedef struct bal_resample_data {
    const float *values;   /* rows x columns, finite; borrowed until the plan is closed */
    const int32_t *labels; /* rows; any numbers, gaps and negative ones too; borrowed likewise */
    int64_t rows, columns; /* at least 1 */
} bal_resample_data;

typedef struct bal_resampled bal_resampled;
/* Plans. A k above what a class has is reduced, a class of one row is copied instead of being
 * interpolated, and a line of the log (BAL_LOG_WARN) says so.
 * Fails with BAL_BAD_ARG (unknown method, the nearest suggested; a setting out of range, a strategy
 * that asks for what cannot be: class, rows it has and rows asked for are named; sizes that
 * overflow), BAL_BAD_DATA (a value that is not finite: its row and column; fewer than two classes),
 * BAL_NO_MEMORY, BAL_INTERRUPTED. */
BAL_API BAL_MUST_CHECK bal_status bal_resample_open(bal_resampled **out, bal_ctx *ctx,
                                                    const bal_resample_data *data,
                                                    const bal_resample_settings *settings);
BAL_API void bal_resampled_close(bal_resampled **resampled);

/* Output rows are numbered from 0: the input rows that are kept, then the new ones. */
BAL_API int64_t bal_resampled_count(const bal_resampled *resampled);
BAL_API int64_t bal_resampled_kept(const bal_resampled *resampled);

typedef struct bal_resampled_class {
    int32_t label;
    int64_t before, after; /* rows in the input and in the output */
} bal_resampled_class;
/* How many classes the input has, and class i of them in the order of their labels. */
BAL_API int bal_resampled_classes(const bal_resampled *resampled);
BAL_API bal_resampled_class bal_resampled_class_at(const bal_resampled *resampled, int i);

/* Where an output row comes from. For a row that is kept: base is the input row, neighbour -1,
 * weight 0. For a new row x' the method's page says it; mostly
 *     x' = x_base + weight (x_neighbour - x_base).
 * A copy has itself as neighbour and weight 0. neighbour -1: not made from a neighbour (noise on
 * the base, a vote of several); base -1 also: made from a whole class or cluster. */
typedef struct bal_resampled_origin {
    int64_t base, neighbour; /* input rows, or -1 */
    double weight;
    int32_t label;
} bal_resampled_origin;
/* Receives count origins of the output rows from first on; both within 0..bal_resampled_count(),
 * else BAL_BAD_ARG. */
BAL_API BAL_MUST_CHECK bal_status bal_resampled_origins(const bal_resampled *resampled,
                                                        int64_t first, int64_t count,
                                                        bal_resampled_origin *origins);

/* Writes them as a CSV file, which appears whole or not at all: row, base, neighbour, weight (17
 * digits), label. Fails with BAL_IO. */
BAL_API BAL_MUST_CHECK bal_status bal_resampled_write_origins(const bal_resampled *resampled,
                                                              const char *path);

/* Makes count output rows from first on. values receives count x columns numbers, labels count;
 * either may be NULL. All threads of the context work; one call at a time.
 * Fails with BAL_BAD_ARG (not within 0..bal_resampled_count()), BAL_INTERRUPTED. */
BAL_API BAL_MUST_CHECK bal_status bal_resampled_rows(bal_resampled *resampled, int64_t first,
                                                     int64_t count, float *values, int32_t *labels);

/* ---- balanced subsets, for ensembles ---- */
typedef struct bal_subset_settings {
    const char *kind;     /* easy-ensemble (default): a draw of each class (Liu, Wu & Zhou 2009);
                             balanced-bagging: a draw of each class from a bootstrap sample of all
                             rows, which repeats rows (Maclin & Opitz 1997; Hido et al. 2009) */
    const char *strategy; /* of under-sampling; default "auto": each as large as the smallest */
    bool replacement;     /* draw within a class with replacement */
    uint64_t seed;        /* default 1 */
} bal_subset_settings;
BAL_API bal_subset_settings bal_subset_defaults(void);
/* The rows that member 0, 1, ... of an ensemble learns from, ascending; out has room for `rows`
 * numbers, *count receives how many. A function of the labels, the settings and the member. Fails
 * with BAL_BAD_ARG (settings, strategy, member below 0), BAL_NO_MEMORY. */
BAL_API BAL_MUST_CHECK bal_status bal_resample_subset(bal_ctx *ctx, const int32_t *labels,
                                                      int64_t rows,
                                                      const bal_subset_settings *settings,
                                                      int member, int64_t *out, int64_t *count);

#ifdef __cplusplus
}
#endif
#endif
