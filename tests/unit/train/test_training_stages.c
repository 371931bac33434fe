/* What happens while a run trains: stages that freeze, draws, engines, starting weights, progress,
 * learning rates that are too large, and being interrupted. */
#include "helpers/helpers.h"
#include "helpers/near.h"
#include "helpers/runs.h"
#include "helpers/toy_run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLASSES 3
#define EPOCHS_MAX 8

/* Features first, then the head alone on balanced draws (as Kang et al. 2020 do). */
static const char deferred[] = "name: deferred\n"
                               "batch_size: 8\n"
                               "epochs: 4\n"
                               "optimizer: {lr: 0.05}\n"
                               "stages:\n"
                               "  - epochs: 50%\n"
                               "    sampler: instance\n"
                               "    loss: {name: ce}\n"
                               "    augment: {crop_padding: 1, hflip: 0.5}\n"
                               "  - epochs: 50%\n"
                               "    sampler: class-balanced\n"
                               "    train: head\n"
                               "    loss: {name: focal, weight: inverse}\n"
                               "    augment: {crop_padding: 0, hflip: 0}\n";

static const test_toy toy = {.channels = 3, .side = 6, .train = {24, 12, 6}, .test = 3};

static int set_up(void **state)
{
    test_toy_run *f = test_toy_run_set_up(state, &toy, 0.25);
    f->settings.model = "resnet8";
    f->settings.engine = "reference";
    return 0;
}

static bal_weights *read_weights(const test_toy_run *f, const char *name)
{
    bal_weights *w;
    test_ok(f->ctx, bal_weights_read(&w, f->ctx, test_path(f->run, name)));
    return w;
}

static bool same_bits(const bal_tensor *a, const bal_tensor *b)
{
    assert_true(a && b && a->count == b->count);
    return memcmp(a->data, b->data, (size_t)a->count * sizeof *a->data) == 0;
}

/* ---- watching a run ---- */

typedef struct watched {
    const test_toy_run *f;
    int epochs, progress;
    bal_epoch_report reports[EPOCHS_MAX]; /* their lists are gone */
    int64_t drawn[EPOCHS_MAX][CLASSES];
    bal_weights *after;     /* the state after epoch `keep` */
    int keep, interrupt_at; /* epochs; 0: none */
    bool interrupt_soon;    /* after the first step */
    bal_progress last;
} watched;

static void see_epoch(void *user, const bal_epoch_report *report)
{
    watched *w = user;
    assert_in_range(w->epochs, 0, EPOCHS_MAX - 1);
    w->reports[w->epochs] = *report;
    memcpy(w->drawn[w->epochs++], report->class_drawn, sizeof w->drawn[0]);
    if (report->epoch == w->keep)
        w->after = read_weights(w->f, "state.safetensors");
    if (report->epoch == w->interrupt_at)
        bal_ctx_interrupt(w->f->ctx);
}

static void see_progress(void *user, const bal_progress *progress)
{
    watched *w = user;
    w->progress++;
    w->last = *progress;
    assert_in_range(progress->epoch, 1, progress->epochs);
    assert_in_range(progress->step, 1, progress->steps);
    assert_true(progress->loss > 0.0 && progress->images_per_second > 0.0);
    assert_true(progress->seconds_left >= 0.0);
    if (w->interrupt_soon)
        bal_ctx_interrupt(w->f->ctx);
}

static bal_status train_watched(const test_toy_run *f, const char *recipe, watched *w)
{
    const bal_train_callbacks callbacks = {see_epoch, see_progress, w};
    w->f = f;
    return test_train(f->ctx, &(test_training){.data = f->data,
                                               .recipe = recipe,
                                               .settings = &f->settings,
                                               .callbacks = &callbacks});
}

/* ---- stages ---- */

