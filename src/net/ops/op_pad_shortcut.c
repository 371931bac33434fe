/* pad_shortcut: every stride-th row and column, zero channels before and after: the parameter-free
 * shortcut of the CIFAR ResNets (He et al. 2016, option A). Height and width are divided by the
 * stride and rounded up, as a 3x3 convolution with padding 1 and that stride does. */
#include "net/ops/op_rows.h"

#include <string.h>

static bal_status shape(bal_ctx *ctx, const bal_graph *g, bal_node *node)
{
    const bal_shape x = bal_op_input(g, node, 0)->shape;
    const bal_op_settings *s = &node->settings;
    if (s->stride[0] < 1 || s->stride[0] > BAL_SIZE_MAX)
        return bal_fail(ctx, BAL_MISMATCH, "the stride is %d, must be 1 to %d", s->stride[0],
                        BAL_SIZE_MAX);
    if (s->channels_before < 0 || s->channels_after < 0 || s->channels_before > BAL_SIZE_MAX ||
        s->channels_after > BAL_SIZE_MAX)
        return bal_fail(ctx, BAL_MISMATCH, "cannot add %d channels before and %d after",
                        s->channels_before, s->channels_after);
    node->shape = (bal_shape){s->channels_before + x.channels + s->channels_after,
                              (x.height - 1) / s->stride[0] + 1, (x.width - 1) / s->stride[0] + 1};
    return BAL_OK;
}

/* Calls for every place of x that is kept: where it lies in x and in y. */
static void walk(const bal_op_call *c, double *y, const double *x, double *dx, const double *dy)
{
    const bal_node *node = &c->graph->nodes[c->node];
    const bal_shape in = bal_op_input(c->graph, node, 0)->shape, out = node->shape;
    const int64_t stride = node->settings.stride[0];
    for (int64_t n = 0; n < c->batch; n++)
        for (int64_t ch = 0; ch < in.channels; ch++)
            for (int64_t row = 0; row < out.height; row++) {
                const int64_t from = ((n * in.channels + ch) * in.height + row * stride) * in.width;
                const int64_t channel = node->settings.channels_before + ch;
                const int64_t to = ((n * out.channels + channel) * out.height + row) * out.width;
                for (int64_t col = 0; y && col < out.width; col++)
                    y[to + col] = x[from + col * stride];
                for (int64_t col = 0; dx && col < out.width; col++)
                    dx[from + col * stride] += dy[to + col];
            }
}

static void forward(const bal_op_call *c)
{
    memset(c->y, 0, (size_t)bal_call_y_count(c) * sizeof *c->y);
    walk(c, c->y, c->x[0], NULL, NULL);
}

static void backward(const bal_op_call *c)
{
    walk(c, NULL, NULL, c->dx[0], c->dy);
}

const bal_op bal_op_row_PAD_SHORTCUT = {
    .shape = shape, .flops = bal_op_flops_none, .forward = forward, .backward = backward};
