/* Bounded reading: a cursor knows its end, so nobody indexes raw bytes of a file. */
#ifndef BAL_CURSOR_H
#define BAL_CURSOR_H

#include "base/context.h"

typedef struct bal_cursor {
    const unsigned char *begin, *at, *end;
} bal_cursor;

bal_cursor bal_cursor_over(const void *bytes, size_t count);
size_t bal_cursor_left(const bal_cursor *c);
size_t bal_cursor_offset(const bal_cursor *c);
/* Each returns false and moves nothing when fewer bytes are left. */
bool bal_take_u8(bal_cursor *c, uint8_t *out);
bool bal_take_u16le(bal_cursor *c, uint16_t *out);
bool bal_take_u32be(bal_cursor *c, uint32_t *out);
bool bal_take_u32le(bal_cursor *c, uint32_t *out);
bool bal_take_u64le(bal_cursor *c, uint64_t *out);
bool bal_take_bytes(bal_cursor *c, size_t count, const unsigned char **out);

/* A whole file in memory. */
typedef struct bal_bytes {
    unsigned char *data;
    size_t count;
} bal_bytes;

/* Reads a whole regular file, at most limit bytes; a zero byte stands behind them. Fails with
 * BAL_IO (cannot open or read; the text has strerror) or BAL_BAD_FILE (larger than limit, or a
 * folder). Release with bal_bytes_free. */
BAL_MUST_CHECK bal_status bal_file_read(bal_ctx *ctx, const char *path, size_t limit,
                                        bal_bytes *out);
/* A whole regular file mapped into memory, read when it is looked at; data is NULL for an empty
 * one. A file that somebody cuts short while it is mapped ends the process that looks beyond its
 * end. Fails with BAL_IO (the text has strerror) or BAL_BAD_FILE (a folder, device or pipe). */
typedef struct bal_mapped {
    const unsigned char *data;
    size_t count;
} bal_mapped;
BAL_MUST_CHECK bal_status bal_file_map(bal_ctx *ctx, const char *path, bal_mapped *out);
/* Accepts what is all zero; sets it so. */
void bal_file_unmap(bal_mapped *file);

/* Inflates gzip data (also several members), at most limit bytes of output: BAL_BAD_FILE names the
 * path when it is damaged, truncated, followed by rubbish, or larger. */
BAL_MUST_CHECK bal_status bal_gunzip(bal_ctx *ctx, const char *path, const bal_bytes *in,
                                     size_t limit, bal_bytes *out);
void bal_bytes_free(bal_ctx *ctx, bal_bytes *bytes);

#endif
