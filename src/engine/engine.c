/* The table of engines, and everything about plans that is the same for all of them: arguments are
 * checked and settings resolved here, once. */
#include "engine/engine.h"

#include "net/op.h"

#include <math.h>
#include <string.h>

/* The only place that knows which engines were built, in order of preference. */
static const bal_engine *const engines[] = {
#ifdef BAL_WITH_ONEDNN
    &bal_engine_onednn,
#endif
    &bal_engine_reference, /* plain C, always built */
};

const bal_engine *bal_engine_row(int i)
{
    return i >= 0 && i < (int)BAL_COUNT_OF(engines) ? engines[i] : NULL;
}

bal_status bal_engine_find(bal_ctx *ctx, const char *name, const bal_engine **out)
{
    *out = NULL;
    char names[256] = "";
    for (int i = 0; bal_engine_row(i); i++) {
        const bal_engine *engine = bal_engine_row(i);
        if (!name || strcmp(engine->name, name) == 0) {
            *out = engine;
            return BAL_OK;
        }
        const size_t used = strlen(names);
        strncat(names, i > 0 ? ", " : "", sizeof names - used - 1);
        strncat(names, engine->name, sizeof names - strlen(names) - 1);
    }
    return bal_fail(ctx, BAL_BAD_ARG, "there is no engine \"%s\" in this build, it has: %s", name,
                    names);
}

static bal_status check_settings(bal_ctx *ctx, const bal_graph *g, const bal_plan_settings *s)
{
    if (!g->finished)
        return bal_fail(ctx, BAL_BAD_ARG, "the graph is not finished");
    if (s->batch < 1 || s->batch > BAL_SIZE_MAX)
        return bal_fail(ctx, BAL_BAD_ARG, "the batch is %d, must be 1 to %d", s->batch,
                        BAL_SIZE_MAX);
    if (s->keep_count < 0 || (s->keep_count > 0 && !s->keep))
        return bal_fail(ctx, BAL_BAD_ARG, "%d nodes to keep without a list", s->keep_count);
    for (int i = 0; i < s->keep_count; i++)
        if (s->keep[i] < 0 || s->keep[i] >= g->node_count)
            return bal_fail(ctx, BAL_BAD_ARG, "there is no node %d to keep, the graph has %d",
                            s->keep[i], g->node_count);
    for (int i = 0; s->trainable && i < g->param_count; i++)
        if (s->trainable[i] && !g->params[i].learned)
            return bal_fail(ctx, BAL_BAD_ARG, "%s is a running statistic, it cannot be trainable",
                            g->params[i].name);
    return BAL_OK;
}

static bal_status check_support(bal_ctx *ctx, const bal_engine *engine, const bal_graph *g)
{
    for (int i = 0; i < g->node_count; i++)
        if (!engine->supports(g, i))
            return bal_fail(ctx, BAL_MISMATCH, "engine %s cannot run node %s (%s)", engine->name,
                            g->nodes[i].name, bal_graph_node_op(g, i));
    return BAL_OK;
}

static bool listed(const int *list, int count, int item)
{
    for (int i = 0; i < count; i++)
        if (list[i] == item)
            return true;
    return false;
}

static void resolve_keep(const bal_graph *g, const bal_plan_settings *s, int *keep, int *count)
{
    *count = 0;
    for (int i = 0; i < s->keep_count; i++)
        if (!listed(keep, *count, s->keep[i]))
            keep[(*count)++] = s->keep[i];
    for (int i = 0; s->input_gradient && i < g->input_count; i++)
        if (!listed(keep, *count, g->inputs[i]))
            keep[(*count)++] = g->inputs[i];
}

