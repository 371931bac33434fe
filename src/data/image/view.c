/* Boxes of crop modes, and images through a box. */
#include "data/image/view.h"

#include "data/image/image.h"

#include <math.h>
#include <string.h>

#define BORDER 128 /* grey: near the mean of most sets, and the same for all */

static const char *const mode_names[] = {
    [BAL_CROP_SQUASH] = "squash", [BAL_CROP_CENTER] = "center", [BAL_CROP_BORDER] = "border"};

bal_status bal_crop_mode_named(bal_ctx *ctx, const char *name, bal_crop_mode *mode)
{
    *mode = BAL_CROP_SQUASH;
    for (size_t i = 0; name && i < BAL_COUNT_OF(mode_names); i++) {
        *mode = (bal_crop_mode)i;
        if (strcmp(name, mode_names[i]) == 0)
            return BAL_OK;
    }
    return name ? bal_fail(ctx, BAL_BAD_ARG, "crop-mode is \"%s\", one of %s expected", name,
                           BAL_CROP_MODES)
                : BAL_OK;
}

const char *bal_crop_mode_name(bal_crop_mode mode)
{
    return mode_names[mode];
}

/* The share of the resized side that is kept. */
static double kept(int side, double pct)
{
    return side / floor(side / pct);
}

bal_box bal_crop_view(const void *user, int height, int width)
{
    const bal_crop *crop = user;
    const double across = (double)width / crop->width, down = (double)height / crop->height;
    double x = across, y = down; /* pixels of the picture that one of the image is */
    if (crop->mode == BAL_CROP_CENTER)
        x = y = across < down ? across : down;
    else if (crop->mode == BAL_CROP_BORDER)
        x = y = across > down ? across : down;
    bal_box box = {.width = width, .height = height};
    if (x != across || crop->pct < 1.0)
        box.width = x * crop->width * kept(crop->width, crop->pct);
    if (y != down || crop->pct < 1.0)
        box.height = y * crop->height * kept(crop->height, crop->pct);
    box.left = (width - box.width) / 2.0;
    box.top = (height - box.height) / 2.0;
    return box;
}

/* ---- an image through a box ---- */

/* One direction of a view: what of the picture is looked at, and where in the image it comes to
 * lie. */
typedef struct span {
    double start, length; /* of the picture */
    int first, count;     /* of the image */
} span;

/* A view that is longer than the picture leaves a border on both sides. */
static span span_of(double start, double length, int full, int out)
{
    if (length <= full && start >= 0.0 && start + length <= full)
        return (span){start, length, 0, out};
    const int inner = (int)floor(out * (full / length) + 0.5);
    const int count = inner < 1 ? 1 : inner > out ? out : inner;
    return (span){0.0, full, (out - count) / 2, count};
}

/* From the picture's own pixels to those that were decoded. */
static bal_box box_of(const bal_picture *picture, span across, span down)
{
    const bal_box all = bal_picture_box(picture);
    const double x = all.width / bal_picture_width(picture);
    const double y = all.height / bal_picture_height(picture);
    return (bal_box){all.left + across.start * x, all.top + down.start * y, across.length * x,
                     down.length * y};
}

/* Rows of an image into the middle of a larger one. */
static void place(const uint8_t *from, bal_picture_shape shape, span across, span down,
                  uint8_t *pixels)
{
    const size_t pixel = (size_t)shape.channels, row = (size_t)across.count * pixel;
    memset(pixels, BORDER, bal_picture_shape_bytes(shape));
    for (int y = 0; y < down.count; y++)
        memcpy(pixels +
                   ((size_t)(down.first + y) * (size_t)shape.width + (size_t)across.first) * pixel,
               from + (size_t)y * row, row);
}

bal_status bal_picture_fit_view(bal_ctx *ctx, const bal_picture *picture, bal_box view,
                                bal_picture_shape shape, uint8_t *pixels)
{
    const span across = span_of(view.left, view.width, bal_picture_width(picture), shape.width);
    const span down = span_of(view.top, view.height, bal_picture_height(picture), shape.height);
    const bal_image image = {picture->pixels, picture->shape, box_of(picture, across, down)};
    if (across.count == shape.width && down.count == shape.height)
        return bal_image_fit(ctx, image, shape, pixels);
    const bal_picture_shape inner = {shape.channels, down.count, across.count};
    uint8_t *small = bal_calloc(ctx, bal_picture_shape_bytes(inner), 1);
    if (!small)
        return BAL_NO_MEMORY;
    const bal_status status = bal_image_fit(ctx, image, inner, small);
    if (status == BAL_OK)
        place(small, shape, across, down, pixels);
    bal_free(ctx, small);
    return status;
}
