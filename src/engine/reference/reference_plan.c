/* Opening and closing the reference engine's plan: parameters, and one arena for all tensors of a
 * pass, in which tensors that are never needed at the same time share memory. */
#include "engine/reference/reference_plan.h"

#include "engine/needs.h"

#include <stdlib.h>

static reference_tensor *tensor_at(const reference_plan *p, reference_kind kind, int node)
{
    return &p->tensors[node * REFERENCE_KINDS + (int)kind];
}

double *bal_reference_tensor(const reference_plan *p, reference_kind kind, int node)
{
    const reference_tensor *t = tensor_at(p, kind, node);
    return t->count > 0 ? p->arena + t->offset : NULL;
}

static void extend(reference_tensor *t, int time)
{
    if (time < t->first)
        t->first = time;
    if (time > t->last)
        t->last = time;
}

/* Lives: an activation from its forward to its last reader, which may be a backward; a gradient
 * from the first backward that adds to it to its node's own backward. */
static void find_lives(reference_plan *p, const bal_plan_settings *s)
{
    const bal_graph *g = p->graph;
    const int end = 2 * g->node_count;
    for (int i = 0; i < g->node_count; i++) {
        const bal_node *n = &g->nodes[i];
        const bal_op *op = bal_op_of((bal_op_kind)n->op);
        const int back = end - 1 - i;
        const int64_t count = s->batch * bal_shape_count(n->shape);
        const int64_t saved = op->saved_count ? op->saved_count(g, n, s->batch) : 0;
        const int last = p->runs[i] ? back : i;
        *tensor_at(p, REFERENCE_ACTIVATION, i) = (reference_tensor){count, i, last, 0};
        *tensor_at(p, REFERENCE_SAVED, i) = (reference_tensor){saved, i, last, 0};
        if (p->gradient[i])
            *tensor_at(p, REFERENCE_GRADIENT, i) = (reference_tensor){count, back, back, 0};
        for (int k = 0; k < n->inputs; k++) {
            extend(tensor_at(p, REFERENCE_ACTIVATION, n->input[k]), last);
            if (p->runs[i] && p->gradient[n->input[k]])
                extend(tensor_at(p, REFERENCE_GRADIENT, n->input[k]), back);
        }
    }
    /* Backward comes to the nodes in falling order, so a gradient begins at its last consumer's
     * time, which extend() above has already made its first. */
    for (int i = 0; i < s->keep_count; i++) {
        extend(tensor_at(p, REFERENCE_ACTIVATION, s->keep[i]), end);
        if (p->gradient[s->keep[i]])
            extend(tensor_at(p, REFERENCE_GRADIENT, s->keep[i]), end);
    }
    for (int i = 0; i < g->output_count; i++)
        extend(tensor_at(p, REFERENCE_ACTIVATION, g->outputs[i].node), end);
}

static int by_size(const void *a, const void *b)
{
    const reference_tensor *x = *(reference_tensor *const *)a, *y = *(reference_tensor *const *)b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return x < y ? -1 : x > y;
}

