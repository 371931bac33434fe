/* Free space by statvfs. */
#include "data/known/free_space.h"

#include "data/readers/source.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#define RESERVE ((uint64_t)64 << 20)

uint64_t bal_space_at(const char *path)
{
    char folder[BAL_PATH_LENGTH];
    struct statvfs space;
    const char *slash = strrchr(path, '/');
    if (statvfs(path, &space) != 0) { /* it is not there yet; its folder is */
        const int length = !slash ? 1 : slash == path ? 1 : (int)(slash - path);
        if (snprintf(folder, sizeof folder, "%.*s", length, slash ? path : ".") >=
                (int)sizeof folder ||
            statvfs(folder, &space) != 0)
            return UINT64_MAX;
    }
    return (uint64_t)space.f_bavail * (uint64_t)space.f_frsize;
}

bal_status bal_space_check(bal_ctx *ctx, const char *path, uint64_t wanted)
{
    const uint64_t space = bal_space_at(path);
    if (space >= wanted && space - wanted >= RESERVE)
        return BAL_OK;
    return bal_fail(ctx, BAL_IO,
                    "%s: the disk has %" PRIu64 " MiB left, %" PRIu64
                    " MiB and a reserve of %" PRIu64 " MiB are needed",
                    path, space >> 20, (wanted + ((1U << 20) - 1)) >> 20, RESERVE >> 20);
}
