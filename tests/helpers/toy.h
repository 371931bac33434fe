/* A small image folder that can be learned: every class is a wave of its own with noise on it. */
#ifndef BAL_TEST_TOY_H
#define BAL_TEST_TOY_H

#include "ballast/data.h"

#define TEST_TOY_CLASSES 8

typedef struct test_toy {
    int channels, side;          /* PNGs of side x side, 1 grey or 3 RGB */
    int train[TEST_TOY_CLASSES]; /* images of each class, ended by 0 */
    int test;                    /* images of every class; 0: no such split */
} test_toy;

/* FOLDER/train/c0/0.png and so on; with test also FOLDER/test/... The folder is made. */
void test_write_toy(const char *folder, const test_toy *toy);
/* Opens it with a share of the training images as validation split, seed 1. */
bal_dataset *test_open_toy(bal_ctx *ctx, const char *folder, double val_fraction);

#endif
