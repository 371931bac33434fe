/* Augmentation of 8-bit images, height x width x channels, in place. */
#include "ballast/balance.h"

#include "base/compiler.h"
#include "base/random.h"

#include <string.h>

typedef struct augmentation {
    bal_method_info info;
    /* Takes its random numbers from random whether it changes the image or not, so that one
     * augmentation's setting never moves the draws of the next. */
    void (*apply)(const bal_augment_settings *settings, bal_image_shape shape, bal_random *random,
                  uint8_t *pixels, uint8_t *scratch);
} augmentation;

/* out(y, x) = in(y + dy, x + dx), 0 outside */
static void shift(bal_image_shape shape, int dy, int dx, uint8_t *pixels, uint8_t *scratch)
{
    const size_t pixel = (size_t)shape.channels, row = pixel * (size_t)shape.width;
    const int left = dx < 0 ? -dx : 0, right = dx > 0 ? dx : 0; /* columns without a source */
    const int kept = shape.width - left - right;
    memcpy(scratch, pixels, row * (size_t)shape.height);
    memset(pixels, 0, row * (size_t)shape.height);
    for (int y = 0; y < shape.height; y++) {
        const int from = y + dy;
        if (from < 0 || from >= shape.height || kept <= 0)
            continue;
        memcpy(pixels + (size_t)y * row + (size_t)left * pixel,
               scratch + (size_t)from * row + (size_t)right * pixel, (size_t)kept * pixel);
    }
}

static void crop(const bal_augment_settings *settings, bal_image_shape shape, bal_random *random,
                 uint8_t *pixels, uint8_t *scratch)
{
    const int padding = settings->crop_padding > 0 ? settings->crop_padding : 0;
    const uint64_t offsets = 2 * (uint64_t)padding + 1;
    const int dy = (int)bal_random_below(random, offsets) - padding;
    const int dx = (int)bal_random_below(random, offsets) - padding;
    if (dy || dx)
        shift(shape, dy, dx, pixels, scratch);
}

static void hflip(const bal_augment_settings *settings, bal_image_shape shape, bal_random *random,
                  uint8_t *pixels, uint8_t *scratch)
{
    (void)scratch;
    if (!(bal_random_unit(random) < settings->hflip))
        return;
    for (int y = 0; y < shape.height; y++) {
        uint8_t *left = pixels + (size_t)y * (size_t)shape.width * (size_t)shape.channels;
        uint8_t *right = left + (size_t)(shape.width - 1) * (size_t)shape.channels;
        for (; left < right; left += shape.channels, right -= shape.channels)
            for (int c = 0; c < shape.channels; c++) {
                const uint8_t held = left[c];
                left[c] = right[c];
                right[c] = held;
            }
    }
}

/* In the order in which they are applied. */
static const augmentation augmentations[] = {
    {{"crop", "pad crop_padding zeros on each side, crop back at a uniform offset",
      "He et al. 2016"},
     crop},
    {{"hflip", "mirror left and right with probability hflip", "Krizhevsky et al. 2012"}, hflip},
};

const bal_method_info *bal_augmentation_at(int i)
{
    return i >= 0 && (size_t)i < BAL_COUNT_OF(augmentations) ? &augmentations[i].info : NULL;
}

void bal_augment(const bal_augment_settings *settings, bal_image_shape shape, uint64_t seed,
                 uint64_t epoch, uint64_t item, uint8_t *pixels, uint8_t *scratch)
{
    bal_random random = bal_random_at(seed, BAL_STREAM_AUGMENT, epoch, item);
    for (size_t i = 0; i < BAL_COUNT_OF(augmentations); i++)
        augmentations[i].apply(settings, shape, &random, pixels, scratch);
}
