/* Shape rules and counts that several ops share. */
#include "net/ops/op_rows.h"

bal_status bal_op_same_shape(bal_ctx *ctx, const bal_graph *g, bal_node *node)
{
    (void)ctx;
    node->shape = bal_op_input(g, node, 0)->shape;
    return BAL_OK;
}

double bal_op_flops_one(const bal_graph *g, const bal_node *node)
{
    (void)g;
    return (double)bal_shape_count(node->shape);
}

double bal_op_flops_none(const bal_graph *g, const bal_node *node)
{
    (void)g;
    (void)node;
    return 0.0;
}

static bal_status check_window(bal_ctx *ctx, const char *what, const int pair[2], int min)
{
    for (int i = 0; i < 2; i++)
        if (pair[i] < min || pair[i] > BAL_SIZE_MAX)
            return bal_fail(ctx, BAL_MISMATCH, "the %s is %d, it must be %d to %d", what, pair[i],
                            min, BAL_SIZE_MAX);
    return BAL_OK;
}

bal_status bal_op_window_shape(bal_ctx *ctx, bal_shape x, bal_node *node)
{
    const bal_op_settings *s = &node->settings;
    BAL_TRY(check_window(ctx, "kernel", s->kernel, 1));
    BAL_TRY(check_window(ctx, "stride", s->stride, 1));
    BAL_TRY(check_window(ctx, "padding", s->padding, 0));
    BAL_TRY(check_window(ctx, "dilation", s->dilation, 1));
    const int size[2] = {x.height, x.width};
    int64_t result[2];
    for (int i = 0; i < 2; i++) {
        const int64_t reach = (int64_t)s->dilation[i] * (s->kernel[i] - 1) + 1;
        const int64_t padded = (int64_t)size[i] + 2 * (int64_t)s->padding[i];
        if (reach > padded)
            return bal_fail(ctx, BAL_MISMATCH,
                            "a window of %lld does not fit into %s %d with padding %d",
                            (long long)reach, i == 0 ? "height" : "width", size[i], s->padding[i]);
        result[i] = (padded - reach) / s->stride[i] + 1;
    }
    node->shape.height = (int)result[0];
    node->shape.width = (int)result[1];
    return BAL_OK;
}

bal_status bal_op_flat_shape(bal_ctx *ctx, const bal_graph *g, bal_node *node)
{
    const bal_shape x = bal_op_input(g, node, 0)->shape;
    const int features = node->settings.out_channels;
    if (x.height != 1 || x.width != 1)
        return bal_fail(ctx, BAL_MISMATCH, "wants a flat vector, got %d x %d x %d", x.channels,
                        x.height, x.width);
    if (features < 1 || features > BAL_SIZE_MAX)
        return bal_fail(ctx, BAL_MISMATCH, "wants 1 to %d features, got %d", BAL_SIZE_MAX,
                        features);
    node->shape = (bal_shape){features, 1, 1};
    return BAL_OK;
}
