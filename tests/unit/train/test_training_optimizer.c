/* Optimizers, sharpness, averages, accumulation as a run has them: what goes on after a stop ends
 * with the same bits, what must be the same as something else is, and what a run costs is told. */
#include "helpers/helpers.h"
#include "helpers/near.h"
#include "helpers/runs.h"
#include "helpers/toy_run.h"

#include "base/cursor.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLASSES 3
#define EPOCHS 4

/* 36 images, 9 of them for validation. */
static const test_toy toy = {.channels = 3, .side = 6, .train = {18, 12, 6}, .test = 2};
#define RARE "sam_eta: 6" /* the third class, with 4 or 5 images */

static int set_up(void **state)
{
    test_toy_run_set_up(state, &toy, 0.25)->settings.model = "resnet8";
    return 0;
}

/* ---- runs ---- */

typedef struct watch {
    bal_ctx *ctx;
    int64_t stop_at; /* calls of either kind until the run is interrupted; 0: never */
    int64_t calls;
} watch;

static void count_call(watch *w)
{
    if (++w->calls == w->stop_at)
        bal_ctx_interrupt(w->ctx);
}

static void on_epoch(void *user, const bal_epoch_report *report)
{
    (void)report;
    count_call(user);
}

static void on_progress(void *user, const bal_progress *progress)
{
    (void)progress;
    count_call(user);
}

typedef struct run {
    const char *optimizer; /* the section's keys */
    const char *rest;      /* stages, and what else stands before them; NULL: one plain stage */
    const char *out;
    int batch;
    int64_t stop_at;
    bool resume;
} run;

static bal_status train(const test_toy_run *f, run r)
{
    char recipe[2048], out[4200];
    snprintf(recipe, sizeof recipe, "name: r\nbatch_size: %d\nepochs: %d\noptimizer: {%s}\n%s",
             r.batch ? r.batch : 8, EPOCHS, r.optimizer,
             r.rest ? r.rest
                    : "stages: [{loss: {name: ce}, augment: {crop_padding: 1, hflip: 0.5}}]\n");
    snprintf(out, sizeof out, "%s/%s", f->folder, r.out);
    watch w = {.ctx = f->ctx, .stop_at = r.stop_at};
    const bal_train_callbacks callbacks = {
        .epoch = on_epoch, .progress = r.stop_at % 2 ? on_progress : NULL, .user = &w};
    bal_train_settings settings = f->settings;
    settings.out = out;
    settings.resume = r.resume;
    return test_train(f->ctx, &(test_training){.data = f->data,
                                               .recipe = recipe,
                                               .settings = &settings,
                                               .callbacks = &callbacks});
}

static bal_weights *weights_of(const test_toy_run *f, const char *out, const char *name)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/%s/%s", f->folder, out, name);
    bal_weights *w;
    test_ok(f->ctx, bal_weights_read(&w, f->ctx, path));
    return w;
}

static void same_bits(const test_toy_run *f, const char *a, const char *b, const char *name)
{
    bal_bytes x, y;
    char path[4200];
    snprintf(path, sizeof path, "%s/%s/%s", f->folder, a, name);
    test_ok(f->ctx, bal_file_read(f->ctx, path, 1 << 26, &x));
    snprintf(path, sizeof path, "%s/%s/%s", f->folder, b, name);
    test_ok(f->ctx, bal_file_read(f->ctx, path, 1 << 26, &y));
    if (x.count != y.count || memcmp(x.data, y.data, x.count) != 0)
        fail_msg("%s of %s and %s differ", name, a, b);
    bal_bytes_free(f->ctx, &x);
    bal_bytes_free(f->ctx, &y);
}

/* ---- going on ---- */

/* Two stages, the second of which trains less. */
#define STAGES                                        \
    "stages:\n"                                       \
    "  - {epochs: 50%, augment: {crop_padding: 1}}\n" \
    "  - {epochs: 50%, freeze: \"conv1*\", loss: {name: focal, weight: inverse}}\n"

