/* Which class prior a recipe's training leaves in the scores. */
#ifndef BAL_LEFT_PRIOR_H
#define BAL_LEFT_PRIOR_H

#include "train/recipe/recipe.h"

typedef struct bal_left_prior {
    int epoch; /* of the weights, 1..all_epochs; 0: the last */
    int classes;
    const int64_t *counts; /* training images of each class */
} bal_left_prior;

/* prior_j ~ P_j w_j / pi_j^tau of the stage that the epoch is of: P_j the probability of drawing
 * the class in that epoch, w_j its weight in the loss, tau of losses that add tau log pi_j to the
 * logits in training (bal_loss_info.removes_prior). What margins, focal factors, smoothing and
 * mixing do to scores is no prior, and left out. prior receives C numbers that sum to 1. The recipe
 * must have been checked. Fails with BAL_BAD_DATA where a class has no training images, or the
 * stage changes the head without training, or trains it on resampled features, whose counts a
 * recipe does not tell. */
BAL_MUST_CHECK bal_status bal_recipe_left_prior(const bal_recipe *recipe, bal_ctx *ctx,
                                                const bal_left_prior *of, double *prior);

#endif
