/* What the nearest neighbours of every row say: kDN, N3, types of examples. */
#include "audit/hardness/hardness_parts.h"

#include "numeric/neighbours/neighbours.h"
#include "numeric/statistics/quantile.h"

#include <math.h>
#include <string.h>

const char *bal_example_type_name(bal_example_type type)
{
    static const char *const names[BAL_EXAMPLE_COUNT] = {"safe", "borderline", "rare", "outlier"};
    return (unsigned)type < BAL_EXAMPLE_COUNT ? names[type] : "unknown";
}

/* How many of the first `count` neighbours of a row are of its class. */
static int64_t of_own_class(const bal_hardness_work *w, int64_t row, int64_t count)
{
    const int64_t *nearest = w->nearest + (size_t)row * (size_t)w->near;
    int64_t own = 0;
    for (int64_t j = 0; j < count; j++)
        own += w->labels[nearest[j]] == w->labels[row];
    return own;
}

/* ---- types ---- */

/* The one neighbour of a rare row's class must be as alone: nothing of the class near it, or this
 * row only. */
static bool has_company(const bal_hardness_work *w, int64_t row, int64_t count)
{
    const int64_t *nearest = w->nearest + (size_t)row * (size_t)w->near;
    int64_t at = 0;
    while (w->labels[nearest[at]] != w->labels[row])
        at++;
    const int64_t kin = nearest[at], of_kin = of_own_class(w, kin, count);
    if (of_kin != 1)
        return of_kin > 1;
    const int64_t *theirs = w->nearest + (size_t)kin * (size_t)w->near;
    for (int64_t j = 0; j < count; j++)
        if (theirs[j] == row)
            return false;
    return true;
}

static bal_example_type type_of(const bal_hardness_work *w, int64_t row)
{
    const int64_t count = w->near < BAL_TYPE_NEIGHBOURS ? w->near : BAL_TYPE_NEIGHBOURS;
    const int64_t own = of_own_class(w, row, count);
    if (10 * own > 7 * count)
        return BAL_EXAMPLE_SAFE;
    if (10 * own > 3 * count)
        return BAL_EXAMPLE_BORDERLINE;
    if (own == 0)
        return BAL_EXAMPLE_OUTLIER;
    return has_company(w, row, count) ? BAL_EXAMPLE_BORDERLINE : BAL_EXAMPLE_RARE;
}

/* ---- figures of a set of rows ---- */

typedef struct summary {
    double kdn, kdn_median, hard, n3;
} summary;

/* Of count >= 1 rows; scratch has room for count numbers. */
static summary summarise(const bal_hardness_work *w, const int64_t *rows, int64_t count,
                         double *scratch)
{
    int64_t others = 0, hard = 0, wrong = 0;
    const int64_t k = w->out->neighbours;
    for (int64_t i = 0; i < count; i++) {
        const int64_t other = k - of_own_class(w, rows[i], k);
        scratch[i] = (double)other / (double)k;
        others += other;
        hard += scratch[i] > BAL_HARD;
        wrong += w->each[rows[i]].n3;
    }
    return (summary){.kdn = (double)others / ((double)count * (double)k),
                     .kdn_median = bal_median(scratch, count),
                     .hard = (double)hard / (double)count,
                     .n3 = (double)wrong / (double)count};
}

static bal_status search(bal_hardness_work *w)
{
    const int64_t others = w->rows.rows - 1;
    const int asked = w->settings->neighbours;
    w->out->neighbours = asked < others ? asked : (int)others;
    const int64_t most = asked > BAL_TYPE_NEIGHBOURS ? asked : BAL_TYPE_NEIGHBOURS;
    w->near = most < others ? most : others;
    w->nearest = bal_calloc(w->ctx, (size_t)w->rows.rows, (size_t)w->near * sizeof *w->nearest);
    if (!w->nearest)
        return BAL_NO_MEMORY;
    bal_hardness_part part = {w->settings, "neighbours"};
    bal_hardness_step(&part, 0, 1);
    const bal_neighbours_settings how = {.points = w->rows,
                                         .k = w->near,
                                         .distance = BAL_EUCLIDEAN,
                                         .progress = bal_hardness_step,
                                         .user = &part};
    return bal_neighbours(w->ctx, &how, w->nearest, NULL);
}

bal_status bal_measure_neighbours(bal_hardness_work *w)
{
    bal_audit_difficulty *out = w->out;
    BAL_TRY(search(w));
    double *scratch = bal_calloc(w->ctx, (size_t)w->rows.rows, sizeof *scratch);
    if (!scratch)
        return BAL_NO_MEMORY;
    for (int64_t i = 0; i < w->rows.rows; i++) {
        bal_audit_item_difficulty *e = &w->each[i];
        const int64_t k = out->neighbours;
        const bal_example_type type = type_of(w, i);
        e->neighbour = (int32_t)w->nearest[(size_t)i * (size_t)w->near];
        e->kdn = (float)((double)(k - of_own_class(w, i, k)) / (double)k);
        e->n3 = w->labels[e->neighbour] != w->labels[i];
        e->type = (uint8_t)type;
        out->types[type]++;
        w->class_of[w->labels[i]].types[type]++;
    }
    const summary all = summarise(w, w->by_class, w->rows.rows, scratch);
    out->kdn = all.kdn;
    out->kdn_median = all.kdn_median;
    out->hard = all.hard;
    out->n3 = all.n3;
    for (int c = 0; c < w->classes; c++) {
        if (bal_class_items(w, c) == 0)
            continue;
        bal_audit_class_difficulty *of = &w->class_of[c];
        const summary s = summarise(w, w->by_class + w->first[c], bal_class_items(w, c), scratch);
        of->kdn = s.kdn;
        of->kdn_median = s.kdn_median;
        of->chance = 1.0 - (double)(of->items - 1) / (double)(w->rows.rows - 1);
        of->hard = s.hard;
        of->n3 = s.n3;
    }
    bal_free(w->ctx, scratch);
    return BAL_OK;
}
