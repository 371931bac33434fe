/* New rows between a base and one of its neighbours: what the methods of SMOTE's kind share. Only
 * bases that were drawn have their neighbours looked for. */
#include "balance/resample/neighbourhood.h"

#include "numeric/rows.h"

#include <math.h>

enum { DRAW_BASE, DRAW_POINT, DRAWS };

typedef struct drawing {
    bal_resampled *r;
    const bal_interpolation *how;
    bal_synthetic *made;
    int64_t *used;  /* bases that were drawn, ascending */
    int64_t *place; /* of a base among the used */
    int64_t *index; /* used x k */
    int64_t used_count, k;
} drawing;

static bal_random random_of(const drawing *d, int draw, int64_t item)
{
    return bal_resample_random(d->r, d->how->purpose * DRAWS + (uint32_t)draw, d->how->c,
                               (uint64_t)item);
}

/* The base of every new row, as a number among the bases for now. */
static void draw_bases(const drawing *d)
{
    const bal_interpolation *how = d->how;
    int64_t base = 0, left = how->times ? how->times[0] : 0;
    for (int64_t i = 0; i < how->count; i++, left--) {
        bal_random random = random_of(d, DRAW_BASE, i);
        while (how->times && left == 0)
            left = how->times[++base];
        d->made[i].base =
            how->times ? base : (int64_t)bal_random_below(&random, (uint64_t)how->base_count);
        d->made[i].class_number = how->c;
        d->made[i].key = (uint32_t)i;
    }
}

/* Where most of a class is used, the search among all of it looks at each pair once, which is less
 * work than the used ones against all. */
static void find_used(drawing *d)
{
    const bal_interpolation *how = d->how;
    for (int64_t i = 0; i < how->count; i++) {
        d->used_count += !d->place[d->made[i].base];
        d->place[d->made[i].base] = 1;
    }
    const bool all = how->bases == how->among && how->base_count == how->among_count &&
                     2 * d->used_count > how->base_count;
    d->used_count = 0;
    for (int64_t b = 0; b < how->base_count; b++)
        if (all || d->place[b]) {
            d->place[b] = d->used_count;
            d->used[d->used_count++] = how->bases[b];
        }
}

/* How many rows every base can have as neighbours. */
static int64_t rows_around(const bal_interpolation *how)
{
    for (int64_t b = 0; b < how->base_count; b++)
        if (bal_find_row(how->among, how->among_count, how->bases[b]) >= 0)
            return how->among_count - 1;
    return how->among_count;
}

static void draw_points(const drawing *d)
{
    const bal_interpolation *how = d->how;
    for (int64_t i = 0; i < how->count; i++) {
        bal_synthetic *made = &d->made[i];
        bal_random random = random_of(d, DRAW_POINT, i);
        const int64_t j = (int64_t)bal_random_below(&random, (uint64_t)d->k);
        made->neighbour = d->index[d->place[made->base] * d->k + j];
        made->base = how->bases[made->base];
        made->weight = how->step * bal_random_unit(&random);
    }
}

static void copy_bases(const drawing *d)
{
    bal_log(d->r->ctx, BAL_LOG_WARN,
            "class %d: there is one row to make others from; it is copied, nothing is interpolated",
            (int)d->r->classes.labels[d->how->c]);
    for (int64_t i = 0; i < d->how->count; i++)
        d->made[i].neighbour = d->made[i].base = d->how->bases[d->made[i].base];
}

static bal_status plan(drawing *d)
{
    const bal_interpolation *how = d->how;
    bal_ctx *ctx = d->r->ctx;
    BAL_TRY(bal_resampled_make(d->r, how->count, &d->made));
    draw_bases(d);
    const int64_t around = rows_around(how);
    if (around == 0) {
        copy_bases(d);
        return BAL_OK;
    }
    d->k = bal_neighbourhood_k(d->r, how->c, how->k, around);
    d->used = bal_calloc(ctx, (size_t)how->base_count, sizeof *d->used);
    d->place = bal_calloc(ctx, (size_t)how->base_count, sizeof *d->place);
    if (!d->used || !d->place)
        return BAL_NO_MEMORY;
    find_used(d);
    d->index = bal_calloc(ctx, (size_t)d->used_count, (size_t)d->k * sizeof *d->index);
    if (!d->index)
        return BAL_NO_MEMORY;
    const bool all_used = how->bases == how->among && d->used_count == how->among_count;
    const bal_neighbourhood neighbours = {.what = "neighbours",
                                          .of = all_used ? how->among : d->used,
                                          .of_count = d->used_count,
                                          .among = how->among,
                                          .among_count = how->among_count,
                                          .k = d->k};
    BAL_TRY(bal_neighbourhood_find(d->r, &neighbours, d->index, NULL));
    draw_points(d);
    return BAL_OK;
}

bal_status bal_interpolation_plan(bal_resampled *r, const bal_interpolation *how)
{
    if (how->count == 0)
        return BAL_OK;
    drawing d = {.r = r, .how = how};
    const bal_status status = plan(&d);
    bal_free(r->ctx, d.used);
    bal_free(r->ctx, d.place);
    bal_free(r->ctx, d.index);
    return status;
}

/* Gamma(10): the sum of ten exponential numbers. */
static double gamma_ten(bal_random *random)
{
    double sum = 0.0;
    for (int i = 0; i < 10; i++)
        sum -= log(1.0 - bal_random_unit(random));
    return sum;
}

int64_t bal_interpolation_share(const bal_resampled *r, int c, int64_t count)
{
    bal_random random = bal_resample_random(r, UINT32_MAX, c, 0);
    const double a = gamma_ten(&random), b = gamma_ten(&random);
    const int64_t share = (int64_t)(a / (a + b) * (double)(count + 1));
    return share < count ? share : count;
}
