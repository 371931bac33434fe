/* SMOTE (Chawla et al. 2002): new rows between members of a class and one of their k nearest
 * neighbours within it. */
#include "balance/resample/neighbourhood.h"

static bal_status plan(bal_resampled *r)
{
    BAL_TRY(bal_resampled_keep_all(r));
    for (int c = 0; c < r->classes.count; c++) {
        const int64_t *members = r->classes.members + r->classes.first[c];
        const int64_t n = bal_class_rows_in(&r->classes, c);
        BAL_TRY(bal_resample_step(r, "classes", c, r->classes.count));
        const bal_interpolation how = {.c = c,
                                       .bases = members,
                                       .base_count = n,
                                       .among = members,
                                       .among_count = n,
                                       .count = r->target[c].count,
                                       .k = r->settings.k,
                                       .step = 1.0};
        BAL_TRY(bal_interpolation_plan(r, &how));
    }
    return BAL_OK;
}

const bal_resampler bal_resampler_smote = {
    .info = {.name = "smote",
             .formula =
                 "x' = x_i + u (x_z - x_i), z one of the k nearest in the class, u ~ U(0, 1)",
             .source = "Chawla et al. 2002",
             .kind = BAL_RESAMPLE_OVER,
             .options = "k distance",
             .k = 5},
    .plan = plan,
};
