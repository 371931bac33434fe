/* The minimiser on functions whose minimum is known. */
#include "helpers/helpers.h"

#include "helpers/near.h"
#include "numeric/newton.h"

#include <math.h>

enum { N = 5 };

/* sum_k 10^(2k) / 2 (x_k - k)^2 + log cosh of the sum of differences: badly scaled, and coupled */
typedef struct bowl {
    double x[N];
    int calls;
} bowl;

static double couple(const double *x)
{
    double sum = 0.0;
    for (int k = 0; k < N; k++)
        sum += x[k] - k;
    return sum;
}

static double value(void *user, const double *x, double *gradient)
{
    bowl *b = user;
    const double s = couple(x);
    double sum = log(cosh(s));
    b->calls++;
    for (int k = 0; k < N; k++) {
        const double steep = pow(100.0, k - 2);
        b->x[k] = x[k];
        sum += 0.5 * steep * (x[k] - k) * (x[k] - k);
        gradient[k] = steep * (x[k] - k) + tanh(s);
    }
    return sum;
}

static void curve(void *user, const double *v, double *out)
{
    const bowl *b = user;
    const double t = tanh(couple(b->x));
    double sum = 0.0;
    for (int k = 0; k < N; k++)
        sum += v[k];
    for (int k = 0; k < N; k++)
        out[k] = pow(100.0, k - 2) * v[k] + (1.0 - t * t) * sum;
}

static void diagonal(void *user, double *out)
{
    const bowl *b = user;
    const double t = tanh(couple(b->x));
    for (int k = 0; k < N; k++)
        out[k] = pow(100.0, k - 2) + (1.0 - t * t);
}

static void finds_the_minimum(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bowl b = {.calls = 0};
    const bal_convex f = {N, &b, value, curve, diagonal};
    double x[N] = {9.0, -7.0, 30.0, -4.0, 11.0};
    bal_convex_result r;
    test_ok(ctx, bal_minimise_convex(ctx, &f, x, &r));
    assert_true(r.converged && r.iterations < 100 && b.calls < 500);
    for (int k = 0; k < N; k++)
        test_near("x", k, x[k], 1e-8);
    test_near("value", 0.0, r.value, 1e-12);
    /* from the minimum itself there is nothing to do */
    for (int k = 0; k < N; k++)
        x[k] = k;
    test_ok(ctx, bal_minimise_convex(ctx, &f, x, &r));
    assert_true(r.converged && r.iterations == 0);
    bal_ctx_close(&ctx);
}

/* exp(-x) has no minimum: that is said, or x is far out */
static double falling(void *user, const double *x, double *gradient)
{
    *(double *)user = x[0];
    gradient[0] = -1e3 * exp(-1e-3 * x[0]);
    return 1e6 * exp(-1e-3 * x[0]);
}

static void bend(void *user, const double *v, double *out)
{
    out[0] = exp(-1e-3 * *(double *)user) * v[0];
}

static void bend_alone(void *user, double *out)
{
    out[0] = exp(-1e-3 * *(double *)user);
}

static void says_that_there_is_none(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    double at = 0.0, x = 0.0;
    const bal_convex f = {1, &at, falling, bend, bend_alone};
    bal_convex_result r;
    test_ok(ctx, bal_minimise_convex(ctx, &f, &x, &r));
    assert_true(!r.converged || x > 1e4);
    bal_ctx_close(&ctx);
}

static bal_status attempt(bal_ctx *ctx, void *user)
{
    bowl b = {.calls = 0};
    const bal_convex f = {N, &b, value, curve, diagonal};
    double x[N] = {1.0};
    bal_convex_result r;
    (void)user;
    return bal_minimise_convex(ctx, &f, x, &r);
}

static void allocation_failures(void **state)
{
    (void)state;
    test_allocation_failures(attempt, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_minimum),
        cmocka_unit_test(says_that_there_is_none),
        cmocka_unit_test(allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
