/* The central directory of a ZIP archive. Nothing in it is believed before it was compared with the
 * size of the file and with what its neighbours say. */
#include "data/readers/zip.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define END_MAGIC 0x06054b50u
#define END_BYTES 22
#define END64_MAGIC 0x06064b50u
#define END64_BYTES 56
#define LOCATOR_MAGIC 0x07064b50u
#define LOCATOR_BYTES 20
#define ENTRY_MAGIC 0x02014b50u
#define ENTRY_BYTES 46
#define LOCAL_BYTES 30
#define LONGEST_COMMENT 65535
#define LARGEST_DIRECTORY ((uint64_t)64 << 20)
#define ZIP64_FIELD 1

#define FULL16 UINT16_MAX /* "see the ZIP64 field" */
#define FULL32 UINT32_MAX

/* Where the directory is, by the record at the end of the file. */
typedef struct directory_place {
    uint64_t end; /* offset of that record, of the ZIP64 one where there is one */
    uint64_t disk, directory_disk, count_here, count, bytes, offset;
} directory_place;

static bal_status damaged(const bal_seekable *file, bal_ctx *ctx, const char *what)
{
    return bal_fail(ctx, BAL_BAD_FILE, "%s: damaged ZIP archive: %s", file->name, what);
}

/* ---- the end of the file ---- */

/* The last record whose comment ends with the file; its offset in the tail, or false. */
static bool find_end(const unsigned char *tail, size_t count, size_t *at)
{
    for (size_t i = count < END_BYTES ? 0 : count - END_BYTES + 1; i-- > 0;) {
        bal_cursor c = bal_cursor_over(tail + i, count - i);
        const unsigned char *skipped;
        uint32_t magic = 0;
        uint16_t comment = 0;
        if (bal_take_u32le(&c, &magic) && magic == END_MAGIC &&
            bal_take_bytes(&c, END_BYTES - 6, &skipped) && bal_take_u16le(&c, &comment) &&
            bal_cursor_left(&c) == comment) {
            *at = i;
            return true;
        }
    }
    return false;
}

static bool take_end(bal_cursor c, directory_place *out)
{
    uint32_t magic, bytes, offset;
    uint16_t disk, directory_disk, here, count;
    const bool whole = bal_take_u32le(&c, &magic) && bal_take_u16le(&c, &disk) &&
                       bal_take_u16le(&c, &directory_disk) && bal_take_u16le(&c, &here) &&
                       bal_take_u16le(&c, &count) && bal_take_u32le(&c, &bytes) &&
                       bal_take_u32le(&c, &offset);
    if (whole)
        *out = (directory_place){0, disk, directory_disk, here, count, bytes, offset};
    return whole;
}

static bool take_end64(bal_cursor c, directory_place *out)
{
    uint32_t magic, disk, directory_disk;
    uint64_t length;
    uint16_t made, needed;
    const bool whole = bal_take_u32le(&c, &magic) && magic == END64_MAGIC &&
                       bal_take_u64le(&c, &length) && bal_take_u16le(&c, &made) &&
                       bal_take_u16le(&c, &needed) && bal_take_u32le(&c, &disk) &&
                       bal_take_u32le(&c, &directory_disk) &&
                       bal_take_u64le(&c, &out->count_here) && bal_take_u64le(&c, &out->count) &&
                       bal_take_u64le(&c, &out->bytes) && bal_take_u64le(&c, &out->offset);
    if (whole) {
        out->disk = disk;
        out->directory_disk = directory_disk;
    }
    return whole;
}

/* The ZIP64 record, where its locator stands before the record at the end. */
static bal_status read_end64(const bal_seekable *file, bal_ctx *ctx, uint64_t end,
                             directory_place *out)
{
    unsigned char bytes[END64_BYTES];
    uint32_t magic, disk, disks;
    uint64_t at;
    if (end < LOCATOR_BYTES)
        return BAL_OK;
    BAL_TRY(bal_seekable_read(file, ctx, end - LOCATOR_BYTES, LOCATOR_BYTES, bytes));
    bal_cursor c = bal_cursor_over(bytes, LOCATOR_BYTES);
    if (!bal_take_u32le(&c, &magic) || magic != LOCATOR_MAGIC)
        return BAL_OK;
    if (!bal_take_u32le(&c, &disk) || !bal_take_u64le(&c, &at) || !bal_take_u32le(&c, &disks) ||
        end - LOCATOR_BYTES < END64_BYTES || at > end - LOCATOR_BYTES - END64_BYTES)
        return damaged(file, ctx, "its ZIP64 record is not where the locator says");
    if (disk != 0 || disks > 1)
        return bal_fail(ctx, BAL_UNSUPPORTED, "%s: one of several disks of a ZIP archive",
                        file->name);
    BAL_TRY(bal_seekable_read(file, ctx, at, END64_BYTES, bytes));
    if (!take_end64(bal_cursor_over(bytes, END64_BYTES), out))
        return damaged(file, ctx, "its ZIP64 record is not where the locator says");
    out->end = at;
    return BAL_OK;
}

