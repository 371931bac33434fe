/* ballast/array.h: arrays in files (NPY, the format of NumPy), for scores, labels and features that
 * another program wrote or will read. */
#ifndef BALLAST_ARRAY_H
#define BALLAST_ARRAY_H

#include "ballast/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum bal_array_type {
    BAL_ARRAY_F32, /* float */
    BAL_ARRAY_F64, /* double */
    BAL_ARRAY_I32, /* int32_t */
    BAL_ARRAY_I64, /* int64_t */
    BAL_ARRAY_U8   /* uint8_t */
} bal_array_type;

typedef struct bal_array {
    bal_array_type type;
    int dims;         /* 1..4 */
    int64_t shape[4]; /* C order: the last index changes fastest */
    int64_t count;    /* product of the shape */
    void *data;       /* count values of that type */
} bal_array;

/* Reads an NPY file (format 1.0 or 2.0, C order, float32, float64, int32, int64 or uint8, either
 * byte order) and converts it to the type that is asked for. array->data is new: release with
 * bal_array_release. To a floating type every value is rounded to the nearest; infinities and NaN
 * stay. To a whole type every value must be a whole number in the type's range.
 * Fails with BAL_IO, BAL_BAD_FILE (not such a file, cut off, too long), BAL_BAD_DATA (a value does
 * not fit the type: its place is named). */
BAL_API BAL_MUST_CHECK bal_status bal_array_read(bal_ctx *ctx, const char *path,
                                                 bal_array_type type, bal_array *array);
/* Accepts an array that is all zero; sets it so. */
BAL_API void bal_array_release(bal_ctx *ctx, bal_array *array);
/* Writes NPY 1.0; count is not looked at. The file appears whole or not at all. */
BAL_API BAL_MUST_CHECK bal_status bal_array_write(bal_ctx *ctx, const char *path,
                                                  const bal_array *array);

#ifdef __cplusplus
}
#endif
#endif
