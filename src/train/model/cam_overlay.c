/* A map over an image. */
#include "ballast/cam.h"

#include <math.h>

/* magma of matplotlib (van der Walt and Smith 2015, CC0) at 17 even steps: perceptually uniform,
 * light rises all the way. */
static const unsigned char magma[][3] = {
    {0, 0, 4},       {10, 8, 34},     {29, 17, 71},   {54, 16, 107},   {81, 18, 124},
    {106, 28, 129},  {131, 38, 129},  {156, 46, 127}, {183, 55, 121},  {207, 64, 112},
    {229, 80, 100},  {244, 105, 92},  {251, 135, 97}, {254, 165, 113}, {254, 194, 135},
    {253, 224, 161}, {252, 253, 191},
};
#define STEPS ((int)(sizeof magma / sizeof magma[0]) - 1)

/* How much of the colour is seen: little where the map is small, so that the image stays there. */
#define LEAST_COLOUR 0.25
#define MOST_COLOUR 0.75

static double limited(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

/* heat from 0 to 1; channel 0..2 of its colour */
static double colour_of(double heat, int channel)
{
    const double at = heat * STEPS;
    const int step = at < STEPS ? (int)at : STEPS - 1;
    const double share = at - step;
    return (1.0 - share) * magma[step][channel] + share * magma[step + 1][channel];
}

/* The place of an output pixel between the middles of the map's positions along one side. */
typedef struct between {
    int low, high;
    double share; /* of high */
} between;

static between place_of(int pixel, int pixels, int positions)
{
    const double at =
        limited((pixel + 0.5) * positions / pixels - 0.5, 0.0, (double)(positions - 1));
    const int low = (int)at;
    return (between){low, low + 1 < positions ? low + 1 : low, at - low};
}

static double value_at(const bal_cam_picture *p, between y, between x)
{
    const float *low = p->map + (size_t)y.low * (size_t)p->map_width;
    const float *high = p->map + (size_t)y.high * (size_t)p->map_width;
    const double above = (1.0 - x.share) * (double)low[x.low] + x.share * (double)low[x.high];
    const double below = (1.0 - x.share) * (double)high[x.low] + x.share * (double)high[x.high];
    return (1.0 - y.share) * above + y.share * below;
}

/* ITU-R BT.601 */
static double grey_of(const bal_cam_picture *p, int y, int x)
{
    const int channels = p->image.channels;
    const uint8_t *at =
        p->pixels + ((size_t)y * (size_t)p->image.width + (size_t)x) * (size_t)channels;
    return channels == 3 ? 0.299 * at[0] + 0.587 * at[1] + 0.114 * at[2] : at[0];
}

void bal_cam_overlay(const bal_cam_picture *p, uint8_t *rgb)
{
    const int height = p->image.height * p->zoom, width = p->image.width * p->zoom;
    float most = 0.0F;
    for (int i = 0; i < p->map_height * p->map_width; i++)
        most = p->map[i] > most ? p->map[i] : most;
    for (int y = 0; y < height; y++) {
        const between row = place_of(y, height, p->map_height);
        for (int x = 0; x < width; x++, rgb += 3) {
            const double grey = grey_of(p, y / p->zoom, x / p->zoom);
            const double value = value_at(p, row, place_of(x, width, p->map_width));
            const double heat = most > 0.0F ? limited(value / (double)most, 0.0, 1.0) : 0.0;
            const double part =
                most > 0.0F ? LEAST_COLOUR + (MOST_COLOUR - LEAST_COLOUR) * heat : 0.0;
            for (int c = 0; c < 3; c++)
                rgb[c] = (uint8_t)lrint((1.0 - part) * grey + part * colour_of(heat, c));
        }
    }
}
