/* The neighbourhood cleaning rule (Laurikkala 2001), as imbalanced-learn 0.10 has it: rows that
 * their neighbours outvote, and neighbours that spoil rows of the minority. */
#include "balance/resample/cleaning.h"

#include <string.h>

/* Is a row of the minority spoilt by its neighbours? */
static bool is_spoilt(const bal_resampled *r, const int64_t *near, int64_t k, int32_t *labels,
                      int64_t *work)
{
    bool all = true;
    for (int64_t j = 0; j < k; j++) {
        labels[j] = r->classes.of_row[near[j]];
        all = all && labels[j] == r->classes.minority;
    }
    return bal_cleaning_by_mode(r) ? bal_cleaning_mode(labels, k, work) != r->classes.minority
                                   : !all;
}

/* Marks the neighbours of spoilt rows that belong to large classes of the strategy. */
static bal_status mark_neighbours(const bal_resampled *r, bool *remove)
{
    const bal_class_rows *classes = &r->classes;
    const int64_t *minority = classes->members + classes->first[classes->minority];
    const int64_t n = bal_class_rows_in(classes, classes->minority);
    const int64_t k = bal_neighbourhood_k(r, classes->minority, r->settings.k, r->data.rows - 1);
    const double least = r->settings.threshold_cleaning * (double)r->data.rows;
    int64_t *near = bal_calloc(r->ctx, (size_t)n, (size_t)k * sizeof *near);
    int32_t *labels = bal_calloc(r->ctx, (size_t)k, sizeof *labels);
    int64_t *work = bal_calloc(r->ctx, (size_t)classes->count, sizeof *work);
    const bal_neighbourhood how = {
        .what = "neighbours of the minority", .of = minority, .of_count = n, .k = k};
    bal_status status = near && labels && work ? BAL_OK : BAL_NO_MEMORY;
    if (status == BAL_OK)
        status = bal_neighbourhood_find(r, &how, near, NULL);
    for (int64_t i = 0; status == BAL_OK && i < n; i++) {
        if (!is_spoilt(r, near + i * k, k, labels, work))
            continue;
        for (int64_t j = i * k; j < (i + 1) * k; j++) {
            const int c = classes->of_row[near[j]];
            if (r->target[c].chosen && (double)bal_class_rows_in(classes, c) > least)
                remove[near[j]] = true;
        }
    }
    bal_free(r->ctx, near);
    bal_free(r->ctx, labels);
    bal_free(r->ctx, work);
    return status;
}

static bal_status plan(bal_resampled *r)
{
    bal_cleaning c;
    BAL_TRY(bal_cleaning_open(&c, r));
    bool *chosen = bal_cleaning_chosen(r);
    bal_status status = chosen ? BAL_OK : BAL_NO_MEMORY;
    if (status == BAL_OK)
        status = bal_cleaning_edit(&c, r->settings.k, true, chosen);
    if (status == BAL_OK)
        status = mark_neighbours(r, c.remove);
    if (status == BAL_OK) {
        bal_cleaning_apply(&c);
        status = bal_resampled_keep(r, c.rows, c.count);
    }
    bal_free(r->ctx, chosen);
    bal_cleaning_close(&c);
    return status;
}

const bal_resampler bal_resampler_ncr = {
    .info = {.name = "ncr",
             .formula = "enn by majority, and removes the neighbours in large classes of minority "
                        "rows that are not among their own",
             .source = "Laurikkala 2001",
             .kind = BAL_RESAMPLE_CLEAN,
             .options = "k distance kind-sel threshold-cleaning",
             .k = 3},
    .plan = plan,
};
