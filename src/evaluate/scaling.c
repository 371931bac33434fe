/* Temperature and vector scaling (Guo et al. 2017): one convex problem. The mean of
 * -log softmax(a z + b)_y is convex in a and b, so also in 1/T, which is a with all parts equal. */
#include "evaluate/calibration.h"

#include "numeric/newton.h"
#include "numeric/softmax.h"

#include <math.h>
#include <string.h>

typedef enum free_parts { ONE_SCALE, SCALES_AND_OFFSETS, OFFSETS_ONLY } free_parts;

typedef struct scaling {
    const bal_fit *fit;
    free_parts parts;
    double ridge;        /* as it counts beside a mean over all items: ridge / n */
    double unit;         /* of the one scale: x = 1 is 1 / unit */
    double *p;           /* selected items x C, at the last value() */
    double *row;         /* C */
    double *da, *db;     /* C: gradient, curvature or direction by a and b */
    double *scale, *off; /* C: a and b at x */
} scaling;

/* x as a and b; a direction where `zero` is 0. */
static void spread(const scaling *s, const double *x, double one, double *a, double *b)
{
    const int classes = s->fit->classes;
    for (int j = 0; j < classes; j++) {
        a[j] = s->parts == ONE_SCALE ? x[0] / s->unit : s->parts == SCALES_AND_OFFSETS ? x[j] : one;
        b[j] = s->parts == ONE_SCALE ? 0.0 : s->parts == SCALES_AND_OFFSETS ? x[classes + j] : x[j];
    }
}

/* The other way: sums over what the parts stand for. */
static void collect(const scaling *s, const double *a, const double *b, double *x)
{
    const int classes = s->fit->classes;
    if (s->parts == ONE_SCALE) {
        x[0] = 0.0;
        for (int j = 0; j < classes; j++)
            x[0] += a[j] / s->unit;
        return;
    }
    for (int j = 0; j < classes; j++) {
        if (s->parts == SCALES_AND_OFFSETS)
            x[j] = a[j];
        x[s->parts == SCALES_AND_OFFSETS ? classes + j : j] = b[j];
    }
}

/* (ridge / 2) of the squares of what x changes; gradient may be NULL. */
static double ridge_of(const scaling *s, const double *x, double *gradient)
{
    const int classes = s->fit->classes;
    const int count = s->parts == SCALES_AND_OFFSETS ? 2 * classes : classes;
    double sum = 0.0;
    if (s->parts == ONE_SCALE)
        return 0.0;
    for (int k = 0; k < count; k++) {
        const double away = x[k] - (s->parts == SCALES_AND_OFFSETS && k < classes ? 1.0 : 0.0);
        sum += 0.5 * s->ridge * away * away;
        if (gradient)
            gradient[k] += s->ridge * away;
    }
    return sum;
}

static double value(void *user, const double *x, double *gradient)
{
    scaling *s = user;
    const int classes = s->fit->classes;
    double sum = 0.0;
    spread(s, x, 1.0, s->scale, s->off);
    memset(s->da, 0, (size_t)classes * sizeof *s->da);
    memset(s->db, 0, (size_t)classes * sizeof *s->db);
    for (int64_t i = 0; i < bal_fit_count(s->fit); i++) {
        const int64_t item = bal_fit_item(s->fit, i);
        const double *z = s->fit->z + item * classes;
        const int label = s->fit->labels[item];
        const double weight = s->fit->class_weight[label];
        double *p = s->p + i * classes;
        for (int j = 0; j < classes; j++)
            s->row[j] = s->scale[j] * z[j] + s->off[j];
        const double logit = s->row[label];
        const bal_softmax soft = bal_softmax_of(s->row, classes, p);
        sum += weight * bal_softmax_loss(&soft, logit);
        for (int j = 0; j < classes; j++) {
            p[j] /= 1.0 + soft.rest;
            const double off = weight * (p[j] - (j == label));
            s->da[j] += off * z[j];
            s->db[j] += off;
        }
    }
    collect(s, s->da, s->db, gradient);
    return sum + ridge_of(s, x, gradient);
}

