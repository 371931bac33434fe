/* Reading the headers of a plain tar file into an index, by libarchive. */
#ifndef BAL_SHARD_SCAN_H
#define BAL_SHARD_SCAN_H

#include "data/shards/shard_index.h"

/* fd is open for reading, at its start, and stays open; name is for messages. Pictures are not
 * read, labels are. Fails with BAL_BAD_FILE (with the place in the file: not a tar file, cut off,
 * damaged; a picture or label that is a link, a device or sparse; a sample that is not whole),
 * BAL_INTERRUPTED. identity is the caller's. Release with bal_shard_index_free. */
bal_status bal_shard_scan(bal_ctx *ctx, const char *name, int fd, bal_shard_index *out);

#endif
