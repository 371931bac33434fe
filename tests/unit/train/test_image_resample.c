/* Resampling of images: in pixels, in the latent space of an autoencoder, sheets and folders. */
#include "ballast/train.h"
#include "helpers/helpers.h"
#include "helpers/pictures.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SIDE 12
#define NUMBERS (SIDE * SIDE * 3)

/* Waves of any phase: two numbers make an image, and the mean of a class is none of its images. */
static void write_wave(const char *folder, const char *split, int label, int number)
{
    uint8_t pixels[NUMBERS], *at = pixels;
    char name[64];
    const double phase = 2.39996 * number + label;
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            for (int c = 0; c < 3; c++) {
                const double along = label == 0 ? x : label == 1 ? y : x + y;
                *at++ = (uint8_t)(128.0 + 100.0 * sin(6.28319 * along / SIDE + phase + 0.3 * c));
            }
    size_t bytes;
    const test_picture picture = {.height = SIDE, .width = SIDE, .channels = 3, .pixels = pixels};
    uint8_t *file = test_png(&picture, &bytes);
    snprintf(name, sizeof name, "%s/c%d/%02d.png", split, label, number);
    test_write_file(test_path(folder, name), file, bytes);
    free(file);
}

static void write_set(const char *folder)
{
    static const int train[] = {14, 9, 4};
    static const char *const splits[] = {"train", "test"};
    for (int s = 0; s < 2; s++) {
        assert_int_equal(mkdir(test_path(folder, splits[s]), 0777), 0);
        for (int c = 0; c < 3; c++) {
            char name[32];
            snprintf(name, sizeof name, "%s/c%d", splits[s], c);
            assert_int_equal(mkdir(test_path(folder, name), 0777), 0);
            for (int i = 0; i < (s == 0 ? train[c] : 2); i++)
                write_wave(folder, splits[s], c, i + 20 * s);
        }
    }
}

typedef struct fixture {
    bal_ctx *ctx;
    char *set, *folder; /* of the data, of what is written */
    bal_dataset *data;
    bal_image_resample_settings settings;
} fixture;

static fixture open_fixture(void)
{
    fixture f = {.ctx = test_ctx_threads(1), .set = test_folder(), .folder = test_folder()};
    bal_dataset_settings all = bal_dataset_defaults();
    all.val_fraction = 0.0;
    write_set(f.set);
    test_ok(f.ctx, bal_dataset_open(&f.data, f.ctx, f.set, &all));
    f.settings = bal_image_resample_defaults();
    f.settings.latent = 6;
    f.settings.width = 8;
    f.settings.epochs = 3;
    f.settings.batch_size = 8;
    return f;
}

static void close_fixture(fixture *f)
{
    bal_dataset_close(&f->data);
    bal_ctx_close(&f->ctx);
    test_folder_remove(f->folder);
    test_folder_remove(f->set);
}

static bal_image_resample *resample(fixture *f, const char *method, const char *space)
{
    bal_image_resample *r;
    f->settings.resample.method = method;
    f->settings.space = space;
    test_ok(f->ctx, bal_image_resample_open(&r, f->ctx, f->data, &f->settings));
    return r;
}

static uint8_t *row_pixels(fixture *f, bal_image_resample *r, int64_t row)
{
    static uint8_t pixels[NUMBERS];
    test_ok(f->ctx, bal_image_resample_pixels(r, row, 1, pixels));
    return pixels;
}

static uint8_t *item_pixels(fixture *f, int64_t row)
{
    static uint8_t pixels[NUMBERS];
    const int64_t item = bal_dataset_items(f->data, BAL_SPLIT_TRAIN)[row];
    test_ok(f->ctx, bal_dataset_image(f->data, f->ctx, item, pixels));
    return pixels;
}

static void kept_rows_are_the_images(void **state)
{
    (void)state;
    static const char *const spaces[] = {"pixels", "latent"};
    fixture f = open_fixture();
    for (size_t s = 0; s < BAL_COUNT_OF(spaces); s++) {
        bal_image_resample *r = resample(&f, "smote", spaces[s]);
        const bal_resampled *plan = bal_image_resample_plan(r);
        assert_int_equal(bal_resampled_kept(plan), 27);
        assert_int_equal(bal_resampled_count(plan), 42);
        for (int64_t i = 0; i < 27; i++)
            assert_memory_equal(row_pixels(&f, r, i), item_pixels(&f, i), NUMBERS);
        bal_image_resample_close(&r);
    }
    close_fixture(&f);
}

