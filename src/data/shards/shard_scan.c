/* A walk over the members of a tar file. Nothing is ever written: names are only read. */
#include "data/shards/shard_scan.h"

#include "data/shards/shard_sample.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define BLOCK 512
#define READ_BYTES ((size_t)16 * 1024) /* a larger gap between headers is skipped */
#define LARGEST_LABEL ((int64_t)1 << 20)

typedef struct scan {
    bal_ctx *ctx;
    const char *name;
    int fd;
    uint64_t file_size, end; /* end: behind the last member's data, in whole blocks */
    struct archive *archive;
    struct archive_entry *entry;
    bal_shard_sampler sampler;
} scan;

static bal_status fail_at(const scan *s, const char *what)
{
    return bal_fail(s->ctx, BAL_BAD_FILE, "%s: at byte %" PRId64 ": %s", s->name,
                    (int64_t)archive_read_header_position(s->archive), what);
}

static bal_status fail_archive(const scan *s)
{
    const char *why = archive_error_string(s->archive);
    const int64_t at = archive_read_header_position(s->archive);
    if (archive_errno(s->archive) == ENOMEM)
        return bal_fail(s->ctx, BAL_NO_MEMORY, "%s: no memory to read it", s->name);
    if (at < 0)
        return bal_fail(s->ctx, BAL_BAD_FILE, "%s: is no tar file: %s", s->name, why ? why : "?");
    return fail_at(s, why ? why : "damaged");
}

/* A name of a pax header is UTF-8, one of an older header whatever it is. */
static const char *member_name(const scan *s)
{
    const char *name = archive_entry_pathname_utf8(s->entry);
    return name ? name : archive_entry_pathname(s->entry);
}

static bal_status fail_member(const scan *s, const char *what)
{
    return bal_fail(s->ctx, BAL_BAD_FILE, "%s: member \"%s\" at byte %" PRId64 ": %s", s->name,
                    member_name(s), (int64_t)archive_read_header_position(s->archive), what);
}

