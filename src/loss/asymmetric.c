/* Asymmetric loss for one label an image: focal factors that differ between the label's class and
 * the others, which take part through the label smoothing. */
#include "loss/loss_family.h"

#include "numeric/softmax.h"

#include <math.h>

/* x^y where 0^0 is 1; pow has it so, and is slow for the exponents that are usual. */
static double power(double x, double y)
{
    return y == 0.0 ? 1.0 : y == 1.0 ? x : pow(x, y);
}

/* With h = eps / C and L_k = -log p_k,
 *   l_j = (1 - eps + h) P_j + h sum_{k != j} Q_k,  P_k = (1 - p_k)^pos L_k, Q_k = p_k^neg L_k
 *   dP_k / dL_k = (1 - p_k)^pos (1 + pos p_k L_k / (1 - p_k)), L / (1 - p) -> 1 at p = 1
 *   dQ_k / dL_k = p_k^neg (1 - neg L_k)
 *   dL_k / dz_i = p_i - [i = k]
 * so the sum over j is one pass over k: P_k with (1 - eps + h) c_k, Q_k with h (sum c - c_k). */
static double sample(const bal_loss *loss, bal_loss_item *item, double *gradient)
{
    const int classes = loss->classes;
    const double pos = loss->numbers.gamma_pos, neg = loss->numbers.gamma_neg;
    const double *c = item->c;
    double *e = loss->exponentials;
    const bal_softmax s = bal_softmax_of(item->logits, classes, e);
    const double share = loss->label_smoothing / classes, norm = 1.0 + s.rest;
    const double label = 1.0 - loss->label_smoothing + share;
    const double log_norm = log1p(s.rest);
    double total = 0.0, value = 0.0, slopes = 0.0;
    for (int k = 0; k < classes; k++)
        total += c[k];
    for (int k = 0; k < classes; k++) {
        const double l = (s.max - item->logits[k]) + log_norm;
        const double other = bal_softmax_other(&s, k, e[k]);
        const double a = label * c[k], b = share * (total - c[k]);
        double slope = 0.0; /* with respect to L_k */
        if (a != 0.0) {
            const double factor = power(other, pos), ratio = other > 0.0 ? l / other : 1.0;
            value += a * factor * l;
            slope += a * factor * (1.0 + pos * (e[k] / norm) * ratio);
        }
        if (b != 0.0) {
            const double factor = exp(-neg * l);
            value += b * factor * l;
            slope += b * factor * (1.0 - neg * l);
        }
        if (gradient)
            gradient[k] = -slope;
        slopes += slope;
    }
    for (int k = 0; gradient && k < classes; k++)
        if (k != s.top)
            gradient[k] += slopes * (e[k] / norm);
    if (gradient) /* p_top = 1 - (1 - p_top) */
        gradient[s.top] = (slopes + gradient[s.top]) - slopes * bal_softmax_other(&s, s.top, 1.0);
    return value;
}

const bal_loss_family bal_loss_asl = {
    .info = {.name = "asl",
             .title = "asymmetric loss (one label)",
             .formula = "-t_y (1 - p_y)^gamma_pos log p_y - sum_{k != y} t_k p_k^gamma_neg log "
                        "p_k, t_k = (1 - eps) [k = y] + eps / C",
             .source = "Ridnik et al. 2021",
             .takes_soft_targets = true,
             .own_smoothing = true,
             .settings = "gamma_pos gamma_neg"},
    .sample = sample,
};
