/* The decoded images of a data set: kept in memory as they come, up to a limit, else decoded when
 * asked for. */
#ifndef BAL_IMAGE_STORE_H
#define BAL_IMAGE_STORE_H

#include "ballast/data.h"
#include "base/context.h"
#include "train/images/normalise.h"

/* Means and deviations come from all training images, or, where those are more than both of these,
 * from as many as the larger one allows. Fashion-MNIST and CIFAR are below. */
#define BAL_PIXEL_SAMPLE_IMAGES 4096
#define BAL_PIXEL_SAMPLE_PIXELS ((int64_t)1 << 26)

typedef struct bal_image_store bal_image_store;

typedef struct bal_image_store_settings {
    const bal_dataset *data;    /* borrowed; must outlive the store */
    bool keep[BAL_SPLIT_COUNT]; /* splits whose images may be kept */
    size_t limit;               /* kept at most, in bytes */
    bool sums;                  /* sums over the training split's pixels; its images, or a sample of
                                   them, are then read when the store is opened */
    uint64_t seed;              /* of the sample */
} bal_image_store_settings;

/* What such a store keeps at most, in bytes: the images of its splits, as many as the limit has
 * room for. */
size_t bal_image_store_plan(const bal_image_store_settings *settings);
/* Decodes what the sums need with all of the context's threads, and nothing else. Fails with
 * BAL_BAD_FILE (an image cannot be decoded; the text names it), BAL_NO_MEMORY, BAL_INTERRUPTED. */
BAL_MUST_CHECK bal_status bal_image_store_open(bal_image_store **out, bal_ctx *ctx,
                                               const bal_image_store_settings *settings);
void bal_image_store_close(bal_image_store **store);
const bal_dataset *bal_image_store_data(const bal_image_store *store);
/* The sums asked for; zeros otherwise. */
const bal_pixel_sums *bal_image_store_sums(const bal_image_store *store);
/* One image into the caller's memory, HWC. Thread safe, with a context for each thread. */
BAL_MUST_CHECK bal_status bal_image_store_read(const bal_image_store *store, bal_ctx *ctx,
                                               int64_t item, uint8_t *pixels);
/* How many images are in memory now. */
int64_t bal_image_store_kept(const bal_image_store *store);

#endif
