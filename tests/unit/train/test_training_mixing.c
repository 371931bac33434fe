/* Runs that mix images, show epochs of another length and say how often images were shown: the same
 * bits after a stop and with any number of workers, steps and figures that fit, refusals. */
#include "helpers/helpers.h"
#include "helpers/near.h"
#include "helpers/runs.h"
#include "helpers/toy_run.h"

#include "ballast/loss.h"
#include "base/cursor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLASSES 3
#define EPOCHS 4
#define BATCH 8

static const test_toy toy = {.channels = 3, .side = 6, .train = {24, 12, 6}, .test = 2};

static int set_up(void **state)
{
    test_toy_run_set_up(state, &toy, 0.25)->settings.model = "lenet";
    return 0;
}

/* ---- runs ---- */

typedef struct watch {
    bal_ctx *ctx;
    bool stop_soon;    /* after the first step */
    int stop_at_epoch; /* 0: never */
    int epochs;
    int64_t steps[EPOCHS + 1], drawn[EPOCHS + 1]; /* of each epoch */
    double accuracy[EPOCHS + 1];
} watch;

static void on_epoch(void *user, const bal_epoch_report *report)
{
    watch *w = user;
    for (int c = 0; c < CLASSES; c++)
        w->drawn[report->epoch - 1] += report->class_drawn[c];
    w->accuracy[report->epoch - 1] = report->train_accuracy;
    w->epochs++;
    if (report->epoch == w->stop_at_epoch)
        bal_ctx_interrupt(w->ctx);
}

static void on_progress(void *user, const bal_progress *progress)
{
    watch *w = user;
    w->steps[progress->epoch - 1] = progress->steps;
    if (w->stop_soon)
        bal_ctx_interrupt(w->ctx);
}

typedef struct run {
    const char *stages, *out;
    int workers;
    bool resume;
    watch *watch; /* or NULL */
} run;

static const char *recipe_of(const char *stages)
{
    static char text[2048];
    snprintf(text, sizeof text, "name: m\nbatch_size: %d\nepochs: %d\noptimizer: {lr: 0.02}\n%s",
             BATCH, EPOCHS, stages);
    return text;
}

static bal_status train(const test_toy_run *f, run r)
{
    static watch none;
    char out[4200];
    snprintf(out, sizeof out, "%s/%s", f->folder, r.out);
    watch *w = r.watch ? r.watch : &none;
    w->ctx = f->ctx;
    const bal_train_callbacks callbacks = {on_epoch, on_progress, w};
    bal_train_settings settings = f->settings;
    settings.out = out;
    settings.resume = r.resume;
    settings.workers = r.workers;
    return test_train(f->ctx, &(test_training){.data = f->data,
                                               .recipe = recipe_of(r.stages),
                                               .settings = &settings,
                                               .callbacks = &callbacks});
}

static bool same_file(const test_toy_run *f, const char *a, const char *b, const char *name)
{
    bal_bytes x, y;
    char path[4200];
    snprintf(path, sizeof path, "%s/%s/%s", f->folder, a, name);
    test_ok(f->ctx, bal_file_read(f->ctx, path, 1 << 24, &x));
    snprintf(path, sizeof path, "%s/%s/%s", f->folder, b, name);
    test_ok(f->ctx, bal_file_read(f->ctx, path, 1 << 24, &y));
    const bool same = x.count == y.count && memcmp(x.data, y.data, x.count) == 0;
    bal_bytes_free(f->ctx, &x);
    bal_bytes_free(f->ctx, &y);
    return same;
}

static json_t *exposure_of(const test_toy_run *f, const char *out)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/%s/summary.json", f->folder, out);
    json_t *summary = test_json_file(path);
    json_t *exposure = json_incref(json_object_get(summary, "exposure"));
    assert_non_null(exposure);
    json_decref(summary);
    return exposure;
}

/* ---- the same bits ---- */

