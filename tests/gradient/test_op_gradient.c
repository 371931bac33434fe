/* Every op's backward against central differences in double, along a random direction through all
 * inputs and learned parameters at once, in training and in inference mode. */
#include "helpers/op_cases.h"

#include <stdlib.h>
#include <string.h>

#define TOLERANCE 1e-6

typedef struct probe {
    op_run *run;
    bool training;
    double sign;                      /* -1: a wrong gradient, to test the checker */
    double *start[BAL_OP_MAX_PARAMS]; /* running statistics before the forward pass */
} probe;

/* x holds the inputs, then the learned parameters. */
static int64_t scatter(const op_run *r, const double *x)
{
    int64_t at = 0;
    for (int i = 0; i < r->inputs; at += r->x_count[i++])
        if (x)
            memcpy(r->x[i], x + at, (size_t)r->x_count[i] * sizeof *x);
    for (int i = 0; i < r->params; i++) {
        if (!r->call.dparam[i])
            continue;
        if (x)
            memcpy(r->call.param[i], x + at, (size_t)r->param_count[i] * sizeof *x);
        at += r->param_count[i];
    }
    return at;
}

static int64_t gather(const op_run *r, double *const *x, double *const *params, double *out)
{
    int64_t at = 0;
    for (int i = 0; i < r->inputs; at += r->x_count[i++])
        memcpy(out + at, x[i], (size_t)r->x_count[i] * sizeof *out);
    for (int i = 0; i < r->params; i++) {
        if (!r->call.dparam[i])
            continue;
        memcpy(out + at, params[i], (size_t)r->param_count[i] * sizeof *out);
        at += r->param_count[i];
    }
    return at;
}

static double value(const double *x, double *gradient, void *user)
{
    const probe *p = user;
    op_run *r = p->run;
    scatter(r, x);
    for (int i = 0; i < r->params; i++)
        if (p->start[i])
            memcpy(r->call.param[i], p->start[i], (size_t)r->param_count[i] * sizeof *x);
    op_run_forward(r, p->training);
    double sum = 0.0;
    for (int64_t i = 0; i < r->y_count; i++)
        sum += r->dy[i] * r->call.y[i];
    if (gradient) {
        op_run_backward(r);
        const int64_t count = gather(r, r->call.dx, r->call.dparam, gradient);
        for (int64_t i = 0; i < count; i++)
            gradient[i] *= p->sign;
    }
    return sum;
}

static bool agrees(const op_case *c, bool training, double sign)
{
    bal_ctx *ctx = test_ctx();
    int node;
    bal_graph *g = op_case_graph(ctx, c, &node);
    op_run r = op_run_open(g, node, c->batch, test_seed());
    r.call.mix = op_case_mix(c);
    probe p = {.run = &r, .training = training, .sign = sign};
    for (int i = 0; i < r.params; i++)
        if (!r.call.dparam[i]) {
            p.start[i] = malloc((size_t)r.param_count[i] * sizeof(double));
            assert_non_null(p.start[i]);
            memcpy(p.start[i], r.call.param[i], (size_t)r.param_count[i] * sizeof(double));
        }
    const int64_t count = scatter(&r, NULL);
    double *x0 = calloc((size_t)count, sizeof *x0);
    assert_non_null(x0);
    gather(&r, r.x, r.call.param, x0);
    bool good = true;
    for (uint64_t direction = 0; direction < 3; direction++)
        good =
            test_gradient_agrees(value, &p, x0, (int)count, test_seed() + direction, TOLERANCE) &&
            good;
    free(x0);
    for (int i = 0; i < r.params; i++)
        free(p.start[i]);
    op_run_close(&r);
    bal_graph_close(&g);
    bal_ctx_close(&ctx);
    return good;
}

static void every_op_has_a_case(void **state)
{
    (void)state;
    op_cases_cover_all();
}

static void gradients_agree(void **state)
{
    (void)state;
    for (int i = 0; op_case_at(i); i++)
        for (int training = 0; training < 2; training++)
            if (!agrees(op_case_at(i), training, 1.0))
                fail_msg("%s (%s), %s mode: the gradient is wrong", bal_op_name(op_case_at(i)->op),
                         op_case_at(i)->why, training ? "training" : "inference");
}

