/* Unpacking an archive into a folder of its own, which nothing in it can leave. */
#ifndef BAL_UNPACK_FOLDER_H
#define BAL_UNPACK_FOLDER_H

#include "base/context.h"

typedef struct bal_unpack {
    const char *archive; /* tar or zip; gzip, bzip2, xz and zstd */
    const char *folder;  /* is made; must not be there */
    uint64_t most_bytes; /* of all files together */
    int64_t most_files;  /* files and folders */
    void (*progress)(void *user, int64_t read, int64_t total); /* bytes of the archive; or NULL */
    void *user;
} bal_unpack;

/* Writes regular files and folders, with the rights that the process gives to new ones. What is
 * refused by name (BAL_BAD_FILE): links of both kinds, devices and pipes, absolute names, "..",
 * names that come twice, more than the limits; damage. Also BAL_IO, BAL_INTERRUPTED. On failure the
 * folder is removed again. */
bal_status bal_unpack_folder(bal_ctx *ctx, const bal_unpack *unpack);

/* Removes a folder with all that is in it; links are removed, not followed. What is not there is no
 * failure. */
bal_status bal_remove_folder(bal_ctx *ctx, const char *path);

#endif
