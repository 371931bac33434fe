/* Mixing the images of a batch while it is prepared: what one worker of a loader needs for it. */
#ifndef BAL_BATCH_MIXER_H
#define BAL_BATCH_MIXER_H

#include "ballast/balance.h"
#include "base/context.h"

typedef struct bal_batch_mixer bal_batch_mixer;

typedef struct bal_batch_mixer_settings {
    int batch, classes;
    bal_image_shape shape;
} bal_batch_mixer_settings;
BAL_MUST_CHECK bal_status bal_batch_mixer_open(bal_batch_mixer **out, bal_ctx *ctx,
                                               const bal_batch_mixer_settings *settings);
void bal_batch_mixer_close(bal_batch_mixer **mixer);

/* A batch that is to be mixed, in place. */
typedef struct bal_mixed_batch {
    float *images;   /* count x C x H x W */
    int32_t *labels; /* count; afterwards the classes with the larger part of each target */
    float *weights;  /* count, or NULL; afterwards the means of both, weighted as the labels are */
    float *targets;  /* receives count x classes */
    /* receive count each, where the network is to mix, not the images */
    int32_t *partners;
    float *shares;
} bal_mixed_batch;

/* Draws what becomes of the batch; false: nothing. */
bool bal_batch_mixer_draw(bal_batch_mixer *mixer, const bal_mix *mix, bal_mix_batch where);
/* Where the images of the second stream are put before the batch is mixed, with their labels and
 * weights, or NULL for one that is not wanted. */
typedef struct bal_mixer_seat {
    float *image;
    int32_t *label;
    float *weight;
} bal_mixer_seat;
bool bal_batch_mixer_wants(const bal_batch_mixer *mixer, int i, bal_mixer_seat *seat);
/* Mixes as was drawn. Returns the place of the network that is to mix; 0: the images are mixed. */
int bal_batch_mixer_apply(bal_batch_mixer *mixer, const bal_mixed_batch *batch);

#endif
