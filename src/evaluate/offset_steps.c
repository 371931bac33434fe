/* The step `offsets`: the search on all items, and what it is worth by cross-fitting. */
#include "evaluate/calibration.h"

#include "base/random.h"
#include "base/threads.h"
#include "numeric/statistics/quantile.h"
#include "numeric/softmax.h"

#include <math.h>
#include <string.h>

enum { DRAWS = 1000 };

static const struct {
    const char *name;
    bal_objective objective;
} objectives[] = {{"balanced_accuracy", BAL_OBJECTIVE_RECALL},
                  {"macro_f1", BAL_OBJECTIVE_F1},
                  {"cost", BAL_OBJECTIVE_COST}};

typedef struct crossing {
    bal_fit fit;
    bal_offset_goal goal;
    int folds;
    uint64_t seed;
    int *fold_of;             /* items */
    int32_t *plain, *crossed; /* items: decisions without offsets, and by the other folds' */
    double *offsets;          /* folds x C */
    int64_t *chosen;          /* folds x items */
    bal_status *status;       /* folds */
    bal_ctx **ctx;            /* folds */
    double *draws;            /* DRAWS gains */
} crossing;

static int decide(const double *z, const double *d, int classes)
{
    int top = 0;
    for (int j = 1; j < classes; j++)
        if (z[j] + (d ? d[j] : 0.0) > z[top] + (d ? d[top] : 0.0))
            top = j;
    return top;
}

/* z becomes log p, so that offsets of different items mean the same. (The decisions would be the
 * same without; thresholds of the search too.) */
static void to_log_probabilities(const bal_fit *fit, double *row)
{
    for (int64_t i = 0; i < fit->items; i++) {
        double *z = fit->z + i * fit->classes;
        const bal_softmax soft = bal_softmax_of(z, fit->classes, row);
        const double sum = soft.max + log1p(soft.rest);
        for (int j = 0; j < fit->classes; j++)
            z[j] -= sum;
    }
}

static bal_status take_goal(const bal_step_ask *ask, bal_offset_goal *goal)
{
    const bal_calibration_settings *s = ask->settings;
    bal_ctx *ctx = ask->chain->ctx;
    const int classes = ask->chain->classes;
    size_t k = 0;
    while (k < BAL_COUNT_OF(objectives) &&
           (!s->objective || strcmp(s->objective, objectives[k].name) != 0))
        k++;
    if (k == BAL_COUNT_OF(objectives))
        return bal_fail(ctx, BAL_BAD_ARG,
                        "the objective is \"%s\"; balanced_accuracy, macro_f1 or cost expected",
                        s->objective ? s->objective : "");
    *goal = (bal_offset_goal){objectives[k].objective, classes, NULL};
    ask->report->measure = objectives[k].name;
    ask->report->larger_is_better = goal->objective != BAL_OBJECTIVE_COST;
    if (goal->objective != BAL_OBJECTIVE_COST)
        return BAL_OK;
    if (!s->cost)
        return bal_fail(ctx, BAL_BAD_ARG, "the objective cost needs a cost matrix");
    for (int64_t i = 0; i < (int64_t)classes * classes; i++)
        if (!isfinite(s->cost[i]))
            return bal_fail(ctx, BAL_BAD_DATA, "the cost of class %lld predicted as %lld is %g",
                            (long long)(i / classes), (long long)(i % classes), s->cost[i]);
    goal->cost = s->cost;
    return BAL_OK;
}

/* ---- cross-fitting ---- */

static void one_fold(void *user, int64_t f, int worker)
{
    crossing *x = user;
    (void)worker;
    bal_fit part = x->fit;
    int64_t *chosen = x->chosen + f * x->fit.items, count = 0;
    double *offsets = x->offsets + f * x->fit.classes;
    int passes;
    for (int64_t i = 0; i < x->fit.items; i++)
        if (x->fold_of[i] != f)
            chosen[count++] = i;
    part.ctx = x->ctx[f];
    part.chosen = chosen;
    part.chosen_count = count;
    x->status[f] = count ? bal_search_offsets(&part, &x->goal, offsets, &passes) : BAL_OK;
    for (int64_t i = 0; i < x->fit.items && x->status[f] == BAL_OK; i++)
        if (x->fold_of[i] == f)
            x->crossed[i] = decide(x->fit.z + i * x->fit.classes, offsets, x->fit.classes);
}

static bal_status cross_fit(crossing *x)
{
    bal_ctx *ctx = x->fit.ctx;
    bal_pool *pool = NULL;
    bal_status status;
    BAL_GOTO(bal_fit_folds(&x->fit, x->folds, x->seed, x->fold_of));
    for (int f = 0; f < x->folds; f++)
        BAL_GOTO(bal_worker_ctx_open(&x->ctx[f], ctx));
    const int threads = bal_ctx_threads(ctx);
    BAL_GOTO(bal_pool_open(&pool, ctx, threads < x->folds ? threads : x->folds));
    bal_pool_run(pool, x->folds, one_fold, x);
    for (int f = 0; f < x->folds && status == BAL_OK; f++)
        if (x->status[f] != BAL_OK)
            status = bal_fail(ctx, x->status[f], "%s", bal_error(x->ctx[f]));
fail:
    bal_pool_close(&pool);
    for (int f = 0; f < x->folds; f++)
        bal_ctx_close(&x->ctx[f]);
    return status;
}

/* ---- what it is worth ---- */

