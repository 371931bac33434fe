/* N1: the rows that the minimum spanning tree joins to another class. */
#include "audit/hardness/hardness_parts.h"

#include "numeric/neighbours/spanning_tree.h"

bal_status bal_measure_tree(bal_hardness_work *w)
{
    const int64_t rows = w->rows.rows;
    bal_edge *edges = bal_calloc(w->ctx, (size_t)rows, sizeof *edges);
    if (!edges)
        return BAL_NO_MEMORY;
    bal_hardness_part part = {w->settings, "spanning tree"};
    bal_hardness_step(&part, 0, 1);
    const bal_spanning_tree_settings how = {
        .rows = w->rows, .progress = bal_hardness_step, .user = &part};
    const bal_status status = bal_spanning_tree(w->ctx, &how, edges);
    for (int64_t i = 0; i < rows; i++)
        w->each[i].n1 = 0;
    for (int64_t i = 0; i < rows - 1 && status == BAL_OK; i++)
        if (w->labels[edges[i].from] != w->labels[edges[i].to])
            w->each[edges[i].from].n1 = w->each[edges[i].to].n1 = 1;
    bal_free(w->ctx, edges);
    BAL_TRY(status);
    int64_t all = 0;
    for (int c = 0; c < w->classes; c++) {
        int64_t joined = 0;
        for (int64_t i = w->first[c]; i < w->first[c + 1]; i++)
            joined += w->each[w->by_class[i]].n1;
        all += joined;
        if (bal_class_items(w, c) > 0)
            w->class_of[c].n1 = (double)joined / (double)bal_class_items(w, c);
    }
    w->out->n1 = (double)all / (double)rows;
    return BAL_OK;
}