static void a_wrong_sign_is_seen(void **state)
{
    (void)state;
    for (int i = 0; op_case_at(i); i++)
        if (agrees(op_case_at(i), true, -1.0))
            fail_msg("%s: a gradient of the wrong sign passed", bal_op_name(op_case_at(i)->op));
}

/* Backward adds to what is there, and leaves out what is not wanted without changing the rest. */
static void backward_adds_and_leaves_out(void **state)
{
    (void)state;
    for (int i = 0; op_case_at(i); i++) {
        bal_ctx *ctx = test_ctx();
        int node;
        bal_graph *g = op_case_graph(ctx, op_case_at(i), &node);
        op_run r = op_run_open(g, node, op_case_at(i)->batch, test_seed());
        r.call.mix = op_case_mix(op_case_at(i));
        op_run_forward(&r, true);
        op_run_backward(&r);
        const bal_op *op = bal_op_of(op_case_at(i)->op);
        bal_op_call nothing = r.call;
        memset(nothing.dx, 0, sizeof nothing.dx);
        memset(nothing.dparam, 0, sizeof nothing.dparam);
        op->backward(&nothing);
        float *once = op_floats(r.call.dx[0], r.x_count[0]);
        bal_op_call only_x = r.call;
        memset(only_x.dparam, 0, sizeof only_x.dparam);
        op->backward(&only_x);
        for (int64_t k = 0; k < r.x_count[0]; k++)
            r.call.dx[0][k] /= 2;
        float *twice = op_floats(r.call.dx[0], r.x_count[0]);
        test_close(bal_op_name(op_case_at(i)->op), once, twice, r.x_count[0], 1e-6);
        free(once);
        free(twice);
        op_run_close(&r);
        bal_graph_close(&g);
        bal_ctx_close(&ctx);
    }
}

/* By hand: what no smooth direction shows. */
static void corners(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    const op_case relu = {BAL_OP_RELU, "", 1, {3, 1, 1}, {0}};
    int node;
    bal_graph *g = op_case_graph(ctx, &relu, &node);
    op_run r = op_run_open(g, node, 1, 1);
    r.x[0][0] = 0.0;
    op_run_forward(&r, true);
    op_run_backward(&r);
    assert_true(r.call.dx[0][0] == 0.0);
    op_run_close(&r);
    bal_graph_close(&g);

    const op_case pool = {BAL_OP_MAX_POOL, "", 1, {1, 2, 2}, {.kernel = {2, 2}}};
    g = op_case_graph(ctx, &pool, &node);
    r = op_run_open(g, node, 1, 1);
    for (int i = 0; i < 4; i++)
        r.x[0][i] = i == 0 ? 1.0 : 2.0; /* the first of the equal ones wins */
    op_run_forward(&r, true);
    op_run_backward(&r);
    assert_true(r.call.dx[0][1] == r.dy[0] && r.call.dx[0][2] == 0.0 && r.call.dx[0][3] == 0.0);
    op_run_close(&r);
    bal_graph_close(&g);

    const op_case cosine = {
        BAL_OP_COSINE_LINEAR, "", 2, {3, 1, 1}, {.out_channels = 2, .scale = 4}};
    g = op_case_graph(ctx, &cosine, &node);
    r = op_run_open(g, node, 2, 1);
    for (int i = 0; i < 3; i++)
        r.x[0][i] = 0.0; /* a vector of length 0 has the cosine 0 */
    op_run_forward(&r, true);
    op_run_backward(&r);
    assert_true(r.call.y[0] == 0.0 && r.call.y[1] == 0.0 && r.call.dx[0][0] == r.call.dx[0][0]);
    op_run_close(&r);
    bal_graph_close(&g);

    const op_case norm = {BAL_OP_BATCH_NORM, "", 1, {2, 1, 1}, {0}};
    g = op_case_graph(ctx, &norm, &node);
    r = op_run_open(g, node, 1, 1);
    const double before = r.call.param[3][0]; /* one value a channel: the variance is 0 */
    op_run_forward(&r, true);
    assert_true(r.call.y[0] == r.call.param[1][0]);
    assert_true(r.call.param[3][0] == 0.9 * before);
    op_run_close(&r);
    bal_graph_close(&g);
    bal_ctx_close(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_op_has_a_case),
        cmocka_unit_test(gradients_agree),
        cmocka_unit_test(a_wrong_sign_is_seen),
        cmocka_unit_test(backward_adds_and_leaves_out),
        cmocka_unit_test(corners),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
