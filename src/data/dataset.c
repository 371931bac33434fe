/* A data set: a source found by path or name, cut to a long tail, split, and numbered. */
#include "data/image/dataset_picture.h"
#include "data/dataset_settings.h"
#include "data/image/image.h"
#include "data/known/known.h"
#include "data/measure.h"
#include "data/readers/source.h"
#include "data/split/split.h"
#include "data/image/view.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define NUMBER_LENGTH 12

struct bal_dataset {
    bal_ctx *ctx;
    char *where, *longtail; /* as it was opened; longtail: NULL without one */
    bal_dataset_settings settings;
    char *name;
    bal_source source;
    bal_picture_shape shape; /* of the images that are handed out */
    bal_crop crop;           /* how pictures become images */
    int64_t count;
    int64_t *refs;                   /* item -> the source's item */
    int64_t *items[BAL_SPLIT_COUNT]; /* ascending; places in one array */
    int64_t in_split[BAL_SPLIT_COUNT];
    int64_t *class_counts; /* BAL_SPLIT_COUNT x classes */
    bal_left_out_list skipped;
    int groups;
    bool weighted;
    char *numbers; /* class names where the data has none: NUMBER_LENGTH bytes each */
};

static const char *const split_names[BAL_SPLIT_COUNT] = {
    [BAL_SPLIT_TRAIN] = "train", [BAL_SPLIT_VAL] = "val", [BAL_SPLIT_TEST] = "test"};

const char *bal_split_name(bal_split split)
{
    return (int)split >= 0 && split < BAL_SPLIT_COUNT ? split_names[split] : "unknown";
}

/* ---- finding ---- */

/* The path, without slashes at its end. */
static char *copy_path(bal_ctx *ctx, const char *path)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    return bal_format(ctx, "%.*s", (int)length, path);
}

static char *last_part(bal_ctx *ctx, const char *path)
{
    const char *slash = strrchr(path, '/');
    return bal_strdup(ctx, slash && slash[1] ? slash + 1 : path);
}

/* A known name is meant as such where it is found; a folder of that name is "./NAME". */
static bal_status locate(bal_dataset *d, bal_ctx *ctx, const char *where)
{
    struct stat info;
    char *found = NULL;
    const bal_known_row *row = bal_known_row_named(where);
    if (row)
        BAL_TRY(bal_known_dataset_find(ctx, where, &found));
    if (found) {
        d->source.path = found;
        d->name = bal_strdup(ctx, where);
        return d->name ? BAL_OK : BAL_NO_MEMORY;
    }
    if (!*where)
        return bal_fail(ctx, BAL_BAD_ARG, "the data set's path is empty");
    if (stat(where, &info) != 0 && !bal_reader_probe(where)) { /* a pattern has no file */
        if (errno != ENOENT || strchr(where, '/'))
            return bal_fail(ctx, BAL_IO, "%s: %s", where, strerror(errno));
        return row ? bal_known_fail_absent(ctx, row) : bal_known_fail_unknown(ctx, where);
    }
    d->source.path = copy_path(ctx, where);
    d->name = d->source.path ? last_part(ctx, d->source.path) : NULL;
    return d->name ? BAL_OK : BAL_NO_MEMORY;
}

static bal_status fail_format(bal_ctx *ctx, const char *path)
{
    char known[BAL_ERROR_LENGTH / 2] = "";
    size_t at = 0;
    const bal_format_info *row;
    for (int i = 0; (row = bal_format_at(i)) && at < sizeof known; i++)
        at += (size_t)snprintf(known + at, sizeof known - at, "%s%s", i ? ", " : "", row->name);
    return bal_fail(ctx, BAL_BAD_DATA,
                    "%s: no data set of a known format is here (%s; ballast data list says what "
                    "they look like)",
                    path, known);
}

/* Names for a set that is known by its name or folder, where the files have none. */
static bal_status name_classes(bal_dataset *d, bal_ctx *ctx)
{
    const bal_known_row *row = bal_known_row_named(d->name);
    if (!row)
        row = bal_known_row_of_path(d->source.path);
    if (!row || strcmp(row->format, d->source.reader->info.name) != 0)
        row = bal_known_row_named(d->source.reader->info.name); /* the format is the set's own */
    if (row && row->class_names && !d->source.class_names && row->classes == d->source.classes)
        return bal_source_name_classes(&d->source, ctx, row->class_names);
    return BAL_OK;
}

