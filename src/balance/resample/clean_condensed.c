/* Condensed nearest neighbour (Hart 1968) and one-sided selection (Kubat & Matwin 1997). Both begin
 * with the minority and some drawn rows of a class, and keep of the class what these do not get
 * right by their k nearest neighbours; condensing learns from each row that it keeps, one-sided
 * selection does not and removes Tomek links afterwards. Class by class against the minority. */
#include "balance/resample/cleaning.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DRAW_SEEDS };

typedef struct condensing {
    bal_resampled *r;
    int c;                  /* the class */
    const int64_t *members; /* its rows */
    int64_t n;              /* how many */
    bool *taken;            /* of the members: in the store */
    int64_t *store;         /* rows that are known: the minority, then what was taken; ascending at
                               the beginning */
    int64_t known;
    int64_t k;
    int64_t *near; /* n x k: nearest known rows of each member; their distances; how many */
    double *distance;
    int64_t have;
    double *to_new; /* distances of all members to a row that was taken */
    int32_t *labels;
    int64_t *work;
} condensing;

static int by_number(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static bal_status draw_seeds(condensing *d)
{
    const int64_t wanted = d->r->settings.n_seeds;
    int64_t *order = bal_calloc(d->r->ctx, (size_t)d->n, sizeof *order);
    if (!order)
        return BAL_NO_MEMORY;
    for (int64_t i = 0; i < d->n; i++)
        order[i] = i;
    bal_random random = bal_resample_random(d->r, DRAW_SEEDS, d->c, 0);
    bal_random_shuffle(&random, order, d->n);
    for (int64_t i = 0; i < d->n && i < wanted; i++) {
        d->taken[order[i]] = true;
        d->store[d->known++] = d->members[order[i]];
    }
    qsort(d->store, (size_t)d->known, sizeof *d->store, by_number);
    bal_free(d->r->ctx, order);
    return BAL_OK;
}

static bal_status open_condensing(condensing *d)
{
    bal_ctx *ctx = d->r->ctx;
    const bal_class_rows *classes = &d->r->classes;
    const int64_t fewest = bal_class_rows_in(classes, classes->minority);
    d->members = classes->members + classes->first[d->c];
    d->n = bal_class_rows_in(classes, d->c);
    d->taken = bal_calloc(ctx, (size_t)d->n, sizeof *d->taken);
    d->store = bal_calloc(ctx, (size_t)(d->n + fewest), sizeof *d->store);
    if (!d->taken || !d->store)
        return BAL_NO_MEMORY;
    memcpy(d->store, classes->members + classes->first[classes->minority],
           (size_t)fewest * sizeof *d->store);
    d->known = fewest;
    BAL_TRY(draw_seeds(d));
    /* a seed is no neighbour of itself: it may have one fewer, and is not asked */
    d->k = d->r->settings.k < d->known - 1 ? d->r->settings.k : d->known - 1;
    d->have = d->k;
    d->near = bal_calloc(ctx, (size_t)d->n, (size_t)d->k * sizeof *d->near);
    d->distance = bal_calloc(ctx, (size_t)d->n, (size_t)d->k * sizeof *d->distance);
    d->to_new = bal_calloc(ctx, (size_t)d->n, sizeof *d->to_new);
    d->labels = bal_calloc(ctx, (size_t)d->k, sizeof *d->labels);
    d->work = bal_calloc(ctx, (size_t)classes->count, sizeof *d->work);
    return d->near && d->distance && d->to_new && d->labels && d->work ? BAL_OK : BAL_NO_MEMORY;
}

static void close_condensing(condensing *d)
{
    void *const memory[] = {d->taken,  d->store,  d->near, d->distance,
                            d->to_new, d->labels, d->work};
    for (size_t i = 0; i < BAL_COUNT_OF(memory); i++)
        bal_free(d->r->ctx, memory[i]);
}

static bal_status look_around(condensing *d)
{
    const bal_neighbourhood how = {.what = "neighbours of the class",
                                   .of = d->members,
                                   .of_count = d->n,
                                   .among = d->store,
                                   .among_count = d->known,
                                   .k = d->k};
    return bal_neighbourhood_find(d->r, &how, d->near, d->distance);
}

static bool is_right(const condensing *d, int64_t member)
{
    for (int64_t j = 0; j < d->k; j++)
        d->labels[j] = d->r->classes.of_row[d->near[member * d->k + j]];
    return bal_cleaning_mode(d->labels, d->k, d->work) == d->c;
}

/* ---- learning from a row ---- */

enum { ROWS_AT_ONCE = 256 };

typedef struct distances {
    const condensing *d;
    int64_t row;
} distances;

static void measure_part(void *user, int64_t part, int worker)
{
    (void)worker;
    const distances *m = user;
    const condensing *d = m->d;
    const int64_t columns = d->r->data.columns;
    const float *x = d->r->data.values + m->row * columns;
    const int64_t first = part * ROWS_AT_ONCE;
    const int64_t end = d->n - first < ROWS_AT_ONCE ? d->n : first + ROWS_AT_ONCE;
    for (int64_t i = first; i < end; i++) {
        const float *y = d->r->data.values + d->members[i] * columns;
        double squares = 0.0, xy = 0.0, xx = 0.0, yy = 0.0;
        for (int64_t j = 0; j < columns; j++) {
            const double a = (double)x[j], b = (double)y[j];
            if (d->r->cosine) {
                xy += a * b;
                xx += a * a;
                yy += b * b;
            } else {
                squares += (a - b) * (a - b);
            }
        }
        d->to_new[i] = !d->r->cosine            ? sqrt(squares)
                       : xx == 0.0 || yy == 0.0 ? 1.0
                                                : 1.0 - xy / sqrt(xx * yy);
    }
}

/* The row of a member becomes known: it may be among the nearest of others. */
static void learn(condensing *d, int64_t member)
{
    const int64_t row = d->members[member], k = d->k;
    distances m = {d, row};
    d->taken[member] = true;
    bal_pool_run(d->r->pool, (d->n - 1) / ROWS_AT_ONCE + 1, measure_part, &m);
    for (int64_t i = 0; i < d->n; i++) {
        int64_t at = k;
        while (at > 0 && d->to_new[i] < d->distance[i * k + at - 1])
            at--;
        if (at == k)
            continue;
        for (int64_t j = k - 1; j > at; j--) {
            d->near[i * k + j] = d->near[i * k + j - 1];
            d->distance[i * k + j] = d->distance[i * k + j - 1];
        }
        d->near[i * k + at] = row;
        d->distance[i * k + at] = d->to_new[i];
    }
}

static bal_status condense(condensing *d)
{
    for (int64_t i = 0; i < d->n; i++) {
        if (d->taken[i] || is_right(d, i))
            continue;
        BAL_TRY(bal_resample_step(d->r, "condensing", i, d->n));
        learn(d, i);
    }
    return BAL_OK;
}

static bal_status select_once(condensing *d)
{
    for (int64_t i = 0; i < d->n; i++)
        d->taken[i] = d->taken[i] || !is_right(d, i);
    return BAL_OK;
}

/* ---- the methods ---- */

/* Marks of class c what is not taken; remove is one a row. */
static bal_status reduce(bal_resampled *r, int c, bal_status (*take)(condensing *), bool *remove)
{
    condensing d = {.r = r, .c = c};
    bal_status status = open_condensing(&d);
    if (status == BAL_OK && d.k > 0)
        status = look_around(&d);
    if (status == BAL_OK && d.k > 0)
        status = take(&d);
    for (int64_t i = 0; status == BAL_OK && i < d.n; i++)
        remove[d.members[i]] = !d.taken[i];
    close_condensing(&d);
    return status;
}

static bal_status plan_with(bal_resampled *r, bal_status (*take)(condensing *), bool links)
{
    bal_cleaning all;
    BAL_TRY(bal_cleaning_open(&all, r));
    bool *chosen = bal_cleaning_chosen(r);
    bal_status status = chosen ? BAL_OK : BAL_NO_MEMORY;
    for (int c = 0; status == BAL_OK && c < r->classes.count; c++) /* rows are numbered as marks */
        if (chosen[c] && c != r->classes.minority)
            status = reduce(r, c, take, all.remove);
    if (status == BAL_OK)
        bal_cleaning_apply(&all);
    if (status == BAL_OK && links)
        status = bal_cleaning_tomek(&all, chosen);
    if (status == BAL_OK)
        bal_cleaning_apply(&all);
    if (status == BAL_OK)
        status = bal_resampled_keep(r, all.rows, all.count);
    bal_free(r->ctx, chosen);
    bal_cleaning_close(&all);
    return status;
}

static bal_status plan_cnn(bal_resampled *r)
{
    return plan_with(r, condense, false);
}

static bal_status plan_oss(bal_resampled *r)
{
    return plan_with(r, select_once, true);
}

const bal_resampler bal_resampler_cnn = {
    .info = {.name = "cnn",
             .formula = "of each class keeps drawn rows and, one after the other, those that the "
                        "rows kept so far and the minority get wrong",
             .source = "Hart 1968",
             .kind = BAL_RESAMPLE_CLEAN,
             .options = "k distance n-seeds",
             .k = 1},
    .plan = plan_cnn,
};

const bal_resampler bal_resampler_oss = {
    .info = {.name = "oss",
             .formula = "of each class keeps drawn rows and those that they and the minority get "
                        "wrong; then removes Tomek links",
             .source = "Kubat & Matwin 1997",
             .kind = BAL_RESAMPLE_CLEAN,
             .options = "k distance n-seeds",
             .k = 1},
    .plan = plan_oss,
};
