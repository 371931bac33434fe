/* Whole runs with AdamW, clipping, accumulation, SAM and its imbalanced form, EMA and SWA, on every
 * engine, against PyTorch in float64: the losses of the epochs and the weights at the end, running
 * statistics too. optimizer.json is written by make_optimizer_golden.py. */
#include "helpers/golden_net.h"
#include "helpers/helpers.h"
#include "helpers/runs.h"

#include <stdio.h>
#include <sys/stat.h>

static const char *text_of(const json_t *run, const char *key)
{
    const char *text = json_string_value(json_object_get(run, key));
    assert_non_null(text);
    return text;
}

static void recipe_of(const json_t *run, char *text, size_t room)
{
    char sgd[128] = "";
    if (json_object_get(run, "momentum"))
        snprintf(sgd, sizeof sgd, "lr: %g, momentum: %g, nesterov: true, ",
                 test_golden_number(run, "lr"), test_golden_number(run, "momentum"));
    snprintf(text, room,
             "name: golden\n"
             "head: %s\n"
             "scale: %g\n"
             "batch_size: %d\n"
             "epochs: %d\n"
             "optimizer: {%s%s, weight_decay: %g, decay_norm: false}\n"
             "schedule: {name: constant, warmup: 0}\n"
             "stages: [{augment: {crop_padding: 0, hflip: 0}}]\n",
             text_of(run, "head"), TEST_GOLDEN_SCALE, test_golden_whole(run, "batch"),
             test_golden_whole(run, "epochs"), sgd, text_of(run, "optimizer"),
             test_golden_number(run, "decay"));
}

static void compare(bal_ctx *ctx, const json_t *run, const char *folder)
{
    char images[4100], start[4100], out[4100], recipe[1024];
    snprintf(images, sizeof images, "%s/images", folder);
    snprintf(start, sizeof start, "%s/start.safetensors", folder);
    test_golden_images(images, run);
    test_golden_start(ctx, run, start);
    recipe_of(run, recipe, sizeof recipe);
    bal_dataset_settings data_settings = bal_dataset_defaults();
    data_settings.val_fraction = 0.0;
    bal_dataset *data;
    test_ok(ctx, bal_dataset_open(&data, ctx, images, &data_settings));
    for (int e = 0; bal_engine_at(e); e++) {
        char what[128];
        bal_train_settings settings = bal_train_defaults();
        settings.model = text_of(run, "model");
        settings.engine = bal_engine_at(e)->name;
        settings.init_weights = start;
        settings.out = out;
        snprintf(out, sizeof out, "%s/%s", folder, settings.engine);
        snprintf(what, sizeof what, "%s on %s", text_of(run, "kind"), settings.engine);
        test_ok(ctx, test_train(ctx, &(test_training){
                                         .data = data, .recipe = recipe, .settings = &settings}));
        test_golden_run(ctx, run, out, what);
    }
    bal_dataset_close(&data);
}

static void runs_are_torchs(void **state)
{
    (void)state;
    json_t *golden = test_json_file(test_path(BAL_TEST_DATA, "optimizer.json"));
    assert_true(json_array_size(golden) >= 10);
    bal_ctx *ctx = test_ctx_threads(1);
    for (size_t i = 0; i < json_array_size(golden); i++) {
        char *folder = test_folder();
        compare(ctx, json_array_get(golden, i), folder);
        test_folder_remove(folder);
    }
    bal_ctx_close(&ctx);
    json_decref(golden);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_are_torchs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
