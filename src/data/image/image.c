/* Images in memory: grey and RGB, fitting to a shape. */
#include "data/image/image.h"

#include <string.h>

bool bal_picture_shape_equal(bal_picture_shape a, bal_picture_shape b)
{
    return a.channels == b.channels && a.height == b.height && a.width == b.width;
}

size_t bal_picture_shape_bytes(bal_picture_shape shape)
{
    return (size_t)shape.channels * (size_t)shape.height * (size_t)shape.width;
}

static void rgb_to_grey(const uint8_t *in, size_t area, uint8_t *out)
{
    for (size_t i = 0; i < area; i++, in += 3)
        out[i] = (uint8_t)((in[0] * 19595u + in[1] * 38470u + in[2] * 7471u + 0x8000u) >> 16);
}

int bal_ask_divisor(bal_ask ask, int height, int width)
{
    int divisor = 1;
    if (ask.height < 1 || ask.width < 1)
        return divisor;
    for (int d = 2; d <= 8; d *= 2)
        if (height / d / 2 >= ask.height && width / d / 2 >= ask.width)
            divisor = d;
    return divisor;
}

/* From the end, so that it also works in place. */
static void grey_to_rgb(const uint8_t *in, size_t area, uint8_t *out)
{
    for (size_t i = area; i-- > 0;) {
        const uint8_t value = in[i];
        out[3 * i] = out[3 * i + 1] = out[3 * i + 2] = value;
    }
}

/* Colours go before resizing and come after it: either way the resizing is done on one channel. */
bal_status bal_image_fit(bal_ctx *ctx, bal_image image, bal_picture_shape shape, uint8_t *pixels)
{
    const size_t area_in = (size_t)image.shape.height * (size_t)image.shape.width;
    const size_t area_out = (size_t)shape.height * (size_t)shape.width;
    if (image.shape.channels == shape.channels)
        return bal_image_resize(ctx, image, shape, pixels);
    if (image.shape.channels == 1) {
        const bal_picture_shape grey = {1, shape.height, shape.width};
        BAL_TRY(bal_image_resize(ctx, image, grey, pixels));
        grey_to_rgb(pixels, area_out, pixels);
        return BAL_OK;
    }
    uint8_t *grey = bal_calloc(ctx, area_in, 1);
    if (!grey)
        return BAL_NO_MEMORY;
    rgb_to_grey(image.pixels, area_in, grey);
    image.pixels = grey;
    image.shape.channels = 1;
    const bal_status status = bal_image_resize(ctx, image, shape, pixels);
    bal_free(ctx, grey);
    return status;
}
