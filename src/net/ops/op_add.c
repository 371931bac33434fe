/* add: the sum of two tensors of one shape. */
#include "net/ops/op_rows.h"

static bal_status shape(bal_ctx *ctx, const bal_graph *g, bal_node *node)
{
    const bal_shape a = bal_op_input(g, node, 0)->shape, b = bal_op_input(g, node, 1)->shape;
    if (a.channels != b.channels || a.height != b.height || a.width != b.width)
        return bal_fail(ctx, BAL_MISMATCH, "cannot add %d x %d x %d (%s) and %d x %d x %d (%s)",
                        a.channels, a.height, a.width, bal_op_input(g, node, 0)->name, b.channels,
                        b.height, b.width, bal_op_input(g, node, 1)->name);
    node->shape = a;
    return BAL_OK;
}

static void forward(const bal_op_call *c)
{
    const int64_t count = bal_call_y_count(c);
    for (int64_t i = 0; i < count; i++)
        c->y[i] = c->x[0][i] + c->x[1][i];
}

static void backward(const bal_op_call *c)
{
    const int64_t count = bal_call_y_count(c);
    for (int k = 0; k < 2; k++)
        for (int64_t i = 0; c->dx[k] && i < count; i++)
            c->dx[k][i] += c->dy[i];
}

const bal_op bal_op_row_ADD = {
    .shape = shape, .flops = bal_op_flops_one, .forward = forward, .backward = backward};
