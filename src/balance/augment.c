/* Augmentation of 8-bit images, height x width x channels, in place. */
#include "ballast/balance.h"

#include "base/compiler.h"
#include "base/random.h"

#include <limits.h>
#include <math.h>
#include <string.h>

typedef struct augmentation {
    bal_method_info info;
    /* Takes its random numbers from random whether it changes the image or not, so that one
     * augmentation's setting never moves the draws of the next. NULL: see bal_augment_box. */
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
    if ((dy || dx) && !settings->resized_crop)
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

/* ---- resized-crop ---- */

#define TRIES 10

static double or_default(double value, double what)
{
    return value > 0.0 ? value : what;
}

static double between(bal_random *random, double low, double high)
{
    return low + (high - low) * bal_random_unit(random);
}

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
    const double scale_min = or_default(settings->scale_min, 0.08);
    const double scale_max = or_default(settings->scale_max, 1.0);
    const double ratio_min = or_default(settings->ratio_min, 3.0 / 4.0);
    const double ratio_max = or_default(settings->ratio_max, 4.0 / 3.0);
    bal_random random = bal_random_at(draw->seed, BAL_STREAM_RESIZED_CROP, draw->epoch, draw->item);
    for (int i = 0; i < TRIES; i++) {
        const double area = (double)height * width * between(&random, scale_min, scale_max);
        const double ratio = exp(between(&random, log(ratio_min), log(ratio_max)));
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

/* In the order in which they are applied. */
static const augmentation augmentations[] = {
    {{"resized-crop",
      "area ~ U(scale_min, scale_max) H W, ln(w / h) ~ U(ln ratio_min, ln ratio_max), resize",
      "Szegedy et al. 2015"},
     NULL},
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
        if (augmentations[i].apply)
            augmentations[i].apply(settings, shape, &random, pixels, scratch);
}
