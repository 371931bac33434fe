/* Sets with images that cannot be read, that differ in size, or that change after opening. */
#include "helpers/helpers.h"
#include "helpers/pictures.h"

#include "ballast/data.h"
#include "data/image/dataset_picture.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const bal_dataset_settings plain = {.seed = 1};

static void png(const char *folder, const char *name)
{
    test_write_png(test_path(folder, name), 8, 6, 3);
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

/* Ways of being unreadable among good files, grey first. */
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

static void no_memory_is_survived(void **state)
{
    (void)state;
    char *folder = folder_with_bad_files();
    test_allocation_failures(open_and_skip, folder);
    test_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mixed_sizes_are_not_looked_at),
        cmocka_unit_test(bad_images_are_left_out),
        cmocka_unit_test(what_is_said_does_not_depend_on_threads),
        cmocka_unit_test(vanishing_files_are_named),
        cmocka_unit_test(no_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
