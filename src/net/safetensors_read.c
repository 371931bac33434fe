/* Reading safetensors, strictly: 8 bytes of header length (little endian), a JSON object of that
 * length, then the tensors' bytes. Every number of the header is checked before it is used. */
#include "base/cursor.h"
#include "net/weights.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_MAX (100u << 20)

typedef enum number_kind { FLOAT32, FLOAT16, BFLOAT16, FLOAT64, SKIPPED } number_kind;

static const struct {
    const char *name;
    int bytes;
    number_kind kind;
} types[] = {
    {"F32", 4, FLOAT32},  {"F16", 2, FLOAT16}, {"BF16", 2, BFLOAT16}, {"F64", 8, FLOAT64},
    {"I64", 8, SKIPPED},  {"I32", 4, SKIPPED}, {"I16", 2, SKIPPED},   {"I8", 1, SKIPPED},
    {"U64", 8, SKIPPED},  {"U32", 4, SKIPPED}, {"U16", 2, SKIPPED},   {"U8", 1, SKIPPED},
    {"BOOL", 1, SKIPPED},
};

typedef struct entry {
    const char *name; /* belongs to the JSON object */
    int type;
    int dims;
    int64_t shape[8];
    uint64_t begin, end;
} entry;

typedef struct reading {
    bal_ctx *ctx;
    const char *path;
    bal_cursor data; /* what follows the header */
} reading;

static bal_status read_type(const reading *r, const json_t *value, entry *e)
{
    const char *name = json_string_value(value);
    if (!name)
        return bal_fail(r->ctx, BAL_BAD_FILE, "%s: tensor %s has no dtype", r->path, e->name);
    for (size_t i = 0; i < BAL_COUNT_OF(types); i++)
        if (strcmp(types[i].name, name) == 0) {
            e->type = (int)i;
            return BAL_OK;
        }
    return bal_fail(r->ctx, BAL_BAD_FILE, "%s: tensor %s has the unknown type %.20s", r->path,
                    e->name, name);
}

static bool whole_number(const json_t *value, uint64_t *out)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *out = (uint64_t)json_integer_value(value);
    return true;
}

/* The shape's product must be the length of the tensor's bytes. */
static bal_status read_shape(const reading *r, const json_t *shape, entry *e)
{
    if (!json_is_array(shape) || json_array_size(shape) > BAL_COUNT_OF(e->shape))
        return bal_fail(r->ctx, BAL_BAD_FILE, "%s: tensor %s has no shape of 0 to %zu dimensions",
                        r->path, e->name, BAL_COUNT_OF(e->shape));
    e->dims = (int)json_array_size(shape);
    uint64_t bytes = (uint64_t)types[e->type].bytes;
    for (int i = 0; i < e->dims; i++) {
        uint64_t size;
        if (!whole_number(json_array_get(shape, (size_t)i), &size))
            return bal_fail(r->ctx, BAL_BAD_FILE,
                            "%s: tensor %s has a dimension that is no whole number", r->path,
                            e->name);
        if (size > 0 && bytes > (uint64_t)INT64_MAX / size)
            return bal_fail(r->ctx, BAL_BAD_FILE, "%s: the shape of tensor %s overflows", r->path,
                            e->name);
        e->shape[i] = (int64_t)size;
        bytes *= size;
    }
    if (bytes != e->end - e->begin)
        return bal_fail(r->ctx, BAL_BAD_FILE,
                        "%s: tensor %s has the shape of %llu bytes, its offsets span %llu", r->path,
                        e->name, (unsigned long long)bytes,
                        (unsigned long long)(e->end - e->begin));
    return BAL_OK;
}

static bal_status read_offsets(const reading *r, const json_t *offsets, entry *e)
{
    if (json_array_size(offsets) != 2 || !whole_number(json_array_get(offsets, 0), &e->begin) ||
        !whole_number(json_array_get(offsets, 1), &e->end))
        return bal_fail(r->ctx, BAL_BAD_FILE, "%s: tensor %s has no two data_offsets", r->path,
                        e->name);
    const uint64_t size = bal_cursor_left(&r->data);
    if (e->begin > e->end || e->end > size)
        return bal_fail(r->ctx, BAL_BAD_FILE,
                        "%s: tensor %s has the bytes %llu to %llu, the file has %llu", r->path,
                        e->name, (unsigned long long)e->begin, (unsigned long long)e->end,
                        (unsigned long long)size);
    return BAL_OK;
}