static void curve(void *user, const double *v, double *out)
{
    scaling *s = user;
    const int classes = s->fit->classes;
    const int count = s->parts == ONE_SCALE            ? 1
                      : s->parts == SCALES_AND_OFFSETS ? 2 * classes
                                                       : classes;
    spread(s, v, 0.0, s->scale, s->off);
    memset(s->da, 0, (size_t)classes * sizeof *s->da);
    memset(s->db, 0, (size_t)classes * sizeof *s->db);
    for (int64_t i = 0; i < bal_fit_count(s->fit); i++) {
        const int64_t item = bal_fit_item(s->fit, i);
        const double *z = s->fit->z + item * classes, *p = s->p + i * classes;
        const double weight = s->fit->class_weight[s->fit->labels[item]];
        double mean = 0.0;
        for (int j = 0; j < classes; j++) {
            s->row[j] = s->scale[j] * z[j] + s->off[j];
            mean += p[j] * s->row[j];
        }
        for (int j = 0; j < classes; j++) {
            const double bent = weight * p[j] * (s->row[j] - mean);
            s->da[j] += bent * z[j];
            s->db[j] += bent;
        }
    }
    collect(s, s->da, s->db, out);
    for (int k = 0; s->parts != ONE_SCALE && k < count; k++)
        out[k] += s->ridge * v[k];
}

/* Of one scale the whole Hessian; else that of each number alone. */
static void diagonal(void *user, double *out)
{
    scaling *s = user;
    const int classes = s->fit->classes;
    const double one = 1.0;
    if (s->parts == ONE_SCALE) {
        curve(s, &one, out);
        return;
    }
    memset(s->da, 0, (size_t)classes * sizeof *s->da);
    memset(s->db, 0, (size_t)classes * sizeof *s->db);
    for (int64_t i = 0; i < bal_fit_count(s->fit); i++) {
        const int64_t item = bal_fit_item(s->fit, i);
        const double *z = s->fit->z + item * classes, *p = s->p + i * classes;
        const double weight = s->fit->class_weight[s->fit->labels[item]];
        for (int j = 0; j < classes; j++) {
            const double bent = weight * p[j] * (1.0 - p[j]);
            s->da[j] += bent * z[j] * z[j];
            s->db[j] += bent;
        }
    }
    collect(s, s->da, s->db, out);
    for (int k = 0; k < (s->parts == SCALES_AND_OFFSETS ? 2 * classes : classes); k++)
        out[k] += s->ridge;
}

/* ---- what can be fitted ---- */

/* The slope of the loss in 1/T at 0 and at infinity: below 0 and above 0, or there is no T. */
static bal_status check_temperature(const bal_fit *fit)
{
    double at_zero = 0.0, at_infinity = 0.0;
    for (int64_t i = 0; i < bal_fit_count(fit); i++) {
        const int64_t item = bal_fit_item(fit, i);
        const double *z = fit->z + item * fit->classes, y = z[fit->labels[item]];
        const double weight = fit->class_weight[fit->labels[item]];
        double mean = 0.0, most = z[0];
        for (int j = 0; j < fit->classes; j++) {
            mean += (z[j] - y) / fit->classes;
            most = fmax(most, z[j]);
        }
        at_zero += weight * mean;
        at_infinity += weight * (most - y);
    }
    if (!(at_zero < 0.0))
        return bal_fail(fit->ctx, BAL_BAD_DATA,
                        "no temperature fits: the labels of the %lld items do not go with their "
                        "scores, which do no better than equal ones",
                        (long long)bal_fit_count(fit));
    if (!(at_infinity > 0.0))
        return bal_fail(fit->ctx, BAL_BAD_DATA,
                        "no temperature fits: all %lld items are right, and then the smaller T the "
                        "better; more or harder items are needed",
                        (long long)bal_fit_count(fit));
    return BAL_OK;
}

/* Root mean square of the logits around their rows' means. */
static double unit_of(const bal_fit *fit)
{
    double sum = 0.0;
    for (int64_t i = 0; i < bal_fit_count(fit); i++) {
        const double *z = fit->z + bal_fit_item(fit, i) * fit->classes;
        double mean = 0.0;
        for (int j = 0; j < fit->classes; j++)
            mean += z[j] / fit->classes;
        for (int j = 0; j < fit->classes; j++)
            sum += (z[j] - mean) * (z[j] - mean) / fit->classes;
    }
    const double unit = sqrt(sum / (double)bal_fit_count(fit));
    return unit > 0.0 ? unit : 1.0;
}

