/* Items class by class, in each the right ones first: what is read together stands together. */
#include "explain/explain_parts.h"

static int group_of(const bal_side_work *w, int64_t i)
{
    return w->predictions && w->predictions[i] == w->in.labels[i] ? BAL_GROUP_RIGHT
                                                                  : BAL_GROUP_WRONG;
}

bal_status bal_explain_order(bal_explain *e, int side)
{
    bal_side_work *w = &e->side[side];
    const size_t classes = (size_t)e->classes;
    w->order = bal_calloc(e->ctx, (size_t)w->in.items, sizeof *w->order);
    w->first = bal_calloc(e->ctx, classes + 1, sizeof *w->first);
    w->right = bal_calloc(e->ctx, classes, sizeof *w->right);
    int64_t *next = bal_calloc(e->ctx, classes * BAL_GROUPS, sizeof *next);
    if (!w->order || !w->first || !w->right || !next) {
        bal_free(e->ctx, next);
        return BAL_NO_MEMORY;
    }
    for (int64_t i = 0; i < w->in.items; i++) {
        w->first[w->in.labels[i] + 1]++;
        w->right[w->in.labels[i]] += group_of(w, i) == BAL_GROUP_RIGHT;
    }
    for (size_t c = 0; c < classes; c++) {
        next[c * BAL_GROUPS + BAL_GROUP_RIGHT] = w->first[c];
        next[c * BAL_GROUPS + BAL_GROUP_WRONG] = w->first[c] + w->right[c];
        w->first[c + 1] += w->first[c];
    }
    for (int64_t i = 0; i < w->in.items; i++)
        w->order[next[(size_t)w->in.labels[i] * BAL_GROUPS + (size_t)group_of(w, i)]++] = i;
    bal_free(e->ctx, next);
    return BAL_OK;
}