static bal_status find_directory(const bal_seekable *file, bal_ctx *ctx, directory_place *out)
{
    const uint64_t most = END_BYTES + LONGEST_COMMENT;
    const size_t count = (size_t)(file->size < most ? file->size : most);
    const uint64_t begin = file->size - count;
    size_t at = 0;
    *out = (directory_place){0};
    unsigned char *tail = bal_calloc(ctx, count, 1);
    if (!tail)
        return BAL_NO_MEMORY;
    bal_status status = bal_seekable_read(file, ctx, begin, count, tail);
    if (status == BAL_OK &&
        (!find_end(tail, count, &at) || !take_end(bal_cursor_over(tail + at, count - at), out)))
        status =
            bal_fail(ctx, BAL_BAD_FILE,
                     "%s: not a ZIP archive (as NPZ files are), or its end is cut off", file->name);
    bal_free(ctx, tail);
    BAL_TRY(status);
    out->end = begin + at;
    if (out->count == FULL16 || out->count_here == FULL16 || out->bytes == FULL32 ||
        out->offset == FULL32)
        BAL_TRY(read_end64(file, ctx, begin + at, out));
    if (out->disk != 0 || out->directory_disk != 0 || out->count_here != out->count)
        return bal_fail(ctx, BAL_UNSUPPORTED, "%s: one of several disks of a ZIP archive",
                        file->name);
    if (out->offset > out->end || out->bytes > out->end - out->offset)
        return damaged(file, ctx, "its directory reaches beyond the file");
    if (out->bytes > LARGEST_DIRECTORY || out->count > out->bytes / ENTRY_BYTES)
        return bal_fail(ctx, BAL_BAD_FILE,
                        "%s: a directory of %" PRIu64 " bytes for %" PRIu64
                        " members; at most %" PRIu64 " and at least %d a member expected",
                        file->name, out->bytes, out->count, LARGEST_DIRECTORY, ENTRY_BYTES);
    return BAL_OK;
}

/* ---- the directory ---- */

/* Fields of 4 bytes that are full have 8 in the ZIP64 field, in a fixed order. */
static bool take_zip64(bal_cursor extra, bal_zip_member *m, uint64_t *disk)
{
    uint16_t id, length;
    const unsigned char *bytes;
    while (bal_take_u16le(&extra, &id) && bal_take_u16le(&extra, &length)) {
        if (!bal_take_bytes(&extra, length, &bytes))
            return false;
        if (id != ZIP64_FIELD)
            continue;
        bal_cursor c = bal_cursor_over(bytes, length);
        uint32_t disk32 = 0;
        if ((m->size == FULL32 && !bal_take_u64le(&c, &m->size)) ||
            (m->packed == FULL32 && !bal_take_u64le(&c, &m->packed)) ||
            (m->header == FULL32 && !bal_take_u64le(&c, &m->header)))
            return false;
        if (*disk == FULL16 && bal_take_u32le(&c, &disk32))
            *disk = disk32;
        return true;
    }
    return true;
}

/* names: where the name goes, with a zero behind it. */
static bool take_entry(bal_cursor *c, bal_zip_member *m, char *names, uint64_t *disk)
{
    uint32_t magic, packed, size, header, outer_attributes;
    uint16_t versions[2], times[2], extra_length, comment_length, disk16, attributes;
    const unsigned char *name, *extra, *comment;
    if (!bal_take_u32le(c, &magic) || magic != ENTRY_MAGIC || !bal_take_u16le(c, &versions[0]) ||
        !bal_take_u16le(c, &versions[1]) || !bal_take_u16le(c, &m->flags) ||
        !bal_take_u16le(c, &m->method) || !bal_take_u16le(c, &times[0]) ||
        !bal_take_u16le(c, &times[1]) || !bal_take_u32le(c, &m->crc) ||
        !bal_take_u32le(c, &packed) || !bal_take_u32le(c, &size) ||
        !bal_take_u16le(c, &m->name_length) || !bal_take_u16le(c, &extra_length) ||
        !bal_take_u16le(c, &comment_length) || !bal_take_u16le(c, &disk16) ||
        !bal_take_u16le(c, &attributes) || !bal_take_u32le(c, &outer_attributes) ||
        !bal_take_u32le(c, &header) || !bal_take_bytes(c, m->name_length, &name) ||
        !bal_take_bytes(c, extra_length, &extra) || !bal_take_bytes(c, comment_length, &comment))
        return false;
    m->packed = packed;
    m->size = size;
    m->header = header;
    m->name = names;
    memcpy(names, name, m->name_length);
    *disk = disk16;
    return take_zip64(bal_cursor_over(extra, extra_length), m, disk);
}

