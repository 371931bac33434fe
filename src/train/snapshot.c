/* Values, and what belongs to them, out of a plan and into one. */
#include "train/snapshot.h"

#include <stdio.h>

#define UPDATES "updates" /* a single number, which a float holds exactly to 2^24 */

/* The parts that a snapshot has besides the values. */
static const struct {
    bal_param_part part;
    const char *prefix;
} parts[] = {
    {BAL_PARAM_MOMENTUM, "momentum"}, {BAL_PARAM_SECOND, "second"}, {BAL_PARAM_AVERAGE, "average"}};

typedef struct part_name {
    char text[512];
} part_name;

static bal_status name_part(bal_ctx *ctx, const char *prefix, const char *param, part_name *name)
{
    const int length = snprintf(name->text, sizeof name->text, "%s/%s", prefix, param);
    if (length >= (int)sizeof name->text)
        return bal_fail(ctx, BAL_UNSUPPORTED, "parameter name %s is too long", param);
    return BAL_OK;
}

static bal_status take_param(bal_plan *plan, int param, bal_weights *out)
{
    const bal_param_info *p = &plan->graph->params[param];
    part_name name;
    for (size_t k = 0; k < BAL_COUNT_OF(parts); k++) {
        if (!bal_plan_has_part(plan, param, parts[k].part))
            continue;
        BAL_TRY(name_part(plan->ctx, parts[k].prefix, p->name, &name));
        BAL_TRY(bal_weights_add(out, name.text, p->dims, p->shape, NULL));
        float *to = bal_weights_find(out, name.text)->data;
        BAL_TRY(bal_plan_read_param(plan, param, parts[k].part, to));
    }
    if (!bal_plan_has_part(plan, param, BAL_PARAM_SECOND))
        return BAL_OK;
    const int64_t one[] = {1};
    BAL_TRY(name_part(plan->ctx, UPDATES, p->name, &name));
    return bal_weights_add(out, name.text, 1, one, &(float){(float)plan->updates[param]});
}

bal_status bal_snapshot_take(bal_plan *plan, bal_weights **out)
{
    BAL_TRY(bal_plan_save(plan, out));
    bal_status status = BAL_OK;
    for (int i = 0; i < plan->graph->param_count; i++)
        BAL_GOTO(take_param(plan, i, *out));
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

static bal_status restore_updates(bal_plan *plan, int param, const bal_weights *from,
                                  const char *where)
{
    part_name name;
    if (!bal_plan_has_part(plan, param, BAL_PARAM_SECOND))
        return BAL_OK;
    BAL_TRY(name_part(plan->ctx, UPDATES, plan->graph->params[param].name, &name));
    const bal_tensor *t = bal_weights_find(from, name.text);
    if (t && !(t->count == 1 && t->data[0] >= 0.0f && t->data[0] <= 16777216.0f))
        return bal_fail(plan->ctx, BAL_MISMATCH, "%s: %s is no number of updates", where,
                        name.text);
    plan->updates[param] = t ? (int64_t)t->data[0] : 0;
    return BAL_OK;
}

static bal_status restore_param(bal_plan *plan, int param, const bal_weights *from,
                                const char *where)
{
    const bal_param_info *p = &plan->graph->params[param];
    const bal_tensor *t = bal_weights_find(from, p->name);
    if (!t || !fits(p, t))
        return bal_fail(plan->ctx, BAL_MISMATCH, "%s: %s %s", where, p->name,
                        t ? "has another shape than in the model" : "is missing");
    BAL_TRY(bal_plan_write_param(plan, param, BAL_PARAM_VALUE, t->data));
    for (size_t k = 0; k < BAL_COUNT_OF(parts); k++) {
        part_name name;
        if (!bal_plan_has_part(plan, param, parts[k].part))
            continue;
        BAL_TRY(name_part(plan->ctx, parts[k].prefix, p->name, &name));
        t = bal_weights_find(from, name.text);
        if (t && !fits(p, t))
            return bal_fail(plan->ctx, BAL_MISMATCH, "%s: %s has another shape than in the model",
                            where, name.text);
        if (t)
            BAL_TRY(bal_plan_write_param(plan, param, parts[k].part, t->data));
    }
    return restore_updates(plan, param, from, where);
}

bal_status bal_snapshot_restore(bal_plan *plan, const bal_weights *from, const char *where)
{
    for (int i = 0; i < plan->graph->param_count; i++)
        BAL_TRY(restore_param(plan, i, from, where));
    return BAL_OK;
}

static bal_status carry_part(bal_plan *from, int source, bal_plan *to, int target,
                             bal_param_part part)
{
    if (!bal_plan_has_part(from, source, part) || !bal_plan_has_part(to, target, part))
        return BAL_OK;
    const size_t count = (size_t)to->graph->params[target].count;
    float *values = bal_calloc(to->ctx, count, sizeof *values);
    if (!values)
        return BAL_NO_MEMORY;
    bal_status status = bal_plan_read_param(from, source, part, values);
    if (status == BAL_OK)
        status = bal_plan_write_param(to, target, part, values);
    bal_free(to->ctx, values);
    return status;
}

bal_status bal_plan_carry(bal_plan *from, bal_plan *to)
{
    for (int i = 0; i < to->graph->param_count; i++) {
        const int source = bal_graph_find_param(from->graph, to->graph->params[i].name);
        if (source < 0)
            continue;
        BAL_TRY(carry_part(from, source, to, i, BAL_PARAM_VALUE));
        for (size_t k = 0; k < BAL_COUNT_OF(parts); k++)
            BAL_TRY(carry_part(from, source, to, i, parts[k].part));
        to->updates[i] = from->updates[source];
    }
    return BAL_OK;
}
