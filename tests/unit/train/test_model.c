/* Trained models: from a run or from weights, what is deduced, and what does not fit. */
#include "helpers/helpers.h"
#include "helpers/near.h"
#include "helpers/runs.h"
#include "helpers/toy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLASSES 3
#define IMAGES 15 /* of the test split */
#define PIXELS_MAX 256

static const test_toy rgb = {.channels = 3, .side = 8, .train = {12, 8, 6}, .test = 5},
                      grey = {.channels = 1, .side = 9, .train = {12, 8, 6}, .test = 5};

typedef struct fixture {
    bal_ctx *ctx;
    char *folder;
    char images[4096], run[4096], best[8192];
    bal_dataset *data;
    bal_dataset_info info;
    uint8_t pixels[IMAGES * PIXELS_MAX];
    char warned[1024];
} fixture;

static void keep_warning(void *user, bal_log_level level, const char *line)
{
    fixture *f = user;
    if (level == BAL_LOG_WARN)
        snprintf(f->warned, sizeof f->warned, "%s", line);
}

/* A data set and a run of one epoch on it. */
static fixture *open_fixture(const test_toy *toy, const char *model, const char *recipe)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    const bal_ctx_settings settings = {.log = keep_warning, .log_user = f, .threads = 1};
    assert_int_equal(bal_ctx_open(&f->ctx, &settings), BAL_OK);
    f->folder = test_folder();
    snprintf(f->images, sizeof f->images, "%s/toy", f->folder);
    snprintf(f->run, sizeof f->run, "%s/run", f->folder);
    snprintf(f->best, sizeof f->best, "%s/best.safetensors", f->run);
    test_write_toy(f->images, toy);
    f->data = test_open_toy(f->ctx, f->images, 0.25);
    f->info = bal_dataset_describe(f->data);
    assert_int_equal(f->info.items[BAL_SPLIT_TEST], IMAGES);
    const size_t image = (size_t)(toy->channels * toy->side * toy->side);
    for (size_t i = 0; i < IMAGES; i++)
        test_ok(f->ctx,
                bal_dataset_image(f->data, f->ctx, bal_dataset_items(f->data, BAL_SPLIT_TEST)[i],
                                  f->pixels + i * image));
    bal_train_settings how = bal_train_defaults();
    how.model = model;
    how.recipe = recipe;
    how.engine = "reference";
    how.out = f->run;
    how.epochs = 2;
    how.batch_size = 8;
    test_ok(f->ctx, test_train(f->ctx, &(test_training){.data = f->data, .settings = &how}));
    return f;
}

static void close_fixture(fixture *f)
{
    bal_dataset_close(&f->data);
    bal_ctx_close(&f->ctx);
    test_folder_remove(f->folder);
    free(f);
}

static bal_model *open_model(const fixture *f, const bal_predictor_settings *settings)
{
    bal_model *model;
    test_ok(f->ctx, bal_model_open(&model, f->ctx, settings));
    return model;
}

static bal_predictor_settings from_run(const fixture *f)
{
    bal_predictor_settings s = bal_predictor_defaults();
    s.run = f->run;
    s.engine = "reference";
    return s;
}

/* The run's network without the run: size and normalisation given, the rest deduced. */
static bal_predictor_settings from_weights(const fixture *f, const char *model)
{
    bal_predictor_settings s = bal_predictor_defaults();
    json_t *data = test_json_file(test_path(f->run, "data.json"));
    const json_t *input = json_object_get(data, "input");
    for (int c = 0; c < f->info.channels; c++) {
        s.mean[c] = test_json_item(input, "mean", c);
        s.std[c] = test_json_item(input, "std", c);
    }
    json_decref(data);
    s.model = model;
    s.weights = f->best;
    s.height = f->info.height;
    s.width = f->info.width;
    s.engine = "reference";
    return s;
}

typedef struct logits {
    float of[IMAGES * CLASSES];
} logits;

