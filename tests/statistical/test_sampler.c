/* Samplers: class frequencies against their probabilities (chi-square), evenness within a class,
 * uniform order, dependence on (seed, epoch) alone, errors, allocation failures. */
#include "helpers/helpers.h"

#include "ballast/balance.h"
#include "helpers/near.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES = 4, ITEMS = 900, EPOCHS = 40, LONGEST = 2 * ITEMS };
static const int64_t counts[CLASSES] = {600, 240, 50, 10};
#define Q -0.3
#define BETA 0.99
#define T 0.2

static bal_sampler_settings settings_of(const char *name, int classes, int64_t items,
                                        const int32_t *labels, uint64_t seed)
{
    bal_sampler_settings s = bal_sampler_defaults();
    s.name = name;
    s.classes = classes;
    s.items = items;
    s.labels = labels;
    s.seed = seed;
    s.q = Q;
    s.beta = BETA;
    s.t = T;
    return s;
}

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

/* n_j max(1, sqrt(t N / n_j)), rounded */
static int64_t repeated(int c)
{
    const double n = (double)counts[c];
    return llround(n * fmax(1.0, sqrt(T * ITEMS / n)));
}

static bal_sampler *open_sampler(bal_ctx *ctx, const char *name, const int32_t *labels,
                                 uint64_t seed)
{
    const bal_sampler_settings settings = settings_of(name, CLASSES, ITEMS, labels, seed);
    bal_sampler *sampler;
    test_ok(ctx, bal_sampler_open(&sampler, ctx, &settings));
    if (strcmp(name, "repeat-factor") == 0)
        assert_int_equal(bal_sampler_length(sampler),
                         repeated(0) + repeated(1) + repeated(2) + repeated(3));
    else
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
    double roots = 0.0, powers = 0.0, effective = 0.0, inverse = 0.0, rounds = 0.0;
    for (int k = 0; k < CLASSES; k++) {
        const double n = (double)counts[k];
        roots += sqrt(n);
        powers += pow(n, Q);
        effective += n * (1.0 - BETA) / (1.0 - pow(BETA, n));
        inverse += 600.0 / n;
        rounds += (double)repeated(k);
    }
    const double n = (double)counts[c];
    if (strcmp(name, "instance") == 0)
        return instance;
    if (strcmp(name, "class-balanced") == 0)
        return balanced;
    if (strcmp(name, "sqrt") == 0)
        return sqrt((double)counts[c]) / roots;
    if (strcmp(name, "progressive") == 0)
        return (1.0 - progress) * instance + progress * balanced;
    if (strcmp(name, "power") == 0)
        return pow(n, Q) / powers;
    if (strcmp(name, "effective") == 0)
        return n * (1.0 - BETA) / (1.0 - pow(BETA, n)) / effective;
    if (strcmp(name, "reversed") == 0)
        return 600.0 / n / inverse;
    if (strcmp(name, "repeat-factor") == 0)
        return (double)repeated(c) / rounds;
    fail_msg("sampler %s has no formula in this test", name);
    return NAN;
}

