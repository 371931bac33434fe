/* A whole run: the files it leaves, that they agree with each other and with the weights, stopping
 * early, and folders that are there already. */
#include "helpers/helpers.h"
#include "helpers/near.h"
#include "helpers/runs.h"
#include "helpers/toy_run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLASSES 3
#define BATCH 8

/* The second stage ruins the plain logits. */
static const char two_stages[] = "name: two-stages\n"
                                 "batch_size: 8\n"
                                 "epochs: 5\n"
                                 "optimizer: {lr: 0.05}\n"
                                 "schedule: {name: constant}\n"
                                 "stages:\n"
                                 "  - epochs: 3\n"
                                 "    loss: {name: ce}\n"
                                 "    augment: {crop_padding: 1, hflip: 0.5}\n"
                                 "  - epochs: 2\n"
                                 "    loss: {name: logit-adjusted, tau: 20}\n"
                                 "    sampler: class-balanced\n"
                                 "    augment: {crop_padding: 0, hflip: 0}\n";

static const test_toy rgb = {.channels = 3, .side = 6, .train = {24, 12, 6}, .test = 5},
                      grey = {.channels = 1, .side = 7, .train = {20, 12, 6}, .test = 4};

static void open_run(test_toy_run *f, const test_toy *toy, double val_fraction)
{
    test_toy_run_open(f, toy, val_fraction);
    f->settings.model = "lenet";
    f->settings.engine = "reference";
}

static const char *in_run(const test_toy_run *f, const char *name)
{
    return test_path(f->run, name);
}

/* ---- what a run leaves ---- */

static void expect_files(const test_toy_run *f)
{
    static const char *const names[] = {"recipe.yaml",
                                        "command.txt",
                                        "environment.json",
                                        "data.json",
                                        "split.csv",
                                        "metrics.jsonl",
                                        "events.out.tfevents.ballast",
                                        "best.safetensors",
                                        "summary.json",
                                        "last.safetensors",
                                        "state.safetensors",
                                        "log.txt"};
    json_t *contents = test_folder_contents(f->run);
    for (size_t i = 0; i < BAL_COUNT_OF(names); i++)
        if (!*json_string_value(json_object_get(contents, names[i])))
            fail_msg("%s is missing or empty", names[i]);
    assert_int_equal(json_object_size(contents), BAL_COUNT_OF(names)); /* nothing else is left */
    json_decref(contents);
}

static void expect_line(const test_toy_run *f, const json_t *line, int epoch)
{
    int64_t val[CLASSES], train[CLASSES], drawn = 0, items = 0;
    double loss = 0.0, recall = 0.0;
    bal_dataset_counts(f->data, BAL_SPLIT_VAL, val);
    bal_dataset_counts(f->data, BAL_SPLIT_TRAIN, train);
    assert_int_equal(json_integer_value(json_object_get(line, "epoch")), epoch);
    assert_int_equal(json_integer_value(json_object_get(line, "stage")), epoch <= 3 ? 0 : 1);
    assert_int_equal(json_array_size(json_object_get(line, "val_class_loss")), CLASSES);
    assert_int_equal(json_array_size(json_object_get(line, "val_class_recall")), CLASSES);
    assert_int_equal(json_array_size(json_object_get(line, "class_drawn")), CLASSES);
    for (int c = 0; c < CLASSES; c++) {
        const int64_t shown = (int64_t)test_json_item(line, "class_drawn", c);
        if (epoch <= 3)
            assert_int_equal(shown, train[c]); /* every image once */
        drawn += shown;
        loss += test_json_item(line, "val_class_loss", c) * (double)val[c];
        recall += test_json_item(line, "val_class_recall", c) / CLASSES;
        items += val[c];
    }
    assert_int_equal(drawn, f->info.items[BAL_SPLIT_TRAIN]);
    test_near("val_loss", loss / (double)items, test_json_number(line, "val_loss"), 1e-9);
    test_near("balanced", recall, test_json_number(line, "val_balanced_accuracy"), 1e-12);
    assert_true(test_json_number(line, "train_loss") > 0.0);
    const double right = test_json_number(line, "train_accuracy") * (double)drawn;
    test_near("images that are right", round(right), right, 1e-9);
    assert_true(test_json_number(line, "images_per_second") > 0.0);
    assert_true(test_json_number(line, "seconds") > 0.0);
}

