/* Label-distribution-aware margin loss: a margin is taken off the logit of the label, larger for
 * rarer classes. */
#include "loss/loss_family.h"

#include "numeric/softmax.h"

#include <math.h>

/* The sum over the classes other than the top, on its own scale: the top's own loss lives on it
 * and would be lost beside e_top = 1. */
typedef struct runner_up {
    double max, sum; /* sum_{k != top} exp(z_k - max) */
} runner_up;

static runner_up without_top(const double *z, int classes, int top)
{
    runner_up r = {-INFINITY, 0.0};
    for (int k = 0; k < classes; k++)
        if (k != top && z[k] > r.max)
            r.max = z[k];
    for (int k = 0; k < classes; k++)
        if (k != top)
            r.sum += exp(z[k] - r.max);
    return r;
}

/* With R_j = sum_{k != j} exp(z_k) and margin d_j = s m_j:
 *   l_j = softplus(log R_j - z_j + d_j), g_j = its sigmoid
 *   d l_j / d z_j = -g_j,   d l_j / d z_k = g_j exp(z_k) / R_j
 * The gradient of the sum goes over each k once: the contributions g_j / R_j are added up for all j
 * and k's own is taken off again, safe because R_j >= exp(z_top) for every j but the top. */
static double sample(const bal_loss *loss, bal_loss_item *item, double *gradient)
{
    const int classes = loss->classes;
    const double *c = item->c, *logits = item->logits;
    double *e = loss->exponentials;
    const bal_softmax s = bal_softmax_of(logits, classes, e);
    double value = 0.0, shared = 0.0, top_pull = 0.0;
    runner_up second = {0.0, 1.0};
    for (int j = 0; j < classes; j++) {
        if (gradient)
            gradient[j] = 0.0; /* becomes c_j g_j, and at the end the sum of all */
        if (c[j] == 0.0)
            continue;
        double x, rest = 1.0;
        if (j == s.top) {
            second = without_top(logits, classes, s.top);
            x = second.max - logits[j] + log(second.sum) + loss->offsets[j];
        } else {
            rest += s.rest - e[j];
            x = s.max - logits[j] + log(rest) + loss->offsets[j];
        }
        value += c[j] * bal_softplus(x);
        if (!gradient)
            continue;
        gradient[j] = c[j] * bal_sigmoid(x);
        if (j == s.top)
            top_pull = gradient[j] / second.sum;
        else
            shared += gradient[j] / rest;
    }
    for (int k = 0; gradient && k < classes; k++) {
        const double own = gradient[k];
        if (k == s.top)
            gradient[k] = shared - own;
        else
            gradient[k] = e[k] * (shared - own / (1.0 + (s.rest - e[k]))) - own +
                          (top_pull > 0.0 ? top_pull * exp(logits[k] - second.max) : 0.0);
    }
    return value;
}

static bal_status prepare(bal_loss *loss, const bal_loss_settings *settings)
{
    const double least = bal_loss_count_range(loss, settings->counts).least;
    for (int j = 0; j < loss->classes; j++) {
        const double margin = settings->max_m * pow((double)settings->counts[j] / least, -0.25);
        loss->offsets[j] = settings->s * margin;
    }
    return BAL_OK;
}

const bal_loss_family bal_loss_ldam = {
    .info = {.name = "ldam",
             .title = "label-distribution-aware margin loss",
             .formula = "-log softmax(z - s m_y [k = y])_y, m_j = max_m (n_j / n_min)^(-1/4)",
             .source = "Cao et al. 2019",
             .needs_counts = true,
             .needs_cosine_head = true,
             .takes_soft_targets = true,
             .settings = "max_m s"},
    .prepare = prepare,
    .sample = sample,
};
