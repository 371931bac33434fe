/* Quantiles, the normal distribution, intervals, ranks, and the softmax near its edges. */
#include "helpers/helpers.h"

#include "helpers/near.h"
#include "numeric/statistics/correlation.h"
#include "numeric/statistics/intervals.h"
#include "numeric/statistics/normal.h"
#include "numeric/statistics/quantile.h"
#include "numeric/softmax.h"

#include <math.h>

static void quantiles_interpolate(void **state)
{
    (void)state;
    double values[5] = {7.0, 1.0, 4.0, 2.0, 11.0};
    bal_sort_doubles(values, 5);
    const double sorted[5] = {1.0, 2.0, 4.0, 7.0, 11.0};
    for (int i = 0; i < 5; i++) {
        test_near("order", sorted[i], values[i], 0.0);
        test_near("at a value", sorted[i], bal_quantile_sorted(values, 5, i / 4.0), 1e-12);
    }
    test_near("between", 1.4, bal_quantile_sorted(values, 5, 0.1), 1e-12);
    test_near("between", 10.6, bal_quantile_sorted(values, 5, 0.975), 1e-12);
    test_near("one", 3.0, bal_quantile_sorted(&(double){3.0}, 1, 0.9), 0.0);
    test_near("none", NAN, bal_quantile_sorted(values, 0, 0.5), 0.0);
    bal_sort_doubles(values, 0);
}

static void normal_quantiles_are_exact(void **state)
{
    (void)state;
    /* from tables with 15 digits */
    const struct {
        double p, z;
    } rows[] = {
        {0.5, 0.0},
        {0.975, 1.959963984540054},
        {0.95, 1.644853626951473},
        {0.995, 2.575829303548901},
        {0.9995, 3.290526731491926},
        {0.025, -1.959963984540054},
        {1e-10, -6.361340902404056},
    };
    for (size_t i = 0; i < BAL_COUNT_OF(rows); i++)
        test_near("z", rows[i].z, bal_normal_quantile(rows[i].p), 1e-12);
    for (double p = 1e-300; p < 1.0; p = p < 0.01 ? p * 7.0 : p + 0.01) {
        const double z = bal_normal_quantile(p);
        test_near("there and back", 1.0, 0.5 * erfc(-z / sqrt(2.0)) / p, 1e-11);
    }
    test_near("0", -INFINITY, bal_normal_quantile(0.0), 0.0);
    test_near("1", INFINITY, bal_normal_quantile(1.0), 0.0);
    test_near("outside", NAN, bal_normal_quantile(1.5), 0.0);
}

/* 8 of 10 at 95 %: (.490162, .943318), an often printed example; none and all of n keep their edge
 */
static void wilson_intervals(void **state)
{
    (void)state;
    double low, high;
    bal_wilson_interval(8, 10, 0.95, &low, &high);
    test_near("low", 0.4901625, low, 1e-6);
    test_near("high", 0.9433178, high, 1e-6);
    bal_wilson_interval(0, 20, 0.95, &low, &high);
    test_near("none right", 0.0, low, 0.0);
    test_near("none right", 3.841458820694124 / (20 + 3.841458820694124), high, 1e-9);
    bal_wilson_interval(20, 20, 0.95, &low, &high);
    test_near("all right", 20 / (20 + 3.841458820694124), low, 1e-9);
    test_near("all right", 1.0, high, 0.0);
    bal_wilson_interval(0, 0, 0.95, &low, &high);
    assert_true(low == 0.0 && high == 1.0);
    bal_wilson_interval(3, 2, 0.95, &low, &high);
    assert_true(isnan(low) && isnan(high));
}

/* 8 of 9 at 95 %: 51.75 to 99.72 %, and 5 of 10: 18.71 to 81.29 %, from printed tables; none and
 * all of n have closed forms. */
