/* Which part of a picture becomes an image: crop modes, in the words of timm. */
#ifndef BAL_VIEW_H
#define BAL_VIEW_H

#include "data/readers/source.h"

#define BAL_CROP_MODES "squash|center|border"

typedef enum bal_crop_mode { BAL_CROP_SQUASH, BAL_CROP_CENTER, BAL_CROP_BORDER } bal_crop_mode;

typedef struct bal_crop {
    bal_crop_mode mode;
    double pct;        /* above 0, at most 1 */
    int height, width; /* of the image that is wanted */
} bal_crop;

/* The mode of that name; NULL is squash. BAL_BAD_ARG for others. */
bal_status bal_crop_mode_named(bal_ctx *ctx, const char *name, bal_crop_mode *mode);
/* The name, constant text. */
const char *bal_crop_mode_name(bal_crop_mode mode);

/* A bal_view_fn; user is a bal_crop. As timm: the picture is brought to floor(side / pct), squash
 * to both sides, center its shorter and border its longer side with the other in proportion, of
 * which the middle is kept. Here that is one box, and the picture is resampled once. */
bal_box bal_crop_view(const void *crop, int height, int width);

#endif
