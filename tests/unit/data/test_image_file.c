/* Decoding of image files from memory and from files: every kind, and every way of being damaged.
 */
#include "helpers/helpers.h"
#include "helpers/pictures.h"

#include "data/image/image.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef uint8_t *encoder(const test_picture *picture, size_t *count);

static bal_decode over(bal_ctx *ctx, const uint8_t *bytes, size_t count)
{
    return (bal_decode){.ctx = ctx, .name = "some/picture", .bytes = bytes, .count = count};
}

/* Encodes, decodes at the same size with the channels wanted; new pixels. */
static uint8_t *round_trip(bal_ctx *ctx, encoder *encode, const test_picture *p, int channels)
{
    size_t count;
    uint8_t *bytes = encode(p, &count);
    const bal_decode in = over(ctx, bytes, count);
    const bal_picture_shape wanted = {channels, p->height, p->width};
    bal_picture_shape shape;
    uint8_t *pixels = malloc(bal_picture_shape_bytes(wanted));
    assert_non_null(pixels);
    test_ok(ctx, bal_image_shape_of(&in, &shape));
    assert_true(bal_picture_shape_equal(shape, wanted));
    test_ok(ctx, bal_image_decode(&in, wanted, false, pixels));
    free(bytes);
    return pixels;
}

static void png_of_every_kind(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    static const struct {
        test_picture p;
        int channels;
    } rows[] = {
        {{.height = 5, .width = 7, .channels = 1}, 1},
        {{.height = 5, .width = 7, .channels = 2}, 1},
        {{.height = 7, .width = 5, .channels = 3}, 3},
        {{.height = 7, .width = 5, .channels = 4}, 3},
        {{.height = 9, .width = 11, .channels = 3, .in_steps = true}, 3},
        {{.height = 5, .width = 7, .channels = 1, .depth = 16}, 1},
        {{.height = 5, .width = 7, .channels = 4, .depth = 16, .in_steps = true}, 3},
        {{.height = 5, .width = 19, .channels = 1, .depth = 1}, 1},
        {{.height = 5, .width = 7, .channels = 1, .palette = true}, 3},
    };
    for (size_t i = 0; i < BAL_COUNT_OF(rows); i++) {
        const test_picture *p = &rows[i].p;
        uint8_t *pixels = round_trip(ctx, test_png, p, rows[i].channels);
        const uint8_t *at = pixels;
        for (int y = 0; y < p->height; y++) {
            for (int x = 0; x < p->width; x++) {
                for (int c = 0; c < rows[i].channels; c++) {
                    int want = test_pixel(y, x, c);
                    if (p->depth == 1)
                        want = want >= 128 ? 255 : 0;
                    const int number = test_pixel(y, x, 0);
                    const int colours[3] = {number, 255 - number, number / 2};
                    if (p->palette)
                        want = colours[c];
                    if (*at++ != want)
                        fail_msg("row %zu: pixel %d,%d,%d is %d, want %d", i, y, x, c, at[-1],
                                 want);
                }
            }
        }
        free(pixels);
    }
    bal_ctx_close(&ctx);
}

static void jpeg_of_every_kind(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    for (int step = 0; step < 2; step++) {
        for (int channels = 1; channels <= 3; channels += 2) {
            uint8_t flat[24 * 16 * 3];
            for (size_t i = 0; i < sizeof flat; i++)
                flat[i] = (uint8_t)(channels == 1 ? 77 : 40 + 70 * (i % 3));
            const test_picture p = {
                .height = 24, .width = 16, .channels = channels, .in_steps = step, .pixels = flat};
            uint8_t *pixels = round_trip(ctx, test_jpeg, &p, channels);
            for (size_t i = 0; i < 24 * 16 * (size_t)channels; i++)
                if (abs(pixels[i] - flat[i]) > 3)
                    fail_msg("channels %d: byte %zu is %d, want %d", channels, i, pixels[i],
                             flat[i]);
            free(pixels);
        }
    }
    bal_ctx_close(&ctx);
}

