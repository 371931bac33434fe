/* The NPZ reader: MedMNIST's layout, stored and compressed, and every way to get it wrong. */
#include "helpers/archives.h"
#include "helpers/helpers.h"

#include "ballast/data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST 8

static const bal_dataset_settings plain = {.seed = 1};

/* An array of the archive; data NULL: byte p is p * 7; descr NULL: the data is the whole member. */
typedef struct array {
    const char *name, *descr, *shape;
    size_t bytes;
    const void *data;
} array;

static const uint8_t labels_6[] = {0, 1, 2, 1, 0, 2};

/* 6 training images of 4 x 5, 2 validation images, 3 test images; labels of three types. */
static const array good[MOST] = {
    {"train_images.npy", "|u1", "6, 4, 5", 120, NULL},
    {"train_labels.npy", "|u1", "6, 1", 6, labels_6},
    {"val_images.npy", "|u1", "2, 4, 5", 40, NULL},
    {"val_labels.npy", ">u2", "2", 4, "\0\2\0\1"},
    {"test_images.npy", "|u1", "3, 4, 5", 60, NULL},
    {"test_labels.npy", "<i8", "3, 1", 24, "\2\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0"},
};

static void write_npz(const char *path, const array *arrays, bool deflate)
{
    test_zip_member members[MOST];
    uint8_t *files[MOST];
    int count = 0;
    size_t bytes;
    for (; count < MOST && arrays[count].name; count++) {
        const array *a = &arrays[count];
        uint8_t *data = calloc(a->bytes + 1, 1);
        assert_non_null(data);
        for (size_t p = 0; p < a->bytes; p++)
            data[p] = a->data ? ((const uint8_t *)a->data)[p] : (uint8_t)(p * 7);
        members[count] = (test_zip_member){.name = a->name, .deflate = deflate};
        members[count].count = a->bytes;
        files[count] = data;
        if (a->descr) {
            files[count] =
                test_npy_bytes(a->descr, a->shape, data, a->bytes, &members[count].count);
            free(data);
        }
        members[count].bytes = files[count];
    }
    uint8_t *zip = test_zip_bytes(&(test_zip){.members = members, .count = count}, &bytes);
    test_write_file(path, zip, bytes);
    free(zip);
    for (int i = 0; i < count; i++)
        free(files[i]);
}

static void expect_item(bal_ctx *ctx, const bal_dataset *d, int64_t item, int label,
                        const char *name, int first_byte)
{
    char buffer[64];
    uint8_t pixels[20];
    assert_int_equal(bal_dataset_label(d, item), label);
    assert_string_equal(bal_dataset_item_name(d, item, buffer, sizeof buffer), name);
    test_ok(ctx, bal_dataset_image(d, ctx, item, pixels));
    for (int p = 0; p < 20; p++)
        assert_int_equal(pixels[p], (uint8_t)((first_byte + p) * 7));
}

