/* Decoding of image files from memory, at the file's own size and resized, and the walk to their
 * EXIF orientation. */
#include "data/image/image.h"

#include <stdlib.h>

#define LARGEST_AREA ((int64_t)1 << 20) /* larger ones only cost time here */
#define SIDE 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Any box, also of parts that are not there, by the file's last bytes. */
static bal_box any_box(const void *user, int height, int width)
{
    const uint8_t *by = user;
    const double across = width / 64.0, down = height / 64.0;
    const bal_box box = {by[0] % 64 * across, by[1] % 64 * down, (1 + by[2]) * across / 4,
                         (1 + by[3]) * down / 4};
    return box;
}

static void own_size(const bal_decode *in, bal_picture_shape shape)
{
    uint8_t *pixels = bal_calloc(in->ctx, bal_picture_shape_bytes(shape), 1);
    if (pixels && bal_image_decode(in, shape, false, pixels) == BAL_OK) {
        volatile uint8_t last = pixels[bal_picture_shape_bytes(shape) - 1];
        (void)last;
    }
    bal_free(in->ctx, pixels);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bal_ctx *ctx;
    bal_picture_shape shape;
    uint8_t pixels[SIDE * SIDE * 3];
    if (bal_ctx_open(&ctx, NULL) != BAL_OK)
        return 0;
    const bal_decode in = {.ctx = ctx, .name = "file", .bytes = data, .count = size};
    if (bal_image_shape_of(&in, &shape) == BAL_OK) {
        if (shape.channels != 1 && shape.channels != 3)
            abort();
        if ((int64_t)shape.height * shape.width <= LARGEST_AREA) {
            own_size(&in, shape);
            const bal_picture_shape small = {size % 2 ? 3 : 1, SIDE, SIDE};
            if (bal_image_decode(&in, small, true, pixels) > BAL_INTERRUPTED)
                abort();
            bal_decode part = in;
            part.ask.view = any_box;
            part.ask.view_user = data + size - 4;
            if (bal_image_decode(&part, small, true, pixels) > BAL_INTERRUPTED)
                abort();
        }
    }
    bal_ctx_close(&ctx);
    return 0;
}
