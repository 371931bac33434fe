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
    return (uint8_t)(v <= 0.0 ? 0.0 : v >= 255.0 ? 255.0 : rint(v));
}

void bal_augment_noise(const bal_augment_job *job, bal_random *random)
{
    const double two_pi = 6.283185307179586476925;
    const double sigma = 255.0 * job->settings->gaussian_noise * job->strength;
    const size_t bytes = bal_raster_bytes(&job->raster);
    uint8_t *pixels = job->raster.pixels;
    for (size_t i = 0; i < bytes; i += 2) { /* Box-Muller gives two at a time */
        const double far = sigma * sqrt(-2.0 * log(1.0 - bal_random_unit(random)));
        const double angle = two_pi * bal_random_unit(random);
        pixels[i] = clipped(pixels[i] + far * cos(angle));
        if (i + 1 < bytes)
            pixels[i + 1] = clipped(pixels[i + 1] + far * sin(angle));
    }
}
