/* ZIP archives and NPY arrays made in memory, in every form that writers use. */
#ifndef BAL_TEST_ARCHIVES_H
#define BAL_TEST_ARCHIVES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct test_zip_member {
    const char *name;
    const void *bytes;
    size_t count;
    bool deflate;
    bool zip64;  /* sizes and offset in ZIP64 fields, 0xffffffff where they usually are */
    bool follow; /* the local header has no sizes; a data descriptor follows the bytes */
} test_zip_member;

typedef struct test_zip {
    const test_zip_member *members;
    int count;
    bool zip64;          /* the directory's place in a ZIP64 record */
    const char *comment; /* NULL: none */
} test_zip;

/* New bytes; release with free(). */
uint8_t *test_zip_bytes(const test_zip *zip, size_t *count);
/* Offset of the n-th (from 0) place where the four bytes of a ZIP signature stand: "PK\1\2" is a
 * directory entry, "PK\3\4" a local header, "PK\5\6" the end, "PK\6\6" the ZIP64 end. */
size_t test_zip_find(const uint8_t *bytes, size_t count, const char *signature, int n);

/* New bytes of an NPY file: descr as "|u1", shape as "3, 4, 5" (the comma of a single dimension is
 * added). Release with free(). */
uint8_t *test_npy_bytes(const char *descr, const char *shape, const void *data, size_t bytes,
                        size_t *count);

#endif
