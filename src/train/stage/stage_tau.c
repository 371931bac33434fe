/* Rows of the head divided by a power of their norm: one that is given, or the best of a list on
 * the validation split. */
#include "train/stage/stage_actions.h"

#include <math.h>

#define STEP 0.1
#define STEPS 20 /* from 0 to 2, as Kang et al. 2020 look for it */

/* What row j is divided by; a row of norm 0 stays. */
static double divisor(const bal_head_rows *head, int64_t j, double tau)
{
    const double norm = bal_head_row_norm(head, j);
    return norm > 0.0 ? pow(norm, tau) : 1.0;
}

static bal_status divide(const bal_head_rows *head, double tau)
{
    for (int64_t j = 0; j < head->classes; j++) {
        float *row = head->rows + j * head->features;
        const double by = divisor(head, j, tau);
        for (int64_t i = 0; i < head->features; i++)
            row[i] = (float)(row[i] / by);
        if (head->shift)
            head->shift[j] = 0.0f;
    }
    return bal_head_rows_replace(head);
}

bal_status bal_stage_tau_normalize(bal_training *g, int stage)
{
    bal_head_rows head;
    bal_status status = bal_head_rows_open(&head, g->plan);
    if (status == BAL_OK)
        status = divide(&head, g->t->recipe->stages[stage].normalize_tau);
    bal_head_rows_close(&head);
    return status;
}

/* The metric that the run watches, with another tau. scores: as the head gives them now. */
static bal_status watch(bal_training *g, const bal_head_rows *head, const float *scores, double tau,
                        double *value)
{
    const int64_t items = g->t->info.items[BAL_SPLIT_VAL], classes = head->classes;
    for (int64_t j = 0; j < classes; j++) {
        const double by = divisor(head, j, tau);
        for (int64_t n = 0; n < items; n++) {
            const double bias = head->shift ? (double)head->shift[j] : 0.0;
            g->scores[n * classes + j] = (float)((scores[n * classes + j] - bias) / by);
        }
    }
    bal_evaluation *e;
    BAL_TRY(bal_training_evaluate(g, items, &e));
    *value = bal_evaluation_metric(e, g->t->monitor);
    bal_evaluation_close(&e);
    return BAL_OK;
}

static bal_status search(bal_training *g, const bal_head_rows *head, const float *scores,
                         double *tau, double *best)
{
    *tau = 1.0; /* where the metric is of no use */
    *best = NAN;
    for (int k = 0; k <= STEPS; k++) {
        double value;
        BAL_TRY(watch(g, head, scores, k * STEP, &value));
        const bool better = bal_metric_is_loss(g->t->monitor) ? value < *best : value > *best;
        if (better || (isnan(*best) && !isnan(value))) {
            *tau = k * STEP;
            *best = value;
        }
    }
    return BAL_OK;
}

bal_status bal_stage_tau_search(bal_training *g, int stage)
{
    const size_t count = (size_t)g->t->info.items[BAL_SPLIT_VAL] * g->t->classes;
    double tau, best;
    bal_head_rows head = {0};
    float *scores = bal_calloc(g->ctx, count, sizeof *scores);
    bal_status status = scores ? bal_head_rows_open(&head, g->plan) : BAL_NO_MEMORY;
    if (status == BAL_OK)
        status = bal_training_score_validation(g);
    for (size_t i = 0; status == BAL_OK && i < count; i++)
        scores[i] = g->scores[i];
    if (status == BAL_OK)
        status = search(g, &head, scores, &tau, &best);
    if (status == BAL_OK) {
        bal_training_say(g, "stages[%d]: tau %.1f is best on the validation split (%s %.4g)", stage,
                         tau, bal_metric_key(g->t->monitor), best);
        status = divide(&head, tau);
    }
    bal_free(g->ctx, scores);
    bal_head_rows_close(&head);
    return status;
}
