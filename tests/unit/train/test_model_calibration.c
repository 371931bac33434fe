/* The calibration of a run: fitted on its splits, stored, used only with the weights that it is of;
 * and the prior that recipes leave. */
#include "helpers/helpers.h"
#include "helpers/near.h"
#include "helpers/runs.h"
#include "helpers/toy.h"
#include "train/model/left_prior.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES = 3 };

/* ---- what recipes leave ---- */

static void check_left(bal_ctx *ctx, const char *yaml, const double *want)
{
    static const int64_t counts[CLASSES] = {80, 15, 5};
    bal_recipe *recipe;
    double prior[CLASSES], sum = 0.0;
    test_ok(ctx, bal_recipe_parse(&recipe, ctx, "test", yaml, strlen(yaml)));
    test_ok(ctx, bal_recipe_check(recipe));
    test_ok(ctx, bal_recipe_left_prior(recipe, ctx, &(bal_left_prior){0, CLASSES, counts}, prior));
    for (int c = 0; c < CLASSES; c++)
        sum += want[c];
    for (int c = 0; c < CLASSES; c++)
        test_near(yaml, want[c] / sum, prior[c], 1e-12);
    bal_recipe_close(&recipe);
}

static void recipes_leave_a_prior(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    const double counts[] = {80, 15, 5}, equal[] = {1, 1, 1};
    const double roots[] = {sqrt(80), sqrt(15), sqrt(5)};
    const double powers[] = {pow(80, 0.3), pow(15, 0.3), pow(5, 0.3)};
    const double double_roots[] = {1 / sqrt(80), 1 / sqrt(15), 1 / sqrt(5)};
#define STAGE(text) "name: t\nabout: t\nsource: t\nepochs: 10\nstages:\n  - epochs: 100%\n" text
    check_left(ctx, STAGE("    sampler: instance\n    loss: {name: ce}\n"), counts);
    check_left(ctx, STAGE("    sampler: instance\n    loss: {name: focal}\n"), counts);
    check_left(ctx, STAGE("    sampler: class-balanced\n    loss: {name: ce}\n"), equal);
    check_left(ctx, STAGE("    sampler: sqrt\n    loss: {name: ce}\n"), roots);
    check_left(ctx, STAGE("    sampler: instance\n    loss: {name: ce, weight: inverse}\n"), equal);
    check_left(ctx, STAGE("    sampler: instance\n    loss: {name: ce, weight: sqrt}\n"), roots);
    check_left(ctx, STAGE("    sampler: instance\n    loss: {name: balanced-softmax}\n"), equal);
    check_left(ctx, STAGE("    sampler: instance\n    loss: {name: logit-adjusted, tau: 0.7}\n"),
               powers);
    check_left(ctx, STAGE("    sampler: instance\n    loss: {name: vs, tau: 1.5}\n"), double_roots);
    /* the last stage counts; progressive is nearly balanced at its end */
    check_left(ctx,
               "name: t\nabout: t\nsource: t\nepochs: 10\nstages:\n"
               "  - epochs: 50%\n    sampler: class-balanced\n    loss: {name: ce}\n"
               "  - epochs: 50%\n    sampler: instance\n    loss: {name: ce}\n",
               counts);
    check_left(ctx, STAGE("    sampler: instance\n    loss: {name: lade}\n"), equal);
    check_left(ctx, STAGE("    sampler: power\n    sampler_q: 0.3\n    loss: {name: ce}\n"),
               powers);
    /* a head that is changed without training */
    const char *const ends = STAGE("    sampler: instance\n    loss: {name: ce}\n"
                                   "  - epochs: 0\n    begin: tau-normalize\n");
    bal_recipe *recipe;
    double prior[CLASSES];
    static const int64_t some[CLASSES] = {80, 15, 5}, none[CLASSES] = {80, 0, 5};
    test_ok(ctx, bal_recipe_parse(&recipe, ctx, "test", ends, strlen(ends)));
    test_ok(ctx, bal_recipe_check(recipe));
    test_fails(ctx, bal_recipe_left_prior(recipe, ctx, &(bal_left_prior){0, CLASSES, some}, prior),
               BAL_BAD_DATA, "without training", NULL);
    bal_recipe_close(&recipe);
    /* weights of the first stage of deferred re-weighting know nothing of its weights */
    test_ok(ctx, bal_recipe_open(&recipe, ctx, "mixup-drw"));
    test_ok(ctx, bal_recipe_check(recipe));
    test_ok(ctx, bal_recipe_left_prior(recipe, ctx, &(bal_left_prior){160, CLASSES, some}, prior));
    test_near("first stage", 0.8, prior[0], 1e-12);
    test_ok(ctx, bal_recipe_left_prior(recipe, ctx, &(bal_left_prior){161, CLASSES, some}, prior));
    assert_true(prior[0] < 0.4);
    bal_recipe_close(&recipe);
    test_ok(ctx, bal_recipe_open(&recipe, ctx, "smote-features"));
    test_ok(ctx, bal_recipe_check(recipe));
    test_fails(ctx, bal_recipe_left_prior(recipe, ctx, &(bal_left_prior){0, CLASSES, some}, prior),
               BAL_BAD_DATA, "resampled features", NULL);
    bal_recipe_close(&recipe);
    test_ok(ctx, bal_recipe_open(&recipe, ctx, "ce"));
    test_ok(ctx, bal_recipe_check(recipe));
    test_fails(ctx, bal_recipe_left_prior(recipe, ctx, &(bal_left_prior){0, CLASSES, none}, prior),
               BAL_BAD_DATA, "class 1 has no training images", NULL);
    bal_recipe_close(&recipe);
    const double nearly[] = {0.1 * 0.8 + 0.9 / 3, 0.1 * 0.15 + 0.9 / 3, 0.1 * 0.05 + 0.9 / 3};
    check_left(ctx, STAGE("    sampler: progressive\n    loss: {name: ce}\n"), nearly);
    bal_ctx_close(&ctx);
}

