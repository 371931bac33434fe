/* Labels of shards: numbers or names, with or without a list of class names. */
#include "data/shards/shard_labels.h"

#include "base/cursor.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST_LIST ((size_t)16 << 20)

static const char *const list_names[] = {"classnames.txt", "classes.txt"};

/* ---- the list ---- */

static bal_status fail_line(bal_ctx *ctx, const char *path, size_t line, const char *what)
{
    return bal_fail(ctx, BAL_BAD_FILE, "%s:%zu: %s", path, line, what);
}

/* A name a line; blank lines are allowed at the end only. Ends the lines in place. */
static bal_status read_lines(bal_ctx *ctx, const char *path, char *text, bal_name_set *names)
{
    size_t number = 0, blank = 0;
    for (char *line = text, *next; line; line = next) {
        char *end = line + strcspn(line, "\n");
        next = *end ? end + 1 : NULL;
        number++;
        while (end > line && strchr(" \t\r", end[-1]))
            end--;
        *end = '\0';
        if (!*line) {
            blank = blank ? blank : number;
            continue;
        }
        if (blank)
            return fail_line(ctx, path, blank, "blank, a class name expected");
        int64_t at;
        BAL_TRY(bal_name_set_add(names, ctx, line, &at));
        if (at != (int64_t)names->count - 1 || (size_t)at != number - 1)
            return fail_line(ctx, path, number, "this class name was there before");
    }
    return names->count ? BAL_OK : fail_line(ctx, path, 1, "no class name");
}

/* Leaves names empty where there is no list. */
static bal_status read_list(bal_ctx *ctx, const char *folder, bal_name_set *names)
{
    char path[BAL_PATH_LENGTH];
    bal_bytes file;
    size_t i = 0;
    while (i < BAL_COUNT_OF(list_names) && !bal_has_file(folder, list_names[i]))
        i++;
    if (i == BAL_COUNT_OF(list_names) || !bal_path_join(path, sizeof path, folder, list_names[i]))
        return BAL_OK;
    BAL_TRY(bal_file_read(ctx, path, LARGEST_LIST, &file));
    char *text = bal_calloc(ctx, file.count + 1, 1);
    if (text)
        memcpy(text, file.data, file.count);
    bal_status status = BAL_NO_MEMORY;
    if (text && memchr(text, 0, file.count))
        status = bal_fail(ctx, BAL_BAD_FILE, "%s: is no text", path);
    else if (text)
        status = read_lines(ctx, path, text, names);
    bal_free(ctx, text);
    bal_bytes_free(ctx, &file);
    return status;
}

/* ---- all shards ---- */

static bal_status choose_kind(bal_ctx *ctx, const bal_shard *shards, size_t count, bool *named)
{
    const bal_shard *first = NULL;
    for (size_t i = 0; i < count; i++) {
        if (shards[i].index.count == 0)
            continue;
        if (first && first->index.named != shards[i].index.named)
            return bal_fail(ctx, BAL_BAD_DATA, "%s has labels that are %s, those of %s are %s",
                            first->path, first->index.named ? "names" : "numbers", shards[i].path,
                            first->index.named ? "numbers" : "names");
        first = first ? first : &shards[i];
    }
    *named = first && first->index.named;
    return BAL_OK;
}

static void find_largest(const bal_shard *shards, size_t count, bal_shard_labels *out)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < shards[i].index.count; k++)
            if ((int)shards[i].index.samples[k].label >= out->classes)
                out->classes = (int)shards[i].index.samples[k].label + 1;
}

static bal_status gather_names(bal_ctx *ctx, const bal_shard *shards, size_t count,
                               bal_name_set *names)
{
    int64_t number;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < shards[i].index.names.count; k++)
            BAL_TRY(bal_name_set_add(names, ctx, shards[i].index.names.names[k], &number));
    if (names->count > BAL_SHARD_MOST_CLASSES)
        return bal_fail(ctx, BAL_BAD_DATA, "%s: more than %d different labels", shards[0].path,
                        BAL_SHARD_MOST_CLASSES);
    return BAL_OK;
}

