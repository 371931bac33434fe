/* Lowering a graph to forward steps: layouts are chosen, batch norm takes in the ReLU behind it,
 * add likewise, and every step says which buffers it reads and writes. */
#include "engine/onednn/onednn_plan.h"
#include "engine/onednn/onednn_steps.h"

#include <string.h>

static const bal_node *node_of(const one_program *p, int node)
{
    return &p->plan->head.graph->nodes[node];
}

static bool training_plan(const one_program *p)
{
    return p->plan->head.settings.training;
}

/* The only consumer of a node if that is a ReLU and nobody else wants to see the node; -1
 * otherwise. */
static int fusable_relu(const one_program *p, int node)
{
    const bal_graph *g = p->plan->head.graph;
    if (p->plan->consumers[node] != 1 || p->plan->kept[node])
        return -1;
    for (int i = node + 1; i < g->node_count; i++)
        for (int k = 0; k < g->nodes[i].inputs; k++)
            if (g->nodes[i].input[k] == node)
                return g->nodes[i].op == BAL_OP_RELU ? i : -1;
    return -1;
}

/* Images go plain into convolutions that read them so (1 or 3 channels); all else is in blocks. */
static int input_block(const one_program *p, int node)
{
    const bal_graph *g = p->plan->head.graph;
    const bal_shape shape = g->nodes[node].shape;
    if (shape.height * shape.width == 1)
        return 1;
    if (shape.channels != 1 && shape.channels != 3)
        return p->plan->block;
    for (int i = 0; i < g->node_count; i++)
        for (int k = 0; k < g->nodes[i].inputs; k++)
            if (g->nodes[i].input[k] == node && g->nodes[i].op != BAL_OP_CONV2D)
                return p->plan->block;
    return 1;
}

/* A value for a node, made by the newest step, with its buffer. */
static int make_value(one_program *p, int node, int block)
{
    const bal_shape shape = node_of(p, node)->shape;
    const int v = bal_one_value(p, node, shape, block);
    if (v < 0)
        return -1;
    const int buffer = bal_one_buffer(p, bal_one_bytes(p, shape, block));
    if (buffer < 0)
        return -1;
    one_step *s = &p->steps[p->step_count - 1];
    p->values[v].buffer = buffer;
    p->values[v].step = p->step_count - 1;
    s->made = v;
    s->out[0] = buffer;
    return v;
}

/* The value of a node in the layout wanted; a step that converts it is added where needed. */
static int value_in(one_program *p, int node, int block)
{
    const int native = p->native[node];
    if (p->values[native].block == block || block == 0)
        return native;
    for (int v = 0; v < p->value_count; v++)
        if (p->values[v].node == node && p->values[v].block == block)
            return v;
    one_step *s = bal_one_step(p, bal_step_convert, node);
    if (!s)
        return -1;
    s->value[0] = native;
    s->in[0] = p->values[native].buffer;
    bal_one_use(p, s->in[0]);
    return make_value(p, node, block);
}

static void read_value(one_program *p, int slot, int v)
{
    one_step *s = &p->steps[p->step_count - 1];
    s->value[slot] = v;
    s->in[slot] = p->values[v].buffer;
    bal_one_use(p, s->in[slot]);
}

/* The new step for a node with its inputs read in the layout wanted (0: as they are). */
static one_step *step_for(one_program *p, one_step_fn *run, int node, int block)
{
    const bal_node *n = node_of(p, node);
    int v[BAL_OP_MAX_INPUTS] = {-1, -1};
    for (int i = 0; i < n->inputs; i++) {
        v[i] = value_in(p, n->input[i], block);
        if (v[i] < 0)
            return NULL;
    }
    one_step *s = bal_one_step(p, run, node);
    if (!s)
        return NULL;
    for (int i = 0; i < n->inputs; i++)
        read_value(p, i, v[i]);
    return s;
}

static bal_status lower_plain(one_program *p, one_step_fn *run, int node, int in_block,
                              int out_block)
{
    if (!step_for(p, run, node, in_block))
        return BAL_NO_MEMORY;
    if (out_block == 0)
        out_block = p->values[p->steps[p->step_count - 1].value[0]].block;
    p->native[node] = make_value(p, node, out_block);
    return p->native[node] < 0 ? BAL_NO_MEMORY : BAL_OK;
}

