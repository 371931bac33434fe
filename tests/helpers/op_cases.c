/* Op cases and a runner over the ops' own functions; see op_cases.h. */
#include "helpers/op_cases.h"

#include "base/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TWO(a, b) \
    {             \
        a, b      \
    }

static const op_case cases[] = {
    {BAL_OP_CONV2D,
     "3x3 with padding",
     2,
     {3, 7, 6},
     {.out_channels = 5, .kernel = TWO(3, 3), .padding = TWO(1, 1), .bias = true}},
    {BAL_OP_CONV2D,
     "kernel as large as the image",
     1,
     {1, 5, 5},
     {.out_channels = 2, .kernel = TWO(5, 5)}},
    {BAL_OP_CONV2D,
     "stride 2 on odd sizes",
     3,
     {4, 9, 11},
     {.out_channels = 7, .kernel = TWO(3, 3), .stride = TWO(2, 2), .padding = TWO(1, 1)}},
    {BAL_OP_CONV2D,
     "strided 1x1, tails of vectors",
     5,
     {17, 8, 10},
     {.out_channels = 33, .kernel = TWO(1, 1), .stride = TWO(2, 2)}},
    {BAL_OP_CONV2D,
     "everything not square",
     2,
     {5, 10, 7},
     {.out_channels = 3,
      .kernel = TWO(2, 3),
      .stride = TWO(3, 1),
      .padding = TWO(0, 2),
      .dilation = TWO(2, 1),
      .bias = true}},
    {BAL_OP_CONV2D,
     "dilation",
     2,
     {24, 12, 13},
     {.out_channels = 17, .kernel = TWO(3, 3), .padding = TWO(2, 3), .dilation = TWO(2, 3)}},
    {BAL_OP_CONV2D,
     "padding beyond the kernel",
     1,
     {3, 4, 3},
     {.out_channels = 4, .kernel = TWO(3, 3), .padding = TWO(4, 3)}},
    {BAL_OP_CONV2D,
     "three groups",
     2,
     {6, 8, 5},
     {.out_channels = 9, .kernel = TWO(3, 3), .padding = TWO(1, 1), .groups = 3, .bias = true}},
    {BAL_OP_CONV2D,
     "depthwise",
     3,
     {5, 7, 9},
     {.out_channels = 5,
      .kernel = TWO(3, 3),
      .stride = TWO(2, 1),
      .padding = TWO(1, 1),
      .groups = 5}},
    {BAL_OP_CONV2D,
     "depthwise, full vectors",
     2,
     {16, 6, 7},
     {.out_channels = 16, .kernel = TWO(3, 3), .padding = TWO(1, 1), .groups = 16}},
    {BAL_OP_CONV2D,
     "depthwise with two filters a channel",
     2,
     {3, 7, 5},
     {.out_channels = 6, .kernel = TWO(3, 3), .padding = TWO(1, 1), .groups = 3}},
    {BAL_OP_CONV2D,
     "groups of full vectors",
     2,
     {32, 5, 6},
     {.out_channels = 48, .kernel = TWO(3, 3), .padding = TWO(1, 1), .groups = 2}},
    {BAL_OP_CONV2D,
     "last rows and columns unread",
     1,
     {2, 8, 9},
     {.out_channels = 3, .kernel = TWO(2, 2), .stride = TWO(3, 4)}},
    {BAL_OP_BATCH_NORM, "tail of a vector", 3, {5, 4, 7}, {.eps = 1e-5}},
    {BAL_OP_BATCH_NORM, "many channels, one position", 6, {33, 1, 1}, {.eps = 1e-5}},
    {BAL_OP_BATCH_NORM, "one image", 1, {17, 3, 5}, {.eps = 1e-5}},
    {BAL_OP_RELU, "tail of a vector", 3, {3, 5, 7}, {0}},
    {BAL_OP_RELU, "flat", 2, {19, 1, 1}, {0}},
    {BAL_OP_ADD, "tail of a vector", 2, {17, 3, 5}, {0}},
    {BAL_OP_ADD, "flat", 5, {7, 1, 1}, {0}},
    {BAL_OP_MAX_POOL, "windows side by side", 2, {3, 6, 8}, {.kernel = TWO(2, 2)}},
    {BAL_OP_MAX_POOL,
     "overlap and padding",
     2,
     {17, 9, 7},
     {.kernel = TWO(3, 3), .stride = TWO(2, 2), .padding = TWO(1, 1)}},
    {BAL_OP_MAX_POOL,
     "not square, rest unread",
     1,
     {5, 8, 11},
     {.kernel = TWO(3, 2), .stride = TWO(2, 4), .padding = TWO(0, 1)}},
    {BAL_OP_AVG_POOL, "windows side by side", 2, {3, 6, 8}, {.kernel = TWO(2, 2)}},
    {BAL_OP_AVG_POOL,
     "padding counts",
     2,
     {5, 9, 7},
     {.kernel = TWO(3, 3), .stride = TWO(2, 2), .padding = TWO(1, 1), .count_include_pad = true}},
    {BAL_OP_AVG_POOL,
     "padding does not count",
     2,
     {17, 9, 7},
     {.kernel = TWO(3, 3), .stride = TWO(2, 2), .padding = TWO(1, 1)}},
    {BAL_OP_AVG_POOL,
     "not square, rest unread",
     1,
     {5, 8, 11},
     {.kernel = TWO(3, 2), .stride = TWO(2, 4), .padding = TWO(1, 0)}},
    {BAL_OP_GLOBAL_AVG_POOL, "not square", 3, {17, 5, 7}, {0}},
    {BAL_OP_GLOBAL_AVG_POOL, "one position", 2, {3, 1, 1}, {0}},
    {BAL_OP_FLATTEN, "order of numbers", 2, {5, 3, 4}, {0}},
    {BAL_OP_LINEAR, "with bias", 3, {17, 1, 1}, {.out_channels = 5, .bias = true}},
    {BAL_OP_LINEAR, "without bias, one image", 1, {24, 1, 1}, {.out_channels = 33}},
    {BAL_OP_COSINE_LINEAR, "tails", 3, {17, 1, 1}, {.out_channels = 5, .scale = 30.0}},
    {BAL_OP_COSINE_LINEAR, "full vectors", 4, {32, 1, 1}, {.out_channels = 16, .scale = 8.0}},
    {BAL_OP_SCALED_LINEAR, "without bias", 3, {17, 1, 1}, {.out_channels = 5}},
    {BAL_OP_SCALED_LINEAR, "with bias, one image", 1, {9, 1, 1}, {.out_channels = 4, .bias = true}},
    {BAL_OP_NORM_SHIFTED_LINEAR, "with bias", 4, {11, 1, 1}, {.out_channels = 6, .bias = true}},
    {BAL_OP_NORM_SHIFTED_LINEAR, "without bias", 2, {33, 1, 1}, {.out_channels = 3}},
    {BAL_OP_CONFIDENT_LINEAR, "with bias", 5, {13, 1, 1}, {.out_channels = 7, .bias = true}},
    {BAL_OP_CONFIDENT_LINEAR, "without bias, one image", 1, {3, 1, 1}, {.out_channels = 16}},
    {BAL_OP_DROPOUT, "tail of a vector", 3, {5, 3, 4}, {.probability = 0.3}},
    {BAL_OP_DROPOUT, "flat", 2, {33, 1, 1}, {.probability = 0.6}},
    {BAL_OP_DROPOUT, "nothing dropped", 2, {3, 2, 5}, {.probability = 0.0}},
    {BAL_OP_PAD_SHORTCUT,
     "odd sizes",
     2,
     {6, 7, 9},
     {.stride = TWO(2, 2), .channels_before = 3, .channels_after = 3}},
    {BAL_OP_PAD_SHORTCUT,
     "full vectors",
     2,
     {16, 6, 8},
     {.stride = TWO(2, 2), .channels_before = 8, .channels_after = 8}},
    {BAL_OP_PAD_SHORTCUT,
     "uneven, stride 3",
     1,
     {5, 8, 7},
     {.stride = TWO(3, 3), .channels_before = 0, .channels_after = 4}},
    {BAL_OP_UNFLATTEN, "tail of a vector", 3, {30, 1, 1}, {.to = {5, 2, 3}}},
    {BAL_OP_UNFLATTEN, "more than one vector", 2, {17 * 6, 1, 1}, {.to = {17, 3, 2}}},
    {BAL_OP_BATCH_MIX, "tail of a vector", 5, {17, 3, 4}, {.place = 1}},
    {BAL_OP_BATCH_MIX, "flat", 6, {33, 1, 1}, {.place = 1}},
    {BAL_OP_BATCH_MIX, "one image", 1, {3, 2, 5}, {.place = 1}},
    {BAL_OP_UPSAMPLE, "twice, tail of a vector", 2, {3, 5, 4}, {.stride = TWO(2, 2)}},
    {BAL_OP_UPSAMPLE, "three times, full vectors", 1, {16, 2, 3}, {.stride = TWO(3, 3)}},
    {BAL_OP_UPSAMPLE, "of one position", 4, {19, 1, 1}, {.stride = TWO(7, 7)}},
};

