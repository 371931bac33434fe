/* ADASYN (He et al. 2008): a row of the class gets the more new rows the more of its k nearest
 * neighbours among all rows are of other classes. */
#include "balance/resample/neighbourhood.h"

#include <math.h>

/* In NumPy's order (in halves down to 128, there eight sums side by side): shares of exactly a half
 * then round as they do in imbalanced-learn, by what the sum's last bit happens to be. */
static double sum_ratios(const int64_t *enemies, int64_t count, double k)
{
    enum { HALVED = 128, LANES = 8 };
    if (count > HALVED) {
        const int64_t half = count / 2 - count / 2 % LANES;
        return sum_ratios(enemies, half, k) + sum_ratios(enemies + half, count - half, k);
    }
    double lane[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int l = 0; l < LANES; l++)
            lane[l] += (double)enemies[i + l] / k;
    double sum =
        ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
    for (; i < count; i++)
        sum += (double)enemies[i] / k;
    return sum;
}

/* times receives rint(G r_i / sum r), r_i = enemies_i / k; *made their sum. */
static bal_status share_out(const bal_resampled *r, int c, int64_t *times, int64_t *made)
{
    const int64_t n = bal_class_rows_in(&r->classes, c);
    int64_t k = r->settings.k;
    BAL_TRY(bal_neighbourhood_enemies(r, c, &k, times));
    const double sum = sum_ratios(times, n, (double)k);
    if (sum == 0.0)
        return bal_fail(r->ctx, BAL_BAD_DATA,
                        "class %d: no row has a neighbour of another class among its %lld nearest; "
                        "ADASYN has nothing to go by, SMOTE has",
                        (int)r->classes.labels[c], (long long)k);
    *made = 0;
    for (int64_t i = 0; i < n; i++) {
        const double share = (double)times[i] / (double)k / sum;
        times[i] = (int64_t)rint(share * (double)r->target[c].count);
        *made += times[i];
    }
    if (*made == 0)
        return bal_fail(r->ctx, BAL_BAD_DATA,
                        "class %d: %lld new rows among %lld leave less than a half for each, so "
                        "none is made; ask for more",
                        (int)r->classes.labels[c], (long long)r->target[c].count, (long long)n);
    return BAL_OK;
}

static bal_status plan_class(bal_resampled *r, int c)
{
    const int64_t n = bal_class_rows_in(&r->classes, c);
    const int64_t *members = r->classes.members + r->classes.first[c];
    int64_t made, *times = bal_calloc(r->ctx, (size_t)n, sizeof *times);
    if (!times)
        return BAL_NO_MEMORY;
    bal_status status = share_out(r, c, times, &made);
    if (status == BAL_OK) {
        const bal_interpolation how = {.c = c,
                                       .bases = members,
                                       .base_count = n,
                                       .times = times,
                                       .among = members,
                                       .among_count = n,
                                       .count = made,
                                       .k = r->settings.k,
                                       .step = 1.0};
        status = bal_interpolation_plan(r, &how);
    }
    bal_free(r->ctx, times);
    return status;
}

static bal_status plan(bal_resampled *r)
{
    BAL_TRY(bal_resampled_keep_all(r));
    for (int c = 0; c < r->classes.count; c++) {
        BAL_TRY(bal_resample_step(r, "classes", c, r->classes.count));
        if (r->target[c].count > 0)
            BAL_TRY(plan_class(r, c));
    }
    return BAL_OK;
}

const bal_resampler bal_resampler_adasyn = {
    .info = {.name = "adasyn",
             .formula = "SMOTE with rint(G r_i / sum r) rows from x_i, r_i the share of other "
                        "classes among its k nearest",
             .source = "He et al. 2008",
             .kind = BAL_RESAMPLE_OVER,
             .options = "k distance",
             .k = 5},
    .plan = plan,
};
