/* avg_pool: the mean of a window. The divisor is the window's size, or only its part inside the
 * image where count_include_pad is off. */
#include "net/ops/op_rows.h"

#include "net/ops/op_pool.h"

static double divisor(const bal_op_call *c, const bal_pool_window *w)
{
    const bal_op_settings *s = &c->graph->nodes[c->node].settings;
    if (s->count_include_pad)
        return (double)s->kernel[0] * s->kernel[1];
    return (double)((w->bottom - w->top) * (w->right - w->left));
}

static void forward_window(const bal_op_call *c, const bal_pool_window *w)
{
    const double *x = c->x[0] + w->plane;
    double sum = 0.0;
    for (int64_t row = w->top; row < w->bottom; row++)
        for (int64_t col = w->left; col < w->right; col++)
            sum += x[row * w->width + col];
    c->y[w->result] = sum / divisor(c, w);
}

static void backward_window(const bal_op_call *c, const bal_pool_window *w)
{
    double *dx = c->dx[0] + w->plane;
    const double share = c->dy[w->result] / divisor(c, w);
    for (int64_t row = w->top; row < w->bottom; row++)
        for (int64_t col = w->left; col < w->right; col++)
            dx[row * w->width + col] += share;
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

const bal_op bal_op_row_AVG_POOL = {
    .shape = bal_pool_shape, .flops = bal_pool_flops, .forward = forward, .backward = backward};
