/* Variety within each class: of all its items, and of as many items for every class, drawn again
 * and again, since the size of a class alone decides much of the raw figures. */
#include "audit/hardness/hardness_parts.h"

#include "base/random.h"
#include "numeric/statistics/quantile.h"
#include "numeric/statistics/variety.h"

#include <math.h>
#include <string.h>

enum {
    LEAST_ITEMS = 10, /* smaller classes do not decide the common size */
    MOST_COMMON = 100
};

/* Half of the smallest class, so that draws differ there too; 0: no class has LEAST_ITEMS. */
static int64_t common_size(const bal_hardness_work *w)
{
    int64_t smallest = 0;
    for (int c = 0; c < w->classes; c++) {
        const int64_t items = bal_class_items(w, c);
        if (items >= LEAST_ITEMS && (smallest == 0 || items < smallest))
            smallest = items;
    }
    return smallest / 2 < MOST_COMMON ? smallest / 2 : MOST_COMMON;
}

static int head_class(const bal_hardness_work *w)
{
    int head = 0;
    for (int c = 1; c < w->classes; c++)
        if (bal_class_items(w, c) > bal_class_items(w, head))
            head = c;
    return head;
}

typedef struct gathered {
    float *values;  /* room for the rows of any class */
    int64_t *order; /* likewise, of their numbers */
} gathered;

static bal_status measure(const bal_hardness_work *w, const gathered *g, int64_t count,
                          bal_diversity *out)
{
    const size_t columns = (size_t)w->given.columns;
    for (int64_t i = 0; i < count; i++)
        memcpy(g->values + (size_t)i * columns, w->given.values + (size_t)g->order[i] * columns,
               columns * sizeof(float));
    const bal_rows rows = {g->values, count, w->given.columns};
    if (bal_interrupted(w->ctx))
        return bal_fail(w->ctx, BAL_INTERRUPTED, "interrupted while the diversity was measured");
    bal_variety v;
    BAL_TRY(bal_variety_of(w->ctx, &rows, &v));
    *out = (bal_diversity){v.effective_rank, v.spread, v.cosine};
    return BAL_OK;
}

/* The first `count` of the class's items in an order that is a function of (seed, draw, class). */
static void draw_items(const bal_hardness_work *w, int c, int draw, int64_t count, int64_t *order)
{
    const int64_t items = bal_class_items(w, c);
    /* epoch 0 is the sample's */
    bal_random random =
        bal_random_at(w->settings->seed, BAL_STREAM_AUDIT, 1 + (uint64_t)draw, (uint64_t)c);
    memcpy(order, w->by_class + w->first[c], (size_t)items * sizeof *order);
    for (int64_t i = 0; i < count; i++) {
        const int64_t other = i + (int64_t)bal_random_below(&random, (uint64_t)(items - i));
        const int64_t kept = order[i];
        order[i] = order[other];
        order[other] = kept;
    }
}

/* ---- figures over the draws ---- */

/* NaN as soon as one is NaN. */
static bal_drawn drawn(double *values, int count)
{
    for (int i = 0; i < count; i++)
        if (isnan(values[i]))
            return (bal_drawn){NAN, NAN, NAN};
    bal_sort_doubles(values, count);
    return (bal_drawn){bal_quantile_sorted(values, count, 0.5),
                       bal_quantile_sorted(values, count, 0.025),
                       bal_quantile_sorted(values, count, 0.975)};
}

static double figure(const bal_diversity *d, int which)
{
    return which == 0 ? d->effective_rank : which == 1 ? d->spread : d->cosine;
}

/* values is room for the draws. */
static void summarise(const bal_diversity *of_class, const bal_diversity *of_head, int draws,
                      double *values, bal_class_diversity *out)
{
    bal_drawn *const plain[] = {&out->effective_rank, &out->spread, &out->cosine};
    bal_drawn *const ratio[] = {&out->rank_against_head, &out->spread_against_head,
                                &out->cosine_against_head};
    for (int which = 0; which < 3; which++) {
        for (int r = 0; r < draws; r++)
            values[r] = figure(&of_class[r], which);
        *plain[which] = drawn(values, draws);
        for (int r = 0; r < draws; r++) {
            const double head = figure(&of_head[r], which);
            values[r] = head > 0.0 ? figure(&of_class[r], which) / head : NAN;
        }
        *ratio[which] = drawn(values, draws);
    }
}

typedef struct draws {
    int64_t common;
    int count;
    bal_diversity *of_class, *of_head; /* one a draw */
    double *values;
} draws;

static bal_status measure_draws(const bal_hardness_work *w, const gathered *g, int c,
                                int64_t common, bal_diversity *out)
{
    for (int r = 0; r < w->settings->draws; r++) {
        draw_items(w, c, r, common, g->order);
        BAL_TRY(measure(w, g, common, &out[r]));
    }
    return BAL_OK;
}

static bal_status measure_class(bal_hardness_work *w, const gathered *g, int c, const draws *d)
{
    bal_class_diversity *out = &w->class_of[c].diversity;
    const int64_t items = bal_class_items(w, c);
    if (items == 0)
        return BAL_OK;
    memcpy(g->order, w->by_class + w->first[c], (size_t)items * sizeof *g->order);
    BAL_TRY(measure(w, g, items, &out->all));
    if (d->common == 0 || items <= d->common)
        return BAL_OK;
    BAL_TRY(measure_draws(w, g, c, d->common, d->of_class));
    summarise(d->of_class, d->of_head, d->count, d->values, out);
    w->class_of[c].diversity_against_head = out->rank_against_head.median;
    return BAL_OK;
}

bal_status bal_measure_diversity(bal_hardness_work *w)
{
    const int head = head_class(w), count = w->settings->draws;
    const size_t most = (size_t)bal_class_items(w, head);
    bal_hardness_part part = {w->settings, "diversity"};
    bal_hardness_step(&part, 0, w->classes);
    draws d = {.common = count > 0 ? common_size(w) : 0, .count = count};
    gathered g = {
        .values = bal_calloc(w->ctx, most, (size_t)w->given.columns * sizeof *g.values),
        .order = bal_calloc(w->ctx, most, sizeof *g.order),
    };
    d.of_class = bal_calloc(w->ctx, (size_t)count, sizeof *d.of_class);
    d.of_head = bal_calloc(w->ctx, (size_t)count, sizeof *d.of_head);
    d.values = bal_calloc(w->ctx, (size_t)count, sizeof *d.values);
    bal_status status =
        g.values && g.order && d.of_class && d.of_head && d.values ? BAL_OK : BAL_NO_MEMORY;
    w->out->common = d.common;
    w->out->draws = d.common > 0 ? count : 0;
    if (status == BAL_OK && d.common > 0)
        status = measure_draws(w, &g, head, d.common, d.of_head);
    for (int c = 0; c < w->classes && status == BAL_OK; c++) {
        status = measure_class(w, &g, c, &d);
        bal_hardness_step(&part, c + 1, w->classes);
    }
    bal_free(w->ctx, g.values);
    bal_free(w->ctx, g.order);
    bal_free(w->ctx, d.of_class);
    bal_free(w->ctx, d.of_head);
    bal_free(w->ctx, d.values);
    return status;
}
