/* Lowering the backward pass: forward steps in reverse. A value's gradient is the sum of what its
 * consumers contribute; an add hands the same buffer to both inputs, and the sum, the mask of a
 * ReLU behind an add, and the buffer it is written to are one step. */
#include "engine/onednn/onednn_steps.h"

static const bal_node *node_of(const one_program *p, const one_step *s)
{
    return &p->plan->head.graph->nodes[s->node];
}

static bool trains(const one_program *p, int param)
{
    return p->plan->head.settings.trainable[param];
}

static bal_status contribute(one_program *p, int value, int buffer)
{
    one_value *v = &p->values[value];
    if (v->part_count == (int)BAL_COUNT_OF(v->parts))
        return bal_fail(p->ctx, BAL_UNSUPPORTED, "onednn: more than %d uses of one tensor",
                        (int)BAL_COUNT_OF(v->parts));
    v->parts[v->part_count++] = buffer;
    return BAL_OK;
}

/* A backward step for forward step f that reads the gradient g. */
static one_step *back_step(one_program *p, one_step_fn *run, int f, int g)
{
    one_step *s = bal_one_step(p, run, p->steps[f].node);
    if (!s)
        return NULL;
    s->forward = f;
    s->in[0] = g;
    s->made = p->steps[f].made;
    s->value[0] = p->steps[f].value[0];
    bal_one_use(p, g);
    return s;
}

/* Gives the newest step a result as large as a value: a contribution to that value's gradient. */
static bal_status make_gradient(one_program *p, int value)
{
    const int b =
        bal_one_buffer(p, bal_one_bytes(p, p->values[value].shape, p->values[value].block));
    if (b < 0)
        return BAL_NO_MEMORY;
    p->steps[p->step_count - 1].out[0] = b;
    return contribute(p, value, b);
}

static void read_saved(one_program *p, int buffer)
{
    if (buffer >= 0)
        bal_one_use(p, buffer);
}

/* out = (a + b) where the value's result is positive; b -1: none. Returns the new buffer or -1. */
static int sum(one_program *p, int value, int a, int b, bool mask)
{
    const one_value *v = &p->values[value];
    const int result = v->buffer;
    const size_t bytes = bal_one_bytes(p, v->shape, v->block);
    one_step *s = bal_one_step(p, bal_back_sum, v->node);
    if (!s)
        return -1;
    s->made = value;
    s->in[0] = a;
    s->in[1] = b;
    s->in[2] = mask ? result : -1;
    for (int i = 0; i < 3; i++)
        if (s->in[i] >= 0)
            bal_one_use(p, s->in[i]);
    const int out = bal_one_buffer(p, bytes);
    if (out < 0)
        return -1;
    p->steps[p->step_count - 1].out[0] = out;
    bal_one_in_place(p, a, out);
    if (b >= 0)
        bal_one_in_place(p, b, out);
    return out;
}

/* The finished gradient of a value, behind its ReLU's mask when asked; -1: no memory. */
static int finish_gradient(one_program *p, int value, bool mask)
{
    const one_value v = p->values[value];
    const bool kept = p->plan->kept[v.node] && p->native[v.node] == value;
    int g = v.parts[0];
    for (int i = 1; i < v.part_count && g >= 0; i++) {
        const bool last = i == v.part_count - 1;
        g = sum(p, value, g, v.parts[i], last && mask && !kept);
    }
    if (g < 0)
        return -1;
    if (kept) {
        p->buffers[g].last = BAL_FOREVER;
        p->values[value].gradient = g;
    }
    if (mask && (v.part_count == 1 || kept))
        g = sum(p, value, g, -1, true);
    return g;
}

static bal_status conv_mds(one_program *p, int f, int source, bal_dnnl_conv *c, bal_md md[4])
{
    const one_step *s = &p->steps[f];
    const bal_graph *g = p->plan->head.graph;
    const bal_node *n = node_of(p, s);
    int64_t dims[5];
    int count;
    BAL_TRY(bal_one_conv_dims(g, n, dims, &count));
    BAL_TRY(bal_one_value_md(p, &p->values[source], &md[0]));
    BAL_TRY(bal_md_any(p->ctx, &md[1], count, dims));
    BAL_TRY(bal_md_plain(p->ctx, &md[2], 1, (int64_t[]){n->shape.channels}));
    BAL_TRY(bal_one_value_md(p, &p->values[s->made], &md[3]));
    *c = (bal_dnnl_conv){.src = &md[0], .weights = &md[1], .dst = &md[3]};
    bal_one_window(n, &c->window);
    return BAL_OK;
}

