/* One class against the rest: AUROC, average precision, calibration of its probability. */
#include "evaluate/calibration.h"
#include "evaluate/evaluation.h"

#include <math.h>
#include <stdlib.h>

typedef struct scored {
    double p;
    bool positive;
} scored;

static int descending(const void *a, const void *b)
{
    const double x = ((const scored *)a)->p, y = ((const scored *)b)->p;
    return (x < y) - (x > y);
}

typedef struct curve_work {
    bal_evaluation_work *w;
    scored **scratch;    /* items of them per worker */
    double *calibration; /* C: calibration error of each class's probability */
} curve_work;

static double probability(const bal_evaluation_work *w, int64_t i, int c)
{
    const bal_evaluation_settings *s = w->settings;
    const float score = s->scores[i * s->classes + c];
    if (s->scores_are_probabilities && !s->calibration)
        return (double)score;
    double z = bal_take_logit(score, s->scores_are_probabilities);
    if (s->calibration)
        z = bal_calibrated(s->calibration, c, z);
    return exp(z - w->norms[i].max) / w->norms[i].sum;
}

static double calibration_error(const scored *list, int64_t items)
{
    double gaps[BAL_CALIBRATION_BINS] = {0}, sum = 0.0;
    for (int64_t i = 0; i < items; i++)
        gaps[bal_calibration_bin(list[i].p)] += list[i].p - (list[i].positive ? 1.0 : 0.0);
    for (int b = 0; b < BAL_CALIBRATION_BINS; b++)
        sum += fabs(gaps[b]);
    return sum / (double)items;
}

/* Walks the thresholds downwards; items with equal probability enter together. */
static void areas(const scored *list, int64_t items, double positives, bal_class_metrics *m)
{
    const double negatives = (double)items - positives;
    double hits = 0.0, misses = 0.0, pairs = 0.0, precision = 0.0;
    for (int64_t i = 0; i < items;) {
        const double p = list[i].p;
        double new_hits = 0.0, new_misses = 0.0;
        for (; i < items && list[i].p == p; i++) {
            new_hits += list[i].positive;
            new_misses += !list[i].positive;
        }
        pairs += new_misses * (hits + 0.5 * new_hits); /* pairs in the right order, ties 1/2 */
        hits += new_hits;
        misses += new_misses;
        precision += new_hits * hits / (hits + misses);
    }
    m->auroc = positives > 0.0 && negatives > 0.0 ? pairs / (positives * negatives) : NAN;
    m->average_precision = positives > 0.0 ? precision / positives : NAN;
}

static void one_class(void *user, int64_t c, int worker)
{
    curve_work *work = user;
    const bal_evaluation_work *w = work->w;
    scored *list = work->scratch[worker];
    const int64_t items = w->settings->items;
    for (int64_t i = 0; i < items; i++)
        list[i] = (scored){probability(w, i, (int)c), w->settings->labels[i] == c};
    work->calibration[c] = calibration_error(list, items);
    qsort(list, (size_t)items, sizeof *list, descending);
    areas(list, items, (double)w->support[c], &w->e->per_class[c]);
}

static void average(const curve_work *work)
{
    bal_evaluation *e = work->w->e;
    double auroc = 0.0, precision = 0.0, calibration = 0.0;
    int aurocs = 0, precisions = 0;
    for (int c = 0; c < e->classes; c++) {
        const bal_class_metrics *m = &e->per_class[c];
        if (!isnan(m->auroc)) {
            auroc += m->auroc;
            aurocs++;
        }
        if (!isnan(m->average_precision)) {
            precision += m->average_precision;
            precisions++;
        }
        calibration += work->calibration[c];
    }
    e->values[BAL_METRIC_auroc_macro] = aurocs ? auroc / aurocs : NAN;
    e->values[BAL_METRIC_average_precision_macro] = precision / precisions; /* never 0 classes */
    e->values[BAL_METRIC_classwise_ece] = calibration / e->classes;
    e->covered[BAL_METRIC_auroc_macro] = aurocs;
    e->covered[BAL_METRIC_average_precision_macro] = precisions;
    e->covered[BAL_METRIC_classwise_ece] = e->classes;
}

bal_status bal_class_curves(bal_evaluation_work *w)
{
    bal_ctx *ctx = w->e->ctx;
    const int threads = bal_pool_threads(w->pool);
    const size_t items = (size_t)w->settings->items;
    curve_work work = {.w = w};
    bal_status status = BAL_NO_MEMORY;
    work.scratch = bal_calloc(ctx, (size_t)threads, sizeof *work.scratch);
    work.calibration = bal_calloc(ctx, (size_t)w->e->classes, sizeof *work.calibration);
    if (!work.scratch || !work.calibration)
        goto fail;
    for (int t = 0; t < threads; t++)
        if (!(work.scratch[t] = bal_calloc(ctx, items, sizeof **work.scratch)))
            goto fail;
    bal_pool_run(w->pool, w->e->classes, one_class, &work);
    average(&work);
    status = BAL_OK;
fail:
    for (int t = 0; work.scratch && t < threads; t++)
        bal_free(ctx, work.scratch[t]);
    bal_free(ctx, work.scratch);
    bal_free(ctx, work.calibration);
    return status;
}
