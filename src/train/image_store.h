/* The decoded images of a data set: kept in memory where they fit, else decoded when asked for. */
#ifndef BAL_IMAGE_STORE_H
#define BAL_IMAGE_STORE_H

#include "ballast/data.h"
#include "base/context.h"
#include "train/normalise.h"

#define BAL_IMAGE_STORE_LIMIT ((size_t)1 << 30)

typedef struct bal_image_store bal_image_store;

typedef struct bal_image_store_settings {
    const bal_dataset *data;    /* borrowed; must outlive the store */
    bool keep[BAL_SPLIT_COUNT]; /* splits that are decoded now and kept */
    size_t limit;               /* kept at most, in bytes; beyond it nothing is */
    bool sums;                  /* sums over the training split's pixels */
} bal_image_store_settings;

/* What such a store would keep, in bytes; 0 beyond the limit. */
size_t bal_image_store_plan(const bal_image_store_settings *settings);
/* Decodes with all of the context's threads. Fails with BAL_BAD_FILE (an image cannot be decoded;
 * the text names it), BAL_NO_MEMORY, BAL_INTERRUPTED. */
BAL_MUST_CHECK bal_status bal_image_store_open(bal_image_store **out, bal_ctx *ctx,
                                               const bal_image_store_settings *settings);
void bal_image_store_close(bal_image_store **store);
const bal_dataset *bal_image_store_data(const bal_image_store *store);
/* The sums asked for; zeros otherwise. */
const bal_pixel_sums *bal_image_store_sums(const bal_image_store *store);
/* One image into the caller's memory, HWC. Thread safe, with a context for each thread. */
BAL_MUST_CHECK bal_status bal_image_store_read(const bal_image_store *store, bal_ctx *ctx,
                                               int64_t item, uint8_t *pixels);

#endif