static bal_status allocate(scaling *s)
{
    bal_ctx *ctx = s->fit->ctx;
    const size_t classes = (size_t)s->fit->classes;
    s->p = bal_calloc(ctx, (size_t)bal_fit_count(s->fit) * classes, sizeof *s->p);
    s->row = bal_calloc(ctx, 5 * classes, sizeof *s->row);
    if (!s->p || !s->row)
        return BAL_NO_MEMORY;
    s->da = s->row + classes;
    s->db = s->da + classes;
    s->scale = s->db + classes;
    s->off = s->scale + classes;
    return BAL_OK;
}

/* Fits the parts and writes them to a and b. iterations may be NULL. */
static bal_status fit_parts(const bal_fit *fit, free_parts parts, double ridge, double *a,
                            double *b, int *iterations)
{
    const int classes = fit->classes;
    scaling s = {.fit = fit, .parts = parts, .ridge = ridge / fit->effective, .unit = 1.0};
    const int count = parts == ONE_SCALE ? 1 : parts == SCALES_AND_OFFSETS ? 2 * classes : classes;
    bal_convex problem = {count, &s, value, curve, diagonal};
    bal_convex_result result;
    bal_status status = BAL_NO_MEMORY;
    double *x = bal_calloc(fit->ctx, (size_t)count, sizeof *x);
    if (!x)
        goto fail;
    if (parts == ONE_SCALE) {
        BAL_GOTO(check_temperature(fit));
        s.unit = unit_of(fit);
    }
    BAL_GOTO(allocate(&s));
    for (int k = 0; k < (parts == SCALES_AND_OFFSETS ? classes : parts == ONE_SCALE); k++)
        x[k] = 1.0;
    BAL_GOTO(bal_minimise_convex(fit->ctx, &problem, x, &result));
    if (!result.converged) {
        status = bal_fail(fit->ctx, BAL_BAD_DATA,
                          "the fit did not end after %d steps; the loss is %g and falls on",
                          result.iterations, result.value);
        goto fail;
    }
    spread(&s, x, 1.0, a, b);
    if (iterations)
        *iterations = result.iterations;
fail:
    bal_free(fit->ctx, s.p);
    bal_free(fit->ctx, s.row);
    bal_free(fit->ctx, x);
    return status;
}

/* Sum of weight times -log softmax(a z + b)_y over the items; row: C numbers of work space. */
static double loss_of(const bal_fit *fit, const double *a, const double *b, double *row)
{
    double sum = 0.0;
    for (int64_t i = 0; i < bal_fit_count(fit); i++) {
        const int64_t item = bal_fit_item(fit, i);
        const double *z = fit->z + item * fit->classes;
        for (int j = 0; j < fit->classes; j++)
            row[j] = a[j] * z[j] + b[j];
        const double logit = row[fit->labels[item]];
        const bal_softmax soft = bal_softmax_of(row, fit->classes, row);
        sum += fit->class_weight[fit->labels[item]] * bal_softmax_loss(&soft, logit);
    }
    return sum;
}

/* The loss of every fold under a fit to the others. NaN where one of them cannot be fitted. */
static bal_status cross_fit(const bal_fit *fit, const bal_step_ask *ask, free_parts parts,
                            double *work, double *crossed)
{
    const int folds = ask->settings->folds, classes = fit->classes;
    bal_ctx *ctx = fit->ctx;
    int *fold_of = bal_calloc(ctx, (size_t)fit->items, sizeof *fold_of);
    int64_t *in = bal_calloc(ctx, (size_t)fit->items, sizeof *in),
            *out = bal_calloc(ctx, (size_t)fit->items, sizeof *out);
    bal_status status = fold_of && in && out ? BAL_OK : BAL_NO_MEMORY;
    if (status == BAL_OK)
        status = bal_fit_folds(fit, folds, ask->settings->seed, fold_of);
    *crossed = 0.0;
    for (int f = 0; f < folds && status == BAL_OK; f++) {
        int64_t ins = 0, outs = 0;
        for (int64_t i = 0; i < fit->items; i++)
            *(fold_of[i] == f ? &out[outs++] : &in[ins++]) = i;
        if (outs == 0)
            continue;
        bal_fit part = *fit;
        part.chosen = in;
        part.chosen_count = ins;
        status = ins ? fit_parts(&part, parts, ask->settings->ridge, work, work + classes, NULL)
                     : BAL_BAD_DATA;
        if (status != BAL_OK)
            break;
        part.chosen = out;
        part.chosen_count = outs;
        *crossed += loss_of(&part, work, work + classes, work + 2 * classes);
    }
    if (status == BAL_BAD_DATA) {
        *crossed = NAN;
        status = BAL_OK;
    }
    bal_free(ctx, fold_of);
    bal_free(ctx, in);
    bal_free(ctx, out);
    return status;
}

