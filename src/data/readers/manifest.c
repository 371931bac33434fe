/* Rows of a manifest become items. The path is an image's name: a row that says again what another
 * said is read once, one that contradicts it is an error. */
#include "data/readers/manifest.h"

#include "data/image/image.h"

#include <float.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define LARGEST_FILE ((size_t)4 << 30)

bal_status bal_manifest_begin(bal_source *source, bal_ctx *ctx)
{
    const char *slash = strrchr(source->path, '/');
    bal_manifest *m = source->own = bal_calloc(ctx, 1, sizeof *m);
    if (!m)
        return BAL_NO_MEMORY;
    m->folder = bal_format(ctx, "%.*s", slash ? (int)(slash - source->path) + 1 : 0, source->path);
    return m->folder ? BAL_OK : BAL_NO_MEMORY;
}

/* ---- a row ---- */

/* What a name may not hold: it would be obeyed by terminals, and break lines of other files. */
static bool has_control(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return true;
    return false;
}

static bal_status check_texts(const bal_source *source, bal_ctx *ctx, const bal_manifest_row *row)
{
    const struct named_text {
        const char *name, *text;
        bool needed;
    } texts[] = {
        {"path", row->path, true}, {"label", row->label, true}, {"group", row->group, false}};
    for (size_t i = 0; i < BAL_COUNT_OF(texts); i++) {
        if (texts[i].needed && (!texts[i].text || !*texts[i].text))
            return bal_fail(ctx, BAL_BAD_FILE, "%s:%" PRId64 ": the %s is missing", source->path,
                            row->line, texts[i].name);
        if (texts[i].text && has_control(texts[i].text))
            return bal_fail(ctx, BAL_BAD_FILE,
                            "%s:%" PRId64 ": the %s \"%s\" has a control character", source->path,
                            row->line, texts[i].name, texts[i].text);
    }
    if (!(row->weight >= 0.0 && row->weight <= (double)FLT_MAX))
        return bal_fail(ctx, BAL_BAD_FILE,
                        "%s:%" PRId64 ": the weight is %g, a number of 0 or above expected",
                        source->path, row->line, row->weight);
    if (row->line > (int64_t)UINT32_MAX)
        return bal_fail(ctx, BAL_UNSUPPORTED, "%s: more than %" PRIu32 " lines", source->path,
                        UINT32_MAX);
    return BAL_OK;
}

/* All rows have a split, or none: a gap among them is a mistake somewhere else. */
static bal_status take_split(bal_source *source, bal_ctx *ctx, const bal_manifest_row *row,
                             uint8_t *split)
{
    bal_manifest *m = source->own;
    const bool has = row->split && *row->split;
    int64_t *first = has ? &m->with_split : &m->without_split;
    *first = *first ? *first : row->line;
    if (m->with_split && m->without_split)
        return bal_fail(ctx, BAL_BAD_FILE, "%s:%" PRId64 ": has %s split, line %" PRId64 " has %s",
                        source->path, row->line, has ? "a" : "no",
                        has ? m->without_split : m->with_split, has ? "none" : "one");
    *split = BAL_SPLIT_TRAIN;
    for (size_t i = 0; has; i++) {
        if (i == BAL_SPLIT_WORDS)
            return bal_fail(ctx, BAL_BAD_FILE,
                            "%s:%" PRId64
                            ": the split is \"%s\"; train, val (valid, validation) or "
                            "test expected",
                            source->path, row->line, row->split);
        if (strcasecmp(row->split, bal_split_words[i].word) == 0) {
            *split = (uint8_t)bal_split_words[i].split;
            break;
        }
    }
    return BAL_OK;
}

static bal_status take_group(bal_source *source, bal_ctx *ctx, const char *name,
                             bal_manifest_item *item)
{
    bal_manifest *m = source->own;
    const size_t known = m->groups.count;
    int64_t group;
    item->group = -1;
    if (!name || !*name)
        return BAL_OK;
    BAL_TRY(bal_name_set_add(&m->groups, ctx, name, &group));
    item->group = (int32_t)group;
    if (m->groups.count == known) {
        const bal_manifest_item *first = &m->items[m->group_items[group]];
        if (first->split == item->split)
            return BAL_OK;
        return bal_fail(ctx, BAL_BAD_DATA,
                        "%s:%" PRIu32 ": group \"%s\" is in %s here, in %s on line %" PRIu32
                        "; a group belongs to one split",
                        source->path, item->line, name, bal_split_name((bal_split)item->split),
                        bal_split_name((bal_split)first->split), first->line);
    }
    if (known == m->group_room) {
        const size_t room = m->group_room ? 2 * m->group_room : 64;
        int32_t *items = bal_resize(ctx, m->group_items, known, room, sizeof *items);
        if (!items)
            return BAL_NO_MEMORY;
        m->group_items = items;
        m->group_room = room;
    }
    m->group_items[group] = (int32_t)m->paths.count; /* the one that is about to come */
    return BAL_OK;
}

static bal_status again(bal_source *source, bal_ctx *ctx, const bal_manifest_item *item,
                        int64_t number)
{
    bal_manifest *m = source->own;
    const bal_manifest_item *first = &m->items[number];
    const char *other = first->label != item->label     ? "label"
                        : first->split != item->split   ? "split"
                        : first->group != item->group   ? "group"
                        : first->weight != item->weight ? "weight"
                                                        : NULL;
    if (other)
        return bal_fail(ctx, BAL_BAD_DATA,
                        "%s:%" PRIu32 ": \"%s\" has another %s here than on line %" PRIu32,
                        source->path, item->line, m->paths.names[number], other, first->line);
    if (m->repeats++ == 0)
        m->repeat_line = item->line;
    return BAL_OK;
}

