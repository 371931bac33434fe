/* LADE: balanced softmax, and a term over the whole batch that pulls each logit towards the log
 * density ratio that it estimates (regularised Donsker-Varadhan), priors taken out. */
#include "loss/loss_family.h"

#include <math.h>
#include <string.h>

static double sample(const bal_loss *loss, bal_loss_item *item, double *gradient)
{
    return bal_loss_shifted(loss, item, loss->offsets, gradient);
}

static double weight_of(const bal_loss_batch *batch, int64_t i)
{
    return batch->sample_weights ? (double)batch->sample_weights[i] : 1.0;
}

static double target_of(const bal_loss *loss, const bal_loss_batch *batch, int64_t i, int k)
{
    return batch->targets ? (double)batch->targets[i * loss->classes + k] : batch->labels[i] == k;
}

/* Of class k, with s_i the weight of sample i and u_i = z_ik - log(pi_k C):
 *   first_k  = sum_i s_i t_ik z_ik / T_k, T_k = sum_i s_i t_ik; 0 where the class is not here
 *   second_k = log(sum_i s_i exp(u_i) / sum_i s_i)
 *   value    = -alpha sum_k w_k pi_k (first_k - second_k - lambda second_k^2)
 * so d value / d z_ik = alpha w_k pi_k ((1 + 2 lambda second_k) softmax_i(u)_i - s_i t_ik / T_k).
 * Kept for the gradient: factors = alpha w_k pi_k / T_k, spare = the largest u, state = the sum of
 * s_i exp(u_i - largest), draws = alpha w_k pi_k (1 + 2 lambda second_k). */
static double gather(const bal_loss *loss, const bal_loss_batch *batch)
{
    const int classes = loss->classes;
    const double log_classes = log(classes), alpha = loss->numbers.lade_alpha;
    double total = 0.0, value = 0.0;
    for (int64_t i = 0; i < batch->samples; i++)
        total += weight_of(batch, i);
    memset(loss->draws, 0, (size_t)classes * sizeof *loss->draws);
    memset(loss->factors, 0, (size_t)classes * sizeof *loss->factors);
    for (int k = 0; total > 0.0 && k < classes; k++) {
        const double prior = loss->offsets[k] + log_classes;
        double first = 0.0, mass = 0.0, top = -INFINITY, sum = 0.0;
        for (int64_t i = 0; i < batch->samples; i++) {
            const double s = weight_of(batch, i), t = s * target_of(loss, batch, i, k);
            const double z = (double)batch->logits[i * classes + k];
            first += t * z;
            mass += t;
            if (s > 0.0 && !(z - prior <= top))
                top = z - prior;
        }
        for (int64_t i = 0; i < batch->samples; i++) {
            const double s = weight_of(batch, i);
            if (s > 0.0)
                sum += s * exp((double)batch->logits[i * classes + k] - prior - top);
        }
        const double second = top + log(sum / total);
        const double share = alpha * loss->weights[k] * exp(loss->offsets[k]);
        value -= share * ((mass > 0.0 ? first / mass : 0.0) - second -
                          loss->numbers.lade_lambda * second * second);
        loss->factors[k] = mass > 0.0 ? share / mass : 0.0;
        loss->spare[k] = top;
        loss->state[k] = sum;
        loss->draws[k] = share * (1.0 + 2.0 * loss->numbers.lade_lambda * second);
    }
    return value;
}

/* Adds the batch term's part to the gradient of sample i. */
static void add_gradient(const bal_loss *loss, const bal_loss_batch *batch, int64_t i,
                         double *gradient)
{
    const double s = weight_of(batch, i), log_classes = log(loss->classes);
    for (int k = 0; s > 0.0 && k < loss->classes; k++) {
        const double u =
            (double)batch->logits[i * loss->classes + k] - loss->offsets[k] - log_classes;
        gradient[k] += loss->draws[k] * s * exp(u - loss->spare[k]) / loss->state[k] -
                       loss->factors[k] * s * target_of(loss, batch, i, k);
    }
}

/* offsets = log pi */
static bal_status prepare(bal_loss *loss, const bal_loss_settings *settings)
{
    const double total = bal_loss_count_range(loss, settings->counts).total;
    for (int j = 0; j < loss->classes; j++)
        loss->offsets[j] = log((double)settings->counts[j] / total);
    return BAL_OK;
}

const bal_loss_family bal_loss_lade = {
    .info = {.name = "lade",
             .title = "label distribution disentangling loss",
             .formula = "-log softmax(z + log pi)_y; and for the batch -lade_alpha sum_k pi_k "
                        "(mean_{y_i = k} z_ik - r_k - lade_lambda r_k^2), r_k = log mean_i e^z_ik "
                        "/ (pi_k C)",
             .source = "Hong et al. 2021",
             .needs_counts = true,
             .removes_prior = true,
             .takes_soft_targets = true,
             .settings = "lade_alpha lade_lambda"},
    .prepare = prepare,
    .sample = sample,
    .gather = gather,
    .add_gradient = add_gradient,
};
