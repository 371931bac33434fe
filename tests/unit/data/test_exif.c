/* The EXIF orientation: both byte orders, every container, and files that lie. */
#include "helpers/helpers.h"
#include "helpers/pictures.h"

#include "data/image/image.h"

#include <stdlib.h>
#include <string.h>

typedef bal_orientation walker(const uint8_t *file, size_t count);

/* In memory of its own, so that a sanitizer sees reading beyond the end. */
static bal_orientation walk(walker *of, const uint8_t *bytes, size_t count)
{
    uint8_t *own = malloc(count ? count : 1);
    assert_non_null(own);
    memcpy(own, bytes, count);
    const bal_orientation got = of(own, count);
    free(own);
    return got;
}

/* A directory at offset 10 with one other entry before the orientation. */
static const uint8_t little[] = {
    'I',  'I',  42, 0, 10, 0, 0, 0, 9,   9,           /* header, two bytes between */
    2,    0,                                          /* entries */
    0x0f, 0x01, 2,  0, 4,  0, 0, 0, 'c', 'a', 'm', 0, /* a text */
    0x12, 0x01, 3,  0, 1,  0, 0, 0, 6,   0,   0,   0, /* orientation 6 */
};
static const uint8_t big[] = {
    'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 8, 0, 0,
};

static void both_byte_orders(void **state)
{
    (void)state;
    assert_int_equal(walk(bal_exif_orientation, little, sizeof little), 6);
    assert_int_equal(walk(bal_exif_orientation, big, sizeof big), 8);
    for (size_t n = 0; n < sizeof little; n++)
        assert_int_equal(walk(bal_exif_orientation, little, n), 1);
    for (size_t n = 0; n < sizeof big; n++)
        assert_int_equal(walk(bal_exif_orientation, big, n), 1);
}

static void what_is_damaged_is_as_stored(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint8_t byte;
    } rows[] = {
        {0, 'X'},   {1, 'M'}, {2, 43}, {4, 200}, {7, 255}, /* byte order, magic, offset */
        {10, 1},                                           /* one entry only */
        {24, 0x13}, {26, 4},  {32, 0}, {32, 9},  {33, 1},  /* tag, type, value */
    };
    uint8_t bytes[sizeof little];
    for (size_t i = 0; i < BAL_COUNT_OF(rows); i++) {
        memcpy(bytes, little, sizeof bytes);
        bytes[rows[i].at] = rows[i].byte;
        if (walk(bal_exif_orientation, bytes, sizeof bytes) != 1)
            fail_msg("row %zu is believed", i);
    }
    memcpy(bytes, little, sizeof bytes);
    bytes[10] = 255; /* more entries than there are: those that are there count */
    assert_int_equal(walk(bal_exif_orientation, bytes, sizeof bytes), 6);
}

/* As many bytes as fit, and what they are. */
typedef struct maker {
    uint8_t bytes[256];
    size_t count;
} maker;

static void add(maker *m, const void *bytes, size_t count)
{
    assert_true(m->count + count <= sizeof m->bytes);
    memcpy(m->bytes + m->count, bytes, count);
    m->count += count;
}

#define ADD(m, text) add(m, text, sizeof(text) - 1)

static void jpegs_are_walked_to_the_first_scan(void **state)
{
    (void)state;
    maker m = {.count = 0};
    ADD(&m, "\xff\xd8\xff\xe0\x00\x04xx"); /* APP0 */
    ADD(&m, "\xff\xe1\x00\x0ahttp://x");   /* APP1 of another kind */
    ADD(&m, "\xff\xff\xff\xe1\x00\x2c"
            "Exif\0\0"); /* fill bytes before */
    assert_int_equal(2 + 6 + sizeof little, 0x2c);
    add(&m, little, sizeof little);
    const size_t whole = m.count;
    ADD(&m, "\xff\xe1\x00\x1e"
            "Exif\0\0");
    add(&m, big, sizeof big);
    ADD(&m, "\xff\xda");
    assert_int_equal(walk(bal_jpeg_orientation, m.bytes, m.count), 6); /* the first */
    for (size_t n = 0; n < whole; n++)
        assert_int_equal(walk(bal_jpeg_orientation, m.bytes, n), 1);
    assert_int_equal(walk(bal_jpeg_orientation, m.bytes, whole), 6);
    m.bytes[3] = 0xda; /* the scans begin: what follows are pixels */
    assert_int_equal(walk(bal_jpeg_orientation, m.bytes, m.count), 1);
    m.bytes[3] = 0xd9;
    assert_int_equal(walk(bal_jpeg_orientation, m.bytes, m.count), 1);
    m.bytes[3] = 0xe0;
    m.bytes[5] = 1; /* shorter than its own length field */
    assert_int_equal(walk(bal_jpeg_orientation, m.bytes, m.count), 1);
}

