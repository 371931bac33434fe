/* Actions on the head's matrix alone, and the bound on the norms of its rows. */
#include "net/models/heads.h"
#include "net/weights.h"
#include "train/stage/head_bias.h"
#include "train/stage/stage_actions.h"

#include <math.h>
#include <string.h>

/* ---- the matrix ---- */

void bal_head_rows_close(bal_head_rows *head)
{
    if (!head->plan)
        return;
    bal_free(head->plan->ctx, head->rows);
    bal_free(head->plan->ctx, head->shift);
    *head = (bal_head_rows){0};
}

bal_status bal_head_rows_open(bal_head_rows *out, bal_plan *plan)
{
    const bal_head_params at = bal_head_params_of(plan->graph);
    *out = (bal_head_rows){.plan = plan, .weight = at.weight, .bias = at.bias};
    if (at.weight < 0)
        return bal_fail(plan->ctx, BAL_MISMATCH, "the model has no head with a matrix");
    const bal_param_info *p = bal_graph_param(plan->graph, at.weight);
    out->classes = p->shape[0];
    out->features = p->shape[1];
    out->rows = bal_calloc(plan->ctx, (size_t)p->count, sizeof *out->rows);
    if (!out->rows)
        return BAL_NO_MEMORY;
    BAL_TRY(bal_plan_read_param(plan, at.weight, BAL_PARAM_VALUE, out->rows));
    if (at.bias < 0)
        return BAL_OK;
    out->shift = bal_calloc(plan->ctx, (size_t)out->classes, sizeof *out->shift);
    return out->shift ? bal_plan_read_param(plan, at.bias, BAL_PARAM_VALUE, out->shift)
                      : BAL_NO_MEMORY;
}

bal_status bal_head_rows_write(const bal_head_rows *head)
{
    BAL_TRY(bal_plan_write_param(head->plan, head->weight, BAL_PARAM_VALUE, head->rows));
    return head->shift ? bal_plan_write_param(head->plan, head->bias, BAL_PARAM_VALUE, head->shift)
                       : BAL_OK;
}

/* The momentum of a parameter starts again at 0; AdamW begins to count again. */
static bal_status forget(bal_plan *plan, int param)
{
    if (!plan->trainable[param])
        return BAL_OK;
    const size_t count = (size_t)bal_graph_param(plan->graph, param)->count;
    float *zeros = bal_calloc(plan->ctx, count, sizeof *zeros);
    if (!zeros)
        return BAL_NO_MEMORY;
    bal_status status = bal_plan_write_param(plan, param, BAL_PARAM_MOMENTUM, zeros);
    if (status == BAL_OK && bal_plan_has_part(plan, param, BAL_PARAM_SECOND))
        status = bal_plan_write_param(plan, param, BAL_PARAM_SECOND, zeros);
    plan->updates[param] = 0;
    bal_free(plan->ctx, zeros);
    return status;
}

static bal_status forget_head(bal_plan *plan)
{
    const int node = bal_head_params_of(plan->graph).node;
    for (int p = 0; p < bal_graph_params(plan->graph); p++)
        if (bal_graph_param(plan->graph, p)->node == node)
            BAL_TRY(forget(plan, p));
    return BAL_OK;
}

bal_status bal_head_rows_replace(const bal_head_rows *head)
{
    BAL_TRY(bal_head_rows_write(head));
    return forget_head(head->plan);
}

double bal_head_row_norm(const bal_head_rows *head, int64_t j)
{
    const float *row = head->rows + j * head->features;
    double sum = 0.0;
    for (int64_t i = 0; i < head->features; i++)
        sum += (double)row[i] * row[i];
    return sqrt(sum);
}

/* ---- actions ---- */

bal_status bal_stage_reinit_head(bal_training *g, int stage)
{
    const bal_graph *graph = g->plan->graph;
    const int node = bal_head_params_of(graph).node, bias = bal_head_params_of(graph).bias;
    for (int p = 0; p < bal_graph_params(graph); p++) {
        const bal_param_info *info = bal_graph_param(graph, p);
        if (info->node != node)
            continue;
        float *values = bal_calloc(g->ctx, (size_t)info->count, sizeof *values);
        if (!values)
            return BAL_NO_MEMORY;
        bal_weights_init_param(info, g->t->settings.seed, (uint64_t)stage, values);
        for (int64_t k = 0; p == bias && k < info->count; k++)
            values[k] = bal_head_bias_start(g->t->recipe, info->count);
        const bal_status status = bal_plan_write_param(g->plan, p, BAL_PARAM_VALUE, values);
        bal_free(g->ctx, values);
        BAL_TRY(status);
    }
    return forget_head(g->plan);
}

bal_status bal_stage_zero_bias(bal_training *g, int stage)
{
    (void)stage;
    bal_head_rows head;
    bal_status status = bal_head_rows_open(&head, g->plan);
    if (status == BAL_OK && head.shift) {
        memset(head.shift, 0, (size_t)head.classes * sizeof *head.shift);
        status = bal_head_rows_write(&head);
        if (status == BAL_OK)
            status = forget(g->plan, head.bias);
    }
    bal_head_rows_close(&head);
    return status;
}

bal_status bal_stage_reset_momentum(bal_training *g, int stage)
{
    (void)stage;
    for (int p = 0; p < bal_graph_params(g->plan->graph); p++)
        BAL_TRY(forget(g->plan, p));
    return BAL_OK;
}

/* ---- MaxNorm ---- */

bal_status bal_stage_project(bal_plan *plan, double bound)
{
    bal_head_rows head;
    bool cut = false;
    bal_status status = bal_head_rows_open(&head, plan);
    for (int64_t j = 0; status == BAL_OK && j < head.classes; j++) {
        float *row = head.rows + j * head.features;
        const double norm = bal_head_row_norm(&head, j);
        for (int64_t i = 0; norm > bound && i < head.features; i++)
            row[i] = (float)(row[i] * (bound / norm));
        cut = cut || norm > bound;
    }
    if (status == BAL_OK && cut)
        status = bal_plan_write_param(plan, head.weight, BAL_PARAM_VALUE, head.rows);
    bal_head_rows_close(&head);
    return status;
}
