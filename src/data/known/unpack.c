/* Decompression of one file. */
#include "data/known/unpack.h"

#include "base/writer.h"
#include "data/known/free_space.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <inttypes.h>

#define READ_BYTES ((size_t)256 * 1024)
#define BUFFER_BYTES ((size_t)1 << 20)
#define LOOK_EVERY ((uint64_t)64 << 20) /* bytes between two looks at the free space */

typedef struct stream {
    bal_ctx *ctx;
    const char *name, *to;
    uint64_t most;
    struct archive *archive;
    bal_writer *writer;
} stream;

static bal_status fail_archive(const stream *s)
{
    const char *why = archive_error_string(s->archive);
    if (archive_errno(s->archive) == ENOMEM)
        return bal_fail(s->ctx, BAL_NO_MEMORY, "%s: no memory to unpack it", s->name);
    return bal_fail(s->ctx, BAL_BAD_FILE, "%s: cannot be unpacked, %" PRId64 " bytes were read: %s",
                    s->name, (int64_t)archive_filter_bytes(s->archive, -1), why ? why : "damaged");
}

/* A library without the format would start a program for it, and says so by ARCHIVE_WARN. */
static bal_status open_stream(stream *s, int fd)
{
    struct archive_entry *entry;
    s->archive = archive_read_new();
    if (!s->archive)
        return bal_fail(s->ctx, BAL_NO_MEMORY, "%s: no memory to unpack it", s->name);
    if (archive_read_support_filter_gzip(s->archive) != ARCHIVE_OK ||
        archive_read_support_filter_zstd(s->archive) != ARCHIVE_OK)
        return bal_fail(s->ctx, BAL_UNSUPPORTED,
                        "%s: this libarchive was built without gzip or zstd", s->name);
    if (archive_read_support_format_raw(s->archive) != ARCHIVE_OK ||
        archive_read_open_fd(s->archive, fd, READ_BYTES) != ARCHIVE_OK ||
        archive_read_next_header(s->archive, &entry) != ARCHIVE_OK)
        return fail_archive(s);
    return BAL_OK;
}

static bal_status copy(stream *s, unsigned char *buffer)
{
    uint64_t done = 0, looked = 0;
    for (;;) {
        const la_ssize_t got = archive_read_data(s->archive, buffer, BUFFER_BYTES);
        if (got == 0)
            return BAL_OK;
        if (got < 0)
            return fail_archive(s);
        done += (uint64_t)got;
        if (done > s->most)
            return bal_fail(s->ctx, BAL_IO,
                            "%s: unpacks to more than the %" PRIu64 " bytes that are allowed "
                            "(max-unpacked)",
                            s->name, s->most);
        if (done - looked >= LOOK_EVERY) {
            looked = done;
            BAL_TRY(bal_space_check(s->ctx, s->to, LOOK_EVERY));
        }
        if (bal_take_interrupt(s->ctx))
            return bal_fail(s->ctx, BAL_INTERRUPTED, "%s: interrupted while it was unpacked",
                            s->name);
        bal_writer_bytes(s->writer, buffer, (size_t)got);
    }
}

bal_status bal_unpack_stream(bal_ctx *ctx, const char *name, int fd, uint64_t most, const char *to)
{
    stream s = {.ctx = ctx, .name = name, .to = to, .most = most};
    unsigned char *buffer = bal_calloc(ctx, BUFFER_BYTES, 1);
    bal_status status = buffer ? open_stream(&s, fd) : BAL_NO_MEMORY;
    if (status == BAL_OK)
        status = bal_writer_open(&s.writer, ctx, to);
    if (status == BAL_OK)
        status = copy(&s, buffer);
    archive_read_free(s.archive);
    if (status == BAL_OK)
        status = bal_writer_commit(&s.writer);
    else
        bal_writer_abandon(&s.writer);
    bal_free(ctx, buffer);
    return status;
}
