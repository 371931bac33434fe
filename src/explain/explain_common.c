/* The control for size: every class drawn down to the same number of items, again and again. */
#include "explain/explain_parts.h"

#include "base/random.h"
#include "numeric/statistics/quantile.h"

#include <math.h>
#include <string.h>

enum {
    LEAST_ITEMS = 10, /* smaller classes do not decide the common size */
    MOST_COMMON = 100
};

/* Half of the smallest class, so that draws differ there too. */
int64_t bal_explain_common_size(const bal_explain *e, int side)
{
    const bal_side_work *w = &e->side[side];
    int64_t smallest = 0;
    for (int c = 0; c < e->classes; c++) {
        const int64_t items = bal_class_size(w, c);
        if (items >= LEAST_ITEMS && (smallest == 0 || items < smallest))
            smallest = items;
    }
    int64_t size = smallest / 2 < MOST_COMMON ? smallest / 2 : MOST_COMMON;
    if (e->s.max_items > 0 && size > e->s.max_items / e->classes)
        size = e->s.max_items / e->classes;
    return e->s.draws > 0 && size >= 2 ? size : 0;
}

void bal_explain_draw_items(const bal_explain *e, const bal_draw_ask *ask, int64_t *items)
{
    const bal_side_work *w = &e->side[ask->side];
    const int64_t all = bal_class_size(w, ask->c);
    /* epochs 0 and 1 are the bootstrap's weights, 2 and 3 the archetypes' sample */
    bal_random random =
        bal_random_at(e->s.seed, BAL_STREAM_EXPLAIN,
                      4 + 2 * (uint64_t)ask->draw + (uint64_t)ask->side, (uint64_t)ask->c);
    memcpy(items, w->order + w->first[ask->c], (size_t)all * sizeof *items);
    for (int64_t i = 0; i < ask->count; i++) {
        const int64_t other = i + (int64_t)bal_random_below(&random, (uint64_t)(all - i));
        const int64_t kept = items[i];
        items[i] = items[other];
        items[other] = kept;
    }
}

void bal_explain_set_common(double *values, int draws, bal_figure_value *out)
{
    int64_t defined = 0;
    for (int i = 0; i < draws; i++)
        if (!isnan(values[i]))
            values[defined++] = values[i];
    out->common = NAN;
    out->common_interval = (bal_interval){NAN, NAN};
    if (2 * defined < draws || defined == 0)
        return;
    bal_sort_doubles(values, defined);
    out->common = bal_quantile_sorted(values, defined, 0.5);
    out->common_interval = (bal_interval){bal_quantile_sorted(values, defined, 0.025),
                                          bal_quantile_sorted(values, defined, 0.975)};
}

/* ---- one class ---- */

typedef struct drawing {
    bal_explain *e;
    bal_sums_space *space;
    bal_class_sums sums[BAL_SIDES];
    int64_t *items;  /* the largest class of either side */
    int64_t *groups; /* common size: right ones, then wrong ones */
    double *m;
    int32_t *scratch, *top[BAL_SIDES];
    double *draws; /* BAL_SIDES x BAL_FIGURE_COUNT x draws */
} drawing;

static bool is_drawn(const bal_explain *e, int side, int c)
{
    const int64_t common = e->side[side].view.common;
    return common > 0 && bal_class_size(&e->side[side], c) > common;
}

/* The right ones of the drawn items first. */
static void split_groups(const drawing *d, int side, bal_sums_ask *ask)
{
    const bal_side_work *w = &d->e->side[side];
    const int64_t count = w->view.common;
    int64_t right = 0, wrong = count;
    for (int64_t i = 0; i < count; i++) {
        const int64_t item = d->items[i];
        if (w->predictions && w->predictions[item] == w->in.labels[item])
            d->groups[right++] = item;
        else
            d->groups[--wrong] = item;
    }
    ask->items[0] = d->groups;
    ask->items[1] = d->groups + right;
    ask->count[0] = right;
    ask->count[1] = count - right;
}

static bal_status draw_side(drawing *d, const bal_draw_ask *draw, bal_figures_ask *figures,
                            double *values)
{
    bal_explain *e = d->e;
    const int side = draw->side;
    bal_sums_ask ask = {.side = side, .c = draw->c};
    bal_explain_draw_items(e, draw, d->items);
    BAL_TRY(bal_explain_variety(e, side, d->items, draw->count, values));
    split_groups(d, side, &ask);
    BAL_TRY(bal_class_sums_add(d->space, &ask, &d->sums[side]));
    figures->sums[side] = &d->sums[side];
    figures->predicts[side] = bal_side_predicts(e, side);
    if (bal_explain_class_top(e, draw->c, &d->sums[side], d->m, d->top[side]))
        figures->top[side] = d->top[side];
    return BAL_OK;
}