static double score(const crossing *x, const int32_t *decisions, const int64_t *items,
                    double *memory)
{
    const size_t classes = (size_t)x->fit.classes;
    memset(memory, 0, 3 * classes * sizeof *memory);
    bal_decision_sums sums = {
        .support = memory, .predicted = memory + classes, .right = memory + 2 * classes};
    for (int64_t k = 0; k < x->fit.items; k++) {
        const int64_t i = items ? items[k] : k;
        const int label = x->fit.labels[i];
        bal_count_decision(&x->goal, &sums, label, decisions[i], x->fit.class_weight[label]);
    }
    return bal_offset_score(&x->goal, &sums);
}

/* Stratified bootstrap of the difference: items of each class with replacement. */
static bal_status gain_interval(crossing *x, double *memory, bal_interval *gain)
{
    bal_ctx *ctx = x->fit.ctx;
    const int64_t items = x->fit.items;
    int64_t *members = bal_calloc(ctx, (size_t)items, sizeof *members),
            *drawn = bal_calloc(ctx, (size_t)items, sizeof *drawn), at = 0;
    if (!members || !drawn) {
        bal_free(ctx, members);
        bal_free(ctx, drawn);
        return BAL_NO_MEMORY;
    }
    for (int c = 0; c < x->fit.classes; c++)
        for (int64_t i = 0; x->fit.support[c] && i < items; i++)
            if (x->fit.labels[i] == c)
                members[at++] = i;
    for (int d = 0; d < DRAWS; d++) {
        bal_random random = bal_random_at(x->seed, BAL_STREAM_CALIBRATION, 1, (uint64_t)d);
        int64_t first = 0;
        for (int c = 0; c < x->fit.classes; first += x->fit.support[c], c++)
            for (int64_t k = 0; k < x->fit.support[c]; k++)
                drawn[first + k] = members[first + (int64_t)bal_random_below(
                                                       &random, (uint64_t)x->fit.support[c])];
        x->draws[d] = score(x, x->crossed, drawn, memory) - score(x, x->plain, drawn, memory);
    }
    bal_sort_doubles(x->draws, DRAWS);
    *gain = (bal_interval){bal_quantile_sorted(x->draws, DRAWS, 0.025),
                           bal_quantile_sorted(x->draws, DRAWS, 0.975)};
    bal_free(ctx, members);
    bal_free(ctx, drawn);
    return BAL_OK;
}

static bal_status allocate(crossing *x)
{
    bal_ctx *ctx = x->fit.ctx;
    const size_t items = (size_t)x->fit.items, folds = (size_t)x->folds;
    x->fold_of = bal_calloc(ctx, items, sizeof *x->fold_of);
    x->plain = bal_calloc(ctx, items, sizeof *x->plain);
    x->crossed = bal_calloc(ctx, items, sizeof *x->crossed);
    x->offsets = bal_calloc(ctx, folds * (size_t)x->fit.classes, sizeof *x->offsets);
    x->chosen = bal_calloc(ctx, folds * items, sizeof *x->chosen);
    x->status = bal_calloc(ctx, folds, sizeof *x->status);
    x->ctx = bal_calloc(ctx, folds, sizeof *x->ctx);
    x->draws = bal_calloc(ctx, DRAWS, sizeof *x->draws);
    return x->fold_of && x->plain && x->crossed && x->offsets && x->chosen && x->status && x->ctx &&
                   x->draws
               ? BAL_OK
               : BAL_NO_MEMORY;
}

static void release(crossing *x, bal_ctx *ctx)
{
    bal_free(ctx, x->fold_of);
    bal_free(ctx, x->plain);
    bal_free(ctx, x->crossed);
    bal_free(ctx, x->offsets);
    bal_free(ctx, x->chosen);
    bal_free(ctx, x->status);
    bal_free(ctx, x->ctx);
    bal_free(ctx, x->draws);
    bal_fit_close(&x->fit);
}

static bal_status judge(crossing *x, bal_step_ask *ask, double *memory)
{
    bal_calibration_report *r = ask->report;
    const double sign = r->larger_is_better ? 1.0 : -1.0;
    const int classes = x->fit.classes;
    for (int64_t i = 0; i < x->fit.items; i++)
        x->plain[i] = decide(x->fit.z + i * classes, NULL, classes);
    r->before = sign * score(x, x->plain, NULL, memory);
    BAL_TRY(bal_search_offsets(&x->fit, &x->goal, ask->offset, &r->iterations));
    for (int64_t i = 0; i < x->fit.items; i++)
        x->crossed[i] = decide(x->fit.z + i * classes, ask->offset, classes);
    r->after = sign * score(x, x->crossed, NULL, memory);
    BAL_TRY(cross_fit(x));
    r->crossed = sign * score(x, x->crossed, NULL, memory);
    BAL_TRY(gain_interval(x, memory, &r->gain));
    if (sign < 0.0)
        r->gain = (bal_interval){-r->gain.high, -r->gain.low};
    r->helps = sign > 0.0 ? r->gain.low > 0.0 : r->gain.high < 0.0;
    return BAL_OK;
}

bal_status bal_fit_offsets(bal_step_ask *ask)
{
    bal_ctx *ctx = ask->chain->ctx;
    crossing x = {.folds = ask->settings->folds, .seed = ask->settings->seed};
    bal_status status;
    double *memory = bal_calloc(ctx, 3 * (size_t)ask->chain->classes, sizeof *memory);
    if (!memory)
        return BAL_NO_MEMORY;
    BAL_GOTO(take_goal(ask, &x.goal));
    BAL_GOTO(bal_fit_open(&x.fit, ask->chain, ask->settings->fit, true));
    BAL_GOTO(allocate(&x));
    to_log_probabilities(&x.fit, memory);
    ask->report->items = x.fit.items;
    ask->report->effective_items = x.fit.effective;
    ask->report->classes_without = x.fit.without;
    status = judge(&x, ask, memory);
fail:
    release(&x, ctx);
    bal_free(ctx, memory);
    return status;
}
