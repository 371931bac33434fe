/* unflatten: one vector to C x H x W, in NCHW order: what decoders begin with. */
#include "net/ops/op_rows.h"

#include <string.h>

static bal_status shape(bal_ctx *ctx, const bal_graph *g, bal_node *node)
{
    const bal_shape x = bal_op_input(g, node, 0)->shape, to = node->settings.to;
    if (to.channels < 1 || to.height < 1 || to.width < 1 || to.channels > BAL_SIZE_MAX ||
        to.height > BAL_SIZE_MAX || to.width > BAL_SIZE_MAX)
        return bal_fail(ctx, BAL_MISMATCH, "cannot make %d x %d x %d, 1 to %d a side expected",
                        to.channels, to.height, to.width, BAL_SIZE_MAX);
    if (x.height != 1 || x.width != 1)
        return bal_fail(ctx, BAL_MISMATCH, "wants a flat input, got %d x %d x %d", x.channels,
                        x.height, x.width);
    if ((double)to.channels * to.height * to.width != (double)x.channels)
        return bal_fail(ctx, BAL_MISMATCH, "cannot make %d x %d x %d of %d numbers", to.channels,
                        to.height, to.width, x.channels);
    node->shape = to;
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

const bal_op bal_op_row_UNFLATTEN = {
    .shape = shape, .flops = bal_op_flops_none, .forward = forward, .backward = backward};