static bal_status read_entry(const reading *r, const json_t *value, entry *e)
{
    if (!*e->name || !json_is_object(value) || json_object_size(value) != 3)
        return bal_fail(r->ctx, BAL_BAD_FILE,
                        "%s: tensor \"%s\" is not described by dtype, shape and data_offsets",
                        r->path, e->name);
    BAL_TRY(read_type(r, json_object_get(value, "dtype"), e));
    BAL_TRY(read_offsets(r, json_object_get(value, "data_offsets"), e));
    return read_shape(r, json_object_get(value, "shape"), e);
}

static int by_place(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

/* In the order of their places the tensors must cover the data exactly. */
static bal_status check_cover(const reading *r, const entry *sorted, size_t count)
{
    uint64_t at = 0;
    for (size_t i = 0; i < count; i++) {
        if (sorted[i].begin != at)
            return bal_fail(r->ctx, BAL_BAD_FILE, "%s: tensor %s begins at byte %llu, %s %llu",
                            r->path, sorted[i].name, (unsigned long long)sorted[i].begin,
                            sorted[i].begin < at ? "inside another, which ends at"
                                                 : "after a hole that begins at",
                            (unsigned long long)at);
        at = sorted[i].end;
    }
    if (at != bal_cursor_left(&r->data))
        return bal_fail(r->ctx, BAL_BAD_FILE, "%s: the tensors end at byte %llu, the file has %llu",
                        r->path, (unsigned long long)at,
                        (unsigned long long)bal_cursor_left(&r->data));
    return BAL_OK;
}

static uint64_t little_endian(const unsigned char *bytes, int count)
{
    uint64_t value = 0;
    for (int i = count - 1; i >= 0; i--)
        value = value << 8 | bytes[i];
    return value;
}

static float float_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static float float_of_half(uint32_t half)
{
    const uint32_t sign = (half & 0x8000u) << 16;
    const uint32_t exponent = half >> 10 & 31u, fraction = half & 0x3ffu;
    if (exponent == 31)
        return float_of_bits(sign | 0x7f800000u | fraction << 13);
    if (exponent > 0)
        return float_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
    const float tiny = (float)fraction * 0x1p-24f; /* zero and subnormal numbers */
    return sign ? -tiny : tiny;
}

static float to_float(const unsigned char *bytes, number_kind kind)
{
    switch (kind) {
    case FLOAT16:
        return float_of_half((uint32_t)little_endian(bytes, 2));
    case BFLOAT16:
        return float_of_bits((uint32_t)little_endian(bytes, 2) << 16);
    case FLOAT64: {
        const uint64_t bits = little_endian(bytes, 8);
        double value;
        memcpy(&value, &bits, sizeof value);
        return (float)value;
    }
    default:
        return float_of_bits((uint32_t)little_endian(bytes, 4));
    }
}

static bal_status take_tensor(const reading *r, const entry *e, bal_weights *w)
{
    const int bytes = types[e->type].bytes;
    if (types[e->type].kind == SKIPPED) {
        bal_log(r->ctx, BAL_LOG_INFO, "%s: skipped tensor %s of type %s", r->path, e->name,
                types[e->type].name);
        return BAL_OK;
    }
    bal_tensor *t;
    BAL_TRY(bal_weights_append(w, e->name, e->dims, e->shape, &t));
    bal_cursor c = r->data;
    const unsigned char *from;
    if (!bal_take_bytes(&c, (size_t)e->begin, &from) ||
        !bal_take_bytes(&c, (size_t)(e->end - e->begin), &from))
        return bal_fail(r->ctx, BAL_BAD_FILE, "%s: tensor %s is cut short", r->path, e->name);
    for (int64_t i = 0; i < t->count; i++)
        t->data[i] = to_float(from + i * bytes, types[e->type].kind);
    return BAL_OK;
}

static bal_status read_metadata(const reading *r, json_t *notes, bal_weights *w)
{
    const char *key;
    json_t *text;
    if (!json_is_object(notes))
        return bal_fail(r->ctx, BAL_BAD_FILE, "%s: __metadata__ is not an object", r->path);
    json_object_foreach(notes, key, text)
    {
        if (!json_is_string(text))
            return bal_fail(r->ctx, BAL_BAD_FILE, "%s: __metadata__ %s is not a text", r->path,
                            key);
        BAL_TRY(bal_weights_set_metadata(w, key, json_string_value(text)));
    }
    return BAL_OK;
}

static bal_status read_entries(const reading *r, json_t *header, bal_weights *w)
{
    const size_t room = json_object_size(header);
    entry *entries = bal_calloc(r->ctx, 2 * room, sizeof *entries);
    if (!entries)
        return BAL_NO_MEMORY;
    bal_status status = BAL_OK;
    size_t count = 0;
    const char *name;
    json_t *value;
    json_object_foreach(header, name, value)
    {
        if (strcmp(name, "__metadata__") == 0) {
            BAL_GOTO(read_metadata(r, value, w));
            continue;
        }
        entries[count].name = name;
        BAL_GOTO(read_entry(r, value, &entries[count]));
        count++;
    }
    entry *sorted = entries + room;
    memcpy(sorted, entries, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_place);
    BAL_GOTO(check_cover(r, sorted, count));
    for (size_t i = 0; i < count; i++)
        BAL_GOTO(take_tensor(r, &entries[i], w));
fail:
    bal_free(r->ctx, entries);
    return status;
}

static bal_status read_header(reading *r, const void *bytes, size_t count, json_t **out)
{
    r->data = bal_cursor_over(bytes, count);
    uint64_t length;
    if (!bal_take_u64le(&r->data, &length))
        return bal_fail(r->ctx, BAL_BAD_FILE, "%s: %zu bytes are too few for safetensors", r->path,
                        count);
    if (length > HEADER_MAX || length > bal_cursor_left(&r->data))
        return bal_fail(r->ctx, BAL_BAD_FILE,
                        "%s: the header has %llu bytes, but %zu follow and at most %u are taken",
                        r->path, (unsigned long long)length, bal_cursor_left(&r->data), HEADER_MAX);
    const unsigned char *text = NULL;
    if (!bal_take_bytes(&r->data, (size_t)length, &text) || length == 0 || text[0] != '{')
        return bal_fail(r->ctx, BAL_BAD_FILE, "%s: not a safetensors file, the header is no JSON",
                        r->path);
    json_error_t error;
    *out = json_loadb((const char *)text, (size_t)length, JSON_REJECT_DUPLICATES, &error);
    if (!*out && json_error_code(&error) == json_error_out_of_memory)
        return bal_fail(r->ctx, BAL_NO_MEMORY, "%s: no memory for the header", r->path);
    if (!*out)
        return bal_fail(r->ctx, BAL_BAD_FILE, "%s: header byte %d: %.200s", r->path, error.position,
                        error.text);
    return BAL_OK;
}

bal_status bal_weights_parse(bal_weights **out, bal_ctx *ctx, const char *path, const void *bytes,
                             size_t count)
{
    *out = NULL;
    reading r = {.ctx = ctx, .path = path};
    json_t *header = NULL;
    bal_weights *w = NULL;
    BAL_TRY(read_header(&r, bytes, count, &header));
    bal_status status = bal_weights_open(&w, ctx);
    if (status == BAL_OK)
        status = read_entries(&r, header, w);
    json_decref(header);
    if (status != BAL_OK) {
        bal_weights_close(&w);
        return status;
    }
    *out = w;
    return BAL_OK;
}

bal_status bal_weights_read(bal_weights **out, bal_ctx *ctx, const char *path)
{
    *out = NULL;
    bal_bytes file = {0};
    BAL_TRY(bal_file_read(ctx, path, SIZE_MAX / 4, &file));
    const bal_status status = bal_weights_parse(out, ctx, path, file.data, file.count);
    bal_bytes_free(ctx, &file);
    return status;
}