/* ---- a run ---- */

typedef struct fixture {
    bal_ctx *ctx;
    char *folder;
    char images[4096], run[4096], file[8192];
    bal_dataset *data;
} fixture;

static int make_run(void **state)
{
    static const test_toy toy = {.channels = 1, .side = 9, .train = {40, 24, 12}, .test = 9};
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->ctx = test_ctx_threads(1);
    f->folder = test_folder();
    snprintf(f->images, sizeof f->images, "%s/toy", f->folder);
    snprintf(f->run, sizeof f->run, "%s/run", f->folder);
    snprintf(f->file, sizeof f->file, "%s/calibration.json", f->run);
    test_write_toy(f->images, &toy);
    f->data = test_open_toy(f->ctx, f->images, 0.4);
    bal_train_settings how = bal_train_defaults();
    how.model = "lenet";
    how.recipe = "balanced-softmax";
    how.engine = "reference";
    how.out = f->run;
    how.epochs = 2;
    how.batch_size = 8;
    test_ok(f->ctx, test_train(f->ctx, &(test_training){.data = f->data, .settings = &how}));
    *state = f;
    return 0;
}

static int drop_run(void **state)
{
    fixture *f = *state;
    bal_dataset_close(&f->data);
    bal_ctx_close(&f->ctx);
    test_folder_remove(f->folder);
    free(f);
    return 0;
}

static bal_status open_run(const fixture *f, bal_ctx *ctx, bool last, bool without,
                           bal_model **model)
{
    bal_predictor_settings s = bal_predictor_defaults();
    s.run = f->run;
    s.engine = "reference";
    s.batch_size = 4;
    s.last = last;
    s.no_calibration = without;
    return bal_model_open(model, ctx, &s);
}

