/* Assignments against SciPy's linear_sum_assignment: square, wide and tall costs, ties, all equal.
 * assignment.json is written by make_assignment.py. */
#include "helpers/helpers.h"

#include "helpers/near.h"
#include "numeric/assignment.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

enum { MOST = 64 };

static void check_case(bal_ctx *ctx, const json_t *of_case)
{
    const json_t *cost = json_object_get(of_case, "cost");
    const size_t rows = json_array_size(cost), columns = json_array_size(json_array_get(cost, 0));
    double values[MOST * MOST], total = 0.0;
    int64_t column_of[MOST];
    bool taken[MOST] = {false};
    size_t pairs = 0;
    for (size_t i = 0; i < rows * columns; i++)
        values[i] =
            json_number_value(json_array_get(json_array_get(cost, i / columns), i % columns));
    test_ok(ctx, bal_assign(ctx, &(bal_assignment_ask){values, (int64_t)rows, (int64_t)columns},
                            column_of));
    for (size_t i = 0; i < rows; i++) {
        if (column_of[i] < 0)
            continue;
        assert_in_range(column_of[i], 0, columns - 1);
        assert_false(taken[column_of[i]]);
        taken[column_of[i]] = true;
        total += values[i * columns + (size_t)column_of[i]];
        pairs++;
        if (json_is_true(json_object_get(of_case, "unique")))
            assert_int_equal(column_of[i], json_integer_value(json_array_get(
                                               json_object_get(of_case, "columns"), i)));
    }
    assert_int_equal(pairs, rows < columns ? rows : columns);
    test_near("total", json_number_value(json_object_get(of_case, "total")), total, 1e-9);
}

static void as_scipy(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx_threads(1);
    json_t *file = json_load_file(BAL_TEST_DATA "/assignment.json", 0, NULL);
    assert_non_null(file);
    const json_t *cases = json_object_get(file, "cases");
    assert_int_equal(json_array_size(cases), 11);
    for (size_t i = 0; i < json_array_size(cases); i++)
        check_case(ctx, json_array_get(cases, i));
    json_decref(file);
    bal_ctx_close(&ctx);
}

static void bad_costs_are_told(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx_threads(1);
    double cost[] = {1.0, 2.0, 3.0, 4.0, NAN, 6.0};
    int64_t column_of[3];
    test_fails(ctx, bal_assign(ctx, &(bal_assignment_ask){cost, 2, 3}, column_of), BAL_BAD_ARG,
               "row 1", "column 1", NULL);
    test_fails(ctx, bal_assign(ctx, &(bal_assignment_ask){cost, 0, 3}, column_of), BAL_BAD_ARG,
               "0 rows", NULL);
    bal_ctx_close(&ctx);
}

static bal_status attempt(bal_ctx *ctx, void *user)
{
    int64_t column_of[3];
    (void)user;
    const double cost[] = {1.0, 2.0, 3.0, 4.0, 0.0, 6.0};
    return bal_assign(ctx, &(bal_assignment_ask){cost, 3, 2}, column_of);
}

static void memory_that_runs_out_leaves_nothing(void **state)
{
    (void)state;
    test_allocation_failures(attempt, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_scipy),
        cmocka_unit_test(bad_costs_are_told),
        cmocka_unit_test(memory_that_runs_out_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
