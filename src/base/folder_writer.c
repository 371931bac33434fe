/* Folders that appear whole or not at all. */
#include "base/writer.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPEN_FOLDERS 16 /* at one time, while a tree is removed */

bal_status bal_folder_begin(bal_ctx *ctx, const char *path, char **part)
{
    *part = NULL;
    /* rmdir takes away an empty folder and nothing else */
    if (rmdir(path) != 0 && errno != ENOENT)
        return bal_fail(ctx, BAL_BAD_ARG, "%s: %s; a new or empty folder expected", path,
                        strerror(errno));
    char *made = bal_format(ctx, "%s.part-%ld", path, (long)getpid());
    if (!made)
        return BAL_NO_MEMORY;
    const bal_status status = bal_make_folders(ctx, made);
    if (status == BAL_OK)
        *part = made;
    else
        bal_free(ctx, made);
    return status;
}

bal_status bal_folder_commit(bal_ctx *ctx, const char *path, char **part)
{
    if (rename(*part, path) != 0) {
        const bal_status status = bal_fail(ctx, BAL_IO, "%s: cannot rename the finished folder: %s",
                                           path, strerror(errno));
        bal_folder_abandon(ctx, part);
        return status;
    }
    bal_free(ctx, *part);
    *part = NULL;
    return BAL_OK;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info;
    (void)kind;
    (void)at;
    remove(path); /* what cannot be removed stays: there is nobody to tell */
    return 0;
}

void bal_folder_abandon(bal_ctx *ctx, char **part)
{
    if (!*part)
        return;
    nftw(*part, remove_one, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS);
    bal_free(ctx, *part);
    *part = NULL;
}
