/* Building a graph: nodes are appended and checked one by one by their op's shape rule. The first
 * failure is kept with its sentence; models are therefore written without a check per line. Looking
 * at a finished graph is graph_view.c. */
#include "net/op.h"

#include <string.h>

bal_status bal_graph_open(bal_graph **out, bal_ctx *ctx)
{
    *out = NULL;
    bal_graph *g = bal_calloc(ctx, 1, sizeof *g);
    if (!g)
        return BAL_NO_MEMORY;
    g->ctx = ctx;
    *out = g;
    return BAL_OK;
}

void bal_graph_close(bal_graph **graph)
{
    if (!graph || !*graph)
        return;
    bal_graph *g = *graph;
    for (int i = 0; i < g->node_count; i++)
        bal_free(g->ctx, g->nodes[i].name);
    for (int i = 0; i < g->param_count; i++)
        bal_free(g->ctx, (void *)(uintptr_t)g->params[i].name);
    for (int i = 0; i < g->output_count; i++)
        bal_free(g->ctx, g->outputs[i].name);
    bal_free(g->ctx, g->nodes);
    bal_free(g->ctx, g->params);
    bal_free(g->ctx, g->outputs);
    bal_free(g->ctx, g);
    *graph = NULL;
}

/* Keeps the sentence of the context's last failure, which others may overwrite before
 * bal_graph_finish. */
static int keep_failure(bal_graph *g, bal_status status)
{
    g->status = status;
    memcpy(g->error, g->ctx->error, sizeof g->error);
    return -1;
}

static bool may_build(bal_graph *g)
{
    if (g->status == BAL_OK && g->finished)
        keep_failure(g,
                     bal_fail(g->ctx, BAL_BAD_ARG, "the graph is finished, nothing can be added"));
    return g->status == BAL_OK;
}

/* Makes room for one more item in a list that doubles. */
static bal_status make_room(bal_ctx *ctx, void **list, int count, int *room, size_t size)
{
    if (count < *room)
        return BAL_OK;
    const int bigger = *room > 0 ? 2 * *room : 16;
    void *items = bal_resize(ctx, *list, (size_t)*room, (size_t)bigger, size);
    if (!items)
        return BAL_NO_MEMORY;
    *list = items;
    *room = bigger;
    return BAL_OK;
}

static bal_status add_param(bal_graph *g, int node, const bal_op_param *p)
{
    int64_t count = 1;
    for (int i = 0; i < p->dims; i++) {
        if (p->shape[i] < 1 || p->shape[i] > BAL_COUNT_MAX / count)
            return bal_fail(g->ctx, BAL_MISMATCH, "parameter %s has more than %lld numbers",
                            p->suffix, (long long)BAL_COUNT_MAX);
        count *= p->shape[i];
    }
    void *list = g->params;
    BAL_TRY(make_room(g->ctx, &list, g->param_count, &g->param_room, sizeof *g->params));
    g->params = list;
    char *name = bal_format(g->ctx, "%s.%s", g->nodes[node].name, p->suffix);
    if (!name)
        return BAL_NO_MEMORY;
    bal_param_info info = {
        .name = name, .dims = p->dims, .count = count, .node = node, .learned = p->learned};
    memcpy(info.shape, p->shape, sizeof info.shape);
    bal_node *n = &g->nodes[node];
    n->param[n->params++] = g->param_count;
    g->params[g->param_count++] = info;
    return BAL_OK;
}

static bal_status check_inputs(const bal_graph *g, const bal_node *n)
{
    for (int i = 0; i < n->inputs; i++)
        if (n->input[i] < 0 || n->input[i] >= g->node_count)
            return bal_fail(g->ctx, BAL_BAD_ARG, "%s reads node %d, but there are %d nodes so far",
                            bal_op_name((bal_op_kind)n->op), n->input[i], g->node_count);
    return BAL_OK;
}