/* Weights (name DNNL_ARG_WEIGHTS) or their gradient as an argument of a step's primitive. Both are
 * kept in the layout that the forward convolution chose; where the primitive chose another one, the
 * step's extra call reorders, before it or after it. */
static bal_status weights_arg(one_program *p, int at, int name, int param, const bal_md *chosen)
{
    const bal_md *kept = &p->plan->params[param].layout;
    const bool gradient = name != DNNL_ARG_WEIGHTS;
    const one_where where = gradient ? ONE_GRADIENT : ONE_PARAM;
    if (bal_md_equal(chosen, kept))
        return bal_one_arg(p, &p->steps[at].call, name, where, param, chosen);
    const int copy = bal_one_buffer(p, bal_md_bytes(chosen));
    if (copy < 0)
        return BAL_NO_MEMORY;
    one_call *extra = &p->steps[at].extra;
    BAL_TRY(bal_one_arg(p, &p->steps[at].call, name, ONE_BUFFER, copy, chosen));
    BAL_TRY(bal_reorder(p->ctx, &p->plan->dnnl, gradient ? chosen : kept, gradient ? kept : chosen,
                        &extra->prim));
    BAL_TRY(
        bal_one_arg(p, extra, gradient ? DNNL_ARG_FROM : DNNL_ARG_TO, ONE_BUFFER, copy, chosen));
    BAL_TRY(bal_one_arg(p, extra, gradient ? DNNL_ARG_TO : DNNL_ARG_FROM, where, param, kept));
    return bal_one_scratch(p, extra);
}

/* What the weights' gradient reads: the input in blocks where forward made them, see lower_conv. */
static int conv_source(const one_program *p, int f)
{
    const int plain = p->steps[f].value[0];
    for (int v = 0; v < p->value_count; v++)
        if (p->values[v].node == p->values[plain].node && p->values[v].block == p->plan->block)
            return v;
    return plain;
}

/* Gradients of weights and bias. */
static bal_status lower_conv_weights(one_program *p, int f, int g)
{
    if (!back_step(p, bal_back_conv_weights, f, g))
        return BAL_NO_MEMORY;
    const int at = p->step_count - 1;
    const bal_node *n = node_of(p, &p->steps[at]);
    const bool bias = n->params > 1;
    const int source = conv_source(p, f);
    bal_dnnl_conv c;
    bal_md md[4] = {{.made = false}}, chosen = {0};
    bal_status status = BAL_OK;
    one_call *call = &p->steps[at].call;
    BAL_GOTO(conv_mds(p, f, source, &c, md));
    c.bias = bias ? &md[2] : NULL;
    BAL_GOTO(
        bal_conv_backward_weights(p->ctx, &p->plan->dnnl, &c, &p->steps[f].call.prim, &call->prim));
    BAL_GOTO(bal_prim_md(p->ctx, &call->prim, dnnl_query_diff_weights_md, &chosen));
    const int src = p->values[source].buffer;
    bal_one_use(p, src);
    BAL_GOTO(bal_one_arg(p, call, DNNL_ARG_SRC, ONE_BUFFER, src, &md[0]));
    BAL_GOTO(bal_one_arg(p, call, DNNL_ARG_DIFF_DST, ONE_BUFFER, g, &md[3]));
    BAL_GOTO(weights_arg(p, at, DNNL_ARG_DIFF_WEIGHTS, n->param[0], &chosen));
    if (bias)
        BAL_GOTO(bal_one_arg(p, call, DNNL_ARG_DIFF_BIAS, ONE_GRADIENT, n->param[1], &md[2]));
    BAL_GOTO(bal_one_scratch(p, call));
fail:
    for (int i = 0; i < 4; i++)
        bal_md_free(&md[i]);
    bal_md_free(&chosen);
    return status;
}

