/* Opens an evaluation: checks, the parts in order, per-class numbers; and lets it be read. */
#include "evaluate/evaluation.h"

#include "ballast/calibrate.h"

#include "numeric/statistics/intervals.h"

#include <math.h>
#include <string.h>

bal_evaluation_settings bal_evaluation_defaults(void)
{
    return (bal_evaluation_settings){
        .item_group_least = 10, .bootstrap = 2000, .confidence = 0.95, .seed = 1};
}

static bal_status check_settings(bal_ctx *ctx, const bal_evaluation_settings *s)
{
    if (s->classes < 2)
        return bal_fail(ctx, BAL_BAD_ARG, "classes is %d, must be at least 2", s->classes);
    if (s->items < 1 || s->items > UINT32_MAX)
        return bal_fail(ctx, BAL_BAD_ARG, "items is %lld, must be 1 to %llu", (long long)s->items,
                        (unsigned long long)UINT32_MAX);
    if (!s->scores || !s->labels)
        return bal_fail(ctx, BAL_BAD_ARG, "an evaluation needs scores and labels");
    if (s->calibration && bal_calibration_classes(s->calibration) != s->classes)
        return bal_fail(ctx, BAL_MISMATCH, "the calibration is of %d classes, the scores of %d",
                        bal_calibration_classes(s->calibration), s->classes);
    if (s->bootstrap < 0)
        return bal_fail(ctx, BAL_BAD_ARG, "bootstrap is %d, must be 0 or above", s->bootstrap);
    if (!(s->confidence > 0.0 && s->confidence < 1.0))
        return bal_fail(ctx, BAL_BAD_ARG, "confidence is %g, must be between 0 and 1",
                        s->confidence);
    for (int c = 0; s->train_counts && c < s->classes; c++)
        if (s->train_counts[c] < 0)
            return bal_fail(ctx, BAL_BAD_ARG, "training count of class %d is %lld", c,
                            (long long)s->train_counts[c]);
    return BAL_OK;
}

static bal_status allocate(bal_evaluation_work *w)
{
    bal_evaluation *e = w->e;
    bal_ctx *ctx = e->ctx;
    const size_t classes = (size_t)e->classes, items = (size_t)e->items;
    e->per_class = bal_calloc(ctx, classes, sizeof *e->per_class);
    e->confusion = bal_calloc(ctx, classes * classes, sizeof *e->confusion);
    e->names = bal_calloc(ctx, classes, sizeof *e->names);
    w->support = bal_calloc(ctx, classes, sizeof *w->support);
    w->first = bal_calloc(ctx, classes + 1, sizeof *w->first);
    w->scores = bal_calloc(ctx, items, sizeof *w->scores);
    w->norms = bal_calloc(ctx, items, sizeof *w->norms);
    w->row = bal_calloc(ctx, classes, sizeof *w->row);
    w->tally.predicted = bal_calloc(ctx, classes, sizeof *w->tally.predicted);
    w->tally.right = bal_calloc(ctx, classes, sizeof *w->tally.right);
    w->group_of = bal_calloc(ctx, classes, sizeof *w->group_of);
    w->tally.support = w->support;
    if (!e->per_class || !e->confusion || !e->names || !w->support || !w->first || !w->scores ||
        !w->norms || !w->row || !w->tally.predicted || !w->tally.right || !w->group_of)
        return BAL_NO_MEMORY;
    for (int c = 0; c < e->classes; c++) {
        const char *const *names = w->settings->class_names;
        e->names[c] = names ? bal_strdup(ctx, names[c]) : bal_format(ctx, "%d", c);
        if (!e->names[c])
            return BAL_NO_MEMORY;
    }
    return bal_pool_open(&w->pool, ctx, bal_ctx_threads(ctx));
}

static void free_work(bal_evaluation_work *w)
{
    bal_ctx *ctx = w->e->ctx;
    bal_pool_close(&w->pool);
    bal_free(ctx, w->support);
    bal_free(ctx, w->first);
    bal_free(ctx, w->scores);
    bal_free(ctx, w->norms);
    bal_free(ctx, w->row);
    bal_free(ctx, w->tally.predicted);
    bal_free(ctx, w->tally.right);
    bal_free(ctx, w->group_of);
    bal_free(ctx, w->cells);
}

static double ratio(double a, double b)
{
    return b > 0.0 ? a / b : NAN;
}

