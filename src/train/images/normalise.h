/* From 8-bit pixels to what a network reads: float32, one plane a channel, (pixel / 255 - mean) /
 * std. */
#ifndef BAL_NORMALISE_H
#define BAL_NORMALISE_H

#include "base/context.h"

#define BAL_CHANNELS_MAX 3

/* Mean and standard deviation of pixels / 255 per channel. */
typedef struct bal_pixel_norm {
    double mean[BAL_CHANNELS_MAX], std[BAL_CHANNELS_MAX];
} bal_pixel_norm;

/* The float of every byte, per channel. */
typedef struct bal_pixel_table {
    int channels;
    float value[BAL_CHANNELS_MAX][256];
} bal_pixel_table;

/* Fails with BAL_BAD_ARG: channels outside 1..3, a mean that is not finite, a std not above 0. */
BAL_MUST_CHECK bal_status bal_pixel_table_make(bal_pixel_table *table, bal_ctx *ctx, int channels,
                                               const bal_pixel_norm *norm);
/* pixels: area x channels bytes (HWC); planes receives channels x area floats (CHW). */
void bal_pixel_planes(const bal_pixel_table *table, size_t area, const uint8_t *pixels,
                      float *planes);

/* Sums over 8-bit pixels, in whole numbers: the same in any order of images. */
typedef struct bal_pixel_sums {
    uint64_t pixels; /* per channel */
    uint64_t sum[BAL_CHANNELS_MAX], squares[BAL_CHANNELS_MAX];
} bal_pixel_sums;
void bal_pixel_sums_add(bal_pixel_sums *sums, int channels, size_t area, const uint8_t *pixels);
void bal_pixel_sums_merge(bal_pixel_sums *sums, const bal_pixel_sums *more);
/* A channel that never changes gets std 1. */
bal_pixel_norm bal_pixel_sums_norm(const bal_pixel_sums *sums, int channels);

#endif
