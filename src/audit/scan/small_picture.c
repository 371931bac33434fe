/* Means over the cells of a grid in whole numbers: a pixel that straddles cells counts in each by
 * its area. Interleaved channels stay interleaved while rows are summed, which vectorises. */
#include "audit/scan/small_picture.h"

#include "data/image/image.h"

#include <math.h>
#include <string.h>

#define SIDE BAL_SMALL_SIDE
#define LANES 48                  /* a multiple of 3 channels and of the vectors */
#define BLOCKS_A_FLUSH (1u << 16) /* 2^16 x 255^2 < 2^32 */

static BAL_WIDE void add_row(uint32_t *restrict columns, const uint8_t *restrict row, size_t count,
                             uint16_t weight)
{
    for (size_t i = 0; i < count; i++)
        columns[i] += (uint16_t)(weight * row[i]); /* 32 x 255: products of 16 bits */
}

static BAL_WIDE void square_lanes(const uint8_t *restrict pixels, size_t blocks,
                                  uint32_t *restrict out)
{
    uint32_t squares[LANES] = {0};
    for (size_t b = 0; b < blocks; b++, pixels += LANES)
        for (int i = 0; i < LANES; i++)
            squares[i] += (uint16_t)((uint16_t)pixels[i] * pixels[i]);
    memcpy(out, squares, sizeof squares);
}

static void square_pixels(const bal_picture *picture, uint64_t out[3])
{
    const int channels = picture->shape.channels;
    const size_t bytes = bal_picture_shape_bytes(picture->shape);
    const uint8_t *at = picture->pixels;
    for (size_t blocks = bytes / LANES; blocks > 0;) {
        const size_t now = blocks < BLOCKS_A_FLUSH ? blocks : BLOCKS_A_FLUSH;
        uint32_t squares[LANES];
        square_lanes(at, now, squares);
        for (int i = 0; i < LANES; i++)
            out[i % channels] += squares[i];
        at += now * LANES;
        blocks -= now;
    }
    for (size_t i = 0; at < picture->pixels + bytes; i++, at++)
        out[i % (size_t)channels] += (uint64_t)*at * *at;
}

void bal_moments_of(const bal_picture *picture, const bal_small *small, bal_moments *out)
{
    const double n = (double)picture->shape.width * (double)picture->shape.height;
    *out = (bal_moments){.mean = {0}};
    square_pixels(picture, out->square);
    for (int c = 0; c < picture->shape.channels; c++) {
        const double sum = (double)small->sum[c], mean = sum / n;
        const double variance = ((double)out->square[c] - mean * sum) / n;
        out->sum[c] = small->sum[c];
        out->mean[c] = mean;
        out->deviation[c] = variance > 0.0 ? sqrt(variance) : 0.0;
    }
}

/* sums[i] becomes the sum of the columns before i of the same channel. */
static void add_up(const uint32_t *columns, size_t width, size_t channels, uint64_t *sums)
{
    uint64_t a = 0, b = 0, c = 0;
    if (channels == 1) {
        for (size_t x = 0; x < width; x++) {
            sums[x] = a;
            a += columns[x];
        }
        sums[width] = a;
        return;
    }
    for (size_t i = 0; i < 3 * width; i += 3) {
        sums[i] = a;
        sums[i + 1] = b;
        sums[i + 2] = c;
        a += columns[i];
        b += columns[i + 1];
        c += columns[i + 2];
    }
    sums[3 * width] = a;
    sums[3 * width + 1] = b;
    sums[3 * width + 2] = c;
}

/* Spreads a row of column sums over the cells of a grid row. In units of 1/32 of a column a cell is
 * as wide as the picture has columns; up to unit u there are u / 32 whole columns and u % 32 units
 * of the next. */
