/* Resizing and grey conversion against Pillow's values (make_resize.py), exactly. */
#include "helpers/helpers.h"

#include "base/writer.h"
#include "data/image/image.h"
#include "data/image/view.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    bal_picture_shape in;
    int height, width;
} cases[] = {
    {{3, 7, 5}, 4, 9},     {{1, 64, 48}, 8, 8},  {{3, 9, 9}, 9, 4}, {{1, 5, 7}, 13, 7},
    {{3, 33, 17}, 32, 32}, {{3, 90, 70}, 7, 11}, {{3, 1, 1}, 3, 2}, {{1, 2, 300}, 1, 1},
};

static uint8_t *picture(bal_picture_shape shape)
{
    uint8_t *pixels = malloc(bal_picture_shape_bytes(shape));
    assert_non_null(pixels);
    uint8_t *at = pixels;
    for (int y = 0; y < shape.height; y++)
        for (int x = 0; x < shape.width; x++)
            for (int c = 0; c < shape.channels; c++)
                *at++ = (uint8_t)(y * 37 + x * 101 + c * 59 + y * x * 7);
    return pixels;
}

/* As make_resize.py has them: left, top, width, height. */
static const struct {
    bal_picture_shape in;
    int height, width;
    bal_box box;
} boxes[] = {
    {{3, 33, 17}, 8, 9, {3, 5, 12, 25}},    {{1, 33, 17}, 33, 17, {0.5, 1.25, 15.5, 31.5}},
    {{3, 40, 60}, 20, 20, {10, 0, 40, 40}}, {{3, 40, 60}, 11, 7, {59, 39, 1, 1}},
    {{1, 9, 9}, 9, 9, {0, 3, 9, 6}},
};

static const struct {
    int height, width, side;
    double pct;
    bal_crop_mode mode;
} crops[] = {
    {40, 60, 20, 1.0, BAL_CROP_CENTER},  {60, 40, 21, 0.875, BAL_CROP_CENTER},
    {40, 60, 20, 1.0, BAL_CROP_BORDER},  {63, 20, 21, 0.875, BAL_CROP_BORDER},
    {40, 60, 21, 0.87, BAL_CROP_SQUASH}, {5, 300, 10, 1.0, BAL_CROP_BORDER},
};

/* With the next part of the golden values; what says of which case. */
static void compare_bytes(const char *what, size_t number, const uint8_t *got, size_t bytes,
                          const uint8_t **want)
{
    for (size_t i = 0; i < bytes; i++)
        if (got[i] != (*want)[i])
            fail_msg("%s %zu: byte %zu is %d, Pillow has %d", what, number, i, got[i], (*want)[i]);
    *want += bytes;
}

/* Makes the picture, fits it, compares. */
static void compare(bal_ctx *ctx, bal_picture_shape in, bal_picture_shape out, bal_box box,
                    const uint8_t **want)
{
    static size_t number;
    uint8_t *pixels = picture(in), *got = malloc(bal_picture_shape_bytes(out));
    assert_non_null(got);
    const bal_image image = {.pixels = pixels, .shape = in, .box = box};
    test_ok(ctx, bal_image_fit(ctx, image, out, got));
    compare_bytes("picture", number++, got, bal_picture_shape_bytes(out), want);
    free(pixels);
    free(got);
}

static void compare_crop(bal_ctx *ctx, size_t i, const uint8_t **want)
{
    const bal_picture_shape in = {3, crops[i].height, crops[i].width},
                            out = {3, crops[i].side, crops[i].side};
    const bal_crop crop = {crops[i].mode, crops[i].pct, out.height, out.width};
    const bal_picture all = {.pixels = picture(in), .shape = in};
    uint8_t *got = malloc(bal_picture_shape_bytes(out));
    assert_non_null(got);
    test_ok(ctx,
            bal_picture_fit_view(ctx, &all, bal_crop_view(&crop, in.height, in.width), out, got));
    compare_bytes("crop", i, got, bal_picture_shape_bytes(out), want);
    free(all.pixels);
    free(got);
}

static void values_are_pillows(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_npy golden;
    test_ok(ctx, bal_npy_read(ctx, BAL_TEST_DATA "/resize.npy", &golden));
    assert_int_equal(golden.type, BAL_NPY_U8);
    const uint8_t *want = golden.data;
    for (size_t i = 0; i < BAL_COUNT_OF(cases); i++) {
        const bal_picture_shape out = {cases[i].in.channels, cases[i].height, cases[i].width};
        compare(ctx, cases[i].in, out, (bal_box){0}, &want);
    }
    compare(ctx, (bal_picture_shape){3, 33, 17}, (bal_picture_shape){1, 33, 17}, (bal_box){0},
            &want);
    for (size_t i = 0; i < BAL_COUNT_OF(boxes); i++) {
        const bal_picture_shape out = {boxes[i].in.channels, boxes[i].height, boxes[i].width};
        compare(ctx, boxes[i].in, out, boxes[i].box, &want);
    }
    for (size_t i = 0; i < BAL_COUNT_OF(crops); i++)
        compare_crop(ctx, i, &want);
    assert_int_equal(want - (const uint8_t *)golden.data, golden.shape[0]);
    bal_npy_free(ctx, &golden);
    bal_ctx_close(&ctx);
}

static void grey_becomes_three_equal_channels(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    const bal_picture_shape in = {1, 5, 7};
    uint8_t *pixels = picture(in), one[13 * 4], three[13 * 4 * 3];
    test_ok(ctx, bal_image_fit(ctx, (bal_image){.pixels = pixels, .shape = in},
                               (bal_picture_shape){1, 13, 4}, one));
    test_ok(ctx, bal_image_fit(ctx, (bal_image){.pixels = pixels, .shape = in},
                               (bal_picture_shape){3, 13, 4}, three));
    for (size_t i = 0; i < sizeof one; i++)
        for (size_t c = 0; c < 3; c++)
            assert_int_equal(three[3 * i + c], one[i]);
    free(pixels);
    bal_ctx_close(&ctx);
}

static bal_status fit_once(bal_ctx *ctx, void *user)
{
    uint8_t out[12];
    const bal_image image = {.pixels = user, .shape = {3, 9, 9}};
    return bal_image_fit(ctx, image, (bal_picture_shape){1, 4, 3}, out);
}

static void no_memory_is_survived(void **state)
{
    (void)state;
    uint8_t *pixels = picture((bal_picture_shape){3, 9, 9});
    test_allocation_failures(fit_once, pixels);
    free(pixels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_pillows),
        cmocka_unit_test(grey_becomes_three_equal_channels),
        cmocka_unit_test(no_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
