/* Values and momenta out of a plan and into one. */
#include "train/snapshot.h"

#include <stdio.h>

#define MOMENTUM "momentum/"

static bal_status momentum_name(bal_ctx *ctx, const char *param, char *name, size_t size)
{
    if (snprintf(name, size, MOMENTUM "%s", param) >= (int)size)
        return bal_fail(ctx, BAL_UNSUPPORTED, "parameter name %s is too long", param);
    return BAL_OK;
}

bal_status bal_snapshot_take(bal_plan *plan, bal_weights **out)
{
    BAL_TRY(bal_plan_save(plan, out));
    bal_status status = BAL_OK;
    for (int i = 0; i < plan->graph->param_count; i++) {
        const bal_param_info *p = &plan->graph->params[i];
        char name[512];
        if (!plan->trainable[i])
            continue;
        BAL_GOTO(momentum_name(plan->ctx, p->name, name, sizeof name));
        BAL_GOTO(bal_weights_add(*out, name, p->dims, p->shape, NULL));
        BAL_GOTO(
            bal_plan_read_param(plan, i, BAL_PARAM_MOMENTUM, bal_weights_find(*out, name)->data));
    }
    return BAL_OK;
fail:
    bal_weights_close(out);
    return status;
}

static bool fits(const bal_param_info *p, const bal_tensor *t)
{
    bool same = p->dims == t->dims;
    for (int i = 0; same && i < p->dims; i++)
        same = p->shape[i] == t->shape[i];
    return same;
}

bal_status bal_snapshot_restore(bal_plan *plan, const bal_weights *from, const char *where)
{
    for (int i = 0; i < plan->graph->param_count; i++) {
        const bal_param_info *p = &plan->graph->params[i];
        const bal_tensor *t = bal_weights_find(from, p->name);
        if (!t || !fits(p, t))
            return bal_fail(plan->ctx, BAL_MISMATCH, "%s: %s %s", where, p->name,
                            t ? "has another shape than in the model" : "is missing");
        BAL_TRY(bal_plan_write_param(plan, i, BAL_PARAM_VALUE, t->data));
        char name[512];
        BAL_TRY(momentum_name(plan->ctx, p->name, name, sizeof name));
        t = plan->trainable[i] ? bal_weights_find(from, name) : NULL;
        if (t && !fits(p, t))
            return bal_fail(plan->ctx, BAL_MISMATCH, "%s: %s has another shape than in the model",
                            where, name);
        if (t)
            BAL_TRY(bal_plan_write_param(plan, i, BAL_PARAM_MOMENTUM, t->data));
    }
    return BAL_OK;
}
