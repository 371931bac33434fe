/* The oneDNN engine: parameters in the library's layouts, programs per batch size. */
#include "engine/onednn/onednn_kernels.h"
#include "engine/needs.h"
#include "engine/onednn/onednn_plan.h"

#include <omp.h>
#include <stdio.h>
#include <string.h>

#define PAD_FLOATS 16 /* vectors may be read a whole register at a time */

static one_plan *plan_of(bal_plan *plan)
{
    return (one_plan *)(void *)plan;
}

static const char *engine_version(void)
{
    static char text[32];
    const dnnl_version_t *v = dnnl_version();
    snprintf(text, sizeof text, "%d.%d.%d", v->major, v->minor, v->patch);
    return text;
}

static bool engine_supports(const bal_graph *g, int node)
{
    (void)g;
    (void)node;
    return true; /* lowering covers the whole op list */
}

/* The block of channels that this machine's convolutions like: asked of one of them. */
static bal_status find_block(one_plan *plan)
{
    bal_ctx *ctx = plan->head.ctx;
    const int64_t image[4] = {2, 16, 8, 8}, kernel[4] = {16, 16, 3, 3};
    bal_md any = {0}, weights = {0}, chosen = {0}, blocked = {0};
    bal_prim prim = {0};
    bal_status status = BAL_OK;
    BAL_GOTO(bal_md_any(ctx, &any, 4, image));
    BAL_GOTO(bal_md_any(ctx, &weights, 4, kernel));
    bal_dnnl_conv c = {.src = &any, .weights = &weights, .dst = &any};
    c.window = (bal_dnnl_window){.stride = {1, 1}, .before = {1, 1}, .after = {1, 1}};
    BAL_GOTO(bal_conv_forward(ctx, &plan->dnnl, &c, &prim));
    BAL_GOTO(bal_prim_md(ctx, &prim, dnnl_query_dst_md, &chosen));
    BAL_GOTO(bal_md_blocked(ctx, &blocked, image, 16));
    plan->block = bal_md_equal(&chosen, &blocked) ? 16 : 8;
fail:
    bal_md_free(&any);
    bal_md_free(&weights);
    bal_md_free(&chosen);
    bal_md_free(&blocked);
    bal_prim_free(&prim);
    return status;
}

static bal_status look_at_graph(one_plan *plan)
{
    bal_ctx *ctx = plan->head.ctx;
    const bal_graph *g = plan->head.graph;
    const bal_plan_settings *s = &plan->head.settings;
    const size_t nodes = (size_t)g->node_count;
    plan->kept = bal_calloc(ctx, nodes, sizeof *plan->kept);
    plan->needs_gradient = bal_calloc(ctx, nodes, sizeof *plan->needs_gradient);
    plan->runs_backward = bal_calloc(ctx, nodes, sizeof *plan->runs_backward);
    plan->consumers = bal_calloc(ctx, nodes, sizeof *plan->consumers);
    if (!plan->kept || !plan->needs_gradient || !plan->runs_backward || !plan->consumers)
        return BAL_NO_MEMORY;
    bal_plan_needs(g, s, plan->needs_gradient, plan->runs_backward);
    for (int i = 0; i < s->keep_count; i++)
        plan->kept[s->keep[i]] = true;
    for (int i = 0; i < g->output_count; i++)
        plan->kept[g->outputs[i].node] = true;
    for (int i = 0; i < g->node_count; i++)
        for (int k = 0; k < g->nodes[i].inputs; k++)
            plan->consumers[g->nodes[i].input[k]]++;
    return BAL_OK;
}

