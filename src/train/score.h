/* Logits of many items through a plan in inference mode. */
#ifndef BAL_SCORE_H
#define BAL_SCORE_H

#include "engine/engine.h"
#include "train/loader.h"

/* The loader's batch must not be larger than the plan's. scores receives count x classes, labels
 * count (or NULL). Fails with BAL_INTERRUPTED (the interrupt is not taken), BAL_BAD_FILE. */
BAL_MUST_CHECK bal_status bal_plan_score_items(bal_plan *plan, bal_loader *loader,
                                               const int64_t *items, int64_t count, float *scores,
                                               int32_t *labels);
/* The number of the output "logits"; the models of the list all have it. */
BAL_MUST_CHECK bal_status bal_score_output(bal_ctx *ctx, const bal_graph *g, int *output,
                                           int *classes);

#endif
