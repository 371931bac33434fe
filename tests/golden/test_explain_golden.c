/* The measures of embeddings against NumPy: ties, negative weights, classes without TP, of one item
 * and without items, one feature, two classes, a cosine head, no head, predictions that are given,
 * one side alone. explain.json is written by make_explain_golden.py. */
#include "helpers/helpers.h"

#include "ballast/explain.h"
#include "helpers/near.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEP 64.0F
#define TOLERANCE 1e-9

static const char *case_name;

static void near(const char *what, int c, double want, double got)
{
    char text[160];
    snprintf(text, sizeof text, "%s: %s of %d", case_name, what, c);
    test_near(text, want, got, TOLERANCE * (fabs(want) > 1.0 ? fabs(want) : 1.0));
}

static double number(const json_t *value)
{
    return !value || json_is_null(value) ? NAN : json_number_value(value);
}

static size_t count_of(const json_t *array)
{
    return json_is_array(json_array_get(array, 0))
               ? json_array_size(array) * json_array_size(json_array_get(array, 0))
               : json_array_size(array);
}

static const json_t *value_at(const json_t *array, size_t i)
{
    const json_t *first = json_array_get(array, 0);
    if (!json_is_array(first))
        return json_array_get(array, i);
    const size_t width = json_array_size(first);
    return json_array_get(json_array_get(array, i / width), i % width);
}

/* NULL for a missing array. */
static float *floats_of(const json_t *array)
{
    const size_t count = count_of(array);
    float *out = array ? malloc((count + 1) * sizeof *out) : NULL;
    for (size_t i = 0; out && i < count; i++)
        out[i] = (float)json_number_value(value_at(array, i)) / STEP;
    return out;
}

static int32_t *numbers_of(const json_t *array)
{
    const size_t count = count_of(array);
    int32_t *out = array ? malloc((count + 1) * sizeof *out) : NULL;
    for (size_t i = 0; out && i < count; i++)
        out[i] = (int32_t)json_integer_value(value_at(array, i));
    return out;
}

/* ---- comparison ---- */

static void check_numbers(const char *what, const json_t *want, const void *got, size_t size)
{
    assert_non_null(want);
    for (size_t i = 0; i < count_of(want); i++) {
        const char *at = (const char *)got + i * size;
        int64_t value = 0;
        int32_t small;
        if (size == sizeof value) {
            memcpy(&value, at, size);
        } else if (size == sizeof small) {
            memcpy(&small, at, size);
            value = small;
        } else {
            value = *(const uint8_t *)at;
        }
        near(what, (int)i, number(value_at(want, i)), (double)value);
    }
}

static void check_matrix(const char *what, const json_t *side, const double *got)
{
    const json_t *want = json_object_get(side, what);
    assert_non_null(want);
    for (size_t i = 0; i < count_of(want); i++)
        near(what, (int)i, number(value_at(want, i)), got[i]);
}

static void check_vectors(const json_t *want, const bal_explained_class *got, int c)
{
    const struct {
        const char *key;
        const double *values;
        bool top; /* K of them, where there is a T_c */
    } parts[] = {
        {"feature_mean", got->feature_mean, false},
        {"ce_mean", got->ce_mean, false},
        {"wrong_ce_mean", got->wrong_ce_mean, false},
        {"wrong_own_mean", got->wrong_own_mean, false},
        {"frequency", got->frequency, false},
        {"frequency_all", got->frequency_all, false},
        {"low", got->low, false},
        {"high", got->high, false},
        {"magnitude", got->magnitude, true},
        {"conditional", got->conditional, true},
    };
    for (size_t p = 0; p < BAL_COUNT_OF(parts); p++) {
        const json_t *values = json_object_get(want, parts[p].key);
        if (!values) {
            assert_true(parts[p].top ? got->top_count == 0 : isnan(parts[p].values[0]));
            continue;
        }
        for (size_t i = 0; i < json_array_size(values); i++)
            near(parts[p].key, c, number(json_array_get(values, i)), parts[p].values[i]);
    }
    const json_t *top = json_object_get(want, "top"),
                 *features = json_object_get(want, "feature_top");
    assert_int_equal(json_array_size(top), got->top_count);
    if (top)
        check_numbers("top", top, got->top, sizeof *got->top);
    if (features)
        check_numbers("feature_top", features, got->feature_top, sizeof *got->feature_top);
}

static void check_class(const json_t *side, const bal_explained_class *got, int c)
{
    const json_t *figures = json_array_get(json_object_get(side, "figures"), (size_t)c);
    for (int i = 0; i < BAL_FIGURE_COUNT; i++)
        near(bal_figure_at(i)->key, c, number(json_object_get(figures, bal_figure_at(i)->key)),
             got->figures[i].value);
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)figures, key, value)
    {
        int i = 0;
        while (i < BAL_FIGURE_COUNT && strcmp(bal_figure_at(i)->key, key) != 0)
            i++;
        assert_in_range(i, 0, BAL_FIGURE_COUNT - 1);
    }
    check_vectors(json_array_get(json_object_get(side, "vectors"), (size_t)c), got, c);
    const json_t *medoids = json_array_get(json_object_get(side, "medoids"), (size_t)c),
                 *counts = json_array_get(json_object_get(side, "counts"), (size_t)c);
    for (size_t a = 0; a < BAL_ARCHETYPES; a++) {
        const json_t *equals = json_array_get(medoids, a);
        bool found = false;
        for (size_t i = 0; i < json_array_size(equals); i++)
            found |= json_integer_value(json_array_get(equals, i)) == got->medoids[a];
        assert_true(found);
        near("archetypes", c, number(json_array_get(counts, a)), (double)got->archetypes[a]);
    }
}

