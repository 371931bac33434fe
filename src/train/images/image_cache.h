/* Decoded images that are kept as they come, up to a limit. Which are kept depends on who comes
 * first; what is read never does. */
#ifndef BAL_IMAGE_CACHE_H
#define BAL_IMAGE_CACHE_H

#include "base/context.h"

typedef struct bal_image_cache bal_image_cache;

typedef struct bal_image_cache_settings {
    int64_t items;  /* numbered 0..items-1 */
    size_t bytes;   /* of an image, >= 1 */
    int64_t images; /* that are kept at most, 0.. */
} bal_image_cache_settings;

/* Memory for images is asked for when they come, a few megabytes at a time. */
BAL_MUST_CHECK bal_status bal_image_cache_open(bal_image_cache **out, bal_ctx *ctx,
                                               const bal_image_cache_settings *settings);
void bal_image_cache_close(bal_image_cache **cache);
/* From now on the item may be kept; before that nothing of it is. Not thread safe. */
void bal_image_cache_allow(bal_image_cache *cache, int64_t item);
/* Thread safe. get: false where the image is not there. */
bool bal_image_cache_get(const bal_image_cache *cache, int64_t item, uint8_t *pixels);
/* Keeps a copy where there is room and memory; ctx is the thread's own. */
void bal_image_cache_offer(bal_image_cache *cache, bal_ctx *ctx, int64_t item,
                           const uint8_t *pixels);
/* How many images are there. */
int64_t bal_image_cache_count(const bal_image_cache *cache);

#endif
