/* See head_rows.h. */
#include "net/ops/head_rows.h"

bal_head_sizes bal_head_sizes_of(const bal_op_call *c)
{
    const bal_node *node = &c->graph->nodes[c->node];
    return (bal_head_sizes){.batch = c->batch,
                            .in = bal_op_input(c->graph, node, 0)->shape.channels,
                            .out = node->settings.out_channels,
                            .bias = node->settings.bias,
                            .next = node->settings.bias ? 2 : 1};
}

int bal_head_params_list(const bal_graph *g, const bal_node *node, bal_op_param *out)
{
    const int64_t in = bal_op_input(g, node, 0)->shape.channels;
    const int64_t classes = node->settings.out_channels;
    out[0] = (bal_op_param){"weight", true, 2, {classes, in}};
    out[1] = (bal_op_param){"bias", true, 1, {classes}};
    return node->settings.bias ? 2 : 1;
}

double bal_head_flops(const bal_graph *g, const bal_node *node)
{
    const double in = bal_op_input(g, node, 0)->shape.channels;
    return node->settings.out_channels * (2.0 * in + (node->settings.bias ? 1.0 : 0.0));
}

void bal_head_product(const bal_op_call *c, double *z)
{
    const bal_head_sizes s = bal_head_sizes_of(c);
    for (int64_t n = 0; n < s.batch; n++)
        for (int64_t j = 0; j < s.out; j++) {
            const double *x = c->x[0] + n * s.in, *w = c->param[0] + j * s.in;
            double sum = s.bias ? c->param[1][j] : 0.0;
            for (int64_t i = 0; i < s.in; i++)
                sum += w[i] * x[i];
            z[n * s.out + j] = sum;
        }
}

void bal_head_product_back(const bal_op_call *c, int64_t n, int64_t j, double dz)
{
    const bal_head_sizes s = bal_head_sizes_of(c);
    const double *x = c->x[0] + n * s.in, *w = c->param[0] + j * s.in;
    for (int64_t i = 0; c->dx[0] && i < s.in; i++)
        c->dx[0][n * s.in + i] += dz * w[i];
    for (int64_t i = 0; c->dparam[0] && i < s.in; i++)
        c->dparam[0][j * s.in + i] += dz * x[i];
    if (s.bias && c->dparam[1])
        c->dparam[1][j] += dz;
}
