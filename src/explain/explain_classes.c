/* Every class in turn: its vectors, its figures, their intervals over the draws of the bootstrap.
 */
#include "explain/explain_parts.h"

#include "numeric/statistics/intervals.h"
#include "numeric/statistics/quantile.h"

#include <math.h>
#include <string.h>

typedef struct measuring {
    bal_explain *e;
    bal_sums_space *space;
    bal_class_sums sums[BAL_SIDES];
    double *m;        /* dim */
    int32_t *scratch; /* K */
    int32_t *top[BAL_SIDES];
    double *draws; /* BAL_SIDES x BAL_FIGURE_COUNT x bootstrap */
} measuring;

/* ---- vectors ---- */

static void put_mean(double *out, const double *sum, int dim, double count)
{
    for (int k = 0; k < dim; k++)
        out[k] = count > 0.0 ? sum[k] / count : NAN;
}

static void put_features(measuring *g, int side, int c)
{
    const bal_explain *e = g->e;
    const bal_class_sums *s = &g->sums[side];
    bal_side_work *w = &g->e->side[side];
    bal_explained_class *out = &w->class_of[c];
    const size_t dim = (size_t)e->dim;
    const double *a = bal_sums_segment(s, 0, 0, BAL_SEGMENT_RAW),
                 *b = bal_sums_segment(s, 1, 0, BAL_SEGMENT_RAW);
    double *mean = bal_class_vector(w, c, BAL_VECTOR_FEATURE, e->dim),
           *low = bal_class_vector(w, c, BAL_VECTOR_LOW, e->dim),
           *high = bal_class_vector(w, c, BAL_VECTOR_HIGH, e->dim);
    const double count = (double)out->items;
    for (size_t k = 0; k < dim; k++) {
        mean[k] = count > 0.0 ? (a[k] + b[k]) / count : NAN;
        w->means[(size_t)c * dim + k] = count > 0.0 ? mean[k] : 0.0;
        w->holds[(size_t)c * dim + k] = s->holds[k];
        low[k] = s->low[k];
        high[k] = s->high[k];
    }
    if (out->items > 0)
        bal_explain_largest(mean, e->dim, e->top, bal_class_top(w, c, e->top) + e->top);
}

static void put_ce(measuring *g, int side, int c)
{
    const bal_explain *e = g->e;
    const bal_class_sums *s = &g->sums[side];
    const bal_side_work *work = &e->side[side];
    double *ce = bal_class_vector(work, c, BAL_VECTOR_CE, e->dim),
           *own = bal_class_vector(work, c, BAL_VECTOR_WRONG_OWN, e->dim),
           *f = bal_class_vector(work, c, BAL_VECTOR_FREQUENCY, e->dim),
           *f_all = bal_class_vector(work, c, BAL_VECTOR_FREQUENCY_ALL, e->dim);
    const double right = (double)s->count[BAL_GROUP_RIGHT], wrong = (double)s->count[1];
    const double *w = e->weight + (size_t)c * (size_t)e->dim;
    put_mean(ce, bal_sums_segment(s, 0, 0, BAL_SEGMENT_Z), e->dim, right);
    put_mean(own, bal_sums_segment(s, 1, 0, BAL_SEGMENT_Z), e->dim, wrong);
    put_mean(bal_class_vector(work, c, BAL_VECTOR_WRONG_CE, e->dim),
             bal_sums_segment(s, 1, 0, BAL_SEGMENT_CE), e->dim, wrong);
    const double *a = bal_sums_segment(s, 0, 0, BAL_SEGMENT_MASK),
                 *b = bal_sums_segment(s, 1, 0, BAL_SEGMENT_MASK);
    put_mean(f, a, e->dim, right);
    for (int k = 0; k < e->dim; k++) {
        ce[k] *= w[k];
        own[k] *= w[k];
        f_all[k] = right + wrong > 0.0 ? (a[k] + b[k]) / (right + wrong) : NAN;
    }
}