static bal_status fit_and_store(const fixture *f, bal_ctx *ctx, const char *methods)
{
    const double test_prior[CLASSES] = {0.6, 0.3, 0.1};
    bal_model *model;
    bal_calibration *c = NULL;
    bal_calibration_report reports[BAL_CALIBRATION_MOST];
    int count;
    bal_model_calibration_settings how = bal_model_calibration_defaults();
    how.methods = methods;
    how.calibration.target_prior = test_prior;
    how.calibration.always = true;
    BAL_TRY(open_run(f, ctx, false, true, &model));
    bal_status status = bal_model_calibrate(&c, model, f->data, &how, reports, &count);
    if (status == BAL_OK)
        status = bal_model_store_calibration(model, c);
    bal_calibration_close(&c);
    bal_model_close(&model);
    return status;
}

static void a_run_keeps_its_calibration(void **state)
{
    const fixture *f = *state;
    bal_model *model;
    test_ok(f->ctx, open_run(f, f->ctx, false, false, &model));
    assert_null(bal_model_calibration(model));
    double prior[CLASSES];
    test_ok(f->ctx, bal_model_left_prior(model, prior));
    for (int c = 0; c < CLASSES; c++)
        test_near("left prior", 1.0 / 3, prior[c], 1e-12);
    bal_model_close(&model);

    test_ok(f->ctx, fit_and_store(f, f->ctx, "prior, vector,offsets"));
    test_ok(f->ctx, open_run(f, f->ctx, false, false, &model));
    const bal_calibration *c = bal_model_calibration(model);
    assert_non_null(c);
    assert_int_equal(bal_calibration_steps(c), 3);
    assert_string_equal(bal_calibration_step_at(c, 1)->method, "vector");
    assert_int_equal(bal_calibration_step_at(c, 1)->report.items,
                     bal_dataset_describe(f->data).items[BAL_SPLIT_VAL]);
    test_near("prior", 0.6, bal_calibration_prior(c)[0], 1e-12);
    assert_non_null(strstr(bal_calibration_weights(c), "best.safetensors sha256:"));

    /* logits are what they were; the evaluation is that of the calibrated probabilities */
    const int64_t items = bal_dataset_describe(f->data).items[BAL_SPLIT_TEST];
    float *scores = calloc((size_t)items * CLASSES, sizeof *scores);
    int32_t *labels = calloc((size_t)items, sizeof *labels);
    double p[CLASSES], loss = 0.0, right = 0.0;
    assert_true(scores && labels);
    test_ok(f->ctx, bal_model_run_split(model, f->data, BAL_SPLIT_TEST, scores, labels));
    for (int64_t i = 0; i < items; i++) {
        right += bal_calibration_predict(c, CLASSES, scores + i * CLASSES, p) == labels[i];
        loss -= log(p[labels[i]]);
    }
    bal_evaluation_settings how = bal_evaluation_defaults();
    how.classes = CLASSES;
    how.items = items;
    how.scores = scores;
    how.labels = labels;
    how.bootstrap = 0;
    how.calibration = c;
    bal_evaluation *e;
    test_ok(f->ctx, bal_evaluate(&e, f->ctx, &how));
    test_near("nll", loss / (double)items, bal_evaluation_metric(e, BAL_METRIC_nll), 1e-12);
    test_near("accuracy", right / (double)items, bal_evaluation_metric(e, BAL_METRIC_accuracy),
              1e-12);
    bal_evaluation_close(&e);
    how.classes = CLASSES - 1;
    how.items = 1;
    labels[0] = 0;
    test_fails(f->ctx, bal_evaluate(&e, f->ctx, &how), BAL_MISMATCH, "of 3 classes", "of 2", NULL);
    bal_model_close(&model);
    free(scores);
    free(labels);

    test_ok(f->ctx, open_run(f, f->ctx, false, true, &model));
    assert_null(bal_model_calibration(model)); /* not wanted */
    bal_model_close(&model);
    test_ok(f->ctx, open_run(f, f->ctx, true, false, &model));
    assert_null(bal_model_calibration(model)); /* of best.safetensors, these are the last */
    test_ok(f->ctx, bal_model_store_calibration(model, NULL));
    assert_false(test_exists(f->file));
    test_ok(f->ctx, bal_model_store_calibration(model, NULL));
    bal_model_close(&model);
}

