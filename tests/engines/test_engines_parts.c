/* What a plan keeps beside its parameters, on every engine: sums, copies and averages of parts, the
 * length of a gradient, and how often AdamW has changed a parameter. */
#include "base/random.h"
#include "engine/engine.h"
#include "helpers/graphs.h"
#include "helpers/helpers.h"
#include "helpers/near.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 3

static const bal_param_part parts[] = {BAL_PARAM_VALUE,  BAL_PARAM_GRADIENT, BAL_PARAM_MOMENTUM,
                                       BAL_PARAM_SECOND, BAL_PARAM_AVERAGE,  BAL_PARAM_ASIDE,
                                       BAL_PARAM_SUM};

typedef struct bench {
    bal_ctx *ctx;
    bal_graph *g;
    bal_plan *plan;
} bench;

/* Every part of every parameter has numbers of its own. */
static float number_at(int param, bal_param_part part, int64_t i)
{
    bal_random r = bal_random_at(test_seed(), BAL_STREAM_TEST, (uint64_t)(param * 16 + (int)part),
                                 (uint64_t)i);
    return (float)bal_random_normal(&r);
}

static bench bench_open(const bal_engine *engine, const bool *trainable)
{
    bench b = {.ctx = test_ctx_threads(2)};
    b.g = test_graph_resnet(b.ctx);
    const bal_plan_settings settings = {.batch = BATCH,
                                        .training = true,
                                        .trainable = trainable,
                                        .optimizer = BAL_ADAMW,
                                        .average = true,
                                        .aside = true,
                                        .sum = true};
    test_ok(b.ctx, bal_plan_open(&b.plan, b.ctx, engine, b.g, &settings));
    for (int p = 0; p < bal_graph_params(b.g); p++) {
        const int64_t count = bal_graph_param(b.g, p)->count;
        float *in = calloc((size_t)count, sizeof *in);
        assert_non_null(in);
        for (size_t k = 0; k < BAL_COUNT_OF(parts); k++) {
            for (int64_t i = 0; i < count; i++)
                in[i] = number_at(p, parts[k], i);
            if (bal_plan_has_part(b.plan, p, parts[k]))
                test_ok(b.ctx, bal_plan_write_param(b.plan, p, parts[k], in));
        }
        free(in);
    }
    return b;
}

static void bench_close(bench *b)
{
    bal_plan_close(&b->plan);
    bal_graph_close(&b->g);
    bal_ctx_close(&b->ctx);
}

static float *read(const bench *b, int param, bal_param_part part)
{
    float *out = calloc((size_t)bal_graph_param(b->g, param)->count, sizeof *out);
    assert_non_null(out);
    test_ok(b->ctx, bal_plan_read_param(b->plan, param, part, out));
    return out;
}

static const bal_combine combinations[] = {
    {BAL_PARAM_ASIDE, BAL_PARAM_VALUE, 0.0, 1.0},
    {BAL_PARAM_VALUE, BAL_PARAM_GRADIENT, 1.0, 0.125},
    {BAL_PARAM_AVERAGE, BAL_PARAM_VALUE, 0.999, 0.001},
    {BAL_PARAM_SUM, BAL_PARAM_GRADIENT, 1.0, 19.0},
    {BAL_PARAM_GRADIENT, BAL_PARAM_SUM, 0.0, 1.0 / 19.0},
    {BAL_PARAM_GRADIENT, BAL_PARAM_GRADIENT, 0.0, 0.25},
    {BAL_PARAM_SECOND, BAL_PARAM_MOMENTUM, 0.5, -0.5},
};

/* A part of a parameter after a combination, from the numbers that it began with. */
static void expect_combined(const bench *b, const bal_combine *how, int param)
{
    const int64_t count = bal_graph_param(b->g, param)->count;
    for (size_t k = 0; k < BAL_COUNT_OF(parts); k++) {
        if (!bal_plan_has_part(b->plan, param, parts[k]))
            continue;
        const bool changes = parts[k] == how->to && bal_plan_has_part(b->plan, param, how->from);
        float *got = read(b, param, parts[k]);
        for (int64_t i = 0; i < count; i++) {
            const double before = (double)number_at(param, parts[k], i),
                         from = (double)number_at(param, how->from, i);
            const double want = changes ? how->keep * before + how->add * from : before;
            assert_true(got[i] == (float)want);
        }
        free(got);
    }
}

