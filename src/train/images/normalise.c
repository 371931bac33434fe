/* Pixels to floats by table, and the sums that mean and standard deviation come from. */
#include "train/images/normalise.h"

#include <math.h>

bal_status bal_pixel_table_make(bal_pixel_table *table, bal_ctx *ctx, int channels,
                                const bal_pixel_norm *norm)
{
    if (channels < 1 || channels > BAL_CHANNELS_MAX)
        return bal_fail(ctx, BAL_BAD_ARG, "%d channels, 1 to %d expected", channels,
                        BAL_CHANNELS_MAX);
    table->channels = channels;
    for (int c = 0; c < channels; c++) {
        const double mean = norm->mean[c], std = norm->std[c];
        if (!isfinite(mean) || !isfinite(std) || std <= 0.0)
            return bal_fail(ctx, BAL_BAD_ARG,
                            "channel %d has mean %g and std %g; std must be above 0", c, mean, std);
        for (int v = 0; v < 256; v++)
            table->value[c][v] = (float)((v / 255.0 - mean) / std);
    }
    return BAL_OK;
}

void bal_pixel_planes(const bal_pixel_table *table, size_t area, const uint8_t *pixels,
                      float *planes)
{
    const float *const first = table->value[0];
    if (table->channels == 3) { /* one pass: each byte is read once */
        const float *const second = table->value[1], *const third = table->value[2];
        for (size_t i = 0; i < area; i++, pixels += 3) {
            planes[i] = first[pixels[0]];
            planes[area + i] = second[pixels[1]];
            planes[2 * area + i] = third[pixels[2]];
        }
        return;
    }
    for (int c = 0; c < table->channels; c++)
        for (size_t i = 0; i < area; i++)
            planes[(size_t)c * area + i] =
                table->value[c][pixels[i * (size_t)table->channels + (size_t)c]];
}

void bal_pixel_sums_add(bal_pixel_sums *sums, int channels, size_t area, const uint8_t *pixels)
{
    for (int c = 0; c < channels; c++) {
        uint64_t sum = 0, squares = 0;
        for (size_t i = 0; i < area; i++) {
            const uint32_t v = pixels[i * (size_t)channels + (size_t)c];
            sum += v;
            squares += v * v;
        }
        sums->sum[c] += sum;
        sums->squares[c] += squares;
    }
    sums->pixels += area;
}

void bal_pixel_sums_merge(bal_pixel_sums *sums, const bal_pixel_sums *more)
{
    for (int c = 0; c < BAL_CHANNELS_MAX; c++) {
        sums->sum[c] += more->sum[c];
        sums->squares[c] += more->squares[c];
    }
    sums->pixels += more->pixels;
}

bal_pixel_norm bal_pixel_sums_norm(const bal_pixel_sums *sums, int channels)
{
    bal_pixel_norm norm = {{0.0, 0.0, 0.0}, {1.0, 1.0, 1.0}};
    const double n = (double)sums->pixels;
    for (int c = 0; c < channels && sums->pixels > 0; c++) {
        const double mean = (double)sums->sum[c] / n;
        const double variance = (double)sums->squares[c] / n - mean * mean;
        norm.mean[c] = mean / 255.0;
        norm.std[c] = variance > 1e-6 ? sqrt(variance) / 255.0 : 1.0;
    }
    return norm;
}
