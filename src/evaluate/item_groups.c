/* Metrics by group of items: a site, a device, a patient. */
#include "evaluate/evaluation.h"

#include "numeric/statistics/intervals.h"

#include <math.h>
#include <string.h>

bal_status bal_item_groups_open(bal_evaluation_work *w)
{
    const bal_evaluation_settings *s = w->settings;
    bal_evaluation *e = w->e;
    const size_t groups = (size_t)s->item_group_count, classes = (size_t)s->classes;
    if (!s->item_groups)
        return BAL_OK;
    if (s->item_group_count < 1 || s->item_group_least < 1)
        return bal_fail(e->ctx, BAL_BAD_ARG,
                        "item_group_count is %d and item_group_least %lld, each must be at least 1",
                        s->item_group_count, (long long)s->item_group_least);
    for (int64_t i = 0; i < s->items; i++)
        if (s->item_groups[i] < -1 || s->item_groups[i] >= s->item_group_count)
            return bal_fail(e->ctx, BAL_BAD_ARG, "the group of row %lld is %d, must be -1 to %d",
                            (long long)i, (int)s->item_groups[i], s->item_group_count - 1);
    w->cells = bal_calloc(e->ctx, groups * classes, sizeof *w->cells);
    e->item_groups = bal_calloc(e->ctx, groups, sizeof *e->item_groups);
    e->item_group_names = bal_calloc(e->ctx, groups, sizeof *e->item_group_names);
    if (!w->cells || !e->item_groups || !e->item_group_names)
        return BAL_NO_MEMORY;
    e->item_group_count = s->item_group_count;
    for (int g = 0; g < e->item_group_count; g++) {
        e->item_group_names[g] = s->item_group_names ? bal_strdup(e->ctx, s->item_group_names[g])
                                                     : bal_format(e->ctx, "%d", g);
        if (!e->item_group_names[g])
            return BAL_NO_MEMORY;
    }
    return BAL_OK;
}

void bal_item_groups_count(bal_evaluation_work *w, int64_t i, int label, int predicted)
{
    const int32_t group = w->settings->item_groups ? w->settings->item_groups[i] : -1;
    if (group < 0)
        return;
    bal_group_cell *cell = &w->cells[(int64_t)group * w->e->classes + label];
    cell->items++;
    cell->right += label == predicted;
}

static bal_interval wilson(const bal_evaluation_work *w, double right, double count)
{
    bal_interval i = {NAN, NAN};
    if (count > 0.0)
        bal_wilson_interval(right, count, w->settings->confidence, &i.low, &i.high);
    return i;
}

/* One group, and whether one of its cells is the worst so far. */
static void one_group(bal_evaluation_work *w, int g)
{
    bal_evaluation *e = w->e;
    bal_item_group_metrics *m = &e->item_groups[g];
    const bal_group_cell *cells = w->cells + (int64_t)g * e->classes;
    double recalls = 0.0;
    int64_t right = 0;
    *m = (bal_item_group_metrics){.name = e->item_group_names[g]};
    for (int c = 0; c < e->classes; c++) {
        m->items += cells[c].items;
        right += cells[c].right;
        if (cells[c].items == 0)
            continue;
        const double recall = (double)cells[c].right / (double)cells[c].items;
        m->classes++;
        recalls += recall;
        if (cells[c].items < w->settings->item_group_least) {
            e->fairness.small_cells++;
            continue;
        }
        if (isnan(e->fairness.cell_recall) || recall < e->fairness.cell_recall) {
            e->fairness.cell_group = g;
            e->fairness.cell_class = c;
            e->fairness.cell_items = cells[c].items;
            e->fairness.cell_recall = recall;
            e->fairness.cell_interval = wilson(w, (double)cells[c].right, (double)cells[c].items);
        }
    }
    m->accuracy = m->items ? (double)right / (double)m->items : NAN;
    m->accuracy_interval = wilson(w, (double)right, (double)m->items);
    m->recall = m->classes ? recalls / m->classes : NAN;
}

void bal_item_groups_finish(bal_evaluation_work *w)
{
    bal_evaluation *e = w->e;
    bal_fairness *f = &e->fairness;
    *f = (bal_fairness){.worst_group = -1,
                        .best_group = -1,
                        .gap = NAN,
                        .cell_group = -1,
                        .cell_class = -1,
                        .cell_recall = NAN,
                        .cell_interval = {NAN, NAN}};
    for (int g = 0; g < e->item_group_count; g++) {
        one_group(w, g);
        const bal_item_group_metrics *m = &e->item_groups[g];
        if (m->items < w->settings->item_group_least) {
            f->small_groups += m->items > 0;
            continue;
        }
        if (f->worst_group < 0 || m->recall < e->item_groups[f->worst_group].recall)
            f->worst_group = g;
        if (f->best_group < 0 || m->recall > e->item_groups[f->best_group].recall)
            f->best_group = g;
    }
    if (f->best_group >= 0)
        f->gap = e->item_groups[f->best_group].recall - e->item_groups[f->worst_group].recall;
}

int bal_evaluation_item_groups(const bal_evaluation *e)
{
    return e->item_group_count;
}

const bal_item_group_metrics *bal_evaluation_item_group(const bal_evaluation *e, int group)
{
    return group >= 0 && group < e->item_group_count ? &e->item_groups[group] : NULL;
}

const bal_fairness *bal_evaluation_fairness(const bal_evaluation *e)
{
    return e->item_group_count ? &e->fairness : NULL;
}
