/* A picture squeezed to a small square, and the moments of its pixels: what the search for near
 * duplicates and the pixels of the difficulty are made of. */
#ifndef BAL_SMALL_PICTURE_H
#define BAL_SMALL_PICTURE_H

#include "data/readers/source.h"

#define BAL_SMALL_SIDE 32
#define BAL_SMALL_AREA (BAL_SMALL_SIDE * BAL_SMALL_SIDE)

/* Planes of means over the cells of a 32 x 32 grid laid over the whole picture, 0..255. A picture
 * with a side below 32 is resized by bal_image_resize instead, to whole values. */
typedef struct bal_small {
    int channels; /* 1 or 3 */
    float plane[3][BAL_SMALL_AREA];
    uint64_t sum[3]; /* of all pixels of each channel */
} bal_small;

/* Over all pixels, per channel. */
typedef struct bal_moments {
    uint64_t sum[3], square[3];   /* exact: of the values and of their squares */
    double mean[3], deviation[3]; /* deviation: of the population */
} bal_moments;

/* Memory between calls, one for each thread; zeroed at first. */
typedef struct bal_small_room {
    uint32_t *columns;
    uint64_t *sums;
    size_t count;
} bal_small_room;

/* Fails with BAL_NO_MEMORY. */
BAL_MUST_CHECK bal_status bal_small_make(bal_ctx *ctx, bal_small_room *room,
                                         const bal_picture *picture, bal_small *out);
void bal_small_room_free(bal_ctx *ctx, bal_small_room *room);
void bal_moments_of(const bal_picture *picture, const bal_small *small, bal_moments *out);
/* 0.299 R + 0.587 G + 0.114 B of the planes, or the one plane. */
void bal_small_grey(const bal_small *small, float *grey);

#endif
