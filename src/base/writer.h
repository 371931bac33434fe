/* Files that appear whole or not at all: written under a temporary name in the same folder,
 * flushed, renamed, and the folder flushed. Also NPY files, CSV fields, and JSON helpers over
 * jansson. */
#ifndef BAL_WRITER_H
#define BAL_WRITER_H

#include "base/context.h"

#include <jansson.h>
#include <stdio.h>

typedef struct bal_writer bal_writer;

/* Starts a file. Text and bytes go to bal_writer_stream() (a FILE; buffered) or bal_writer_bytes.
 * Nothing is seen under the final name before bal_writer_commit. */
BAL_MUST_CHECK bal_status bal_writer_open(bal_writer **out, bal_ctx *ctx, const char *path);
FILE *bal_writer_stream(bal_writer *w);
void bal_writer_bytes(bal_writer *w, const void *bytes, size_t count);
/* Flush, fsync, rename, fsync the folder. Any earlier write error is reported here (BAL_IO, with
 * the path and strerror) and the old file is left as it was. Closes and frees the writer in every
 * case. */
BAL_MUST_CHECK bal_status bal_writer_commit(bal_writer **w);
/* For one of many files in a folder that will be renamed as a whole: commit does not wait for the
 * disk. */
void bal_writer_unflushed(bal_writer *w);
/* Gives up: removes the temporary file. Accepts NULL. */
void bal_writer_abandon(bal_writer **w);

/* One call for a whole text. */
BAL_MUST_CHECK bal_status bal_file_write(bal_ctx *ctx, const char *path, const void *bytes,
                                         size_t count);
/* Appends one line (a newline is added) and flushes it to disk. */
BAL_MUST_CHECK bal_status bal_file_append_line(bal_ctx *ctx, const char *path, const char *line);
/* mkdir -p. */
BAL_MUST_CHECK bal_status bal_make_folders(bal_ctx *ctx, const char *path);

/* ---- folders that appear whole or not at all ----
 * begin makes PATH.part-PID (new, release with bal_free) beside PATH, which must not be there, or
 * be an empty folder: else BAL_BAD_ARG. Everything is written there; commit renames it to PATH,
 * abandon removes it with all in it. Both release *part and set it to NULL; abandon accepts NULL.
 */
BAL_MUST_CHECK bal_status bal_folder_begin(bal_ctx *ctx, const char *path, char **part);
BAL_MUST_CHECK bal_status bal_folder_commit(bal_ctx *ctx, const char *path, char **part);
void bal_folder_abandon(bal_ctx *ctx, char **part);

/* ---- NPY (format 1.0 and 2.0) ---- */
typedef enum bal_npy_type {
    BAL_NPY_F32,
    BAL_NPY_F64,
    BAL_NPY_I32,
    BAL_NPY_I64,
    BAL_NPY_U8,
    BAL_NPY_I8, /* from here on the file's only: a bal_array has the types above */
    BAL_NPY_I16,
    BAL_NPY_U16,
    BAL_NPY_U32,
    BAL_NPY_U64
} bal_npy_type;
typedef struct bal_npy {
    bal_npy_type type;
    int dims; /* 1..4 */
    int64_t shape[4];
    void *data; /* C order and native byte order, whatever the file has; owned */
} bal_npy;
size_t bal_npy_size(bal_npy_type type);
/* "f4", "u1": the type without its byte order. */
const char *bal_npy_type_name(bal_npy_type type);
/* Value i of data of that type as a whole number; false where the type has a fraction, or the value
 * is beyond int64. */
bool bal_npy_whole(bal_npy_type type, const void *data, int64_t i, int64_t *out);
/* Fails with BAL_IO, or BAL_BAD_FILE for a damaged header, another type, or more or less data than
 * the shape says. Release with bal_npy_free. */
BAL_MUST_CHECK bal_status bal_npy_read(bal_ctx *ctx, const char *path, bal_npy *out);
/* The same from memory; name is for messages. */
BAL_MUST_CHECK bal_status bal_npy_parse(bal_ctx *ctx, const char *name, const void *bytes,
                                        size_t count, bal_npy *out);
void bal_npy_free(bal_ctx *ctx, bal_npy *array);
/* Where the data of an NPY file lies in its bytes, and how. */
typedef struct bal_npy_layout {
    bal_npy_type type;
    int dims;                  /* 1..4 */
    int64_t shape[4];          /* as NumPy says it, in either order */
    int64_t count;             /* product of the shape */
    bool fortran;              /* the first index changes fastest */
    bool swapped;              /* the bytes of an item must be turned round */
    size_t start;              /* offset of the data */
    const unsigned char *data; /* count items, perhaps not aligned; borrowed from the bytes */
} bal_npy_layout;
/* The header of a file of total bytes, of which these are the first: BAL_NPY_HEADER_LIMIT and 12
 * more are always enough. The data need not be among them; layout.data is NULL. Fails as
 * bal_npy_parse. */
#define BAL_NPY_HEADER_LIMIT ((size_t)64 * 1024)
BAL_MUST_CHECK bal_status bal_npy_header(bal_ctx *ctx, const char *name, const void *bytes,
                                         size_t size, uint64_t total, bal_npy_layout *out);
/* Fails as bal_npy_parse, which stands on it. */
BAL_MUST_CHECK bal_status bal_npy_locate(bal_ctx *ctx, const char *name, const void *bytes,
                                         size_t size, bal_npy_layout *out);
/* Copies count items from item `first` on, in C order and native byte order. */
void bal_npy_gather(const bal_npy_layout *from, int64_t first, int64_t count, void *out);
BAL_MUST_CHECK bal_status bal_npy_write(bal_ctx *ctx, const char *path, bal_npy_type type, int dims,
                                        const int64_t *shape, const void *data);
/* What stands before the data; type, dims and shape are looked at. Fails with BAL_BAD_ARG. */
BAL_MUST_CHECK bal_status bal_npy_write_header(bal_ctx *ctx, bal_writer *w, const char *path,
                                               const bal_npy_layout *like);

/* ---- CSV (RFC 4180) ---- */
/* Writes a field, quoted only where it must be. */
void bal_csv_field(FILE *out, const char *text);

/* ---- JSON ---- */
/* A number, or null for NaN and infinities (undefined values are null, never 0). */
json_t *bal_json_real(double value);
/* Compact or indented text, keys in insertion order, doubles with 17 digits; new, bal_free. */
char *bal_json_text(bal_ctx *ctx, const json_t *value, bool indent);

#endif
