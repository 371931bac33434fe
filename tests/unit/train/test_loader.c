/* Batches: their order and content, whatever the workers do; stopping, beginning again, failing. */
#include "helpers/helpers.h"
#include "helpers/pictures.h"
#include "helpers/toy.h"

#include "data/image/dataset_picture.h"
#include "data/image/image.h"
#include "train/images/loader.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIDE 6
#define PIXELS (SIDE * SIDE * 3)
#define BATCH 4

static const test_toy toy = {.channels = 3, .side = SIDE, .train = {8, 7, 4}, .test = 0};
static const bal_pixel_norm norm = {{0.5, 0.4, 0.3}, {0.25, 0.5, 0.125}};
static const bal_augment_settings augment = {.crop_padding = 2, .hflip = 0.5};
static const int worker_counts[] = {0, 1, 2, 5};

typedef struct fixture {
    bal_ctx *ctx;
    char *folder;
    bal_dataset *data;
    bal_image_store *store;
    int64_t items[64]; /* as a sampler would draw: some twice, some never */
    int64_t count;
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->ctx = test_ctx();
    f->folder = test_folder();
    test_write_toy(f->folder, &toy);
    f->data = test_open_toy(f->ctx, f->folder, 0.0);
    test_ok(f->ctx,
            bal_image_store_open(&f->store, f->ctx, &(bal_image_store_settings){.data = f->data}));
    const int64_t all = bal_dataset_describe(f->data).items[BAL_SPLIT_TRAIN];
    assert_int_equal(all, 19);
    f->count = 22; /* five batches and a half one */
    for (int64_t i = 0; i < f->count; i++)
        f->items[i] = i * 7 % all;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    bal_image_store_close(&f->store);
    bal_dataset_close(&f->data);
    bal_ctx_close(&f->ctx);
    test_folder_remove(f->folder);
    free(f);
    return 0;
}

static bal_loader *open_loader(fixture *f, int workers)
{
    const bal_loader_settings settings = {
        .store = f->store, .batch = BATCH, .workers = workers, .norm = norm};
    bal_loader *loader;
    test_ok(f->ctx, bal_loader_open(&loader, f->ctx, &settings));
    return loader;
}

static bal_loader_pass pass_over(const fixture *f, const bal_augment_settings *how)
{
    return (bal_loader_pass){
        .items = f->items, .count = f->count, .augment = how, .seed = 3, .epoch = 2};
}

/* What the place of a pass must hold: computed image by image. */
static void expected_image(fixture *f, const bal_loader_pass *pass, int64_t place, float *planes)
{
    uint8_t pixels[PIXELS], scratch[PIXELS];
    bal_pixel_table table;
    const int label = bal_dataset_label(f->data, pass->items[place]);
    test_ok(f->ctx, bal_pixel_table_make(&table, f->ctx, 3, &norm));
    test_ok(f->ctx, bal_dataset_image(f->data, f->ctx, pass->items[place], pixels));
    if (pass->augment)
        bal_augment(pass->augment, (bal_image_shape){3, SIDE, SIDE},
                    &(bal_augment_draw){
                        .seed = pass->seed,
                        .epoch = pass->epoch,
                        .item = (uint64_t)place,
                        .strength = pass->class_strength ? &pass->class_strength[label] : NULL,
                        .level = pass->item_level    ? pass->item_level[place]
                                 : pass->class_level ? pass->class_level[label]
                                                     : 0,
                        .always = pass->item_level != NULL},
                    pixels, scratch);
    bal_pixel_planes(&table, (size_t)SIDE * SIDE, pixels, planes);
}

/* Takes batches of the pass, which begin at place, until it is over, or so many. */
static int64_t expect_batches(fixture *f, bal_loader *loader, const bal_loader_pass *pass,
                              int64_t place, int batches)
{
    while (batches-- > 0) {
        bal_loader_batch batch;
        test_ok(f->ctx, bal_loader_next(loader, &batch));
        const int64_t left = pass->count - place;
        assert_int_equal(batch.count, left < BATCH ? left : BATCH);
        for (int i = 0; i < batch.count; i++, place++) {
            float want[PIXELS];
            expected_image(f, pass, place, want);
            assert_memory_equal(want, batch.images + (size_t)i * PIXELS, sizeof want);
            assert_int_equal(batch.labels[i], bal_dataset_label(f->data, pass->items[place]));
        }
        if (batch.count == 0)
            break;
    }
    return place;
}

