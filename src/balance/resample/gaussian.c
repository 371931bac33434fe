/* Gaussian over-sampling: new rows from the normal distribution with the mean and the covariance of
 * the class (divided by n - 1). With z of standard normal numbers
 *     x' = mean + sum_k z_k f_k
 * has it, where the rows f_k are either (x_k - mean) / sqrt(n - 1) of the n members, which needs
 * nothing but the data, or the eigenvectors of the covariance by the roots of their eigenvalues,
 * which are no more than there are columns. What takes less work is taken. */
#include "balance/resample/resampling.h"

#include "numeric/blas.h"
#include "numeric/eigen.h"

#include <math.h>

/* New rows made at a time by one worker, and columns of them: their sums stay in the cache. */
enum { RUN = 16, CHUNK = 256 };

typedef struct class_shape {
    int64_t factors; /* rows f_k; 0: nothing is drawn, the class is copied */
    double scale;    /* of z for factors that are members: 1 / sqrt(n - 1) */
    float *factor;   /* factors x columns; NULL: the members */
    double *mean;
} class_shape;

typedef struct gaussian {
    class_shape *classes;
    float *draws; /* threads x RUN x the largest `factors` */
    int64_t most; /* of the factors */
} gaussian;

static void release(bal_resampled *r)
{
    gaussian *g = r->state;
    for (int c = 0; g->classes && c < r->classes.count; c++) {
        bal_free(r->ctx, g->classes[c].factor);
        bal_free(r->ctx, g->classes[c].mean);
    }
    bal_free(r->ctx, g->classes);
    bal_free(r->ctx, g->draws);
    bal_free(r->ctx, g);
}

static const float *member(const bal_resampled *r, int c, int64_t i)
{
    return r->data.values + r->classes.members[r->classes.first[c] + i] * r->data.columns;
}

static void find_mean(const bal_resampled *r, int c, double *mean)
{
    const int64_t n = bal_class_rows_in(&r->classes, c);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < r->data.columns; j++)
            mean[j] += (double)member(r, c, i)[j];
    for (int64_t j = 0; j < r->data.columns; j++)
        mean[j] /= (double)n;
}

static bool members_take_less(const bal_resampled *r, int c)
{
    const double n = (double)bal_class_rows_in(&r->classes, c), d = (double)r->data.columns;
    const double made = (double)r->target[c].count;
    return n <= d || made * n * d < n * d * d + 9.0 * d * d * d + made * d * d;
}

/* ---- the covariance ---- */

typedef struct spectrum {
    double *covariance, *values, *vectors; /* columns x columns, columns, columns x columns */
    double *part;                          /* SQUARED_AT_ONCE x columns */
    int64_t columns, rows;                 /* of the part */
    bal_pool *pool;
} spectrum;

enum { SQUARED_AT_ONCE = 256, STRIP = 64 };

/* The lower triangle's part below some columns; each number of it is one worker's. */
static void add_strip(void *user, int64_t strip, int worker)
{
    (void)worker;
    const spectrum *s = user;
    const int64_t first = strip * STRIP, left = s->columns - first;
    bal_add_products(&(bal_double_sums){.rows = s->rows,
                                        .columns = left,
                                        .others = left < STRIP ? left : STRIP,
                                        .inner_stride = s->columns,
                                        .a = s->part + first,
                                        .b = s->part + first,
                                        .out = s->covariance + first * s->columns + first,
                                        .stride = s->columns});
}

static bal_status add_squares(const bal_resampled *r, int c, const double *mean, spectrum *s)
{
    const int64_t n = bal_class_rows_in(&r->classes, c);
    for (int64_t at = 0; at < n; at += SQUARED_AT_ONCE) {
        s->rows = n - at < SQUARED_AT_ONCE ? n - at : SQUARED_AT_ONCE;
        for (int64_t i = 0; i < s->rows; i++)
            for (int64_t j = 0; j < s->columns; j++)
                s->part[i * s->columns + j] = (double)member(r, c, at + i)[j] - mean[j];
        bal_blas_pool_run(s->pool, (s->columns - 1) / STRIP + 1, add_strip, s);
        BAL_TRY(bal_resample_step(r, "covariance", at, n));
    }
    return BAL_OK;
}

