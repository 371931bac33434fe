/* k-means: the assignment is a search for the nearest centre (neighbours.h), the sums of a column
 * are one worker's, so nothing depends on threads. */
#include "numeric/kmeans.h"

#include "base/random.h"
#include "base/threads.h"
#include "numeric/neighbours/neighbours.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { ROWS_AT_ONCE = 256, COLUMNS_AT_ONCE = 32 };

typedef struct kmeans {
    bal_ctx *ctx;
    const bal_kmeans_settings *s;
    const float *points;
    int64_t rows, columns, clusters;
    bal_pool *pool;
    float *centres, *best_centres;
    double *sums;     /* clusters x columns */
    int64_t *cluster; /* rows */
    int64_t *before;  /* rows: of the round before */
    int64_t *members; /* clusters: how many */
    double *distance; /* rows: squared, to the nearest centre */
    double *shift;    /* column parts: squared moves */
    double *variance; /* column parts: sums of the variances */
    int64_t newest;   /* of the start: the centre that was added last */
} kmeans;

/* ---- the start ---- */

static void measure_rows(void *user, int64_t part, int worker)
{
    (void)worker;
    const kmeans *k = user;
    const int64_t first = part * ROWS_AT_ONCE;
    const int64_t end = k->rows - first < ROWS_AT_ONCE ? k->rows : first + ROWS_AT_ONCE;
    const float *centre = k->centres + k->newest * k->columns;
    for (int64_t i = first; i < end; i++) {
        const double d = bal_rows_euclidean(k->points + i * k->columns, centre, k->columns);
        if (k->newest == 0 || d * d < k->distance[i])
            k->distance[i] = d * d;
    }
}

/* A row with a probability that goes with its squared distance to the nearest centre. */
static int64_t draw_row(const kmeans *k, bal_random *random)
{
    double sum = 0.0;
    for (int64_t i = 0; i < k->rows && k->newest >= 0; i++)
        sum += k->distance[i];
    if (!(sum > 0.0 && isfinite(sum)))
        return (int64_t)bal_random_below(random, (uint64_t)k->rows);
    double left = bal_random_unit(random) * sum;
    int64_t last = 0;
    for (int64_t i = 0; i < k->rows; i++) {
        if (k->distance[i] > 0.0) {
            last = i;
            if (left < k->distance[i])
                break;
        }
        left -= k->distance[i];
    }
    return last;
}

static bal_status start(kmeans *k, int attempt)
{
    bal_random random =
        bal_random_at(k->s->seed, BAL_STREAM_KMEANS, (uint64_t)attempt, (uint64_t)k->clusters);
    k->newest = -1;
    for (int64_t c = 0; c < k->clusters; c++) {
        const int64_t row = draw_row(k, &random);
        memcpy(k->centres + c * k->columns, k->points + row * k->columns,
               (size_t)k->columns * sizeof *k->centres);
        k->newest = c;
        bal_pool_run(k->pool, (k->rows - 1) / ROWS_AT_ONCE + 1, measure_rows, k);
        if (bal_take_interrupt(k->ctx))
            return bal_fail(k->ctx, BAL_INTERRUPTED, "clustering was interrupted");
    }
    return BAL_OK;
}

/* ---- a round ---- */

static bal_status assign(kmeans *k)
{
    const bal_neighbours_settings nearest = {.points = {k->centres, k->clusters, k->columns},
                                             .queries = k->s->points,
                                             .k = 1,
                                             .memory = k->s->memory};
    BAL_TRY(bal_neighbours(k->ctx, &nearest, k->cluster, k->distance));
    memset(k->members, 0, (size_t)k->clusters * sizeof *k->members);
    for (int64_t i = 0; i < k->rows; i++) {
        k->distance[i] *= k->distance[i];
        k->members[k->cluster[i]]++;
    }
    return BAL_OK;
}

