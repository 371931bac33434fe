/* Arrays in files: the public face of the NPY reader and writer, with conversion between types. */
#include "ballast/array.h"

#include "base/cursor.h"
#include "base/writer.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* The two enums have the same order, so that neither header needs the other. */
_Static_assert((int)BAL_ARRAY_F32 == (int)BAL_NPY_F32 && (int)BAL_ARRAY_F64 == (int)BAL_NPY_F64 &&
                   (int)BAL_ARRAY_I32 == (int)BAL_NPY_I32 &&
                   (int)BAL_ARRAY_I64 == (int)BAL_NPY_I64 && (int)BAL_ARRAY_U8 == (int)BAL_NPY_U8,
               "array types and NPY types differ");

static const struct {
    size_t size;
    bool whole;
    int64_t min, max;
    const char *name;
} types[] = {
    [BAL_ARRAY_F32] = {4, false, 0, 0, "float32"},
    [BAL_ARRAY_F64] = {8, false, 0, 0, "float64"},
    [BAL_ARRAY_I32] = {4, true, INT32_MIN, INT32_MAX, "int32"},
    [BAL_ARRAY_I64] = {8, true, INT64_MIN, INT64_MAX, "int64"},
    [BAL_ARRAY_U8] = {1, true, 0, UINT8_MAX, "uint8"},
};

/* A value as both kinds of number; real holds it when whole is false. */
typedef struct value {
    bool whole;
    int64_t integer;
    double real;
} value;

enum { PART = 512 }; /* values converted at a time */

static value get(bal_npy_type type, const void *data, int64_t i)
{
    if (type == BAL_NPY_F32)
        return (value){.real = (double)((const float *)data)[i]};
    if (type == BAL_NPY_F64)
        return (value){.real = ((const double *)data)[i]};
    value v = {.whole = true};
    if (!bal_npy_whole(type, data, i, &v.integer)) /* of uint64, above int64's largest */
        return (value){.real = (double)((const uint64_t *)data)[i]};
    return v;
}

static void put_whole(bal_array_type type, void *data, int64_t i, int64_t v)
{
    if (type == BAL_ARRAY_I32)
        ((int32_t *)data)[i] = (int32_t)v;
    else if (type == BAL_ARRAY_I64)
        ((int64_t *)data)[i] = v;
    else
        ((uint8_t *)data)[i] = (uint8_t)v;
}

/* Stores v at place i. False: it does not fit. */
static bool put(bal_array_type type, void *data, int64_t i, value v)
{
    if (!types[type].whole) {
        const double real = v.whole ? (double)v.integer : v.real;
        const float narrow = (float)real;
        if (type == BAL_ARRAY_F64)
            ((double *)data)[i] = real;
        else
            ((float *)data)[i] = narrow;
        return type == BAL_ARRAY_F64 || isfinite(narrow) || !isfinite(real);
    }
    if (!v.whole) {
        /* 2^63 is the first double beyond int64, -2^63 is inside */
        if (!(v.real >= -0x1p63 && v.real < 0x1p63) || v.real != floor(v.real))
            return false;
        v.integer = (int64_t)v.real;
    }
    if (v.integer < types[type].min || v.integer > types[type].max)
        return false;
    put_whole(type, data, i, v.integer);
    return true;
}

static bal_status refuse(bal_ctx *ctx, const char *path, int64_t at, value v, bal_array_type type)
{
    char found[32];
    if (v.whole)
        snprintf(found, sizeof found, "%" PRId64, v.integer);
    else
        snprintf(found, sizeof found, "%g", v.real);
    return bal_fail(ctx, BAL_BAD_DATA, "%s: element %" PRId64 " is %s, which is no %s", path, at,
                    found, types[type].name);
}

static bal_status convert(bal_ctx *ctx, const char *path, const bal_npy_layout *from,
                          bal_array *out)
{
    out->data = bal_calloc(ctx, (size_t)out->count, types[out->type].size);
    if (!out->data)
        return BAL_NO_MEMORY;
    if ((int)from->type == (int)out->type) {
        bal_npy_gather(from, 0, from->count, out->data);
        return BAL_OK;
    }
    double part[PART]; /* aligned for every type, and as large as any needs */
    for (int64_t first = 0; first < from->count; first += PART) {
        const int64_t count = from->count - first < PART ? from->count - first : PART;
        bal_npy_gather(from, first, count, part);
        for (int64_t i = 0; i < count; i++) {
            const value v = get(from->type, part, i);
            if (!put(out->type, out->data, first + i, v))
                return refuse(ctx, path, first + i, v, out->type);
        }
    }
    return BAL_OK;
}