const op_case *op_case_at(int i)
{
    return i >= 0 && i < (int)BAL_COUNT_OF(cases) ? &cases[i] : NULL;
}

void op_cases_cover_all(void)
{
    for (int op = 0; bal_op_at(op); op++) {
        bool covered = bal_op_at(op)->inputs == 0; /* computes nothing */
        for (size_t i = 0; i < BAL_COUNT_OF(cases); i++)
            covered = covered || (int)cases[i].op == op;
        if (!covered)
            fail_msg("op %s has no case in op_cases.c", bal_op_at(op)->name);
    }
}

static int add_op(bal_graph *g, const op_case *c, int x, int x2)
{
    const bal_op_settings *s = &c->settings;
    const bal_pool2d pool = {.kernel = {s->kernel[0], s->kernel[1]},
                             .stride = {s->stride[0], s->stride[1]},
                             .padding = {s->padding[0], s->padding[1]},
                             .count_include_pad = s->count_include_pad};
    const bal_conv2d conv = {.out_channels = s->out_channels,
                             .kernel = {s->kernel[0], s->kernel[1]},
                             .stride = {s->stride[0], s->stride[1]},
                             .padding = {s->padding[0], s->padding[1]},
                             .dilation = {s->dilation[0], s->dilation[1]},
                             .groups = s->groups,
                             .bias = s->bias};
    switch (c->op) {
    case BAL_OP_CONV2D:
        return bal_add_conv2d(g, "op", x, &conv);
    case BAL_OP_BATCH_NORM:
        return bal_add_batch_norm(g, "op", x);
    case BAL_OP_RELU:
        return bal_add_relu(g, x);
    case BAL_OP_ADD:
        return bal_add_add(g, x, x2);
    case BAL_OP_MAX_POOL:
        return bal_add_max_pool(g, x, &pool);
    case BAL_OP_AVG_POOL:
        return bal_add_avg_pool(g, x, &pool);
    case BAL_OP_GLOBAL_AVG_POOL:
        return bal_add_global_avg_pool(g, x);
    case BAL_OP_FLATTEN:
        return bal_add_flatten(g, x);
    case BAL_OP_LINEAR:
        return bal_add_linear(g, "op", x, s->out_channels, s->bias);
    case BAL_OP_COSINE_LINEAR:
        return bal_add_cosine_linear(g, "op", x, s->out_channels, s->scale);
    case BAL_OP_SCALED_LINEAR:
        return bal_add_scaled_linear(g, "op", x, s->out_channels, s->bias);
    case BAL_OP_NORM_SHIFTED_LINEAR:
        return bal_add_norm_shifted_linear(g, "op", x, s->out_channels, s->bias);
    case BAL_OP_CONFIDENT_LINEAR:
        return bal_add_confident_linear(g, "op", x, s->out_channels, s->bias);
    case BAL_OP_DROPOUT:
        return bal_add_dropout(g, x, s->probability);
    case BAL_OP_PAD_SHORTCUT:
        return bal_add_pad_shortcut(g, x, s->stride[0], s->channels_before, s->channels_after);
    case BAL_OP_UNFLATTEN:
        return bal_add_unflatten(g, x, s->to);
    case BAL_OP_UPSAMPLE:
        return bal_add_upsample(g, x, s->stride[0]);
    case BAL_OP_BATCH_MIX:
        return bal_add_batch_mix(g, x, s->place);
    default:
        fail_msg("op %s is not known to op_cases.c", bal_op_name(c->op));
        return -1;
    }
}

