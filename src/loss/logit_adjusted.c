/* Losses that add the log of the training prior to the logits: softmax(z + b) is fitted to the
 * training set, so that z alone, which is what predictions use, refers to balanced classes. */
#include "loss/loss_family.h"

#include <math.h>

/* offsets = tau log pi */
static void log_priors(bal_loss *loss, const int64_t *counts, double tau)
{
    const double total = bal_loss_count_range(loss, counts).total;
    for (int j = 0; j < loss->classes; j++)
        loss->offsets[j] = tau * log((double)counts[j] / total);
}

static bal_status prepare_balanced(bal_loss *loss, const bal_loss_settings *settings)
{
    log_priors(loss, settings->counts, 1.0);
    return BAL_OK;
}

static bal_status prepare_adjusted(bal_loss *loss, const bal_loss_settings *settings)
{
    log_priors(loss, settings->counts, settings->tau);
    return BAL_OK;
}

static double sample(const bal_loss *loss, bal_loss_item *item, double *gradient)
{
    return bal_loss_shifted(loss, item, loss->offsets, gradient);
}

const bal_loss_family bal_loss_balanced_softmax = {
    .info = {.name = "balanced-softmax",
             .title = "balanced softmax",
             .formula = "-log softmax(z + log n)_y",
             .source = "Ren et al. 2020",
             .needs_counts = true,
             .removes_prior = true,
             .takes_soft_targets = true,
             .settings = ""},
    .prepare = prepare_balanced,
    .sample = sample,
};

const bal_loss_family bal_loss_logit_adjusted = {
    .info = {.name = "logit-adjusted",
             .title = "logit-adjusted cross entropy",
             .formula = "-log softmax(z + tau log pi)_y",
             .source = "Menon et al. 2021",
             .needs_counts = true,
             .removes_prior = true,
             .takes_soft_targets = true,
             .settings = "tau"},
    .prepare = prepare_adjusted,
    .sample = sample,
};
