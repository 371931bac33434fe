/* Groups of classes by their number of training images. */
#include "evaluate/class_groups.h"

#include "evaluate/evaluation.h"

#include <math.h>
#include <stdlib.h>

static const char *const by_count[BAL_GROUP_COUNT] = {"many", "medium", "few"};
static const char *const by_rank[BAL_GROUP_COUNT] = {"head", "middle", "tail"};

static int group_of_count(int64_t count)
{
    return count > 100 ? BAL_GROUP_MANY : count >= 20 ? BAL_GROUP_MEDIUM : BAL_GROUP_FEW;
}

typedef struct ranked {
    int64_t count;
    int c;
} ranked;

/* most images first; equal counts in class order */
static int more_first(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return x->c - y->c;
}

/* Head and tail are floor((C + 1) / 3) classes each. */
static bal_status thirds(bal_ctx *ctx, const int64_t *counts, int classes, signed char *group_of)
{
    ranked *order = bal_calloc(ctx, (size_t)classes, sizeof *order);
    if (!order)
        return BAL_NO_MEMORY;
    for (int c = 0; c < classes; c++)
        order[c] = (ranked){counts[c], c};
    qsort(order, (size_t)classes, sizeof *order, more_first);
    const int ends = (classes + 1) / 3;
    for (int i = 0; i < classes; i++)
        group_of[order[i].c] = (signed char)(i < ends             ? BAL_GROUP_MANY
                                             : i < classes - ends ? BAL_GROUP_MEDIUM
                                                                  : BAL_GROUP_FEW);
    bal_free(ctx, order);
    return BAL_OK;
}

bal_status bal_group_by_count(bal_ctx *ctx, const int64_t *counts, int classes,
                              signed char *group_of, const char *const **names)
{
    int filled[BAL_GROUP_COUNT] = {0};
    bool all_equal = true;
    *names = by_count;
    for (int c = 0; c < classes; c++) {
        group_of[c] = (signed char)group_of_count(counts[c]);
        filled[group_of[c]]++;
        all_equal &= counts[c] == counts[0];
    }
    /* a rank among equal counts would mean nothing */
    if (all_equal || (filled[0] && filled[1] && filled[2]))
        return BAL_OK;
    *names = by_rank;
    return thirds(ctx, counts, classes, group_of);
}

bal_status bal_class_groups(bal_evaluation_work *w)
{
    bal_evaluation *e = w->e;
    const int64_t *counts = w->settings->train_counts;
    const char *const *names = by_count;
    if (counts)
        BAL_TRY(bal_group_by_count(e->ctx, counts, e->classes, w->group_of, &names));
    for (int c = 0; c < e->classes && !counts; c++)
        w->group_of[c] = -1;
    double recalls[BAL_GROUP_COUNT];
    bal_tally_groups(&w->tally, e->classes, w->group_of, recalls);
    double low = NAN, high = NAN;
    for (int g = 0; g < BAL_GROUP_COUNT; g++) {
        low = isnan(low) || recalls[g] < low ? recalls[g] : low;
        high = isnan(high) || recalls[g] > high ? recalls[g] : high;
    }
    e->values[BAL_METRIC_group_recall_gap] = high - low;
    for (int g = 0; g < BAL_GROUP_COUNT; g++) {
        int members = 0;
        for (int c = 0; c < e->classes; c++)
            members += w->group_of[c] == g;
        e->groups[g] = (bal_group_metrics){names[g], members, recalls[g], {NAN, NAN}};
    }
    return BAL_OK;
}
