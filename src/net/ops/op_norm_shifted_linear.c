/* norm_shifted_linear: y_j = omega_j (w_j x + b_j) + beta_j |w_j|, the margins of MARC (Wang et al.
 * 2022). saved: the products w_j x + b_j, then the norms |w_j|. */
#include "net/ops/head_rows.h"

#include <math.h>

static int params(const bal_graph *g, const bal_node *node, bal_op_param out[BAL_OP_MAX_PARAMS])
{
    const int next = bal_head_params_list(g, node, out);
    out[next] = (bal_op_param){"omega", true, 1, {node->settings.out_channels}};
    out[next + 1] = (bal_op_param){"beta", true, 1, {node->settings.out_channels}};
    return next + 2;
}

/* The norms cost once a batch and are left out. */
static double flops(const bal_graph *g, const bal_node *node)
{
    return bal_head_flops(g, node) + 3.0 * node->settings.out_channels;
}

static int64_t saved_count(const bal_graph *g, const bal_node *node, int batch)
{
    (void)g;
    return ((int64_t)batch + 1) * node->settings.out_channels;
}

static void forward(const bal_op_call *c)
{
    const bal_head_sizes s = bal_head_sizes_of(c);
    double *norm = c->saved + s.batch * s.out;
    bal_head_product(c, c->saved);
    for (int64_t j = 0; j < s.out; j++) {
        double sum = 0.0;
        for (int64_t i = 0; i < s.in; i++)
            sum += c->param[0][j * s.in + i] * c->param[0][j * s.in + i];
        norm[j] = sqrt(sum);
    }
    for (int64_t k = 0; k < s.batch * s.out; k++) {
        const int64_t j = k % s.out;
        c->y[k] = c->param[s.next][j] * c->saved[k] + c->param[s.next + 1][j] * norm[j];
    }
}

/* d |w| / d w = w / |w|, taken as 0 where the norm is 0. */
static void backward(const bal_op_call *c)
{
    const bal_head_sizes s = bal_head_sizes_of(c);
    const double *norm = c->saved + s.batch * s.out;
    for (int64_t j = 0; j < s.out; j++) {
        double sum = 0.0;
        for (int64_t n = 0; n < s.batch; n++) {
            const double dy = c->dy[n * s.out + j];
            sum += dy;
            if (c->dparam[s.next])
                c->dparam[s.next][j] += dy * c->saved[n * s.out + j];
            bal_head_product_back(c, n, j, dy * c->param[s.next][j]);
        }
        if (c->dparam[s.next + 1])
            c->dparam[s.next + 1][j] += sum * norm[j];
        const double along = norm[j] > 0.0 ? sum * c->param[s.next + 1][j] / norm[j] : 0.0;
        for (int64_t i = 0; c->dparam[0] && i < s.in; i++)
            c->dparam[0][j * s.in + i] += along * c->param[0][j * s.in + i];
    }
}

const bal_op bal_op_row_NORM_SHIFTED_LINEAR = {.shape = bal_op_flat_shape,
                                               .params = params,
                                               .flops = flops,
                                               .saved_count = saved_count,
                                               .forward = forward,
                                               .backward = backward};
