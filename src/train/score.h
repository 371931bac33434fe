/* Logits and features of many items through a plan in inference mode. */
#ifndef BAL_SCORE_H
#define BAL_SCORE_H

#include "engine/engine.h"
#include "train/images/loader.h"

/* Which items, and what is wanted of them: each array may be NULL. */
typedef struct bal_score_pass {
    const int64_t *items; /* borrowed during the call */
    int64_t count;
    float *scores;   /* count x classes: logits */
    float *features; /* count x features: what the head reads */
    int32_t *labels; /* count */
} bal_score_pass;

/* The loader's batch must not be larger than the plan's. Fails with BAL_INTERRUPTED (the interrupt
 * is not taken), BAL_BAD_FILE. */
BAL_MUST_CHECK bal_status bal_plan_score_items(bal_plan *plan, bal_loader *loader,
                                               const bal_score_pass *pass);
/* The number of the output "logits", and how many numbers "features" has; the models of the list
 * all have both. */
BAL_MUST_CHECK bal_status bal_score_output(bal_ctx *ctx, const bal_graph *g, int *output,
                                           int *classes);
BAL_MUST_CHECK bal_status bal_feature_output(bal_ctx *ctx, const bal_graph *g, int *features);

#endif