/* Two streams and epochs shorter than a round, then a sampler with rounds of its own length. */
static const char both[] =
    "stages:\n"
    "  - {epochs: 50%, epoch_length: 70%, augment: {crop_padding: 1, hflip: 0.5},\n"
    "     mix: {name: cmo, prob: 0.8, draw: image, alpha: 0.7}}\n"
    "  - {epochs: 50%, sampler: repeat-factor, epoch_length: 150%,\n"
    "     loss: {name: ce, weight: effective}, mix: {name: mixup}}\n";
static const char remix[] = "stages: [{sampler: power, sampler_q: -0.5, mix: {name: remix}}]\n";
static const char cutmix[] = "stages: [{mix: {name: cutmix, prob: 0.5, skip_first: 1}}]\n";
static const char mamix[] = "stages: [{mix: {name: mamix, draw: image}, sampler: reversed}]\n";
static const char manifold[] = "stages: [{mix: {name: manifold-mixup, draw: image}}]\n";
static const char *const kinds[] = {both, remix, cutmix, mamix, manifold};

static void stopped_runs_and_more_workers_end_alike(void **state)
{
    const test_toy_run *f = *state;
    for (size_t k = 0; k < BAL_COUNT_OF(kinds); k++) {
        char whole[32], parts[32], many[32];
        snprintf(whole, sizeof whole, "whole%zu", k);
        snprintf(parts, sizeof parts, "parts%zu", k);
        snprintf(many, sizeof many, "many%zu", k);
        run r = {.stages = kinds[k], .out = whole};
        test_ok(f->ctx, train(f, r));
        r.out = many;
        r.workers = 3;
        test_ok(f->ctx, train(f, r));
        r.out = parts;
        int stops = 0;
        for (bal_status status = BAL_INTERRUPTED; status != BAL_OK; stops++) {
            watch w = {.stop_soon = stops % 2 == 0, .stop_at_epoch = 1 + stops};
            r.watch = &w;
            r.workers = stops % 3;
            status = train(f, r);
            if (status != BAL_OK)
                assert_int_equal(status, BAL_INTERRUPTED);
            assert_true(stops < 40);
            r.resume = true;
        }
        assert_true(stops > 2);
        json_t *a = exposure_of(f, whole), *b = exposure_of(f, parts);
        assert_true(json_equal(a, b));
        json_decref(a);
        json_decref(b);
        assert_true(same_file(f, whole, many, "last.safetensors"));
        assert_true(same_file(f, whole, parts, "last.safetensors"));
        assert_true(same_file(f, whole, parts, "best.safetensors"));
    }
}

static void mixing_changes_a_run_only_where_it_mixes(void **state)
{
    const test_toy_run *f = *state;
    static const char *const same[] = {
        "stages: [{}]\n", "stages: [{mix: {name: mixup, prob: 0}}]\n",
        "stages: [{mix: {name: cutmix, skip_first: 50%, skip_last: 50%}}]\n",
        "stages: [{epoch_length: 100%, mix: {name: none, alpha: 3}}]\n"};
    static const char *const other[] = {"stages: [{mix: {name: mixup}}]\n",
                                        "stages: [{mix: {name: mixup, draw: image}}]\n",
                                        "stages: [{mix: {name: mixup, skip_last: 3}}]\n",
                                        "stages: [{mix: {name: cmo}}]\n",
                                        "stages: [{mix: {name: cmo, a: 3}}]\n",
                                        "stages: [{mix: {name: manifold-mixup}}]\n"};
    char name[BAL_COUNT_OF(same) + BAL_COUNT_OF(other)][16];
    for (size_t k = 0; k < BAL_COUNT_OF(same); k++) {
        snprintf(name[k], sizeof name[k], "same%zu", k);
        test_ok(f->ctx, train(f, (run){.stages = same[k], .out = name[k]}));
        assert_true(same_file(f, "same0", name[k], "last.safetensors"));
    }
    for (size_t k = 0; k < BAL_COUNT_OF(other); k++) {
        snprintf(name[k], sizeof name[k], "other%zu", k);
        test_ok(f->ctx, train(f, (run){.stages = other[k], .out = name[k]}));
        assert_false(same_file(f, "same0", name[k], "last.safetensors"));
        for (size_t j = 0; j < k; j++)
            assert_false(same_file(f, name[j], name[k], "last.safetensors"));
    }
}

