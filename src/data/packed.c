/* Raw images in a few files in memory. */
#include "data/packed.h"

#include "data/image.h"

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

static void interleave(const unsigned char *planes, bal_shape shape, uint8_t *pixels)
{
    const size_t area = (size_t)shape.height * (size_t)shape.width;
    for (int c = 0; c < shape.channels; c++) {
        const unsigned char *plane = planes + (size_t)c * area;
        uint8_t *out = pixels + c;
        for (size_t i = 0; i < area; i++, out += shape.channels)
            *out = plane[i];
    }
}

bal_status bal_packed_image(const bal_source *source, bal_ctx *ctx, int64_t item, bal_shape shape,
                            uint8_t *pixels)
{
    const bal_packed *packed = source->own;
    const bal_packed_block *b = block_of(source, item);
    const unsigned char *raw = b->file.data + b->start + b->stride * (size_t)(item - b->first_item);
    const bal_shape native = source->native;
    if (!packed->planar)
        return bal_image_fit(ctx, (bal_image){.pixels = raw, .shape = native}, shape, pixels);
    if (bal_shape_equal(native, shape)) {
        interleave(raw, native, pixels);
        return BAL_OK;
    }
    uint8_t *held = bal_calloc(ctx, bal_shape_bytes(native), 1);
    if (!held)
        return BAL_NO_MEMORY;
    interleave(raw, native, held);
    const bal_status status =
        bal_image_fit(ctx, (bal_image){.pixels = held, .shape = native}, shape, pixels);
    bal_free(ctx, held);
    return status;
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
