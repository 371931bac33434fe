/* Small networks on every engine, and a whole training run, against PyTorch in float64: logits,
 * losses, parameters and running statistics after some steps of SGD. nets.json is written by
 * make_net_golden.py, which starts from the same formula. */
#include "ballast/loss.h"
#include "engine/engine.h"
#include "helpers/formula.h"
#include "helpers/formula_weights.h"
#include "helpers/golden_net.h"
#include "helpers/helpers.h"
#include "helpers/runs.h"
#include "net/op.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLASSES 5
#define STEPS 3

/* ---- the formula ---- */

static float *floats(int64_t count)
{
    float *values = calloc((size_t)count, sizeof *values);
    assert_non_null(values);
    return values;
}

static void fill_images(float *values, const char *name, int64_t count)
{
    const formula f = formula_of(name);
    for (int64_t i = 0; i < count; i++)
        values[i] = (float)unit_at(f, i);
}

/* ---- the golden file ---- */

static bool flag(const json_t *object, const char *key)
{
    assert_true(json_is_boolean(json_object_get(object, key)));
    return json_is_true(json_object_get(object, key));
}

static float *list(const json_t *object, const char *key, size_t count)
{
    const json_t *values = json_object_get(object, key);
    if (json_array_size(values) != count)
        fail_msg("%s has %zu numbers, not %zu", key, json_array_size(values), count);
    float *copy = floats((int64_t)count);
    for (size_t i = 0; i < count; i++)
        copy[i] = (float)json_number_value(json_array_get(values, i));
    return copy;
}

static void compare_list(const char *what, const json_t *object, const char *key, const float *got,
                         int64_t count)
{
    float *want = list(object, key, (size_t)count);
    test_close(what, want, got, count, TEST_GOLDEN_TOLERANCE);
    free(want);
}

static json_t *open_golden(void)
{
    json_t *golden = test_json_file(test_path(BAL_TEST_DATA, "nets.json"));
    assert_true(json_is_object(golden));
    return golden;
}

/* ---- networks ---- */

typedef struct net {
    bal_ctx *ctx;
    bal_graph *g;
    bal_plan *plan;
    bal_shape input;
    int room; /* images */
    float *images, *logits;
    char what[128];
} net;

static net open_net(const bal_engine *engine, const json_t *model, int room, bool training)
{
    net n = {.ctx = test_ctx(), .input = test_golden_shape(model), .room = room};
    bal_model_settings s = bal_model_defaults();
    s.name = json_string_value(json_object_get(model, "model"));
    s.head = json_string_value(json_object_get(model, "head"));
    s.classes = CLASSES;
    s.input = n.input;
    s.scale = TEST_GOLDEN_SCALE;
    test_ok(n.ctx, bal_model_build(&n.g, n.ctx, &s));
    const bal_plan_settings settings = {.batch = room, .training = training};
    test_ok(n.ctx, bal_plan_open(&n.plan, n.ctx, engine, n.g, &settings));
    bal_weights *w = formula_weights(n.ctx, n.g);
    test_ok(n.ctx, bal_plan_load(n.plan, w));
    bal_weights_close(&w);
    n.images = floats(room * bal_shape_count(n.input));
    n.logits = floats(room * CLASSES);
    snprintf(n.what, sizeof n.what, "%s on %s", s.name, engine->name);
    return n;
}

static void close_net(net *n)
{
    free(n->images);
    free(n->logits);
    bal_plan_close(&n->plan);
    bal_graph_close(&n->g);
    bal_ctx_close(&n->ctx);
}

static void forward(net *n, const char *images, int batch, bool training)
{
    assert_in_range(batch, 1, n->room);
    fill_images(n->images, images, batch * bal_shape_count(n->input));
    const float *const inputs[] = {n->images};
    const bal_forward how = {.inputs = inputs, .batch = batch, .training = training};
    test_ok(n->ctx, bal_plan_forward(n->plan, &how));
    test_ok(n->ctx,
            bal_plan_read_output(n->plan, bal_graph_find_output(n->g, "logits"), n->logits));
}

static void compare_inference(net *n, const json_t *model, const json_t *want)
{
    const int batch = test_golden_whole(model, "batch");
    forward(n, "inference", batch, false);
    compare_list(n->what, want, "logits", n->logits, batch * CLASSES);
}

static void logits_are_torchs(void **state)
{
    (void)state;
    json_t *golden = open_golden();
    const json_t *models = json_object_get(golden, "models");
    assert_true(json_array_size(models) >= 3);
    for (int e = 0; bal_engine_row(e); e++)
        for (size_t i = 0; i < json_array_size(models); i++) {
            const json_t *model = json_array_get(models, i);
            net n =
                open_net(bal_engine_row(e), model, test_golden_whole(model, "batch") + 1, false);
            compare_inference(&n, model, model);
            close_net(&n);
        }
    json_decref(golden);
}

/* ---- steps of SGD ---- */

static double step(net *n, const json_t *how, int number_of_step, const bal_loss *loss)
{
    const int batch = test_golden_whole(how, "batch");
    int32_t labels[64];
    float gradient[64 * CLASSES];
    const float *fed[8] = {NULL};
    char images[16];
    double value;
    assert_in_range(batch, 1, 64);
    for (int i = 0; i < batch; i++)
        labels[i] = (2 * i + number_of_step) % CLASSES;
    snprintf(images, sizeof images, "step%d", number_of_step);
    forward(n, images, batch, true);
    test_ok(n->ctx, bal_loss_compute(
                        loss, n->ctx,
                        &(bal_loss_batch){.samples = batch, .logits = n->logits, .labels = labels},
                        &value, NULL, gradient));
    fed[bal_graph_find_output(n->g, "logits")] = gradient;
    test_ok(n->ctx, bal_plan_backward(n->plan, &(bal_backward){.output_gradients = fed}));
    return value;
}

