/* The folder reader: torchvision's order, splits, sizes, and everything that can be wrong. */
#include "helpers/helpers.h"
#include "helpers/pictures.h"

#include "ballast/data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const bal_dataset_settings plain = {.seed = 1};

static void jpeg(const char *folder, const char *name)
{
    test_write_jpeg(test_path(folder, name), 8, 6, 3);
}

static void png(const char *folder, const char *name)
{
    test_write_png(test_path(folder, name), 8, 6, 3);
}

static void the_order_is_torchvisions(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    png(folder, "cat/b.png");
    jpeg(folder, "cat/a.JPG");
    png(folder, "cat/inner/z.png");
    png(folder, "cat/inner-2/y.png");
    png(folder, "cat/inner/deep/x.png");
    png(folder, "Dog/1.png");
    png(folder, "\xc3\xa4pfel/1.jpeg"); /* a PNG, whatever its name */
    png(folder, ".hidden/1.png");
    png(folder, "cat/.2.png");
    test_write_file(test_path(folder, "cat/notes.txt"), "x", 1);
    test_write_file(test_path(folder, "README"), "x", 1);
    bal_dataset *d;
    test_ok(ctx, bal_dataset_open(&d, ctx, folder, &plain));
    const bal_dataset_info info = bal_dataset_describe(d);
    assert_string_equal(info.format, "folder");
    assert_int_equal(info.classes, 3);
    assert_int_equal(info.channels, 3);
    assert_int_equal(info.height, 8);
    assert_int_equal(info.width, 6);
    assert_int_equal(info.items[BAL_SPLIT_TRAIN], 7);
    static const char *const names[] = {"Dog", "cat", "\xc3\xa4pfel"};
    for (int c = 0; c < 3; c++)
        assert_string_equal(bal_dataset_class_name(d, c), names[c]);
    /* sorted(os.walk()): by folder, then by name */
    static const char *const items[] = {"Dog/1.png",          "cat/a.JPG",
                                        "cat/b.png",          "cat/inner/z.png",
                                        "cat/inner-2/y.png",  "cat/inner/deep/x.png",
                                        "\xc3\xa4pfel/1.jpeg"};
    static const int labels[] = {0, 1, 1, 1, 1, 1, 2};
    for (int i = 0; i < 7; i++) {
        char name[256];
        bal_dataset_item_name(d, i, name, sizeof name);
        assert_string_equal(name, items[i]);
        assert_int_equal(bal_dataset_label(d, i), labels[i]);
    }
    uint8_t pixels[8 * 6 * 3];
    test_ok(ctx, bal_dataset_image(d, ctx, 2, pixels));
    for (int y = 0; y < 8; y++)
        for (int x = 0; x < 6; x++)
            for (int c = 0; c < 3; c++)
                assert_int_equal(pixels[(y * 6 + x) * 3 + c], test_pixel(y, x, c));
    bal_dataset_close(&d);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

static void splits_are_found(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    static const char *const val[] = {"val", "valid", "validation"};
    for (size_t v = 0; v < BAL_COUNT_OF(val); v++) {
        char *folder = test_folder(), name[64];
        png(folder, "train/a/1.png");
        png(folder, "train/a/2.png");
        png(folder, "train/b/1.png");
        png(folder, "test/a/3.png");
        png(folder, "test/b/3.png");
        for (int c = 0; c < 2; c++) {
            snprintf(name, sizeof name, "%s/%c/4.png", val[v], 'a' + c);
            png(folder, name);
        }
        bal_dataset *d;
        bal_dataset_settings s = plain;
        s.val_fraction = 0.5; /* of no interest: the data has a validation split */
        test_ok(ctx, bal_dataset_open(&d, ctx, folder, &s));
        const bal_dataset_info info = bal_dataset_describe(d);
        assert_int_equal(info.classes, 2);
        assert_int_equal(info.items[BAL_SPLIT_TRAIN], 3);
        assert_int_equal(info.items[BAL_SPLIT_VAL], 2);
        assert_int_equal(info.items[BAL_SPLIT_TEST], 2);
        bal_dataset_item_name(d, bal_dataset_items(d, BAL_SPLIT_VAL)[1], name, sizeof name);
        assert_non_null(strstr(name, "b/4.png"));
        bal_dataset_close(&d);
        png(folder, v == 0 ? "valid/a/1.png" : "val/a/1.png");
        if (v == 0)
            test_fails(ctx, bal_dataset_open(&d, ctx, folder, &s), BAL_BAD_DATA, "valid", NULL);
        test_folder_remove(folder);
    }
    /* a class may be called train */
    char *folder = test_folder();
    png(folder, "train/1.png");
    png(folder, "bus/1.png");
    bal_dataset *d;
    test_ok(ctx, bal_dataset_open(&d, ctx, folder, &plain));
    assert_string_equal(bal_dataset_class_name(d, 1), "train");
    bal_dataset_close(&d);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

static void class_sets_must_agree(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    bal_dataset *d;
    png(folder, "train/a/1.png");
    png(folder, "train/b/1.png");
    png(folder, "test/a/1.png");
    test_fails(ctx, bal_dataset_open(&d, ctx, folder, &plain), BAL_BAD_DATA, "/test",
               "has no class \"b\"", NULL);
    assert_null(d);
    png(folder, "test/b/1.png");
    png(folder, "test/aa/1.png");
    test_fails(ctx, bal_dataset_open(&d, ctx, folder, &plain), BAL_BAD_DATA, "/test",
               "has class \"aa\"", NULL);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

static void too_few_is_said(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    bal_dataset *d;
    test_fails(ctx, bal_dataset_open(&d, ctx, folder, &plain), BAL_BAD_DATA, folder, ", folder;",
               NULL);
    png(folder, "a/1.png");
    test_fails(ctx, bal_dataset_open(&d, ctx, folder, &plain), BAL_BAD_DATA, folder,
               "only one class (a)", NULL);
    assert_int_equal(mkdir(test_path(folder, "empty"), 0777), 0);
    test_fails(ctx, bal_dataset_open(&d, ctx, folder, &plain), BAL_BAD_DATA, "/empty", "no images",
               NULL);
    test_write_file(test_path(folder, "empty/notes.txt"), "x", 1);
    test_fails(ctx, bal_dataset_open(&d, ctx, folder, &plain), BAL_BAD_DATA, "/empty", "no images",
               NULL);
    test_fails(ctx, bal_dataset_open(&d, ctx, test_path(folder, "a/1.png"), &plain), BAL_BAD_DATA,
               "1.png", "no data set", NULL);
    test_fails(ctx, bal_dataset_open(&d, ctx, test_path(folder, "none"), &plain), BAL_IO, "none",
               "No such file", NULL);
    test_fails(ctx, bal_dataset_open(&d, ctx, "", &plain), BAL_BAD_ARG, "empty", NULL);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

static void sizes_must_agree_or_be_made(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    bal_dataset *d;
    png(folder, "a/1.png");
    png(folder, "b/1.png");
    test_write_jpeg(test_path(folder, "b/2.jpg"), 9, 6, 1);
    test_fails(ctx, bal_dataset_open(&d, ctx, folder, &plain), BAL_BAD_DATA, "a/1.png has 6x8",
               "b/2.jpg has 6x9", "--img-size N", NULL);
    bal_dataset_settings s = plain;
    s.img_size = 5;
    test_ok(ctx, bal_dataset_open(&d, ctx, folder, &s));
    const bal_dataset_info info = bal_dataset_describe(d);
    assert_int_equal(info.height, 5);
    assert_int_equal(info.width, 5);
    assert_int_equal(info.channels, 3);
    uint8_t pixels[5 * 5 * 3];
    for (int i = 0; i < 3; i++)
        test_ok(ctx, bal_dataset_image(d, ctx, i, pixels));
    /* the data set does as bal_image_read does */
    uint8_t direct[5 * 5 * 3];
    const bal_image_wanted wanted = {.channels = 3, .height = 5, .width = 5};
    test_ok(ctx, bal_image_read(ctx, test_path(folder, "b/2.jpg"), &wanted, direct));
    assert_memory_equal(pixels, direct, sizeof direct);
    bal_dataset_close(&d);
    /* grey images alone are one channel */
    test_write_png(test_path(folder, "a/1.png"), 4, 4, 1);
    test_write_png(test_path(folder, "b/1.png"), 4, 4, 1);
    unlink(test_path(folder, "b/2.jpg"));
    test_ok(ctx, bal_dataset_open(&d, ctx, folder, &plain));
    assert_int_equal(bal_dataset_describe(d).channels, 1);
    /* a file that has changed since is found */
    png(folder, "a/1.png");
    test_fails(ctx, bal_dataset_image(d, ctx, 0, pixels), BAL_BAD_FILE, "a/1.png", "6x8", "4x4",
               NULL);
    bal_dataset_close(&d);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

static void damaged_and_unreadable_are_named(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    bal_dataset *d;
    png(folder, "a/1.png");
    png(folder, "b/1.png");
    test_write_file(test_path(folder, "b/2.jpg"), "\xff\xd8\xff\xe0 and no more", 17);
    test_fails(ctx, bal_dataset_open(&d, ctx, folder, &plain), BAL_BAD_FILE, "b/2.jpg",
               "damaged JPEG", NULL);
    assert_null(d);
    bal_dataset_settings s = {.channels = 3, .img_size = 8, .seed = 1};
    uint8_t pixels[8 * 8 * 3];
    test_ok(ctx, bal_dataset_open(&d, ctx, folder, &s)); /* nothing has to be looked at yet */
    test_ok(ctx, bal_dataset_image(d, ctx, 1, pixels));
    test_fails(ctx, bal_dataset_image(d, ctx, 2, pixels), BAL_BAD_FILE, "b/2.jpg", NULL);
    bal_dataset_close(&d);
    unlink(test_path(folder, "b/2.jpg"));
    assert_int_equal(symlink("nowhere", test_path(folder, "b/2.jpg")), 0);
    test_fails(ctx, bal_dataset_open(&d, ctx, folder, &s), BAL_IO, "b/2.jpg", "No such file", NULL);
    unlink(test_path(folder, "b/2.jpg"));
    assert_int_equal(symlink(".", test_path(folder, "b/loop")), 0);
    test_fails(ctx, bal_dataset_open(&d, ctx, folder, &s), BAL_BAD_DATA, "loop", "deep", NULL);
    unlink(test_path(folder, "b/loop"));
    assert_int_equal(symlink("nowhere", test_path(folder, "c")), 0);
    test_fails(ctx, bal_dataset_open(&d, ctx, folder, &s), BAL_IO, "/c", "No such file", NULL);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

/* One file of 8 x 30 pixels, seen in every way. */
static void crops_are_those_of_the_settings(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    const char *path = test_path(folder, "a/1.png");
    static const char *const modes[] = {"squash", "center", "border", NULL};
    uint8_t got[4][6 * 6 * 3], direct[6 * 6 * 3];
    test_write_png(path, 8, 30, 3);
    png(folder, "b/1.png");
    bal_dataset_settings s = plain;
    bal_dataset *d;
    s.img_size = 6;
    s.crop_pct = 0.9;
    for (size_t i = 0; i < BAL_COUNT_OF(modes); i++) {
        const bal_image_wanted wanted = {3, 6, 6, &s};
        bal_dataset_settings opened;
        s.crop_mode = modes[i];
        test_ok(ctx, bal_dataset_open(&d, ctx, folder, &s));
        bal_dataset_opened_as(d, &opened);
        assert_string_equal(opened.crop_mode, modes[i] ? modes[i] : "squash");
        test_ok(ctx, bal_dataset_image(d, ctx, 0, got[i]));
        test_ok(ctx, bal_image_read(ctx, path, &wanted, direct));
        assert_memory_equal(got[i], direct, sizeof direct);
        bal_dataset_close(&d);
    }
    assert_memory_not_equal(got[0], got[1], sizeof direct);
    assert_memory_equal(got[0], got[3], sizeof direct);
    for (int x = 0; x < 6 * 3; x++) {
        assert_int_equal(got[2][x], 128);              /* above the strip */
        assert_int_not_equal(got[2][2 * 18 + x], 128); /* and the strip */
        assert_int_equal(got[2][5 * 18 + x], 128);
    }
    s.crop_mode = "centre";
    test_fails(ctx, bal_dataset_open(&d, ctx, folder, &s), BAL_BAD_ARG, "centre",
               "squash|center|border", NULL);
    s.crop_mode = "center";
    s.img_size = 0;
    test_fails(ctx, bal_dataset_open(&d, ctx, folder, &s), BAL_BAD_ARG, "crop-mode wants img-size",
               NULL);
    s.crop_mode = NULL;
    test_fails(ctx, bal_dataset_open(&d, ctx, folder, &s), BAL_BAD_ARG, "crop-pct wants img-size",
               NULL);
    s.crop_pct = 0.001;
    test_fails(ctx, bal_dataset_open(&d, ctx, folder, &s), BAL_BAD_ARG, "0.001", NULL);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

static void limits_are_those_of_the_settings(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    bal_dataset *d;
    uint8_t pixels[8 * 6 * 3];
    png(folder, "a/1.png");
    png(folder, "b/1.png");
    bal_dataset_settings s = plain;
    s.max_image_pixels = 47;
    test_fails(ctx, bal_dataset_open(&d, ctx, folder, &s), BAL_BAD_FILE, "a/1.png", "at most 47 ",
               NULL);
    s.channels = 3;
    s.img_size = 2;
    test_ok(ctx, bal_dataset_open(&d, ctx, folder, &s));
    test_fails(ctx, bal_dataset_image(d, ctx, 1, pixels), BAL_BAD_FILE, "b/1.png", "at most 47 ",
               NULL);
    bal_dataset_close(&d);
    s.max_image_pixels = 48;
    test_ok(ctx, bal_dataset_open(&d, ctx, folder, &s));
    test_ok(ctx, bal_dataset_image(d, ctx, 1, pixels));
    bal_dataset_close(&d);
    s.max_image_file = -1;
    test_fails(ctx, bal_dataset_open(&d, ctx, folder, &s), BAL_BAD_ARG, "max-image-file", NULL);
    s.max_image_file = 1;
    s.max_image_pixels = -1;
    test_fails(ctx, bal_dataset_open(&d, ctx, folder, &s), BAL_BAD_ARG, "max-image-pixels", NULL);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

static void a_folder_without_permission_is_named(void **state)
{
    (void)state;
    if (geteuid() == 0)
        skip(); /* the superuser may read everything */
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    bal_dataset *d;
    png(folder, "a/1.png");
    png(folder, "b/1.png");
    assert_int_equal(chmod(test_path(folder, "b"), 0), 0);
    test_fails(ctx, bal_dataset_open(&d, ctx, folder, &plain), BAL_IO, "/b", "Permission denied",
               NULL);
    assert_int_equal(chmod(folder, 0), 0);
    test_fails(ctx, bal_dataset_open(&d, ctx, folder, &plain), BAL_IO, folder, "Permission denied",
               NULL);
    assert_int_equal(chmod(folder, 0700), 0);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

static bal_status open_and_close(bal_ctx *ctx, void *folder)
{
    bal_dataset *d;
    uint8_t pixels[8 * 6 * 3];
    const bal_status opened = bal_dataset_open(&d, ctx, folder, NULL);
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
    png(folder, "train/a/1.png");
    jpeg(folder, "train/b/1.jpg");
    png(folder, "train/b/deeper/1.png");
    png(folder, "test/a/1.png");
    png(folder, "test/b/1.png");
    test_allocation_failures(open_and_close, folder);
    test_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_order_is_torchvisions),
        cmocka_unit_test(splits_are_found),
        cmocka_unit_test(class_sets_must_agree),
        cmocka_unit_test(too_few_is_said),
        cmocka_unit_test(sizes_must_agree_or_be_made),
        cmocka_unit_test(damaged_and_unreadable_are_named),
        cmocka_unit_test(crops_are_those_of_the_settings),
        cmocka_unit_test(limits_are_those_of_the_settings),
        cmocka_unit_test(a_folder_without_permission_is_named),
        cmocka_unit_test(no_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
