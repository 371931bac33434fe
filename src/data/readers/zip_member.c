/* Reading one member of a ZIP archive. */
#include "data/readers/zip.h"

#include <inttypes.h>
#include <string.h>
#include <zlib.h>

#define LOCAL_MAGIC 0x04034b50u
#define LOCAL_BYTES 30
#define ENCRYPTED 0x0041u /* bit 0, and bit 6: strong */
#define SIZES_FOLLOW 0x0008u
#define STORED 0
#define DEFLATED 8
#define ZIP64_FIELD 1
#define FULL32 UINT32_MAX
#define BLOCK ((size_t)256 * 1024)
#define LARGEST_PIECE ((uint64_t)1 << 30) /* zlib counts in unsigned int */
/* Deflate makes at most 258 bytes of 2 bits. */
#define LARGEST_RATIO 1032

typedef struct local_header {
    uint32_t magic, crc;
    uint64_t packed, size;
    uint16_t flags, method, name_length, extra_length;
} local_header;

static bal_status fail_member(const bal_zip *zip, bal_ctx *ctx, const bal_zip_member *m,
                              const char *what)
{
    return bal_fail(ctx, BAL_BAD_FILE, "%s: %s: %s", zip->file->name, m->name, what);
}

static bal_status interrupted(bal_ctx *ctx)
{
    return bal_take_interrupt(ctx) ? bal_fail(ctx, BAL_INTERRUPTED, "interrupted") : BAL_OK;
}

bool bal_zip_is_stored(const bal_zip_member *member)
{
    return member->method == STORED;
}

/* ---- the local header ---- */

static bool take_local(bal_cursor *c, local_header *h)
{
    uint16_t needed, times[2];
    uint32_t packed = 0, size = 0;
    const bool whole = bal_take_u32le(c, &h->magic) && h->magic == LOCAL_MAGIC &&
                       bal_take_u16le(c, &needed) && bal_take_u16le(c, &h->flags) &&
                       bal_take_u16le(c, &h->method) && bal_take_u16le(c, &times[0]) &&
                       bal_take_u16le(c, &times[1]) && bal_take_u32le(c, &h->crc) &&
                       bal_take_u32le(c, &packed) && bal_take_u32le(c, &size) &&
                       bal_take_u16le(c, &h->name_length) && bal_take_u16le(c, &h->extra_length);
    h->packed = packed;
    h->size = size;
    return whole;
}

/* Here the ZIP64 field has both sizes, the unpacked one first. */
static bool take_zip64(bal_cursor extra, local_header *h)
{
    uint16_t id, length;
    const unsigned char *bytes;
    while (bal_take_u16le(&extra, &id) && bal_take_u16le(&extra, &length)) {
        if (!bal_take_bytes(&extra, length, &bytes))
            return false;
        if (id != ZIP64_FIELD)
            continue;
        bal_cursor c = bal_cursor_over(bytes, length);
        return (h->size != FULL32 || bal_take_u64le(&c, &h->size)) &&
               (h->packed != FULL32 || bal_take_u64le(&c, &h->packed));
    }
    return true;
}

/* rest: name and extra fields. */
static bool agrees(const bal_zip_member *m, local_header *h, const unsigned char *rest)
{
    if (memcmp(rest, m->name, m->name_length) != 0 || h->method != m->method ||
        ((h->flags ^ m->flags) & (ENCRYPTED | SIZES_FOLLOW)) != 0 ||
        !take_zip64(bal_cursor_over(rest + h->name_length, h->extra_length), h))
        return false;
    return (h->flags & SIZES_FOLLOW) ||
           (h->crc == m->crc && h->packed == m->packed && h->size == m->size);
}

