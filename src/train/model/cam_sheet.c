/* A contact sheet: rows of images of a data set, each beside what the network sees in it. */
#include "ballast/cam.h"

#include "base/context.h"
#include "train/model/picture_text.h"

#include <stdio.h>
#include <string.h>

#define MARGIN 8
#define GAP 2          /* between an image and its map */
#define USUAL_WIDTH 96 /* of an image that is shown, about */
#define MOST_ZOOM 64
#define MOST_SIDE 30000 /* of the picture */
#define LINE (BAL_GLYPH_HEIGHT + 3)

static const uint8_t ink[3] = {30, 30, 40}, wrong[3] = {180, 30, 40};

typedef struct page {
    bal_cam *cam;
    bal_ctx *ctx;
    const bal_cam_sheet *sheet;
    bal_shape image;
    int zoom, tile_width, tile_height;
    bal_canvas canvas, part;
    uint8_t *pixels; /* of the images of a row */
    float *maps, *probability;
    int32_t *predicted;
} page;

static int rows_height(const page *p)
{
    const int head = p->sheet->title ? 2 * LINE + MARGIN : 0;
    int height = MARGIN + head;
    for (int i = 0; i < p->sheet->row_count; i++)
        height += 2 * LINE + (p->sheet->rows[i].count > 0 ? p->tile_height : 0) + MARGIN;
    return height;
}

static int64_t widest(const bal_cam_sheet *sheet)
{
    int64_t most = 1;
    for (int i = 0; i < sheet->row_count; i++)
        most = sheet->rows[i].count > most ? sheet->rows[i].count : most;
    return most;
}

/* ---- open and close ---- */

static bal_status check(const page *p)
{
    const bal_cam_sheet *s = p->sheet;
    const bal_dataset_info info = bal_dataset_describe(s->data);
    int64_t items = 0;
    for (int i = 0; i < BAL_SPLIT_COUNT; i++)
        items += info.items[i];
    if (s->row_count < 1 || s->zoom < 0 || s->zoom > MOST_ZOOM)
        return bal_fail(p->ctx, BAL_BAD_ARG,
                        "a sheet of %d rows with zoom %d: at least one row and a zoom of 0 to %d "
                        "expected",
                        s->row_count, s->zoom, MOST_ZOOM);
    if (info.channels != p->image.channels || info.height != p->image.height ||
        info.width != p->image.width)
        return bal_fail(
            p->ctx, BAL_MISMATCH,
            "the network reads images of %d x %d x %d (channels, height, width), %s has "
            "%d x %d x %d",
            p->image.channels, p->image.height, p->image.width, info.name, info.channels,
            info.height, info.width);
    for (int r = 0; r < s->row_count; r++)
        for (int64_t i = 0; i < s->rows[r].count; i++)
            if (s->rows[r].items[i] < 0 || s->rows[r].items[i] >= items)
                return bal_fail(p->ctx, BAL_BAD_ARG,
                                "item %lld of row \"%s\" is %lld, %s has 0 to "
                                "%lld",
                                (long long)i, s->rows[r].title, (long long)s->rows[r].items[i],
                                info.name, (long long)items - 1);
    return BAL_OK;
}

static bal_status open_canvas(page *p)
{
    const int64_t columns = widest(p->sheet);
    const int64_t width = MARGIN + columns * (p->tile_width + MARGIN), height = rows_height(p);
    if (width > MOST_SIDE || height > MOST_SIDE)
        return bal_fail(p->ctx, BAL_BAD_ARG,
                        "the sheet would be %lld x %lld pixels, at most %d a side can be written",
                        (long long)width, (long long)height, MOST_SIDE);
    p->canvas = (bal_canvas){.height = (int)height, .width = (int)width};
    p->canvas.rgb = bal_calloc(p->ctx, (size_t)height, (size_t)width * 3);
    p->part = (bal_canvas){.height = p->image.height * p->zoom, .width = p->image.width * p->zoom};
    p->part.rgb = bal_calloc(p->ctx, (size_t)p->part.height, (size_t)p->part.width * 3);
    if (!p->canvas.rgb || !p->part.rgb)
        return BAL_NO_MEMORY;
    memset(p->canvas.rgb, 255, (size_t)height * (size_t)width * 3);
    return BAL_OK;
}

static bal_status open_row_memory(page *p)
{
    const size_t most = (size_t)widest(p->sheet);
    const bal_shape map = bal_cam_shape(p->cam);
    const size_t bytes =
        (size_t)p->image.channels * (size_t)p->image.height * (size_t)p->image.width;
    p->pixels = bal_calloc(p->ctx, most, bytes);
    p->maps = bal_calloc(p->ctx, most, (size_t)map.height * (size_t)map.width * sizeof *p->maps);
    p->probability = bal_calloc(p->ctx, most, sizeof *p->probability);
    p->predicted = bal_calloc(p->ctx, most, sizeof *p->predicted);
    return p->pixels && p->maps && p->probability && p->predicted ? BAL_OK : BAL_NO_MEMORY;
}

static void close_page(page *p)
{
    bal_free(p->ctx, p->canvas.rgb);
    bal_free(p->ctx, p->part.rgb);
    bal_free(p->ctx, p->pixels);
    bal_free(p->ctx, p->maps);
    bal_free(p->ctx, p->probability);
    bal_free(p->ctx, p->predicted);
}

/* ---- drawing ---- */