static const struct {
    const char *optimizer, *rest;
} kinds[] = {
    {"name: adamw, lr: 0.002, weight_decay: 0.05", NULL},
    {"name: adamw, lr: 0.002, beta1: 0.8", STAGES},
    {"lr: 0.02, clip_grad: 0.5", NULL},
    {"lr: 0.02, grad_accum_steps: 3", NULL},
    {"lr: 0.02, sam_rho: 0.1", NULL},
    {"lr: 0.02, sam_rho: 0.1, " RARE ", grad_accum_steps: 2", NULL},
    {"lr: 0.02, ema_decay: 0.8", NULL},
    {"lr: 0.02, ema_decay: 0.9, ema_warmup: false", STAGES},
    {"lr: 0.02, swa_start: 25%, swa_lr: 0.01", NULL},
    {"lr: 0.02, swa_start: 25%", STAGES},
    {"name: adamw, lr: 0.002, sam_rho: 0.05, clip_grad: 1, grad_accum_steps: 2, ema_decay: 0.7",
     STAGES},
};

/* Stopped after its first step, and after an epoch, again and again. */
static void stopped_runs_end_with_the_same_bits(void **state)
{
    const test_toy_run *f = *state;
    for (size_t k = 0; k < BAL_COUNT_OF(kinds); k++) {
        char whole[32], parts[32];
        snprintf(whole, sizeof whole, "whole%zu", k);
        snprintf(parts, sizeof parts, "parts%zu", k);
        run r = {.optimizer = kinds[k].optimizer, .rest = kinds[k].rest, .out = whole};
        test_ok(f->ctx, train(f, r));
        r.out = parts;
        int stops = 0;
        bal_status status;
        do {
            r.stop_at = stops % 3 == 2 ? 2 : 1; /* in the first epoch; after two epochs */
            status = train(f, r);
            r.resume = true;
            if (status == BAL_OK)
                break;
            assert_int_equal(status, BAL_INTERRUPTED);
        } while (++stops < 100);
        assert_in_range(stops, 2, 99);
        same_bits(f, whole, parts, "best.safetensors");
        same_bits(f, whole, parts, "last.safetensors");
    }
}

/* ---- what must be the same ---- */

static void close_runs(const test_toy_run *f, const char *a, const char *b, double tolerance)
{
    bal_weights *x = weights_of(f, a, "last.safetensors"),
                *y = weights_of(f, b, "last.safetensors");
    assert_int_equal(bal_weights_count(x), bal_weights_count(y));
    for (int i = 0; i < bal_weights_count(x); i++) {
        const bal_tensor *t = bal_weights_at(x, i);
        test_close(t->name, t->data, bal_weights_at(y, i)->data, t->count, tolerance);
    }
    bal_weights_close(&x);
    bal_weights_close(&y);
}

#define CLOSE 1e-4

/* 27 images: batches of 24 and 3, or of 8, 8, 8 and 3. A network without batch norm. */
static void accumulated_batches_are_one_large_one(void **state)
{
    test_toy_run *f = *state;
    static const char *const losses[] = {
        "stages: [{loss: {name: ce}}]\n",
        "stages: [{loss: {name: ce, weight: inverse, reduction: weighted_mean}}]\n",
        "stages: [{loss: {name: focal, weight: inverse}}]\n"};
    f->settings.model = "lenet";
    for (size_t i = 0; i < BAL_COUNT_OF(losses); i++) {
        char large[32], small[32], other[32];
        snprintf(large, sizeof large, "large%zu", i);
        snprintf(small, sizeof small, "small%zu", i);
        snprintf(other, sizeof other, "other%zu", i);
        const run whole = {
            .optimizer = "lr: 0.1, clip_grad: 0.7", .rest = losses[i], .batch = 24, .out = large};
        test_ok(f->ctx, train(f, whole));
        test_ok(f->ctx, train(f, (run){.optimizer = "lr: 0.1, clip_grad: 0.7, grad_accum_steps: 3",
                                       .rest = losses[i],
                                       .batch = 8,
                                       .out = small}));
        close_runs(f, large, small, CLOSE);
        /* and the comparison sees what is not the same */
        test_ok(f->ctx, train(f, (run){.optimizer = "lr: 0.1, clip_grad: 0.7, grad_accum_steps: 2",
                                       .rest = losses[i],
                                       .batch = 8,
                                       .out = other}));
        bal_weights *x = weights_of(f, large, "last.safetensors"),
                    *y = weights_of(f, other, "last.safetensors");
        double apart = 0.0, size = 0.0;
        for (int64_t k = 0; k < bal_weights_at(x, 0)->count; k++) {
            const double u = (double)bal_weights_at(x, 0)->data[k],
                         v = (double)bal_weights_at(y, 0)->data[k];
            apart += (u - v) * (u - v);
            size += u * u;
        }
        assert_true(sqrt(apart / size) > 20 * CLOSE);
        bal_weights_close(&x);
        bal_weights_close(&y);
    }
}

