/* NPY files, format 1.0 and 2.0 (NumPy's numpy.lib.format), read strictly. */
#include "base/cursor.h"
#include "base/writer.h"

#include <inttypes.h>
#include <string.h>

#define MAX_DIMS 4
#define FILE_LIMIT ((size_t)1 << 40)

static const struct npy_row {
    const char *descr; /* without the byte order mark */
    size_t size;
} types[] = {
    [BAL_NPY_F32] = {"f4", 4}, [BAL_NPY_F64] = {"f8", 8}, [BAL_NPY_I32] = {"i4", 4},
    [BAL_NPY_I64] = {"i8", 8}, [BAL_NPY_U8] = {"u1", 1},  [BAL_NPY_I8] = {"i1", 1},
    [BAL_NPY_I16] = {"i2", 2}, [BAL_NPY_U16] = {"u2", 2}, [BAL_NPY_U32] = {"u4", 4},
    [BAL_NPY_U64] = {"u8", 8},
};

static const unsigned char magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

size_t bal_npy_size(bal_npy_type type)
{
    return types[type].size;
}

static bool little_endian(void)
{
    const uint16_t one = 1;
    unsigned char first;
    memcpy(&first, &one, 1);
    return first == 1;
}

/* ---- the header's Python dictionary ---- */

static void skip_blanks(bal_cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\t'))
        c->at++;
}

static bool accept(bal_cursor *c, char wanted)
{
    skip_blanks(c);
    if (c->at == c->end || *c->at != (unsigned char)wanted)
        return false;
    c->at++;
    return true;
}

static bool accept_word(bal_cursor *c, const char *word)
{
    skip_blanks(c);
    const size_t length = strlen(word);
    if (bal_cursor_left(c) < length || memcmp(c->at, word, length) != 0)
        return false;
    c->at += length;
    return true;
}

static bool take_string(bal_cursor *c, char *out, size_t size)
{
    skip_blanks(c);
    uint8_t quote, byte;
    if (!bal_take_u8(c, &quote) || (quote != '\'' && quote != '"'))
        return false;
    for (size_t i = 0; bal_take_u8(c, &byte); i++) {
        if (byte == quote) {
            out[i] = '\0';
            return true;
        }
        if (byte == '\\' || byte < ' ' || i + 1 >= size)
            return false;
        out[i] = (char)byte;
    }
    return false;
}

static bool take_number(bal_cursor *c, int64_t *out)
{
    skip_blanks(c);
    *out = 0;
    const unsigned char *start = c->at;
    for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++) {
        if (*out > (INT64_MAX - 9) / 10)
            return false;
        *out = *out * 10 + (*c->at - '0');
    }
    return c->at > start;
}

static bool take_shape(bal_cursor *c, bal_npy_layout *out)
{
    if (!accept(c, '('))
        return false;
    out->dims = 0;
    while (!accept(c, ')')) {
        if (out->dims == MAX_DIMS || !take_number(c, &out->shape[out->dims]))
            return false;
        out->dims++;
        if (!accept(c, ',')) {
            if (!accept(c, ')') || out->dims < 2)
                return false; /* "(3)" is a number in Python, not a shape */
            break;
        }
    }
    return out->dims > 0;
}

typedef struct header_fields {
    char descr[32];
    bool has_descr, has_order, has_shape;
} header_fields;

static bool take_entry(bal_cursor *c, bal_npy_layout *out, header_fields *f)
{
    char key[32];
    if (!take_string(c, key, sizeof key) || !accept(c, ':'))
        return false;
    if (strcmp(key, "descr") == 0 && !f->has_descr)
        return f->has_descr = take_string(c, f->descr, sizeof f->descr);
    if (strcmp(key, "fortran_order") == 0 && !f->has_order) {
        out->fortran = accept_word(c, "True");
        return f->has_order = out->fortran || accept_word(c, "False");
    }
    if (strcmp(key, "shape") == 0 && !f->has_shape)
        return f->has_shape = take_shape(c, out);
    return false;
}

static bool take_dictionary(bal_cursor *c, bal_npy_layout *out, header_fields *f)
{
    if (!accept(c, '{'))
        return false;
    while (!accept(c, '}')) {
        if (!take_entry(c, out, f))
            return false;
        if (!accept(c, ',')) {
            if (!accept(c, '}'))
                return false;
            break;
        }
    }
    skip_blanks(c);
    return c->at == c->end && f->has_descr && f->has_order && f->has_shape;
}