static bal_status describe_params(one_plan *plan)
{
    bal_ctx *ctx = plan->head.ctx;
    const bal_graph *g = plan->head.graph;
    plan->params = bal_calloc(ctx, (size_t)g->param_count, sizeof *plan->params);
    if (!plan->params)
        return BAL_NO_MEMORY;
    for (int i = 0; i < g->param_count; i++) {
        const bal_param_info *info = &g->params[i];
        const bal_node *n = &g->nodes[info->node];
        const int groups = n->settings.groups;
        one_param *p = &plan->params[i];
        if (n->op == BAL_OP_CONV2D && info->dims == 4 && groups > 1) {
            const int64_t shape[5] = {groups, info->shape[0] / groups, info->shape[1],
                                      info->shape[2], info->shape[3]};
            BAL_TRY(bal_md_plain(ctx, &p->plain, 5, shape));
        } else {
            BAL_TRY(bal_md_plain(ctx, &p->plain, info->dims, info->shape));
        }
        if (n->op != BAL_OP_CONV2D || info->dims != 4)
            BAL_TRY(bal_md_copy(ctx, &p->layout, &p->plain));
        for (int k = 0; k < n->params && info->learned; k++)
            p->has_gradient = p->has_gradient || plan->head.settings.trainable[n->param[k]];
    }
    return BAL_OK;
}

#define ONE_PARTS (BAL_PARAM_SUM + 1)

static float **part_at(one_param *p, bal_param_part part)
{
    float **const parts[ONE_PARTS] = {[BAL_PARAM_VALUE] = &p->value,
                                      [BAL_PARAM_GRADIENT] = &p->gradient,
                                      [BAL_PARAM_MOMENTUM] = &p->momentum,
                                      [BAL_PARAM_SECOND] = &p->second,
                                      [BAL_PARAM_AVERAGE] = &p->average,
                                      [BAL_PARAM_ASIDE] = &p->aside,
                                      [BAL_PARAM_SUM] = &p->sum};
    return parts[part];
}

static bool needs_part(const one_plan *plan, const one_param *p, bal_param_part part)
{
    const bal_plan_settings *s = &plan->head.settings;
    switch (part) {
    case BAL_PARAM_VALUE:
        return true;
    case BAL_PARAM_AVERAGE:
        return s->average;
    case BAL_PARAM_ASIDE:
        return s->aside;
    case BAL_PARAM_GRADIENT:
    case BAL_PARAM_MOMENTUM:
        return p->has_gradient;
    case BAL_PARAM_SECOND:
        return p->has_gradient && s->optimizer == BAL_ADAMW;
    case BAL_PARAM_SUM:
        return p->has_gradient && s->sum;
    }
    return false;
}

static bal_status make_room(one_plan *plan)
{
    bal_ctx *ctx = plan->head.ctx;
    const bal_graph *g = plan->head.graph;
    for (int i = 0; i < g->param_count; i++) {
        one_param *p = &plan->params[i];
        const size_t room = (size_t)p->count + PAD_FLOATS;
        for (int part = 0; part < ONE_PARTS; part++) {
            float **at = part_at(p, (bal_param_part)part);
            if (!needs_part(plan, p, (bal_param_part)part))
                continue;
            *at = bal_calloc_aligned(ctx, room, sizeof(float));
            if (!*at)
                return BAL_NO_MEMORY;
        }
        plan->sum_count += p->has_gradient ? (int64_t)room : 0;
    }
    plan->arena = bal_calloc_aligned(ctx, plan->arena_bytes, 1);
    return plan->arena ? BAL_OK : BAL_NO_MEMORY;
}

static void engine_plan_close(bal_plan *head)
{
    one_plan *plan = plan_of(head);
    bal_ctx *ctx = head->ctx;
    for (int i = 0; i < plan->program_count; i++)
        bal_one_program_close(&plan->programs[i]);
    for (int i = 0; plan->params && i < head->graph->param_count; i++) {
        one_param *p = &plan->params[i];
        for (int part = 0; part < ONE_PARTS; part++)
            bal_free_aligned(ctx, *part_at(p, (bal_param_part)part));
        bal_md_free(&p->plain);
        bal_md_free(&p->layout);
    }
    bal_free(ctx, plan->params);
    bal_free(ctx, plan->kept);
    bal_free(ctx, plan->needs_gradient);
    bal_free(ctx, plan->runs_backward);
    bal_free(ctx, plan->consumers);
    bal_free_aligned(ctx, plan->arena);
    bal_free(ctx, plan->sum);
    bal_dnnl_close(&plan->dnnl);
    bal_free(ctx, plan);
}

