/* The table of augmentations, and one image through it. */
#include "balance/augment/augment_parts.h"

#include "base/compiler.h"

typedef struct augmentation {
    bal_method_info info;
    /* Which random numbers of the image it draws: rows of 0 share the first ones, one after the
     * other, and so must draw always; any other number has its own. A number stays for ever. */
    int numbers;
    bal_augment_wanted *wanted; /* NULL: always */
    bal_augment_apply *apply;   /* NULL: see bal_augment_box */
} augmentation;

/* In the order in which they are applied. */
static const augmentation augmentations[] = {
    {{"resized-crop",
      "area ~ U(scale_min, scale_max) H W, ln(w / h) ~ U(ln ratio_min, ln ratio_max), resize",
      "Szegedy et al. 2015"},
     0,
     NULL,
     NULL},
    {{"crop", "pad crop_padding zeros on each side, crop back at a uniform offset",
      "He et al. 2016"},
     0,
     NULL,
     bal_augment_crop},
    {{"hflip", "mirror left and right with probability hflip", "Krizhevsky et al. 2012"},
     0,
     NULL,
     bal_augment_hflip},
    {{"vflip", "mirror top and bottom with probability vflip", "torchvision RandomVerticalFlip"},
     1,
     bal_augment_wants_vflip,
     bal_augment_vflip},
    {{"affine",
      "turn U(-degrees, degrees), move U(-translate, translate) (W, H), magnify "
      "U(affine_scale_min, affine_scale_max), shear U(-shear, shear)",
      "torchvision RandomAffine"},
     2,
     bal_augment_wants_affine,
     bal_augment_affine},
    {{"auto-augment",
      "operations of a policy: autoaugment-cifar10 (one of 25 pairs), randaugment (num_ops at one "
      "magnitude), trivialaugment (one at a random magnitude)",
      "Cubuk et al. 2019; Cubuk et al. 2020; Mueller and Hutter 2021"},
     3,
     bal_augment_wants_policy,
     bal_augment_policy},
    {{"cuda",
      "with probability aug_prob, l of 22 operations at magnitude l / 30, l the class's level",
      "Ahn et al. 2023"},
     4,
     bal_augment_wants_cuda,
     bal_augment_cuda},
    {{"color-jitter",
      "in random order, brightness, contrast, saturation by U(max(0, 1 - x), 1 + x), hue turned by "
      "U(-hue, hue)",
      "torchvision ColorJitter"},
     5,
     bal_augment_wants_jitter,
     bal_augment_jitter},
    {{"grayscale", "(19595 R + 38470 G + 7471 B) / 2^16 in all channels with probability grayscale",
      "torchvision RandomGrayscale"},
     6,
     bal_augment_wants_grayscale,
     bal_augment_grayscale},
    {{"gaussian-blur",
      "with probability gaussian_blur, a Gaussian of sigma ~ U(sigma_min, sigma_max) pixels",
      "Chen et al. 2020 (SimCLR)"},
     7,
     bal_augment_wants_blur,
     bal_augment_blur},
    {{"gaussian-noise", "x + 255 gaussian_noise N(0, 1), rounded and clipped",
      "torchvision GaussianNoise"},
     8,
     bal_augment_wants_noise,
     bal_augment_noise},
    {{"cutout", "a square of side cutout around a uniform pixel is erased",
      "DeVries and Taylor 2017"},
     9,
     bal_augment_wants_cutout,
     bal_augment_cutout},
    {{"random-erasing",
      "with probability random_erasing, a box of area ~ U(erasing_scale_min, erasing_scale_max) H "
      "W "
      "is erased",
      "Zhong et al. 2020"},
     10,
     bal_augment_wants_erasing,
     bal_augment_erasing},
};

const bal_method_info *bal_augmentation_at(int i)
{
    return i >= 0 && (size_t)i < BAL_COUNT_OF(augmentations) ? &augmentations[i].info : NULL;
}

bool bal_augment_any(const bal_augment_settings *s)
{
    bool any = s->crop_padding > 0 || s->hflip > 0.0 || s->resized_crop;
    for (size_t i = 0; i < BAL_COUNT_OF(augmentations) && !any; i++)
        any = augmentations[i].wanted && augmentations[i].wanted(s);
    return any;
}

void bal_augment(const bal_augment_settings *settings, bal_image_shape shape,
                 const bal_augment_draw *draw, uint8_t *pixels, uint8_t *scratch)
{
    const bal_augment_job job = {.settings = settings,
                                 .draw = draw,
                                 .strength = draw->strength ? *draw->strength : 1.0,
                                 .raster = {shape, pixels, scratch}};
    bal_random shared = bal_random_at(draw->seed, BAL_STREAM_AUGMENT, draw->epoch, draw->item);
    const uint64_t key = shared.key;
    for (size_t i = 0; i < BAL_COUNT_OF(augmentations); i++) {
        const augmentation *a = &augmentations[i];
        if (!a->apply || (a->wanted && !a->wanted(settings)))
            continue;
        bal_random own = {key, (uint64_t)a->numbers << 40};
        a->apply(&job, a->numbers ? &own : &shared);
    }
}