static bal_status keep(bal_manifest *m, bal_ctx *ctx, const char *path,
                       const bal_manifest_item *item)
{
    int64_t number;
    if (m->paths.count == m->room) {
        const size_t room = m->room ? 2 * m->room : 256;
        bal_manifest_item *items = bal_resize(ctx, m->items, m->room, room, sizeof *items);
        if (!items)
            return BAL_NO_MEMORY;
        m->items = items;
        m->room = room;
    }
    BAL_TRY(bal_name_set_add(&m->paths, ctx, path, &number));
    m->items[number] = *item;
    return BAL_OK;
}

/* -1: none; -2: one that no row before had. */
static int32_t known_group(const bal_manifest *m, const char *name)
{
    if (!name || !*name)
        return -1;
    const int64_t group = bal_name_set_find(&m->groups, name);
    return group >= 0 ? (int32_t)group : -2;
}

bal_status bal_manifest_add(bal_source *source, bal_ctx *ctx, const bal_manifest_row *row)
{
    bal_manifest *m = source->own;
    int64_t label;
    BAL_TRY(check_texts(source, ctx, row));
    bal_manifest_item item = {.line = (uint32_t)row->line, .weight = (float)row->weight};
    BAL_TRY(take_split(source, ctx, row, &item.split));
    BAL_TRY(bal_name_set_add(&m->labels, ctx, row->label, &label));
    item.label = (int32_t)label;
    const int64_t known = bal_name_set_find(&m->paths, row->path);
    if (known >= 0) {
        item.group = known_group(m, row->group);
        return again(source, ctx, &item, known);
    }
    BAL_TRY(take_group(source, ctx, row->group, &item));
    return keep(m, ctx, row->path, &item);
}

bal_status bal_manifest_ignore(bal_source *source, bal_ctx *ctx, const char *name)
{
    bal_manifest *m = source->own;
    int64_t number;
    return m->others.count < 32 ? bal_name_set_add(&m->others, ctx, name, &number) : BAL_OK;
}

/* ---- images ---- */

static bal_status path_of(const bal_source *source, bal_ctx *ctx, int64_t item, char *path)
{
    const bal_manifest *m = source->own;
    const char *name = m->paths.names[item];
    const int length = snprintf(path, BAL_PATH_LENGTH, "%s%s", *name == '/' ? "" : m->folder, name);
    if (length < 0 || length >= BAL_PATH_LENGTH)
        return bal_fail(ctx, BAL_IO, "%.100s...: the path is too long", name);
    return BAL_OK;
}

/* Where the image is asked for. */
static bal_status name_line(const bal_source *source, bal_ctx *ctx, int64_t item, bal_status status)
{
    const bal_manifest *m = source->own;
    if (status == BAL_OK || status == BAL_NO_MEMORY || status == BAL_INTERRUPTED)
        return status;
    return bal_fail_within(ctx, status, "%s:%" PRIu32, source->path, m->lines[item]);
}

static bal_status shape_of(const bal_source *source, bal_ctx *ctx, int64_t item,
                           bal_picture_shape *shape)
{
    char path[BAL_PATH_LENGTH];
    bal_status status = path_of(source, ctx, item, path);
    const bal_decode in = {.ctx = ctx, .name = path, .limits = source->limits};
    if (status == BAL_OK)
        status = bal_image_file_shape(&in, shape);
    return name_line(source, ctx, item, status);
}

bal_status bal_manifest_open(bal_source *source, bal_ctx *ctx,
                             bal_status (*parse)(bal_source *source, bal_ctx *ctx,
                                                 const bal_bytes *text))
{
    bal_bytes text;
    BAL_TRY(bal_file_read(ctx, source->path, LARGEST_FILE, &text));
    const bal_status status = parse(source, ctx, &text);
    bal_bytes_free(ctx, &text);
    BAL_TRY(status);
    return bal_source_measure(source, ctx, shape_of);
}

bal_status bal_manifest_picture(const bal_source *source, bal_ctx *ctx, int64_t item, bal_ask ask,
                                bal_picture *out)
{
    char path[BAL_PATH_LENGTH];
    bal_status status = path_of(source, ctx, item, path);
    const bal_decode in = {.ctx = ctx, .name = path, .ask = ask, .limits = source->limits};
    if (status == BAL_OK)
        status = bal_image_file_picture(&in, out);
    return name_line(source, ctx, item, status);
}

void bal_manifest_item_name(const bal_source *source, int64_t item, char *buffer, size_t size)
{
    const bal_manifest *m = source->own;
    snprintf(buffer, size, "%s", m->paths.names[item]);
}

void bal_manifest_close(bal_source *source)
{
    bal_ctx *ctx = source->ctx;
    bal_manifest *m = source->own;
    if (!m)
        return;
    bal_name_set_free(ctx, &m->paths);
    bal_name_set_free(ctx, &m->labels);
    bal_name_set_free(ctx, &m->groups);
    bal_name_set_free(ctx, &m->others);
    bal_free(ctx, m->folder);
    bal_free(ctx, m->lines);
    bal_free(ctx, m->group_items);
    bal_free(ctx, m->items);
    bal_free(ctx, m);
    source->own = NULL;
}