static logits logits_of(const fixture *f, const bal_predictor_settings *settings)
{
    logits out;
    bal_model *model = open_model(f, settings);
    test_ok(f->ctx, bal_model_logits(model, f->pixels, IMAGES, out.of));
    bal_model_close(&model);
    return out;
}

/* ---- the same model in several ways ---- */

static void expect_description(const fixture *f, const char *model_name)
{
    const bal_predictor_settings run = from_run(f), weights = from_weights(f, model_name);
    bal_model *a = open_model(f, &run), *b = open_model(f, &weights);
    bal_model *const both[] = {a, b};
    int64_t counts[CLASSES];
    for (int i = 0; i < 2; i++) {
        const bal_shape input = bal_model_input(both[i]);
        assert_int_equal(input.channels, f->info.channels);
        assert_int_equal(input.height, f->info.height);
        assert_int_equal(input.width, f->info.width);
        assert_int_equal(bal_model_classes(both[i]), CLASSES);
    }
    bal_dataset_counts(f->data, BAL_SPLIT_TRAIN, counts);
    for (int c = 0; c < CLASSES; c++)
        assert_string_equal(bal_model_class_name(a, c), bal_dataset_class_name(f->data, c));
    assert_memory_equal(bal_model_train_counts(a), counts, sizeof counts);
    assert_null(bal_model_class_name(a, -1));
    assert_null(bal_model_class_name(a, CLASSES));
    assert_null(bal_model_class_name(b, 0)); /* weights do not know them */
    assert_null(bal_model_train_counts(b));
    bal_dataset_settings opened;
    assert_string_equal(bal_model_data(a, &opened), f->images);
    assert_true(opened.val_fraction == 0.25);
    assert_null(bal_model_data(b, &opened));
    bal_model_close(&a);
    bal_model_close(&b);
    assert_null(a);
}

static void expect_same_logits(const fixture *f, const char *model_name)
{
    const size_t bytes = sizeof(logits);
    bal_predictor_settings run = from_run(f), weights = from_weights(f, model_name);
    const logits want = logits_of(f, &run);
    const logits got = logits_of(f, &weights);
    assert_memory_equal(&want, &got, bytes);
    for (run.batch_size = 1; run.batch_size <= 7; run.batch_size += 3) {
        const logits in_parts = logits_of(f, &run);
        assert_memory_equal(&want, &in_parts, bytes);
    }
    for (int i = 0; bal_engine_at(i); i++) {
        run.engine = weights.engine = bal_engine_at(i)->name;
        const logits a = logits_of(f, &run), b = logits_of(f, &weights);
        test_close("another engine", want.of, a.of, IMAGES * CLASSES, 1e-4);
        test_close("its weights", want.of, b.of, IMAGES * CLASSES, 1e-4);
    }
}

static void expect_split(const fixture *f)
{
    bal_predictor_settings run = from_run(f);
    const logits want = logits_of(f, &run);
    logits got;
    int32_t labels[IMAGES];
    run.batch_size = 4;
    bal_model *model = open_model(f, &run);
    test_ok(f->ctx, bal_model_run_split(model, f->data, BAL_SPLIT_TEST, got.of, labels));
    assert_memory_equal(&want, &got, sizeof want);
    for (int i = 0; i < IMAGES; i++)
        assert_int_equal(labels[i],
                         bal_dataset_label(f->data, bal_dataset_items(f->data, BAL_SPLIT_TEST)[i]));
    test_ok(f->ctx, bal_model_run_split(model, f->data, BAL_SPLIT_TEST, got.of, NULL));
    bal_model_close(&model);
}

static void run_and_weights_are_the_same_model(void **state)
{
    (void)state;
    static const struct {
        const test_toy *toy;
        const char *model;
    } cases[] = {{&rgb, "resnet8"}, {&grey, "lenet"}};
    for (size_t i = 0; i < BAL_COUNT_OF(cases); i++) {
        fixture *f = open_fixture(cases[i].toy, cases[i].model, "ce");
        expect_description(f, cases[i].model);
        expect_same_logits(f, cases[i].model);
        expect_split(f);
        close_fixture(f);
    }
}

