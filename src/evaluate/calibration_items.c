/* Scores of a fit as the chain leaves them: checked, in double, with the weights of their classes;
 * and the folds of cross-fitting. */
#include "evaluate/calibration.h"

#include "base/random.h"

#include <math.h>

double bal_take_logit(float score, bool probability)
{
    return probability ? log(fmax((double)score, DBL_EPSILON)) : (double)score;
}

void bal_take_logits(const float *scores, bool probabilities, int classes, double *z)
{
    for (int j = 0; j < classes; j++)
        z[j] = bal_take_logit(scores[j], probabilities);
}

static bal_status check_row(const bal_fit *fit, const bal_calibration_items *items, int64_t i)
{
    const float *row = items->scores + i * fit->classes;
    double sum = 0.0;
    for (int j = 0; j < fit->classes; j++) {
        if (!isfinite(row[j]))
            return bal_fail(fit->ctx, BAL_BAD_DATA, "the score in row %lld, column %d is %g",
                            (long long)i, j, (double)row[j]);
        if (items->scores_are_probabilities && row[j] < 0.0f)
            return bal_fail(fit->ctx, BAL_BAD_DATA,
                            "the probability in row %lld, column %d is %g, must not be negative",
                            (long long)i, j, (double)row[j]);
        sum += (double)row[j];
    }
    if (items->scores_are_probabilities && !(fabs(sum - 1.0) < 1e-3))
        return bal_fail(fit->ctx, BAL_BAD_DATA,
                        "the probabilities in row %lld sum to %g, must be 1", (long long)i, sum);
    return BAL_OK;
}

static bal_status check_items(const bal_fit *fit, const bal_calibration_items *items, bool labelled)
{
    if (!items || !items->scores || (labelled && !items->labels))
        return bal_fail(fit->ctx, BAL_BAD_ARG, "the scores%s of items to fit to are missing",
                        labelled ? " and labels" : "");
    if (items->items < 1 || items->items > UINT32_MAX)
        return bal_fail(fit->ctx, BAL_BAD_ARG, "items is %lld, must be 1 to %llu",
                        (long long)items->items, (unsigned long long)UINT32_MAX);
    for (int64_t i = 0; i < items->items; i++) {
        if (labelled && (items->labels[i] < 0 || items->labels[i] >= fit->classes))
            return bal_fail(fit->ctx, BAL_BAD_ARG, "label of row %lld is %d, must be 0 to %d",
                            (long long)i, (int)items->labels[i], fit->classes - 1);
        BAL_TRY(check_row(fit, items, i));
    }
    return BAL_OK;
}

/* Weights so that the classes present count as the prior says, and all items together 1. */
static void weigh(bal_fit *fit, const double *prior)
{
    double mass = 0.0, squares = 0.0;
    for (int c = 0; c < fit->classes; c++) {
        const double n = (double)fit->support[c];
        fit->without += fit->support[c] == 0;
        mass += fit->support[c] ? (prior ? prior[c] : n) : 0.0;
    }
    for (int c = 0; c < fit->classes; c++) {
        const double n = (double)fit->support[c];
        if (fit->support[c])
            fit->class_weight[c] = (prior ? prior[c] / n : 1.0) / mass;
        squares += n * fit->class_weight[c] * fit->class_weight[c];
    }
    fit->effective = 1.0 / squares;
}

bal_status bal_fit_open(bal_fit *fit, const bal_calibration *c, const bal_calibration_items *items,
                        bool labelled)
{
    *fit = (bal_fit){.ctx = c->ctx, .classes = c->classes};
    BAL_TRY(check_items(fit, items, labelled));
    const size_t classes = (size_t)c->classes;
    fit->items = items->items;
    fit->labels = labelled ? items->labels : NULL;
    fit->z = bal_calloc(c->ctx, (size_t)items->items * classes, sizeof *fit->z);
    fit->class_weight = bal_calloc(c->ctx, classes, sizeof *fit->class_weight);
    fit->support = bal_calloc(c->ctx, classes, sizeof *fit->support);
    if (!fit->z || !fit->class_weight || !fit->support)
        return BAL_NO_MEMORY;
    for (int64_t i = 0; i < items->items; i++) {
        double *z = fit->z + i * c->classes;
        bal_take_logits(items->scores + i * c->classes, items->scores_are_probabilities, c->classes,
                        z);
        for (int j = 0; j < c->classes; j++)
            z[j] = bal_calibrated(c, j, z[j]);
        if (labelled)
            fit->support[items->labels[i]]++;
    }
    if (labelled)
        weigh(fit, c->moved ? bal_calibration_prior(c) : NULL);
    else
        fit->effective = (double)items->items;
    return BAL_OK;
}

void bal_fit_close(bal_fit *fit)
{
    if (!fit->ctx)
        return;
    bal_free(fit->ctx, fit->z);
    bal_free(fit->ctx, fit->class_weight);
    bal_free(fit->ctx, fit->support);
    *fit = (bal_fit){0};
}

/* Items of a class are shuffled and dealt out in turn, each class from the fold where the one
 * before it ended: so rare classes do not all begin with fold 0. */
bal_status bal_fit_folds(const bal_fit *fit, int folds, uint64_t seed, int *fold_of)
{
    int64_t *members = bal_calloc(fit->ctx, (size_t)fit->items, sizeof *members);
    if (!members)
        return BAL_NO_MEMORY;
    int64_t dealt = 0;
    for (int c = 0; c < fit->classes; c++) {
        int64_t count = 0;
        for (int64_t i = 0; fit->support[c] && i < fit->items; i++)
            if (fit->labels[i] == c)
                members[count++] = i;
        bal_random random = bal_random_at(seed, BAL_STREAM_CALIBRATION, 0, (uint64_t)c);
        bal_random_shuffle(&random, members, count);
        for (int64_t k = 0; k < count; k++)
            fold_of[members[k]] = (int)(dealt++ % folds);
    }
    bal_free(fit->ctx, members);
    return BAL_OK;
}
