/* See head_bias.h. */
#include "train/stage/head_bias.h"

#include "net/models/heads.h"

#include <math.h>
#include <string.h>

int bal_head_bias_param(const bal_graph *g)
{
    return bal_head_params_of(g).bias;
}

float bal_head_bias_start(const bal_recipe *recipe, int64_t classes)
{
    return bal_recipe_wants_head_bias(recipe) ? (float)-log((double)classes - 1.0) : 0.0f;
}

bool bal_recipe_wants_head_bias(const bal_recipe *recipe)
{
    return strcmp(recipe->general.head_bias, "zero") != 0;
}

bal_status bal_head_bias_set(const bal_recipe *recipe, const bal_graph *g,
                             const bal_weights *weights)
{
    if (!bal_recipe_wants_head_bias(recipe))
        return BAL_OK;
    const int param = bal_head_bias_param(g);
    if (param < 0)
        return bal_fail(recipe->ctx, BAL_MISMATCH,
                        "%s:1: head_bias is %s, but the head has no biases", recipe->where,
                        recipe->general.head_bias);
    const bal_tensor *bias = bal_weights_at(weights, param);
    for (int64_t j = 0; j < bias->count; j++)
        bias->data[j] = bal_head_bias_start(recipe, bias->count);
    return BAL_OK;
}
