/* Backward steps. */
#include "engine/onednn/onednn_steps.h"

#include <string.h>

static const bal_node *node_of(const one_program *p, const one_step *s)
{
    return &p->plan->head.graph->nodes[s->node];
}

static const one_step *forward_of(const one_program *p, const one_step *s)
{
    return &p->steps[s->forward];
}

/* Tells the caller that the gradients of the step's trainable parameters are final. */
void bal_one_tell_ready(const one_program *p, const one_step *s)
{
    const bal_plan *head = &p->plan->head;
    const bal_node *n = node_of(p, s);
    if (!head->settings.gradient_ready)
        return;
    for (int i = 0; i < n->params; i++)
        if (head->settings.trainable[n->param[i]])
            head->settings.gradient_ready(head->settings.user, n->param[i]);
}

bal_status bal_back_external(one_program *p, one_step *s, const one_run *how)
{
    const bal_blocked to = bal_one_shape_of(p, s->made);
    const float *from = how->backward->output_gradients[s->number];
    float *at = bal_one_at(p, s->out[0]);
    if (!from)
        memset(at, 0, (size_t)bal_blocked_count(to) * sizeof *at);
    else
        bal_kernel_convert(at, to, from, bal_one_blocked(p, p->values[s->made].shape, 1));
    return BAL_OK;
}

bal_status bal_back_sum(one_program *p, one_step *s, const one_run *how)
{
    (void)how;
    bal_kernel_gradient_sum(bal_one_at(p, s->out[0]), bal_one_at(p, s->in[0]),
                            bal_one_at(p, s->in[1]), bal_one_at(p, s->in[2]),
                            bal_blocked_count(bal_one_shape_of(p, s->made)));
    return BAL_OK;
}

bal_status bal_back_convert(one_program *p, one_step *s, const one_run *how)
{
    (void)how;
    bal_kernel_convert(bal_one_at(p, s->out[0]), bal_one_shape_of(p, s->value[0]),
                       bal_one_at(p, s->in[0]), bal_one_shape_of(p, s->made));
    return BAL_OK;
}

bal_status bal_back_conv_data(one_program *p, one_step *s, const one_run *how)
{
    (void)how;
    if (s->extra.count > 0)
        BAL_TRY(bal_one_call_run(p, &s->extra));
    return bal_one_call_run(p, &s->call);
}

bal_status bal_back_conv_weights(one_program *p, one_step *s, const one_run *how)
{
    (void)how;
    BAL_TRY(bal_one_call_run(p, &s->call));
    if (s->extra.count > 0)
        BAL_TRY(bal_one_call_run(p, &s->extra));
    bal_one_tell_ready(p, s);
    return BAL_OK;
}

bal_status bal_back_norm(one_program *p, one_step *s, const one_run *how)
{
    (void)how;
    const one_step *f = forward_of(p, s);
    const bal_node *n = node_of(p, s);
    const bool training =
        p->plan->head.last_training && bal_plan_norm_trains(&p->plan->head, f->node);
    const bal_norm norm = bal_one_norm(p, f, training);
    const bal_norm_gradient out = {.data = bal_one_at(p, s->out[0]),
                                   .weight = p->plan->params[n->param[0]].gradient,
                                   .bias = p->plan->params[n->param[1]].gradient,
                                   .accumulate = p->plan->accumulate,
                                   .through = training};
    bal_kernel_norm_back(&out, (double *)(void *)bal_one_at(p, s->out[1]), bal_one_at(p, s->in[0]),
                         bal_one_at(p, f->in[0]), &norm, bal_one_shape_of(p, s->made));
    bal_one_tell_ready(p, s);
    return BAL_OK;
}

bal_status bal_back_pool(one_program *p, one_step *s, const one_run *how)
{
    (void)how;
    return bal_one_call_run(p, &s->call);
}

bal_status bal_back_global_pool(one_program *p, one_step *s, const one_run *how)
{
    (void)how;
    bal_kernel_global_pool_back(bal_one_at(p, s->out[0]), bal_one_at(p, s->in[0]),
                                bal_one_shape_of(p, s->value[0]));
    return BAL_OK;
}

bal_status bal_back_flatten(one_program *p, one_step *s, const one_run *how)
{
    (void)how;
    bal_kernel_convert(bal_one_at(p, s->out[0]), bal_one_shape_of(p, s->value[0]),
                       bal_one_at(p, s->in[0]),
                       bal_one_blocked(p, p->values[s->value[0]].shape, 1));
    return BAL_OK;
}

/* dx = scale dy . w, into the step's result where one is wanted */
static bal_status data_product(one_program *p, const one_step *s, const float *w, float scale)
{
    const int64_t inputs = bal_shape_count(p->values[s->value[0]].shape);
    const int64_t outputs = node_of(p, s)->shape.channels;
    if (s->out[0] < 0)
        return BAL_OK;
    BAL_DNNL_TRY(p->ctx,
                 dnnl_sgemm('N', 'N', p->batch, inputs, outputs, scale, bal_one_at(p, s->in[0]),
                            outputs, w, inputs, 0.0f, bal_one_at(p, s->out[0]), inputs));
    return BAL_OK;
}

