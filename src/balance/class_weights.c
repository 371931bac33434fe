/* Class weights: numbers that multiply the loss of each class, normalised so that they sum to C. */
#include "ballast/balance.h"

#include "base/context.h"

#include <math.h>
#include <string.h>

typedef struct weighting {
    bal_method_info info;
    double (*raw)(double count, const bal_class_weight_settings *s); /* before normalisation */
    bool takes_absent;                                               /* a count of 0 has a weight */
} weighting;

static double weight_none(double count, const bal_class_weight_settings *s)
{
    (void)count;
    (void)s;
    return 1.0;
}

static double weight_inverse(double count, const bal_class_weight_settings *s)
{
    (void)s;
    return 1.0 / count;
}

static double weight_sqrt(double count, const bal_class_weight_settings *s)
{
    (void)s;
    return 1.0 / sqrt(count);
}

/* 1 - beta^n as expm1 keeps its digits where beta is near 1 */
static double weight_effective(double count, const bal_class_weight_settings *s)
{
    return s->beta > 0.0 ? (1.0 - s->beta) / -expm1(count * log(s->beta)) : 1.0;
}

/* N^rho goes away with the normalisation */
static double weight_generalized(double count, const bal_class_weight_settings *s)
{
    return pow(count, -s->rho);
}

static const weighting weightings[] = {
    {{"none", "1", ""}, weight_none, true},
    {{"inverse", "1 / n_j", "inverse frequency"}, weight_inverse, false},
    {{"sqrt", "1 / sqrt(n_j)", "inverse square root of the frequency"}, weight_sqrt, false},
    {{"effective", "(1 - beta) / (1 - beta^n_j)", "Cui et al. 2019"}, weight_effective, false},
    {{"generalized", "(1 / pi_j)^rho", "Zhang et al. 2021"}, weight_generalized, false},
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

bal_status bal_class_weights(bal_ctx *ctx, const bal_class_weight_settings *s, double *weights)
{
    const weighting *row = NULL;
    const char *name = s->name ? s->name : "";
    for (size_t i = 0; i < BAL_COUNT_OF(weightings); i++)
        if (strcmp(weightings[i].info.name, name) == 0)
            row = &weightings[i];
    if (!row) {
        const char *near = bal_nearest_name(name, name_at, NULL);
        return bal_fail(ctx, BAL_BAD_ARG, "there is no class weighting \"%s\"%s%s%s", name,
                        near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    }
    if (s->classes < 1)
        return bal_fail(ctx, BAL_BAD_ARG, "classes is %d, must be at least 1", s->classes);
    if (!(s->beta >= 0.0 && s->beta < 1.0))
        return bal_fail(ctx, BAL_BAD_ARG, "beta is %g, must be 0 to below 1", s->beta);
    if (!(s->rho >= 0.0 && isfinite(s->rho)))
        return bal_fail(ctx, BAL_BAD_ARG, "rho is %g, must be 0 or above", s->rho);
    double sum = 0.0;
    for (int j = 0; j < s->classes; j++) {
        if (s->counts[j] < 1 && !row->takes_absent)
            return bal_fail(ctx, BAL_BAD_ARG,
                            "class %d has %lld images; weighting %s needs at least 1 of each", j,
                            (long long)s->counts[j], name);
        weights[j] = row->raw((double)s->counts[j], s);
        sum += weights[j];
    }
    for (int j = 0; j < s->classes; j++)
        weights[j] *= s->classes / sum;
    return BAL_OK;
}
