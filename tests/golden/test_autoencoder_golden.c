/* An autoencoder on every engine after steps of AdamW, against PyTorch in float64; and its decoder
 * alone against the whole. autoencoder.json is written by make_autoencoder_golden.py. */
#include "engine/engine.h"
#include "helpers/formula.h"
#include "helpers/helpers.h"
#include "helpers/near.h"
#include "helpers/runs.h"
#include "net/op.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define TOLERANCE bal_op_backward_tolerance(BAL_OP_CONV2D)

typedef struct bench {
    bal_ctx *ctx;
    json_t *golden;
    bal_graph *g;
    bal_plan *plan;
    bal_autoencoder_settings settings;
    int batch;
    int64_t pixels; /* of an image */
    float *images, *made, *gradient;
} bench;

static double number(const bench *b, const char *key)
{
    const json_t *value = json_object_get(b->golden, key);
    assert_true(json_is_number(value));
    return json_number_value(value);
}

static float *floats(int64_t count)
{
    float *values = calloc((size_t)count, sizeof *values);
    assert_non_null(values);
    return values;
}

static void close_to(const char *what, const json_t *want, const float *got, int64_t count)
{
    float *values = floats(count);
    assert_int_equal(json_array_size(want), count);
    for (int64_t i = 0; i < count; i++)
        values[i] = (float)json_number_value(json_array_get(want, (size_t)i));
    test_close(what, values, got, count, TOLERANCE);
    free(values);
}

static bench bench_open(const bal_engine *engine)
{
    bench b = {.ctx = test_ctx()};
    b.golden = test_json_file(test_path(BAL_TEST_DATA, "autoencoder.json"));
    b.settings = bal_autoencoder_defaults();
    b.settings.latent = (int)number(&b, "latent");
    b.settings.width = (int)number(&b, "width");
    b.settings.input = (bal_shape){(int)test_json_item(b.golden, "shape", 0),
                                   (int)test_json_item(b.golden, "shape", 1),
                                   (int)test_json_item(b.golden, "shape", 2)};
    b.batch = (int)number(&b, "batch");
    b.pixels =
        (int64_t)b.settings.input.channels * b.settings.input.height * b.settings.input.width;
    b.images = floats(b.batch * b.pixels);
    b.made = floats(b.batch * b.pixels);
    b.gradient = floats(b.batch * b.pixels);
    test_ok(b.ctx, bal_autoencoder_build(&b.g, b.ctx, &b.settings));
    const bal_plan_settings plan = {.batch = b.batch, .training = true, .optimizer = BAL_ADAMW};
    test_ok(b.ctx, bal_plan_open(&b.plan, b.ctx, engine, b.g, &plan));
    return b;
}

static void bench_close(bench *b)
{
    free(b->images);
    free(b->made);
    free(b->gradient);
    bal_plan_close(&b->plan);
    bal_graph_close(&b->g);
    json_decref(b->golden);
    bal_ctx_close(&b->ctx);
}

/* Batch norm starts at 0.5 times the formula too: what PyTorch's script does with every parameter;
 * running statistics start at 0 and 1. */
static void load_start(bench *b)
{
    bal_weights *w;
    test_ok(b->ctx, bal_weights_init(&w, b->ctx, b->g, 1));
    for (int p = 0; p < bal_graph_params(b->g); p++) {
        const bal_param_info *info = bal_graph_param(b->g, p);
        const formula f = formula_of(info->name);
        for (int64_t i = 0; info->learned && i < info->count; i++)
            bal_weights_at(w, p)->data[i] = (float)(0.5 * unit_at(f, i));
    }
    test_ok(b->ctx, bal_plan_load(b->plan, w));
    bal_weights_close(&w);
}

static void forward(bench *b, const char *images, int batch, bool training)
{
    const formula f = formula_of(images);
    for (int64_t i = 0; i < batch * b->pixels; i++)
        b->images[i] = (float)unit_at(f, i);
    const float *const inputs[] = {b->images};
    test_ok(b->ctx,
            bal_plan_forward(
                b->plan, &(bal_forward){.inputs = inputs, .batch = batch, .training = training}));
    test_ok(b->ctx,
            bal_plan_read_output(b->plan, bal_graph_find_output(b->g, "reconstruction"), b->made));
}

static double step(bench *b, int number_of_step)
{
    char name[16];
    const int64_t count = b->batch * b->pixels;
    double sum = 0.0;
    float lr[32], decay[32];
    const float *fed[4] = {NULL};
    snprintf(name, sizeof name, "step%d", number_of_step);
    forward(b, name, b->batch, true);
    for (int64_t i = 0; i < count; i++) {
        const double d = (double)b->made[i] - (double)b->images[i];
        sum += d * d;
        b->gradient[i] = (float)(2.0 * d / (double)count);
    }
    fed[bal_graph_find_output(b->g, "reconstruction")] = b->gradient;
    test_ok(b->ctx, bal_plan_backward(b->plan, &(bal_backward){.output_gradients = fed}));
    assert_in_range(bal_graph_params(b->g), 1, 32);
    for (int p = 0; p < bal_graph_params(b->g); p++) {
        lr[p] = (float)number(b, "lr");
        decay[p] = (float)number(b, "decay");
    }
    test_ok(b->ctx, bal_plan_update(b->plan, &(bal_update){.lr = lr,
                                                           .weight_decay = decay,
                                                           .beta1 = number(b, "beta1"),
                                                           .beta2 = number(b, "beta2"),
                                                           .eps = number(b, "eps")}));
    return sum / (double)count;
}

static void train(bench *b)
{
    load_start(b);
    for (int i = 0; i < (int)number(b, "steps"); i++) {
        const double want = test_json_item(b->golden, "losses", i);
        test_near("loss", want, step(b, i), TOLERANCE * want);
    }
}

