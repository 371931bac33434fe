/* An autoencoder that is trained on a data set's images, to go from images to latent vectors and
 * back: the space in which DeepSMOTE over-samples. */
#ifndef BAL_IMAGE_CODER_H
#define BAL_IMAGE_CODER_H

#include "ballast/net.h"
#include "ballast/train.h"
#include "train/images/image_store.h"

typedef struct bal_image_coder bal_image_coder;

typedef struct bal_image_coder_settings {
    const bal_image_store *store; /* borrowed; must outlive the coder */
    const int64_t *items;         /* of the data set, borrowed likewise */
    const int32_t *labels;        /* one an item, 0..classes-1; borrowed likewise */
    int64_t count;
    int classes;
    const bal_image_resample_settings *how; /* latent, width, epochs, ...; borrowed while opening */
} bal_image_coder_settings;

/* Trains. losses receives the mean squared error of every epoch (of pixels from 0 to 1).
 * Fails with BAL_MISMATCH (an image that cannot be halved), BAL_BAD_ARG, BAL_BAD_FILE,
 * BAL_DIVERGED, BAL_INTERRUPTED. */
BAL_MUST_CHECK bal_status bal_image_coder_open(bal_image_coder **out, bal_ctx *ctx,
                                               const bal_image_coder_settings *settings,
                                               double *losses);
void bal_image_coder_close(bal_image_coder **coder);
/* vectors receives count x latent floats; the mean squared error of their reconstruction goes to
 * *error. */
BAL_MUST_CHECK bal_status bal_image_coder_encode(bal_image_coder *coder, const int64_t *items,
                                                 int64_t count, float *vectors, double *error);
/* pixels receives count images, 8 bits, HWC. */
BAL_MUST_CHECK bal_status bal_image_coder_decode(bal_image_coder *coder, const float *vectors,
                                                 int64_t count, uint8_t *pixels);

#endif