static void parts_are_combined(void **state)
{
    (void)state;
    for (int e = 0; bal_engine_row(e); e++)
        for (size_t k = 0; k < BAL_COUNT_OF(combinations); k++)
            for (int frozen = 0; frozen < 2; frozen++) {
                bool trainable[256];
                bench all = bench_open(bal_engine_row(e), NULL);
                for (int p = 0; p < bal_graph_params(all.g); p++)
                    trainable[p] = bal_graph_param(all.g, p)->learned && p % 4 != 0;
                bench some = bench_open(bal_engine_row(e), trainable);
                bench *b = frozen ? &some : &all;
                test_ok(b->ctx, bal_plan_combine(b->plan, &combinations[k]));
                for (int p = 0; p < bal_graph_params(b->g); p++)
                    expect_combined(b, &combinations[k], p);
                bench_close(&some);
                bench_close(&all);
            }
}

/* A copy taken and brought back, bit for bit, whatever stood there in between. */
static void what_was_put_aside_comes_back(void **state)
{
    (void)state;
    for (int e = 0; bal_engine_row(e); e++) {
        bench b = bench_open(bal_engine_row(e), NULL);
        const bal_combine put = {BAL_PARAM_ASIDE, BAL_PARAM_VALUE, 0.0, 1.0},
                          up = {BAL_PARAM_VALUE, BAL_PARAM_GRADIENT, 1.0, 1e30},
                          back = {BAL_PARAM_VALUE, BAL_PARAM_ASIDE, 0.0, 1.0};
        const bal_combine worse = {BAL_PARAM_VALUE, BAL_PARAM_GRADIENT, 1e30, 1e30};
        test_ok(b.ctx, bal_plan_combine(b.plan, &put));
        test_ok(b.ctx, bal_plan_combine(b.plan, &up));
        test_ok(b.ctx, bal_plan_combine(b.plan, &worse)); /* infinities are not carried on */
        test_ok(b.ctx, bal_plan_combine(b.plan, &back));
        for (int p = 0; p < bal_graph_params(b.g); p++) {
            float *got = read(&b, p, BAL_PARAM_VALUE);
            for (int64_t i = 0; i < bal_graph_param(b.g, p)->count; i++)
                assert_true(got[i] == number_at(p, BAL_PARAM_VALUE, i));
            free(got);
        }
        bench_close(&b);
    }
}

static void parts_are_exchanged(void **state)
{
    (void)state;
    for (int e = 0; bal_engine_row(e); e++) {
        bench b = bench_open(bal_engine_row(e), NULL);
        test_ok(b.ctx, bal_plan_exchange(b.plan, BAL_PARAM_VALUE, BAL_PARAM_AVERAGE));
        for (int p = 0; p < bal_graph_params(b.g); p++) {
            float *value = read(&b, p, BAL_PARAM_VALUE), *average = read(&b, p, BAL_PARAM_AVERAGE);
            for (int64_t i = 0; i < bal_graph_param(b.g, p)->count; i++) {
                assert_true(value[i] == number_at(p, BAL_PARAM_AVERAGE, i));
                assert_true(average[i] == number_at(p, BAL_PARAM_VALUE, i));
            }
            free(value);
            free(average);
        }
        bench_close(&b);
    }
}

