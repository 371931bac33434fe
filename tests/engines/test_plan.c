/* Plans of every engine: what they refuse, what they cost, and memory that runs out anywhere. */
#include "engine/engine.h"
#include "helpers/graphs.h"
#include "helpers/helpers.h"

#include "base/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 3
#define ROOM 8192 /* numbers in the largest input or parameter of these graphs */

static float zeros[ROOM];

static bal_status forward(bal_plan *plan, int batch, bool training)
{
    const float *const inputs[BAL_GRAPH_MAX_INPUTS] = {zeros, zeros};
    return bal_plan_forward(plan,
                            &(bal_forward){.inputs = inputs, .batch = batch, .training = training});
}

static bal_status backward(bal_plan *plan)
{
    const float *const gradients[8] = {zeros};
    return bal_plan_backward(plan, &(bal_backward){.output_gradients = gradients});
}

/* ---- what plans refuse ---- */

static void settings_are_checked(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_graph *g = test_graph_knot(ctx), *open;
    bool trainable[128] = {false};
    const int none[] = {-1}, beyond[] = {bal_graph_nodes(g)};
    trainable[bal_graph_find_param(g, "stem.bn.running_var")] = true;
    const struct {
        bal_plan_settings settings;
        const char *says;
    } rows[] = {
        {{.batch = 0}, "batch is 0"},
        {{.batch = -3}, "batch is -3"},
        {{.batch = BAL_SIZE_MAX + 1}, "batch is"},
        {{.batch = 1, .keep_count = 2}, "without a list"},
        {{.batch = 1, .keep_count = -1, .keep = none}, "-1"},
        {{.batch = 1, .keep_count = 1, .keep = none}, "no node -1"},
        {{.batch = 1, .keep_count = 1, .keep = beyond}, "no node"},
        {{.batch = 1, .trainable = trainable}, "stem.bn.running_var"},
    };
    test_ok(ctx, bal_graph_open(&open, ctx));
    for (int e = 0; bal_engine_row(e); e++) {
        bal_plan *plan;
        for (size_t i = 0; i < BAL_COUNT_OF(rows); i++) {
            test_fails(ctx, bal_plan_open(&plan, ctx, bal_engine_row(e), g, &rows[i].settings),
                       BAL_BAD_ARG, rows[i].says, NULL);
            assert_null(plan);
        }
        test_fails(
            ctx,
            bal_plan_open(&plan, ctx, bal_engine_row(e), open, &(bal_plan_settings){.batch = 1}),
            BAL_BAD_ARG, "not finished", NULL);
    }
    bal_plan *none_open = NULL;
    bal_plan_close(&none_open);
    bal_plan_close(NULL);
    bal_graph_close(&open);
    bal_graph_close(&g);
    bal_ctx_close(&ctx);
}

static void engines_have_names(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    const bal_engine *engine;
    test_ok(ctx, bal_engine_find(ctx, NULL, &engine));
    assert_ptr_equal(engine, bal_engine_row(0));
    for (int e = 0; bal_engine_row(e); e++) {
        test_ok(ctx, bal_engine_find(ctx, bal_engine_row(e)->name, &engine));
        assert_ptr_equal(engine, bal_engine_row(e));
    }
    test_fails(ctx, bal_engine_find(ctx, "steam", &engine), BAL_BAD_ARG, "steam", "reference",
               NULL);
    assert_null(engine);
    bal_ctx_close(&ctx);
}

