/* JPEG by libjpeg-turbo. Nothing is printed; a warning that means damaged pixels is an error. */
#include "data/image/image.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

#define MOST_SCANS 200 /* a progressive file with more is an attack on our time */

typedef struct jpeg_job {
    struct jpeg_error_mgr errors; /* first: libjpeg knows the job by this address */
    struct jpeg_progress_mgr progress;
    struct jpeg_decompress_struct jpeg;
    jmp_buf escape;
    const bal_decode *in;
    bal_picture out;
    uint8_t *row; /* CMYK only */
    bool no_memory, too_many_scans;
    char message[JMSG_LENGTH_MAX];
} jpeg_job;

static void on_error(j_common_ptr info)
{
    jpeg_job *job = (jpeg_job *)info->err;
    info->err->format_message(info, job->message);
    job->no_memory = job->no_memory || info->err->msg_code == JERR_OUT_OF_MEMORY;
    longjmp(job->escape, 1);
}

/* level < 0 is a warning. Rubbish between segments and odd Adobe markers harm no pixel. */
static void on_message(j_common_ptr info, int level)
{
    const int code = info->err->msg_code;
    if (level < 0 && code != JWRN_EXTRANEOUS_DATA && code != JWRN_ADOBE_XFORM &&
        code != JWRN_JFIF_MAJOR)
        on_error(info);
}

static void on_output(j_common_ptr info)
{
    (void)info;
}

static void on_progress(j_common_ptr info)
{
    const struct jpeg_decompress_struct *jpeg = (const struct jpeg_decompress_struct *)info;
    jpeg_job *job = (jpeg_job *)info->err;
    if (jpeg->input_scan_number <= MOST_SCANS)
        return;
    job->too_many_scans = true;
    longjmp(job->escape, 1);
}

static bal_status failed(jpeg_job *job)
{
    const bal_decode *in = job->in;
    if (job->no_memory)
        return bal_fail(in->ctx, BAL_NO_MEMORY, "%s: no memory to decode it", in->name);
    if (job->too_many_scans)
        return bal_fail(in->ctx, BAL_BAD_FILE, "%s: JPEG with more than %d scans", in->name,
                        MOST_SCANS);
    return bal_fail(in->ctx, BAL_BAD_FILE, "%s: damaged JPEG: %s", in->name, job->message);
}

static void start(jpeg_job *job, const bal_decode *in)
{
    memset(job, 0, sizeof *job);
    job->in = in;
    job->jpeg.err = jpeg_std_error(&job->errors);
    job->errors.error_exit = on_error;
    job->errors.emit_message = on_message;
    job->errors.output_message = on_output;
    job->progress.progress_monitor = on_progress;
}

/* After this the image's size is known and within the limits. */
static bal_status read_header(jpeg_job *job)
{
    struct jpeg_decompress_struct *jpeg = &job->jpeg;
    jpeg_create_decompress(jpeg);
    jpeg->progress = &job->progress;
    jpeg_mem_src(jpeg, job->in->bytes, (unsigned long)job->in->count);
    jpeg_read_header(jpeg, TRUE);
    return bal_picture_shape_check(job->in, jpeg->image_height, jpeg->image_width);
}

/* Inks to light. Adobe's programs store inks inverted, and say so by their marker. */
static void cmyk_to_rgb(const uint8_t *in, size_t width, bool inverted, uint8_t *out)
{
    for (size_t x = 0; x < width; x++, in += 4, out += 3) {
        const unsigned k = inverted ? in[3] : 255u - in[3];
        for (int c = 0; c < 3; c++)
            out[c] = (uint8_t)(((inverted ? in[c] : 255u - in[c]) * k + 127u) / 255u);
    }
}

static bool has_inks(const struct jpeg_decompress_struct *jpeg)
{
    return jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK;
}

static bal_status read_pixels(jpeg_job *job)
{
    struct jpeg_decompress_struct *jpeg = &job->jpeg;
    const bool inks = has_inks(jpeg);
    const bool grey = jpeg->jpeg_color_space == JCS_GRAYSCALE;
    /* libjpeg's scaling takes means over blocks, and the rest is our own filter's work */
    jpeg->scale_num = 1;
    jpeg->scale_denom =
        (unsigned)bal_ask_divisor(job->in->ask, (int)jpeg->image_height, (int)jpeg->image_width);
    jpeg->out_color_space = inks ? JCS_CMYK : grey ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_start_decompress(jpeg);
    const bal_picture_shape shape = {grey ? 1 : 3, (int)jpeg->output_height,
                                     (int)jpeg->output_width};
    job->out.shape = shape;
    job->out.full_height = (int)jpeg->image_height;
    job->out.full_width = (int)jpeg->image_width;
    job->out.box = (bal_box){.width = (double)jpeg->image_width / jpeg->scale_denom,
                             .height = (double)jpeg->image_height / jpeg->scale_denom};
    job->out.pixels = bal_calloc(job->in->ctx, bal_picture_shape_bytes(shape), 1);
    if (inks)
        job->row = bal_calloc(job->in->ctx, (size_t)shape.width, 4);
    if (!job->out.pixels || (inks && !job->row))
        return BAL_NO_MEMORY;
    const size_t stride = (size_t)shape.width * (size_t)shape.channels;
    while (jpeg->output_scanline < jpeg->output_height) {
        uint8_t *pixels = job->out.pixels + (size_t)jpeg->output_scanline * stride;
        JSAMPROW row = inks ? job->row : pixels;
        jpeg_read_scanlines(jpeg, &row, 1);
        if (inks)
            cmyk_to_rgb(job->row, (size_t)shape.width, jpeg->saw_Adobe_marker, pixels);
    }
    jpeg_finish_decompress(jpeg);
    return BAL_OK;
}

static bal_status run(jpeg_job *job, bool pixels)
{
    if (setjmp(job->escape))
        return failed(job);
    BAL_TRY(read_header(job));
    return pixels ? read_pixels(job) : BAL_OK;
}

bal_status bal_jpeg_shape(const bal_decode *in, bal_picture_shape *shape)
{
    jpeg_job job;
    start(&job, in);
    const bal_status status = run(&job, false);
    *shape = (bal_picture_shape){job.jpeg.jpeg_color_space == JCS_GRAYSCALE ? 1 : 3,
                                 (int)job.jpeg.image_height, (int)job.jpeg.image_width};
    jpeg_destroy_decompress(&job.jpeg);
    return status;
}

bal_status bal_jpeg_decode(const bal_decode *in, bal_picture *out)
{
    jpeg_job job;
    start(&job, in);
    const bal_status status = run(&job, true);
    jpeg_destroy_decompress(&job.jpeg);
    bal_free(in->ctx, job.row);
    if (status != BAL_OK) {
        bal_free(in->ctx, job.out.pixels);
        job.out = (bal_picture){0};
    }
    *out = job.out;
    return status;
}