static void compare_before_and_after(const bal_weights *before, const bal_weights *after)
{
    int frozen = 0, moved = 0;
    for (int i = 0; i < bal_weights_count(after); i++) {
        const bal_tensor *t = bal_weights_at(after, i);
        const bool same = same_bits(t, bal_weights_find(before, t->name));
        if (strncmp(t->name, "fc.", 3) == 0 || strstr(t->name, "running_")) {
            moved += !same; /* running statistics follow the images */
            continue;
        }
        frozen++;
        if (!same)
            fail_msg("%s was frozen and has changed", t->name);
    }
    assert_true(frozen >= 21); /* 9 convolutions with their batch norms' weight and bias, less fc */
    assert_true(moved >= 2);
    assert_false(
        same_bits(bal_weights_find(after, "fc.weight"), bal_weights_find(before, "fc.weight")));
}

static void a_stage_can_train_the_head_alone(void **state)
{
    test_toy_run *f = *state;
    for (int i = 0; bal_engine_at(i); i++) {
        watched w = {.keep = 2};
        f->settings.engine = bal_engine_at(i)->name;
        f->settings.overwrite = true;
        test_ok(f->ctx, train_watched(f, deferred, &w));
        bal_weights *last = read_weights(f, "last.safetensors"),
                    *end = read_weights(f, "state.safetensors");
        compare_before_and_after(w.after, last);
        assert_non_null(bal_weights_find(w.after, "momentum/conv1.weight"));
        assert_null(bal_weights_find(end, "momentum/conv1.weight"));
        assert_non_null(bal_weights_find(end, "momentum/fc.weight"));
        assert_int_equal(w.epochs, 4);
        for (int e = 0; e < 4; e++) {
            assert_int_equal(w.reports[e].epoch, e + 1);
            assert_int_equal(w.reports[e].epochs, 4);
            assert_int_equal(w.reports[e].stage, e / 2);
            assert_int_equal(w.reports[e].classes, CLASSES);
        }
        bal_weights_close(&w.after);
        bal_weights_close(&last);
        bal_weights_close(&end);
    }
}

static void draws_follow_the_sampler(void **state)
{
    test_toy_run *f = *state;
    watched w = {0};
    int64_t counts[CLASSES];
    test_ok(f->ctx, train_watched(f, deferred, &w));
    bal_dataset_counts(f->data, BAL_SPLIT_TRAIN, counts);
    for (int e = 0; e < 4; e++) {
        int64_t sum = 0;
        for (int c = 0; c < CLASSES; c++) {
            sum += w.drawn[e][c];
            if (e < 2)
                assert_int_equal(w.drawn[e][c], counts[c]);
        }
        assert_int_equal(sum, f->info.items[BAL_SPLIT_TRAIN]);
    }
    /* the rarest class: fewer than a sixth of the images, about a third of the balanced draws */
    assert_true(counts[2] * 6 < f->info.items[BAL_SPLIT_TRAIN] + 6);
    assert_true(w.drawn[2][2] + w.drawn[3][2] > 2 * counts[2] + 2);
}

/* ---- engines ---- */

static void engines_agree_after_some_steps(void **state)
{
    test_toy_run *f = *state;
    static const char gentle[] = "batch_size: 12\n"
                                 "epochs: 2\n"
                                 "optimizer: {lr: 0.01, nesterov: true}\n"
                                 "schedule: {name: constant}\n"
                                 "stages:\n"
                                 "  - {epochs: 1, loss: {name: ce}}\n"
                                 "  - {epochs: 1, train: head, loss: {name: balanced-softmax}}\n";
    bal_weights *want = NULL;
    for (int i = 0; bal_engine_at(i); i++) { /* the last one is the reference */
        bal_weights *got;
        f->settings.engine = bal_engine_at(i)->name;
        f->settings.overwrite = true;
        test_ok(f->ctx, test_train(f->ctx, &(test_training){.data = f->data,
                                                            .recipe = gentle,
                                                            .settings = &f->settings}));
        got = read_weights(f, "last.safetensors");
        for (int p = 0; want && p < bal_weights_count(want); p++) {
            const bal_tensor *t = bal_weights_at(want, p);
            test_close(t->name, t->data, bal_weights_find(got, t->name)->data, t->count, 1e-3);
        }
        bal_weights_close(&want);
        want = got;
    }
    bal_weights_close(&want);
}

/* ---- where it starts ---- */