static void calls_are_checked(bal_ctx *ctx, bal_plan *plan, int frozen)
{
    const float *const half[BAL_GRAPH_MAX_INPUTS] = {zeros};
    float out[ROOM], lr[128] = {0};
    const int params = bal_graph_params(plan->graph);
    test_fails(ctx, bal_plan_read_output(plan, 0, out), BAL_BAD_ARG, "no forward", NULL);
    test_fails(ctx, backward(plan), BAL_BAD_ARG, "no forward", NULL);
    test_fails(ctx, forward(plan, BATCH + 1, true), BAL_BAD_ARG, "1 to 3", NULL);
    test_fails(ctx, forward(plan, 0, true), BAL_BAD_ARG, "batch is 0", NULL);
    test_fails(ctx, bal_plan_forward(plan, &(bal_forward){.inputs = half, .batch = 1}), BAL_BAD_ARG,
               "input side", NULL);
    test_ok(ctx, forward(plan, BATCH, true));
    test_fails(ctx, bal_plan_read_output(plan, 7, out), BAL_BAD_ARG, "no output 7", NULL);
    test_fails(ctx, bal_plan_read_node(plan, 2, BAL_NODE_ACTIVATION, out), BAL_BAD_ARG, "not kept",
               NULL);
    test_fails(ctx, bal_plan_read_node(plan, 1000, BAL_NODE_ACTIVATION, out), BAL_BAD_ARG,
               "not there", NULL);
    test_fails(ctx, bal_plan_read_node(plan, plan->graph->inputs[0], BAL_NODE_GRADIENT, out),
               BAL_BAD_ARG, "no backward", NULL);
    test_fails(ctx, bal_plan_backward(plan, &(bal_backward){0}), BAL_BAD_ARG, "gradient of an",
               NULL);
    test_ok(ctx, backward(plan));
    test_fails(ctx, backward(plan), BAL_BAD_ARG, "already", NULL);
    test_fails(ctx, bal_plan_update(plan, &(bal_update){.lr = lr}), BAL_BAD_ARG, "weight_decay",
               NULL);
    test_fails(ctx,
               bal_plan_update(plan, &(bal_update){.lr = lr, .weight_decay = lr, .momentum = -1.0}),
               BAL_BAD_ARG, "momentum is -1", NULL);
    test_fails(ctx, bal_plan_read_param(plan, params, BAL_PARAM_VALUE, out), BAL_BAD_ARG,
               "no parameter", NULL);
    test_fails(ctx, bal_plan_write_param(plan, -1, BAL_PARAM_VALUE, out), BAL_BAD_ARG,
               "no parameter -1", NULL);
    test_fails(ctx, bal_plan_read_param(plan, frozen, BAL_PARAM_MOMENTUM, out), BAL_BAD_ARG,
               "frozen", NULL);
    test_fails(ctx, bal_plan_write_param(plan, frozen, BAL_PARAM_GRADIENT, out), BAL_BAD_ARG,
               "frozen", NULL);
}

static void plans_check_their_calls(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_graph *g = test_graph_knot(ctx);
    bool trainable[128];
    for (int i = 0; i < bal_graph_params(g); i++)
        trainable[i] = bal_graph_param(g, i)->learned && i != 0;
    for (int e = 0; bal_engine_row(e); e++) {
        bal_plan *plan;
        const bal_plan_settings settings = {
            .batch = BATCH, .training = true, .input_gradient = true, .trainable = trainable};
        test_ok(ctx, bal_plan_open(&plan, ctx, bal_engine_row(e), g, &settings));
        calls_are_checked(ctx, plan, 0);
        bal_plan_close(&plan);
        test_ok(ctx, bal_plan_open(&plan, ctx, bal_engine_row(e), g,
                                   &(bal_plan_settings){.batch = BATCH}));
        test_fails(ctx, forward(plan, 1, true), BAL_BAD_ARG, "for inference", NULL);
        test_ok(ctx, forward(plan, 1, false));
        test_fails(ctx, backward(plan), BAL_BAD_ARG, "for inference", NULL);
        bal_plan_close(&plan);
    }
    bal_graph_close(&g);
    bal_ctx_close(&ctx);
}

static void weights_must_fit(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_graph *g = test_graph_lenet(ctx), *other = test_graph_resnet(ctx);
    bal_weights *w, *back, *wrong;
    test_ok(ctx, bal_weights_init(&w, ctx, g, 1));
    test_ok(ctx, bal_weights_init(&wrong, ctx, other, 1));
    for (int e = 0; bal_engine_row(e); e++) {
        bal_plan *plan;
        test_ok(ctx,
                bal_plan_open(&plan, ctx, bal_engine_row(e), g, &(bal_plan_settings){.batch = 1}));
        test_fails(ctx, bal_plan_load(plan, wrong), BAL_MISMATCH, "tensors", NULL);
        test_ok(ctx, bal_plan_load(plan, w));
        test_ok(ctx, bal_plan_save(plan, &back));
        assert_int_equal(bal_weights_count(back), bal_weights_count(w));
        for (int i = 0; i < bal_weights_count(w); i++) {
            const bal_tensor *a = bal_weights_at(w, i), *b = bal_weights_at(back, i);
            assert_string_equal(a->name, b->name);
            assert_memory_equal(a->data, b->data, (size_t)a->count * sizeof *a->data);
        }
        bal_weights_close(&back);
        bal_plan_close(&plan);
    }
    bal_weights_close(&w);
    bal_weights_close(&wrong);
    bal_graph_close(&g);
    bal_graph_close(&other);
    bal_ctx_close(&ctx);
}

/* ---- cost ---- */

