/* A sigmoid for each class: its own against all others, plain or with focal's factor. */
#include "loss/loss_family.h"

#include <math.h>

/* One sigmoid of margin x = z or -z: (1 - s(x))^gamma (-log s(x)) with -log s(x) = softplus(-x).
 * The factor is exp(-gamma softplus(x)), so it needs no power and cannot lose its digits; all come
 * from one exp(-|x|).
 * slope: -factor ((1 - s(x)) + gamma s(x) softplus(-x)) */
static double binary(double x, double gamma, double *slope)
{
    const double e = exp(-fabs(x)), near = log1p(e), small = e / (1.0 + e), large = 1.0 / (1.0 + e);
    const double l = near + (x < 0.0 ? -x : 0.0), other = x < 0.0 ? large : small;
    const double factor = gamma > 0.0 ? exp(-gamma * (near + (x > 0.0 ? x : 0.0))) : 1.0;
    *slope = -factor * (other + gamma * (x < 0.0 ? small : large) * l);
    return factor * l;
}

/* l_j is the sum over k of the binary loss of class k, of margin z_k for k = j and -z_k for others.
 * So class k counts with c_k as its own and with the rest of the coefficients as another's. */
static double sigmoids(const bal_loss *loss, const bal_loss_item *item, double gamma,
                       double *gradient)
{
    const double *c = item->c;
    double value = 0.0, total = 0.0;
    for (int k = 0; k < loss->classes; k++)
        total += c[k];
    for (int k = 0; k < loss->classes; k++) {
        const double others = fmax(total - c[k], 0.0);
        double own_slope = 0.0, other_slope = 0.0;
        if (c[k] != 0.0)
            value += c[k] * binary(item->logits[k], gamma, &own_slope);
        if (others != 0.0)
            value += others * binary(-item->logits[k], gamma, &other_slope);
        if (gradient)
            gradient[k] = c[k] * own_slope - others * other_slope;
    }
    return value;
}

static double sample_plain(const bal_loss *loss, bal_loss_item *item, double *gradient)
{
    return sigmoids(loss, item, 0.0, gradient);
}

static double sample_focal(const bal_loss *loss, bal_loss_item *item, double *gradient)
{
    return sigmoids(loss, item, loss->numbers.gamma, gradient);
}

const bal_loss_family bal_loss_sigmoid = {
    .info = {.name = "sigmoid",
             .title = "sigmoid cross entropy, one against all",
             .formula = "-log sigmoid(z_y) - sum_{k != y} log sigmoid(-z_k)",
             .source = "Cui et al. 2019",
             .takes_soft_targets = true,
             .wants_bias = true,
             .settings = ""},
    .sample = sample_plain,
};

const bal_loss_family bal_loss_sigmoid_focal = {
    .info = {.name = "sigmoid-focal",
             .title = "focal loss (sigmoid form)",
             .formula = "-sum_k (1 - q_k)^gamma log q_k, q_y = sigmoid(z_y), q_k = sigmoid(-z_k) "
                        "for k != y",
             .source = "Lin et al. 2017",
             .takes_soft_targets = true,
             .wants_bias = true,
             .settings = "gamma"},
    .sample = sample_focal,
};