/* libjpeg writes an Adobe marker for CMYK, so inks are stored inverted: 255 is no ink. */
static void cmyk_becomes_rgb(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    uint8_t flat[8 * 8 * 4];
    for (size_t i = 0; i < sizeof flat; i += 4)
        memcpy(flat + i, (const uint8_t[4]){200, 100, 50, 128}, 4);
    const test_picture p = {.height = 8, .width = 8, .channels = 4, .pixels = flat};
    uint8_t *pixels = round_trip(ctx, test_jpeg, &p, 3);
    assert_true(abs(pixels[0] - 200 * 128 / 255) <= 3);
    assert_true(abs(pixels[1] - 100 * 128 / 255) <= 3);
    assert_true(abs(pixels[2] - 50 * 128 / 255) <= 3);
    free(pixels);
    bal_ctx_close(&ctx);
}

/* YCCK is CMYK whose first three inks were turned into YCbCr. */
static void ycck_is_cmyk(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    const test_picture cmyk = {.height = 9, .width = 13, .channels = 4};
    test_picture ycck = cmyk;
    ycck.ycck = true;
    size_t count, other;
    free(test_jpeg(&cmyk, &count));
    free(test_jpeg(&ycck, &other));
    assert_true(count != other); /* stored in another way */
    uint8_t *a = round_trip(ctx, test_jpeg, &cmyk, 3), *b = round_trip(ctx, test_jpeg, &ycck, 3);
    for (int i = 0; i < 9 * 13 * 3; i++)
        assert_true(abs(a[i] - b[i]) <= 3);
    free(a);
    free(b);
    bal_ctx_close(&ctx);
}

/* Shrinking while decoding gives nearly what shrinking afterwards gives. */
static void jpeg_is_decoded_at_the_scale_needed(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    const bal_picture_shape full = {3, 199, 261}, wanted = {3, 20, 30};
    uint8_t *large = malloc(bal_picture_shape_bytes(full)), direct[20 * 30 * 3], later[20 * 30 * 3];
    assert_non_null(large);
    for (int y = 0, i = 0; y < full.height; y++) /* waves of some 60 pixels */
        for (int x = 0; x < full.width; x++)
            for (int c = 0; c < 3; c++, i++)
                large[i] = (uint8_t)(128 + 100 * sin(0.1 * x + c) * cos(0.1 * y));
    const test_picture p = {.height = 199, .width = 261, .channels = 3, .pixels = large};
    size_t count;
    uint8_t *bytes = test_jpeg(&p, &count);
    bal_decode in = over(ctx, bytes, count);
    bal_picture small;
    in.ask = (bal_ask){.height = 20, .width = 30};
    test_ok(ctx, bal_jpeg_decode(&in, &small));
    assert_int_equal(small.shape.height, 50); /* a quarter: an eighth would be less than twice 20 */
    assert_int_equal(small.shape.width, 66);
    bal_free(ctx, small.pixels);
    in.ask = (bal_ask){0};
    test_ok(ctx, bal_image_decode(&in, full, false, large));
    test_ok(ctx, bal_image_fit(ctx, (bal_image){.pixels = large, .shape = full}, wanted, later));
    test_ok(ctx, bal_image_decode(&in, wanted, true, direct));
    double error = 0.0;
    for (size_t i = 0; i < sizeof direct; i++)
        error += abs(direct[i] - later[i]);
    assert_true(error / sizeof direct < 2.0);
    free(large);
    free(bytes);
    bal_ctx_close(&ctx);
}

static bal_box box_of_user(const void *user, int height, int width)
{
    assert_int_equal(height, 320); /* as turned */
    assert_int_equal(width, 240);
    return *(const bal_box *)user;
}

/* The scale is chosen for what is looked at, not for the whole picture; the file is stored turned
 * by a quarter. */
