/* Steps that run an op's plain C in double, for small ops at the end of a network: heads. All that
 * the op sees lies in one buffer, which forward fills and backward reads again. */
#include "engine/onednn/onednn_steps.h"

#include <string.h>

/* Where the tensors of a call lie in a buffer of doubles. */
typedef struct layout {
    int64_t x, y, saved, param[BAL_OP_MAX_PARAMS], count;
} layout;

static const bal_node *node_of(const one_program *p, int node)
{
    return &p->plan->head.graph->nodes[node];
}

static layout layout_of(const one_program *p, int node)
{
    const bal_graph *g = p->plan->head.graph;
    const bal_node *n = node_of(p, node);
    const bal_op *op = bal_op_of((bal_op_kind)n->op);
    layout l = {.x = 0};
    l.y = p->batch * bal_shape_count(g->nodes[n->input[0]].shape);
    l.saved = l.y + p->batch * bal_shape_count(n->shape);
    l.count = l.saved + (op->saved_count ? op->saved_count(g, n, p->batch) : 0);
    for (int i = 0; i < n->params; i++) {
        l.param[i] = l.count;
        l.count += g->params[n->param[i]].count;
    }
    return l;
}

int bal_one_plain_buffer(one_program *p, int node)
{
    return bal_one_buffer(p, (size_t)layout_of(p, node).count * sizeof(double));
}

static void widen(double *to, const float *from, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        to[i] = from[i];
}

static bal_op_call call_of(const one_program *p, int node, int buffer)
{
    const layout l = layout_of(p, node);
    double *at = (double *)(void *)bal_one_at(p, buffer);
    bal_op_call call = {.graph = p->plan->head.graph,
                        .node = node,
                        .batch = p->batch,
                        .x = {at + l.x},
                        .y = at + l.y,
                        .saved = at + l.saved};
    for (int i = 0; i < node_of(p, node)->params; i++)
        call.param[i] = at + l.param[i];
    return call;
}

bal_status bal_step_plain(one_program *p, one_step *s, const one_run *how)
{
    const bal_graph *g = p->plan->head.graph;
    const bal_node *n = node_of(p, s->node);
    bal_op_call call = call_of(p, s->node, s->saved[0]);
    const layout l = layout_of(p, s->node);
    double *at = (double *)(void *)bal_one_at(p, s->saved[0]);
    call.training = how->forward->training;
    widen(at, bal_one_at(p, s->in[0]), l.y);
    for (int i = 0; i < n->params; i++)
        widen(at + l.param[i], p->plan->params[n->param[i]].value, g->params[n->param[i]].count);
    bal_op_of((bal_op_kind)n->op)->forward(&call);
    float *y = bal_one_at(p, s->out[0]);
    for (int64_t i = 0; i < l.saved - l.y; i++)
        y[i] = (float)call.y[i];
    return BAL_OK;
}

bal_status bal_back_plain(one_program *p, one_step *s, const one_run *how)
{
    const bal_graph *g = p->plan->head.graph;
    const bal_node *n = node_of(p, s->node);
    const layout l = layout_of(p, s->node);
    bal_op_call call = call_of(p, s->node, p->steps[s->forward].saved[0]);
    double *at = (double *)(void *)bal_one_at(p, s->out[1]); /* the same layout, of gradients */
    (void)how;
    call.training = p->plan->head.last_training;
    memset(at, 0, (size_t)l.count * sizeof *at);
    widen(at + l.y, bal_one_at(p, s->in[0]), l.saved - l.y);
    call.dy = at + l.y;
    call.dx[0] = s->out[0] >= 0 ? at + l.x : NULL;
    for (int i = 0; i < n->params; i++)
        call.dparam[i] = p->plan->head.settings.trainable[n->param[i]] ? at + l.param[i] : NULL;
    bal_op_of((bal_op_kind)n->op)->backward(&call);
    for (int64_t i = 0; call.dx[0] && i < l.y; i++)
        bal_one_at(p, s->out[0])[i] = (float)call.dx[0][i];
    for (int i = 0; i < n->params; i++) {
        if (!call.dparam[i])
            continue;
        float *gradient = p->plan->params[n->param[i]].gradient;
        for (int64_t k = 0; k < g->params[n->param[i]].count; k++)
            gradient[k] = (float)(call.dparam[i][k] + (p->plan->accumulate ? gradient[k] : 0.0f));
    }
    bal_one_tell_ready(p, s);
    return BAL_OK;
}
