/* The folders of this user that ballast puts data into. */
#ifndef BAL_PLACES_H
#define BAL_PLACES_H

#include <stdbool.h>
#include <stddef.h>

/* $BALLAST_DATA; false where it is not set (or does not fit). */
bool bal_place_data(char *path, size_t size);
/* $XDG_CACHE_HOME/ballast, else $HOME/.cache/ballast; false where neither is set. */
bool bal_place_cache(char *path, size_t size);

#endif
