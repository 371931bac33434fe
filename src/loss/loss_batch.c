/* What every batch goes through, whatever the loss: checks, targets, smoothing, class weights,
 * sample weights, reduction, draws. */
#include "loss/loss_family.h"

#include "base/random.h"

#include <math.h>
#include <string.h>

/* c holds a target: smoothing, then class weights, then the factor of the sample */
static void finish_coefficients(const bal_loss *loss, double factor, double *c)
{
    const double eps = loss->family->info.own_smoothing ? 0.0 : loss->label_smoothing;
    const double floor = eps / loss->classes;
    for (int j = 0; j < loss->classes; j++)
        c[j] = factor * loss->weights[j] * ((1.0 - eps) * c[j] + floor);
}

double bal_loss_sample(const bal_loss *loss, const bal_loss_point *at, double *gradient)
{
    bal_loss_item item = {.logits = at->logits,
                          .c = loss->coefficients,
                          .draws = at->draws,
                          .feature_norm = at->feature_norm};
    memcpy(item.c, at->target, (size_t)loss->classes * sizeof *item.c);
    finish_coefficients(loss, 1.0, item.c);
    return loss->family->sample(loss, &item, gradient);
}

/* Puts sample i's target into c and returns its class weight sum_j t_j w_j. */
static double take_target(const bal_loss *loss, const bal_loss_batch *batch, int64_t i, double *c)
{
    double weight = 0.0;
    if (!batch->targets) {
        memset(c, 0, (size_t)loss->classes * sizeof *c);
        c[batch->labels[i]] = 1.0;
        return loss->weights[batch->labels[i]];
    }
    for (int j = 0; j < loss->classes; j++) {
        c[j] = (double)batch->targets[i * loss->classes + j];
        weight += c[j] * loss->weights[j];
    }
    return weight;
}

/* ---- checks ---- */

static bal_status check_target(bal_ctx *ctx, const bal_loss *loss, const float *target, int64_t i)
{
    double sum = 0.0;
    bool negative = false;
    for (int j = 0; j < loss->classes; j++) {
        sum += (double)target[j];
        negative |= !(target[j] >= 0.0f);
    }
    if (negative || !(fabs(sum - 1.0) < 1e-3))
        return bal_fail(ctx, BAL_BAD_ARG,
                        "target of sample %lld is no distribution: it sums to %g%s", (long long)i,
                        sum, negative ? " and has negative parts" : "");
    return BAL_OK;
}

static bool is_amount(float value)
{
    return value >= 0.0f && isfinite(value);
}

static bal_status check_sample(bal_ctx *ctx, const bal_loss *loss, const bal_loss_batch *batch,
                               int64_t i)
{
    if (batch->targets)
        BAL_TRY(check_target(ctx, loss, batch->targets + i * loss->classes, i));
    else if (batch->labels[i] < 0 || batch->labels[i] >= loss->classes)
        return bal_fail(ctx, BAL_BAD_ARG, "label of sample %lld is %d, must be 0 to %d",
                        (long long)i, (int)batch->labels[i], loss->classes - 1);
    if (batch->sample_weights && !is_amount(batch->sample_weights[i]))
        return bal_fail(ctx, BAL_BAD_ARG, "weight of sample %lld is %g, must be 0 or above",
                        (long long)i, (double)batch->sample_weights[i]);
    if (batch->feature_norms && batch->feature_norms[i] < 0.0f)
        return bal_fail(ctx, BAL_BAD_ARG, "feature norm of sample %lld is %g, must be 0 or above",
                        (long long)i, (double)batch->feature_norms[i]);
    return BAL_OK;
}

static bal_status check_batch(bal_ctx *ctx, const bal_loss *loss, const bal_loss_batch *batch)
{
    const bal_loss_info *info = &loss->family->info;
    if (batch->samples < 1)
        return bal_fail(ctx, BAL_BAD_ARG, "a batch of %lld samples, must be at least 1",
                        (long long)batch->samples);
    if (!batch->logits || !batch->labels == !batch->targets)
        return bal_fail(ctx, BAL_BAD_ARG, "a batch has logits, and either labels or targets");
    if (batch->targets && !info->takes_soft_targets)
        return bal_fail(ctx, BAL_BAD_ARG, "loss %s takes labels, not targets", info->name);
    if (info->draws != BAL_DRAWS_NONE && !batch->draws)
        return bal_fail(ctx, BAL_BAD_ARG, "loss %s needs random draws", info->name);
    if (info->needs_features && !batch->feature_norms)
        return bal_fail(ctx, BAL_BAD_ARG, "loss %s needs the norms of the features", info->name);
    for (int64_t i = 0; i < batch->samples; i++)
        BAL_TRY(check_sample(ctx, loss, batch, i));
    return BAL_OK;
}

