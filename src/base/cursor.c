/* Bounded reading: cursor, whole files, gzip. */
#include "base/cursor.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define FIRST_BLOCK ((size_t)64 * 1024)

bal_cursor bal_cursor_over(const void *bytes, size_t count)
{
    const unsigned char *begin = bytes;
    return (bal_cursor){begin, begin, count ? begin + count : begin};
}

size_t bal_cursor_left(const bal_cursor *c)
{
    return (size_t)(c->end - c->at);
}

size_t bal_cursor_offset(const bal_cursor *c)
{
    return (size_t)(c->at - c->begin);
}

bool bal_take_bytes(bal_cursor *c, size_t count, const unsigned char **out)
{
    if (count > bal_cursor_left(c))
        return false;
    *out = c->at;
    if (count)
        c->at += count;
    return true;
}

bool bal_take_u8(bal_cursor *c, uint8_t *out)
{
    const unsigned char *b;
    if (!bal_take_bytes(c, 1, &b))
        return false;
    *out = b[0];
    return true;
}

/* count bytes, the least significant first. */
static bool take_little(bal_cursor *c, int count, uint64_t *out)
{
    const unsigned char *b;
    if (!bal_take_bytes(c, (size_t)count, &b))
        return false;
    *out = 0;
    for (int i = count - 1; i >= 0; i--)
        *out = *out << 8 | b[i];
    return true;
}

bool bal_take_u16le(bal_cursor *c, uint16_t *out)
{
    uint64_t value;
    if (!take_little(c, 2, &value))
        return false;
    *out = (uint16_t)value;
    return true;
}

bool bal_take_u32le(bal_cursor *c, uint32_t *out)
{
    uint64_t value;
    if (!take_little(c, 4, &value))
        return false;
    *out = (uint32_t)value;
    return true;
}

bool bal_take_u64le(bal_cursor *c, uint64_t *out)
{
    return take_little(c, 8, out);
}

bool bal_take_u32be(bal_cursor *c, uint32_t *out)
{
    const unsigned char *b;
    if (!bal_take_bytes(c, 4, &b))
        return false;
    *out = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | (uint32_t)b[3];
    return true;
}

static bal_status too_large(bal_ctx *ctx, const char *path, size_t limit)
{
    return bal_fail(ctx, BAL_BAD_FILE, "%s: larger than the limit of %zu bytes", path, limit);
}

/* Reads until the end of the file: its size may have changed since it was asked for. */
static bal_status read_all(bal_ctx *ctx, const char *path, int fd, size_t limit, size_t expected,
                           bal_bytes *out)
{
    size_t room = expected + 1; /* one more, so that the end is seen without growing */
    out->data = bal_calloc(ctx, room, 1);
    if (!out->data)
        return BAL_NO_MEMORY;
    for (;;) {
        if (out->count == room) {
            unsigned char *bigger = bal_resize(ctx, out->data, room, room * 2, 1);
            if (!bigger)
                return BAL_NO_MEMORY;
            out->data = bigger;
            room *= 2;
        }
        const ssize_t got = read(fd, out->data + out->count, room - out->count);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return bal_fail(ctx, BAL_IO, "%s: cannot read: %s", path, strerror(errno));
        if (got == 0)
            return BAL_OK;
        out->count += (size_t)got;
        if (out->count > limit)
            return too_large(ctx, path, limit);
    }
}

bal_status bal_file_read(bal_ctx *ctx, const char *path, size_t limit, bal_bytes *out)
{
    *out = (bal_bytes){NULL, 0};
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return bal_fail(ctx, BAL_IO, "%s: cannot open: %s", path, strerror(errno));
    struct stat info;
    bal_status status;
    if (fstat(fd, &info) != 0)
        status = bal_fail(ctx, BAL_IO, "%s: cannot ask for its size: %s", path, strerror(errno));
    else if (S_ISDIR(info.st_mode))
        status = bal_fail(ctx, BAL_BAD_FILE, "%s: is a folder, a file was expected", path);
    else if (!S_ISREG(info.st_mode))
        status = bal_fail(ctx, BAL_BAD_FILE, "%s: is not a regular file", path);
    else if ((uint64_t)info.st_size > limit)
        status = too_large(ctx, path, limit);
    else
        status = read_all(ctx, path, fd, limit, (size_t)info.st_size, out);
    close(fd);
    if (status != BAL_OK)
        bal_bytes_free(ctx, out);
    return status;
}