static bal_status take_header(bal_ctx *ctx, const char *path, bal_cursor *c, bal_cursor *header)
{
    const unsigned char *mark, *text;
    uint8_t major, minor;
    if (!bal_take_bytes(c, sizeof magic, &mark) || memcmp(mark, magic, sizeof magic) != 0)
        return bal_fail(ctx, BAL_BAD_FILE, "%s: not an NPY file", path);
    uint32_t length = 0;
    uint16_t short_length = 0;
    bool known = bal_take_u8(c, &major) && bal_take_u8(c, &minor) && minor == 0;
    if (known && major == 1) {
        known = bal_take_u16le(c, &short_length);
        length = short_length;
    } else {
        known = known && major == 2 && bal_take_u32le(c, &length);
    }
    if (!known)
        return bal_fail(ctx, BAL_BAD_FILE, "%s: NPY version is not 1.0 or 2.0, or cut off", path);
    if (length > BAL_NPY_HEADER_LIMIT || !bal_take_bytes(c, length, &text))
        return bal_fail(ctx, BAL_BAD_FILE, "%s: NPY header of %" PRIu32 " bytes is cut off or huge",
                        path, length);
    *header = bal_cursor_over(text, length);
    return BAL_OK;
}

/* The type's row, and whether its bytes must be turned round. */
static bool find_type(const char *descr, bal_npy_type *type, bool *swap)
{
    for (size_t i = 0; i < BAL_COUNT_OF(types); i++) {
        if (strcmp(descr + 1, types[i].descr) != 0)
            continue;
        const char order = descr[0];
        *type = (bal_npy_type)i;
        *swap = types[i].size > 1 && (order == '>') == little_endian();
        if (order == '|')
            return types[i].size == 1;
        *swap = *swap && order != '=';
        return order == '<' || order == '>' || order == '=';
    }
    return false;
}

static bal_status fail_type(bal_ctx *ctx, const char *path, const char *descr)
{
    if (strchr(descr, 'O'))
        return bal_fail(ctx, BAL_BAD_FILE,
                        "%s: an array of Python objects (a pickle), which is never loaded; numbers "
                        "were expected",
                        path);
    return bal_fail(ctx, BAL_BAD_FILE,
                    "%s: type \"%s\" is not one of f4, f8, i1, i2, i4, i8, u1, u2, u4, u8 "
                    "(float32, float64, int8 to int64, uint8 to uint64)",
                    path, descr);
}

bal_status bal_npy_header(bal_ctx *ctx, const char *name, const void *bytes, size_t size,
                          uint64_t total, bal_npy_layout *out)
{
    *out = (bal_npy_layout){0};
    bal_cursor c = bal_cursor_over(bytes, size), header;
    header_fields f = {0};
    BAL_TRY(take_header(ctx, name, &c, &header));
    if (!take_dictionary(&header, out, &f))
        return bal_fail(ctx, BAL_BAD_FILE,
                        "%s: NPY header is malformed near byte %zu (1 to 4 dimensions expected)",
                        name, bal_cursor_offset(&header));
    if (!find_type(f.descr, &out->type, &out->swapped))
        return fail_type(ctx, name, f.descr);
    out->start = bal_cursor_offset(&c);
    const uint64_t item = types[out->type].size, left = total - out->start;
    uint64_t count = 1;
    for (int i = 0; i < out->dims; i++) {
        const uint64_t n = (uint64_t)out->shape[i];
        if (n != 0 && count > (uint64_t)(INT64_MAX / 8) / n)
            return bal_fail(ctx, BAL_BAD_FILE, "%s: the shape overflows", name);
        count *= n;
    }
    if (left != count * item)
        return bal_fail(ctx, BAL_BAD_FILE,
                        "%s: the shape promises %" PRIu64 " bytes, the file has %" PRIu64, name,
                        count * item, left);
    out->count = (int64_t)count;
    return BAL_OK;
}

