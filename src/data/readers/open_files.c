/* A few open files. A slot is taken under the lock and read without it; where every slot is being
 * read from, the reader opens the file for itself. */
#include "data/readers/open_files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

typedef struct open_slot {
    size_t file;
    int fd; /* -1: free */
    int readers;
    uint64_t used; /* when, in uses */
} open_slot;

struct bal_open_files {
    bal_ctx *ctx;
    bal_open_files_settings s;
    pthread_mutex_t mutex;
    open_slot *slots; /* s.most */
    uint64_t uses;
    int64_t opened;
};

bal_status bal_open_files_open(bal_open_files **out, bal_ctx *ctx,
                               const bal_open_files_settings *settings)
{
    *out = NULL;
    bal_open_files *files = bal_calloc(ctx, 1, sizeof *files);
    if (!files)
        return BAL_NO_MEMORY;
    files->ctx = ctx;
    files->s = *settings;
    pthread_mutex_init(&files->mutex, NULL);
    files->slots = bal_calloc(ctx, (size_t)settings->most, sizeof *files->slots);
    if (!files->slots) {
        bal_open_files_close(&files);
        return BAL_NO_MEMORY;
    }
    for (int i = 0; i < settings->most; i++)
        files->slots[i].fd = -1;
    *out = files;
    return BAL_OK;
}

void bal_open_files_close(bal_open_files **files_at)
{
    if (!files_at || !*files_at)
        return;
    bal_open_files *files = *files_at;
    for (int i = 0; files->slots && i < files->s.most; i++)
        if (files->slots[i].fd >= 0)
            close(files->slots[i].fd);
    pthread_mutex_destroy(&files->mutex);
    bal_free(files->ctx, files->slots);
    bal_free(files->ctx, files);
    *files_at = NULL;
}

int64_t bal_open_files_opened(bal_open_files *files)
{
    pthread_mutex_lock(&files->mutex);
    const int64_t opened = files->opened;
    pthread_mutex_unlock(&files->mutex);
    return opened;
}

static bal_status open_file(bal_open_files *files, bal_ctx *ctx, size_t file, int *fd)
{
    const char *path = files->s.path_at(files->s.user, file);
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (*fd < 0)
        return bal_fail(ctx, BAL_IO, "%s: cannot open: %s", path, strerror(errno));
    return BAL_OK;
}

static bal_status check_file(const bal_open_files *files, bal_ctx *ctx, size_t file, int fd)
{
    const char *path = files->s.path_at(files->s.user, file);
    struct stat info;
    if (fstat(fd, &info) != 0)
        return bal_fail(ctx, BAL_IO, "%s: cannot ask for its size: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return bal_fail(ctx, BAL_BAD_FILE, "%s: is not a regular file", path);
    return files->s.check ? files->s.check(files->s.user, ctx, file, &info) : BAL_OK;
}

/* The slot that has the file, else the free or longest unused one without readers, else NULL. */
static open_slot *find_slot(bal_open_files *files, size_t file)
{
    open_slot *best = NULL;
    for (int i = 0; i < files->s.most; i++) {
        open_slot *slot = &files->slots[i];
        if (slot->fd >= 0 && slot->file == file)
            return slot;
        if (slot->readers == 0 && (!best || slot->used < best->used))
            best = slot;
    }
    return best;
}

/* *slot becomes NULL where the file is the caller's own. */
static bal_status acquire(bal_open_files *files, bal_ctx *ctx, size_t file, open_slot **slot,
                          int *fd)
{
    bal_status status = BAL_OK;
    pthread_mutex_lock(&files->mutex);
    *slot = find_slot(files, file);
    if (!*slot || (*slot)->fd < 0 || (*slot)->file != file) {
        status = open_file(files, ctx, file, fd);
        files->opened += status == BAL_OK;
        if (status == BAL_OK && *slot) {
            if ((*slot)->fd >= 0)
                close((*slot)->fd);
            (*slot)->fd = *fd;
            (*slot)->file = file;
        }
    }
    if (status == BAL_OK && *slot) {
        (*slot)->readers++;
        (*slot)->used = ++files->uses;
        *fd = (*slot)->fd;
    }
    pthread_mutex_unlock(&files->mutex);
    return status;
}

static void release(bal_open_files *files, open_slot *slot, int fd)
{
    if (!slot) {
        close(fd);
        return;
    }
    pthread_mutex_lock(&files->mutex);
    slot->readers--;
    pthread_mutex_unlock(&files->mutex);
}

static bal_status read_all(bal_ctx *ctx, const char *path, int fd, uint64_t offset,
                           unsigned char *bytes, size_t count)
{
    for (size_t at = 0; at < count;) {
        const ssize_t got = pread(fd, bytes + at, count - at, (off_t)(offset + at));
        if (got > 0)
            at += (size_t)got;
        else if (got == 0)
            return bal_fail(ctx, BAL_BAD_FILE,
                            "%s: cut off: %zu bytes expected at byte %" PRIu64 ", %zu are there",
                            path, count, offset, at);
        else if (errno != EINTR)
            return bal_fail(ctx, BAL_IO, "%s: cannot read: %s", path, strerror(errno));
    }
    return BAL_OK;
}

bal_status bal_open_files_read(bal_open_files *files, bal_ctx *ctx, size_t file, uint64_t offset,
                               void *bytes, size_t count)
{
    open_slot *slot;
    int fd = -1;
    BAL_TRY(acquire(files, ctx, file, &slot, &fd));
    bal_status status = check_file(files, ctx, file, fd);
    if (status == BAL_OK)
        status = read_all(ctx, files->s.path_at(files->s.user, file), fd, offset, bytes, count);
    release(files, slot, fd);
    return status;
}