static bal_status lower_conv_data(one_program *p, int f, int g)
{
    if (!back_step(p, bal_back_conv_data, f, g))
        return BAL_NO_MEMORY;
    const int at = p->step_count - 1;
    BAL_TRY(make_gradient(p, p->steps[at].value[0]));
    const bal_node *n = node_of(p, &p->steps[at]);
    bal_dnnl_conv c;
    bal_md md[4] = {{.made = false}}, chosen = {0};
    bal_status status = BAL_OK;
    one_call *call = &p->steps[at].call;
    BAL_GOTO(conv_mds(p, f, p->steps[f].value[0], &c, md));
    BAL_GOTO(
        bal_conv_backward_data(p->ctx, &p->plan->dnnl, &c, &p->steps[f].call.prim, &call->prim));
    BAL_GOTO(bal_prim_md(p->ctx, &call->prim, dnnl_query_weights_md, &chosen));
    BAL_GOTO(bal_one_arg(p, call, DNNL_ARG_DIFF_DST, ONE_BUFFER, g, &md[3]));
    BAL_GOTO(bal_one_arg(p, call, DNNL_ARG_DIFF_SRC, ONE_BUFFER, p->steps[at].out[0], &md[0]));
    BAL_GOTO(weights_arg(p, at, DNNL_ARG_WEIGHTS, n->param[0], &chosen));
    BAL_GOTO(bal_one_scratch(p, call));
fail:
    for (int i = 0; i < 4; i++)
        bal_md_free(&md[i]);
    bal_md_free(&chosen);
    return status;
}

static bal_status lower_norm(one_program *p, int f, int g)
{
    if (!back_step(p, bal_back_norm, f, g))
        return BAL_NO_MEMORY;
    const int at = p->step_count - 1;
    const int value = p->steps[at].value[0];
    bal_one_use(p, p->steps[f].in[0]);
    for (int i = 0; i < 2; i++)
        read_saved(p, p->steps[f].saved[i]);
    p->steps[at].out[1] = bal_one_norm_work(p, value);
    if (p->steps[at].out[1] < 0)
        return BAL_NO_MEMORY;
    if (!p->values[value].needs_gradient)
        return BAL_OK;
    BAL_TRY(make_gradient(p, value));
    bal_one_in_place(p, g, p->steps[at].out[0]);
    return BAL_OK;
}

/* A pass that does not mix leaves the gradient where it is; one that does needs a copy. */
static bal_status lower_batch_mix(one_program *p, int f, int g)
{
    if (!back_step(p, bal_back_batch_mix, f, g))
        return BAL_NO_MEMORY;
    const int at = p->step_count - 1;
    const one_value *v = &p->values[p->steps[at].value[0]];
    const int spare = bal_one_buffer(p, bal_one_bytes(p, v->shape, v->block));
    if (spare < 0)
        return BAL_NO_MEMORY;
    p->steps[at].out[1] = spare;
    BAL_TRY(make_gradient(p, p->steps[at].value[0]));
    bal_one_in_place(p, g, p->steps[at].out[0]);
    return BAL_OK;
}

static bal_status lower_pool(one_program *p, int f, int g)
{
    if (!back_step(p, bal_back_pool, f, g))
        return BAL_NO_MEMORY;
    const int at = p->step_count - 1;
    BAL_TRY(make_gradient(p, p->steps[at].value[0]));
    one_step *s = &p->steps[at];
    const one_step *fs = &p->steps[f];
    const bal_node *n = node_of(p, s);
    one_call *call = &s->call;
    bal_md src = {0}, dst = {0}, work = {0};
    bal_status status = BAL_OK;
    BAL_GOTO(bal_one_value_md(p, &p->values[s->value[0]], &src));
    BAL_GOTO(bal_one_value_md(p, &p->values[s->made], &dst));
    bal_dnnl_pool pool = {.src = &src,
                          .dst = &dst,
                          .max = n->op == BAL_OP_MAX_POOL,
                          .include_padding = n->settings.count_include_pad,
                          .saved = true};
    bal_one_window(n, &pool.window);
    pool.window.dilation[0] = pool.window.dilation[1] = 0;
    BAL_GOTO(bal_pool_backward(p->ctx, &p->plan->dnnl, &pool, &fs->call.prim, &call->prim));
    BAL_GOTO(bal_one_arg(p, call, DNNL_ARG_DIFF_DST, ONE_BUFFER, g, &dst));
    BAL_GOTO(bal_one_arg(p, call, DNNL_ARG_DIFF_SRC, ONE_BUFFER, s->out[0], &src));
    if (fs->saved[2] >= 0) {
        bal_one_use(p, fs->saved[2]);
        BAL_GOTO(bal_prim_md(p->ctx, &fs->call.prim, dnnl_query_workspace_md, &work));
        BAL_GOTO(bal_one_arg(p, call, DNNL_ARG_WORKSPACE, ONE_BUFFER, fs->saved[2], &work));
    }
    BAL_GOTO(bal_one_scratch(p, call));
fail:
    bal_md_free(&src);
    bal_md_free(&dst);
    bal_md_free(&work);
    return status;
}

