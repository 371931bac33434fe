/* The list of losses, and what all of them share: checks, targets, smoothing, class weights,
 * sample weights and reduction. The formulas are in one file a family. */
#include "loss/loss_family.h"

#include <math.h>
#include <string.h>

/* The list: a loss is one row here, one family, one page in docs/methods. */
static const bal_loss_family *const families[] = {
    &bal_loss_cross_entropy,    &bal_loss_focal,          &bal_loss_ldam,
    &bal_loss_balanced_softmax, &bal_loss_logit_adjusted,
};

const bal_loss_info *bal_loss_at(int i)
{
    return i >= 0 && (size_t)i < BAL_COUNT_OF(families) ? &families[i]->info : NULL;
}

static const char *name_at(const void *user, int i)
{
    (void)user;
    const bal_loss_info *info = bal_loss_at(i);
    return info ? info->name : NULL;
}

bal_loss_settings bal_loss_defaults(void)
{
    return (bal_loss_settings){
        .name = "ce", .classes = 10, .gamma = 2.0, .max_m = 0.5, .s = 30.0, .tau = 1.0};
}

static bal_status find_family(bal_ctx *ctx, const char *name, const bal_loss_family **out)
{
    for (size_t i = 0; name && i < BAL_COUNT_OF(families); i++)
        if (strcmp(families[i]->info.name, name) == 0) {
            *out = families[i];
            return BAL_OK;
        }
    const char *near = bal_nearest_name(name ? name : "", name_at, NULL);
    return bal_fail(ctx, BAL_BAD_ARG, "there is no loss \"%s\"%s%s%s", name ? name : "",
                    near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static bal_status check_settings(bal_ctx *ctx, const bal_loss_family *family,
                                 const bal_loss_settings *s)
{
    if (s->classes < 2)
        return bal_fail(ctx, BAL_BAD_ARG, "classes is %d, must be at least 2", s->classes);
    if (!(s->label_smoothing >= 0.0 && s->label_smoothing < 1.0))
        return bal_fail(ctx, BAL_BAD_ARG, "label_smoothing is %g, must be 0 to below 1",
                        s->label_smoothing);
    if (s->reduction != BAL_REDUCE_MEAN && s->reduction != BAL_REDUCE_WEIGHTED_MEAN)
        return bal_fail(ctx, BAL_BAD_ARG, "reduction is %d, must be mean or weighted_mean",
                        (int)s->reduction);
    if (family->info.needs_counts && !s->counts)
        return bal_fail(ctx, BAL_BAD_ARG, "loss %s needs the class counts", family->info.name);
    for (int j = 0; j < s->classes; j++) {
        if (family->info.needs_counts && s->counts[j] < 1)
            return bal_fail(ctx, BAL_BAD_ARG,
                            "class %d has %lld training images; loss %s needs at least 1 of each",
                            j, (long long)s->counts[j], family->info.name);
        if (s->weights && !(s->weights[j] >= 0.0 && isfinite(s->weights[j])))
            return bal_fail(ctx, BAL_BAD_ARG, "weight of class %d is %g, must be 0 or above", j,
                            s->weights[j]);
    }
    return BAL_OK;
}

bal_status bal_loss_open(bal_loss **out, bal_ctx *ctx, const bal_loss_settings *settings)
{
    *out = NULL;
    const bal_loss_family *family = NULL;
    BAL_TRY(find_family(ctx, settings->name, &family));
    BAL_TRY(check_settings(ctx, family, settings));
    bal_loss *loss = bal_calloc(ctx, 1, sizeof *loss);
    if (!loss)
        return BAL_NO_MEMORY;
    bal_status status = BAL_NO_MEMORY;
    const size_t classes = (size_t)settings->classes;
    loss->ctx = ctx;
    loss->family = family;
    loss->classes = settings->classes;
    loss->label_smoothing = settings->label_smoothing;
    loss->reduction = settings->reduction;
    loss->weights = bal_calloc(ctx, classes, sizeof *loss->weights);
    loss->offsets = bal_calloc(ctx, classes, sizeof *loss->offsets);
    loss->logits = bal_calloc(ctx, classes, sizeof *loss->logits);
    loss->coefficients = bal_calloc(ctx, classes, sizeof *loss->coefficients);
    loss->gradient = bal_calloc(ctx, classes, sizeof *loss->gradient);
    loss->exponentials = bal_calloc(ctx, classes, sizeof *loss->exponentials);
    if (!loss->weights || !loss->offsets || !loss->logits || !loss->coefficients ||
        !loss->gradient || !loss->exponentials)
        goto fail;
    for (size_t j = 0; j < classes; j++)
        loss->weights[j] = settings->weights ? settings->weights[j] : 1.0;
    if (family->prepare)
        BAL_GOTO(family->prepare(loss, settings));
    *out = loss;
    return BAL_OK;
fail:
    bal_loss_close(&loss);
    return status;
}

void bal_loss_close(bal_loss **loss)
{
    if (!loss || !*loss)
        return;
    bal_loss *l = *loss;
    bal_free(l->ctx, l->weights);
    bal_free(l->ctx, l->offsets);
    bal_free(l->ctx, l->logits);
    bal_free(l->ctx, l->coefficients);
    bal_free(l->ctx, l->gradient);
    bal_free(l->ctx, l->exponentials);
    bal_free(l->ctx, l);
    *loss = NULL;
}

/* coefficients hold a target: smoothing, then class weights, then the factor of the sample */
static void finish_coefficients(const bal_loss *loss, double factor)
{
    double *c = loss->coefficients;
    const double eps = loss->label_smoothing, floor = eps / loss->classes;
    for (int j = 0; j < loss->classes; j++)
        c[j] = factor * loss->weights[j] * ((1.0 - eps) * c[j] + floor);
}

double bal_loss_sample(const bal_loss *loss, const double *logits, const double *target,
                       double *gradient)
{
    memcpy(loss->coefficients, target, (size_t)loss->classes * sizeof *target);
    finish_coefficients(loss, 1.0);
    return loss->family->sample(loss, logits, gradient);
}

/* Puts sample i's target into coefficients and returns its class weight sum_j t_j w_j. */
static double take_target(const bal_loss *loss, const bal_loss_batch *batch, int64_t i)
{
    double *c = loss->coefficients, weight = 0.0;
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

static bal_status check_batch(bal_ctx *ctx, const bal_loss *loss, const bal_loss_batch *batch)
{
    if (batch->samples < 1)
        return bal_fail(ctx, BAL_BAD_ARG, "a batch of %lld samples, must be at least 1",
                        (long long)batch->samples);
    if (!batch->logits || !batch->labels == !batch->targets)
        return bal_fail(ctx, BAL_BAD_ARG, "a batch has logits, and either labels or targets");
    for (int64_t i = 0; i < batch->samples; i++) {
        if (batch->targets)
            BAL_TRY(check_target(ctx, loss, batch->targets + i * loss->classes, i));
        else if (batch->labels[i] < 0 || batch->labels[i] >= loss->classes)
            return bal_fail(ctx, BAL_BAD_ARG, "label of sample %lld is %d, must be 0 to %d",
                            (long long)i, (int)batch->labels[i], loss->classes - 1);
        if (batch->sample_weights &&
            !(batch->sample_weights[i] >= 0.0f && isfinite(batch->sample_weights[i])))
            return bal_fail(ctx, BAL_BAD_ARG, "weight of sample %lld is %g, must be 0 or above",
                            (long long)i, (double)batch->sample_weights[i]);
    }
    return BAL_OK;
}

static double sample_weight(const bal_loss_batch *batch, int64_t i)
{
    return batch->sample_weights ? (double)batch->sample_weights[i] : 1.0;
}

/* What the sum over the samples is divided by. */
static double divisor(const bal_loss *loss, const bal_loss_batch *batch)
{
    const bool weighted = loss->reduction == BAL_REDUCE_WEIGHTED_MEAN;
    double sum = 0.0;
    for (int64_t i = 0; i < batch->samples; i++)
        sum += sample_weight(batch, i) * (weighted ? take_target(loss, batch, i) : 1.0);
    return sum;
}

bal_status bal_loss_compute(const bal_loss *loss, bal_ctx *ctx, const bal_loss_batch *batch,
                            double *value, double *per_sample, float *gradient)
{
    BAL_TRY(check_batch(ctx, loss, batch));
    const int classes = loss->classes;
    const double whole = divisor(loss, batch);
    const double share = whole > 0.0 ? 1.0 / whole : 0.0; /* nothing counts: value and slope 0 */
    double sum = 0.0;
    for (int64_t i = 0; i < batch->samples; i++) {
        for (int k = 0; k < classes; k++)
            loss->logits[k] = (double)batch->logits[i * classes + k];
        take_target(loss, batch, i);
        finish_coefficients(loss, sample_weight(batch, i));
        const double l = loss->family->sample(loss, loss->logits, gradient ? loss->gradient : NULL);
        sum += l;
        if (per_sample)
            per_sample[i] = l;
        for (int k = 0; gradient && k < classes; k++)
            gradient[i * classes + k] = (float)(loss->gradient[k] * share);
    }
    *value = sum * share;
    return BAL_OK;
}