static void length_is_that_of_all_gradients(void **state)
{
    (void)state;
    for (int e = 0; bal_engine_row(e); e++) {
        bool trainable[256];
        bench b = bench_open(bal_engine_row(e), NULL);
        for (int p = 0; p < bal_graph_params(b.g); p++)
            trainable[p] = bal_graph_param(b.g, p)->learned && p % 3 != 0;
        bench_close(&b);
        b = bench_open(bal_engine_row(e), trainable);
        double squares = 0.0, length;
        for (int p = 0; p < bal_graph_params(b.g); p++)
            for (int64_t i = 0; trainable[p] && i < bal_graph_param(b.g, p)->count; i++)
                squares += pow((double)number_at(p, BAL_PARAM_GRADIENT, i), 2.0);
        test_ok(b.ctx, bal_plan_norm(b.plan, BAL_PARAM_GRADIENT, &length));
        test_near("length", sqrt(squares), length, 1e-12 * length);
        const int last = bal_graph_params(b.g) - 1;
        const int param = trainable[last] ? last : last - 1;
        assert_true(trainable[param]);
        float *in = read(&b, param, BAL_PARAM_GRADIENT);
        in[bal_graph_param(b.g, param)->count - 1] = NAN;
        test_ok(b.ctx, bal_plan_write_param(b.plan, param, BAL_PARAM_GRADIENT, in));
        test_ok(b.ctx, bal_plan_norm(b.plan, BAL_PARAM_GRADIENT, &length));
        assert_true(isnan(length));
        free(in);
        bench_close(&b);
    }
}

static void missing_parts_are_told(void **state)
{
    (void)state;
    for (int e = 0; bal_engine_row(e); e++) {
        bal_ctx *ctx = test_ctx();
        bal_graph *g = test_graph_lenet(ctx);
        bal_plan *plan;
        double length;
        const bal_plan_settings settings = {.batch = BATCH, .training = true},
                                inference = {.batch = BATCH, .average = true, .aside = true};
        test_ok(ctx, bal_plan_open(&plan, ctx, bal_engine_row(e), g, &settings));
        test_fails(ctx, bal_plan_exchange(plan, BAL_PARAM_VALUE, BAL_PARAM_AVERAGE), BAL_BAD_ARG,
                   "without part", NULL);
        test_fails(ctx, bal_plan_norm(plan, BAL_PARAM_SUM, &length), BAL_BAD_ARG, "without part",
                   NULL);
        bal_plan_close(&plan);
        test_ok(ctx, bal_plan_open(&plan, ctx, bal_engine_row(e), g, &inference));
        assert_false(bal_plan_has_part(plan, 0, BAL_PARAM_AVERAGE));
        test_fails(ctx, bal_plan_exchange(plan, BAL_PARAM_VALUE, BAL_PARAM_AVERAGE), BAL_BAD_ARG,
                   "for inference", NULL);
        bal_plan_close(&plan);
        bal_graph_close(&g);
        bal_ctx_close(&ctx);
    }
}

static void updates_are_counted_where_they_happen(void **state)
{
    (void)state;
    float lr[256], decay[256] = {0.0f};
    for (int i = 0; i < 256; i++)
        lr[i] = 1e-3f;
    for (int e = 0; bal_engine_row(e); e++) {
        bool trainable[256];
        bench b = bench_open(bal_engine_row(e), NULL);
        for (int p = 0; p < bal_graph_params(b.g); p++)
            trainable[p] = bal_graph_param(b.g, p)->learned && p % 3 != 0;
        bench_close(&b);
        b = bench_open(bal_engine_row(e), trainable);
        const bal_update how = {
            .lr = lr, .weight_decay = decay, .beta1 = 0.9, .beta2 = 0.99, .eps = 1e-8};
        for (int i = 0; i < 3; i++)
            test_ok(b.ctx, bal_plan_update(b.plan, &how));
        for (int p = 0; p < bal_graph_params(b.g); p++)
            assert_int_equal(b.plan->updates[p], trainable[p] ? 3 : 0);
        bench_close(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_combined),
        cmocka_unit_test(what_was_put_aside_comes_back),
        cmocka_unit_test(parts_are_exchanged),
        cmocka_unit_test(length_is_that_of_all_gradients),
        cmocka_unit_test(missing_parts_are_told),
        cmocka_unit_test(updates_are_counted_where_they_happen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
