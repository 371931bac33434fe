/* Steps that move the class prior: log q_j - log pi_j is added to the logits. With Bayes' rule and
 * images of a class that look the same under both priors this is exact, not an approximation. */
#include "evaluate/calibration.h"

#include "numeric/softmax.h"

#include <math.h>
#include <string.h>

enum { MOST_ROUNDS = 20000 };
#define EM_TOLERANCE 1e-7 /* of the mean log-likelihood */
#define SMALLEST_SHARE 1e-9

bal_status bal_take_prior(bal_ctx *ctx, const char *what, int classes, const double *prior,
                          double *out)
{
    double sum = 0.0;
    if (!prior)
        return bal_fail(ctx, BAL_BAD_ARG, "%s is missing", what);
    for (int c = 0; c < classes; c++) {
        if (!(prior[c] > 0.0) || !isfinite(prior[c]))
            return bal_fail(ctx, BAL_BAD_ARG, "%s of class %d is %g, must be above 0", what, c,
                            prior[c]);
        sum += prior[c];
    }
    if (!(fabs(sum - 1.0) <= BAL_PRIOR_TOLERANCE))
        return bal_fail(ctx, BAL_BAD_ARG, "%s sums to %g, must be 1", what, sum);
    for (int c = 0; c < classes; c++)
        out[c] = prior[c] / sum;
    return BAL_OK;
}

bal_status bal_fit_logit_adjustment(bal_step_ask *ask)
{
    const bal_calibration_settings *s = ask->settings;
    bal_ctx *ctx = ask->chain->ctx;
    const int classes = ask->chain->classes;
    double total = 0.0, sum = 0.0;
    if (!isfinite(s->tau))
        return bal_fail(ctx, BAL_BAD_ARG, "tau is %g, must be a number", s->tau);
    if (!s->train_counts)
        return bal_fail(ctx, BAL_BAD_ARG, "logit-adjustment needs the training counts");
    for (int c = 0; c < classes; c++) {
        if (s->train_counts[c] < 1)
            return bal_fail(ctx, BAL_BAD_DATA,
                            "class %d has %lld training images; logit-adjustment needs at least 1 "
                            "of each",
                            c, (long long)s->train_counts[c]);
        total += (double)s->train_counts[c];
    }
    for (int c = 0; c < classes; c++) {
        ask->offset[c] = -s->tau * log((double)s->train_counts[c] / total);
        sum += ask->prior[c] *= exp(ask->offset[c]);
    }
    for (int c = 0; c < classes; c++)
        ask->prior[c] /= sum;
    ask->moves = true;
    ask->report->helps = true;
    return BAL_OK;
}

/* From the chain's prior to q. */
static void move_to(bal_step_ask *ask, const double *q)
{
    const int classes = ask->chain->classes;
    for (int c = 0; c < classes; c++) {
        ask->offset[c] = log(q[c]) - log(ask->prior[c]);
        ask->prior[c] = q[c];
    }
    ask->moves = true;
}

bal_status bal_fit_prior(bal_step_ask *ask)
{
    bal_ctx *ctx = ask->chain->ctx;
    const int classes = ask->chain->classes;
    double *q = bal_calloc(ctx, (size_t)classes, sizeof *q);
    if (!q)
        return BAL_NO_MEMORY;
    const bal_status status =
        bal_take_prior(ctx, "the test prior", classes, ask->settings->target_prior, q);
    if (status == BAL_OK)
        move_to(ask, q);
    ask->report->helps = true;
    bal_free(ctx, q);
    return status;
}

/* ---- EM ---- */

/* One round: raise_j = mean_i (p_ij / pi_j) / sum_k q_k p_ik / pi_k, the factor of q_j. Returns the
 * mean log of that sum: the log-likelihood but for a constant. ratio: items x C, p_ij / pi_j over
 * the row's largest; logs: its mean log. */