static bal_status open_source(bal_dataset *d, bal_ctx *ctx, const bal_dataset_settings *s)
{
    bal_source *source = &d->source;
    source->wanted = (bal_picture_shape){s->channels, s->img_size, s->img_size};
    source->mixed = s->mixed_sizes || s->skip_bad;
    source->limits = bal_dataset_settings_limits(s);
    source->max_unpacked = (uint64_t)s->max_unpacked << 30;
    source->reader = bal_reader_probe(source->path);
    if (!source->reader)
        return fail_format(ctx, source->path);
    BAL_TRY(source->reader->open(source, ctx));
    if (s->skip_bad)
        BAL_TRY(bal_source_leave_out(source, ctx, s->mixed_sizes, &d->skipped));
    d->shape = source->native;
    if (source->wanted.channels)
        d->shape.channels = source->wanted.channels;
    if (source->wanted.height) {
        d->shape.height = source->wanted.height;
        d->shape.width = source->wanted.width;
    }
    d->crop.height = d->shape.height;
    d->crop.width = d->shape.width;
    d->crop.pct = s->crop_pct;
    BAL_TRY(bal_crop_mode_named(ctx, s->crop_mode, &d->crop.mode));
    return name_classes(d, ctx);
}

/* ---- numbering ---- */

static bool has_split(const bal_source *source, bal_split split)
{
    return source->count > 0 && memchr(source->splits, (int)split, (size_t)source->count);
}

static bal_status number_items(bal_dataset *d, bal_ctx *ctx, const uint8_t *keep)
{
    const bal_source *source = &d->source;
    for (int64_t i = 0; i < source->count; i++)
        d->count += keep[i];
    d->refs = bal_calloc(ctx, (size_t)d->count, sizeof *d->refs);
    d->items[0] = bal_calloc(ctx, (size_t)d->count, sizeof *d->items[0]);
    d->class_counts =
        bal_calloc(ctx, BAL_SPLIT_COUNT * (size_t)source->classes, sizeof *d->class_counts);
    if (!d->refs || !d->items[0] || !d->class_counts)
        return BAL_NO_MEMORY;
    int64_t item = 0, *at = d->items[0];
    for (int64_t i = 0; i < source->count; i++)
        if (keep[i])
            d->refs[item++] = i;
    for (int split = 0; split < BAL_SPLIT_COUNT; split++) {
        d->items[split] = at;
        for (int64_t i = 0; i < d->count; i++) {
            if (source->splits[d->refs[i]] != split)
                continue;
            *at++ = i;
            d->class_counts[split * source->classes + source->labels[d->refs[i]]]++;
        }
        d->in_split[split] = at - d->items[split];
    }
    return BAL_OK;
}

/* What the items that were chosen have besides. */
static bal_status look_at_items(bal_dataset *d, bal_ctx *ctx)
{
    const bal_source *source = &d->source;
    int32_t most = 0;
    for (int64_t k = 0; source->weights && k < d->in_split[BAL_SPLIT_TRAIN]; k++)
        d->weighted |= source->weights[d->refs[d->items[BAL_SPLIT_TRAIN][k]]] != 1.0f;
    for (int64_t i = 0; source->groups && i < d->count; i++)
        most = source->groups[d->refs[i]] >= most ? source->groups[d->refs[i]] + 1 : most;
    bool *seen = bal_calloc(ctx, (size_t)most, sizeof *seen);
    if (!seen)
        return BAL_NO_MEMORY;
    for (int64_t i = 0; most > 0 && i < d->count; i++) {
        const int32_t group = source->groups[d->refs[i]];
        if (group >= 0 && !seen[group]) {
            seen[group] = true;
            d->groups++;
        }
    }
    bal_free(ctx, seen);
    return BAL_OK;
}

