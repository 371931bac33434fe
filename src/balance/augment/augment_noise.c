/* Blur and noise. */
#include "balance/augment/augment_parts.h"

#include <math.h>

bool bal_augment_wants_blur(const bal_augment_settings *s)
{
    return s->gaussian_blur > 0.0;
}

void bal_augment_blur(const bal_augment_job *job, bal_random *random)
{
    const bal_augment_settings *s = job->settings;
    const bool chosen = bal_random_unit(random) < s->gaussian_blur * job->strength;
    const double sigma = bal_augment_between(random, bal_augment_or(s->sigma_min, 0.1),
                                             bal_augment_or(s->sigma_max, 2.0));
    if (chosen)
        bal_raster_blur(&job->raster, sigma);
}

bool bal_augment_wants_noise(const bal_augment_settings *s)
{
    return s->gaussian_noise > 0.0;
}

static uint8_t clipped(double v)
{
    return (uint8_t)(v <= 0.0 ? 0.0 : v >= 255.0 ? 255.0 : v + 0.5);
}

/* ---- normal numbers: the ziggurat of Marsaglia and Tsang 2000, with the bits of the layer apart
 * from those of the number (Doornik 2005). Layer i reaches from 0 to edge[i], all have the same
 * area, and layer 0 has the tail beyond edge[1]. ---- */

#define LAYERS 128
#define TAIL 3.442619855899      /* where layer 0 ends and the tail begins */
#define AREA 9.91256303526217e-3 /* of a layer, under exp(-x^2 / 2) */

typedef struct ziggurat {
    double edge[LAYERS + 1], height[LAYERS + 1];
} ziggurat;

static void build(ziggurat *z)
{
    z->edge[1] = TAIL;
    z->height[1] = exp(-0.5 * TAIL * TAIL);
    z->edge[0] = AREA / z->height[1];
    z->height[0] = 0.0;
    for (int i = 2; i < LAYERS; i++) {
        z->height[i] = z->height[i - 1] + AREA / z->edge[i - 1];
        z->edge[i] = sqrt(-2.0 * log(z->height[i]));
    }
    z->edge[LAYERS] = 0.0;
    z->height[LAYERS] = 1.0;
}

static double beyond(bal_random *random)
{
    double x, y;
    do {
        x = -log(1.0 - bal_random_unit(random)) / TAIL;
        y = -log(1.0 - bal_random_unit(random));
    } while (2.0 * y < x * x);
    return TAIL + x;
}

static double normal(const ziggurat *z, bal_random *random)
{
    for (;;) {
        const uint64_t word = bal_random_u64(random);
        const int i = (int)(word % LAYERS);
        const double unit = (double)(int64_t)(word & ~(uint64_t)0x7ff) * 0x1p-63; /* -1 to 1 */
        const double x = unit * z->edge[i];
        if (fabs(x) < z->edge[i + 1])
            return x;
        if (i == 0)
            return x < 0.0 ? -beyond(random) : beyond(random);
        const double low = z->height[i], high = z->height[i + 1];
        if (low + bal_random_unit(random) * (high - low) < exp(-0.5 * x * x))
            return x;
    }
}

void bal_augment_noise(const bal_augment_job *job, bal_random *random)
{
    const double sigma = 255.0 * job->settings->gaussian_noise * job->strength;
    const size_t bytes = bal_raster_bytes(&job->raster);
    uint8_t *pixels = job->raster.pixels;
    ziggurat z;
    build(&z);
    for (size_t i = 0; i < bytes; i++)
        pixels[i] = clipped(pixels[i] + sigma * normal(&z, random));
}
