/* Principal components: what makes them so, on shapes that fill several tiles and chunks. */
#include "helpers/helpers.h"

#include "base/random.h"
#include "helpers/near.h"
#include "numeric/eigen.h"
#include "numeric/pca.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static float *make_rows(int64_t rows, int64_t columns, int64_t rank, float offset)
{
    bal_random r = bal_random_at(test_seed(), BAL_STREAM_TEST, 20, (uint64_t)(rows * columns));
    float *values = calloc((size_t)(rows * columns), sizeof *values);
    float *loadings = calloc((size_t)(rank * columns), sizeof *loadings);
    assert_true(values && loadings);
    for (int64_t i = 0; i < rank * columns; i++)
        loadings[i] = (float)(int)bal_random_below(&r, 17) - 8.0F;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t f = 0; f < rank; f++) {
            const float score = (float)(int)bal_random_below(&r, 33) - 16.0F;
            for (int64_t c = 0; c < columns; c++)
                values[i * columns + c] += score * loadings[f * columns + c] + offset / (float)rank;
        }
    free(loadings);
    return values;
}

static double dot(const double *a, const double *b, int64_t n)
{
    double sum = 0.0;
    for (int64_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* C v = variance v for the covariance C, from the definition: C v is the mean of x (x . v). */
static void check_vector(const bal_rows *rows, const bal_pca *p, int64_t j)
{
    const int64_t columns = rows->columns;
    const double *v = p->components + j * columns;
    double *image = calloc((size_t)columns, sizeof *image), *x = calloc((size_t)columns, sizeof *x);
    assert_true(image && x);
    for (int64_t i = 0; i < rows->rows; i++) {
        for (int64_t c = 0; c < columns; c++)
            x[c] = (double)rows->values[i * columns + c] - p->mean[c];
        const double along = dot(x, v, columns) / (double)(rows->rows - 1);
        for (int64_t c = 0; c < columns; c++)
            image[c] += along * x[c];
    }
    int64_t most = 0;
    for (int64_t c = 0; c < columns; c++) {
        test_near("C v", p->variance[j] * v[c], image[c], 1e-11 * p->variance[0]);
        most = fabs(v[c]) > fabs(v[most]) ? c : most;
    }
    assert_true(v[most] > 0.0);
    free(image);
    free(x);
}

static void check_shape(int64_t n, int64_t columns, int64_t count, int64_t rank, float offset)
{
    float *values = make_rows(n, columns, rank, offset);
    const bal_rows rows = {values, n, columns};
    bal_pca *p, *first = NULL;
    bal_ctx *contexts[3];
    for (int threads = 1; threads <= 3; threads++) {
        contexts[threads - 1] = test_ctx_threads(threads);
        test_ok(contexts[threads - 1], bal_pca_open(&p, contexts[threads - 1], &rows, count));
        if (!first) {
            first = p;
            continue;
        }
        assert_memory_equal(first->components, p->components,
                            (size_t)(count * columns) * sizeof *p->components);
        assert_memory_equal(first->variance, p->variance, (size_t)count * sizeof *p->variance);
        bal_pca_close(&p);
    }
    for (int64_t j = 0; j < count; j++) {
        check_vector(&rows, first, j);
        assert_true(j == 0 || first->variance[j] <= first->variance[j - 1]);
        if (j >= rank)
            test_near("beyond the rank", 0.0, first->variance[j], 1e-12 * first->variance[0]);
        for (int64_t k = 0; k <= j; k++)
            test_near(
                "right angles", j == k,
                dot(first->components + j * columns, first->components + k * columns, columns),
                1e-12);
    }
    bal_pca_close(&first);
    for (int i = 0; i < 3; i++)
        bal_ctx_close(&contexts[i]);
    free(values);
}

static void components_are_what_they_should_be(void **state)
{
    (void)state;
    check_shape(1300, 37, 37, 37, 0.0F);   /* several chunks of rows */
    check_shape(701, 297, 12, 297, 0.0F);  /* several tiles */
    check_shape(143, 1201, 20, 140, 0.0F); /* the Gram matrix, several chunks of columns */
    check_shape(90, 24, 24, 7, 50.0F);     /* of lower rank */
    check_shape(24, 90, 24, 7, 50.0F);
    check_shape(6, 11, 6, 6, 0.0F); /* six rows span five dimensions */
    check_shape(5, 3, 3, 1, 1e4F);
}

/* Rows that are all equal have no variance; the components are still at right angles. */
static void equal_rows_have_no_variance(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    const float values[12] = {3, 4, 5, 6, 3, 4, 5, 6, 3, 4, 5, 6};
    bal_pca *p;
    test_ok(ctx, bal_pca_open(&p, ctx, &(bal_rows){values, 3, 4}, 3));
    for (int j = 0; j < 3; j++) {
        test_near("variance", 0.0, p->variance[j], 0.0);
        for (int k = 0; k <= j; k++)
            test_near("right angles", j == k, dot(p->components + j * 4, p->components + k * 4, 4),
                      1e-15);
    }
    float there[9];
    test_ok(ctx, bal_pca_transform(ctx, p, &(bal_rows){values, 3, 4}, there));
    for (int i = 0; i < 9; i++)
        test_near("at the mean", 0.0, (double)there[i], 0.0);
    bal_pca_close(&p);
    bal_pca_close(&p);
    bal_pca_close(NULL);
    bal_ctx_close(&ctx);
}

/* The transform over several blocks, by its definition. */
static void transform_by_definition(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx_threads(2);
    float *values = make_rows(613, 19, 19, 3.0F), *there = calloc(613 * 4, sizeof *there);
    assert_non_null(there);
    bal_pca *p;
    test_ok(ctx, bal_pca_open(&p, ctx, &(bal_rows){values, 100, 19}, 4));
    test_ok(ctx, bal_pca_transform(ctx, p, &(bal_rows){values, 613, 19}, there));
    for (int i = 0; i < 613; i++)
        for (int j = 0; j < 4; j++) {
            double want = 0.0;
            for (int c = 0; c < 19; c++)
                want += ((double)values[i * 19 + c] - p->mean[c]) * p->components[j * 19 + c];
            test_near("coordinate", want, (double)there[i * 4 + j], 1e-7 * fabs(want) + 1e-9);
        }
    test_fails(ctx, bal_pca_transform(ctx, p, &(bal_rows){values, 613, 18}, there), BAL_BAD_ARG,
               "18 columns", "19", NULL);
    bal_pca_close(&p);
    free(values);
    free(there);
    bal_ctx_close(&ctx);
}

static void bad_input_is_named(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    float values[6] = {1, 2, 3, 4, 5, 7};
    bal_pca *p;
    test_fails(ctx, bal_pca_open(&p, ctx, &(bal_rows){values, 1, 6}, 1), BAL_BAD_ARG, "single row",
               NULL);
    assert_null(p);
    test_fails(ctx, bal_pca_open(&p, ctx, &(bal_rows){values, 3, 2}, 3), BAL_BAD_ARG, "3 principal",
               "1..2", NULL);
    test_fails(ctx, bal_pca_open(&p, ctx, &(bal_rows){values, 3, 2}, 0), BAL_BAD_ARG, "0 principal",
               NULL);
    values[4] = NAN;
    test_fails(ctx, bal_pca_open(&p, ctx, &(bal_rows){values, 3, 2}, 1), BAL_BAD_ARG,
               "row 2, column 0", NULL);
    values[4] = 5;
    bal_ctx_interrupt(ctx);
    test_fails(ctx, bal_pca_open(&p, ctx, &(bal_rows){values, 3, 2}, 1), BAL_INTERRUPTED,
               "interrupted", NULL);
    bal_ctx_close(&ctx);
}

static bal_status attempt(bal_ctx *ctx, void *user)
{
    bal_pca *p;
    float there[30];
    const bal_rows *rows = user;
    BAL_TRY(bal_pca_open(&p, ctx, rows, 2));
    const bal_status status = bal_pca_transform(ctx, p, rows, there);
    bal_pca_close(&p);
    return status;
}

static void allocations_may_fail(void **state)
{
    (void)state;
    float *values = make_rows(12, 5, 5, 0.0F);
    test_allocation_failures(attempt, &(bal_rows){values, 12, 5});
    test_allocation_failures(attempt, &(bal_rows){values, 5, 12});
    free(values);
}

/* 2 1 / 1 2 has the values 3 and 1; the upper triangle is not read. */
static void eigenvalues_by_hand(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    double matrix[4] = {2, NAN, 1, 2}, values[2], vectors[4];
    const double half = sqrt(0.5), want[4] = {half, half, half, -half};
    test_ok(ctx, bal_symmetric_eigen(ctx, matrix, 2, 2, values, vectors));
    test_near("first", 3.0, values[0], 1e-15);
    test_near("second", 1.0, values[1], 1e-15);
    for (int i = 0; i < 4; i++) /* of equals by magnitude rounding says which is the first */
        test_near("vector", fabs(want[i]), fabs(vectors[i]), 1e-15);
    assert_true(vectors[0] * vectors[1] > 0.0 && vectors[2] * vectors[3] < 0.0);
    double again[9] = {4, 0, 0, 0, -5, 0, 0, 0, 7};
    test_ok(ctx, bal_symmetric_eigen(ctx, again, 3, 2, values, NULL));
    test_near("largest", 7.0, values[0], 1e-15);
    test_near("next", 4.0, values[1], 1e-15);
    double bad[4] = {1, 0, INFINITY, 1};
    test_fails(ctx, bal_symmetric_eigen(ctx, bad, 2, 1, values, NULL), BAL_BAD_ARG,
               "row 1, column 0", "infinite", NULL);
    test_fails(ctx, bal_symmetric_eigen(ctx, bad, 2, 3, values, NULL), BAL_BAD_ARG, "3 eigen",
               NULL);
    test_fails(ctx, bal_symmetric_eigen(ctx, bad, 0, 0, values, NULL), BAL_BAD_ARG, "0 rows", NULL);
    bal_ctx_close(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(components_are_what_they_should_be),
        cmocka_unit_test(equal_rows_have_no_variance),
        cmocka_unit_test(transform_by_definition),
        cmocka_unit_test(bad_input_is_named),
        cmocka_unit_test(allocations_may_fail),
        cmocka_unit_test(eigenvalues_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
