/* upsample: every position repeated scale_factor times along rows and columns (the nearest
 * neighbour). With a convolution behind it, it makes no chequered pattern as a transposed
 * convolution does (Odena et al. 2016). */
#include "net/ops/op_rows.h"

static bal_status shape(bal_ctx *ctx, const bal_graph *g, bal_node *node)
{
    const bal_shape x = bal_op_input(g, node, 0)->shape;
    const int64_t factor = node->settings.stride[0];
    if (factor < 1 || factor > BAL_SIZE_MAX || x.height * factor > BAL_SIZE_MAX ||
        x.width * factor > BAL_SIZE_MAX)
        return bal_fail(ctx, BAL_MISMATCH,
                        "the scale factor is %d, must be at least 1 and %d x %d times it at most "
                        "%d",
                        node->settings.stride[0], x.height, x.width, BAL_SIZE_MAX);
    node->shape = (bal_shape){x.channels, (int)(x.height * factor), (int)(x.width * factor)};
    return BAL_OK;
}

/* Calls with y and x, or with dy and dx. */
static void walk(const bal_op_call *c, double *y, const double *x, double *dx, const double *dy)
{
    const bal_node *node = &c->graph->nodes[c->node];
    const bal_shape in = bal_op_input(c->graph, node, 0)->shape, out = node->shape;
    const int64_t factor = node->settings.stride[0];
    for (int64_t plane = 0; plane < (int64_t)c->batch * out.channels; plane++)
        for (int64_t row = 0; row < out.height; row++) {
            const int64_t to = (plane * out.height + row) * out.width;
            const int64_t from = (plane * in.height + row / factor) * in.width;
            for (int64_t col = 0; y && col < out.width; col++)
                y[to + col] = x[from + col / factor];
            for (int64_t col = 0; dx && col < out.width; col++)
                dx[from + col / factor] += dy[to + col];
        }
}

static void forward(const bal_op_call *c)
{
    walk(c, c->y, c->x[0], NULL, NULL);
}

static void backward(const bal_op_call *c)
{
    walk(c, NULL, NULL, c->dx[0], c->dy);
}

const bal_op bal_op_row_UPSAMPLE = {
    .shape = shape, .flops = bal_op_flops_none, .forward = forward, .backward = backward};
