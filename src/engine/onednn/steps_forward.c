/* Forward steps. */
#include "engine/onednn/onednn_steps.h"

#include <string.h>

static const bal_node *node_of(const one_program *p, const one_step *s)
{
    return &p->plan->head.graph->nodes[s->node];
}

bal_blocked bal_one_blocked(const one_program *p, bal_shape shape, int block)
{
    return (bal_blocked){p->batch, shape.channels, shape.height, shape.width, block};
}

bal_blocked bal_one_shape_of(const one_program *p, int value)
{
    return bal_one_blocked(p, p->values[value].shape, p->values[value].block);
}

bal_status bal_step_input(one_program *p, one_step *s, const one_run *how)
{
    const bal_blocked to = bal_one_shape_of(p, s->made);
    const float *from = how->forward->inputs[s->number];
    float *at = bal_one_at(p, s->out[0]);
    if (to.block == 1)
        memcpy(at, from, (size_t)bal_blocked_count(to) * sizeof *at);
    else
        bal_kernel_convert(at, to, from, bal_one_blocked(p, p->values[s->made].shape, 1));
    return BAL_OK;
}

bal_status bal_step_convert(one_program *p, one_step *s, const one_run *how)
{
    (void)how;
    bal_kernel_convert(bal_one_at(p, s->out[0]), bal_one_shape_of(p, s->made),
                       bal_one_at(p, s->in[0]), bal_one_shape_of(p, s->value[0]));
    return BAL_OK;
}

bal_status bal_step_call(one_program *p, one_step *s, const one_run *how)
{
    (void)how;
    return bal_one_call_run(p, &s->call);
}

static void update_running(one_program *p, const one_step *s)
{
    const bal_node *n = node_of(p, s);
    const double count = (double)p->batch * n->shape.height * n->shape.width;
    const double unbiased = count > 1.0 ? count / (count - 1.0) : 1.0;
    const double momentum = n->settings.momentum;
    const float *mean = bal_one_at(p, s->saved[0]), *variance = bal_one_at(p, s->saved[1]);
    float *running_mean = p->plan->params[n->param[2]].value;
    float *running_variance = p->plan->params[n->param[3]].value;
    for (int c = 0; c < n->shape.channels; c++) {
        running_mean[c] =
            (float)((1.0 - momentum) * (double)running_mean[c] + momentum * (double)mean[c]);
        running_variance[c] = (float)((1.0 - momentum) * (double)running_variance[c] +
                                      momentum * unbiased * (double)variance[c]);
    }
}

bal_norm bal_one_norm(const one_program *p, const one_step *forward, bool training)
{
    const bal_node *n = node_of(p, forward);
    const one_param *params = p->plan->params;
    return (bal_norm){
        .mean = training ? bal_one_at(p, forward->saved[0]) : params[n->param[2]].value,
        .variance = training ? bal_one_at(p, forward->saved[1]) : params[n->param[3]].value,
        .weight = params[n->param[0]].value,
        .bias = params[n->param[1]].value,
        .eps = (float)n->settings.eps,
        .relu = forward->relu};
}

bal_status bal_step_norm(one_program *p, one_step *s, const one_run *how)
{
    const bool training = how->forward->training && bal_plan_norm_trains(&p->plan->head, s->node);
    const bal_blocked t = bal_one_shape_of(p, s->made);
    const float *x = bal_one_at(p, s->in[0]);
    if (training)
        bal_kernel_norm_statistics(bal_one_at(p, s->saved[0]), bal_one_at(p, s->saved[1]),
                                   (double *)(void *)bal_one_at(p, s->out[1]), x, t);
    const bal_norm norm = bal_one_norm(p, s, training);
    bal_kernel_norm(bal_one_at(p, s->out[0]), x, &norm, t);
    if (training)
        update_running(p, s);
    return BAL_OK;
}

bal_status bal_step_relu(one_program *p, one_step *s, const one_run *how)
{
    (void)how;
    bal_kernel_relu(bal_one_at(p, s->out[0]), bal_one_at(p, s->in[0]),
                    bal_blocked_count(bal_one_shape_of(p, s->made)));
    return BAL_OK;
}

bal_status bal_step_add(one_program *p, one_step *s, const one_run *how)
{
    (void)how;
    bal_kernel_add(bal_one_at(p, s->out[0]), bal_one_at(p, s->in[0]), bal_one_at(p, s->in[1]),
                   bal_blocked_count(bal_one_shape_of(p, s->made)), s->relu);
    return BAL_OK;
}

bal_status bal_step_global_pool(one_program *p, one_step *s, const one_run *how)
{
    (void)how;
    bal_kernel_global_pool(bal_one_at(p, s->out[0]), bal_one_at(p, s->in[0]),
                           bal_one_shape_of(p, s->value[0]));
    return BAL_OK;
}