/* T_c, and what stands there. */
static void put_top(measuring *g, int side, int c)
{
    const bal_explain *e = g->e;
    const bal_class_sums *s = &g->sums[side];
    bal_side_work *w = &g->e->side[side];
    int32_t *top = bal_class_top(w, c, e->top);
    double *magnitude = w->magnitudes + (size_t)c * 2 * (size_t)e->top,
           *conditional = magnitude + e->top;
    g->top[side] = NULL;
    if (!bal_explain_class_top(e, c, s, g->m, top))
        return;
    const double *mask = bal_sums_segment(s, 0, 0, BAL_SEGMENT_MASK),
                 *ce = bal_sums_segment(s, 0, 0, BAL_SEGMENT_CE);
    for (int i = 0; i < e->top; i++) {
        magnitude[i] = g->m[top[i]];
        conditional[i] = mask[top[i]] > 0.0 ? ce[top[i]] / mask[top[i]] : NAN;
    }
    w->class_of[c].top_count = e->top;
    g->top[side] = top;
}

static bal_status take_sums(measuring *g, int side, int c)
{
    bal_explain *e = g->e;
    bal_side_work *w = &e->side[side];
    const int64_t *items = w->order + w->first[c];
    const int64_t right = w->right[c];
    const bal_sums_ask ask = {.side = side,
                              .c = c,
                              .items = {items, items + right},
                              .count = {right, bal_class_size(w, c) - right},
                              .first_time = true};
    BAL_TRY(bal_class_sums_add(g->space, &ask, &g->sums[side]));
    put_features(g, side, c);
    if (e->weight) {
        put_ce(g, side, c);
        put_top(g, side, c);
    }
    return BAL_OK;
}

/* ---- figures ---- */

static double *draws_of(const measuring *g, int side, int figure)
{
    return g->draws +
           ((size_t)side * BAL_FIGURE_COUNT + (size_t)figure) * (size_t)g->e->s.bootstrap;
}

static int64_t items_behind(const bal_explain *e, int side, int c, bal_figure_over over)
{
    const bal_side_work *train = &e->side[BAL_SIDE_TRAIN], *w = &e->side[side];
    int64_t here = bal_class_size(w, c);
    if (over == BAL_OVER_RIGHT || over == BAL_OVER_BOTH)
        here = w->right[c];
    else if (over == BAL_OVER_WRONG || over == BAL_OVER_LACK)
        here -= w->right[c];
    if ((over == BAL_OVER_BOTH || over == BAL_OVER_LACK) && bal_side_present(e, BAL_SIDE_TRAIN) &&
        train->right[c] < here)
        here = train->right[c];
    return here;
}

/* Draws without the items that the figure is about are left out; half must remain. */
static bal_interval interval_of(double *values, int count, double confidence)
{
    int64_t defined = 0;
    for (int i = 0; i < count; i++)
        if (!isnan(values[i]))
            values[defined++] = values[i];
    if (2 * defined < count || defined == 0)
        return (bal_interval){NAN, NAN};
    bal_sort_doubles(values, defined);
    return (bal_interval){bal_quantile_sorted(values, defined, 0.5 - 0.5 * confidence),
                          bal_quantile_sorted(values, defined, 0.5 + 0.5 * confidence)};
}

static void put_intervals(measuring *g, int side, int c)
{
    const bal_explain *e = g->e;
    bal_explained_class *out = &e->side[side].class_of[c];
    for (int i = 0; i < BAL_FIGURE_COUNT; i++) {
        const bal_figure_info *info = bal_figure_at(i);
        if (info->interval && !isnan(out->figures[i].value) &&
            items_behind(e, side, c, info->over) >= 2)
            out->figures[i].interval =
                interval_of(draws_of(g, side, i), e->s.bootstrap, e->s.confidence);
    }
    bal_figure_value *recall = &out->figures[BAL_FIGURE_recall];
    if (!isnan(recall->value))
        bal_wilson_interval((double)out->right, (double)out->items, e->s.confidence,
                            &recall->interval.low, &recall->interval.high);
}

static void one_draw(measuring *g, int c, int draw, double values[BAL_SIDES][BAL_FIGURE_COUNT])
{
    const bal_explain *e = g->e;
    bal_figures_ask ask = {.c = c, .draw = draw, .m = g->m, .scratch = g->scratch};
    for (int side = 0; side < BAL_SIDES; side++) {
        ask.predicts[side] = bal_side_predicts(e, side);
        if (bal_side_present(e, side)) {
            ask.sums[side] = &g->sums[side];
            ask.top[side] = g->top[side];
        }
        for (int i = 0; i < BAL_FIGURE_COUNT; i++)
            values[side][i] = NAN;
    }
    bal_explain_figures_of(e, &ask, values);
}

