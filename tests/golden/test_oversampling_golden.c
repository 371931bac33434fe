/* Methods that add rows, on 30 data sets: what imbalanced-learn 0.10 decides without drawing.
 * oversampling.json is written by make_oversampling_golden.py, which makes the data sets by the
 * same formula. */
#include "ballast/resample.h"
#include "helpers/formula.h"
#include "helpers/helpers.h"
#include "helpers/runs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct data_set {
    bal_resample_data data;
    float *values;
    int32_t *labels;
} data_set;

/* The rows of a class in turn are spread over the set as the script spreads them. */
static int64_t *place_rows(int64_t rows)
{
    int64_t *order = calloc((size_t)rows, sizeof *order);
    assert_non_null(order);
    for (int64_t i = 0; i < rows; i++)
        order[rows % 7 ? i * 7 % rows : i] = i;
    return order;
}

static data_set make_set(const json_t *one, int number)
{
    data_set d = {.data.columns = json_integer_value(json_object_get(one, "columns"))};
    const json_t *sizes = json_object_get(one, "sizes");
    for (size_t c = 0; c < json_array_size(sizes); c++)
        d.data.rows += json_integer_value(json_array_get(sizes, c));
    const int64_t columns = d.data.columns, rows = d.data.rows;
    d.data.values = d.values = calloc((size_t)(rows * columns), sizeof *d.values);
    d.data.labels = d.labels = calloc((size_t)rows, sizeof *d.labels);
    int64_t *order = place_rows(rows), *class_of = calloc((size_t)rows, sizeof *class_of);
    assert_true(d.values && d.labels && class_of);
    int64_t at = 0;
    for (size_t c = 0; c < json_array_size(sizes); c++)
        for (int64_t i = 0; i < json_integer_value(json_array_get(sizes, c)); i++)
            class_of[at++] = (int64_t)c;
    char name[32];
    snprintf(name, sizeof name, "over%d", number);
    const formula f = formula_of(name);
    for (int64_t row = 0; row < rows; row++) {
        const int64_t from = order[row], c = class_of[from];
        d.labels[row] = (int32_t)(3 * c - 1);
        for (int64_t j = 0; j < columns; j++) {
            double x = unit_at(f, from * columns + j);
            if (c > 0 && j == c % columns)
                x += 0.35 + 0.15 * (number % 4);
            d.values[row * columns + j] = (float)x;
        }
    }
    free(order);
    free(class_of);
    return d;
}

static void drop_set(data_set *d)
{
    free(d->values);
    free(d->labels);
}

static void in_all_sets(void (*each)(bal_ctx *ctx, data_set *d, const json_t *one))
{
    bal_ctx *ctx = test_ctx_threads(2);
    json_t *golden = test_json_file(BAL_TEST_DATA "/oversampling.json");
    const json_t *sets = json_object_get(golden, "sets");
    assert_int_equal(json_array_size(sets), 30);
    for (size_t i = 0; i < json_array_size(sets); i++) {
        data_set d = make_set(json_array_get(sets, i), (int)i);
        each(ctx, &d, json_array_get(sets, i));
        drop_set(&d);
    }
    json_decref(golden);
    bal_ctx_close(&ctx);
}

/* ---- rows of each class ---- */

static int compared, refused;

static void floor_column(data_set *d, int64_t column)
{
    for (int64_t i = 0; i < d->data.rows; i++) {
        float *x = &d->values[i * d->data.columns + column];
        *x = (float)floor(2.0 * (double)*x);
    }
}

static void compare_counts(bal_ctx *ctx, const data_set *d, const char *strategy,
                           const char *method, const json_t *want)
{
    bal_resample_settings s = bal_resample_defaults();
    s.method = method;
    s.strategy = strategy;
    if (strcmp(method, "smote-nc") == 0)
        s.categorical = "0";
    bal_resampled *r;
    const bal_status status = bal_resample_open(&r, ctx, &d->data, &s);
    if (json_is_null(want)) {
        assert_true(status == BAL_BAD_ARG ||
                    (status == BAL_BAD_DATA && strcmp(method, "adasyn") == 0));
        refused++;
        return;
    }
    test_ok(ctx, status);
    assert_int_equal(bal_resampled_classes(r), json_array_size(want));
    for (int c = 0; c < bal_resampled_classes(r); c++) {
        const int64_t after = bal_resampled_class_at(r, c).after;
        const int64_t wanted = json_integer_value(json_array_get(want, (size_t)c));
        if (after != wanted)
            fail_msg("%s, %s: class %d has %d rows, %d are right", method, strategy, c, (int)after,
                     (int)wanted);
    }
    compared++;
    bal_resampled_close(&r);
}

