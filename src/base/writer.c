/* Atomic files: temporary name, flush, rename, flush of the folder. */
#include "base/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct bal_writer {
    bal_ctx *ctx;
    char *path, *temporary, *folder;
    int fd;
    FILE *stream;
    bool unflushed;
    int error; /* errno of the first failed write, 0 when none failed */
};

/* The stream writes through here, so that errno of a write that failed inside somebody's fprintf is
 * still known at the end. */
static ssize_t write_through(void *cookie, const char *bytes, size_t count)
{
    bal_writer *w = cookie;
    for (size_t at = 0; at < count && !w->error;) {
        const ssize_t wrote = write(w->fd, bytes + at, count - at);
        if (wrote > 0)
            at += (size_t)wrote;
        else if (wrote < 0 && errno != EINTR)
            w->error = errno;
    }
    return w->error ? 0 : (ssize_t)count;
}

static char *folder_of(bal_ctx *ctx, const char *path)
{
    const char *slash = strrchr(path, '/');
    return bal_format(ctx, "%.*s", !slash || slash == path ? 1 : (int)(slash - path),
                      slash ? path : ".");
}

static void free_writer(bal_writer **w)
{
    bal_ctx *ctx = (*w)->ctx;
    bal_free(ctx, (*w)->path);
    bal_free(ctx, (*w)->temporary);
    bal_free(ctx, (*w)->folder);
    bal_free(ctx, *w);
    *w = NULL;
}

/* A new file beside the final one: a process that was killed may have left others. Its rights are
 * those of the file that it will replace, or what the process gives to new files. */
static int create_beside(bal_writer *w)
{
    int fd = -1;
    for (int attempt = 0; attempt < 1000 && fd < 0; attempt++) {
        bal_free(w->ctx, w->temporary);
        w->temporary = bal_format(w->ctx, "%s.tmp-%ld-%d", w->path, (long)getpid(), attempt);
        if (!w->temporary)
            return -1;
        fd = open(w->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0 && errno != EEXIST)
            return -1;
    }
    struct stat info;
    if (fd >= 0 && stat(w->path, &info) == 0 && fchmod(fd, info.st_mode & 0777) != 0 &&
        errno != EPERM) {
        close(fd);
        unlink(w->temporary);
        return -1;
    }
    return fd;
}

/* A rename over a device, pipe or folder would take it away, or fail only at the end. */
static bal_status refuse_special(bal_ctx *ctx, const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0 || S_ISREG(info.st_mode))
        return BAL_OK;
    return bal_fail(ctx, BAL_IO, "%s: is %s, a file expected", path,
                    S_ISDIR(info.st_mode) ? "a folder" : "a device or pipe");
}

bal_status bal_writer_open(bal_writer **out, bal_ctx *ctx, const char *path)
{
    *out = NULL;
    BAL_TRY(refuse_special(ctx, path));
    bal_writer *w = bal_calloc(ctx, 1, sizeof *w);
    if (!w)
        return BAL_NO_MEMORY;
    w->ctx = ctx;
    w->path = bal_strdup(ctx, path);
    w->folder = folder_of(ctx, path);
    w->fd = w->path && w->folder ? create_beside(w) : -1;
    if (!w->path || !w->folder || !w->temporary) {
        free_writer(&w);
        return BAL_NO_MEMORY;
    }
    if (w->fd >= 0)
        w->stream = fopencookie(w, "wb", (cookie_io_functions_t){.write = write_through});
    if (!w->stream) {
        const bal_status status =
            bal_fail(ctx, BAL_IO, "%s: cannot create: %s", path, strerror(errno));
        if (w->fd >= 0) {
            close(w->fd);
            unlink(w->temporary);
        }
        free_writer(&w);
        return status;
    }
    *out = w;
    return BAL_OK;
}

FILE *bal_writer_stream(bal_writer *w)
{
    return w->stream;
}

void bal_writer_bytes(bal_writer *w, const void *bytes, size_t count)
{
    if (count > 0 && !w->error && fwrite(bytes, 1, count, w->stream) != count && !w->error)
        w->error = EIO;
}

