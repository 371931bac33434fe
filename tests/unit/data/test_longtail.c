/* Counts of the long tail against the literature, and what is refused. */
#include "helpers/helpers.h"

#include "ballast/data.h"

#include <string.h>

static void counts_are_those_of_the_literature(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    int64_t full[100], out[100];
    for (int c = 0; c < 100; c++)
        full[c] = 5000;
    static const int64_t cifar10[10] = {5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50};
    test_ok(ctx, bal_longtail_counts(ctx, "exp:100", 10, full, out));
    for (int c = 0; c < 10; c++)
        assert_int_equal(out[c], cifar10[c]);
    static const struct {
        const char *spec;
        int classes;
        int64_t each, sum, last;
    } rows[] = {{"exp:200", 10, 5000, 11203, 25},
                {"exp:100", 10, 5000, 12406, 50},
                {"exp:50", 10, 5000, 13996, 100},
                {"exp:10", 10, 5000, 20431, 500},
                {"exp:200", 100, 500, 9502, 2},
                {"exp:100", 100, 500, 10847, 5},
                {"exp:50", 100, 500, 12608, 10},
                {"exp:10", 100, 500, 19573, 50},
                {"exp:1", 10, 5000, 50000, 5000},
                {"step:100:0.5", 10, 5000, 25250, 50},
                {"step:10:0.3", 10, 6000, 43800, 600},
                {"step:10:0.29", 100, 500, 36950, 50},
                {"step:10:0.7", 10, 1000, 3700, 100},
                {"step:5:0", 10, 10, 100, 10},
                {"step:5:1", 10, 10, 20, 2}};
    for (size_t i = 0; i < BAL_COUNT_OF(rows); i++) {
        for (int c = 0; c < rows[i].classes; c++)
            full[c] = rows[i].each;
        test_ok(ctx, bal_longtail_counts(ctx, rows[i].spec, rows[i].classes, full, out));
        int64_t sum = 0;
        for (int c = 0; c < rows[i].classes; c++)
            sum += out[c];
        if (sum != rows[i].sum || out[rows[i].classes - 1] != rows[i].last)
            fail_msg("%s over %d classes: sum %lld, last %lld", rows[i].spec, rows[i].classes,
                     (long long)sum, (long long)out[rows[i].classes - 1]);
    }
    /* the smallest class decides, so that no class is asked for more than it has */
    const int64_t uneven[3] = {900, 400, 1000};
    test_ok(ctx, bal_longtail_counts(ctx, "exp:4", 3, uneven, out));
    assert_int_equal(out[0], 400);
    assert_int_equal(out[1], 200);
    assert_int_equal(out[2], 100);
    bal_ctx_close(&ctx);
}

static void other_specs_are_refused(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    const int64_t counts[2] = {100, 100};
    int64_t out[2];
    static const char *const bad[] = {
        "",          "exp",      "exp:",      "exp:0.5",    "exp:-3",     "exp:100 ",    "exp: 100",
        "exp:100:1", "exp:100x", "exp:nan",   "exp:inf",    "EXP:100",    "linear:100",  "step:100",
        "step:100:", "step::.5", "step:10:2", "step:10:-1", "step:.5:.5", "step:10:.5:1"};
    for (size_t i = 0; i < BAL_COUNT_OF(bad); i++)
        test_fails(ctx, bal_longtail_counts(ctx, bad[i], 2, counts, out), BAL_BAD_ARG, "exp:RATIO",
                   "got", NULL);
    test_fails(ctx, bal_longtail_counts(ctx, "exp:1000", 2, counts, out), BAL_BAD_ARG, "class 1",
               "without images", NULL);
    test_fails(ctx, bal_longtail_counts(ctx, "exp:10", 1, counts, out), BAL_BAD_ARG, "1 classes",
               NULL);
    bal_ctx_close(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_those_of_the_literature),
        cmocka_unit_test(other_specs_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
