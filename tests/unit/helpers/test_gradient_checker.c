/* The gradient checker itself: it must refuse a wrong sign, a forgotten factor and a NaN. */
#include "helpers/helpers.h"

#include <math.h>

enum { N = 5 };

typedef struct flaw {
    double factor; /* multiplies the right gradient */
    int only;      /* the one element that is wrong, -1: all */
} flaw;

/* sum_i (i + 1) x_i^3 */
static double cubes(const double *x, double *gradient, void *user)
{
    const flaw *f = user;
    double value = 0.0;
    for (int i = 0; i < N; i++) {
        value += (i + 1) * x[i] * x[i] * x[i];
        if (gradient)
            gradient[i] =
                3.0 * (i + 1) * x[i] * x[i] * (f->only < 0 || f->only == i ? f->factor : 1.0);
    }
    return value;
}

static const double at[N] = {0.3, -1.1, 0.7, 2.0, -0.4};

static bool accepts(double factor, int only)
{
    flaw f = {factor, only};
    return test_gradient_agrees(cubes, &f, at, N, test_seed(), 1e-6);
}

static void right_gradient_is_accepted(void **state)
{
    (void)state;
    assert_true(accepts(1.0, -1));
}

static void wrong_sign_is_refused(void **state)
{
    (void)state;
    assert_false(accepts(-1.0, -1));
    for (int i = 0; i < N; i++)
        assert_false(accepts(-1.0, i));
}

static void wrong_size_and_nan_are_refused(void **state)
{
    (void)state;
    assert_false(accepts(1.001, -1));
    assert_false(accepts(0.0, -1));
    assert_false(accepts(2.0, 3));
    assert_false(accepts(NAN, 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_gradient_is_accepted),
        cmocka_unit_test(wrong_sign_is_refused),
        cmocka_unit_test(wrong_size_and_nan_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