static void steps_are_torchs(void **state)
{
    (void)state;
    for (int e = 0; bal_engine_row(e); e++) {
        bench b = bench_open(bal_engine_row(e));
        const json_t *params = json_object_get(b.golden, "params");
        float codes[64];
        int learned = 0;
        train(&b);
        for (int p = 0; p < bal_graph_params(b.g); p++) {
            const bal_param_info *info = bal_graph_param(b.g, p);
            if (!info->learned)
                continue;
            float *value = floats(info->count);
            test_ok(b.ctx, bal_plan_read_param(b.plan, p, BAL_PARAM_VALUE, value));
            close_to(info->name, json_object_get(params, info->name), value, info->count);
            free(value);
            learned++;
        }
        assert_int_equal(json_object_size(params), learned);
        forward(&b, "inference", 2, false);
        test_ok(b.ctx, bal_plan_read_output(b.plan, bal_graph_find_output(b.g, "latent"), codes));
        close_to("latent", json_object_get(b.golden, "codes"), codes, 2 * b.settings.latent);
        close_to("reconstruction", json_object_get(b.golden, "made"), b.made, 2 * b.pixels);
        bench_close(&b);
    }
}

static void decoder_is_the_second_half(void **state)
{
    (void)state;
    for (int e = 0; bal_engine_row(e); e++) {
        bench b = bench_open(bal_engine_row(e));
        float codes[64];
        bal_weights *whole, *half;
        bal_graph *g;
        bal_plan *plan;
        train(&b);
        forward(&b, "inference", 2, false);
        test_ok(b.ctx, bal_plan_read_output(b.plan, bal_graph_find_output(b.g, "latent"), codes));
        b.settings.decoder_only = true;
        test_ok(b.ctx, bal_autoencoder_build(&g, b.ctx, &b.settings));
        test_ok(b.ctx, bal_plan_save(b.plan, &whole));
        test_ok(b.ctx, bal_weights_open(&half, b.ctx));
        for (int p = 0; p < bal_graph_params(g); p++) {
            const bal_tensor *t = bal_weights_find(whole, bal_graph_param(g, p)->name);
            assert_non_null(t);
            test_ok(b.ctx, bal_weights_add(half, t->name, t->dims, t->shape, t->data));
        }
        test_ok(b.ctx, bal_plan_open(&plan, b.ctx, bal_engine_row(e), g,
                                     &(bal_plan_settings){.batch = 2}));
        test_ok(b.ctx, bal_plan_load(plan, half));
        const float *const inputs[] = {codes};
        test_ok(b.ctx, bal_plan_forward(plan, &(bal_forward){.inputs = inputs, .batch = 2}));
        float *again = floats(2 * b.pixels);
        test_ok(b.ctx, bal_plan_read_output(plan, 0, again));
        test_close("decoder", b.made, again, 2 * b.pixels, 1e-6);
        free(again);
        bal_plan_close(&plan);
        bal_graph_close(&g);
        bal_weights_close(&whole);
        bal_weights_close(&half);
        bench_close(&b);
    }
}

static void bad_updates_are_told(void **state)
{
    (void)state;
    bench b = bench_open(bal_engine_row(0));
    float lr[32] = {0}, value[4096];
    bal_update how = {.lr = lr, .weight_decay = lr, .beta1 = 1.0, .eps = 1e-8};
    test_fails(b.ctx, bal_plan_update(b.plan, &how), BAL_BAD_ARG, "betas", "1", NULL);
    how.beta1 = 0.9;
    how.eps = 0.0;
    test_fails(b.ctx, bal_plan_update(b.plan, &how), BAL_BAD_ARG, "eps is 0", NULL);
    bal_plan_close(&b.plan);
    const bal_plan_settings sgd = {.batch = 1, .training = true};
    test_ok(b.ctx, bal_plan_open(&b.plan, b.ctx, bal_engine_row(0), b.g, &sgd));
    test_fails(b.ctx, bal_plan_read_param(b.plan, 0, BAL_PARAM_SECOND, value), BAL_BAD_ARG,
               "second moment", NULL);
    bench_close(&b);
}

static void bad_shapes_are_told(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_graph *g;
    bal_autoencoder_settings s = bal_autoencoder_defaults();
    s.input = (bal_shape){1, 28, 27};
    test_fails(ctx, bal_autoencoder_build(&g, ctx, &s), BAL_MISMATCH, "28 x 27", "even", NULL);
    s.input = (bal_shape){1, 4, 8};
    test_fails(ctx, bal_autoencoder_build(&g, ctx, &s), BAL_MISMATCH, "4 x 8", NULL);
    s.input = (bal_shape){1, 28, 28};
    s.latent = 0;
    test_fails(ctx, bal_autoencoder_build(&g, ctx, &s), BAL_BAD_ARG, "latent", "0", NULL);
    s.latent = 3;
    s.width = 0;
    test_fails(ctx, bal_autoencoder_build(&g, ctx, &s), BAL_BAD_ARG, "width", "0", NULL);
    assert_null(g);
    bal_ctx_close(&ctx);
}

static bal_status build(bal_ctx *ctx, void *user)
{
    bal_graph *g;
    (void)user;
    bal_autoencoder_settings s = bal_autoencoder_defaults();
    s.input = (bal_shape){3, 16, 12};
    const bal_status status = bal_autoencoder_build(&g, ctx, &s);
    bal_graph_close(&g);
    return status;
}

static void memory_may_run_out(void **state)
{
    (void)state;
    test_allocation_failures(build, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_torchs),     cmocka_unit_test(decoder_is_the_second_half),
        cmocka_unit_test(bad_updates_are_told), cmocka_unit_test(bad_shapes_are_told),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
