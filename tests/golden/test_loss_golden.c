/* Values, values per sample and gradients of every loss against PyTorch in float64. The file is
 * written by make_loss_golden.py. */
#include "helpers/helpers.h"

#include "ballast/loss.h"
#include "helpers/near.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_number(value))
        fail_msg("the golden file has no number %s", key);
    return json_number_value(value);
}

/* A setting of the loss; those that a case does not name have their default. */
static double setting(const json_t *object, const char *key, double standard)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : standard;
}

/* The numbers of a list divided by unit, NULL for null; nested lists one after the other. */
static double *numbers(const json_t *list, double unit, size_t expected)
{
    if (!json_is_array(list))
        return NULL;
    double *values = calloc(expected, sizeof *values);
    assert_non_null(values);
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        const size_t inner = json_is_array(item) ? json_array_size(item) : 1;
        for (size_t k = 0; k < inner; k++) {
            assert_true(count < expected);
            values[count++] =
                json_number_value(json_is_array(item) ? json_array_get(item, k) : item) / unit;
        }
    }
    assert_int_equal(count, expected);
    return values;
}

static float *floats(const double *values, size_t count)
{
    float *copy = values ? calloc(count, sizeof *copy) : NULL;
    for (size_t i = 0; copy && i < count; i++)
        copy[i] = (float)values[i];
    return copy;
}

static void near_relative(const char *what, double want, double got, double tolerance)
{
    test_near(what, want, got, tolerance * (1.0 + fabs(want)));
}

static void check_case(bal_ctx *ctx, int n, const json_t *one)
{
    const char *name = json_string_value(json_object_get(one, "loss"));
    const json_t *list = json_object_get(one, "labels");
    const size_t classes = json_array_size(json_object_get(one, "counts"));
    const size_t samples = json_array_size(json_object_get(one, "per_sample"));
    double *logits =
        numbers(json_object_get(one, "logits"), number(one, "unit"), samples * classes);
    double *counts = numbers(json_object_get(one, "counts"), 1.0, classes);
    double *weights = numbers(json_object_get(one, "weights"), 1.0, classes);
    double *shares = numbers(json_object_get(one, "sample_weights"), 1.0, samples);
    double *targets = numbers(json_object_get(one, "targets"), 8.0, samples * classes);
    double *per_sample = numbers(json_object_get(one, "per_sample"), 1.0, samples);
    double *slopes = numbers(json_object_get(one, "gradient"), 1.0, samples * classes);
    float *z = floats(logits, samples * classes), *s = floats(shares, samples);
    float *t = floats(targets, samples * classes);
    double *drawn = numbers(json_object_get(one, "draws"), 64.0, samples * classes);
    double *sizes = numbers(json_object_get(one, "feature_norms"), 8.0, samples);
    double *size_slopes = numbers(json_object_get(one, "feature_slopes"), 1.0, samples);
    float *u = floats(drawn, samples * classes), *norms = floats(sizes, samples);
    float *feature_slopes = calloc(samples, sizeof *feature_slopes);
    int64_t *n_j = calloc(classes, sizeof *n_j);
    int32_t *y = calloc(samples, sizeof *y);
    double *values = calloc(samples, sizeof *values);
    float *gradient = calloc(samples * classes, sizeof *gradient);
    assert_true(z && n_j && y && values && gradient && per_sample && slopes && feature_slopes);
    for (size_t j = 0; j < classes; j++)
        n_j[j] = (int64_t)counts[j];
    for (size_t i = 0; i < samples; i++)
        y[i] = (int32_t)json_integer_value(json_array_get(list, i));
#define NUMBER(name, value, least, most, standard, about) .name = setting(one, #name, standard),
    const bal_loss_settings settings = {
        .name = name,
        .classes = (int)classes,
        .counts = n_j,
        .weights = weights,
        .label_smoothing = number(one, "label_smoothing"),
        .s = setting(one, "s", 30.0),
        .las_shape = json_string_value(json_object_get(one, "las_shape")),
        BAL_LOSS_NUMBER_LIST(NUMBER).reduction = json_is_true(json_object_get(one, "weighted_mean"))
                                                     ? BAL_REDUCE_WEIGHTED_MEAN
                                                     : BAL_REDUCE_MEAN,
    };
#undef NUMBER
    const bal_loss_batch batch = {.samples = (int64_t)samples,
                                  .logits = z,
                                  .labels = t ? NULL : y,
                                  .targets = t,
                                  .sample_weights = s,
                                  .draws = u,
                                  .feature_norms = norms,
                                  .feature_slopes = feature_slopes};
    bal_loss *loss;
    double value;
    test_ok(ctx, bal_loss_open(&loss, ctx, &settings));
    double *before = numbers(json_object_get(one, "state"), 1.0, classes);
    double *after = numbers(json_object_get(one, "state_after"), 1.0, classes);
    if (before) {
        double got[64];
        assert_true(classes <= 64 && after);
        test_ok(ctx, bal_loss_set_state(loss, ctx, before, (int)classes));
        test_ok(ctx, bal_loss_observe(loss, ctx, &batch));
        bal_loss_get_state(loss, got);
        assert_memory_equal(got, after, classes * sizeof *got);
    } else {
        assert_int_equal(bal_loss_state_count(loss), 0);
    }
    test_ok(ctx, bal_loss_compute(loss, ctx, &batch, &value, values, gradient));
    char what[80];
    snprintf(what, sizeof what, "case %d, %s", n, name);
    near_relative(what, number(one, "value"), value, 1e-12);
    for (size_t i = 0; i < samples; i++)
        near_relative(what, per_sample[i], values[i], 1e-12);
    for (size_t k = 0; k < samples * classes; k++)
        near_relative(what, slopes[k], (double)gradient[k], 1e-7);
    for (size_t i = 0; size_slopes && i < samples; i++)
        near_relative(what, size_slopes[i], (double)feature_slopes[i], 1e-7);
    bal_loss_close(&loss);
    void *all[] = {logits, counts, weights, shares,      targets, per_sample,     slopes,
                   z,      s,      t,       n_j,         y,       values,         gradient,
                   drawn,  sizes,  u,       size_slopes, norms,   feature_slopes, before,
                   after};
    for (size_t i = 0; i < BAL_COUNT_OF(all); i++)
        free(all[i]);
}

static void losses_equal_pytorch(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    json_error_t error;
    json_t *file = json_load_file(BAL_TEST_DATA "/losses.json", 0, &error);
    if (!file)
        fail_msg("losses.json: %s", error.text);
    const json_t *cases = json_object_get(file, "cases");
    const bal_loss_info *info;
    for (int i = 0; (info = bal_loss_at(i)); i++) {
        int found = 0;
        for (size_t k = 0; k < json_array_size(cases); k++) {
            const json_t *one = json_array_get(cases, k);
            if (strcmp(json_string_value(json_object_get(one, "loss")), info->name) == 0) {
                check_case(ctx, (int)k, one);
                found++;
            }
        }
        if (!found)
            fail_msg("loss %s is not in losses.json", info->name);
    }
    json_decref(file);
    bal_ctx_close(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(losses_equal_pytorch)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
