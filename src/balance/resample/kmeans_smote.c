/* KMeans-SMOTE (Douzas, Bacao & Last 2018): SMOTE within clusters of all rows that have enough of
 * the class, the more of it the sparser the class is there. */
#include "balance/resample/neighbourhood.h"

#include "numeric/distances.h"
#include "numeric/kmeans.h"

#include <math.h>
#include <string.h>

enum { ATTEMPTS = 3, ITERATIONS = 100 };

typedef struct clusters {
    bal_resampled *r;
    int64_t count;
    int64_t *of_row; /* rows */
    int64_t *size;   /* count: rows of all classes */
    int64_t total;   /* new rows of all classes */
    /* of the present class */
    int c;
    int64_t *first;   /* count + 1: where a cluster begins in members */
    int64_t *members; /* rows of the class by cluster, ascending within */
    double *weight;   /* count: 0 for those that get no rows; their sum is 1, or all are 0 */
    int64_t *made;    /* count: new rows */
} clusters;

static void clusters_close(clusters *k)
{
    bal_ctx *ctx = k->r->ctx;
    bal_free(ctx, k->of_row);
    bal_free(ctx, k->size);
    bal_free(ctx, k->first);
    bal_free(ctx, k->members);
    bal_free(ctx, k->weight);
    bal_free(ctx, k->made);
}

static void tell(void *user, int64_t done, int64_t total)
{
    const bal_resample_settings *s = &((const clusters *)user)->r->settings;
    if (s->progress)
        s->progress(s->progress_user, "clusters", done, total);
}

static bal_status find_clusters(clusters *k)
{
    const bal_resampled *r = k->r;
    const int64_t rows = r->data.rows;
    k->count = r->settings.clusters < rows ? r->settings.clusters : rows;
    const size_t count = (size_t)k->count, columns = (size_t)r->data.columns;
    k->of_row = bal_calloc(r->ctx, (size_t)rows, sizeof *k->of_row);
    k->members = bal_calloc(r->ctx, (size_t)rows, sizeof *k->members);
    k->size = bal_calloc(r->ctx, count, sizeof *k->size);
    k->first = bal_calloc(r->ctx, count + 1, sizeof *k->first);
    k->weight = bal_calloc(r->ctx, count, sizeof *k->weight);
    k->made = bal_calloc(r->ctx, count, sizeof *k->made);
    if (!k->of_row || !k->members || !k->size || !k->first || !k->weight || !k->made)
        return BAL_NO_MEMORY;
    float *centres = bal_calloc(r->ctx, count, columns * sizeof *centres);
    if (!centres)
        return BAL_NO_MEMORY;
    const bal_kmeans_settings how = {.points = {r->data.values, rows, r->data.columns},
                                     .clusters = k->count,
                                     .attempts = ATTEMPTS,
                                     .iterations = ITERATIONS,
                                     .tolerance = 1e-4,
                                     .seed = r->settings.seed,
                                     .memory = (size_t)r->settings.memory * 1024 * 1024,
                                     .progress = tell,
                                     .user = k};
    const bal_status status = bal_kmeans(r->ctx, &how, centres, k->of_row, NULL);
    bal_free(r->ctx, centres);
    for (int64_t i = 0; i < rows && status == BAL_OK; i++)
        k->size[k->of_row[i]]++;
    for (int c = 0; c < r->classes.count; c++)
        k->total += r->target[c].count;
    return status;
}

/* The rows of the class by cluster. */
static void group_class(clusters *k)
{
    const int64_t n = bal_class_rows_in(&k->r->classes, k->c);
    const int64_t *rows = k->r->classes.members + k->r->classes.first[k->c];
    memset(k->first, 0, ((size_t)k->count + 1) * sizeof *k->first);
    for (int64_t i = 0; i < n; i++)
        k->first[k->of_row[rows[i]] + 1]++;
    for (int64_t j = 0; j < k->count; j++)
        k->first[j + 1] += k->first[j];
    for (int64_t i = 0; i < n; i++)
        k->members[k->first[k->of_row[rows[i]]]++] = rows[i];
    memmove(k->first + 1, k->first, (size_t)k->count * sizeof *k->first);
    k->first[0] = 0;
}

static int64_t members_in(const clusters *k, int64_t cluster)
{
    return k->first[cluster + 1] - k->first[cluster];
}

/* ---- how sparse the class is in a cluster ---- */

static void add_distances(void *user, const bal_distance_block *block, int worker)
{
    (void)worker;
    double *sums = user;
    for (int64_t i = 0; i < block->rows; i++)
        for (int64_t j = 0; j < block->columns; j++)
            sums[block->row + i] += block->values[i * block->columns + j];
}

static bal_status mean_distance(const clusters *k, int64_t cluster, double *mean)
{
    const bal_resample_data *d = &k->r->data;
    const int64_t n = members_in(k, cluster), *rows = k->members + k->first[cluster];
    float *copy = bal_calloc(k->r->ctx, (size_t)n, (size_t)d->columns * sizeof *copy);
    double *sums = bal_calloc(k->r->ctx, (size_t)n, sizeof *sums);
    bal_status status = copy && sums ? BAL_OK : BAL_NO_MEMORY;
    for (int64_t i = 0; i < n && status == BAL_OK; i++)
        memcpy(copy + i * d->columns, d->values + rows[i] * d->columns,
               (size_t)d->columns * sizeof *copy);
    const bal_distances_settings all = {
        .a = {copy, n, d->columns}, .visit = add_distances, .user = sums};
    if (status == BAL_OK)
        status = bal_distances(k->r->ctx, &all);
    *mean = 0.0;
    for (int64_t i = 0; i < n && status == BAL_OK; i++)
        *mean += sums[i];
    *mean /= (double)n * ((double)n - 1.0);
    bal_free(k->r->ctx, copy);
    bal_free(k->r->ctx, sums);
    return status;
}

