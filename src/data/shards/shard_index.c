/* The index of a shard in memory and in its file. */
#include "data/shards/shard_index.h"

#include "base/cursor.h"
#include "base/writer.h"

#include <inttypes.h>
#include <string.h>
#include <zlib.h>

#define MAGIC "BALSHARD"
#define MAGIC_BYTES 8
#define VERSION 1
#define BYTE_ORDER_MARK UINT32_C(0x01020304)
#define HEAD_BYTES 28   /* up to what the checksum covers */
#define LEAST_SAMPLE 18 /* bytes of a sample with an empty key */
#define LONGEST_TEXT UINT16_MAX

bal_shard_identity bal_shard_identity_of(const struct stat *info)
{
    return (bal_shard_identity){(uint64_t)info->st_size, (int64_t)info->st_mtim.tv_sec,
                                (uint32_t)info->st_mtim.tv_nsec};
}

bool bal_shard_identity_equal(const bal_shard_identity *a, const bal_shard_identity *b)
{
    return a->size == b->size && a->seconds == b->seconds && a->nanoseconds == b->nanoseconds;
}

const char *bal_shard_key(const bal_shard_index *index, size_t sample)
{
    return index->texts + index->samples[sample].key;
}

static bal_status make_room(bal_shard_index *index, bal_ctx *ctx, size_t text)
{
    if (index->count == index->room) {
        const size_t room = index->room ? 2 * index->room : 64;
        bal_shard_sample *bigger =
            bal_resize(ctx, index->samples, index->count, room, sizeof *bigger);
        if (!bigger)
            return BAL_NO_MEMORY;
        index->samples = bigger;
        index->room = room;
    }
    if (text > index->text_room - index->text_count) {
        const size_t room = 2 * index->text_room + text;
        char *bigger = bal_resize(ctx, index->texts, index->text_count, room, 1);
        if (!bigger)
            return BAL_NO_MEMORY;
        index->texts = bigger;
        index->text_room = room;
    }
    return BAL_OK;
}

bal_status bal_shard_index_add(bal_shard_index *index, bal_ctx *ctx, bal_shard_sample sample,
                               const char *key)
{
    const size_t bytes = strlen(key) + 1;
    BAL_TRY(make_room(index, ctx, bytes));
    sample.key = index->text_count;
    memcpy(index->texts + index->text_count, key, bytes);
    index->text_count += bytes;
    index->samples[index->count++] = sample;
    return BAL_OK;
}

void bal_shard_index_free(bal_ctx *ctx, bal_shard_index *index)
{
    bal_name_set_free(ctx, &index->names);
    bal_free(ctx, index->samples);
    bal_free(ctx, index->texts);
    *index = (bal_shard_index){0};
}

/* ---- writing ---- */

typedef struct out_bytes {
    unsigned char *at; /* NULL: only counted */
    size_t count;
} out_bytes;

static void put(out_bytes *out, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++, value >>= 8)
        if (out->at)
            *out->at++ = (unsigned char)value;
    out->count += (size_t)bytes;
}

static void put_text(out_bytes *out, const char *text)
{
    const size_t length = strlen(text);
    put(out, length, 2);
    if (out->at) {
        memcpy(out->at, text, length);
        out->at += length;
    }
    out->count += length;
}

static void put_body(out_bytes *out, const char *shard, const bal_shard_index *index)
{
    put(out, index->identity.size, 8);
    put(out, (uint64_t)index->identity.seconds, 8);
    put(out, index->identity.nanoseconds, 4);
    put(out, index->tar_size, 8);
    put_text(out, shard);
    put(out, index->named, 1);
    put(out, index->names.count, 4);
    for (size_t i = 0; i < index->names.count; i++)
        put_text(out, index->names.names[i]);
    put(out, index->count, 8);
    for (size_t i = 0; i < index->count; i++) {
        put(out, index->samples[i].offset, 8);
        put(out, index->samples[i].size, 4);
        put(out, index->samples[i].label, 4);
        put_text(out, bal_shard_key(index, i));
    }
}

static void put_head(out_bytes *out, size_t length, uint32_t sum)
{
    for (int i = 0; i < MAGIC_BYTES; i++)
        put(out, (unsigned char)MAGIC[i], 1);
    put(out, VERSION, 4);
    put(out, BYTE_ORDER_MARK, 4);
    put(out, length, 8);
    put(out, sum, 4);
}

bal_status bal_shard_index_write(bal_ctx *ctx, const char *path, const char *shard,
                                 const bal_shard_index *index)
{
    out_bytes body = {0};
    put_body(&body, shard, index);
    const size_t length = HEAD_BYTES + body.count;
    unsigned char *bytes = bal_calloc(ctx, length, 1);
    if (!bytes)
        return BAL_NO_MEMORY;
    out_bytes head = {.at = bytes};
    body = (out_bytes){.at = bytes + HEAD_BYTES};
    put_body(&body, shard, index);
    put_head(&head, length, (uint32_t)crc32_z(0, bytes + HEAD_BYTES, body.count));
    const bal_status status = bal_file_write(ctx, path, bytes, length);
    bal_free(ctx, bytes);
    return status;
}

/* ---- reading ---- */

typedef struct reading {
    bal_ctx *ctx;
    const char *name;
    bal_cursor c;
} reading;

static bal_status damaged(const reading *r, const char *what)
{
    return bal_fail(r->ctx, BAL_BAD_FILE, "%s: damaged index: %s at byte %zu", r->name, what,
                    bal_cursor_offset(&r->c));
}

