/* The core of resampling: strategies, bad input, the plan and its rows, whatever the method. */
#include "helpers/helpers.h"

#include "ballast/resample.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 3, ROWS = 4 + 7 + 2 };

/* Labels with gaps, in no order: class -3 has 4 rows, class 2 has 7, class 90 has 2. */
static const int32_t labels[ROWS] = {2, 2, -3, 90, 2, -3, 2, 2, 2, -3, 90, 2, -3};

typedef struct table {
    float values[ROWS * COLUMNS];
    bal_resample_data data;
} table;

static table make_table(void)
{
    table t = {.data = {.labels = labels, .rows = ROWS, .columns = COLUMNS}};
    for (int i = 0; i < ROWS * COLUMNS; i++)
        t.values[i] = (float)(((i * 37) % 41) - 20) / 3.0f;
    return t;
}

static bal_resampled *open(bal_ctx *ctx, table *t, const bal_resample_settings *settings)
{
    bal_resampled *r;
    t->data.values = t->values;
    test_ok(ctx, bal_resample_open(&r, ctx, &t->data, settings));
    return r;
}

static void fails(bal_ctx *ctx, table *t, const bal_resample_settings *settings, bal_status wanted,
                  const char *word, const char *other)
{
    bal_resampled *r;
    t->data.values = t->values;
    test_fails(ctx, bal_resample_open(&r, ctx, &t->data, settings), wanted, word, other, NULL);
    assert_null(r);
}

/* ---- strategies ---- */

static void strategies_ask_for_counts(void **state)
{
    (void)state;
    static const struct {
        const char *strategy;
        int64_t after[3]; /* of the classes -3, 2, 90 */
    } rows[] = {
        {"auto", {7, 7, 7}},
        {"not majority", {7, 7, 7}},
        {"not-majority", {7, 7, 7}},
        {"all", {7, 7, 7}},
        {"minority", {4, 7, 7}},
        {"not minority", {7, 7, 2}},
        {"not_minority", {7, 7, 2}},
        {"90:5", {4, 7, 5}},
        {"90:5,-3:4,2:7", {4, 7, 5}},
        {"2:11,90:2", {4, 11, 2}},
        {"{\"90\": 6, \"-3\": 5}", {5, 7, 6}},
        {"{}", {4, 7, 2}},
    };
    bal_ctx *ctx = test_ctx();
    table t = make_table();
    for (size_t i = 0; i < BAL_COUNT_OF(rows); i++) {
        bal_resample_settings settings = bal_resample_defaults();
        settings.method = "random-over";
        settings.strategy = rows[i].strategy;
        bal_resampled *r = open(ctx, &t, &settings);
        static const int32_t order[3] = {-3, 2, 90};
        static const int64_t before[3] = {4, 7, 2};
        assert_int_equal(bal_resampled_classes(r), 3);
        assert_int_equal(bal_resampled_kept(r), ROWS);
        int64_t sum = 0;
        for (int c = 0; c < 3; c++) {
            const bal_resampled_class got = bal_resampled_class_at(r, c);
            assert_int_equal(got.label, order[c]);
            assert_int_equal(got.before, before[c]);
            assert_int_equal(got.after, rows[i].after[c]);
            sum += got.after;
        }
        assert_int_equal(bal_resampled_count(r), sum);
        bal_resampled_close(&r);
        assert_null(r);
        bal_resampled_close(&r);
    }
    bal_ctx_close(&ctx);
}

static void impossible_strategies_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *strategy, *word, *other;
    } rows[] = {
        {"majority", "majority", "over-sampling"},
        {"most", "\"most\"", "none of"},
        {"", "\"\"", "none of"},
        {"0.5", "two classes", "there are 3"},
        {"0", "above 0", "0"},
        {"1.5", "at most 1", "1.5"},
        {"2:6", "class 2 has 7 rows", "6 are asked"},
        {"2:-1", "class 2", "-1"},
        {"3:9", "no rows of class 3", "3:9"},
        {"90:5,90:6", "class 90", "twice"},
        {"90:5,", "none of", "90:5,"},
        {"90:5:6", "none of", NULL},
        {"90", "at most 1", NULL},
        {"90,2", "list of classes", "clean"},
        {"[90]", "list of classes", "clean"},
        {"{\"90\": 5.5}", "none of", NULL},
        {"{\"90\": 5", "none of", NULL},
        {"{\"ninety\": 5}", "ninety", "no label"},
        {"90:9223372036854775807", "class 90", "at most"},
        {"90:99999999999999999999", "none of", NULL},
        {"2:3000000000,90:3000000000", "class 90", "at most"},
    };
    bal_ctx *ctx = test_ctx();
    table t = make_table();
    for (size_t i = 0; i < BAL_COUNT_OF(rows); i++) {
        bal_resample_settings settings = bal_resample_defaults();
        settings.method = "random-over";
        settings.strategy = rows[i].strategy;
        fails(ctx, &t, &settings, BAL_BAD_ARG, rows[i].word, rows[i].other);
    }
    bal_ctx_close(&ctx);
}

