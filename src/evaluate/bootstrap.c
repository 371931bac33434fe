/* Stratified bootstrap: as many items of each class as the test set has, drawn from the class with
 * replacement; percentile intervals. A draw is a function of (seed, its number) alone, so threads
 * change nothing. */
#include "evaluate/evaluation.h"

#include "base/random.h"
#include "numeric/statistics/quantile.h"

#include <math.h>
#include <string.h>

enum { COLUMNS = BAL_METRIC_COUNT + BAL_GROUP_COUNT };

typedef struct bootstrap_work {
    bal_evaluation_work *w;
    int64_t *counts; /* 2 C a worker: predicted, right */
    double *draws;   /* COLUMNS x bootstrap */
} bootstrap_work;

/* 0..bound-1 from 32 random bits, for bound below 2^32: off from uniform by bound / 2^32 at most,
 * far below what the number of draws can show. */
static int64_t pick(uint32_t bits, int64_t bound)
{
    return (int64_t)(((uint64_t)bits * (uint64_t)bound) >> 32);
}

static void resample_class(bal_tally *tally, const bal_item_score *items, int64_t count, int label,
                           bal_random *random)
{
    double loss = 0.0, brier = 0.0;
    int64_t right = 0;
    uint64_t word = 0;
    for (int64_t i = 0; i < count; i++) {
        word = i % 2 ? word >> 32 : bal_random_u64(random);
        const bal_item_score *item = &items[pick((uint32_t)word, count)];
        loss += item->loss;
        brier += item->brier;
        tally->gaps[item->bin] += item->gap;
        tally->predicted[item->predicted]++;
        right += item->predicted == label;
    }
    tally->right[label] = right;
    tally->loss += loss;
    tally->brier += brier;
}

static void one_draw(void *user, int64_t draw, int worker)
{
    bootstrap_work *work = user;
    const bal_evaluation_work *w = work->w;
    const int classes = w->e->classes;
    int64_t *counts = work->counts + (int64_t)worker * 2 * classes;
    bal_tally tally = {.support = w->support, .predicted = counts, .right = counts + classes};
    memset(counts, 0, 2 * (size_t)classes * sizeof *counts);
    bal_random random = bal_random_at(w->settings->seed, BAL_STREAM_BOOTSTRAP, (uint64_t)draw, 0);
    for (int c = 0; c < classes; c++)
        resample_class(&tally, w->scores + w->first[c], w->support[c], c, &random);
    double values[COLUMNS] = {0};
    bal_tally_metrics(&tally, classes, w->e->items, values);
    bal_tally_groups(&tally, classes, w->group_of, values + BAL_METRIC_COUNT);
    for (int k = 0; k < COLUMNS; k++)
        work->draws[(int64_t)k * w->settings->bootstrap + draw] = values[k];
}

static bal_interval interval_of(double *draws, int64_t count, double confidence)
{
    int64_t defined = 0;
    for (int64_t i = 0; i < count; i++)
        if (!isnan(draws[i]))
            draws[defined++] = draws[i];
    bal_sort_doubles(draws, defined);
    return (bal_interval){bal_quantile_sorted(draws, defined, 0.5 - 0.5 * confidence),
                          bal_quantile_sorted(draws, defined, 0.5 + 0.5 * confidence)};
}

static const bool wanted[BAL_METRIC_COUNT] = {
#define WANTED(field, key, text, interval) [BAL_METRIC_##field] = interval,
    BAL_METRIC_LIST(WANTED)
#undef WANTED
};

bal_status bal_bootstrap(bal_evaluation_work *w)
{
    bal_evaluation *e = w->e;
    const int count = w->settings->bootstrap;
    const double confidence = w->settings->confidence;
    bootstrap_work work = {.w = w};
    const size_t workers = (size_t)bal_pool_threads(w->pool);
    if (count == 0)
        return BAL_OK;
    work.counts = bal_calloc(e->ctx, workers * 2 * (size_t)e->classes, sizeof *work.counts);
    work.draws = bal_calloc(e->ctx, (size_t)count * COLUMNS, sizeof *work.draws);
    bal_status status = work.counts && work.draws ? BAL_OK : BAL_NO_MEMORY;
    if (status == BAL_OK) {
        bal_pool_run(w->pool, count, one_draw, &work);
        for (int k = 0; k < COLUMNS; k++) {
            double *column = work.draws + (int64_t)k * count;
            if (k >= BAL_METRIC_COUNT)
                e->groups[k - BAL_METRIC_COUNT].interval = interval_of(column, count, confidence);
            else if (wanted[k])
                e->intervals[k] = interval_of(column, count, confidence);
        }
    }
    bal_free(e->ctx, work.counts);
    bal_free(e->ctx, work.draws);
    return status;
}