static void a_view_keeps_its_resolution(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    static const struct {
        bal_box box;
        int divisor;
    } rows[] = {
        {{0, 0, 240, 320}, 8},   {{40, 70, 160, 160}, 8}, {{40, 70, 159, 160}, 4},
        {{7, 30, 100, 90}, 4},   {{201, 3, 39, 77}, 1},   {{5, 9, 40, 40}, 2},
        {{100, 100, 12, 15}, 1},
    };
    const bal_picture_shape full = {3, 240, 320}, wanted = {3, 10, 10};
    uint8_t *large = malloc(bal_picture_shape_bytes(full)), direct[10 * 10 * 3], later[10 * 10 * 3];
    assert_non_null(large);
    for (int y = 0, i = 0; y < full.height; y++)
        for (int x = 0; x < full.width; x++)
            for (int c = 0; c < 3; c++, i++)
                large[i] = (uint8_t)(128 + 100 * sin(0.1 * x + c) * cos(0.1 * y));
    const test_picture p = {.height = 240, .width = 320, .channels = 3, .pixels = large, .turn = 6};
    size_t count;
    uint8_t *bytes = test_jpeg(&p, &count);
    for (size_t i = 0; i < BAL_COUNT_OF(rows); i++) {
        bal_decode in = over(ctx, bytes, count);
        bal_picture all, part;
        test_ok(ctx, bal_image_picture(&in, &all));
        assert_int_equal(all.shape.height, 320);
        in.ask = (bal_ask){10, 10, box_of_user, &rows[i].box};
        test_ok(ctx, bal_image_picture(&in, &part));
        assert_int_equal(part.shape.height, 320 / rows[i].divisor);
        assert_int_equal(bal_picture_height(&part), 320);
        assert_int_equal(bal_picture_width(&part), 240);
        test_ok(ctx, bal_picture_fit_view(ctx, &all, rows[i].box, wanted, later));
        test_ok(ctx, bal_picture_fit_view(ctx, &part, rows[i].box, wanted, direct));
        double error = 0.0;
        for (size_t k = 0; k < sizeof direct; k++)
            error += abs(direct[k] - later[k]);
        assert_true(error / sizeof direct < (rows[i].divisor == 1 ? 1e-9 : 2.0));
        uint8_t decoded[10 * 10 * 3];
        test_ok(ctx, bal_image_decode(&in, wanted, true, decoded));
        assert_memory_equal(decoded, direct, sizeof decoded);
        bal_picture_free(ctx, &all);
        bal_picture_free(ctx, &part);
    }
    free(large);
    free(bytes);
    bal_ctx_close(&ctx);
}

/* WebP's rescaler keeps the same promise, and is not used where it could not. */
static void webp_is_decoded_at_the_scale_needed(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    static const struct {
        int height, width, channels;
        bool lossy;
        int small_height, small_width;
    } rows[] = {
        {200, 264, 3, false, 200, 264}, {199, 261, 3, true, 199, 261}, {200, 264, 3, true, 50, 66},
        {196, 260, 3, true, 98, 130},   {200, 264, 4, true, 200, 264},
    };
    const bal_picture_shape wanted = {3, 20, 30};
    uint8_t *large = malloc((size_t)4 * 200 * 264), direct[20 * 30 * 3], later[20 * 30 * 3];
    assert_non_null(large);
    for (size_t r = 0; r < BAL_COUNT_OF(rows); r++) {
        for (int y = 0, i = 0; y < rows[r].height; y++)
            for (int x = 0; x < rows[r].width; x++)
                for (int c = 0; c < rows[r].channels; c++, i++)
                    large[i] = (uint8_t)(128 + 100 * sin(0.1 * x + c) * cos(0.1 * y));
        const test_picture p = {.height = rows[r].height,
                                .width = rows[r].width,
                                .channels = rows[r].channels,
                                .pixels = large,
                                .in_steps = rows[r].lossy};
        size_t count;
        uint8_t *bytes = test_webp(&p, &count);
        bal_decode in = over(ctx, bytes, count);
        bal_picture small, all;
        in.ask = (bal_ask){.height = 20, .width = 30};
        test_ok(ctx, bal_image_picture(&in, &small));
        assert_int_equal(small.shape.height, rows[r].small_height);
        assert_int_equal(small.shape.width, rows[r].small_width);
        assert_int_equal(bal_picture_height(&small), rows[r].height);
        assert_int_equal(bal_picture_width(&small), rows[r].width);
        in.ask = (bal_ask){0};
        test_ok(ctx, bal_image_picture(&in, &all));
        test_ok(ctx, bal_picture_fit(ctx, &small, wanted, direct));
        test_ok(ctx, bal_picture_fit(ctx, &all, wanted, later));
        double error = 0.0;
        for (size_t i = 0; i < sizeof direct; i++)
            error += abs(direct[i] - later[i]);
        assert_true(error / sizeof direct < 2.0);
        bal_picture_free(ctx, &small);
        bal_picture_free(ctx, &all);
        free(bytes);
    }
    free(large);
    bal_ctx_close(&ctx);
}

