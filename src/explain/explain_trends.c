/* How each figure goes with recall and with class size. */
#include "explain/explain_parts.h"

#include "numeric/statistics/correlation.h"

#include <math.h>

enum { LEAST_CLASSES = 3 };

typedef struct series {
    const bal_explain *e;
    double *x, *y; /* classes: scratch */
} series;

static double recall_of(const bal_explain *e, int c)
{
    const int side = bal_side_present(e, BAL_SIDE_TEST) ? BAL_SIDE_TEST : BAL_SIDE_TRAIN;
    return e->side[side].class_of[c].figures[BAL_FIGURE_recall].value;
}

static double figure_of(const bal_explain *e, const bal_trend *t, int c, bool common)
{
    const bal_figure_value *v = &e->side[t->side].class_of[c].figures[t->figure];
    return common ? v->common : v->value;
}

/* What the figure is set beside. */
typedef enum beside { BESIDE_RECALL, BESIDE_SIZE } beside;

static double other_of(const bal_explain *e, beside with, int c)
{
    return with == BESIDE_RECALL ? recall_of(e, c) : (double)e->train_counts[c];
}

/* Over the classes where both are defined. */
static bal_status correlate(series *s, const bal_trend *t, beside with, bool common, double *rho,
                            int *count)
{
    int n = 0;
    for (int c = 0; c < s->e->classes; c++) {
        const double x = figure_of(s->e, t, c, common), y = other_of(s->e, with, c);
        if (isnan(x) || isnan(y))
            continue;
        s->x[n] = x;
        s->y[n++] = y;
    }
    *count = n;
    *rho = NAN;
    return n < LEAST_CLASSES ? BAL_OK : bal_spearman(s->e->ctx, s->x, s->y, n, rho);
}

/* All three correlations over the same classes. */
static bal_status partial(series *s, const bal_trend *t, double *out)
{
    double of_recall, of_size, between;
    const bal_explain *e = s->e;
    *out = NAN;
    for (int pass = 0; pass < 3; pass++) {
        int n = 0;
        for (int c = 0; c < e->classes; c++) {
            const double x = figure_of(e, t, c, false), y = recall_of(e, c);
            if (isnan(x) || isnan(y))
                continue;
            s->x[n] = pass == 2 ? y : x;
            s->y[n++] = pass == 0 ? y : (double)e->train_counts[c];
        }
        if (n <= LEAST_CLASSES)
            return BAL_OK;
        BAL_TRY(bal_spearman(e->ctx, s->x, s->y, n,
                             pass == 0   ? &of_recall
                             : pass == 1 ? &of_size
                                         : &between));
    }
    const double rest = (1.0 - of_size * of_size) * (1.0 - between * between);
    if (rest > 1e-12)
        *out = (of_recall - of_size * between) / sqrt(rest);
    return BAL_OK;
}

static bal_status measure_trend(series *s, bal_trend *t)
{
    int count;
    BAL_TRY(correlate(s, t, BESIDE_SIZE, false, &t->size, &t->classes));
    BAL_TRY(correlate(s, t, BESIDE_SIZE, true, &t->common_size, &count));
    t->recall = t->common_recall = t->recall_given_size = NAN;
    if (t->figure == BAL_FIGURE_recall)
        return BAL_OK;
    BAL_TRY(correlate(s, t, BESIDE_RECALL, false, &t->recall, &count));
    BAL_TRY(correlate(s, t, BESIDE_RECALL, true, &t->common_recall, &count));
    return partial(s, t, &t->recall_given_size);
}

bal_status bal_explain_measure_trends(bal_explain *e)
{
    series s = {.e = e};
    bal_status status = BAL_OK;
    s.x = bal_calloc(e->ctx, (size_t)e->classes, sizeof *s.x);
    s.y = bal_calloc(e->ctx, (size_t)e->classes, sizeof *s.y);
    e->trends = bal_calloc(e->ctx, BAL_SIDES * (size_t)BAL_FIGURE_COUNT, sizeof *e->trends);
    if (!s.x || !s.y || !e->trends)
        status = BAL_NO_MEMORY;
    for (int side = 0; side < BAL_SIDES; side++)
        for (int i = 0; bal_side_present(e, side) && status == BAL_OK && i < BAL_FIGURE_COUNT;
             i++) {
            bal_trend *t = &e->trends[e->trend_count];
            *t = (bal_trend){.figure = (bal_figure)i, .side = (bal_side)side};
            status = measure_trend(&s, t);
            e->trend_count += t->classes >= LEAST_CLASSES;
        }
    bal_free(e->ctx, s.x);
    bal_free(e->ctx, s.y);
    return status;
}
