/* SMOTE, and then edited nearest neighbours or Tomek links over old and new rows of all classes
 * (Batista, Prati & Monard 2004). */
#include "balance/resample/cleaning.h"

#include <string.h>

typedef struct whole {
    float *values; /* rows kept, then rows made */
    int32_t *of_row;
    bool *all; /* one a class: true */
    int64_t count;
} whole;

static bal_status make_whole(bal_resampled *r, whole *w)
{
    const size_t columns = (size_t)r->data.columns;
    w->count = r->kept_count + r->made_count;
    w->values = bal_calloc(r->ctx, (size_t)w->count, columns * sizeof *w->values);
    w->of_row = bal_calloc(r->ctx, (size_t)w->count, sizeof *w->of_row);
    w->all = bal_calloc(r->ctx, (size_t)r->classes.count, sizeof *w->all);
    if (!w->values || !w->of_row || !w->all)
        return BAL_NO_MEMORY;
    for (int c = 0; c < r->classes.count; c++)
        w->all[c] = true;
    for (int64_t i = 0; i < r->kept_count; i++)
        w->of_row[i] = r->classes.of_row[r->kept[i]];
    for (int64_t i = 0; i < r->made_count; i++)
        w->of_row[r->kept_count + i] = r->made[i].class_number;
    return bal_resampled_rows(r, 0, w->count, w->values, NULL);
}

static void free_whole(const bal_resampled *r, whole *w)
{
    bal_free(r->ctx, w->values);
    bal_free(r->ctx, w->of_row);
    bal_free(r->ctx, w->all);
}

/* Leaves of kept and made rows those that the rule left. */
static void keep_left(bal_resampled *r, const bal_cleaning *c)
{
    int64_t kept = 0, made = 0;
    for (int64_t i = 0; i < c->count; i++) {
        const int64_t row = c->rows[i];
        if (row < r->kept_count)
            r->kept[kept++] = r->kept[row];
        else
            r->made[made++] = r->made[row - r->kept_count];
    }
    r->kept_count = kept;
    r->made_count = made;
}

static bal_status plan_with(bal_resampled *r, bool edit)
{
    whole w = {.count = 0};
    bal_cleaning c;
    bal_status status;
    BAL_TRY(bal_resampler_smote.plan(r));
    BAL_GOTO(make_whole(r, &w));
    BAL_GOTO(bal_cleaning_open_over(&c, r, w.values, w.of_row, w.count));
    status = edit ? bal_cleaning_edit(&c, r->settings.m, bal_cleaning_by_mode(r), w.all)
                  : bal_cleaning_tomek(&c, w.all);
    if (status == BAL_OK) {
        bal_cleaning_apply(&c);
        keep_left(r, &c);
    }
    bal_cleaning_close(&c);
fail:
    free_whole(r, &w);
    return status;
}

static bal_status plan_enn(bal_resampled *r)
{
    return plan_with(r, true);
}

static bal_status plan_tomek(bal_resampled *r)
{
    return plan_with(r, false);
}

const bal_resampler bal_resampler_smote_enn = {
    .info = {.name = "smote-enn",
             .formula = "smote with k, then enn with m neighbours over old and new rows of all "
                        "classes",
             .source = "Batista et al. 2004",
             .kind = BAL_RESAMPLE_COMBINED,
             .options = "k m distance kind-sel",
             .k = 5,
             .m = 3},
    .plan = plan_enn,
};

const bal_resampler bal_resampler_smote_tomek = {
    .info = {.name = "smote-tomek",
             .formula = "smote, then the removal of Tomek links among old and new rows of all "
                        "classes",
             .source = "Batista et al. 2004",
             .kind = BAL_RESAMPLE_COMBINED,
             .options = "k distance",
             .k = 5},
    .plan = plan_tomek,
};
