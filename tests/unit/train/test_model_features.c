/* Features of a trained model: the head on them gives the logits, in any order of items. */
#include "helpers/helpers.h"
#include "helpers/runs.h"
#include "helpers/toy.h"
#include "net/op.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLASSES 3
#define TEST_ITEMS 15
#define FEATURES_MAX 128

static const test_toy rgb = {.channels = 3, .side = 8, .train = {12, 8, 6}, .test = 5},
                      grey = {.channels = 1, .side = 9, .train = {12, 8, 6}, .test = 5};

typedef struct trained {
    const char *model, *recipe;
    const test_toy *toy;
    int features;
    bal_op_kind head;
} trained;
static const trained cases[] = {{"lenet", "ce", &grey, 128, BAL_OP_LINEAR},
                                {"resnet8", "ce", &rgb, 64, BAL_OP_LINEAR},
                                {"resnet8", "ldam-drw", &rgb, 64, BAL_OP_COSINE_LINEAR}};

typedef struct fixture {
    const trained *what;
    bal_ctx *ctx;
    char *folder;
    char images[4096], run[4096], best[8192];
    bal_dataset *data;
} fixture;

static fixture *open_fixture(const trained *what)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->what = what;
    f->ctx = test_ctx_threads(1);
    f->folder = test_folder();
    snprintf(f->images, sizeof f->images, "%s/toy", f->folder);
    snprintf(f->run, sizeof f->run, "%s/run", f->folder);
    snprintf(f->best, sizeof f->best, "%s/best.safetensors", f->run);
    test_write_toy(f->images, what->toy);
    f->data = test_open_toy(f->ctx, f->images, 0.25);
    bal_train_settings how = bal_train_defaults();
    how.model = what->model;
    how.recipe = what->recipe;
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

static bal_model *open_model(const fixture *f, const char *engine)
{
    bal_predictor_settings s = bal_predictor_defaults();
    s.run = f->run;
    s.engine = engine;
    s.batch_size = 4;
    bal_model *model;
    test_ok(f->ctx, bal_model_open(&model, f->ctx, &s));
    assert_int_equal(bal_model_feature_count(model), f->what->features);
    return model;
}

typedef struct arrays {
    float features[TEST_ITEMS * FEATURES_MAX], logits[TEST_ITEMS * CLASSES];
    int32_t labels[TEST_ITEMS];
} arrays;

/* ---- the head by hand, from the weights file ---- */

static double norm(const float *x, int count)
{
    double sum = 0.0;
    for (int i = 0; i < count; i++)
        sum += (double)x[i] * x[i];
    return sqrt(sum);
}

static void head_logits(const fixture *f, const float *features, float *logits)
{
    const int width = f->what->features;
    bal_weights *w;
    test_ok(f->ctx, bal_weights_read(&w, f->ctx, f->best));
    const bal_tensor *weight = bal_weights_find(w, "fc.weight"),
                     *bias = bal_weights_find(w, "fc.bias");
    assert_non_null(weight);
    assert_int_equal(weight->shape[0], CLASSES);
    assert_int_equal(weight->shape[1], width);
    assert_true((bias != NULL) == (f->what->head == BAL_OP_LINEAR));
    for (int i = 0; i < TEST_ITEMS; i++)
        for (int c = 0; c < CLASSES; c++) {
            const float *x = features + (size_t)i * (size_t)width,
                        *row = weight->data + (size_t)c * (size_t)width;
            double sum = 0.0;
            for (int j = 0; j < width; j++)
                sum += (double)x[j] * row[j];
            sum = bias ? sum + bias->data[c] : 30.0 * sum / (norm(x, width) * norm(row, width));
            logits[i * CLASSES + c] = (float)sum;
        }
    bal_weights_close(&w);
}

static void the_head_on_features_gives_the_logits(void **state)
{
    (void)state;
    for (size_t i = 0; i < BAL_COUNT_OF(cases); i++) {
        fixture *f = open_fixture(&cases[i]);
        const int64_t *items = bal_dataset_items(f->data, BAL_SPLIT_TEST);
        for (int e = 0; bal_engine_at(e); e++) {
            arrays got;
            float want[TEST_ITEMS * CLASSES], alone[TEST_ITEMS * CLASSES];
            bal_model *model = open_model(f, bal_engine_at(e)->name);
            test_ok(f->ctx, bal_model_features(model, f->data,
                                               &(bal_feature_ask){.split = BAL_SPLIT_TEST,
                                                                  .features = got.features,
                                                                  .logits = got.logits,
                                                                  .labels = got.labels}));
            head_logits(f, got.features, want);
            test_close(bal_engine_at(e)->name, want, got.logits, TEST_ITEMS * CLASSES,
                       bal_op_forward_tolerance(f->what->head));
            for (int k = 0; k < TEST_ITEMS; k++)
                assert_int_equal(got.labels[k], bal_dataset_label(f->data, items[k]));
            test_ok(f->ctx, bal_model_run_split(model, f->data, BAL_SPLIT_TEST, alone, NULL));
            assert_memory_equal(alone, got.logits, sizeof alone);
            bal_model_close(&model);
        }
        close_fixture(f);
    }
}

