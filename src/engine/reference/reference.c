/* The reference engine: a walk over the ops' plain C in double, one thread. It is slow and the
 * truth in tests. Parameters, gradients and momentum are rounded to float32 wherever they are
 * stored, so a checkpoint holds them exactly; activations and their gradients stay double. */
#include "engine/reference/reference_plan.h"

#include <math.h>
#include <string.h>

static const char *version(void)
{
    return bal_version();
}

static bool supports(const bal_graph *g, int node)
{
    (void)g;
    (void)node;
    return true;
}

static int64_t node_count_of(const bal_graph *g, int node, int batch)
{
    return batch * bal_shape_count(g->nodes[node].shape);
}

/* Everything that the op of a node sees; backward fills in its own part. */
static bal_op_call call_of(const reference_plan *p, int node)
{
    const bal_graph *g = p->graph;
    const bal_node *n = &g->nodes[node];
    bal_op_call call = {.graph = g,
                        .node = node,
                        .batch = p->batch,
                        .training = p->training && (n->op != BAL_OP_BATCH_NORM ||
                                                    bal_plan_norm_trains(&p->head, node)),
                        .seed = p->seed,
                        .step = p->step,
                        .mix = p->head.mix.partner ? &p->head.mix : NULL,
                        .y = bal_reference_tensor(p, REFERENCE_ACTIVATION, node),
                        .saved = bal_reference_tensor(p, REFERENCE_SAVED, node)};
    for (int i = 0; i < n->inputs; i++)
        call.x[i] = bal_reference_tensor(p, REFERENCE_ACTIVATION, n->input[i]);
    for (int i = 0; i < n->params; i++)
        call.param[i] = p->params[n->param[i]].value;
    return call;
}

static void round_to_float(double *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        values[i] = (float)values[i];
}

static void to_double(const float *from, double *to, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        to[i] = from[i];
}

static void to_float(const double *from, float *to, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        to[i] = (float)from[i];
}

static bal_status forward(bal_plan *plan, const bal_forward *how)
{
    reference_plan *p = (reference_plan *)plan;
    const bal_graph *g = p->graph;
    p->batch = how->batch;
    p->training = how->training;
    p->step = how->step;
    for (int i = 0, input = 0; i < g->node_count; i++) {
        const bal_node *n = &g->nodes[i];
        const bal_op_call call = call_of(p, i);
        if (n->op == BAL_OP_INPUT) /* inputs are numbered in the order of their nodes */
            to_double(how->inputs[input++], call.y, node_count_of(g, i, p->batch));
        else
            bal_op_of((bal_op_kind)n->op)->forward(&call);
        for (int k = 0; how->training && k < n->params; k++)
            if (!g->params[n->param[k]].learned)
                round_to_float(call.param[k], g->params[n->param[k]].count);
    }
    return BAL_OK;
}

/* The gradient tensor of a node, zeroed when this pass comes to it first. */
static double *gradient_of(reference_plan *p, int node)
{
    if (!p->gradient[node])
        return NULL;
    double *tensor = bal_reference_tensor(p, REFERENCE_GRADIENT, node);
    if (!p->touched[node])
        memset(tensor, 0, (size_t)node_count_of(p->graph, node, p->batch) * sizeof *tensor);
    p->touched[node] = true;
    return tensor;
}

static void add_output_gradients(reference_plan *p, int node, const bal_backward *how)
{
    const bal_graph *g = p->graph;
    double *dy = gradient_of(p, node);
    const int64_t count = node_count_of(g, node, p->batch);
    for (int i = 0; i < g->output_count; i++)
        if (g->outputs[i].node == node && how->output_gradients[i])
            for (int64_t k = 0; k < count; k++)
                dy[k] += how->output_gradients[i][k];
}

static void backward_node(reference_plan *p, int node)
{
    const bal_node *n = &p->graph->nodes[node];
    bal_op_call call = call_of(p, node);
    call.dy = gradient_of(p, node);
    for (int i = 0; i < n->inputs; i++)
        call.dx[i] = gradient_of(p, n->input[i]);
    for (int i = 0; i < n->params; i++)
        call.dparam[i] = p->params[n->param[i]].gradient;
    bal_op_of((bal_op_kind)n->op)->backward(&call);
    for (int i = 0; i < n->params; i++) {
        if (!call.dparam[i])
            continue;
        round_to_float(call.dparam[i], p->graph->params[n->param[i]].count);
        if (p->gradient_ready)
            p->gradient_ready(p->user, n->param[i]);
    }
}

static bal_status backward(bal_plan *plan, const bal_backward *how)
{
    reference_plan *p = (reference_plan *)plan;
    const bal_graph *g = p->graph;
    for (int i = 0; i < g->param_count; i++)
        if (p->params[i].gradient && !how->accumulate)
            memset(p->params[i].gradient, 0, (size_t)g->params[i].count * sizeof(double));
    memset(p->touched, 0, (size_t)g->node_count * sizeof *p->touched);
    for (int i = g->node_count - 1; i >= 0; i--) {
        if (!p->gradient[i])
            continue;
        add_output_gradients(p, i, how);
        if (p->runs[i])
            backward_node(p, i);
    }
    return BAL_OK;
}

