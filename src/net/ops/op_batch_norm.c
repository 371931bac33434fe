/* batch_norm (Ioffe and Szegedy 2015) with PyTorch's conventions: eps 1e-5, running = 0.9 running +
 * 0.1 batch, and an unbiased running variance. In training mode the batch's statistics normalise
 * (biased variance) and are part of the gradient; in inference mode the running ones do, as
 * constants. A batch with one value a channel has no unbiased variance: the biased one, 0, is used.
 * saved: mean and 1 / sqrt(variance + eps) of each channel. */
#include "net/ops/op_rows.h"

#include <math.h>

enum { WEIGHT, BIAS, RUNNING_MEAN, RUNNING_VAR };

static int params(const bal_graph *g, const bal_node *node, bal_op_param out[BAL_OP_MAX_PARAMS])
{
    (void)g;
    const int64_t channels = node->shape.channels;
    out[WEIGHT] = (bal_op_param){"weight", true, 1, {channels}};
    out[BIAS] = (bal_op_param){"bias", true, 1, {channels}};
    out[RUNNING_MEAN] = (bal_op_param){"running_mean", false, 1, {channels}};
    out[RUNNING_VAR] = (bal_op_param){"running_var", false, 1, {channels}};
    return 4;
}

/* A scale and a shift; the statistics of training are left out. */
static double flops(const bal_graph *g, const bal_node *node)
{
    (void)g;
    return 2.0 * (double)bal_shape_count(node->shape);
}

static int64_t saved_count(const bal_graph *g, const bal_node *node, int batch)
{
    (void)g;
    (void)batch;
    return 2 * (int64_t)node->shape.channels;
}

typedef struct view {
    int64_t channels, area, image; /* area: positions of a channel; image: numbers of an image */
    double values;                 /* of a channel, all images together */
} view;

static view view_of(const bal_op_call *c)
{
    const bal_shape s = c->graph->nodes[c->node].shape;
    const int64_t area = (int64_t)s.height * s.width;
    return (view){s.channels, area, area * s.channels, (double)(area * c->batch)};
}

/* Mean and biased variance of channel ch, in two passes. */
static void batch_statistics(const bal_op_call *c, view v, int64_t ch, double *mean, double *var)
{
    double sum = 0.0, squares = 0.0;
    for (int64_t n = 0; n < c->batch; n++)
        for (int64_t k = 0; k < v.area; k++)
            sum += c->x[0][n * v.image + ch * v.area + k];
    *mean = sum / v.values;
    for (int64_t n = 0; n < c->batch; n++)
        for (int64_t k = 0; k < v.area; k++) {
            const double d = c->x[0][n * v.image + ch * v.area + k] - *mean;
            squares += d * d;
        }
    *var = squares / v.values;
}

static void forward(const bal_op_call *c)
{
    const view v = view_of(c);
    const bal_op_settings *s = &c->graph->nodes[c->node].settings;
    double *mean = c->saved, *inverse = c->saved + v.channels;
    for (int64_t ch = 0; ch < v.channels; ch++) {
        double var = c->param[RUNNING_VAR][ch];
        mean[ch] = c->param[RUNNING_MEAN][ch];
        if (c->training) {
            double *running_mean = &c->param[RUNNING_MEAN][ch];
            double *running_var = &c->param[RUNNING_VAR][ch];
            batch_statistics(c, v, ch, &mean[ch], &var);
            const double unbiased = v.values > 1.0 ? var * v.values / (v.values - 1.0) : var;
            *running_mean = (1.0 - s->momentum) * *running_mean + s->momentum * mean[ch];
            *running_var = (1.0 - s->momentum) * *running_var + s->momentum * unbiased;
        }
        inverse[ch] = 1.0 / sqrt(var + s->eps);
        const double scale = c->param[WEIGHT][ch] * inverse[ch], shift = c->param[BIAS][ch];
        for (int64_t n = 0; n < c->batch; n++)
            for (int64_t k = 0; k < v.area; k++) {
                const int64_t i = n * v.image + ch * v.area + k;
                c->y[i] = (c->x[0][i] - mean[ch]) * scale + shift;
            }
    }
}

static void backward(const bal_op_call *c)
{
    const view v = view_of(c);
    const double *mean = c->saved, *inverse = c->saved + v.channels;
    for (int64_t ch = 0; ch < v.channels; ch++) {
        double sum = 0.0, along = 0.0; /* of dy, and of dy times the normalised x */
        for (int64_t n = 0; n < c->batch; n++)
            for (int64_t k = 0; k < v.area; k++) {
                const int64_t i = n * v.image + ch * v.area + k;
                sum += c->dy[i];
                along += c->dy[i] * (c->x[0][i] - mean[ch]) * inverse[ch];
            }
        if (c->dparam[WEIGHT])
            c->dparam[WEIGHT][ch] += along;
        if (c->dparam[BIAS])
            c->dparam[BIAS][ch] += sum;
        if (!c->dx[0])
            continue;
        const double scale = c->param[WEIGHT][ch] * inverse[ch];
        const double sum_share = c->training ? sum / v.values : 0.0;
        const double along_share = c->training ? along / v.values : 0.0;
        for (int64_t n = 0; n < c->batch; n++)
            for (int64_t k = 0; k < v.area; k++) {
                const int64_t i = n * v.image + ch * v.area + k;
                const double normal = (c->x[0][i] - mean[ch]) * inverse[ch];
                c->dx[0][i] += scale * (c->dy[i] - sum_share - normal * along_share);
            }
    }
}

const bal_op bal_op_row_BATCH_NORM = {.shape = bal_op_same_shape,
                                      .params = params,
                                      .flops = flops,
                                      .saved_count = saved_count,
                                      .forward = forward,
                                      .backward = backward};
