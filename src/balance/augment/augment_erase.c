/* Boxes that are erased. */
#include "balance/augment/augment_parts.h"

#include <math.h>

#define TRIES 10

/* The part of the box that lies in the image. */
static void erase(const bal_augment_job *job, bal_augment_region box, bal_random *random)
{
    const bal_image_shape s = job->raster.shape;
    const bool noise = bal_augment_is(job->settings->erasing_value, "random");
    const bool black = bal_augment_is(job->settings->erasing_value, "black");
    const int left = box.left > 0 ? box.left : 0, top = box.top > 0 ? box.top : 0;
    const int right = box.left + box.width < s.width ? box.left + box.width : s.width;
    const int bottom = box.top + box.height < s.height ? box.top + box.height : s.height;
    for (int y = top; y < bottom; y++)
        for (int x = left; x < right; x++) {
            uint8_t *out =
                job->raster.pixels + ((size_t)y * (size_t)s.width + (size_t)x) * (size_t)s.channels;
            for (int c = 0; c < s.channels; c++)
                out[c] = noise   ? (uint8_t)bal_random_below(random, 256)
                         : black ? 0
                                 : job->settings->mean[c];
        }
}

bool bal_augment_wants_cutout(const bal_augment_settings *s)
{
    return s->cutout > 0;
}

void bal_augment_cutout(const bal_augment_job *job, bal_random *random)
{
    const int side = job->settings->cutout;
    const bool chosen = bal_random_unit(random) < job->strength;
    bal_augment_region box = {.height = side, .width = side};
    box.top = (int)bal_random_below(random, (uint64_t)job->raster.shape.height) - side / 2;
    box.left = (int)bal_random_below(random, (uint64_t)job->raster.shape.width) - side / 2;
    if (chosen)
        erase(job, box, random);
}

bool bal_augment_wants_erasing(const bal_augment_settings *s)
{
    return s->random_erasing > 0.0;
}

/* As torchvision draws it: the ratio is height over width, a box that does not leave some of the
 * image on both sides is drawn again, and after ten of them nothing is erased. */
void bal_augment_erasing(const bal_augment_job *job, bal_random *random)
{
    const bal_augment_settings *s = job->settings;
    const bal_image_shape shape = job->raster.shape;
    const double area = (double)shape.height * shape.width;
    const double low = log(bal_augment_or(s->erasing_ratio_min, 0.3));
    const double high = log(bal_augment_or(s->erasing_ratio_max, 3.3));
    if (!(bal_random_unit(random) < s->random_erasing * job->strength))
        return;
    for (int i = 0; i < TRIES; i++) {
        const double share = bal_augment_between(random, bal_augment_or(s->erasing_scale_min, 0.02),
                                                 bal_augment_or(s->erasing_scale_max, 0.33));
        const double ratio = exp(bal_augment_between(random, low, high));
        const double height = rint(sqrt(area * share * ratio));
        const double width = rint(sqrt(area * share / ratio));
        if (!(height < shape.height && width < shape.width))
            continue;
        bal_augment_region box = {.height = (int)height, .width = (int)width};
        box.top = (int)bal_random_below(random, (uint64_t)(shape.height - box.height) + 1);
        box.left = (int)bal_random_below(random, (uint64_t)(shape.width - box.width) + 1);
        erase(job, box, random);
        return;
    }
}
