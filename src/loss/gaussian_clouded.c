/* Gaussian clouded logits: cosine logits are lowered by the size of a normal draw, more for rarer
 * classes. */
#include "loss/loss_family.h"

#include <math.h>

/* offsets hold s noise (log n_max - log n_k) / (log n_max - log n_min); the draw has a third of the
 * standard deviation and is cut at 1. */
static double sample(const bal_loss *loss, bal_loss_item *item, double *gradient)
{
    for (int k = 0; k < loss->classes; k++)
        loss->spare[k] =
            item->draws ? -loss->offsets[k] * fmin(fabs(item->draws[k]) / 3.0, 1.0) : 0.0;
    return bal_loss_shifted(loss, item, loss->spare, gradient);
}

/* Where all counts are the same there is no class to cloud: cross entropy. */
static bal_status prepare(bal_loss *loss, const bal_loss_settings *settings)
{
    const bal_count_range n = bal_loss_count_range(loss, settings->counts);
    const double range = log(n.most / n.least);
    for (int j = 0; j < loss->classes; j++)
        loss->offsets[j] = range > 0.0 ? settings->s * settings->gcl_noise *
                                             log(n.most / (double)settings->counts[j]) / range
                                       : 0.0;
    return BAL_OK;
}

const bal_loss_family bal_loss_gcl = {
    .info = {.name = "gcl",
             .title = "Gaussian clouded logit loss",
             .formula = "-log softmax(z - s gcl_noise d |e|)_y, d_j = log(n_max / n_j) / log(n_max "
                        "/ n_min), e_j ~ N(0, 1/3) within -1..1",
             .source = "Li et al. 2022",
             .needs_counts = true,
             .needs_cosine_head = true,
             .takes_soft_targets = true,
             .draws = BAL_DRAWS_NORMAL,
             .settings = "gcl_noise s"},
    .prepare = prepare,
    .sample = sample,
};
