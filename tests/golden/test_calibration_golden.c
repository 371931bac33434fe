/* Calibration against SciPy, PyTorch and NumPy (calibration.json by make_calibration_golden.py). */
#include "helpers/helpers.h"

#include "ballast/calibrate.h"
#include "helpers/near.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define TOLERANCE 1e-6

typedef struct set {
    int classes;
    float *scores;
    int32_t *labels;
    bal_calibration_items items;
} set;

static double number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_number(value))
        fail_msg("the golden file has no number %s", key);
    return json_number_value(value);
}

static double *list(const json_t *object, const char *key, int count)
{
    const json_t *array = json_object_get(object, key);
    double *out = calloc((size_t)count, sizeof *out);
    assert_non_null(out);
    assert_int_equal(json_array_size(array), count);
    for (int i = 0; i < count; i++)
        out[i] = json_number_value(json_array_get(array, (size_t)i));
    return out;
}

static set open_set(const json_t *one)
{
    const json_t *labels = json_object_get(one, "labels"), *scores = json_object_get(one, "scores");
    set s = {.classes = (int)number(one, "classes")};
    const size_t count = json_array_size(scores), items = json_array_size(labels);
    assert_int_equal(count, items * (size_t)s.classes);
    s.scores = calloc(count, sizeof *s.scores);
    s.labels = calloc(items, sizeof *s.labels);
    assert_true(s.scores && s.labels);
    for (size_t i = 0; i < count; i++)
        s.scores[i] = (float)(json_number_value(json_array_get(scores, i)) / number(one, "unit"));
    for (size_t i = 0; i < items; i++)
        s.labels[i] = (int32_t)json_integer_value(json_array_get(labels, i));
    s.items =
        (bal_calibration_items){.items = (int64_t)items, .scores = s.scores, .labels = s.labels};
    return s;
}

static void close_set(set *s)
{
    free(s->scores);
    free(s->labels);
}

static json_t *golden(void)
{
    json_error_t error;
    json_t *file = json_load_file(BAL_TEST_DATA "/calibration.json", 0, &error);
    if (!file)
        fail_msg("calibration.json: %s", error.text);
    return file;
}

static void near_all(const char *what, int n, const double *want, const double *got, int count)
{
    for (int j = 0; j < count; j++) {
        char name[80];
        snprintf(name, sizeof name, "set %d %s of class %d", n, what, j);
        test_near(name, want[j], got[j], TOLERANCE * fmax(1.0, fabs(want[j])));
    }
}

static void check_temperature(bal_ctx *ctx, int n, const json_t *one, const set *s)
{
    bal_calibration *c;
    bal_calibration_report r;
    bal_calibration_settings how = bal_calibration_defaults();
    const json_t *want = json_object_get(one, "temperature");
    how.method = "temperature";
    how.fit = &s->items;
    how.always = true;
    test_ok(ctx, bal_calibration_open(&c, ctx, s->classes, NULL));
    test_ok(ctx, bal_calibration_add(c, &how, &r));
    const double t = number(want, "T"), got = 1.0 / bal_calibration_step_at(c, 0)->scale[0];
    test_near("T", t, got, TOLERANCE * t);
    test_near("loss before", number(want, "before"), r.before, 1e-9);
    test_near("loss after", number(want, "after"), r.after, 1e-9);
    test_near("effective items", (double)s->items.items, r.effective_items, 1e-6);
    (void)n;
    bal_calibration_close(&c);
}

static void check_vector(bal_ctx *ctx, int n, const json_t *one, const set *s)
{
    const json_t *cases = json_object_get(one, "vector");
    assert_int_equal(json_array_size(cases), 2);
    for (size_t k = 0; k < 2; k++) {
        const json_t *want = json_array_get(cases, k);
        bal_calibration *c;
        bal_calibration_report r;
        bal_calibration_settings how = bal_calibration_defaults();
        how.method = "vector";
        how.fit = &s->items;
        how.always = true;
        how.ridge = number(want, "ridge");
        test_ok(ctx, bal_calibration_open(&c, ctx, s->classes, NULL));
        test_ok(ctx, bal_calibration_add(c, &how, &r));
        double *scale = list(want, "scale", s->classes), *off = list(want, "offset", s->classes);
        near_all("scale", n, scale, bal_calibration_step_at(c, 0)->scale, s->classes);
        near_all("offset", n, off, bal_calibration_step_at(c, 0)->offset, s->classes);
        test_near("loss after", number(want, "after"), r.after, 1e-9);
        free(scale);
        free(off);
        bal_calibration_close(&c);
    }
}

