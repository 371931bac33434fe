/* Reader of image folders: CLASS/..., or train/CLASS/... with val and test beside it. Classes and
 * files come in the order of torchvision's ImageFolder (sorted bytewise, folders inside a class
 * included). Images stay in their files and are decoded when they are asked for. */
#include "data/readers/file_names.h"
#include "data/image/image.h"
#include "data/readers/listing.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#define DEEPEST 32

/* Files are the items of the source, and those just being collected. */
typedef struct folder_own {
    bal_file_names files;
} folder_own;

static bal_status too_long(bal_ctx *ctx, const char *path)
{
    return bal_fail(ctx, BAL_IO, "%s: the path is too long", path);
}

/* ---- collecting ---- */

static bal_status collect(const bal_source *source, bal_ctx *ctx, const char *folder, int depth);

static bal_status collect_files(folder_own *own, bal_ctx *ctx, const char *folder,
                                const bal_listing *listing)
{
    BAL_TRY(bal_file_names_enter(&own->files, ctx, folder));
    for (size_t i = 0; i < listing->count; i++)
        if (!listing->entries[i].folder && bal_image_has_name(listing->entries[i].name))
            BAL_TRY(bal_file_names_add(&own->files, ctx, listing->entries[i].name));
    return BAL_OK;
}

static bal_status collect_below(const bal_source *source, bal_ctx *ctx, const char *folder,
                                const bal_listing *listing, int depth)
{
    char below[BAL_PATH_LENGTH];
    for (size_t i = 0; i < listing->count; i++) {
        const bal_entry *entry = &listing->entries[i];
        if (!entry->folder)
            continue;
        if (!bal_path_join(below, sizeof below, folder, entry->name))
            return too_long(ctx, entry->name);
        BAL_TRY(collect(source, ctx, below, depth + 1));
    }
    return BAL_OK;
}

/* All images in a folder and those below it. */
static bal_status collect(const bal_source *source, bal_ctx *ctx, const char *folder, int depth)
{
    char path[BAL_PATH_LENGTH];
    bal_listing listing;
    if (!bal_path_join(path, sizeof path, source->path, folder))
        return too_long(ctx, folder);
    if (depth > DEEPEST)
        return bal_fail(ctx, BAL_BAD_DATA, "%s: more than %d folders deep, or a link to itself",
                        path, DEEPEST);
    BAL_TRY(bal_listing_read(ctx, path, source->mixed, &listing));
    bal_status status = collect_files(source->own, ctx, folder, &listing);
    if (status == BAL_OK)
        status = collect_below(source, ctx, folder, &listing, depth);
    bal_listing_free(ctx, &listing);
    return status;
}

static bal_status add_class(bal_source *source, bal_ctx *ctx, const bal_split_word *split,
                            int label)
{
    char folder[BAL_PATH_LENGTH];
    folder_own *own = source->own;
    const size_t before = own->files.count, folders = own->files.folder_count;
    int32_t *labels;
    if (!*split->word)
        snprintf(folder, sizeof folder, "%s", source->class_names[label]);
    else if (!bal_path_join(folder, sizeof folder, split->word, source->class_names[label]))
        return too_long(ctx, source->class_names[label]);
    BAL_TRY(collect(source, ctx, folder, 0));
    const size_t found = own->files.count - before;
    if (found == 0)
        return bal_fail(ctx, BAL_BAD_DATA,
                        "%s/%s: this class has no images (files named" BAL_IMAGE_ENDINGS ")",
                        source->path, folder);
    bal_file_names_sort(&own->files, folders); /* as sorted(os.walk()) with sorted names */
    BAL_TRY(bal_source_add(source, ctx, split->split, (int64_t)found, &labels));
    for (size_t i = 0; i < found; i++)
        labels[i] = label;
    return BAL_OK;
}

/* ---- splits ---- */

static bal_status take_class_names(bal_source *source, bal_ctx *ctx, const bal_listing *classes)
{
    const char **list = bal_calloc(ctx, classes->count, sizeof *list);
    if (!list)
        return BAL_NO_MEMORY;
    for (size_t i = 0; i < classes->count; i++)
        list[i] = classes->entries[i].name;
    source->classes = (int)classes->count;
    const bal_status status = bal_source_name_classes(source, ctx, list);
    bal_free(ctx, list);
    return status;
}

static bal_status same_classes(const bal_source *source, bal_ctx *ctx, const bal_split_word *split,
                               const bal_listing *classes)
{
    for (int c = 0; c < source->classes; c++)
        if (!bal_listing_has(classes, source->class_names[c]))
            return bal_fail(ctx, BAL_BAD_DATA, "%s/%s: has no class \"%s\", the training set has",
                            source->path, split->word, source->class_names[c]);
    for (size_t i = 0, c = 0; i < classes->count; i++) {
        if (c < (size_t)source->classes &&
            strcmp(source->class_names[c], classes->entries[i].name) == 0)
            c++;
        else
            return bal_fail(ctx, BAL_BAD_DATA, "%s/%s: has class \"%s\", the training set has not",
                            source->path, split->word, classes->entries[i].name);
    }
    return BAL_OK;
}