/* Steps whose backward reads no more than the gradient, the input value and what forward saved. */
static bal_status lower_simple(one_program *p, one_step_fn *run, int f, int g, bool reads_input)
{
    if (!back_step(p, run, f, g))
        return BAL_NO_MEMORY;
    const int at = p->step_count - 1, value = p->steps[at].value[0];
    if (reads_input)
        bal_one_use(p, p->steps[f].in[0]);
    for (int i = 0; i < 4; i++)
        read_saved(p, p->steps[f].saved[i]);
    return p->values[value].needs_gradient ? make_gradient(p, value) : BAL_OK;
}

static bal_status lower_cosine(one_program *p, int f, int g)
{
    BAL_TRY(lower_simple(p, bal_back_cosine, f, g, false));
    const bal_param_info *weights =
        &p->plan->head.graph->params[node_of(p, &p->steps[f])->param[0]];
    const int spare = bal_one_buffer(p, (size_t)weights->count * sizeof(float));
    if (spare < 0)
        return BAL_NO_MEMORY;
    p->steps[p->step_count - 1].out[1] = spare;
    return BAL_OK;
}

static bal_status lower_plain_back(one_program *p, int f, int g)
{
    BAL_TRY(lower_simple(p, bal_back_plain, f, g, false));
    const int work = bal_one_plain_buffer(p, p->steps[f].node);
    if (work < 0)
        return BAL_NO_MEMORY;
    p->steps[p->step_count - 1].out[1] = work;
    return BAL_OK;
}

static bal_status lower_back(one_program *p, int f)
{
    const one_step fs = p->steps[f];
    const one_value *v = &p->values[fs.made];
    if (!v->needs_gradient || v->part_count == 0)
        return BAL_OK;
    const bal_node *n = node_of(p, &fs);
    const bool masked = fs.run == bal_step_relu || (fs.run == bal_step_add && fs.relu);
    const int g = finish_gradient(p, fs.made, masked);
    if (g < 0)
        return BAL_NO_MEMORY;
    const bool wanted = fs.value[0] >= 0 && p->values[fs.value[0]].needs_gradient;
    if (fs.run == bal_step_input)
        return BAL_OK;
    if (fs.run == bal_step_relu)
        return wanted ? contribute(p, fs.value[0], g) : BAL_OK;
    if (fs.run == bal_step_add) {
        for (int i = 0; i < 2; i++)
            if (p->values[fs.value[i]].needs_gradient)
                BAL_TRY(contribute(p, fs.value[i], g));
        return BAL_OK;
    }
    if (fs.run == bal_step_norm)
        return lower_norm(p, f, g);
    if (fs.run == bal_step_linear)
        return lower_simple(p, bal_back_linear, f, g, true);
    if (fs.run == bal_step_cosine)
        return lower_cosine(p, f, g);
    if (fs.run == bal_step_plain)
        return lower_plain_back(p, f, g);
    if (fs.run == bal_step_call && n->op == BAL_OP_CONV2D) {
        if (wanted) /* first: the weights' gradient then leaves the input warm for the sum */
            BAL_TRY(lower_conv_data(p, f, g));
        const bool trained = trains(p, n->param[0]) || (n->params > 1 && trains(p, n->param[1]));
        return trained ? lower_conv_weights(p, f, g) : BAL_OK;
    }
    if (!wanted)
        return BAL_OK;
    if (fs.run == bal_step_call)
        return lower_pool(p, f, g);
    if (fs.run == bal_step_batch_mix)
        return lower_batch_mix(p, f, g);
    one_step_fn *const run = fs.run == bal_step_convert       ? bal_back_convert
                             : fs.run == bal_step_global_pool ? bal_back_global_pool
                             : fs.run == bal_step_flatten     ? bal_back_flatten
                             : fs.run == bal_step_dropout     ? bal_back_dropout
                             : fs.run == bal_step_unflatten   ? bal_back_unflatten
                             : fs.run == bal_step_upsample    ? bal_back_upsample
                                                              : bal_back_shortcut;
    return lower_simple(p, run, f, g, false);
}

bal_status bal_one_lower_backward(one_program *p)
{
    const bal_graph *g = p->plan->head.graph;
    for (int i = 0; i < g->output_count; i++) {
        const int value = p->native[g->outputs[i].node];
        if (!p->values[value].needs_gradient)
            continue;
        one_step *s = bal_one_step(p, bal_back_external, g->outputs[i].node);
        if (!s)
            return BAL_NO_MEMORY;
        s->number = i;
        s->made = value;
        BAL_TRY(make_gradient(p, value));
    }
    for (int f = p->forward_steps - 1; f >= 0; f--)
        BAL_TRY(lower_back(p, f));
    return BAL_OK;
}