/* Every shorter file must be refused, and never be half an image. */
static void truncated_files_are_refused(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    encoder *const encoders[] = {test_png, test_jpeg, test_webp};
    uint8_t pixels[19 * 17 * 3];
    for (int steps = 0; steps < 2; steps++) {
        for (size_t e = 0; e < BAL_COUNT_OF(encoders); e++) {
            const test_picture p = {.height = 19, .width = 17, .channels = 3, .in_steps = steps};
            size_t count;
            uint8_t *bytes = encoders[e](&p, &count);
            for (size_t n = 0; n < count; n++) {
                uint8_t *part = malloc(n ? n : 1); /* exact, so that overreading is seen */
                assert_non_null(part);
                memcpy(part, bytes, n);
                const bal_decode in = over(ctx, part, n);
                test_fails(ctx,
                           bal_image_decode(&in, (bal_picture_shape){3, 19, 17}, false, pixels),
                           BAL_BAD_FILE, "some/picture", NULL);
                free(part);
            }
            free(bytes);
        }
    }
    bal_ctx_close(&ctx);
}

/* A PNG's checksums find every changed bit; a JPEG has none, so it may only not crash. */
static void changed_bytes_are_found_where_they_can_be(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    uint8_t pixels[19 * 17 * 3];
    const bal_picture_shape shape = {3, 19, 17};
    const test_picture p = {.height = 19, .width = 17, .channels = 3};
    size_t count;
    uint8_t *bytes = test_png(&p, &count);
    for (size_t i = 0; i < count; i++) {
        bytes[i] ^= 0x10;
        const bal_decode in = over(ctx, bytes, count);
        test_fails(ctx, bal_image_decode(&in, shape, false, pixels), BAL_BAD_FILE, "some/picture",
                   NULL);
        bytes[i] ^= 0x10;
    }
    free(bytes);
    const test_picture lossy = {.height = 19, .width = 17, .channels = 4, .in_steps = true};
    for (int e = 0; e < 3; e++) {
        bytes = e == 0 ? test_jpeg(&p, &count) : test_webp(e == 1 ? &p : &lossy, &count);
        int refused = 0;
        for (size_t i = 0; i < count; i++) {
            bytes[i] ^= 0x10;
            const bal_decode in = over(ctx, bytes, count);
            const bal_status status = bal_image_decode(&in, shape, false, pixels);
            assert_true(status == BAL_OK || status == BAL_BAD_FILE);
            refused += status != BAL_OK;
            bytes[i] ^= 0x10;
        }
        assert_true(refused > 20);
        free(bytes);
    }
    bal_ctx_close(&ctx);
}

