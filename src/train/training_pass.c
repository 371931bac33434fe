/* One pass of a batch: forward, loss, backward. A step has one, or several where the gradient is
 * taken at more than one place. */
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

/* What the run's log says of a batch is said of its first pass. */
static void note(bal_training *g, const bal_loader_batch *batch, double value)
{
    g->state.loss_sum += value * batch->count;
    g->state.seen += batch->count;
    g->state.right += count_right(g, batch);
}

double bal_training_rare_share(const bal_training *g, const bal_loader_batch *batch, int i)
{
    const size_t classes = g->t->classes;
    if (!batch->targets)
        return g->rare[batch->labels[i]] ? 1.0 : 0.0;
    double share = 0.0;
    for (size_t c = 0; c < classes; c++)
        share += g->rare[c] ? (double)batch->targets[(size_t)i * classes + c] : 0.0;
    return share < 1.0 ? share : 1.0;
}

/* Keeps of every image's gradient, that of its features too, the share that belongs to rare
 * classes, or to the others. */
static void keep_part(bal_training *g, const bal_loader_batch *batch, float *slopes,
                      bal_pass_part part)
{
    const size_t classes = g->t->classes;
    for (int i = 0; i < batch->count && part != BAL_PASS_ALL; i++) {
        const double rare = bal_training_rare_share(g, batch, i);
        const float share = (float)(part == BAL_PASS_RARE ? rare : 1.0 - rare);
        for (size_t c = 0; c < classes; c++)
            g->gradient[(size_t)i * classes + c] *= share;
        if (slopes)
            slopes[i] *= share;
    }
}

bal_status bal_training_pass(bal_training *g, const bal_loader_batch *batch, bal_pass_how how)
{
    const bal_trainer *t = g->t;
    const bal_batch_mix mix = {batch->mix_place, batch->partners, batch->shares};
    const bal_forward forward = {
        .inputs = (const float *const[]){batch->images},
        .batch = batch->count,
        .training = true,
        .mix = batch->mix_place > 0 ? &mix : NULL,
        .step = (uint64_t)(bal_trainer_steps_before(t, g->state.epoch) + g->state.step)};
    BAL_TRY(bal_plan_forward(g->plan, &forward));
    BAL_TRY(bal_plan_read_output(g->plan, t->logits, g->logits));
    bal_loss_batch in = {.samples = batch->count,
                         .logits = g->logits,
                         .labels = batch->targets ? NULL : batch->labels,
                         .targets = batch->targets,
                         .sample_weights = batch->weights};
    const bal_loss_place at = {.seed = t->settings.seed,
                               .epoch = (uint64_t)g->state.epoch,
                               .first = (uint64_t)g->state.step * (uint64_t)t->settings.batch_size};
    double value;
    BAL_TRY(bal_loss_inputs_read(g->loss_inputs, g->plan, &at, &in));
    if (how.first)
        BAL_TRY(bal_loss_observe(g->loss, g->ctx, &in));
    BAL_TRY(bal_loss_compute(g->loss, g->ctx, &in, &value, NULL, g->gradient));
    if (!isfinite(value))
        return bal_training_diverged(g, how.first ? "the loss" : "the loss beside the weights",
                                     value);
    if (how.first) {
        note(g, batch, value);
        g->divisor = bal_loss_divisor(g->loss, &in);
    }
    keep_part(g, batch, in.feature_slopes, how.part);
    bal_loss_inputs_gradient(g->loss_inputs, g->output_gradients);
    return bal_plan_backward(g->plan, &(bal_backward){.output_gradients = g->output_gradients});
}
