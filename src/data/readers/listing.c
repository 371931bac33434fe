/* Sorted names of a folder. */
#include "data/readers/listing.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int by_name(const void *a, const void *b)
{
    return strcmp(((const bal_entry *)a)->name, ((const bal_entry *)b)->name);
}

/* What is being read. */
typedef struct place {
    const char *path;
    bool broken;
} place;

/* Is it a folder? */
static bal_status ask_kind(bal_ctx *ctx, const place *at, const struct dirent *entry, bool *is)
{
    char path[BAL_PATH_LENGTH];
    struct stat info;
    *is = entry->d_type == DT_DIR;
    if (entry->d_type != DT_LNK && entry->d_type != DT_UNKNOWN)
        return BAL_OK;
    if (!bal_path_join(path, sizeof path, at->path, entry->d_name))
        return bal_fail(ctx, BAL_IO, "%s/%s: the path is too long", at->path, entry->d_name);
    if (stat(path, &info) != 0)
        return at->broken ? BAL_OK : bal_fail(ctx, BAL_IO, "%s: %s", path, strerror(errno));
    *is = S_ISDIR(info.st_mode);
    return BAL_OK;
}

static bal_status append(bal_ctx *ctx, bal_listing *out, const char *name, bool folder)
{
    if (out->count == out->room) {
        const size_t room = out->room ? 2 * out->room : 16;
        bal_entry *bigger = bal_resize(ctx, out->entries, out->count, room, sizeof *bigger);
        if (!bigger)
            return BAL_NO_MEMORY;
        out->entries = bigger;
        out->room = room;
    }
    char *copy = bal_strdup(ctx, name);
    if (!copy)
        return BAL_NO_MEMORY;
    out->entries[out->count++] = (bal_entry){copy, folder};
    return BAL_OK;
}

static bal_status read_entries(bal_ctx *ctx, const place *at, DIR *folder, bal_listing *out)
{
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(folder);
        if (!entry && errno)
            return bal_fail(ctx, BAL_IO, "%s: cannot read the folder: %s", at->path,
                            strerror(errno));
        if (!entry)
            return BAL_OK;
        if (entry->d_name[0] == '.')
            continue;
        bool is_folder;
        BAL_TRY(ask_kind(ctx, at, entry, &is_folder));
        BAL_TRY(append(ctx, out, entry->d_name, is_folder));
    }
}

bal_status bal_listing_read(bal_ctx *ctx, const char *path, bool broken, bal_listing *out)
{
    *out = (bal_listing){0};
    DIR *folder = opendir(path);
    if (!folder)
        return bal_fail(ctx, BAL_IO, "%s: cannot open the folder: %s", path, strerror(errno));
    const bal_status status = read_entries(ctx, &(place){path, broken}, folder, out);
    closedir(folder);
    if (status != BAL_OK)
        bal_listing_free(ctx, out);
    else if (out->count)
        qsort(out->entries, out->count, sizeof *out->entries, by_name);
    return status;
}

bal_status bal_listing_folders(bal_ctx *ctx, const char *path, bal_listing *out)
{
    BAL_TRY(bal_listing_read(ctx, path, false, out));
    size_t kept = 0;
    for (size_t i = 0; i < out->count; i++) {
        if (out->entries[i].folder)
            out->entries[kept++] = out->entries[i];
        else
            bal_free(ctx, out->entries[i].name);
    }
    out->count = kept;
    return BAL_OK;
}

bool bal_listing_has(const bal_listing *listing, const char *name)
{
    for (size_t i = 0; i < listing->count; i++)
        if (strcmp(listing->entries[i].name, name) == 0)
            return true;
    return false;
}

void bal_listing_free(bal_ctx *ctx, bal_listing *listing)
{
    for (size_t i = 0; i < listing->count; i++)
        bal_free(ctx, listing->entries[i].name);
    bal_free(ctx, listing->entries);
    *listing = (bal_listing){0};
}