bal_status bal_step_flatten(one_program *p, one_step *s, const one_run *how)
{
    (void)how;
    const one_value *from = &p->values[s->value[0]];
    bal_kernel_convert(bal_one_at(p, s->out[0]), bal_one_blocked(p, from->shape, 1),
                       bal_one_at(p, s->in[0]), bal_one_shape_of(p, s->value[0]));
    return BAL_OK;
}

/* y (rows x outputs) = scale x (rows x inputs) . w (outputs x inputs), transposed */
static bal_status product(one_program *p, const one_step *s, const float *x, const float *w,
                          float scale)
{
    const int64_t inputs = bal_shape_count(p->values[s->value[0]].shape);
    const int64_t outputs = node_of(p, s)->shape.channels;
    BAL_DNNL_TRY(p->ctx, dnnl_sgemm('N', 'T', p->batch, outputs, inputs, scale, x, inputs, w,
                                    inputs, 0.0f, bal_one_at(p, s->out[0]), outputs));
    return BAL_OK;
}

bal_status bal_step_linear(one_program *p, one_step *s, const one_run *how)
{
    (void)how;
    const bal_node *n = node_of(p, s);
    BAL_TRY(product(p, s, bal_one_at(p, s->in[0]), p->plan->params[n->param[0]].value, 1.0f));
    if (n->params < 2)
        return BAL_OK;
    const float *bias = p->plan->params[n->param[1]].value;
    float *y = bal_one_at(p, s->out[0]);
    for (int64_t i = 0; i < p->batch; i++)
        for (int j = 0; j < n->shape.channels; j++)
            y[i * n->shape.channels + j] += bias[j];
    return BAL_OK;
}

bal_status bal_step_cosine(one_program *p, one_step *s, const one_run *how)
{
    (void)how;
    const bal_node *n = node_of(p, s);
    const int64_t inputs = bal_shape_count(p->values[s->value[0]].shape);
    bal_kernel_normalise(bal_one_at(p, s->saved[0]), bal_one_at(p, s->saved[1]),
                         bal_one_at(p, s->in[0]), p->batch, inputs);
    bal_kernel_normalise(bal_one_at(p, s->saved[2]), bal_one_at(p, s->saved[3]),
                         p->plan->params[n->param[0]].value, n->shape.channels, inputs);
    return product(p, s, bal_one_at(p, s->saved[0]), bal_one_at(p, s->saved[2]),
                   (float)n->settings.scale);
}

bal_status bal_step_dropout(one_program *p, one_step *s, const one_run *how)
{
    const bal_node *n = node_of(p, s);
    const bal_blocked t = bal_one_shape_of(p, s->made);
    uint8_t *keep = (uint8_t *)bal_one_at(p, s->saved[0]);
    const int64_t count = bal_shape_count(n->shape) * p->batch;
    float scale = 1.0f;
    if (how->forward->training) {
        bal_dropout_mask(p->plan->head.settings.seed, how->forward->step, s->node,
                         n->settings.probability, count, keep);
        scale = (float)(1.0 / (1.0 - n->settings.probability));
    } else {
        memset(keep, 1, (size_t)count);
    }
    bal_kernel_dropout(bal_one_at(p, s->out[0]), bal_one_at(p, s->in[0]), keep, scale, t);
    return BAL_OK;
}

bal_status bal_step_shortcut(one_program *p, one_step *s, const one_run *how)
{
    (void)how;
    const bal_node *n = node_of(p, s);
    bal_kernel_shortcut(bal_one_at(p, s->out[0]), bal_one_shape_of(p, s->made),
                        bal_one_at(p, s->in[0]), bal_one_shape_of(p, s->value[0]),
                        n->settings.stride[0], n->settings.channels_before);
    return BAL_OK;
}

bal_status bal_step_unflatten(one_program *p, one_step *s, const one_run *how)
{
    (void)how;
    bal_kernel_convert(bal_one_at(p, s->out[0]), bal_one_shape_of(p, s->made),
                       bal_one_at(p, s->in[0]), bal_one_blocked(p, p->values[s->made].shape, 1));
    return BAL_OK;
}

bal_status bal_step_upsample(one_program *p, one_step *s, const one_run *how)
{
    (void)how;
    bal_kernel_upsample(bal_one_at(p, s->out[0]), bal_one_at(p, s->in[0]),
                        bal_one_shape_of(p, s->value[0]), node_of(p, s)->settings.stride[0]);
    return BAL_OK;
}

const bal_batch_mix *bal_one_mix(const one_program *p, const one_step *s)
{
    const bal_batch_mix *mix = &p->plan->head.mix;
    return mix->partner && mix->place == node_of(p, s)->settings.place ? mix : NULL;
}

bal_status bal_step_batch_mix(one_program *p, one_step *s, const one_run *how)
{
    (void)how;
    const bal_blocked t = bal_one_shape_of(p, s->made);
    bal_kernel_batch_mix(bal_one_at(p, s->out[0]), bal_one_at(p, s->in[0]), bal_one_mix(p, s), t);
    return BAL_OK;
}
