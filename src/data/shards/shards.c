/* Reader of WebDataset's tar shards. Labels and places come from the index of each shard
 * (shard_store.h); pictures stay in the tar files and are read where they are asked for, in any
 * order. */
#include "data/image/image.h"
#include "data/readers/open_files.h"
#include "data/shards/shard_labels.h"
#include "data/shards/shard_list.h"
#include "data/shards/shard_store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MOST_OPEN 32 /* files at once */

typedef struct shards_own {
    bal_shard_list list;
    bal_shard *shards; /* list.count of them */
    int64_t *first;    /* item of each shard's first sample; list.count + 1 of them */
    bal_open_files *files;
} shards_own;

/* ---- opening ---- */

/* What unpacking will take is known only afterwards; what it reads, and where it goes, before. */
static void announce(bal_ctx *ctx, const shards_own *own)
{
    uint64_t bytes = 0;
    size_t packed = 0;
    const char *to = "";
    for (size_t i = 0; i < own->list.count; i++) {
        const bal_shard *shard = &own->shards[i];
        if (!shard->packed || shard->ready)
            continue;
        packed++;
        bytes += shard->identity.size;
        to = shard->tar;
    }
    if (packed)
        bal_log(ctx, BAL_LOG_WARN,
                "%zu compressed shard%s (%.1f MiB, more when unpacked): unpacked once into %.*s",
                packed, packed == 1 ? "" : "s", (double)bytes / (1 << 20),
                (int)(strrchr(to, '/') - to), to);
}

static bal_status open_shards(shards_own *own, bal_ctx *ctx, uint64_t room)
{
    const size_t count = own->list.count;
    own->shards = bal_calloc(ctx, count, sizeof *own->shards);
    own->first = bal_calloc(ctx, count + 1, sizeof *own->first);
    if (!own->shards || !own->first)
        return BAL_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        BAL_TRY(bal_shard_find(ctx, own->list.files[i].path, &own->shards[i]));
    announce(ctx, own);
    for (size_t i = 0; i < count; i++)
        BAL_TRY(bal_shard_make_ready(ctx, &own->shards[i], &room));
    return BAL_OK;
}

static bal_status name_classes(bal_source *source, bal_ctx *ctx, const bal_shard_labels *labels)
{
    const char **names;
    BAL_TRY(bal_shard_labels_names(labels, ctx, &names));
    const bal_status status = names ? bal_source_name_classes(source, ctx, names) : BAL_OK;
    bal_free(ctx, names);
    return status;
}

static bal_status add_items(bal_source *source, bal_ctx *ctx, const bal_shard_labels *labels)
{
    shards_own *own = source->own;
    source->classes = labels->classes;
    BAL_TRY(name_classes(source, ctx, labels));
    for (size_t i = 0; i < own->list.count; i++) {
        int32_t *out;
        const bal_shard *shard = &own->shards[i];
        BAL_TRY(bal_source_add(source, ctx, own->list.files[i].split, (int64_t)shard->index.count,
                               &out));
        BAL_TRY(bal_shard_labels_of(labels, ctx, shard, out));
        own->first[i + 1] = source->count;
    }
    if (source->count == 0)
        return bal_fail(ctx, BAL_BAD_DATA,
                        "%s: no sample in it: members KEY.jpg (or another picture) with KEY.cls or "
                        "KEY.json expected",
                        source->path);
    return BAL_OK;
}

static const char *path_at(const void *user, size_t file)
{
    const shards_own *own = user;
    return own->shards[file].tar;
}

static bal_status check_file(const void *user, bal_ctx *ctx, size_t file, const struct stat *info)
{
    const shards_own *own = user;
    return bal_shard_unchanged(&own->shards[file], ctx, info);
}

/* ---- items ---- */

/* The shard of an item, by bisection. */
static size_t shard_of(const shards_own *own, int64_t item)
{
    size_t low = 0, high = own->list.count;
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (own->first[middle] <= item)
            low = middle;
        else
            high = middle;
    }
    return low;
}

typedef struct shard_item {
    size_t shard;
    const bal_shard_sample *sample;
    char name[BAL_PATH_LENGTH * 2]; /* for messages */
} shard_item;

static void find_item(const shards_own *own, int64_t item, shard_item *out)
{
    out->shard = shard_of(own, item);
    const bal_shard *shard = &own->shards[out->shard];
    const size_t sample = (size_t)(item - own->first[out->shard]);
    out->sample = &shard->index.samples[sample];
    snprintf(out->name, sizeof out->name, "%s#%s", shard->path,
             bal_shard_key(&shard->index, sample));
}

