/* Which tar files a place means, and which split each belongs to. */
#ifndef BAL_SHARD_LIST_H
#define BAL_SHARD_LIST_H

#include "data/readers/source.h"

typedef struct bal_shard_file {
    char *path;
    size_t name; /* where in the path the name begins that items are called by */
    bal_split split;
} bal_shard_file;

typedef struct bal_shard_list {
    bal_shard_file *files; /* training shards first, then val and test; by name within */
    size_t count, room;
    char *folder; /* where a list of class names would be */
} bal_shard_list;

/* .tar, .tar.gz, .tgz, .tar.zst; not hidden. */
bool bal_shard_has_name(const char *name);
/* One shard, a pattern with braces, a folder with shards and no pictures or folders beside them, or
 * a folder of folders called train, val (valid, validation) and test of that kind. */
bool bal_shard_place(const char *place);
/* The split of a shard is the last word of its name, between "-", "_" and ".", that names one; else
 * its folder's name where that names one and the place does not. Where one split alone is named so,
 * the whole is the training split. Fails with BAL_BAD_DATA (some shards name a split, others do
 * not; a shard is listed twice), BAL_BAD_ARG (pattern), BAL_IO (cannot be listed). Release with
 * bal_shard_list_free. */
bal_status bal_shard_list_read(bal_ctx *ctx, const char *place, bal_shard_list *out);
void bal_shard_list_free(bal_ctx *ctx, bal_shard_list *list);

#endif