static void batches_come_in_order(void **state)
{
    fixture *f = *state;
    for (size_t w = 0; w < BAL_COUNT_OF(worker_counts); w++) {
        bal_loader *loader = open_loader(f, worker_counts[w]);
        const bal_augment_settings *const hows[] = {NULL, &augment,
                                                    &(bal_augment_settings){.hflip = 1.0}};
        for (size_t h = 0; h < BAL_COUNT_OF(hows); h++) {
            const bal_loader_pass pass = pass_over(f, hows[h]);
            bal_loader_begin(loader, &pass);
            assert_int_equal(expect_batches(f, loader, &pass, 0, 100), f->count);
            bal_loader_batch after;
            test_ok(f->ctx, bal_loader_next(loader, &after)); /* the end stays the end */
            assert_int_equal(after.count, 0);
        }
        bal_loader_close(&loader);
        assert_null(loader);
    }
}

/* Each image gets what its class gets, or its own level where the pass says so. */
static void classes_have_their_strength(void **state)
{
    fixture *f = *state;
    const bal_augment_settings how = {.hflip = 0.5, .degrees = 40, .by_class = "cuda"};
    const int classes = bal_dataset_describe(f->data).classes;
    double strength[16];
    int level[16];
    uint8_t own[1024];
    assert_true(classes <= 16 && f->count <= 1024);
    for (int c = 0; c < classes; c++) {
        strength[c] = c / (double)classes;
        level[c] = 7 * c % BAL_CUDA_LEVELS;
    }
    for (int64_t i = 0; i < f->count; i++)
        own[i] = (uint8_t)(i % BAL_CUDA_LEVELS);
    for (size_t w = 0; w < BAL_COUNT_OF(worker_counts); w++) {
        bal_loader *loader = open_loader(f, worker_counts[w]);
        bal_loader_pass pass = pass_over(f, &how);
        pass.class_strength = strength;
        pass.class_level = level;
        for (int k = 0; k < 2; k++) {
            pass.item_level = k ? own : NULL;
            bal_loader_begin(loader, &pass);
            assert_int_equal(expect_batches(f, loader, &pass, 0, 100), f->count);
        }
        bal_loader_close(&loader);
    }
}

/* Large pictures of several sizes, of which random boxes are shown. */
static void boxes_are_of_the_pictures(void **state)
{
    fixture *f = *state;
    char *folder = test_folder();
    static const int sizes[][2] = {{40, 60}, {33, 21}, {7, 6}};
    for (int c = 0; c < 2; c++)
        for (size_t i = 0; i < BAL_COUNT_OF(sizes); i++) {
            char name[32];
            snprintf(name, sizeof name, "%c/%zu.jpg", 'a' + c, i);
            test_write_jpeg(test_path(folder, name), sizes[i][c], sizes[i][1 - c], 3);
        }
    const bal_dataset_settings as = {.img_size = SIDE, .channels = 3, .seed = 1};
    const bal_augment_settings how = {.resized_crop = true, .hflip = 0.5};
    const bal_picture_shape shape = {3, SIDE, SIDE};
    bal_dataset *data;
    bal_image_store *store;
    bal_pixel_table table;
    test_ok(f->ctx, bal_pixel_table_make(&table, f->ctx, 3, &norm));
    test_ok(f->ctx, bal_dataset_open(&data, f->ctx, folder, &as));
    test_ok(f->ctx,
            bal_image_store_open(&store, f->ctx, &(bal_image_store_settings){.data = data}));
    const int64_t items[] = {0, 1, 2, 3, 4, 5, 3, 2, 0, 0};
    for (size_t w = 0; w < BAL_COUNT_OF(worker_counts); w++) {
        const bal_loader_settings settings = {
            .store = store, .batch = BATCH, .workers = worker_counts[w], .norm = norm};
        bal_loader *loader;
        test_ok(f->ctx, bal_loader_open(&loader, f->ctx, &settings));
        const bal_loader_pass pass = {
            .items = items, .count = BAL_COUNT_OF(items), .augment = &how, .seed = 4, .epoch = 1};
        bal_loader_begin(loader, &pass);
        for (int64_t place = 0; place < pass.count;) {
            bal_loader_batch batch;
            test_ok(f->ctx, bal_loader_next(loader, &batch));
            assert_true(batch.count > 0);
            for (int i = 0; i < batch.count; i++, place++) {
                uint8_t pixels[PIXELS], scratch[PIXELS];
                float want[PIXELS];
                bal_picture picture;
                test_ok(f->ctx,
                        bal_dataset_picture(data, f->ctx, items[place], (bal_ask){0}, &picture));
                const bal_augment_region r = bal_augment_box(
                    &how, &(bal_augment_draw){.seed = 4, .epoch = 1, .item = (uint64_t)place},
                    picture.shape.height, picture.shape.width);
                test_ok(f->ctx, bal_picture_fit_view(f->ctx, &picture,
                                                     (bal_box){r.left, r.top, r.width, r.height},
                                                     shape, pixels));
                bal_picture_free(f->ctx, &picture);
                bal_augment(&how, (bal_image_shape){3, SIDE, SIDE},
                            &(bal_augment_draw){.seed = 4, .epoch = 1, .item = (uint64_t)place},
                            pixels, scratch);
                bal_pixel_planes(&table, (size_t)SIDE * SIDE, pixels, want);
                for (int k = 0; k < PIXELS;
                     k++) /* decoding at a smaller scale may differ a little */
                    if (fabsf(want[k] - batch.images[(size_t)i * PIXELS + (size_t)k]) > 0.15f)
                        fail_msg("place %d: value %d is %g, want %g", (int)place, k,
                                 (double)batch.images[(size_t)i * PIXELS + (size_t)k],
                                 (double)want[k]);
            }
        }
        bal_loader_close(&loader);
    }
    bal_image_store_close(&store);
    bal_dataset_close(&data);
    test_folder_remove(folder);
}