static void class_frequencies_follow_the_probabilities(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    int32_t labels[ITEMS];
    int64_t draws[LONGEST];
    fill_labels(labels);
    const bal_method_info *info;
    for (int i = 0; (info = bal_sampler_at(i)); i++) {
        bal_sampler *sampler = open_sampler(ctx, info->name, labels, test_seed());
        const int64_t length = bal_sampler_length(sampler);
        double seen[CLASSES] = {0}, expected[CLASSES] = {0}, early[CLASSES], late[CLASSES];
        for (int epoch = 0; epoch < EPOCHS; epoch++) {
            double p[CLASSES];
            bal_sampler_probabilities(sampler, epoch, EPOCHS, p);
            test_ok(ctx, bal_sampler_draw(sampler, epoch, EPOCHS, draws));
            for (int64_t k = 0; k < length; k++)
                seen[labels[draws[k]]]++;
            for (int c = 0; c < CLASSES; c++) {
                test_near(info->name, wanted(info->name, c, (double)epoch / EPOCHS), p[c], 1e-12);
                expected[c] += p[c] * (double)length;
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
    int64_t draws[LONGEST];
    fill_labels(labels);
    const bal_method_info *info;
    for (int i = 0; (info = bal_sampler_at(i)); i++) {
        bal_sampler *sampler = open_sampler(ctx, info->name, labels, test_seed());
        const int64_t length = bal_sampler_length(sampler);
        for (int epoch = 0; epoch < 5; epoch++) {
            int shown[ITEMS] = {0}, least[CLASSES], most[CLASSES] = {0};
            for (int c = 0; c < CLASSES; c++)
                least[c] = ITEMS;
            test_ok(ctx, bal_sampler_draw(sampler, epoch, 5, draws));
            for (int64_t k = 0; k < length; k++)
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
    int64_t a[LONGEST] = {0}, b[LONGEST] = {0};
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

/* ---- lengths ---- */

/* With epochs of another length than a round, the epochs one after the other are the rounds one
 * after the other: nothing comes twice before everything came once. */
static void rounds_go_on_through_epochs(void **state)
{
    (void)state;
    enum { SHORT = 250, LONG = 2000 };
    bal_ctx *ctx = test_ctx();
    int32_t labels[ITEMS];
    fill_labels(labels);
    const char *const names[] = {"instance", "repeat-factor"};
    const int64_t lengths[] = {SHORT, LONG};
    for (int n = 0; n < 4; n++) {
        bal_sampler *natural = open_sampler(ctx, names[n / 2], labels, 3), *cut;
        bal_sampler_settings settings = settings_of(names[n / 2], CLASSES, ITEMS, labels, 3);
        settings.length = lengths[n % 2];
        test_ok(ctx, bal_sampler_open(&cut, ctx, &settings));
        assert_int_equal(bal_sampler_length(cut), settings.length);
        const int64_t round = bal_sampler_length(natural);
        int64_t whole[LONGEST], part[LONG];
        for (int64_t epoch = 0, place = 0; epoch < 9; epoch++) {
            test_ok(ctx, bal_sampler_draw(cut, (int)epoch, 9, part));
            for (int64_t k = 0; k < settings.length; k++, place++) {
                if (place % round == 0 || k == 0)
                    test_ok(ctx, bal_sampler_draw(natural, (int)(place / round), 100, whole));
                assert_int_equal(part[k], whole[place % round]);
            }
        }
        bal_sampler_close(&natural);
        bal_sampler_close(&cut);
    }
    bal_ctx_close(&ctx);
}

/* Drawing samplers draw as often as they are told; fewer draws are the first of more. */
static void draws_can_be_fewer_or_more(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    int32_t labels[ITEMS];
    fill_labels(labels);
    bal_sampler_settings settings = settings_of("reversed", CLASSES, ITEMS, labels, 3);
    int64_t few[100], many[LONGEST];
    bal_sampler *a, *b;
    settings.length = 100;
    test_ok(ctx, bal_sampler_open(&a, ctx, &settings));
    settings.length = LONGEST;
    test_ok(ctx, bal_sampler_open(&b, ctx, &settings));
    test_ok(ctx, bal_sampler_draw(a, 2, 5, few));
    test_ok(ctx, bal_sampler_draw(b, 2, 5, many));
    assert_memory_equal(few, many, sizeof few);
    double seen[CLASSES] = {0}, expected[CLASSES];
    for (int k = 0; k < LONGEST; k++)
        seen[labels[many[k]]]++;
    for (int c = 0; c < CLASSES; c++)
        expected[c] = wanted("reversed", c, 0.0) * LONGEST;
    within_limit("many draws", seen, expected, CLASSES);
    bal_sampler_close(&a);
    bal_sampler_close(&b);
    bal_ctx_close(&ctx);
}

/* Which images of a class a round shows once more is a uniform draw. */
static void repeated_images_are_drawn_evenly(void **state)
{
    (void)state;
    enum { ROUNDS = 2000, RARE = 10, MOST = 5 };
    bal_ctx *ctx = test_ctx();
    int32_t labels[ITEMS];
    int64_t draws[LONGEST];
    fill_labels(labels);
    bal_sampler *sampler = open_sampler(ctx, "repeat-factor", labels, test_seed());
    double shown[RARE] = {0}, expected[RARE];
    for (int round = 0; round < ROUNDS; round++) {
        int slot[ITEMS], n = 0;
        for (int i = 0; i < ITEMS; i++)
            slot[i] = labels[i] == CLASSES - 1 ? n++ : -1;
        test_ok(ctx, bal_sampler_draw(sampler, round, ROUNDS, draws));
        int times[RARE] = {0};
        for (int64_t k = 0; k < bal_sampler_length(sampler); k++)
            if (slot[draws[k]] >= 0)
                times[slot[draws[k]]]++;
        for (int i = 0; i < RARE; i++)
            shown[i] += times[i] == MOST; /* sqrt(0.2 x 90) = 4.24: 42 showings of 10 images */
    }
    double sum = 0.0;
    for (int i = 0; i < RARE; i++)
        sum += shown[i];
    assert_true(sum == 2.0 * ROUNDS);
    for (int i = 0; i < RARE; i++)
        expected[i] = sum / RARE;
    within_limit("images shown once more", shown, expected, RARE);
    bal_sampler_close(&sampler);
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
        bal_sampler_settings settings = settings_of(info->name, 4, 4, labels, 1);
        settings.t = 0.0; /* one half: there are two classes */
        bal_sampler *sampler;
        test_ok(ctx, bal_sampler_open(&sampler, ctx, &settings));
        /* 3 + 1 images, the rare one sqrt(0.5 / 0.25) times */
        assert_int_equal(bal_sampler_length(sampler), 4);
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
    bal_sampler_settings q = settings_of("power", 3, 3, labels, 1), beta = q, t = q, length = q;
    q.q = NAN;
    beta.beta = 1.0;
    t.t = -0.1;
    length.length = -1;
    const struct {
        bal_sampler_settings settings;
        const char *word;
    } wrong[] = {
        {settings_of("class-balance", 3, 3, labels, 1), "\"class-balanced\""},
        {settings_of(NULL, 3, 3, labels, 1), "sampler"},
        {settings_of("sqrt", 0, 3, labels, 1), "classes is 0"},
        {settings_of("sqrt", 3, 0, labels, 1), "items is 0"},
        {settings_of("sqrt", 2, 3, labels, 1), "item 2 is 2"},
        {q, "q is"},
        {beta, "beta is 1"},
        {t, "t is -0.1"},
        {length, "length is -1"},
    };
    bal_sampler *sampler;
    for (size_t i = 0; i < BAL_COUNT_OF(wrong); i++) {
        test_fails(ctx, bal_sampler_open(&sampler, ctx, &wrong[i].settings), BAL_BAD_ARG,
                   wrong[i].word, NULL);
        assert_null(sampler);
    }
    const bal_sampler_settings good = settings_of("sqrt", 3, 3, labels, 1);
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
    const bal_sampler_settings settings = settings_of(user, 3, 3, labels, 1);
    bal_sampler *sampler;
    const bal_status status = bal_sampler_open(&sampler, ctx, &settings);
    assert_true((status == BAL_OK) == (sampler != NULL));
    bal_sampler_close(&sampler);
    return status;
}

static void allocation_failures(void **state)
{
    (void)state;
    char progressive[] = "progressive", repeat[] = "repeat-factor";
    test_allocation_failures(open_and_close, progressive);
    test_allocation_failures(open_and_close, repeat);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(class_frequencies_follow_the_probabilities),
        cmocka_unit_test(exposure_within_a_class_is_even),
        cmocka_unit_test(order_is_uniform),
        cmocka_unit_test(draws_depend_on_seed_and_epoch_alone),
        cmocka_unit_test(rounds_go_on_through_epochs),
        cmocka_unit_test(draws_can_be_fewer_or_more),
        cmocka_unit_test(repeated_images_are_drawn_evenly),
        cmocka_unit_test(absent_class_is_left_out),
        cmocka_unit_test(errors_name_what_is_wrong),
        cmocka_unit_test(allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
