/* Softmax equalization loss: a rare class is left out, by chance, of the denominator of images of
 * other classes, so that these do not push its logit down. */
#include "loss/loss_family.h"

#include "numeric/softmax.h"

#include <math.h>

static bool spared(const bal_loss *loss, const bal_loss_item *item, int k)
{
    return loss->offsets[k] > 0.0 && item->draws && item->draws[k] < loss->numbers.seql_gamma;
}

/* K: the classes that are kept, S = sum_{k in K} exp(z_k), q_k = exp(z_k) / S.
 *   j in K     l_j = log S - z_j
 *   j spared   l_j = log(S + exp(z_j)) - z_j = softplus(log S - z_j), its slope g_j a sigmoid:
 *              d l_j / d z_j = -g_j, d l_j / d z_k = g_j q_k for k in K
 * A spared class is -inf in u: no part of any sum. Where none is kept every loss is 0. */
static double sample(const bal_loss *loss, bal_loss_item *item, double *gradient)
{
    const int classes = loss->classes;
    const double *c = item->c, *z = item->logits;
    double *u = loss->spare, *e = loss->exponentials;
    int kept = 0;
    for (int k = 0; k < classes; k++) {
        u[k] = spared(loss, item, k) ? (double)-INFINITY : z[k];
        kept += u[k] == z[k] || isnan(z[k]);
        if (gradient)
            gradient[k] = 0.0;
    }
    if (kept == 0)
        return 0.0;
    const bal_softmax s = bal_softmax_of(u, classes, e);
    double value = 0.0, pull = 0.0; /* pull: sum of the slopes with respect to log S */
    for (int j = 0; j < classes; j++) {
        if (c[j] == 0.0)
            continue;
        const double l = s.max - z[j] + log1p(s.rest); /* log S - z_j */
        const bool out = isinf(u[j]);
        const double slope = c[j] * (out ? bal_sigmoid(l) : 1.0);
        value += c[j] * (out ? bal_softplus(l) : l);
        pull += slope;
        if (gradient)
            gradient[j] = -slope;
    }
    for (int k = 0; gradient && k < classes; k++)
        if (k != s.top)
            gradient[k] += pull * e[k] / (1.0 + s.rest);
    if (gradient) /* q_top = 1 - (1 - q_top), without cancellation */
        gradient[s.top] = (pull + gradient[s.top]) - pull * bal_softmax_other(&s, s.top, 1.0);
    return value;
}

/* offsets: 1 for a rare class, else 0. A class without images is rare. */
static bal_status prepare(bal_loss *loss, const bal_loss_settings *settings)
{
    const double total = bal_loss_count_range(loss, settings->counts).total;
    for (int j = 0; j < loss->classes; j++)
        loss->offsets[j] = (double)settings->counts[j] / total < settings->seql_lambda;
    return BAL_OK;
}

const bal_loss_family bal_loss_seql = {
    .info = {.name = "seql",
             .title = "softmax equalization loss",
             .formula = "-log(e^z_y / sum_k v_k e^z_k), v_k = 1 - b_k [pi_k < seql_lambda] [k != "
                        "y], P(b_k = 1) = seql_gamma",
             .source = "Tan et al. 2020",
             .needs_counts = true,
             .takes_soft_targets = true,
             .draws = BAL_DRAWS_UNIFORM,
             .settings = "seql_gamma seql_lambda"},
    .takes_absent = true,
    .prepare = prepare,
    .sample = sample,
};
