/* Defaults, option rows and the checker of a data set's settings. */
#include "data/dataset_settings.h"

#include "data/image/image.h"
#include "data/image/view.h"

#include <limits.h>

#define LARGEST_SIDE 8192
#define MOST_FILE_MIB 65536
#define MOST_UNPACKED_GIB 65536
#define UNPACKED_GIB 64
#define LEAST_PCT 0.01

bal_dataset_settings bal_dataset_defaults(void)
{
    return (bal_dataset_settings){.val_fraction = 0.1,
                                  .crop_mode = bal_crop_mode_name(BAL_CROP_SQUASH),
                                  .crop_pct = 1.0,
                                  .max_image_pixels = BAL_IMAGE_PIXELS,
                                  .max_image_file = BAL_IMAGE_FILE_MIB,
                                  .max_unpacked = UNPACKED_GIB,
                                  .seed = 1};
}

#define FIELD(f) offsetof(bal_dataset_settings, f)
static const bal_option options[] = {
    {"longtail", BAL_OPTION_TEXT, FIELD(longtail), 0, 0, "SPEC", NULL,
     "cut the training set: exp:RATIO or step:RATIO:FRACTION (default: as it is)"},
    {"val-split", BAL_OPTION_REAL, FIELD(val_fraction), 0, 0.9, "X", NULL,
     "share of the training set for validation where the data has none (default 0.1)"},
    {"img-size", BAL_OPTION_INT, FIELD(img_size), 0, LARGEST_SIDE, "N", NULL,
     "resize to N x N (default 0: the images' own size)"},
    {"crop-mode", BAL_OPTION_CHOICE, FIELD(crop_mode), 0, 0, "MODE", BAL_CROP_MODES,
     "of pictures that are not square, with --img-size: squash both sides to N, so that nothing "
     "is lost (default), cut to the center, or add a border"},
    {"crop-pct", BAL_OPTION_REAL, FIELD(crop_pct), LEAST_PCT, 1, "X", NULL,
     "with --img-size: keep this share of each side, from the middle (default 1)"},
    {"in-chans", BAL_OPTION_INT, FIELD(channels), 0, 3, "N", NULL,
     "1 grey, 3 RGB: convert (default 0: what the data has)"},
    {"max-image-pixels", BAL_OPTION_INT, FIELD(max_image_pixels), 1, INT_MAX, "N", NULL,
     "refuse image files of more pixels, before memory is asked for (default 134217728)"},
    {"max-image-file", BAL_OPTION_INT, FIELD(max_image_file), 1, MOST_FILE_MIB, "MIB", NULL,
     "refuse larger image files (default 256)"},
    {"max-unpacked", BAL_OPTION_INT, FIELD(max_unpacked), 1, MOST_UNPACKED_GIB, "GIB", NULL,
     "what compressed shards may take in the cache folder (default 64)"},
    {"skip-bad", BAL_OPTION_FLAG, FIELD(skip_bad), 0, 0, NULL, NULL,
     "decode every image first, list those that cannot be read, and go on without them (default: "
     "such an image is an error where it is read)"},
    {NULL, BAL_OPTION_FLAG, 0, 0, 0, NULL, NULL, NULL},
};

const bal_option *bal_dataset_options(void)
{
    return options;
}

static bal_status check_crop(bal_ctx *ctx, bal_dataset_settings *s)
{
    bal_crop_mode mode;
    BAL_TRY(bal_crop_mode_named(ctx, s->crop_mode, &mode));
    s->crop_mode = bal_crop_mode_name(mode);
    if (s->crop_pct == 0.0)
        s->crop_pct = 1.0;
    if (!(s->crop_pct >= LEAST_PCT && s->crop_pct <= 1.0))
        return bal_fail(ctx, BAL_BAD_ARG, "crop-pct is %g, %g to 1 expected", s->crop_pct,
                        LEAST_PCT);
    if (s->img_size == 0 && (mode != BAL_CROP_SQUASH || s->crop_pct < 1.0))
        return bal_fail(ctx, BAL_BAD_ARG, "%s wants img-size: without it images stay as they are",
                        mode != BAL_CROP_SQUASH ? "crop-mode" : "crop-pct");
    return BAL_OK;
}

bal_status bal_dataset_settings_check(bal_ctx *ctx, bal_dataset_settings *s)
{
    if (!(s->val_fraction >= 0.0 && s->val_fraction <= 0.9))
        return bal_fail(ctx, BAL_BAD_ARG, "val-split is %g, 0 to 0.9 expected", s->val_fraction);
    if (s->img_size < 0 || s->img_size > LARGEST_SIDE)
        return bal_fail(ctx, BAL_BAD_ARG, "img-size is %d, 0 to %d expected", s->img_size,
                        LARGEST_SIDE);
    if (s->channels != 0 && s->channels != 1 && s->channels != 3)
        return bal_fail(ctx, BAL_BAD_ARG, "in-chans is %d, 0, 1 or 3 expected", s->channels);
    if (s->max_image_pixels < 0)
        return bal_fail(ctx, BAL_BAD_ARG, "max-image-pixels is %d, at least 1 expected",
                        s->max_image_pixels);
    if (s->max_image_file < 0 || s->max_image_file > MOST_FILE_MIB)
        return bal_fail(ctx, BAL_BAD_ARG, "max-image-file is %d, 1 to %d expected",
                        s->max_image_file, MOST_FILE_MIB);
    if (s->max_unpacked < 0 || s->max_unpacked > MOST_UNPACKED_GIB)
        return bal_fail(ctx, BAL_BAD_ARG, "max-unpacked is %d, 1 to %d expected", s->max_unpacked,
                        MOST_UNPACKED_GIB);
    if (s->max_image_pixels == 0)
        s->max_image_pixels = BAL_IMAGE_PIXELS;
    if (s->max_image_file == 0)
        s->max_image_file = BAL_IMAGE_FILE_MIB;
    if (s->max_unpacked == 0)
        s->max_unpacked = UNPACKED_GIB;
    return check_crop(ctx, s);
}

bal_image_limits bal_dataset_settings_limits(const bal_dataset_settings *s)
{
    return (bal_image_limits){s->max_image_pixels, (size_t)s->max_image_file << 20};
}
