/* Building, binding and running a program: steps over buffers for one batch size. */
#include "engine/onednn/onednn_plan.h"

#include <string.h>

/* Room for one more element; false: no memory. */
static bool grow(bal_ctx *ctx, void **array, int count, int *room, size_t size)
{
    if (count < *room)
        return true;
    const int bigger = *room ? *room * 2 : 64;
    void *grown = bal_resize(ctx, *array, (size_t)count, (size_t)bigger, size);
    if (!grown)
        return false;
    *array = grown;
    *room = bigger;
    return true;
}

int bal_one_buffer(one_program *p, size_t bytes)
{
    if (!grow(p->ctx, (void **)&p->buffers, p->buffer_count, &p->buffer_room, sizeof *p->buffers))
        return -1;
    const int now = p->step_count - 1;
    p->buffers[p->buffer_count] = (one_buffer){.bytes = bytes > 0 ? bytes : 1,
                                               .first = now,
                                               .last = now,
                                               .takes = {-1, -1},
                                               .root = p->buffer_count};
    return p->buffer_count++;
}

void bal_one_use(one_program *p, int buffer)
{
    one_buffer *b = &p->buffers[buffer];
    if (b->last < p->step_count - 1)
        b->last = p->step_count - 1;
}

void bal_one_in_place(one_program *p, int in, int out)
{
    int *takes = p->buffers[out].takes;
    takes[takes[0] < 0 ? 0 : 1] = in;
}

one_step *bal_one_step(one_program *p, one_step_fn *run, int node)
{
    if (!grow(p->ctx, (void **)&p->steps, p->step_count, &p->step_room, sizeof *p->steps))
        return NULL;
    one_step *s = &p->steps[p->step_count++];
    memset(s, 0, sizeof *s);
    s->run = run;
    s->node = node;
    s->made = s->value[0] = s->value[1] = s->out[0] = s->out[1] = s->forward = -1;
    for (int i = 0; i < 4; i++)
        s->in[i] = s->saved[i] = -1;
    return s;
}

int bal_one_value(one_program *p, int node, bal_shape shape, int block)
{
    if (!grow(p->ctx, (void **)&p->values, p->value_count, &p->value_room, sizeof *p->values))
        return -1;
    p->values[p->value_count] = (one_value){
        .node = node, .shape = shape, .block = block, .buffer = -1, .step = -1, .gradient = -1};
    return p->value_count++;
}

size_t bal_one_bytes(const one_program *p, bal_shape shape, int block)
{
    const size_t channels = (size_t)((shape.channels + block - 1) / block * block);
    return (size_t)p->batch * channels * (size_t)shape.height * (size_t)shape.width * sizeof(float);
}

bal_status bal_one_value_md(one_program *p, const one_value *v, bal_md *out)
{
    const int64_t shape[4] = {p->batch, v->shape.channels, v->shape.height, v->shape.width};
    return bal_md_blocked(p->ctx, out, shape, v->block);
}

bal_status bal_one_arg(one_program *p, one_call *call, int name, one_where where, int index,
                       const bal_md *md)
{
    one_arg *a = &call->args[call->count];
    BAL_TRY(bal_md_copy(p->ctx, &a->md, md));
    a->name = name;
    a->where = where;
    a->index = index;
    call->count++;
    return BAL_OK;
}

bal_status bal_one_scratch(one_program *p, one_call *call)
{
    bal_md md = {0};
    BAL_TRY(bal_prim_md(p->ctx, &call->prim, dnnl_query_scratchpad_md, &md));
    const size_t bytes = bal_md_bytes(&md);
    bal_status status = BAL_OK;
    if (bytes > 0)
        status = bal_one_arg(p, call, DNNL_ARG_SCRATCHPAD, ONE_SCRATCH, 0, &md);
    if (bytes > p->scratch_bytes)
        p->scratch_bytes = bytes;
    bal_md_free(&md);
    return status;
}

float *bal_one_at(const one_program *p, int buffer)
{
    return buffer < 0 ? NULL : p->buffers[buffer].at;
}

static void free_call(one_call *call)
{
    for (int i = 0; i < call->count; i++) {
        if (call->args[i].memory)
            dnnl_memory_destroy(call->args[i].memory);
        bal_md_free(&call->args[i].md);
    }
    bal_prim_free(&call->prim);
}

void bal_one_program_close(one_program **program)
{
    one_program *p = *program;
    if (!p)
        return;
    bal_ctx *ctx = p->ctx;
    for (int i = 0; i < p->step_count; i++) {
        free_call(&p->steps[i].call);
        free_call(&p->steps[i].extra);
    }
    if (p->own_arena)
        bal_free_aligned(ctx, p->arena);
    bal_free(ctx, p->buffers);
    bal_free(ctx, p->values);
    bal_free(ctx, p->steps);
    bal_free(ctx, p->native);
    bal_free(ctx, p);
    *program = NULL;
}

