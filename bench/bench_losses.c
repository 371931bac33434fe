/* What each loss costs in a training step: bench_losses [CLASSES [MODEL [ROUNDS]]]. A loss runs
 * alone, between forward and backward, so what it takes (draws, features, value, gradients) beyond
 * what cross entropy takes is what it adds to a step. Both are processor time, which a busy machine
 * disturbs little: that of the loss, the best of the rounds, and that of a step with cross entropy
 * shared among the threads, which is at most what the step takes. Prints one line of JSON a loss.
 */
#include "base/random.h"
#include "train/loss_inputs.h"
#include "train/speed/step_timer.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BATCH 128
#define SIDE 32
#define STEPS 5
#define ALL_STEPS (STEPS + 3) /* with the warm-up of bal_time_steps */

typedef struct bench {
    bal_ctx *ctx;
    bal_graph *graph;
    bal_weights *weights;
    bal_plan *plan;
    int classes, rounds;
    int64_t *counts;
    float *images, *logits, *gradient;
    int32_t *labels;
} bench;

static bal_status open_bench(bench *b, const char *name)
{
    bal_model_settings model = bal_model_defaults();
    const bal_plan_settings plan = {.batch = BATCH, .training = true, .seed = 1};
    const bal_engine *engine;
    model.name = name;
    model.classes = b->classes;
    model.input = (bal_shape){3, SIDE, SIDE};
    BAL_TRY(bal_engine_find(b->ctx, NULL, &engine));
    BAL_TRY(bal_model_build(&b->graph, b->ctx, &model));
    BAL_TRY(bal_plan_open(&b->plan, b->ctx, engine, b->graph, &plan));
    BAL_TRY(bal_weights_init(&b->weights, b->ctx, b->graph, 1));
    BAL_TRY(bal_plan_load(b->plan, b->weights));
    const size_t classes = (size_t)b->classes, pixels = (size_t)BATCH * 3 * SIDE * SIDE;
    b->counts = bal_calloc(b->ctx, classes, sizeof *b->counts);
    b->images = bal_calloc(b->ctx, pixels, sizeof *b->images);
    b->logits = bal_calloc(b->ctx, BATCH * classes, sizeof *b->logits);
    b->gradient = bal_calloc(b->ctx, BATCH * classes, sizeof *b->gradient);
    b->labels = bal_calloc(b->ctx, BATCH, sizeof *b->labels);
    if (!b->counts || !b->images || !b->logits || !b->gradient || !b->labels)
        return BAL_NO_MEMORY;
    bal_random r = bal_random_at(1, BAL_STREAM_TEST, 0, 0);
    for (size_t i = 0; i < pixels; i++)
        b->images[i] = (float)bal_random_normal(&r);
    for (size_t j = 0; j < classes; j++)
        b->counts[j] = 5000 / (int64_t)(j + 1) + 1;
    for (int i = 0; i < BATCH; i++)
        b->labels[i] = (int32_t)bal_random_below(&r, classes);
    return bal_plan_forward(b->plan, &(bal_forward){.inputs = (const float *const[]){b->images},
                                                    .batch = BATCH,
                                                    .training = true});
}

static void close_bench(bench *b)
{
    void *const memory[] = {b->counts, b->images, b->logits, b->gradient, b->labels};
    for (size_t i = 0; i < BAL_COUNT_OF(memory); i++)
        bal_free(b->ctx, memory[i]);
    bal_plan_close(&b->plan);
    bal_weights_close(&b->weights);
    bal_graph_close(&b->graph);
}

static bal_status open_loss(const bench *b, const char *name, bal_loss **loss)
{
    bal_loss_settings settings = bal_loss_defaults();
    settings.name = name;
    settings.classes = b->classes;
    settings.counts = b->counts;
    return bal_loss_open(loss, b->ctx, &settings);
}

static double processor_time(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The best round of all that a step does for the loss. */
static bal_status time_loss(bench *b, bal_loss *loss, double *seconds)
{
    bal_loss_inputs *in;
    const float *gradients[8] = {0};
    const int output = bal_graph_find_output(b->graph, "logits");
    bal_status status = BAL_OK;
    *seconds = 1e300;
    BAL_TRY(bal_loss_inputs_open(&in, b->plan, loss, BATCH));
    BAL_GOTO(bal_plan_read_output(b->plan, output, b->logits));
    for (int i = 0; i < 20 * b->rounds; i++) {
        bal_loss_batch batch = {.samples = BATCH, .logits = b->logits, .labels = b->labels};
        double value;
        const double start = processor_time();
        BAL_GOTO(bal_loss_inputs_read(in, b->plan, &(bal_loss_place){1, 0, 0}, &batch));
        BAL_GOTO(bal_loss_observe(loss, b->ctx, &batch));
        BAL_GOTO(bal_loss_compute(loss, b->ctx, &batch, &value, NULL, b->gradient));
        bal_loss_inputs_gradient(in, gradients);
        const double took = processor_time() - start;
        *seconds = took < *seconds ? took : *seconds;
    }
fail:
    bal_loss_inputs_close(&in);
    return status;
}

static bal_status time_step(const bench *b, const bal_loss *loss, double *seconds)
{
    bal_step_times times;
    const double start = processor_time();
    BAL_TRY(bal_time_steps(b->plan, loss, STEPS, &times));
    const double step = (processor_time() - start) / ALL_STEPS / bal_ctx_threads(b->ctx);
    *seconds = step < *seconds ? step : *seconds;
    return BAL_OK;
}

static bal_status run(bench *b, const char *model)
{
    const bal_loss_info *info;
    bal_loss *ce = NULL, *loss = NULL;
    double ce_loss, step = 1e300;
    bal_status status;
    BAL_GOTO(open_loss(b, "ce", &ce));
    BAL_GOTO(time_loss(b, ce, &ce_loss));
    for (int round = 0; round < b->rounds; round++)
        BAL_GOTO(time_step(b, ce, &step));
    for (int i = 0; (info = bal_loss_at(i)); i++) {
        double alone;
        BAL_GOTO(open_loss(b, info->name, &loss));
        BAL_GOTO(time_loss(b, loss, &alone));
        printf("{\"loss\": \"%s\", \"model\": \"%s\", \"classes\": %d, \"batch\": %d, "
               "\"loss_us\": %.1f, \"ce_us\": %.1f, \"step_ms\": %.2f, "
               "\"added_share_of_step\": %.5f}\n",
               info->name, model, b->classes, BATCH, 1e6 * alone, 1e6 * ce_loss, 1e3 * step,
               (alone - ce_loss) / step);
        fflush(stdout);
        bal_loss_close(&loss);
    }
fail:
    bal_loss_close(&loss);
    bal_loss_close(&ce);
    return status;
}

int main(int argc, char **argv)
{
    const bal_ctx_settings settings = {.threads = 0};
    const char *model = argc > 2 ? argv[2] : "resnet8";
    bench b = {.classes = argc > 1 ? atoi(argv[1]) : 10, .rounds = argc > 3 ? atoi(argv[3]) : 3};
    if (b.classes < 2 || b.rounds < 1 || bal_ctx_open(&b.ctx, &settings) != BAL_OK) {
        fprintf(stderr, "bench_losses [CLASSES [MODEL [ROUNDS]]]\n");
        return 2;
    }
    bal_status status = open_bench(&b, model);
    if (status == BAL_OK)
        status = run(&b, model);
    if (status != BAL_OK)
        fprintf(stderr, "bench_losses: %s\n", bal_error(b.ctx));
    close_bench(&b);
    bal_ctx_close(&b.ctx);
    return status == BAL_OK ? 0 : 1;
}
