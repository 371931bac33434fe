/* Every engine, the reference included, against the ops' own double code: forward, all gradients
 * and running statistics of every op case, in training and in inference mode. Tolerances come from
 * the op list. */
#include "engine/engine.h"
#include "helpers/op_cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct comparison {
    bal_ctx *ctx;
    const bal_engine *engine;
    const op_case *c;
    const bal_graph *g;
    bal_plan *plan;
    op_run run;
    bool training;
} comparison;

static void compare(const comparison *k, const char *what, const double *want, const float *got,
                    int64_t count, double tolerance)
{
    char name[256];
    snprintf(name, sizeof name, "%s/%s (%s), %s mode, %s", bal_op_name(k->c->op), k->engine->name,
             k->c->why, k->training ? "training" : "inference", what);
    float *floats = op_floats(want, count);
    bool zero = true;
    for (int64_t i = 0; i < count; i++)
        zero = zero && floats[i] == 0.0f;
    if (!zero)
        test_close(name, floats, got, count, tolerance);
    for (int64_t i = 0; zero && i < count; i++)
        if (got[i] != 0.0f)
            fail_msg("%s: element %lld should be 0, got %g", name, (long long)i, (double)got[i]);
    free(floats);
}

static float *room(int64_t count)
{
    float *values = calloc((size_t)count, sizeof *values);
    assert_non_null(values);
    return values;
}

static void write_params(const comparison *k)
{
    for (int i = 0; i < k->run.params; i++) {
        float *value = op_floats(k->run.call.param[i], k->run.param_count[i]);
        test_ok(k->ctx, bal_plan_write_param(k->plan, i, BAL_PARAM_VALUE, value));
        free(value);
    }
}

static void forward(comparison *k)
{
    float *x[BAL_OP_MAX_INPUTS] = {NULL};
    for (int i = 0; i < k->run.inputs; i++)
        x[i] = op_floats(k->run.x[i], k->run.x_count[i]);
    const bal_forward how = {.inputs = (const float *const *)x,
                             .batch = k->c->batch,
                             .training = k->training,
                             .step = k->run.call.step,
                             .mix = op_case_mix(k->c)};
    test_ok(k->ctx, bal_plan_forward(k->plan, &how));
    op_run_forward(&k->run, k->training);
    float *y = room(k->run.y_count);
    test_ok(k->ctx, bal_plan_read_output(k->plan, 0, y));
    compare(k, "result", k->run.call.y, y, k->run.y_count, bal_op_forward_tolerance(k->c->op));
    free(y);
    for (int i = 0; i < k->run.inputs; i++)
        free(x[i]);
}

static void backward(comparison *k)
{
    float *dy = op_floats(k->run.dy, k->run.y_count);
    const float *const gradients[] = {dy};
    test_ok(k->ctx, bal_plan_backward(k->plan, &(bal_backward){.output_gradients = gradients}));
    op_run_backward(&k->run);
    free(dy);
    const double tolerance = bal_op_backward_tolerance(k->c->op);
    for (int i = 0; i < k->run.inputs; i++) {
        float *dx = room(k->run.x_count[i]);
        const int node = bal_graph_input_node(k->g, i);
        test_ok(k->ctx, bal_plan_read_node(k->plan, node, BAL_NODE_GRADIENT, dx));
        compare(k, i == 0 ? "gradient of x" : "gradient of x2", k->run.call.dx[i], dx,
                k->run.x_count[i], tolerance);
        free(dx);
    }
    for (int i = 0; i < k->run.params; i++) {
        const bal_param_info *p = bal_graph_param(k->g, i);
        float *got = room(p->count);
        if (p->learned) {
            test_ok(k->ctx, bal_plan_read_param(k->plan, i, BAL_PARAM_GRADIENT, got));
            compare(k, p->name, k->run.call.dparam[i], got, p->count, tolerance);
        } else {
            test_ok(k->ctx, bal_plan_read_param(k->plan, i, BAL_PARAM_VALUE, got));
            compare(k, p->name, k->run.call.param[i], got, p->count,
                    bal_op_forward_tolerance(k->c->op));
        }
        free(got);
    }
}

/* False: the engine says that it cannot run this op. The reference must run all. */
static bool compare_case(const bal_engine *engine, const op_case *c, bool training)
{
    comparison k = {.ctx = test_ctx(), .engine = engine, .c = c, .training = training};
    int node;
    bal_graph *g = op_case_graph(k.ctx, c, &node);
    k.g = g;
    if (engine != &bal_engine_reference && !engine->supports(g, node)) {
        bal_graph_close(&g);
        bal_ctx_close(&k.ctx);
        return false;
    }
    k.run = op_run_open(g, node, c->batch, test_seed());
    k.run.call.mix = op_case_mix(c);
    const bal_plan_settings settings = {
        .batch = c->batch, .training = true, .input_gradient = true, .seed = k.run.call.seed};
    test_ok(k.ctx, bal_plan_open(&k.plan, k.ctx, engine, g, &settings));
    write_params(&k);
    forward(&k);
    backward(&k);
    bal_plan_close(&k.plan);
    op_run_close(&k.run);
    bal_graph_close(&g);
    bal_ctx_close(&k.ctx);
    return true;
}

static void engines_agree_op_by_op(void **state)
{
    (void)state;
    op_cases_cover_all();
    for (int e = 0; bal_engine_row(e); e++) {
        int compared = 0, refused = 0;
        for (int i = 0; op_case_at(i); i++)
            for (int training = 0; training < 2; training++)
                *(compare_case(bal_engine_row(e), op_case_at(i), training) ? &compared
                                                                           : &refused) += 1;
        print_message("%s: compared %d times with the ops' own code, cannot run %d cases\n",
                      bal_engine_row(e)->name, compared, refused);
        assert_true(compared > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(engines_agree_op_by_op)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
