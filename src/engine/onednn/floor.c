/* The floor of a training step: the library's primitives for its convolutions and batch norms, each
 * alone. The plan has its own batch norm, so the library's is made here, for the comparison. */
#include "base/clock.h"
#include "engine/onednn/onednn_steps.h"
#include "numeric/statistics/quantile.h"

#include <omp.h>

#define MAX_RUNS 101
#define MATMUL 2048

static bal_status time_call(one_program *p, one_call *call, int runs, double *seconds)
{
    double times[MAX_RUNS];
    BAL_TRY(bal_one_call_run(p, call));
    for (int i = 0; i < runs; i++) {
        const double start = bal_clock();
        BAL_TRY(bal_one_call_run(p, call));
        BAL_DNNL_TRY(p->ctx, dnnl_stream_wait(p->plan->dnnl.stream));
        times[i] = bal_clock() - start;
    }
    *seconds += bal_median(times, runs);
    return BAL_OK;
}

/* ---- batch norm ---- */

enum { X, Y, DX, DY, MASK, MEAN, VARIANCE, SCALE, SHIFT, D_SCALE, D_SHIFT, TENSORS };

typedef struct norm_bench {
    bal_ctx *ctx;
    const bal_dnnl *dnnl;
    bal_prim forward, backward;
    bal_md md[TENSORS];
    void *at[TENSORS];
    dnnl_memory_t memory[TENSORS];
    bal_md scratch_md[2];
    void *scratch[2];
    dnnl_memory_t scratch_memory[2];
} norm_bench;

static void close_norm(norm_bench *b)
{
    for (int i = 0; i < TENSORS; i++) {
        if (b->memory[i])
            dnnl_memory_destroy(b->memory[i]);
        bal_free_aligned(b->ctx, b->at[i]);
        bal_md_free(&b->md[i]);
    }
    for (int i = 0; i < 2; i++) {
        if (b->scratch_memory[i])
            dnnl_memory_destroy(b->scratch_memory[i]);
        bal_free_aligned(b->ctx, b->scratch[i]);
        bal_md_free(&b->scratch_md[i]);
    }
    bal_prim_free(&b->forward);
    bal_prim_free(&b->backward);
}

static bal_status room(norm_bench *b, const bal_md *md, void **at, dnnl_memory_t *memory)
{
    *at = bal_calloc_aligned(b->ctx, bal_md_bytes(md) + 1, 1);
    return *at ? bal_dnnl_memory(b->ctx, b->dnnl, md, *at, memory) : BAL_NO_MEMORY;
}

static bal_status open_norm(norm_bench *b, one_program *p, const one_step *s)
{
    const bal_node *n = &p->plan->head.graph->nodes[s->node];
    const bal_prim *prims[2] = {&b->forward, &b->backward};
    for (int i = 0; i < TENSORS; i++)
        if (i <= DY)
            BAL_TRY(bal_one_value_md(p, &p->values[s->made], &b->md[i]));
        else if (i != MASK)
            BAL_TRY(bal_md_plain(b->ctx, &b->md[i], 1, (int64_t[]){n->shape.channels}));
    const bal_dnnl_norm norm = {.data = &b->md[X], .eps = (float)n->settings.eps, .relu = s->relu};
    BAL_TRY(bal_norm_forward(b->ctx, b->dnnl, &norm, &b->forward));
    BAL_TRY(bal_norm_backward(b->ctx, b->dnnl, &norm, &b->forward, &b->backward));
    BAL_TRY(bal_prim_md(b->ctx, &b->forward, dnnl_query_workspace_md, &b->md[MASK]));
    for (int i = 0; i < TENSORS; i++) {
        if (b->md[i].made)
            BAL_TRY(room(b, &b->md[i], &b->at[i], &b->memory[i]));
    }
    for (int i = 0; i < 2; i++) {
        BAL_TRY(bal_prim_md(b->ctx, prims[i], dnnl_query_scratchpad_md, &b->scratch_md[i]));
        if (b->scratch_md[i].made)
            BAL_TRY(room(b, &b->scratch_md[i], &b->scratch[i], &b->scratch_memory[i]));
    }
    const size_t floats = bal_md_bytes(&b->md[X]) / sizeof(float);
    float *x = b->at[X], *dy = b->at[DY];
    for (size_t i = 0; i < floats; i++)
        x[i] = dy[i] = (float)(i % 17) - 8.0f;
    return BAL_OK;
}

