/* Samplers: class frequencies against their probabilities (chi-square), evenness within a class,
 * uniform order, dependence on (seed, epoch) alone, errors, allocation failures. */
#include "helpers/helpers.h"

#include "ballast/balance.h"
#include "helpers/near.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES = 4, ITEMS = 900, EPOCHS = 40 };
static const int64_t counts[CLASSES] = {600, 240, 50, 10};

/* labels in a mixed order, so that position and class are not tied */
static void fill_labels(int32_t *labels)
{
    int64_t left[CLASSES];
    memcpy(left, counts, sizeof left);
    for (int64_t i = 0, c = 0; i < ITEMS; c = (c + 1) % CLASSES)
        if (left[c] > 0) {
            labels[i++] = (int32_t)c;
            left[c]--;
        }
}

static bal_sampler *open_sampler(bal_ctx *ctx, const char *name, const int32_t *labels,
                                 uint64_t seed)
{
    const bal_sampler_settings settings = {name, CLASSES, ITEMS, labels, seed};
    bal_sampler *sampler;
    test_ok(ctx, bal_sampler_open(&sampler, ctx, &settings));
    assert_int_equal(bal_sampler_length(sampler), ITEMS);
    return sampler;
}

/* The chi-square value that is passed with probability 1e-6 (Wilson and Hilferty 1931). */
static double chi_square_limit(int freedom)
{
    const double k = 2.0 / (9.0 * freedom), z = 4.753424;
    return freedom * pow(1.0 - k + z * sqrt(k), 3.0);
}

static void within_limit(const char *what, const double *seen, const double *expected, int cells)
{
    double chi = 0.0;
    for (int i = 0; i < cells; i++)
        chi += (seen[i] - expected[i]) * (seen[i] - expected[i]) / expected[i];
    if (!(chi < chi_square_limit(cells - 1)))
        fail_msg("%s: chi-square %g of %d cells, limit %g", what, chi, cells,
                 chi_square_limit(cells - 1));
}

/* The formulas of balance.h, worked out here. */
static double wanted(const char *name, int c, double progress)
{
    const double instance = (double)counts[c] / ITEMS, balanced = 1.0 / CLASSES;
    double roots = 0.0;
    for (int k = 0; k < CLASSES; k++)
        roots += sqrt((double)counts[k]);
    if (strcmp(name, "instance") == 0)
        return instance;
    if (strcmp(name, "class-balanced") == 0)
        return balanced;
    if (strcmp(name, "sqrt") == 0)
        return sqrt((double)counts[c]) / roots;
    if (strcmp(name, "progressive") == 0)
        return (1.0 - progress) * instance + progress * balanced;
    fail_msg("sampler %s has no formula in this test", name);
    return NAN;
}

static void class_frequencies_follow_the_probabilities(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    int32_t labels[ITEMS];
    int64_t draws[ITEMS];
    fill_labels(labels);
    const bal_method_info *info;
    for (int i = 0; (info = bal_sampler_at(i)); i++) {
        bal_sampler *sampler = open_sampler(ctx, info->name, labels, test_seed());
        double seen[CLASSES] = {0}, expected[CLASSES] = {0}, early[CLASSES], late[CLASSES];
        for (int epoch = 0; epoch < EPOCHS; epoch++) {
            double p[CLASSES];
            bal_sampler_probabilities(sampler, epoch, EPOCHS, p);
            test_ok(ctx, bal_sampler_draw(sampler, epoch, EPOCHS, draws));
            for (int k = 0; k < ITEMS; k++)
                seen[labels[draws[k]]]++;
            for (int c = 0; c < CLASSES; c++) {
                test_near(info->name, wanted(info->name, c, (double)epoch / EPOCHS), p[c], 1e-12);
                expected[c] += p[c] * ITEMS;
            }
            if (epoch == EPOCHS / 2 - 1) {
                memcpy(early, seen, sizeof seen);
                double half[CLASSES];
                memcpy(half, expected, sizeof half);
                within_limit(info->name, early, half, CLASSES);
                memset(seen, 0, sizeof seen);
                memset(expected, 0, sizeof expected);
            }
        }
        memcpy(late, seen, sizeof seen);
        within_limit(info->name, late, expected, CLASSES);
        bal_sampler_close(&sampler);
    }
    bal_ctx_close(&ctx);
}