static void starts_from_given_weights(void **state)
{
    test_toy_run *f = *state;
    char start[8192], other[8192];
    f->settings.epochs = 1;
    test_ok(f->ctx, train_watched(f, NULL, &(watched){0}));
    snprintf(start, sizeof start, "%s/last.safetensors", f->run);
    bal_weights *before = read_weights(f, "last.safetensors");
    snprintf(other, sizeof other, "%s/other", f->folder);
    f->settings.out = other;
    f->settings.init_weights = start;
    f->settings.seed = 77; /* other images, another initialisation that is not used */
    f->settings.lr = 1e-9;
    test_ok(f->ctx, train_watched(f, NULL, &(watched){0}));
    bal_weights *after;
    test_ok(f->ctx, bal_weights_read(&after, f->ctx, test_path(other, "last.safetensors")));
    for (int i = 0; i < bal_weights_count(before); i++) {
        const bal_tensor *t = bal_weights_at(before, i);
        if (!strstr(t->name, "running_"))
            test_close(t->name, t->data, bal_weights_find(after, t->name)->data, t->count, 1e-5);
    }
    bal_weights_close(&before);
    bal_weights_close(&after);

    f->settings.out = test_path(f->folder, "third");
    f->settings.model = "resnet20";
    test_fails(f->ctx, train_watched(f, NULL, &(watched){0}), BAL_MISMATCH, start, "missing",
               "layer1.1.conv1.weight", NULL);
    f->settings.init_weights = "nowhere.safetensors";
    test_fails(f->ctx, train_watched(f, NULL, &(watched){0}), BAL_IO, "nowhere.safetensors", NULL);
    assert_false(test_exists(test_path(f->folder, "third")));
}

/* ---- progress, divergence, interruption ---- */

static void progress_is_told(void **state)
{
    test_toy_run *f = *state;
    watched w = {0};
    f->settings.model = "lenet";
    test_ok(f->ctx, train_watched(f, deferred, &w));
    assert_true(w.progress > 0);
    assert_int_equal(w.last.epochs, 4);
    assert_int_equal(w.last.steps, (f->info.items[BAL_SPLIT_TRAIN] + 7) / 8);
}

static void too_large_a_rate_is_told(void **state)
{
    test_toy_run *f = *state;
    f->settings.lr = 1e12;
    f->settings.epochs = 3;
    f->settings.batch_size = 8;
    f->settings.model = "lenet"; /* no batch norm that would save it */
    test_fails(f->ctx, train_watched(f, NULL, &(watched){0}), BAL_DIVERGED, "diverged", "epoch 1",
               "learning rate", NULL);
    assert_false(test_exists(test_path(f->run, "state.safetensors")));
    assert_false(test_exists(test_path(f->run, "summary.json")));
}

/* A start whose first loss is finite and whose first gradients are not. */
static void write_steep_start(test_toy_run *f, const char *path)
{
    f->settings.epochs = 1;
    test_ok(f->ctx, train_watched(f, NULL, &(watched){0}));
    bal_weights *w = read_weights(f, "last.safetensors");
    for (int i = 0; i < bal_weights_count(w); i++) {
        const bal_tensor *t = bal_weights_at(w, i);
        for (int64_t k = 0; t->dims == 2 && t->shape[0] == CLASSES && k < t->count; k++)
            t->data[k] *= 1e30f;
    }
    test_ok(f->ctx, bal_weights_write(w, f->ctx, path));
    bal_weights_close(&w);
}

/* The last step of an epoch breaks the weights, and no validation looks at them. */
static void broken_weights_are_not_saved(void **state)
{
    test_toy_run *f = *state;
    char steep[8192];
    snprintf(steep, sizeof steep, "%s/steep.safetensors", f->folder);
    bal_dataset_close(&f->data);
    f->data = test_open_toy(f->ctx, f->images, 0.0);
    f->settings.model = "lenet";
    f->settings.overwrite = true;
    write_steep_start(f, steep);
    f->settings.init_weights = steep;
    f->settings.lr = 1e12;
    f->settings.batch_size = 64; /* one step an epoch */
    test_fails(f->ctx, train_watched(f, NULL, &(watched){0}), BAL_DIVERGED, "diverged", "weight is",
               NULL);
    assert_false(test_exists(test_path(f->run, "state.safetensors")));
    assert_false(test_exists(test_path(f->run, "last.safetensors")));
}