/* ---- lengths and exposure ---- */

static int64_t item(const json_t *list, int i)
{
    return json_integer_value(json_array_get(list, (size_t)i));
}

static void epochs_have_the_length_that_was_asked_for(void **state)
{
    const test_toy_run *f = *state;
    watch w = {0};
    test_ok(f->ctx, train(f, (run){.stages = both, .out = "lengths", .watch = &w}));
    const int64_t natural = f->info.items[BAL_SPLIT_TRAIN];
    const int64_t first = (natural * 7 + 5) / 10, second = (natural * 3 + 1) / 2;
    for (int e = 0; e < EPOCHS; e++) {
        const int64_t length = e < EPOCHS / 2 ? first : second;
        assert_int_equal(w.drawn[e], length);
        if (w.steps[e] != 0) /* progress is told ten times a second: a quick epoch may have none */
            assert_int_equal(w.steps[e], (length + BATCH - 1) / BATCH);
        assert_true(w.accuracy[e] >= 0.0 && w.accuracy[e] <= 1.0);
    }
    bal_recipe *recipe;
    bal_trainer *trainer;
    bal_train_plan plan;
    test_ok(f->ctx,
            bal_recipe_parse(&recipe, f->ctx, "m.yaml", recipe_of(both), strlen(recipe_of(both))));
    bal_train_settings settings = f->settings;
    settings.out = test_path(f->folder, "planned");
    test_ok(f->ctx, bal_trainer_open(&trainer, f->ctx, f->data, recipe, &settings));
    test_ok(f->ctx, bal_trainer_plan(trainer, false, &plan));
    assert_int_equal(plan.steps_per_epoch, (first + BATCH - 1) / BATCH);
    assert_true(plan.flops_total > 0.0);
    bal_trainer_close(&trainer);
    bal_recipe_close(&recipe);
}

static void exposure_is_that_of_the_epochs(void **state)
{
    const test_toy_run *f = *state;
    static const char balanced[] = "stages:\n"
                                   "  - {epochs: 3, sampler: reversed, epoch_length: 100}\n"
                                   "  - {epochs: 0, begin: reinit-head, epoch_length: 77}\n"
                                   "  - {epochs: 1}\n";
    test_ok(f->ctx, train(f, (run){.stages = balanced, .out = "shown"}));
    char path[4200];
    snprintf(path, sizeof path, "%s/shown/metrics.jsonl", f->folder);
    json_t *epochs = test_json_lines(path), *exposure = exposure_of(f, "shown");
    const json_t *images = json_object_get(exposure, "images"),
                 *times = json_object_get(exposure, "times"),
                 *drawn = json_object_get(exposure, "class_drawn");
    int64_t counts[CLASSES];
    bal_dataset_counts(f->data, BAL_SPLIT_TRAIN, counts);
    assert_int_equal(json_array_size(epochs), EPOCHS + 1); /* the stage that shows nothing too */
    for (int c = 0; c < CLASSES; c++) {
        int64_t sum = 0, members = 0, least = 0, most = 0;
        for (size_t e = 0; e < EPOCHS + 1; e++)
            sum += item(json_object_get(json_array_get(epochs, e), "class_drawn"), c);
        assert_int_equal(item(drawn, c), sum);
        const json_t *row = json_array_get(images, (size_t)c);
        assert_int_equal(json_array_size(row), json_array_size(times));
        for (int b = 0; b < (int)json_array_size(times); b++) {
            long long low = 0, high = 0; /* "3-4" */
            const char *name = json_string_value(json_array_get(times, (size_t)b));
            if (sscanf(name, "%lld-%lld", &low, &high) == 1)
                high = low;
            members += item(row, b);
            least += item(row, b) * low;
            most += item(row, b) * high;
        }
        assert_int_equal(members, counts[c]);
        assert_true(least <= sum && sum <= most);
    }
    assert_int_equal(item(drawn, 0) + item(drawn, 1) + item(drawn, 2),
                     300 + f->info.items[BAL_SPLIT_TRAIN]);
    /* the rarest class came most often by far, and each image at least once in the last epoch */
    assert_true(item(drawn, 2) > 3 * item(drawn, 0));
    assert_true(json_integer_value(json_object_get(exposure, "least")) >= 1);
    assert_true(json_integer_value(json_object_get(exposure, "most")) > 20);
    assert_string_equal(json_string_value(json_array_get(times, 3)), "3-4");
    bal_bytes log;
    snprintf(path, sizeof path, "%s/shown/log.txt", f->folder);
    test_ok(f->ctx, bal_file_read(f->ctx, path, 1 << 20, &log));
    static const char words[] = "images by how often they were shown in 5 epochs: ";
    bool found = false;
    for (size_t i = 0; i + sizeof words <= log.count; i++)
        found = found || memcmp(log.data + i, words, sizeof words - 1) == 0;
    assert_true(found);
    bal_bytes_free(f->ctx, &log);
    json_decref(epochs);
    json_decref(exposure);
}