/* Within a class the numbers of showings differ by at most one. */
static void exposure_within_a_class_is_even(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    int32_t labels[ITEMS];
    int64_t draws[ITEMS];
    fill_labels(labels);
    const bal_method_info *info;
    for (int i = 0; (info = bal_sampler_at(i)); i++) {
        bal_sampler *sampler = open_sampler(ctx, info->name, labels, test_seed());
        for (int epoch = 0; epoch < 5; epoch++) {
            int shown[ITEMS] = {0}, least[CLASSES], most[CLASSES] = {0};
            for (int c = 0; c < CLASSES; c++)
                least[c] = ITEMS;
            test_ok(ctx, bal_sampler_draw(sampler, epoch, 5, draws));
            for (int k = 0; k < ITEMS; k++)
                shown[draws[k]]++;
            for (int k = 0; k < ITEMS; k++) {
                const int c = labels[k];
                least[c] = shown[k] < least[c] ? shown[k] : least[c];
                most[c] = shown[k] > most[c] ? shown[k] : most[c];
            }
            for (int c = 0; c < CLASSES; c++)
                assert_true(most[c] - least[c] <= 1);
            if (strcmp(info->name, "instance") == 0)
                assert_true(least[0] == 1 && most[0] == 1);
        }
        bal_sampler_close(&sampler);
    }
    bal_ctx_close(&ctx);
}

/* Every item of a class is as likely to be the first that is shown; every position of an epoch as
 * likely to show a given item. */
static void order_is_uniform(void **state)
{
    (void)state;
    enum { RUNS = 4000, RARE = 10 };
    bal_ctx *ctx = test_ctx();
    int32_t labels[ITEMS];
    int64_t draws[ITEMS], slot[ITEMS];
    fill_labels(labels);
    for (int i = 0, n = 0; i < ITEMS; i++)
        slot[i] = labels[i] == CLASSES - 1 ? n++ : 0;
    bal_sampler *balanced = open_sampler(ctx, "class-balanced", labels, test_seed());
    bal_sampler *instance = open_sampler(ctx, "instance", labels, test_seed());
    double first[RARE] = {0}, place[RARE] = {0}, expected[RARE];
    for (int run = 0; run < RUNS; run++) {
        test_ok(ctx, bal_sampler_draw(balanced, run, RUNS, draws));
        int k = 0;
        while (labels[draws[k]] != CLASSES - 1)
            k++;
        first[slot[draws[k]]]++;
        test_ok(ctx, bal_sampler_draw(instance, run, RUNS, draws));
        for (k = 0; draws[k] != 17; k++)
            ;
        place[k * RARE / ITEMS]++;
    }
    for (int i = 0; i < RARE; i++)
        expected[i] = (double)RUNS / RARE;
    within_limit("first of the rare class", first, expected, RARE);
    within_limit("place in the epoch", place, expected, RARE);
    bal_sampler_close(&balanced);
    bal_sampler_close(&instance);
    bal_ctx_close(&ctx);
}

static void draws_depend_on_seed_and_epoch_alone(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    int32_t labels[ITEMS];
    int64_t a[ITEMS], b[ITEMS];
    fill_labels(labels);
    const bal_method_info *info;
    for (int i = 0; (info = bal_sampler_at(i)); i++) {
        bal_sampler *used = open_sampler(ctx, info->name, labels, 5);
        bal_sampler *fresh = open_sampler(ctx, info->name, labels, 5);
        bal_sampler *other = open_sampler(ctx, info->name, labels, 6);
        for (int epoch = 0; epoch < 7; epoch++)
            test_ok(ctx, bal_sampler_draw(used, epoch, 8, a));
        test_ok(ctx, bal_sampler_draw(used, 7, 8, a));
        test_ok(ctx, bal_sampler_draw(fresh, 7, 8, b));
        assert_memory_equal(a, b, sizeof a);
        test_ok(ctx, bal_sampler_draw(fresh, 6, 8, b));
        assert_memory_not_equal(a, b, sizeof a);
        test_ok(ctx, bal_sampler_draw(other, 7, 8, b));
        assert_memory_not_equal(a, b, sizeof a);
        bal_sampler_close(&used);
        bal_sampler_close(&fresh);
        bal_sampler_close(&other);
    }
    bal_ctx_close(&ctx);
}