/* Before anything is cut: at least two classes, and every one in the training split. */
static bal_status check_classes(bal_dataset *d, bal_ctx *ctx, const uint8_t *keep)
{
    const bal_source *source = &d->source;
    const size_t classes = (size_t)source->classes;
    d->numbers = bal_calloc(ctx, classes, NUMBER_LENGTH);
    bool *seen = bal_calloc(ctx, classes, sizeof *seen);
    bal_status status = d->numbers && seen ? BAL_OK : BAL_NO_MEMORY;
    for (int c = 0; status == BAL_OK && c < source->classes; c++)
        snprintf(d->numbers + (size_t)c * NUMBER_LENGTH, NUMBER_LENGTH, "%d", c);
    for (int64_t i = 0; status == BAL_OK && i < source->count; i++)
        if (keep[i] && source->splits[i] == BAL_SPLIT_TRAIN)
            seen[source->labels[i]] = true;
    if (status == BAL_OK && classes < 2)
        status = bal_fail(ctx, BAL_BAD_DATA, "%s: only one class (%s), at least 2 are needed",
                          source->path, classes == 1 ? bal_dataset_class_name(d, 0) : "none");
    for (int c = 0; status == BAL_OK && c < source->classes; c++)
        if (!seen[c])
            status = bal_fail(ctx, BAL_BAD_DATA, "%s: class %d (%s) has no training images%s",
                              source->path, c, bal_dataset_class_name(d, c),
                              d->skipped.count > 0 ? " that can be read" : "");
    bal_free(ctx, seen);
    return status;
}

static bal_status choose_items(bal_dataset *d, bal_ctx *ctx, const bal_dataset_settings *s)
{
    bal_source *source = &d->source;
    uint8_t *keep = bal_calloc(ctx, (size_t)source->count, 1);
    if (!keep)
        return BAL_NO_MEMORY;
    memset(keep, 1, (size_t)source->count);
    for (size_t i = 0; i < d->skipped.count; i++)
        keep[d->skipped.of[i].item] = 0;
    bal_status status = check_classes(d, ctx, keep);
    if (status == BAL_OK && s->longtail)
        status = bal_split_longtail(ctx, source, s->longtail, s->seed, keep);
    if (status == BAL_OK && s->val_fraction > 0.0 && !has_split(source, BAL_SPLIT_VAL))
        status = bal_split_validation(ctx, source, keep, s->val_fraction, s->seed);
    if (status == BAL_OK)
        status = number_items(d, ctx, keep);
    if (status == BAL_OK)
        status = look_at_items(d, ctx);
    bal_free(ctx, keep);
    return status;
}

static bal_status keep_opening(bal_dataset *d, bal_ctx *ctx, const char *where,
                               const bal_dataset_settings *s)
{
    d->settings = *s;
    d->where = bal_strdup(ctx, where);
    d->longtail = s->longtail ? bal_strdup(ctx, s->longtail) : NULL;
    d->settings.longtail = d->longtail;
    return d->where && (d->longtail || !s->longtail) ? BAL_OK : BAL_NO_MEMORY;
}

bal_status bal_dataset_open(bal_dataset **out, bal_ctx *ctx, const char *where,
                            const bal_dataset_settings *settings)
{
    *out = NULL;
    bal_dataset_settings s = settings ? *settings : bal_dataset_defaults();
    BAL_TRY(bal_dataset_settings_check(ctx, &s));
    bal_dataset *d = bal_calloc(ctx, 1, sizeof *d);
    if (!d)
        return BAL_NO_MEMORY;
    d->ctx = d->source.ctx = ctx;
    bal_status status;
    BAL_GOTO(keep_opening(d, ctx, where, &s));
    BAL_GOTO(locate(d, ctx, where));
    BAL_GOTO(open_source(d, ctx, &s));
    BAL_GOTO(choose_items(d, ctx, &s));
    *out = d;
    return BAL_OK;
fail:
    bal_dataset_close(&d);
    return status;
}

void bal_dataset_close(bal_dataset **dataset)
{
    if (!dataset || !*dataset)
        return;
    bal_dataset *d = *dataset;
    bal_ctx *ctx = d->ctx;
    bal_source_close(&d->source);
    bal_free(ctx, d->where);
    bal_free(ctx, d->longtail);
    bal_free(ctx, d->name);
    bal_free(ctx, d->refs);
    bal_free(ctx, d->items[0]);
    bal_free(ctx, d->class_counts);
    bal_free(ctx, d->numbers);
    bal_left_out_free(ctx, &d->skipped);
    bal_free(ctx, d);
    *dataset = NULL;
}

/* ---- asking ---- */

bal_dataset_info bal_dataset_describe(const bal_dataset *d)
{
    bal_dataset_info info = {.name = d->name,
                             .format = d->source.reader->info.name,
                             .path = d->source.path,
                             .classes = d->source.classes,
                             .channels = d->shape.channels,
                             .height = d->shape.height,
                             .width = d->shape.width,
                             .groups = d->groups,
                             .weighted = d->weighted};
    memcpy(info.items, d->in_split, sizeof info.items);
    return info;
}

