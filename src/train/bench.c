/* Speed of a training step on this machine: the bare step on random images, the time of the
 * engine's primitives each alone, and this machine's matrix product. */
#include "ballast/loss.h"
#include "ballast/train.h"
#include "base/context.h"
#include "base/random.h"
#include "engine/engine.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define WARM_UP 3
#define FLOOR_RUNS 5

bal_bench_settings bal_bench_defaults(void)
{
    return (bal_bench_settings){.model = "resnet32",
                                .batch_size = 128,
                                .size = 32,
                                .channels = 3,
                                .classes = 10,
                                .steps = 12};
}

#define FIELD(f) offsetof(bal_bench_settings, f)
static const bal_option rows[] = {
    {"model", BAL_OPTION_TEXT, FIELD(model), 0, 0, "NAME", NULL, "network; default resnet32"},
    {"engine", BAL_OPTION_TEXT, FIELD(engine), 0, 0, "NAME", NULL,
     "default: the best of this build"},
    {"batch-size", BAL_OPTION_INT, FIELD(batch_size), 1, 65536, "N", NULL,
     "images per step; default 128"},
    {"img-size", BAL_OPTION_INT, FIELD(size), 1, 4096, "N", NULL,
     "height and width of the images; default 32"},
    {"in-chans", BAL_OPTION_INT, FIELD(channels), 1, 3, "N", NULL, "channels; default 3"},
    {"num-classes", BAL_OPTION_INT, FIELD(classes), 2, 100000, "N", NULL, "default 10"},
    {"steps", BAL_OPTION_INT, FIELD(steps), 1, 100000, "N", NULL,
     "timed steps, of which the median is taken; default 12"},
    {NULL, BAL_OPTION_FLAG, 0, 0, 0, NULL, NULL, NULL},
};

const bal_option *bal_bench_options(void)
{
    return rows;
}

typedef struct bench {
    bal_graph *graph;
    bal_weights *weights;
    bal_plan *plan;
    bal_loss *loss;
    float *images, *logits, *gradient, *lr, *weight_decay;
    int32_t *labels;
    double *times[4]; /* forward, backward, update, whole step */
} bench;

static void close_bench(bal_ctx *ctx, bench *b)
{
    bal_plan_close(&b->plan);
    bal_weights_close(&b->weights);
    bal_graph_close(&b->graph);
    bal_loss_close(&b->loss);
    bal_free(ctx, b->images);
    bal_free(ctx, b->logits);
    bal_free(ctx, b->gradient);
    bal_free(ctx, b->lr);
    bal_free(ctx, b->weight_decay);
    bal_free(ctx, b->labels);
    for (int i = 0; i < 4; i++)
        bal_free(ctx, b->times[i]);
}

static bal_status open_network(bal_ctx *ctx, const bal_bench_settings *s, bench *b)
{
    const bal_engine *engine;
    BAL_TRY(bal_engine_find(ctx, s->engine, &engine));
    bal_model_settings model = bal_model_defaults();
    model.name = s->model;
    model.classes = s->classes;
    model.input = (bal_shape){s->channels, s->size, s->size};
    BAL_TRY(bal_model_build(&b->graph, ctx, &model));
    const bal_plan_settings plan = {.batch = s->batch_size, .training = true, .seed = 1};
    BAL_TRY(bal_plan_open(&b->plan, ctx, engine, b->graph, &plan));
    BAL_TRY(bal_weights_init(&b->weights, ctx, b->graph, 1));
    BAL_TRY(bal_plan_load(b->plan, b->weights));
    bal_loss_settings loss = bal_loss_defaults();
    loss.name = "ce";
    loss.classes = s->classes;
    return bal_loss_open(&b->loss, ctx, &loss);
}