static bal_status draw_class(drawing *d, int c, int draw)
{
    bal_explain *e = d->e;
    double values[BAL_SIDES][BAL_FIGURE_COUNT];
    bal_figures_ask ask = {.c = c, .m = d->m, .scratch = d->scratch};
    for (int side = 0; side < BAL_SIDES; side++) {
        for (int i = 0; i < BAL_FIGURE_COUNT; i++)
            values[side][i] = NAN;
        const bal_draw_ask of_side = {side, c, draw, e->side[side].view.common};
        if (bal_side_present(e, side) && is_drawn(e, side, c))
            BAL_TRY(draw_side(d, &of_side, &ask, values[side]));
    }
    bal_explain_figures_of(e, &ask, values);
    for (int side = 0; side < BAL_SIDES; side++)
        for (int i = 0; i < BAL_FIGURE_COUNT; i++)
            d->draws[((size_t)side * BAL_FIGURE_COUNT + (size_t)i) * (size_t)e->s.draws +
                     (size_t)draw] = values[side][i];
    return BAL_OK;
}

static bal_status measure_class(drawing *d, int c)
{
    bal_explain *e = d->e;
    for (int r = 0; r < e->s.draws; r++)
        BAL_TRY(draw_class(d, c, r));
    for (int side = 0; side < BAL_SIDES; side++)
        for (int i = 0; bal_side_present(e, side) && i < BAL_FIGURE_COUNT; i++)
            if (bal_figure_at(i)->common && !bal_is_archetype(i))
                bal_explain_set_common(d->draws + ((size_t)side * BAL_FIGURE_COUNT + (size_t)i) *
                                                      (size_t)e->s.draws,
                                       e->s.draws, &e->side[side].class_of[c].figures[i]);
    return BAL_OK;
}

/* ---- all ---- */

static bal_status open_drawing(drawing *d, bal_explain *e)
{
    int64_t largest = 0, common = 0;
    *d = (drawing){.e = e};
    BAL_TRY(bal_sums_space_open(&d->space, e, 0));
    bool enough = true;
    for (int side = 0; side < BAL_SIDES; side++) {
        if (!bal_side_present(e, side))
            continue;
        BAL_TRY(bal_class_sums_open(&d->sums[side], e, 0));
        d->top[side] = bal_calloc(e->ctx, (size_t)e->top, sizeof *d->top[side]);
        enough = enough && d->top[side];
        common = e->side[side].view.common > common ? e->side[side].view.common : common;
        for (int c = 0; c < e->classes; c++)
            if (bal_class_size(&e->side[side], c) > largest)
                largest = bal_class_size(&e->side[side], c);
    }
    d->items = bal_calloc(e->ctx, (size_t)largest, sizeof *d->items);
    d->groups = bal_calloc(e->ctx, (size_t)common, sizeof *d->groups);
    d->m = bal_calloc(e->ctx, (size_t)e->dim, sizeof *d->m);
    d->scratch = bal_calloc(e->ctx, (size_t)e->top, sizeof *d->scratch);
    d->draws = bal_calloc(e->ctx, BAL_SIDES * (size_t)BAL_FIGURE_COUNT,
                          (size_t)e->s.draws * sizeof *d->draws);
    enough = enough && d->items && d->groups && d->m && d->scratch && d->draws;
    return enough ? BAL_OK : BAL_NO_MEMORY;
}

static void close_drawing(drawing *d)
{
    bal_ctx *ctx = d->e->ctx;
    bal_sums_space_close(&d->space);
    for (int side = 0; side < BAL_SIDES; side++) {
        bal_class_sums_close(ctx, &d->sums[side]);
        bal_free(ctx, d->top[side]);
    }
    bal_free(ctx, d->items);
    bal_free(ctx, d->groups);
    bal_free(ctx, d->m);
    bal_free(ctx, d->scratch);
    bal_free(ctx, d->draws);
}

bal_status bal_explain_measure_common(bal_explain *e)
{
    drawing d;
    bool any = false;
    for (int side = 0; side < BAL_SIDES; side++)
        any |= bal_side_present(e, side) && e->side[side].view.common > 0;
    if (!any)
        return BAL_OK;
    bal_status status = open_drawing(&d, e);
    for (int c = 0; status == BAL_OK && c < e->classes; c++) {
        bal_explain_tell(e, "at a common size", c, e->classes);
        status = measure_class(&d, c);
    }
    close_drawing(&d);
    return status;
}
