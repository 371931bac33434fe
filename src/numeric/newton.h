/* Minimum of a smooth convex function: Newton's method with conjugate gradients for the steps and a
 * line search, so that a Hessian is only multiplied with, never stored. */
#ifndef BAL_NEWTON_H
#define BAL_NEWTON_H

#include "base/context.h"

typedef struct bal_convex {
    int count; /* numbers of x */
    void *user;
    /* Value at x, gradient receives count numbers. The two below are asked about the x of the last
     * call. */
    double (*value)(void *user, const double *x, double *gradient);
    /* out = Hessian v, positive semidefinite */
    void (*curve)(void *user, const double *v, double *out);
    /* out = diagonal of the Hessian, for the preconditioner */
    void (*diagonal)(void *user, double *out);
} bal_convex;

typedef struct bal_convex_result {
    double value;
    int iterations;
    double decrement; /* sqrt(g' H^-1 g) of the last step: how far the minimum is, in H's norm */
    bool converged;   /* decrement below 1e-10, or as far down as double numbers go */
} bal_convex_result;

/* x is where to begin, and receives the minimum. Fails with BAL_NO_MEMORY; a function without a
 * minimum ends without `converged`. */
BAL_MUST_CHECK bal_status bal_minimise_convex(bal_ctx *ctx, const bal_convex *f, double *x,
                                              bal_convex_result *result);

#endif
