/* Random numbers: fixed for ever, and uniform. */
#include "helpers/helpers.h"

#include "base/random.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* The promise of reproducibility: these values never change. The key and the draws were computed
 * apart from this program, from the published splitmix64 finaliser. */
static void first_values_are_fixed(void **state)
{
    (void)state;
    static const struct {
        uint64_t seed;
        bal_stream purpose;
        uint64_t epoch, item, draws[3];
    } rows[] = {
        {1, BAL_STREAM_INIT, 0, 0, {0xe848b57330008cfbu, 0xe9752a8ff382eb96u, 0x479c99a29667bc18u}},
        {1,
         BAL_STREAM_SAMPLER,
         3,
         70000,
         {0xcbcd5e0768b3c49eu, 0x050c55473f48d947u, 0xe2d96827a627d724u}},
        {UINT64_MAX,
         BAL_STREAM_TEST,
         0,
         1,
         {0x6694fba79b9be08cu, 0x3a6ace70e1ad895fu, 0xd0a10eab53c9b358u}},
        {0,
         BAL_STREAM_LONGTAIL,
         0,
         9,
         {0x56bd65f7424e1b2bu, 0xbdb2e92f3f60b0d8u, 0xbb811e249df88a60u}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bal_random r = bal_random_at(rows[i].seed, rows[i].purpose, rows[i].epoch, rows[i].item);
        for (int k = 0; k < 3; k++) {
            const uint64_t draw = bal_random_u64(&r);
            if (draw != rows[i].draws[k])
                fail_msg("row %zu draw %d: 0x%016" PRIx64, i, k, draw);
        }
    }
}

static void each_number_matters(void **state)
{
    (void)state;
    uint64_t seen[5];
    const uint64_t numbers[5][4] = {
        {1, 0, 0, 0}, {2, 0, 0, 0}, {1, 1, 0, 0}, {1, 0, 1, 0}, {1, 0, 0, 1}};
    for (int i = 0; i < 5; i++) {
        bal_random r =
            bal_random_at(numbers[i][0], (bal_stream)numbers[i][1], numbers[i][2], numbers[i][3]);
        seen[i] = bal_random_u64(&r);
        for (int j = 0; j < i; j++)
            assert_true(seen[i] != seen[j]);
    }
}

/* Chi-square of counts against equal expectations. */
static double chi_square(const int *counts, int cells, double expected)
{
    double sum = 0.0;
    for (int i = 0; i < cells; i++)
        sum += (counts[i] - expected) * (counts[i] - expected) / expected;
    return sum;
}

/* 99 degrees of freedom: 149 is the 99.9 % quantile, 61 the 0.1 % one. */
static void fits(const int *counts, double expected, const char *what)
{
    const double x = chi_square(counts, 100, expected);
    if (x < 61.0 || x > 149.0)
        fail_msg("%s: chi-square %g over 99 degrees of freedom", what, x);
}

static void draws_are_uniform(void **state)
{
    (void)state;
    enum { DRAWS = 100000 };
    int unit[100] = {0}, below[100] = {0}, neighbours[100] = {0};
    bal_random r = bal_random_at(test_seed(), BAL_STREAM_TEST, 0, 0);
    for (int i = 0; i < DRAWS; i++) {
        const double u = bal_random_unit(&r);
        assert_true(u >= 0.0 && u < 1.0);
        unit[(int)(u * 100)]++;
        const uint64_t b = bal_random_below(&r, 100);
        assert_true(b < 100);
        below[b]++;
        /* first draws of neighbouring items: as independent as draws of one item */
        bal_random other = bal_random_at(test_seed(), BAL_STREAM_TEST, 7, (uint64_t)i);
        neighbours[bal_random_below(&other, 100)]++;
    }
    fits(unit, DRAWS / 100.0, "unit");
    fits(below, DRAWS / 100.0, "below");
    fits(neighbours, DRAWS / 100.0, "neighbouring items");
    assert_int_equal(bal_random_below(&r, 1), 0);
    for (int i = 0; i < 100; i++)
        assert_true(bal_random_below(&r, (UINT64_MAX >> 1) + 2) < (UINT64_MAX >> 1) + 2);
}

static void normals_have_the_right_moments(void **state)
{
    (void)state;
    enum { DRAWS = 200000 };
    double sum = 0.0, squares = 0.0, cubes = 0.0, fourths = 0.0;
    bal_random r = bal_random_at(test_seed(), BAL_STREAM_TEST, 1, 0);
    for (int i = 0; i < DRAWS; i++) {
        const double x = bal_random_normal(&r);
        sum += x;
        squares += x * x;
        cubes += x * x * x;
        fourths += x * x * x * x;
    }
    /* four standard errors of each */
    assert_true(fabs(sum / DRAWS) < 4 * sqrt(1.0 / DRAWS));
    assert_true(fabs(squares / DRAWS - 1.0) < 4 * sqrt(2.0 / DRAWS));
    assert_true(fabs(cubes / DRAWS) < 4 * sqrt(15.0 / DRAWS));
    assert_true(fabs(fourths / DRAWS - 3.0) < 4 * sqrt(96.0 / DRAWS));
}

static void shuffles_reach_every_order(void **state)
{
    (void)state;
    enum { ROUNDS = 24000 };
    int counts[256] = {0}, orders = 0;
    for (int round = 0; round < ROUNDS; round++) {
        int64_t items[4] = {0, 1, 2, 3};
        bal_random r = bal_random_at(test_seed(), BAL_STREAM_SHUFFLE, 0, (uint64_t)round);
        bal_random_shuffle(&r, items, 4);
        counts[items[0] * 64 + items[1] * 16 + items[2] * 4 + items[3]]++;
    }
    double x = 0.0;
    for (int i = 0; i < 256; i++) {
        if (counts[i] == 0)
            continue;
        orders++;
        x += (counts[i] - ROUNDS / 24.0) * (counts[i] - ROUNDS / 24.0) / (ROUNDS / 24.0);
    }
    assert_int_equal(orders, 24);
    assert_true(x < 49.8); /* 23 degrees of freedom, 99.9 % */
    bal_random r = bal_random_at(1, BAL_STREAM_TEST, 0, 0);
    bal_random_shuffle(&r, NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_values_are_fixed),
        cmocka_unit_test(each_number_matters),
        cmocka_unit_test(draws_are_uniform),
        cmocka_unit_test(normals_have_the_right_moments),
        cmocka_unit_test(shuffles_reach_every_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
