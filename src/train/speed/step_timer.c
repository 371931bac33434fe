/* Random images, one step after the other, the medians of their parts. */
#include "train/speed/step_timer.h"

#include "base/random.h"
#include "base/clock.h"
#include "numeric/statistics/quantile.h"
#include "train/loss_inputs.h"
#include "train/score.h"

#define WARM_UP 3

enum { FORWARD, BACKWARD, UPDATE, STEP, PARTS };

typedef struct timer {
    bal_ctx *ctx;
    bal_plan *plan;
    const bal_loss *loss;
    bal_loss_inputs *inputs;
    int output;
    float *images, *logits, *gradient, *lr, *weight_decay;
    const float **gradients; /* per output of the graph */
    int32_t *labels;
    double *times; /* PARTS x steps */
} timer;

static void close_timer(timer *t)
{
    void *const memory[] = {t->images,       t->logits, t->gradient, t->lr,
                            t->weight_decay, t->labels, t->times,    (void *)t->gradients};
    bal_loss_inputs_close(&t->inputs);
    for (size_t i = 0; i < BAL_COUNT_OF(memory); i++)
        bal_free(t->ctx, memory[i]);
}

static bal_status open_timer(timer *t, int steps)
{
    const bal_graph *g = t->plan->graph;
    int classes;
    BAL_TRY(bal_score_output(t->ctx, g, &t->output, &classes));
    const bal_shape in = bal_graph_node_shape(g, bal_graph_input_node(g, 0));
    const size_t batch = (size_t)t->plan->settings.batch, params = (size_t)bal_graph_params(g),
                 numbers = batch * (size_t)classes,
                 pixels = batch * (size_t)in.channels * (size_t)in.height * (size_t)in.width;
    t->images = bal_calloc(t->ctx, pixels, sizeof *t->images);
    t->logits = bal_calloc(t->ctx, numbers, sizeof *t->logits);
    t->gradient = bal_calloc(t->ctx, numbers, sizeof *t->gradient);
    t->gradients = bal_calloc(t->ctx, (size_t)bal_graph_outputs(g), sizeof *t->gradients);
    t->labels = bal_calloc(t->ctx, batch, sizeof *t->labels);
    t->lr = bal_calloc(t->ctx, params, sizeof *t->lr);
    t->weight_decay = bal_calloc(t->ctx, params, sizeof *t->weight_decay);
    t->times = bal_calloc(t->ctx, PARTS * (size_t)steps, sizeof *t->times);
    if (!t->images || !t->logits || !t->gradient || !t->gradients || !t->labels || !t->lr ||
        !t->weight_decay || !t->times)
        return BAL_NO_MEMORY;
    bal_random r = bal_random_at(1, BAL_STREAM_TEST, 0, 0);
    for (size_t i = 0; i < pixels; i++)
        t->images[i] = (float)bal_random_normal(&r);
    for (size_t i = 0; i < batch; i++)
        t->labels[i] = (int32_t)bal_random_below(&r, (uint64_t)classes);
    for (size_t i = 0; i < params; i++) {
        t->lr[i] = 0.01f;
        t->weight_decay[i] = 5e-4f;
    }
    t->gradients[t->output] = t->gradient;
    return bal_loss_inputs_open(&t->inputs, t->plan, t->loss, t->plan->settings.batch);
}

/* at receives when the step began and when each of its parts ended. */
static bal_status step(timer *t, uint64_t number, double at[PARTS])
{
    const int batch = t->plan->settings.batch;
    const bal_forward forward = {.inputs = (const float *const[]){t->images},
                                 .batch = batch,
                                 .training = true,
                                 .step = number};
    const bal_loss_place place = {.seed = 1, .first = number * (uint64_t)batch};
    bal_loss_batch in = {.samples = batch, .logits = t->logits, .labels = t->labels};
    double value;
    at[0] = bal_clock();
    BAL_TRY(bal_plan_forward(t->plan, &forward));
    BAL_TRY(bal_plan_read_output(t->plan, t->output, t->logits));
    BAL_TRY(bal_loss_inputs_read(t->inputs, t->plan, &place, &in));
    BAL_TRY(bal_loss_compute(t->loss, t->ctx, &in, &value, NULL, t->gradient));
    bal_loss_inputs_gradient(t->inputs, t->gradients);
    at[1] = bal_clock();
    BAL_TRY(bal_plan_backward(t->plan, &(bal_backward){.output_gradients = t->gradients}));
    at[2] = bal_clock();
    BAL_TRY(bal_plan_update(t->plan, &(bal_update){.lr = t->lr,
                                                   .weight_decay = t->weight_decay,
                                                   .momentum = 0.9,
                                                   .beta1 = 0.9,
                                                   .beta2 = 0.999,
                                                   .eps = 1e-8}));
    at[3] = bal_clock();
    return BAL_OK;
}

static bal_status run(timer *t, int steps)
{
    for (int i = -WARM_UP; i < steps; i++) {
        double at[PARTS];
        if (bal_take_interrupt(t->ctx))
            return bal_fail(t->ctx, BAL_INTERRUPTED, "interrupted while steps were timed");
        BAL_TRY(step(t, (uint64_t)(i + WARM_UP), at));
        for (int part = 0; part < STEP && i >= 0; part++)
            t->times[part * steps + i] = at[part + 1] - at[part];
        if (i >= 0)
            t->times[STEP * steps + i] = at[3] - at[0];
    }
    return BAL_OK;
}

bal_status bal_time_steps(bal_plan *plan, const bal_loss *loss, int steps, bal_step_times *times)
{
    timer t = {.ctx = plan->ctx, .plan = plan, .loss = loss};
    bal_status status = open_timer(&t, steps);
    if (status == BAL_OK)
        status = run(&t, steps);
    if (status == BAL_OK)
        *times = (bal_step_times){.forward = bal_median(t.times + FORWARD * steps, steps),
                                  .backward = bal_median(t.times + BACKWARD * steps, steps),
                                  .update = bal_median(t.times + UPDATE * steps, steps),
                                  .step = bal_median(t.times + STEP * steps, steps)};
    close_timer(&t);
    return status;
}