static void clopper_pearson_intervals(void **state)
{
    (void)state;
    double low, high;
    bal_clopper_pearson_interval(8, 9, 0.95, &low, &high);
    test_near("low", 0.5175, low, 5e-5);
    test_near("high", 0.9972, high, 5e-5);
    bal_clopper_pearson_interval(5, 10, 0.95, &low, &high);
    test_near("low", 0.1871, low, 5e-5);
    test_near("high", 0.8129, high, 5e-5);
    bal_clopper_pearson_interval(0, 20, 0.95, &low, &high);
    test_near("none right", 0.0, low, 0.0);
    test_near("none right", 1.0 - pow(0.025, 1.0 / 20), high, 1e-14);
    bal_clopper_pearson_interval(7, 7, 0.9, &low, &high);
    test_near("all right", pow(0.05, 1.0 / 7), low, 1e-14);
    test_near("all right", 1.0, high, 0.0);
    bal_clopper_pearson_interval(0, 0, 0.95, &low, &high);
    assert_true(low == 0.0 && high == 1.0);
    for (int k = 0; k < 4; k++) {
        bal_clopper_pearson_interval((double[]){-1, 2, 1, NAN}[k], (double[]){3, 1, 3, 3}[k],
                                     (double[]){0.9, 0.9, 1.0, 0.9}[k], &low, &high);
        assert_true(isnan(low) && isnan(high));
    }
    test_near("no such distribution", NAN, bal_beta_cdf(0.5, 0.0, 1.0), 0.0);
    test_near("no such chance", NAN, bal_beta_quantile(1.5, 1.0, 1.0), 0.0);
}

static void ranks_by_hand(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    const double values[6] = {3.0, -1.0, 3.0, 8.0, 3.0, 0.0}, want[6] = {4, 1, 4, 6, 4, 2};
    double ranks[6], rho;
    test_ok(ctx, bal_ranks(ctx, values, 6, ranks));
    for (int i = 0; i < 6; i++)
        test_near("rank", want[i], ranks[i], 0.0);
    const double up[6] = {3.1, -7.0, 3.1, 99.0, 3.1, 0.5};
    test_ok(ctx, bal_spearman(ctx, values, up, 6, &rho));
    test_near("same order", 1.0, rho, 0.0);
    const double down[6] = {-3.1, 7.0, -3.1, -99.0, -3.1, -0.5};
    test_ok(ctx, bal_spearman(ctx, values, down, 6, &rho));
    test_near("other way round", -1.0, rho, 0.0);
    /* without ties: 1 - 6 sum d^2 / (n (n^2 - 1)), here d = 1, -1, 2, -2 */
    test_ok(ctx, bal_spearman(ctx, (double[]){1, 2, 3, 4}, (double[]){2, 1, 5, 1.5}, 4, &rho));
    test_near("four", 1.0 - 6.0 * (4 + 1 + 1 + 4) / 60.0 * 1.0, rho, 1e-15);
    test_ok(ctx, bal_spearman(ctx, values, (double[]){2, 2, 2, 2, 2, 2}, 6, &rho));
    assert_true(isnan(rho));
    test_ok(ctx, bal_spearman(ctx, values, up, 1, &rho));
    assert_true(isnan(rho));
    bal_ctx_close(&ctx);
}

static bal_status rank_some(bal_ctx *ctx, void *user)
{
    return bal_spearman(ctx, user, user, 3, &(double){0.0});
}

static void ranks_may_lack_memory(void **state)
{
    (void)state;
    test_allocation_failures(rank_some, (double[]){1, 3, 2});
}

static void softmax_keeps_its_digits(void **state)
{
    (void)state;
    const double z[3] = {1e4, 1e4 - 50.0, -1e4};
    double e[3];
    const bal_softmax s = bal_softmax_of(z, 3, e);
    assert_int_equal(s.top, 0);
    test_near("loss of the top", exp(-50.0), bal_softmax_loss(&s, z[0]), 1e-36);
    test_near("the others", exp(-50.0), bal_softmax_other(&s, 0, e[0]), 1e-36);
    test_near("loss of the second", 50.0, bal_softmax_loss(&s, z[1]), 1e-12);
    test_near("loss of the last", 2e4, bal_softmax_loss(&s, z[2]), 1e-9);
    test_near("other than the last", 1.0, bal_softmax_other(&s, 2, e[2]), 0.0);
    double in_place[2] = {0.0, 0.0};
    const bal_softmax tie = bal_softmax_of(in_place, 2, in_place);
    assert_int_equal(tie.top, 0);
    test_near("tie", log(2.0), bal_softmax_loss(&tie, 0.0), 1e-15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_interpolate),
        cmocka_unit_test(normal_quantiles_are_exact),
        cmocka_unit_test(wilson_intervals),
        cmocka_unit_test(clopper_pearson_intervals),
        cmocka_unit_test(ranks_by_hand),
        cmocka_unit_test(ranks_may_lack_memory),
        cmocka_unit_test(softmax_keeps_its_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
