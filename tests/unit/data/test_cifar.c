/* The CIFAR readers: records, labels, names, and every damage named. */
#include "helpers/helpers.h"
#include "helpers/sets.h"

#include "ballast/data.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const bal_dataset_settings plain = {.seed = 1};

static void cifar10_is_as_written(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    bal_dataset *d;
    test_write_cifar10_set(folder, 20);
    test_ok(ctx, bal_dataset_open(&d, ctx, folder, &plain));
    const bal_dataset_info info = bal_dataset_describe(d);
    assert_string_equal(info.format, "cifar10");
    assert_int_equal(info.classes, 10);
    assert_int_equal(info.channels, 3);
    assert_int_equal(info.height, 32);
    assert_int_equal(info.width, 32);
    assert_int_equal(info.items[BAL_SPLIT_TRAIN], 100);
    assert_int_equal(info.items[BAL_SPLIT_TEST], 10);
    assert_string_equal(bal_dataset_class_name(d, 9), "truck");
    uint8_t pixels[3072];
    test_ok(ctx, bal_dataset_image(d, ctx, 47, pixels)); /* data_batch_3, record 7 */
    assert_int_equal(bal_dataset_label(d, 47), 7);
    for (int i = 0; i < 1024; i++)
        for (int c = 0; c < 3; c++)
            assert_int_equal(pixels[3 * i + c], (7 + c * 1024 + i) % 251);
    char name[64];
    assert_string_equal(bal_dataset_item_name(d, 47, name, sizeof name), "data_batch_3.bin#7");
    assert_string_equal(bal_dataset_item_name(d, 109, name, sizeof name), "test_batch.bin#9");
    bal_dataset_close(&d);
    /* grey and smaller */
    bal_dataset_settings s = plain;
    s.channels = 1;
    s.img_size = 16;
    test_ok(ctx, bal_dataset_open(&d, ctx, folder, &s));
    memset(pixels, 255, sizeof pixels);
    test_ok(ctx, bal_dataset_image(d, ctx, 0, pixels));
    assert_true(pixels[255] < 251 && pixels[256] == 255);
    bal_dataset_close(&d);
    /* names are known without the file, too */
    unlink(test_path(folder, "batches.meta.txt"));
    unlink(test_path(folder, "test_batch.bin"));
    test_ok(ctx, bal_dataset_open(&d, ctx, folder, NULL));
    assert_string_equal(bal_dataset_class_name(d, 0), "airplane");
    assert_int_equal(bal_dataset_describe(d).items[BAL_SPLIT_TEST], 0);
    assert_int_equal(bal_dataset_describe(d).items[BAL_SPLIT_VAL], 10);
    bal_dataset_close(&d);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

static void write_cifar100(const char *folder, int count)
{
    size_t bytes;
    uint8_t *file = test_cifar_records(count, 2, 0, 100, &bytes);
    test_write_file(test_path(folder, "train.bin"), file, bytes);
    test_write_file(test_path(folder, "test.bin"), file, bytes);
    free(file);
}

static void cifar100_has_fine_labels(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    bal_dataset *d;
    write_cifar100(folder, 200);
    test_ok(ctx, bal_dataset_open(&d, ctx, folder, &plain));
    assert_string_equal(bal_dataset_describe(d).format, "cifar100");
    assert_int_equal(bal_dataset_describe(d).classes, 100);
    assert_int_equal(bal_dataset_label(d, 199), 99);
    assert_string_equal(bal_dataset_class_name(d, 99), "99");
    uint8_t pixels[3072];
    test_ok(ctx, bal_dataset_image(d, ctx, 1, pixels));
    assert_int_equal(pixels[0], 1);
    bal_dataset_close(&d);
    char names[100 * 8 + 1] = "";
    for (int c = 0; c < 100; c++)
        strcat(names, c == 5 ? "bed\r\n" : "thing\n");
    test_write_file(test_path(folder, "fine_label_names.txt"), names, strlen(names));
    test_ok(ctx, bal_dataset_open(&d, ctx, folder, &plain));
    assert_string_equal(bal_dataset_class_name(d, 5), "bed");
    bal_dataset_close(&d);
    strcat(names, "more\n");
    test_write_file(test_path(folder, "fine_label_names.txt"), names, strlen(names));
    test_fails(ctx, bal_dataset_open(&d, ctx, folder, &plain), BAL_BAD_FILE, "fine_label_names.txt",
               "100 names", NULL);
    unlink(test_path(folder, "fine_label_names.txt"));
    write_cifar100(folder, 99);
    test_fails(ctx, bal_dataset_open(&d, ctx, folder, &plain), BAL_BAD_DATA, folder, "class 99",
               "no training images", NULL);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

/* One file of an else good set is replaced. */
static void refused(bal_ctx *ctx, const char *name, const uint8_t *bytes, size_t count,
                    const char *word)
{
    char *folder = test_folder();
    bal_dataset *d;
    test_write_cifar10_set(folder, 20);
    test_write_file(test_path(folder, name), bytes, count);
    test_fails(ctx, bal_dataset_open(&d, ctx, folder, &plain), BAL_BAD_FILE, name, word, NULL);
    assert_null(d);
    test_folder_remove(folder);
}

static void damaged_files_are_refused(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    size_t count;
    uint8_t *file = test_cifar_records(21, 1, 0, 10, &count);
    const size_t whole = 20 * 3073;
    refused(ctx, "data_batch_3.bin", file, 0, "0 bytes");
    refused(ctx, "data_batch_3.bin", file, 1, "1 bytes after record 0");
    refused(ctx, "data_batch_3.bin", file, whole - 1, "3072 bytes after record 19");
    refused(ctx, "data_batch_3.bin", file, whole + 1, "1 bytes after record 20");
    refused(ctx, "data_batch_3.bin", file, whole - 3073, "19 records");
    refused(ctx, "data_batch_5.bin", file, count, "21 records");
    refused(ctx, "test_batch.bin", file, 1000, "1000 bytes");
    file[13 * 3073] = 10;
    refused(ctx, "data_batch_2.bin", file, whole, "record 13 has label 10, 0 to 9 expected");
    refused(ctx, "test_batch.bin", file, whole, "record 13 has label 10");
    refused(ctx, "batches.meta.txt", (const uint8_t *)"a\nb\n", 4, "10 names");
    free(file);
    char *folder = test_folder();
    bal_dataset *d;
    test_write_cifar10_set(folder, 20);
    unlink(test_path(folder, "data_batch_4.bin"));
    test_fails(ctx, bal_dataset_open(&d, ctx, folder, &plain), BAL_IO, "data_batch_4.bin",
               "No such file", NULL);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

static bal_status open_and_close(bal_ctx *ctx, void *folder)
{
    const bal_dataset_settings s = {.longtail = "step:2:0.5", .val_fraction = 0.2, .img_size = 8};
    bal_dataset *d;
    uint8_t pixels[3 * 8 * 8];
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
    char *folder = test_folder();
    test_write_cifar10_set(folder, 20);
    test_allocation_failures(open_and_close, folder);
    test_folder_remove(folder);
    folder = test_folder();
    write_cifar100(folder, 200);
    test_allocation_failures(open_and_close, folder);
    test_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cifar10_is_as_written),
        cmocka_unit_test(cifar100_has_fine_labels),
        cmocka_unit_test(damaged_files_are_refused),
        cmocka_unit_test(no_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
