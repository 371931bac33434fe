/* The inside of a bal_image_resample, for the files that make pictures and folders of it. */
#ifndef BAL_IMAGE_RESAMPLE_PARTS_H
#define BAL_IMAGE_RESAMPLE_PARTS_H

#include "train/resample/image_coder.h"

struct bal_image_resample {
    bal_ctx *ctx;
    const bal_dataset *data;
    bal_image_store *store;
    bal_image_coder *coder; /* NULL: rows are pixels */
    bal_resampled *plan;
    bal_shape shape;
    int classes;
    int64_t rows, columns, numbers; /* of the input; numbers: bytes of an image */
    const int64_t *items;           /* of the training split */
    int32_t *labels;
    float *values;   /* rows x columns */
    uint8_t *pixels; /* one image */
    double error;
};

#endif
