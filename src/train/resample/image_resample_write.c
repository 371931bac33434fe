/* What a resampled set leaves in files: a sheet to look at, and an image folder to train on. */
#include "base/writer.h"
#include "data/image/png_encode.h"
#include "train/resample/image_resample_parts.h"

#include <stdio.h>
#include <string.h>

#define GAP 2      /* pixels between pictures of a group */
#define WIDE_GAP 6 /* between groups, and between lines */
#define PICTURES 3 /* of a group: base, new, neighbour */
#define MOST_COLUMNS 100
#define PATH_LENGTH 4096
#define BLOCK 256 /* images made at a time */

/* ---- the sheet ---- */

typedef struct sheet {
    bal_image_resample *r;
    int columns, lines;
    bal_shape shape; /* of the whole */
    uint8_t *pixels;
} sheet;

static void place(const sheet *s, int line, int column, int picture)
{
    const bal_shape image = s->r->shape;
    const size_t channels = (size_t)image.channels, bytes = (size_t)image.width * channels;
    const int group = PICTURES * image.width + (PICTURES - 1) * GAP;
    const int left = WIDE_GAP + column * (group + WIDE_GAP) + picture * (image.width + GAP);
    const int top = WIDE_GAP + line * (image.height + WIDE_GAP);
    for (int y = 0; y < image.height; y++)
        memcpy(s->pixels + ((size_t)(top + y) * (size_t)s->shape.width + (size_t)left) * channels,
               s->r->pixels + (size_t)y * bytes, bytes);
}

static bal_status place_group(const sheet *s, int line, int column, int64_t row)
{
    bal_image_resample *r = s->r;
    bal_resampled_origin origin;
    BAL_TRY(bal_resampled_origins(r->plan, row, 1, &origin));
    const int64_t sides[PICTURES] = {origin.base, -1, origin.neighbour};
    for (int i = 0; i < PICTURES; i += 2) {
        if (sides[i] < 0)
            continue;
        BAL_TRY(bal_image_store_read(r->store, r->ctx, r->items[sides[i]], r->pixels));
        place(s, line, column, i);
    }
    BAL_TRY(bal_image_resample_pixels(r, row, 1, r->pixels));
    place(s, line, column, 1);
    return BAL_OK;
}

/* New rows of every class: how many, and by pass the wanted ones placed. */
static bal_status fill_sheet(const sheet *s, const bal_resampled_origin *origins, int64_t count)
{
    const int64_t kept = bal_resampled_kept(s->r->plan);
    int line = 0;
    for (int c = 0; c < s->r->classes; c++) {
        int64_t members = 0, seen = 0;
        int placed = 0;
        for (int64_t i = 0; i < count; i++)
            members += origins[i].label == c;
        const int wanted = members < s->columns ? (int)members : s->columns;
        for (int64_t i = 0; i < count && placed < wanted; i++) {
            if (origins[i].label != c)
                continue;
            if (seen++ == members * placed / wanted) {
                BAL_TRY(place_group(s, line, placed, kept + i));
                placed++;
            }
        }
        line += members > 0;
    }
    return BAL_OK;
}

static int lines_of(const bal_image_resample *r, const bal_resampled_origin *origins, int64_t count)
{
    int lines = 0;
    for (int c = 0; c < r->classes; c++) {
        int64_t i = 0;
        while (i < count && origins[i].label != c)
            i++;
        lines += i < count;
    }
    return lines;
}

static bal_status make_sheet(sheet *s, const char *path)
{
    bal_image_resample *r = s->r;
    const int64_t kept = bal_resampled_kept(r->plan), count = bal_resampled_count(r->plan) - kept;
    bal_resampled_origin *origins = bal_calloc(r->ctx, (size_t)count, sizeof *origins);
    bal_status status;
    if (!origins)
        return BAL_NO_MEMORY;
    BAL_GOTO(bal_resampled_origins(r->plan, kept, count, origins));
    const int group = PICTURES * r->shape.width + (PICTURES - 1) * GAP;
    s->lines = lines_of(r, origins, count);
    s->shape = (bal_shape){r->shape.channels, WIDE_GAP + s->lines * (r->shape.height + WIDE_GAP),
                           WIDE_GAP + s->columns * (group + WIDE_GAP)};
    const size_t bytes =
        (size_t)s->shape.channels * (size_t)s->shape.height * (size_t)s->shape.width;
    s->pixels = bal_calloc(r->ctx, bytes, 1);
    status = s->pixels ? BAL_OK : BAL_NO_MEMORY;
    if (status != BAL_OK)
        goto fail;
    memset(s->pixels, 255, bytes);
    BAL_GOTO(fill_sheet(s, origins, count));
    status = bal_image_write_png(r->ctx, path, s->shape.channels, s->shape.height, s->shape.width,
                                 s->pixels);
fail:
    bal_free(r->ctx, origins);
    bal_free(r->ctx, s->pixels);
    return status;
}

