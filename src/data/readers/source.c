/* What all readers share: growing a source, names, paths. */
#include "data/readers/source.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

const bal_split_word bal_split_words[BAL_SPLIT_WORDS] = {
    {BAL_SPLIT_TRAIN, "train"},    {BAL_SPLIT_VAL, "val"},   {BAL_SPLIT_VAL, "valid"},
    {BAL_SPLIT_VAL, "validation"}, {BAL_SPLIT_TEST, "test"},
};

void bal_source_close(bal_source *source)
{
    bal_ctx *ctx = source->ctx;
    if (source->reader)
        source->reader->close(source);
    for (int c = 0; source->class_names && c < source->classes; c++)
        bal_free(ctx, source->class_names[c]);
    bal_free(ctx, source->class_names);
    bal_free(ctx, source->labels);
    bal_free(ctx, source->splits);
    bal_free(ctx, source->groups);
    bal_free(ctx, source->weights);
    bal_free(ctx, source->path);
    *source = (bal_source){0};
}

static bal_status make_room(bal_source *source, bal_ctx *ctx, int64_t needed)
{
    if (needed <= source->room)
        return BAL_OK;
    const int64_t room = needed > 2 * source->room ? needed : 2 * source->room;
    int32_t *labels =
        bal_resize(ctx, source->labels, (size_t)source->count, (size_t)room, sizeof *labels);
    if (!labels)
        return BAL_NO_MEMORY;
    source->labels = labels;
    uint8_t *splits =
        bal_resize(ctx, source->splits, (size_t)source->count, (size_t)room, sizeof *splits);
    if (!splits)
        return BAL_NO_MEMORY;
    source->splits = splits;
    source->room = room;
    return BAL_OK;
}

bal_status bal_source_add(bal_source *source, bal_ctx *ctx, bal_split split, int64_t count,
                          int32_t **labels)
{
    BAL_TRY(make_room(source, ctx, source->count + count));
    if (count > 0)
        memset(source->splits + source->count, (int)split, (size_t)count);
    *labels = source->labels ? source->labels + source->count : NULL;
    source->count += count;
    return BAL_OK;
}

bal_status bal_source_name_classes(bal_source *source, bal_ctx *ctx, const char *const *names)
{
    source->class_names = bal_calloc(ctx, (size_t)source->classes, sizeof *source->class_names);
    if (!source->class_names)
        return BAL_NO_MEMORY;
    for (int c = 0; c < source->classes; c++) {
        source->class_names[c] = bal_strdup(ctx, names[c]);
        if (!source->class_names[c])
            return BAL_NO_MEMORY;
    }
    return BAL_OK;
}

bal_box bal_picture_box(const bal_picture *picture)
{
    if (picture->box.width > 0.0)
        return picture->box;
    return (bal_box){0.0, 0.0, picture->shape.width, picture->shape.height};
}

int bal_picture_height(const bal_picture *picture)
{
    return picture->full_height > 0 ? picture->full_height : picture->shape.height;
}

int bal_picture_width(const bal_picture *picture)
{
    return picture->full_width > 0 ? picture->full_width : picture->shape.width;
}

void bal_picture_free(bal_ctx *ctx, bal_picture *picture)
{
    if (!picture->borrowed)
        bal_free(ctx, picture->pixels);
    *picture = (bal_picture){0};
}

bool bal_path_join(char *buffer, size_t size, const char *a, const char *b)
{
    const size_t length = strlen(a);
    const bool slash = length > 0 && a[length - 1] != '/';
    const int written = snprintf(buffer, size, "%s%s%s", a, slash ? "/" : "", b);
    return written >= 0 && (size_t)written < size;
}

bool bal_is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

bool bal_is_file_ending(const char *path, const char *ending)
{
    struct stat info;
    const size_t length = strlen(path), size = strlen(ending);
    return length > size && strcasecmp(path + length - size, ending) == 0 &&
           stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

bool bal_has_file(const char *folder, const char *name)
{
    char path[BAL_PATH_LENGTH];
    struct stat info;
    return bal_path_join(path, sizeof path, folder, name) && lstat(path, &info) == 0 &&
           !bal_is_folder(path);
}