static double em_round(const double *ratio, int64_t items, int classes, const double *q,
                       double *raise)
{
    double logs = 0.0;
    memset(raise, 0, (size_t)classes * sizeof *raise);
    for (int64_t i = 0; i < items; i++) {
        const double *row = ratio + i * classes;
        double sum = 0.0;
        for (int j = 0; j < classes; j++)
            sum += q[j] * row[j];
        logs += log(sum);
        const double share = 1.0 / (sum * (double)items);
        for (int j = 0; j < classes; j++)
            raise[j] += row[j] * share;
    }
    return logs / (double)items;
}

/* p_ij / pi_j in place of z; returns the mean log of the factors that were taken out. */
static double to_ratios(const bal_fit *fit, const double *prior)
{
    double logs = 0.0;
    for (int64_t i = 0; i < fit->items; i++) {
        double *z = fit->z + i * fit->classes;
        const bal_softmax plain = bal_softmax_of(z, fit->classes, z);
        double most = 0.0;
        for (int j = 0; j < fit->classes; j++) {
            z[j] /= prior[j];
            most = fmax(most, z[j]);
        }
        for (int j = 0; j < fit->classes; j++)
            z[j] /= most;
        logs += log(most) - log1p(plain.rest);
    }
    return logs / (double)fit->items;
}

/* q begins as the prior, from which every class can still be raised. */
static bal_status estimate(const bal_fit *fit, double *q, bal_calibration_report *r)
{
    const int classes = fit->classes;
    double *raise = bal_calloc(fit->ctx, (size_t)classes, sizeof *raise), most = INFINITY;
    if (!raise)
        return BAL_NO_MEMORY;
    const double taken = to_ratios(fit, q);
    r->iterations = 0;
    for (;;) {
        r->after = em_round(fit->z, fit->items, classes, q, raise) + taken;
        if (r->iterations == 0)
            r->before = r->after;
        /* the likelihood is concave in q: no q' is better than this one by more than most - 1 */
        most = 0.0;
        for (int j = 0; j < classes; j++)
            most = fmax(most, raise[j]);
        if (most - 1.0 <= EM_TOLERANCE || r->iterations == MOST_ROUNDS)
            break;
        for (int j = 0; j < classes; j++)
            q[j] *= raise[j];
        r->iterations++;
    }
    bal_free(fit->ctx, raise);
    if (most - 1.0 > 1e-4)
        return bal_fail(fit->ctx, BAL_BAD_DATA,
                        "the estimate of the prior did not settle in %d rounds (%g is left)",
                        MOST_ROUNDS, most - 1.0);
    double sum = 0.0;
    for (int j = 0; j < classes; j++)
        sum += q[j] = fmax(q[j], SMALLEST_SHARE);
    for (int j = 0; j < classes; j++)
        q[j] /= sum;
    return BAL_OK;
}

bal_status bal_fit_em(bal_step_ask *ask)
{
    bal_ctx *ctx = ask->chain->ctx;
    const int classes = ask->chain->classes;
    bal_fit fit = {0};
    bal_status status = BAL_NO_MEMORY;
    double *q = bal_calloc(ctx, (size_t)classes, sizeof *q);
    if (!q)
        goto fail;
    if (!ask->settings->target) {
        status = bal_fail(ctx, BAL_BAD_ARG,
                          "em needs the scores of items whose prior is to be estimated");
        goto fail;
    }
    memcpy(q, ask->prior, (size_t)classes * sizeof *q);
    BAL_GOTO(bal_fit_open(&fit, ask->chain, ask->settings->target, false));
    ask->report->items = fit.items;
    ask->report->effective_items = fit.effective;
    ask->report->measure = "log_likelihood";
    ask->report->larger_is_better = true;
    BAL_GOTO(estimate(&fit, q, ask->report));
    move_to(ask, q);
    ask->report->helps = true;
fail:
    bal_fit_close(&fit);
    bal_free(ctx, q);
    return status;
}
