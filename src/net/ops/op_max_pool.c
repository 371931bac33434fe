/* max_pool: the largest value of a window; padding never wins. The first of equal values in
 * row-major order gets the gradient, and NaN wins, as in PyTorch. saved: where the winner lies in
 * its channel's plane. */
#include "net/ops/op_rows.h"

#include "net/ops/op_pool.h"

static int64_t saved_count(const bal_graph *g, const bal_node *node, int batch)
{
    (void)g;
    return batch * bal_shape_count(node->shape);
}

static void forward_window(const bal_op_call *c, const bal_pool_window *w)
{
    const double *x = c->x[0] + w->plane;
    double best = 0.0;
    int64_t winner = -1;
    for (int64_t row = w->top; row < w->bottom; row++)
        for (int64_t col = w->left; col < w->right; col++) {
            const double value = x[row * w->width + col];
            if (winner < 0 || value > best || (value != value && best == best)) {
                best = value;
                winner = row * w->width + col;
            }
        }
    c->y[w->result] = best;
    c->saved[w->result] = (double)winner;
}

static void backward_window(const bal_op_call *c, const bal_pool_window *w)
{
    c->dx[0][w->plane + (int64_t)c->saved[w->result]] += c->dy[w->result];
}

static void forward(const bal_op_call *c)
{
    bal_pool_walk(c, forward_window);
}

static void backward(const bal_op_call *c)
{
    if (c->dx[0])
        bal_pool_walk(c, backward_window);
}

const bal_op bal_op_row_MAX_POOL = {.shape = bal_pool_shape,
                                    .flops = bal_pool_flops,
                                    .saved_count = saved_count,
                                    .forward = forward,
                                    .backward = backward};
