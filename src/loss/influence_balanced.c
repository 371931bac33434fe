/* Influence-balanced loss: cross entropy divided by how much the sample moves the last layer, the
 * product of the L1 norms of the logits' gradient and of the features. */
#include "loss/loss_family.h"

#include "numeric/softmax.h"

#include <math.h>

/* With L = -log p_j, r = 1 - p_j, h the norm of the features, D = 2 r h + eps:
 *   l_j = alpha L / D                  (||p - onehot||_1 = 2 r)
 *   dl/dL = alpha (D - 2 h L p_j) / D^2 = alpha (eps + 2 h (r - L p_j)) / D^2, dr/dL = p_j
 *   dl/dh = -alpha L 2 r / D^2
 *   dL/dz_k = p_k - [k = j]
 * The factor is differentiated too, as by the authors; the engine carries dl/dh into the network.
 */
static double sample(const bal_loss *loss, bal_loss_item *item, double *gradient)
{
    const int classes = loss->classes;
    const double alpha = loss->numbers.ib_alpha, eps = loss->numbers.ib_eps;
    const double h = item->feature_norm;
    double *e = loss->exponentials;
    const bal_softmax s = bal_softmax_of(item->logits, classes, e);
    double value = 0.0, slopes = 0.0;
    item->feature_slope = 0.0;
    for (int j = 0; j < classes; j++) {
        if (gradient)
            gradient[j] = 0.0;
        if (item->c[j] == 0.0)
            continue;
        const double l = bal_softmax_loss(&s, item->logits[j]);
        const double r = bal_softmax_other(&s, j, e[j]), d = 2.0 * r * h + eps;
        const double a = item->c[j] * alpha / d;
        const double slope = a * (eps + 2.0 * h * (r - l * exp(-l))) / d;
        value += a * l;
        slopes += slope;
        item->feature_slope -= a * l * 2.0 * r / d;
        if (gradient)
            gradient[j] = -slope;
    }
    for (int k = 0; gradient && k < classes; k++)
        if (k != s.top)
            gradient[k] += slopes * (e[k] / (1.0 + s.rest));
    if (gradient) /* p_top = 1 - (1 - p_top) */
        gradient[s.top] = (slopes + gradient[s.top]) - slopes * bal_softmax_other(&s, s.top, 1.0);
    return value;
}

const bal_loss_family bal_loss_ib = {
    .info = {.name = "ib",
             .title = "influence-balanced loss",
             .formula = "-ib_alpha log p_y / (||p - onehot_y||_1 ||f||_1 + ib_eps)",
             .source = "Park et al. 2021",
             .needs_features = true,
             .takes_soft_targets = true,
             .settings = "ib_alpha ib_eps"},
    .sample = sample,
};