/* The epoch (from 1) that the lines say is best, which must be the first of the best ones. */
static int best_of(const json_t *lines, bool smallest)
{
    int best = 0;
    double value = 0.0;
    for (int i = 0; i < (int)json_array_size(lines); i++) {
        const json_t *line = json_array_get(lines, (size_t)i);
        const double now = test_json_number(line, "monitored");
        const bool better = best == 0 || (smallest ? now < value : now > value);
        assert_int_equal(json_is_true(json_object_get(line, "best")), better);
        best = better ? i + 1 : best;
        value = better ? now : value;
    }
    return best;
}

/* ---- measured again from the weights ---- */

static bal_evaluation *measure(const test_toy_run *f, bal_split split, bool last)
{
    const size_t items = (size_t)f->info.items[split];
    float *scores = calloc(items * CLASSES, sizeof *scores);
    int32_t *labels = calloc(items, sizeof *labels);
    const char *names[CLASSES];
    bal_predictor_settings settings = bal_predictor_defaults();
    bal_model *model;
    bal_evaluation *e;
    assert_true(scores && labels);
    settings.run = f->run;
    settings.engine = f->settings.engine;
    settings.batch_size = BATCH;
    settings.last = last;
    test_ok(f->ctx, bal_model_open(&model, f->ctx, &settings));
    test_ok(f->ctx, bal_model_run_split(model, f->data, split, scores, labels));
    bal_evaluation_settings how = bal_evaluation_defaults();
    how.classes = CLASSES;
    how.items = (int64_t)items;
    how.scores = scores;
    how.labels = labels;
    how.train_counts = bal_model_train_counts(model);
    for (int c = 0; c < CLASSES; c++)
        names[c] = bal_model_class_name(model, c);
    how.class_names = names;
    how.seed = f->settings.seed;
    test_ok(f->ctx, bal_evaluate(&e, f->ctx, &how));
    bal_model_close(&model);
    free(scores);
    free(labels);
    return e;
}

static void expect_weights_give(const test_toy_run *f, const json_t *line, bool last)
{
    bal_evaluation *e = measure(f, BAL_SPLIT_VAL, last);
    test_near("nll", test_json_number(line, "val_loss"), bal_evaluation_metric(e, BAL_METRIC_nll),
              1e-5);
    test_near("balanced accuracy", test_json_number(line, "val_balanced_accuracy"),
              bal_evaluation_metric(e, BAL_METRIC_balanced_accuracy), 0.0);
    for (int c = 0; c < CLASSES; c++) {
        test_near("recall of a class", test_json_item(line, "val_class_recall", c),
                  bal_evaluation_class(e, c)->recall, 0.0);
        test_near("loss of a class", test_json_item(line, "val_class_loss", c),
                  bal_evaluation_class(e, c)->loss, 1e-5);
    }
    bal_evaluation_close(&e);
}

static void expect_same_json(const char *key, const json_t *a, const json_t *b)
{
    const char *name;
    json_t *value;
    if (json_is_object(a)) {
        assert_int_equal(json_object_size(a), json_object_size(b));
        json_object_foreach((json_t *)(uintptr_t)a, name, value)
            expect_same_json(name, value, json_object_get(b, name));
    } else if (json_is_array(a)) {
        assert_int_equal(json_array_size(a), json_array_size(b));
        for (size_t i = 0; i < json_array_size(a); i++)
            expect_same_json(key, json_array_get(a, i), json_array_get(b, i));
    } else if (json_is_real(a)) {
        test_near(key, json_real_value(a), json_number_value(b), 1e-5);
    } else {
        assert_true(json_equal(a, b));
    }
}