bal_status bal_plan_open(bal_plan **out, bal_ctx *ctx, const bal_engine *engine, const bal_graph *g,
                         const bal_plan_settings *settings)
{
    *out = NULL;
    BAL_TRY(check_settings(ctx, g, settings));
    BAL_TRY(check_support(ctx, engine, g));
    bal_plan_settings resolved = *settings;
    bal_plan *plan = NULL;
    bool *trainable = bal_calloc(ctx, (size_t)g->param_count, sizeof *trainable);
    int *keep = bal_calloc(ctx, (size_t)settings->keep_count + BAL_GRAPH_MAX_INPUTS, sizeof *keep);
    int64_t *updates = bal_calloc(ctx, (size_t)g->param_count, sizeof *updates);
    bal_status status = BAL_NO_MEMORY;
    if (!trainable || !keep || !updates)
        goto fail;
    for (int i = 0; i < g->param_count; i++)
        trainable[i] = settings->training &&
                       (settings->trainable ? settings->trainable[i] : g->params[i].learned);
    resolve_keep(g, settings, keep, &resolved.keep_count);
    resolved.average &= settings->training;
    resolved.aside &= settings->training;
    resolved.sum &= settings->training;
    resolved.trainable = trainable;
    resolved.keep = keep;
    status = engine->plan_open(&plan, ctx, g, &resolved);
    if (plan) {
        plan->engine = engine;
        plan->ctx = ctx;
        plan->graph = g;
        plan->settings = resolved;
        plan->trainable = trainable;
        plan->keep = keep;
        plan->updates = updates;
    }
    if (status == BAL_OK) {
        *out = plan;
        return BAL_OK;
    }
    if (plan) {
        bal_plan_close(&plan);
        return status;
    }
fail:
    bal_free(ctx, trainable);
    bal_free(ctx, keep);
    bal_free(ctx, updates);
    return status;
}

void bal_plan_close(bal_plan **plan)
{
    if (!plan || !*plan)
        return;
    bal_ctx *ctx = (*plan)->ctx;
    bool *trainable = (*plan)->trainable;
    int *keep = (*plan)->keep;
    int64_t *updates = (*plan)->updates;
    (*plan)->engine->plan_close(*plan);
    bal_free(ctx, trainable);
    bal_free(ctx, keep);
    bal_free(ctx, updates);
    *plan = NULL;
}

void bal_plan_get_cost(const bal_plan *plan, bal_plan_cost *cost)
{
    *cost = (bal_plan_cost){0};
    plan->engine->cost(plan, cost);
}

static bal_status may_run(const bal_plan *plan)
{
    if (plan->settings.measure_only)
        return bal_fail(plan->ctx, BAL_BAD_ARG, "this plan was opened to measure only");
    return BAL_OK;
}

static bal_status may_train(const bal_plan *plan)
{
    BAL_TRY(may_run(plan));
    if (!plan->settings.training)
        return bal_fail(plan->ctx, BAL_BAD_ARG, "this plan was opened for inference");
    return BAL_OK;
}

bool bal_plan_norm_trains(const bal_plan *plan, int node)
{
    const bal_node *n = &plan->graph->nodes[node];
    bool frozen = true;
    for (int i = 0; i < n->params; i++)
        frozen = frozen && !plan->trainable[n->param[i]];
    return !(plan->settings.frozen_norm && frozen);
}

static bal_status take_mix(bal_plan *plan, const bal_forward *how)
{
    plan->mix = (bal_batch_mix){0};
    if (!how->mix || !how->training)
        return BAL_OK;
    bool there = false;
    for (int i = 0; i < plan->graph->node_count; i++) {
        const bal_node *n = &plan->graph->nodes[i];
        there = there || (n->op == BAL_OP_BATCH_MIX && n->settings.place == how->mix->place);
    }
    if (!there)
        return bal_fail(plan->ctx, BAL_BAD_ARG, "the network has no place %d to mix at",
                        how->mix->place);
    for (int i = 0; i < how->batch; i++)
        if (how->mix->partner[i] < 0 || how->mix->partner[i] >= how->batch ||
            !(how->mix->share[i] >= 0.0f && how->mix->share[i] <= 1.0f))
            return bal_fail(plan->ctx, BAL_BAD_ARG,
                            "image %d of %d is mixed with image %d, its share is %g", i, how->batch,
                            how->mix->partner[i], (double)how->mix->share[i]);
    plan->mix = *how->mix;
    return BAL_OK;
}

