/* IDX files (LeCun's MNIST page): big-endian header, then unsigned bytes. Parsed from memory. */
#ifndef BAL_IDX_H
#define BAL_IDX_H

#include "base/cursor.h"

/* Three dimensions: count x height x width. start receives the offset of the first pixel. */
bal_status bal_idx_images(bal_ctx *ctx, const char *name, const bal_bytes *file, uint32_t dims[3],
                          size_t *start);
/* One dimension: *labels points into the file. */
bal_status bal_idx_labels(bal_ctx *ctx, const char *name, const bal_bytes *file,
                          const unsigned char **labels, uint32_t *count);

#endif
