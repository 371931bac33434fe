/* Known data sets, and the places where they are looked for. */
#include "data/known.h"

#include "data/places.h"

#include <stdio.h>
#include <string.h>

#define CLASSES_10 10

static const char *const fashion_classes[CLASSES_10] = {
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
static const char *const cifar10_classes[CLASSES_10] = {
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};

static const bal_known_row rows[] = {
    {{"fashion-mnist", "Fashion-MNIST: 60,000 + 10,000 grey images of clothes, 28x28, 10 classes",
      "install Debian's package dataset-fashion-mnist, or put the four IDX files of "
      "https://github.com/zalandoresearch/fashion-mnist into $BALLAST_DATA/fashion-mnist"},
     "idx",
     {"fashion-mnist", "FashionMNIST/raw", "FashionMNIST"},
     CLASSES_10,
     fashion_classes},
    {{"mnist", "MNIST: 60,000 + 10,000 grey images of digits, 28x28, 10 classes",
      "put the four IDX files into $BALLAST_DATA/mnist"},
     "idx",
     {"mnist", "MNIST/raw", "MNIST"},
     CLASSES_10,
     NULL},
    {{"cifar10", "CIFAR-10: 50,000 + 10,000 colour images, 32x32, 10 classes",
      "unpack cifar-10-binary.tar.gz of https://www.cs.toronto.edu/~kriz/cifar.html in "
      "$BALLAST_DATA"},
     "cifar10",
     {"cifar10", "cifar-10-batches-bin", "cifar-10"},
     CLASSES_10,
     cifar10_classes},
    {{"cifar100", "CIFAR-100: 50,000 + 10,000 colour images, 32x32, 100 classes",
      "unpack cifar-100-binary.tar.gz of https://www.cs.toronto.edu/~kriz/cifar.html in "
      "$BALLAST_DATA"},
     "cifar100",
     {"cifar100", "cifar-100-binary", "cifar-100"},
     100,
     NULL},
};

const bal_known_dataset *bal_known_dataset_at(int i)
{
    return i >= 0 && (size_t)i < BAL_COUNT_OF(rows) ? &rows[i].about : NULL;
}

const bal_known_row *bal_known_row_named(const char *name)
{
    for (size_t i = 0; i < BAL_COUNT_OF(rows); i++)
        if (strcmp(rows[i].about.name, name) == 0)
            return &rows[i];
    return NULL;
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
    for (size_t i = 0; i < BAL_COUNT_OF(rows); i++)
        for (int f = 0; f < BAL_KNOWN_FOLDERS && rows[i].folders[f]; f++)
            if (ends_with(path, rows[i].folders[f]))
                return &rows[i];
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
static bool find_in_place(const char *place, const bal_known_row *row, char *path, size_t size)
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
    int same_format = 0;
    for (size_t i = 0; i < BAL_COUNT_OF(rows); i++)
        same_format += strcmp(rows[i].format, row->format) == 0;
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
        if (find_in_place(place, row, found, sizeof found) ||
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
    char names[256] = "";
    size_t at = 0;
    for (size_t i = 0; i < BAL_COUNT_OF(rows); i++)
        at += (size_t)snprintf(names + at, sizeof names - at, "%s%s", i ? ", " : "",
                               rows[i].about.name);
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
    return bal_fail(ctx, BAL_BAD_DATA, "%s is not on this machine (looked in %s): %s",
                    row->about.name, places, row->about.how_to_get);
}
