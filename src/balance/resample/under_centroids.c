/* Cluster centroids: k-means with as many clusters as rows are wanted of a class; what stays is the
 * centres, as new rows (voting soft), or the row nearest to each (hard). */
#include "balance/resample/neighbourhood.h"

#include "numeric/kmeans.h"
#include "numeric/neighbours/neighbours.h"

#include <stdlib.h>
#include <string.h>

enum { ATTEMPTS = 10, ITERATIONS = 300 }; /* scikit-learn's */
#define TOLERANCE 1e-4

typedef struct centroids {
    float **of_class; /* count x columns each; NULL: the class's rows stay */
} centroids;

static void release(bal_resampled *r)
{
    centroids *s = r->state;
    for (int c = 0; s->of_class && c < r->classes.count; c++)
        bal_free(r->ctx, s->of_class[c]);
    bal_free(r->ctx, s->of_class);
    bal_free(r->ctx, s);
}

static bool stays(const bal_resampled *r, int c)
{
    return !r->target[c].chosen || r->target[c].count >= bal_class_rows_in(&r->classes, c);
}

static float *gather(const bal_resampled *r, int c)
{
    const int64_t n = bal_class_rows_in(&r->classes, c), columns = r->data.columns;
    const int64_t *members = r->classes.members + r->classes.first[c];
    float *rows = bal_calloc(r->ctx, (size_t)n, (size_t)columns * sizeof *rows);
    for (int64_t i = 0; rows && i < n; i++)
        memcpy(rows + i * columns, r->data.values + members[i] * columns,
               (size_t)columns * sizeof *rows);
    return rows;
}

static bal_status find_centres(const bal_resampled *r, int c, const float *rows, float *centres)
{
    bal_random random = bal_resample_random(r, 0, c, 0);
    const bal_kmeans_settings how = {
        .points = {rows, bal_class_rows_in(&r->classes, c), r->data.columns},
        .clusters = r->target[c].count,
        .attempts = ATTEMPTS,
        .iterations = ITERATIONS,
        .tolerance = TOLERANCE,
        .seed = bal_random_u64(&random),
        .memory = (size_t)r->settings.memory * 1024 * 1024};
    return bal_kmeans(r->ctx, &how, centres, NULL, NULL);
}

/* The rows nearest to the centres are kept; one that is nearest to two is kept once for each. */
static bal_status vote(const bal_resampled *r, int c, const float *rows, const float *centres,
                       int64_t *kept)
{
    const int64_t n = bal_class_rows_in(&r->classes, c), columns = r->data.columns;
    const bal_neighbours_settings how = {.points = {rows, n, columns},
                                         .queries = {centres, r->target[c].count, columns},
                                         .k = 1,
                                         .memory = (size_t)r->settings.memory * 1024 * 1024};
    BAL_TRY(bal_neighbours(r->ctx, &how, kept, NULL));
    for (int64_t i = 0; i < r->target[c].count; i++)
        kept[i] = r->classes.members[r->classes.first[c] + kept[i]];
    return BAL_OK;
}

static bal_status make_rows(bal_resampled *r, int c)
{
    bal_synthetic *made;
    BAL_TRY(bal_resampled_make(r, r->target[c].count, &made));
    for (int64_t i = 0; i < r->target[c].count; i++)
        made[i] =
            (bal_synthetic){.base = -1, .neighbour = -1, .class_number = c, .key = (uint32_t)i};
    return BAL_OK;
}

/* kept receives the rows of the class that stay; *count how many. */
static bal_status plan_class(bal_resampled *r, int c, int64_t *kept, int64_t *count)
{
    centroids *s = r->state;
    *count = stays(r, c) ? bal_class_rows_in(&r->classes, c) : 0;
    memcpy(kept, r->classes.members + r->classes.first[c], (size_t)*count * sizeof *kept);
    if (stays(r, c))
        return BAL_OK;
    const bool hard = strcmp(r->settings.voting, "hard") == 0;
    float *rows = gather(r, c);
    s->of_class[c] = bal_calloc(r->ctx, (size_t)r->target[c].count,
                                (size_t)r->data.columns * sizeof *s->of_class[c]);
    bal_status status = rows && s->of_class[c] ? BAL_OK : BAL_NO_MEMORY;
    if (status == BAL_OK)
        status = find_centres(r, c, rows, s->of_class[c]);
    if (status == BAL_OK && hard) {
        status = vote(r, c, rows, s->of_class[c], kept);
        *count = r->target[c].count;
    } else if (status == BAL_OK) {
        status = make_rows(r, c);
    }
    bal_free(r->ctx, rows);
    return status;
}

static int by_number(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static bal_status plan(bal_resampled *r)
{
    centroids *s = r->state = bal_calloc(r->ctx, 1, sizeof *s);
    if (!s)
        return BAL_NO_MEMORY;
    s->of_class = bal_calloc(r->ctx, (size_t)r->classes.count, sizeof(float *));
    int64_t *kept = bal_calloc(r->ctx, (size_t)r->data.rows, sizeof *kept);
    bal_status status = s->of_class && kept ? BAL_OK : BAL_NO_MEMORY;
    int64_t count = 0;
    for (int c = 0; status == BAL_OK && c < r->classes.count; c++) {
        int64_t of_class;
        status = bal_resample_step(r, "clustering", c, r->classes.count);
        if (status == BAL_OK)
            status = plan_class(r, c, kept + count, &of_class);
        if (status == BAL_OK)
            count += of_class;
    }
    if (status == BAL_OK) {
        qsort(kept, (size_t)count, sizeof *kept, by_number);
        status = bal_resampled_keep(r, kept, count);
    }
    bal_free(r->ctx, kept);
    return status;
}

static void fill(const bal_resampled *r, const bal_synthetic *made, int64_t count, float *values,
                 int worker)
{
    const centroids *s = r->state;
    const int64_t columns = r->data.columns;
    (void)worker;
    for (int64_t i = 0; i < count; i++)
        memcpy(values + i * columns, s->of_class[made[i].class_number] + made[i].key * columns,
               (size_t)columns * sizeof *values);
}

const bal_resampler bal_resampler_cluster_centroids = {
    .info = {.name = "cluster-centroids",
             .formula = "replaces a class by the centres of as many clusters as rows are wanted "
                        "(voting soft), or keeps the rows nearest to them (hard)",
             .source = "Yen & Lee 2009",
             .kind = BAL_RESAMPLE_UNDER,
             .options = "voting"},
    .plan = plan,
    .fill = fill,
    .release = release,
};