bal_status bal_npy_locate(bal_ctx *ctx, const char *name, const void *bytes, size_t size,
                          bal_npy_layout *out)
{
    BAL_TRY(bal_npy_header(ctx, name, bytes, size, size, out));
    out->data = (const unsigned char *)bytes + out->start;
    return BAL_OK;
}

static void swap_items(unsigned char *data, int64_t count, size_t size)
{
    for (int64_t i = 0; i < count; i++, data += size) {
        for (size_t a = 0, b = size - 1; a < b; a++, b--) {
            const unsigned char held = data[a];
            data[a] = data[b];
            data[b] = held;
        }
    }
}

/* Walks the elements in C order through data in Fortran order. */
static void gather_fortran(const bal_npy_layout *from, int64_t first, int64_t count,
                           unsigned char *out)
{
    const size_t size = types[from->type].size;
    int64_t at[MAX_DIMS] = {0}, stride[MAX_DIMS] = {1}, place = 0;
    for (int i = 1; i < from->dims; i++)
        stride[i] = stride[i - 1] * from->shape[i - 1];
    for (int i = from->dims - 1; i >= 0; i--) {
        at[i] = first % from->shape[i];
        first /= from->shape[i];
        place += at[i] * stride[i];
    }
    for (; count > 0; count--, out += size) {
        memcpy(out, from->data + (size_t)place * size, size);
        for (int i = from->dims - 1; i >= 0; i--) {
            place += stride[i];
            if (++at[i] < from->shape[i])
                break;
            place -= stride[i] * from->shape[i];
            at[i] = 0;
        }
    }
}

void bal_npy_gather(const bal_npy_layout *from, int64_t first, int64_t count, void *out)
{
    const size_t size = types[from->type].size;
    if (count == 0)
        return;
    if (from->fortran)
        gather_fortran(from, first, count, out);
    else
        memcpy(out, from->data + (size_t)first * size, (size_t)count * size);
    if (from->swapped)
        swap_items(out, count, size);
}

bal_status bal_npy_parse(bal_ctx *ctx, const char *name, const void *bytes, size_t count,
                         bal_npy *out)
{
    *out = (bal_npy){0};
    bal_npy_layout layout;
    BAL_TRY(bal_npy_locate(ctx, name, bytes, count, &layout));
    void *data = bal_calloc(ctx, (size_t)layout.count, types[layout.type].size);
    if (!data)
        return BAL_NO_MEMORY;
    bal_npy_gather(&layout, 0, layout.count, data);
    out->type = layout.type;
    out->dims = layout.dims;
    memcpy(out->shape, layout.shape, sizeof out->shape);
    out->data = data;
    return BAL_OK;
}

bal_status bal_npy_read(bal_ctx *ctx, const char *path, bal_npy *out)
{
    *out = (bal_npy){0};
    bal_bytes file;
    BAL_TRY(bal_file_read(ctx, path, FILE_LIMIT, &file));
    const bal_status status = bal_npy_parse(ctx, path, file.data, file.count, out);
    bal_bytes_free(ctx, &file);
    return status;
}

void bal_npy_free(bal_ctx *ctx, bal_npy *array)
{
    bal_free(ctx, array->data);
    *array = (bal_npy){0};
}

const char *bal_npy_type_name(bal_npy_type type)
{
    return types[type].descr;
}

bool bal_npy_whole(bal_npy_type type, const void *data, int64_t i, int64_t *out)
{
    switch (type) {
    case BAL_NPY_F32:
    case BAL_NPY_F64:
        return false;
    case BAL_NPY_I8:
        *out = ((const int8_t *)data)[i];
        return true;
    case BAL_NPY_I16:
        *out = ((const int16_t *)data)[i];
        return true;
    case BAL_NPY_I32:
        *out = ((const int32_t *)data)[i];
        return true;
    case BAL_NPY_I64:
        *out = ((const int64_t *)data)[i];
        return true;
    case BAL_NPY_U8:
        *out = ((const uint8_t *)data)[i];
        return true;
    case BAL_NPY_U16:
        *out = ((const uint16_t *)data)[i];
        return true;
    case BAL_NPY_U32:
        *out = ((const uint32_t *)data)[i];
        return true;
    case BAL_NPY_U64:
        break;
    }
    *out = (int64_t)((const uint64_t *)data)[i];
    return *out >= 0;
}