static bal_status lower_input(one_program *p, int node)
{
    const bal_graph *g = p->plan->head.graph;
    BAL_TRY(lower_plain(p, bal_step_input, node, 0, input_block(p, node)));
    for (int i = 0; i < g->input_count; i++)
        if (g->inputs[i] == node)
            p->steps[p->step_count - 1].number = i;
    return BAL_OK;
}

static bal_status lower_add(one_program *p, int node)
{
    const bal_node *n = node_of(p, node);
    const int relu = fusable_relu(p, node);
    int block = p->values[p->native[n->input[0]]].block;
    if (p->values[p->native[n->input[1]]].block > block)
        block = p->values[p->native[n->input[1]]].block;
    BAL_TRY(lower_plain(p, bal_step_add, node, block, 0));
    one_step *s = &p->steps[p->step_count - 1];
    s->relu = relu >= 0;
    bal_one_in_place(p, s->in[0], s->out[0]);
    bal_one_in_place(p, s->in[1], s->out[0]);
    if (relu >= 0) {
        p->native[relu] = p->native[node];
        p->values[p->native[node]].node = relu;
        p->native[node] = -1;
    }
    return BAL_OK;
}

bal_status bal_one_conv_dims(const bal_graph *g, const bal_node *n, int64_t dims[5], int *count)
{
    const int64_t *w = g->params[n->param[0]].shape;
    const int groups = n->settings.groups > 1 ? n->settings.groups : 1;
    int at = 0;
    if (groups > 1)
        dims[at++] = groups;
    dims[at++] = w[0] / groups;
    dims[at++] = w[1];
    dims[at++] = w[2];
    dims[at++] = w[3];
    *count = at;
    return BAL_OK;
}

/* Dilation counts from 0 here and from 1 in the graph. */
void bal_one_window(const bal_node *n, bal_dnnl_window *out)
{
    memset(out, 0, sizeof *out);
    for (int i = 0; i < 2; i++) {
        out->kernel[i] = n->settings.kernel[i];
        out->stride[i] = n->settings.stride[i] > 0 ? n->settings.stride[i] : 1;
        out->dilation[i] = n->settings.dilation[i] > 0 ? n->settings.dilation[i] - 1 : 0;
        out->before[i] = out->after[i] = n->settings.padding[i];
    }
}

static bal_status lower_conv(one_program *p, int node)
{
    const bal_graph *g = p->plan->head.graph;
    const bal_node *n = node_of(p, node);
    const one_value *native = &p->values[p->native[n->input[0]]];
    const int channels = native->shape.channels;
    const bool plain = native->block == 1 && (channels == 1 || channels == 3);
    /* The weights' gradient has no fast primitive for one plain channel: it reads blocks. */
    if (plain && channels == 1 && training_plan(p) && value_in(p, n->input[0], p->plan->block) < 0)
        return BAL_NO_MEMORY;
    BAL_TRY(lower_plain(p, bal_step_call, node, plain ? 1 : p->plan->block, p->plan->block));
    one_step *s = &p->steps[p->step_count - 1];
    one_call *call = &s->call;
    one_param *weights = &p->plan->params[n->param[0]];
    const bool bias = n->params > 1;
    bal_md src = {0}, dst = {0}, any = {0}, bias_md = {0}, chosen = {0};
    bal_status status = BAL_OK;
    int64_t dims[5];
    int dim_count = 0;
    bal_one_conv_dims(g, n, dims, &dim_count);
    BAL_GOTO(bal_one_value_md(p, &p->values[s->value[0]], &src));
    BAL_GOTO(bal_one_value_md(p, &p->values[s->made], &dst));
    BAL_GOTO(bal_md_any(p->ctx, &any, dim_count, dims));
    BAL_GOTO(bal_md_plain(p->ctx, &bias_md, 1, (int64_t[]){n->shape.channels}));
    bal_dnnl_conv c = {.src = &src,
                       .weights = weights->layout.made ? &weights->layout : &any,
                       .bias = bias ? &bias_md : NULL,
                       .dst = &dst};
    bal_one_window(n, &c.window);
    BAL_GOTO(bal_conv_forward(p->ctx, &p->plan->dnnl, &c, &call->prim));
    if (!weights->layout.made) {
        BAL_GOTO(bal_prim_md(p->ctx, &call->prim, dnnl_query_weights_md, &chosen));
        BAL_GOTO(bal_md_copy(p->ctx, &weights->layout, &chosen));
    }
    BAL_GOTO(bal_one_arg(p, call, DNNL_ARG_SRC, ONE_BUFFER, s->in[0], &src));
    BAL_GOTO(bal_one_arg(p, call, DNNL_ARG_WEIGHTS, ONE_PARAM, n->param[0], &weights->layout));
    if (bias)
        BAL_GOTO(bal_one_arg(p, call, DNNL_ARG_BIAS, ONE_PARAM, n->param[1], &bias_md));
    BAL_GOTO(bal_one_arg(p, call, DNNL_ARG_DST, ONE_BUFFER, s->out[0], &dst));
    BAL_GOTO(bal_one_scratch(p, call));
fail:
    bal_md_free(&src);
    bal_md_free(&dst);
    bal_md_free(&any);
    bal_md_free(&bias_md);
    bal_md_free(&chosen);
    return status;
}

