/* What over-sampling draws: weights, bases, noise, and the normal distribution of a class. The
 * bounds are those of a chance of 1e-4 or less, at the fixed seed of the tests. */
#include "helpers/helpers.h"

#include "ballast/resample.h"
#include "base/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 70, COLUMNS = 3, FEW = 20, MADE = 20000 };

typedef struct table {
    float values[ROWS * COLUMNS];
    int32_t labels[ROWS];
} table;

/* 50 rows of class 0 and 20 of class 1, whose columns go together. */
static table make_table(void)
{
    table t;
    bal_random random = bal_random_at(test_seed(), BAL_STREAM_TEST, 41, 0);
    for (int i = 0; i < ROWS; i++) {
        t.labels[i] = i % 7 < 2;
        const double u = bal_random_normal(&random), v = bal_random_normal(&random);
        t.values[i * COLUMNS] = (float)(3.0 * u);
        t.values[i * COLUMNS + 1] = (float)(100.0 + u + 0.5 * v);
        t.values[i * COLUMNS + 2] = (float)(0.1 * v);
    }
    return t;
}

typedef struct output {
    bal_resampled_origin *origins; /* of the new rows */
    float *values;
} output;

static output make(const table *t, const char *method, double shrinkage)
{
    bal_ctx *ctx = test_ctx_threads(1);
    const bal_resample_data data = {t->values, t->labels, ROWS, COLUMNS};
    bal_resample_settings settings = bal_resample_defaults();
    settings.method = method;
    settings.strategy = "1:20020";
    settings.shrinkage = shrinkage;
    settings.seed = test_seed();
    bal_resampled *r;
    test_ok(ctx, bal_resample_open(&r, ctx, &data, &settings));
    assert_int_equal(bal_resampled_count(r), ROWS + MADE);
    output out = {calloc(MADE, sizeof *out.origins), calloc(MADE * COLUMNS, sizeof *out.values)};
    assert_true(out.origins && out.values);
    test_ok(ctx, bal_resampled_origins(r, ROWS, MADE, out.origins));
    test_ok(ctx, bal_resampled_rows(r, ROWS, MADE, out.values, NULL));
    bal_resampled_close(&r);
    bal_ctx_close(&ctx);
    return out;
}

static void drop(output *out)
{
    free(out->origins);
    free(out->values);
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Kolmogorov and Smirnov's largest distance from the uniform distribution on 0..1, times sqrt(n):
 * above 2.23 with a chance of 1e-4. */
static double distance_from_uniform(double *u, int64_t n)
{
    qsort(u, (size_t)n, sizeof *u, by_size);
    double most = 0.0;
    for (int64_t i = 0; i < n; i++) {
        most = fmax(most, fabs(u[i] - (double)i / (double)n));
        most = fmax(most, fabs(u[i] - (double)(i + 1) / (double)n));
    }
    return most * sqrt((double)n);
}

static void weights_are_uniform(void **state)
{
    (void)state;
    static const struct {
        const char *method;
        double least, span;
    } rows[] = {
        {"smote", 0.0, 1.0}, {"borderline-1", 0.0, 1.0}, {"adasyn", 0.0, 1.0}, {"eos", 0.0, 1.0}};
    const table t = make_table();
    for (size_t i = 0; i < BAL_COUNT_OF(rows); i++) {
        bal_ctx *ctx = test_ctx_threads(1);
        const bal_resample_data data = {t.values, t.labels, ROWS, COLUMNS};
        bal_resample_settings settings = bal_resample_defaults();
        settings.method = rows[i].method;
        settings.strategy = "1:20020";
        settings.seed = test_seed();
        bal_resampled *r;
        test_ok(ctx, bal_resample_open(&r, ctx, &data, &settings));
        const int64_t made = bal_resampled_count(r) - ROWS;
        assert_true(made > MADE - ROWS && made < MADE + ROWS);
        bal_resampled_origin *origins = calloc((size_t)made, sizeof *origins);
        double *u = calloc((size_t)made, sizeof *u);
        assert_true(origins && u);
        test_ok(ctx, bal_resampled_origins(r, ROWS, made, origins));
        for (int64_t j = 0; j < made; j++)
            u[j] = (origins[j].weight - rows[i].least) / rows[i].span;
        const double distance = distance_from_uniform(u, made);
        if (!(distance < 2.23))
            fail_msg("%s: the weights are %g from uniform", rows[i].method, distance);
        free(origins);
        free(u);
        bal_resampled_close(&r);
        bal_ctx_close(&ctx);
    }
}

/* The check would see what it is for. */
static void weights_that_are_not_uniform_are_seen(void **state)
{
    (void)state;
    static double u[MADE];
    bal_random random = bal_random_at(1, BAL_STREAM_TEST, 42, 0);
    for (int i = 0; i < MADE; i++)
        u[i] = 0.97 * bal_random_unit(&random);
    assert_true(distance_from_uniform(u, MADE) > 2.23);
}

/* Bases and places among the neighbours: chi-square over the 20 x 5 pairs, 99 degrees of freedom,
 * above 161 with a chance of 1e-4. */
static void pairs_are_as_likely(void **state)
{
    (void)state;
    const table t = make_table();
    output out = make(&t, "smote", 0.0);
    static int seen[ROWS][ROWS];
    memset(seen, 0, sizeof seen);
    for (int i = 0; i < MADE; i++)
        seen[out.origins[i].base][out.origins[i].neighbour]++;
    double sum = 0.0;
    int pairs = 0;
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < ROWS; j++)
            if (seen[i][j]) {
                sum += pow(seen[i][j] - MADE / 100.0, 2.0) / (MADE / 100.0);
                pairs++;
            }
    assert_int_equal(pairs, FEW * 5);
    assert_true(sum < 161.0);
    drop(&out);
}

