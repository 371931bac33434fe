/* PNG by libpng: palettes are expanded, 16 bits become 8, an alpha channel is dropped (as
 * torchvision's loader does). Nothing is printed. */
#include "data/image/image.h"

#include "base/cursor.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <png.h>

#define MOST_CHUNKS 1000
#define LARGEST_CHUNK ((png_alloc_size_t)64 << 20)

typedef struct png_job {
    const bal_decode *in;
    bal_cursor cursor;
    png_structp png;
    png_infop info;
    jmp_buf escape;
    bal_picture out;
    png_bytep *rows;
    char message[128];
} png_job;

static void on_error(png_structp png, png_const_charp text)
{
    png_job *job = png_get_error_ptr(png);
    snprintf(job->message, sizeof job->message, "%s", text);
    longjmp(job->escape, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static void on_read(png_structp png, png_bytep out, png_size_t count)
{
    png_job *job = png_get_io_ptr(png);
    const unsigned char *bytes;
    if (!bal_take_bytes(&job->cursor, count, &bytes))
        png_error(png, "the file ends too early");
    memcpy(out, bytes, count);
}

static bal_status read_header(png_job *job)
{
    job->cursor = bal_cursor_over(job->in->bytes, job->in->count);
    job->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, job, on_error, on_warning);
    job->info = job->png ? png_create_info_struct(job->png) : NULL;
    if (!job->info)
        return bal_fail(job->in->ctx, BAL_NO_MEMORY, "%s: no memory to decode it", job->in->name);
    png_set_user_limits(job->png, PNG_UINT_31_MAX,
                        PNG_UINT_31_MAX); /* bal_picture_shape_check's work */
    png_set_chunk_cache_max(job->png, MOST_CHUNKS);
    png_set_chunk_malloc_max(job->png, LARGEST_CHUNK);
    png_set_read_fn(job->png, job, on_read);
    png_read_info(job->png, job->info);
    return bal_picture_shape_check(job->in, png_get_image_height(job->png, job->info),
                                   png_get_image_width(job->png, job->info));
}

/* As it will be handed out. */
static bal_picture_shape shape_of(const png_job *job)
{
    const int grey = !(png_get_color_type(job->png, job->info) & PNG_COLOR_MASK_COLOR);
    return (bal_picture_shape){grey ? 1 : 3, (int)png_get_image_height(job->png, job->info),
                               (int)png_get_image_width(job->png, job->info)};
}

static bal_status read_pixels(png_job *job)
{
    const bal_picture_shape shape = job->out.shape = shape_of(job);
    const size_t stride = (size_t)shape.width * (size_t)shape.channels;
    png_set_expand(job->png);
    png_set_scale_16(job->png);
    png_set_strip_alpha(job->png);
    png_set_interlace_handling(job->png);
    png_read_update_info(job->png, job->info);
    if (png_get_rowbytes(job->png, job->info) != stride)
        return bal_fail(job->in->ctx, BAL_BAD_FILE, "%s: PNG rows of %zu bytes, %zu expected",
                        job->in->name, (size_t)png_get_rowbytes(job->png, job->info), stride);
    job->out.pixels = bal_calloc(job->in->ctx, bal_picture_shape_bytes(shape), 1);
    job->rows = bal_calloc(job->in->ctx, (size_t)shape.height, sizeof *job->rows);
    if (!job->out.pixels || !job->rows)
        return BAL_NO_MEMORY;
    for (int y = 0; y < shape.height; y++)
        job->rows[y] = job->out.pixels + (size_t)y * stride;
    png_read_image(job->png, job->rows);
    png_read_end(job->png, NULL);
    return BAL_OK;
}

static bal_status run(png_job *job, bool pixels)
{
    if (setjmp(job->escape))
        return bal_fail(job->in->ctx, BAL_BAD_FILE, "%s: damaged PNG: %s", job->in->name,
                        job->message);
    BAL_TRY(read_header(job));
    return pixels ? read_pixels(job) : BAL_OK;
}

bal_status bal_png_shape(const bal_decode *in, bal_picture_shape *shape)
{
    png_job job = {.in = in};
    const bal_status status = run(&job, false);
    if (status == BAL_OK)
        *shape = shape_of(&job);
    png_destroy_read_struct(&job.png, &job.info, NULL);
    return status;
}

bal_status bal_png_decode(const bal_decode *in, bal_picture *out)
{
    png_job job = {.in = in};
    const bal_status status = run(&job, true);
    png_destroy_read_struct(&job.png, &job.info, NULL);
    bal_free(in->ctx, job.rows);
    if (status != BAL_OK) {
        bal_free(in->ctx, job.out.pixels);
        job.out = (bal_picture){0};
    }
    *out = job.out;
    return status;
}