static void expect_summary(const test_toy_run *f, int best, const json_t *lines)
{
    json_t *summary = test_json_file(in_run(f, "summary.json"));
    const json_t *line = json_array_get(lines, (size_t)best - 1);
    assert_int_equal(json_integer_value(json_object_get(summary, "best_epoch")), best);
    assert_true(test_json_number(summary, "best") == test_json_number(line, "monitored"));
    assert_int_equal(json_integer_value(json_object_get(summary, "epochs")),
                     json_array_size(lines));
    for (int split = BAL_SPLIT_VAL; split <= BAL_SPLIT_TEST; split++) {
        bal_evaluation *e = measure(f, (bal_split)split, false);
        char *text;
        test_ok(f->ctx, bal_evaluation_json(e, f->ctx, &text));
        json_t *want = json_loads(text, 0, NULL);
        assert_int_equal(json_integer_value(json_object_get(want, "items")), f->info.items[split]);
        expect_same_json("", want, json_object_get(summary, bal_split_name((bal_split)split)));
        json_decref(want);
        bal_release(f->ctx, text);
        bal_evaluation_close(&e);
    }
    json_decref(summary);
}

/* Returns the best epoch. */
static int run_and_compare(const test_toy *toy, const char *model, const char *engine)
{
    test_toy_run f;
    bal_train_result result;
    open_run(&f, toy, 0.25);
    f.settings.model = model;
    f.settings.engine = engine;
    f.settings.monitor = "nll";
    test_ok(f.ctx, test_train(f.ctx, &(test_training){.data = f.data,
                                                      .recipe = two_stages,
                                                      .settings = &f.settings,
                                                      .result = &result}));
    expect_files(&f);
    json_t *lines = test_json_lines(in_run(&f, "metrics.jsonl"));
    assert_int_equal(json_array_size(lines), 5);
    for (int i = 0; i < 5; i++)
        expect_line(&f, json_array_get(lines, (size_t)i), i + 1);
    const int best = best_of(lines, true);
    assert_in_range(best, 1, 5);
    assert_int_equal(result.best_epoch, best);
    assert_int_equal(result.epochs, 5);
    assert_false(result.stopped_early);
    assert_string_equal(result.out, f.run);
    assert_true(result.seconds > 0.0);
    expect_weights_give(&f, json_array_get(lines, (size_t)best - 1), false);
    expect_weights_give(&f, json_array_get(lines, 4), true);
    assert_true(result.best_monitored ==
                test_json_number(json_array_get(lines, (size_t)best - 1), "monitored"));
    expect_summary(&f, best, lines);
    json_decref(lines);
    test_toy_run_close(&f);
    return best;
}

static void files_metrics_and_weights_agree(void **state)
{
    (void)state;
    for (int i = 0; bal_engine_at(i); i++) {
        /* the second stage only makes it worse, so the best weights are not the last ones */
        assert_in_range(run_and_compare(&rgb, "resnet8", bal_engine_at(i)->name), 1, 3);
        run_and_compare(&grey, "lenet", bal_engine_at(i)->name);
    }
}

/* ---- which epoch is best, and when it ends ---- */

static void patience_ends_a_run(void **state)
{
    (void)state;
    test_toy_run f;
    bal_train_result result;
    open_run(&f, &rgb, 0.25);
    f.settings.monitor = "nll";
    f.settings.patience = 2;
    f.settings.epochs = 40; /* the second stage begins after 4 */
    bal_recipe *recipe;
    bal_trainer *trainer;
    static const char text[] = "batch_size: 8\n"
                               "optimizer: {lr: 0.02}\n"
                               "stages:\n"
                               "  - {epochs: 10%, loss: {name: ce}}\n"
                               "  - {epochs: 90%, loss: {name: logit-adjusted, tau: 20}}\n";
    test_ok(f.ctx, bal_recipe_parse(&recipe, f.ctx, "r.yaml", text, strlen(text)));
    test_ok(f.ctx, bal_trainer_open(&trainer, f.ctx, f.data, recipe, &f.settings));
    test_ok(f.ctx, bal_trainer_run(trainer, NULL, NULL, &result));
    bal_trainer_close(&trainer);
    bal_recipe_close(&recipe);
    json_t *lines = test_json_lines(in_run(&f, "metrics.jsonl"));
    json_t *summary = test_json_file(in_run(&f, "summary.json"));
    assert_true(result.stopped_early);
    assert_true(json_is_true(json_object_get(summary, "stopped_early")));
    assert_int_equal(result.best_epoch, best_of(lines, true));
    assert_int_equal(result.epochs, result.best_epoch + 2);
    assert_int_equal(json_array_size(lines), result.epochs);
    assert_in_range(result.epochs, 3, 39);
    json_decref(lines);
    json_decref(summary);
    test_toy_run_close(&f);
}