static void pixels_lie_between_base_and_neighbour(void **state)
{
    (void)state;
    fixture f = open_fixture();
    bal_image_resample *r = resample(&f, "smote", "pixels");
    const bal_resampled *plan = bal_image_resample_plan(r);
    assert_true(isnan(bal_image_resample_error(r)));
    uint8_t base[NUMBERS];
    for (int64_t row = bal_resampled_kept(plan); row < bal_resampled_count(plan); row++) {
        bal_resampled_origin o;
        test_ok(f.ctx, bal_resampled_origins(plan, row, 1, &o));
        assert_int_equal(bal_dataset_label(f.data, o.base), o.label);
        memcpy(base, item_pixels(&f, o.base), NUMBERS);
        const uint8_t *neighbour = item_pixels(&f, o.neighbour), *made = row_pixels(&f, r, row);
        for (int i = 0; i < NUMBERS; i++) {
            const double want = base[i] + o.weight * (neighbour[i] - base[i]);
            assert_true(fabs(want - made[i]) <= 0.5 + 1e-3);
        }
    }
    bal_image_resample_close(&r);
    close_fixture(&f);
}

/* Mean squared error of copies that went through the autoencoder, of pixels from 0 to 1. */
static double copy_error(fixture *f, bal_image_resample *r)
{
    const bal_resampled *plan = bal_image_resample_plan(r);
    double sum = 0.0;
    int64_t count = 0;
    for (int64_t row = bal_resampled_kept(plan); row < bal_resampled_count(plan); row++) {
        bal_resampled_origin o;
        test_ok(f->ctx, bal_resampled_origins(plan, row, 1, &o));
        const uint8_t *image = item_pixels(f, o.base), *made = row_pixels(f, r, row);
        for (int i = 0; i < NUMBERS; i++, count++)
            sum += pow((image[i] - made[i]) / 255.0, 2.0);
    }
    return sum / (double)count;
}

static void autoencoder_learns_to_copy(void **state)
{
    (void)state;
    fixture f = open_fixture();
    double error[2];
    for (int i = 0; i < 2; i++) {
        f.settings.epochs = i == 0 ? 1 : 120;
        f.settings.penalty = 0.0;
        f.settings.lr = 3e-3;
        bal_image_resample *r = resample(&f, "random-over", "latent");
        error[i] = copy_error(&f, r);
        /* copies are some of the images; their error is like that of all */
        assert_in_range((int)(100.0 * bal_image_resample_error(r) / error[i]), 40, 250);
        bal_image_resample_close(&r);
    }
    assert_true(error[1] < 0.25 * error[0]);
    close_fixture(&f);
}

static void deep_smote_is_smote_in_latent_space(void **state)
{
    (void)state;
    fixture f = open_fixture();
    bal_image_resample *a = resample(&f, "deep-smote", "pixels");
    bal_image_resample *b = resample(&f, "smote", "latent");
    for (int64_t row = 27; row < 42; row++) {
        uint8_t made[NUMBERS];
        memcpy(made, row_pixels(&f, a, row), NUMBERS);
        assert_memory_equal(made, row_pixels(&f, b, row), NUMBERS); /* and the same seed repeats */
    }
    f.settings.resample.seed = 77;
    bal_image_resample *c = resample(&f, "smote", "latent");
    int equal = 0;
    for (int64_t row = 27; row < 42; row++) {
        uint8_t made[NUMBERS];
        memcpy(made, row_pixels(&f, a, row), NUMBERS);
        equal += memcmp(made, row_pixels(&f, c, row), NUMBERS) == 0;
    }
    assert_int_equal(equal, 0);
    bal_image_resample_close(&a);
    bal_image_resample_close(&b);
    bal_image_resample_close(&c);
    close_fixture(&f);
}

static void penalty_draws_together(void **state)
{
    (void)state;
    fixture f = open_fixture();
    double error[2];
    f.settings.epochs = 40;
    f.settings.lr = 3e-3;
    for (int i = 0; i < 2; i++) {
        f.settings.penalty = i == 0 ? 0.0 : 10.0;
        bal_image_resample *r = resample(&f, "smote", "latent");
        error[i] = bal_image_resample_error(r);
        bal_image_resample_close(&r);
    }
    assert_true(error[1] > 1.2 * error[0]);
    close_fixture(&f);
}