/* ---- refusals ---- */

static void what_cannot_work_is_refused(void **state)
{
    const test_toy_run *f = *state;
    static const struct {
        const char *stages, *line, *word;
    } bad[] = {
        {"stages:\n  - epochs: 100%\n    mix:\n      {name: mixip}\n", "m.yaml:8:", "\"mixup\""},
        {"stages: [{mix: {name: cmo, prob: 2}}]\n", ":5:", "prob"},
        {"stages: [{mix: {name: mixup, skip_first: 110%}}]\n", ":5:", "skip_first"},
        {"stages: [{epoch_length: 0}]\n", ":5:", "epoch_length"},
        {"stages: [{epoch_length: all}]\n", ":5:", "natural"},
        {"stages: [{sampler: power, sampler_q: 11}]\n", ":5:", "sampler_q"},
        {"stages: [{sampler: repeat-factors}]\n", ":5:", "repeat-factor"},
    };
    for (size_t i = 0; i < BAL_COUNT_OF(bad); i++) {
        bal_recipe *recipe = NULL;
        bal_trainer *trainer = NULL;
        const char *text = recipe_of(bad[i].stages);
        bal_status status = bal_recipe_parse(&recipe, f->ctx, "m.yaml", text, strlen(text));
        if (status == BAL_OK)
            status = bal_trainer_open(&trainer, f->ctx, f->data, recipe, &f->settings);
        test_fails(f->ctx, status, BAL_MISMATCH, bad[i].line, bad[i].word, NULL);
        assert_null(trainer);
        bal_recipe_close(&recipe);
    }
    int hard = 0; /* losses that take one class only */
    const bal_loss_info *info;
    for (int i = 0; (info = bal_loss_at(i)); i++) {
        char stages[256];
        snprintf(stages, sizeof stages,
                 "head: %s\nstages:\n  - loss: {name: %s}\n    mix: {name: mixup}\n",
                 info->needs_cosine_head ? "cosine" : "linear", info->name);
        bal_recipe *recipe;
        bal_trainer *trainer;
        const char *text = recipe_of(stages);
        test_ok(f->ctx, bal_recipe_parse(&recipe, f->ctx, "m.yaml", text, strlen(text)));
        const bal_status status = bal_trainer_open(&trainer, f->ctx, f->data, recipe, &f->settings);
        if (info->takes_soft_targets) {
            test_ok(f->ctx, status);
        } else {
            test_fails(f->ctx, status, BAL_MISMATCH, "m.yaml:8:", "mixup", info->name, "one class",
                       NULL);
            hard++;
        }
        bal_trainer_close(&trainer);
        bal_recipe_close(&recipe);
    }
    assert_true(hard > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(stopped_runs_and_more_workers_end_alike, set_up,
                                        test_toy_run_tear_down),
        cmocka_unit_test_setup_teardown(mixing_changes_a_run_only_where_it_mixes, set_up,
                                        test_toy_run_tear_down),
        cmocka_unit_test_setup_teardown(epochs_have_the_length_that_was_asked_for, set_up,
                                        test_toy_run_tear_down),
        cmocka_unit_test_setup_teardown(exposure_is_that_of_the_epochs, set_up,
                                        test_toy_run_tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_work_is_refused, set_up,
                                        test_toy_run_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
