/* The update after a group of batches: the group's mean gradient, its length, the optimizer. */
#include "train/trainer.h"

#include <math.h>

#define CLIP_EPS 1e-6 /* as torch.nn.utils.clip_grad_norm_ */

bool bal_training_group_ends(const bal_training *g, int64_t steps)
{
    return steps % g->t->recipe->optimizer.grad_accum_steps == 0 ||
           steps == bal_trainer_steps(g->t, g->state.epoch);
}

/* Each batch's gradient was divided by what its losses are divided by, so the sum weighted by these
 * divisors, over their sum, is the gradient of all of them as one batch. */
static bal_status take_sum(bal_training *g)
{
    const double whole = g->group_weight;
    const bool gathered = g->gathered;
    g->group_weight = 0.0;
    g->gathered = false;
    if (!gathered)
        return BAL_OK;
    return bal_plan_combine(g->plan, &(bal_combine){.to = BAL_PARAM_GRADIENT,
                                                    .from = BAL_PARAM_SUM,
                                                    .add = whole > 0.0 ? 1.0 / whole : 0.0});
}

static bal_status clip(bal_training *g)
{
    const double most = g->t->recipe->optimizer.clip_grad;
    double length;
    if (!(most > 0.0))
        return BAL_OK;
    BAL_TRY(bal_plan_norm(g->plan, BAL_PARAM_GRADIENT, &length));
    if (!isfinite(length))
        return bal_training_diverged(g, "the length of the gradient", length);
    const double factor = most / (length + CLIP_EPS);
    if (factor >= 1.0)
        return BAL_OK;
    return bal_plan_combine(
        g->plan,
        &(bal_combine){.to = BAL_PARAM_GRADIENT, .from = BAL_PARAM_GRADIENT, .add = factor});
}

bal_status bal_training_update(bal_training *g)
{
    const bal_recipe_optimizer *o = &g->t->recipe->optimizer;
    BAL_TRY(take_sum(g));
    BAL_TRY(clip(g));
    return bal_plan_update(g->plan, &(bal_update){.lr = g->lr,
                                                  .weight_decay = g->decay,
                                                  .momentum = o->momentum,
                                                  .nesterov = o->nesterov,
                                                  .beta1 = o->beta1,
                                                  .beta2 = o->beta2,
                                                  .eps = o->eps});
}
