/* Finding, building and keeping indices; unpacking. */
#include "data/shards/shard_store.h"

#include "base/cursor.h"
#include "base/writer.h"
#include "data/known/places.h"
#include "data/shards/shard_scan.h"
#include "data/readers/source.h"
#include "data/known/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LARGEST_INDEX ((size_t)4 << 30)
#define INDEX_ENDING ".ballast-index"

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* ---- looking ---- */

static bool is_packed(const unsigned char *magic, size_t count)
{
    static const unsigned char gzip[] = {0x1f, 0x8b}, zstd[] = {0x28, 0xb5, 0x2f, 0xfd};
    return (count >= sizeof gzip && memcmp(magic, gzip, sizeof gzip) == 0) ||
           (count >= sizeof zstd && memcmp(magic, zstd, sizeof zstd) == 0);
}

static bal_status open_regular(bal_ctx *ctx, const char *path, int *fd, struct stat *info)
{
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (*fd < 0)
        return bal_fail(ctx, BAL_IO, "%s: cannot open: %s", path, strerror(errno));
    if (fstat(*fd, info) == 0 && S_ISREG(info->st_mode))
        return BAL_OK;
    close(*fd);
    return bal_fail(ctx, BAL_BAD_FILE, "%s: is not a regular file", path);
}

static bal_status look(bal_ctx *ctx, bal_shard *shard)
{
    struct stat info;
    unsigned char magic[4];
    int fd;
    BAL_TRY(open_regular(ctx, shard->path, &fd, &info));
    const ssize_t got = pread(fd, magic, sizeof magic, 0);
    const int error = errno;
    close(fd);
    if (got < 0)
        return bal_fail(ctx, BAL_IO, "%s: cannot read: %s", shard->path, strerror(error));
    shard->identity = bal_shard_identity_of(&info);
    shard->packed = is_packed(magic, (size_t)got);
    return BAL_OK;
}

/* CACHE/shards/NAME-HASH: the hash of the whole path keeps shards of one name apart. */
static bal_status choose_cache(bal_ctx *ctx, bal_shard *shard)
{
    char place[BAL_PATH_LENGTH];
    if (!bal_place_cache(place, sizeof place))
        return BAL_OK;
    char *real = realpath(shard->path, NULL);
    shard->cache_base = bal_format(ctx, "%s/shards/%s-%016" PRIx64, place, name_of(shard->path),
                                   bal_text_hash(real ? real : shard->path));
    free(real);
    return shard->cache_base ? BAL_OK : BAL_NO_MEMORY;
}

static bal_status choose_tar(bal_ctx *ctx, bal_shard *shard)
{
    if (!shard->packed)
        shard->tar = bal_strdup(ctx, shard->path);
    else if (shard->cache_base)
        shard->tar = bal_format(ctx, "%s.tar", shard->cache_base);
    else
        return bal_fail(ctx, BAL_IO,
                        "%s: is compressed, and there is no cache folder to unpack it in (set "
                        "XDG_CACHE_HOME or HOME)",
                        shard->path);
    return shard->tar ? BAL_OK : BAL_NO_MEMORY;
}

static bool tar_is_there(const bal_shard *shard)
{
    struct stat info;
    return stat(shard->tar, &info) == 0 && S_ISREG(info.st_mode) &&
           (uint64_t)info.st_size == shard->index.tar_size;
}

/* Only a lack of memory is a failure: whatever else is wrong, the index is built again. */
static bal_status take_index(bal_ctx *ctx, bal_shard *shard, const char *base)
{
    char path[BAL_PATH_LENGTH];
    bal_bytes file;
    if (shard->ready || snprintf(path, sizeof path, "%s" INDEX_ENDING, base) >= (int)sizeof path ||
        access(path, F_OK) != 0)
        return BAL_OK;
    bal_status status = bal_file_read(ctx, path, LARGEST_INDEX, &file);
    if (status == BAL_OK) {
        status = bal_shard_index_parse(ctx, path, name_of(shard->path), file.data, file.count,
                                       &shard->index);
        bal_bytes_free(ctx, &file);
    }
    if (status == BAL_NO_MEMORY)
        return status;
    if (status != BAL_OK) {
        bal_log(ctx, BAL_LOG_INFO, "%s; it is built again", bal_error(ctx));
        return BAL_OK;
    }
    shard->ready =
        bal_shard_identity_equal(&shard->index.identity, &shard->identity) && tar_is_there(shard);
    if (!shard->ready) {
        bal_log(ctx, BAL_LOG_INFO, "%s: is of an older %s; it is built again", path, shard->path);
        bal_shard_index_free(ctx, &shard->index);
    }
    return BAL_OK;
}