/* dw = scale dy^T . x + beta dw */
static bal_status weights_product(one_program *p, const one_step *s, const float *x, float scale,
                                  float beta, float *dw)
{
    const int64_t inputs = bal_shape_count(p->values[s->value[0]].shape);
    const int64_t outputs = node_of(p, s)->shape.channels;
    BAL_DNNL_TRY(p->ctx, dnnl_sgemm('T', 'N', outputs, inputs, p->batch, scale,
                                    bal_one_at(p, s->in[0]), outputs, x, inputs, beta, dw, inputs));
    return BAL_OK;
}

bal_status bal_back_linear(one_program *p, one_step *s, const one_run *how)
{
    (void)how;
    const bal_node *n = node_of(p, s);
    const bool *trainable = p->plan->head.settings.trainable;
    const bool add = p->plan->accumulate;
    if (trainable[n->param[0]])
        BAL_TRY(weights_product(p, s, bal_one_at(p, forward_of(p, s)->in[0]), 1.0f,
                                add ? 1.0f : 0.0f, p->plan->params[n->param[0]].gradient));
    if (n->params > 1 && trainable[n->param[1]]) {
        const float *dy = bal_one_at(p, s->in[0]);
        float *db = p->plan->params[n->param[1]].gradient;
        for (int j = 0; j < n->shape.channels; j++) {
            double sum = add ? (double)db[j] : 0.0;
            for (int64_t i = 0; i < p->batch; i++)
                sum += (double)dy[i * n->shape.channels + j];
            db[j] = (float)sum;
        }
    }
    BAL_TRY(data_product(p, s, p->plan->params[n->param[0]].value, 1.0f));
    bal_one_tell_ready(p, s);
    return BAL_OK;
}

bal_status bal_back_cosine(one_program *p, one_step *s, const one_run *how)
{
    (void)how;
    const bal_node *n = node_of(p, s);
    const one_step *f = forward_of(p, s);
    const int64_t inputs = bal_shape_count(p->values[s->value[0]].shape);
    const float scale = (float)n->settings.scale;
    const float *unit_x = bal_one_at(p, f->saved[0]), *inverse_x = bal_one_at(p, f->saved[1]);
    const float *unit_w = bal_one_at(p, f->saved[2]), *inverse_w = bal_one_at(p, f->saved[3]);
    if (p->plan->head.settings.trainable[n->param[0]]) {
        float *spare = bal_one_at(p, s->out[1]);
        float *gradient = p->plan->params[n->param[0]].gradient;
        BAL_TRY(weights_product(p, s, unit_x, scale, 0.0f, spare));
        bal_kernel_normalise_back(spare, spare, unit_w, inverse_w, n->shape.channels, inputs);
        const int64_t count = inputs * n->shape.channels;
        if (p->plan->accumulate)
            bal_kernel_add(gradient, gradient, spare, count, false);
        else
            memcpy(gradient, spare, (size_t)count * sizeof *gradient);
    }
    BAL_TRY(data_product(p, s, unit_w, scale));
    if (s->out[0] >= 0)
        bal_kernel_normalise_back(bal_one_at(p, s->out[0]), bal_one_at(p, s->out[0]), unit_x,
                                  inverse_x, p->batch, inputs);
    bal_one_tell_ready(p, s);
    return BAL_OK;
}

bal_status bal_back_dropout(one_program *p, one_step *s, const one_run *how)
{
    (void)how;
    const bal_node *n = node_of(p, s);
    const float scale =
        p->plan->head.last_training ? (float)(1.0 / (1.0 - n->settings.probability)) : 1.0f;
    bal_kernel_dropout(bal_one_at(p, s->out[0]), bal_one_at(p, s->in[0]),
                       (const uint8_t *)bal_one_at(p, forward_of(p, s)->saved[0]), scale,
                       bal_one_shape_of(p, s->made));
    return BAL_OK;
}

bal_status bal_back_shortcut(one_program *p, one_step *s, const one_run *how)
{
    (void)how;
    const bal_node *n = node_of(p, s);
    bal_kernel_shortcut_back(bal_one_at(p, s->out[0]), bal_one_shape_of(p, s->value[0]),
                             bal_one_at(p, s->in[0]), bal_one_shape_of(p, s->made),
                             n->settings.stride[0], n->settings.channels_before);
    return BAL_OK;
}

bal_status bal_back_unflatten(one_program *p, one_step *s, const one_run *how)
{
    (void)how;
    bal_kernel_convert(bal_one_at(p, s->out[0]), bal_one_blocked(p, p->values[s->made].shape, 1),
                       bal_one_at(p, s->in[0]), bal_one_shape_of(p, s->made));
    return BAL_OK;
}

bal_status bal_back_upsample(one_program *p, one_step *s, const one_run *how)
{
    (void)how;
    bal_kernel_upsample_back(bal_one_at(p, s->out[0]), bal_one_at(p, s->in[0]),
                             bal_one_shape_of(p, s->value[0]), node_of(p, s)->settings.stride[0]);
    return BAL_OK;
}

bal_status bal_back_batch_mix(one_program *p, one_step *s, const one_run *how)
{
    (void)how;
    float *dx = bal_one_at(p, s->out[0]), *dy = bal_one_at(p, s->in[0]);
    const bal_blocked t = bal_one_shape_of(p, s->value[0]);
    const bal_batch_mix *mix = bal_one_mix(p, s);
    if (mix && dx == dy) { /* the result takes the memory of the gradient */
        dy = bal_one_at(p, s->out[1]);
        bal_kernel_batch_mix_back(dy, dx, NULL, t);
    }
    if (mix || dx != dy)
        bal_kernel_batch_mix_back(dx, dy, mix, t);
    return BAL_OK;
}
