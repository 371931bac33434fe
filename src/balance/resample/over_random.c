/* Random over-sampling: members drawn with replacement, as they are or with normal noise on them
 * (the smoothed bootstrap, ROSE; Menardi & Torelli 2014). The noise of column j has the deviation
 *     shrinkage h s_cj,   h = (4 / ((d + 2) n))^(1 / (d + 4)),
 * s_cj the deviation (over n_c) of the column in the class, d columns, n rows of all classes. */
#include "balance/resample/resampling.h"

#include <math.h>

enum { DRAW_MEMBER, DRAW_NOISE };

/* Deviations of the columns within a class, one thread a class. */
typedef struct spread {
    const bal_resampled *r;
    double *deviation; /* classes x columns */
    double *mean;      /* the same, work space */
    double width;
} spread;

static void measure_class(void *user, int64_t c, int worker)
{
    (void)worker;
    const spread *s = user;
    const bal_resampled *r = s->r;
    if (!r->target[c].count)
        return;
    const int64_t columns = r->data.columns, n = bal_class_rows_in(&r->classes, (int)c);
    const int64_t *members = r->classes.members + r->classes.first[c];
    double *mean = s->mean + c * columns, *deviation = s->deviation + c * columns;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < columns; j++)
            mean[j] += (double)r->data.values[members[i] * columns + j] / (double)n;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < columns; j++) {
            const double off = (double)r->data.values[members[i] * columns + j] - mean[j];
            deviation[j] += off * off / (double)n;
        }
    for (int64_t j = 0; j < columns; j++)
        deviation[j] = s->width * sqrt(deviation[j]);
}

static bal_status measure(bal_resampled *r)
{
    const double d = (double)r->data.columns, n = (double)r->data.rows;
    const size_t columns = (size_t)r->data.columns, classes = (size_t)r->classes.count;
    spread s = {.r = r,
                .width = r->settings.shrinkage * pow(4.0 / ((d + 2.0) * n), 1.0 / (d + 4.0)),
                .mean = bal_calloc(r->ctx, columns, classes * sizeof *s.mean),
                .deviation = bal_calloc(r->ctx, columns, classes * sizeof *s.deviation)};
    r->state = s.deviation;
    if (s.mean && s.deviation)
        bal_pool_run(r->pool, r->classes.count, measure_class, &s);
    bal_free(r->ctx, s.mean);
    return s.mean && s.deviation ? BAL_OK : BAL_NO_MEMORY;
}

static void plan_class(bal_resampled *r, int c, bal_synthetic *made)
{
    const int64_t *members = r->classes.members + r->classes.first[c];
    const uint64_t n = (uint64_t)bal_class_rows_in(&r->classes, c);
    for (int64_t i = 0; i < r->target[c].count; i++) {
        bal_random random = bal_resample_random(r, DRAW_MEMBER, c, (uint64_t)i);
        const int64_t row = members[bal_random_below(&random, n)];
        made[i] = (bal_synthetic){
            .base = row, .neighbour = r->state ? -1 : row, .class_number = c, .key = (uint32_t)i};
    }
}

static bal_status plan(bal_resampled *r)
{
    BAL_TRY(bal_resampled_keep_all(r));
    if (r->settings.shrinkage > 0.0)
        BAL_TRY(measure(r));
    for (int c = 0; c < r->classes.count; c++) {
        bal_synthetic *made;
        BAL_TRY(bal_resample_step(r, "drawing", c, r->classes.count));
        BAL_TRY(bal_resampled_make(r, r->target[c].count, &made));
        plan_class(r, c, made);
    }
    return BAL_OK;
}

static void add_noise(const bal_resampled *r, const bal_synthetic *made, float *values)
{
    const int64_t columns = r->data.columns;
    const float *base = r->data.values + made->base * columns;
    const double *deviation = (const double *)r->state + made->class_number * columns;
    bal_random random = bal_resample_random(r, DRAW_NOISE, made->class_number, made->key);
    for (int64_t j = 0; j < columns; j++)
        values[j] = (float)((double)base[j] + deviation[j] * bal_random_normal(&random));
}

static void fill(const bal_resampled *r, const bal_synthetic *made, int64_t count, float *values,
                 int worker)
{
    (void)worker;
    for (int64_t i = 0; i < count; i++) {
        if (r->state)
            add_noise(r, &made[i], values + i * r->data.columns);
        else
            bal_interpolate(r, &made[i], values + i * r->data.columns);
    }
}

static void release(bal_resampled *r)
{
    bal_free(r->ctx, r->state);
}

const bal_resampler bal_resampler_random_over = {
    .info = {.name = "random-over",
             .formula = "x' = x_i + shrinkage h s_c N(0, 1), i uniform in the class",
             .source = "Menardi & Torelli 2014 (the noise)",
             .kind = BAL_RESAMPLE_OVER,
             .options = "shrinkage"},
    .plan = plan,
    .fill = fill,
    .release = release,
};