bal_status bal_shard_find(bal_ctx *ctx, const char *path, bal_shard *out)
{
    bal_status status;
    *out = (bal_shard){.path = path};
    BAL_GOTO(look(ctx, out));
    BAL_GOTO(choose_cache(ctx, out));
    BAL_GOTO(choose_tar(ctx, out));
    if (!out->packed)
        BAL_GOTO(take_index(ctx, out, path));
    if (out->cache_base)
        BAL_GOTO(take_index(ctx, out, out->cache_base));
    return BAL_OK;
fail:
    bal_shard_close(ctx, out);
    return status;
}

void bal_shard_close(bal_ctx *ctx, bal_shard *shard)
{
    bal_free(ctx, shard->tar);
    bal_free(ctx, shard->cache_base);
    bal_shard_index_free(ctx, &shard->index);
    *shard = (bal_shard){0};
}

bal_status bal_shard_unchanged(const bal_shard *shard, bal_ctx *ctx, const struct stat *info)
{
    const bal_shard_identity now = bal_shard_identity_of(info);
    const bool same = shard->packed ? now.size == shard->index.tar_size
                                    : bal_shard_identity_equal(&now, &shard->identity);
    return same ? BAL_OK
                : bal_fail(ctx, BAL_BAD_FILE, "%s: has changed since it was opened", shard->tar);
}

/* ---- making ---- */

static bal_status make_cache_folder(bal_ctx *ctx, const bal_shard *shard)
{
    char folder[BAL_PATH_LENGTH];
    const char *slash = strrchr(shard->cache_base, '/');
    const int written = snprintf(folder, sizeof folder, "%.*s", (int)(slash - shard->cache_base),
                                 shard->cache_base);
    if (written < 0 || (size_t)written >= sizeof folder)
        return bal_fail(ctx, BAL_IO, "%s: the path is too long", shard->cache_base);
    return bal_make_folders(ctx, folder);
}

static bal_status unpack(bal_ctx *ctx, const bal_shard *shard, uint64_t room)
{
    struct stat info;
    int fd;
    BAL_TRY(make_cache_folder(ctx, shard));
    BAL_TRY(open_regular(ctx, shard->path, &fd, &info));
    const bal_status status = bal_unpack_stream(ctx, shard->path, fd, room, shard->tar);
    close(fd);
    return status;
}

static bal_status scan(bal_ctx *ctx, bal_shard *shard)
{
    struct stat info;
    int fd;
    BAL_TRY(open_regular(ctx, shard->tar, &fd, &info));
    bal_status status = bal_shard_scan(ctx, shard->path, fd, &shard->index);
    shard->index.identity = shard->identity;
    if (status == BAL_OK && fstat(fd, &info) == 0)
        status = bal_shard_unchanged(shard, ctx, &info);
    close(fd);
    return status;
}

static bal_status keep_at(bal_ctx *ctx, const bal_shard *shard, const char *base)
{
    char *path = bal_format(ctx, "%s" INDEX_ENDING, base);
    const bal_status status =
        path ? bal_shard_index_write(ctx, path, name_of(shard->path), &shard->index)
             : BAL_NO_MEMORY;
    bal_free(ctx, path);
    return status;
}

/* An index that cannot be kept costs only time. */
static bal_status keep(bal_ctx *ctx, const bal_shard *shard)
{
    bal_status status = BAL_IO;
    if (!shard->packed)
        status = keep_at(ctx, shard, shard->path);
    if (status == BAL_IO && shard->cache_base) {
        status = make_cache_folder(ctx, shard);
        if (status == BAL_OK)
            status = keep_at(ctx, shard, shard->cache_base);
    }
    if (status == BAL_IO) {
        bal_log(ctx, BAL_LOG_INFO, "%s: its index cannot be kept: %s", shard->path, bal_error(ctx));
        status = BAL_OK;
    }
    return status;
}

static bal_status make(bal_ctx *ctx, bal_shard *shard, uint64_t room)
{
    if (shard->packed)
        BAL_TRY(unpack(ctx, shard, room));
    const bal_status status = scan(ctx, shard);
    if (status != BAL_OK && shard->packed)
        unlink(shard->tar); /* of no use, and in the way of nobody */
    BAL_TRY(status);
    shard->ready = true;
    bal_log(ctx, BAL_LOG_INFO, "%s: read once for its index, %zu samples", shard->path,
            shard->index.count);
    return keep(ctx, shard);
}

bal_status bal_shard_make_ready(bal_ctx *ctx, bal_shard *shard, uint64_t *room)
{
    if (!shard->ready)
        BAL_TRY(make(ctx, shard, *room));
    if (shard->packed)
        *room -= shard->index.tar_size < *room ? shard->index.tar_size : *room;
    return BAL_OK;
}
