/* Small data sets written by tests: IDX and CIFAR files with known pixels and labels. */
#ifndef BAL_TEST_SETS_H
#define BAL_TEST_SETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* New bytes of an idx3-ubyte file: pixel p of image i is (i * 7 + p) mod 256; and of an idx1-ubyte
 * file: label i is labels[i]. Release with free(). */
uint8_t *test_idx_images(uint32_t count, uint32_t height, uint32_t width, size_t *bytes);
uint8_t *test_idx_labels(const uint8_t *labels, uint32_t count, size_t *bytes);
/* gzip of count bytes, new. */
uint8_t *test_gzip(const uint8_t *bytes, size_t count, size_t *packed);
/* A folder with train (count images, label i mod classes) and t10k (classes images), 4 x 5 pixels;
 * gz: compressed. */
void test_write_idx_set(const char *folder, uint32_t count, int classes, bool gz);

/* New bytes of CIFAR records: label i is (first + i) mod classes (the coarse label, where there is
 * one, is 0); byte p of the pixels of image i is (i + p) mod 251. label_bytes is 1 or 2. */
uint8_t *test_cifar_records(int count, int label_bytes, int first, int classes, size_t *bytes);
/* A CIFAR-10 folder: 5 batches of count images, test_batch of 10, batches.meta.txt. */
void test_write_cifar10_set(const char *folder, int count);

#endif
