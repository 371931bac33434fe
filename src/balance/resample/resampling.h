/* What the files of resampling share: the plan, the rows of each class, and what a method is.
 *
 * A method is one bal_resampler in a file of its own. Its plan function reads r->data, r->classes,
 * r->target and r->settings and says what the output is: bal_resampled_keep_all or
 * bal_resampled_keep for input rows, bal_resampled_make for new ones. */
#ifndef BAL_RESAMPLING_H
#define BAL_RESAMPLING_H

#include "ballast/resample.h"
#include "base/context.h"
#include "base/random.h"
#include "base/threads.h"

/* The classes that the labels have, ordered by label, each with its rows in ascending order. */
typedef struct bal_class_rows {
    int count;
    int majority, minority; /* the first of those with most and with fewest rows */
    int32_t *labels;        /* count */
    int64_t *first;         /* count + 1: rows of class c are members[first[c]..first[c + 1] - 1] */
    int64_t *members;       /* all rows */
    int32_t *of_row;        /* all rows: number of their class, 0..count - 1 */
} bal_class_rows;
BAL_MUST_CHECK bal_status bal_class_rows_open(bal_class_rows *out, bal_ctx *ctx,
                                              const int32_t *labels, int64_t rows);
void bal_class_rows_close(bal_class_rows *classes, bal_ctx *ctx);
int64_t bal_class_rows_in(const bal_class_rows *classes, int c);

/* What the strategy asks of a class. */
typedef struct bal_resample_target {
    bool chosen;   /* false: the class stays as it is */
    int64_t count; /* over: rows to add; under: rows to leave; clean: nothing */
} bal_resample_target;
/* target receives one a class; kind combined reads as over. */
BAL_MUST_CHECK bal_status bal_strategy_read(bal_ctx *ctx, const char *text, bal_resample_kind kind,
                                            const bal_class_rows *classes,
                                            bal_resample_target *target);

/* A new row. Its method makes the values from it, in bal_resampler.fill, or they are
 * x_base + weight (x_neighbour - x_base). */
typedef struct bal_synthetic {
    int64_t base, neighbour; /* as in bal_resampled_origin */
    double weight;
    int32_t class_number;
    uint32_t key; /* tells the rows of a method apart: seed of their own draws, or what it likes */
} bal_synthetic;

typedef struct bal_resampler {
    bal_resampler_info info;
    bal_status (*plan)(bal_resampled *r);
    /* Writes the columns of count new rows that follow one another in the plan; thread safe, worker
     * in 0..bal_pool_threads(r->pool) - 1. NULL: interpolation. */
    void (*fill)(const bal_resampled *r, const bal_synthetic *made, int64_t count, float *values,
                 int worker);
    /* Releases r->state, which is not NULL. NULL: there is none. */
    void (*release)(bal_resampled *r);
} bal_resampler;

struct bal_resampled {
    bal_ctx *ctx;
    const bal_resampler *method;
    bal_resample_data data;
    bal_resample_settings settings; /* k and m are never BAL_RESAMPLE_AUTO; texts are gone after
                                       opening */
    bal_class_rows classes;
    bool cosine;                 /* settings.distance */
    bal_resample_target *target; /* one a class */
    int64_t *kept;               /* input rows in the order of the output */
    int64_t kept_count;
    bal_synthetic *made;
    int64_t made_count, made_room;
    int64_t *after; /* one a class: rows of the output */
    bal_pool *pool;
    void *state; /* of the method */
};

/* All input rows in their order. */
BAL_MUST_CHECK bal_status bal_resampled_keep_all(bal_resampled *r);
/* These (copied), in this order. What was kept before is forgotten. */
BAL_MUST_CHECK bal_status bal_resampled_keep(bal_resampled *r, const int64_t *rows, int64_t count);
/* Room for count further new rows, zeroed; the pointer holds until the next call. */
BAL_MUST_CHECK bal_status bal_resampled_make(bal_resampled *r, int64_t count, bal_synthetic **out);
/* The draws of new row `item` of class c; purpose tells the uses within a method apart. They do not
 * depend on the other classes. */
bal_random bal_resample_random(const bal_resampled *r, uint32_t purpose, int c, uint64_t item);
/* Reports progress, and fails with BAL_INTERRUPTED when the caller wants to stop. To be called
 * between parts of the work that take no longer than some tenths of a second. */
BAL_MUST_CHECK bal_status bal_resample_step(const bal_resampled *r, const char *what, int64_t done,
                                            int64_t of);
/* x_base + weight (x_neighbour - x_base), computed in double, of one new row. */
void bal_interpolate(const bal_resampled *r, const bal_synthetic *made, float *values);

const bal_resampler *bal_resampler_row(int i);
/* Finds the method, checks every field, and puts the method's defaults where AUTO stands. */
BAL_MUST_CHECK bal_status bal_resample_check(bal_ctx *ctx, bal_resample_settings *settings,
                                             const bal_resampler **method);
extern const bal_resampler bal_resampler_random_over, bal_resampler_smote,
    bal_resampler_borderline_1, bal_resampler_borderline_2, bal_resampler_adasyn,
    bal_resampler_safe_level, bal_resampler_eos, bal_resampler_gaussian, bal_resampler_smote_nc,
    bal_resampler_smoten, bal_resampler_svm_smote, bal_resampler_kmeans_smote;
extern const bal_resampler bal_resampler_random_under, bal_resampler_near_miss_1,
    bal_resampler_near_miss_2, bal_resampler_near_miss_3, bal_resampler_hardness_threshold,
    bal_resampler_cluster_centroids, bal_resampler_tomek, bal_resampler_enn, bal_resampler_renn,
    bal_resampler_all_knn, bal_resampler_cnn, bal_resampler_oss, bal_resampler_ncr,
    bal_resampler_smote_enn, bal_resampler_smote_tomek;

#endif
