/* The recipe that a data set calls for. */
#include "train/recipe/recipe_keys.h"

#include <string.h>

const char *bal_recipe_chosen(const bal_recipe *recipe)
{
    return recipe->chosen;
}

static bal_status ratio_of(bal_ctx *ctx, const bal_dataset *data, double *ratio)
{
    const int classes = bal_dataset_describe(data).classes;
    int64_t *counts = bal_calloc(ctx, (size_t)classes, sizeof *counts);
    if (!counts)
        return BAL_NO_MEMORY;
    bal_dataset_counts(data, BAL_SPLIT_TRAIN, counts);
    *ratio = bal_imbalance_ratio(classes, counts);
    bal_free(ctx, counts);
    return BAL_OK;
}

static bal_status give_reason(bal_recipe *recipe, const bal_recipe_choice *choice, double ratio)
{
    char *text = bal_format(recipe->ctx, "recipe %s: imbalance ratio %.*f, %s (%s)", choice->recipe,
                            ratio < 10.0 ? 1 : 0, ratio, choice->why, choice->source);
    recipe->chosen = text ? bal_recipe_keep(recipe, text, strlen(text)) : NULL;
    bal_free(recipe->ctx, text);
    return recipe->chosen ? BAL_OK : BAL_NO_MEMORY;
}

bal_status bal_recipe_open_for(bal_recipe **out, bal_ctx *ctx, const char *name_or_path,
                               const bal_dataset *data)
{
    *out = NULL;
    if (strcmp(name_or_path, BAL_RECIPE_AUTO) != 0)
        return bal_recipe_open(out, ctx, name_or_path);
    double ratio;
    BAL_TRY(ratio_of(ctx, data, &ratio));
    const bal_recipe_choice *choice = bal_recipe_choice_for(ratio);
    BAL_TRY(bal_recipe_open(out, ctx, choice->recipe));
    const bal_status status = give_reason(*out, choice, ratio);
    if (status != BAL_OK)
        bal_recipe_close(out);
    return status;
}
