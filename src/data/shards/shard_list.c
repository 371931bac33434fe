/* Finding shards: by name, by pattern, in folders. */
#include "data/shards/shard_list.h"

#include "data/shards/braces.h"
#include "data/image/image.h"
#include "data/readers/listing.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MOST_SHARDS 100000

static const char *const endings[] = {".tar", ".tar.gz", ".tgz", ".tar.zst"};

bool bal_shard_has_name(const char *name)
{
    const size_t length = strlen(name);
    for (size_t i = 0; i < BAL_COUNT_OF(endings); i++) {
        const size_t size = strlen(endings[i]);
        if (name[0] != '.' && length > size && strcmp(name + length - size, endings[i]) == 0)
            return true;
    }
    return false;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* ---- probing ---- */

static const bal_split_word *split_word(const char *text, size_t length)
{
    for (size_t i = 0; i < BAL_SPLIT_WORDS; i++)
        if (strlen(bal_split_words[i].word) == length &&
            memcmp(bal_split_words[i].word, text, length) == 0)
            return &bal_split_words[i];
    return NULL;
}

typedef struct folder_look {
    bool shards, split_folders, others; /* others: pictures, or folders of another name */
} folder_look;

static bool look_into(const char *path, folder_look *look)
{
    char below[BAL_PATH_LENGTH];
    *look = (folder_look){0};
    DIR *folder = opendir(path);
    if (!folder)
        return false;
    for (const struct dirent *entry; (entry = readdir(folder));) {
        const char *name = entry->d_name;
        if (name[0] == '.' || !bal_path_join(below, sizeof below, path, name))
            continue;
        const bool is_folder =
            entry->d_type == DT_DIR || (entry->d_type != DT_REG && bal_is_folder(below));
        if (!is_folder && bal_shard_has_name(name))
            look->shards = true;
        else if (is_folder && split_word(name, strlen(name)))
            look->split_folders = true;
        else if (is_folder || bal_image_has_name(name))
            look->others = true;
    }
    closedir(folder);
    return true;
}

static bool is_shard_folder(const char *path)
{
    folder_look look;
    return look_into(path, &look) && look.shards && !look.split_folders && !look.others;
}

/* Folders train, val, test with shards in every one of them. */
static bool has_shard_folders(const char *path)
{
    folder_look look;
    char below[BAL_PATH_LENGTH];
    bool all = look_into(path, &look) && look.split_folders && !look.others && !look.shards;
    for (size_t i = 0; all && i < BAL_SPLIT_WORDS; i++)
        all = bal_path_join(below, sizeof below, path, bal_split_words[i].word) &&
              (!bal_is_folder(below) || is_shard_folder(below));
    return all;
}

bool bal_shard_place(const char *place)
{
    struct stat info;
    if (stat(place, &info) != 0)
        return bal_shard_has_name(last_part(place)) && bal_braces_in(place);
    if (S_ISDIR(info.st_mode))
        return is_shard_folder(place) || has_shard_folders(place);
    return bal_shard_has_name(last_part(place));
}

/* ---- listing ---- */

static bal_status add(bal_shard_list *list, bal_ctx *ctx, const char *path, size_t name)
{
    if (list->count == list->room) {
        const size_t room = list->room ? 2 * list->room : 16;
        bal_shard_file *bigger = bal_resize(ctx, list->files, list->count, room, sizeof *bigger);
        if (!bigger)
            return BAL_NO_MEMORY;
        list->files = bigger;
        list->room = room;
    }
    char *copy = bal_strdup(ctx, path);
    if (!copy)
        return BAL_NO_MEMORY;
    list->files[list->count++] = (bal_shard_file){copy, name, BAL_SPLIT_TRAIN};
    return BAL_OK;
}

/* The shards of place/below, which is the place itself where below is "". */
static bal_status list_folder(bal_shard_list *list, bal_ctx *ctx, const char *place,
                              const char *below)
{
    char folder[BAL_PATH_LENGTH], path[BAL_PATH_LENGTH];
    bal_listing listing;
    const size_t length = strlen(place);
    const size_t name = length + (length > 0 && place[length - 1] != '/');
    if (!bal_path_join(folder, sizeof folder, place, below))
        return bal_fail(ctx, BAL_IO, "%s: the path is too long", place);
    BAL_TRY(bal_listing_read(ctx, folder, false, &listing));
    bal_status status = BAL_OK;
    for (size_t i = 0; status == BAL_OK && i < listing.count; i++) {
        if (listing.entries[i].folder || !bal_shard_has_name(listing.entries[i].name))
            continue;
        if (!bal_path_join(path, sizeof path, folder, listing.entries[i].name))
            status = bal_fail(ctx, BAL_IO, "%s/%s: the path is too long", folder,
                              listing.entries[i].name);
        else
            status = add(list, ctx, path, name);
    }
    bal_listing_free(ctx, &listing);
    return status;
}

static bal_status list_folders(bal_shard_list *list, bal_ctx *ctx, const char *place)
{
    char path[BAL_PATH_LENGTH];
    if (is_shard_folder(place))
        return list_folder(list, ctx, place, "");
    for (size_t i = 0; i < BAL_SPLIT_WORDS; i++) {
        const char *word = bal_split_words[i].word;
        if (bal_path_join(path, sizeof path, place, word) && bal_is_folder(path))
            BAL_TRY(list_folder(list, ctx, place, word));
    }
    return BAL_OK;
}

/* Items are called by what follows the folder that all shards of the pattern share. */
static bal_status list_pattern(bal_shard_list *list, bal_ctx *ctx, const char *pattern)
{
    bal_texts texts;
    size_t name = 0;
    for (const char *at = pattern; *at && *at != '{'; at++)
        if (*at == '/')
            name = (size_t)(at - pattern) + 1;
    BAL_TRY(bal_braces_expand(ctx, pattern, MOST_SHARDS, &texts));
    bal_status status = BAL_OK;
    for (size_t i = 0; status == BAL_OK && i < texts.count; i++)
        status = add(list, ctx, texts.items[i], name);
    bal_texts_free(ctx, &texts);
    return status;
}

/* ---- splits ---- */

static const bal_split_word *word_of_name(const char *name)
{
    const bal_split_word *found = NULL;
    while (*name) {
        const size_t length = strcspn(name, "-_.");
        const bal_split_word *word = split_word(name, length);
        found = word ? word : found;
        name += length;
        name += strspn(name, "-_.");
    }
    return found;
}

static const bal_split_word *word_of(const bal_shard_file *file)
{
    const char *name = last_part(file->path), *from = file->path + file->name;
    const bal_split_word *word = word_of_name(name);
    if (word || name == from)
        return word;
    const char *end = name - 1, *begin = end;
    while (begin > from && begin[-1] != '/')
        begin--;
    return split_word(begin, (size_t)(end - begin));
}

/* A word that does not divide the shards is no split: a test shard alone is a data set of its own.
 */
static bal_status choose_splits(bal_shard_list *list, bal_ctx *ctx)
{
    const bal_shard_file *named = NULL, *plain = NULL;
    bool several = false;
    for (size_t i = 0; i < list->count; i++) {
        bal_shard_file *file = &list->files[i];
        const bal_split_word *word = word_of(file);
        if (!word) {
            plain = file;
            continue;
        }
        file->split = word->split;
        several = several || (named && named->split != file->split);
        named = file;
    }
    if (several && plain)
        return bal_fail(ctx, BAL_BAD_DATA,
                        "%s: names no split (train, val or test), but %s does: all shards or none "
                        "expected",
                        plain->path, named->path);
    if (named && plain)
        bal_log(ctx, BAL_LOG_WARN, "%s names a split and %s does not: taken as one set",
                named->path, plain->path);
    for (size_t i = 0; i < list->count && !several; i++)
        list->files[i].split = BAL_SPLIT_TRAIN;
    return BAL_OK;
}

/* The order of a pattern's names is the user's, that of a folder is by name: both stay within a
 * split. */
static bal_status sort_by_split(bal_shard_list *list, bal_ctx *ctx)
{
    bal_shard_file *sorted = bal_calloc(ctx, list->count, sizeof *sorted);
    size_t at = 0;
    if (!sorted)
        return BAL_NO_MEMORY;
    for (int split = 0; split < BAL_SPLIT_COUNT; split++)
        for (size_t i = 0; i < list->count; i++)
            if ((int)list->files[i].split == split)
                sorted[at++] = list->files[i];
    bal_free(ctx, list->files);
    list->files = sorted;
    list->room = list->count;
    return BAL_OK;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bal_status refuse_twice(const bal_shard_list *list, bal_ctx *ctx)
{
    bal_status status = BAL_OK;
    char **paths = bal_calloc(ctx, list->count, sizeof *paths);
    if (!paths)
        return BAL_NO_MEMORY;
    for (size_t i = 0; i < list->count; i++)
        paths[i] = list->files[i].path;
    qsort(paths, list->count, sizeof *paths, by_path);
    for (size_t i = 1; status == BAL_OK && i < list->count; i++)
        if (strcmp(paths[i - 1], paths[i]) == 0)
            status = bal_fail(ctx, BAL_BAD_DATA, "%s: is in the list of shards twice", paths[i]);
    bal_free(ctx, paths);
    return status;
}

/* Of a folder the folder itself; else that of the first shard. */
static bal_status note_folder(bal_shard_list *list, bal_ctx *ctx, const char *place)
{
    if (bal_is_folder(place)) {
        list->folder = bal_strdup(ctx, place);
    } else {
        const char *path = list->files[0].path, *slash = strrchr(path, '/');
        list->folder =
            bal_format(ctx, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
    }
    return list->folder ? BAL_OK : BAL_NO_MEMORY;
}

bal_status bal_shard_list_read(bal_ctx *ctx, const char *place, bal_shard_list *out)
{
    struct stat info;
    bal_status status;
    *out = (bal_shard_list){0};
    if (stat(place, &info) != 0)
        BAL_GOTO(list_pattern(out, ctx, place));
    else if (S_ISDIR(info.st_mode))
        BAL_GOTO(list_folders(out, ctx, place));
    else
        BAL_GOTO(add(out, ctx, place, (size_t)(last_part(place) - place)));
    if (out->count == 0) {
        status =
            bal_fail(ctx, BAL_BAD_DATA, "%s: no shards (.tar, .tar.gz, .tgz, .tar.zst)", place);
        goto fail;
    }
    BAL_GOTO(refuse_twice(out, ctx));
    BAL_GOTO(choose_splits(out, ctx));
    BAL_GOTO(sort_by_split(out, ctx));
    BAL_GOTO(note_folder(out, ctx, place));
    return BAL_OK;
fail:
    bal_shard_list_free(ctx, out);
    return status;
}

void bal_shard_list_free(bal_ctx *ctx, bal_shard_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        bal_free(ctx, list->files[i].path);
    bal_free(ctx, list->files);
    bal_free(ctx, list->folder);
    *list = (bal_shard_list){0};
}
