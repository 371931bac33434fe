/* The gradient of a batch: where the weights are, or a step uphill of them.
 *
 * SAM (Foret et al. 2021): e = rho g / |g|, g the gradient at w; the update follows the gradient at
 * w + e. Its imbalanced form (Zhou et al. 2023) splits the loss by class: e comes from the rare
 * classes alone and their gradient is taken at w + e, that of the others at w. */
#include "train/trainer.h"

#include <math.h>

#define LEAST_LENGTH 1e-12 /* a gradient of 0 gives no direction */

static bal_status put(bal_training *g, bal_param_part to, bal_param_part from)
{
    return bal_plan_combine(g->plan, &(bal_combine){.to = to, .from = from, .add = 1.0});
}

/* Values, running statistics too, are put aside as the first pass left them: what the passes beside
 * them do to the statistics is taken back with the step. */
static bal_status go_uphill(bal_training *g)
{
    double length;
    BAL_TRY(bal_plan_norm(g->plan, BAL_PARAM_GRADIENT, &length));
    if (!isfinite(length))
        return bal_training_diverged(g, "the length of the gradient", length);
    BAL_TRY(put(g, BAL_PARAM_ASIDE, BAL_PARAM_VALUE));
    return bal_plan_combine(
        g->plan, &(bal_combine){.to = BAL_PARAM_VALUE,
                                .from = BAL_PARAM_GRADIENT,
                                .keep = 1.0,
                                .add = g->t->recipe->optimizer.sam_rho / (length + LEAST_LENGTH)});
}

static bal_status return_from(bal_training *g, bal_status status)
{
    const bal_status back = put(g, BAL_PARAM_VALUE, BAL_PARAM_ASIDE);
    return status != BAL_OK ? status : back;
}

/* Adds the gradient of the last pass to those of the group. */
static bal_status gather(bal_training *g, double weight)
{
    BAL_TRY(bal_plan_combine(g->plan, &(bal_combine){.to = BAL_PARAM_SUM,
                                                     .from = BAL_PARAM_GRADIENT,
                                                     .keep = g->gathered ? 1.0 : 0.0,
                                                     .add = weight}));
    g->gathered = true;
    return BAL_OK;
}

/* Images of rare classes in the batch: none, or all of them, or some. */
static bal_pass_part rare_part(const bal_training *g, const bal_loader_batch *batch)
{
    double rare = 0.0;
    for (int i = 0; i < batch->count; i++)
        rare += bal_training_rare_share(g, batch, i);
    return rare <= 0.0 ? BAL_PASS_COMMON : rare >= batch->count ? BAL_PASS_ALL : BAL_PASS_RARE;
}

static bal_status twice(bal_training *g, const bal_loader_batch *batch, bal_pass_part part)
{
    BAL_TRY(bal_training_pass(g, batch, (bal_pass_how){.first = true, .part = part}));
    BAL_TRY(go_uphill(g));
    return return_from(g, bal_training_pass(g, batch, (bal_pass_how){.part = part}));
}

bal_status bal_training_gradient(bal_training *g, const bal_loader_batch *batch)
{
    const bal_recipe_optimizer *o = &g->t->recipe->optimizer;
    const bal_pass_part part = o->sam_eta > 0 ? rare_part(g, batch) : BAL_PASS_ALL;
    if (!(o->sam_rho > 0.0) || part == BAL_PASS_COMMON)
        BAL_TRY(bal_training_pass(g, batch, (bal_pass_how){.first = true}));
    else
        BAL_TRY(twice(g, batch, part));
    const double weight = o->grad_accum_steps > 1 ? g->divisor : 1.0;
    g->group_weight += weight;
    if (o->grad_accum_steps > 1 || part == BAL_PASS_RARE)
        BAL_TRY(gather(g, weight));
    if (part != BAL_PASS_RARE)
        return BAL_OK;
    BAL_TRY(return_from(g, bal_training_pass(g, batch, (bal_pass_how){.part = BAL_PASS_COMMON})));
    return gather(g, weight);
}