static bal_status pread_all(const scan *s, uint64_t offset, unsigned char *bytes, size_t count,
                            size_t *got)
{
    for (*got = 0; *got < count;) {
        const ssize_t n = pread(s->fd, bytes + *got, count - *got, (off_t)(offset + *got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return bal_fail(s->ctx, BAL_IO, "%s: cannot read: %s", s->name, strerror(errno));
        if (n == 0)
            return BAL_OK;
        *got += (size_t)n;
    }
    return BAL_OK;
}

/* Data that is read later by its offset alone must follow a sound header: the sum of its bytes,
 * with blanks for the sum itself, is the octal number at byte 148. */
static bal_status check_header(const scan *s, uint64_t data)
{
    unsigned char header[BLOCK];
    size_t got = 0;
    unsigned long sum = 0, said = 0;
    if (data >= BLOCK)
        BAL_TRY(pread_all(s, data - BLOCK, header, BLOCK, &got));
    if (got < BLOCK)
        return fail_member(s, "its header is not before its data");
    for (int i = 0; i < BLOCK; i++)
        sum += i >= 148 && i < 156 ? (unsigned)' ' : header[i];
    for (int i = 148; i < 156; i++)
        if (header[i] >= '0' && header[i] <= '7')
            said = said * 8 + (unsigned)(header[i] - '0');
    return sum == said ? BAL_OK : fail_member(s, "its header is not before its data");
}

static bal_status read_label(scan *s, bal_shard_part part, int64_t size)
{
    if (size > LARGEST_LABEL)
        return fail_member(s, "a label of more than 1 MiB");
    bal_bytes bytes = {bal_calloc(s->ctx, (size_t)size + 1, 1), 0};
    if (!bytes.data)
        return BAL_NO_MEMORY;
    while (bytes.count < (size_t)size) {
        const la_ssize_t got =
            archive_read_data(s->archive, bytes.data + bytes.count, (size_t)size - bytes.count);
        if (got <= 0) {
            bal_bytes_free(s->ctx, &bytes);
            return got < 0 ? fail_archive(s) : fail_member(s, "its data ends too early");
        }
        bytes.count += (size_t)got;
    }
    bal_shard_sampler_label(&s->sampler, part, bytes);
    return BAL_OK;
}

static bal_status read_part(scan *s, const bal_shard_member *member, uint64_t data, int64_t size)
{
    BAL_TRY(check_header(s, data));
    BAL_TRY(bal_shard_sampler_member(&s->sampler, member));
    if (member->part != BAL_SHARD_PICTURE)
        return read_label(s, member->part, size);
    if (size > UINT32_MAX)
        return fail_member(s, "a picture of more than 4 GiB");
    bal_shard_sampler_picture(&s->sampler, member->rank, data, (uint32_t)size);
    return BAL_OK;
}

/* Room that a member claims must be in the file. */
static bal_status check_room(scan *s, const char *name, int64_t data, int64_t size)
{
    if (size < 0 || data < 0)
        return fail_member(s, "its size makes no sense");
    if ((uint64_t)data > s->file_size || (uint64_t)size > s->file_size - (uint64_t)data)
        return bal_fail(s->ctx, BAL_BAD_FILE,
                        "%s: cut off: member \"%s\" has %" PRId64 " bytes at byte %" PRId64
                        ", the file ends at byte %" PRIu64,
                        s->name, name, size, data, s->file_size);
    s->end = ((uint64_t)data + (uint64_t)size + BLOCK - 1) / BLOCK * BLOCK;
    return BAL_OK;
}

static bal_status read_member(scan *s)
{
    bal_shard_member member;
    const char *name = member_name(s);
    const bool regular =
        archive_entry_filetype(s->entry) == AE_IFREG && !archive_entry_hardlink(s->entry);
    const bool sparse = archive_entry_sparse_count(s->entry) > 0;
    const int64_t size = regular ? archive_entry_size(s->entry) : 0;
    const int64_t data = archive_filter_bytes(s->archive, 0);
    if (!name || strlen(name) >= BAL_SHARD_LONGEST_NAME)
        return fail_at(s, "a member with a name of more than 4095 bytes, or none");
    if (!sparse)
        BAL_TRY(check_room(s, name, data, size));
    if (!bal_shard_member_of(name, &member))
        return BAL_OK;
    if (member.part == BAL_SHARD_NOTHING)
        return regular ? bal_shard_sampler_member(&s->sampler, &member) : BAL_OK;
    if (!regular)
        return fail_member(s, "is a link or device; pictures and labels are read from files only");
    if (sparse)
        return fail_member(s, "is sparse; pictures and labels are read from whole files only");
    return read_part(s, &member, (uint64_t)data, size);
}

/* A whole tar file ends with blocks of zeros. */
static bal_status check_end(const scan *s)
{
    unsigned char block[BLOCK];
    size_t got;
    BAL_TRY(pread_all(s, s->end, block, BLOCK, &got));
    if (got < BLOCK)
        bal_log(s->ctx, BAL_LOG_WARN,
                "%s: ends at byte %" PRIu64 " without the empty blocks that end a tar file: it may "
                "have been cut off",
                s->name, s->file_size);
    return BAL_OK;
}

static bal_status walk(scan *s)
{
    for (;;) {
        const int result = archive_read_next_header(s->archive, &s->entry);
        if (result == ARCHIVE_EOF)
            break;
        if (result != ARCHIVE_OK && result != ARCHIVE_WARN)
            return fail_archive(s);
        if (bal_take_interrupt(s->ctx))
            return bal_fail(s->ctx, BAL_INTERRUPTED, "%s: interrupted while it was read", s->name);
        BAL_TRY(read_member(s));
    }
    BAL_TRY(bal_shard_sampler_end(&s->sampler));
    return check_end(s);
}

static bal_status open_archive(scan *s)
{
    s->archive = archive_read_new();
    if (!s->archive)
        return bal_fail(s->ctx, BAL_NO_MEMORY, "%s: no memory to read it", s->name);
    if (archive_read_support_format_tar(s->archive) != ARCHIVE_OK ||
        archive_read_open_fd(s->archive, s->fd, READ_BYTES) != ARCHIVE_OK)
        return fail_archive(s);
    return BAL_OK;
}

bal_status bal_shard_scan(bal_ctx *ctx, const char *name, int fd, bal_shard_index *out)
{
    struct stat info;
    *out = (bal_shard_index){0};
    if (fstat(fd, &info) != 0)
        return bal_fail(ctx, BAL_IO, "%s: cannot ask for its size: %s", name, strerror(errno));
    scan s = {.ctx = ctx,
              .name = name,
              .fd = fd,
              .file_size = (uint64_t)info.st_size,
              .sampler = {.ctx = ctx, .shard = name, .index = out, .rank = -1}};
    out->tar_size = s.file_size;
    bal_status status = open_archive(&s);
    if (status == BAL_OK)
        status = walk(&s);
    archive_read_free(s.archive);
    bal_shard_sampler_free(&s.sampler);
    if (status != BAL_OK)
        bal_shard_index_free(ctx, out);
    return status;
}
