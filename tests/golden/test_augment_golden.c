/* Operations of augmentation against Pillow's bytes (make_augment_golden.py), exactly but for the
 * case that the file gives a level of tolerance, on pictures whose height and width differ, of one
 * and of three channels. */
#include "helpers/helpers.h"

#include "balance/augment/raster.h"
#include "base/writer.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST 2000

typedef struct how {
    double v[6];
    bal_raster_look look;
} how;

typedef void operation(const bal_raster *r, const how *h);

#define PLAIN(name)                                          \
    static void do_##name(const bal_raster *r, const how *h) \
    {                                                        \
        (void)h;                                             \
        bal_raster_##name(r);                                \
    }
#define BY_VALUE(name)                                       \
    static void do_##name(const bal_raster *r, const how *h) \
    {                                                        \
        bal_raster_##name(r, h->v[0]);                       \
    }
#define FILTER(name, kernel)                                 \
    static void do_##name(const bal_raster *r, const how *h) \
    {                                                        \
        (void)h;                                             \
        bal_raster_filter(r, kernel);                        \
    }

PLAIN(mirror)
PLAIN(flip)
PLAIN(invert)
PLAIN(autocontrast)
PLAIN(equalize)
PLAIN(grayscale)
FILTER(smooth, BAL_KERNEL_SMOOTH)
FILTER(detail, BAL_KERNEL_DETAIL)
FILTER(edge_enhance, BAL_KERNEL_EDGE_ENHANCE)
BY_VALUE(solarize)
BY_VALUE(brightness)
BY_VALUE(contrast)
BY_VALUE(color)
BY_VALUE(sharpness)
BY_VALUE(hue)
BY_VALUE(blur)

static void do_posterize(const bal_raster *r, const how *h)
{
    bal_raster_posterize(r, (int)h->v[0]);
}

static void do_solarize_add(const bal_raster *r, const how *h)
{
    bal_raster_solarize_add(r, (int)h->v[0]);
}

static void do_affine(const bal_raster *r, const how *h)
{
    bal_raster_affine(r, h->v, h->look);
}

static void do_rotate(const bal_raster *r, const how *h)
{
    bal_raster_rotate(r, h->v[0], h->look);
}

static void do_move(const bal_raster *r, const how *h)
{
    const bal_raster_motion motion = {.degrees = h->v[0],
                                      .scale = h->v[1],
                                      .shear_x = h->v[2],
                                      .shear_y = h->v[3],
                                      .right = (int)h->v[4],
                                      .down = (int)h->v[5]};
    bal_raster_move(r, &motion, h->look);
}

#define NAMED(name)         \
    {                       \
#name, do_##name, 0 \
    }
static struct {
    const char *name;
    operation *apply;
    int cases;
} operations[] = {NAMED(mirror),       NAMED(flip),         NAMED(invert),    NAMED(autocontrast),
                  NAMED(equalize),     NAMED(grayscale),    NAMED(smooth),    NAMED(detail),
                  NAMED(edge_enhance), NAMED(posterize),    NAMED(solarize),  NAMED(brightness),
                  NAMED(contrast),     NAMED(color),        NAMED(sharpness), NAMED(hue),
                  NAMED(blur),         NAMED(solarize_add), NAMED(affine),    NAMED(rotate),
                  NAMED(move)};

static operation *operation_of(const char *name)
{
    for (size_t i = 0; i < BAL_COUNT_OF(operations); i++)
        if (strcmp(operations[i].name, name) == 0) {
            operations[i].cases++;
            return operations[i].apply;
        }
    fail_msg("no operation \"%s\"", name);
    return NULL;
}

static int number(const json_t *list, size_t i)
{
    return (int)json_integer_value(json_array_get(list, i));
}

static bal_image_shape fill_picture(const json_t *row, uint8_t *pixels)
{
    const bal_image_shape shape = {
        .height = number(row, 0), .width = number(row, 1), .channels = number(row, 2)};
    const bool smooth = json_is_true(json_array_get(row, 3));
    assert_true(shape.height * shape.width * shape.channels <= LARGEST);
    for (int y = 0; y < shape.height; y++)
        for (int x = 0; x < shape.width; x++)
            for (int c = 0; c < shape.channels; c++)
                *pixels++ = (uint8_t)(smooth ? 40 + 3 * x + 5 * y + 20 * c + x * y % 3
                                             : y * 37 + x * 101 + c * 59 + y * x * 7);
    return shape;
}

static int farthest(const uint8_t *a, const uint8_t *b, size_t bytes, size_t *where)
{
    int most = 0;
    for (size_t i = 0; i < bytes; i++)
        if (abs(a[i] - b[i]) > most) {
            most = abs(a[i] - b[i]);
            *where = i;
        }
    return most;
}

/* Returns how many bytes were compared. */
static size_t check_case(const json_t *one, const json_t *pictures, const uint8_t *want)
{
    const char *name = json_string_value(json_object_get(one, "op"));
    operation *apply = operation_of(name);
    const json_t *values = json_object_get(one, "values");
    how h = {.look = {json_is_true(json_object_get(one, "bilinear")),
                      (uint8_t)json_integer_value(json_object_get(one, "fill"))}};
    for (size_t i = 0; i < json_array_size(values); i++)
        h.v[i] = json_number_value(json_array_get(values, i));
    const int tolerance = (int)json_integer_value(json_object_get(one, "tolerance"));
    size_t done = 0;
    for (size_t p = 0; p < json_array_size(pictures); p++) {
        uint8_t pixels[LARGEST], scratch[LARGEST];
        bal_raster r = {.pixels = pixels, .scratch = scratch};
        r.shape = fill_picture(json_array_get(pictures, p), pixels);
        memset(scratch, 0xa5, sizeof scratch);
        apply(&r, &h);
        size_t at = 0;
        const int off = farthest(pixels, want + done, bal_raster_bytes(&r), &at);
        if (off > tolerance)
            fail_msg("%s %g on picture %zu: byte %zu is %d, Pillow has %d", name, h.v[0], p, at,
                     pixels[at], want[done + at]);
        done += bal_raster_bytes(&r);
    }
    return done;
}

static void operations_equal_pillow(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    json_t *file = json_load_file(BAL_TEST_DATA "/augment.json", 0, NULL);
    assert_non_null(file);
    bal_npy golden;
    test_ok(ctx, bal_npy_read(ctx, BAL_TEST_DATA "/augment.npy", &golden));
    assert_int_equal(golden.type, BAL_NPY_U8);
    const uint8_t *want = golden.data;
    const json_t *cases = json_object_get(file, "cases");
    size_t done = 0;
    for (size_t i = 0; i < json_array_size(cases); i++)
        done +=
            check_case(json_array_get(cases, i), json_object_get(file, "pictures"), want + done);
    assert_int_equal(done, golden.shape[0]);
    for (size_t i = 0; i < BAL_COUNT_OF(operations); i++)
        if (operations[i].cases == 0)
            fail_msg("%s has no case", operations[i].name);
    bal_npy_free(ctx, &golden);
    json_decref(file);
    bal_ctx_close(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(operations_equal_pillow)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
