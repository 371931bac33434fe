/* What an audit says about class counts against NumPy and SciPy. The file is written by
 * make_audit_golden.py. */
#include "helpers/helpers.h"

#include "audit/audit_handle.h"
#include "helpers/near.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>

#define TOLERANCE 1e-9 /* of the larger of 1 and the value */
#define MOST 16

static double number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!value)
        fail_msg("the golden file has no %s", key);
    return json_number_value(value);
}

static void near(int n, const char *what, int c, double want, double got)
{
    char where[80];
    snprintf(where, sizeof where, "case %d class %d %s", n, c, what);
    test_near(where, want, got, TOLERANCE * fmax(1.0, fabs(want)));
}

static void read_counts(const json_t *one, bal_audit_extent *e, bal_audit_class_extent *of)
{
    const json_t *train = json_object_get(one, "train"), *test = json_object_get(one, "test");
    *e = (bal_audit_extent){.classes = (int)json_array_size(train)};
    assert_in_range(e->classes, 2, MOST);
    for (int c = 0; c < e->classes; c++) {
        of[c] = (bal_audit_class_extent){0};
        of[c].items[BAL_SPLIT_TRAIN] = json_integer_value(json_array_get(train, (size_t)c));
        of[c].items[BAL_SPLIT_TEST] = json_integer_value(json_array_get(test, (size_t)c));
        e->items[BAL_SPLIT_TRAIN] += of[c].items[BAL_SPLIT_TRAIN];
        e->items[BAL_SPLIT_TEST] += of[c].items[BAL_SPLIT_TEST];
    }
}

static void check_interval(int n, int c, const json_t *want, const bal_audit_class_extent *of)
{
    if (json_is_null(want)) {
        assert_int_equal(of->right, 0);
        assert_true(isnan(of->interval.low) && isnan(of->interval.high) && of->too_rare);
        return;
    }
    const double low = json_number_value(json_array_get(want, 1)),
                 high = json_number_value(json_array_get(want, 2));
    assert_int_equal(of->right, json_integer_value(json_array_get(want, 0)));
    near(n, "low", c, low, of->interval.low);
    near(n, "high", c, high, of->interval.high);
    assert_int_equal(of->too_rare, high - low > BAL_AUDIT_WIDE);
}

static void check_case(bal_ctx *ctx, int n, const json_t *one)
{
    bal_audit_extent e;
    bal_audit_class_extent of[MOST];
    read_counts(one, &e, of);
    test_ok(ctx, bal_audit_measure_counts(ctx, &e, of));
    near(n, "ratio", -1, number(one, "imbalance_ratio"), e.imbalance_ratio);
    near(n, "degree", -1, number(one, "imbalance_degree"), e.imbalance_degree);
    near(n, "lrid", -1, number(one, "lrid"), e.lrid);
    near(n, "evenness", -1, number(one, "evenness"), e.evenness);
    near(n, "gini", -1, number(one, "gini"), e.gini);
    double effective = 0.0;
    int too_rare = 0, members[BAL_GROUP_COUNT] = {0};
    int64_t images[BAL_GROUP_COUNT] = {0};
    for (int c = 0; c < e.classes; c++) {
        const size_t at = (size_t)c;
        const double want =
            json_number_value(json_array_get(json_object_get(one, "effective"), at));
        near(n, "effective", c, want, of[c].effective);
        effective += want;
        assert_int_equal(of[c].group,
                         json_integer_value(json_array_get(json_object_get(one, "groups"), at)));
        members[of[c].group]++;
        images[of[c].group] += of[c].items[BAL_SPLIT_TRAIN];
        check_interval(n, c, json_array_get(json_object_get(one, "intervals"), at), &of[c]);
        too_rare += of[c].too_rare;
        assert_true(of[c].items[BAL_SPLIT_TRAIN] <= e.largest);
        assert_true(of[c].items[BAL_SPLIT_TRAIN] >= e.smallest);
    }
    near(n, "effective", -1, effective, e.effective);
    assert_int_equal(e.too_rare, too_rare);
    assert_int_equal(of[e.largest_class].items[BAL_SPLIT_TRAIN], e.largest);
    assert_int_equal(of[e.smallest_class].items[BAL_SPLIT_TRAIN], e.smallest);
    for (int g = 0; g < BAL_GROUP_COUNT; g++) {
        assert_int_equal(e.group_classes[g], members[g]);
        assert_int_equal(e.group_items[g], images[g]);
    }
}

static void figures_are_those_of_numpy(void **state)
{
    (void)state;
    json_error_t error;
    json_t *cases = json_load_file(BAL_TEST_DATA "/audit_extent.json", 0, &error);
    if (!cases)
        fail_msg("audit_extent.json: %s", error.text);
    bal_ctx *ctx = test_ctx();
    assert_int_equal(json_array_size(cases), 10);
    for (size_t n = 0; n < json_array_size(cases); n++)
        check_case(ctx, (int)n, json_array_get(cases, n));
    bal_ctx_close(&ctx);
    json_decref(cases);
}

/* The example. */
static void eight_of_nine(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_audit_class_extent of[2] = {{.items = {40, 4, 9}}, {.items = {41, 4, 90}}};
    bal_audit_extent e = {.classes = 2, .items = {81, 8, 99}};
    test_ok(ctx, bal_audit_measure_counts(ctx, &e, of));
    assert_int_equal(of[0].right, 8);
    test_near("low", 0.518, of[0].interval.low, 0.0005);
    test_near("high", 0.997, of[0].interval.high, 0.0005);
    assert_true(of[0].too_rare && !of[1].too_rare);
    /* without a test split the validation split measures */
    of[0] = (bal_audit_class_extent){.items = {40, 4, 0}};
    of[1] = (bal_audit_class_extent){.items = {41, 3, 0}};
    e = (bal_audit_extent){.classes = 2, .items = {81, 7, 0}};
    test_ok(ctx, bal_audit_measure_counts(ctx, &e, of));
    assert_int_equal(e.measured_on, BAL_SPLIT_VAL);
    assert_int_equal(of[0].measured, 4);
    assert_int_equal(of[1].right, 2);
    bal_ctx_close(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_those_of_numpy),
        cmocka_unit_test(eight_of_nine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