static void accuracy_is_maximised(void **state)
{
    (void)state;
    test_toy_run f;
    bal_train_result result;
    open_run(&f, &rgb, 0.25);
    f.settings.monitor = "accuracy";
    f.settings.lr = 0.01;
    test_ok(f.ctx, test_train(f.ctx, &(test_training){.data = f.data,
                                                      .recipe = two_stages,
                                                      .settings = &f.settings,
                                                      .result = &result}));
    json_t *lines = test_json_lines(in_run(&f, "metrics.jsonl"));
    assert_int_equal(result.best_epoch, best_of(lines, false));
    assert_in_range(result.best_monitored * 1e6, 1, 1000000);
    json_decref(lines);
    test_toy_run_close(&f);
}

static void without_validation_the_last_is_best(void **state)
{
    (void)state;
    test_toy_run f;
    bal_train_result result;
    test_toy toy = rgb;
    toy.test = 0;
    open_run(&f, &toy, 0.0);
    f.settings.epochs = 2;
    test_ok(f.ctx,
            test_train(f.ctx, &(test_training){
                                  .data = f.data, .settings = &f.settings, .result = &result}));
    assert_int_equal(result.best_epoch, 2);
    assert_true(isnan(result.best_monitored));
    json_t *contents = test_folder_contents(f.run),
           *summary = test_json_file(in_run(&f, "summary.json")),
           *lines = test_json_lines(in_run(&f, "metrics.jsonl"));
    assert_true(json_equal(json_object_get(contents, "best.safetensors"),
                           json_object_get(contents, "last.safetensors")));
    assert_true(json_is_null(json_object_get(summary, "val")));
    assert_true(json_is_null(json_object_get(summary, "test")));
    assert_true(isnan(test_json_number(json_array_get(lines, 1), "val_loss")));
    assert_true(isnan(test_json_item(json_array_get(lines, 1), "val_class_recall", 2)));
    json_decref(contents);
    json_decref(summary);
    json_decref(lines);
    test_toy_run_close(&f);
}

/* ---- a folder that is there ---- */

static bal_status train_here(test_toy_run *f)
{
    return test_train(f->ctx, &(test_training){.data = f->data, .settings = &f->settings});
}

static void expect_untouched(const test_toy_run *f, const json_t *before)
{
    json_t *now = test_folder_contents(f->run);
    assert_true(json_equal(before, now));
    json_decref(now);
}

static void a_run_is_not_replaced_unasked(void **state)
{
    (void)state;
    test_toy_run f;
    open_run(&f, &rgb, 0.25);
    f.settings.epochs = 2;
    test_ok(f.ctx, train_here(&f));
    json_t *before = test_folder_contents(f.run);
    f.settings.seed = 9;
    test_fails(f.ctx, train_here(&f), BAL_BAD_ARG, f.run, "there is a run already", NULL);
    expect_untouched(&f, before);
    f.settings.resume = true; /* nor gone on with as another run */
    test_fails(f.ctx, train_here(&f), BAL_MISMATCH, "state.safetensors", "seed \"1\"", "\"9\"",
               NULL);
    expect_untouched(&f, before);
    f.settings.seed = 1;
    f.settings.epochs = 3;
    test_fails(f.ctx, train_here(&f), BAL_MISMATCH, "\"epochs: 2\"", "\"epochs: 3\"", NULL);
    f.settings.epochs = 2;
    f.settings.model = "resnet8";
    test_fails(f.ctx, train_here(&f), BAL_MISMATCH, "model \"lenet\"", NULL);
    expect_untouched(&f, before);
    f.settings.overwrite = true;
    test_fails(f.ctx, train_here(&f), BAL_BAD_ARG, "exclude each other", NULL);
    expect_untouched(&f, before);

    f.settings.model = "lenet";
    f.settings.resume = false;
    f.settings.epochs = 1;
    char image[5000], kept[5000];
    snprintf(image, sizeof image, "%s/train/c1/0.png", f.images);
    snprintf(kept, sizeof kept, "%s/0.png", f.folder);
    assert_int_equal(rename(image, kept), 0);
    test_write_file(image, "no image", 8); /* is found before the old run goes */
    test_fails(f.ctx, train_here(&f), BAL_BAD_FILE, "train/c1/0.png", NULL);
    expect_untouched(&f, before);
    assert_int_equal(rename(kept, image), 0);

    test_write_file(in_run(&f, "report.html"), "old", 3);
    test_ok(f.ctx, train_here(&f));
    expect_files(&f); /* nothing of the old one */
    json_t *lines = test_json_lines(in_run(&f, "metrics.jsonl"));
    assert_int_equal(json_array_size(lines), 1);
    json_decref(lines);
    json_decref(before);
    test_toy_run_close(&f);
}

