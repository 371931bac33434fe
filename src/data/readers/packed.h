/* Storage of formats that hold many raw images in a few files: the files stay in memory as they
 * are, an item is a place in one of them. */
#ifndef BAL_PACKED_H
#define BAL_PACKED_H

#include "base/cursor.h"
#include "data/readers/source.h"

#define BAL_PACKED_BLOCKS 8

typedef struct bal_packed_block {
    bal_bytes file;
    char name[64]; /* the file's, without folder */
    size_t start;  /* of the first image's pixels in the file */
    size_t stride; /* from one image to the next */
    int64_t first_item, count;
} bal_packed_block;

typedef struct bal_packed {
    bool planar; /* CHW in the file; else HWC */
    int blocks;
    bal_packed_block block[BAL_PACKED_BLOCKS];
} bal_packed;

/* Takes the block's file in every case; its items must be the next of the source. */
bal_status bal_packed_add(bal_source *source, bal_ctx *ctx, bal_packed_block *block, bool planar);
bal_status bal_packed_picture(const bal_source *source, bal_ctx *ctx, int64_t item, bal_ask ask,
                              bal_picture *out);
void bal_packed_item_name(const bal_source *source, int64_t item, char *buffer, size_t size);
void bal_packed_close(bal_source *source);

#endif
