/* Speed of a training step on this machine: the bare step on random images, the time of the
 * engine's primitives each alone, and this machine's matrix product. */
#include "ballast/loss.h"
#include "ballast/train.h"
#include "base/context.h"
#include "engine/engine.h"
#include "train/speed/step_timer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

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
} bench;

static void close_bench(bench *b)
{
    bal_plan_close(&b->plan);
    bal_weights_close(&b->weights);
    bal_graph_close(&b->graph);
    bal_loss_close(&b->loss);
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

static double peak_memory_mb(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (double)usage.ru_maxrss / 1024.0 : (double)NAN;
}

static bal_status measure(const bal_bench_settings *s, bench *b, bal_bench_result *result)
{
    bal_step_times times;
    bal_plan_cost cost;
    BAL_TRY(bal_time_steps(b->plan, b->loss, s->steps, &times));
    bal_plan_get_cost(b->plan, &cost);
    result->peak_memory_mb = peak_memory_mb(); /* before the floor's own matrices */
    result->forward_ms = 1e3 * times.forward;
    result->backward_ms = 1e3 * times.backward;
    result->update_ms = 1e3 * times.update;
    result->step_ms = 1e3 * times.step;
    result->images_per_second = s->batch_size / times.step;
    result->gflops = (cost.forward_flops + cost.backward_flops) / times.step * 1e-9;
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
        status = measure(&s, &b, result);
    if (status == BAL_OK)
        result->engine = b.plan->engine->name;
    result->threads = bal_ctx_threads(ctx);
    close_bench(&b);
    return status;
}