static bal_status make_batch(bal_ctx *ctx, const bal_bench_settings *s, bench *b)
{
    const size_t batch = (size_t)s->batch_size, classes = (size_t)s->classes;
    const size_t pixels = batch * (size_t)s->channels * (size_t)s->size * (size_t)s->size;
    const size_t params = (size_t)bal_graph_params(b->graph);
    b->images = bal_calloc(ctx, pixels, sizeof(float));
    b->logits = bal_calloc(ctx, batch * classes, sizeof(float));
    b->gradient = bal_calloc(ctx, batch * classes, sizeof(float));
    b->labels = bal_calloc(ctx, batch, sizeof(int32_t));
    b->lr = bal_calloc(ctx, params, sizeof(float));
    b->weight_decay = bal_calloc(ctx, params, sizeof(float));
    if (!b->images || !b->logits || !b->gradient || !b->labels || !b->lr || !b->weight_decay)
        return BAL_NO_MEMORY;
    for (int i = 0; i < 4; i++) {
        b->times[i] = bal_calloc(ctx, (size_t)s->steps, sizeof(double));
        if (!b->times[i])
            return BAL_NO_MEMORY;
    }
    bal_random r = bal_random_at(1, BAL_STREAM_TEST, 0, 0);
    for (size_t i = 0; i < pixels; i++)
        b->images[i] = (float)bal_random_normal(&r);
    for (size_t i = 0; i < batch; i++)
        b->labels[i] = (int32_t)bal_random_below(&r, classes);
    for (size_t i = 0; i < params; i++) {
        b->lr[i] = 0.01f;
        b->weight_decay[i] = 5e-4f;
    }
    return BAL_OK;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* One whole step; at receives when it began and when its three parts ended. */
static bal_status step(bal_ctx *ctx, const bal_bench_settings *s, bench *b, uint64_t number,
                       double at[4])
{
    const float *inputs[] = {b->images};
    const bal_forward forward = {inputs, s->batch_size, true, number};
    const int logits = bal_graph_find_output(b->graph, "logits");
    const float *gradients[8] = {NULL};
    const bal_loss_batch batch = {
        .samples = s->batch_size, .logits = b->logits, .labels = b->labels};
    double value;
    at[0] = now();
    BAL_TRY(bal_plan_forward(b->plan, &forward));
    BAL_TRY(bal_plan_read_output(b->plan, logits, b->logits));
    BAL_TRY(bal_loss_compute(b->loss, ctx, &batch, &value, NULL, b->gradient));
    at[1] = now();
    gradients[logits] = b->gradient;
    BAL_TRY(bal_plan_backward(b->plan, &(bal_backward){gradients, false}));
    at[2] = now();
    BAL_TRY(bal_plan_update(b->plan, &(bal_update){b->lr, b->weight_decay, 0.9, false}));
    at[3] = now();
    return BAL_OK;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median_ms(double *seconds, int count)
{
    qsort(seconds, (size_t)count, sizeof *seconds, ascending);
    return 1e3 * seconds[count / 2];
}

static double peak_memory_mb(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (double)usage.ru_maxrss / 1024.0 : (double)NAN;
}

static bal_status measure(bal_ctx *ctx, const bal_bench_settings *s, bench *b,
                          bal_bench_result *result)
{
    for (int i = -WARM_UP; i < s->steps; i++) {
        double at[4];
        if (bal_take_interrupt(ctx))
            return bal_fail(ctx, BAL_INTERRUPTED, "interrupted");
        BAL_TRY(step(ctx, s, b, (uint64_t)(i + WARM_UP), at));
        for (int k = 0; k < 3 && i >= 0; k++)
            b->times[k][i] = at[k + 1] - at[k];
        if (i >= 0)
            b->times[3][i] = at[3] - at[0];
    }
    bal_plan_cost cost;
    bal_plan_get_cost(b->plan, &cost);
    result->peak_memory_mb = peak_memory_mb(); /* before the floor's own matrices */
    result->forward_ms = median_ms(b->times[0], s->steps);
    result->backward_ms = median_ms(b->times[1], s->steps);
    result->update_ms = median_ms(b->times[2], s->steps);
    result->step_ms = median_ms(b->times[3], s->steps);
    result->images_per_second = 1e3 * s->batch_size / result->step_ms;
    result->gflops = (cost.forward_flops + cost.backward_flops) / result->step_ms * 1e-6;
    if (!b->plan->engine->measure_floor)
        return BAL_OK;
    bal_floor floor;
    BAL_TRY(b->plan->engine->measure_floor(b->plan, FLOOR_RUNS, &floor));
    result->floor_ms = floor.milliseconds;
    result->matmul_gflops = floor.matmul_gflops;
    return BAL_OK;
}

bal_status bal_bench_train(bal_ctx *ctx, const bal_bench_settings *settings,
                           bal_bench_result *result)
{
    const bal_bench_settings s = settings ? *settings : bal_bench_defaults();
    *result = (bal_bench_result){.floor_ms = (double)NAN, .matmul_gflops = (double)NAN};
    if (s.batch_size < 1 || s.steps < 1 || s.size < 1)
        return bal_fail(ctx, BAL_BAD_ARG,
                        "batch size %d, steps %d and image size %d must be above 0", s.batch_size,
                        s.steps, s.size);
    bench b = {0};
    bal_status status = open_network(ctx, &s, &b);
    if (status == BAL_OK)
        status = make_batch(ctx, &s, &b);
    if (status == BAL_OK)
        status = measure(ctx, &s, &b, result);
    if (status == BAL_OK)
        result->engine = b.plan->engine->name;
    result->threads = bal_ctx_threads(ctx);
    close_bench(ctx, &b);
    return status;
}
