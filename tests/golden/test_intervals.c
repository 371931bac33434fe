/* The beta distribution, intervals of a share and rank correlation against SciPy's. The file is
 * written by make_intervals.py. */
#include "helpers/helpers.h"

#include "helpers/near.h"
#include "numeric/statistics/correlation.h"
#include "numeric/statistics/intervals.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>

#define TOLERANCE 1e-10

static json_t *file;

static int open_file(void **state)
{
    (void)state;
    file = json_load_file(BAL_TEST_DATA "/intervals.json", 0, NULL);
    return file ? 0 : -1;
}

static int close_file(void **state)
{
    (void)state;
    json_decref(file);
    return 0;
}

static double at(const json_t *row, size_t i)
{
    const json_t *number = json_array_get(row, i);
    assert_true(json_is_number(number));
    return json_number_value(number);
}

static void beta_equals_scipy(void **state)
{
    (void)state;
    const json_t *rows = json_object_get(file, "beta");
    assert_true(json_array_size(rows) > 200);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const double a = at(row, 0), b = at(row, 1), x = at(row, 2), p = at(row, 3);
        char what[120];
        snprintf(what, sizeof what, "I of %.17g for a %g, b %g", x, a, b);
        test_near(what, p, bal_beta_cdf(x, a, b), TOLERANCE * p);
        snprintf(what, sizeof what, "quantile of %.17g for a %g, b %g", p, a, b);
        const double back = bal_beta_quantile(p, a, b);
        /* where x hardly changes p, all of p's last digits do not say x */
        if (fabs(back - x) > TOLERANCE * x)
            test_near(what, p, bal_beta_cdf(back, a, b), 1e-14 * p);
    }
}

static void intervals_equal_scipy(void **state)
{
    (void)state;
    const json_t *rows = json_object_get(file, "intervals");
    assert_true(json_array_size(rows) > 150);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        char what[120];
        snprintf(what, sizeof what, "%g of %g at %g", at(row, 0), at(row, 1), at(row, 2));
        double low, high;
        bal_clopper_pearson_interval(at(row, 0), at(row, 1), at(row, 2), &low, &high);
        test_near(what, at(row, 3), low, TOLERANCE * at(row, 3));
        test_near(what, at(row, 4), high, TOLERANCE * at(row, 4));
        bal_wilson_interval(at(row, 0), at(row, 1), at(row, 2), &low, &high);
        test_near(what, at(row, 5), low, TOLERANCE);
        test_near(what, at(row, 6), high, TOLERANCE);
    }
}

static void ranks_equal_scipy(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    const json_t *rows = json_object_get(file, "ranks");
    assert_true(json_array_size(rows) > 15);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i), *x = json_object_get(row, "x");
        const json_t *y = json_object_get(row, "y"), *want = json_object_get(row, "ranks");
        const size_t count = json_array_size(x);
        double a[128], b[128], ranks[128], rho;
        assert_true(count <= 128 && json_array_size(y) == count);
        for (size_t k = 0; k < count; k++) {
            a[k] = at(x, k);
            b[k] = at(y, k);
        }
        test_ok(ctx, bal_ranks(ctx, a, (int64_t)count, ranks));
        for (size_t k = 0; k < count; k++)
            test_near("rank", at(want, k), ranks[k], 0.0);
        test_ok(ctx, bal_spearman(ctx, a, b, (int64_t)count, &rho));
        test_near("rho", json_number_value(json_object_get(row, "rho")), rho, 1e-12);
    }
    bal_ctx_close(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beta_equals_scipy),
        cmocka_unit_test(intervals_equal_scipy),
        cmocka_unit_test(ranks_equal_scipy),
    };
    return cmocka_run_group_tests(tests, open_file, close_file);
}