static bool qualifies(const clusters *k, int64_t cluster)
{
    const double share = (double)members_in(k, cluster) / (double)k->size[cluster];
    double threshold = k->r->settings.balance_threshold;
    if (threshold == BAL_RESAMPLE_AUTO)
        threshold = (double)k->r->target[k->c].count / (double)k->total / 2.0;
    if (k->count > 1 && share < threshold)
        return false;
    return members_in(k, cluster) > k->r->settings.k;
}

static bal_status weigh(clusters *k)
{
    double sum = 0.0;
    int64_t any = 0;
    for (int64_t j = 0; j < k->count; j++) {
        double mean, exponent = k->r->settings.density_exponent;
        k->weight[j] = -1.0;
        if (!qualifies(k, j))
            continue;
        const double n = (double)members_in(k, j);
        BAL_TRY(mean_distance(k, j, &mean));
        if (exponent == BAL_RESAMPLE_AUTO)
            exponent = 0.16 * pow(log(n) / log(1.6), 1.8);
        k->weight[j] = pow(mean, exponent) / n;
        sum += k->weight[j];
        any++;
    }
    for (int64_t j = 0; j < k->count; j++) { /* all rows equal, or beyond the numbers: evenly */
        if (k->weight[j] < 0.0)
            k->weight[j] = 0.0;
        else
            k->weight[j] = sum > 0.0 && isfinite(sum) ? k->weight[j] / sum : 1.0 / (double)any;
    }
    return BAL_OK;
}

/* Whole numbers that go with the weights and sum up to count: what is left after rounding down goes
 * to those that lost most, the first of equals. */
static bool share_out(const clusters *k, int64_t count)
{
    int64_t left = count;
    bool any = false;
    for (int64_t j = 0; j < k->count; j++) {
        k->made[j] = (int64_t)(k->weight[j] * (double)count);
        left -= k->made[j];
        any = any || k->weight[j] > 0.0;
    }
    while (any && left > 0) {
        int64_t best = 0;
        double most = -INFINITY;
        for (int64_t j = 0; j < k->count; j++) {
            const double lost = k->weight[j] * (double)count - (double)k->made[j];
            if (k->weight[j] > 0.0 && lost > most) {
                most = lost;
                best = j;
            }
        }
        k->made[best]++;
        left--;
    }
    return any;
}

static bal_status plan_cluster(const clusters *k, int64_t cluster, const int64_t *rows,
                               int64_t row_count, int64_t count)
{
    const bal_interpolation how = {.c = k->c,
                                   .bases = rows,
                                   .base_count = row_count,
                                   .among = rows,
                                   .among_count = row_count,
                                   .count = count,
                                   .k = k->r->settings.k,
                                   .step = 1.0,
                                   .purpose = (uint32_t)cluster};
    return bal_interpolation_plan(k->r, &how);
}

static bal_status plan_class(clusters *k)
{
    const bal_class_rows *classes = &k->r->classes;
    const int64_t count = k->r->target[k->c].count;
    group_class(k);
    BAL_TRY(weigh(k));
    if (!share_out(k, count)) {
        bal_log(k->r->ctx, BAL_LOG_WARN,
                "class %d: no cluster has enough of its rows, so they are taken as one",
                (int)classes->labels[k->c]);
        return plan_cluster(k, k->count, classes->members + classes->first[k->c],
                            bal_class_rows_in(classes, k->c), count);
    }
    for (int64_t j = 0; j < k->count; j++)
        BAL_TRY(plan_cluster(k, j, k->members + k->first[j], members_in(k, j), k->made[j]));
    return BAL_OK;
}

static bal_status plan_classes(clusters *k)
{
    BAL_TRY(find_clusters(k));
    for (k->c = 0; k->c < k->r->classes.count; k->c++) {
        BAL_TRY(bal_resample_step(k->r, "classes", k->c, k->r->classes.count));
        if (k->r->target[k->c].count > 0)
            BAL_TRY(plan_class(k));
    }
    return BAL_OK;
}

static bal_status plan(bal_resampled *r)
{
    BAL_TRY(bal_resampled_keep_all(r));
    clusters k = {.r = r};
    const bal_status status = plan_classes(&k);
    clusters_close(&k);
    return status;
}

const bal_resampler bal_resampler_kmeans_smote = {
    .info = {.name = "kmeans-smote",
             .formula = "SMOTE within clusters of all rows, share of a cluster ~ (mean "
                        "distance)^e / n, n its rows of the class",
             .source = "Douzas, Bacao & Last 2018",
             .kind = BAL_RESAMPLE_OVER,
             .options = "k distance clusters balance-threshold density-exponent",
             .k = 2},
    .plan = plan,
};