static bool meets(const reference_tensor *a, const reference_tensor *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* The lowest offset at which t meets no tensor of placed[0..count-1], which are in offset order. */
static int64_t find_room(const reference_tensor *t, reference_tensor *const *placed, int count)
{
    int64_t at = 0;
    for (int i = 0; i < count; i++) {
        const reference_tensor *other = placed[i];
        if (meets(t, other) && other->offset < at + t->count && other->offset + other->count > at)
            at = other->offset + other->count;
    }
    return at;
}

/* Largest first, each at the lowest free place. */
static bal_status place_tensors(reference_plan *p)
{
    const int all = p->graph->node_count * REFERENCE_KINDS;
    reference_tensor **order = bal_calloc(p->ctx, 2 * (size_t)all, sizeof(reference_tensor *));
    if (!order)
        return BAL_NO_MEMORY;
    reference_tensor **placed = order + all;
    int count = 0;
    for (int i = 0; i < all; i++)
        if (p->tensors[i].count > 0)
            order[count++] = &p->tensors[i];
    qsort(order, (size_t)count, sizeof(reference_tensor *), by_size);
    for (int i = 0; i < count; i++) {
        reference_tensor *t = order[i];
        t->offset = find_room(t, placed, i);
        int at = i;
        for (; at > 0 && placed[at - 1]->offset > t->offset; at--)
            placed[at] = placed[at - 1];
        placed[at] = t;
        if (t->offset + t->count > p->arena_count)
            p->arena_count = t->offset + t->count;
    }
    bal_free(p->ctx, order);
    return BAL_OK;
}

static bal_status make_params(reference_plan *p, const bal_plan_settings *s)
{
    for (int i = 0; i < p->graph->param_count; i++) {
        const int64_t count = p->graph->params[i].count;
        const bool learns = s->training && s->trainable[i];
        reference_param *t = &p->params[i];
        const struct {
            double **at;
            bool there;
        } parts[] = {{&t->value, true},          {&t->gradient, learns},
                     {&t->momentum, learns},     {&t->second, learns && s->optimizer == BAL_ADAMW},
                     {&t->average, s->average},  {&t->aside, s->aside},
                     {&t->sum, learns && s->sum}};
        for (size_t k = 0; k < BAL_COUNT_OF(parts); k++) {
            if (!parts[k].there)
                continue;
            p->param_numbers += count;
            if (s->measure_only)
                continue;
            *parts[k].at = bal_calloc(p->ctx, (size_t)count, sizeof(double));
            if (!*parts[k].at)
                return BAL_NO_MEMORY;
        }
    }
    return BAL_OK;
}

static bal_status build(reference_plan *p, const bal_plan_settings *s)
{
    const bal_graph *g = p->graph;
    const size_t nodes = (size_t)g->node_count;
    p->params = bal_calloc(p->ctx, (size_t)g->param_count, sizeof *p->params);
    p->tensors = bal_calloc(p->ctx, nodes * REFERENCE_KINDS, sizeof *p->tensors);
    p->gradient = bal_calloc(p->ctx, nodes, sizeof *p->gradient);
    p->runs = bal_calloc(p->ctx, nodes, sizeof *p->runs);
    p->touched = bal_calloc(p->ctx, nodes, sizeof *p->touched);
    if (!p->params || !p->tensors || !p->gradient || !p->runs || !p->touched)
        return BAL_NO_MEMORY;
    bal_plan_needs(g, s, p->gradient, p->runs);
    p->forward_flops = bal_graph_flops(g) * s->batch;
    p->backward_flops = bal_plan_backward_flops(g, s, p->gradient);
    find_lives(p, s);
    BAL_TRY(place_tensors(p));
    BAL_TRY(make_params(p, s));
    if (s->measure_only)
        return BAL_OK;
    p->arena = bal_calloc_aligned(p->ctx, (size_t)p->arena_count, sizeof *p->arena);
    return p->arena ? BAL_OK : BAL_NO_MEMORY;
}

bal_status bal_reference_open(bal_plan **out, bal_ctx *ctx, const bal_graph *g,
                              const bal_plan_settings *s)
{
    *out = NULL;
    reference_plan *p = bal_calloc(ctx, 1, sizeof *p);
    if (!p)
        return BAL_NO_MEMORY;
    p->ctx = ctx;
    p->graph = g;
    p->seed = s->seed;
    p->gradient_ready = s->gradient_ready;
    p->user = s->user;
    const bal_status status = build(p, s);
    if (status != BAL_OK) {
        bal_reference_close(&p->head);
        return status;
    }
    *out = &p->head;
    return BAL_OK;
}

void bal_reference_close(bal_plan *plan)
{
    reference_plan *p = (reference_plan *)plan;
    for (int i = 0; p->params && i < p->graph->param_count; i++) {
        bal_free(p->ctx, p->params[i].value);
        bal_free(p->ctx, p->params[i].gradient);
        bal_free(p->ctx, p->params[i].momentum);
        bal_free(p->ctx, p->params[i].second);
        bal_free(p->ctx, p->params[i].average);
        bal_free(p->ctx, p->params[i].aside);
        bal_free(p->ctx, p->params[i].sum);
    }
    bal_free(p->ctx, p->params);
    bal_free(p->ctx, p->tensors);
    bal_free(p->ctx, p->gradient);
    bal_free(p->ctx, p->runs);
    bal_free(p->ctx, p->touched);
    bal_free_aligned(p->ctx, p->arena);
    bal_free(p->ctx, p);
}

void bal_reference_cost(const bal_plan *plan, bal_plan_cost *cost)
{
    const reference_plan *p = (const reference_plan *)plan;
    cost->parameter_bytes = (size_t)p->param_numbers * sizeof(double);
    cost->activation_bytes = (size_t)p->arena_count * sizeof(double);
    cost->forward_flops = p->forward_flops;
    cost->backward_flops = p->backward_flops;
}