static void whole_batches_have_no_rest(void **state)
{
    fixture *f = *state;
    bal_loader *loader = open_loader(f, 2);
    bal_loader_pass pass = pass_over(f, NULL);
    pass.count = 2 * BATCH;
    bal_loader_begin(loader, &pass);
    assert_int_equal(expect_batches(f, loader, &pass, 0, 100), 2 * BATCH);
    pass.count = 0;
    bal_loader_begin(loader, &pass);
    assert_int_equal(expect_batches(f, loader, &pass, 0, 100), 0);
    bal_loader_close(&loader);
}

static void a_pass_can_begin_later(void **state)
{
    fixture *f = *state;
    for (size_t w = 0; w < BAL_COUNT_OF(worker_counts); w++) {
        bal_loader *loader = open_loader(f, worker_counts[w]);
        bal_loader_pass pass = pass_over(f, &augment);
        for (pass.first_batch = 1; pass.first_batch <= 6; pass.first_batch++) {
            const int64_t first = pass.first_batch * BATCH;
            bal_loader_begin(loader, &pass);
            assert_int_equal(
                expect_batches(f, loader, &pass, first < f->count ? first : f->count, 100),
                f->count);
        }
        bal_loader_close(&loader);
    }
}

static void epoch_and_seed_move_the_augmentation(void **state)
{
    fixture *f = *state;
    bal_loader *loader = open_loader(f, 1);
    bal_loader_pass pass = pass_over(f, &augment);
    float first[BATCH * PIXELS];
    bal_loader_batch batch;
    bal_loader_begin(loader, &pass);
    test_ok(f->ctx, bal_loader_next(loader, &batch));
    memcpy(first, batch.images, sizeof first);
    pass.epoch++;
    bal_loader_begin(loader, &pass);
    test_ok(f->ctx, bal_loader_next(loader, &batch));
    assert_memory_not_equal(first, batch.images, sizeof first);
    pass.epoch--;
    pass.seed++;
    bal_loader_begin(loader, &pass);
    test_ok(f->ctx, bal_loader_next(loader, &batch));
    assert_memory_not_equal(first, batch.images, sizeof first);
    bal_loader_close(&loader);
}