/* ---- moments ---- */

typedef struct moments {
    double mean[COLUMNS], covariance[COLUMNS][COLUMNS];
} moments;

static moments moments_of(const float *values, int64_t rows, double divisor)
{
    moments m = {{0}, {{0}}};
    for (int64_t i = 0; i < rows; i++)
        for (int j = 0; j < COLUMNS; j++)
            m.mean[j] += (double)values[i * COLUMNS + j] / (double)rows;
    for (int64_t i = 0; i < rows; i++)
        for (int j = 0; j < COLUMNS; j++)
            for (int k = 0; k < COLUMNS; k++)
                m.covariance[j][k] += ((double)values[i * COLUMNS + j] - m.mean[j]) *
                                      ((double)values[i * COLUMNS + k] - m.mean[k]) / divisor;
    return m;
}

static moments moments_of_class(const table *t, double divisor)
{
    float members[FEW * COLUMNS];
    int n = 0;
    for (int i = 0; i < ROWS; i++)
        if (t->labels[i] == 1)
            memcpy(members + n++ * COLUMNS, t->values + i * COLUMNS, COLUMNS * sizeof(float));
    assert_int_equal(n, FEW);
    return moments_of(members, FEW, divisor);
}

/* Means are off by s / sqrt(n), covariances by s_j s_k sqrt(2 / n) at most; four of each. */
static void gaussian_has_the_moments_of_the_class(void **state)
{
    (void)state;
    const table t = make_table();
    output out = make(&t, "gaussian", 0.0);
    const moments want = moments_of_class(&t, FEW - 1.0);
    const moments got = moments_of(out.values, MADE, MADE);
    for (int j = 0; j < COLUMNS; j++) {
        const double s = sqrt(want.covariance[j][j]);
        assert_true(fabs(got.mean[j] - want.mean[j]) < 4.0 * s / sqrt((double)MADE));
        for (int k = 0; k < COLUMNS; k++) {
            const double both = s * sqrt(want.covariance[k][k]);
            assert_true(fabs(got.covariance[j][k] - want.covariance[j][k]) <
                        4.0 * both * sqrt(2.0 / MADE));
        }
    }
    assert_int_equal(out.origins[0].base, -1);
    assert_int_equal(out.origins[0].neighbour, -1);
    drop(&out);
}

/* Noise of a copy: x' - x_base, normal with the width of the header, columns apart. */
static void noise_has_its_width(void **state)
{
    (void)state;
    const table t = make_table();
    output out = make(&t, "random-over", 1.5);
    const moments of_class = moments_of_class(&t, FEW);
    const double h = pow(4.0 / ((COLUMNS + 2.0) * ROWS), 1.0 / (COLUMNS + 4.0));
    for (int i = 0; i < MADE; i++)
        for (int j = 0; j < COLUMNS; j++)
            out.values[i * COLUMNS + j] -= t.values[out.origins[i].base * COLUMNS + j];
    const moments got = moments_of(out.values, MADE, MADE);
    for (int j = 0; j < COLUMNS; j++) {
        const double want = 1.5 * h * sqrt(of_class.covariance[j][j]);
        assert_true(fabs(got.mean[j]) < 4.0 * want / sqrt((double)MADE));
        assert_true(fabs(sqrt(got.covariance[j][j]) / want - 1.0) < 4.0 / sqrt(2.0 * MADE));
        for (int k = 0; k < j; k++)
            assert_true(fabs(got.covariance[j][k]) <
                        4.0 * want * 1.5 * h * sqrt(of_class.covariance[k][k] / MADE));
    }
    drop(&out);
}

