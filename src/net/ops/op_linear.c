/* linear: y = W x + b on a flat x; W is (out, in). */
#include "net/ops/op_rows.h"

static int params(const bal_graph *g, const bal_node *node, bal_op_param out[BAL_OP_MAX_PARAMS])
{
    const int64_t in = bal_op_input(g, node, 0)->shape.channels;
    const int64_t features = node->settings.out_channels;
    out[0] = (bal_op_param){"weight", true, 2, {features, in}};
    out[1] = (bal_op_param){"bias", true, 1, {features}};
    return node->settings.bias ? 2 : 1;
}

static double flops(const bal_graph *g, const bal_node *node)
{
    const double in = bal_op_input(g, node, 0)->shape.channels;
    return node->settings.out_channels * (2.0 * in + (node->settings.bias ? 1.0 : 0.0));
}

static void forward(const bal_op_call *c)
{
    const bal_node *node = &c->graph->nodes[c->node];
    const int64_t in = bal_op_input(c->graph, node, 0)->shape.channels;
    const int64_t out = node->settings.out_channels;
    for (int64_t n = 0; n < c->batch; n++)
        for (int64_t j = 0; j < out; j++) {
            const double *x = c->x[0] + n * in, *w = c->param[0] + j * in;
            double sum = node->settings.bias ? c->param[1][j] : 0.0;
            for (int64_t i = 0; i < in; i++)
                sum += w[i] * x[i];
            c->y[n * out + j] = sum;
        }
}

static void backward(const bal_op_call *c)
{
    const bal_node *node = &c->graph->nodes[c->node];
    const int64_t in = bal_op_input(c->graph, node, 0)->shape.channels;
    const int64_t out = node->settings.out_channels;
    for (int64_t n = 0; n < c->batch; n++)
        for (int64_t j = 0; j < out; j++) {
            const double dy = c->dy[n * out + j];
            for (int64_t i = 0; c->dx[0] && i < in; i++)
                c->dx[0][n * in + i] += dy * c->param[0][j * in + i];
            for (int64_t i = 0; c->dparam[0] && i < in; i++)
                c->dparam[0][j * in + i] += dy * c->x[0][n * in + i];
            if (node->settings.bias && c->dparam[1])
                c->dparam[1][j] += dy;
        }
}

const bal_op bal_op_row_LINEAR = {.shape = bal_op_flat_shape,
                                  .params = params,
                                  .flops = flops,
                                  .forward = forward,
                                  .backward = backward};