static void check_collapse(const json_t *side, const bal_collapse *got)
{
    const json_t *want = json_object_get(side, "collapse");
    const struct {
        const char *key;
        double value;
    } parts[] = {
        {"nc1", got->nc1},
        {"cdnv", got->cdnv},
        {"mean_norm_spread", got->mean_norm_spread},
        {"weight_norm_spread", got->weight_norm_spread},
        {"mean_angle", got->mean_angle},
        {"weight_angle", got->weight_angle},
        {"duality", got->duality},
        {"disagreement", got->disagreement},
        {"tail_cosine", got->tail_cosine},
        {"head_cosine", got->head_cosine},
    };
    for (size_t i = 0; i < BAL_COUNT_OF(parts); i++)
        near(parts[i].key, -1, number(json_object_get(want, parts[i].key)), parts[i].value);
}

static void check_trends(const bal_explain *e, const json_t *side, bal_side which)
{
    const json_t *want = json_object_get(side, "trends");
    size_t found = 0;
    const bal_trend *t;
    for (int i = 0; (t = bal_explain_trend(e, i)); i++) {
        const char *key = bal_figure_at((int)t->figure)->key;
        const json_t *trend = json_object_get(want, key);
        if (t->side != which)
            continue;
        found++;
        assert_non_null(trend);
        near(key, 0, number(json_object_get(trend, "classes")), t->classes);
        near(key, 1, number(json_object_get(trend, "recall")), t->recall);
        near(key, 2, number(json_object_get(trend, "size")), t->size);
        near(key, 3, number(json_object_get(trend, "recall_given_size")), t->recall_given_size);
    }
    assert_int_equal(found, json_object_size(want));
}

static void check_side(const bal_explain *e, const json_t *side, bal_side which)
{
    const bal_explained_side *got = bal_explain_side(e, which);
    assert_non_null(got);
    assert_int_equal(got->items, json_integer_value(json_object_get(side, "items")));
    assert_int_equal(got->measured, got->items);
    for (int c = 0; c < bal_explain_classes(e); c++)
        check_class(side, &got->class_of[c], c);
    check_numbers("archetypes", json_object_get(side, "archetypes"), got->archetypes, 1);
    check_numbers("holds", json_object_get(side, "holds"), got->holds, sizeof *got->holds);
    check_matrix("density", side, got->density);
    check_matrix("overlap", side, got->overlap);
    check_matrix("cdnv", side, got->cdnv);
    check_collapse(side, &got->collapse);
    if (json_object_get(side, "predictions")) {
        check_numbers("predictions", json_object_get(side, "predictions"), got->predictions,
                      sizeof *got->predictions);
        check_numbers("confusion", json_object_get(side, "confusion"), got->confusion,
                      sizeof *got->confusion);
        check_matrix("adversaries", side, got->adversaries);
    } else {
        assert_null(got->predictions);
    }
    if (json_object_get(side, "needed"))
        check_numbers("needed", json_object_get(side, "needed"), got->needed, sizeof *got->needed);
    else
        assert_null(got->needed);
    check_trends(e, side, which);
}

/* ---- cases ---- */

static void take_side(const json_t *of_case, bal_side side, bal_embedding *in)
{
    const json_t *arrays = json_object_get(of_case, bal_side_name(side));
    in->features = floats_of(json_object_get(arrays, "z"));
    in->labels = numbers_of(json_object_get(arrays, "y"));
    in->predictions = numbers_of(json_object_get(arrays, "p"));
    in->items = (int64_t)json_array_size(json_object_get(arrays, "y"));
}

static void check_case(bal_ctx *ctx, const json_t *of_case)
{
    bal_explain_settings s = bal_explain_defaults();
    case_name = json_string_value(json_object_get(of_case, "name"));
    s.classes = (int)json_integer_value(json_object_get(of_case, "classes"));
    s.dim = (int)json_integer_value(json_object_get(of_case, "dim"));
    s.top = (int)json_integer_value(json_object_get(of_case, "top"));
    s.own_top = (int)json_integer_value(json_object_get(of_case, "own_top"));
    s.bootstrap = 5;
    s.draws = 2;
    s.head.weight = floats_of(json_object_get(of_case, "W"));
    s.head.bias = floats_of(json_object_get(of_case, "b"));
    s.head.cosine = json_is_true(json_object_get(of_case, "cosine"));
    s.head.scale = number(json_object_get(of_case, "scale"));
    for (int side = 0; side < BAL_SIDES; side++)
        take_side(of_case, (bal_side)side, &s.side[side]);
    bal_explain *e;
    test_ok(ctx, bal_explain_open(&e, ctx, &s));
    for (int side = 0; side < BAL_SIDES; side++) {
        const json_t *want =
            json_object_get(json_object_get(of_case, "want"), bal_side_name((bal_side)side));
        if (want)
            check_side(e, want, (bal_side)side);
        else
            assert_null(bal_explain_side(e, (bal_side)side));
        free((void *)(uintptr_t)s.side[side].features);
        free((void *)(uintptr_t)s.side[side].labels);
        free((void *)(uintptr_t)s.side[side].predictions);
    }
    bal_explain_close(&e);
    free((void *)(uintptr_t)s.head.weight);
    free((void *)(uintptr_t)s.head.bias);
}

static void as_numpy(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx_threads(2);
    json_t *file = json_load_file(BAL_TEST_DATA "/explain.json", 0, NULL);
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_numpy)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