static bal_status build(one_plan *plan)
{
    omp_set_num_threads(plan->threads);
    BAL_TRY(bal_dnnl_open(plan->head.ctx, &plan->dnnl));
    BAL_TRY(find_block(plan));
    BAL_TRY(look_at_graph(plan));
    BAL_TRY(describe_params(plan));
    BAL_TRY(bal_one_program_open(&plan->programs[0], plan, plan->head.settings.batch));
    plan->program_count = 1;
    plan->arena_bytes = plan->programs[0]->arena_bytes + plan->programs[0]->scratch_bytes;
    for (int i = 0; i < plan->head.graph->param_count; i++)
        plan->params[i].count = (int64_t)(bal_md_bytes(&plan->params[i].layout) / sizeof(float));
    if (plan->head.settings.measure_only)
        return BAL_OK;
    BAL_TRY(make_room(plan));
    return bal_one_program_bind(plan->programs[0]);
}

/* The common head is filled in here as well, because building reads it. */
static bal_status engine_plan_open(bal_plan **out, bal_ctx *ctx, const bal_graph *g,
                                   const bal_plan_settings *s)
{
    *out = NULL;
    one_plan *plan = bal_calloc(ctx, 1, sizeof *plan);
    if (!plan)
        return BAL_NO_MEMORY;
    plan->head.ctx = ctx;
    plan->head.graph = g;
    plan->head.settings = *s;
    plan->threads = bal_ctx_threads(ctx);
    *out = &plan->head;
    return build(plan);
}

static void engine_cost(const bal_plan *head, bal_plan_cost *cost)
{
    const one_plan *plan = (const one_plan *)(const void *)head;
    const bal_graph *g = head->graph;
    memset(cost, 0, sizeof *cost);
    cost->activation_bytes = plan->programs[0]->arena_bytes;
    cost->scratch_bytes = plan->programs[0]->scratch_bytes;
    for (int i = 0; i < g->param_count; i++)
        for (int part = 0; part < ONE_PARTS; part++)
            if (needs_part(plan, &plan->params[i], (bal_param_part)part))
                cost->parameter_bytes += (size_t)plan->params[i].count * sizeof(float);
    cost->forward_flops = bal_graph_flops(g) * head->settings.batch;
    cost->backward_flops = bal_plan_backward_flops(g, &head->settings, plan->needs_gradient);
}

/* The program for a batch size; another size than the planned one is lowered when it first comes.
 */
static bal_status program_for(one_plan *plan, int batch, one_program **out)
{
    for (int i = 0; i < plan->program_count; i++)
        if (plan->programs[i]->batch == batch) {
            *out = plan->programs[i];
            return BAL_OK;
        }
    one_program *p;
    BAL_TRY(bal_one_program_open(&p, plan, batch));
    const bal_status status = bal_one_program_bind(p);
    if (status != BAL_OK) {
        bal_one_program_close(&p);
        return status;
    }
    int at = plan->program_count;
    if (at == BAL_MAX_PROGRAMS) { /* the planned one stays */
        at = 1 + plan->next_victim++ % (BAL_MAX_PROGRAMS - 1);
        bal_one_program_close(&plan->programs[at]);
    } else {
        plan->program_count++;
    }
    plan->programs[at] = *out = p;
    return BAL_OK;
}

static bal_status engine_forward(bal_plan *head, const bal_forward *how)
{
    one_plan *plan = plan_of(head);
    const one_run run = {.forward = how};
    omp_set_num_threads(plan->threads);
    BAL_TRY(program_for(plan, how->batch, &plan->active));
    return bal_one_program_run(plan->active, 0, plan->active->forward_steps, &run);
}

