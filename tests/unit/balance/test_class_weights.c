/* Class weights against numbers worked out elsewhere, their normalisation, and errors. */
#include "helpers/helpers.h"

#include "ballast/balance.h"
#include "helpers/near.h"

#include <math.h>
#include <string.h>

static const int64_t cifar[10] = {5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50};

static bal_status weigh(bal_ctx *ctx, const char *name, double number, int classes,
                        const int64_t *counts, double *weights)
{
    const bool rho = name && strcmp(name, "generalized") == 0;
    const bal_class_weight_settings settings = {.name = name,
                                                .beta = rho ? 0.0 : number,
                                                .rho = rho ? number : 0.0,
                                                .classes = classes,
                                                .counts = counts};
    return bal_class_weights(ctx, &settings, weights);
}

/* (1 - .9999) / (1 - .9999^n), scaled to sum to 10 */
static const double effective[10] = {0.05061136121639368, 0.07689979460472962, 0.12113387289908917,
                                     0.19503666572291078, 0.31880537306900264, 0.5245898532697819,
                                     0.8683489410056604,  1.4426272700071783,  2.4092230511593393,
                                     3.9927238170459143};

static void effective_number_of_long_tailed_cifar(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    double w[10];
    test_ok(ctx, weigh(ctx, "effective", 0.9999, 10, cifar, w));
    for (int j = 0; j < 10; j++)
        test_near("weight", effective[j], w[j], 1e-12);
    test_near("head", 0.051, w[0], 5e-4);
    test_near("tail", 3.99, w[9], 5e-3);
    bal_ctx_close(&ctx);
}

/* counts 1, 4, 16: inverse 16 : 4 : 1, square root 4 : 2 : 1 */
static void small_counts_by_hand(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    const int64_t counts[3] = {1, 4, 16};
    const struct {
        const char *name;
        double number, want[3]; /* beta or rho */
    } cases[] = {
        {"none", 0.0, {1.0, 1.0, 1.0}},
        {"inverse", 0.0, {3.0 * 16 / 21, 3.0 * 4 / 21, 3.0 * 1 / 21}},
        {"sqrt", 0.0, {3.0 * 4 / 7, 3.0 * 2 / 7, 3.0 * 1 / 7}},
        {"effective", 0.0, {1.0, 1.0, 1.0}}, /* one effective item each */
        {"effective", 0.5, {1.4754043000262653, 0.7868822933473416, 0.737713406626393}},
        {"effective", 1.0 - 1e-12, {3.0 * 16 / 21, 3.0 * 4 / 21, 3.0 * 1 / 21}}, /* inverse */
        {"generalized", 0.0, {1.0, 1.0, 1.0}},
        {"generalized", 1.0, {3.0 * 16 / 21, 3.0 * 4 / 21, 3.0 * 1 / 21}},
        {"generalized", 0.5, {3.0 * 4 / 7, 3.0 * 2 / 7, 3.0 * 1 / 7}},
        {"generalized", 1.5, {3.0 * 64 / 73, 3.0 * 8 / 73, 3.0 * 1 / 73}},
    };
    const bal_method_info *info;
    for (int i = 0; (info = bal_class_weighting_at(i)); i++) {
        int found = 0;
        for (size_t k = 0; k < BAL_COUNT_OF(cases); k++) {
            double w[3];
            if (strcmp(cases[k].name, info->name) != 0)
                continue;
            found++;
            test_ok(ctx, weigh(ctx, info->name, cases[k].number, 3, counts, w));
            for (int j = 0; j < 3; j++)
                test_near(info->name, cases[k].want[j], w[j], 1e-9);
            test_near("sum", 3.0, w[0] + w[1] + w[2], 1e-12);
        }
        if (!found)
            fail_msg("class weighting %s has no row in this test", info->name);
    }
    bal_ctx_close(&ctx);
}

static void errors_name_what_is_wrong(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    const int64_t counts[3] = {1, 4, 0};
    double w[3];
    test_fails(ctx, weigh(ctx, "efective", 0.9, 3, counts, w), BAL_BAD_ARG, "\"effective\"", NULL);
    test_fails(ctx, weigh(ctx, NULL, 0.9, 3, counts, w), BAL_BAD_ARG, "weighting", NULL);
    test_fails(ctx, weigh(ctx, "inverse", 0.9, 3, counts, w), BAL_BAD_ARG, "class 2 has 0", NULL);
    test_fails(ctx, weigh(ctx, "effective", 1.0, 2, counts, w), BAL_BAD_ARG, "beta is 1", NULL);
    test_fails(ctx, weigh(ctx, "effective", NAN, 2, counts, w), BAL_BAD_ARG, "beta", NULL);
    test_fails(ctx, weigh(ctx, "generalized", -1.0, 2, counts, w), BAL_BAD_ARG, "rho is -1", NULL);
    test_fails(ctx, weigh(ctx, "generalized", 1.0, 3, counts, w), BAL_BAD_ARG, "class 2 has 0",
               NULL);
    /* no weights, so nothing is divided by the count */
    test_ok(ctx, weigh(ctx, "none", 0.0, 3, counts, w));
    assert_true(w[0] == 1.0 && w[1] == 1.0 && w[2] == 1.0);
    bal_ctx_close(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(effective_number_of_long_tailed_cifar),
        cmocka_unit_test(small_counts_by_hand),
        cmocka_unit_test(errors_name_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