static void cosine_head(void **state)
{
    (void)state;
    fixture *f = open_fixture(&rgb, "resnet8", "ldam-drw");
    bal_predictor_settings run = from_run(f), weights = from_weights(f, "resnet8");
    weights.head = "cosine";
    const logits want = logits_of(f, &run), got = logits_of(f, &weights);
    assert_memory_equal(&want, &got, sizeof want);
    for (int i = 0; i < IMAGES * CLASSES; i++)
        assert_true(want.of[i] >= -30.001f && want.of[i] <= 30.001f); /* scale times a cosine */
    weights.head = "linear"; /* has a bias, the cosine head none */
    bal_model *model;
    test_fails(f->ctx, bal_model_open(&model, f->ctx, &weights), BAL_MISMATCH, f->best, "missing",
               "fc.bias", NULL);
    close_fixture(f);
}

static void last_weights_on_demand(void **state)
{
    (void)state;
    fixture *f = open_fixture(&rgb, "resnet8", "ce");
    bal_predictor_settings run = from_run(f), weights = from_weights(f, "resnet8");
    char last[8192];
    snprintf(last, sizeof last, "%s/last.safetensors", f->run);
    /* whatever the run found best, here they differ */
    bal_weights *w;
    test_ok(f->ctx, bal_weights_read(&w, f->ctx, last));
    bal_weights_find(w, "fc.bias")->data[1] += 3.0f;
    test_ok(f->ctx, bal_weights_write(w, f->ctx, last));
    bal_weights_close(&w);
    run.last = true;
    weights.weights = last;
    const logits a = logits_of(f, &run), b = logits_of(f, &weights);
    run.last = false;
    const logits best = logits_of(f, &run);
    assert_memory_equal(&a, &b, sizeof a);
    assert_memory_not_equal(&a, &best, sizeof a);
    close_fixture(f);
}

/* ---- weights of others ---- */

/* Rewrites the best weights under other names: "module." before all, and another name of the head;
 * a NULL head leaves it away. */
static void rename_weights(const fixture *f, const char *prefix, const char *head, const char *path)
{
    bal_weights *from, *to;
    test_ok(f->ctx, bal_weights_read(&from, f->ctx, f->best));
    test_ok(f->ctx, bal_weights_open(&to, f->ctx));
    for (int i = 0; i < bal_weights_count(from); i++) {
        const bal_tensor *t = bal_weights_at(from, i);
        char name[128];
        if (strncmp(t->name, "fc.", 3) != 0)
            snprintf(name, sizeof name, "%s%s", prefix, t->name);
        else if (head)
            snprintf(name, sizeof name, "%s%s.%s", prefix, head, t->name + 3);
        else
            continue;
        test_ok(f->ctx, bal_weights_add(to, name, t->dims, t->shape, t->data));
    }
    test_ok(f->ctx, bal_weights_write(to, f->ctx, path));
    bal_weights_close(&from);
    bal_weights_close(&to);
}

static void usual_names_are_understood(void **state)
{
    (void)state;
    static const char *const heads[] = {"fc", "linear", "classifier", "head"};
    fixture *f = open_fixture(&rgb, "resnet8", "ce");
    bal_predictor_settings s = from_weights(f, "resnet8");
    const logits want = logits_of(f, &s);
    char path[8192];
    snprintf(path, sizeof path, "%s/renamed.safetensors", f->folder);
    s.weights = path;
    for (size_t i = 0; i < BAL_COUNT_OF(heads); i++) {
        rename_weights(f, "module.", heads[i], path);
        const logits got = logits_of(f, &s);
        assert_memory_equal(&want, &got, sizeof want);
    }
    bal_model *model;
    rename_weights(f, "", NULL, path);
    test_fails(f->ctx, bal_model_open(&model, f->ctx, &s), BAL_MISMATCH, path, "fc.weight",
               "number of classes", NULL);
    s.classes = CLASSES;
    test_fails(f->ctx, bal_model_open(&model, f->ctx, &s), BAL_MISMATCH, path, "missing",
               "fc.weight", NULL);
    assert_null(model);
    close_fixture(f);
}