static bal_status check_new_name(const bal_graph *g, const char *name)
{
    if (!name || !*name)
        return bal_fail(g->ctx, BAL_BAD_ARG, "a node needs a name");
    if (bal_graph_find_node(g, name) >= 0)
        return bal_fail(g->ctx, BAL_BAD_ARG, "the name \"%s\" is used twice", name);
    return BAL_OK;
}

/* The new node belongs to the graph at once, so that a failure further down leaks nothing. */
static bal_status append(bal_graph *g, const bal_node *wanted, const char *name)
{
    BAL_TRY(check_inputs(g, wanted));
    const bal_op_kind kind = (bal_op_kind)wanted->op;
    char *copy = name ? bal_strdup(g->ctx, name)
                      : bal_format(g->ctx, "%s_%d", bal_op_name(kind), g->node_count);
    if (!copy)
        return BAL_NO_MEMORY;
    bal_status status = check_new_name(g, copy);
    void *list = g->nodes;
    if (status == BAL_OK)
        status = make_room(g->ctx, &list, g->node_count, &g->node_room, sizeof *g->nodes);
    if (status != BAL_OK) {
        bal_free(g->ctx, copy);
        return status;
    }
    g->nodes = list;
    const int number = g->node_count++;
    bal_node *n = &g->nodes[number];
    *n = *wanted;
    n->name = copy;
    const bal_op *op = bal_op_of(kind);
    BAL_TRY(op->shape(g->ctx, g, n));
    const bal_shape s = n->shape;
    if (s.channels > BAL_SIZE_MAX || s.height > BAL_SIZE_MAX || s.width > BAL_SIZE_MAX ||
        (int64_t)s.channels * s.height > BAL_COUNT_MAX / s.width)
        return bal_fail(g->ctx, BAL_MISMATCH, "a result of %d x %d x %d numbers is too large",
                        s.channels, s.height, s.width);
    if (!op->params)
        return BAL_OK;
    bal_op_param params[BAL_OP_MAX_PARAMS] = {0};
    const int count = op->params(g, n, params);
    for (int i = 0; i < count; i++)
        BAL_TRY(add_param(g, number, &params[i]));
    return BAL_OK;
}

static int add(bal_graph *g, const bal_node *wanted, const char *name)
{
    if (!may_build(g))
        return -1;
    const int before = g->node_count;
    const bal_status status = append(g, wanted, name);
    if (status == BAL_OK)
        return before;
    if (g->node_count > before)
        bal_fail_within(g->ctx, status, "node %s", g->nodes[before].name);
    else if (name)
        bal_fail_within(g->ctx, status, "node %s", name);
    return keep_failure(g, status);
}

/* A node with parameters must be named by the caller, whose names end up in weight files. */
static int add_named(bal_graph *g, const bal_node *wanted, const char *name)
{
    return add(g, wanted, name ? name : "");
}

static int add_plain(bal_graph *g, bal_op_kind op, int x, const bal_op_settings *settings)
{
    return add(g, &(bal_node){.op = op, .inputs = 1, .input = {x}, .settings = *settings}, NULL);
}

int bal_add_input(bal_graph *g, const char *name, bal_shape shape)
{
    if (may_build(g) && g->input_count == BAL_GRAPH_MAX_INPUTS)
        return keep_failure(g, bal_fail(g->ctx, BAL_BAD_ARG, "a graph has at most %d inputs",
                                        BAL_GRAPH_MAX_INPUTS));
    const int node = add_named(g, &(bal_node){.op = BAL_OP_INPUT, .shape = shape}, name);
    if (node >= 0)
        g->inputs[g->input_count++] = node;
    return node;
}

static void copy_pair(int to[2], const int from[2], const int *instead_of_zero)
{
    for (int i = 0; i < 2; i++)
        to[i] = from[i] == 0 && instead_of_zero ? instead_of_zero[i] : from[i];
}

