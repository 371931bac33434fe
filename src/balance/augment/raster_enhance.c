/* ImageEnhance of Pillow, grey and hue. Pillow mixes in float; so do we, in the same order. */
#include "balance/augment/raster.h"

#include <string.h>

/* poor + factor (rich - poor), cut off to whole numbers and clipped */
static uint8_t blend(int poor, int rich, float factor)
{
    const float v = (float)poor + factor * (float)(rich - poor);
    return (uint8_t)(v <= 0.0f ? 0.0f : v >= 255.0f ? 255.0f : v);
}

static int grey_of(const uint8_t *rgb)
{
    return (int)((rgb[0] * 19595u + rgb[1] * 38470u + rgb[2] * 7471u + 0x8000u) >> 16);
}

/* Towards, or away from, one value. */
static void blend_with(const bal_raster *r, int poor, double factor)
{
    const size_t bytes = bal_raster_bytes(r);
    uint8_t table[256];
    for (int v = 0; v < 256; v++)
        table[v] = blend(poor, v, (float)factor);
    for (size_t i = 0; i < bytes; i++)
        r->pixels[i] = table[r->pixels[i]];
}

void bal_raster_brightness(const bal_raster *r, double factor)
{
    if (factor != 1.0)
        blend_with(r, 0, factor);
}

void bal_raster_contrast(const bal_raster *r, double factor)
{
    const size_t bytes = bal_raster_bytes(r), step = (size_t)r->shape.channels;
    uint64_t sum = 0;
    if (factor == 1.0)
        return;
    for (size_t i = 0; i < bytes; i += step)
        sum += step == 3 ? (unsigned)grey_of(r->pixels + i) : r->pixels[i];
    blend_with(r, (int)((double)sum / (double)(bytes / step) + 0.5), factor);
}

void bal_raster_color(const bal_raster *r, double factor)
{
    const size_t bytes = bal_raster_bytes(r);
    if (r->shape.channels != 3 || factor == 1.0)
        return;
    for (size_t i = 0; i < bytes; i += 3) {
        const int grey = grey_of(r->pixels + i);
        for (size_t c = 0; c < 3; c++)
            r->pixels[i + c] = blend(grey, r->pixels[i + c], (float)factor);
    }
}

void bal_raster_grayscale(const bal_raster *r)
{
    const size_t bytes = bal_raster_bytes(r);
    if (r->shape.channels != 3)
        return;
    for (size_t i = 0; i < bytes; i += 3)
        memset(r->pixels + i, grey_of(r->pixels + i), 3);
}

void bal_raster_sharpness(const bal_raster *r, double factor)
{
    const size_t bytes = bal_raster_bytes(r);
    if (factor == 1.0)
        return;
    bal_raster_filter(r, BAL_KERNEL_SMOOTH); /* leaves the image as it was in scratch */
    for (size_t i = 0; i < bytes; i++)
        r->pixels[i] = blend(r->pixels[i], r->scratch[i], (float)factor);
}

/* ---- hue ---- */

typedef struct hsv {
    uint8_t h, s, v;
} hsv;

static hsv to_hsv(const uint8_t *rgb)
{
    const uint8_t r = rgb[0], g = rgb[1], b = rgb[2];
    const uint8_t most = r > g ? (r > b ? r : b) : g > b ? g : b;
    const uint8_t least = r < g ? (r < b ? r : b) : g < b ? g : b;
    if (most == least)
        return (hsv){0, 0, most};
    const float span = (float)(most - least), s = span / (float)most;
    /* the two others' distances, and a third of the wheel for each channel */
    const uint8_t after = r == most ? g : g == most ? b : r;
    const uint8_t before = r == most ? b : g == most ? r : g;
    const double start = r == most ? 0.0 : g == most ? 2.0 : 4.0;
    const float ahead = (float)(most - before) / span, behind = (float)(most - after) / span;
    float h = (float)(start + (double)ahead - (double)behind);
    const double turned = (double)h / 6.0 + 1.0; /* in 5/6 to 11/6 */
    h = (float)(turned < 1.0 ? turned : turned - 1.0);
    return (hsv){(uint8_t)((double)h * 255.0), (uint8_t)((double)s * 255.0), most};
}

/* What depends on one byte of a colour alone. */
typedef struct wheel {
    double within[256]; /* h: from the start of its sixth */
    double share[256];  /* s */
    uint8_t sixth[256]; /* h: 0 to 5 */
} wheel;

static void turn_wheel(wheel *w)
{
    for (int v = 0; v < 256; v++) {
        const double at = (double)((float)v * 6.0f) / 255.0;
        w->within[v] = (double)(float)(at - (double)(int)at);
        w->sixth[v] = (uint8_t)((int)at % 6);
        w->share[v] = (double)(float)(v / 255.0);
    }
}

static void to_rgb(const wheel *w, hsv in, uint8_t *rgb)
{
    /* where the values of r, g and b lie in level */
    static const uint8_t places[6][3] = {{0, 3, 1}, {2, 0, 1}, {1, 0, 3},
                                         {1, 2, 0}, {3, 1, 0}, {0, 1, 2}};
    const double f = w->within[in.h], fs = w->share[in.s], v = in.v;
    const uint8_t level[4] = {in.v, (uint8_t)(v * (1.0 - fs) + 0.5),
                              (uint8_t)(v * (1.0 - fs * f) + 0.5),
                              (uint8_t)(v * (1.0 - fs * (1.0 - f)) + 0.5)};
    for (int c = 0; c < 3; c++)
        rgb[c] = level[places[w->sixth[in.h]][c]];
}

void bal_raster_hue(const bal_raster *r, double shift)
{
    const size_t bytes = bal_raster_bytes(r);
    const unsigned turn = (unsigned)(int)(shift * 255.0);
    if (r->shape.channels != 3)
        return;
    wheel w;
    turn_wheel(&w);
    for (size_t i = 0; i < bytes; i += 3) {
        hsv colour = to_hsv(r->pixels + i);
        colour.h = (uint8_t)(colour.h + turn);
        to_rgb(&w, colour, r->pixels + i);
    }
}
