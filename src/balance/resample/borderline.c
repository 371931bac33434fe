/* Borderline-SMOTE (Han, Wang & Mao 2005): the bases are the rows in danger, those of whose m
 * nearest neighbours among all rows at least half, but not all, are of other classes.
 *   1: between them and neighbours of their class
 *   2: a part of them so, the others half way at most towards rows of other classes
 * Which part is drawn from Beta(10, 10), as imbalanced-learn does. */
#include "balance/resample/neighbourhood.h"

enum { WITHIN, TOWARDS };

/* The rows in danger, ascending. */
static bal_status find_danger(const bal_resampled *r, int c, int64_t *danger, int64_t *count)
{
    const int64_t n = bal_class_rows_in(&r->classes, c);
    const int64_t *members = r->classes.members + r->classes.first[c];
    int64_t m = r->settings.m;
    *count = 0;
    BAL_TRY(bal_neighbourhood_enemies(r, c, &m, danger));
    for (int64_t i = 0; i < n; i++)
        if (2 * danger[i] >= m && danger[i] < m)
            danger[(*count)++] = members[i]; /* never ahead of i */
    return BAL_OK;
}

static bal_status plan_within(bal_resampled *r, int c, const int64_t *danger, int64_t danger_count,
                              int64_t count)
{
    const bal_interpolation how = {.c = c,
                                   .bases = danger,
                                   .base_count = danger_count,
                                   .among = r->classes.members + r->classes.first[c],
                                   .among_count = bal_class_rows_in(&r->classes, c),
                                   .count = count,
                                   .k = r->settings.k,
                                   .step = 1.0,
                                   .purpose = WITHIN};
    return bal_interpolation_plan(r, &how);
}

static bal_status plan_towards(bal_resampled *r, int c, const int64_t *danger, int64_t danger_count,
                               int64_t count)
{
    int64_t other_count;
    int64_t *others = bal_rows_of_others(r, c, &other_count);
    if (!others)
        return BAL_NO_MEMORY;
    const bal_interpolation how = {.c = c,
                                   .bases = danger,
                                   .base_count = danger_count,
                                   .among = others,
                                   .among_count = other_count,
                                   .count = count,
                                   .k = r->settings.k,
                                   .step = 0.5,
                                   .purpose = TOWARDS};
    const bal_status status = bal_interpolation_plan(r, &how);
    bal_free(r->ctx, others);
    return status;
}

static bal_status plan_class(bal_resampled *r, int c, bool both, int64_t *danger)
{
    int64_t danger_count;
    const int64_t count = r->target[c].count;
    BAL_TRY(find_danger(r, c, danger, &danger_count));
    if (danger_count == 0) {
        bal_log(r->ctx, BAL_LOG_WARN, "class %d: no row is in danger, so none is made",
                (int)r->classes.labels[c]);
        return BAL_OK;
    }
    const int64_t within = both ? bal_interpolation_share(r, c, count) : count;
    BAL_TRY(plan_within(r, c, danger, danger_count, within));
    return plan_towards(r, c, danger, danger_count, count - within);
}

static bal_status plan(bal_resampled *r, bool both)
{
    BAL_TRY(bal_resampled_keep_all(r));
    for (int c = 0; c < r->classes.count; c++) {
        BAL_TRY(bal_resample_step(r, "classes", c, r->classes.count));
        if (r->target[c].count == 0)
            continue;
        int64_t *danger =
            bal_calloc(r->ctx, (size_t)bal_class_rows_in(&r->classes, c), sizeof *danger);
        if (!danger)
            return BAL_NO_MEMORY;
        const bal_status status = plan_class(r, c, both, danger);
        bal_free(r->ctx, danger);
        BAL_TRY(status);
    }
    return BAL_OK;
}

static bal_status plan_one(bal_resampled *r)
{
    return plan(r, false);
}

static bal_status plan_two(bal_resampled *r)
{
    return plan(r, true);
}

const bal_resampler bal_resampler_borderline_1 = {
    .info = {.name = "borderline-1",
             .formula = "SMOTE from the rows in danger: m/2 <= m' < m, m' of their m nearest are "
                        "of other classes",
             .source = "Han, Wang & Mao 2005",
             .kind = BAL_RESAMPLE_OVER,
             .options = "k m distance",
             .k = 5,
             .m = 10},
    .plan = plan_one,
};

const bal_resampler bal_resampler_borderline_2 = {
    .info = {.name = "borderline-2",
             .formula = "borderline-1, and for a part x' = x_i + u/2 (x_z - x_i), x_z one of the k "
                        "nearest of other classes",
             .source = "Han, Wang & Mao 2005",
             .kind = BAL_RESAMPLE_OVER,
             .options = "k m distance",
             .k = 5,
             .m = 10},
    .plan = plan_two,
};
