/* Image files of every kind against the pixels that Pillow reads (make_images.py). */
#include "helpers/helpers.h"

#include "base/writer.h"
#include "data/image/image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The decoders' own rounding: inks to light in JPEG, and YUV to RGB in WebP, which versions of
 * libwebp do differently. Everything else is exact. */
#define INKS 1
#define LOSSY 2

static const struct {
    const char *name;
    bal_picture_shape shape;
    int tolerance;
} files[] = {
    {"turned-1.jpg", {3, 11, 14}, 0},      {"turned-2.jpg", {3, 11, 14}, 0},
    {"turned-3.jpg", {3, 11, 14}, 0},      {"turned-4.jpg", {3, 11, 14}, 0},
    {"turned-5.jpg", {3, 14, 11}, 0},      {"turned-6.jpg", {3, 14, 11}, 0},
    {"turned-7.jpg", {3, 14, 11}, 0},      {"turned-8.jpg", {3, 14, 11}, 0},
    {"turned-6.png", {1, 14, 11}, 0},      {"turned-7.webp", {3, 14, 11}, 0},
    {"turned-8.webp", {3, 14, 11}, 0},     {"grey.jpg", {1, 11, 14}, 0},
    {"steps.jpg", {3, 11, 14}, 0},         {"cmyk.jpg", {3, 11, 14}, INKS},
    {"grey.png", {1, 11, 14}, 0},          {"grey-alpha.png", {1, 11, 14}, 0},
    {"alpha.png", {3, 11, 14}, 0},         {"bits.png", {1, 11, 14}, 0},
    {"palette.png", {3, 11, 14}, 0},       {"palette-2.png", {3, 11, 14}, 0},
    {"palette-clear.png", {3, 11, 14}, 0}, {"clear.png", {3, 11, 14}, 0},
    {"grey-4.png", {1, 11, 14}, 0},        {"sixteen.png", {3, 11, 14}, 0},
    {"sixteen-grey.png", {1, 11, 14}, 0},  {"sixteen-alpha.png", {3, 11, 14}, 0},
    {"lossless.webp", {3, 11, 14}, 0},     {"lossless-alpha.webp", {3, 11, 14}, 0},
    {"lossy.webp", {3, 11, 14}, LOSSY},
};

static void pixels_are_pillows(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_npy golden;
    test_ok(ctx, bal_npy_read(ctx, BAL_TEST_DATA "/images.npy", &golden));
    assert_int_equal(golden.type, BAL_NPY_U8);
    const uint8_t *want = golden.data;
    for (size_t i = 0; i < BAL_COUNT_OF(files); i++) {
        char path[1024];
        snprintf(path, sizeof path, BAL_TEST_DATA "/images/%s", files[i].name);
        const bal_decode in = {.ctx = ctx, .name = path};
        const size_t bytes = bal_picture_shape_bytes(files[i].shape);
        bal_picture_shape shape;
        bal_picture picture;
        test_ok(ctx, bal_image_file_shape(&in, &shape));
        assert_true(bal_picture_shape_equal(shape, files[i].shape));
        test_ok(ctx, bal_image_file_picture(&in, &picture));
        assert_true(bal_picture_shape_equal(picture.shape, files[i].shape));
        for (size_t k = 0; k < bytes; k++)
            if (abs(picture.pixels[k] - want[k]) > files[i].tolerance)
                fail_msg("%s: byte %zu is %d, Pillow has %d", files[i].name, k, picture.pixels[k],
                         want[k]);
        bal_picture_free(ctx, &picture);
        want += bytes;
    }
    assert_int_equal(want - (const uint8_t *)golden.data, golden.shape[0]);
    bal_npy_free(ctx, &golden);
    bal_ctx_close(&ctx);
}

static void moving_pictures_are_refused(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    const bal_decode in = {.ctx = ctx, .name = BAL_TEST_DATA "/images/moving.webp"};
    bal_picture picture;
    bal_picture_shape shape;
    test_fails(ctx, bal_image_file_picture(&in, &picture), BAL_BAD_FILE, "moving.webp", "animated",
               NULL);
    test_fails(ctx, bal_image_file_shape(&in, &shape), BAL_BAD_FILE, "moving.webp", "animated",
               NULL);
    bal_ctx_close(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pixels_are_pillows),
        cmocka_unit_test(moving_pictures_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