static void check_counts(bal_ctx *ctx, data_set *d, const json_t *one)
{
    const json_t *rows = json_object_get(one, "strategies");
    static const char *const methods[] = {"random-over", "smote", "borderline-1", "adasyn"};
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const char *strategy = json_string_value(json_object_get(row, "strategy"));
        for (size_t m = 0; m < BAL_COUNT_OF(methods); m++)
            compare_counts(ctx, d, strategy, methods[m], json_object_get(row, methods[m]));
    }
    for (int64_t j = 0; j < d->data.columns; j++) {
        floor_column(d, j);
        for (size_t i = 0; i < json_array_size(rows); i++) {
            const json_t *row = json_array_get(rows, i);
            const char *strategy = json_string_value(json_object_get(row, "strategy"));
            const json_t *mixed = json_object_get(row, "smote-nc");
            const json_t *nominal = json_object_get(row, "smoten");
            if (j == 0 && mixed)
                compare_counts(ctx, d, strategy, "smote-nc", mixed);
            if (j == d->data.columns - 1 && nominal)
                compare_counts(ctx, d, strategy, "smoten", nominal);
        }
    }
}

static void classes_get_as_many_rows(void **state)
{
    (void)state;
    in_all_sets(check_counts);
    assert_true(compared > 900 && refused > 900);
}

/* ---- which rows are bases ---- */

/* How often each input row is the base of a new row of the class, with weights of one sign only. */
static int64_t *count_bases(bal_ctx *ctx, const data_set *d, const char *method, int32_t label,
                            int64_t count, int sign)
{
    bal_resample_settings s = bal_resample_defaults();
    char strategy[64];
    snprintf(strategy, sizeof strategy, "%d:%lld", (int)label, (long long)count);
    s.method = method;
    s.strategy = strategy;
    bal_resampled *r;
    test_ok(ctx, bal_resample_open(&r, ctx, &d->data, &s));
    int64_t *bases = calloc((size_t)d->data.rows, sizeof *bases);
    assert_non_null(bases);
    for (int64_t i = d->data.rows; i < bal_resampled_count(r); i++) {
        bal_resampled_origin o;
        test_ok(ctx, bal_resampled_origins(r, i, 1, &o));
        assert_int_equal(o.label, label);
        bases[o.base] += sign == 0 || (sign > 0) == (o.weight > 0.0);
    }
    bal_resampled_close(&r);
    return bases;
}

static int64_t rows_of(const data_set *d, int32_t label)
{
    int64_t count = 0;
    for (int64_t i = 0; i < d->data.rows; i++)
        count += d->labels[i] == label;
    return count;
}

static bool is_in(const json_t *rows, int64_t row)
{
    for (size_t i = 0; i < json_array_size(rows); i++)
        if (json_integer_value(json_array_get(rows, i)) == row)
            return true;
    return false;
}

/* So many rows are asked for that every base comes up. */
static void bases_are(const data_set *d, const int64_t *bases, const json_t *want, const char *what)
{
    for (int64_t i = 0; i < d->data.rows; i++)
        if ((bases[i] > 0) != is_in(want, i))
            fail_msg("%s: row %d is %s base", what, (int)i, bases[i] ? "a" : "no");
}

static void check_danger(bal_ctx *ctx, data_set *d, const json_t *one)
{
    const json_t *classes = json_object_get(one, "classes");
    for (size_t c = 0; c < json_array_size(classes); c++) {
        const json_t *k = json_array_get(classes, c);
        const int32_t label = (int32_t)json_integer_value(json_object_get(k, "label"));
        int64_t *bases = count_bases(ctx, d, "borderline-1", label, 4000, 0);
        bases_are(d, bases, json_object_get(k, "danger"), "borderline-1");
        free(bases);
    }
}

static void rows_in_danger_are_the_same(void **state)
{
    (void)state;
    in_all_sets(check_danger);
}

