/* What a run folder says of the data set: as it was opened, and what was left out. */
#include "helpers/helpers.h"
#include "helpers/pictures.h"

#include "base/cursor.h"
#include "train/recipe/recipe.h"
#include "train/run/run_folder.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const class_names[] = {"a", "b"};

typedef struct fixture {
    bal_ctx *ctx;
    char *folder, images[4096], run[4096];
    bal_dataset *dataset;
    bal_recipe *recipe;
    int64_t counts[2];
    bal_run_data data;
    bal_run_start start;
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->ctx = test_ctx();
    f->folder = test_folder();
    snprintf(f->images, sizeof f->images, "%s/images", f->folder);
    snprintf(f->run, sizeof f->run, "%s/run", f->folder);
    test_write_png(test_path(f->images, "a/1.png"), 8, 6, 3);
    test_write_png(test_path(f->images, "b/1.png"), 8, 6, 3);
    test_write_file(test_path(f->images, "b/2.png"), "", 0);
    const bal_dataset_settings as = {.skip_bad = true, .seed = 1};
    test_ok(f->ctx, bal_dataset_open(&f->dataset, f->ctx, f->images, &as));
    test_ok(f->ctx, bal_recipe_open(&f->recipe, f->ctx, "ce"));
    f->data = (bal_run_data){.where = f->images,
                             .name = "images",
                             .format = "folder",
                             .classes = 2,
                             .channels = 1,
                             .height = 8,
                             .width = 6,
                             .class_names = class_names,
                             .counts = {f->counts, f->counts, f->counts},
                             .std = {1.0},
                             .model = "lenet",
                             .head = "linear",
                             .scale = 1};
    bal_dataset_opened_as(f->dataset, &f->data.dataset);
    f->start = (bal_run_start){.recipe = f->recipe,
                               .dataset = f->dataset,
                               .data = &f->data,
                               .engine = "reference",
                               .engine_version = ""};
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    bal_recipe_close(&f->recipe);
    bal_dataset_close(&f->dataset);
    test_folder_remove(f->folder);
    bal_ctx_close(&f->ctx);
    free(f);
    return 0;
}

static void start_run(fixture *f)
{
    bal_run_folder *run;
    test_ok(f->ctx, bal_run_folder_open(&run, f->ctx, f->run, BAL_RUN_NEW));
    test_ok(f->ctx, bal_run_folder_start(run, &f->start));
    bal_run_folder_close(&run);
}

/* Everything that decides what an image is, is there again; a run of an older version has defaults.
 */
static void the_opening_is_read_back(void **state)
{
    fixture *f = *state;
    const bal_dataset_settings as = {.longtail = "exp:10",
                                     .val_fraction = 0.25,
                                     .img_size = 17,
                                     .crop_mode = "border",
                                     .crop_pct = 0.875,
                                     .channels = 1,
                                     .max_image_pixels = 12345,
                                     .max_image_file = 67,
                                     .max_unpacked = 3,
                                     .skip_bad = true,
                                     .seed = UINT64_MAX};
    f->data.dataset = as;
    start_run(f);
    bal_run_data_held *held;
    bal_run_data d;
    test_ok(f->ctx, bal_run_data_open(&held, f->ctx, f->run, &d));
    assert_string_equal(d.dataset.longtail, as.longtail);
    assert_string_equal(d.dataset.crop_mode, as.crop_mode);
    assert_true(d.dataset.val_fraction == as.val_fraction && d.dataset.crop_pct == as.crop_pct);
    assert_int_equal(d.dataset.img_size, as.img_size);
    assert_int_equal(d.dataset.channels, as.channels);
    assert_int_equal(d.dataset.max_image_pixels, as.max_image_pixels);
    assert_int_equal(d.dataset.max_image_file, as.max_image_file);
    assert_int_equal(d.dataset.max_unpacked, as.max_unpacked);
    assert_true(d.dataset.skip_bad && d.dataset.seed == as.seed);
    bal_run_data_close(&held);

    static const char *const later[] = {"crop_mode",      "crop_pct", "max_image_pixels",
                                        "max_image_file", "skip_bad", "max_unpacked"};
    char path[4200];
    snprintf(path, sizeof path, "%s/data.json", f->run);
    json_t *root = json_load_file(path, 0, NULL);
    assert_non_null(root);
    for (size_t i = 0; i < BAL_COUNT_OF(later); i++)
        assert_int_equal(json_object_del(json_object_get(root, "data"), later[i]), 0);
    assert_int_equal(json_dump_file(root, path, 0), 0);
    json_decref(root);
    test_ok(f->ctx, bal_run_data_open(&held, f->ctx, f->run, &d));
    assert_null(d.dataset.crop_mode);
    assert_false(d.dataset.skip_bad);
    assert_int_equal(d.dataset.img_size, as.img_size);
    bal_run_data_close(&held);
}

static void what_was_skipped_is_written(void **state)
{
    fixture *f = *state;
    char path[4200], want[4400];
    bal_bytes got;
    bal_run_folder *run;
    start_run(f);
    snprintf(path, sizeof path, "%s/skipped.csv", f->run);
    snprintf(want, sizeof want,
             "name,split,class,reason\nb/2.png,train,1,%s/b/2.png: the file is empty\n", f->images);
    test_ok(f->ctx, bal_file_read(f->ctx, path, 1 << 20, &got));
    assert_int_equal(got.count, strlen(want));
    assert_memory_equal(got.data, want, got.count);
    bal_bytes_free(f->ctx, &got);
    test_ok(f->ctx, bal_run_folder_open(&run, f->ctx, f->run, BAL_RUN_OVERWRITE));
    bal_run_folder_close(&run); /* it was the run's own file */
    assert_int_not_equal(access(path, F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_opening_is_read_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_skipped_is_written, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