void bal_writer_unflushed(bal_writer *w)
{
    w->unflushed = true;
}

/* Makes a rename last: the folder's own entry is flushed too. */
static int flush_folder(const char *folder)
{
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int error = 0;
    /* a file system that cannot flush folders says EINVAL; a folder may be write-only to us */
    if (fd >= 0 && fsync(fd) != 0 && errno != EINVAL)
        error = errno;
    if (fd >= 0)
        close(fd);
    return error;
}

/* Everything to disk and closed; errno of what failed. */
static int finish_stream(bal_writer *w)
{
    const bool failed = ferror(w->stream) != 0;
    if ((fclose(w->stream) != 0 || failed) && !w->error)
        w->error = EIO;
    if (!w->error && !w->unflushed && fsync(w->fd) != 0)
        w->error = errno;
    if (close(w->fd) != 0 && !w->error)
        w->error = errno;
    return w->error;
}

bal_status bal_writer_commit(bal_writer **writer)
{
    bal_writer *w = *writer;
    bal_status status = BAL_OK;
    const int error = finish_stream(w);
    if (error) {
        status = bal_fail(w->ctx, BAL_IO, "%s: cannot write: %s", w->path, strerror(error));
    } else if (rename(w->temporary, w->path) != 0) {
        status = bal_fail(w->ctx, BAL_IO, "%s: cannot rename the finished file: %s", w->path,
                          strerror(errno));
    } else {
        const int folder_error = w->unflushed ? 0 : flush_folder(w->folder);
        if (folder_error)
            status = bal_fail(w->ctx, BAL_IO, "%s: cannot flush its folder: %s", w->path,
                              strerror(folder_error));
    }
    if (status != BAL_OK)
        unlink(w->temporary); /* gone already when only the folder failed */
    free_writer(writer);
    return status;
}

void bal_writer_abandon(bal_writer **writer)
{
    if (!writer || !*writer)
        return;
    fclose((*writer)->stream);
    close((*writer)->fd);
    unlink((*writer)->temporary);
    free_writer(writer);
}

bal_status bal_file_write(bal_ctx *ctx, const char *path, const void *bytes, size_t count)
{
    bal_writer *w;
    BAL_TRY(bal_writer_open(&w, ctx, path));
    bal_writer_bytes(w, bytes, count);
    return bal_writer_commit(&w);
}

bal_status bal_file_append_line(bal_ctx *ctx, const char *path, const char *line)
{
    char *text = bal_format(ctx, "%s\n", line);
    if (!text)
        return BAL_NO_MEMORY;
    const int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    int error = fd < 0 ? errno : 0;
    const size_t length = strlen(text);
    for (size_t at = 0; !error && at < length;) {
        const ssize_t wrote = write(fd, text + at, length - at);
        if (wrote > 0)
            at += (size_t)wrote;
        else if (wrote < 0 && errno != EINTR)
            error = errno;
    }
    if (!error && fsync(fd) != 0 && errno != EINVAL)
        error = errno;
    if (fd >= 0 && close(fd) != 0 && !error)
        error = errno;
    bal_free(ctx, text);
    if (error)
        return bal_fail(ctx, BAL_IO, "%s: cannot append: %s", path, strerror(error));
    return BAL_OK;
}

static bal_status make_folder(bal_ctx *ctx, const char *path)
{
    struct stat info;
    if (mkdir(path, 0777) == 0)
        return BAL_OK;
    const int error = errno;
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        return BAL_OK;
    return bal_fail(ctx, BAL_IO, "%s: cannot make this folder: %s", path, strerror(error));
}

bal_status bal_make_folders(bal_ctx *ctx, const char *path)
{
    char *part = bal_strdup(ctx, path);
    if (!part)
        return BAL_NO_MEMORY;
    bal_status status = BAL_OK;
    for (char *at = part; status == BAL_OK && *at; at++) {
        if (*at != '/' || at == part || at[-1] == '/')
            continue;
        *at = '\0';
        status = make_folder(ctx, part);
        *at = '/';
    }
    if (status == BAL_OK)
        status = make_folder(ctx, part);
    bal_free(ctx, part);
    return status;
}