bal_status bal_plan_forward(bal_plan *plan, const bal_forward *how)
{
    BAL_TRY(how->training ? may_train(plan) : may_run(plan));
    if (how->batch < 1 || how->batch > plan->settings.batch)
        return bal_fail(plan->ctx, BAL_BAD_ARG, "the batch is %d, this plan takes 1 to %d",
                        how->batch, plan->settings.batch);
    for (int i = 0; i < plan->graph->input_count; i++)
        if (!how->inputs || !how->inputs[i])
            return bal_fail(plan->ctx, BAL_BAD_ARG, "input %s is missing",
                            plan->graph->nodes[plan->graph->inputs[i]].name);
    plan->last_batch = 0;
    plan->has_gradients = false;
    BAL_TRY(take_mix(plan, how));
    BAL_TRY(plan->engine->forward(plan, how));
    plan->last_batch = how->batch;
    plan->last_training = how->training;
    return BAL_OK;
}

static bal_status has_forward(const bal_plan *plan)
{
    BAL_TRY(may_run(plan));
    if (plan->last_batch == 0)
        return bal_fail(plan->ctx, BAL_BAD_ARG, "there was no forward pass yet");
    return BAL_OK;
}

bal_status bal_plan_read_output(bal_plan *plan, int output, float *out)
{
    BAL_TRY(has_forward(plan));
    const int node = bal_graph_output_node(plan->graph, output);
    if (node < 0)
        return bal_fail(plan->ctx, BAL_BAD_ARG, "there is no output %d, the graph has %d", output,
                        plan->graph->output_count);
    return plan->engine->read_node(plan, node, BAL_NODE_ACTIVATION, out);
}

bal_status bal_plan_backward(bal_plan *plan, const bal_backward *how)
{
    BAL_TRY(may_train(plan));
    BAL_TRY(has_forward(plan));
    if (plan->has_gradients)
        return bal_fail(plan->ctx, BAL_BAD_ARG, "backward has already run for this forward pass");
    bool any = false;
    for (int i = 0; how->output_gradients && i < plan->graph->output_count; i++)
        any = any || how->output_gradients[i];
    if (!any)
        return bal_fail(plan->ctx, BAL_BAD_ARG, "backward needs the gradient of an output");
    BAL_TRY(plan->engine->backward(plan, how));
    plan->has_gradients = true;
    return BAL_OK;
}

static bal_status check_adamw(const bal_plan *plan, const bal_update *how)
{
    if (!(how->beta1 >= 0.0 && how->beta1 < 1.0 && how->beta2 >= 0.0 && how->beta2 < 1.0))
        return bal_fail(plan->ctx, BAL_BAD_ARG, "the betas are %g and %g, 0 to below 1 expected",
                        how->beta1, how->beta2);
    if (!(how->eps > 0.0))
        return bal_fail(plan->ctx, BAL_BAD_ARG, "eps is %g, must be above 0", how->eps);
    return BAL_OK;
}

bal_adamw_step bal_adamw_step_of(const bal_plan *plan, const bal_update *how, int param)
{
    const double t = (double)plan->updates[param];
    return (bal_adamw_step){.lr = (double)how->lr[param],
                            .weight_decay = (double)how->weight_decay[param],
                            .beta1 = how->beta1,
                            .beta2 = how->beta2,
                            .eps = how->eps,
                            .first = 1.0 - pow(how->beta1, t),
                            .second = 1.0 - pow(how->beta2, t)};
}