static void per_class(bal_evaluation_work *w)
{
    bal_evaluation *e = w->e;
    int present = 0, named = 0;
    for (int c = 0; c < e->classes; c++) {
        bal_class_metrics *m = &e->per_class[c];
        const double support = (double)w->support[c], predicted = (double)w->tally.predicted[c];
        const double right = (double)w->tally.right[c];
        present += support > 0.0;
        named += support + predicted > 0.0;
        m->support = w->support[c];
        m->predicted = w->tally.predicted[c];
        m->precision = ratio(right, predicted);
        m->recall = ratio(right, support);
        m->f1 = ratio(2.0 * right, support + predicted);
        m->loss = ratio(m->loss, support);
        m->recall_interval = (bal_interval){NAN, NAN};
        if (support > 0.0)
            bal_wilson_interval(right, support, w->settings->confidence, &m->recall_interval.low,
                                &m->recall_interval.high);
    }
    e->covered[BAL_METRIC_balanced_accuracy] = present;
    e->covered[BAL_METRIC_gmean] = present;
    e->covered[BAL_METRIC_weighted_f1] = present;
    e->covered[BAL_METRIC_macro_precision] = named;
    e->covered[BAL_METRIC_macro_recall] = named;
    e->covered[BAL_METRIC_macro_f1] = named;
}

static bal_status compute(bal_evaluation_work *w)
{
    bal_evaluation *e = w->e;
    BAL_TRY(allocate(w));
    BAL_TRY(bal_item_groups_open(w));
    BAL_TRY(bal_score_items(w));
    bal_item_groups_finish(w);
    bal_tally_metrics(&w->tally, e->classes, e->items, e->values);
    e->values[BAL_METRIC_top5_accuracy] = w->top5 / (double)e->items;
    per_class(w);
    BAL_TRY(bal_class_curves(w));
    BAL_TRY(bal_class_groups(w));
    return bal_bootstrap(w);
}

bal_status bal_evaluate(bal_evaluation **out, bal_ctx *ctx, const bal_evaluation_settings *settings)
{
    *out = NULL;
    BAL_TRY(check_settings(ctx, settings));
    bal_evaluation *e = bal_calloc(ctx, 1, sizeof *e);
    if (!e)
        return BAL_NO_MEMORY;
    e->ctx = ctx;
    e->classes = settings->classes;
    e->items = settings->items;
    for (int k = 0; k < BAL_METRIC_COUNT; k++)
        e->intervals[k] = (bal_interval){NAN, NAN};
    bal_evaluation_work w = {.settings = settings, .e = e};
    const bal_status status = compute(&w);
    free_work(&w);
    if (status != BAL_OK)
        bal_evaluation_close(&e);
    *out = e;
    return status;
}

void bal_evaluation_close(bal_evaluation **evaluation)
{
    if (!evaluation || !*evaluation)
        return;
    bal_evaluation *e = *evaluation;
    for (int c = 0; e->names && c < e->classes; c++)
        bal_free(e->ctx, e->names[c]);
    bal_free(e->ctx, e->names);
    for (int g = 0; e->item_group_names && g < e->item_group_count; g++)
        bal_free(e->ctx, e->item_group_names[g]);
    bal_free(e->ctx, e->item_group_names);
    bal_free(e->ctx, e->item_groups);
    bal_free(e->ctx, e->per_class);
    bal_free(e->ctx, e->confusion);
    bal_free(e->ctx, e);
    *evaluation = NULL;
}

double bal_evaluation_metric(const bal_evaluation *e, bal_metric metric)
{
    return (unsigned)metric < BAL_METRIC_COUNT ? e->values[metric] : NAN;
}

int bal_evaluation_covered(const bal_evaluation *e, bal_metric metric)
{
    return (unsigned)metric < BAL_METRIC_COUNT ? e->covered[metric] : 0;
}

bal_interval bal_evaluation_interval(const bal_evaluation *e, bal_metric metric)
{
    const bal_interval none = {NAN, NAN};
    return (unsigned)metric < BAL_METRIC_COUNT ? e->intervals[metric] : none;
}

int bal_evaluation_classes(const bal_evaluation *e)
{
    return e->classes;
}

int64_t bal_evaluation_items(const bal_evaluation *e)
{
    return e->items;
}

const char *bal_evaluation_class_name(const bal_evaluation *e, int c)
{
    return c >= 0 && c < e->classes ? e->names[c] : NULL;
}

const bal_class_metrics *bal_evaluation_class(const bal_evaluation *e, int c)
{
    return c >= 0 && c < e->classes ? &e->per_class[c] : NULL;
}

const bal_group_metrics *bal_evaluation_group(const bal_evaluation *e, int group)
{
    return group >= 0 && group < BAL_GROUP_COUNT ? &e->groups[group] : NULL;
}

int64_t bal_evaluation_confusion(const bal_evaluation *e, int truth, int predicted)
{
    if (truth < 0 || truth >= e->classes || predicted < 0 || predicted >= e->classes)
        return 0;
    return e->confusion[(int64_t)truth * e->classes + predicted];
}