static void costs_are_told(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_graph *g = test_graph_resnet(ctx);
    const size_t learned = (size_t)bal_graph_learned_count(g) * sizeof(float);
    for (int e = 0; bal_engine_row(e); e++) {
        bal_plan_cost whole, measured, inference;
        bal_plan *plan;
        bal_plan_settings settings = {.batch = BATCH, .training = true};
        test_ok(ctx, bal_plan_open(&plan, ctx, bal_engine_row(e), g, &settings));
        bal_plan_get_cost(plan, &whole);
        bal_plan_close(&plan);
        assert_true(whole.parameter_bytes >= 3 * learned); /* value, gradient, momentum */
        assert_true(whole.forward_flops == BATCH * bal_graph_flops(g));
        assert_true(whole.backward_flops > whole.forward_flops);

        settings.measure_only = true;
        test_ok(ctx, bal_plan_open(&plan, ctx, bal_engine_row(e), g, &settings));
        bal_plan_get_cost(plan, &measured);
        test_fails(ctx, forward(plan, 1, true), BAL_BAD_ARG, "measure only", NULL);
        test_fails(ctx, bal_plan_read_param(plan, 0, BAL_PARAM_VALUE, zeros), BAL_BAD_ARG,
                   "measure only", NULL);
        bal_plan_close(&plan);
        assert_int_equal(measured.parameter_bytes, whole.parameter_bytes);
        assert_int_equal(measured.activation_bytes, whole.activation_bytes);
        assert_int_equal(measured.scratch_bytes, whole.scratch_bytes);

        test_ok(ctx, bal_plan_open(&plan, ctx, bal_engine_row(e), g,
                                   &(bal_plan_settings){.batch = BATCH}));
        bal_plan_get_cost(plan, &inference);
        bal_plan_close(&plan);
        assert_true(inference.parameter_bytes < whole.parameter_bytes);
        assert_true(inference.activation_bytes < whole.activation_bytes);
    }
    bal_graph_close(&g);
    bal_ctx_close(&ctx);
}

/* ---- memory ---- */

typedef struct attempt {
    const bal_engine *engine;
    bool training;
} attempt;

/* The graph is made in the same context, so that its builders fail too. */
static bal_status use_a_plan(bal_ctx *ctx, void *user)
{
    const attempt *a = user;
    bal_plan *plan = NULL;
    bal_weights *w = NULL;
    bal_graph *g = NULL;
    float lr[128] = {0};
    bal_model_settings model = bal_model_defaults();
    bal_status status;
    model.name = "resnet8";
    model.input = (bal_shape){3, 5, 4};
    BAL_GOTO(bal_model_build(&g, ctx, &model));
    BAL_GOTO(bal_plan_open(&plan, ctx, a->engine, g,
                           &(bal_plan_settings){.batch = BATCH,
                                                .training = a->training,
                                                .input_gradient = a->training}));
    BAL_GOTO(bal_plan_save(plan, &w));
    BAL_GOTO(bal_plan_load(plan, w));
    BAL_GOTO(forward(plan, BATCH, a->training));
    if (a->training) {
        BAL_GOTO(backward(plan));
        BAL_GOTO(forward(plan, BATCH - 1, true));
        const float *const gradients[8] = {zeros};
        BAL_GOTO(bal_plan_backward(
            plan, &(bal_backward){.output_gradients = gradients, .accumulate = true}));
        BAL_GOTO(bal_plan_update(plan, &(bal_update){.lr = lr, .weight_decay = lr}));
    }
fail:
    bal_weights_close(&w);
    bal_plan_close(&plan);
    assert_null(plan);
    bal_graph_close(&g);
    return status;
}

static void memory_may_run_out(void **state)
{
    (void)state;
    for (int e = 0; bal_engine_row(e); e++)
        for (int training = 0; training < 2; training++) {
            attempt a = {.engine = bal_engine_row(e), .training = training != 0};
            test_allocation_failures(use_a_plan, &a);
        }
}

/* Images are mixed at the place that a pass asks for, in training alone, and at no other. */
static void passes_mix_where_they_are_told(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    static const int32_t partners[] = {2, 1, 0}, beyond[] = {0, 3, 1};
    static const float shares[] = {0.25f, 0.5f, 1.0f}, negative[] = {0.5f, -0.1f, 1.0f};
    const float x[6] = {1, 2, 3, 4, 5, 6}, mixed[6] = {4, 5, 3, 4, 5, 6};
    const float *const inputs[] = {x};
    bal_graph *g;
    test_ok(ctx, bal_graph_open(&g, ctx));
    const int first = bal_add_batch_mix(g, bal_add_input(g, "x", (bal_shape){2, 1, 1}), 1);
    bal_graph_output(g, "first", first);
    bal_graph_output(g, "second", bal_add_batch_mix(g, first, 2));
    test_ok(ctx, bal_graph_finish(g));
    for (int e = 0; bal_engine_row(e); e++) {
        bal_plan *plan;
        float out[2][6];
        test_ok(ctx, bal_plan_open(&plan, ctx, bal_engine_row(e), g,
                                   &(bal_plan_settings){.batch = BATCH, .training = true}));
        for (int place = 0; place <= 2; place++)
            for (int training = 0; training < 2; training++) {
                const bal_batch_mix mix = {place, partners, shares};
                const bal_forward how = {.inputs = inputs,
                                         .batch = BATCH,
                                         .training = training,
                                         .mix = place ? &mix : NULL};
                test_ok(ctx, bal_plan_forward(plan, &how));
                for (int o = 0; o < 2; o++) {
                    test_ok(ctx, bal_plan_read_output(plan, o, out[o]));
                    const bool mixes = training && place > 0 && o >= place - 1;
                    assert_memory_equal(out[o], mixes ? mixed : x, sizeof x);
                }
            }
        const bal_batch_mix bad[] = {
            {3, partners, shares}, {1, beyond, shares}, {2, partners, negative}};
        static const char *const words[] = {"no place 3", "with image 3", "share is -0.1"};
        for (int i = 0; i < 3; i++)
            test_fails(ctx,
                       bal_plan_forward(plan, &(bal_forward){.inputs = inputs,
                                                             .batch = BATCH,
                                                             .training = true,
                                                             .mix = &bad[i]}),
                       BAL_BAD_ARG, words[i], NULL);
        bal_plan_close(&plan);
    }
    bal_graph_close(&g);
    bal_ctx_close(&ctx);
}