/* More columns than rows: new rows lie in the space that the rows span. Here the last two columns
 * are sums of others. */
static void gaussian_stays_in_the_span(void **state)
{
    (void)state;
    enum { WIDE = 40, FEW_ROWS = 6 };
    bal_ctx *ctx = test_ctx_threads(2);
    float values[20 * WIDE], made[8 * WIDE];
    int32_t labels[20];
    bal_random random = bal_random_at(test_seed(), BAL_STREAM_TEST, 43, 0);
    for (int i = 0; i < 20; i++) {
        labels[i] = i < FEW_ROWS;
        for (int j = 0; j < WIDE; j++)
            values[i * WIDE + j] = (float)bal_random_normal(&random);
        values[i * WIDE + 38] = values[i * WIDE] - values[i * WIDE + 1];
        values[i * WIDE + 39] = 4.0f;
    }
    const bal_resample_data data = {values, labels, 20, WIDE};
    bal_resample_settings settings = bal_resample_defaults();
    settings.method = "gaussian";
    bal_resampled *r;
    test_ok(ctx, bal_resample_open(&r, ctx, &data, &settings));
    assert_int_equal(bal_resampled_count(r), 28);
    test_ok(ctx, bal_resampled_rows(r, 20, 8, made, NULL));
    for (int i = 0; i < 8; i++) {
        const float *x = made + i * WIDE;
        assert_true(fabsf(x[38] - (x[0] - x[1])) < 1e-5f);
        assert_true(x[39] == 4.0f);
        assert_true(fabsf(x[0]) > 1e-6f);
    }
    bal_resampled_close(&r);
    bal_ctx_close(&ctx);
}

/* The same moments where the rows themselves are the factors. */
static void gaussian_of_few_rows_has_their_moments(void **state)
{
    (void)state;
    enum { WIDE = 9, FEW_ROWS = 5, MANY = 20000 };
    bal_ctx *ctx = test_ctx_threads(2);
    float values[12 * WIDE], *made = calloc((size_t)MANY * WIDE, sizeof *made);
    assert_non_null(made);
    int32_t labels[12];
    bal_random random = bal_random_at(test_seed(), BAL_STREAM_TEST, 44, 0);
    for (int i = 0; i < 12; i++) {
        labels[i] = i < FEW_ROWS;
        for (int j = 0; j < WIDE; j++)
            values[i * WIDE + j] = (float)(10.0 * j + (1.0 + j) * bal_random_normal(&random));
    }
    const bal_resample_data data = {values, labels, 12, WIDE};
    bal_resample_settings settings = bal_resample_defaults();
    settings.method = "gaussian";
    settings.strategy = "1:20005";
    bal_resampled *r;
    test_ok(ctx, bal_resample_open(&r, ctx, &data, &settings));
    test_ok(ctx, bal_resampled_rows(r, 12, MANY, made, NULL));
    for (int j = 0; j < WIDE; j++) {
        double mean = 0.0, squares = 0.0, got_mean = 0.0, got_squares = 0.0;
        for (int i = 0; i < FEW_ROWS; i++)
            mean += (double)values[i * WIDE + j] / FEW_ROWS;
        for (int i = 0; i < FEW_ROWS; i++)
            squares += pow((double)values[i * WIDE + j] - mean, 2.0) / (FEW_ROWS - 1.0);
        for (int i = 0; i < MANY; i++)
            got_mean += (double)made[i * WIDE + j] / MANY;
        for (int i = 0; i < MANY; i++)
            got_squares += pow((double)made[i * WIDE + j] - got_mean, 2.0) / MANY;
        assert_true(fabs(got_mean - mean) < 4.0 * sqrt(squares / MANY));
        assert_true(fabs(got_squares - squares) < 4.0 * squares * sqrt(2.0 / MANY));
    }
    free(made);
    bal_resampled_close(&r);
    bal_ctx_close(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_are_uniform),
        cmocka_unit_test(weights_that_are_not_uniform_are_seen),
        cmocka_unit_test(pairs_are_as_likely),
        cmocka_unit_test(gaussian_has_the_moments_of_the_class),
        cmocka_unit_test(noise_has_its_width),
        cmocka_unit_test(gaussian_stays_in_the_span),
        cmocka_unit_test(gaussian_of_few_rows_has_their_moments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
