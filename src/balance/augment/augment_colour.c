/* Brightness, contrast, saturation, hue (torchvision's ColorJitter) and grey. */
#include "balance/augment/augment_parts.h"

static bool is_changed(const bal_augment_settings *s)
{
    return s->brightness > 0.0 || s->contrast > 0.0 || s->saturation > 0.0 || s->hue > 0.0;
}

bool bal_augment_wants_jitter(const bal_augment_settings *s)
{
    return s->color_jitter > 0.0 || is_changed(s);
}

static double factor(bal_random *random, double amount)
{
    const double low = amount < 1.0 ? 1.0 - amount : 0.0;
    return bal_augment_between(random, low, 1.0 + amount);
}

void bal_augment_jitter(const bal_augment_job *job, bal_random *random)
{
    const bal_augment_settings *s = job->settings;
    const double all = s->color_jitter, strength = job->strength;
    const bool chosen = bal_random_unit(random) < bal_augment_or(s->color_jitter_prob, 1.0);
    int64_t order[4] = {0, 1, 2, 3};
    bal_random_shuffle(random, order, 4);
    const double brightness = factor(random, (all > 0.0 ? all : s->brightness) * strength);
    const double contrast = factor(random, (all > 0.0 ? all : s->contrast) * strength);
    const double saturation = factor(random, (all > 0.0 ? all : s->saturation) * strength);
    const double hue = bal_augment_between(random, -s->hue * strength, s->hue * strength);
    for (int i = 0; chosen && i < 4; i++)
        switch (order[i]) {
        case 0:
            bal_raster_brightness(&job->raster, brightness);
            break;
        case 1:
            bal_raster_contrast(&job->raster, contrast);
            break;
        case 2:
            bal_raster_color(&job->raster, saturation);
            break;
        default: /* by way of HSV values of 8 bits, which changes a little even by 0 */
            if (s->hue * strength > 0.0)
                bal_raster_hue(&job->raster, hue);
        }
}

bool bal_augment_wants_grayscale(const bal_augment_settings *s)
{
    return s->grayscale > 0.0;
}

void bal_augment_grayscale(const bal_augment_job *job, bal_random *random)
{
    if (bal_random_unit(random) < job->settings->grayscale * job->strength)
        bal_raster_grayscale(&job->raster);
}