static void a_ratio_is_of_the_majority(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    table t = make_table();
    int32_t two[ROWS];
    for (int i = 0; i < ROWS; i++)
        two[i] = labels[i] == 2 ? 2 : 8; /* 7 and 6 */
    two[2] = two[3] = two[5] = 2;        /* 10 and 3 */
    t.data.labels = two;
    bal_resample_settings settings = bal_resample_defaults();
    settings.method = "random-over";
    settings.strategy = "0.57";
    bal_resampled *r = open(ctx, &t, &settings);
    assert_int_equal(bal_resampled_class_at(r, 0).after, 10);
    assert_int_equal(bal_resampled_class_at(r, 1).after, 5);
    bal_resampled_close(&r);
    settings.strategy = "1";
    r = open(ctx, &t, &settings);
    assert_int_equal(bal_resampled_class_at(r, 1).after, 10);
    bal_resampled_close(&r);
    settings.strategy = "0.3";
    fails(ctx, &t, &settings, BAL_BAD_ARG, "class 8 has 3 rows", "only adds");
    bal_ctx_close(&ctx);
}

/* ---- bad input ---- */

static void settings_are_checked(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    table t = make_table();
    bal_resample_settings s = bal_resample_defaults();
    assert_int_equal(s.k, BAL_RESAMPLE_AUTO);
    s.method = "random-ower";
    fails(ctx, &t, &s, BAL_BAD_ARG, "random-ower", "did you mean \"random-over\"");
    s.method = NULL;
    fails(ctx, &t, &s, BAL_BAD_ARG, "method", NULL);
    s = bal_resample_defaults();
    s.method = "random-over";
    s.k = 0;
    fails(ctx, &t, &s, BAL_BAD_ARG, "k is 0", "at least 1");
    s.k = -2;
    fails(ctx, &t, &s, BAL_BAD_ARG, "k is -2", NULL);
    s.k = 1;
    fails(ctx, &t, &s, BAL_BAD_ARG, "k does not go with random-over", "smote");
    s.k = BAL_RESAMPLE_AUTO;
    s.m = 0;
    fails(ctx, &t, &s, BAL_BAD_ARG, "m is 0", NULL);
    s.m = BAL_RESAMPLE_AUTO;
    s.distance = "cosine";
    fails(ctx, &t, &s, BAL_BAD_ARG, "distance does not go with random-over", NULL);
    s.distance = "manhattan";
    fails(ctx, &t, &s, BAL_BAD_ARG, "manhattan", "euclidean or cosine");
    s.distance = NULL;
    fails(ctx, &t, &s, BAL_BAD_ARG, "distance", NULL);
    s.distance = "euclidean";
    s.clusters = 0;
    fails(ctx, &t, &s, BAL_BAD_ARG, "clusters is 0", NULL);
    s.clusters = 8;
    s.out_step = 1.5;
    fails(ctx, &t, &s, BAL_BAD_ARG, "out_step is 1.5", NULL);
    s.out_step = 0.5;
    s.balance_threshold = 2.0;
    fails(ctx, &t, &s, BAL_BAD_ARG, "balance_threshold is 2", NULL);
    s.balance_threshold = BAL_RESAMPLE_AUTO;
    s.density_exponent = NAN;
    fails(ctx, &t, &s, BAL_BAD_ARG, "density_exponent", NULL);
    s.density_exponent = BAL_RESAMPLE_AUTO;
    s.shrinkage = -0.5;
    fails(ctx, &t, &s, BAL_BAD_ARG, "shrinkage is -0.5", NULL);
    s.shrinkage = NAN;
    fails(ctx, &t, &s, BAL_BAD_ARG, "shrinkage", NULL);
    s.shrinkage = 0.0;
    s.memory = 0;
    fails(ctx, &t, &s, BAL_BAD_ARG, "memory is 0", NULL);
    bal_ctx_close(&ctx);
}

static void data_is_checked(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    table t = make_table();
    bal_resample_settings s = bal_resample_defaults();
    s.method = "random-over";
    t.values[7 * COLUMNS + 2] = NAN;
    fails(ctx, &t, &s, BAL_BAD_DATA, "row 7, column 2", "nan");
    t.values[5 * COLUMNS] = -INFINITY;
    fails(ctx, &t, &s, BAL_BAD_DATA, "row 5, column 0", "-inf");
    t = make_table();
    t.data.rows = 0;
    fails(ctx, &t, &s, BAL_BAD_ARG, "0 rows", NULL);
    t.data.rows = ROWS;
    t.data.columns = 0;
    fails(ctx, &t, &s, BAL_BAD_ARG, "0 columns", NULL);
    t.data.columns = INT64_MAX / 2;
    fails(ctx, &t, &s, BAL_BAD_ARG, "overflow", NULL);
    t = make_table();
    static const int32_t same[ROWS] = {0};
    t.data.labels = same;
    fails(ctx, &t, &s, BAL_BAD_DATA, "class 0", "two classes");
    bal_ctx_close(&ctx);
}