static void webps_are_walked(void **state)
{
    (void)state;
    maker m = {.count = 0};
    ADD(&m, "RIFF\x40\x00\x00\x00WEBP");
    ADD(&m, "VP8X\x03\x00\x00\x00"
            "abc"
            "\0"); /* odd: a byte is added */
    ADD(&m, "EXIF\x24\x00\x00\x00");
    assert_int_equal(sizeof little, 0x24);
    add(&m, little, sizeof little);
    assert_int_equal(walk(bal_webp_orientation, m.bytes, m.count), 6);
    for (size_t n = 0; n < m.count; n++)
        assert_int_equal(walk(bal_webp_orientation, m.bytes, n), 1);
    m.bytes[16] = 4; /* now even: the chunk begins a byte later */
    m.bytes[19] = 0xff;
    assert_int_equal(walk(bal_webp_orientation, m.bytes, m.count), 1);
}

/* A PNG made by libpng, with the chunk put behind its header. */
static void pngs_checksum_counts(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    const test_picture p = {.height = 3, .width = 5, .channels = 3};
    size_t count;
    uint8_t *plain = test_png(&p, &count), *bytes = malloc(count + 34);
    assert_non_null(bytes);
    /* crc32(b"eXIf" + big) by Python's zlib */
    static const uint8_t head[] = {0, 0, 0, 22, 'e', 'X', 'I', 'f'},
                         sum[] = {0x33, 0xb1, 0x8e, 0x58};
    memcpy(bytes, plain, 33);
    memcpy(bytes + 33, head, 8);
    memcpy(bytes + 41, big, sizeof big);
    memcpy(bytes + 63, sum, 4);
    memcpy(bytes + 67, plain + 33, count - 33);
    bal_decode in = {.ctx = ctx, .name = "some/picture", .bytes = bytes, .count = count + 34};
    bal_picture_shape shape;
    bal_picture picture;
    test_ok(ctx, bal_image_shape_of(&in, &shape));
    assert_int_equal(shape.height, 5);
    test_ok(ctx, bal_image_picture(&in, &picture));
    assert_int_equal(picture.shape.height, 5);
    for (int y = 0; y < 5; y++) /* turned anticlockwise */
        for (int x = 0; x < 3; x++)
            assert_int_equal(picture.pixels[(y * 3 + x) * 3 + 1], test_pixel(x, 4 - y, 1));
    bal_picture_free(ctx, &picture);
    bytes[66] ^= 1;
    test_ok(ctx, bal_image_shape_of(&in, &shape));
    assert_int_equal(shape.height, 3);
    free(plain);
    free(bytes);
    bal_ctx_close(&ctx);
}

/* Decoding at a smaller scale and turning commute: columns that are only partly of the picture move
 * to the other side with it. */
static void turning_keeps_the_box(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    const bal_picture_shape shape = {1, 3, 5};
    for (int orientation = 1; orientation <= 8; orientation++) {
        bal_picture p = {.pixels = bal_calloc(ctx, 15, 1),
                         .shape = shape,
                         .box = {0.0, 0.0, 4.25, 2.5},
                         .full_height = 10,
                         .full_width = 17};
        assert_non_null(p.pixels);
        p.pixels[0] = 77; /* the corner where the box touches the pixels' edges */
        test_ok(ctx, bal_picture_turn(ctx, &p, orientation));
        const bool swaps = orientation >= 5;
        assert_int_equal(p.shape.height, swaps ? 5 : 3);
        assert_int_equal(p.full_height, swaps ? 17 : 10);
        assert_int_equal(p.full_width, swaps ? 10 : 17);
        assert_true(p.box.width == (swaps ? 2.5 : 4.25));
        assert_true(p.box.height == (swaps ? 4.25 : 2.5));
        const double right = p.box.left + p.box.width, below = p.box.top + p.box.height;
        assert_true(right <= p.shape.width && below <= p.shape.height);
        const int x = p.box.left == 0.0 ? 0 : p.shape.width - 1;
        const int y = p.box.top == 0.0 ? 0 : p.shape.height - 1;
        assert_int_equal(p.pixels[y * p.shape.width + x], 77);
        bal_picture_free(ctx, &p);
    }
    bal_ctx_close(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_byte_orders),
        cmocka_unit_test(what_is_damaged_is_as_stored),
        cmocka_unit_test(jpegs_are_walked_to_the_first_scan),
        cmocka_unit_test(webps_are_walked),
        cmocka_unit_test(pngs_checksum_counts),
        cmocka_unit_test(turning_keeps_the_box),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
