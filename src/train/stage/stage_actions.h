/* What can be done when a stage begins: the key begin of a recipe's stage. One row an action, one
 * function each. An action changes the values of the plan; it is a function of these, the training
 * and validation images, the run's metric, the seed and the stage. */
#ifndef BAL_STAGE_ACTIONS_H
#define BAL_STAGE_ACTIONS_H

#include "train/trainer.h"

/* Changes the values of g->plan, which is the whole network's. BAL_INTERRUPTED leaves them half
 * changed: the state on the disk is what a run goes on from. Fails with BAL_DIVERGED too. */
typedef bal_status bal_stage_action_fn(bal_training *g, int stage);
bal_stage_action_fn bal_stage_reinit_head, bal_stage_class_means, bal_stage_class_means_cosine,
    bal_stage_tau_normalize, bal_stage_tau_search, bal_stage_zero_bias, bal_stage_reestimate_norm,
    bal_stage_reset_momentum;

/* The list of a stage, in its order. Fails as the actions do. */
BAL_MUST_CHECK bal_status bal_stage_begin(bal_training *g, int stage);
/* What can be wrong once the data is known: a class without images has no mean, and without a
 * validation split nothing is best on it. */
BAL_MUST_CHECK bal_status bal_stage_check_data(const bal_trainer *t, int stage);

/* ---- the head's matrix in the hands of an action or of a projection ---- */
typedef struct bal_head_rows {
    bal_plan *plan;
    int weight, bias; /* graph parameters; bias -1: the head has none */
    int64_t classes, features;
    float *rows, *shift; /* classes x features; classes; shift NULL: no bias */
} bal_head_rows;
/* Reads them; release with bal_head_rows_close, which accepts what a failure left. */
BAL_MUST_CHECK bal_status bal_head_rows_open(bal_head_rows *out, bal_plan *plan);
void bal_head_rows_close(bal_head_rows *head);
double bal_head_row_norm(const bal_head_rows *head, int64_t j);
/* Writes rows and shift back. */
BAL_MUST_CHECK bal_status bal_head_rows_write(const bal_head_rows *head);
/* The same, and the momenta of all parameters of the head start again at 0. */
BAL_MUST_CHECK bal_status bal_head_rows_replace(const bal_head_rows *head);

/* Cuts rows that are longer to the norm `bound`; the others keep their bits. */
BAL_MUST_CHECK bal_status bal_stage_project(bal_plan *plan, double bound);

#endif
