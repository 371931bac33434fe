/* Turning and mirroring of pictures, as their EXIF orientation asks for. */
#include "data/image/image.h"

/* How the turned picture is read out of the stored one: its columns from the right, its rows from
 * below, and then rows as columns. */
typedef struct turning {
    bool from_right, from_below, swap;
} turning;

static const turning turnings[] = {
    [1] = {false, false, false}, [2] = {true, false, false}, [3] = {true, true, false},
    [4] = {false, true, false},  [5] = {false, false, true}, [6] = {false, true, true},
    [7] = {true, true, true},    [8] = {true, false, true},
};

bool bal_orientation_swaps(bal_orientation orientation)
{
    return turnings[orientation].swap;
}

static void turn_pixels(const bal_picture *from, turning how, bal_picture_shape shape, uint8_t *to)
{
    const ptrdiff_t pixel = from->shape.channels, width = from->shape.width * pixel;
    const ptrdiff_t last_row = (from->shape.height - 1) * width, last_column = width - pixel;
    const ptrdiff_t across = how.from_right ? -pixel : pixel;
    const ptrdiff_t along = how.from_below ? -width : width;
    const ptrdiff_t right = how.swap ? along : across, down = how.swap ? across : along;
    const uint8_t *corner = from->pixels;
    corner += (how.from_right ? last_column : 0) + (how.from_below ? last_row : 0);
    for (int y = 0; y < shape.height; y++) {
        for (int x = 0; x < shape.width; x++) {
            const uint8_t *at = corner + y * down + x * right;
            for (ptrdiff_t c = 0; c < pixel; c++)
                *to++ = at[c];
        }
    }
}

/* What of a last row or column lies outside the picture (see bal_picture) may come first now. */
static bal_box turn_box(const bal_picture *from, turning how)
{
    bal_box box = bal_picture_box(from);
    if (how.from_right)
        box.left = from->shape.width - box.left - box.width;
    if (how.from_below)
        box.top = from->shape.height - box.top - box.height;
    return how.swap ? (bal_box){box.top, box.left, box.height, box.width} : box;
}

bal_status bal_picture_turn(bal_ctx *ctx, bal_picture *picture, bal_orientation orientation)
{
    const turning how = turnings[orientation];
    bal_picture turned = *picture;
    if (orientation == 1)
        return BAL_OK;
    if (how.swap) {
        turned.shape.height = picture->shape.width;
        turned.shape.width = picture->shape.height;
        turned.full_height = picture->full_width;
        turned.full_width = picture->full_height;
    }
    turned.box = turn_box(picture, how);
    turned.borrowed = false;
    turned.pixels = bal_calloc(ctx, bal_picture_shape_bytes(turned.shape), 1);
    if (!turned.pixels)
        return BAL_NO_MEMORY;
    turn_pixels(picture, how, turned.shape, turned.pixels);
    bal_picture_free(ctx, picture);
    *picture = turned;
    return BAL_OK;
}
