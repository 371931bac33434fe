/* Folders from the environment. */
#include "data/known/places.h"

#include "data/readers/source.h"

#include <stdio.h>
#include <stdlib.h>

bool bal_place_data(char *path, size_t size)
{
    const char *root = getenv("BALLAST_DATA");
    return root && *root && snprintf(path, size, "%s", root) < (int)size;
}

bool bal_place_cache(char *path, size_t size)
{
    const char *root = getenv("XDG_CACHE_HOME");
    if (root && *root)
        return bal_path_join(path, size, root, "ballast");
    root = getenv("HOME");
    return root && *root && bal_path_join(path, size, root, ".cache/ballast");
}
