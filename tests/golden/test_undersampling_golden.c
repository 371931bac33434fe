/* Methods that remove rows, on 30 data sets: the rows that imbalanced-learn 0.10 keeps.
 * undersampling.json is written by make_undersampling_golden.py, which makes the data sets by the
 * same formula. */
#include "ballast/resample.h"
#include "helpers/formula.h"
#include "helpers/helpers.h"
#include "helpers/runs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct data_set {
    float *values;
    int32_t *labels;
    int64_t rows, columns;
} data_set;

static data_set make_set(const json_t *one, int number)
{
    data_set d = {.columns = json_integer_value(json_object_get(one, "columns"))};
    const json_t *sizes = json_object_get(one, "sizes");
    for (size_t c = 0; c < json_array_size(sizes); c++)
        d.rows += json_integer_value(json_array_get(sizes, c));
    d.values = calloc((size_t)(d.rows * d.columns), sizeof *d.values);
    d.labels = calloc((size_t)d.rows, sizeof *d.labels);
    assert_non_null(d.values);
    assert_non_null(d.labels);
    char name[32];
    snprintf(name, sizeof name, "under%d", number);
    const formula f = formula_of(name);
    int64_t row = 0;
    for (size_t c = 0; c < json_array_size(sizes); c++)
        for (int64_t i = 0; i < json_integer_value(json_array_get(sizes, c)); i++, row++) {
            d.labels[row] = (int32_t)c;
            for (int64_t j = 0; j < d.columns; j++) {
                double x = unit_at(f, row * d.columns + j);
                if (c > 0 && j == (int64_t)c % d.columns)
                    x += 0.35 + 0.15 * (number % 4);
                d.values[row * d.columns + j] = (float)x;
            }
        }
    return d;
}

/* Every key of a result but "method" and "kept" is an option. */
static bal_resample_settings settings_of(bal_ctx *ctx, const json_t *result)
{
    bal_resample_settings s = bal_resample_defaults();
    const char *key;
    json_t *value;
    s.method = json_string_value(json_object_get(result, "method"));
    json_object_foreach((json_t *)(uintptr_t)result, key, value)
    {
        char text[32];
        if (strcmp(key, "method") == 0 || strcmp(key, "kept") == 0)
            continue;
        const bal_option *row = bal_resample_options();
        while (row->name && strcmp(row->name, key) != 0)
            row++;
        assert_non_null(row->name);
        if (json_is_string(value)) {
            test_ok(ctx, bal_option_set(ctx, row, &s, "", json_string_value(value)));
            continue;
        }
        snprintf(text, sizeof text, "%.10g", json_number_value(value));
        test_ok(ctx, bal_option_set(ctx, row, &s, "", text));
    }
    return s;
}

static void compare(bal_ctx *ctx, const data_set *d, int number, const json_t *result)
{
    const bal_resample_settings s = settings_of(ctx, result);
    const bal_resample_data data = {d->values, d->labels, d->rows, d->columns};
    const json_t *kept = json_object_get(result, "kept");
    bal_resampled *r;
    test_ok(ctx, bal_resample_open(&r, ctx, &data, &s));
    assert_int_equal(bal_resampled_count(r), bal_resampled_kept(r));
    int64_t at = 0;
    for (size_t i = 0; i < json_array_size(kept); i += 2) {
        const int64_t first = json_integer_value(json_array_get(kept, i));
        const int64_t last = json_integer_value(json_array_get(kept, i + 1));
        for (int64_t row = first; row <= last; row++, at++) {
            bal_resampled_origin o = {.base = -1};
            if (at < bal_resampled_kept(r))
                test_ok(ctx, bal_resampled_origins(r, at, 1, &o));
            if (o.base != row)
                fail_msg("set %d, %s: row %lld of the kept ones is %lld, not %lld", number,
                         s.method, (long long)at, (long long)o.base, (long long)row);
        }
    }
    if (at != bal_resampled_kept(r))
        fail_msg("set %d, %s: %lld rows are kept, not %lld", number, s.method,
                 (long long)bal_resampled_kept(r), (long long)at);
    bal_resampled_close(&r);
}

static void rows_are_imblearns(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    json_t *golden = test_json_file(test_path(BAL_TEST_DATA, "undersampling.json"));
    const json_t *sets = json_object_get(golden, "sets");
    bool seen[64] = {false};
    assert_int_equal(json_array_size(sets), 30);
    for (size_t i = 0; i < json_array_size(sets); i++) {
        const json_t *one = json_array_get(sets, i), *results = json_object_get(one, "results");
        data_set d = make_set(one, (int)i);
        assert_true(json_array_size(results) >= 20);
        for (size_t k = 0; k < json_array_size(results); k++) {
            const json_t *result = json_array_get(results, k);
            compare(ctx, &d, (int)i, result);
            for (int m = 0; bal_resampler_at(m); m++)
                seen[m] |= strcmp(bal_resampler_at(m)->name,
                                  json_string_value(json_object_get(result, "method"))) == 0;
        }
        free(d.values);
        free(d.labels);
    }
    /* a new method that removes rows by a rule wants its rows here; draws and centroids are
       tested on their own */
    for (int m = 0; bal_resampler_at(m); m++) {
        const bal_resampler_info *info = bal_resampler_at(m);
        const bool removes = info->kind == BAL_RESAMPLE_UNDER || info->kind == BAL_RESAMPLE_CLEAN;
        if (removes && !seen[m] && strcmp(info->name, "random-under") != 0 &&
            strcmp(info->name, "cluster-centroids") != 0)
            fail_msg("%s is not in undersampling.json", info->name);
    }
    json_decref(golden);
    bal_ctx_close(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_imblearns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
