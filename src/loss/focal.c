/* Focal loss in its softmax form. The factor (1 - p)^gamma comes from the probability itself, never
 * from exp(-weighted loss), so class weights do not change it. */
#include "loss/loss_family.h"

#include "numeric/softmax.h"

#include <math.h>

/* l_j = -(1 - p_j)^gamma log p_j
 * d l_j / d z_k = a_j ([j = k] - p_k),
 * a_j = gamma p_j (1 - p_j)^(gamma - 1) log p_j - (1 - p_j)^gamma
 *     = (1 - p_j)^gamma (gamma p_j log p_j / (1 - p_j) - 1), where log p / (1 - p) -> -1 at p = 1
 */
static double sample(const bal_loss *loss, bal_loss_item *item, double *gradient)
{
    const int classes = loss->classes;
    const double *c = item->c, *logits = item->logits, gamma = loss->numbers.gamma;
    double *e = loss->exponentials;
    const bal_softmax s = bal_softmax_of(logits, classes, e);
    const double norm = 1.0 + s.rest;
    double value = 0.0, slopes = 0.0;
    for (int j = 0; j < classes; j++) {
        if (gradient)
            gradient[j] = 0.0;
        if (c[j] == 0.0)
            continue;
        const double other = bal_softmax_other(&s, j, e[j]);
        const double minus_log = bal_softmax_loss(&s, logits[j]);
        const double factor = pow(other, gamma);
        value += c[j] * factor * minus_log;
        if (!gradient)
            continue;
        const double ratio = other > 0.0 ? minus_log / other : 1.0;
        gradient[j] = -c[j] * factor * (gamma * (e[j] / norm) * ratio + 1.0);
        slopes += gradient[j];
    }
    if (gradient)
        for (int k = 0; k < classes; k++)
            gradient[k] -= slopes * (e[k] / norm);
    return value;
}

const bal_loss_family bal_loss_focal = {
    .info = {.name = "focal",
             .title = "focal loss (softmax form)",
             .formula = "-(1 - p_y)^gamma log p_y, p = softmax(z)",
             .source = "Lin et al. 2017",
             .takes_soft_targets = true,
             .settings = "gamma"},
    .sample = sample,
};
