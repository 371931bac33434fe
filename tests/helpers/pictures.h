/* Small image files made in memory, for tests of decoding and of image folders. */
#ifndef BAL_TEST_PICTURES_H
#define BAL_TEST_PICTURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct test_picture {
    int height, width;
    int channels;  /* PNG: 1 grey, 2 with alpha, 3 RGB, 4 with alpha; JPEG: 1, 3, 4 (CMYK); WebP: 3,
                      4 with alpha */
    int depth;     /* PNG: 1 or 16; 0 is 8 */
    bool palette;  /* PNG: 8-bit numbers into 256 colours (i, 255 - i, i / 2); channels is 1 */
    bool in_steps; /* interlaced, progressive */
    int turn;      /* JPEG: EXIF orientation; 0: none is written */
    bool ycck;     /* JPEG of 4 channels: stored as YCCK */
    const uint8_t *pixels; /* HWC, 8 bits; depth 16 writes each byte twice, depth 1 its highest bit
                              NULL: test_pixel() */
} test_picture;

/* A smooth picture whose rows, columns and channels all differ. */
uint8_t test_pixel(int y, int x, int c);
/* New bytes; release with free(). */
uint8_t *test_png(const test_picture *picture, size_t *count);
uint8_t *test_jpeg(const test_picture *picture, size_t *count);
/* Lossless; in_steps: lossy. */
uint8_t *test_webp(const test_picture *picture, size_t *count);
/* To a file whose folders are made. */
void test_write_png(const char *path, int height, int width, int channels);
void test_write_jpeg(const char *path, int height, int width, int channels);

#endif