/* A NaN far from the loss comes through to it: ReLUs do not swallow it, on any engine. */
static void a_broken_start_is_seen_at_once(void **state)
{
    test_toy_run *f = *state;
    char broken[4200];
    snprintf(broken, sizeof broken, "%s/broken.safetensors", f->folder);
    f->settings.model = "lenet";
    write_steep_start(f, broken);
    bal_weights *w;
    test_ok(f->ctx, bal_weights_read(&w, f->ctx, broken));
    bal_weights_find(w, "conv1.weight")->data[3] = NAN;
    test_ok(f->ctx, bal_weights_write(w, f->ctx, broken));
    bal_weights_close(&w);
    f->settings.init_weights = broken;
    f->settings.overwrite = true;
    for (int i = 0; bal_engine_at(i); i++) {
        f->settings.engine = bal_engine_at(i)->name;
        test_fails(f->ctx, train_watched(f, NULL, &(watched){0}), BAL_DIVERGED, "the loss is",
                   "epoch 1, step 1", NULL);
        assert_false(test_exists(test_path(f->run, "best.safetensors")));
    }
}

/* Trains to the end, then once more with an interruption, and compares. */
static void expect_same_after(test_toy_run *f, watched *stopped, const char *says)
{
    f->settings.overwrite = true;
    f->settings.resume = false;
    test_ok(f->ctx, train_watched(f, deferred, &(watched){0}));
    bal_weights *want = read_weights(f, "last.safetensors");
    test_fails(f->ctx, train_watched(f, deferred, stopped), BAL_INTERRUPTED, says, f->run, "resum",
               NULL);
    assert_false(test_exists(test_path(f->run, "summary.json")));
    assert_false(test_exists(test_path(f->run, "last.safetensors")));
    f->settings.overwrite = false;
    f->settings.resume = true;
    watched w = {0};
    test_ok(f->ctx, train_watched(f, deferred, &w));
    assert_int_equal(w.epochs, 4 - stopped->epochs);
    assert_int_equal(w.reports[0].epoch, stopped->epochs + 1);
    bal_weights *got = read_weights(f, "last.safetensors");
    for (int i = 0; i < bal_weights_count(want); i++)
        assert_true(same_bits(bal_weights_at(want, i),
                              bal_weights_find(got, bal_weights_at(want, i)->name)));
    bal_weights_close(&want);
    bal_weights_close(&got);
}

static void interrupted_and_resumed(void **state)
{
    test_toy_run *f = *state;
    f->settings.model = "lenet";
    expect_same_after(f, &(watched){.interrupt_at = 3}, "interrupted in epoch 4 of 4 after step 0");
    expect_same_after(f, &(watched){.interrupt_soon = true},
                      "interrupted in epoch 1 of 4 after step 1 of ");
    f->settings.batch_size = 64; /* after the epoch's last step, before its validation */
    expect_same_after(f, &(watched){.interrupt_soon = true}, "after step 1 of 1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_stage_can_train_the_head_alone, set_up,
                                        test_toy_run_tear_down),
        cmocka_unit_test_setup_teardown(draws_follow_the_sampler, set_up, test_toy_run_tear_down),
        cmocka_unit_test_setup_teardown(engines_agree_after_some_steps, set_up,
                                        test_toy_run_tear_down),
        cmocka_unit_test_setup_teardown(starts_from_given_weights, set_up, test_toy_run_tear_down),
        cmocka_unit_test_setup_teardown(progress_is_told, set_up, test_toy_run_tear_down),
        cmocka_unit_test_setup_teardown(too_large_a_rate_is_told, set_up, test_toy_run_tear_down),
        cmocka_unit_test_setup_teardown(a_broken_start_is_seen_at_once, set_up,
                                        test_toy_run_tear_down),
        cmocka_unit_test_setup_teardown(broken_weights_are_not_saved, set_up,
                                        test_toy_run_tear_down),
        cmocka_unit_test_setup_teardown(interrupted_and_resumed, set_up, test_toy_run_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
