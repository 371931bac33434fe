/* Rows of the head divided by a power of their norm: one that is given, or the best of a list on
 * the validation split. */
#include "train/stage/stage_actions.h"

#include <math.h>
#include <string.h>

#define STEP 0.1
#define STEPS 20 /* from 0 to 2, as Kang et al. 2020 look for it */

/* A row of norm 0 stays. */
static double divisor(double norm, double tau)
{
    return norm > 0.0 ? pow(norm, tau) : 1.0;
}

static bal_status divide(const bal_head_rows *head, double tau)
{
    for (int64_t j = 0; j < head->classes; j++) {
        float *row = head->rows + j * head->features;
        const double by = divisor(bal_head_row_norm(head, j), tau);
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

/* A search: the norms of the rows, and the logits of the validation split. */
typedef struct search {
    bal_training *g;
    const bal_head_rows *head;
    double *norm, *by; /* classes; by: at the tau that is looked at */
    float *scores;
    int64_t items;
} search;

/* The metric that the run watches, with another tau. */
static bal_status watch(const search *s, double tau, double *value)
{
    const int64_t classes = s->head->classes;
    const float *shift = s->head->shift;
    bal_training *g = s->g;
    for (int64_t j = 0; j < classes; j++)
        s->by[j] = divisor(s->norm[j], tau);
    for (int64_t n = 0; n < s->items; n++)
        for (int64_t j = 0; j < classes; j++) {
            const double z = (double)s->scores[n * classes + j] - (shift ? (double)shift[j] : 0.0);
            g->scores[n * classes + j] = (float)(z / s->by[j]);
        }
    bal_evaluation *e;
    BAL_TRY(bal_training_evaluate(g, s->items, &e));
    *value = bal_evaluation_metric(e, g->t->monitor);
    bal_evaluation_close(&e);
    return BAL_OK;
}

static bal_status look(const search *s, double *tau, double *best)
{
    const bal_metric metric = s->g->t->monitor;
    *tau = 1.0; /* where the metric has no value */
    *best = NAN;
    for (int k = 0; k <= STEPS; k++) {
        double value;
        if (bal_interrupted(s->g->ctx))
            return bal_fail(s->g->ctx, BAL_INTERRUPTED, "interrupted");
        BAL_TRY(watch(s, k * STEP, &value));
        const bool better = bal_metric_is_loss(metric) ? value < *best : value > *best;
        if (better || (isnan(*best) && !isnan(value))) {
            *tau = k * STEP;
            *best = value;
        }
    }
    return BAL_OK;
}

static void say(bal_training *g, int stage, double tau, double best)
{
    const char *metric = bal_metric_key(g->t->monitor);
    if (isnan(best))
        bal_training_say(g, "stages[%d]: %s has no value on the validation split: tau %.1f", stage,
                         metric, tau);
    else
        bal_training_say(g, "stages[%d]: tau %.1f is best on the validation split (%s %.4g)", stage,
                         tau, metric, best);
}

static bal_status open_search(search *s)
{
    const size_t classes = s->g->t->classes, count = (size_t)s->items * classes;
    s->norm = bal_calloc(s->g->ctx, 2 * classes, sizeof *s->norm);
    s->scores = bal_calloc(s->g->ctx, count, sizeof *s->scores);
    if (!s->norm || !s->scores)
        return BAL_NO_MEMORY;
    s->by = s->norm + classes;
    for (size_t j = 0; j < classes; j++)
        s->norm[j] = bal_head_row_norm(s->head, (int64_t)j);
    BAL_TRY(bal_training_score_validation(s->g));
    memcpy(s->scores, s->g->scores, count * sizeof *s->scores);
    return BAL_OK;
}

bal_status bal_stage_tau_search(bal_training *g, int stage)
{
    bal_head_rows head;
    search s = {.g = g, .head = &head, .items = g->t->info.items[BAL_SPLIT_VAL]};
    double tau, best;
    bal_status status = bal_head_rows_open(&head, g->plan);
    if (status == BAL_OK)
        status = open_search(&s);
    if (status == BAL_OK)
        status = look(&s, &tau, &best);
    if (status == BAL_OK) {
        say(g, stage, tau, best);
        status = divide(&head, tau);
    }
    bal_free(g->ctx, s.scores);
    bal_free(g->ctx, s.norm);
    bal_head_rows_close(&head);
    return status;
}