typedef struct ordered {
    const char *name;
    size_t number;
} ordered;

static int by_name(const void *a, const void *b)
{
    return strcmp(((const ordered *)a)->name, ((const ordered *)b)->name);
}

static bal_status sort_names(bal_ctx *ctx, bal_shard_labels *out)
{
    const size_t count = out->names.count;
    ordered *sorted = bal_calloc(ctx, count, sizeof *sorted);
    out->order = bal_calloc(ctx, count, sizeof *out->order);
    const bool memory = sorted && out->order;
    for (size_t i = 0; memory && i < count; i++)
        sorted[i] = (ordered){out->names.names[i], i};
    if (memory && count)
        qsort(sorted, count, sizeof *sorted, by_name);
    for (size_t i = 0; memory && i < count; i++)
        out->order[sorted[i].number] = (int32_t)i;
    bal_free(ctx, sorted);
    return memory ? BAL_OK : BAL_NO_MEMORY;
}

bal_status bal_shard_labels_read(bal_ctx *ctx, const bal_shard *shards, size_t count,
                                 const char *folder, bal_shard_labels *out)
{
    bal_status status;
    *out = (bal_shard_labels){0};
    BAL_GOTO(choose_kind(ctx, shards, count, &out->named));
    BAL_GOTO(read_list(ctx, folder, &out->names));
    if (out->names.count > 0) {
        out->classes = (int)out->names.count;
    } else if (out->named) {
        BAL_GOTO(gather_names(ctx, shards, count, &out->names));
        BAL_GOTO(sort_names(ctx, out));
        out->classes = (int)out->names.count;
    } else {
        find_largest(shards, count, out);
    }
    return BAL_OK;
fail:
    bal_shard_labels_free(ctx, out);
    return status;
}

static bal_status fail_label(const bal_shard_labels *labels, bal_ctx *ctx, const bal_shard *shard,
                             size_t sample)
{
    const bal_shard_index *index = &shard->index;
    const uint32_t label = index->samples[sample].label;
    if (index->named)
        return bal_fail(ctx, BAL_BAD_DATA, "%s#%s: label \"%s\" is not in the list of class names",
                        shard->path, bal_shard_key(index, sample), index->names.names[label]);
    return bal_fail(ctx, BAL_BAD_DATA, "%s#%s: label %" PRIu32 ", the list of class names has %d",
                    shard->path, bal_shard_key(index, sample), label, labels->classes);
}

bal_status bal_shard_labels_of(const bal_shard_labels *labels, bal_ctx *ctx, const bal_shard *shard,
                               int32_t *out)
{
    const bal_shard_index *index = &shard->index;
    for (size_t i = 0; i < index->count; i++) {
        int64_t label = index->samples[i].label;
        if (index->named)
            label = bal_name_set_find(&labels->names, index->names.names[label]);
        if (label < 0 || label >= labels->classes)
            return fail_label(labels, ctx, shard, i);
        out[i] = labels->order ? labels->order[label] : (int32_t)label;
    }
    return BAL_OK;
}

bal_status bal_shard_labels_names(const bal_shard_labels *labels, bal_ctx *ctx, const char ***out)
{
    *out = NULL;
    if (labels->names.count == 0)
        return BAL_OK;
    *out = bal_calloc(ctx, labels->names.count, sizeof **out);
    if (!*out)
        return BAL_NO_MEMORY;
    for (size_t i = 0; i < labels->names.count; i++)
        (*out)[labels->order ? (size_t)labels->order[i] : i] = labels->names.names[i];
    return BAL_OK;
}

void bal_shard_labels_free(bal_ctx *ctx, bal_shard_labels *labels)
{
    bal_name_set_free(ctx, &labels->names);
    bal_free(ctx, labels->order);
    *labels = (bal_shard_labels){0};
}