bal_status bal_zip_start(const bal_zip *zip, bal_ctx *ctx, const bal_zip_member *m, uint64_t *start)
{
    unsigned char bytes[LOCAL_BYTES];
    local_header h;
    if (m->flags & ENCRYPTED)
        return bal_fail(ctx, BAL_UNSUPPORTED, "%s: %s is encrypted", zip->file->name, m->name);
    if (m->method != STORED && m->method != DEFLATED)
        return bal_fail(ctx, BAL_UNSUPPORTED,
                        "%s: %s is compressed by method %u, 0 (stored) or 8 (deflate) expected",
                        zip->file->name, m->name, (unsigned)m->method);
    BAL_TRY(bal_seekable_read(zip->file, ctx, m->header, LOCAL_BYTES, bytes));
    bal_cursor c = bal_cursor_over(bytes, LOCAL_BYTES);
    if (!take_local(&c, &h) || h.name_length != m->name_length)
        return fail_member(zip, ctx, m, "no header where the directory says");
    const size_t rest = (size_t)h.name_length + h.extra_length;
    *start = m->header + LOCAL_BYTES + rest;
    if (*start > m->limit || m->packed > m->limit - *start)
        return fail_member(zip, ctx, m, "reaches into the member that follows it");
    unsigned char *more = bal_calloc(ctx, rest, 1);
    if (!more)
        return BAL_NO_MEMORY;
    bal_status status = bal_seekable_read(zip->file, ctx, m->header + LOCAL_BYTES, rest, more);
    if (status == BAL_OK && !agrees(m, &h, more))
        status = fail_member(zip, ctx, m, "its header and the archive's directory disagree");
    bal_free(ctx, more);
    if (status == BAL_OK && m->method == STORED && m->packed != m->size)
        status = fail_member(zip, ctx, m, "is stored, but with another size than its own");
    return status;
}

/* ---- its bytes ---- */

static bal_status check_crc(const bal_zip *zip, bal_ctx *ctx, const bal_zip_member *m, uLong crc)
{
    if (crc == m->crc)
        return BAL_OK;
    return bal_fail(ctx, BAL_BAD_FILE,
                    "%s: %s is damaged: CRC-32 %08lx, %08" PRIx32 " in the archive's directory",
                    zip->file->name, m->name, crc, m->crc);
}

bal_status bal_zip_verify(const bal_zip *zip, bal_ctx *ctx, const bal_zip_member *m)
{
    uint64_t at;
    BAL_TRY(bal_zip_start(zip, ctx, m, &at));
    unsigned char *block = bal_calloc(ctx, BLOCK, 1);
    bal_status status = block ? BAL_OK : BAL_NO_MEMORY;
    uLong crc = crc32(0, NULL, 0);
    for (uint64_t left = m->packed; status == BAL_OK && left > 0;) {
        const size_t count = left < BLOCK ? (size_t)left : BLOCK;
        status = interrupted(ctx);
        if (status == BAL_OK)
            status = bal_seekable_read(zip->file, ctx, at, count, block);
        if (status == BAL_OK)
            crc = crc32(crc, block, (uInt)count);
        at += count;
        left -= count;
    }
    bal_free(ctx, block);
    return status == BAL_OK ? check_crc(zip, ctx, m, crc) : status;
}

static bal_status read_stored(const bal_zip *zip, bal_ctx *ctx, uint64_t start, bal_bytes *out)
{
    for (size_t at = 0; at < out->count;) {
        const size_t left = out->count - at, count = left < BLOCK ? left : BLOCK;
        BAL_TRY(interrupted(ctx));
        BAL_TRY(bal_seekable_read(zip->file, ctx, start + at, count, out->data + at));
        at += count;
    }
    return BAL_OK;
}

typedef struct unpacking {
    const bal_zip *zip;
    bal_ctx *ctx;
    const bal_zip_member *member;
    uint64_t at, end; /* packed bytes that were not read yet */
    unsigned char *block;
    z_stream z;
    size_t made;
} unpacking;

static bal_status fill_block(unpacking *u)
{
    const uint64_t left = u->end - u->at;
    const size_t count = left < BLOCK ? (size_t)left : BLOCK;
    BAL_TRY(interrupted(u->ctx));
    BAL_TRY(bal_seekable_read(u->zip->file, u->ctx, u->at, count, u->block));
    u->at += count;
    u->z.next_in = u->block;
    u->z.avail_in = (uInt)count;
    return BAL_OK;
}

