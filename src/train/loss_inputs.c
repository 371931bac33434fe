/* See loss_inputs.h. */
#include "train/loss_inputs.h"

#include "train/score.h"

#include <math.h>
#include <string.h>

struct bal_loss_inputs {
    bal_ctx *ctx;
    const bal_loss *loss; /* borrowed */
    float *draws;         /* samples x C, or NULL */
    int output;           /* of the features; -1: they are not read */
    int width;
    float *features, *gradient; /* samples x width */
    float *norms, *slopes;      /* samples */
    int64_t samples;            /* of the last batch */
};

static bal_status open_memory(bal_loss_inputs *in, const bal_plan *plan, int64_t samples)
{
    const bal_loss_info *info = bal_loss_describe(in->loss);
    const size_t count = (size_t)samples;
    int output, classes;
    if (info->draws != BAL_DRAWS_NONE) {
        BAL_TRY(bal_score_output(in->ctx, plan->graph, &output, &classes));
        in->draws = bal_calloc(in->ctx, count * (size_t)classes, sizeof *in->draws);
        if (!in->draws)
            return BAL_NO_MEMORY;
    }
    if (!info->needs_features)
        return BAL_OK;
    in->output = bal_graph_find_output(plan->graph, "features");
    BAL_TRY(bal_feature_output(in->ctx, plan->graph, &in->width));
    const size_t numbers = count * (size_t)in->width;
    in->features = bal_calloc(in->ctx, numbers, sizeof *in->features);
    in->gradient = bal_calloc(in->ctx, numbers, sizeof *in->gradient);
    in->norms = bal_calloc(in->ctx, count, sizeof *in->norms);
    in->slopes = bal_calloc(in->ctx, count, sizeof *in->slopes);
    return in->features && in->gradient && in->norms && in->slopes ? BAL_OK : BAL_NO_MEMORY;
}

bal_status bal_loss_inputs_open(bal_loss_inputs **out, const bal_plan *plan, const bal_loss *loss,
                                int64_t samples)
{
    *out = NULL;
    bal_loss_inputs *in = bal_calloc(plan->ctx, 1, sizeof *in);
    if (!in)
        return BAL_NO_MEMORY;
    in->ctx = plan->ctx;
    in->loss = loss;
    in->output = -1;
    const bal_status status = open_memory(in, plan, samples);
    if (status != BAL_OK)
        bal_loss_inputs_close(&in);
    *out = in;
    return status;
}

void bal_loss_inputs_close(bal_loss_inputs **inputs)
{
    if (!inputs || !*inputs)
        return;
    bal_loss_inputs *in = *inputs;
    void *const memory[] = {in->draws, in->features, in->gradient, in->norms, in->slopes, in};
    bal_ctx *ctx = in->ctx;
    for (size_t i = 0; i < BAL_COUNT_OF(memory); i++)
        bal_free(ctx, memory[i]);
    *inputs = NULL;
}

/* Summed in double, so that the order of magnitude of one feature does not cost the others. */
static float absolute_sum(const float *x, int count)
{
    double sum = 0.0;
    for (int k = 0; k < count; k++)
        sum += fabs((double)x[k]);
    return (float)sum;
}

bal_status bal_loss_inputs_read(bal_loss_inputs *in, bal_plan *plan, const bal_loss_place *at,
                                bal_loss_batch *batch)
{
    in->samples = batch->samples;
    if (in->draws) {
        bal_loss_draw(in->loss, at, batch->samples, in->draws);
        batch->draws = in->draws;
    }
    if (in->output < 0)
        return BAL_OK;
    BAL_TRY(bal_plan_read_output(plan, in->output, in->features));
    for (int64_t i = 0; i < batch->samples; i++)
        in->norms[i] = absolute_sum(in->features + i * in->width, in->width);
    batch->feature_norms = in->norms;
    batch->feature_slopes = in->slopes;
    return BAL_OK;
}

void bal_loss_inputs_gradient(bal_loss_inputs *in, const float **gradients)
{
    if (in->output < 0)
        return;
    for (int64_t i = 0; i < in->samples; i++)
        for (int64_t k = i * in->width; k < (i + 1) * in->width; k++) {
            const float x = in->features[k];
            in->gradient[k] = x > 0.0f ? in->slopes[i] : x < 0.0f ? -in->slopes[i] : 0.0f;
        }
    gradients[in->output] = in->gradient;
}