static bal_status add_split(bal_source *source, bal_ctx *ctx, const bal_split_word *split)
{
    char path[BAL_PATH_LENGTH];
    bal_listing classes;
    if (!bal_path_join(path, sizeof path, source->path, split->word))
        return too_long(ctx, source->path);
    BAL_TRY(bal_listing_folders(ctx, path, &classes));
    bal_status status;
    if (split->split == BAL_SPLIT_TRAIN)
        status = take_class_names(source, ctx, &classes);
    else
        status = same_classes(source, ctx, split, &classes);
    bal_listing_free(ctx, &classes);
    for (int c = 0; status == BAL_OK && c < source->classes; c++)
        status = add_class(source, ctx, split, c);
    return status;
}

/* "train" with folders in it holds classes; with images only, it is a class itself. */
static bal_status has_splits(const bal_source *source, bal_ctx *ctx, bool *out)
{
    char path[BAL_PATH_LENGTH];
    bal_listing inside;
    *out = false;
    if (!bal_path_join(path, sizeof path, source->path, bal_split_words[0].word))
        return too_long(ctx, source->path);
    if (!bal_is_folder(path))
        return BAL_OK;
    BAL_TRY(bal_listing_folders(ctx, path, &inside));
    *out = inside.count > 0;
    bal_listing_free(ctx, &inside);
    return BAL_OK;
}

static bal_status add_splits(bal_source *source, bal_ctx *ctx)
{
    const char *taken[BAL_SPLIT_COUNT] = {NULL};
    char path[BAL_PATH_LENGTH];
    for (size_t i = 0; i < BAL_SPLIT_WORDS; i++) {
        const bal_split_word *split = &bal_split_words[i];
        if (!bal_path_join(path, sizeof path, source->path, split->word))
            return too_long(ctx, source->path);
        if (!bal_is_folder(path))
            continue;
        if (taken[split->split])
            return bal_fail(ctx, BAL_BAD_DATA, "%s: has both %s and %s, one of them expected",
                            source->path, taken[split->split], split->word);
        taken[split->split] = split->word;
        BAL_TRY(add_split(source, ctx, split));
    }
    return BAL_OK;
}

/* ---- files ---- */

static bal_status path_of(const bal_source *source, bal_ctx *ctx, int64_t item, char *path)
{
    const folder_own *own = source->own;
    char name[BAL_PATH_LENGTH];
    if (!bal_file_names_path(&own->files, item, name, sizeof name) ||
        !bal_path_join(path, BAL_PATH_LENGTH, source->path, name))
        return too_long(ctx, name);
    return BAL_OK;
}

static bal_status shape_of(const bal_source *source, bal_ctx *ctx, int64_t item,
                           bal_picture_shape *shape)
{
    char path[BAL_PATH_LENGTH];
    BAL_TRY(path_of(source, ctx, item, path));
    const bal_decode in = {.ctx = ctx, .name = path, .limits = source->limits};
    return bal_image_file_shape(&in, shape);
}

/* ---- the reader ---- */

/* Any folder with a folder in it; one that cannot be read is accepted, and open says why. */
static bool probe(const char *path)
{
    char below[BAL_PATH_LENGTH];
    bool found = false;
    if (!bal_is_folder(path))
        return false;
    DIR *folder = opendir(path);
    if (!folder)
        return true;
    for (struct dirent *entry; !found && (entry = readdir(folder));)
        found = entry->d_name[0] != '.' &&
                bal_path_join(below, sizeof below, path, entry->d_name) && bal_is_folder(below);
    closedir(folder);
    return found;
}

static bal_status open_folder(bal_source *source, bal_ctx *ctx)
{
    static const bal_split_word all = {BAL_SPLIT_TRAIN, ""}; /* in no folder of a split */
    bool splits;
    source->own = bal_calloc(ctx, 1, sizeof(folder_own));
    if (!source->own)
        return BAL_NO_MEMORY;
    BAL_TRY(has_splits(source, ctx, &splits));
    if (splits)
        BAL_TRY(add_splits(source, ctx));
    else
        BAL_TRY(add_split(source, ctx, &all));
    return bal_source_measure(source, ctx, shape_of);
}

static bal_status picture(const bal_source *source, bal_ctx *ctx, int64_t item, bal_ask ask,
                          bal_picture *out)
{
    char path[BAL_PATH_LENGTH];
    BAL_TRY(path_of(source, ctx, item, path));
    const bal_decode in = {.ctx = ctx, .name = path, .ask = ask, .limits = source->limits};
    return bal_image_file_picture(&in, out);
}

static void item_name(const bal_source *source, int64_t item, char *buffer, size_t size)
{
    const folder_own *own = source->own;
    bal_file_names_path(&own->files, item, buffer, size);
}

static void close_folder(bal_source *source)
{
    folder_own *own = source->own;
    if (own)
        bal_file_names_free(&own->files, source->ctx);
    bal_free(source->ctx, own);
    source->own = NULL;
}

const bal_reader bal_reader_folder = {
    .info = {"folder", "image folder: CLASS/*, or train/CLASS/*, val/CLASS/*, test/CLASS/*; files "
                       "named" BAL_IMAGE_ENDINGS},
    .probe = probe,
    .open = open_folder,
    .picture = picture,
    .item_name = item_name,
    .close = close_folder,
};