int bal_add_conv2d(bal_graph *g, const char *name, int x, const bal_conv2d *settings)
{
    static const int one[2] = {1, 1};
    bal_node n = {.op = BAL_OP_CONV2D, .inputs = 1, .input = {x}};
    n.settings.out_channels = settings->out_channels;
    copy_pair(n.settings.kernel, settings->kernel, NULL);
    copy_pair(n.settings.stride, settings->stride, one);
    copy_pair(n.settings.padding, settings->padding, NULL);
    copy_pair(n.settings.dilation, settings->dilation, one);
    n.settings.groups = settings->groups == 0 ? 1 : settings->groups;
    n.settings.bias = settings->bias;
    return add_named(g, &n, name);
}

int bal_add_batch_norm(bal_graph *g, const char *name, int x)
{
    const bal_node n = {.op = BAL_OP_BATCH_NORM,
                        .inputs = 1,
                        .input = {x},
                        .settings = {.eps = 1e-5, .momentum = 0.1}};
    return add_named(g, &n, name);
}

int bal_add_relu(bal_graph *g, int x)
{
    return add_plain(g, BAL_OP_RELU, x, &(bal_op_settings){0});
}

int bal_add_add(bal_graph *g, int a, int b)
{
    return add(g, &(bal_node){.op = BAL_OP_ADD, .inputs = 2, .input = {a, b}}, NULL);
}

static int add_pool(bal_graph *g, bal_op_kind op, int x, const bal_pool2d *settings)
{
    bal_op_settings s = {.count_include_pad = settings->count_include_pad, .dilation = {1, 1}};
    copy_pair(s.kernel, settings->kernel, NULL);
    copy_pair(s.stride, settings->stride, settings->kernel);
    copy_pair(s.padding, settings->padding, NULL);
    return add_plain(g, op, x, &s);
}

int bal_add_max_pool(bal_graph *g, int x, const bal_pool2d *settings)
{
    return add_pool(g, BAL_OP_MAX_POOL, x, settings);
}

int bal_add_avg_pool(bal_graph *g, int x, const bal_pool2d *settings)
{
    return add_pool(g, BAL_OP_AVG_POOL, x, settings);
}

int bal_add_global_avg_pool(bal_graph *g, int x)
{
    return add_plain(g, BAL_OP_GLOBAL_AVG_POOL, x, &(bal_op_settings){0});
}

int bal_add_flatten(bal_graph *g, int x)
{
    return add_plain(g, BAL_OP_FLATTEN, x, &(bal_op_settings){0});
}

static int add_product(bal_graph *g, bal_op_kind op, const char *name, int x,
                       const bal_op_settings *settings)
{
    const bal_node n = {.op = op, .inputs = 1, .input = {x}, .settings = *settings};
    return add_named(g, &n, name);
}

int bal_add_linear(bal_graph *g, const char *name, int x, int out_features, bool bias)
{
    return add_product(g, BAL_OP_LINEAR, name, x,
                       &(bal_op_settings){.out_channels = out_features, .bias = bias});
}

int bal_add_scaled_linear(bal_graph *g, const char *name, int x, int out_features, bool bias)
{
    return add_product(g, BAL_OP_SCALED_LINEAR, name, x,
                       &(bal_op_settings){.out_channels = out_features, .bias = bias});
}

int bal_add_norm_shifted_linear(bal_graph *g, const char *name, int x, int out_features, bool bias)
{
    return add_product(g, BAL_OP_NORM_SHIFTED_LINEAR, name, x,
                       &(bal_op_settings){.out_channels = out_features, .bias = bias});
}

int bal_add_confident_linear(bal_graph *g, const char *name, int x, int out_features, bool bias)
{
    return add_product(g, BAL_OP_CONFIDENT_LINEAR, name, x,
                       &(bal_op_settings){.out_channels = out_features, .bias = bias});
}

