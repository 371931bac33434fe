/* Before each batch the running statistics are set to 0, so that after it they are momentum times
 * the batch's own: an engine needs nothing besides. */
#include "train/stage/norm_statistics.h"

#include "net/op.h"

#include <string.h>

typedef struct measurement {
    bal_plan *plan;
    double *sums; /* of all statistics, one after the other */
    float *now;   /* of the largest one */
    float *zeros;
    int64_t batches;
} measurement;

static double momentum_of(const bal_graph *g, int param)
{
    const bal_node *n = &g->nodes[g->params[param].node];
    return n->op == BAL_OP_BATCH_NORM && !g->params[param].learned ? n->settings.momentum : 0.0;
}

/* The next statistic from `param` on, -1: none. Those of frozen norms do not move. */
static int next_statistic(const bal_plan *plan, int param)
{
    const bal_graph *g = plan->graph;
    for (; param < g->param_count; param++)
        if (momentum_of(g, param) > 0.0 && bal_plan_norm_trains(plan, g->params[param].node))
            return param;
    return -1;
}

static bal_status set_zero(const measurement *m)
{
    for (int p = next_statistic(m->plan, 0); p >= 0; p = next_statistic(m->plan, p + 1))
        BAL_TRY(bal_plan_write_param(m->plan, p, BAL_PARAM_VALUE, m->zeros));
    return BAL_OK;
}

static bal_status add_batch(measurement *m)
{
    const bal_graph *g = m->plan->graph;
    double *sums = m->sums;
    for (int p = next_statistic(m->plan, 0); p >= 0; p = next_statistic(m->plan, p + 1)) {
        BAL_TRY(bal_plan_read_param(m->plan, p, BAL_PARAM_VALUE, m->now));
        for (int64_t i = 0; i < g->params[p].count; i++)
            sums[i] += (double)m->now[i] / momentum_of(g, p);
        sums += g->params[p].count;
    }
    m->batches++;
    return BAL_OK;
}

static bal_status write_means(const measurement *m)
{
    const bal_graph *g = m->plan->graph;
    const double *sums = m->sums;
    for (int p = next_statistic(m->plan, 0); p >= 0; p = next_statistic(m->plan, p + 1)) {
        for (int64_t i = 0; i < g->params[p].count; i++)
            m->now[i] = (float)(sums[i] / (double)m->batches);
        BAL_TRY(bal_plan_write_param(m->plan, p, BAL_PARAM_VALUE, m->now));
        sums += g->params[p].count;
    }
    return BAL_OK;
}

static bal_status run(measurement *m, bal_loader *loader)
{
    for (;;) {
        bal_loader_batch batch;
        BAL_TRY(bal_loader_next(loader, &batch));
        if (batch.count == 0)
            return m->batches > 0 ? write_means(m) : BAL_OK;
        if (bal_interrupted(m->plan->ctx))
            return bal_fail(m->plan->ctx, BAL_INTERRUPTED,
                            "interrupted while the statistics of batch norm were measured");
        BAL_TRY(set_zero(m));
        const bal_batch_mix mix = {batch.mix_place, batch.partners, batch.shares};
        BAL_TRY(
            bal_plan_forward(m->plan, &(bal_forward){.inputs = (const float *const[]){batch.images},
                                                     .batch = batch.count,
                                                     .training = true,
                                                     .mix = batch.mix_place > 0 ? &mix : NULL,
                                                     .step = (uint64_t)m->batches}));
        BAL_TRY(add_batch(m));
    }
}

bal_status bal_plan_measure_norms(bal_plan *plan, bal_loader *loader, const bal_loader_pass *pass)
{
    const bal_graph *g = plan->graph;
    size_t all = 0, largest = 0;
    for (int p = next_statistic(plan, 0); p >= 0; p = next_statistic(plan, p + 1)) {
        const size_t count = (size_t)g->params[p].count;
        all += count;
        largest = count > largest ? count : largest;
    }
    if (all == 0)
        return BAL_OK;
    measurement m = {.plan = plan,
                     .sums = bal_calloc(plan->ctx, all, sizeof *m.sums),
                     .now = bal_calloc(plan->ctx, largest, sizeof *m.now),
                     .zeros = bal_calloc(plan->ctx, largest, sizeof *m.zeros)};
    bal_status status = BAL_NO_MEMORY;
    if (m.sums && m.now && m.zeros) {
        bal_loader_begin(loader, pass);
        status = run(&m, loader);
        bal_loader_stop(loader);
    }
    bal_free(plan->ctx, m.sums);
    bal_free(plan->ctx, m.now);
    bal_free(plan->ctx, m.zeros);
    return status;
}
