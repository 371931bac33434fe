/* What a run learns does not depend on how its images come: kept or decoded anew, by how many
 * threads, in which file format. */
#include "helpers/helpers.h"
#include "helpers/pictures.h"
#include "helpers/runs.h"

#include "base/cursor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIDE 8

static const char plain_recipe[] = "epochs: 2\nbatch_size: 4\noptimizer: {lr: 0.05}\n"
                                   "stages: [{augment: {crop_padding: 1, hflip: 0.5}}]\n";
static const char box_recipe[] = "epochs: 2\nbatch_size: 4\noptimizer: {lr: 0.05}\n"
                                 "stages: [{augment: {resized_crop: true, scale_min: 0.3}}]\n";
static const char both_recipe[] = "epochs: 2\nbatch_size: 4\noptimizer: {lr: 0.05}\n"
                                  "stages:\n  - {epochs: 1, augment: {resized_crop: true}}\n"
                                  "  - {epochs: 1, augment: {crop_padding: 2}}\n";

/* Two classes of pictures in five sizes, JPEG (lossless: PNG or WebP of the same pixels). */
static void write_pictures(const char *folder, const char *ending)
{
    for (int i = 0; i < 20; i++) {
        char name[64];
        const test_picture p = {.height = 20 + i % 5 * 9, .width = 50 - i % 5 * 8, .channels = 3};
        uint8_t *pixels = malloc((size_t)p.height * (size_t)p.width * 3), *bytes;
        size_t count;
        assert_non_null(pixels);
        for (int k = 0; k < p.height * p.width * 3; k++)
            pixels[k] = (uint8_t)(60 + 80 * (i % 2) + k * (i + 1) / 7 % 50);
        test_picture q = p;
        q.pixels = pixels;
        snprintf(name, sizeof name, "%s/%c/%02d", i < 16 ? "train" : "test", 'a' + i % 2, i);
        test_write_png(test_path(folder, name), 1, 1, 3); /* makes the folder */
        remove(test_path(folder, name));
        snprintf(name + strlen(name), 8, ".%s", ending);
        if (strcmp(ending, "jpg") == 0)
            bytes = test_jpeg(&q, &count);
        else
            bytes = strcmp(ending, "png") == 0 ? test_png(&q, &count) : test_webp(&q, &count);
        test_write_file(test_path(folder, name), bytes, count);
        free(bytes);
        free(pixels);
    }
}

typedef struct how {
    const char *images, *recipe;
    int data_cache, workers, threads;
} how;

/* The bytes of the last weights. */
static bal_bytes train(const char *folder, const how *h)
{
    char run[4200];
    bal_ctx *ctx = test_ctx_threads(h->threads);
    bal_dataset *data;
    bal_bytes weights;
    snprintf(run, sizeof run, "%s/run", folder);
    const bal_dataset_settings as = {
        .img_size = SIDE, .channels = 3, .val_fraction = 0.2, .seed = 1};
    test_ok(ctx, bal_dataset_open(&data, ctx, h->images, &as));
    bal_train_settings settings = bal_train_defaults();
    settings.model = "lenet";
    settings.engine = "reference";
    settings.out = run;
    settings.overwrite = true;
    settings.data_cache = h->data_cache;
    settings.workers = h->workers;
    const test_training t = {.data = data, .recipe = h->recipe, .settings = &settings};
    test_ok(ctx, test_train(ctx, &t));
    snprintf(run, sizeof run, "%s/run/last.safetensors", folder);
    test_ok(ctx, bal_file_read(ctx, run, 1 << 24, &weights));
    bal_dataset_close(&data);
    bal_bytes copy = {malloc(weights.count), weights.count};
    assert_non_null(copy.data);
    memcpy(copy.data, weights.data, weights.count);
    bal_bytes_free(ctx, &weights);
    bal_ctx_close(&ctx);
    return copy;
}

static void expect_same(const char *folder, const how *a, const how *b)
{
    bal_bytes x = train(folder, a), y = train(folder, b);
    assert_int_equal(x.count, y.count);
    assert_memory_equal(x.data, y.data, x.count);
    free(x.data);
    free(y.data);
}

static void cache_and_workers_change_nothing(void **state)
{
    (void)state;
    static const char *const recipes[] = {plain_recipe, box_recipe, both_recipe};
    char *folder = test_folder(), images[4200];
    snprintf(images, sizeof images, "%s/jpg", folder);
    write_pictures(images, "jpg");
    for (size_t i = 0; i < BAL_COUNT_OF(recipes); i++) {
        const how kept = {images, recipes[i], 1024, 1, 1};
        expect_same(folder, &kept, &(how){images, recipes[i], 0, 0, 1});
        expect_same(folder, &kept, &(how){images, recipes[i], 1024, 3, 1});
    }
    bal_bytes x = train(folder, &(how){images, recipes[0], 0, 0, 1});
    bal_bytes y = train(folder, &(how){images, recipes[1], 0, 0, 1});
    assert_true(x.count == y.count && memcmp(x.data, y.data, x.count) != 0);
    free(x.data);
    free(y.data);
    test_folder_remove(folder);
}

static void file_formats_change_nothing(void **state)
{
    (void)state;
    char *folder = test_folder(), png[4200], webp[4200];
    snprintf(png, sizeof png, "%s/png", folder);
    snprintf(webp, sizeof webp, "%s/webp", folder);
    write_pictures(png, "png");
    write_pictures(webp, "webp");
    expect_same(folder, &(how){png, plain_recipe, 1024, 1, 1}, &(how){webp, plain_recipe, 0, 2, 1});
    test_folder_remove(folder);
}

/* A file that goes away while the run goes on is an error that names it; nothing is written over.
 */
static void a_vanished_image_stops_the_run(void **state)
{
    (void)state;
    char *folder = test_folder(), images[4200], run[4200];
    bal_ctx *ctx = test_ctx_threads(1);
    bal_dataset *data;
    snprintf(images, sizeof images, "%s/jpg", folder);
    snprintf(run, sizeof run, "%s/run", folder);
    write_pictures(images, "jpg");
    const bal_dataset_settings as = {
        .img_size = SIDE, .channels = 3, .val_fraction = 0.2, .seed = 1};
    test_ok(ctx, bal_dataset_open(&data, ctx, images, &as));
    bal_train_settings settings = bal_train_defaults();
    settings.model = "lenet";
    settings.engine = "reference";
    settings.out = run;
    const test_training t = {.data = data, .recipe = plain_recipe, .settings = &settings};
    remove(test_path(images, "train/b/07.jpg"));
    test_fails(ctx, test_train(ctx, &t), BAL_IO, "train/b/07.jpg", "No such file", NULL);
    test_write_file(test_path(images, "train/b/07.jpg"), "\xff\xd8\xff", 3);
    test_fails(ctx, test_train(ctx, &t), BAL_BAD_FILE, "train/b/07.jpg", "damaged JPEG", NULL);
    bal_dataset_close(&data);
    bal_ctx_close(&ctx);
    test_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cache_and_workers_change_nothing),
        cmocka_unit_test(file_formats_change_nothing),
        cmocka_unit_test(a_vanished_image_stops_the_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
