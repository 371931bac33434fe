/* The names in a folder, sorted bytewise; hidden ones are left out. */
#ifndef BAL_LISTING_H
#define BAL_LISTING_H

#include "data/readers/source.h"

typedef struct bal_entry {
    char *name;
    bool folder; /* symbolic links are followed */
} bal_entry;

typedef struct bal_listing {
    size_t count, room;
    bal_entry *entries;
} bal_listing;

/* Fails with BAL_IO and the folder's or entry's path. A link that leads nowhere is an error too:
 * silently leaving an image out is not. With broken it is taken for a file, which its reader will
 * find to be none. Release with bal_listing_free. */
bal_status bal_listing_read(bal_ctx *ctx, const char *path, bool broken, bal_listing *out);
/* Only the folders of it. */
bal_status bal_listing_folders(bal_ctx *ctx, const char *path, bal_listing *out);
bool bal_listing_has(const bal_listing *listing, const char *name);
void bal_listing_free(bal_ctx *ctx, bal_listing *listing);

#endif
