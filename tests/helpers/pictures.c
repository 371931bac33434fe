/* Small image files; see pictures.h. */
#include "helpers/pictures.h"

#include "helpers/helpers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <jpeglib.h>
#include <png.h>
#include <webp/encode.h>

#define QUALITY 95

uint8_t test_pixel(int y, int x, int c)
{
    return (uint8_t)(20 + (y * 5 + x * 3 + c * 60) % 200);
}

static uint8_t byte_of(const test_picture *p, int y, int x, int c)
{
    if (!p->pixels)
        return test_pixel(y, x, c);
    return p->pixels[((size_t)y * (size_t)p->width + (size_t)x) * (size_t)p->channels + (size_t)c];
}

/* One row as PNG wants it. */
static void fill_row(const test_picture *p, int y, uint8_t *row)
{
    memset(row, 0, 8 * (size_t)p->width);
    for (int x = 0; x < p->width; x++) {
        for (int c = 0; c < p->channels; c++) {
            const uint8_t value = byte_of(p, y, x, c);
            const size_t at = (size_t)x * (size_t)p->channels + (size_t)c;
            if (p->depth == 16)
                row[2 * at] = row[2 * at + 1] = value;
            else if (p->depth == 1)
                row[at / 8] = (uint8_t)(row[at / 8] | (value >> 7) << (7 - at % 8));
            else
                row[at] = value;
        }
    }
}

uint8_t *test_png(const test_picture *p, size_t *count)
{
    static const int types[] = {0, PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA,
                                PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGB_ALPHA};
    char *bytes = NULL;
    FILE *f = open_memstream(&bytes, count);
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    uint8_t **rows = calloc((size_t)p->height, sizeof *rows);
    png_color colours[256];
    assert_true(f && png && info && rows);
    for (int i = 0; i < 256; i++)
        colours[i] = (png_color){(png_byte)i, (png_byte)(255 - i), (png_byte)(i / 2)};
    png_init_io(png, f);
    png_set_IHDR(png, info, (png_uint_32)p->width, (png_uint_32)p->height, p->depth ? p->depth : 8,
                 p->palette ? PNG_COLOR_TYPE_PALETTE : types[p->channels],
                 p->in_steps ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_BASE,
                 PNG_FILTER_TYPE_BASE);
    if (p->palette)
        png_set_PLTE(png, info, colours, 256);
    for (int y = 0; y < p->height; y++) {
        rows[y] = malloc(8 * (size_t)p->width);
        assert_non_null(rows[y]);
        fill_row(p, y, rows[y]);
    }
    png_set_rows(png, info, rows);
    png_write_png(png, info, PNG_TRANSFORM_IDENTITY, NULL);
    for (int y = 0; y < p->height; y++)
        free(rows[y]);
    free(rows);
    png_destroy_write_struct(&png, &info);
    assert_int_equal(fclose(f), 0);
    return (uint8_t *)bytes;
}

static void write_turn(struct jpeg_compress_struct *jpeg, int turn)
{
    const JOCTET exif[] = {'E', 'x', 'i', 'f', 0, 0, 'M', 'M', 0, 42,           0, 0, 0, 8, 0, 1,
                           1,   18,  0,   3,   0, 0, 0,   1,   0, (JOCTET)turn, 0, 0};
    jpeg_write_marker(jpeg, JPEG_APP0 + 1, exif, sizeof exif);
}

uint8_t *test_jpeg(const test_picture *p, size_t *count)
{
    static const J_COLOR_SPACE spaces[] = {JCS_UNKNOWN, JCS_GRAYSCALE, JCS_UNKNOWN, JCS_RGB,
                                           JCS_CMYK};
    char *bytes = NULL;
    FILE *f = open_memstream(&bytes, count);
    uint8_t *row = malloc((size_t)p->width * (size_t)p->channels);
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    assert_true(f && row);
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_stdio_dest(&jpeg, f);
    jpeg.image_height = (JDIMENSION)p->height;
    jpeg.image_width = (JDIMENSION)p->width;
    jpeg.input_components = p->channels;
    jpeg.in_color_space = spaces[p->channels];
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, QUALITY, TRUE);
    if (p->ycck)
        jpeg_set_colorspace(&jpeg, JCS_YCCK);
    if (p->in_steps)
        jpeg_simple_progression(&jpeg);
    jpeg_start_compress(&jpeg, TRUE);
    if (p->turn)
        write_turn(&jpeg, p->turn);
    for (int y = 0; y < p->height; y++) {
        for (int x = 0; x < p->width; x++)
            for (int c = 0; c < p->channels; c++)
                row[x * p->channels + c] = byte_of(p, y, x, c);
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    free(row);
    assert_int_equal(fclose(f), 0);
    return (uint8_t *)bytes;
}

uint8_t *test_webp(const test_picture *p, size_t *count)
{
    const int stride = p->width * p->channels;
    uint8_t *pixels = malloc((size_t)p->height * (size_t)stride), *out = NULL;
    assert_non_null(pixels);
    for (int y = 0; y < p->height; y++)
        for (int x = 0; x < p->width; x++)
            for (int c = 0; c < p->channels; c++)
                pixels[y * stride + x * p->channels + c] = byte_of(p, y, x, c);
    if (p->in_steps)
        *count = (p->channels == 4 ? WebPEncodeRGBA : WebPEncodeRGB)(pixels, p->width, p->height,
                                                                     stride, QUALITY, &out);
    else
        *count = (p->channels == 4 ? WebPEncodeLosslessRGBA : WebPEncodeLosslessRGB)(
            pixels, p->width, p->height, stride, &out);
    assert_true(*count > 0);
    uint8_t *bytes = malloc(*count);
    assert_non_null(bytes);
    memcpy(bytes, out, *count);
    WebPFree(out);
    free(pixels);
    return bytes;
}

static void make_folders_of(const char *path)
{
    char folder[4096];
    for (const char *slash = path; (slash = strchr(slash + 1, '/'));) {
        snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
        mkdir(folder, 0777); /* it may be there; writing the file will tell */
    }
}

static void write_picture(const char *path, uint8_t *bytes, size_t count)
{
    make_folders_of(path);
    test_write_file(path, bytes, count);
    free(bytes);
}

void test_write_png(const char *path, int height, int width, int channels)
{
    const test_picture p = {.height = height, .width = width, .channels = channels};
    size_t count;
    uint8_t *bytes = test_png(&p, &count);
    write_picture(path, bytes, count);
}

void test_write_jpeg(const char *path, int height, int width, int channels)
{
    const test_picture p = {.height = height, .width = width, .channels = channels};
    size_t count;
    uint8_t *bytes = test_jpeg(&p, &count);
    write_picture(path, bytes, count);
}
