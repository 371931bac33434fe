/* ZIP archives and NPY arrays in memory; see archives.h. */
#include "helpers/archives.h"

#include "helpers/helpers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

typedef struct packed_member {
    uint8_t *bytes;
    size_t count;
    uint32_t crc;
    uint64_t header;
} packed_member;

static void put(FILE *f, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        fputc((int)(value >> (8 * i) & 255u), f);
}

static void put_bytes(FILE *f, const void *bytes, size_t count)
{
    if (count)
        assert_int_equal(fwrite(bytes, 1, count, f), count);
}

static packed_member pack(const test_zip_member *m)
{
    packed_member p = {.count = m->count, .crc = (uint32_t)crc32(0, m->bytes, (uInt)m->count)};
    const size_t room = m->count + m->count / 100 + 64;
    p.bytes = malloc(room);
    assert_non_null(p.bytes);
    if (!m->deflate) {
        if (m->count)
            memcpy(p.bytes, m->bytes, m->count);
        return p;
    }
    z_stream z = {0};
    uint8_t *in = malloc(m->count + 1);
    assert_non_null(in);
    if (m->count)
        memcpy(in, m->bytes, m->count);
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = in;
    z.avail_in = (uInt)m->count;
    z.next_out = p.bytes;
    z.avail_out = (uInt)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    p.count = room - z.avail_out;
    deflateEnd(&z);
    free(in);
    return p;
}

/* What the local header and the directory have in common. */
static void put_common(FILE *f, const test_zip_member *m, const packed_member *p, bool local)
{
    const bool later = local && m->follow;
    put(f, m->zip64 ? 45 : 20, 2);
    put(f, m->follow ? 8 : 0, 2);
    put(f, m->deflate ? 8 : 0, 2);
    put(f, 0x21 << 16, 4); /* the first of January 1980 */
    put(f, later ? 0 : p->crc, 4);
    put(f, m->zip64 ? UINT32_MAX : later ? 0 : p->count, 4);
    put(f, m->zip64 ? UINT32_MAX : later ? 0 : m->count, 4);
    put(f, strlen(m->name), 2);
}

static void put_member(FILE *f, const test_zip_member *m, packed_member *p)
{
    p->header = (uint64_t)ftell(f);
    put_bytes(f, "PK\3\4", 4);
    put_common(f, m, p, true);
    put(f, m->zip64 ? 20 : 0, 2);
    put_bytes(f, m->name, strlen(m->name));
    if (m->zip64) {
        put(f, 1, 2);
        put(f, 16, 2);
        put(f, m->follow ? 0 : m->count, 8);
        put(f, m->follow ? 0 : p->count, 8);
    }
    put_bytes(f, p->bytes, p->count);
    if (m->follow) {
        put_bytes(f, "PK\7\10", 4);
        put(f, p->crc, 4);
        put(f, p->count, m->zip64 ? 8 : 4);
        put(f, m->count, m->zip64 ? 8 : 4);
    }
}

static void put_entry(FILE *f, const test_zip_member *m, const packed_member *p)
{
    put_bytes(f, "PK\1\2", 4);
    put(f, 45, 2);
    put_common(f, m, p, false);
    put(f, m->zip64 ? 6 + 28 : 6, 2); /* another field first */
    put(f, 0, 6);                     /* comment, disk, attributes */
    put(f, 0, 4);
    put(f, m->zip64 ? UINT32_MAX : p->header, 4);
    put_bytes(f, m->name, strlen(m->name));
    put(f, 0x9999, 2);
    put(f, 2, 2);
    put(f, 7, 2);
    if (m->zip64) {
        put(f, 1, 2);
        put(f, 24, 2);
        put(f, m->count, 8);
        put(f, p->count, 8);
        put(f, p->header, 8);
    }
}

static void put_end(FILE *f, const test_zip *zip, uint64_t offset)
{
    const uint64_t at = (uint64_t)ftell(f), bytes = at - offset, count = (uint64_t)zip->count;
    if (zip->zip64) {
        put_bytes(f, "PK\6\6", 4);
        put(f, 44, 8);
        put(f, 45, 2);
        put(f, 45, 2);
        put(f, 0, 8); /* disks */
        put(f, count, 8);
        put(f, count, 8);
        put(f, bytes, 8);
        put(f, offset, 8);
        put_bytes(f, "PK\6\7", 4);
        put(f, 0, 4);
        put(f, at, 8);
        put(f, 1, 4);
    }
    const size_t comment = zip->comment ? strlen(zip->comment) : 0;
    put_bytes(f, "PK\5\6", 4);
    put(f, 0, 4);
    put(f, zip->zip64 ? UINT16_MAX : count, 2);
    put(f, zip->zip64 ? UINT16_MAX : count, 2);
    put(f, zip->zip64 ? UINT32_MAX : bytes, 4);
    put(f, zip->zip64 ? UINT32_MAX : offset, 4);
    put(f, comment, 2);
    put_bytes(f, zip->comment, comment);
}

uint8_t *test_zip_bytes(const test_zip *zip, size_t *count)
{
    char *bytes = NULL;
    FILE *f = open_memstream(&bytes, count);
    packed_member *packed = calloc((size_t)zip->count + 1, sizeof *packed);
    assert_true(f && packed);
    for (int i = 0; i < zip->count; i++) {
        packed[i] = pack(&zip->members[i]);
        put_member(f, &zip->members[i], &packed[i]);
    }
    const uint64_t offset = (uint64_t)ftell(f);
    for (int i = 0; i < zip->count; i++) {
        put_entry(f, &zip->members[i], &packed[i]);
        free(packed[i].bytes);
    }
    put_end(f, zip, offset);
    free(packed);
    assert_int_equal(fclose(f), 0);
    return (uint8_t *)bytes;
}

size_t test_zip_find(const uint8_t *bytes, size_t count, const char *signature, int n)
{
    for (size_t i = 0; i + 4 <= count; i++)
        if (memcmp(bytes + i, signature, 4) == 0 && n-- == 0)
            return i;
    fail_msg("there are not so many %.2s records", signature);
    return 0;
}

uint8_t *test_npy_bytes(const char *descr, const char *shape, const void *data, size_t bytes,
                        size_t *count)
{
    char header[256];
    int at = snprintf(header, sizeof header,
                      "{'descr': '%s', 'fortran_order': False, 'shape': (%s%s), }", descr, shape,
                      strchr(shape, ',') ? "" : ",");
    while ((10 + at + 1) % 64 != 0)
        header[at++] = ' ';
    header[at++] = '\n';
    char *out = NULL;
    FILE *f = open_memstream(&out, count);
    assert_non_null(f);
    put_bytes(f, "\x93NUMPY\1\0", 8);
    put(f, (uint64_t)at, 2);
    put_bytes(f, header, (size_t)at);
    put_bytes(f, data, bytes);
    assert_int_equal(fclose(f), 0);
    return (uint8_t *)out;
}