static void a_pass_can_be_given_up(void **state)
{
    fixture *f = *state;
    for (size_t w = 0; w < BAL_COUNT_OF(worker_counts); w++) {
        bal_loader *loader = open_loader(f, worker_counts[w]);
        for (int taken = 0; taken < 5; taken++) {
            const bal_loader_pass pass = pass_over(f, taken % 2 ? &augment : NULL);
            bal_loader_begin(loader, &pass);
            expect_batches(f, loader, &pass, 0, taken);
            if (taken == 2)
                continue; /* given up by the next begin */
            bal_loader_stop(loader);
            bal_loader_batch batch;
            test_ok(f->ctx, bal_loader_next(loader, &batch));
            assert_int_equal(batch.count, 0);
            bal_loader_stop(loader); /* twice does no harm */
        }
        const bal_loader_pass whole = pass_over(f, &augment);
        bal_loader_begin(loader, &whole);
        assert_int_equal(expect_batches(f, loader, &whole, 0, 100), f->count);
        bal_loader_begin(loader, &whole);
        expect_batches(f, loader, &whole, 0, 1);
        bal_loader_close(&loader); /* in the middle */
    }
}

static void an_image_that_cannot_be_decoded(void **state)
{
    fixture *f = *state;
    char name[256];
    const int64_t bad = f->items[9]; /* in the third batch, and nowhere before */
    for (int i = 0; i < 9; i++)
        assert_true(f->items[i] != bad);
    bal_dataset_item_name(f->data, bad, name, sizeof name);
    test_write_file(test_path(f->folder, name), "", 0);
    for (size_t w = 0; w < BAL_COUNT_OF(worker_counts); w++) {
        bal_loader *loader = open_loader(f, worker_counts[w]);
        bal_loader_pass pass = pass_over(f, &augment);
        bal_loader_begin(loader, &pass);
        expect_batches(f, loader, &pass, 0, 2);
        bal_loader_batch batch;
        test_fails(f->ctx, bal_loader_next(loader, &batch), BAL_BAD_FILE, name, NULL);
        assert_int_equal(batch.count, 0);
        bal_loader_stop(loader);
        pass.count = 9; /* and the loader still works */
        bal_loader_begin(loader, &pass);
        assert_int_equal(expect_batches(f, loader, &pass, 0, 100), 9);
        bal_loader_close(&loader);
    }
}

static void bad_settings(void **state)
{
    fixture *f = *state;
    const bal_loader_settings bad[] = {
        {.store = f->store, .batch = 0, .norm = norm},
        {.store = f->store, .batch = 1, .workers = -1, .norm = norm},
        {.store = f->store, .batch = 1, .workers = BAL_LOADER_WORKERS_MAX + 1, .norm = norm},
        {.store = f->store, .batch = 1, .norm = {{0, 0, 0}, {0, 0, 0}}},
    };
    for (size_t i = 0; i < BAL_COUNT_OF(bad); i++) {
        bal_loader *loader;
        test_fails(f->ctx, bal_loader_open(&loader, f->ctx, &bad[i]), BAL_BAD_ARG, "must be", NULL);
        assert_null(loader);
    }
}

typedef struct attempted {
    const char *folder;
    int workers;
} attempted;

static bal_status attempt(bal_ctx *ctx, void *user)
{
    const attempted *a = user;
    bal_dataset *data = NULL;
    bal_image_store *store = NULL;
    bal_loader *loader = NULL;
    bal_status status;
    BAL_GOTO(bal_dataset_open(&data, ctx, a->folder, NULL));
    BAL_GOTO(bal_image_store_open(&store, ctx, &(bal_image_store_settings){.data = data}));
    const bal_loader_settings settings = {
        .store = store, .batch = BATCH, .workers = a->workers, .norm = norm};
    status = bal_loader_open(&loader, ctx, &settings);
    assert_true((status == BAL_OK) == (loader != NULL));
fail:
    bal_loader_close(&loader);
    bal_image_store_close(&store);
    bal_dataset_close(&data);
    return status;
}

static void allocation_failures(void **state)
{
    fixture *f = *state;
    test_allocation_failures(attempt, &(attempted){f->folder, 0});
    test_allocation_failures(attempt, &(attempted){f->folder, 3});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(batches_come_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(classes_have_their_strength, set_up, tear_down),
        cmocka_unit_test_setup_teardown(boxes_are_of_the_pictures, set_up, tear_down),
        cmocka_unit_test_setup_teardown(whole_batches_have_no_rest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_pass_can_begin_later, set_up, tear_down),
        cmocka_unit_test_setup_teardown(epoch_and_seed_move_the_augmentation, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_pass_can_be_given_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_image_that_cannot_be_decoded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_settings, set_up, tear_down),
        cmocka_unit_test_setup_teardown(allocation_failures, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
