/* What the families of augmentations share: the work on one image. */
#ifndef BAL_AUGMENT_PARTS_H
#define BAL_AUGMENT_PARTS_H

#include "balance/augment/raster.h"
#include "base/random.h"

#include <string.h>

typedef struct bal_augment_job {
    const bal_augment_settings *settings;
    const bal_augment_draw *draw;
    double strength; /* of the item's class */
    bal_raster raster;
} bal_augment_job;

/* Whether the settings ask for it. */
typedef bool bal_augment_wanted(const bal_augment_settings *settings);
/* Draws and does. Takes its random numbers whether it changes the image or not where others draw
 * from the same generator after it. */
typedef void bal_augment_apply(const bal_augment_job *job, bal_random *random);

bal_augment_apply bal_augment_crop, bal_augment_hflip, bal_augment_vflip;
bal_augment_wanted bal_augment_wants_vflip;
bal_augment_apply bal_augment_affine;
bal_augment_wanted bal_augment_wants_affine;
bal_augment_apply bal_augment_policy;
bal_augment_wanted bal_augment_wants_policy;
bal_augment_apply bal_augment_cuda;
bal_augment_wanted bal_augment_wants_cuda;
bal_augment_apply bal_augment_jitter, bal_augment_grayscale;
bal_augment_wanted bal_augment_wants_jitter, bal_augment_wants_grayscale;
bal_augment_apply bal_augment_blur, bal_augment_noise;
bal_augment_wanted bal_augment_wants_blur, bal_augment_wants_noise;
bal_augment_apply bal_augment_cutout, bal_augment_erasing;
bal_augment_wanted bal_augment_wants_cutout, bal_augment_wants_erasing;

static inline double bal_augment_or(double value, double what)
{
    return value > 0.0 ? value : what;
}

static inline double bal_augment_between(bal_random *random, double low, double high)
{
    return low + (high - low) * bal_random_unit(random);
}

/* A choice that is set to something. */
static inline bool bal_augment_is(const char *choice, const char *name)
{
    return choice && strcmp(choice, name) == 0;
}

static inline bal_raster_look bal_augment_look(const bal_augment_settings *s)
{
    return (bal_raster_look){bal_augment_is(s->interpolation, "bilinear"), (uint8_t)s->fill};
}

#endif