/* Whole networks that mix inside: every engine has the reference's logits and gradients. */
static void networks_that_mix_agree(void **state)
{
    (void)state;
    enum { SIDE = 8, CLASSES = 3, IMAGE = 3 * SIDE * SIDE, MOST = 64 * 64 * 9 };
    bal_ctx *ctx = test_ctx();
    static const int32_t partners[] = {2, 2, 1};
    static const float shares[] = {0.3f, 0.8f, 0.45f};
    static float images[BATCH * IMAGE], want[MOST], got[MOST];
    bal_random random = bal_random_at(test_seed(), BAL_STREAM_TEST, 0, 0);
    for (int i = 0; i < BATCH * IMAGE; i++)
        images[i] = (float)bal_random_normal(&random);
    const float dlogits[BATCH * CLASSES] = {1, -2, 1, 0.5f, 1, -1.5f, -1, 0.25f, 0.75f};
    const float *const inputs[] = {images}, *const gradients[8] = {dlogits};
    bal_model_settings model = bal_model_defaults();
    model.name = "resnet8";
    model.classes = CLASSES;
    model.input = (bal_shape){3, SIDE, SIDE};
    model.mix_places = true;
    bal_graph *g;
    bal_weights *start;
    test_ok(ctx, bal_model_build(&g, ctx, &model));
    test_ok(ctx, bal_weights_init(&start, ctx, g, 5));
    const bal_plan_settings settings = {.batch = BATCH, .training = true};
    for (int e = 0; bal_engine_row(e); e++)
        for (int place = 0; place <= BAL_MODEL_MIX_PLACES; place++) {
            const bal_engine *const engines[] = {&bal_engine_reference, bal_engine_row(e)};
            const bal_batch_mix mix = {place, partners, shares};
            const bal_forward how = {
                .inputs = inputs, .batch = BATCH, .training = true, .mix = place ? &mix : NULL};
            bal_plan *plans[2];
            for (int k = 0; k < 2; k++) {
                test_ok(ctx, bal_plan_open(&plans[k], ctx, engines[k], g, &settings));
                test_ok(ctx, bal_plan_load(plans[k], start));
                test_ok(ctx, bal_plan_forward(plans[k], &how));
                test_ok(ctx, bal_plan_backward(plans[k],
                                               &(bal_backward){.output_gradients = gradients}));
            }
            test_ok(ctx, bal_plan_read_output(plans[0], 0, want));
            test_ok(ctx, bal_plan_read_output(plans[1], 0, got));
            test_close("logits", want, got, BATCH * CLASSES, 1e-4);
            for (int p = 0; p < bal_graph_params(g); p++) {
                const bal_param_info *info = bal_graph_param(g, p);
                if (!info->learned)
                    continue;
                test_ok(ctx, bal_plan_read_param(plans[0], p, BAL_PARAM_GRADIENT, want));
                test_ok(ctx, bal_plan_read_param(plans[1], p, BAL_PARAM_GRADIENT, got));
                test_close(info->name, want, got, info->count, 1e-3);
            }
            bal_plan_close(&plans[0]);
            bal_plan_close(&plans[1]);
        }
    bal_weights_close(&start);
    bal_graph_close(&g);
    bal_ctx_close(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_are_checked),
        cmocka_unit_test(engines_have_names),
        cmocka_unit_test(plans_check_their_calls),
        cmocka_unit_test(weights_must_fit),
        cmocka_unit_test(passes_mix_where_they_are_told),
        cmocka_unit_test(networks_that_mix_agree),
        cmocka_unit_test(costs_are_told),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
