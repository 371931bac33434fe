/* KMeans-SMOTE where the clusters are plain to see: which get rows, how many, and from whom. */
#include "helpers/helpers.h"

#include "ballast/resample.h"
#include "base/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Balls far apart. Rows of class 0 and of class 1 in each, and how wide it is. */
enum { BALLS = 4, COLUMNS = 3, ROWS = 40 + 32 + 12 + 31, NEW = 92 - 23 };
static const struct {
    int many, few;
    double width;
} balls[BALLS] = {{40, 0, 1.0}, {20, 12, 0.1}, {2, 10, 3.0}, {30, 1, 1.0}};

typedef struct table {
    float values[ROWS * COLUMNS];
    int32_t labels[ROWS];
    int ball[ROWS];
} table;

static table make_table(void)
{
    table t;
    bal_random random = bal_random_at(test_seed(), BAL_STREAM_TEST, 61, 0);
    int row = 0;
    for (int b = 0; b < BALLS; b++)
        for (int i = 0; i < balls[b].many + balls[b].few; i++, row++) {
            const int at = row * 7 % ROWS;
            t.ball[at] = b;
            t.labels[at] = i >= balls[b].many;
            for (int j = 0; j < COLUMNS; j++)
                t.values[at * COLUMNS + j] = (float)(balls[b].width * bal_random_normal(&random) +
                                                     100.0 * b * (j == b % COLUMNS ? 1.0 : 2.0));
        }
    return t;
}

static bal_resample_settings settings_for(void)
{
    bal_resample_settings s = bal_resample_defaults();
    s.method = "kmeans-smote";
    s.clusters = BALLS;
    s.seed = test_seed();
    return s;
}

static int64_t open(bal_ctx *ctx, const table *t, const bal_resample_settings *s,
                    bal_resampled_origin *origins)
{
    const bal_resample_data data = {t->values, t->labels, ROWS, COLUMNS};
    bal_resampled *r;
    test_ok(ctx, bal_resample_open(&r, ctx, &data, s));
    const int64_t made = bal_resampled_count(r) - ROWS;
    assert_int_equal(made, NEW);
    test_ok(ctx, bal_resampled_origins(r, ROWS, made, origins));
    bal_resampled_close(&r);
    return made;
}

static double sparsity(const table *t, int ball, double exponent)
{
    double sum = 0.0;
    int n = 0;
    for (int a = 0; a < ROWS; a++) {
        if (t->ball[a] != ball || t->labels[a] != 1)
            continue;
        n++;
        for (int b = 0; b < ROWS; b++) {
            double square = 0.0;
            for (int j = 0; j < COLUMNS && t->ball[b] == ball && t->labels[b] == 1; j++)
                square += pow(
                    (double)t->values[a * COLUMNS + j] - (double)t->values[b * COLUMNS + j], 2.0);
            sum += sqrt(square);
        }
    }
    if (exponent < 0.0)
        exponent = 0.16 * pow(log(n) / log(1.6), 1.8);
    return pow(sum / (n * (n - 1.0)), exponent) / n;
}

static void sparse_clusters_get_more(void **state)
{
    (void)state;
    const table t = make_table();
    bal_ctx *ctx = test_ctx_threads(2);
    static const double exponents[] = {BAL_RESAMPLE_AUTO, 0.0, 0.5};
    for (int e = 0; e < 3; e++) {
        bal_resampled_origin o[NEW];
        bal_resample_settings s = settings_for();
        s.density_exponent = exponents[e];
        s.balance_threshold = 0.1;
        int made[BALLS] = {0};
        for (int64_t i = 0, n = open(ctx, &t, &s, o); i < n; i++) {
            assert_int_equal(t.ball[o[i].base], t.ball[o[i].neighbour]);
            assert_int_equal(t.labels[o[i].base], 1);
            assert_int_equal(t.labels[o[i].neighbour], 1);
            assert_true(o[i].base != o[i].neighbour);
            made[t.ball[o[i].base]]++;
        }
        const double one = sparsity(&t, 1, exponents[e]), two = sparsity(&t, 2, exponents[e]);
        assert_int_equal(made[0], 0);
        assert_int_equal(made[3], 0);
        assert_true(fabs(made[1] - NEW * one / (one + two)) <= 0.5 + 1e-9);
        assert_int_equal(made[1] + made[2], NEW);
    }
    bal_ctx_close(&ctx);
}

/* The class's share is 12 of 32 in the second ball and 10 of 12 in the third. */
static void the_threshold_keeps_clusters_out(void **state)
{
    (void)state;
    const table t = make_table();
    bal_ctx *ctx = test_ctx_threads(1);
    bal_resampled_origin o[NEW];
    bal_resample_settings s = settings_for();
    /* class 1 gets all new rows, so half its share of them is 0.5 */
    for (int64_t i = 0, n = open(ctx, &t, &s, o); i < n; i++)
        assert_int_equal(t.ball[o[i].base], 2);
    s.balance_threshold = 0.3;
    s.density_exponent = 0.0; /* the second ball is so dense that it got nothing */
    int second = 0;
    for (int64_t i = 0, n = open(ctx, &t, &s, o); i < n; i++)
        second += t.ball[o[i].base] == 1;
    assert_true(second > 0);
    s.balance_threshold = 0.7;
    for (int64_t i = 0, n = open(ctx, &t, &s, o); i < n; i++)
        assert_int_equal(t.ball[o[i].base], 2);
    s.balance_threshold = 0.1;
    s.k = 10; /* the third ball has no more than 10 of the class */
    for (int64_t i = 0, n = open(ctx, &t, &s, o); i < n; i++)
        assert_int_equal(t.ball[o[i].base], 1);
    s.balance_threshold = 0.9; /* none is left: as one */
    int others = 0;
    for (int64_t i = 0, n = open(ctx, &t, &s, o); i < n; i++)
        others += t.ball[o[i].base] != 1;
    assert_true(others > 10);
    s = settings_for();
    s.clusters = 1; /* then there is no threshold */
    s.balance_threshold = 0.9;
    others = 0;
    for (int64_t i = 0, n = open(ctx, &t, &s, o); i < n; i++)
        others += t.ball[o[i].base] != 1;
    assert_true(others > 10);
    bal_ctx_close(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sparse_clusters_get_more),
        cmocka_unit_test(the_threshold_keeps_clusters_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
