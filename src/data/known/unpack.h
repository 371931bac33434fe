/* Unpacking by libarchive, never outside the folder that is named. */
#ifndef BAL_UNPACK_H
#define BAL_UNPACK_H

#include "base/context.h"

/* A file compressed with gzip or zstd into the file `to`, which appears whole or not at all. fd is
 * open for reading at its start; name is for messages. Fails with BAL_BAD_FILE (damaged, cut off),
 * BAL_IO (more than `most` bytes, too little space, cannot be written), BAL_UNSUPPORTED,
 * BAL_INTERRUPTED. */
bal_status bal_unpack_stream(bal_ctx *ctx, const char *name, int fd, uint64_t most, const char *to);

#endif