static void finish_cells(const bal_small_room *room, bal_picture_shape shape, int cell_y,
                         bal_small *out)
{
    const size_t width = (size_t)shape.width, channels = (size_t)shape.channels;
    const double share = 1.0 / ((double)shape.width * (double)shape.height);
    add_up(room->columns, width, channels, room->sums);
    for (size_t c = 0; c < channels; c++) {
        float *cells = &out->plane[c][cell_y * SIDE];
        uint64_t before = 0;
        for (size_t x = 0; x < SIDE; x++) {
            const size_t unit = (x + 1) * width, column = unit / SIDE * channels + c;
            const uint64_t upto =
                SIDE * room->sums[column] + unit % SIDE * (uint64_t)room->columns[column];
            cells[x] = (float)((double)(int64_t)(upto - before) * share);
            before = upto;
        }
        out->sum[c] += room->sums[width * channels + c]; /* times 32 */
    }
}

void bal_small_room_free(bal_ctx *ctx, bal_small_room *room)
{
    bal_free(ctx, room->columns);
    bal_free(ctx, room->sums);
    *room = (bal_small_room){0};
}

static bal_status make_room(bal_ctx *ctx, bal_small_room *room, size_t count)
{
    if (room->count >= count)
        return BAL_OK;
    bal_small_room_free(ctx, room);
    room->columns = bal_calloc(ctx, count, sizeof *room->columns);
    room->sums = bal_calloc(ctx, count, sizeof *room->sums);
    if (!room->columns || !room->sums)
        return BAL_NO_MEMORY;
    room->count = count;
    return BAL_OK;
}

static bal_status make_by_area(bal_ctx *ctx, bal_small_room *room, const bal_picture *picture,
                               bal_small *out)
{
    const bal_picture_shape shape = picture->shape;
    const size_t stride = (size_t)shape.width * (size_t)shape.channels;
    const size_t count = stride + (size_t)shape.channels; /* a column of zeros at the end */
    BAL_TRY(make_room(ctx, room, count));
    memset(room->columns, 0, count * sizeof *room->columns);
    const uint32_t height = (uint32_t)shape.height; /* of a cell, where a row is 32 high */
    uint32_t need = height;
    int cell = 0;
    for (int y = 0; y < shape.height; y++) {
        const uint8_t *row = picture->pixels + (size_t)y * stride;
        const uint32_t now = need < SIDE ? need : SIDE;
        add_row(room->columns, row, stride, (uint16_t)now);
        need -= now;
        if (need > 0)
            continue;
        finish_cells(room, shape, cell++, out);
        memset(room->columns, 0, count * sizeof *room->columns);
        need = height - (SIDE - now);
        if (now < SIDE)
            add_row(room->columns, row, stride, (uint16_t)(SIDE - now));
    }
    for (int c = 0; c < shape.channels; c++)
        out->sum[c] /= SIDE;
    return BAL_OK;
}

static bal_status make_by_resizing(bal_ctx *ctx, const bal_picture *picture, bal_small *out)
{
    const bal_picture_shape shape = {picture->shape.channels, SIDE, SIDE};
    const bal_image image = {picture->pixels, picture->shape, picture->box};
    uint8_t pixels[3 * BAL_SMALL_AREA];
    for (size_t i = 0; i < bal_picture_shape_bytes(picture->shape); i++)
        out->sum[i % (size_t)shape.channels] += picture->pixels[i];
    BAL_TRY(bal_image_resize(ctx, image, shape, pixels));
    for (int c = 0; c < shape.channels; c++)
        for (int i = 0; i < BAL_SMALL_AREA; i++)
            out->plane[c][i] = pixels[i * shape.channels + c];
    return BAL_OK;
}

bal_status bal_small_make(bal_ctx *ctx, bal_small_room *room, const bal_picture *picture,
                          bal_small *out)
{
    out->channels = picture->shape.channels;
    memset(out->sum, 0, sizeof out->sum);
    if (picture->shape.height < SIDE || picture->shape.width < SIDE)
        return make_by_resizing(ctx, picture, out);
    return make_by_area(ctx, room, picture, out);
}

void bal_small_grey(const bal_small *small, float *grey)
{
    if (small->channels == 1) {
        memcpy(grey, small->plane[0], sizeof small->plane[0]);
        return;
    }
    for (int i = 0; i < BAL_SMALL_AREA; i++)
        grey[i] =
            0.299f * small->plane[0][i] + 0.587f * small->plane[1][i] + 0.114f * small->plane[2][i];
}
