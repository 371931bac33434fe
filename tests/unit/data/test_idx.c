/* The IDX reader: plain and gzip, every damage named. */
#include "helpers/helpers.h"
#include "helpers/sets.h"

#include "ballast/data.h"
#include "data/readers/idx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IMAGES "train-images-idx3-ubyte"
#define LABELS "train-labels-idx1-ubyte"

static const bal_dataset_settings plain = {.seed = 1};

static void the_set_is_as_written(bal_ctx *ctx, const char *folder)
{
    bal_dataset *d;
    test_ok(ctx, bal_dataset_open(&d, ctx, folder, &plain));
    const bal_dataset_info info = bal_dataset_describe(d);
    assert_string_equal(info.format, "idx");
    assert_int_equal(info.classes, 3);
    assert_int_equal(info.channels, 1);
    assert_int_equal(info.height, 4);
    assert_int_equal(info.width, 5);
    assert_int_equal(info.items[BAL_SPLIT_TRAIN], 12);
    assert_int_equal(info.items[BAL_SPLIT_VAL], 0);
    assert_int_equal(info.items[BAL_SPLIT_TEST], 3);
    assert_string_equal(bal_dataset_class_name(d, 2), "2");
    const int64_t *items = bal_dataset_items(d, BAL_SPLIT_TRAIN);
    for (int i = 0; i < 12; i++) {
        uint8_t pixels[20];
        assert_int_equal(items[i], i);
        assert_int_equal(bal_dataset_label(d, i), i % 3);
        test_ok(ctx, bal_dataset_image(d, ctx, i, pixels));
        for (int p = 0; p < 20; p++)
            assert_int_equal(pixels[p], i * 7 + p);
    }
    bal_dataset_close(&d);
    assert_null(d);
}

static void plain_gzip_and_pointed_names(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    for (int gz = 0; gz < 2; gz++) {
        char *folder = test_folder();
        test_write_idx_set(folder, 12, 3, gz);
        the_set_is_as_written(ctx, folder);
        if (!gz) {
            assert_int_equal(
                rename(test_path(folder, IMAGES), test_path(folder, "train-images.idx3-ubyte")), 0);
            the_set_is_as_written(ctx, folder);
            char slashed[4096];
            snprintf(slashed, sizeof slashed, "%s///", folder);
            the_set_is_as_written(ctx, slashed);
        }
        test_folder_remove(folder);
    }
    bal_ctx_close(&ctx);
}