static void stored_and_compressed_are_read(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    const char *path = test_path(folder, "some.NPZ");
    for (int deflate = 0; deflate < 2; deflate++) {
        bal_dataset *d;
        write_npz(path, good, deflate);
        test_ok(ctx, bal_dataset_open(&d, ctx, path, &plain));
        const bal_dataset_info info = bal_dataset_describe(d);
        assert_string_equal(info.format, "npz");
        assert_string_equal(info.name, "some.NPZ");
        assert_int_equal(info.classes, 3);
        assert_int_equal(info.channels, 1);
        assert_int_equal(info.height, 4);
        assert_int_equal(info.width, 5);
        assert_int_equal(info.items[BAL_SPLIT_TRAIN], 6);
        assert_int_equal(info.items[BAL_SPLIT_VAL], 2);
        assert_int_equal(info.items[BAL_SPLIT_TEST], 3);
        assert_string_equal(bal_dataset_class_name(d, 2), "2");
        expect_item(ctx, d, 0, 0, "train_images#0", 0);
        expect_item(ctx, d, 5, 2, "train_images#5", 100);
        expect_item(ctx, d, 6, 2, "val_images#0", 0);
        expect_item(ctx, d, 7, 1, "val_images#1", 20);
        expect_item(ctx, d, 8, 2, "test_images#0", 0);
        expect_item(ctx, d, 10, 0, "test_images#2", 40);
        bal_dataset_close(&d);
    }
    /* only a training set: the validation split is drawn */
    array alone[MOST] = {good[0], good[1]};
    bal_dataset *d;
    write_npz(path, alone, false);
    test_ok(ctx, bal_dataset_open(&d, ctx, path, NULL));
    assert_int_equal(bal_dataset_describe(d).items[BAL_SPLIT_VAL], 3);
    assert_int_equal(bal_dataset_describe(d).items[BAL_SPLIT_TEST], 0);
    bal_dataset_close(&d);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

static void colours_and_empty_splits(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    const char *path = test_path(folder, "colour.npz");
    const array arrays[MOST] = {
        {"train_images.npy", "|u1", "6, 2, 5, 3", 180, NULL},
        good[1],
        {"test_images.npy", "|u1", "0, 2, 5, 3", 0, NULL},
        {"test_labels.npy", "|u1", "0, 1", 0, NULL},
    };
    bal_dataset *d;
    uint8_t pixels[30];
    write_npz(path, arrays, true);
    test_ok(ctx, bal_dataset_open(&d, ctx, path, &plain));
    const bal_dataset_info info = bal_dataset_describe(d);
    assert_int_equal(info.channels, 3);
    assert_int_equal(info.height, 2);
    assert_int_equal(info.width, 5);
    assert_int_equal(info.items[BAL_SPLIT_TEST], 0);
    test_ok(ctx, bal_dataset_image(d, ctx, 4, pixels));
    for (int p = 0; p < 30; p++)
        assert_int_equal(pixels[p], (uint8_t)((120 + p) * 7));
    bal_dataset_close(&d);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

/* ---- what is refused ---- */

typedef struct fault {
    int at; /* the array that is put in place of a good one */
    array with;
    bal_status status;
    const char *word;
} fault;

static void every_fault_is_named(void **state)
{
    (void)state;
    static const uint8_t bad_6[] = {0, 1, 2, 1, 0, 9}, ones_6[] = {1, 1, 2, 1, 2, 2};
    static const char fortran[10 + 62 + 120] =
        "\x93NUMPY\1\0\x3e\0"
        "{'descr': '|u1', 'fortran_order': True, 'shape': (6, 4, 5), } ";
    static const fault faults[] = {
        {0, {"train_images.npy", NULL, NULL, sizeof fortran, fortran}, BAL_BAD_FILE, "Fortran"},
        {0, {"train_images.npy", NULL, NULL, 70, fortran}, BAL_BAD_FILE, "cut off"},
        {0, {"train_images.npy", NULL, NULL, 5, fortran}, BAL_BAD_FILE, "not an NPY"},
        {0, {"x_train.npy", "|u1", "6, 4, 5", 120, NULL}, BAL_BAD_DATA, "no train_images.npy"},
        {0, {"a\33[2J.npy", "|u1", "1", 1, NULL}, BAL_BAD_DATA, "a?[2J.npy, train_labels.npy"},
        {1, {"labels.npy", "|u1", "6", 6, labels_6}, BAL_BAD_DATA, "no train_labels.npy"},
        {2, {"other.npy", "|u1", "1", 1, NULL}, BAL_BAD_DATA, "no val_images.npy"},
        {5, {"other.npy", "|u1", "1", 1, NULL}, BAL_BAD_DATA, "no test_labels.npy"},
        {4, {"train_images.npy", "|u1", "1", 1, NULL}, BAL_BAD_FILE, "two members"},
        {0, {"train_images.npy", "|O", "6, 4, 5", 120, NULL}, BAL_BAD_FILE, "Python objects"},
        {1, {"train_labels.npy", "|O", "6", 48, NULL}, BAL_BAD_FILE, "Python objects"},
        {0, {"train_images.npy", "<f4", "6, 1, 5", 120, NULL}, BAL_BAD_FILE, "holds f4"},
        {0,
         {"train_images.npy", "|u1", "120", 120, NULL},
         BAL_BAD_FILE,
         "train_images.npy is 120;"},
        {0, {"train_images.npy", "|u1", "6, 5, 2, 2", 120, NULL}, BAL_BAD_FILE, "6 x 5 x 2 x 2"},
        {0, {"train_images.npy", "|u1", "6, 0, 5", 0, NULL}, BAL_BAD_FILE, "6 x 0 x 5"},
        {0, {"train_images.npy", "|u1", "1, 2, 9000", 18000, NULL}, BAL_BAD_FILE, "9000"},
        {0, {"train_images.npy", "|u1", "0, 4, 5", 0, NULL}, BAL_BAD_DATA, "is empty"},
        {0, {"train_images.npy", "|u1", "6, 4, 6", 120, NULL}, BAL_BAD_FILE, "promises 144 bytes"},
        {0, {"train_images.npy", "|u1", "9999999, 99999, 999999", 9, NULL}, BAL_BAD_FILE, "shape"},
        {2, {"val_images.npy", "|u1", "2, 5, 4", 40, NULL}, BAL_BAD_DATA, "has images of 5x4"},
        {2, {"val_images.npy", "|u1", "2, 4, 5, 3", 120, NULL}, BAL_BAD_DATA, "3 channels"},
        {1, {"train_labels.npy", "|u1", "5, 1", 5, labels_6}, BAL_BAD_FILE, "5 labels for 6"},
        {1, {"train_labels.npy", "|u1", "6, 2", 12, NULL}, BAL_BAD_DATA, "2 labels for each"},
        {1, {"train_labels.npy", "|u1", "6, 1, 2", 12, NULL}, BAL_BAD_DATA, "multi-label"},
        {1, {"train_labels.npy", "<f4", "6", 24, NULL}, BAL_BAD_FILE, "holds f4"},
        {1, {"train_labels.npy", "|i1", "6", 6, "\0\1\2\1\xff\2"}, BAL_BAD_FILE, "label 4 is -1"},
        {1, {"train_labels.npy", "|u1", "6", 6, bad_6}, BAL_BAD_DATA, "label 5 is 9"},
        {1, {"train_labels.npy", "|u1", "6", 6, ones_6}, BAL_BAD_DATA, "no image has label 0"},
        {1,
         {"train_labels.npy", "<u8", "6", 48,
          "\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
          "\0\0"
          "\0\0"},
         BAL_BAD_FILE,
         "label 2 is beyond"},
        {1,
         {"train_labels.npy", "<i8", "6", 48,
          "\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\x70\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
          "\0\0"
          "\0\0"},
         BAL_BAD_DATA,
         "label 2 is 8070450532247928834, but no image has label 2"},
        {3, {"val_labels.npy", "|u1", "2", 2, "\0\3"}, BAL_BAD_FILE, "label 1 is 3"},
        {3, {"val_labels.npy", "|i1", "2", 2, "\xfe\1"}, BAL_BAD_FILE, "label 0 is -2"},
        {3, {"val_labels.npy", "|u1", "3", 3, "\0\1\2"}, BAL_BAD_FILE, "3 labels for 2"},
    };
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    const char *path = test_path(folder, "bad.npz");
    for (size_t i = 0; i < 2 * BAL_COUNT_OF(faults); i++) {
        const fault *f = &faults[i / 2];
        array arrays[MOST];
        bal_dataset *d;
        memcpy(arrays, good, sizeof arrays);
        arrays[f->at] = f->with;
        write_npz(path, arrays, i % 2);
        const bal_status status = bal_dataset_open(&d, ctx, path, &plain);
        assert_null(d);
        if (status != f->status || !strstr(bal_error(ctx), f->word) ||
            !strstr(bal_error(ctx), "bad.npz"))
            fail_msg("fault %zu: \"%s\": %s", i / 2, bal_status_text(status), bal_error(ctx));
    }
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

static void files_that_are_no_archive(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    const char *path = test_path(folder, "bad.npz");
    bal_dataset *d;
    test_fails(ctx, bal_dataset_open(&d, ctx, path, &plain), BAL_IO, path, "No such file", NULL);
    test_write_file(path, "", 0);
    test_fails(ctx, bal_dataset_open(&d, ctx, path, &plain), BAL_BAD_FILE, path, "not a ZIP", NULL);
    test_write_file(path, "\x93NUMPY\1\0", 8);
    test_fails(ctx, bal_dataset_open(&d, ctx, path, &plain), BAL_BAD_FILE, path, "not a ZIP", NULL);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

/* Images of a stored member stay in the file: what is cut off of it is missed, with a sentence. */
static void a_file_that_vanishes_while_it_is_used(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    const char *path = test_path(folder, "some.npz");
    bal_dataset *d;
    uint8_t pixels[20];
    write_npz(path, good, false);
    test_ok(ctx, bal_dataset_open(&d, ctx, path, &plain));
    assert_int_equal(unlink(path), 0); /* open files stay */
    test_ok(ctx, bal_dataset_image(d, ctx, 5, pixels));
    bal_dataset_close(&d);
    write_npz(path, good, false);
    test_ok(ctx, bal_dataset_open(&d, ctx, path, &plain));
    assert_int_equal(truncate(path, 250), 0);
    test_fails(ctx, bal_dataset_image(d, ctx, 5, pixels), BAL_BAD_FILE, path, "cut off", NULL);
    bal_dataset_close(&d);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

static bal_status open_and_close(bal_ctx *ctx, void *path)
{
    bal_dataset *d;
    uint8_t pixels[20];
    const bal_status opened = bal_dataset_open(&d, ctx, path, &plain);
    if (opened != BAL_OK) {
        assert_null(d);
        return opened;
    }
    const bal_status status = bal_dataset_image(d, ctx, 3, pixels);
    bal_dataset_close(&d);
    return status;
}

static void no_memory_is_survived(void **state)
{
    (void)state;
    for (int deflate = 0; deflate < 2; deflate++) {
        char *folder = test_folder(), path[4096];
        strcpy(path, test_path(folder, "some.npz"));
        write_npz(path, good, deflate);
        test_allocation_failures(open_and_close, path);
        test_folder_remove(folder);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stored_and_compressed_are_read),
        cmocka_unit_test(colours_and_empty_splits),
        cmocka_unit_test(every_fault_is_named),
        cmocka_unit_test(files_that_are_no_archive),
        cmocka_unit_test(a_file_that_vanishes_while_it_is_used),
        cmocka_unit_test(no_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
