/* input: what the caller hands in. It has no forward of its own: the engine copies it. */
#include "net/ops/op_rows.h"

static bal_status shape(bal_ctx *ctx, const bal_graph *g, bal_node *node)
{
    (void)g;
    const bal_shape s = node->shape;
    if (s.channels < 1 || s.height < 1 || s.width < 1)
        return bal_fail(ctx, BAL_MISMATCH,
                        "an input has at least 1 channel, row and column, got %d x %d x %d",
                        s.channels, s.height, s.width);
    return BAL_OK;
}

static void nothing(const bal_op_call *call)
{
    (void)call;
}

const bal_op bal_op_row_INPUT = {
    .shape = shape, .flops = bal_op_flops_none, .forward = nothing, .backward = nothing};
