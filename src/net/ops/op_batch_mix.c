/* batch_mix: where the pass mixes at the node's place, each image becomes a blend of itself and
 * another of the batch (manifold mixup, Verma et al. 2019); identity otherwise. */
#include "net/ops/op_rows.h"

static bal_status shape(bal_ctx *ctx, const bal_graph *g, bal_node *node)
{
    if (node->settings.place < 1)
        return bal_fail(ctx, BAL_MISMATCH, "the place of a batch_mix is %d, must be at least 1",
                        node->settings.place);
    return bal_op_same_shape(ctx, g, node);
}

static bool mixes(const bal_op_call *c)
{
    return c->training && c->mix && c->mix->place == c->graph->nodes[c->node].settings.place;
}

static double share_of(const bal_op_call *c, int i)
{
    return mixes(c) ? (double)c->mix->share[i] : 1.0;
}

static void forward(const bal_op_call *c)
{
    const int64_t size = bal_call_y_count(c) / c->batch;
    for (int i = 0; i < c->batch; i++) {
        const double share = share_of(c, i);
        const double *own = c->x[0] + i * size, *other = own;
        if (mixes(c))
            other = c->x[0] + c->mix->partner[i] * size;
        for (int64_t k = 0; k < size; k++)
            c->y[i * size + k] = share * own[k] + (1.0 - share) * other[k];
    }
}

static void backward(const bal_op_call *c)
{
    const int64_t size = bal_call_y_count(c) / c->batch;
    for (int i = 0; c->dx[0] && i < c->batch; i++) {
        const double share = share_of(c, i);
        const double *dy = c->dy + i * size;
        double *other = c->dx[0] + (mixes(c) ? c->mix->partner[i] : i) * size;
        for (int64_t k = 0; k < size; k++) {
            c->dx[0][i * size + k] += share * dy[k];
            other[k] += (1.0 - share) * dy[k];
        }
    }
}

const bal_op bal_op_row_BATCH_MIX = {
    .shape = shape, .flops = bal_op_flops_one, .forward = forward, .backward = backward};