/* A member ends where its packed bytes and its unpacked ones end. */
static bal_status inflate_all(unpacking *u, bal_bytes *out)
{
    for (;;) {
        if (u->z.avail_in == 0 && u->at < u->end)
            BAL_TRY(fill_block(u));
        const uint64_t room = out->count - u->made;
        const uInt piece = (uInt)(room < LARGEST_PIECE ? room : LARGEST_PIECE);
        unsigned char none;
        u->z.next_out = room ? out->data + u->made : &none;
        u->z.avail_out = room ? piece : 1; /* one more shows that there is more */
        const uInt give = u->z.avail_out, had = u->z.avail_in;
        const int result = inflate(&u->z, Z_NO_FLUSH);
        const uInt made = give - u->z.avail_out;
        if (made > room)
            return fail_member(u->zip, u->ctx, u->member, "holds more than its size says");
        u->made += made;
        if (result == Z_STREAM_END && u->made == out->count && u->at == u->end &&
            u->z.avail_in == 0)
            return BAL_OK;
        if (result == Z_MEM_ERROR)
            return bal_fail(u->ctx, BAL_NO_MEMORY, "%s: zlib has no memory", u->zip->file->name);
        const bool moved = made > 0 || had > u->z.avail_in;
        if (result == Z_STREAM_END || (result != Z_OK && result != Z_BUF_ERROR) || !moved)
            return bal_fail(u->ctx, BAL_BAD_FILE,
                            "%s: %s: damaged deflate data after %zu of %zu bytes (%s)",
                            u->zip->file->name, u->member->name, u->made, out->count,
                            u->z.msg ? u->z.msg : "it ends elsewhere than its sizes say");
    }
}

static bal_status read_deflated(const bal_zip *zip, bal_ctx *ctx, const bal_zip_member *m,
                                uint64_t start, bal_bytes *out)
{
    unpacking u = {.zip = zip, .ctx = ctx, .member = m, .at = start, .end = start + m->packed};
    u.block = bal_calloc(ctx, BLOCK, 1);
    if (!u.block)
        return BAL_NO_MEMORY;
    bal_status status = BAL_OK;
    if (inflateInit2(&u.z, -15) != Z_OK)
        status = bal_fail(ctx, BAL_NO_MEMORY, "%s: zlib has no memory", zip->file->name);
    else
        status = inflate_all(&u, out);
    inflateEnd(&u.z);
    bal_free(ctx, u.block);
    return status;
}

static uLong crc_of(const bal_bytes *bytes)
{
    uLong crc = crc32(0, NULL, 0);
    for (size_t at = 0; at < bytes->count;) {
        const size_t left = bytes->count - at, count = left < BLOCK ? left : BLOCK;
        crc = crc32(crc, bytes->data + at, (uInt)count);
        at += count;
    }
    return crc;
}

bal_status bal_zip_unpack(const bal_zip *zip, bal_ctx *ctx, const bal_zip_member *m, bal_bytes *out)
{
    uint64_t start;
    *out = (bal_bytes){NULL, 0};
    BAL_TRY(bal_zip_start(zip, ctx, m, &start));
    if (m->size / LARGEST_RATIO > m->packed || m->size > SIZE_MAX / 4)
        return bal_fail(ctx, BAL_BAD_FILE,
                        "%s: %s: %" PRIu64 " bytes cannot hold the %" PRIu64
                        " that the directory says",
                        zip->file->name, m->name, m->packed, m->size);
    out->data = bal_calloc(ctx, (size_t)m->size, 1);
    if (!out->data)
        return BAL_NO_MEMORY;
    out->count = (size_t)m->size;
    bal_status status = m->method == STORED ? read_stored(zip, ctx, start, out)
                                            : read_deflated(zip, ctx, m, start, out);
    if (status == BAL_OK)
        status = check_crc(zip, ctx, m, crc_of(out));
    if (status != BAL_OK)
        bal_bytes_free(ctx, out);
    return status;
}