static void update_sgd(const reference_param *t, int64_t count, const bal_update *how, int param)
{
    const double lr = how->lr[param], decay = how->weight_decay[param], momentum = how->momentum;
    for (int64_t k = 0; k < count; k++) {
        const double g = t->gradient[k] + decay * t->value[k];
        const double v = momentum * t->momentum[k] + g;
        const double d = how->nesterov ? g + momentum * v : v;
        t->momentum[k] = (float)v;
        t->value[k] = (float)(t->value[k] - lr * d);
    }
}

static void update_adamw(const reference_param *t, int64_t count, bal_adamw_step s)
{
    for (int64_t k = 0; k < count; k++) {
        const double g = t->gradient[k], w = t->value[k] - s.lr * s.weight_decay * t->value[k];
        const double m = s.beta1 * t->momentum[k] + (1.0 - s.beta1) * g;
        const double v = s.beta2 * t->second[k] + (1.0 - s.beta2) * g * g;
        t->momentum[k] = (float)m;
        t->second[k] = (float)v;
        t->value[k] = (float)(w - s.lr * (m / s.first) / (sqrt(v / s.second) + s.eps));
    }
}

static bal_status update(bal_plan *plan, const bal_update *how)
{
    const reference_plan *p = (const reference_plan *)plan;
    for (int i = 0; i < p->graph->param_count; i++) {
        const reference_param *t = &p->params[i];
        const int64_t count = p->graph->params[i].count;
        if (!t->gradient)
            continue;
        if (t->second)
            update_adamw(t, count, bal_adamw_step_of(plan, how, i));
        else
            update_sgd(t, count, how, i);
    }
    return BAL_OK;
}

static double *part_of(const reference_plan *p, int param, bal_param_part part)
{
    const reference_param *t = &p->params[param];
    double *const parts[] = {[BAL_PARAM_VALUE] = t->value,
                             [BAL_PARAM_GRADIENT] = t->gradient,
                             [BAL_PARAM_MOMENTUM] = t->momentum,
                             [BAL_PARAM_SECOND] = t->second,
                             [BAL_PARAM_AVERAGE] = t->average,
                             [BAL_PARAM_ASIDE] = t->aside,
                             [BAL_PARAM_SUM] = t->sum};
    return parts[part];
}

static void combine(bal_plan *plan, int param, const bal_combine *how)
{
    const reference_plan *p = (const reference_plan *)plan;
    double *to = part_of(p, param, how->to);
    const double *from = part_of(p, param, how->from);
    for (int64_t i = 0; i < p->graph->params[param].count; i++)
        to[i] = (float)(how->add * from[i] + (how->keep == 0.0 ? 0.0 : how->keep * to[i]));
}

static void exchange(bal_plan *plan, int param, bal_param_part a, bal_param_part b)
{
    const reference_plan *p = (const reference_plan *)plan;
    double *x = part_of(p, param, a), *y = part_of(p, param, b);
    for (int64_t i = 0; i < p->graph->params[param].count; i++) {
        const double kept = x[i];
        x[i] = y[i];
        y[i] = kept;
    }
}

static double squares(const bal_plan *plan, int param, bal_param_part part)
{
    const reference_plan *p = (const reference_plan *)plan;
    const double *x = part_of(p, param, part);
    double sum = 0.0;
    for (int64_t i = 0; i < p->graph->params[param].count; i++)
        sum += x[i] * x[i];
    return sum;
}

static bal_status read_param(bal_plan *plan, int param, bal_param_part part, float *out)
{
    const reference_plan *p = (const reference_plan *)plan;
    to_float(part_of(p, param, part), out, p->graph->params[param].count);
    return BAL_OK;
}

static bal_status write_param(bal_plan *plan, int param, bal_param_part part, const float *in)
{
    const reference_plan *p = (const reference_plan *)plan;
    to_double(in, part_of(p, param, part), p->graph->params[param].count);
    return BAL_OK;
}

static bal_status read_node(bal_plan *plan, int node, bal_node_part part, float *out)
{
    const reference_plan *p = (const reference_plan *)plan;
    const reference_kind kind =
        part == BAL_NODE_ACTIVATION ? REFERENCE_ACTIVATION : REFERENCE_GRADIENT;
    to_float(bal_reference_tensor(p, kind, node), out, node_count_of(p->graph, node, p->batch));
    return BAL_OK;
}

const bal_engine bal_engine_reference = {
    .name = "reference",
    .about = "plain C with double accumulators: slow, and the truth in tests",
    .version = version,
    .supports = supports,
    .plan_open = bal_reference_open,
    .plan_close = bal_reference_close,
    .cost = bal_reference_cost,
    .forward = forward,
    .backward = backward,
    .update = update,
    .read_param = read_param,
    .write_param = write_param,
    .read_node = read_node,
    .combine = combine,
    .exchange = exchange,
    .squares = squares,
    .measure_floor = NULL,
};
