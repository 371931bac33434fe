/* Runs of several stages that are interrupted between stages, while one begins, and within them:
 * resumed, they end with the bits of a run that was left alone. */
#include "helpers/stage_runs.h"

#include <stdio.h>
#include <string.h>

/* Actions that must not happen twice (tau-normalize), that read the images (class-means,
 * reestimate-norm, tau-search), and what a stage has of its own. */
static const char acts[] =
    "batch_size: 8\nepochs: 6\noptimizer: {lr: 0.05}\nselect: last-stage\n"
    "stages:\n"
    "  - {epochs: 2, begin: tau-normalize, normalize_tau: 0.5, augment: {crop_padding: 1}}\n"
    "  - {epochs: 0, begin: [reestimate-norm, class-means, tau-search], sampler: class-balanced,\n"
    "     augment: {crop_padding: 1}}\n"
    "  - {epochs: 2, begin: [tau-normalize, reset-momentum], train: head, norm: frozen,\n"
    "     sampler: class-balanced, schedule: cosine, lr: 0.1, max_norm: 0.5}\n"
    "  - {epochs: 2, begin: [zero-bias, tau-normalize], normalize_tau: 0.2, freeze: \"layer1*\",\n"
    "     norm: frozen, weight_decay: 0.01, schedule: constant, lr: 0.01}\n";

/* A head with parameters besides, learned on resampled features, with momenta and an average of the
 * weights that go from one plan to the other. */
static const char heads[] =
    "head: marc\nbatch_size: 8\nepochs: 6\n"
    "optimizer: {lr: 0.05, ema_decay: 0.9}\n"
    "stages:\n"
    "  - {epochs: 2, freeze: [fc.omega, fc.beta], augment: {crop_padding: 1}}\n"
    "  - {epochs: 2, features: smote, train: head, schedule: cosine,\n"
    "     loss: {name: las}}\n"
    "  - {epochs: 2, begin: zero-bias, features: eos, train: [fc.omega, fc.beta],\n"
    "     norm: frozen, sampler: class-balanced, loss: {weight: effective}}\n";

/* Two numbers a parameter of AdamW's, and a group of batches an update. */
static const char adamw[] = "head: disalign\nbatch_size: 8\nepochs: 4\n"
                            "optimizer: {name: adamw, lr: 0.005, grad_accum_steps: 2}\n"
                            "stages:\n"
                            "  - {epochs: 1, freeze: [fc.alpha, fc.beta, \"fc.confidence*\"]}\n"
                            "  - {epochs: 2, train: head, features: random-over, max_norm: 0.7}\n"
                            "  - {epochs: 0, begin: reset-momentum}\n"
                            "  - {epochs: 1, begin: reestimate-norm}\n";

static const char *const recipes[] = {acts, heads, adamw};

typedef struct fixture {
    stage_runs *runs;
    char whole[5000], again[5000];
} fixture;

static void start(fixture *f, int recipe, const char *engine)
{
    f->runs = stage_runs_open();
    f->runs->settings.engine = engine;
    snprintf(f->whole, sizeof f->whole, "%s/whole", f->runs->folder);
    snprintf(f->again, sizeof f->again, "%s/again", f->runs->folder);
    f->runs->settings.out = f->whole;
    test_ok(f->runs->ctx, stage_train(f->runs, recipes[recipe]));
}

static json_t *lines(const char *run)
{
    char path[8192];
    snprintf(path, sizeof path, "%s/metrics.jsonl", run);
    json_t *all = test_json_lines(path);
    for (size_t i = 0; i < json_array_size(all); i++) {
        json_object_del(json_array_get(all, i), "seconds");
        json_object_del(json_array_get(all, i), "images_per_second");
        json_object_del(json_array_get(all, i), "time");
    }
    return all;
}

static void same_runs(const fixture *f)
{
    static const char *const names[] = {"last.safetensors", "best.safetensors",
                                        "state.safetensors"};
    for (int i = 0; i < 3; i++) {
        bal_weights *a, *b;
        test_ok(f->runs->ctx, bal_weights_read(&a, f->runs->ctx, test_path(f->whole, names[i])));
        test_ok(f->runs->ctx, bal_weights_read(&b, f->runs->ctx, test_path(f->again, names[i])));
        assert_int_equal(bal_weights_count(a), bal_weights_count(b));
        for (int k = 0; k < bal_weights_count(a); k++)
            if (!stage_same_bits(bal_weights_at(a, k), bal_weights_at(b, k)))
                fail_msg("%s of %s differs", bal_weights_at(a, k)->name, names[i]);
        bal_weights_close(&a);
        bal_weights_close(&b);
    }
    json_t *x = lines(f->whole), *y = lines(f->again);
    assert_true(json_equal(x, y));
    json_decref(x);
    json_decref(y);
}

/* An interrupt at the end of an epoch is seen by what comes next: the first step, a stage that
 * rests, or the pass over images with which a stage begins. */
static void interrupted_between_epochs(void **state)
{
    (void)state;
    for (size_t r = 0; r < BAL_COUNT_OF(recipes); r++)
        for (int e = 0; bal_engine_at(e); e++) {
            fixture f;
            start(&f, (int)r, bal_engine_at(e)->name);
            const int epochs = f.runs->epochs;
            for (int at = 1; at < epochs; at++) {
                f.runs->settings.out = f.again;
                f.runs->settings.overwrite = true;
                f.runs->settings.resume = false;
                f.runs->settings.checkpoint_every = 1 + at % 3;
                f.runs->interrupt_at = at;
                test_fails(f.runs->ctx, stage_train(f.runs, recipes[r]), BAL_INTERRUPTED,
                           "resuming the run", NULL);
                f.runs->interrupt_at = 0;
                f.runs->settings.overwrite = false;
                f.runs->settings.resume = true;
                test_ok(f.runs->ctx, stage_train(f.runs, recipes[r]));
                same_runs(&f);
            }
            stage_runs_close(&f.runs);
        }
}

/* Again and again after a step, until the run is through. */
static void interrupted_within_epochs(void **state)
{
    (void)state;
    for (size_t r = 0; r < BAL_COUNT_OF(recipes); r++) {
        fixture f;
        start(&f, (int)r, "reference");
        f.runs->settings.out = f.again;
        f.runs->interrupt_soon = true;
        int stops = 0;
        for (bal_status status = BAL_INTERRUPTED; status != BAL_OK; stops++) {
            status = stage_train(f.runs, recipes[r]);
            if (status != BAL_INTERRUPTED)
                test_ok(f.runs->ctx, status);
            f.runs->settings.overwrite = false;
            f.runs->settings.resume = true;
        }
        assert_true(stops > 4);
        same_runs(&f);
        stage_runs_close(&f.runs);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(interrupted_between_epochs),
        cmocka_unit_test(interrupted_within_epochs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