/* The bytes of the picture, new, bal_free; and what a decoder is handed with them. */
static bal_status read_bytes(const bal_source *source, bal_ctx *ctx, const shard_item *at,
                             uint8_t **bytes, bal_decode *in)
{
    const shards_own *own = source->own;
    const size_t count = at->sample->size;
    const size_t limit =
        source->limits.file_bytes ? source->limits.file_bytes : (size_t)BAL_IMAGE_FILE_MIB << 20;
    *bytes = NULL;
    if (count > limit)
        return bal_fail(ctx, BAL_BAD_FILE, "%s: larger than the limit of %zu bytes", at->name,
                        limit);
    *bytes = bal_calloc(ctx, count, 1);
    if (!*bytes)
        return BAL_NO_MEMORY;
    const bal_status status =
        bal_open_files_read(own->files, ctx, at->shard, at->sample->offset, *bytes, count);
    if (status != BAL_OK) {
        bal_free(ctx, *bytes);
        *bytes = NULL;
    }
    *in = (bal_decode){
        .ctx = ctx, .name = at->name, .bytes = *bytes, .count = count, .limits = source->limits};
    return status;
}

static bal_status picture(const bal_source *source, bal_ctx *ctx, int64_t item, bal_ask ask,
                          bal_picture *out)
{
    bal_decode in;
    uint8_t *bytes;
    shard_item at;
    *out = (bal_picture){0};
    find_item(source->own, item, &at);
    BAL_TRY(read_bytes(source, ctx, &at, &bytes, &in));
    in.ask = ask;
    const bal_status status = bal_image_picture(&in, out);
    bal_free(ctx, bytes);
    return status;
}

/* Of the whole picture: its orientation may stand at its end. */
static bal_status shape_of(const bal_source *source, bal_ctx *ctx, int64_t item,
                           bal_picture_shape *shape)
{
    bal_decode in;
    uint8_t *bytes;
    shard_item at;
    find_item(source->own, item, &at);
    BAL_TRY(read_bytes(source, ctx, &at, &bytes, &in));
    const bal_status status = bal_image_shape_of(&in, shape);
    bal_free(ctx, bytes);
    return status;
}

/* ---- the reader ---- */

static bal_status open_source(bal_source *source, bal_ctx *ctx)
{
    shards_own *own = source->own = bal_calloc(ctx, 1, sizeof *own);
    if (!own)
        return BAL_NO_MEMORY;
    BAL_TRY(bal_shard_list_read(ctx, source->path, &own->list));
    BAL_TRY(open_shards(own, ctx, source->max_unpacked));
    bal_shard_labels labels;
    BAL_TRY(bal_shard_labels_read(ctx, own->shards, own->list.count, own->list.folder, &labels));
    const bal_status status = add_items(source, ctx, &labels);
    bal_shard_labels_free(ctx, &labels);
    BAL_TRY(status);
    const bal_open_files_settings files = {
        .path_at = path_at, .check = check_file, .user = own, .most = MOST_OPEN};
    BAL_TRY(bal_open_files_open(&own->files, ctx, &files));
    return bal_source_measure(source, ctx, shape_of);
}

static void item_name(const bal_source *source, int64_t item, char *buffer, size_t size)
{
    const shards_own *own = source->own;
    const size_t at = shard_of(own, item);
    const bal_shard_file *file = &own->list.files[at];
    snprintf(buffer, size, "%s#%s", file->path + file->name,
             bal_shard_key(&own->shards[at].index, (size_t)(item - own->first[at])));
}

static void close_source(bal_source *source)
{
    shards_own *own = source->own;
    bal_ctx *ctx = source->ctx;
    if (!own)
        return;
    bal_open_files_close(&own->files);
    for (size_t i = 0; own->shards && i < own->list.count; i++)
        bal_shard_close(ctx, &own->shards[i]);
    bal_free(ctx, own->shards);
    bal_free(ctx, own->first);
    bal_shard_list_free(ctx, &own->list);
    bal_free(ctx, own);
    source->own = NULL;
}

const bal_reader bal_reader_shards = {
    .info = {"shards", "WebDataset tar shards: x.tar (.tar.gz, .tgz, .tar.zst), "
                       "\"train-{000..012}.tar\", or a folder of them; KEY.jpg with KEY.cls or "
                       "KEY.json"},
    .probe = bal_shard_place,
    .open = open_source,
    .picture = picture,
    .item_name = item_name,
    .close = close_source,
};
