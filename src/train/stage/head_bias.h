/* The biases of the head, and where they begin. */
#ifndef BAL_HEAD_BIAS_H
#define BAL_HEAD_BIAS_H

#include "train/recipe/recipe.h"

/* The head's bias among the graph's parameters, -1: it has none. */
int bal_head_bias_param(const bal_graph *g);
/* Whether the recipe wants biases of -log(C - 1): then a sigmoid for each class begins with the
 * probability 1 / C (Cui et al. 2019), and the biases have no weight decay. */
bool bal_recipe_wants_head_bias(const bal_recipe *recipe);
/* Sets them in weights that hold the graph's parameters, where the recipe wants it. Fails with
 * BAL_MISMATCH: the model's head has no bias. */
BAL_MUST_CHECK bal_status bal_head_bias_set(const bal_recipe *recipe, const bal_graph *g,
                                            const bal_weights *weights);

/* Where every bias begins. */
float bal_head_bias_start(const bal_recipe *recipe, int64_t classes);

#endif
