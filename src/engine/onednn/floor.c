/* The floor of a training step: every convolution and batch norm primitive of the plan alone. */
#include "engine/onednn/onednn_plan.h"

#include <omp.h>
#include <stdlib.h>
#include <time.h>

#define MAX_RUNS 101
#define MATMUL 2048

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, ascending);
    return values[count / 2];
}

static bal_status time_call(one_program *p, one_call *call, int runs, double *seconds)
{
    double times[MAX_RUNS];
    BAL_TRY(bal_one_call_run(p, call));
    for (int i = 0; i < runs; i++) {
        const double start = now();
        BAL_TRY(bal_one_call_run(p, call));
        dnnl_stream_wait(p->plan->dnnl.stream);
        times[i] = now() - start;
    }
    *seconds += median(times, runs);
    return BAL_OK;
}

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
        const double start = now();
        status = dnnl_sgemm('N', 'N', n, n, n, 1.0f, m, n, m + n * n, n, 0.0f, m + 2 * n * n, n);
        if (i >= 0)
            times[i] = now() - start;
    }
    bal_free_aligned(ctx, m);
    BAL_DNNL_TRY(ctx, status);
    *gflops = 2.0 * (double)n * (double)n * (double)n / median(times, runs) * 1e-9;
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
        if (s->calls[0].count > 0 && (op == BAL_OP_CONV2D || op == BAL_OP_BATCH_NORM))
            BAL_TRY(time_call(p, &s->calls[0], counted, &seconds));
    }
    out->milliseconds = seconds * 1e3;
    return measure_matmul(head->ctx, counted < 5 ? counted : 5, &out->matmul_gflops);
}