bal_status bal_image_resample_sheet(bal_image_resample *r, const char *path, int columns)
{
    if (columns < 1 || columns > MOST_COLUMNS)
        return bal_fail(r->ctx, BAL_BAD_ARG, "columns is %d, 1 to %d expected", columns,
                        MOST_COLUMNS);
    if (bal_resampled_count(r->plan) == bal_resampled_kept(r->plan))
        return bal_fail(r->ctx, BAL_BAD_DATA, "%s: no image was made, so there is no sheet", path);
    sheet s = {.r = r, .columns = columns};
    return make_sheet(&s, path);
}

/* ---- the folder ---- */

static void folder_name(const bal_dataset *data, int c, char *name, size_t size)
{
    snprintf(name, size, "%s", bal_dataset_class_name(data, c));
    for (char *at = name; *at; at++)
        if (*at == '/' || (at == name && *at == '.'))
            *at = '_';
}

static bal_status make_class_folders(const bal_image_resample *r, const char *root, bal_split split)
{
    for (int c = 0; c < r->classes; c++) {
        char path[PATH_LENGTH], name[256];
        folder_name(r->data, c, name, sizeof name);
        if (snprintf(path, sizeof path, "%s/%s/%s", root, bal_split_name(split), name) >=
            (int)sizeof path)
            return bal_fail(r->ctx, BAL_IO, "%s: the path is too long", root);
        BAL_TRY(bal_make_folders(r->ctx, path));
    }
    return BAL_OK;
}

typedef struct place_of_image {
    bal_split split;
    int label;
    const char *prefix;
    int64_t number;
} place_of_image;

static bal_status write_image(bal_image_resample *r, const char *root, place_of_image at,
                              const uint8_t *pixels)
{
    char path[PATH_LENGTH], name[256];
    folder_name(r->data, at.label, name, sizeof name);
    if (snprintf(path, sizeof path, "%s/%s/%s/%s%08lld.png", root, bal_split_name(at.split), name,
                 at.prefix, (long long)at.number) >= (int)sizeof path)
        return bal_fail(r->ctx, BAL_IO, "%s: the path is too long", root);
    if (bal_take_interrupt(r->ctx))
        return bal_fail(r->ctx, BAL_INTERRUPTED, "interrupted while images were written");
    const bal_png png = {.pixels = pixels,
                         .channels = r->shape.channels,
                         .height = r->shape.height,
                         .width = r->shape.width,
                         .unflushed = true};
    return bal_png_write(r->ctx, path, &png);
}

static bal_status write_rows(bal_image_resample *r, const char *root, uint8_t *block)
{
    const int64_t all = bal_resampled_count(r->plan), kept = bal_resampled_kept(r->plan);
    bal_resampled_origin origins[BLOCK];
    for (int64_t at = 0; at < all; at += BLOCK) {
        const int64_t count = all - at < BLOCK ? all - at : BLOCK;
        BAL_TRY(bal_resampled_origins(r->plan, at, count, origins));
        BAL_TRY(bal_image_resample_pixels(r, at, count, block));
        for (int64_t i = 0; i < count; i++) {
            const bool old = at + i < kept;
            const place_of_image place = {BAL_SPLIT_TRAIN, origins[i].label, old ? "" : "new-",
                                          old ? at + i : at + i - kept};
            BAL_TRY(write_image(r, root, place, block + i * r->numbers));
        }
    }
    return BAL_OK;
}

static bal_status write_split(bal_image_resample *r, const char *root, bal_split split)
{
    const int64_t count = bal_dataset_describe(r->data).items[split];
    const int64_t *items = bal_dataset_items(r->data, split);
    if (count == 0)
        return BAL_OK;
    BAL_TRY(make_class_folders(r, root, split));
    for (int64_t i = 0; i < count; i++) {
        const place_of_image place = {split, bal_dataset_label(r->data, items[i]), "", i};
        BAL_TRY(bal_dataset_image(r->data, r->ctx, items[i], r->pixels));
        BAL_TRY(write_image(r, root, place, r->pixels));
    }
    return BAL_OK;
}

static bal_status write_all(bal_image_resample *r, const char *root)
{
    uint8_t *block = bal_calloc(r->ctx, BLOCK * (size_t)r->numbers, 1);
    if (!block)
        return BAL_NO_MEMORY;
    bal_status status = make_class_folders(r, root, BAL_SPLIT_TRAIN);
    if (status == BAL_OK)
        status = write_rows(r, root, block);
    bal_free(r->ctx, block);
    if (status == BAL_OK)
        status = write_split(r, root, BAL_SPLIT_VAL);
    if (status == BAL_OK)
        status = write_split(r, root, BAL_SPLIT_TEST);
    return status;
}

bal_status bal_image_resample_write(bal_image_resample *r, const char *folder)
{
    char *part;
    BAL_TRY(bal_folder_begin(r->ctx, folder, &part));
    const bal_status status = write_all(r, part);
    if (status == BAL_OK)
        return bal_folder_commit(r->ctx, folder, &part);
    bal_folder_abandon(r->ctx, &part);
    return status;
}
