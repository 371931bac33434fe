/* Principal components against scikit-learn's. The file is written by make_pca.py. */
#include "helpers/helpers.h"

#include "helpers/near.h"
#include "numeric/pca.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define TOLERANCE 1e-9

static int64_t whole(const json_t *one, const char *key)
{
    const json_t *number = json_object_get(one, key);
    assert_true(json_is_integer(number));
    return (int64_t)json_integer_value(number);
}

/* Each of the numbers got is within the tolerance times scale of those in the list. */
static void check_list(const json_t *one, const char *key, const double *got, size_t count,
                       double scale)
{
    const json_t *want = json_object_get(one, key);
    assert_int_equal(json_array_size(want), count);
    for (size_t i = 0; i < count; i++) {
        char what[100];
        snprintf(what, sizeof what, "%s: %s %d", json_string_value(json_object_get(one, "name")),
                 key, (int)i);
        test_near(what, json_number_value(json_array_get(want, i)), got[i], TOLERANCE * scale);
    }
}

static void check_case(bal_ctx *ctx, const json_t *one)
{
    const json_t *list = json_object_get(one, "values");
    const int64_t n = whole(one, "rows"), columns = whole(one, "columns");
    const size_t count = (size_t)whole(one, "count"), known = (size_t)whole(one, "known");
    const size_t five = n < 5 ? (size_t)n : 5;
    float *values = calloc((size_t)(n * columns), sizeof *values);
    float *there = calloc(five * count, sizeof *there);
    double *compared = calloc(five * known, sizeof *compared);
    assert_true(values && there && compared);
    assert_int_equal(json_array_size(list), n * columns);
    for (int64_t i = 0; i < n * columns; i++)
        values[i] = (float)(json_number_value(json_array_get(list, (size_t)i)) /
                            (double)whole(one, "unit"));
    const bal_rows rows = {values, n, columns};
    bal_pca *pca;
    test_ok(ctx, bal_pca_open(&pca, ctx, &rows, (int64_t)count));
    check_list(one, "mean", pca->mean, (size_t)columns, 1e4);
    check_list(one, "variance", pca->variance, count, pca->variance[0]);
    check_list(one, "components", pca->components, known * (size_t)columns, 1.0);
    test_near("total", json_number_value(json_object_get(one, "total")), pca->total_variance,
              TOLERANCE * pca->total_variance);
    test_ok(ctx, bal_pca_transform(ctx, pca, &(bal_rows){values, (int64_t)five, columns}, there));
    for (size_t i = 0; i < five; i++)
        for (size_t j = 0; j < known; j++)
            compared[i * known + j] = (double)there[i * count + j];
    check_list(one, "transformed", compared, five * known, 1e2 * 1e3); /* rounded to float */
    bal_pca_close(&pca);
    free(values);
    free(there);
    free(compared);
}

static void components_equal_scikit_learn(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    json_t *file = json_load_file(BAL_TEST_DATA "/pca.json", 0, NULL);
    assert_non_null(file);
    const json_t *cases = json_object_get(file, "cases");
    assert_int_equal(json_array_size(cases), 9);
    for (size_t i = 0; i < json_array_size(cases); i++)
        check_case(ctx, json_array_get(cases, i));
    json_decref(file);
    bal_ctx_close(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(components_equal_scikit_learn)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