/* Makes room for more output, at most limit + 1 bytes (the one more shows that there is more). */
static bal_status grow(bal_ctx *ctx, bal_bytes *out, size_t *room, size_t limit)
{
    size_t wanted = *room ? *room * 2 : FIRST_BLOCK;
    if (wanted > limit)
        wanted = limit + 1;
    unsigned char *bigger = bal_resize(ctx, out->data, out->count, wanted, 1);
    if (!bigger)
        return BAL_NO_MEMORY;
    out->data = bigger;
    *room = wanted;
    return BAL_OK;
}

/* One pass of inflate over what is left of the input, into what is left of the room. */
static int inflate_some(z_stream *z, const bal_bytes *in, size_t *used, bal_bytes *out, size_t room)
{
    const size_t most = (size_t)1 << 30; /* zlib counts in unsigned int */
    const size_t give = in->count - *used < most ? in->count - *used : most;
    const size_t take = room - out->count < most ? room - out->count : most;
    z->next_in = in->data + *used;
    z->avail_in = (uInt)give;
    z->next_out = out->data + out->count;
    z->avail_out = (uInt)take;
    const int result = inflate(z, Z_NO_FLUSH);
    *used += give - z->avail_in;
    out->count += take - z->avail_out;
    return result;
}

static bal_status inflate_members(bal_ctx *ctx, const char *path, z_stream *z, const bal_bytes *in,
                                  size_t limit, bal_bytes *out)
{
    size_t used = 0, room = 0;
    for (;;) {
        if (out->count == room)
            BAL_TRY(grow(ctx, out, &room, limit));
        const size_t used_before = used, made_before = out->count;
        const int result = inflate_some(z, in, &used, out, room);
        if (out->count > limit)
            return bal_fail(ctx, BAL_BAD_FILE, "%s: holds more than the limit of %zu bytes", path,
                            limit);
        if (result == Z_STREAM_END) {
            if (used == in->count)
                return BAL_OK;
            if (inflateReset(z) != Z_OK)
                return bal_fail(ctx, BAL_BAD_FILE, "%s: damaged gzip data", path);
            continue;
        }
        if (result == Z_MEM_ERROR)
            return bal_fail(ctx, BAL_NO_MEMORY, "%s: zlib has no memory", path);
        if (result != Z_OK && result != Z_BUF_ERROR)
            return bal_fail(ctx, BAL_BAD_FILE, "%s: damaged gzip data at byte %zu (%s)", path, used,
                            z->msg ? z->msg : "not gzip");
        if (used == in->count && out->count < room)
            return bal_fail(ctx, BAL_BAD_FILE, "%s: gzip data ends too early, after %zu bytes",
                            path, used);
        if (used == used_before && out->count == made_before && out->count < room)
            return bal_fail(ctx, BAL_BAD_FILE, "%s: damaged gzip data at byte %zu", path, used);
    }
}

bal_status bal_gunzip(bal_ctx *ctx, const char *path, const bal_bytes *in, size_t limit,
                      bal_bytes *out)
{
    *out = (bal_bytes){NULL, 0};
    if (limit > SIZE_MAX / 4)
        limit = SIZE_MAX / 4;
    z_stream z = {0};
    if (inflateInit2(&z, 15 + 16) != Z_OK)
        return bal_fail(ctx, BAL_NO_MEMORY, "%s: zlib has no memory", path);
    const bal_status status = inflate_members(ctx, path, &z, in, limit, out);
    inflateEnd(&z);
    if (status != BAL_OK)
        bal_bytes_free(ctx, out);
    return status;
}

void bal_bytes_free(bal_ctx *ctx, bal_bytes *bytes)
{
    bal_free(ctx, bytes->data);
    *bytes = (bal_bytes){NULL, 0};
}
