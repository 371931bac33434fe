/* Cross entropy, and what it shares with the losses that add a number to each logit. */
#include "loss/loss_family.h"

#include "numeric/softmax.h"

/* With u = z + b: value = sum_j c_j (lse(u) - u_j); d/dz_k = (sum_j c_j) softmax(u)_k - c_k. */
double bal_loss_shifted(const bal_loss *loss, const bal_loss_item *item, const double *shift,
                        double *gradient)
{
    const int classes = loss->classes;
    const double *c = item->c, *logits = item->logits;
    double *e = loss->exponentials;
    for (int k = 0; k < classes; k++)
        e[k] = logits[k] + (shift ? shift[k] : 0.0);
    double *u = e;
    double top = u[0];
    for (int k = 1; k < classes; k++)
        if (u[k] > top)
            top = u[k];
    /* distances to the largest are summed before the exponentials take the place of u */
    double total = 0.0, distance = 0.0;
    for (int k = 0; k < classes; k++)
        if (c[k] != 0.0) {
            total += c[k];
            distance += c[k] * (top - u[k]);
        }
    const bal_softmax s = bal_softmax_of(u, classes, e);
    if (gradient) {
        const double scale = total / (1.0 + s.rest);
        for (int k = 0; k < classes; k++)
            gradient[k] = scale * e[k] - c[k];
        /* total p_top - c_top = (total - c_top) - total (1 - p_top), without cancellation */
        gradient[s.top] = (total - c[s.top]) - total * bal_softmax_other(&s, s.top, 1.0);
    }
    return distance + total * bal_softmax_loss(&s, s.max);
}

static double sample(const bal_loss *loss, bal_loss_item *item, double *gradient)
{
    return bal_loss_shifted(loss, item, NULL, gradient);
}

const bal_loss_family bal_loss_cross_entropy = {
    .info = {.name = "ce",
             .title = "cross entropy",
             .formula = "-log softmax(z)_y",
             .source = "the negative log-likelihood of a softmax",
             .takes_soft_targets = true,
             .settings = ""},
    .sample = sample,
};