int bal_add_cosine_linear(bal_graph *g, const char *name, int x, int out_features, double scale)
{
    const bal_node n = {.op = BAL_OP_COSINE_LINEAR,
                        .inputs = 1,
                        .input = {x},
                        .settings = {.out_channels = out_features, .scale = scale}};
    return add_named(g, &n, name);
}

int bal_add_dropout(bal_graph *g, int x, double p)
{
    return add_plain(g, BAL_OP_DROPOUT, x, &(bal_op_settings){.probability = p});
}

int bal_add_pad_shortcut(bal_graph *g, int x, int stride, int channels_before, int channels_after)
{
    return add_plain(g, BAL_OP_PAD_SHORTCUT, x,
                     &(bal_op_settings){.stride = {stride, stride},
                                        .channels_before = channels_before,
                                        .channels_after = channels_after});
}

int bal_add_unflatten(bal_graph *g, int x, bal_shape to)
{
    return add_plain(g, BAL_OP_UNFLATTEN, x, &(bal_op_settings){.to = to});
}

int bal_add_batch_mix(bal_graph *g, int x, int place)
{
    return add_plain(g, BAL_OP_BATCH_MIX, x, &(bal_op_settings){.place = place});
}

int bal_add_upsample(bal_graph *g, int x, int scale_factor)
{
    return add_plain(g, BAL_OP_UPSAMPLE, x,
                     &(bal_op_settings){.stride = {scale_factor, scale_factor}});
}

static bal_status append_output(bal_graph *g, const char *name, int x)
{
    if (!name || !*name)
        return bal_fail(g->ctx, BAL_BAD_ARG, "an output needs a name");
    if (x < 0 || x >= g->node_count)
        return bal_fail(g->ctx, BAL_BAD_ARG, "output %s is node %d, but there are %d nodes so far",
                        name, x, g->node_count);
    if (g->nodes[x].op == BAL_OP_INPUT)
        return bal_fail(g->ctx, BAL_BAD_ARG, "output %s is the input %s", name, g->nodes[x].name);
    if (bal_graph_find_output(g, name) >= 0)
        return bal_fail(g->ctx, BAL_BAD_ARG, "there are two outputs with the name \"%s\"", name);
    void *list = g->outputs;
    BAL_TRY(make_room(g->ctx, &list, g->output_count, &g->output_room, sizeof *g->outputs));
    g->outputs = list;
    char *copy = bal_strdup(g->ctx, name);
    if (!copy)
        return BAL_NO_MEMORY;
    g->outputs[g->output_count++] = (bal_output){copy, x};
    return BAL_OK;
}

void bal_graph_output(bal_graph *g, const char *name, int x)
{
    if (!may_build(g))
        return;
    const bal_status status = append_output(g, name, x);
    if (status != BAL_OK)
        keep_failure(g, status);
}

static bal_status check_reachable(const bal_graph *g)
{
    bool *used = bal_calloc(g->ctx, (size_t)g->node_count, sizeof *used);
    if (!used)
        return BAL_NO_MEMORY;
    for (int i = 0; i < g->output_count; i++)
        used[g->outputs[i].node] = true;
    bal_status status = BAL_OK;
    for (int i = g->node_count - 1; i >= 0 && status == BAL_OK; i--) {
        if (!used[i])
            status = bal_fail(g->ctx, BAL_BAD_ARG, "node %s is not used by any output",
                              g->nodes[i].name);
        for (int k = 0; k < g->nodes[i].inputs; k++)
            used[g->nodes[i].input[k]] = true;
    }
    bal_free(g->ctx, used);
    return status;
}

bal_status bal_graph_finish(bal_graph *graph)
{
    if (graph->status != BAL_OK)
        return bal_fail(graph->ctx, graph->status, "%s", graph->error);
    if (graph->finished)
        return BAL_OK;
    if (graph->output_count == 0)
        return bal_fail(graph->ctx, BAL_BAD_ARG, "the graph has no output");
    BAL_TRY(check_reachable(graph));
    graph->finished = true;
    return BAL_OK;
}
