/* One step of training: forward, loss, backward, update. */
#include "train/trainer.h"

#include <math.h>

static int64_t count_right(const bal_training *g, const bal_loader_batch *batch)
{
    const size_t classes = g->t->classes;
    int64_t right = 0;
    for (int i = 0; i < batch->count; i++) {
        const float *row = g->logits + (size_t)i * classes;
        size_t best = 0;
        for (size_t c = 1; c < classes; c++)
            best = row[c] > row[best] ? c : best;
        right += (size_t)batch->labels[i] == best;
    }
    return right;
}

bal_status bal_training_diverged(const bal_training *g, const char *what, double value)
{
    const int epoch = g->state.epoch;
    const int64_t step = g->state.step < g->t->steps ? g->state.step + 1 : g->t->steps;
    const bool saved = bal_run_folder_has(g->folder, BAL_STATE_FILE);
    return bal_fail(g->ctx, BAL_DIVERGED,
                    "training diverged: %s is %g in epoch %d, step %lld, at a learning rate of "
                    "%g%s%s%s; a smaller rate or a longer warm-up may help",
                    what, value, epoch + 1, (long long)step,
                    bal_schedule_lr(&g->t->recipe->schedule, epoch), saved ? "; " : "",
                    saved ? g->t->settings.out : "", saved ? " keeps the state saved before" : "");
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
    const bal_trainer *t = g->t;
    const bal_recipe_optimizer *optimizer = &t->recipe->optimizer;
    const bal_forward forward = {.inputs = (const float *const[]){batch->images},
                                 .batch = batch->count,
                                 .training = true,
                                 .step = (uint64_t)(g->state.epoch * t->steps + g->state.step)};
    BAL_TRY(bal_plan_forward(g->plan, &forward));
    BAL_TRY(bal_plan_read_output(g->plan, t->logits, g->logits));
    bal_loss_batch in = {.samples = batch->count,
                         .logits = g->logits,
                         .labels = batch->labels,
                         .sample_weights = batch->weights};
    const bal_loss_place at = {.seed = t->settings.seed,
                               .epoch = (uint64_t)g->state.epoch,
                               .first = (uint64_t)g->state.step * (uint64_t)t->settings.batch_size};
    double value;
    BAL_TRY(bal_loss_inputs_read(g->loss_inputs, g->plan, &at, &in));
    BAL_TRY(bal_loss_compute(g->loss, g->ctx, &in, &value, NULL, g->gradient));
    if (!isfinite(value))
        return bal_training_diverged(g, "the loss", value);
    bal_loss_inputs_gradient(g->loss_inputs, g->output_gradients);
    BAL_TRY(bal_plan_backward(g->plan, &(bal_backward){.output_gradients = g->output_gradients}));
    BAL_TRY(bal_plan_update(g->plan, &(bal_update){.lr = g->lr,
                                                   .weight_decay = g->decay,
                                                   .momentum = optimizer->momentum,
                                                   .nesterov = optimizer->nesterov}));
    g->state.step++;
    g->state.loss_sum += value * batch->count;
    g->state.seen += batch->count;
    g->state.right += count_right(g, batch);
    g->epoch_images += batch->count;
    g->run_images += batch->count;
    return BAL_OK;
}