bal_graph *op_case_graph(bal_ctx *ctx, const op_case *c, int *node)
{
    bal_graph *g;
    test_ok(ctx, bal_graph_open(&g, ctx));
    const int x = bal_add_input(g, "x", c->x);
    const int x2 = bal_op_at(c->op)->inputs > 1 ? bal_add_input(g, "x2", c->x) : -1;
    *node = add_op(g, c, x, x2);
    bal_graph_output(g, "y", *node);
    test_ok(ctx, bal_graph_finish(g));
    return g;
}

const bal_batch_mix *op_case_mix(const op_case *c)
{
    static const int32_t partners[] = {0, 2, 0, 4, 0, 3}, self[] = {0};
    static const float shares[] = {0.75f, 0.3f, 1.0f, 0.0f, 0.45f, 0.9f};
    static const bal_batch_mix mix = {1, partners, shares}, alone = {1, self, shares};
    if (c->op != BAL_OP_BATCH_MIX)
        return NULL;
    if (c->batch == 1)
        return &alone;
    assert_in_range(c->batch, 5, 6); /* all partners are in the batch */
    return &mix;
}

static double *zeros(int64_t count)
{
    double *values = calloc(count > 0 ? (size_t)count : 1, sizeof *values);
    assert_non_null(values);
    return values;
}