static void huge_sizes_are_refused_before_memory_is_asked_for(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    const test_picture p = {.height = 8, .width = 8, .channels = 3};
    size_t count;
    uint8_t *bytes = test_jpeg(&p, &count);
    size_t frame = 2; /* the start-of-frame segment: ff c0, length, precision, height, width */
    while (!(bytes[frame] == 0xff && bytes[frame + 1] == 0xc0))
        frame += 2 + (size_t)(bytes[frame + 2] << 8 | bytes[frame + 3]);
    memcpy(bytes + frame + 5, (const uint8_t[4]){0xff, 0x00, 0xff, 0x00}, 4);
    bal_decode in = over(ctx, bytes, count);
    bal_picture_shape shape;
    uint8_t pixels[3];
    test_fails(ctx, bal_image_decode(&in, (bal_picture_shape){3, 1, 1}, true, pixels), BAL_BAD_FILE,
               "65280x65280", NULL);
    free(bytes);
    /* whole PNG headers with right checksums, and the start of data */
    static const struct {
        uint8_t side[4], checksum[4];
        const char *text;
    } rows[] = {{{0, 0, 0xea, 0x60}, {0x0f, 0xb0, 0xe2, 0x15}, "60000x60000"},
                {{0, 0x01, 0x86, 0xa0}, {0x27, 0x30, 0x9c, 0x9f}, "100000x100000"}};
    for (size_t i = 0; i < BAL_COUNT_OF(rows); i++) {
        uint8_t header[41] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDRwwwwhhhh\x08\x02\0\0\0cccc\0\0\0\0IDAT";
        memcpy(header + 16, rows[i].side, 4);
        memcpy(header + 20, rows[i].side, 4);
        memcpy(header + 29, rows[i].checksum, 4);
        in = over(ctx, header, sizeof header);
        test_fails(ctx, bal_image_shape_of(&in, &shape), BAL_BAD_FILE, rows[i].text, NULL);
        test_fails(ctx, bal_image_decode(&in, (bal_picture_shape){3, 1, 1}, true, pixels),
                   BAL_BAD_FILE, rows[i].text, NULL);
    }
    /* a lossless WebP of 16384 x 16384: its header is all there is */
    static const uint8_t webp[] = {'R', 'I', 'F', 'F', 18, 0, 0, 0,    'W',  'E',  'B',  'P',  'V',
                                   'P', '8', 'L', 6,   0,  0, 0, 0x2f, 0xff, 0xff, 0xff, 0x0f, 0};
    in = over(ctx, webp, sizeof webp);
    test_fails(ctx, bal_image_shape_of(&in, &shape), BAL_BAD_FILE, "16384x16384", NULL);
    bal_ctx_close(&ctx);
}

