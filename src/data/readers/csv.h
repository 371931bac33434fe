/* Records of a CSV text (RFC 4180), read in place: a field may be quoted, a quote in it is written
 * twice, and it may hold delimiters and line ends. Lines end with LF or CRLF; empty ones are
 * skipped. Strict: what other programs read in different ways is an error that names the line. */
#ifndef BAL_CSV_H
#define BAL_CSV_H

#include "base/cursor.h"

typedef struct bal_csv {
    bal_ctx *ctx;
    const char *name; /* for messages */
    char delimiter;
    unsigned char *at, *end;
    int64_t next_line; /* of what follows, from 1 */
    int64_t line;      /* where the record began */
    char **fields;     /* of the record; in the text, until the next call */
    size_t count, room;
} bal_csv;

/* The text is borrowed and changed; one byte more than its count must be there, as bal_file_read
 * makes it. A byte order mark is skipped. Fails with BAL_BAD_FILE: not UTF-8 or another text of
 * bytes (UTF-16, a zero byte). */
BAL_MUST_CHECK bal_status bal_csv_open(bal_csv *out, bal_ctx *ctx, const char *name,
                                       const bal_bytes *text, char delimiter);
/* The next record; *more is false after the last. */
BAL_MUST_CHECK bal_status bal_csv_next(bal_csv *csv, bool *more);
/* Accepts one that is all zero. */
void bal_csv_close(bal_csv *csv);

/* Is it text of bytes? Fails with BAL_BAD_FILE; *skip receives the length of a byte order mark. */
BAL_MUST_CHECK bal_status bal_text_check(bal_ctx *ctx, const char *name, const bal_bytes *text,
                                         size_t *skip);

#endif