/* prior, then temperature or vector, whose items are weighted by then */
static void check_moved(bal_ctx *ctx, int n, const json_t *one, const set *s)
{
    const json_t *want = json_object_get(one, "moved");
    double *prior = list(want, "prior", s->classes), *first = list(want, "first", s->classes),
           *scale = list(want, "scale", s->classes), *off = list(want, "offset", s->classes),
           *p = calloc(2 * (size_t)s->classes, sizeof *p), *equal = p + s->classes;
    assert_non_null(p);
    for (int j = 0; j < s->classes; j++)
        equal[j] = 1.0 / s->classes;
    for (int k = 0; k < 2; k++) {
        bal_calibration *c;
        bal_calibration_report r;
        bal_calibration_settings how = bal_calibration_defaults();
        how.method = "prior";
        how.target_prior = equal;
        how.fit = &s->items;
        how.always = true;
        test_ok(ctx, bal_calibration_open(&c, ctx, s->classes, prior));
        test_ok(ctx, bal_calibration_add(c, &how, &r));
        bal_calibration_predict(c, s->classes, s->scores, p);
        near_all("probability after prior", n, first, p, s->classes);
        near_all("prior", n, equal, bal_calibration_prior(c), s->classes);
        how.method = k ? "vector" : "temperature";
        how.ridge = number(want, "ridge");
        test_ok(ctx, bal_calibration_add(c, &how, &r));
        test_near("effective items", number(want, "effective"), r.effective_items, 1e-6);
        test_near("loss before", number(want, "before"), r.before, 1e-9);
        const bal_calibration_step *step = bal_calibration_step_at(c, 1);
        if (k) {
            near_all("scale after prior", n, scale, step->scale, s->classes);
            near_all("offset after prior", n, off, step->offset, s->classes);
        } else {
            test_near("T after prior", number(want, "T"), 1.0 / step->scale[0],
                      TOLERANCE * number(want, "T"));
            test_near("loss after", number(want, "after"), r.after, 1e-9);
        }
        bal_calibration_close(&c);
    }
    free(prior);
    free(first);
    free(scale);
    free(off);
    free(p);
}

static void check_priors(bal_ctx *ctx, int n, const json_t *one, const set *s)
{
    const json_t *adjusted = json_object_get(one, "adjusted");
    double *counts = list(adjusted, "counts", s->classes),
           *first = list(adjusted, "first", s->classes), *q = list(one, "em", s->classes),
           *prior = list(json_object_get(one, "moved"), "prior", s->classes),
           *p = calloc((size_t)s->classes, sizeof *p);
    int64_t *whole = calloc((size_t)s->classes, sizeof *whole);
    assert_true(p && whole);
    for (int j = 0; j < s->classes; j++)
        whole[j] = (int64_t)counts[j];
    bal_calibration *c;
    bal_calibration_report r;
    bal_calibration_settings how = bal_calibration_defaults();
    how.method = "logit-adjustment";
    how.tau = number(adjusted, "tau");
    how.train_counts = whole;
    test_ok(ctx, bal_calibration_open(&c, ctx, s->classes, NULL));
    test_ok(ctx, bal_calibration_add(c, &how, &r));
    bal_calibration_predict(c, s->classes, s->scores, p);
    near_all("adjusted probability", n, first, p, s->classes);
    assert_null(bal_calibration_prior(c));
    bal_calibration_close(&c);

    how.method = "em";
    how.target = &s->items;
    test_ok(ctx, bal_calibration_open(&c, ctx, s->classes, prior));
    test_ok(ctx, bal_calibration_add(c, &how, &r));
    const double *found = bal_calibration_prior(c);
    /* a likelihood within 1e-7 of the best leaves its root, and no more, in q */
    for (int j = 0; j < s->classes; j++) {
        char name[80];
        snprintf(name, sizeof name, "set %d: em share of class %d", n, j);
        test_near(name, q[j], found[j], 2e-3);
    }
    assert_true(r.after >= r.before && r.items == s->items.items);
    bal_calibration_close(&c);
    free(counts);
    free(first);
    free(q);
    free(prior);
    free(p);
    free(whole);
}

static void fits_equal_scipy_and_torch(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx_threads(1);
    json_t *file = golden();
    const json_t *sets = json_object_get(file, "fits");
    assert_int_equal(json_array_size(sets), 6);
    for (size_t i = 0; i < json_array_size(sets); i++) {
        const json_t *one = json_array_get(sets, i);
        set s = open_set(one);
        check_temperature(ctx, (int)i, one, &s);
        check_vector(ctx, (int)i, one, &s);
        check_moved(ctx, (int)i, one, &s);
        check_priors(ctx, (int)i, one, &s);
        close_set(&s);
    }
    json_decref(file);
    bal_ctx_close(&ctx);
}

/* Coordinate ascent may stop below the best of all cells, but not above, and seldom below. */
static void offsets_reach_the_best_of_all_cells(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx_threads(1);
    json_t *file = golden();
    const json_t *sets = json_object_get(file, "searches");
    int reached = 0;
    const int count = (int)json_array_size(sets);
    assert_int_equal(count, 36);
    for (int i = 0; i < count; i++) {
        const json_t *one = json_array_get(sets, (size_t)i);
        set s = open_set(one);
        bal_calibration *c;
        bal_calibration_report r;
        double *cost = list(one, "cost", s.classes * s.classes);
        bal_calibration_settings how = bal_calibration_defaults();
        how.method = "offsets";
        how.objective = json_string_value(json_object_get(one, "objective"));
        how.cost = cost;
        how.fit = &s.items;
        how.always = true;
        test_ok(ctx, bal_calibration_open(&c, ctx, s.classes, NULL));
        test_ok(ctx, bal_calibration_add(c, &how, &r));
        const double sign = r.larger_is_better ? 1.0 : -1.0, best = number(one, "best");
        test_near("before", number(one, "before"), sign * r.before, 1e-9);
        assert_true(sign * r.after <= best + 1e-9);
        reached += sign * r.after >= best - 1e-9;
        if (s.classes == 2) /* one offset alone: the sweep sees all of its values */
            test_near("best of two classes", best, sign * r.after, 1e-9);
        bal_calibration_close(&c);
        free(cost);
        close_set(&s);
    }
    printf("the best of all cells was reached in %d of %d\n", reached, count);
    assert_true(reached >= 33);
    json_decref(file);
    bal_ctx_close(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fits_equal_scipy_and_torch),
        cmocka_unit_test(offsets_reach_the_best_of_all_cells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