static bal_status decompose(bal_resampled *r, int c, class_shape *shape, spectrum *s)
{
    const int64_t columns = r->data.columns;
    const size_t d = (size_t)columns;
    s->columns = columns;
    BAL_TRY(bal_blas_pool_open(&s->pool, r->ctx));
    s->covariance = bal_calloc(r->ctx, d, d * sizeof *s->covariance);
    s->vectors = bal_calloc(r->ctx, d, d * sizeof *s->vectors);
    s->values = bal_calloc(r->ctx, d, sizeof *s->values);
    s->part = bal_calloc(r->ctx, SQUARED_AT_ONCE, d * sizeof *s->part);
    shape->factor = bal_calloc(r->ctx, d, d * sizeof *shape->factor);
    if (!s->covariance || !s->vectors || !s->values || !s->part || !shape->factor)
        return BAL_NO_MEMORY;
    BAL_TRY(add_squares(r, c, shape->mean, s));
    BAL_TRY(bal_symmetric_eigen(r->ctx, s->covariance, columns, columns, s->values, s->vectors));
    const double freedom = (double)bal_class_rows_in(&r->classes, c) - 1.0;
    for (int64_t k = 0; k < columns; k++) {
        const double width = sqrt(fmax(s->values[k], 0.0) / freedom);
        for (int64_t j = 0; j < columns; j++)
            shape->factor[k * columns + j] = (float)(width * s->vectors[k * columns + j]);
    }
    shape->factors = columns;
    shape->scale = 1.0;
    return BAL_OK;
}

static bal_status plan_shape(bal_resampled *r, int c, class_shape *shape)
{
    const int64_t n = bal_class_rows_in(&r->classes, c);
    shape->mean = bal_calloc(r->ctx, (size_t)r->data.columns, sizeof *shape->mean);
    if (!shape->mean)
        return BAL_NO_MEMORY;
    find_mean(r, c, shape->mean);
    if (members_take_less(r, c)) {
        shape->factors = n;
        shape->scale = 1.0 / sqrt((double)n - 1.0);
        return BAL_OK;
    }
    spectrum s = {0};
    const bal_status status = decompose(r, c, shape, &s);
    bal_pool_close(&s.pool);
    bal_free(r->ctx, s.covariance);
    bal_free(r->ctx, s.vectors);
    bal_free(r->ctx, s.values);
    bal_free(r->ctx, s.part);
    return status;
}

/* ---- the plan ---- */

static bal_status plan_class(bal_resampled *r, int c, gaussian *g)
{
    const int64_t count = r->target[c].count;
    const bool alone = bal_class_rows_in(&r->classes, c) == 1;
    bal_synthetic *made;
    BAL_TRY(bal_resampled_make(r, count, &made));
    if (alone && count > 0)
        bal_log(r->ctx, BAL_LOG_WARN, "class %d has one row, which is copied: it has no covariance",
                (int)r->classes.labels[c]);
    const int64_t base = alone ? r->classes.members[r->classes.first[c]] : -1;
    for (int64_t i = 0; i < count; i++)
        made[i] =
            (bal_synthetic){.base = base, .neighbour = base, .class_number = c, .key = (uint32_t)i};
    if (alone || count == 0)
        return BAL_OK;
    BAL_TRY(plan_shape(r, c, &g->classes[c]));
    if (g->classes[c].factors > g->most)
        g->most = g->classes[c].factors;
    return BAL_OK;
}

