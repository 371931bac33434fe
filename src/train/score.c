/* A pass over items without training. */
#include "train/score.h"

#include <string.h>

/* Number and size of an output by its name. */
static bal_status find_output(bal_ctx *ctx, const bal_graph *g, const char *name, int *output,
                              int *size)
{
    *output = bal_graph_find_output(g, name);
    if (*output < 0)
        return bal_fail(ctx, BAL_MISMATCH, "the model has no output \"%s\"", name);
    *size = (int)bal_shape_count(bal_graph_node_shape(g, bal_graph_output_node(g, *output)));
    return BAL_OK;
}

bal_status bal_score_output(bal_ctx *ctx, const bal_graph *g, int *output, int *classes)
{
    return find_output(ctx, g, "logits", output, classes);
}

bal_status bal_feature_output(bal_ctx *ctx, const bal_graph *g, int *features)
{
    int output;
    return find_output(ctx, g, "features", &output, features);
}

/* Reads an output of the last forward pass to row `at` of an array; NULL: nobody asks. */
static bal_status read_rows(bal_plan *plan, const char *name, float *array, int64_t at)
{
    int output, size;
    if (!array)
        return BAL_OK;
    BAL_TRY(find_output(plan->ctx, plan->graph, name, &output, &size));
    return bal_plan_read_output(plan, output, array + (size_t)at * (size_t)size);
}

bal_status bal_plan_score_items(bal_plan *plan, bal_loader *loader, const bal_score_pass *pass)
{
    bal_status status = BAL_OK;
    bal_loader_begin(loader, &(bal_loader_pass){.items = pass->items, .count = pass->count});
    for (int64_t at = 0; at < pass->count;) {
        bal_loader_batch batch;
        BAL_GOTO(bal_loader_next(loader, &batch));
        if (bal_interrupted(plan->ctx)) {
            status = bal_fail(plan->ctx, BAL_INTERRUPTED, "interrupted while scores were computed");
            goto fail;
        }
        BAL_GOTO(
            bal_plan_forward(plan, &(bal_forward){.inputs = (const float *const[]){batch.images},
                                                  .batch = batch.count}));
        BAL_GOTO(read_rows(plan, "logits", pass->scores, at));
        BAL_GOTO(read_rows(plan, "features", pass->features, at));
        if (pass->labels)
            memcpy(pass->labels + at, batch.labels, (size_t)batch.count * sizeof *pass->labels);
        at += batch.count;
    }
fail:
    bal_loader_stop(loader);
    return status;
}
