/* PNG by libpng, from memory to a file that appears whole. */
#include "data/image/png_encode.h"

#include "base/writer.h"
#include "data/image/image.h"

#include <setjmp.h>
#include <stdio.h>

#include <png.h>

typedef struct png_out {
    png_structp png;
    png_infop info;
    jmp_buf escape;
    char message[128];
} png_out;

static void on_error(png_structp png, png_const_charp text)
{
    png_out *out = png_get_error_ptr(png);
    snprintf(out->message, sizeof out->message, "%s", text);
    longjmp(out->escape, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static void on_write(png_structp png, png_bytep bytes, png_size_t count)
{
    bal_writer_bytes(png_get_io_ptr(png), bytes, count);
}

static void on_flush(png_structp png)
{
    (void)png;
}

/* False when libpng gave up; out->message says why. */
static bool encode(png_out *out, bal_writer *w, const bal_png *p)
{
    if (setjmp(out->escape))
        return false;
    png_set_write_fn(out->png, w, on_write, on_flush);
    png_set_IHDR(out->png, out->info, (png_uint_32)p->width, (png_uint_32)p->height, 8,
                 p->channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(out->png, out->info);
    const size_t stride = (size_t)p->width * (size_t)p->channels;
    for (int y = 0; y < p->height; y++)
        png_write_row(out->png, p->pixels + (size_t)y * stride);
    png_write_end(out->png, out->info);
    return true;
}

bal_status bal_png_write(bal_ctx *ctx, const char *path, const bal_png *p)
{
    if ((p->channels != 1 && p->channels != 3) || p->height < 1 || p->width < 1 ||
        p->height > BAL_LARGEST_SIDE || p->width > BAL_LARGEST_SIDE)
        return bal_fail(ctx, BAL_BAD_ARG,
                        "%s: %d channels of %dx%d; 1 or 3, and 1 to %d a side expected", path,
                        p->channels, p->width, p->height, BAL_LARGEST_SIDE);
    bal_writer *w;
    BAL_TRY(bal_writer_open(&w, ctx, path));
    if (p->unflushed)
        bal_writer_unflushed(w);
    png_out out = {.png = NULL};
    out.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &out, on_error, on_warning);
    out.info = out.png ? png_create_info_struct(out.png) : NULL;
    bal_status status = BAL_OK;
    if (!out.info)
        status = bal_fail(ctx, BAL_NO_MEMORY, "%s: no memory to write it", path);
    else if (!encode(&out, w, p))
        status = bal_fail(ctx, BAL_IO, "%s: %s", path, out.message);
    png_destroy_write_struct(&out.png, &out.info);
    if (status == BAL_OK)
        return bal_writer_commit(&w);
    bal_writer_abandon(&w);
    return status;
}

bal_status bal_image_write_png(bal_ctx *ctx, const char *path, int channels, int height, int width,
                               const uint8_t *pixels)
{
    const bal_png png = {.pixels = pixels, .channels = channels, .height = height, .width = width};
    return bal_png_write(ctx, path, &png);
}
