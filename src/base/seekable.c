/* Reading in places by pread: no shared position, and a file that is cut is an error, where a
 * mapping of it would end the process. */
#include "base/seekable.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bal_status bal_seekable_open(bal_seekable *out, bal_ctx *ctx, const char *path)
{
    *out = (bal_seekable){.name = path, .fd = -1};
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return bal_fail(ctx, BAL_IO, "%s: cannot open: %s", path, strerror(errno));
    struct stat info;
    bal_status status = BAL_OK;
    if (fstat(fd, &info) != 0)
        status = bal_fail(ctx, BAL_IO, "%s: cannot ask for its size: %s", path, strerror(errno));
    else if (!S_ISREG(info.st_mode))
        status = bal_fail(ctx, BAL_BAD_FILE, "%s: is %s, a file was expected", path,
                          S_ISDIR(info.st_mode) ? "a folder" : "not a regular file");
    if (status != BAL_OK) {
        close(fd);
        return status;
    }
    out->fd = fd;
    out->size = (uint64_t)info.st_size;
    return BAL_OK;
}

bal_seekable bal_seekable_over(const char *name, const void *bytes, size_t count)
{
    return (bal_seekable){.name = name, .fd = -1, .bytes = bytes, .size = count};
}

void bal_seekable_close(bal_seekable *file)
{
    if (file->name && file->fd >= 0)
        close(file->fd);
    *file = (bal_seekable){.fd = -1};
}

static bal_status ends_early(const bal_seekable *file, bal_ctx *ctx, uint64_t at, size_t count)
{
    return bal_fail(ctx, BAL_BAD_FILE,
                    "%s: %zu bytes from byte %" PRIu64 " were wanted, the file is cut off before "
                    "their end",
                    file->name, count, at);
}

bal_status bal_seekable_read(const bal_seekable *file, bal_ctx *ctx, uint64_t at, size_t count,
                             void *out)
{
    if (at > file->size || count > file->size - at)
        return ends_early(file, ctx, at, count);
    if (file->fd < 0) {
        if (count)
            memcpy(out, file->bytes + at, count);
        return BAL_OK;
    }
    for (size_t done = 0; done < count;) {
        const ssize_t got =
            pread(file->fd, (unsigned char *)out + done, count - done, (off_t)(at + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return bal_fail(ctx, BAL_IO, "%s: cannot read: %s", file->name, strerror(errno));
        if (got == 0)
            return ends_early(file, ctx, at, count);
        done += (size_t)got;
    }
    return BAL_OK;
}