static void sheet_and_folder_can_be_read(void **state)
{
    (void)state;
    fixture f = open_fixture();
    bal_image_resample *r = resample(&f, "smote", "pixels");
    const char *sheet = test_path(f.folder, "sheet.png");
    test_ok(f.ctx, bal_image_resample_sheet(r, sheet, 4));
    /* two classes have new images; groups of three pictures with gaps */
    static uint8_t page[3 * (6 + 2 * (SIDE + 6)) * (6 + 4 * (3 * SIDE + 4 + 6))];
    const bal_image_wanted size = {
        .channels = 3, .height = 6 + 2 * (SIDE + 6), .width = 6 + 4 * (3 * SIDE + 10)};
    test_ok(f.ctx, bal_image_read(f.ctx, sheet, &size, page));
    assert_int_equal(page[0], 255);
    bal_resampled_origin first;
    test_ok(f.ctx, bal_resampled_origins(bal_image_resample_plan(r), 27, 1, &first));
    const uint8_t *base = item_pixels(&f, first.base);
    const size_t stride = 3 * (6 + 4 * (3 * SIDE + 10));
    for (size_t y = 0; y < SIDE; y++)
        assert_memory_equal(page + (6 + y) * stride + 3 * 6, base + y * 3 * SIDE, 3 * SIDE);

    const char *out = test_path(f.folder, "balanced");
    test_ok(f.ctx, bal_image_resample_write(r, out));
    bal_dataset *again;
    bal_dataset_settings as_it_is = bal_dataset_defaults();
    as_it_is.val_fraction = 0.0;
    test_ok(f.ctx, bal_dataset_open(&again, f.ctx, out, &as_it_is));
    int64_t counts[3];
    bal_dataset_counts(again, BAL_SPLIT_TRAIN, counts);
    for (int c = 0; c < 3; c++)
        assert_int_equal(counts[c], 14);
    bal_dataset_counts(again, BAL_SPLIT_TEST, counts);
    for (int c = 0; c < 3; c++)
        assert_int_equal(counts[c], 2);
    uint8_t pixels[NUMBERS];
    char name[256];
    test_ok(f.ctx, bal_dataset_image(again, f.ctx, 0, pixels));
    bal_dataset_item_name(again, 0, name, sizeof name);
    assert_string_equal(name, "train/c0/00000000.png");
    assert_memory_equal(pixels, item_pixels(&f, 0), NUMBERS);
    bal_dataset_close(&again);
    test_fails(f.ctx, bal_image_resample_write(r, out), BAL_BAD_ARG, "balanced", "empty", NULL);
    bal_image_resample_close(&r);
    close_fixture(&f);
}

static void bad_settings_are_told(void **state)
{
    (void)state;
    fixture f = open_fixture();
    bal_image_resample *r;
    const bal_image_resample_settings good = f.settings;
    f.settings.space = "frequency";
    test_fails(f.ctx, bal_image_resample_open(&r, f.ctx, f.data, &f.settings), BAL_BAD_ARG, "space",
               "frequency", NULL);
    f.settings = good;
    f.settings.penalty = -1.0;
    test_fails(f.ctx, bal_image_resample_open(&r, f.ctx, f.data, &f.settings), BAL_BAD_ARG,
               "penalty", "-1", NULL);
    f.settings = good;
    f.settings.resample.method = "smot";
    test_fails(f.ctx, bal_image_resample_open(&r, f.ctx, f.data, &f.settings), BAL_BAD_ARG, "smot",
               "smote", NULL);
    f.settings = good;
    f.settings.space = "latent";
    f.settings.lr = 1e37;
    f.settings.epochs = 50;
    test_fails(f.ctx, bal_image_resample_open(&r, f.ctx, f.data, &f.settings), BAL_DIVERGED, "loss",
               "learning rate", NULL);
    f.settings = good;
    r = resample(&f, "smote", "pixels");
    uint8_t pixels[NUMBERS];
    test_fails(f.ctx, bal_image_resample_pixels(r, 42, 1, pixels), BAL_BAD_ARG, "42", NULL);
    test_fails(f.ctx, bal_image_resample_sheet(r, "x.png", 0), BAL_BAD_ARG, "columns", "0", NULL);
    bal_image_resample_close(&r);
    close_fixture(&f);
}

static bal_status attempt(bal_ctx *ctx, void *user)
{
    const fixture *f = user;
    bal_dataset *data;
    bal_image_resample *r = NULL;
    bal_image_resample_settings s = f->settings;
    s.space = "latent";
    s.epochs = 1;
    s.engine = "reference";
    s.width = 2;
    bal_status status = bal_dataset_open(&data, ctx, f->set, NULL);
    if (status == BAL_OK)
        status = bal_image_resample_open(&r, ctx, data, &s);
    if (status == BAL_OK)
        status = bal_image_resample_sheet(r, test_path(f->folder, "s.png"), 2);
    if (status == BAL_OK)
        status = bal_image_resample_write(r, test_path(f->folder, "out"));
    bal_image_resample_close(&r);
    bal_dataset_close(&data);
    return status;
}

static void memory_may_run_out(void **state)
{
    (void)state;
    fixture f = open_fixture();
    f.settings.resample.method = "smote";
    test_allocation_failures(attempt, &f);
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept_rows_are_the_images),
        cmocka_unit_test(pixels_lie_between_base_and_neighbour),
        cmocka_unit_test(autoencoder_learns_to_copy),
        cmocka_unit_test(deep_smote_is_smote_in_latent_space),
        cmocka_unit_test(penalty_draws_together),
        cmocka_unit_test(sheet_and_folder_can_be_read),
        cmocka_unit_test(bad_settings_are_told),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
