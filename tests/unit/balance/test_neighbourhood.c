/* Neighbours among rows that lie apart, in as many parts as little memory makes. */
#include "helpers/helpers.h"

#include "balance/resample/neighbourhood.h"

#include <stdlib.h>
#include <string.h>

/* 900 rows of 301 columns are four times what 1 MiB of working memory leaves for copies. */
enum { ROWS = 900, COLUMNS = 301, K = 4 };

typedef struct table {
    float *values;
    int32_t labels[ROWS];
    int64_t odd[ROWS / 2], third[ROWS / 3];
} table;

static table make_table(void)
{
    table t = {.values = calloc((size_t)ROWS * COLUMNS, sizeof *t.values)};
    assert_non_null(t.values);
    bal_random random = bal_random_at(test_seed(), BAL_STREAM_TEST, 7, 0);
    for (int i = 0; i < ROWS; i++) {
        t.labels[i] = i % 2;
        for (int j = 0; j < COLUMNS; j++)
            t.values[i * COLUMNS + j] = (float)bal_random_normal(&random);
        if (i % 9 == 8) /* ties, and rows at distance 0 */
            memcpy(t.values + i * COLUMNS, t.values + (i - 4) * COLUMNS, COLUMNS * sizeof(float));
    }
    for (int i = 0; i < ROWS / 2; i++)
        t.odd[i] = 2 * i + 1;
    for (int i = 0; i < ROWS / 3; i++)
        t.third[i] = 3 * i;
    return t;
}

static double squared(const table *t, int64_t a, int64_t b)
{
    double sum = 0.0;
    for (int j = 0; j < COLUMNS; j++) {
        const double d = (double)t->values[a * COLUMNS + j] - (double)t->values[b * COLUMNS + j];
        sum += d * d;
    }
    return sum;
}

static void naive(const table *t, int64_t query, const bal_neighbourhood *how, int64_t *best)
{
    double near[K];
    int have = 0;
    for (int64_t i = 0; i < how->among_count; i++) {
        const int64_t row = how->among ? how->among[i] : i;
        if (row == query)
            continue;
        const double d = squared(t, query, row);
        if (have == K && d >= near[K - 1])
            continue;
        int at = have < K ? have++ : K - 1;
        for (; at > 0 && d < near[at - 1]; at--) {
            near[at] = near[at - 1];
            best[at] = best[at - 1];
        }
        near[at] = d;
        best[at] = row;
    }
}

static void parts_change_nothing(void **state)
{
    (void)state;
    table t = make_table();
    const bal_neighbourhood rows[] = {
        {.what = "all", .of_count = ROWS, .among_count = ROWS, .k = K},
        {.what = "odd among all", .of = t.odd, .of_count = 450, .among_count = ROWS, .k = K},
        {.what = "odd", .of = t.odd, .of_count = 450, .among = t.odd, .among_count = 450, .k = K},
        {.what = "third among odd",
         .of = t.third,
         .of_count = 300,
         .among = t.odd,
         .among_count = 450,
         .k = K},
        {.what = "all among third", .of_count = ROWS, .among = t.third, .among_count = 300, .k = K},
    };
    int64_t *want = calloc(ROWS * K, sizeof *want), *index = calloc(ROWS * K, sizeof *index);
    double *distance = calloc(ROWS * K, sizeof *distance);
    assert_true(want && index && distance);
    for (size_t i = 0; i < BAL_COUNT_OF(rows); i++) {
        for (int64_t q = 0; q < rows[i].of_count; q++)
            naive(&t, rows[i].of ? rows[i].of[q] : q, &rows[i], want + q * K);
        for (int variant = 0; variant < 4; variant++) {
            bal_ctx *ctx = test_ctx_threads(1 + variant % 2);
            bal_resample_settings settings = bal_resample_defaults();
            settings.method = "random-over";
            settings.memory = variant < 2 ? 1 : 512;
            const bal_resample_data data = {t.values, t.labels, ROWS, COLUMNS};
            bal_resampled *r;
            test_ok(ctx, bal_resample_open(&r, ctx, &data, &settings));
            test_ok(ctx, bal_neighbourhood_find(r, &rows[i], index, variant ? distance : NULL));
            for (int64_t at = 0; at < rows[i].of_count * K; at++) {
                if (index[at] != want[at])
                    fail_msg("%s, memory %d MiB: neighbour %d of query %d is %d, not %d",
                             rows[i].what, settings.memory, (int)(at % K), (int)(at / K),
                             (int)index[at], (int)want[at]);
                if (variant && at % K)
                    assert_true(distance[at] >= distance[at - 1]);
            }
            bal_resampled_close(&r);
            bal_ctx_close(&ctx);
        }
    }
    free(want);
    free(index);
    free(distance);
    free(t.values);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
