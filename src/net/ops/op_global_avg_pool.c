/* global_avg_pool: the mean over all positions of a channel. */
#include "net/ops/op_rows.h"

static bal_status shape(bal_ctx *ctx, const bal_graph *g, bal_node *node)
{
    (void)ctx;
    node->shape = (bal_shape){bal_op_input(g, node, 0)->shape.channels, 1, 1};
    return BAL_OK;
}

static int64_t area(const bal_graph *g, const bal_node *node)
{
    const bal_shape x = bal_op_input(g, node, 0)->shape;
    return (int64_t)x.height * x.width;
}

static double flops(const bal_graph *g, const bal_node *node)
{
    return (double)bal_shape_count(bal_op_input(g, node, 0)->shape);
}

static void forward(const bal_op_call *c)
{
    const int64_t places = area(c->graph, &c->graph->nodes[c->node]);
    const int64_t count = bal_call_y_count(c);
    for (int64_t i = 0; i < count; i++) {
        double sum = 0.0;
        for (int64_t k = 0; k < places; k++)
            sum += c->x[0][i * places + k];
        c->y[i] = sum / (double)places;
    }
}

static void backward(const bal_op_call *c)
{
    const int64_t places = area(c->graph, &c->graph->nodes[c->node]);
    const int64_t count = bal_call_y_count(c);
    for (int64_t i = 0; c->dx[0] && i < count; i++)
        for (int64_t k = 0; k < places; k++)
            c->dx[0][i * places + k] += c->dy[i] / (double)places;
}

const bal_op bal_op_row_GLOBAL_AVG_POOL = {
    .shape = shape, .flops = flops, .forward = forward, .backward = backward};
