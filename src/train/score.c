/* A pass over items without training. */
#include "train/score.h"

#include <string.h>

bal_status bal_score_output(bal_ctx *ctx, const bal_graph *g, int *output, int *classes)
{
    *output = bal_graph_find_output(g, "logits");
    if (*output < 0)
        return bal_fail(ctx, BAL_MISMATCH, "the model has no output \"logits\"");
    *classes = (int)bal_shape_count(bal_graph_node_shape(g, bal_graph_output_node(g, *output)));
    return BAL_OK;
}

bal_status bal_plan_score_items(bal_plan *plan, bal_loader *loader, const int64_t *items,
                                int64_t count, float *scores, int32_t *labels)
{
    int output, classes;
    BAL_TRY(bal_score_output(plan->ctx, plan->graph, &output, &classes));
    bal_status status = BAL_OK;
    bal_loader_begin(loader, &(bal_loader_pass){.items = items, .count = count});
    for (int64_t at = 0; at < count;) {
        bal_loader_batch batch;
        BAL_GOTO(bal_loader_next(loader, &batch));
        if (bal_interrupted(plan->ctx)) {
            status = bal_fail(plan->ctx, BAL_INTERRUPTED, "interrupted while scores were computed");
            goto fail;
        }
        BAL_GOTO(
            bal_plan_forward(plan, &(bal_forward){.inputs = (const float *const[]){batch.images},
                                                  .batch = batch.count}));
        BAL_GOTO(bal_plan_read_output(plan, output, scores + (size_t)at * (size_t)classes));
        if (labels)
            memcpy(labels + at, batch.labels, (size_t)batch.count * sizeof *labels);
        at += batch.count;
    }
fail:
    bal_loader_stop(loader);
    return status;
}