static void colours_and_sizes_are_made(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    test_write_idx_set(folder, 12, 3, false);
    bal_dataset_settings s = plain;
    s.channels = 3;
    s.img_size = 6;
    bal_dataset *d;
    test_ok(ctx, bal_dataset_open(&d, ctx, folder, &s));
    const bal_dataset_info info = bal_dataset_describe(d);
    assert_int_equal(info.channels, 3);
    assert_int_equal(info.height, 6);
    assert_int_equal(info.width, 6);
    uint8_t pixels[6 * 6 * 3];
    memset(pixels, 255, sizeof pixels);
    test_ok(ctx, bal_dataset_image(d, ctx, 11, pixels));
    for (size_t i = 0; i < sizeof pixels; i += 3) {
        assert_true(pixels[i] >= 77 && pixels[i] <= 96); /* image 11 has 77 to 96 */
        assert_true(pixels[i] == pixels[i + 1] && pixels[i] == pixels[i + 2]);
    }
    bal_dataset_close(&d);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

/* Writes bytes as the training images or labels of an else good set, and opens it. */
static void refused(bal_ctx *ctx, const char *name, const uint8_t *bytes, size_t count,
                    bal_status wanted, const char *word)
{
    char *folder = test_folder();
    bal_dataset *d;
    test_write_idx_set(folder, 12, 3, false);
    const bool gz = strstr(name, ".gz") != NULL;
    if (gz)
        unlink(test_path(folder, strstr(name, "images") ? IMAGES : LABELS));
    test_write_file(test_path(folder, name), bytes, count);
    test_fails(ctx, bal_dataset_open(&d, ctx, folder, &plain), wanted, name, word, NULL);
    assert_null(d);
    test_folder_remove(folder);
}

static void damaged_images_are_refused(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    size_t count;
    uint8_t *file = test_idx_images(12, 4, 5, &count);
    for (size_t n = 0; n < count; n += n < 20 ? 1 : 37)
        refused(ctx, IMAGES, file, n, BAL_BAD_FILE, "");
    uint8_t *longer = malloc(count + 1);
    assert_non_null(longer);
    memcpy(longer, file, count);
    longer[count] = 0;
    refused(ctx, IMAGES, longer, count + 1, BAL_BAD_FILE, "promises 240 bytes");
    refused(ctx, IMAGES, longer, count - 1, BAL_BAD_FILE, "the file has 239");
    free(longer);
    file[3] = 1;
    refused(ctx, IMAGES, file, count, BAL_BAD_FILE, "0x00000801");
    file[3] = 3;
    memset(file + 4, 0xff, 12);
    refused(ctx, IMAGES, file, count, BAL_BAD_FILE, "side");
    memset(file + 8, 0, 4);
    refused(ctx, IMAGES, file, count, BAL_BAD_FILE, "dimension 2");
    free(file);
    file = test_idx_images(11, 4, 5, &count);
    refused(ctx, IMAGES, file, count, BAL_BAD_FILE, "12 labels for 11 images");
    free(file);
    bal_ctx_close(&ctx);
}

static void damaged_gzip_is_refused(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    size_t count, packed;
    uint8_t *file = test_idx_images(12, 4, 5, &count);
    uint8_t *zipped = test_gzip(file, count, &packed);
    for (size_t n = 0; n < packed; n += 7)
        refused(ctx, IMAGES ".gz", zipped, n, BAL_BAD_FILE, "gzip");
    for (size_t i = packed - 8; i < packed; i++) { /* checksum and length */
        zipped[i] ^= 1;
        refused(ctx, IMAGES ".gz", zipped, packed, BAL_BAD_FILE, "gzip");
        zipped[i] ^= 1;
    }
    refused(ctx, IMAGES ".gz", file, count, BAL_BAD_FILE, "gzip");
    free(zipped);
    free(file);
    bal_ctx_close(&ctx);
}

static void bad_labels_are_named(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    uint8_t labels[12] = {0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2};
    size_t count;
    labels[7] = 200;
    uint8_t *file = test_idx_labels(labels, 12, &count);
    refused(ctx, LABELS, file, count, BAL_BAD_DATA, "record 7 has label 200");
    refused(ctx, "t10k-labels-idx1-ubyte", file, 10, BAL_BAD_FILE, "promises 12");
    free(file);
    labels[7] = 1;
    labels[2] = 3;
    file = test_idx_labels(labels, 3, &count);
    refused(ctx, "t10k-labels-idx1-ubyte", file, count, BAL_BAD_FILE, "record 2 has label 3");
    free(file);
    bal_ctx_close(&ctx);
}

static void one_class_and_missing_files(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    bal_dataset *d;
    test_write_idx_set(folder, 12, 1, false);
    test_fails(ctx, bal_dataset_open(&d, ctx, folder, &plain), BAL_BAD_DATA, folder,
               "only one class", NULL);
    unlink(test_path(folder, LABELS));
    test_fails(ctx, bal_dataset_open(&d, ctx, folder, &plain), BAL_BAD_DATA, folder, IMAGES,
               "no train-labels", NULL);
    unlink(test_path(folder, IMAGES));
    test_fails(ctx, bal_dataset_open(&d, ctx, folder, &plain), BAL_BAD_DATA, folder, "idx, ",
               ", folder", "ballast data list", NULL);
    /* a link to nowhere is a file that cannot be opened, not a missing one */
    test_write_idx_set(folder, 12, 3, false);
    unlink(test_path(folder, IMAGES));
    assert_int_equal(symlink("nowhere", test_path(folder, IMAGES)), 0);
    test_fails(ctx, bal_dataset_open(&d, ctx, folder, &plain), BAL_IO, IMAGES, "No such file",
               NULL);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

static bal_status open_and_close(bal_ctx *ctx, void *folder)
{
    const bal_dataset_settings s = {
        .longtail = "exp:2", .val_fraction = 0.2, .channels = 3, .img_size = 2};
    bal_dataset *d;
    uint8_t pixels[12];
    const bal_status opened = bal_dataset_open(&d, ctx, folder, &s);
    if (opened != BAL_OK) {
        assert_null(d);
        return opened;
    }
    const bal_status status = bal_dataset_image(d, ctx, 0, pixels);
    bal_dataset_close(&d);
    return status;
}

static void no_memory_is_survived(void **state)
{
    (void)state;
    for (int gz = 0; gz < 2; gz++) {
        char *folder = test_folder();
        test_write_idx_set(folder, 12, 3, gz);
        test_allocation_failures(open_and_close, folder);
        test_folder_remove(folder);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_gzip_and_pointed_names),
        cmocka_unit_test(colours_and_sizes_are_made),
        cmocka_unit_test(damaged_images_are_refused),
        cmocka_unit_test(damaged_gzip_is_refused),
        cmocka_unit_test(bad_labels_are_named),
        cmocka_unit_test(one_class_and_missing_files),
        cmocka_unit_test(no_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