static bool known(bal_array_type type)
{
    return (unsigned)type < BAL_COUNT_OF(types);
}

const char *bal_array_type_name(bal_array_type type)
{
    return known(type) ? types[type].name : "unknown";
}

/* The type of the list that holds all values of the file's. */
static bal_array_type wide_enough(bal_npy_type type)
{
    if (type <= BAL_NPY_U8)
        return (bal_array_type)type;
    return type == BAL_NPY_U32 || type == BAL_NPY_U64 ? BAL_ARRAY_I64 : BAL_ARRAY_I32;
}

/* The array in the bytes of a file. may_borrow: the data may stay where it is, if it can. */
static bal_status take(bal_ctx *ctx, const char *path, bal_mapped bytes, bool may_borrow,
                       bal_array *out, bal_array_origin *origin)
{
    if (!known(out->type))
        return bal_fail(ctx, BAL_BAD_ARG, "%s: array type %d is unknown", path, (int)out->type);
    bal_npy_layout layout;
    BAL_TRY(bal_npy_locate(ctx, path, bytes.data, bytes.count, &layout));
    out->dims = layout.dims;
    out->count = layout.count;
    memcpy(out->shape, layout.shape, sizeof out->shape);
    *origin = (bal_array_origin){
        .type = wide_enough(layout.type), .fortran = layout.fortran, .swapped = layout.swapped};
    origin->mapped = may_borrow && (int)layout.type == (int)out->type && !layout.fortran &&
                     !layout.swapped && (uintptr_t)layout.data % types[out->type].size == 0;
    if (!origin->mapped)
        return convert(ctx, path, &layout, out);
    out->data = (void *)(uintptr_t)layout.data;
    return BAL_OK;
}

#define FILE_LIMIT ((size_t)1 << 40)

bal_status bal_array_read(bal_ctx *ctx, const char *path, bal_array_type type, bal_array *array)
{
    *array = (bal_array){.type = type};
    bal_bytes file;
    BAL_TRY(bal_file_read(ctx, path, FILE_LIMIT, &file));
    bal_array_origin origin;
    const bal_status status =
        take(ctx, path, (bal_mapped){file.data, file.count}, false, array, &origin);
    bal_bytes_free(ctx, &file);
    if (status != BAL_OK)
        bal_array_release(ctx, array);
    return status;
}

void bal_array_release(bal_ctx *ctx, bal_array *array)
{
    bal_free(ctx, array->data);
    *array = (bal_array){0};
}

bal_status bal_array_write(bal_ctx *ctx, const char *path, const bal_array *array)
{
    if (!known(array->type))
        return bal_fail(ctx, BAL_BAD_ARG, "%s: array type %d is unknown", path, (int)array->type);
    return bal_npy_write(ctx, path, (bal_npy_type)array->type, array->dims, array->shape,
                         array->data);
}

/* ---- mapped ---- */

struct bal_array_file {
    bal_ctx *ctx;
    bal_mapped bytes;
    bal_array array;
    bal_array_origin origin;
};

bal_status bal_array_file_open(bal_array_file **out, bal_ctx *ctx, const char *path,
                               bal_array_type type)
{
    *out = NULL;
    bal_array_file *file = bal_calloc(ctx, 1, sizeof *file);
    if (!file)
        return BAL_NO_MEMORY;
    file->ctx = ctx;
    file->array.type = type;
    bal_status status = bal_file_map(ctx, path, &file->bytes);
    if (status == BAL_OK)
        status = take(ctx, path, file->bytes, true, &file->array, &file->origin);
    if (status != BAL_OK)
        bal_array_file_close(&file);
    else if (!file->origin.mapped)
        bal_file_unmap(&file->bytes);
    *out = file;
    return status;
}

void bal_array_file_close(bal_array_file **file_at)
{
    if (!file_at || !*file_at)
        return;
    bal_array_file *file = *file_at;
    if (!file->origin.mapped)
        bal_free(file->ctx, file->array.data);
    bal_file_unmap(&file->bytes);
    bal_free(file->ctx, file);
    *file_at = NULL;
}

bal_array bal_array_file_array(const bal_array_file *file)
{
    return file->array;
}

bal_array_origin bal_array_file_origin(const bal_array_file *file)
{
    return file->origin;
}
