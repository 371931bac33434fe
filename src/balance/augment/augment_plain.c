/* Crops and flips: what all classes get alike. */
#include "balance/augment/augment_parts.h"

#include <limits.h>
#include <math.h>

void bal_augment_crop(const bal_augment_job *job, bal_random *random)
{
    const bal_augment_settings *s = job->settings;
    const int padding = s->crop_padding > 0 ? s->crop_padding : 0;
    const uint64_t offsets = 2 * (uint64_t)padding + 1;
    const int dy = (int)bal_random_below(random, offsets) - padding;
    const int dx = (int)bal_random_below(random, offsets) - padding;
    if ((dy || dx) && !s->resized_crop)
        bal_raster_shift(&job->raster, dy, dx);
}

void bal_augment_hflip(const bal_augment_job *job, bal_random *random)
{
    if (bal_random_unit(random) < job->settings->hflip)
        bal_raster_mirror(&job->raster);
}

bool bal_augment_wants_vflip(const bal_augment_settings *s)
{
    return s->vflip > 0.0;
}

void bal_augment_vflip(const bal_augment_job *job, bal_random *random)
{
    if (bal_random_unit(random) < job->settings->vflip)
        bal_raster_flip(&job->raster);
}

/* ---- resized-crop ---- */

#define TRIES 10

/* rint rounds as Python's round does: 2.5 is 2. */
static int whole(double x)
{
    const double rounded = rint(x);
    return rounded < INT_MAX ? (int)rounded : INT_MAX;
}

/* The largest box of a ratio that is allowed, in the middle. */
static bal_augment_region middle(double low, double high, int height, int width)
{
    const double ratio = (double)width / height;
    bal_augment_region box = {.height = height, .width = width};
    if (ratio < low)
        box.height = whole(width / low);
    else if (ratio > high)
        box.width = whole(height * high);
    box.height = box.height < 1 ? 1 : box.height > height ? height : box.height;
    box.width = box.width < 1 ? 1 : box.width > width ? width : box.width;
    box.top = (height - box.height) / 2;
    box.left = (width - box.width) / 2;
    return box;
}

bal_augment_region bal_augment_box(const bal_augment_settings *settings,
                                   const bal_augment_draw *draw, int height, int width)
{
    const double scale_min = bal_augment_or(settings->scale_min, 0.08);
    const double scale_max = bal_augment_or(settings->scale_max, 1.0);
    const double ratio_min = bal_augment_or(settings->ratio_min, 3.0 / 4.0);
    const double ratio_max = bal_augment_or(settings->ratio_max, 4.0 / 3.0);
    bal_random random = bal_random_at(draw->seed, BAL_STREAM_RESIZED_CROP, draw->epoch, draw->item);
    for (int i = 0; i < TRIES; i++) {
        const double area =
            (double)height * width * bal_augment_between(&random, scale_min, scale_max);
        const double ratio = exp(bal_augment_between(&random, log(ratio_min), log(ratio_max)));
        bal_augment_region box = {.height = whole(sqrt(area / ratio)),
                                  .width = whole(sqrt(area * ratio))};
        if (box.height < 1 || box.height > height || box.width < 1 || box.width > width)
            continue;
        box.top = (int)bal_random_below(&random, (uint64_t)(height - box.height) + 1);
        box.left = (int)bal_random_below(&random, (uint64_t)(width - box.width) + 1);
        return box;
    }
    return middle(ratio_min, ratio_max, height, width);
}
