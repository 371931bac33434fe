/* A new value for each value, by a table of 256; ImageOps of Pillow. */
#include "balance/augment/raster.h"

#include <string.h>

typedef uint8_t tone_table[256];

static uint8_t clip(int v)
{
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

static void map_all(const bal_raster *r, const tone_table table)
{
    const size_t bytes = bal_raster_bytes(r);
    for (size_t i = 0; i < bytes; i++)
        r->pixels[i] = table[r->pixels[i]];
}

void bal_raster_invert(const bal_raster *r)
{
    const size_t bytes = bal_raster_bytes(r);
    for (size_t i = 0; i < bytes; i++)
        r->pixels[i] = (uint8_t)(255 - r->pixels[i]);
}

void bal_raster_posterize(const bal_raster *r, int bits)
{
    const size_t bytes = bal_raster_bytes(r);
    const uint8_t mask = (uint8_t) ~((1u << (8 - bits)) - 1u);
    for (size_t i = 0; i < bytes; i++)
        r->pixels[i] &= mask;
}

void bal_raster_solarize(const bal_raster *r, double threshold)
{
    tone_table table;
    for (int v = 0; v < 256; v++)
        table[v] = (uint8_t)(v < threshold ? v : 255 - v);
    map_all(r, table);
}

void bal_raster_solarize_add(const bal_raster *r, int addition)
{
    tone_table table;
    for (int v = 0; v < 256; v++) {
        const int sum = clip(v + addition);
        table[v] = (uint8_t)(sum < 128 ? sum : 255 - sum);
    }
    map_all(r, table);
}

/* ---- tables made from the histogram of a channel ---- */

static void channel_histogram(const bal_raster *r, int channel, int64_t histogram[256])
{
    const size_t bytes = bal_raster_bytes(r), step = (size_t)r->shape.channels;
    memset(histogram, 0, 256 * sizeof *histogram);
    for (size_t i = (size_t)channel; i < bytes; i += step)
        histogram[r->pixels[i]]++;
}

static void map_channel(const bal_raster *r, int channel, const tone_table table)
{
    const size_t bytes = bal_raster_bytes(r), step = (size_t)r->shape.channels;
    for (size_t i = (size_t)channel; i < bytes; i += step)
        r->pixels[i] = table[r->pixels[i]];
}

void bal_raster_autocontrast(const bal_raster *r)
{
    for (int c = 0; c < r->shape.channels; c++) {
        int64_t histogram[256];
        tone_table table;
        int low = 0, high = 255;
        channel_histogram(r, c, histogram);
        while (low < 255 && !histogram[low])
            low++;
        while (high > 0 && !histogram[high])
            high--;
        if (high <= low)
            continue;
        const double scale = 255.0 / (high - low), offset = -low * scale;
        for (int v = 0; v < 256; v++)
            table[v] = clip((int)(v * scale + offset));
        map_channel(r, c, table);
    }
}

void bal_raster_equalize(const bal_raster *r)
{
    for (int c = 0; c < r->shape.channels; c++) {
        int64_t histogram[256], sum = 0, last = 0;
        tone_table table;
        int used = 0;
        channel_histogram(r, c, histogram);
        for (int v = 0; v < 256; v++) {
            sum += histogram[v];
            used += histogram[v] > 0;
            last = histogram[v] ? histogram[v] : last;
        }
        const int64_t step = (sum - last) / 255;
        if (used <= 1 || step == 0)
            continue;
        int64_t n = step / 2;
        for (int v = 0; v < 256; v++) {
            const int64_t share = n / step;
            table[v] = (uint8_t)(share < 255 ? share : 255);
            n += histogram[v];
        }
        map_channel(r, c, table);
    }
}
