/* A shard and its index, wherever that is kept: beside the shard, or in the user's cache where that
 * folder cannot be written. A compressed shard is unpacked into the cache once, because pictures
 * are read in the order of draws. */
#ifndef BAL_SHARD_STORE_H
#define BAL_SHARD_STORE_H

#include "data/shards/shard_index.h"

typedef struct bal_shard {
    const char *path; /* borrowed */
    bool packed;      /* compressed: gzip or zstd, found by its first bytes */
    bool ready;       /* the index is there and fits */
    bal_shard_identity identity;
    char *tar;        /* the plain tar file: the path itself, or a file of the cache */
    char *cache_base; /* of its files in the cache, without an ending; NULL: there is no cache */
    bal_shard_index index;
} bal_shard;

/* Looks at the shard and takes the index that is kept, where there is one that fits; one that is
 * damaged or old is passed over with a line in the log. Fails with BAL_IO (cannot be read),
 * BAL_BAD_FILE (no regular file). */
bal_status bal_shard_find(bal_ctx *ctx, const char *path, bal_shard *out);
/* Where it is not ready: unpacks it if it is compressed, to at most *room bytes, builds the index
 * and keeps it. *room is reduced by what a packed shard takes, also when it is ready. Fails with
 * BAL_BAD_FILE (no sound tar file, no whole samples, damaged compression), BAL_IO (no room, cannot
 * be written), BAL_UNSUPPORTED (libarchive without the compression), BAL_INTERRUPTED. */
bal_status bal_shard_make_ready(bal_ctx *ctx, bal_shard *shard, uint64_t *room);
/* Is the file that is open now the one that the index is of? */
bal_status bal_shard_unchanged(const bal_shard *shard, bal_ctx *ctx, const struct stat *info);
void bal_shard_close(bal_ctx *ctx, bal_shard *shard);

#endif
