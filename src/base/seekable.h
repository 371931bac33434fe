/* A file that is read in places, for archives that need not fit into memory; or bytes in memory in
 * its stead. */
#ifndef BAL_SEEKABLE_H
#define BAL_SEEKABLE_H

#include "base/cursor.h"

typedef struct bal_seekable {
    const char *name; /* for messages; borrowed */
    int fd;           /* -1: none, the bytes are in memory */
    const unsigned char *bytes;
    uint64_t size;
} bal_seekable;

/* Opens a regular file; path is borrowed as name. Fails as bal_file_read does. */
BAL_MUST_CHECK bal_status bal_seekable_open(bal_seekable *out, bal_ctx *ctx, const char *path);
/* Over borrowed bytes; needs no closing. */
bal_seekable bal_seekable_over(const char *name, const void *bytes, size_t count);
/* Accepts one that is all zero, or closed. */
void bal_seekable_close(bal_seekable *file);
/* Reads count bytes from offset at. Thread safe, with a context for each thread. Fails with
 * BAL_BAD_FILE where the file ends before (it may have been cut since it was opened), BAL_IO. */
BAL_MUST_CHECK bal_status bal_seekable_read(const bal_seekable *file, bal_ctx *ctx, uint64_t at,
                                            size_t count, void *out);

#endif