/* Gives each empty cluster the point that is farthest from its centre. */
static void fill_empty(kmeans *k)
{
    for (int64_t c = 0; c < k->clusters; c++) {
        int64_t far = 0;
        if (k->members[c] > 0)
            continue;
        for (int64_t i = 1; i < k->rows; i++)
            if (k->distance[i] > k->distance[far])
                far = i;
        if (k->distance[far] <= 0.0)
            return;
        k->members[k->cluster[far]]--;
        k->members[c] = 1;
        k->cluster[far] = c;
        k->distance[far] = 0.0;
    }
}

/* New centres of some columns. */
static void move_columns(void *user, int64_t part, int worker)
{
    (void)worker;
    const kmeans *k = user;
    const int64_t first = part * COLUMNS_AT_ONCE;
    const int64_t end = k->columns - first < COLUMNS_AT_ONCE ? k->columns : first + COLUMNS_AT_ONCE;
    for (int64_t c = 0; c < k->clusters; c++)
        for (int64_t j = first; j < end; j++)
            k->sums[c * k->columns + j] = 0.0;
    for (int64_t i = 0; i < k->rows; i++) {
        double *sums = k->sums + k->cluster[i] * k->columns;
        for (int64_t j = first; j < end; j++)
            sums[j] += (double)k->points[i * k->columns + j];
    }
    k->shift[part] = 0.0;
    for (int64_t c = 0; c < k->clusters; c++)
        for (int64_t j = first; j < end && k->members[c] > 0; j++) {
            float *centre = &k->centres[c * k->columns + j];
            const float to = (float)(k->sums[c * k->columns + j] / (double)k->members[c]);
            k->shift[part] += ((double)to - (double)*centre) * ((double)to - (double)*centre);
            *centre = to;
        }
}

static int64_t column_parts(const kmeans *k)
{
    return (k->columns - 1) / COLUMNS_AT_ONCE + 1;
}

static double move(kmeans *k)
{
    double shift = 0.0;
    bal_pool_run(k->pool, column_parts(k), move_columns, k);
    for (int64_t part = 0; part < column_parts(k); part++)
        shift += k->shift[part];
    return shift;
}

static void measure_columns(void *user, int64_t part, int worker)
{
    (void)worker;
    const kmeans *k = user;
    const int64_t first = part * COLUMNS_AT_ONCE;
    const int64_t end = k->columns - first < COLUMNS_AT_ONCE ? k->columns : first + COLUMNS_AT_ONCE;
    double mean[COLUMNS_AT_ONCE] = {0}, squares[COLUMNS_AT_ONCE] = {0};
    for (int64_t i = 0; i < k->rows; i++)
        for (int64_t j = first; j < end; j++)
            mean[j - first] += (double)k->points[i * k->columns + j] / (double)k->rows;
    for (int64_t i = 0; i < k->rows; i++)
        for (int64_t j = first; j < end; j++) {
            const double off = (double)k->points[i * k->columns + j] - mean[j - first];
            squares[j - first] += off * off / (double)k->rows;
        }
    k->variance[part] = 0.0;
    for (int64_t j = first; j < end; j++)
        k->variance[part] += squares[j - first];
}

static double mean_variance(kmeans *k)
{
    double sum = 0.0;
    bal_pool_run(k->pool, column_parts(k), measure_columns, k);
    for (int64_t part = 0; part < column_parts(k); part++)
        sum += k->variance[part];
    return sum / (double)k->columns;
}

static void tell(const kmeans *k, int attempt, int iteration)
{
    if (k->s->progress)
        k->s->progress(k->s->user, (int64_t)attempt * k->s->iterations + iteration,
                       (int64_t)k->s->attempts * k->s->iterations);
}

/* Leaves centres, and the assignment to them. */
static bal_status iterate(kmeans *k, int attempt, double tolerance)
{
    BAL_TRY(start(k, attempt));
    BAL_TRY(assign(k));
    for (int i = 0; i < k->s->iterations; i++) {
        tell(k, attempt, i);
        memcpy(k->before, k->cluster, (size_t)k->rows * sizeof *k->before);
        fill_empty(k);
        const double shift = move(k);
        BAL_TRY(assign(k));
        if (shift <= tolerance ||
            memcmp(k->before, k->cluster, (size_t)k->rows * sizeof *k->before) == 0)
            break;
    }
    return BAL_OK;
}

