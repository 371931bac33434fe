/* Every metric against scikit-learn's on 200 small random test sets: absent classes, ties, constant
 * predictors, single items. The file is written by make_metrics_golden.py. */
#include "helpers/helpers.h"

#include "ballast/evaluate.h"
#include "helpers/near.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define TOLERANCE 1e-9

static double number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!value)
        fail_msg("the golden file has no %s", key);
    return json_is_null(value) ? NAN : json_number_value(value);
}

static void check_classes(int n, const json_t *list, const bal_evaluation *e)
{
    for (int c = 0; c < bal_evaluation_classes(e); c++) {
        const json_t *want = json_array_get(list, (size_t)c);
        const bal_class_metrics *m = bal_evaluation_class(e, c);
        const struct {
            const char *key;
            double got;
        } fields[] = {
            {"support", (double)m->support},
            {"predicted", (double)m->predicted},
            {"precision", m->precision},
            {"recall", m->recall},
            {"f1", m->f1},
            {"auroc", m->auroc},
            {"average_precision", m->average_precision},
            {"loss", m->loss},
        };
        for (size_t k = 0; k < BAL_COUNT_OF(fields); k++) {
            char what[80];
            snprintf(what, sizeof what, "case %d class %d %s", n, c, fields[k].key);
            test_near(what, number(want, fields[k].key), fields[k].got, TOLERANCE);
        }
    }
}

static void check_case(bal_ctx *ctx, int n, const json_t *one)
{
    const json_t *labels = json_object_get(one, "labels"), *scores = json_object_get(one, "scores");
    const json_t *want = json_object_get(one, "metrics"),
                 *covered = json_object_get(one, "covered");
    const json_t *confusion = json_object_get(one, "confusion");
    const size_t items = json_array_size(labels), count = json_array_size(scores);
    float *values = calloc(count, sizeof *values);
    int32_t *y = calloc(items, sizeof *y);
    assert_true(values && y && items > 0);
    for (size_t i = 0; i < count; i++)
        values[i] = (float)(json_number_value(json_array_get(scores, i)) / number(one, "unit"));
    for (size_t i = 0; i < items; i++)
        y[i] = (int32_t)json_integer_value(json_array_get(labels, i));
    bal_evaluation_settings settings = bal_evaluation_defaults();
    settings.classes = (int)number(one, "classes");
    settings.items = (int64_t)items;
    settings.scores = values;
    settings.labels = y;
    settings.scores_are_probabilities = json_is_true(json_object_get(one, "probabilities"));
    settings.bootstrap = 0;
    assert_int_equal(count, items * (size_t)settings.classes);
    bal_evaluation *e;
    test_ok(ctx, bal_evaluate(&e, ctx, &settings));
    for (int k = 0; k < BAL_METRIC_COUNT; k++) {
        const char *key = bal_metric_key((bal_metric)k);
        char what[80];
        snprintf(what, sizeof what, "case %d %s", n, key);
        test_near(what, number(want, key), bal_evaluation_metric(e, (bal_metric)k), TOLERANCE);
        const json_t *classes = json_object_get(covered, key);
        test_near(what, classes ? json_number_value(classes) : 0.0,
                  bal_evaluation_covered(e, (bal_metric)k), 0.0);
    }
    check_classes(n, json_object_get(one, "per_class"), e);
    for (int a = 0; a < settings.classes; a++)
        for (int b = 0; b < settings.classes; b++)
            assert_int_equal(
                json_integer_value(json_array_get(json_array_get(confusion, (size_t)a), (size_t)b)),
                bal_evaluation_confusion(e, a, b));
    bal_evaluation_close(&e);
    free(values);
    free(y);
}

static void metrics_equal_scikit_learn(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    json_error_t error;
    json_t *file = json_load_file(BAL_TEST_DATA "/metrics.json", 0, &error);
    if (!file)
        fail_msg("metrics.json: %s", error.text);
    const json_t *cases = json_object_get(file, "cases");
    assert_int_equal(json_array_size(cases), 200);
    for (size_t i = 0; i < json_array_size(cases); i++)
        check_case(ctx, (int)i, json_array_get(cases, i));
    json_decref(file);
    bal_ctx_close(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(metrics_equal_scikit_learn)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