static void measure_draws(measuring *g, int c)
{
    bal_explain *e = g->e;
    double values[BAL_SIDES][BAL_FIGURE_COUNT];
    one_draw(g, c, 0, values);
    for (int side = 0; side < BAL_SIDES; side++)
        for (int i = 0; bal_side_present(e, side) && i < BAL_FIGURE_COUNT; i++)
            e->side[side].class_of[c].figures[i].value = values[side][i];
    for (int b = 0; b < e->s.bootstrap; b++) {
        one_draw(g, c, 1 + b, values);
        for (int side = 0; side < BAL_SIDES; side++)
            for (int i = 0; i < BAL_FIGURE_COUNT; i++)
                draws_of(g, side, i)[b] = values[side][i];
    }
    for (int side = 0; side < BAL_SIDES; side++)
        if (bal_side_present(e, side))
            put_intervals(g, side, c);
}

/* Diversity of the class, or of so many of its items as memory is meant for. */
static bal_status measure_variety(measuring *g, int side, int c)
{
    bal_explain *e = g->e;
    bal_side_work *w = &e->side[side];
    int64_t count = bal_class_size(w, c), most = e->s.max_items;
    const int64_t *items = w->order + w->first[c];
    int64_t *drawn = NULL;
    double values[BAL_FIGURE_COUNT];
    bal_status status;
    if (count == 0)
        return BAL_OK;
    if (most > 0 && count > most) {
        drawn = bal_calloc(e->ctx, (size_t)count, sizeof *drawn);
        if (!drawn)
            return BAL_NO_MEMORY;
        /* draws of the common size are numbered below */
        bal_explain_draw_items(
            e, &(bal_draw_ask){.side = side, .c = c, .draw = e->s.draws, .count = most}, drawn);
        items = drawn;
        count = most;
    }
    status = bal_explain_variety(e, side, items, count, values);
    for (int i = BAL_FIGURE_effective_rank; status == BAL_OK && i <= BAL_FIGURE_cosine; i++)
        w->class_of[c].figures[i].value = values[i];
    bal_free(e->ctx, drawn);
    return status;
}

/* ---- all ---- */

static bal_status open_measuring(measuring *g, bal_explain *e)
{
    const int draws = e->s.bootstrap;
    *g = (measuring){.e = e};
    BAL_TRY(bal_sums_space_open(&g->space, e, draws));
    for (int side = 0; side < BAL_SIDES; side++)
        if (bal_side_present(e, side))
            BAL_TRY(bal_class_sums_open(&g->sums[side], e, draws));
    g->m = bal_calloc(e->ctx, (size_t)e->dim, sizeof *g->m);
    g->scratch = bal_calloc(e->ctx, (size_t)e->top, sizeof *g->scratch);
    g->draws =
        bal_calloc(e->ctx, BAL_SIDES * (size_t)BAL_FIGURE_COUNT, (size_t)draws * sizeof *g->draws);
    return g->m && g->scratch && g->draws ? BAL_OK : BAL_NO_MEMORY;
}

static void close_measuring(measuring *g)
{
    bal_ctx *ctx = g->e->ctx;
    bal_sums_space_close(&g->space);
    for (int side = 0; side < BAL_SIDES; side++)
        bal_class_sums_close(ctx, &g->sums[side]);
    bal_free(ctx, g->m);
    bal_free(ctx, g->scratch);
    bal_free(ctx, g->draws);
}

static bal_status measure_class(measuring *g, int c)
{
    bal_explain *e = g->e;
    for (int side = 0; side < BAL_SIDES; side++)
        if (bal_side_present(e, side))
            BAL_TRY(take_sums(g, side, c));
    measure_draws(g, c);
    for (int side = 0; side < BAL_SIDES; side++)
        if (bal_side_present(e, side))
            BAL_TRY(measure_variety(g, side, c));
    return BAL_OK;
}

bal_status bal_explain_measure_classes(bal_explain *e)
{
    measuring g;
    bal_status status = open_measuring(&g, e);
    for (int c = 0; status == BAL_OK && c < e->classes; c++) {
        bal_explain_tell(e, "classes", c, e->classes);
        status = measure_class(&g, c);
    }
    close_measuring(&g);
    return status;
}
