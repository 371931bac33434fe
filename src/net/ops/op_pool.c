/* What the two pools share. */
#include "net/ops/op_pool.h"

#include "net/ops/op_rows.h"

bal_status bal_pool_shape(bal_ctx *ctx, const bal_graph *g, bal_node *node)
{
    const bal_shape x = bal_op_input(g, node, 0)->shape;
    node->shape.channels = x.channels;
    BAL_TRY(bal_op_window_shape(ctx, x, node));
    const bal_op_settings *s = &node->settings;
    for (int i = 0; i < 2; i++)
        if (s->padding[i] > s->kernel[i] / 2)
            return bal_fail(ctx, BAL_MISMATCH,
                            "the padding is %d, a pool pads at most half its kernel of %d",
                            s->padding[i], s->kernel[i]);
    return BAL_OK;
}

double bal_pool_flops(const bal_graph *g, const bal_node *node)
{
    (void)g;
    const bal_op_settings *s = &node->settings;
    return (double)bal_shape_count(node->shape) * s->kernel[0] * s->kernel[1];
}

static void clip(int64_t start, int64_t kernel, int64_t size, int64_t *first, int64_t *last)
{
    *first = start < 0 ? 0 : start;
    *last = start + kernel > size ? size : start + kernel;
}

void bal_pool_walk(const bal_op_call *c,
                   void (*each)(const bal_op_call *c, const bal_pool_window *w))
{
    const bal_node *node = &c->graph->nodes[c->node];
    const bal_shape in = bal_op_input(c->graph, node, 0)->shape, out = node->shape;
    const bal_op_settings *s = &node->settings;
    bal_pool_window w = {.width = in.width};
    for (int64_t plane = 0; plane < (int64_t)c->batch * in.channels; plane++) {
        w.plane = plane * in.height * in.width;
        for (int64_t row = 0; row < out.height; row++) {
            clip(row * s->stride[0] - s->padding[0], s->kernel[0], in.height, &w.top, &w.bottom);
            for (int64_t col = 0; col < out.width; col++) {
                clip(col * s->stride[1] - s->padding[1], s->kernel[1], in.width, &w.left, &w.right);
                w.result = (plane * out.height + row) * out.width + col;
                each(c, &w);
            }
        }
    }
}