static bal_status take_directory(bal_zip *zip, bal_ctx *ctx, bal_cursor c)
{
    char *names = zip->names;
    for (size_t i = 0; i < zip->count; i++) {
        bal_zip_member *m = &zip->members[i];
        uint64_t disk;
        if (!take_entry(&c, m, names, &disk))
            return bal_fail(ctx, BAL_BAD_FILE,
                            "%s: damaged ZIP archive: member %zu of %zu in its directory",
                            zip->file->name, i + 1, zip->count);
        if (disk != 0)
            return bal_fail(ctx, BAL_UNSUPPORTED, "%s: %s is on another disk of the archive",
                            zip->file->name, m->name);
        names += m->name_length + 1;
        const uint64_t lead = LOCAL_BYTES + (uint64_t)m->name_length;
        if (m->header > zip->directory || lead > zip->directory - m->header ||
            m->packed > zip->directory - m->header - lead)
            return bal_fail(ctx, BAL_BAD_FILE,
                            "%s: %s of %" PRIu64 " bytes at byte %" PRIu64
                            " reaches beyond the archive's members, which end at byte %" PRIu64,
                            zip->file->name, m->name, m->packed, m->header, zip->directory);
    }
    return BAL_OK;
}

static int by_header(const void *a, const void *b)
{
    const bal_zip_member *const *x = a, *const *y = b;
    return (*x)->header < (*y)->header ? -1 : (*x)->header > (*y)->header;
}

/* Members that share bytes are how a small archive unpacks to terabytes. Sets what follows each. */
static bal_status check_overlap(bal_zip *zip, bal_ctx *ctx)
{
    bal_zip_member **order = bal_calloc(ctx, zip->count, sizeof *order);
    if (!order)
        return BAL_NO_MEMORY;
    for (size_t i = 0; i < zip->count; i++)
        order[i] = &zip->members[i];
    if (zip->count)
        qsort(order, zip->count, sizeof *order, by_header);
    bal_status status = BAL_OK;
    for (size_t i = 0; status == BAL_OK && i < zip->count; i++) {
        bal_zip_member *m = order[i];
        m->limit = i + 1 < zip->count ? order[i + 1]->header : zip->directory;
        if (m->header + LOCAL_BYTES + m->name_length + m->packed > m->limit)
            status = bal_fail(ctx, BAL_BAD_FILE, "%s: damaged ZIP archive: %s and %s overlap",
                              zip->file->name, m->name, order[i + 1]->name);
    }
    bal_free(ctx, order);
    return status;
}

bal_status bal_zip_open(bal_zip *out, bal_ctx *ctx, const bal_seekable *file)
{
    *out = (bal_zip){.ctx = ctx, .file = file};
    directory_place place;
    BAL_TRY(find_directory(file, ctx, &place));
    const size_t bytes = (size_t)place.bytes;
    out->count = (size_t)place.count;
    out->directory = place.offset;
    out->members = bal_calloc(ctx, out->count, sizeof *out->members);
    out->names = bal_calloc(ctx, bytes, 1); /* an entry is longer than its name and a zero */
    unsigned char *directory = bal_calloc(ctx, bytes, 1);
    bal_status status = out->members && out->names && directory ? BAL_OK : BAL_NO_MEMORY;
    if (status == BAL_OK)
        status = bal_seekable_read(file, ctx, place.offset, bytes, directory);
    if (status == BAL_OK)
        status = take_directory(out, ctx, bal_cursor_over(directory, bytes));
    if (status == BAL_OK)
        status = check_overlap(out, ctx);
    bal_free(ctx, directory);
    if (status != BAL_OK)
        bal_zip_close(out);
    return status;
}

void bal_zip_close(bal_zip *zip)
{
    if (zip->ctx) {
        bal_free(zip->ctx, zip->members);
        bal_free(zip->ctx, zip->names);
    }
    *zip = (bal_zip){0};
}

bal_status bal_zip_find(const bal_zip *zip, bal_ctx *ctx, const char *name,
                        const bal_zip_member **member)
{
    const size_t length = strlen(name);
    *member = NULL;
    for (size_t i = 0; i < zip->count; i++) {
        const bal_zip_member *m = &zip->members[i];
        if (m->name_length != length || memcmp(m->name, name, length) != 0)
            continue;
        if (*member)
            return bal_fail(ctx, BAL_BAD_FILE, "%s: has two members called %s", zip->file->name,
                            name);
        *member = m;
    }
    return BAL_OK;
}