static bal_status run_norm(const norm_bench *b, bool backward)
{
    const dnnl_exec_arg_t forward_args[] = {{DNNL_ARG_SRC, b->memory[X]},
                                            {DNNL_ARG_DST, b->memory[Y]},
                                            {DNNL_ARG_SCALE, b->memory[SCALE]},
                                            {DNNL_ARG_SHIFT, b->memory[SHIFT]},
                                            {DNNL_ARG_MEAN, b->memory[MEAN]},
                                            {DNNL_ARG_VARIANCE, b->memory[VARIANCE]},
                                            {DNNL_ARG_SCRATCHPAD, b->scratch_memory[0]},
                                            {DNNL_ARG_WORKSPACE, b->memory[MASK]}};
    const dnnl_exec_arg_t backward_args[] = {{DNNL_ARG_SRC, b->memory[X]},
                                             {DNNL_ARG_DIFF_DST, b->memory[DY]},
                                             {DNNL_ARG_DIFF_SRC, b->memory[DX]},
                                             {DNNL_ARG_SCALE, b->memory[SCALE]},
                                             {DNNL_ARG_SHIFT, b->memory[SHIFT]},
                                             {DNNL_ARG_MEAN, b->memory[MEAN]},
                                             {DNNL_ARG_VARIANCE, b->memory[VARIANCE]},
                                             {DNNL_ARG_DIFF_SCALE, b->memory[D_SCALE]},
                                             {DNNL_ARG_DIFF_SHIFT, b->memory[D_SHIFT]},
                                             {DNNL_ARG_SCRATCHPAD, b->scratch_memory[1]},
                                             {DNNL_ARG_WORKSPACE, b->memory[MASK]}};
    const int mask = b->memory[MASK] ? 0 : 1; /* the last argument is there or not */
    if (backward)
        BAL_DNNL_TRY(b->ctx, dnnl_primitive_execute(b->backward.run, b->dnnl->stream,
                                                    (int)BAL_COUNT_OF(backward_args) - mask,
                                                    backward_args));
    else
        BAL_DNNL_TRY(b->ctx,
                     dnnl_primitive_execute(b->forward.run, b->dnnl->stream,
                                            (int)BAL_COUNT_OF(forward_args) - mask, forward_args));
    BAL_DNNL_TRY(b->ctx, dnnl_stream_wait(b->dnnl->stream));
    return BAL_OK;
}

/* Forward and backward of a batch norm step. */
static bal_status time_norm(one_program *p, const one_step *s, int runs, double *seconds)
{
    norm_bench b = {.ctx = p->ctx, .dnnl = &p->plan->dnnl};
    double times[MAX_RUNS];
    bal_status status;
    BAL_GOTO(open_norm(&b, p, s));
    for (int backward = 0; backward < 2; backward++) {
        for (int i = -1; i < runs; i++) {
            const double start = bal_clock();
            BAL_GOTO(run_norm(&b, backward));
            if (i >= 0)
                times[i] = bal_clock() - start;
        }
        *seconds += bal_median(times, runs);
    }
fail:
    close_norm(&b);
    return status;
}

/* ---- the whole ---- */

static bal_status measure_matmul(bal_ctx *ctx, int runs, double *gflops)
{
    const dnnl_dim_t n = MATMUL;
    float *m = bal_calloc_aligned(ctx, 3 * (size_t)n * (size_t)n, sizeof *m);
    if (!m)
        return BAL_NO_MEMORY;
    for (dnnl_dim_t i = 0; i < 2 * n * n; i++)
        m[i] = 1.0f / (float)(1 + i % 7);
    double times[MAX_RUNS];
    dnnl_status_t status = dnnl_success;
    for (int i = -1; i < runs && status == dnnl_success; i++) {
        const double start = bal_clock();
        status = dnnl_sgemm('N', 'N', n, n, n, 1.0f, m, n, m + n * n, n, 0.0f, m + 2 * n * n, n);
        if (i >= 0)
            times[i] = bal_clock() - start;
    }
    bal_free_aligned(ctx, m);
    BAL_DNNL_TRY(ctx, status);
    *gflops = 2.0 * (double)n * (double)n * (double)n / bal_median(times, runs) * 1e-9;
    return BAL_OK;
}

bal_status bal_one_measure_floor(bal_plan *head, int runs, bal_floor *out)
{
    one_plan *plan = (one_plan *)(void *)head;
    one_program *p = plan->programs[0];
    const int counted = runs < 1 ? 1 : runs > MAX_RUNS ? MAX_RUNS : runs;
    double seconds = 0.0;
    omp_set_num_threads(plan->threads);
    plan->accumulate = false;
    for (int i = 0; i < p->step_count; i++) {
        one_step *s = &p->steps[i];
        const int op = head->graph->nodes[s->node].op;
        if (op == BAL_OP_CONV2D && s->call.count > 0)
            BAL_TRY(time_call(p, &s->call, counted, &seconds));
        if (op == BAL_OP_BATCH_NORM && i < p->forward_steps && s->run == bal_step_norm)
            BAL_TRY(time_norm(p, s, counted, &seconds));
    }
    out->milliseconds = seconds * 1e3;
    return measure_matmul(head->ctx, counted < 5 ? counted : 5, &out->matmul_gflops);
}
