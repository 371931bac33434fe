/* Writing PNG files. */
#ifndef BAL_PNG_ENCODE_H
#define BAL_PNG_ENCODE_H

#include "base/context.h"

typedef struct bal_png {
    const uint8_t *pixels; /* HWC, 8 bits; borrowed */
    int channels, height, width;
    bool unflushed; /* one of many files in a folder of bal_folder_begin */
} bal_png;

/* bal_image_write_png, with a word on flushing. */
BAL_MUST_CHECK bal_status bal_png_write(bal_ctx *ctx, const char *path, const bal_png *png);

#endif