static void update(net *n, const json_t *how)
{
    float lr[128], decay[128];
    assert_in_range(bal_graph_params(n->g), 1, 128);
    for (int p = 0; p < bal_graph_params(n->g); p++) {
        const bal_param_info *info = bal_graph_param(n->g, p);
        const bool head = strncmp(info->name, "fc.", 3) == 0;
        lr[p] = (float)test_golden_number(how, head ? "lr_head" : "lr");
        decay[p] = info->dims > 1 || flag(how, "decay_norm")
                       ? (float)test_golden_number(how, "decay")
                       : 0.0f;
    }
    test_ok(n->ctx,
            bal_plan_update(n->plan, &(bal_update){.lr = lr,
                                                   .weight_decay = decay,
                                                   .momentum = test_golden_number(how, "momentum"),
                                                   .nesterov = flag(how, "nesterov")}));
}

static void compare_training(const bal_engine *engine, const json_t *model, const json_t *how)
{
    const int room = test_golden_whole(how, "batch") > test_golden_whole(model, "batch")
                         ? test_golden_whole(how, "batch")
                         : test_golden_whole(model, "batch");
    net n = open_net(engine, model, room, true);
    bal_loss_settings settings = bal_loss_defaults();
    settings.name = "ce";
    settings.classes = CLASSES;
    bal_loss *loss;
    double losses[STEPS];
    test_ok(n.ctx, bal_loss_open(&loss, n.ctx, &settings));
    for (int i = 0; i < STEPS; i++) {
        losses[i] = step(&n, how, i, loss);
        update(&n, how);
    }
    test_golden_losses(n.what, how, losses, STEPS);
    assert_int_equal(json_object_size(json_object_get(how, "params")), bal_graph_params(n.g));
    for (int p = 0; p < bal_graph_params(n.g); p++) {
        const bal_param_info *info = bal_graph_param(n.g, p);
        float *value = floats(info->count);
        test_ok(n.ctx, bal_plan_read_param(n.plan, p, BAL_PARAM_VALUE, value));
        test_golden_param(n.what, json_object_get(how, "params"), info->name, value, info->count);
        free(value);
    }
    compare_inference(&n, model, how);
    bal_loss_close(&loss);
    close_net(&n);
}

static void steps_are_torchs(void **state)
{
    (void)state;
    json_t *golden = open_golden();
    const json_t *models = json_object_get(golden, "models"),
                 *trainings = json_object_get(golden, "trainings");
    assert_true(json_array_size(trainings) >= 4);
    for (int e = 0; bal_engine_row(e); e++)
        for (size_t i = 0; i < json_array_size(trainings); i++) {
            const json_t *how = json_array_get(trainings, i);
            compare_training(bal_engine_row(e),
                             json_array_get(models, (size_t)test_golden_whole(how, "model")), how);
        }
    json_decref(golden);
}

/* ---- a whole run ---- */

static void recipe_of(const json_t *run, int batch, char *text, size_t room)
{
    snprintf(text, room,
             "name: golden\n"
             "batch_size: %d\n"
             "epochs: %d\n"
             "optimizer: {lr: %g, momentum: %g, nesterov: true, weight_decay: %g, "
             "decay_norm: false}\n"
             "schedule: {name: step, warmup: 0, drops: [%d], factor: %g}\n"
             "stages:\n"
             "  - loss: {name: balanced-softmax}\n"
             "    augment: {crop_padding: 0, hflip: 0}\n",
             batch, test_golden_whole(run, "epochs"), test_golden_number(run, "lr"),
             test_golden_number(run, "momentum"), test_golden_number(run, "decay"),
             test_golden_whole(run, "drop_after"), test_golden_number(run, "factor"));
}

static void a_run_is_torchs(void **state)
{
    (void)state;
    json_t *golden = open_golden();
    const json_t *run = json_object_get(golden, "run");
    bal_ctx *ctx = test_ctx_threads(1);
    char *folder = test_folder();
    char images[4100], start[4100], out[4100], recipe[1024];
    snprintf(images, sizeof images, "%s/images", folder);
    snprintf(start, sizeof start, "%s/start.safetensors", folder);
    recipe_of(run, test_golden_images(images, run), recipe, sizeof recipe);
    test_golden_start(ctx, run, start);
    bal_dataset_settings data_settings = bal_dataset_defaults();
    data_settings.val_fraction = 0.0;
    bal_dataset *data;
    test_ok(ctx, bal_dataset_open(&data, ctx, images, &data_settings));
    for (int e = 0; bal_engine_at(e); e++) {
        bal_train_settings settings = bal_train_defaults();
        settings.model = "resnet8";
        settings.engine = bal_engine_at(e)->name;
        settings.init_weights = start;
        settings.out = out;
        snprintf(out, sizeof out, "%s/%s", folder, settings.engine);
        test_ok(ctx, test_train(ctx, &(test_training){
                                         .data = data, .recipe = recipe, .settings = &settings}));
        test_golden_run(ctx, run, out, settings.engine);
    }
    bal_dataset_close(&data);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
    json_decref(golden);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logits_are_torchs),
        cmocka_unit_test(steps_are_torchs),
        cmocka_unit_test(a_run_is_torchs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
