/* See newton.h. */
#include "numeric/newton.h"

#include <math.h>
#include <string.h>

enum { MOST_STEPS = 300, MOST_HALVINGS = 60 };
#define CLOSE_ENOUGH 1e-10 /* of the decrement */
#define ROUNDING 1e-11     /* relative change of the value below which its digits say nothing */

typedef struct newton {
    const bal_convex *f;
    int n;
    double *x, *trial, *gradient, *trial_gradient, *step;
    double *residual, *direction, *curved, *scaled, *diagonal; /* of the conjugate gradients */
} newton;

static double dot(const double *a, const double *b, int n)
{
    double sum = 0.0;
    for (int i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* scaled = residual over the diagonal */
static void precondition(newton *w)
{
    for (int i = 0; i < w->n; i++)
        w->scaled[i] = w->diagonal[i] > 0.0 ? w->residual[i] / w->diagonal[i] : w->residual[i];
}

/* Solves H step = -gradient until the residual has fallen by `share`, or curvature ends. Every
 * iterate is a descent direction. */
static void newton_step(newton *w, double share)
{
    const int n = w->n;
    memset(w->step, 0, (size_t)n * sizeof *w->step);
    for (int i = 0; i < n; i++)
        w->residual[i] = -w->gradient[i];
    w->f->diagonal(w->f->user, w->diagonal);
    precondition(w);
    memcpy(w->direction, w->scaled, (size_t)n * sizeof *w->direction);
    double rho = dot(w->residual, w->scaled, n);
    const double goal = share * share * rho;
    for (int k = 0; k < 4 * n + 20 && rho > goal; k++) {
        w->f->curve(w->f->user, w->direction, w->curved);
        const double curvature = dot(w->direction, w->curved, n);
        if (!(curvature > 0.0)) {
            if (k == 0)
                memcpy(w->step, w->direction, (size_t)n * sizeof *w->step);
            return;
        }
        const double length = rho / curvature;
        for (int i = 0; i < n; i++) {
            w->step[i] += length * w->direction[i];
            w->residual[i] -= length * w->curved[i];
        }
        precondition(w);
        const double next = dot(w->residual, w->scaled, n), turn = next / rho;
        for (int i = 0; i < n; i++)
            w->direction[i] = w->scaled[i] + turn * w->direction[i];
        rho = next;
    }
}

/* Goes along the step as far as the value falls (Armijo's rule). Where the promised fall is below
 * the rounding of the value, the gradient is looked at instead. False: no way down. */
static bool go(newton *w, double *value, double slope)
{
    const double size = dot(w->gradient, w->gradient, w->n);
    double length = 1.0;
    for (int k = 0; k < MOST_HALVINGS; k++, length *= 0.5) {
        for (int i = 0; i < w->n; i++)
            w->trial[i] = w->x[i] + length * w->step[i];
        const double at = w->f->value(w->f->user, w->trial, w->trial_gradient);
        const bool falls = at <= *value + 1e-4 * length * slope && at < *value;
        const bool flat = -slope <= ROUNDING * fmax(1.0, fabs(*value)) &&
                          dot(w->trial_gradient, w->trial_gradient, w->n) < size;
        if (!falls && !flat)
            continue;
        *value = at;
        memcpy(w->x, w->trial, (size_t)w->n * sizeof *w->x);
        memcpy(w->gradient, w->trial_gradient, (size_t)w->n * sizeof *w->gradient);
        return true;
    }
    return false;
}

static bal_convex_result descend(newton *w)
{
    bal_convex_result r = {.decrement = INFINITY};
    r.value = w->f->value(w->f->user, w->x, w->gradient);
    while (r.iterations < MOST_STEPS && isfinite(r.value)) {
        newton_step(w, r.decrement < 1e-3 ? 1e-8 : 1e-3);
        const double slope = dot(w->gradient, w->step, w->n);
        r.decrement = slope < 0.0 ? sqrt(-slope) : 0.0;
        r.converged = r.decrement <= CLOSE_ENOUGH;
        if (r.converged)
            break;
        if (!go(w, &r.value, slope)) {
            r.converged = slope * slope <= ROUNDING * ROUNDING * fmax(1.0, r.value * r.value);
            r.value = w->f->value(w->f->user, w->x, w->gradient);
            break;
        }
        r.iterations++;
    }
    return r;
}

bal_status bal_minimise_convex(bal_ctx *ctx, const bal_convex *f, double *x,
                               bal_convex_result *result)
{
    const size_t n = (size_t)f->count;
    double *memory = bal_calloc(ctx, 9 * n, sizeof *memory);
    if (!memory)
        return BAL_NO_MEMORY;
    newton w = {.f = f, .n = f->count, .x = x};
    double **const parts[] = {&w.trial,     &w.gradient, &w.trial_gradient, &w.step,    &w.residual,
                              &w.direction, &w.curved,   &w.scaled,         &w.diagonal};
    for (size_t i = 0; i < BAL_COUNT_OF(parts); i++)
        *parts[i] = memory + i * n;
    *result = descend(&w);
    bal_free(ctx, memory);
    return BAL_OK;
}
