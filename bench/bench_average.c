/* What the passes over the parameters cost beside a training step, in processor time of one thread:
 *   bench_average [MODEL] [SIDE]
 * One line of JSON: milliseconds of a step (batch 128, after a warm-up), and of a moving average
 * (EMA, SWA), the length of the gradient (clipping, SAM), a copy (SAM) and the update, each as
 * share of the step too. */
#include "ballast/loss.h"
#include "engine/engine.h"
#include "train/speed/step_timer.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define STEPS 6
#define WARM_UP 3 /* of bal_time_steps */
#define TIMES 50

static double since(clock_t began)
{
    return 1e3 * (double)(clock() - began) / CLOCKS_PER_SEC;
}

static double combined(bal_plan *plan, bal_combine how)
{
    bal_status status = bal_plan_combine(plan, &how);
    const clock_t began = clock();
    for (int i = 0; i < TIMES && status == BAL_OK; i++)
        status = bal_plan_combine(plan, &how);
    return status == BAL_OK ? since(began) / TIMES : -1.0;
}

static double measured(bal_plan *plan)
{
    double length;
    bal_status status = bal_plan_norm(plan, BAL_PARAM_GRADIENT, &length);
    const clock_t began = clock();
    for (int i = 0; i < TIMES && status == BAL_OK; i++)
        status = bal_plan_norm(plan, BAL_PARAM_GRADIENT, &length);
    return status == BAL_OK ? since(began) / TIMES : -1.0;
}

static bal_status run(bal_ctx *ctx, const char *name, int side)
{
    const bal_engine *engine;
    bal_graph *g = NULL;
    bal_plan *plan = NULL;
    bal_weights *w = NULL;
    bal_loss *loss = NULL;
    bal_step_times times;
    bal_status status;
    bal_model_settings model = bal_model_defaults();
    bal_loss_settings ce = bal_loss_defaults();
    model.name = name;
    model.input = (bal_shape){3, side, side};
    const bal_plan_settings settings = {
        .batch = 128, .training = true, .average = true, .aside = true, .seed = 1};
    BAL_GOTO(bal_engine_find(ctx, NULL, &engine));
    BAL_GOTO(bal_model_build(&g, ctx, &model));
    BAL_GOTO(bal_plan_open(&plan, ctx, engine, g, &settings));
    BAL_GOTO(bal_weights_init(&w, ctx, g, 1));
    BAL_GOTO(bal_plan_load(plan, w));
    BAL_GOTO(bal_loss_open(&loss, ctx, &ce));
    const clock_t began = clock();
    BAL_GOTO(bal_time_steps(plan, loss, STEPS, &times));
    const double step = since(began) / (STEPS + WARM_UP);
    const double average =
        combined(plan, (bal_combine){BAL_PARAM_AVERAGE, BAL_PARAM_VALUE, 0.999, 0.001});
    const double copy = combined(plan, (bal_combine){BAL_PARAM_ASIDE, BAL_PARAM_VALUE, 0.0, 1.0});
    const double length = measured(plan);
    printf("{\"model\": \"%s\", \"engine\": \"%s\", \"parameters\": %lld, \"step_ms\": %.2f, "
           "\"average_ms\": %.4f, \"length_ms\": %.4f, \"copy_ms\": %.4f, \"update_ms\": %.4f, "
           "\"average_share\": %.5f, \"length_share\": %.5f}\n",
           name, engine->name, (long long)bal_graph_learned_count(g), step, average, length, copy,
           1e3 * times.update, average / step, length / step);
fail:
    if (status != BAL_OK)
        fprintf(stderr, "%s: %s\n", name, bal_error(ctx));
    bal_loss_close(&loss);
    bal_weights_close(&w);
    bal_plan_close(&plan);
    bal_graph_close(&g);
    return status;
}

int main(int argc, char **argv)
{
    bal_ctx *ctx;
    const bal_ctx_settings one = {.threads = 1};
    if (bal_ctx_open(&ctx, &one) != BAL_OK)
        return 1;
    const bal_status status =
        run(ctx, argc > 1 ? argv[1] : "resnet32", argc > 2 ? atoi(argv[2]) : 32);
    bal_ctx_close(&ctx);
    return status != BAL_OK;
}
