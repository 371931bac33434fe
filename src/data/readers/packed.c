/* Raw images in a few files in memory. */
#include "data/readers/packed.h"

#include "data/image/image.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bal_status bal_packed_add(bal_source *source, bal_ctx *ctx, bal_packed_block *block, bool planar)
{
    bal_packed *packed = source->own;
    if (!packed) {
        packed = source->own = bal_calloc(ctx, 1, sizeof *packed);
        if (!packed) {
            bal_bytes_free(ctx, &block->file);
            return BAL_NO_MEMORY;
        }
        packed->planar = planar;
    }
    if (packed->blocks == BAL_PACKED_BLOCKS) {
        bal_bytes_free(ctx, &block->file);
        return bal_fail(ctx, BAL_UNSUPPORTED, "%s: more than %d files in one data set", block->name,
                        BAL_PACKED_BLOCKS);
    }
    packed->block[packed->blocks++] = *block;
    block->file = (bal_bytes){NULL, 0};
    return BAL_OK;
}

static const bal_packed_block *block_of(const bal_source *source, int64_t item)
{
    const bal_packed *packed = source->own;
    const bal_packed_block *b = packed->block;
    while (item >= b->first_item + b->count)
        b++;
    return b;
}

static void interleave(const unsigned char *planes, bal_picture_shape shape, uint8_t *pixels)
{
    const size_t area = (size_t)shape.height * (size_t)shape.width;
    for (int c = 0; c < shape.channels; c++) {
        const unsigned char *plane = planes + (size_t)c * area;
        uint8_t *out = pixels + c;
        for (size_t i = 0; i < area; i++, out += shape.channels)
            *out = plane[i];
    }
}

bal_status bal_packed_picture(const bal_source *source, bal_ctx *ctx, int64_t item, bal_ask ask,
                              bal_picture *out)
{
    const bal_packed *packed = source->own;
    const bal_packed_block *b = block_of(source, item);
    unsigned char *raw = b->file.data + b->start + b->stride * (size_t)(item - b->first_item);
    (void)ask;
    *out = (bal_picture){.pixels = raw, .shape = source->native, .borrowed = true};
    if (!packed->planar)
        return BAL_OK;
    *out = (bal_picture){.pixels = bal_calloc(ctx, bal_picture_shape_bytes(source->native), 1),
                         .shape = source->native};
    if (!out->pixels)
        return BAL_NO_MEMORY;
    interleave(raw, source->native, out->pixels);
    return BAL_OK;
}

void bal_packed_item_name(const bal_source *source, int64_t item, char *buffer, size_t size)
{
    const bal_packed_block *b = block_of(source, item);
    snprintf(buffer, size, "%s#%" PRId64, b->name, item - b->first_item);
}

void bal_packed_close(bal_source *source)
{
    bal_packed *packed = source->own;
    for (int i = 0; packed && i < packed->blocks; i++)
        bal_bytes_free(source->ctx, &packed->block[i].file);
    bal_free(source->ctx, packed);
    source->own = NULL;
}
