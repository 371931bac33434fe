/* cosine_linear: y_j = scale * cos(w_j, x), both norms bounded below by 1e-12 as PyTorch's
 * F.normalize does (the head of LDAM, Cao et al. 2019). saved: the norms of the images' x, then of
 * the rows of W. */
#include "net/ops/op_rows.h"

#include <math.h>

#define SMALLEST_NORM 1e-12

static bal_status shape(bal_ctx *ctx, const bal_graph *g, bal_node *node)
{
    if (!(node->settings.scale > 0.0 && node->settings.scale < 1e9))
        return bal_fail(ctx, BAL_MISMATCH, "the scale is %g, must be above 0 and below 1e9",
                        node->settings.scale);
    return bal_op_flat_shape(ctx, g, node);
}

static int params(const bal_graph *g, const bal_node *node, bal_op_param out[BAL_OP_MAX_PARAMS])
{
    const int64_t in = bal_op_input(g, node, 0)->shape.channels;
    out[0] = (bal_op_param){"weight", true, 2, {node->settings.out_channels, in}};
    return 1;
}

/* The norms of W cost once a batch and are left out. */
static double flops(const bal_graph *g, const bal_node *node)
{
    const double in = bal_op_input(g, node, 0)->shape.channels;
    return node->settings.out_channels * (2.0 * in + 1.0) + 2.0 * in;
}

static int64_t saved_count(const bal_graph *g, const bal_node *node, int batch)
{
    (void)g;
    return (int64_t)batch + node->settings.out_channels;
}

static void norms(const double *rows, int64_t count, int64_t width, double *out)
{
    for (int64_t j = 0; j < count; j++) {
        double sum = 0.0;
        for (int64_t i = 0; i < width; i++)
            sum += rows[j * width + i] * rows[j * width + i];
        out[j] = sqrt(sum);
    }
}

static double bounded(double norm)
{
    return norm < SMALLEST_NORM ? SMALLEST_NORM : norm;
}

static void forward(const bal_op_call *c)
{
    const bal_node *node = &c->graph->nodes[c->node];
    const int64_t in = bal_op_input(c->graph, node, 0)->shape.channels;
    const int64_t out = node->settings.out_channels;
    double *x_norm = c->saved, *w_norm = c->saved + c->batch;
    norms(c->x[0], c->batch, in, x_norm);
    norms(c->param[0], out, in, w_norm);
    for (int64_t n = 0; n < c->batch; n++)
        for (int64_t j = 0; j < out; j++) {
            const double *x = c->x[0] + n * in, *w = c->param[0] + j * in;
            double sum = 0.0;
            for (int64_t i = 0; i < in; i++)
                sum += w[i] * x[i];
            c->y[n * out + j] =
                node->settings.scale * (sum / (bounded(w_norm[j]) * bounded(x_norm[n])));
        }
}

/* d y / d x = (scale w / |w| - y x / |x|) / |x|, and the same with w and x exchanged. A norm at its
 * bound is a constant: its second term is 0. */
static void backward(const bal_op_call *c)
{
    const bal_node *node = &c->graph->nodes[c->node];
    const int64_t in = bal_op_input(c->graph, node, 0)->shape.channels;
    const int64_t out = node->settings.out_channels;
    const double *x_norm = c->saved, *w_norm = c->saved + c->batch;
    for (int64_t n = 0; n < c->batch; n++)
        for (int64_t j = 0; j < out; j++) {
            const double *x = c->x[0] + n * in, *w = c->param[0] + j * in;
            const double xn = bounded(x_norm[n]), wn = bounded(w_norm[j]);
            const double dy = c->dy[n * out + j], y = c->y[n * out + j];
            const double cross = dy * node->settings.scale / (xn * wn);
            const double own_x = x_norm[n] < SMALLEST_NORM ? 0.0 : dy * y / (xn * xn);
            const double own_w = w_norm[j] < SMALLEST_NORM ? 0.0 : dy * y / (wn * wn);
            for (int64_t i = 0; c->dx[0] && i < in; i++)
                c->dx[0][n * in + i] += cross * w[i] - own_x * x[i];
            for (int64_t i = 0; c->dparam[0] && i < in; i++)
                c->dparam[0][j * in + i] += cross * x[i] - own_w * w[i];
        }
}

const bal_op bal_op_row_COSINE_LINEAR = {.shape = shape,
                                         .params = params,
                                         .flops = flops,
                                         .saved_count = saved_count,
                                         .forward = forward,
                                         .backward = backward};