/* ---- all starts ---- */

static bal_status check(bal_ctx *ctx, const bal_kmeans_settings *s)
{
    BAL_TRY(bal_rows_check(ctx, "points", &s->points));
    if (s->clusters < 1 || s->clusters > s->points.rows)
        return bal_fail(ctx, BAL_BAD_ARG, "%" PRId64 " clusters of %" PRId64 " points", s->clusters,
                        s->points.rows);
    if (s->attempts < 1 || s->iterations < 1 || !(s->tolerance >= 0.0))
        return bal_fail(ctx, BAL_BAD_ARG, "k-means with %d attempts of %d iterations, tolerance %g",
                        s->attempts, s->iterations, s->tolerance);
    return BAL_OK;
}

static bal_status make_room(kmeans *k)
{
    const size_t rows = (size_t)k->rows, columns = (size_t)k->columns,
                 parts = (size_t)column_parts(k);
    const size_t clusters = (size_t)k->clusters;
    BAL_TRY(bal_pool_open(&k->pool, k->ctx, bal_ctx_threads(k->ctx)));
    k->centres = bal_calloc(k->ctx, clusters, columns * sizeof *k->centres);
    k->best_centres = bal_calloc(k->ctx, clusters, columns * sizeof *k->best_centres);
    k->sums = bal_calloc(k->ctx, clusters, columns * sizeof *k->sums);
    k->members = bal_calloc(k->ctx, clusters, sizeof *k->members);
    k->cluster = bal_calloc(k->ctx, rows, sizeof *k->cluster);
    k->before = bal_calloc(k->ctx, rows, sizeof *k->before);
    k->distance = bal_calloc(k->ctx, rows, sizeof *k->distance);
    k->shift = bal_calloc(k->ctx, parts, sizeof *k->shift);
    k->variance = bal_calloc(k->ctx, parts, sizeof *k->variance);
    return k->centres && k->best_centres && k->sums && k->members && k->cluster && k->before &&
                   k->distance && k->shift && k->variance
               ? BAL_OK
               : BAL_NO_MEMORY;
}

static void release(kmeans *k)
{
    bal_pool_close(&k->pool);
    bal_free(k->ctx, k->centres);
    bal_free(k->ctx, k->best_centres);
    bal_free(k->ctx, k->sums);
    bal_free(k->ctx, k->members);
    bal_free(k->ctx, k->cluster);
    bal_free(k->ctx, k->before);
    bal_free(k->ctx, k->distance);
    bal_free(k->ctx, k->shift);
    bal_free(k->ctx, k->variance);
}

static bal_status run(kmeans *k, float *centres, int64_t *cluster, double *inertia)
{
    const size_t all = (size_t)(k->clusters * k->columns) * sizeof *centres;
    double best = INFINITY;
    BAL_TRY(make_room(k));
    const double tolerance = k->s->tolerance * mean_variance(k);
    for (int attempt = 0; attempt < k->s->attempts; attempt++) {
        BAL_TRY(iterate(k, attempt, tolerance));
        double sum = 0.0;
        for (int64_t i = 0; i < k->rows; i++)
            sum += k->distance[i];
        if (sum >= best && attempt > 0)
            continue;
        best = sum;
        memcpy(k->best_centres, k->centres, all);
        if (cluster)
            memcpy(cluster, k->cluster, (size_t)k->rows * sizeof *cluster);
    }
    memcpy(centres, k->best_centres, all);
    if (inertia)
        *inertia = best;
    return BAL_OK;
}

bal_status bal_kmeans(bal_ctx *ctx, const bal_kmeans_settings *settings, float *centres,
                      int64_t *cluster, double *inertia)
{
    BAL_TRY(check(ctx, settings));
    kmeans k = {.ctx = ctx,
                .s = settings,
                .points = settings->points.values,
                .rows = settings->points.rows,
                .columns = settings->points.columns,
                .clusters = settings->clusters};
    const bal_status status = run(&k, centres, cluster, inertia);
    release(&k);
    return status;
}
