/* The folder reader: torchvision's order, splits, sizes, and everything that can be wrong. */
#include "helpers/helpers.h"
#include "helpers/pictures.h"

#include "ballast/data.h"
#include "data/dataset_picture.h"

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
    test_fails(ctx, bal_dataset_open(&d, ctx, folder, &plain), BAL_BAD_DATA, folder, "CLASS/",
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

/* For those who look at every image themselves. */
static void mixed_sizes_are_not_looked_at(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    bal_dataset *d;
    bal_picture picture;
    uint8_t pixels[5 * 5 * 3];
    png(folder, "a/1.png");
    test_write_jpeg(test_path(folder, "a/2.jpg"), 9, 11, 1);
    png(folder, "b/3.png"); /* makes the folder */
    test_write_file(test_path(folder, "b/3.png"), "no picture", 10);
    bal_dataset_settings s = plain;
    s.mixed_sizes = true;
    test_ok(ctx, bal_dataset_open(&d, ctx, folder, &s));
    bal_dataset_info info = bal_dataset_describe(d);
    assert_int_equal(info.height, 0);
    assert_int_equal(info.width, 0);
    assert_int_equal(info.channels, 0);
    test_ok(ctx, bal_dataset_picture(d, ctx, 1, (bal_ask){0}, &picture));
    assert_int_equal(picture.shape.channels, 1);
    assert_int_equal(picture.shape.height, 9);
    assert_int_equal(picture.shape.width, 11);
    bal_picture_free(ctx, &picture);
    test_fails(ctx, bal_dataset_picture(d, ctx, 2, (bal_ask){0}, &picture), BAL_BAD_FILE, "b/3.png",
               NULL);
    assert_null(picture.pixels);
    test_fails(ctx, bal_dataset_image(d, ctx, 0, pixels), BAL_BAD_ARG, "img-size", NULL);
    bal_dataset_close(&d);
    s.img_size = 5;
    test_ok(ctx, bal_dataset_open(&d, ctx, folder, &s));
    assert_int_equal(bal_dataset_describe(d).height, 5);
    test_fails(ctx, bal_dataset_image(d, ctx, 0, pixels), BAL_BAD_ARG, "in-chans", NULL);
    bal_dataset_close(&d);
    s.channels = 3;
    test_ok(ctx, bal_dataset_open(&d, ctx, folder, &s));
    test_ok(ctx, bal_dataset_image(d, ctx, 1, pixels));
    test_fails(ctx, bal_dataset_image(d, ctx, 2, pixels), BAL_BAD_FILE, "b/3.png", NULL);
    bal_dataset_close(&d);
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

/* Ten ways of being unreadable among good files of two sizes, grey first. */
static char *folder_with_bad_files(void)
{
    static const struct {
        const char *name, *bytes;
    } bad[] = {
        {"a/00.jpg", ""},
        {"a/02.png", "no picture at all"},
        {"a/04.jpg", "\xff\xd8\xff\xe0 and no more"},
        {"test/a/1.webp", "RIFF\x10"},
        {"b/00.png", "\x89PNG\r\n\x1a\n"},
    };
    char *folder = test_folder();
    for (int c = 0; c < 2; c++)
        for (int i = 1; i < 6; i += 2) {
            char name[32];
            snprintf(name, sizeof name, "train/%c/%02d.png", 'a' + c, i);
            test_write_png(test_path(folder, name), 8, 6, i == 1 ? 1 : 3);
        }
    png(folder, "test/a/0.png");
    png(folder, "test/b/0.png");
    for (size_t i = 0; i < BAL_COUNT_OF(bad); i++) {
        char name[64];
        snprintf(name, sizeof name, "%s%s", bad[i].name[0] == 't' ? "" : "train/", bad[i].name);
        test_write_file(test_path(folder, name), bad[i].bytes, strlen(bad[i].bytes));
    }
    assert_int_equal(symlink("nowhere", test_path(folder, "train/b/09.jpg")), 0);
    return folder;
}

static void bad_images_are_left_out(void **state)
{
    (void)state;
    static const struct {
        const char *name, *reason;
        bal_split split;
        int label;
    } left_out[] = {
        {"train/a/00.jpg", "empty", BAL_SPLIT_TRAIN, 0},
        {"train/a/02.png", "no image file that is known", BAL_SPLIT_TRAIN, 0},
        {"train/a/04.jpg", "damaged JPEG", BAL_SPLIT_TRAIN, 0},
        {"train/b/00.png", "damaged PNG", BAL_SPLIT_TRAIN, 1},
        {"train/b/09.jpg", "No such file", BAL_SPLIT_TRAIN, 1},
        {"test/a/1.webp", "no image file that is known", BAL_SPLIT_TEST, 0},
    };
    char *folder = folder_with_bad_files();
    for (int threads = 1; threads <= 5; threads += 4) {
        bal_ctx *ctx;
        bal_dataset *d;
        uint8_t pixels[8 * 6 * 3];
        test_ok(NULL, bal_ctx_open(&ctx, &(bal_ctx_settings){.threads = threads}));
        bal_dataset_settings s = plain;
        s.skip_bad = true;
        test_ok(ctx, bal_dataset_open(&d, ctx, folder, &s));
        const bal_dataset_info info = bal_dataset_describe(d);
        assert_int_equal(info.channels, 3); /* from the others */
        assert_int_equal(info.height, 8);
        assert_int_equal(info.width, 6);
        assert_int_equal(info.items[BAL_SPLIT_TRAIN], 6);
        assert_int_equal(info.items[BAL_SPLIT_TEST], 2);
        assert_int_equal(bal_dataset_skipped_count(d), BAL_COUNT_OF(left_out));
        for (size_t i = 0; i < BAL_COUNT_OF(left_out); i++) {
            const bal_skipped got = bal_dataset_skipped(d, (int64_t)i);
            assert_string_equal(got.name, left_out[i].name);
            assert_non_null(strstr(got.reason, left_out[i].reason));
            assert_non_null(strstr(got.reason, left_out[i].name));
            assert_int_equal(got.split, left_out[i].split);
            assert_int_equal(got.label, left_out[i].label);
        }
        for (int64_t i = 0; i < 8; i++)
            test_ok(ctx, bal_dataset_image(d, ctx, i, pixels));
        bal_dataset_settings opened;
        bal_dataset_opened_as(d, &opened);
        assert_true(opened.skip_bad);
        bal_dataset_close(&d);
        /* a class of which nothing is left */
        for (int i = 1; i < 6; i += 2) {
            char name[32];
            snprintf(name, sizeof name, "train/b/%02d.png", i);
            test_write_file(test_path(folder, name), "", 0);
        }
        test_fails(ctx, bal_dataset_open(&d, ctx, folder, &s), BAL_BAD_DATA, "class 1 (b)",
                   "that can be read", NULL);
        for (int i = 1; i < 6; i += 2) {
            char name[32];
            snprintf(name, sizeof name, "train/b/%02d.png", i);
            png(folder, name);
        }
        /* sizes must still agree, of those that can be read */
        test_write_png(test_path(folder, "train/b/07.png"), 9, 6, 3);
        test_fails(ctx, bal_dataset_open(&d, ctx, folder, &s), BAL_BAD_DATA, "a/01.png has 6x8",
                   "b/07.png has 6x9", NULL);
        s.mixed_sizes = true;
        test_ok(ctx, bal_dataset_open(&d, ctx, folder, &s));
        assert_int_equal(bal_dataset_describe(d).height, 0);
        assert_int_equal(bal_dataset_skipped_count(d), BAL_COUNT_OF(left_out));
        bal_dataset_close(&d);
        unlink(test_path(folder, "train/b/07.png"));
        /* without it the first is an error */
        s = plain;
        unlink(test_path(folder, "train/b/09.jpg"));
        test_fails(ctx, bal_dataset_open(&d, ctx, folder, &s), BAL_BAD_FILE, "train/a/00.jpg",
                   "empty", NULL);
        assert_int_equal(symlink("nowhere", test_path(folder, "train/b/09.jpg")), 0);
        bal_ctx_close(&ctx);
    }
    test_folder_remove(folder);
}

/* Whichever thread finds what: the first of two sizes, and the first bad file, are named. */
static void what_is_said_does_not_depend_on_threads(void **state)
{
    (void)state;
    char *folder = test_folder();
    for (int i = 0; i < 40; i++) {
        char name[32];
        snprintf(name, sizeof name, "%c/%02d.png", 'a' + i % 2, i);
        test_write_png(test_path(folder, name), i == 17 || i == 36 ? 5 : 8, 6, 1);
    }
    for (int threads = 1; threads <= 5; threads += 2) {
        bal_ctx *ctx;
        bal_dataset *d;
        test_ok(NULL, bal_ctx_open(&ctx, &(bal_ctx_settings){.threads = threads}));
        test_fails(ctx, bal_dataset_open(&d, ctx, folder, &plain), BAL_BAD_DATA, "a/00.png",
                   "a/36.png has 6x5", NULL); /* class a comes first */
        bal_dataset_settings s = plain;
        s.img_size = 4;
        test_ok(ctx, bal_dataset_open(&d, ctx, folder, &s));
        assert_int_equal(bal_dataset_describe(d).channels, 1);
        bal_dataset_close(&d);
        bal_ctx_interrupt(ctx);
        test_fails(ctx, bal_dataset_open(&d, ctx, folder, &s), BAL_INTERRUPTED, NULL);
        bal_ctx_close(&ctx);
    }
    test_folder_remove(folder);
}

/* Files that go away, or change, after the set was opened. */
static void vanishing_files_are_named(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    bal_dataset *d;
    uint8_t pixels[8 * 6 * 3];
    png(folder, "a/1.png");
    png(folder, "a/2.png");
    png(folder, "b/1.png");
    test_ok(ctx, bal_dataset_open(&d, ctx, folder, &plain));
    unlink(test_path(folder, "a/1.png"));
    test_fails(ctx, bal_dataset_image(d, ctx, 0, pixels), BAL_IO, "a/1.png", "No such file", NULL);
    assert_int_equal(mkdir(test_path(folder, "a/1.png"), 0777), 0);
    test_fails(ctx, bal_dataset_image(d, ctx, 0, pixels), BAL_BAD_FILE, "a/1.png", "is a folder",
               NULL);
    assert_int_equal(truncate(test_path(folder, "a/2.png"), 60), 0);
    test_fails(ctx, bal_dataset_image(d, ctx, 1, pixels), BAL_BAD_FILE, "a/2.png", "damaged PNG",
               NULL);
    unlink(test_path(folder, "b/1.png"));
    assert_int_equal(mkfifo(test_path(folder, "b/1.png"), 0600), 0);
    test_fails(ctx, bal_dataset_image(d, ctx, 2, pixels), BAL_BAD_FILE, "b/1.png",
               "not a regular file", NULL);
    bal_dataset_close(&d);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

static bal_status open_and_skip(bal_ctx *ctx, void *folder)
{
    const bal_dataset_settings s = {.seed = 1, .skip_bad = true};
    bal_dataset *d;
    const bal_status opened = bal_dataset_open(&d, ctx, folder, &s);
    bal_dataset_close(&d);
    return opened;
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
    folder = folder_with_bad_files();
    test_allocation_failures(open_and_skip, folder);
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
        cmocka_unit_test(mixed_sizes_are_not_looked_at),
        cmocka_unit_test(bad_images_are_left_out),
        cmocka_unit_test(what_is_said_does_not_depend_on_threads),
        cmocka_unit_test(vanishing_files_are_named),
        cmocka_unit_test(limits_are_those_of_the_settings),
        cmocka_unit_test(a_folder_without_permission_is_named),
        cmocka_unit_test(no_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