int bal_one_norm_work(one_program *p, int value)
{
    const int64_t doubles = bal_norm_work(bal_one_shape_of(p, value));
    return bal_one_buffer(p, (size_t)doubles * sizeof(double));
}

static bal_status lower_norm(one_program *p, int node)
{
    const bal_node *n = node_of(p, node);
    const int relu = fusable_relu(p, node);
    BAL_TRY(lower_plain(p, bal_step_norm, node, 0, 0));
    one_step *s = &p->steps[p->step_count - 1];
    s->relu = relu >= 0;
    if (training_plan(p)) {
        for (int i = 0; i < 2; i++) {
            s->saved[i] = bal_one_buffer(p, (size_t)n->shape.channels * sizeof(float));
            if (s->saved[i] < 0)
                return BAL_NO_MEMORY;
        }
        s->out[1] = bal_one_norm_work(p, s->made);
        if (s->out[1] < 0)
            return BAL_NO_MEMORY;
    }
    bal_one_in_place(p, s->in[0], s->out[0]);
    if (relu >= 0) {
        p->native[relu] = p->native[node];
        p->values[p->native[node]].node = relu;
        p->native[node] = -1;
    }
    return BAL_OK;
}

static bal_status lower_pool(one_program *p, int node)
{
    const bal_node *n = node_of(p, node);
    BAL_TRY(lower_plain(p, bal_step_call, node, 0, 0));
    one_step *s = &p->steps[p->step_count - 1];
    one_call *call = &s->call;
    bal_md src = {0}, dst = {0}, work = {0};
    bal_status status = BAL_OK;
    BAL_GOTO(bal_one_value_md(p, &p->values[s->value[0]], &src));
    BAL_GOTO(bal_one_value_md(p, &p->values[s->made], &dst));
    bal_dnnl_pool pool = {.src = &src,
                          .dst = &dst,
                          .max = n->op == BAL_OP_MAX_POOL,
                          .include_padding = n->settings.count_include_pad,
                          .saved = training_plan(p)};
    bal_one_window(n, &pool.window);
    pool.window.dilation[0] = pool.window.dilation[1] = 0;
    BAL_GOTO(bal_pool_forward(p->ctx, &p->plan->dnnl, &pool, &call->prim));
    BAL_GOTO(bal_prim_md(p->ctx, &call->prim, dnnl_query_workspace_md, &work));
    BAL_GOTO(bal_one_arg(p, call, DNNL_ARG_SRC, ONE_BUFFER, s->in[0], &src));
    BAL_GOTO(bal_one_arg(p, call, DNNL_ARG_DST, ONE_BUFFER, s->out[0], &dst));
    if (work.made && bal_md_bytes(&work) > 0) {
        s->saved[2] = bal_one_buffer(p, bal_md_bytes(&work));
        status = s->saved[2] < 0
                     ? BAL_NO_MEMORY
                     : bal_one_arg(p, call, DNNL_ARG_WORKSPACE, ONE_BUFFER, s->saved[2], &work);
        if (status != BAL_OK)
            goto fail;
    }
    BAL_GOTO(bal_one_scratch(p, call));
fail:
    bal_md_free(&src);
    bal_md_free(&dst);
    bal_md_free(&work);
    return status;
}