const char *bal_dataset_opened_as(const bal_dataset *d, bal_dataset_settings *settings)
{
    *settings = d->settings;
    return d->where;
}

const char *bal_dataset_class_name(const bal_dataset *d, int c)
{
    if (d->source.class_names)
        return d->source.class_names[c];
    return d->numbers + (size_t)c * NUMBER_LENGTH;
}

void bal_dataset_counts(const bal_dataset *d, bal_split split, int64_t *counts)
{
    memcpy(counts, d->class_counts + (size_t)split * (size_t)d->source.classes,
           (size_t)d->source.classes * sizeof *counts);
}

const int64_t *bal_dataset_items(const bal_dataset *d, bal_split split)
{
    return d->items[split];
}

int bal_dataset_label(const bal_dataset *d, int64_t item)
{
    return d->source.labels[d->refs[item]];
}

const char *bal_dataset_item_name(const bal_dataset *d, int64_t item, char *buffer, size_t size)
{
    d->source.reader->item_name(&d->source, d->refs[item], buffer, size);
    return buffer;
}

int64_t bal_dataset_skipped_count(const bal_dataset *d)
{
    return (int64_t)d->skipped.count;
}

bal_skipped bal_dataset_skipped(const bal_dataset *d, int64_t i)
{
    const bal_left_out *out = &d->skipped.of[i];
    return (bal_skipped){.name = out->name,
                         .reason = out->reason,
                         .split = (bal_split)d->source.splits[out->item],
                         .label = d->source.labels[out->item]};
}

int bal_dataset_group(const bal_dataset *d, int64_t item)
{
    return d->source.groups ? d->source.groups[d->refs[item]] : -1;
}

int bal_dataset_group_count(const bal_dataset *d)
{
    return d->source.group_count;
}

const char *bal_dataset_group_name(const bal_dataset *d, int group)
{
    return group >= 0 && group < d->source.group_count ? d->source.group_names[group] : NULL;
}

double bal_dataset_weight(const bal_dataset *d, int64_t item)
{
    return d->source.weights ? (double)d->source.weights[d->refs[item]] : 1.0;
}

bal_status bal_dataset_picture(const bal_dataset *d, bal_ctx *ctx, int64_t item, bal_ask ask,
                               bal_picture *out)
{
    *out = (bal_picture){0};
    return d->source.reader->picture(&d->source, ctx, d->refs[item], ask, out);
}

static bal_status fail_size(const bal_dataset *d, bal_ctx *ctx, int64_t item,
                            const bal_picture *got)
{
    char name[BAL_PATH_LENGTH];
    return bal_fail(ctx, BAL_BAD_FILE, "%s%s%s: %dx%d pixels (w x h), %dx%d expected",
                    d->source.path, bal_is_folder(d->source.path) ? "/" : ": ",
                    bal_dataset_item_name(d, item, name, sizeof name), bal_picture_width(got),
                    bal_picture_height(got), d->shape.width, d->shape.height);
}

bal_status bal_dataset_image_through(const bal_dataset *d, bal_ctx *ctx, const bal_through *how,
                                     uint8_t *pixels)
{
    const bool any_size = d->source.wanted.height > 0;
    const bal_ask ask = {d->shape.height, d->shape.width, how->view, how->user};
    if (bal_picture_shape_bytes(d->shape) == 0)
        return bal_fail(ctx, BAL_BAD_ARG,
                        "%s: opened with mixed sizes, images want img-size and in-chans",
                        d->source.path);
    bal_picture picture;
    bal_status status = bal_dataset_picture(d, ctx, how->item, ask, &picture);
    const int height = bal_picture_height(&picture), width = bal_picture_width(&picture);
    if (status == BAL_OK && !any_size && (height != d->shape.height || width != d->shape.width))
        status = fail_size(d, ctx, how->item, &picture);
    if (status == BAL_OK)
        status = bal_picture_fit_view(ctx, &picture, how->view(how->user, height, width), d->shape,
                                      pixels);
    bal_picture_free(ctx, &picture);
    return status;
}

bal_status bal_dataset_image(const bal_dataset *d, bal_ctx *ctx, int64_t item, uint8_t *pixels)
{
    return bal_dataset_image_through(d, ctx, &(bal_through){item, bal_crop_view, &d->crop}, pixels);
}
