/* dropout: in training each number is zeroed with probability p and the rest divided by 1 - p
 * (Srivastava et al. 2014, scaled in training); identity in inference. saved holds the factors. */
#include "net/ops/op_rows.h"

static bal_status shape(bal_ctx *ctx, const bal_graph *g, bal_node *node)
{
    const double p = node->settings.probability;
    if (!(p >= 0.0 && p < 1.0))
        return bal_fail(ctx, BAL_MISMATCH, "the dropout probability is %g, must be 0 to below 1",
                        p);
    return bal_op_same_shape(ctx, g, node);
}

static int64_t saved_count(const bal_graph *g, const bal_node *node, int batch)
{
    (void)g;
    return batch * bal_shape_count(node->shape);
}

static void forward(const bal_op_call *c)
{
    const double p = c->graph->nodes[c->node].settings.probability;
    const int64_t count = bal_call_y_count(c);
    /* The mask of bytes is drawn into the front of saved and widened from the back. */
    uint8_t *keep = (uint8_t *)c->saved;
    if (c->training)
        bal_dropout_mask(c->seed, c->step, c->node, p, count, keep);
    for (int64_t i = count - 1; i >= 0; i--)
        c->saved[i] = !c->training ? 1.0 : keep[i] ? 1.0 / (1.0 - p) : 0.0;
    for (int64_t i = 0; i < count; i++)
        c->y[i] = c->x[0][i] * c->saved[i];
}

static void backward(const bal_op_call *c)
{
    const int64_t count = bal_call_y_count(c);
    for (int64_t i = 0; c->dx[0] && i < count; i++)
        c->dx[0][i] += c->dy[i] * c->saved[i];
}

const bal_op bal_op_row_DROPOUT = {.shape = shape,
                                   .flops = bal_op_flops_one,
                                   .saved_count = saved_count,
                                   .forward = forward,
                                   .backward = backward};