static void write_text(const page *p, int top, int left, int most, const char *text,
                       const uint8_t rgb[3], int scale)
{
    const bal_text_place place = {
        .top = top, .left = left, .most = most, .scale = scale, .rgb = {rgb[0], rgb[1], rgb[2]}};
    bal_canvas_text(&p->canvas, &place, text);
}

static const uint8_t *image_at(const page *p, int64_t i)
{
    return p->pixels +
           (size_t)i * (size_t)p->image.channels * (size_t)p->image.height * (size_t)p->image.width;
}

/* The image itself in part, zoomed. */
static void show_image(const page *p, const uint8_t *pixels)
{
    const int channels = p->image.channels;
    uint8_t *out = p->part.rgb;
    for (int y = 0; y < p->part.height; y++)
        for (int x = 0; x < p->part.width; x++, out += 3) {
            const size_t at =
                (size_t)(y / p->zoom) * (size_t)p->image.width + (size_t)(x / p->zoom);
            for (int c = 0; c < 3; c++)
                out[c] = pixels[at * (size_t)channels + (size_t)(channels == 3 ? c : 0)];
        }
}

static void caption(const page *p, const bal_cam_row *row, int64_t i, int top, int left)
{
    const bal_dataset *data = p->sheet->data;
    const int label = bal_dataset_label(data, row->items[i]), said = p->predicted[i];
    const int of = row->classes ? row->classes[i] : said;
    char text[256];
    if (said == label)
        snprintf(text, sizeof text, "%s", bal_dataset_class_name(data, label));
    else
        snprintf(text, sizeof text, "%s > %s", bal_dataset_class_name(data, label),
                 bal_dataset_class_name(data, said));
    write_text(p, top, left, p->tile_width, text, said == label ? ink : wrong, 1);
    snprintf(text, sizeof text, "#%lld p(%s)=%.2f", (long long)row->items[i],
             bal_dataset_class_name(data, of), (double)p->probability[i]);
    write_text(p, top + LINE, left, p->tile_width, text, ink, 1);
}

static void draw_tile(const page *p, const bal_cam_row *row, int64_t i, int top)
{
    const bal_shape map = bal_cam_shape(p->cam);
    const int left = MARGIN + (int)i * (p->tile_width + MARGIN);
    const bal_cam_picture picture = {.image = p->image,
                                     .pixels = image_at(p, i),
                                     .map_height = map.height,
                                     .map_width = map.width,
                                     .map = p->maps +
                                            (size_t)i * (size_t)map.height * (size_t)map.width,
                                     .zoom = p->zoom};
    show_image(p, picture.pixels);
    bal_canvas_paste(&p->canvas, top, left, &p->part);
    bal_cam_overlay(&picture, p->part.rgb);
    bal_canvas_paste(&p->canvas, top, left + p->part.width + GAP, &p->part);
    caption(p, row, i, top + p->part.height + 3, left);
}

static bal_status draw_row(page *p, const bal_cam_row *row, int top)
{
    const size_t bytes =
        (size_t)p->image.channels * (size_t)p->image.height * (size_t)p->image.width;
    for (int64_t i = 0; i < row->count; i++)
        BAL_TRY(bal_dataset_image(p->sheet->data, p->ctx, row->items[i],
                                  p->pixels + (size_t)i * bytes));
    BAL_TRY(bal_cam_maps(p->cam, &(bal_cam_ask){.pixels = p->pixels,
                                                .count = row->count,
                                                .classes = row->classes,
                                                .features = p->sheet->features,
                                                .maps = p->maps,
                                                .predicted = p->predicted,
                                                .probability = p->probability}));
    for (int64_t i = 0; i < row->count; i++)
        draw_tile(p, row, i, top);
    return BAL_OK;
}

static bal_status draw(page *p)
{
    int top = MARGIN;
    if (p->sheet->title) {
        write_text(p, top, MARGIN, p->canvas.width - 2 * MARGIN, p->sheet->title, ink, 2);
        top += 2 * LINE + MARGIN;
    }
    for (int i = 0; i < p->sheet->row_count; i++) {
        const bal_cam_row *row = &p->sheet->rows[i];
        write_text(p, top, MARGIN, p->canvas.width - 2 * MARGIN, row->title, ink, 1);
        top += 2 * LINE - MARGIN / 2;
        if (row->count > 0)
            BAL_TRY(draw_row(p, row, top));
        top += (row->count > 0 ? p->tile_height : 0) + MARGIN + MARGIN / 2;
    }
    return BAL_OK;
}

bal_status bal_cam_sheet_write(bal_cam *cam, const bal_cam_sheet *sheet, const char *path)
{
    page p = {.cam = cam, .ctx = bal_cam_context(cam), .sheet = sheet};
    p.image = bal_cam_input(cam);
    p.zoom = sheet->zoom;
    if (p.zoom == 0)
        p.zoom = (USUAL_WIDTH + p.image.width - 1) / p.image.width;
    p.tile_width = 2 * p.image.width * p.zoom + GAP;
    p.tile_height = p.image.height * p.zoom + 2 * LINE + 3;
    bal_status status;
    BAL_GOTO(check(&p));
    BAL_GOTO(open_canvas(&p));
    BAL_GOTO(open_row_memory(&p));
    BAL_GOTO(draw(&p));
    status = bal_image_write_png(p.ctx, path, 3, p.canvas.height, p.canvas.width, p.canvas.rgb);
fail:
    close_page(&p);
    return status;
}
