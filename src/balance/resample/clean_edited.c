/* Tomek links, edited nearest neighbours once, repeated, and with growing k. */
#include "balance/resample/cleaning.h"

typedef bal_status rule(bal_cleaning *c, bool *chosen);

/* Applies a rule to all rows and keeps what it leaves. */
static bal_status plan_rule(bal_resampled *r, rule *apply)
{
    bal_cleaning c;
    BAL_TRY(bal_resample_step(r, "cleaning", 0, 1));
    BAL_TRY(bal_cleaning_open(&c, r));
    bool *chosen = bal_cleaning_chosen(r);
    bal_status status = chosen ? apply(&c, chosen) : BAL_NO_MEMORY;
    if (status == BAL_OK)
        status = bal_resampled_keep(r, c.rows, c.count);
    bal_free(r->ctx, chosen);
    bal_cleaning_close(&c);
    return status;
}

static bal_status tomek(bal_cleaning *c, bool *chosen)
{
    BAL_TRY(bal_cleaning_tomek(c, chosen));
    bal_cleaning_apply(c);
    return BAL_OK;
}

static bal_status edit(bal_cleaning *c, bool *chosen)
{
    BAL_TRY(bal_cleaning_edit(c, c->r->settings.k, bal_cleaning_by_mode(c->r), chosen));
    bal_cleaning_apply(c);
    return BAL_OK;
}

/* Has a class other than the minority fewer rows than the minority had at the beginning, or has one
 * lost all? */
static bal_status went_too_far(const bal_cleaning *c, bool allow_minority, bool *out)
{
    const bal_class_rows *classes = &c->r->classes;
    const int64_t fewest = bal_class_rows_in(classes, classes->minority);
    int64_t *counts = bal_calloc(c->r->ctx, (size_t)classes->count, sizeof *counts);
    if (!counts)
        return BAL_NO_MEMORY;
    bal_cleaning_counts(c, counts);
    *out = false;
    for (int i = 0; i < classes->count; i++)
        *out = *out || counts[i] == 0 ||
               (!allow_minority && i != classes->minority && counts[i] < fewest);
    bal_free(c->r->ctx, counts);
    return BAL_OK;
}

/* Reads the strategy again for the rows that are left: "not minority" may mean another class now,
 * as it does in imbalanced-learn. No class is empty. */
static bal_status choose_again(const bal_cleaning *c, bool *chosen)
{
    const bal_resampled *r = c->r;
    bal_class_rows left = {0};
    int32_t *labels = bal_calloc(r->ctx, (size_t)c->count, sizeof *labels);
    bal_resample_target *target = bal_calloc(r->ctx, (size_t)r->classes.count, sizeof *target);
    bal_status status = labels && target ? BAL_OK : BAL_NO_MEMORY;
    for (int64_t i = 0; status == BAL_OK && i < c->count; i++)
        labels[i] = r->data.labels[c->rows[i]];
    if (status == BAL_OK)
        status = bal_class_rows_open(&left, r->ctx, labels, c->count);
    if (status == BAL_OK)
        status = bal_strategy_read(r->ctx, r->settings.strategy, BAL_RESAMPLE_CLEAN, &left, target);
    for (int i = 0; status == BAL_OK && i < r->classes.count; i++)
        chosen[i] = target[i].chosen;
    bal_class_rows_close(&left, r->ctx);
    bal_free(r->ctx, labels);
    bal_free(r->ctx, target);
    return status;
}

static bal_status edit_repeatedly(bal_cleaning *c, bool *chosen)
{
    const int most = c->r->settings.max_iter;
    for (int i = 0; i < most; i++) {
        bool too_far;
        BAL_TRY(bal_resample_step(c->r, "passes", i, most));
        BAL_TRY(bal_cleaning_edit(c, c->r->settings.k, bal_cleaning_by_mode(c->r), chosen));
        if (bal_cleaning_apply(c) == 0)
            break;
        BAL_TRY(went_too_far(c, false, &too_far));
        if (too_far)
            break;
        BAL_TRY(choose_again(c, chosen));
    }
    return BAL_OK;
}

static bal_status edit_with_growing_k(bal_cleaning *c, bool *chosen)
{
    const bal_resample_settings *s = &c->r->settings;
    for (int k = 1; k <= s->k; k++) {
        bool too_far;
        BAL_TRY(bal_resample_step(c->r, "passes", k - 1, s->k));
        BAL_TRY(bal_cleaning_edit(c, k, bal_cleaning_by_mode(c->r), chosen));
        bal_cleaning_apply(c);
        BAL_TRY(went_too_far(c, s->allow_minority, &too_far));
        if (too_far)
            break;
        BAL_TRY(choose_again(c, chosen));
    }
    return BAL_OK;
}

static bal_status plan_tomek(bal_resampled *r)
{
    return plan_rule(r, tomek);
}

static bal_status plan_enn(bal_resampled *r)
{
    return plan_rule(r, edit);
}

static bal_status plan_renn(bal_resampled *r)
{
    return plan_rule(r, edit_repeatedly);
}

static bal_status plan_all_knn(bal_resampled *r)
{
    return plan_rule(r, edit_with_growing_k);
}

const bal_resampler bal_resampler_tomek = {
    .info = {.name = "tomek",
             .formula = "removes x_i when x_i and x_j of another class are each other's nearest",
             .source = "Tomek 1976",
             .kind = BAL_RESAMPLE_CLEAN,
             .options = "distance"},
    .plan = plan_tomek,
};

const bal_resampler bal_resampler_enn = {
    .info = {.name = "enn",
             .formula = "removes x_i unless all (kind-sel all) or most (mode) of its k nearest are "
                        "of its class",
             .source = "Wilson 1972",
             .kind = BAL_RESAMPLE_CLEAN,
             .options = "k distance kind-sel",
             .k = 3},
    .plan = plan_enn,
};

const bal_resampler bal_resampler_renn = {
    .info = {.name = "renn",
             .formula = "enn again and again until nothing changes, or a class falls below the "
                        "minority",
             .source = "Tomek 1976",
             .kind = BAL_RESAMPLE_CLEAN,
             .options = "k distance kind-sel max-iter",
             .k = 3},
    .plan = plan_renn,
};

const bal_resampler bal_resampler_all_knn = {
    .info = {.name = "all-knn",
             .formula = "enn with 1, 2, ..., k neighbours, each on what is left",
             .source = "Tomek 1976",
             .kind = BAL_RESAMPLE_CLEAN,
             .options = "k distance kind-sel allow-minority",
             .k = 3},
    .plan = plan_all_knn,
};