static void a_folder_that_is_no_run_is_left_alone(void **state)
{
    (void)state;
    test_toy_run f;
    open_run(&f, &rgb, 0.25);
    f.settings.epochs = 1;
    f.settings.out = f.images; /* whoever mixes up two arguments keeps the images */
    f.settings.overwrite = true;
    test_fails(f.ctx, train_here(&f), BAL_BAD_ARG, "not a run folder", NULL);
    f.settings.overwrite = false;
    test_fails(f.ctx, train_here(&f), BAL_BAD_ARG, "not empty and not a run", NULL);
    assert_true(test_exists(test_path(f.images, "train/c0/0.png")));
    f.settings.out = f.run;
    f.settings.resume = true;
    test_fails(f.ctx, train_here(&f), BAL_BAD_ARG, "no run to resume", NULL);
    assert_false(test_exists(f.run));
    test_toy_run_close(&f);
}

static void resuming_a_finished_run_changes_nothing(void **state)
{
    (void)state;
    static const char *const same[] = {"best.safetensors", "last.safetensors", "metrics.jsonl",
                                       "recipe.yaml",      "split.csv",        "data.json"};
    test_toy_run f;
    bal_train_result first, again;
    open_run(&f, &rgb, 0.25);
    const test_training once = {
        .data = f.data, .recipe = two_stages, .settings = &f.settings, .result = &first};
    test_training twice = once;
    twice.result = &again;
    test_ok(f.ctx, test_train(f.ctx, &once));
    json_t *before = test_folder_contents(f.run);
    json_t *summary = test_json_file(in_run(&f, "summary.json"));
    f.settings.resume = true;
    test_ok(f.ctx, test_train(f.ctx, &twice));
    json_t *after = test_folder_contents(f.run);
    json_t *summary_after = test_json_file(in_run(&f, "summary.json"));
    for (size_t i = 0; i < BAL_COUNT_OF(same); i++)
        if (!json_equal(json_object_get(before, same[i]), json_object_get(after, same[i])))
            fail_msg("%s has changed", same[i]);
    assert_true(
        json_equal(json_object_get(summary, "test"), json_object_get(summary_after, "test")));
    assert_int_equal(first.epochs, again.epochs);
    assert_int_equal(first.best_epoch, again.best_epoch);
    assert_true(first.best_monitored == again.best_monitored);
    assert_false(again.stopped_early);
    assert_true(again.seconds >= first.seconds - 1.0);
    json_decref(before);
    json_decref(after);
    json_decref(summary);
    json_decref(summary_after);
    test_toy_run_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_metrics_and_weights_agree),
        cmocka_unit_test(patience_ends_a_run),
        cmocka_unit_test(accuracy_is_maximised),
        cmocka_unit_test(without_validation_the_last_is_best),
        cmocka_unit_test(a_run_is_not_replaced_unasked),
        cmocka_unit_test(a_folder_that_is_no_run_is_left_alone),
        cmocka_unit_test(resuming_a_finished_run_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
