/* Mixing against NumPy and PyTorch (make_mix_golden.py): pictures as bytes and as floats, and
 * targets, for given partners, shares and boxes. */
#include "helpers/helpers.h"

#include "ballast/balance.h"
#include "helpers/near.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES_MOST = 8, PIXELS_MOST = 7 * 5 * 3 * 2 };

static double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static const json_t *row(const json_t *one, const char *key, int i)
{
    return json_array_get(json_object_get(one, key), (size_t)i);
}

static int whole(const json_t *list, int i)
{
    return (int)json_integer_value(json_array_get(list, (size_t)i));
}

/* The image of the script, as bytes (HWC) and as planes of floats. */
static void make_image(int i, bal_image_shape s, uint8_t *bytes, float *planes)
{
    const int area = s.height * s.width;
    for (int p = 0; p < area * s.channels; p++) {
        bytes[p] = (uint8_t)((37 * i + 11 * p + 3 * p * p) % 256);
        planes[p % s.channels * area + p / s.channels] = (float)bytes[p] / 64.0f;
    }
}

static bal_mix *open_mix(bal_ctx *ctx, const json_t *one)
{
    const json_t *list = json_object_get(one, "counts");
    int64_t counts[CLASSES_MOST];
    bal_mix_settings settings = bal_mix_defaults();
    settings.name = json_string_value(json_object_get(one, "mix"));
    settings.classes = (int)json_array_size(list);
    for (int c = 0; c < settings.classes; c++)
        counts[c] = whole(list, c);
    settings.counts = counts;
    settings.k = number(one, "k");
    settings.tau = number(one, "tau");
    settings.f = number(one, "f");
    bal_mix *mix;
    test_ok(ctx, bal_mix_open(&mix, ctx, &settings));
    return mix;
}

static bal_mix_pair pair_of(const json_t *one, int i, bal_image_shape s, bool cuts)
{
    const json_t *middle = row(one, "middle", i);
    const double lambda = json_number_value(row(one, "lambda", i));
    bal_mix_pair pair = {.partner = (int32_t)json_integer_value(row(one, "partner", i)),
                         .share = lambda};
    if (cuts) {
        pair.box = bal_mix_box(lambda, s, whole(middle, 0), whole(middle, 1));
        pair.share = 1.0 - (double)(pair.box.height * pair.box.width) / (s.height * s.width);
    }
    return pair;
}

static void check_image(const bal_mix *mix, const json_t *one, int i, bal_image_shape s)
{
    const char *name = json_string_value(json_object_get(one, "mix"));
    const bool cuts = strcmp(name, "cutmix") == 0 || strcmp(name, "cmo") == 0;
    const int pixels = s.height * s.width * s.channels;
    const int classes = (int)json_array_size(json_object_get(one, "counts"));
    uint8_t a[PIXELS_MOST], b[PIXELS_MOST], bytes[PIXELS_MOST];
    float x[PIXELS_MOST], y[PIXELS_MOST], floats[PIXELS_MOST], target[CLASSES_MOST];
    assert_in_range(pixels, 1, PIXELS_MOST);
    bal_mix_pair pair = pair_of(one, i, s, cuts);
    make_image(i, s, a, x);
    make_image(pair.partner, s, b, y);
    const int label = (int)json_integer_value(row(one, "labels", i)),
              other = (int)json_integer_value(row(one, "labels", pair.partner));
    pair.label_share = bal_mix_label_share(mix, pair.share, label, other);
    bal_mix_bytes(&pair, s, a, b, bytes);
    bal_mix_floats(&pair, s, x, y, floats);
    bal_mix_target(pair.label_share, label, other, classes, target);
    const json_t *want_bytes = row(one, "bytes", i), *want_floats = row(one, "floats", i),
                 *want_target = row(one, "targets", i);
    for (int p = 0; p < pixels; p++) {
        assert_int_equal(bytes[p], whole(want_bytes, p));
        test_near(name, json_number_value(json_array_get(want_floats, (size_t)p)),
                  (double)floats[p], 1e-6);
    }
    double sum = 0.0;
    for (int c = 0; c < classes; c++) {
        test_near(name, json_number_value(json_array_get(want_target, (size_t)c)),
                  (double)target[c], 1e-6);
        sum += (double)target[c];
    }
    test_near("sum of a target", 1.0, sum, 1e-6);
    bal_mix_bytes(&pair, s, a, b, a); /* in place */
    bal_mix_floats(&pair, s, x, y, x);
    assert_memory_equal(a, bytes, (size_t)pixels);
    assert_memory_equal(x, floats, (size_t)pixels * sizeof *x);
}

static void mixes_equal_numpy_and_torch(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    json_error_t error;
    json_t *file = json_load_file(BAL_TEST_DATA "/mix.json", 0, &error);
    if (!file)
        fail_msg("mix.json: %s", error.text);
    const json_t *cases = json_object_get(file, "cases");
    const bal_method_info *info;
    for (int m = 0; (info = bal_mix_at(m)); m++) {
        int found = 0;
        for (size_t k = 0; k < json_array_size(cases); k++) {
            const json_t *one = json_array_get(cases, k);
            if (strcmp(json_string_value(json_object_get(one, "mix")), info->name) != 0)
                continue;
            const bal_image_shape s = {(int)number(one, "channels"), (int)number(one, "height"),
                                       (int)number(one, "width")};
            bal_mix *mix = open_mix(ctx, one);
            for (int i = 0; i < (int)json_array_size(json_object_get(one, "labels")); i++)
                check_image(mix, one, i, s);
            bal_mix_close(&mix);
            found++;
        }
        if (!found)
            fail_msg("mixing %s is not in mix.json", info->name);
    }
    json_decref(file);
    bal_ctx_close(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(mixes_equal_numpy_and_torch)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
