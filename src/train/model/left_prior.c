/* See left_prior.h. */
#include "train/model/left_prior.h"

#include "train/stage/feature_feed.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The power of pi_j that the loss takes out. */
static double power_of(const bal_recipe_loss *loss)
{
    const bal_loss_info *info;
    for (int i = 0; (info = bal_loss_at(i)); i++)
        if (strcmp(info->name, loss->name) == 0)
            break;
    if (!info || !info->removes_prior)
        return 0.0;
    char words[256];
    snprintf(words, sizeof words, " %s ", info->settings);
    return strstr(words, " tau ") ? loss->tau : 1.0;
}

/* Counted from 0. */
static int epoch_of(const bal_recipe *recipe, const bal_left_prior *of)
{
    const int last = recipe->all_epochs - 1;
    return of->epoch >= 1 && of->epoch <= last ? of->epoch - 1 : last;
}

/* What the sampler draws in that epoch, from a set with these counts. */
static bal_status drawn(const bal_recipe *recipe, bal_ctx *ctx, const bal_left_prior *of,
                        double *share)
{
    const int epoch = epoch_of(recipe, of), classes = of->classes;
    const int64_t *counts = of->counts;
    const bal_recipe_stage *stage = &recipe->stages[bal_recipe_stage_at(recipe, epoch)];
    int64_t items = 0;
    for (int c = 0; c < classes; c++)
        items += counts[c];
    int32_t *labels = bal_calloc(ctx, (size_t)items, sizeof *labels);
    if (!labels)
        return BAL_NO_MEMORY;
    int64_t at = 0;
    for (int c = 0; c < classes; c++)
        for (int64_t k = 0; k < counts[c]; k++)
            labels[at++] = c;
    bal_sampler_settings settings = bal_sampler_defaults();
    settings.name = stage->sampler;
    settings.classes = classes;
    settings.items = items;
    settings.labels = labels;
    settings.q = stage->sampler_q;
    settings.beta = stage->sampler_beta;
    settings.t = stage->sampler_t;
    bal_sampler *sampler;
    const bal_status status = bal_sampler_open(&sampler, ctx, &settings);
    if (status == BAL_OK)
        bal_sampler_probabilities(sampler, epoch, recipe->all_epochs, share);
    bal_sampler_close(&sampler);
    bal_free(ctx, labels);
    return status;
}

static bal_status check_stage(const bal_recipe_stage *stage, bal_ctx *ctx)
{
    const char *what = stage->idle ? "changes the head without training it"
                       : bal_stage_has_features(stage)
                           ? "trains the head on resampled features, whose counts are not known"
                           : NULL;
    if (!what)
        return BAL_OK;
    return bal_fail(ctx, BAL_BAD_DATA,
                    "the stage of the recipe that the weights are of %s, so no prior of the scores "
                    "can be computed; state it, or have it fitted",
                    what);
}

bal_status bal_recipe_left_prior(const bal_recipe *recipe, bal_ctx *ctx, const bal_left_prior *of,
                                 double *prior)
{
    const int classes = of->classes;
    const int64_t *counts = of->counts;
    const bal_recipe_stage *stage =
        &recipe->stages[bal_recipe_stage_at(recipe, epoch_of(recipe, of))];
    double total = 0.0, sum = 0.0;
    BAL_TRY(check_stage(stage, ctx));
    for (int c = 0; c < classes; c++) {
        if (counts[c] < 1)
            return bal_fail(ctx, BAL_BAD_DATA,
                            "class %d has no training images, so the training left no prior for "
                            "it; state the prior of the scores",
                            c);
        total += (double)counts[c];
    }
    double *weights = bal_calloc(ctx, (size_t)classes, sizeof *weights);
    if (!weights)
        return BAL_NO_MEMORY;
    const bal_class_weight_settings weighting = {.name = stage->loss.weight,
                                                 .beta = stage->loss.beta,
                                                 .rho = stage->loss.rho,
                                                 .classes = classes,
                                                 .counts = counts};
    bal_status status = drawn(recipe, ctx, of, prior);
    if (status == BAL_OK)
        status = bal_class_weights(ctx, &weighting, weights);
    const double power = power_of(&stage->loss);
    for (int c = 0; c < classes && status == BAL_OK; c++)
        sum += prior[c] *= weights[c] * pow((double)counts[c] / total, -power);
    for (int c = 0; c < classes && status == BAL_OK; c++)
        prior[c] /= sum;
    bal_free(ctx, weights);
    return status;
}