bal_status bal_plan_update(bal_plan *plan, const bal_update *how)
{
    BAL_TRY(may_train(plan));
    if (!how->lr || !how->weight_decay)
        return bal_fail(plan->ctx, BAL_BAD_ARG, "an update needs lr and weight_decay");
    if (plan->settings.optimizer == BAL_ADAMW)
        BAL_TRY(check_adamw(plan, how));
    if (!(how->momentum >= 0.0))
        return bal_fail(plan->ctx, BAL_BAD_ARG, "momentum is %g, must be at least 0",
                        how->momentum);
    for (int i = 0; i < plan->graph->param_count; i++)
        plan->updates[i] += plan->trainable[i];
    return plan->engine->update(plan, how);
}

bool bal_plan_has_part(const bal_plan *plan, int param, bal_param_part part)
{
    const bal_plan_settings *s = &plan->settings;
    switch (part) {
    case BAL_PARAM_VALUE:
        return true;
    case BAL_PARAM_AVERAGE:
        return s->average;
    case BAL_PARAM_ASIDE:
        return s->aside;
    case BAL_PARAM_GRADIENT:
    case BAL_PARAM_MOMENTUM:
        return plan->trainable[param];
    case BAL_PARAM_SECOND:
        return plan->trainable[param] && s->optimizer == BAL_ADAMW;
    case BAL_PARAM_SUM:
        return plan->trainable[param] && s->sum;
    }
    return false;
}

/* A part that no parameter of the plan has is a mistake of the caller. */
static bal_status check_part(const bal_plan *plan, bal_param_part part)
{
    BAL_TRY(may_train(plan));
    for (int i = 0; i < plan->graph->param_count; i++)
        if (bal_plan_has_part(plan, i, part))
            return BAL_OK;
    return bal_fail(plan->ctx, BAL_BAD_ARG, "this plan was opened without part %d of parameters",
                    (int)part);
}

bal_status bal_plan_combine(bal_plan *plan, const bal_combine *how)
{
    BAL_TRY(check_part(plan, how->to));
    BAL_TRY(check_part(plan, how->from));
    for (int i = 0; i < plan->graph->param_count; i++)
        if (bal_plan_has_part(plan, i, how->to) && bal_plan_has_part(plan, i, how->from))
            plan->engine->combine(plan, i, how);
    return BAL_OK;
}

bal_status bal_plan_exchange(bal_plan *plan, bal_param_part a, bal_param_part b)
{
    BAL_TRY(check_part(plan, a));
    BAL_TRY(check_part(plan, b));
    for (int i = 0; i < plan->graph->param_count && a != b; i++)
        if (bal_plan_has_part(plan, i, a) && bal_plan_has_part(plan, i, b))
            plan->engine->exchange(plan, i, a, b);
    return BAL_OK;
}

bal_status bal_plan_norm(const bal_plan *plan, bal_param_part part, double *norm)
{
    BAL_TRY(check_part(plan, part));
    double sum = 0.0;
    for (int i = 0; i < plan->graph->param_count; i++)
        if (bal_plan_has_part(plan, i, part))
            sum += plan->engine->squares(plan, i, part);
    *norm = sqrt(sum);
    return BAL_OK;
}

static bal_status check_param(const bal_plan *plan, int param, bal_param_part part)
{
    BAL_TRY(may_run(plan));
    const bal_graph *g = plan->graph;
    if (param < 0 || param >= g->param_count)
        return bal_fail(plan->ctx, BAL_BAD_ARG, "there is no parameter %d, the graph has %d", param,
                        g->param_count);
    if (part == BAL_PARAM_VALUE)
        return BAL_OK;
    BAL_TRY(may_train(plan));
    if (bal_plan_has_part(plan, param, part))
        return BAL_OK;
    if (part == BAL_PARAM_AVERAGE || part == BAL_PARAM_ASIDE)
        return bal_fail(plan->ctx, BAL_BAD_ARG, "this plan was opened without %s",
                        part == BAL_PARAM_AVERAGE ? "averages" : "values put aside");
    if (!plan->trainable[param])
        return bal_fail(plan->ctx, BAL_BAD_ARG, "%s is frozen, it has no gradient and momentum",
                        g->params[param].name);
    return bal_fail(plan->ctx, BAL_BAD_ARG, "%s has no %s", g->params[param].name,
                    part == BAL_PARAM_SECOND ? "second moment, the optimizer is SGD"
                                             : "sum of gradients, the plan was opened without");
}

