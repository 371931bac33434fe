/* Whole files as memory that the system reads when it is looked at. */
#include "base/cursor.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static bal_status map_open(bal_ctx *ctx, const char *path, int fd, bal_mapped *out)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return bal_fail(ctx, BAL_IO, "%s: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return bal_fail(ctx, BAL_BAD_FILE, "%s: is a %s, a file expected", path,
                        S_ISDIR(info.st_mode) ? "folder" : "device or pipe");
    if (info.st_size == 0) /* nothing can be mapped, and nothing has to be */
        return BAL_OK;
    if ((uintmax_t)info.st_size > SIZE_MAX)
        return bal_fail(ctx, BAL_BAD_FILE, "%s: too large", path);
    void *data = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED)
        return bal_fail(ctx, BAL_IO, "%s: cannot be mapped: %s", path, strerror(errno));
    *out = (bal_mapped){data, (size_t)info.st_size};
    return BAL_OK;
}

bal_status bal_file_map(bal_ctx *ctx, const char *path, bal_mapped *out)
{
    *out = (bal_mapped){0};
    /* not blocking: a pipe must not be waited for */
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return bal_fail(ctx, BAL_IO, "%s: cannot open: %s", path, strerror(errno));
    const bal_status status = map_open(ctx, path, fd, out);
    close(fd);
    return status;
}

void bal_file_unmap(bal_mapped *file)
{
    if (file->data)
        munmap((void *)(uintptr_t)file->data, file->count);
    *file = (bal_mapped){0};
}