static void check_adasyn(bal_ctx *ctx, data_set *d, const json_t *one)
{
    const json_t *sizes = json_object_get(one, "sizes"), *classes = json_object_get(one, "classes");
    int64_t most = 0;
    for (size_t c = 0; c < json_array_size(sizes); c++) {
        const int64_t n = json_integer_value(json_array_get(sizes, c));
        most = n > most ? n : most;
    }
    for (size_t c = 0; c < json_array_size(classes); c++) {
        const json_t *k = json_array_get(classes, c), *want = json_object_get(k, "adasyn");
        const int32_t label = (int32_t)json_integer_value(json_object_get(k, "label"));
        int64_t *bases = count_bases(ctx, d, "adasyn", label, most + 50, 0);
        size_t member = 0;
        for (int64_t i = 0; i < d->data.rows; i++) {
            const bool of_class = d->labels[i] == label;
            assert_int_equal(bases[i],
                             of_class ? json_integer_value(json_array_get(want, member)) : 0);
            member += of_class;
        }
        assert_int_equal(member, json_array_size(want));
        free(bases);
    }
}

static void adasyn_gives_each_row_as_many(void **state)
{
    (void)state;
    in_all_sets(check_adasyn);
}

static void check_support(bal_ctx *ctx, data_set *d, const json_t *one)
{
    const json_t *classes = json_object_get(one, "classes");
    for (size_t c = 0; c < json_array_size(classes); c++) {
        const json_t *k = json_array_get(classes, c), *want = json_object_get(k, "support");
        const int32_t label = (int32_t)json_integer_value(json_object_get(k, "label"));
        for (int sign = -1; sign <= 1; sign += 2) {
            int64_t *bases = count_bases(ctx, d, "svm-smote", label, 6000, sign);
            bases_are(d, bases, json_object_get(want, sign > 0 ? "danger" : "safe"), "svm-smote");
            free(bases);
        }
    }
}

static void support_vectors_are_the_same(void **state)
{
    (void)state;
    in_all_sets(check_support);
}

/* ---- SMOTEN ---- */

static int smoten_rows;

static void check_smoten(bal_ctx *ctx, data_set *d, const json_t *one)
{
    for (int64_t j = 0; j < d->data.columns; j++)
        floor_column(d, j);
    const json_t *classes = json_object_get(one, "classes");
    for (size_t c = 0; c < json_array_size(classes); c++) {
        const json_t *k = json_array_get(classes, c), *want = json_object_get(k, "smoten");
        const int32_t label = (int32_t)json_integer_value(json_object_get(k, "label"));
        bal_resample_settings s = bal_resample_defaults();
        char strategy[64];
        snprintf(strategy, sizeof strategy, "%d:%lld", (int)label,
                 (long long)rows_of(d, label) + 1500);
        s.method = "smoten";
        s.strategy = strategy;
        bal_resampled *r;
        test_ok(ctx, bal_resample_open(&r, ctx, &d->data, &s));
        for (int64_t i = d->data.rows; i < bal_resampled_count(r); i++) {
            bal_resampled_origin o;
            float row[8];
            int64_t place = 0;
            test_ok(ctx, bal_resampled_origins(r, i, 1, &o));
            test_ok(ctx, bal_resampled_rows(r, i, 1, row, NULL));
            for (int64_t before = 0; before < o.base; before++)
                place += d->labels[before] == label;
            for (size_t w = 0; w < json_array_size(want); w++) {
                const json_t *made = json_array_get(want, w);
                if (json_integer_value(json_array_get(made, 0)) != place)
                    continue;
                smoten_rows++;
                for (int64_t j = 0; j < d->data.columns; j++)
                    assert_true((double)row[j] ==
                                json_number_value(json_array_get(made, (size_t)j + 1)));
            }
        }
        bal_resampled_close(&r);
    }
}

static void smoten_makes_the_same_rows(void **state)
{
    (void)state;
    in_all_sets(check_smoten);
    assert_true(smoten_rows > 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_get_as_many_rows),
        cmocka_unit_test(rows_in_danger_are_the_same),
        cmocka_unit_test(adasyn_gives_each_row_as_many),
        cmocka_unit_test(support_vectors_are_the_same),
        cmocka_unit_test(smoten_makes_the_same_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
