/* Antialiased resizing: a separable triangle filter, horizontal pass first. */
#include "data/image/image.h"

#include <math.h>
#include <string.h>

#define PRECISION 22 /* 8 bits of pixel and 2 of head room below 32 */

/* One row of weights an output position: which inputs, and how much of each. */
typedef struct filter {
    int most; /* inputs that a position uses at most */
    int *first, *count;
    int32_t *weights; /* most a position */
} filter;

static void filter_free(bal_ctx *ctx, filter *f)
{
    bal_free(ctx, f->first);
    bal_free(ctx, f->count);
    bal_free(ctx, f->weights);
}

static double triangle(double x)
{
    x = fabs(x);
    return x < 1.0 ? 1.0 - x : 0.0;
}

/* The weights of one output position, normalised to a sum of 1, in fixed point. */
static void filter_row(filter *f, int at, int in, double start, double scale)
{
    const double widen = scale > 1.0 ? scale : 1.0;
    const double center = start + ((double)at + 0.5) * scale;
    int first = (int)(center - widen + 0.5), end = (int)(center + widen + 0.5);
    first = first < 0 ? 0 : first;
    end = end > in ? in : end;
    double sum = 0.0;
    for (int i = first; i < end; i++)
        sum += triangle((i - center + 0.5) / widen);
    for (int i = first; i < end; i++) {
        const double weight = triangle((i - center + 0.5) / widen) / sum;
        f->weights[(size_t)at * (size_t)f->most + (size_t)(i - first)] =
            (int32_t)(0.5 + weight * (double)(1 << PRECISION));
    }
    f->first[at] = first;
    f->count[at] = end - first;
}

/* Of the in inputs, length from start on are spread over the outputs. */
static bal_status filter_make(bal_ctx *ctx, filter *f, int in, double start, double length, int out)
{
    const double scale = length / (double)out;
    *f = (filter){.most = 2 * (int)ceil(scale > 1.0 ? scale : 1.0) + 1};
    f->first = bal_calloc(ctx, (size_t)out, sizeof *f->first);
    f->count = bal_calloc(ctx, (size_t)out, sizeof *f->count);
    f->weights = bal_calloc(ctx, (size_t)out * (size_t)f->most, sizeof *f->weights);
    if (!f->first || !f->count || !f->weights)
        return BAL_NO_MEMORY;
    for (int at = 0; at < out; at++)
        filter_row(f, at, in, start, scale);
    return BAL_OK;
}

static uint8_t byte_of(int32_t sum)
{
    sum >>= PRECISION;
    return (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

#define HALF ((int32_t)1 << (PRECISION - 1))

static void across_grey(const uint8_t *row, const filter *f, int out_width, uint8_t *out)
{
    for (int x = 0; x < out_width; x++) {
        const uint8_t *in = row + f->first[x];
        const int32_t *weights = f->weights + (size_t)x * (size_t)f->most;
        int32_t sum = HALF;
        for (int i = 0; i < f->count[x]; i++)
            sum += in[i] * weights[i];
        *out++ = byte_of(sum);
    }
}

static void across_colours(const uint8_t *row, const filter *f, int out_width, uint8_t *out)
{
    for (int x = 0; x < out_width; x++) {
        const uint8_t *in = row + 3 * (size_t)f->first[x];
        const int32_t *weights = f->weights + (size_t)x * (size_t)f->most;
        int32_t red = HALF, green = HALF, blue = HALF;
        for (int i = 0; i < f->count[x]; i++, in += 3) {
            red += in[0] * weights[i];
            green += in[1] * weights[i];
            blue += in[2] * weights[i];
        }
        *out++ = byte_of(red);
        *out++ = byte_of(green);
        *out++ = byte_of(blue);
    }
}

/* Of the rows from first to end. */
static void horizontal(bal_image image, int first, int end, const filter *f, int out_width,
                       uint8_t *out)
{
    const size_t channels = (size_t)image.shape.channels;
    for (int y = first; y < end; y++, out += (size_t)out_width * channels) {
        const uint8_t *row = image.pixels + (size_t)y * (size_t)image.shape.width * channels;
        if (channels == 3)
            across_colours(row, f, out_width, out);
        else
            across_grey(row, f, out_width, out);
    }
}

/* in begins with row first. Row by row, so that memory is read in order. */
static void vertical(const uint8_t *in, int first, size_t stride, const filter *f, int out_height,
                     int32_t *sums, uint8_t *out)
{
    for (int y = 0; y < out_height; y++) {
        const uint8_t *row = in + (size_t)(f->first[y] - first) * stride;
        const int32_t *weights = f->weights + (size_t)y * (size_t)f->most;
        for (size_t i = 0; i < stride; i++)
            sums[i] = HALF;
        for (int k = 0; k < f->count[y]; k++, row += stride)
            for (size_t i = 0; i < stride; i++)
                sums[i] += row[i] * weights[k];
        for (size_t i = 0; i < stride; i++)
            *out++ = byte_of(sums[i]);
    }
}

bal_status bal_image_resize(bal_ctx *ctx, bal_image image, bal_picture_shape shape, uint8_t *pixels)
{
    const bal_picture_shape in = image.shape;
    const bal_box whole = {0.0, 0.0, in.width, in.height};
    const bal_box box = image.box.width > 0.0 ? image.box : whole;
    const bool wide = in.width != shape.width || box.left > 0.0 || box.width < in.width;
    const bool tall = in.height != shape.height || box.top > 0.0 || box.height < in.height;
    const size_t stride = (size_t)shape.width * (size_t)shape.channels;
    filter across = {0}, down = {0};
    uint8_t *narrow = NULL;
    int32_t *sums = NULL;
    int first = 0, end = in.height; /* rows that are needed */
    bal_status status = BAL_OK;
    if (!wide && !tall) {
        memcpy(pixels, image.pixels, bal_picture_shape_bytes(shape));
        return BAL_OK;
    }
    if (tall) {
        BAL_GOTO(filter_make(ctx, &down, in.height, box.top, box.height, shape.height));
        first = down.first[0];
        end = down.first[shape.height - 1] + down.count[shape.height - 1];
        sums = bal_calloc(ctx, stride, sizeof *sums);
        if (wide)
            narrow = bal_calloc(ctx, (size_t)(end - first), stride);
        if (!sums || (wide && !narrow)) {
            status = BAL_NO_MEMORY;
            goto fail;
        }
    }
    if (wide) {
        BAL_GOTO(filter_make(ctx, &across, in.width, box.left, box.width, shape.width));
        horizontal(image, first, end, &across, shape.width, tall ? narrow : pixels);
    }
    if (tall)
        vertical(wide ? narrow : image.pixels + (size_t)first * stride, first, stride, &down,
                 shape.height, sums, pixels);
fail:
    filter_free(ctx, &across);
    filter_free(ctx, &down);
    bal_free(ctx, sums);
    bal_free(ctx, narrow);
    return status;
}