/* The place of the first bad value does not depend on who finds it. */
static void the_first_bad_value_is_named(void **state)
{
    (void)state;
    enum { LONG = 5000, WIDE = 90 };
    float *values = calloc(LONG * WIDE, sizeof *values);
    int32_t *many = calloc(LONG, sizeof *many);
    assert_non_null(values);
    assert_non_null(many);
    many[17] = 1;
    values[1234 * WIDE + 56] = INFINITY;
    values[4321 * WIDE + 1] = NAN;
    values[4999 * WIDE + 89] = NAN;
    for (int threads = 1; threads <= 3; threads++) {
        bal_ctx *ctx = test_ctx_threads(threads);
        bal_resampled *r;
        bal_resample_settings s = bal_resample_defaults();
        s.method = "random-over";
        const bal_resample_data data = {values, many, LONG, WIDE};
        test_fails(ctx, bal_resample_open(&r, ctx, &data, &s), BAL_BAD_DATA, "row 1234, column 56",
                   "inf", NULL);
        bal_ctx_close(&ctx);
    }
    free(values);
    free(many);
}

/* ---- the plan ---- */

static void rows_follow_their_origins(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    table t = make_table();
    bal_resample_settings s = bal_resample_defaults();
    s.method = "random-over";
    bal_resampled *r = open(ctx, &t, &s);
    enum { ALL = 21 };
    float values[ALL * COLUMNS], part[4 * COLUMNS];
    int32_t got[ALL];
    bal_resampled_origin origins[ALL], origin;
    assert_int_equal(bal_resampled_count(r), ALL);
    test_ok(ctx, bal_resampled_rows(r, 0, ALL, values, got));
    test_ok(ctx, bal_resampled_origins(r, 0, ALL, origins));
    for (int i = 0; i < ALL; i++) {
        if (i < ROWS) {
            assert_int_equal(origins[i].base, i);
            assert_int_equal(origins[i].neighbour, -1);
        } else {
            assert_int_equal(origins[i].neighbour, origins[i].base);
        }
        assert_in_range(origins[i].base, 0, ROWS - 1);
        assert_true(origins[i].weight == 0.0);
        assert_int_equal(origins[i].label, got[i]);
        assert_int_equal(got[i], labels[origins[i].base]);
        assert_memory_equal(values + i * COLUMNS, t.values + origins[i].base * COLUMNS,
                            COLUMNS * sizeof *values);
    }
    for (int at = 0; at + 4 <= ALL; at += 3) { /* any part is that part of the whole */
        test_ok(ctx, bal_resampled_rows(r, at, 4, part, NULL));
        assert_memory_equal(part, values + at * COLUMNS, sizeof part);
        test_ok(ctx, bal_resampled_origins(r, at, 1, &origin));
        assert_int_equal(origin.base, origins[at].base);
    }
    test_ok(ctx, bal_resampled_rows(r, ALL, 0, NULL, NULL));
    test_fails(ctx, bal_resampled_rows(r, ALL - 1, 2, values, got), BAL_BAD_ARG, "2 rows from 20",
               "21", NULL);
    test_fails(ctx, bal_resampled_rows(r, -1, 1, values, got), BAL_BAD_ARG, "from -1", NULL);
    test_fails(ctx, bal_resampled_origins(r, 0, INT64_MAX, origins), BAL_BAD_ARG, "21", NULL);
    bal_resampled_close(&r);
    bal_ctx_close(&ctx);
}

static int steps_seen;
static void count_steps(void *user, const char *what, int64_t done, int64_t of)
{
    assert_non_null(what);
    assert_true(done <= of);
    if (user)
        bal_ctx_interrupt(user);
    steps_seen++;
}

static void progress_is_told_and_can_stop(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    table t = make_table();
    bal_resample_settings s = bal_resample_defaults();
    s.method = "random-over";
    s.progress = count_steps;
    steps_seen = 0;
    bal_resampled *r = open(ctx, &t, &s);
    assert_true(steps_seen > 0);
    bal_ctx_interrupt(ctx);
    float values[COLUMNS];
    test_fails(ctx, bal_resampled_rows(r, 0, 1, values, NULL), BAL_INTERRUPTED, "interrupted",
               NULL);
    test_ok(ctx, bal_resampled_rows(r, 0, 1, values, NULL));
    bal_resampled_close(&r);
    s.progress_user = ctx;
    fails(ctx, &t, &s, BAL_INTERRUPTED, "interrupted", NULL);
    bal_ctx_close(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strategies_ask_for_counts),
        cmocka_unit_test(impossible_strategies_are_refused),
        cmocka_unit_test(a_ratio_is_of_the_majority),
        cmocka_unit_test(settings_are_checked),
        cmocka_unit_test(data_is_checked),
        cmocka_unit_test(the_first_bad_value_is_named),
        cmocka_unit_test(rows_follow_their_origins),
        cmocka_unit_test(progress_is_told_and_can_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