static bal_status plan(bal_resampled *r)
{
    BAL_TRY(bal_resampled_keep_all(r));
    gaussian *g = r->state = bal_calloc(r->ctx, 1, sizeof *g);
    if (!g)
        return BAL_NO_MEMORY;
    g->classes = bal_calloc(r->ctx, (size_t)r->classes.count, sizeof *g->classes);
    if (!g->classes)
        return BAL_NO_MEMORY;
    for (int c = 0; c < r->classes.count; c++) {
        BAL_TRY(bal_resample_step(r, "classes", c, r->classes.count));
        BAL_TRY(plan_class(r, c, g));
    }
    g->draws = bal_calloc(r->ctx, (size_t)bal_pool_threads(r->pool) * RUN,
                          (size_t)g->most * sizeof *g->draws);
    return g->draws ? BAL_OK : BAL_NO_MEMORY;
}

/* ---- the rows ---- */

BAL_WIDE static void add_factor(const float *factor, const float *z, int64_t rows, int64_t stride,
                                float sums[RUN][CHUNK])
{
    for (int64_t i = 0; i < rows; i++) {
        const float by = z[i * stride];
        float *sum = sums[i];
        for (int j = 0; j < CHUNK; j++)
            sum[j] += by * factor[j];
    }
}

/* Columns first..first + width - 1 of some rows of one class. */
static void fill_chunk(const bal_resampled *r, const bal_synthetic *made, int64_t rows,
                       const float *z, int64_t first, float *values)
{
    const gaussian *g = r->state;
    const int c = made->class_number;
    const class_shape *shape = &g->classes[c];
    const int64_t columns = r->data.columns;
    const int64_t width = columns - first < CHUNK ? columns - first : CHUNK;
    float sums[RUN][CHUNK] = {{0}}, factor[CHUNK] = {0};
    for (int64_t k = 0; k < shape->factors; k++) {
        if (shape->factor)
            for (int64_t j = 0; j < width; j++)
                factor[j] = shape->factor[k * columns + first + j];
        else
            for (int64_t j = 0; j < width; j++)
                factor[j] = (float)((double)member(r, c, k)[first + j] - shape->mean[first + j]);
        add_factor(factor, z + k, rows, g->most, sums);
    }
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < width; j++)
            values[i * columns + first + j] = (float)(shape->mean[first + j] + (double)sums[i][j]);
}

/* At most RUN rows of one class. */
static void fill_run(const bal_resampled *r, const bal_synthetic *made, int64_t rows, float *values,
                     int worker)
{
    const gaussian *g = r->state;
    const class_shape *shape = &g->classes[made->class_number];
    float *z = g->draws + worker * RUN * g->most;
    for (int64_t i = 0; i < rows; i++) {
        bal_random random = bal_resample_random(r, 0, made[i].class_number, made[i].key);
        for (int64_t k = 0; k < shape->factors; k++)
            z[i * g->most + k] = (float)(shape->scale * bal_random_normal(&random));
    }
    for (int64_t first = 0; first < r->data.columns; first += CHUNK)
        fill_chunk(r, made, rows, z, first, values);
}

static void fill(const bal_resampled *r, const bal_synthetic *made, int64_t count, float *values,
                 int worker)
{
    for (int64_t at = 0; at < count;) {
        int64_t rows = 1;
        if (made[at].base >= 0) {
            bal_interpolate(r, &made[at], values + at * r->data.columns);
        } else {
            while (rows < RUN && at + rows < count &&
                   made[at + rows].class_number == made[at].class_number)
                rows++;
            fill_run(r, made + at, rows, values + at * r->data.columns, worker);
        }
        at += rows;
    }
}

const bal_resampler bal_resampler_gaussian = {
    .info = {.name = "gaussian",
             .formula = "x' ~ N(mean_c, covariance_c)",
             .source = "the normal distribution fitted to the class",
             .kind = BAL_RESAMPLE_OVER,
             .options = ""},
    .plan = plan,
    .fill = fill,
    .release = release,
};