/* A class without items is never drawn. */
static void absent_class_is_left_out(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    const int32_t labels[4] = {0, 0, 2, 0};
    const bal_method_info *info;
    for (int i = 0; (info = bal_sampler_at(i)); i++) {
        const bal_sampler_settings settings = {info->name, 4, 4, labels, 1};
        bal_sampler *sampler;
        test_ok(ctx, bal_sampler_open(&sampler, ctx, &settings));
        for (int epoch = 0; epoch < 50; epoch++) {
            int64_t draws[4];
            double p[4];
            test_ok(ctx, bal_sampler_draw(sampler, epoch, 50, draws));
            bal_sampler_probabilities(sampler, epoch, 50, p);
            assert_true(p[1] == 0.0 && p[3] == 0.0);
            test_near("sum", 1.0, p[0] + p[2], 1e-12);
            for (int k = 0; k < 4; k++)
                assert_in_range(draws[k], 0, 3);
        }
        bal_sampler_close(&sampler);
    }
    bal_ctx_close(&ctx);
}

static void errors_name_what_is_wrong(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    const int32_t labels[3] = {0, 1, 2};
    int64_t draws[3];
    const struct {
        bal_sampler_settings settings;
        const char *word;
    } wrong[] = {
        {{"class-balance", 3, 3, labels, 1}, "\"class-balanced\""},
        {{NULL, 3, 3, labels, 1}, "sampler"},
        {{"sqrt", 0, 3, labels, 1}, "classes is 0"},
        {{"sqrt", 3, 0, labels, 1}, "items is 0"},
        {{"sqrt", 2, 3, labels, 1}, "item 2 is 2"},
    };
    bal_sampler *sampler;
    for (size_t i = 0; i < BAL_COUNT_OF(wrong); i++) {
        test_fails(ctx, bal_sampler_open(&sampler, ctx, &wrong[i].settings), BAL_BAD_ARG,
                   wrong[i].word, NULL);
        assert_null(sampler);
    }
    const bal_sampler_settings good = {"sqrt", 3, 3, labels, 1};
    test_ok(ctx, bal_sampler_open(&sampler, ctx, &good));
    test_fails(ctx, bal_sampler_draw(sampler, 3, 3, draws), BAL_BAD_ARG, "epoch is 3", NULL);
    test_fails(ctx, bal_sampler_draw(sampler, -1, 3, draws), BAL_BAD_ARG, "epoch is -1", NULL);
    bal_sampler_close(&sampler);
    bal_sampler_close(&sampler);
    bal_sampler_close(NULL);
    bal_ctx_close(&ctx);
}

static bal_status open_and_close(bal_ctx *ctx, void *user)
{
    const int32_t labels[3] = {0, 1, 2};
    const bal_sampler_settings settings = {user, 3, 3, labels, 1};
    bal_sampler *sampler;
    const bal_status status = bal_sampler_open(&sampler, ctx, &settings);
    assert_true((status == BAL_OK) == (sampler != NULL));
    bal_sampler_close(&sampler);
    return status;
}

static void allocation_failures(void **state)
{
    (void)state;
    char name[] = "progressive";
    test_allocation_failures(open_and_close, name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(class_frequencies_follow_the_probabilities),
        cmocka_unit_test(exposure_within_a_class_is_even),
        cmocka_unit_test(order_is_uniform),
        cmocka_unit_test(draws_depend_on_seed_and_epoch_alone),
        cmocka_unit_test(absent_class_is_left_out),
        cmocka_unit_test(errors_name_what_is_wrong),
        cmocka_unit_test(allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