/* Where every class is rare the imbalanced form is SAM itself. */
static void all_classes_rare_is_sam(void **state)
{
    const test_toy_run *f = *state;
    test_ok(f->ctx, train(f, (run){.optimizer = "lr: 0.02, sam_rho: 0.2", .out = "sam"}));
    test_ok(f->ctx,
            train(f, (run){.optimizer = "lr: 0.02, sam_rho: 0.2, sam_eta: 1000", .out = "all"}));
    test_ok(f->ctx, train(f, (run){.optimizer = "lr: 0.02", .out = "plain"}));
    same_bits(f, "sam", "all", "last.safetensors");
    bal_weights *x = weights_of(f, "sam", "last.safetensors"),
                *y = weights_of(f, "plain", "last.safetensors");
    assert_memory_not_equal(bal_weights_at(x, 0)->data, bal_weights_at(y, 0)->data,
                            (size_t)bal_weights_at(x, 0)->count * sizeof(float));
    bal_weights_close(&x);
    bal_weights_close(&y);
}

/* ---- refusals and costs ---- */

static void rare_classes_must_be_there(void **state)
{
    const test_toy_run *f = *state;
    test_fails(f->ctx,
               train(f, (run){.optimizer = "lr: 0.02, sam_rho: 0.1, sam_eta: 3", .out = "none"}),
               BAL_MISMATCH, ":4: sam_eta is 3", "every class", NULL);
}

static bal_train_plan plan_of(const test_toy_run *f, const char *optimizer)
{
    char text[1024];
    snprintf(text, sizeof text, "epochs: 4\nbatch_size: 8\noptimizer: {%s}\nstages: [{}]\n",
             optimizer);
    bal_recipe *r;
    bal_trainer *t;
    bal_train_plan plan;
    test_ok(f->ctx, bal_recipe_parse(&r, f->ctx, "plan.yaml", text, strlen(text)));
    test_ok(f->ctx, bal_trainer_open(&t, f->ctx, f->data, r, &f->settings));
    test_ok(f->ctx, bal_trainer_plan(t, false, &plan));
    bal_trainer_close(&t);
    bal_recipe_close(&r);
    return plan;
}

static void the_plan_tells_the_cost(void **state)
{
    const test_toy_run *f = *state;
    const bal_train_plan plain = plan_of(f, ""), sam = plan_of(f, "sam_rho: 0.1"),
                         rare = plan_of(f, "sam_rho: 0.1, " RARE),
                         ema = plan_of(f, "ema_decay: 0.9"), swa = plan_of(f, "swa_start: 50%"),
                         adamw = plan_of(f, "name: adamw, lr: 1e-3");
    assert_int_equal(plain.passes, 1);
    assert_int_equal(sam.passes, 2);
    assert_int_equal(rare.passes, 3);
    test_near("sam", 2.0, sam.flops_total / plain.flops_total, 1e-9);
    test_near("imbalanced sam", 3.0, rare.flops_total / plain.flops_total, 1e-9);
    test_near("ema", 1.0, ema.flops_total / plain.flops_total, 1e-9);
    assert_true(swa.flops_total > 1.1 * plain.flops_total);
    assert_true(swa.flops_total < 1.25 * plain.flops_total);
    const size_t values = (size_t)plain.parameters * sizeof(float);
    assert_true(ema.memory_bytes >= plain.memory_bytes + values);
    assert_true(swa.memory_bytes >= plain.memory_bytes + values);
    assert_true(sam.memory_bytes >= plain.memory_bytes + values);
    assert_true(rare.memory_bytes >= sam.memory_bytes + values);
    assert_true(adamw.memory_bytes >= plain.memory_bytes + values);
    assert_true(ema.memory_bytes < plain.memory_bytes + 3 * values);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(stopped_runs_end_with_the_same_bits, set_up,
                                        test_toy_run_tear_down),
        cmocka_unit_test_setup_teardown(accumulated_batches_are_one_large_one, set_up,
                                        test_toy_run_tear_down),
        cmocka_unit_test_setup_teardown(all_classes_rare_is_sam, set_up, test_toy_run_tear_down),
        cmocka_unit_test_setup_teardown(rare_classes_must_be_there, set_up, test_toy_run_tear_down),
        cmocka_unit_test_setup_teardown(the_plan_tells_the_cost, set_up, test_toy_run_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
