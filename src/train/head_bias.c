/* See head_bias.h. */
#include "train/head_bias.h"

#include <math.h>
#include <string.h>

int bal_head_bias_param(const bal_graph *g)
{
    const int output = bal_graph_find_output(g, "logits");
    for (int p = 0; output >= 0 && p < bal_graph_params(g); p++) {
        const bal_param_info *info = bal_graph_param(g, p);
        if (info->learned && info->dims == 1 && info->node == bal_graph_output_node(g, output))
            return p;
    }
    return -1;
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
        bias->data[j] = (float)-log((double)bias->count - 1.0);
    return BAL_OK;
}
