/* scaled_linear: y_j = s_j (w_j x + b_j), the head of learnable weight scaling (Kang et al. 2020,
 * without bias; Zhong et al. 2021, with). saved: the products w_j x + b_j. */
#include "net/ops/head_rows.h"

static int params(const bal_graph *g, const bal_node *node, bal_op_param out[BAL_OP_MAX_PARAMS])
{
    const int next = bal_head_params_list(g, node, out);
    out[next] = (bal_op_param){"scale", true, 1, {node->settings.out_channels}};
    return next + 1;
}

static double flops(const bal_graph *g, const bal_node *node)
{
    return bal_head_flops(g, node) + node->settings.out_channels;
}

static int64_t saved_count(const bal_graph *g, const bal_node *node, int batch)
{
    (void)g;
    return (int64_t)batch * node->settings.out_channels;
}

static void forward(const bal_op_call *c)
{
    const bal_head_sizes s = bal_head_sizes_of(c);
    bal_head_product(c, c->saved);
    for (int64_t k = 0; k < s.batch * s.out; k++)
        c->y[k] = c->param[s.next][k % s.out] * c->saved[k];
}

static void backward(const bal_op_call *c)
{
    const bal_head_sizes s = bal_head_sizes_of(c);
    for (int64_t n = 0; n < s.batch; n++)
        for (int64_t j = 0; j < s.out; j++) {
            const double dy = c->dy[n * s.out + j];
            if (c->dparam[s.next])
                c->dparam[s.next][j] += dy * c->saved[n * s.out + j];
            bal_head_product_back(c, n, j, dy * c->param[s.next][j]);
        }
}

const bal_op bal_op_row_SCALED_LINEAR = {.shape = bal_op_flat_shape,
                                         .params = params,
                                         .flops = flops,
                                         .saved_count = saved_count,
                                         .forward = forward,
                                         .backward = backward};