bal_status bal_plan_read_param(bal_plan *plan, int param, bal_param_part part, float *out)
{
    BAL_TRY(check_param(plan, param, part));
    return plan->engine->read_param(plan, param, part, out);
}

bal_status bal_plan_write_param(bal_plan *plan, int param, bal_param_part part, const float *in)
{
    BAL_TRY(check_param(plan, param, part));
    return plan->engine->write_param(plan, param, part, in);
}

bal_status bal_plan_read_node(bal_plan *plan, int node, bal_node_part part, float *out)
{
    BAL_TRY(has_forward(plan));
    const bal_graph *g = plan->graph;
    bool readable = listed(plan->keep, plan->settings.keep_count, node);
    for (int i = 0; i < g->output_count; i++)
        readable = readable || (part == BAL_NODE_ACTIVATION && g->outputs[i].node == node);
    if (!readable)
        return bal_fail(plan->ctx, BAL_BAD_ARG, "node %d (%s) is not kept by this plan", node,
                        node >= 0 && node < g->node_count ? g->nodes[node].name : "not there");
    if (part == BAL_NODE_GRADIENT && !plan->has_gradients)
        return bal_fail(plan->ctx, BAL_BAD_ARG,
                        "there was no backward pass after the last forward");
    return plan->engine->read_node(plan, node, part, out);
}

static bool same_shape(const bal_param_info *p, const bal_tensor *t)
{
    if (p->dims != t->dims)
        return false;
    for (int i = 0; i < p->dims; i++)
        if (p->shape[i] != t->shape[i])
            return false;
    return true;
}

bal_status bal_plan_load(bal_plan *plan, const bal_weights *weights)
{
    BAL_TRY(may_run(plan));
    const bal_graph *g = plan->graph;
    if (bal_weights_count(weights) != g->param_count)
        return bal_fail(plan->ctx, BAL_MISMATCH, "%d tensors for a graph of %d parameters",
                        bal_weights_count(weights), g->param_count);
    for (int i = 0; i < g->param_count; i++) {
        const bal_tensor *t = bal_weights_at(weights, i);
        if (strcmp(t->name, g->params[i].name) != 0 || !same_shape(&g->params[i], t))
            return bal_fail(plan->ctx, BAL_MISMATCH,
                            "tensor %d is %s, the graph has %s there, or their shapes differ", i,
                            t->name, g->params[i].name);
    }
    for (int i = 0; i < g->param_count; i++)
        BAL_TRY(
            plan->engine->write_param(plan, i, BAL_PARAM_VALUE, bal_weights_at(weights, i)->data));
    return BAL_OK;
}

bal_status bal_plan_save(bal_plan *plan, bal_weights **out)
{
    *out = NULL;
    BAL_TRY(may_run(plan));
    bal_weights *weights;
    BAL_TRY(bal_weights_open(&weights, plan->ctx));
    bal_status status = BAL_OK;
    for (int i = 0; i < plan->graph->param_count; i++) {
        const bal_param_info *p = &plan->graph->params[i];
        BAL_GOTO(bal_weights_add(weights, p->name, p->dims, p->shape, NULL));
        BAL_GOTO(
            plan->engine->read_param(plan, i, BAL_PARAM_VALUE, bal_weights_at(weights, i)->data));
    }
    *out = weights;
    return BAL_OK;
fail:
    bal_weights_close(&weights);
    return status;
}
