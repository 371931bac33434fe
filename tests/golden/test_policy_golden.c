/* What the policies draw against the published table and torchvision's spaces
 * (make_policy_golden.py): how often, with which values, on an image that is wider than high. */
#include "helpers/helpers.h"

#include "balance/augment/policy.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#define DRAWS 60000

static const char *const names[BAL_POLICY_OPS] = {
    [BAL_POLICY_IDENTITY] = "Identity",
    [BAL_POLICY_SHEAR_X] = "ShearX",
    [BAL_POLICY_SHEAR_Y] = "ShearY",
    [BAL_POLICY_TRANSLATE_X] = "TranslateX",
    [BAL_POLICY_TRANSLATE_Y] = "TranslateY",
    [BAL_POLICY_ROTATE] = "Rotate",
    [BAL_POLICY_BRIGHTNESS] = "Brightness",
    [BAL_POLICY_COLOR] = "Color",
    [BAL_POLICY_CONTRAST] = "Contrast",
    [BAL_POLICY_SHARPNESS] = "Sharpness",
    [BAL_POLICY_POSTERIZE] = "Posterize",
    [BAL_POLICY_SOLARIZE] = "Solarize",
    [BAL_POLICY_AUTO_CONTRAST] = "AutoContrast",
    [BAL_POLICY_EQUALIZE] = "Equalize",
    [BAL_POLICY_INVERT] = "Invert",
};

static bool is_factor(bal_policy_op op)
{
    return op >= BAL_POLICY_BRIGHTNESS && op <= BAL_POLICY_SHARPNESS;
}

static bool is_signed(const json_t *file, const char *name)
{
    const json_t *list = json_object_get(file, "signed");
    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(json_string_value(json_array_get(list, i)), name) == 0)
            return true;
    return false;
}

/* Of many draws, by operation. */
typedef struct drawn {
    int64_t count[BAL_POLICY_OPS], negative[BAL_POLICY_OPS], steps;
    double sum[BAL_POLICY_OPS]; /* of values with the sign of the magnitude taken away */
    double square[BAL_POLICY_OPS];
} drawn;

static double without_sign(bal_policy_step step)
{
    return is_factor(step.op) ? 1.0 + fabs(step.value - 1.0) : fabs(step.value);
}

static void draw_many(bal_policy_draw *policy, const bal_augment_settings *settings,
                      bal_image_shape shape, double strength, drawn *out)
{
    memset(out, 0, sizeof *out);
    for (uint64_t i = 0; i < DRAWS; i++) {
        bal_random random = bal_random_at(test_seed(), BAL_STREAM_TEST, 0, i);
        bal_policy_step steps[BAL_POLICY_STEPS];
        const int count = policy(settings, shape, strength, &random, steps);
        assert_true(count >= 0 && count <= BAL_POLICY_STEPS);
        out->steps += count;
        for (int k = 0; k < count; k++) {
            const bal_policy_op op = steps[k].op;
            const double value = without_sign(steps[k]);
            assert_true(op < BAL_POLICY_OPS && names[op]);
            out->count[op]++;
            out->negative[op] += is_factor(op) ? steps[k].value < 1.0 : steps[k].value < 0.0;
            out->sum[op] += value;
            out->square[op] += value * value;
        }
    }
}

/* A count within five standard deviations of what is expected. */
static void check_count(const char *what, const char *name, int64_t count, double expected)
{
    if (fabs((double)count - expected) > 5.0 * sqrt(expected) + 1e-9)
        fail_msg("%s %s came %lld times, %.1f were expected", what, name, (long long)count,
                 expected);
}

static json_t *load(bal_image_shape *shape)
{
    json_t *file = json_load_file(BAL_TEST_DATA "/policy.json", 0, NULL);
    assert_non_null(file);
    *shape = (bal_image_shape){3, (int)json_integer_value(json_object_get(file, "height")),
                               (int)json_integer_value(json_object_get(file, "width"))};
    return file;
}

