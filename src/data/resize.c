/* Antialiased resizing: a separable triangle filter, horizontal pass first. */
#include "data/image.h"

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
static void filter_row(filter *f, int at, int in, double scale)
{
    const double widen = scale > 1.0 ? scale : 1.0;
    const double center = ((double)at + 0.5) * scale;
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

/* picture is how much of the in inputs is spread over the outputs. */
static bal_status filter_make(bal_ctx *ctx, filter *f, int in, double picture, int out)
{
    const double scale = picture / (double)out;
    *f = (filter){.most = 2 * (int)ceil(scale > 1.0 ? scale : 1.0) + 1};
    f->first = bal_calloc(ctx, (size_t)out, sizeof *f->first);
    f->count = bal_calloc(ctx, (size_t)out, sizeof *f->count);
    f->weights = bal_calloc(ctx, (size_t)out * (size_t)f->most, sizeof *f->weights);
    if (!f->first || !f->count || !f->weights)
        return BAL_NO_MEMORY;
    for (int at = 0; at < out; at++)
        filter_row(f, at, in, scale);
    return BAL_OK;
}

/* Sums count inputs that lie step bytes apart. */
static uint8_t weigh(const uint8_t *in, size_t step, const int32_t *weights, int count)
{
    int32_t sum = 1 << (PRECISION - 1);
    for (int i = 0; i < count; i++, in += step)
        sum += *in * weights[i];
    sum >>= PRECISION;
    return (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

static void horizontal(bal_image image, const filter *f, int out_width, uint8_t *out)
{
    const size_t channels = (size_t)image.shape.channels;
    for (int y = 0; y < image.shape.height; y++) {
        const uint8_t *row = image.pixels + (size_t)y * (size_t)image.shape.width * channels;
        for (int x = 0; x < out_width; x++)
            for (size_t c = 0; c < channels; c++)
                *out++ = weigh(row + (size_t)f->first[x] * channels + c, channels,
                               f->weights + (size_t)x * (size_t)f->most, f->count[x]);
    }
}

static void vertical(const uint8_t *in, size_t stride, const filter *f, int out_height,
                     uint8_t *out)
{
    for (int y = 0; y < out_height; y++)
        for (size_t i = 0; i < stride; i++)
            *out++ = weigh(in + (size_t)f->first[y] * stride + i, stride,
                           f->weights + (size_t)y * (size_t)f->most, f->count[y]);
}

bal_status bal_image_resize(bal_ctx *ctx, bal_image image, bal_shape shape, uint8_t *pixels)
{
    filter across = {0}, down = {0};
    uint8_t *narrow = NULL;
    bal_status status = BAL_NO_MEMORY;
    const double width = image.picture_width > 0.0 ? image.picture_width : image.shape.width;
    const double height = image.picture_height > 0.0 ? image.picture_height : image.shape.height;
    const bool wide = image.shape.width != shape.width || width < image.shape.width;
    const bool tall = image.shape.height != shape.height || height < image.shape.height;
    const bal_shape middle = {shape.channels, image.shape.height, shape.width};
    if (!wide && !tall) {
        memcpy(pixels, image.pixels, bal_shape_bytes(shape));
        return BAL_OK;
    }
    if (wide && tall) {
        narrow = bal_calloc(ctx, bal_shape_bytes(middle), 1);
        if (!narrow)
            goto done;
    }
    if (wide) {
        status = filter_make(ctx, &across, image.shape.width, width, shape.width);
        if (status != BAL_OK)
            goto done;
        horizontal(image, &across, shape.width, tall ? narrow : pixels);
    }
    if (tall) {
        status = filter_make(ctx, &down, image.shape.height, height, shape.height);
        if (status != BAL_OK)
            goto done;
        vertical(wide ? narrow : image.pixels, (size_t)shape.width * (size_t)shape.channels, &down,
                 shape.height, pixels);
    }
done:
    filter_free(ctx, &across);
    filter_free(ctx, &down);
    bal_free(ctx, narrow);
    return status;
}