static bal_status engine_backward(bal_plan *head, const bal_backward *how)
{
    one_plan *plan = plan_of(head);
    one_program *p = plan->active;
    const one_run run = {.backward = how};
    omp_set_num_threads(plan->threads);
    if (how->accumulate && !plan->sum) {
        plan->sum = bal_calloc(head->ctx, (size_t)plan->sum_count, sizeof *plan->sum);
        if (!plan->sum)
            return BAL_NO_MEMORY;
    }
    plan->accumulate = how->accumulate;
    return bal_one_program_run(p, p->forward_steps, p->step_count, &run);
}

static bal_status engine_update(bal_plan *head, const bal_update *how)
{
    one_plan *plan = plan_of(head);
    for (int i = 0; i < head->graph->param_count; i++) {
        one_param *p = &plan->params[i];
        if (!head->settings.trainable[i])
            continue;
        const bal_sgd_step step = {how->lr[i], how->weight_decay[i], (float)how->momentum,
                                   how->nesterov};
        if (p->second) {
            const bal_adamw_step adamw = bal_adamw_step_of(head, how, i);
            bal_kernel_adamw(p->value, p->momentum, p->second, p->gradient, p->count, &adamw);
        } else {
            bal_kernel_sgd(p->value, p->momentum, p->gradient, p->count, step);
        }
    }
    return BAL_OK;
}

static bal_status engine_read_param(bal_plan *head, int param, bal_param_part part, float *out)
{
    one_plan *plan = plan_of(head);
    one_param *p = &plan->params[param];
    return bal_reorder_now(head->ctx, &plan->dnnl, &p->layout, *part_at(p, part), &p->plain, out);
}

static bal_status engine_write_param(bal_plan *head, int param, bal_param_part part,
                                     const float *in)
{
    one_plan *plan = plan_of(head);
    one_param *p = &plan->params[param];
    return bal_reorder_now(head->ctx, &plan->dnnl, &p->plain, in, &p->layout, *part_at(p, part));
}

/* Paddings are 0 in every part, so they may be summed along. */
static void engine_combine(bal_plan *head, int param, const bal_combine *how)
{
    one_plan *plan = plan_of(head);
    one_param *p = &plan->params[param];
    omp_set_num_threads(plan->threads);
    bal_kernel_combine(*part_at(p, how->to), *part_at(p, how->from), p->count, how->keep, how->add);
}

static void engine_exchange(bal_plan *head, int param, bal_param_part a, bal_param_part b)
{
    one_param *p = &plan_of(head)->params[param];
    bal_kernel_exchange(*part_at(p, a), *part_at(p, b), p->count);
}

static double engine_squares(const bal_plan *head, int param, bal_param_part part)
{
    const one_plan *plan = (const one_plan *)(const void *)head;
    one_param *p = &plan->params[param];
    return bal_kernel_squares(*part_at(p, part), p->count);
}

static bal_status engine_read_node(bal_plan *head, int node, bal_node_part part, float *out)
{
    one_plan *plan = plan_of(head);
    const one_program *p = plan->active;
    const one_value *v = &p->values[p->native[node]];
    const bal_blocked from = {p->batch, v->shape.channels, v->shape.height, v->shape.width,
                              v->block};
    const bal_blocked to = {p->batch, v->shape.channels, v->shape.height, v->shape.width, 1};
    const int buffer = part == BAL_NODE_ACTIVATION ? v->buffer : v->gradient;
    if (buffer < 0)
        return bal_fail(head->ctx, BAL_BAD_ARG, "node %d has no gradient", node);
    bal_kernel_convert(out, to, bal_one_at(p, buffer), from);
    return BAL_OK;
}

const bal_engine bal_engine_onednn = {
    .name = "onednn",
    .about = "CPU, by oneDNN's convolutions and matrix products",
    .version = engine_version,
    .supports = engine_supports,
    .plan_open = engine_plan_open,
    .plan_close = engine_plan_close,
    .cost = engine_cost,
    .forward = engine_forward,
    .backward = engine_backward,
    .update = engine_update,
    .read_param = engine_read_param,
    .write_param = engine_write_param,
    .read_node = engine_read_node,
    .combine = engine_combine,
    .exchange = engine_exchange,
    .squares = engine_squares,
    .measure_floor = bal_one_measure_floor,
};
