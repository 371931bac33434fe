/* Looking at an explanation. */
#include "explain/explain_parts.h"

int bal_explain_classes(const bal_explain *e)
{
    return e->classes;
}

int bal_explain_dim(const bal_explain *e)
{
    return e->dim;
}

int bal_explain_top(const bal_explain *e)
{
    return e->top;
}

bool bal_explain_has_head(const bal_explain *e)
{
    return e->weight != NULL;
}

const char *bal_explain_class_name(const bal_explain *e, int c)
{
    return c >= 0 && c < e->classes ? e->names[c] : NULL;
}

const int64_t *bal_explain_train_counts(const bal_explain *e)
{
    return e->train_counts;
}

const char *bal_explain_group(const bal_explain *e, int c)
{
    return c >= 0 && c < e->classes ? e->group_names[e->group_of[c]] : NULL;
}

const bal_explained_side *bal_explain_side(const bal_explain *e, bal_side side)
{
    return (unsigned)side < BAL_SIDES && bal_side_present(e, (int)side) ? &e->side[side].view
                                                                        : NULL;
}

const bal_trend *bal_explain_trend(const bal_explain *e, int i)
{
    return i >= 0 && i < e->trend_count ? &e->trends[i] : NULL;
}

bal_status bal_explain_ce(const bal_explain *e, bal_ctx *ctx, bal_ce_ask ask, double *ce)
{
    const bal_side_work *w = &e->side[(unsigned)ask.side < BAL_SIDES ? ask.side : BAL_SIDE_TRAIN];
    if ((unsigned)ask.side >= BAL_SIDES || ask.item < 0 || ask.item >= w->in.items)
        return bal_fail(ctx, BAL_BAD_ARG, "item %lld of side %d: there is none",
                        (long long)ask.item, (int)ask.side);
    if (!e->weight)
        return bal_fail(ctx, BAL_BAD_ARG, "there is no head, so there is no CE");
    if (ask.c < -1 || ask.c >= e->classes)
        return bal_fail(ctx, BAL_BAD_ARG, "class %d: -1 to %d expected", ask.c, e->classes - 1);
    const int c = ask.c < 0 ? w->predictions[ask.item] : ask.c;
    const float *z = w->in.features + ask.item * e->dim;
    const double scale = bal_explain_scale(e, w->norms[ask.item]);
    for (int k = 0; k < e->dim; k++)
        ce[k] = (double)z[k] * scale * e->weight[(size_t)c * (size_t)e->dim + (size_t)k];
    return BAL_OK;
}
