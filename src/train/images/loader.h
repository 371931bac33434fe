/* Batches of a pass over images: worker threads decode, augment and normalise ahead of the caller,
 * who gets them in order. What a batch holds depends on the pass alone, never on the workers. */
#ifndef BAL_LOADER_H
#define BAL_LOADER_H

#include "ballast/balance.h"
#include "train/images/image_store.h"

typedef struct bal_loader bal_loader;

#define BAL_LOADER_WORKERS_MAX 64

typedef struct bal_loader_settings {
    const bal_image_store *store; /* borrowed; must outlive the loader */
    int batch;                    /* images of a full batch, >= 1 */
    int workers;                  /* threads; 0: the caller's, when it asks for a batch */
    bal_pixel_norm norm;
    int mix_classes; /* classes of the targets of passes that mix; 0: there are none */
} bal_loader_settings;

typedef struct bal_loader_pass {
    const int64_t *items; /* in the order in which they are shown; borrowed until the pass ends */
    int64_t count;
    int64_t first_batch;                 /* where to begin, 0..; the last batch may be smaller */
    const bal_augment_settings *augment; /* copied; NULL: none */
    uint64_t seed, epoch;                /* augmentation draws at (seed, epoch, place in items) */
    /* How strongly each class is augmented, see bal_augment_draw; borrowed; NULL: all alike. */
    const double *class_strength;
    const int *class_level;
    const uint8_t *item_level; /* by place, for certain, instead of class_level; NULL: none */
    const bal_mix *mix;        /* borrowed until the pass ends; NULL: images as they are */
    const int64_t *second;     /* count items of the second stream, where mix has one; borrowed
                                  likewise; augmented as at place BAL_LOADER_SECOND_PLACES and on */
} bal_loader_pass;

#define BAL_LOADER_SECOND_PLACES ((uint64_t)1 << 48)

typedef struct bal_loader_batch {
    const float *images;   /* count x C x H x W; until the next call on the loader */
    const int32_t *labels; /* count; of a mixed image that with the larger part */
    int mix_place;         /* of the network, which mixes there instead of the images; 0: nowhere */
    const int32_t *partners; /* count: with whom, */
    const float *shares;     /* count: and the share of itself; see bal_batch_mix of net/graph.h */
    const float *targets; /* count x classes, rows sum to one; NULL: the labels, nothing is mixed */
    const float *weights; /* count, of the items' losses; NULL: the data has none */
    int count;            /* 0: the pass is over */
} bal_loader_batch;

BAL_MUST_CHECK bal_status bal_loader_open(bal_loader **out, bal_ctx *ctx,
                                          const bal_loader_settings *settings);
void bal_loader_close(bal_loader **loader);
/* Begins a pass; one that still ran is given up. */
void bal_loader_begin(bal_loader *loader, const bal_loader_pass *pass);
/* The next batch. Fails with what decoding failed with, at the batch that holds the image. */
BAL_MUST_CHECK bal_status bal_loader_next(bal_loader *loader, bal_loader_batch *batch);
/* Gives up the pass: its items are no longer read. */
void bal_loader_stop(bal_loader *loader);

#endif
