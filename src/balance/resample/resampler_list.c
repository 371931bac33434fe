/* The list of resampling methods: one row each, everything else is derived from it. */
#include "balance/resample/resampling.h"

/* The order is that of the help: over, under, clean, combined. */
static const bal_resampler *const resamplers[] = {
    &bal_resampler_random_over,
    &bal_resampler_smote,
    &bal_resampler_borderline_1,
    &bal_resampler_borderline_2,
    &bal_resampler_adasyn,
    &bal_resampler_safe_level,
    &bal_resampler_kmeans_smote,
    &bal_resampler_svm_smote,
    &bal_resampler_eos,
    &bal_resampler_gaussian,
    &bal_resampler_smote_nc,
    &bal_resampler_smoten,
    &bal_resampler_random_under,
    &bal_resampler_near_miss_1,
    &bal_resampler_near_miss_2,
    &bal_resampler_near_miss_3,
    &bal_resampler_hardness_threshold,
    &bal_resampler_cluster_centroids,
    &bal_resampler_tomek,
    &bal_resampler_enn,
    &bal_resampler_renn,
    &bal_resampler_all_knn,
    &bal_resampler_cnn,
    &bal_resampler_oss,
    &bal_resampler_ncr,
    &bal_resampler_smote_enn,
    &bal_resampler_smote_tomek,
};

const bal_resampler *bal_resampler_row(int i)
{
    return i >= 0 && (size_t)i < BAL_COUNT_OF(resamplers) ? resamplers[i] : NULL;
}

const bal_resampler_info *bal_resampler_at(int i)
{
    const bal_resampler *row = bal_resampler_row(i);
    return row ? &row->info : NULL;
}

const char *bal_resample_kind_name(bal_resample_kind kind)
{
    static const char *const names[] = {[BAL_RESAMPLE_OVER] = "over",
                                        [BAL_RESAMPLE_UNDER] = "under",
                                        [BAL_RESAMPLE_CLEAN] = "clean",
                                        [BAL_RESAMPLE_COMBINED] = "combined"};
    return (size_t)kind < BAL_COUNT_OF(names) ? names[kind] : "unknown";
}
