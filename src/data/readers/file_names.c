/* Names of files; see file_names.h. */
#include "data/readers/file_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for more items of a size, at least doubled. */
static bool grow(bal_ctx *ctx, void **memory, size_t count, size_t *room, size_t needed,
                 size_t size)
{
    if (needed <= *room)
        return true;
    const size_t more = needed > 2 * *room ? needed : 2 * *room;
    void *bigger = bal_resize(ctx, *memory, count, more, size);
    if (!bigger)
        return false;
    *memory = bigger;
    *room = more;
    return true;
}

bal_status bal_file_names_enter(bal_file_names *names, bal_ctx *ctx, const char *folder)
{
    void *folders = names->folders;
    if (!grow(ctx, &folders, names->folder_count, &names->folder_room, names->folder_count + 1,
              sizeof *names->folders))
        return BAL_NO_MEMORY;
    names->folders = folders;
    char *path = bal_strdup(ctx, folder);
    if (!path)
        return BAL_NO_MEMORY;
    names->folders[names->folder_count++] =
        (bal_names_folder){.path = path, .first_offset = names->count};
    return BAL_OK;
}

bal_status bal_file_names_add(bal_file_names *names, bal_ctx *ctx, const char *name)
{
    const size_t length = strlen(name) + 1;
    void *offsets = names->offsets, *text = names->text;
    if (!grow(ctx, &offsets, names->count, &names->room, names->count + 1, sizeof *names->offsets))
        return BAL_NO_MEMORY;
    names->offsets = offsets;
    if (!grow(ctx, &text, names->used, &names->text_room, names->used + length, 1))
        return BAL_NO_MEMORY;
    names->text = text;
    names->offsets[names->count++] = names->used;
    memcpy(names->text + names->used, name, length);
    names->used += length;
    names->folders[names->folder_count - 1].count++;
    return BAL_OK;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const bal_names_folder *)a)->path, ((const bal_names_folder *)b)->path);
}

void bal_file_names_sort(bal_file_names *names, size_t first)
{
    if (names->folder_count > first)
        qsort(names->folders + first, names->folder_count - first, sizeof *names->folders, by_path);
    for (size_t i = first; i < names->folder_count; i++) {
        const bal_names_folder *before = i > 0 ? &names->folders[i - 1] : NULL;
        names->folders[i].first_file = before ? before->first_file + before->count : 0;
    }
}

bool bal_file_names_path(const bal_file_names *names, int64_t file, char *buffer, size_t size)
{
    size_t low = 0, high = names->folder_count; /* the last folder that begins at or before it */
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (names->folders[middle].first_file <= file)
            low = middle;
        else
            high = middle;
    }
    const bal_names_folder *folder = &names->folders[low];
    const size_t at = folder->first_offset + (size_t)(file - folder->first_file);
    const int written =
        snprintf(buffer, size, "%s/%s", folder->path, names->text + names->offsets[at]);
    return written >= 0 && (size_t)written < size;
}

void bal_file_names_free(bal_file_names *names, bal_ctx *ctx)
{
    for (size_t i = 0; i < names->folder_count; i++)
        bal_free(ctx, names->folders[i].path);
    bal_free(ctx, names->folders);
    bal_free(ctx, names->offsets);
    bal_free(ctx, names->text);
    *names = (bal_file_names){0};
}
