/* One step of training: the gradient of a batch, and after the last batch of a group the update. */
#include "train/stage/stage_actions.h"
#include "train/trainer.h"

#include <math.h>

bal_status bal_training_diverged(const bal_training *g, const char *what, double value)
{
    const int epoch = g->state.epoch;
    const int64_t steps = bal_trainer_steps(g->t, epoch);
    const int64_t step = g->state.step < steps ? g->state.step + 1 : steps;
    const bool saved = bal_run_folder_has(g->folder, BAL_STATE_FILE);
    return bal_fail(g->ctx, BAL_DIVERGED,
                    "training diverged: %s is %g in epoch %d, step %lld, at a learning rate of "
                    "%g%s%s%s; a smaller rate or a longer warm-up may help",
                    what, value, epoch + 1, (long long)step, bal_recipe_lr(g->t->recipe, epoch),
                    saved ? "; " : "", saved ? g->t->settings.out : "",
                    saved ? " keeps the state saved before" : "");
}

bal_status bal_training_check_finite(bal_training *g)
{
    bal_weights *all;
    BAL_TRY(bal_snapshot_take(g->plan, &all));
    bal_status status = BAL_OK;
    for (int i = 0; i < bal_weights_count(all) && status == BAL_OK; i++) {
        const bal_tensor *t = bal_weights_at(all, i);
        for (int64_t k = 0; k < t->count && status == BAL_OK; k++)
            if (!isfinite(t->data[k]))
                status = bal_training_diverged(g, t->name, (double)t->data[k]);
    }
    bal_weights_close(&all);
    return status;
}

bal_status bal_training_step(bal_training *g, const bal_loader_batch *batch)
{
    BAL_TRY(bal_training_gradient(g, batch));
    const bool updates = bal_training_group_ends(g, g->state.step + 1);
    if (updates)
        BAL_TRY(bal_training_update(g));
    const double max_norm = g->t->recipe->stages[g->stage].max_norm;
    if (updates && max_norm > 0.0)
        BAL_TRY(bal_stage_project(g->plan, max_norm));
    g->state.step++;
    g->epoch_images += batch->count;
    g->run_images += batch->count;
    return updates ? bal_training_average(g) : BAL_OK;
}
