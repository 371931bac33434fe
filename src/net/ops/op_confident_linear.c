/* confident_linear: y_j = (1 + c alpha_j) z_j + c beta_j with z_j = w_j x + b_j and the confidence
 * c = sigmoid(v x + a), the head of DisAlign (Zhang et al. 2021). saved: z, then c of each image.
 */
#include "net/ops/head_rows.h"

#include <math.h>

enum { ALPHA, BETA, V, A }; /* behind matrix and bias */

static int params(const bal_graph *g, const bal_node *node, bal_op_param out[BAL_OP_MAX_PARAMS])
{
    const int64_t classes = node->settings.out_channels;
    const int next = bal_head_params_list(g, node, out);
    out[next + ALPHA] = (bal_op_param){"alpha", true, 1, {classes}};
    out[next + BETA] = (bal_op_param){"beta", true, 1, {classes}};
    out[next + V] =
        (bal_op_param){"confidence", true, 1, {bal_op_input(g, node, 0)->shape.channels}};
    out[next + A] = (bal_op_param){"confidence_bias", true, 1, {1}};
    return next + 4;
}

static double flops(const bal_graph *g, const bal_node *node)
{
    return bal_head_flops(g, node) + 4.0 * node->settings.out_channels +
           2.0 * bal_op_input(g, node, 0)->shape.channels + 4.0;
}

static int64_t saved_count(const bal_graph *g, const bal_node *node, int batch)
{
    (void)g;
    return (int64_t)batch * (node->settings.out_channels + 1);
}

/* Neither exponential overflows. */
static double sigmoid(double t)
{
    const double e = exp(-fabs(t));
    return t >= 0.0 ? 1.0 / (1.0 + e) : e / (1.0 + e);
}

static void forward(const bal_op_call *c)
{
    const bal_head_sizes s = bal_head_sizes_of(c);
    const double *alpha = c->param[s.next + ALPHA], *beta = c->param[s.next + BETA];
    double *confidence = c->saved + s.batch * s.out;
    bal_head_product(c, c->saved);
    for (int64_t n = 0; n < s.batch; n++) {
        double sum = c->param[s.next + A][0];
        for (int64_t i = 0; i < s.in; i++)
            sum += c->param[s.next + V][i] * c->x[0][n * s.in + i];
        confidence[n] = sigmoid(sum);
        for (int64_t j = 0; j < s.out; j++) {
            const double z = c->saved[n * s.out + j];
            c->y[n * s.out + j] = z + confidence[n] * (alpha[j] * z + beta[j]);
        }
    }
}

static void backward_image(const bal_op_call *c, const bal_head_sizes *s, int64_t n)
{
    const double *alpha = c->param[s->next + ALPHA], *beta = c->param[s->next + BETA];
    const double confidence = c->saved[s->batch * s->out + n];
    double slope = 0.0; /* of c */
    for (int64_t j = 0; j < s->out; j++) {
        const double dy = c->dy[n * s->out + j], z = c->saved[n * s->out + j];
        slope += dy * (alpha[j] * z + beta[j]);
        if (c->dparam[s->next + ALPHA])
            c->dparam[s->next + ALPHA][j] += dy * confidence * z;
        if (c->dparam[s->next + BETA])
            c->dparam[s->next + BETA][j] += dy * confidence;
        bal_head_product_back(c, n, j, dy * (1.0 + confidence * alpha[j]));
    }
    slope *= confidence * (1.0 - confidence);
    for (int64_t i = 0; c->dx[0] && i < s->in; i++)
        c->dx[0][n * s->in + i] += slope * c->param[s->next + V][i];
    for (int64_t i = 0; c->dparam[s->next + V] && i < s->in; i++)
        c->dparam[s->next + V][i] += slope * c->x[0][n * s->in + i];
    if (c->dparam[s->next + A])
        c->dparam[s->next + A][0] += slope;
}

static void backward(const bal_op_call *c)
{
    const bal_head_sizes s = bal_head_sizes_of(c);
    for (int64_t n = 0; n < s.batch; n++)
        backward_image(c, &s, n);
}

const bal_op bal_op_row_CONFIDENT_LINEAR = {.shape = bal_op_flat_shape,
                                            .params = params,
                                            .flops = flops,
                                            .saved_count = saved_count,
                                            .forward = forward,
                                            .backward = backward};
