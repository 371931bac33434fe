/* The pictures of a data set as they are in the data, for those who look at more than the image
 * that a network reads. */
#ifndef BAL_DATASET_PICTURE_H
#define BAL_DATASET_PICTURE_H

#include "data/readers/source.h"

/* Thread safe, with a context for each thread. Release with bal_picture_free. */
bal_status bal_dataset_picture(const bal_dataset *dataset, bal_ctx *ctx, int64_t item, bal_ask ask,
                               bal_picture *out);

/* An image of the set's shape through a view of one's own instead of the crop that the settings ask
 * for (see bal_ask). */
typedef struct bal_through {
    int64_t item;
    bal_view_fn *view;
    const void *user;
} bal_through;
bal_status bal_dataset_image_through(const bal_dataset *dataset, bal_ctx *ctx,
                                     const bal_through *how, uint8_t *pixels);

#endif