static void size_defaults_to_32(void **state)
{
    (void)state;
    fixture *f = open_fixture(&rgb, "resnet8", "ce");
    bal_predictor_settings s = from_weights(f, "resnet8");
    s.height = s.width = 0;
    bal_model *model = open_model(f, &s);
    assert_int_equal(bal_model_input(model).height, 32);
    assert_int_equal(bal_model_input(model).width, 32);
    bal_model_close(&model);
    close_fixture(f);
}

/* ---- what does not fit ---- */

static void misfits_are_told(void **state)
{
    (void)state;
    fixture *f = open_fixture(&rgb, "resnet8", "ce");
    bal_predictor_settings s = from_weights(f, "resnet20");
    bal_model *model;
    test_fails(f->ctx, bal_model_open(&model, f->ctx, &s), BAL_MISMATCH, f->best, "missing",
               "layer1.1.conv1.weight", NULL);
    s.model = "lenet";
    test_fails(f->ctx, bal_model_open(&model, f->ctx, &s), BAL_MISMATCH, f->best, "missing",
               "unexpected", "bn1.bias", NULL);
    s = from_weights(f, "resnet8");
    s.classes = 5;
    test_fails(f->ctx, bal_model_open(&model, f->ctx, &s), BAL_MISMATCH, f->best,
               "of another shape", "fc.weight", NULL);
    s = from_weights(f, "resnet8");
    s.channels = 1;
    test_fails(f->ctx, bal_model_open(&model, f->ctx, &s), BAL_MISMATCH, "of another shape",
               "conv1.weight", NULL);
    s = from_weights(f, "resnet9");
    test_fails(f->ctx, bal_model_open(&model, f->ctx, &s), BAL_BAD_ARG, "resnet9", "did you mean",
               NULL);
    assert_null(model);
    close_fixture(f);
}

static void settings_are_checked(void **state)
{
    (void)state;
    fixture *f = open_fixture(&rgb, "lenet", "ce");
    const bal_predictor_settings run = from_run(f), weights = from_weights(f, "lenet");
    bal_predictor_settings bad[] = {run,     run,     run,     weights, weights,
                                    weights, weights, weights, weights};
    bad[0].model = "lenet";
    bad[1].weights = f->best;
    bad[2].batch_size = 0;
    bad[3].model = NULL;
    bad[4].weights = NULL;
    bad[5].classes = -1;
    bad[6].height = -1;
    bad[7].std[2] = 0.0;
    bad[8].engine = "abacus";
    for (size_t i = 0; i < BAL_COUNT_OF(bad); i++) {
        bal_model *model;
        if (bal_model_open(&model, f->ctx, &bad[i]) != BAL_BAD_ARG)
            fail_msg("settings %zu are not refused", i);
        assert_null(model);
    }
    bal_model *model;
    bal_predictor_settings s = run;
    s.run = "nowhere";
    test_fails(f->ctx, bal_model_open(&model, f->ctx, &s), BAL_IO, "nowhere", NULL);
    assert_int_equal(remove(f->best), 0);
    test_fails(f->ctx, bal_model_open(&model, f->ctx, &run), BAL_IO, f->best, NULL);
    close_fixture(f);
}

