/* Files that are read at random places by several threads: at most so many are open at once, those
 * used last. */
#ifndef BAL_OPEN_FILES_H
#define BAL_OPEN_FILES_H

#include "base/context.h"

#include <sys/stat.h>

typedef struct bal_open_files bal_open_files;

/* What is wrong with a file as it is now, or BAL_OK; called before every reading. */
typedef bal_status bal_open_files_check(const void *user, bal_ctx *ctx, size_t file,
                                        const struct stat *info);

typedef struct bal_open_files_settings {
    const char *(*path_at)(const void *user, size_t file);
    bal_open_files_check *check; /* NULL: any regular file */
    const void *user;            /* borrowed, as what path_at returns */
    int most;                    /* >= 1 */
} bal_open_files_settings;

BAL_MUST_CHECK bal_status bal_open_files_open(bal_open_files **out, bal_ctx *ctx,
                                              const bal_open_files_settings *settings);
/* count bytes from offset on, all of them. Thread safe; messages go to ctx. Fails with BAL_IO,
 * BAL_BAD_FILE (no regular file, or it ends before), or what check says. */
bal_status bal_open_files_read(bal_open_files *files, bal_ctx *ctx, size_t file, uint64_t offset,
                               void *bytes, size_t count);
/* How often a file has been opened, for tests. */
int64_t bal_open_files_opened(bal_open_files *files);
void bal_open_files_close(bal_open_files **files);

#endif
