/* Losses that multiply each logit by a factor of its class: vector scaling (with an added number
 * too) and class-dependent temperatures. */
#include "loss/loss_family.h"

#include <math.h>

/* With u = a z + b: CE(u), and d/dz_k = a_k d/du_k. */
static double sample(const bal_loss *loss, bal_loss_item *item, double *gradient)
{
    const double *a = loss->factors;
    bal_loss_item scaled = *item;
    scaled.logits = loss->spare;
    for (int k = 0; k < loss->classes; k++)
        loss->spare[k] = a[k] * item->logits[k];
    const double value = bal_loss_shifted(loss, &scaled, loss->offsets, gradient);
    for (int k = 0; gradient && k < loss->classes; k++)
        gradient[k] *= a[k];
    return value;
}

/* a_j = (n_j / n_max)^gamma, b_j = tau log pi_j; b stays 0 where tau is 0 */
static void fill(bal_loss *loss, const int64_t *counts, double gamma, double tau)
{
    const bal_count_range n = bal_loss_count_range(loss, counts);
    for (int j = 0; j < loss->classes; j++) {
        loss->factors[j] = pow((double)counts[j] / n.most, gamma);
        loss->offsets[j] = tau * log((double)counts[j] / n.total);
    }
}

static bal_status prepare_vs(bal_loss *loss, const bal_loss_settings *settings)
{
    fill(loss, settings->counts, settings->vs_gamma, settings->tau);
    return BAL_OK;
}

static bal_status prepare_cdt(bal_loss *loss, const bal_loss_settings *settings)
{
    fill(loss, settings->counts, settings->cdt_gamma, 0.0);
    return BAL_OK;
}

const bal_loss_family bal_loss_vs = {
    .info = {.name = "vs",
             .title = "vector scaling loss",
             .formula = "-log softmax(a z + tau log pi)_y, a_j = (n_j / n_max)^vs_gamma",
             .source = "Kini et al. 2021",
             .needs_counts = true,
             .removes_prior = true,
             .takes_soft_targets = true,
             .settings = "vs_gamma tau"},
    .prepare = prepare_vs,
    .sample = sample,
};

const bal_loss_family bal_loss_cdt = {
    .info = {.name = "cdt",
             .title = "class-dependent temperatures",
             .formula = "-log softmax(z / a)_y, a_j = (n_max / n_j)^cdt_gamma",
             .source = "Ye et al. 2020",
             .needs_counts = true,
             .takes_soft_targets = true,
             .settings = "cdt_gamma"},
    .prepare = prepare_cdt,
    .sample = sample,
};