/* Opens another toy set in a folder of its own and tries the model on it. */
static void expect_split_refused(fixture *f, bal_model *model, const test_toy *toy,
                                 const char *says)
{
    char path[8192];
    snprintf(path, sizeof path, "%s/other", f->folder);
    test_write_toy(path, toy);
    bal_dataset *other = test_open_toy(f->ctx, path, 0.25);
    float scores[1];
    test_fails(f->ctx, bal_model_run_split(model, other, BAL_SPLIT_TEST, scores, NULL),
               BAL_MISMATCH, "other", says, NULL);
    bal_dataset_close(&other);
    char *copy = strdup(path);
    test_folder_remove(copy);
}

static void other_data_is_refused(void **state)
{
    (void)state;
    fixture *f = open_fixture(&rgb, "resnet8", "ce");
    const bal_predictor_settings run = from_run(f);
    bal_model *model = open_model(f, &run);
    test_toy toy = rgb;
    toy.train[3] = 4;
    expect_split_refused(f, model, &toy, "the model has 3 classes");
    toy = rgb;
    toy.side = 10;
    expect_split_refused(f, model, &toy, "3 x 8 x 8");
    toy = rgb;
    toy.channels = 1;
    expect_split_refused(f, model, &toy, "1 x 8 x 8");
    bal_model_close(&model);
    close_fixture(f);
}

static void other_class_names_are_a_warning(void **state)
{
    (void)state;
    fixture *f = open_fixture(&rgb, "resnet8", "ce");
    const bal_predictor_settings run = from_run(f);
    float scores[IMAGES * CLASSES];
    bal_model *model = open_model(f, &run);
    test_ok(f->ctx, bal_model_run_split(model, f->data, BAL_SPLIT_TEST, scores, NULL));
    assert_string_equal(f->warned, "");
    bal_dataset_close(&f->data);
    static const char *const splits[] = {"train", "test"};
    for (int i = 0; i < 2; i++) {
        char from[64], to[64];
        snprintf(from, sizeof from, "%s/c1", splits[i]);
        snprintf(to, sizeof to, "%s/c1-cat", splits[i]);
        assert_int_equal(rename(test_path(f->images, from), test_path(f->images, to)), 0);
    }
    f->data = test_open_toy(f->ctx, f->images, 0.25);
    test_ok(f->ctx, bal_model_run_split(model, f->data, BAL_SPLIT_TEST, scores, NULL));
    assert_non_null(strstr(f->warned, "class 1"));
    assert_non_null(strstr(f->warned, "c1-cat"));
    bal_model_close(&model);
    close_fixture(f);
}

static void interrupt_stops_it(void **state)
{
    (void)state;
    fixture *f = open_fixture(&rgb, "lenet", "ce");
    bal_predictor_settings run = from_run(f);
    run.batch_size = 4;
    float scores[IMAGES * CLASSES];
    bal_model *model = open_model(f, &run);
    bal_ctx_interrupt(f->ctx);
    test_fails(f->ctx, bal_model_logits(model, f->pixels, IMAGES, scores), BAL_INTERRUPTED,
               "interrupted", NULL);
    test_ok(f->ctx, bal_model_logits(model, f->pixels, IMAGES, scores));
    bal_ctx_interrupt(f->ctx);
    test_fails(f->ctx, bal_model_run_split(model, f->data, BAL_SPLIT_TEST, scores, NULL),
               BAL_INTERRUPTED, "interrupted", NULL);
    test_ok(f->ctx, bal_model_run_split(model, f->data, BAL_SPLIT_TEST, scores, NULL));
    bal_model_close(&model);
    close_fixture(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(run_and_weights_are_the_same_model),
        cmocka_unit_test(cosine_head),
        cmocka_unit_test(last_weights_on_demand),
        cmocka_unit_test(usual_names_are_understood),
        cmocka_unit_test(size_defaults_to_32),
        cmocka_unit_test(misfits_are_told),
        cmocka_unit_test(settings_are_checked),
        cmocka_unit_test(other_data_is_refused),
        cmocka_unit_test(other_class_names_are_a_warning),
        cmocka_unit_test(interrupt_stops_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