static void what_does_not_fit_is_refused(void **state)
{
    const fixture *f = *state;
    bal_model *model;
    bal_calibration *c;
    test_ok(f->ctx, fit_and_store(f, f->ctx, "temperature"));
    test_ok(f->ctx, bal_calibration_read(&c, f->ctx, f->file));
    test_ok(f->ctx, bal_calibration_set_weights(c, "best.safetensors sha256:0123"));
    test_ok(f->ctx, bal_calibration_write(c, f->ctx, f->file));
    bal_calibration_close(&c);
    test_fails(f->ctx, open_run(f, f->ctx, false, false, &model), BAL_MISMATCH, "calibration.json",
               "other weights", NULL);
    assert_null(model);
    test_ok(f->ctx, bal_calibration_open(&c, f->ctx, CLASSES + 2, NULL));
    test_ok(f->ctx, bal_calibration_write(c, f->ctx, f->file));
    test_fails(f->ctx, open_run(f, f->ctx, false, false, &model), BAL_MISMATCH, "of 5 classes",
               "has 3", NULL);
    test_ok(f->ctx, open_run(f, f->ctx, false, true, &model));
    test_fails(f->ctx, bal_model_store_calibration(model, c), BAL_MISMATCH, "5 classes", NULL);
    bal_model_close(&model);
    bal_calibration_close(&c);
    test_write_file(f->file, "{}", 2);
    test_fails(f->ctx, open_run(f, f->ctx, false, false, &model), BAL_BAD_FILE, "calibration.json",
               NULL);
    test_ok(f->ctx, open_run(f, f->ctx, false, true, &model));
    bal_model_calibration_settings how = bal_model_calibration_defaults();
    bal_calibration_report reports[BAL_CALIBRATION_MOST];
    int count;
    static const char *const lists[][2] = {{"temperature,", "no list"},
                                           {"", "no list"},
                                           {"offsets,temperature", "after offsets"},
                                           {"tmperature", "did you mean \"temperature\""}};
    how.calibration.always = true;
    for (size_t i = 0; i < BAL_COUNT_OF(lists); i++) {
        how.methods = lists[i][0];
        const bal_status status = bal_model_calibrate(&c, model, f->data, &how, reports, &count);
        assert_true(status == BAL_BAD_ARG || status == BAL_MISMATCH);
        test_fails(f->ctx, status, status, lists[i][1], NULL);
        assert_null(c);
    }
    test_ok(f->ctx, bal_model_store_calibration(model, NULL));
    bal_model_close(&model);
}

/* Reading the file when the run is opened; a fit by the tests of calibration on arrays. */
static bal_status attempt(bal_ctx *ctx, void *user)
{
    const fixture *f = user;
    bal_model *model;
    double prior[CLASSES];
    BAL_TRY(open_run(f, ctx, false, false, &model));
    bal_status status = bal_model_left_prior(model, prior);
    bal_calibration *c = NULL;
    if (status == BAL_OK)
        status = bal_calibration_read(&c, ctx, f->file);
    if (status == BAL_OK)
        status = bal_model_store_calibration(model, c);
    bal_calibration_close(&c);
    bal_model_close(&model);
    return status;
}

static void allocation_failures(void **state)
{
    fixture *f = *state;
    test_ok(f->ctx, fit_and_store(f, f->ctx, "prior,temperature"));
    test_allocation_failures(attempt, f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recipes_leave_a_prior),
        cmocka_unit_test_setup_teardown(a_run_keeps_its_calibration, make_run, drop_run),
        cmocka_unit_test_setup_teardown(what_does_not_fit_is_refused, make_run, drop_run),
        cmocka_unit_test_setup_teardown(allocation_failures, make_run, drop_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