static void autoaugment_is_the_published_table(void **state)
{
    (void)state;
    static const double strengths[] = {1.0, 0.4};
    bal_image_shape shape;
    json_t *file = load(&shape);
    const json_t *rates = json_object_get(file, "autoaugment");
    for (size_t s = 0; s < BAL_COUNT_OF(strengths); s++) {
        drawn d;
        draw_many(bal_policy_autoaugment, &(bal_augment_settings){0}, shape, strengths[s], &d);
        for (int op = 0; op < BAL_POLICY_OPS; op++) {
            const json_t *row = names[op] ? json_object_get(rates, names[op]) : NULL;
            const double rate = row ? json_number_value(json_array_get(row, 0)) : 0.0;
            const double total = row ? json_number_value(json_array_get(row, 1)) : 0.0;
            const double n = strengths[s] * DRAWS, count = (double)d.count[op];
            check_count("autoaugment", names[op] ? names[op] : "?", d.count[op], n * rate);
            if (count == 0.0)
                continue;
            const double spread = sqrt(d.square[op]) + 1e-6 * n; /* of a sum of so many values */
            if (fabs(d.sum[op] - n * total) > 5.0 * spread)
                fail_msg("autoaugment %s: values sum up to %g, %g expected", names[op], d.sum[op],
                         n * total);
            if (is_signed(file, names[op]) && total > 0.0 && d.sum[op] > 0.0 &&
                !(is_factor((bal_policy_op)op) && total == rate))
                assert_true(d.negative[op] > 0 && d.negative[op] < d.count[op]);
        }
    }
    json_decref(file);
}

static void randaugment_is_uniform_at_one_magnitude(void **state)
{
    (void)state;
    bal_image_shape shape;
    json_t *file = load(&shape);
    const json_t *space = json_object_get(file, "usual31");
    for (int magnitude = 0; magnitude <= 30; magnitude += 6) {
        const bal_augment_settings s = {.num_ops = 3, .magnitude = magnitude};
        drawn d;
        draw_many(bal_policy_randaugment, &s, shape, 1.0, &d);
        assert_int_equal(d.steps, 3 * DRAWS);
        for (int op = 0; op <= BAL_POLICY_EQUALIZE; op++) {
            const double want = json_number_value(
                json_array_get(json_object_get(space, names[op]), (size_t)magnitude));
            check_count("randaugment", names[op], d.count[op], 3.0 * DRAWS / 14.0);
            if (fabs(d.sum[op] / (double)d.count[op] - want) > 1e-9 ||
                fabs(d.square[op] / (double)d.count[op] - want * want) > 1e-6)
                fail_msg("randaugment %s at %d: %g, torchvision has %g", names[op], magnitude,
                         d.sum[op] / (double)d.count[op], want);
            if (is_signed(file, names[op]) && magnitude > 0)
                check_count("randaugment, minus", names[op], d.negative[op],
                            0.5 * (double)d.count[op]);
            else
                assert_int_equal(d.negative[op], 0);
        }
    }
    drawn d;
    draw_many(bal_policy_randaugment, &(bal_augment_settings){.num_ops = 2, .magnitude = 9}, shape,
              0.25, &d);
    check_count("randaugment", "of strength 0.25", d.steps, 2.0 * 0.25 * DRAWS);
    json_decref(file);
}

static void trivialaugment_is_one_at_any_magnitude(void **state)
{
    (void)state;
    enum { BINS = 31 };
    bal_image_shape shape;
    json_t *file = load(&shape);
    const json_t *space = json_object_get(file, "wide31");
    int64_t bins[BINS] = {0}, ops[BAL_POLICY_OPS] = {0};
    for (uint64_t i = 0; i < DRAWS; i++) {
        bal_random random = bal_random_at(test_seed(), BAL_STREAM_TEST, 1, i);
        bal_policy_step step;
        assert_int_equal(
            bal_policy_trivialaugment(&(bal_augment_settings){0}, shape, 1.0, &random, &step), 1);
        ops[step.op]++;
        const json_t *values = json_object_get(space, names[step.op]);
        bool known = false;
        for (size_t b = 0; b < BINS; b++)
            known = known ||
                    fabs(json_number_value(json_array_get(values, b)) - without_sign(step)) < 1e-9;
        if (!known)
            fail_msg("trivialaugment draws %s of %g", names[step.op], step.value);
        if (step.op == BAL_POLICY_ROTATE)
            bins[(int)rint(fabs(step.value) / 4.5)]++;
    }
    for (int op = 0; op <= BAL_POLICY_EQUALIZE; op++)
        check_count("trivialaugment", names[op], ops[op], DRAWS / 14.0);
    for (int b = 0; b < BINS; b++)
        check_count("trivialaugment", "bin of rotate", bins[b], DRAWS / 14.0 / BINS);
    json_decref(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(autoaugment_is_the_published_table),
        cmocka_unit_test(randaugment_is_uniform_at_one_magnitude),
        cmocka_unit_test(trivialaugment_is_one_at_any_magnitude),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