/* ---- which items ---- */

static void items_in_any_order(void **state)
{
    (void)state;
    fixture *f = open_fixture(&cases[0]);
    const size_t width = (size_t)f->what->features, row = width * sizeof(float);
    const int64_t *test = bal_dataset_items(f->data, BAL_SPLIT_TEST),
                  train = bal_dataset_items(f->data, BAL_SPLIT_TRAIN)[3];
    bal_model *model = open_model(f, "reference");
    arrays all, some;
    float one[FEATURES_MAX];
    test_ok(f->ctx, bal_model_features(
                        model, f->data,
                        &(bal_feature_ask){.split = BAL_SPLIT_TEST, .features = all.features}));
    const int64_t items[] = {test[9], test[2], train, test[9], test[14], test[0]};
    const bal_feature_ask ask = {.items = items,
                                 .count = BAL_COUNT_OF(items),
                                 .features = some.features,
                                 .labels = some.labels};
    test_ok(f->ctx, bal_model_features(model, f->data, &ask));
    test_ok(f->ctx,
            bal_model_features(model, f->data,
                               &(bal_feature_ask){.items = &train, .count = 1, .features = one}));
    static const int places[] = {9, 2, -1, 9, 14, 0};
    for (size_t i = 0; i < BAL_COUNT_OF(items); i++) {
        const float *want = places[i] < 0 ? one : all.features + (size_t)places[i] * width;
        assert_memory_equal(want, some.features + i * width, row);
        assert_int_equal(some.labels[i], bal_dataset_label(f->data, items[i]));
    }
    assert_memory_not_equal(one, all.features, row);
    test_ok(f->ctx, bal_model_features(model, f->data,
                                       &(bal_feature_ask){.items = items, .labels = some.labels}));
    bal_model_close(&model);
    close_fixture(f);
}

static void what_does_not_fit_is_told(void **state)
{
    (void)state;
    fixture *f = open_fixture(&cases[0]);
    bal_model *model = open_model(f, "reference");
    float features[FEATURES_MAX];
    int64_t items[] = {4, -1};
    bal_feature_ask ask = {.items = items, .count = 2, .features = features};
    test_fails(f->ctx, bal_model_features(model, f->data, &ask), BAL_BAD_ARG, "item 1", "-1", "toy",
               "0 to 40", NULL);
    items[1] = 41; /* 26 and 15 images */
    test_fails(f->ctx, bal_model_features(model, f->data, &ask), BAL_BAD_ARG, "is 41", NULL);
    ask.count = 1;
    bal_ctx_interrupt(f->ctx);
    test_fails(f->ctx, bal_model_features(model, f->data, &ask), BAL_INTERRUPTED, "interrupted",
               NULL);
    test_ok(f->ctx, bal_model_features(model, f->data, &ask));

    fixture *other = open_fixture(&cases[1]);
    test_fails(f->ctx, bal_model_features(model, other->data, &ask), BAL_MISMATCH, "1 x 9 x 9",
               "3 x 8 x 8", NULL);
    close_fixture(other);
    bal_model_close(&model);
    close_fixture(f);
}

static bal_status read_features(bal_ctx *ctx, void *user)
{
    const fixture *f = user;
    static float features[TEST_ITEMS * FEATURES_MAX];
    bal_predictor_settings s = bal_predictor_defaults();
    s.run = f->run;
    s.batch_size = 8;
    bal_model *model;
    bal_status status = bal_model_open(&model, ctx, &s);
    if (status == BAL_OK)
        status = bal_model_features(
            model, f->data, &(bal_feature_ask){.split = BAL_SPLIT_TEST, .features = features});
    bal_model_close(&model);
    return status;
}

static void memory_that_runs_out(void **state)
{
    (void)state;
    fixture *f = open_fixture(&cases[0]);
    test_allocation_failures(read_features, f);
    close_fixture(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_head_on_features_gives_the_logits),
        cmocka_unit_test(items_in_any_order),
        cmocka_unit_test(what_does_not_fit_is_told),
        cmocka_unit_test(memory_that_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
