/* 3 x 3 filters and blur. */
#include "balance/augment/raster.h"

#include <math.h>
#include <string.h>

/* ---- 3 x 3 ---- */

static const struct {
    float weights[9], divisor;
} kernels[] = {
    [BAL_KERNEL_SMOOTH] = {{1, 1, 1, 1, 5, 1, 1, 1, 1}, 13},
    [BAL_KERNEL_DETAIL] = {{0, -1, 0, -1, 10, -1, 0, -1, 0}, 6},
    [BAL_KERNEL_EDGE_ENHANCE] = {{-1, -1, -1, -1, 10, -1, -1, -1, -1}, 2},
};

static float row_sum(const uint8_t *in, size_t step, const float *weights)
{
    return (float)*(in - step) * weights[0] + (float)in[0] * weights[1] +
           (float)in[step] * weights[2];
}

void bal_raster_filter(const bal_raster *r, bal_raster_kernel kernel)
{
    const size_t step = (size_t)r->shape.channels, row = step * (size_t)r->shape.width;
    float weights[9];
    memcpy(r->scratch, r->pixels, bal_raster_bytes(r));
    if (r->shape.height < 3 || r->shape.width < 3)
        return;
    for (int k = 0; k < 9; k++)
        weights[k] = kernels[kernel].weights[k] / kernels[kernel].divisor;
    for (size_t y = 1; y + 1 < (size_t)r->shape.height; y++) {
        const uint8_t *in = r->scratch + y * row;
        uint8_t *out = r->pixels + y * row;
        for (size_t i = step; i < row - step; i++) {
            /* in this order, from the row below upwards, the sums are Pillow's to the last bit */
            float sum = 0.5f + row_sum(in + row + i, step, weights);
            sum += row_sum(in + i, step, weights + 3);
            sum += row_sum(in + i - row, step, weights + 6);
            out[i] = (uint8_t)(sum <= 0.0f ? 0.0f : sum >= 255.0f ? 255.0f : sum);
        }
    }
}

/* ---- blur ---- */

#define PASSES 3

/* A row or a column of one channel. */
typedef struct line {
    size_t count, step;
    int radius;           /* neighbours on each side that count whole */
    uint32_t whole, part; /* their weight and that of the next one, in 1 / 2^24 */
} line;

static size_t near_end(int64_t i, size_t count)
{
    return i < 0 ? 0 : i >= (int64_t)count ? count - 1 : (size_t)i;
}

/* The window moves on by one pixel at a time; beyond the ends the last pixel goes on. */
static void box_line(const line *l, const uint8_t *in, uint8_t *out)
{
    const int64_t radius = l->radius, count = (int64_t)l->count;
    uint32_t sum = 0;
    for (int64_t i = -radius - 1; i < radius; i++)
        sum += in[near_end(i, l->count) * l->step];
    for (int64_t i = 0; i < count; i++) {
        const uint32_t gone = in[near_end(i - radius - 1, l->count) * l->step];
        sum += in[near_end(i + radius, l->count) * l->step] - gone;
        const uint32_t far = gone + in[near_end(i + radius + 1, l->count) * l->step];
        out[(size_t)i * l->step] = (uint8_t)((sum * l->whole + far * l->part + (1u << 23)) >> 24);
    }
}

/* The box whose PASSES-fold repetition has the variance sigma^2 (Gwosdek et al. 2011). */
static void set_box(line *l, float sigma)
{
    const float variance = sigma * sigma / PASSES;
    const float length = (float)sqrt(12.0 * (double)variance + 1.0);
    const float whole = (float)floor(((double)length - 1.0) / 2.0);
    float part = (2 * whole + 1) * (whole * (whole + 1) - 3 * variance);
    part /= 6 * (variance - (whole + 1) * (whole + 1));
    const float radius = whole + part;
    l->radius = (int)radius;
    l->whole = (uint32_t)((float)(1u << 24) / (radius * 2 + 1));
    l->part = ((1u << 24) - (2 * (uint32_t)l->radius + 1) * l->whole) / 2;
}

static void blur_rows(const bal_raster *r, line *l, const uint8_t *in, uint8_t *out)
{
    const size_t channels = (size_t)r->shape.channels, row = channels * (size_t)r->shape.width;
    l->count = (size_t)r->shape.width;
    l->step = channels;
    for (size_t y = 0; y < (size_t)r->shape.height; y++)
        for (size_t c = 0; c < channels; c++)
            box_line(l, in + y * row + c, out + y * row + c);
}

static void blur_columns(const bal_raster *r, line *l, const uint8_t *in, uint8_t *out)
{
    const size_t row = (size_t)r->shape.channels * (size_t)r->shape.width;
    l->count = (size_t)r->shape.height;
    l->step = row;
    for (size_t i = 0; i < row; i++)
        box_line(l, in + i, out + i);
}

void bal_raster_blur(const bal_raster *r, double sigma)
{
    line l;
    if (!(sigma > 0.0))
        return;
    set_box(&l, (float)sigma);
    for (int pass = 0; pass < PASSES; pass++)
        blur_rows(r, &l, pass % 2 ? r->scratch : r->pixels, pass % 2 ? r->pixels : r->scratch);
    for (int pass = 0; pass < PASSES; pass++)
        blur_columns(r, &l, pass % 2 ? r->pixels : r->scratch, pass % 2 ? r->scratch : r->pixels);
}
