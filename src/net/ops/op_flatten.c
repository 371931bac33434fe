/* flatten: C x H x W to one vector of C * H * W features, in NCHW order. */
#include "net/ops/op_rows.h"

#include <string.h>

static bal_status shape(bal_ctx *ctx, const bal_graph *g, bal_node *node)
{
    (void)ctx;
    node->shape = (bal_shape){(int)bal_shape_count(bal_op_input(g, node, 0)->shape), 1, 1};
    return BAL_OK;
}

static void forward(const bal_op_call *c)
{
    memcpy(c->y, c->x[0], (size_t)bal_call_y_count(c) * sizeof *c->y);
}

static void backward(const bal_op_call *c)
{
    const int64_t count = bal_call_y_count(c);
    for (int64_t i = 0; c->dx[0] && i < count; i++)
        c->dx[0][i] += c->dy[i];
}

const bal_op bal_op_row_FLATTEN = {
    .shape = shape, .flops = bal_op_flops_none, .forward = forward, .backward = backward};