static bal_status lower_cosine(one_program *p, int node)
{
    const bal_node *n = node_of(p, node);
    BAL_TRY(lower_plain(p, bal_step_cosine, node, 1, 1));
    one_step *s = &p->steps[p->step_count - 1];
    const size_t inputs = (size_t)bal_shape_count(p->values[s->value[0]].shape);
    const size_t outputs = (size_t)n->shape.channels, batch = (size_t)p->batch;
    const size_t floats[4] = {batch * inputs, batch, outputs * inputs, outputs};
    for (int i = 0; i < 4; i++) { /* unit rows and inverse lengths: of the input, of the weights */
        s->saved[i] = bal_one_buffer(p, floats[i] * sizeof(float));
        if (s->saved[i] < 0)
            return BAL_NO_MEMORY;
    }
    return BAL_OK;
}

static bal_status lower_dropout(one_program *p, int node)
{
    BAL_TRY(lower_plain(p, bal_step_dropout, node, 0, 0));
    one_step *s = &p->steps[p->step_count - 1];
    s->saved[0] =
        bal_one_buffer(p, (size_t)bal_shape_count(node_of(p, node)->shape) * (size_t)p->batch);
    return s->saved[0] < 0 ? BAL_NO_MEMORY : BAL_OK;
}

static bal_status lower_by_plain_c(one_program *p, int node)
{
    BAL_TRY(lower_plain(p, bal_step_plain, node, 1, 1));
    one_step *s = &p->steps[p->step_count - 1];
    s->saved[0] = bal_one_plain_buffer(p, node);
    return s->saved[0] < 0 ? BAL_NO_MEMORY : BAL_OK;
}

static bal_status lower_node(one_program *p, int node)
{
    switch ((bal_op_kind)node_of(p, node)->op) {
    case BAL_OP_INPUT:
        return lower_input(p, node);
    case BAL_OP_CONV2D:
        return lower_conv(p, node);
    case BAL_OP_BATCH_NORM:
        return lower_norm(p, node);
    case BAL_OP_RELU:
        return lower_plain(p, bal_step_relu, node, 0, 0);
    case BAL_OP_ADD:
        return lower_add(p, node);
    case BAL_OP_MAX_POOL:
    case BAL_OP_AVG_POOL:
        return lower_pool(p, node);
    case BAL_OP_GLOBAL_AVG_POOL:
        return lower_plain(p, bal_step_global_pool, node, 0, 1);
    case BAL_OP_FLATTEN:
        return lower_plain(p, bal_step_flatten, node, 0, 1);
    case BAL_OP_LINEAR:
        return lower_plain(p, bal_step_linear, node, 1, 1);
    case BAL_OP_COSINE_LINEAR:
        return lower_cosine(p, node);
    case BAL_OP_SCALED_LINEAR:
    case BAL_OP_NORM_SHIFTED_LINEAR:
    case BAL_OP_CONFIDENT_LINEAR:
        return lower_by_plain_c(p, node);
    case BAL_OP_DROPOUT:
        return lower_dropout(p, node);
    case BAL_OP_PAD_SHORTCUT:
        return lower_plain(p, bal_step_shortcut, node, 0, 0);
    case BAL_OP_UNFLATTEN:
        return lower_plain(p, bal_step_unflatten, node, 1, p->plan->block);
    case BAL_OP_UPSAMPLE:
        return lower_plain(p, bal_step_upsample, node, 0, 0);
    case BAL_OP_BATCH_MIX:
        return lower_plain(p, bal_step_batch_mix, node, 0, 0);
    case BAL_OP_COUNT:
        break;
    }
    return bal_fail(p->ctx, BAL_UNSUPPORTED, "onednn cannot run op %d", node_of(p, node)->op);
}

bal_status bal_one_lower_forward(one_program *p)
{
    const bal_graph *g = p->plan->head.graph;
    for (int node = 0; node < g->node_count; node++) {
        if (p->native[node] >= 0) /* a ReLU that the step before took in */
            continue;
        BAL_TRY(lower_node(p, node));
    }
    p->forward_steps = p->step_count;
    for (int node = 0; node < g->node_count; node++)
        if (p->plan->kept[node] && p->native[node] >= 0)
            p->buffers[p->values[p->native[node]].buffer].last = BAL_FOREVER;
    for (int v = 0; v < p->value_count; v++)
        p->values[v].needs_gradient = p->plan->needs_gradient[p->values[v].node];
    return BAL_OK;
}
