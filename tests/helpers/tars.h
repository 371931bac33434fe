/* Tar files made in memory byte for byte, also such as no sound program writes. */
#ifndef BAL_TEST_TARS_H
#define BAL_TEST_TARS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct test_tar {
    uint8_t *bytes;
    size_t count, room;
} test_tar;

typedef enum test_tar_style {
    TEST_TAR_USTAR, /* names of at most 100 bytes */
    TEST_TAR_PAX,   /* the name in an extended header */
    TEST_TAR_GNU    /* the name in a member of type L */
} test_tar_style;

typedef struct test_tar_entry {
    const char *name;
    test_tar_style style;
    char type;        /* '0' file (also 0), '1' hard link, '2' link, '3' device, '5' folder ... */
    const char *link; /* where a link leads */
    const void *data;
    size_t size;
    bool claims; /* the header says claimed bytes instead of size */
    uint64_t claimed;
    const char *pax; /* "key=value" of one more record of the extended header */
    bool wrong_sum;
} test_tar_entry;

void test_tar_add(test_tar *tar, const test_tar_entry *entry);
void test_tar_file(test_tar *tar, const char *name, const void *data, size_t size);
void test_tar_text(test_tar *tar, const char *name, const char *text);
/* A sample of WebDataset: KEY.cls with the text, KEY.png with a picture of test_pixel(). */
void test_tar_sample(test_tar *tar, const char *key, const char *label, int height, int width);
/* The two empty blocks. */
void test_tar_end(test_tar *tar);
/* Ends it, writes it, releases it. */
void test_tar_write(test_tar *tar, const char *path);
/* The same, compressed: "gzip" or "zstd". */
void test_tar_write_packed(test_tar *tar, const char *path, const char *filter);
void test_tar_free(test_tar *tar);

#endif
