/* Class weights: numbers that multiply the loss of each class, normalised so that they sum to C. */
#include "ballast/balance.h"

#include "base/context.h"

#include <math.h>
#include <string.h>

typedef struct weighting {
    bal_method_info info;
    double (*raw)(double count, double beta); /* before normalisation */
} weighting;

static double weight_none(double count, double beta)
{
    (void)count;
    (void)beta;
    return 1.0;
}

static double weight_inverse(double count, double beta)
{
    (void)beta;
    return 1.0 / count;
}

static double weight_sqrt(double count, double beta)
{
    (void)beta;
    return 1.0 / sqrt(count);
}

/* 1 - beta^n as expm1 keeps its digits where beta is near 1 */
static double weight_effective(double count, double beta)
{
    return beta > 0.0 ? (1.0 - beta) / -expm1(count * log(beta)) : 1.0;
}

static const weighting weightings[] = {
    {{"none", "1", ""}, weight_none},
    {{"inverse", "1 / n_j", "inverse frequency"}, weight_inverse},
    {{"sqrt", "1 / sqrt(n_j)", "inverse square root of the frequency"}, weight_sqrt},
    {{"effective", "(1 - beta) / (1 - beta^n_j)", "Cui et al. 2019"}, weight_effective},
};

const bal_method_info *bal_class_weighting_at(int i)
{
    return i >= 0 && (size_t)i < BAL_COUNT_OF(weightings) ? &weightings[i].info : NULL;
}

static const char *name_at(const void *user, int i)
{
    (void)user;
    const bal_method_info *info = bal_class_weighting_at(i);
    return info ? info->name : NULL;
}

bal_status bal_class_weights(bal_ctx *ctx, const char *name, double beta, int classes,
                             const int64_t *counts, double *weights)
{
    const weighting *row = NULL;
    for (size_t i = 0; name && i < BAL_COUNT_OF(weightings); i++)
        if (strcmp(weightings[i].info.name, name) == 0)
            row = &weightings[i];
    if (!row) {
        const char *near = bal_nearest_name(name ? name : "", name_at, NULL);
        return bal_fail(ctx, BAL_BAD_ARG, "there is no class weighting \"%s\"%s%s%s",
                        name ? name : "", near ? ", did you mean \"" : "", near ? near : "",
                        near ? "\"?" : "");
    }
    if (classes < 1)
        return bal_fail(ctx, BAL_BAD_ARG, "classes is %d, must be at least 1", classes);
    if (!(beta >= 0.0 && beta < 1.0))
        return bal_fail(ctx, BAL_BAD_ARG, "beta is %g, must be 0 to below 1", beta);
    double sum = 0.0;
    for (int j = 0; j < classes; j++) {
        if (counts[j] < 1)
            return bal_fail(ctx, BAL_BAD_ARG,
                            "class %d has %lld images; weighting %s needs at least 1 of each", j,
                            (long long)counts[j], name);
        weights[j] = row->raw((double)counts[j], beta);
        sum += weights[j];
    }
    for (int j = 0; j < classes; j++)
        weights[j] *= classes / sum;
    return BAL_OK;
}