/* Offsets that are free take the scores to the classes' shares among the items: that is what they
 * refer to from now on. A class without items keeps what it had. */
static void take_prior_of_items(const bal_fit *fit, bal_step_ask *ask)
{
    double sum = 0.0;
    for (int c = 0; c < fit->classes; c++) {
        if (fit->support[c])
            ask->prior[c] = (double)fit->support[c] * fit->class_weight[c];
        sum += ask->prior[c];
    }
    for (int c = 0; c < fit->classes; c++)
        ask->prior[c] /= sum;
    ask->moves = true;
}

static bal_status fit_scaling(bal_step_ask *ask, free_parts parts)
{
    const bal_calibration_settings *s = ask->settings;
    bal_calibration_report *r = ask->report;
    const size_t classes = (size_t)ask->chain->classes;
    bal_fit fit;
    bal_status status;
    double *work = bal_calloc(ask->chain->ctx, 3 * classes, sizeof *work);
    if (!work)
        return BAL_NO_MEMORY;
    BAL_GOTO(bal_fit_open(&fit, ask->chain, s->fit, true));
    r->items = fit.items;
    r->effective_items = fit.effective;
    r->classes_without = fit.without;
    r->measure = "nll";
    r->before = loss_of(&fit, ask->scale, ask->offset, work);
    BAL_GOTO(fit_parts(&fit, parts, s->ridge, ask->scale, ask->offset, &r->iterations));
    r->after = loss_of(&fit, ask->scale, ask->offset, work);
    BAL_GOTO(cross_fit(&fit, ask, parts, work, &r->crossed));
    r->helps = r->crossed < r->before;
    if (parts == SCALES_AND_OFFSETS && ask->prior_known)
        take_prior_of_items(&fit, ask);
fail:
    bal_fit_close(&fit);
    bal_free(ask->chain->ctx, work);
    return status;
}

bal_status bal_fit_temperature(bal_step_ask *ask)
{
    return fit_scaling(ask, ONE_SCALE);
}

bal_status bal_fit_vector(bal_step_ask *ask)
{
    if (!(ask->settings->ridge >= 1e-6 && isfinite(ask->settings->ridge)))
        return bal_fail(ask->chain->ctx, BAL_BAD_ARG, "ridge is %g, must be 1e-6 or more",
                        ask->settings->ridge);
    return fit_scaling(ask, SCALES_AND_OFFSETS);
}

bal_status bal_calibration_fitted_prior(bal_ctx *ctx, int classes,
                                        const bal_calibration_items *items, double ridge,
                                        double *prior)
{
    bal_calibration *none = NULL;
    bal_fit fit = {0};
    double *a = NULL, sum = 0.0;
    bal_status status;
    if (!(ridge >= 1e-6 && isfinite(ridge)))
        return bal_fail(ctx, BAL_BAD_ARG, "ridge is %g, must be 1e-6 or more", ridge);
    BAL_GOTO(bal_calibration_open(&none, ctx, classes, NULL));
    BAL_GOTO(bal_fit_open(&fit, none, items, true));
    for (int c = 0; c < classes; c++)
        if (fit.support[c] == 0) {
            status = bal_fail(ctx, BAL_BAD_DATA,
                              "class %d has no items, so they cannot say which prior the scores "
                              "refer to; state it",
                              c);
            goto fail;
        }
    a = bal_calloc(ctx, 2 * (size_t)classes, sizeof *a);
    if (!a) {
        status = BAL_NO_MEMORY;
        goto fail;
    }
    BAL_GOTO(fit_parts(&fit, OFFSETS_ONLY, ridge, a, a + classes, NULL));
    for (int c = 0; c < classes; c++)
        sum += prior[c] = (double)fit.support[c] * exp(-a[classes + c]);
    for (int c = 0; c < classes; c++)
        prior[c] /= sum;
fail:
    bal_free(ctx, a);
    bal_fit_close(&fit);
    bal_calibration_close(&none);
    return status;
}