/* ---- the batch ---- */

static double sample_weight(const bal_loss_batch *batch, int64_t i)
{
    return batch->sample_weights ? (double)batch->sample_weights[i] : 1.0;
}

/* What the sum over the samples is divided by. */
double bal_loss_divisor(const bal_loss *loss, const bal_loss_batch *batch)
{
    const bool weighted = loss->reduction == BAL_REDUCE_WEIGHTED_MEAN;
    double sum = 0.0;
    for (int64_t i = 0; i < batch->samples; i++)
        sum += sample_weight(batch, i) *
               (weighted ? take_target(loss, batch, i, loss->coefficients) : 1.0);
    return sum;
}

static bal_loss_item item_of(const bal_loss *loss, const bal_loss_batch *batch, int64_t i)
{
    const int64_t first = i * loss->classes;
    const bool draws = loss->family->info.draws != BAL_DRAWS_NONE;
    for (int k = 0; k < loss->classes; k++)
        loss->logits[k] = (double)batch->logits[first + k];
    for (int k = 0; draws && k < loss->classes; k++)
        loss->draws[k] = (double)batch->draws[first + k];
    take_target(loss, batch, i, loss->coefficients);
    finish_coefficients(loss, sample_weight(batch, i), loss->coefficients);
    return (bal_loss_item){.logits = loss->logits,
                           .c = loss->coefficients,
                           .draws = draws ? loss->draws : NULL,
                           .feature_norm =
                               batch->feature_norms ? (double)batch->feature_norms[i] : 0.0};
}

bal_status bal_loss_compute(const bal_loss *loss, bal_ctx *ctx, const bal_loss_batch *batch,
                            double *value, double *per_sample, float *gradient)
{
    BAL_TRY(check_batch(ctx, loss, batch));
    const int classes = loss->classes;
    const double whole = bal_loss_divisor(loss, batch);
    const double share = whole > 0.0 ? 1.0 / whole : 0.0; /* nothing counts: value and slope 0 */
    const bal_loss_family *family = loss->family;
    const bool together = family->gather && whole > 0.0;
    const double common = together ? family->gather(loss, batch) : 0.0;
    double sum = 0.0;
    for (int64_t i = 0; i < batch->samples; i++) {
        bal_loss_item item = item_of(loss, batch, i);
        const double l = family->sample(loss, &item, gradient ? loss->gradient : NULL);
        sum += l;
        if (per_sample)
            per_sample[i] = l;
        if (batch->feature_slopes)
            batch->feature_slopes[i] = (float)(item.feature_slope * share);
        for (int k = 0; gradient && k < classes; k++)
            loss->gradient[k] *= share;
        if (gradient && together)
            family->add_gradient(loss, batch, i, loss->gradient);
        for (int k = 0; gradient && k < classes; k++)
            gradient[i * classes + k] = (float)loss->gradient[k];
    }
    *value = sum * share + common;
    return BAL_OK;
}

bal_status bal_loss_observe(bal_loss *loss, bal_ctx *ctx, const bal_loss_batch *batch)
{
    if (!loss->family->observe)
        return BAL_OK;
    BAL_TRY(check_batch(ctx, loss, batch));
    loss->family->observe(loss, batch);
    if (loss->family->refresh)
        loss->family->refresh(loss);
    return BAL_OK;
}

/* ---- draws ---- */

/* Two normal numbers of Box and Muller's, both used: there may be a thousand classes. */
static void draw_normals(bal_random *r, int count, float *out)
{
    const double two_pi = 6.283185307179586476925;
    for (int k = 0; k < count; k += 2) {
        const double size = sqrt(-2.0 * log(1.0 - bal_random_unit(r)));
        const double angle = two_pi * bal_random_unit(r);
        out[k] = (float)(size * cos(angle));
        if (k + 1 < count)
            out[k + 1] = (float)(size * sin(angle));
    }
}

void bal_loss_draw(const bal_loss *loss, const bal_loss_place *at, int64_t samples, float *draws)
{
    const bal_loss_draws kind = loss->family->info.draws;
    for (int64_t i = 0; kind != BAL_DRAWS_NONE && i < samples; i++) {
        bal_random r = bal_random_at(at->seed, BAL_STREAM_LOSS, at->epoch, at->first + (uint64_t)i);
        float *row = draws + i * loss->classes;
        if (kind == BAL_DRAWS_NORMAL)
            draw_normals(&r, loss->classes, row);
        for (int k = 0; kind == BAL_DRAWS_UNIFORM && k < loss->classes; k++)
            row[k] = (float)bal_random_unit(&r);
    }
}
