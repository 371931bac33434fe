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

/* "float32", "float64", "int32", "int64", "uint8" */
BAL_API const char *bal_array_type_name(bal_array_type type);

/* Reads an NPY file (format 1.0 or 2.0, C or Fortran order, float32, float64, or whole numbers of 8
 * to 64 bits with or without sign, either byte order) and converts it to the type that is asked
 * for. array->data is new: release with bal_array_release. To a floating type every value is
 * rounded to the nearest; infinities and NaN stay. To a whole type every value must be a whole
 * number in the type's range. Fails with BAL_IO, BAL_BAD_FILE (not such a file, cut off, too long),
 * BAL_BAD_DATA (a value does not fit the type: its place is named). */
BAL_API BAL_MUST_CHECK bal_status bal_array_read(bal_ctx *ctx, const char *path,
                                                 bal_array_type type, bal_array *array);
/* Accepts an array that is all zero; sets it so. */
BAL_API void bal_array_release(bal_ctx *ctx, bal_array *array);
/* Writes NPY 1.0; count is not looked at. The file appears whole or not at all. */
BAL_API BAL_MUST_CHECK bal_status bal_array_write(bal_ctx *ctx, const char *path,
                                                  const bal_array *array);

/* ---- arrays that need not fit into memory ---- */

/* An array in a file that is mapped into memory: it is read where it is looked at. That works where
 * the file holds the type that is asked for, in C order and the processor's byte order; any other
 * file is converted into memory. A file that is cut short while it is mapped ends the process. */
typedef struct bal_array_file bal_array_file;
typedef struct bal_array_origin {
    bal_array_type type; /* that the file holds; of other whole numbers one that holds them all
                            (of uint64: int64) */
    bool fortran;        /* the first index changes fastest */
    bool swapped;        /* the other byte order */
    bool mapped;         /* false: it was converted */
} bal_array_origin;
/* Fails as bal_array_read. */
BAL_API BAL_MUST_CHECK bal_status bal_array_file_open(bal_array_file **out, bal_ctx *ctx,
                                                      const char *path, bal_array_type type);
BAL_API void bal_array_file_close(bal_array_file **file);
/* Borrowed from the file, and its data must not be written to. */
BAL_API bal_array bal_array_file_array(const bal_array_file *file);
BAL_API bal_array_origin bal_array_file_origin(const bal_array_file *file);

/* Writes NPY 1.0 in parts. Nothing is seen under the path before the commit. */
typedef struct bal_array_writer bal_array_writer;
/* Type and shape are those of like; its count and data are not looked at.
 * Fails with BAL_BAD_ARG or BAL_IO. */
BAL_API BAL_MUST_CHECK bal_status bal_array_writer_open(bal_array_writer **out, bal_ctx *ctx,
                                                        const char *path, const bal_array *like);
/* The next count values of the type. Fails with BAL_BAD_ARG where the shape has no room for them; a
 * write that the system refuses is told by the commit. */
BAL_API BAL_MUST_CHECK bal_status bal_array_writer_put(bal_array_writer *writer, const void *values,
                                                       int64_t count);
/* Closes the writer in every case. Fails with BAL_BAD_ARG when values are missing, and BAL_IO. */
BAL_API BAL_MUST_CHECK bal_status bal_array_writer_commit(bal_array_writer **writer);
/* Gives up, and leaves what was there before. Accepts NULL. */
BAL_API void bal_array_writer_abandon(bal_array_writer **writer);

#ifdef __cplusplus
}
#endif
#endif
