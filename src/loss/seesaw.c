/* Seesaw loss: what an image pushes a rarer class down by shrinks with the ratio of the counts seen
 * so far, and grows again where that class is wrongly ahead of the label. */
#include "loss/loss_family.h"

#include "numeric/softmax.h"

#include <math.h>

/* u_j = z_j + log S_yj, with the counts N seen so far (1 where that is less),
 *   log S_yj = p min(0, log N_j - log N_y) + q max(0, log p_j - max(log p_y, log eps))
 * S is held fixed in the gradient, as by the authors: cross entropy of u. offsets hold log N. */
static double sample(const bal_loss *loss, bal_loss_item *item, double *gradient)
{
    const int classes = loss->classes;
    const bal_loss_settings *n = &loss->numbers;
    const double *log_seen = loss->offsets;
    double *shift = loss->spare;
    int y = 0;
    while (y < classes - 1 && item->c[y] == 0.0)
        y++;
    const bal_softmax s = bal_softmax_of(item->logits, classes, loss->exponentials);
    /* log p_j - max(log p_y, log eps) = z_j - the larger of z_y and the z of probability eps */
    const double least = s.max + (log1p(s.rest) + log(n->seesaw_eps));
    const double own = item->logits[y] > least ? item->logits[y] : least;
    for (int j = 0; j < classes; j++) {
        const double ratio = log_seen[j] - log_seen[y], ahead = item->logits[j] - own;
        shift[j] =
            (ratio < 0.0 ? n->seesaw_p * ratio : 0.0) + (ahead > 0.0 ? n->seesaw_q * ahead : 0.0);
    }
    shift[y] = 0.0;
    return bal_loss_shifted(loss, item, shift, gradient);
}

/* state: counts; offsets: their logarithms */
static void refresh(bal_loss *loss)
{
    for (int j = 0; j < loss->classes; j++)
        loss->offsets[j] = log(fmax(loss->state[j], 1.0));
}

static void observe(bal_loss *loss, const bal_loss_batch *batch)
{
    for (int64_t i = 0; i < batch->samples; i++)
        loss->state[batch->labels[i]] += 1.0;
}

const bal_loss_family bal_loss_seesaw = {
    .info = {.name = "seesaw",
             .title = "seesaw loss",
             .formula = "-log softmax(z + log S_y)_y, S_yj = min(1, N_j / N_y)^seesaw_p max(1, p_j "
                        "/ max(p_y, seesaw_eps))^seesaw_q, S_yy = 1",
             .source = "Wang et al. 2021",
             .has_state = true,
             .no_smoothing = "its factors are relative to one label",
             .settings = "seesaw_p seesaw_q seesaw_eps"},
    .observe = observe,
    .refresh = refresh,
    .sample = sample,
};