/* A shuffled lattice: no ties, nothing near 0. */
static void fill_lattice(double *values, int64_t count, bal_random *r)
{
    for (int64_t i = 0; i < count; i++)
        values[i] = (float)((double)(i - count / 2) * 0.03 + 0.015);
    for (int64_t i = count - 1; i > 0; i--) {
        const int64_t j = (int64_t)bal_random_below(r, (uint64_t)i + 1);
        const double held = values[i];
        values[i] = values[j];
        values[j] = held;
    }
}

static void fill_normal(double *values, int64_t count, bal_random *r, bool positive)
{
    for (int64_t i = 0; i < count; i++) {
        const double draw = bal_random_normal(r);
        values[i] = (float)(positive ? 0.3 + fabs(draw) : draw);
    }
}

op_run op_run_open(const bal_graph *g, int node, int batch, uint64_t seed)
{
    const bal_node *n = &g->nodes[node];
    const bal_op *op = bal_op_of((bal_op_kind)n->op);
    op_run r = {.inputs = n->inputs, .params = n->params};
    r.call = (bal_op_call){.graph = g, .node = node, .batch = batch, .seed = 7, .step = 3};
    bal_random draws = bal_random_at(seed, BAL_STREAM_TEST, (uint64_t)node, 0);
    for (int i = 0; i < n->inputs; i++) {
        r.x_count[i] = batch * bal_shape_count(g->nodes[n->input[i]].shape);
        r.x[i] = zeros(r.x_count[i]);
        fill_lattice(r.x[i], r.x_count[i], &draws);
        r.call.x[i] = r.x[i];
        r.call.dx[i] = zeros(r.x_count[i]);
    }
    for (int i = 0; i < n->params; i++) {
        const bal_param_info *p = &g->params[n->param[i]];
        r.param_count[i] = p->count;
        r.call.param[i] = zeros(p->count);
        fill_normal(r.call.param[i], p->count, &draws, strstr(p->name, "running_var") != NULL);
        r.call.dparam[i] = p->learned ? zeros(p->count) : NULL;
    }
    r.y_count = batch * bal_shape_count(n->shape);
    r.call.y = zeros(r.y_count);
    r.dy = zeros(r.y_count);
    fill_normal(r.dy, r.y_count, &draws, false);
    r.call.dy = r.dy;
    r.saved_count = op->saved_count ? op->saved_count(g, n, batch) : 0;
    r.call.saved = zeros(r.saved_count);
    return r;
}

void op_run_close(op_run *r)
{
    for (int i = 0; i < r->inputs; i++) {
        free(r->x[i]);
        free(r->call.dx[i]);
    }
    for (int i = 0; i < r->params; i++) {
        free(r->call.param[i]);
        free(r->call.dparam[i]);
    }
    free(r->call.y);
    free(r->dy);
    free(r->call.saved);
}

static const bal_op *op_of(const op_run *r)
{
    return bal_op_of((bal_op_kind)r->call.graph->nodes[r->call.node].op);
}

void op_run_forward(op_run *r, bool training)
{
    r->call.training = training;
    op_of(r)->forward(&r->call);
}

void op_run_backward(op_run *r)
{
    for (int i = 0; i < r->inputs; i++)
        memset(r->call.dx[i], 0, (size_t)r->x_count[i] * sizeof(double));
    for (int i = 0; i < r->params; i++)
        if (r->call.dparam[i])
            memset(r->call.dparam[i], 0, (size_t)r->param_count[i] * sizeof(double));
    op_of(r)->backward(&r->call);
}

float *op_floats(const double *values, int64_t count)
{
    float *floats = calloc((size_t)count, sizeof *floats);
    assert_non_null(floats);
    for (int64_t i = 0; i < count; i++)
        floats[i] = (float)values[i];
    return floats;
}