/* The limits of the caller come before the decoder's memory, and only what is larger is refused. */
static void limits_are_the_callers(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    encoder *const encoders[] = {test_png, test_jpeg, test_webp};
    const test_picture p = {.height = 7, .width = 9, .channels = 3};
    char *folder = test_folder();
    const char *path = test_path(folder, "7x9");
    for (size_t e = 0; e < BAL_COUNT_OF(encoders); e++) {
        size_t count;
        uint8_t *bytes = encoders[e](&p, &count);
        bal_decode in = over(ctx, bytes, count);
        bal_picture picture;
        bal_picture_shape shape;
        in.limits.pixels = 62;
        test_fails(ctx, bal_image_shape_of(&in, &shape), BAL_BAD_FILE, "some/picture", "9x7",
                   "at most 62 ", NULL);
        test_fails(ctx, bal_image_picture(&in, &picture), BAL_BAD_FILE, "at most 62 ", NULL);
        assert_null(picture.pixels);
        in.limits.pixels = 63;
        test_ok(ctx, bal_image_picture(&in, &picture));
        bal_picture_free(ctx, &picture);
        test_write_file(path, bytes, count);
        in.name = path;
        in.limits.file_bytes = count - 1;
        test_fails(ctx, bal_image_file_picture(&in, &picture), BAL_BAD_FILE, "7x9", "larger than",
                   NULL);
        in.limits.file_bytes = count;
        test_ok(ctx, bal_image_file_picture(&in, &picture));
        bal_picture_free(ctx, &picture);
        free(bytes);
    }
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

static bal_status read_as(bal_ctx *ctx, const char *path, int channels, int height, uint8_t *pixels)
{
    const bal_image_wanted wanted = {.channels = channels, .height = height, .width = 1};
    return bal_image_read(ctx, path, &wanted, pixels);
}

static void other_files_are_refused(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    uint8_t pixels[3];
    const char *text = test_path(folder, "text.jpg"), *empty = test_path(folder, "empty.png");
    const char *png = test_path(folder, "png.jpg"); /* the bytes decide */
    test_write_file(text, "hello", 5);
    test_write_file(empty, "", 0);
    test_write_png(png, 3, 4, 3);
    test_fails(ctx, read_as(ctx, text, 3, 1, pixels), BAL_BAD_FILE, "text.jpg", "JPEG PNG WebP",
               NULL);
    test_fails(ctx, read_as(ctx, empty, 3, 1, pixels), BAL_BAD_FILE, "empty.png", "empty", NULL);
    test_fails(ctx, read_as(ctx, test_path(folder, "none.png"), 3, 1, pixels), BAL_IO, "none.png",
               "No such file", NULL);
    test_fails(ctx, read_as(ctx, folder, 3, 1, pixels), BAL_BAD_FILE, "folder", NULL);
    test_fails(ctx, read_as(ctx, png, 2, 1, pixels), BAL_BAD_ARG, "2 channels", NULL);
    test_fails(ctx, read_as(ctx, png, 3, 0, pixels), BAL_BAD_ARG, "1x0", NULL);
    test_ok(ctx, read_as(ctx, png, 3, 1, pixels));
    const bal_picture_shape other = {3, 1, 1};
    test_fails(ctx,
               bal_image_file_decode(&(bal_decode){.ctx = ctx, .name = png}, other, false, pixels),
               BAL_BAD_FILE, "4x3", "1x1", NULL);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

static void names_of_images(void **state)
{
    (void)state;
    static const char *const yes[] = {"a.jpg", "a.JPEG", "b.c.Png", "a b.jpg", "a.webp"};
    static const char *const no[] = {".jpg", ".a.jpg", "a.jpg2", "a.txt",  "jpg",
                                     "a.",   "",       "a.jp",   "a.jpg|", "a.jpg "};
    for (size_t i = 0; i < BAL_COUNT_OF(yes); i++)
        assert_true(bal_image_has_name(yes[i]));
    for (size_t i = 0; i < BAL_COUNT_OF(no); i++)
        assert_false(bal_image_has_name(no[i]));
}

typedef struct encoded {
    uint8_t *bytes;
    size_t count;
} encoded;

static bal_status decode_once(bal_ctx *ctx, void *user)
{
    const encoded *e = user;
    const bal_decode in = over(ctx, e->bytes, e->count);
    uint8_t pixels[5 * 5];
    return bal_image_decode(&in, (bal_picture_shape){1, 5, 5}, true, pixels);
}

static void no_memory_is_survived(void **state)
{
    (void)state;
    const test_picture rgb = {.height = 9, .width = 8, .channels = 3};
    const test_picture cmyk = {.height = 9, .width = 8, .channels = 4};
    encoded e = {NULL, 0};
    e.bytes = test_png(&rgb, &e.count);
    test_allocation_failures(decode_once, &e);
    free(e.bytes);
    e.bytes = test_jpeg(&cmyk, &e.count);
    test_allocation_failures(decode_once, &e);
    free(e.bytes);
    e.bytes = test_webp(&rgb, &e.count);
    test_allocation_failures(decode_once, &e);
    free(e.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(png_of_every_kind),
        cmocka_unit_test(jpeg_of_every_kind),
        cmocka_unit_test(cmyk_becomes_rgb),
        cmocka_unit_test(ycck_is_cmyk),
        cmocka_unit_test(jpeg_is_decoded_at_the_scale_needed),
        cmocka_unit_test(a_view_keeps_its_resolution),
        cmocka_unit_test(webp_is_decoded_at_the_scale_needed),
        cmocka_unit_test(truncated_files_are_refused),
        cmocka_unit_test(changed_bytes_are_found_where_they_can_be),
        cmocka_unit_test(huge_sizes_are_refused_before_memory_is_asked_for),
        cmocka_unit_test(limits_are_the_callers),
        cmocka_unit_test(other_files_are_refused),
        cmocka_unit_test(names_of_images),
        cmocka_unit_test(no_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
