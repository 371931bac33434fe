/* Known data sets, and the places where they are looked for. */
#include "data/known/known.h"

#include "data/known/places.h"

#include <stdio.h>
#include <string.h>

const bal_known_dataset *bal_known_dataset_at(int i)
{
    const bal_known_row *row = bal_known_row_at(i);
    return row ? &row->about : NULL;
}

const bal_known_row *bal_known_row_named(const char *name)
{
    const bal_known_row *row;
    for (int i = 0; (row = bal_known_row_at(i)); i++)
        if (strcmp(row->about.name, name) == 0)
            return row;
    return NULL;
}

const bal_known_dataset *bal_known_dataset_named(const char *name)
{
    const bal_known_row *row = bal_known_row_named(name);
    return row ? &row->about : NULL;
}

/* Does the path end with the name, after a slash or as a whole? Slashes at its end do not count. */
static bool ends_with(const char *path, const char *name)
{
    size_t length = strlen(path);
    const size_t size = strlen(name);
    while (length > 1 && path[length - 1] == '/')
        length--;
    return length >= size && memcmp(path + length - size, name, size) == 0 &&
           (length == size || path[length - size - 1] == '/');
}

const bal_known_row *bal_known_row_of_path(const char *path)
{
    const bal_known_row *row;
    for (int i = 0; (row = bal_known_row_at(i)); i++)
        for (int f = 0; f < BAL_KNOWN_FOLDERS && row->folders[f]; f++)
            if (ends_with(path, row->folders[f]))
                return row;
    return NULL;
}

/* ---- places ---- */

/* Place i in order of preference; false when this process has no such place. *more becomes false
 * after the last. */
static bool place_at(int i, char *path, size_t size, bool *more)
{
    *more = true;
    switch (i) {
    case 0:
        return bal_place_data(path, size);
    case 1:
        return bal_place_cache(path, size);
    case 2:
        return snprintf(path, size, "%s", "/usr/share/datasets") < (int)size;
    default:
        *more = false;
        return false;
    }
}

static bool holds(const char *path, const bal_known_row *row)
{
    return bal_reader_named(row->format)->probe(path);
}

/* place/NAME, or place/NAME/ARCHIVE'S FOLDER. */
bool bal_known_in_place(const char *place, const bal_known_row *row, char *path, size_t size)
{
    char own[BAL_PATH_LENGTH];
    for (int f = 0; f < BAL_KNOWN_FOLDERS && row->folders[f]; f++)
        if (bal_path_join(path, size, place, row->folders[f]) && holds(path, row))
            return true;
    if (!bal_path_join(own, sizeof own, place, row->folders[0]))
        return false;
    for (int f = 1; f < BAL_KNOWN_FOLDERS && row->folders[f]; f++)
        if (bal_path_join(path, size, own, row->folders[f]) && holds(path, row))
            return true;
    return false;
}

/* The place itself, where its files can only be this data set's: the format is no one else's, or
 * the folder is called so. */
static bool place_is_set(const char *place, const bal_known_row *row, char *path, size_t size)
{
    const bal_known_row *other;
    int same_format = 0;
    for (int i = 0; (other = bal_known_row_at(i)); i++)
        same_format += strcmp(other->format, row->format) == 0;
    if (same_format > 1 && bal_known_row_of_path(place) != row)
        return false;
    return holds(place, row) && snprintf(path, size, "%s", place) < (int)size;
}

bal_status bal_known_dataset_find(bal_ctx *ctx, const char *name, char **path)
{
    char place[BAL_PATH_LENGTH], found[BAL_PATH_LENGTH];
    bool more = true;
    *path = NULL;
    const bal_known_row *row = bal_known_row_named(name);
    if (!row)
        return bal_known_fail_unknown(ctx, name);
    for (int i = 0; more; i++) {
        if (!place_at(i, place, sizeof place, &more))
            continue;
        if (bal_known_in_place(place, row, found, sizeof found) ||
            place_is_set(place, row, found, sizeof found)) {
            *path = bal_strdup(ctx, found);
            return *path ? BAL_OK : BAL_NO_MEMORY;
        }
    }
    return BAL_OK;
}

/* ---- what to say when it is not there ---- */

static const char *name_at(const void *user, int i)
{
    (void)user;
    const bal_known_dataset *row = bal_known_dataset_at(i);
    return row ? row->name : NULL;
}

bal_status bal_known_fail_unknown(bal_ctx *ctx, const char *name)
{
    const char *nearest = bal_nearest_name(name, name_at, NULL);
    if (nearest)
        return bal_fail(ctx, BAL_BAD_DATA,
                        "%s: no such path and not a known data set; did you mean \"%s\"?", name,
                        nearest);
    char names[BAL_ERROR_LENGTH / 2] = "";
    const bal_known_dataset *row;
    size_t at = 0;
    for (int i = 0; (row = bal_known_dataset_at(i)) && at < sizeof names; i++)
        at += (size_t)snprintf(names + at, sizeof names - at, "%s%s", i ? ", " : "", row->name);
    return bal_fail(ctx, BAL_BAD_DATA, "%s: no such path and not a known data set (%s)", name,
                    names);
}

bal_status bal_known_fail_absent(bal_ctx *ctx, const bal_known_row *row)
{
    char place[BAL_PATH_LENGTH], places[BAL_ERROR_LENGTH / 2] = "";
    bool more = true;
    size_t at = 0;
    for (int i = 0; more; i++) {
        if (!place_at(i, place, sizeof place, &more))
            continue;
        const size_t room = sizeof places - at;
        const int written = snprintf(places + at, room, "%s%s", at ? ", " : "", place);
        if (written >= 0 && (size_t)written < room)
            at += (size_t)written;
    }
    return bal_fail(ctx, BAL_BAD_DATA,
                    "%s is not on this machine (looked in %s): ballast data get %s loads it, or %s",
                    row->about.name, places, row->about.name, row->about.how_to_get);
}