bal_status bal_one_program_open(one_program **out, one_plan *plan, int batch)
{
    *out = NULL;
    bal_ctx *ctx = plan->head.ctx;
    const bal_graph *g = plan->head.graph;
    one_program *p = bal_calloc(ctx, 1, sizeof *p);
    if (!p)
        return BAL_NO_MEMORY;
    p->plan = plan;
    p->ctx = ctx;
    p->batch = batch;
    bal_status status = BAL_NO_MEMORY;
    p->native = bal_calloc(ctx, (size_t)g->node_count, sizeof *p->native);
    if (!p->native)
        goto fail;
    for (int i = 0; i < g->node_count; i++)
        p->native[i] = -1;
    BAL_GOTO(bal_one_lower_forward(p));
    if (plan->head.settings.training)
        BAL_GOTO(bal_one_lower_backward(p));
    BAL_GOTO(bal_one_place(ctx, p->buffers, p->buffer_count, &p->arena_bytes));
    *out = p;
    return BAL_OK;
fail:
    bal_one_program_close(&p);
    return status;
}

static bal_status bind_call(one_program *p, one_call *call)
{
    for (int i = 0; i < call->count; i++) {
        one_arg *a = &call->args[i];
        void *at = NULL;
        switch (a->where) {
        case ONE_BUFFER:
            at = p->buffers[a->index].at;
            break;
        case ONE_PARAM:
            at = p->plan->params[a->index].value;
            break;
        case ONE_GRADIENT:
            at = p->plan->params[a->index].gradient;
            break;
        case ONE_SCRATCH:
            at = p->arena + p->arena_bytes;
            break;
        }
        BAL_TRY(bal_dnnl_memory(p->ctx, &p->plan->dnnl, &a->md, at, &a->memory));
    }
    return BAL_OK;
}

bal_status bal_one_program_bind(one_program *p)
{
    const size_t bytes = p->arena_bytes + p->scratch_bytes;
    p->own_arena = bytes > p->plan->arena_bytes;
    p->arena = p->own_arena ? bal_calloc_aligned(p->ctx, bytes, 1) : p->plan->arena;
    if (!p->arena)
        return BAL_NO_MEMORY;
    for (int i = 0; i < p->buffer_count; i++)
        p->buffers[i].at = (float *)(void *)(p->arena + p->buffers[p->buffers[i].root].offset);
    for (int i = 0; i < p->step_count; i++) {
        BAL_TRY(bind_call(p, &p->steps[i].call));
        BAL_TRY(bind_call(p, &p->steps[i].extra));
    }
    return BAL_OK;
}

static bal_status execute(one_program *p, const one_call *call)
{
    dnnl_exec_arg_t args[BAL_DNNL_MAX_ARGS];
    for (int i = 0; i < call->count; i++)
        args[i] = (dnnl_exec_arg_t){call->args[i].name, call->args[i].memory};
    BAL_DNNL_TRY(p->ctx,
                 dnnl_primitive_execute(call->prim.run, p->plan->dnnl.stream, call->count, args));
    return BAL_OK;
}

bal_status bal_one_call_run(one_program *p, one_call *call)
{
    if (!p->plan->accumulate)
        return execute(p, call);
    /* Primitives overwrite gradients: keep the old ones aside, then add them. */
    float *old = p->plan->sum;
    int64_t at = 0;
    for (int i = 0; i < call->count; i++) {
        const one_arg *a = &call->args[i];
        if (a->where != ONE_GRADIENT)
            continue;
        const one_param *param = &p->plan->params[a->index];
        memcpy(old + at, param->gradient, (size_t)param->count * sizeof *old);
        at += param->count;
    }
    BAL_TRY(execute(p, call));
    at = 0;
    for (int i = 0; i < call->count; i++) {
        const one_arg *a = &call->args[i];
        if (a->where != ONE_GRADIENT)
            continue;
        const one_param *param = &p->plan->params[a->index];
        for (int64_t k = 0; k < param->count; k++)
            param->gradient[k] += old[at + k];
        at += param->count;
    }
    return BAL_OK;
}

bal_status bal_one_program_run(one_program *p, int from, int to, const one_run *how)
{
    for (int i = from; i < to; i++)
        BAL_TRY(p->steps[i].run(p, &p->steps[i], how));
    BAL_DNNL_TRY(p->ctx, dnnl_stream_wait(p->plan->dnnl.stream));
    return BAL_OK;
}