/* A text without zeros, NUL-terminated into buffer (LONGEST_TEXT + 1 bytes). */
static bool take_text(bal_cursor *c, char *buffer)
{
    uint16_t length;
    const unsigned char *bytes;
    if (!bal_take_u16le(c, &length) || !bal_take_bytes(c, length, &bytes) ||
        memchr(bytes, 0, length))
        return false;
    memcpy(buffer, bytes, length);
    buffer[length] = '\0';
    return true;
}

static bal_status read_head(reading *r)
{
    const unsigned char *magic;
    uint32_t version, mark, sum;
    uint64_t length;
    const size_t count = bal_cursor_left(&r->c);
    if (!bal_take_bytes(&r->c, MAGIC_BYTES, &magic) || memcmp(magic, MAGIC, MAGIC_BYTES) != 0)
        return bal_fail(r->ctx, BAL_BAD_FILE, "%s: is not an index of a shard", r->name);
    if (!bal_take_u32le(&r->c, &version) || !bal_take_u32le(&r->c, &mark) ||
        !bal_take_u64le(&r->c, &length) || !bal_take_u32le(&r->c, &sum))
        return damaged(r, "it ends in the header");
    if (version != VERSION || mark != BYTE_ORDER_MARK)
        return bal_fail(r->ctx, BAL_BAD_FILE,
                        "%s: index of version %" PRIu32 " (byte order %08" PRIx32
                        "), %d (%08" PRIx32 ") expected",
                        r->name, version, mark, VERSION, BYTE_ORDER_MARK);
    if (length != count)
        return bal_fail(r->ctx, BAL_BAD_FILE,
                        "%s: damaged index: %zu bytes, its header says %" PRIu64, r->name, count,
                        length);
    if (sum != (uint32_t)crc32_z(0, r->c.at, bal_cursor_left(&r->c)))
        return damaged(r, "the checksum is another");
    return BAL_OK;
}

static bal_status read_shard(reading *r, const char *shard, char *text, bal_shard_index *out)
{
    uint64_t seconds;
    uint8_t named;
    if (!bal_take_u64le(&r->c, &out->identity.size) || !bal_take_u64le(&r->c, &seconds) ||
        !bal_take_u32le(&r->c, &out->identity.nanoseconds) ||
        !bal_take_u64le(&r->c, &out->tar_size) || !take_text(&r->c, text) ||
        !bal_take_u8(&r->c, &named) || named > 1)
        return damaged(r, "it does not say which shard it is of");
    if (strcmp(text, shard) != 0)
        return bal_fail(r->ctx, BAL_BAD_FILE, "%s: is the index of %s, not of %s", r->name, text,
                        shard);
    out->identity.seconds = (int64_t)seconds;
    out->named = named;
    return BAL_OK;
}

static bal_status read_names(reading *r, char *text, bal_shard_index *out)
{
    uint32_t names;
    if (!bal_take_u32le(&r->c, &names) || names > BAL_SHARD_MOST_CLASSES || (names && !out->named))
        return damaged(r, "number of names");
    for (uint32_t i = 0; i < names; i++) {
        int64_t number;
        if (!take_text(&r->c, text) || !*text)
            return damaged(r, "a name");
        BAL_TRY(bal_name_set_add(&out->names, r->ctx, text, &number));
        if (number != (int64_t)i)
            return damaged(r, "a name that is there twice");
    }
    return BAL_OK;
}

static bal_status read_samples(reading *r, char *text, bal_shard_index *out)
{
    uint64_t count;
    const uint64_t labels = out->named ? out->names.count : BAL_SHARD_MOST_CLASSES;
    if (!bal_take_u64le(&r->c, &count) || count > bal_cursor_left(&r->c) / LEAST_SAMPLE)
        return damaged(r, "number of samples");
    for (uint64_t i = 0; i < count; i++) {
        bal_shard_sample sample = {0};
        if (!bal_take_u64le(&r->c, &sample.offset) || !bal_take_u32le(&r->c, &sample.size) ||
            !bal_take_u32le(&r->c, &sample.label) || !take_text(&r->c, text) || !*text)
            return damaged(r, "a sample");
        if (sample.offset > out->tar_size || sample.size > out->tar_size - sample.offset ||
            sample.label >= labels)
            return damaged(r, "a sample out of range");
        BAL_TRY(bal_shard_index_add(out, r->ctx, sample, text));
    }
    return bal_cursor_left(&r->c) ? damaged(r, "more after the last sample") : BAL_OK;
}

static bal_status read_all(reading *r, const char *shard, char *text, bal_shard_index *out)
{
    BAL_TRY(read_head(r));
    BAL_TRY(read_shard(r, shard, text, out));
    BAL_TRY(read_names(r, text, out));
    return read_samples(r, text, out);
}

bal_status bal_shard_index_parse(bal_ctx *ctx, const char *name, const char *shard,
                                 const void *bytes, size_t count, bal_shard_index *out)
{
    reading r = {ctx, name, bal_cursor_over(bytes, count)};
    *out = (bal_shard_index){0};
    char *text = bal_calloc(ctx, (size_t)LONGEST_TEXT + 1, 1);
    const bal_status status = text ? read_all(&r, shard, text, out) : BAL_NO_MEMORY;
    bal_free(ctx, text);
    if (status != BAL_OK)
        bal_shard_index_free(ctx, out);
    return status;
}
