/* What training hands to a loss: draws, features and their gradient, a head that begins where the
 * loss wants it. */
#include "helpers/helpers.h"
#include "helpers/runs.h"
#include "helpers/toy.h"

#include "helpers/near.h"
#include "train/stage/head_bias.h"
#include "train/loss_inputs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const test_toy toy = {.channels = 1, .side = 8, .train = {17, 9, 5}, .test = 2};

/* Every loss trains a toy for two epochs, which needs all that it reads. */
static void every_loss_trains(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx_threads(1);
    char *folder = test_folder(), images[4096], out[4200];
    snprintf(images, sizeof images, "%s/toy", folder);
    test_write_toy(images, &toy);
    bal_dataset *data = test_open_toy(ctx, images, 0.25);
    const bal_loss_info *info;
    for (int i = 0; (info = bal_loss_at(i)); i++) {
        char recipe[512];
        snprintf(recipe, sizeof recipe,
                 "batch_size: 8\nepochs: 2\noptimizer: {lr: 0.001}\nhead: %s\nhead_bias: %s\n"
                 "stages: [{epochs: 2, loss: {name: %s}, augment: {crop_padding: 1}}]\n",
                 info->needs_cosine_head ? "cosine" : "linear",
                 info->wants_bias ? "one-vs-all" : "zero", info->name);
        bal_train_settings settings = bal_train_defaults();
        bal_train_result result;
        snprintf(out, sizeof out, "%s/run-%s", folder, info->name);
        settings.model = "lenet";
        settings.out = out;
        settings.workers = 0;
        test_ok(ctx, test_train(ctx, &(test_training){.data = data,
                                                      .recipe = recipe,
                                                      .settings = &settings,
                                                      .result = &result}));
        assert_int_equal(result.epochs, 2);
    }
    bal_dataset_close(&data);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

enum { BATCH = 3, CLASSES = 4, SIDE = 8 };

typedef struct net {
    bal_graph *graph;
    bal_weights *weights;
    bal_plan *plan;
} net;

static net open_net(bal_ctx *ctx)
{
    net n;
    bal_model_settings model = bal_model_defaults();
    model.name = "resnet8";
    model.classes = CLASSES;
    model.input = (bal_shape){2, SIDE, SIDE};
    const bal_plan_settings plan = {.batch = BATCH, .training = true, .seed = 1};
    const bal_engine *engine;
    test_ok(ctx, bal_engine_find(ctx, "reference", &engine));
    test_ok(ctx, bal_model_build(&n.graph, ctx, &model));
    test_ok(ctx, bal_plan_open(&n.plan, ctx, engine, n.graph, &plan));
    test_ok(ctx, bal_weights_init(&n.weights, ctx, n.graph, 1));
    return n;
}

static void close_net(net *n)
{
    bal_plan_close(&n->plan);
    bal_weights_close(&n->weights);
    bal_graph_close(&n->graph);
}

typedef struct pass {
    float images[BATCH * 2 * SIDE * SIDE], logits[BATCH * CLASSES], gradient[BATCH * CLASSES];
    int logit_output, feature_output;
    bal_loss *loss;
    bal_loss_inputs *inputs;
} pass;

/* The value of the loss with the plan's present weights; the inputs keep what they read. */
static double value_of(bal_ctx *ctx, const net *n, pass *p)
{
    static const int32_t labels[BATCH] = {2, 0, 3};
    double value;
    test_ok(ctx,
            bal_plan_forward(n->plan, &(bal_forward){.inputs = (const float *const[]){p->images},
                                                     .batch = BATCH,
                                                     .training = true}));
    test_ok(ctx, bal_plan_read_output(n->plan, p->logit_output, p->logits));
    bal_loss_batch batch = {.samples = BATCH, .logits = p->logits, .labels = labels};
    test_ok(ctx, bal_loss_inputs_read(p->inputs, n->plan, &(bal_loss_place){1, 0, 0}, &batch));
    test_ok(ctx, bal_loss_compute(p->loss, ctx, &batch, &value, NULL, p->gradient));
    return value;
}

/* The influence-balanced loss reaches the weights through logits and features: along the weights of
 * the last convolution the value has the slope that backward says. Features through ReLU and mean
 * are positive, so there is no kink nearby. */
static void features_get_their_gradient(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx_threads(1);
    net n = open_net(ctx);
    pass *p = calloc(1, sizeof *p);
    assert_non_null(p);
    bal_loss_settings settings = bal_loss_defaults();
    settings.name = "ib";
    settings.classes = CLASSES;
    settings.ib_alpha = 1.0;
    settings.ib_eps = 0.5;
    test_ok(ctx, bal_loss_open(&p->loss, ctx, &settings));
    test_ok(ctx, bal_loss_inputs_open(&p->inputs, n.plan, p->loss, BATCH));
    test_ok(ctx, bal_plan_load(n.plan, n.weights));
    p->logit_output = bal_graph_find_output(n.graph, "logits");
    p->feature_output = bal_graph_find_output(n.graph, "features");
    for (int i = 0; i < (int)BAL_COUNT_OF(p->images); i++)
        p->images[i] = (float)sin(0.37 * i * (1 + i % 7));
    int param = -1; /* the scale of the last batch norm before the features: well-scaled slopes */
    for (int k = 0; k < bal_graph_params(n.graph); k++)
        if (bal_graph_param(n.graph, k)->learned && bal_graph_param(n.graph, k)->dims == 1 &&
            bal_graph_param(n.graph, k)->node != bal_graph_output_node(n.graph, p->logit_output))
            param = k;
    assert_true(param >= 0);
    const int64_t count = bal_graph_param(n.graph, param)->count;
    float *held = calloc((size_t)count, sizeof *held),
          *moved = calloc((size_t)count, sizeof *moved);
    float *slopes = calloc((size_t)count, sizeof *slopes);
    assert_true(held && moved && slopes);
    const float *gradients[2] = {NULL, NULL};
    double with = 0.0, without = 0.0;
    for (int features = 1; features >= 0; features--) {
        test_ok(ctx, bal_plan_write_param(n.plan, param, BAL_PARAM_VALUE,
                                          bal_weights_at(n.weights, param)->data));
        value_of(ctx, &n, p);
        gradients[p->logit_output] = p->gradient;
        gradients[p->feature_output] = NULL;
        if (features)
            bal_loss_inputs_gradient(p->inputs, gradients);
        test_ok(ctx, bal_plan_backward(n.plan, &(bal_backward){.output_gradients = gradients}));
        test_ok(ctx, bal_plan_read_param(n.plan, param, BAL_PARAM_GRADIENT, slopes));
        double slope = 0.0;
        for (int64_t k = 0; k < count; k++)
            slope += (double)slopes[k] * (k % 3 - 0.7);
        *(features ? &with : &without) = slope;
    }
    test_ok(ctx, bal_plan_read_param(n.plan, param, BAL_PARAM_VALUE, held));
    double value[2];
    const double h = 0x1p-9;
    for (int side = 0; side < 2; side++) {
        for (int64_t k = 0; k < count; k++)
            moved[k] = (float)((double)held[k] + (side ? h : -h) * (k % 3 - 0.7));
        test_ok(ctx, bal_plan_write_param(n.plan, param, BAL_PARAM_VALUE, moved));
        value[side] = value_of(ctx, &n, p);
    }
    const double measured = (value[1] - value[0]) / (2.0 * h);
    assert_true(fabs(with) > 1e-3);
    test_near("slope", measured, with, 1e-3 * fabs(with));
    assert_true(fabs(measured - without) > 0.05 * fabs(with)); /* the features' part is not small */
    free(held);
    free(moved);
    free(slopes);
    bal_loss_inputs_close(&p->inputs);
    bal_loss_close(&p->loss);
    free(p);
    close_net(&n);
    bal_ctx_close(&ctx);
}

/* -log(C - 1) makes each sigmoid 1 / C; without weight decay; nothing changes unless it is asked.
 */
static void a_head_begins_with_its_bias(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx_threads(1);
    net n = open_net(ctx);
    const int param = bal_head_bias_param(n.graph);
    assert_string_equal(bal_graph_param(n.graph, param)->name, "fc.bias");
    for (int wants = 0; wants < 2; wants++) {
        char text[128];
        bal_recipe *r;
        snprintf(text, sizeof text, "head_bias: %s\nstages: [{}]\n", wants ? "one-vs-all" : "zero");
        test_ok(ctx, bal_recipe_parse(&r, ctx, "my.yaml", text, strlen(text)));
        test_ok(ctx, bal_recipe_check(r));
        test_ok(ctx, bal_head_bias_set(r, n.graph, n.weights));
        float *decay = calloc((size_t)bal_graph_params(n.graph), sizeof *decay);
        assert_non_null(decay);
        bal_recipe_weight_decay(r, 0, n.graph, decay);
        for (int k = 0; k < bal_graph_params(n.graph); k++)
            if (bal_graph_param(n.graph, k)->learned)
                assert_true(decay[k] == (wants && k == param ? 0.0f : 2e-4f));
        for (int j = 0; j < CLASSES; j++) {
            const double bias = (double)bal_weights_at(n.weights, param)->data[j];
            test_near("probability", wants ? 1.0 / CLASSES : 0.5, 1.0 / (1.0 + exp(-bias)), 1e-7);
        }
        free(decay);
        bal_recipe_close(&r);
    }
    close_net(&n);
    bal_ctx_close(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_loss_trains),
        cmocka_unit_test(features_get_their_gradient),
        cmocka_unit_test(a_head_begins_with_its_bias),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
