/* Decoded images: the same whether they are kept or decoded again, in any number of threads; the
 * sums; and what goes wrong. */
#include "helpers/helpers.h"
#include "helpers/near.h"
#include "helpers/sets.h"
#include "helpers/toy.h"

#include "base/threads.h"
#include "train/images/image_store.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIDE 6
#define BYTES (SIDE * SIDE * 3)

static const test_toy toy = {.channels = 3, .side = SIDE, .train = {9, 6, 3}, .test = 2};

typedef struct fixture {
    bal_ctx *ctx;
    char *folder;
    bal_dataset *data;
    bal_dataset_info info;
    int64_t items; /* of all splits */
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->ctx = test_ctx();
    f->folder = test_folder();
    test_write_toy(f->folder, &toy);
    f->data = test_open_toy(f->ctx, f->folder, 0.3);
    f->info = bal_dataset_describe(f->data);
    for (int s = 0; s < BAL_SPLIT_COUNT; s++) {
        assert_true(f->info.items[s] > 0);
        f->items += f->info.items[s];
    }
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    bal_dataset_close(&f->data);
    bal_ctx_close(&f->ctx);
    test_folder_remove(f->folder);
    free(f);
    return 0;
}

static bal_image_store_settings keep_two(const fixture *f, size_t limit)
{
    return (bal_image_store_settings){
        .data = f->data, .keep = {true, true, false}, .limit = limit, .sums = true};
}

static bal_image_store *open_store(fixture *f, const bal_image_store_settings *settings)
{
    bal_image_store *store;
    test_ok(f->ctx, bal_image_store_open(&store, f->ctx, settings));
    return store;
}

/* Replaces an item's file by something that is no image. */
static void damage(fixture *f, int64_t item, char *name, size_t size)
{
    bal_dataset_item_name(f->data, item, name, size);
    test_write_file(test_path(f->folder, name), "no image", 8);
}

static void expect_images(fixture *f, const bal_image_store *store)
{
    for (int64_t item = 0; item < f->items; item++) {
        uint8_t want[BYTES], got[BYTES];
        test_ok(f->ctx, bal_dataset_image(f->data, f->ctx, item, want));
        test_ok(f->ctx, bal_image_store_read(store, f->ctx, item, got));
        assert_memory_equal(want, got, BYTES);
    }
}

static void kept_and_not_kept_are_the_same(void **state)
{
    fixture *f = *state;
    const int64_t two = f->info.items[BAL_SPLIT_TRAIN] + f->info.items[BAL_SPLIT_VAL];
    const size_t kept = BYTES * (size_t)two;
    const bal_image_store_settings in_memory = keep_two(f, kept),
                                   too_little = keep_two(f, kept - 1),
                                   nothing = {.data = f->data, .limit = SIZE_MAX};
    assert_int_equal(bal_image_store_plan(&in_memory), kept);
    assert_int_equal(bal_image_store_plan(&too_little), kept - BYTES);
    assert_int_equal(bal_image_store_plan(&nothing), 0);
    bal_image_store *a = open_store(f, &in_memory), *b = open_store(f, &too_little),
                    *c = open_store(f, &nothing);
    assert_ptr_equal(bal_image_store_data(a), f->data);
    /* what was read for the sums is there; the rest comes when it is asked for */
    assert_int_equal(bal_image_store_kept(a), f->info.items[BAL_SPLIT_TRAIN]);
    expect_images(f, a);
    expect_images(f, b);
    expect_images(f, c);
    assert_int_equal(bal_image_store_kept(a), two);
    assert_int_equal(bal_image_store_kept(b), two - 1);
    assert_int_equal(bal_image_store_kept(c), 0);
    assert_memory_equal(bal_image_store_sums(a), bal_image_store_sums(b), sizeof(bal_pixel_sums));
    assert_int_equal(bal_image_store_sums(a)->pixels, SIDE * SIDE * f->info.items[BAL_SPLIT_TRAIN]);
    assert_int_equal(bal_image_store_sums(c)->pixels, 0);

    /* that the one is memory and the others files is seen when the files are gone */
    const int64_t train = bal_dataset_items(f->data, BAL_SPLIT_TRAIN)[0],
                  val = bal_dataset_items(f->data, BAL_SPLIT_VAL)[0],
                  test = bal_dataset_items(f->data, BAL_SPLIT_TEST)[0];
    char train_name[256], val_name[256], test_name[256];
    uint8_t pixels[BYTES];
    damage(f, train, train_name, sizeof train_name);
    damage(f, val, val_name, sizeof val_name);
    damage(f, test, test_name, sizeof test_name);
    test_ok(f->ctx, bal_image_store_read(a, f->ctx, train, pixels));
    test_ok(f->ctx, bal_image_store_read(a, f->ctx, val, pixels));
    test_fails(f->ctx, bal_image_store_read(a, f->ctx, test, pixels), BAL_BAD_FILE, test_name,
               NULL);
    test_fails(f->ctx, bal_image_store_read(c, f->ctx, train, pixels), BAL_BAD_FILE, train_name,
               NULL);
    test_fails(f->ctx, bal_image_store_read(c, f->ctx, val, pixels), BAL_BAD_FILE, val_name, NULL);
    bal_image_store_close(&a);
    bal_image_store_close(&b);
    bal_image_store_close(&c);
    assert_null(a);
}

/* Eight threads read the same items in different orders while the store fills, with and without
 * enough room. */
typedef struct reading {
    fixture *f;
    bal_image_store *store;
    const uint8_t *want; /* items x BYTES */
    bal_ctx *ctx[8];
    int wrong[8];
} reading;

static void read_all(void *user, int64_t i, int worker)
{
    reading *r = user;
    uint8_t got[BYTES];
    for (int64_t k = 0; k < 3 * r->f->items; k++) {
        const int64_t item = (k * (i % 5 + 1) + i) % r->f->items;
        if (bal_image_store_read(r->store, r->ctx[worker], item, got) != BAL_OK ||
            memcmp(got, r->want + item * BYTES, BYTES) != 0)
            r->wrong[worker]++;
    }
}

static void threads_read_the_same(void **state)
{
    fixture *f = *state;
    uint8_t *want = malloc((size_t)f->items * BYTES);
    assert_non_null(want);
    for (int64_t i = 0; i < f->items; i++)
        test_ok(f->ctx, bal_dataset_image(f->data, f->ctx, i, want + i * BYTES));
    const size_t limits[] = {SIZE_MAX, 7 * BYTES, BYTES, 0};
    for (size_t l = 0; l < BAL_COUNT_OF(limits); l++) {
        const bal_image_store_settings settings = {
            .data = f->data, .keep = {true, true, true}, .limit = limits[l]};
        reading r = {.f = f, .store = open_store(f, &settings), .want = want};
        bal_pool *pool;
        for (int i = 0; i < 8; i++)
            test_ok(f->ctx, bal_worker_ctx_open(&r.ctx[i], f->ctx));
        test_ok(f->ctx, bal_pool_open(&pool, f->ctx, 8));
        bal_pool_run(pool, 16, read_all, &r);
        bal_pool_close(&pool);
        for (int i = 0; i < 8; i++) {
            assert_int_equal(r.wrong[i], 0);
            bal_ctx_close(&r.ctx[i]);
        }
        const int64_t room = limits[l] == SIZE_MAX ? f->items : (int64_t)(limits[l] / BYTES);
        assert_int_equal(bal_image_store_kept(r.store), room);
        bal_image_store_close(&r.store);
    }
    free(want);
}

/* A set of more images than are looked at: some from every class, always the same for a seed. */
static void sums_of_many_are_of_a_sample(void **state)
{
    fixture *f = *state;
    char *folder = test_folder();
    enum { TRAIN = BAL_PIXEL_SAMPLE_IMAGES + 1001, ENLARGED = 129 };
    test_write_idx_set(folder, TRAIN, 3, false); /* 4 x 5 pixels: few enough for all of them */
    bal_dataset *small, *large;
    const bal_dataset_settings as = {.seed = 1};
    test_ok(f->ctx, bal_dataset_open(&small, f->ctx, folder, &as));
    bal_dataset_settings enlarged = as;
    enlarged.img_size = ENLARGED; /* 4096 x 16,641 pixels are more than 2^26 */
    test_ok(f->ctx, bal_dataset_open(&large, f->ctx, folder, &enlarged));
    bal_image_store_settings settings = {.data = small, .sums = true, .seed = 5};
    bal_image_store *store = open_store(f, &settings);
    assert_int_equal(bal_image_store_sums(store)->pixels, 20 * (int64_t)TRAIN);
    const bal_pixel_norm whole = bal_pixel_sums_norm(bal_image_store_sums(store), 1);
    bal_image_store_close(&store);
    settings.data = large;
    bal_pixel_sums sums[2];
    for (int i = 0; i < 2; i++) {
        store = open_store(f, &settings);
        sums[i] = *bal_image_store_sums(store);
        assert_int_equal(sums[i].pixels, ENLARGED * ENLARGED * (int64_t)BAL_PIXEL_SAMPLE_IMAGES);
        assert_int_equal(bal_image_store_kept(store), 0);
        bal_image_store_close(&store);
    }
    assert_memory_equal(&sums[0], &sums[1], sizeof sums[0]);
    const bal_pixel_norm sample = bal_pixel_sums_norm(&sums[0], 1);
    assert_true(fabs(sample.mean[0] - whole.mean[0]) < 0.005);
    bal_dataset_close(&small);
    bal_dataset_close(&large);
    test_folder_remove(folder);
}

static void sums_are_the_training_split(void **state)
{
    fixture *f = *state;
    const bal_image_store_settings settings = keep_two(f, SIZE_MAX);
    bal_pixel_sums want = {0};
    for (int64_t i = 0; i < f->info.items[BAL_SPLIT_TRAIN]; i++) {
        uint8_t pixels[BYTES];
        const int64_t item = bal_dataset_items(f->data, BAL_SPLIT_TRAIN)[i];
        test_ok(f->ctx, bal_dataset_image(f->data, f->ctx, item, pixels));
        bal_pixel_sums_add(&want, 3, SIDE * SIDE, pixels);
    }
    bal_image_store *store = open_store(f, &settings);
    assert_memory_equal(&want, bal_image_store_sums(store), sizeof want);
    bal_image_store_close(&store);
}

static void damaged_image_is_named(void **state)
{
    fixture *f = *state;
    char name[256];
    damage(f, bal_dataset_items(f->data, BAL_SPLIT_TRAIN)[3], name, sizeof name);
    const bal_image_store_settings kept = keep_two(f, SIZE_MAX), not_kept = keep_two(f, 0);
    bal_image_store *store;
    test_fails(f->ctx, bal_image_store_open(&store, f->ctx, &kept), BAL_BAD_FILE, name, NULL);
    assert_null(store);
    test_fails(f->ctx, bal_image_store_open(&store, f->ctx, &not_kept), BAL_BAD_FILE, name, NULL);
    assert_null(store);

    /* one of a split that is not read does not matter */
    const bal_image_store_settings only_val = {
        .data = f->data, .keep = {false, true, false}, .limit = SIZE_MAX};
    store = open_store(f, &only_val);
    bal_image_store_close(&store);
}

static void interrupt_stops_it(void **state)
{
    fixture *f = *state;
    const bal_image_store_settings settings = keep_two(f, SIZE_MAX);
    bal_image_store *store;
    bal_ctx_interrupt(f->ctx);
    test_fails(f->ctx, bal_image_store_open(&store, f->ctx, &settings), BAL_INTERRUPTED,
               "interrupted", NULL);
    assert_null(store);
    store = open_store(f, &settings); /* the interrupt was taken */
    bal_image_store_close(&store);
}

static bal_status attempt(bal_ctx *ctx, void *user)
{
    bal_dataset *data;
    bal_image_store *store = NULL;
    uint8_t pixels[BYTES];
    bal_status status;
    BAL_TRY(bal_dataset_open(&data, ctx, user, NULL));
    const bal_image_store_settings settings = {
        .data = data, .keep = {true, true, true}, .limit = SIZE_MAX, .sums = true};
    status = bal_image_store_open(&store, ctx, &settings);
    assert_true((status == BAL_OK) == (store != NULL));
    if (status == BAL_OK)
        status = bal_image_store_read(store, ctx, 0, pixels);
    bal_image_store_close(&store);
    bal_dataset_close(&data);
    return status;
}

static void allocation_failures(void **state)
{
    fixture *f = *state;
    test_allocation_failures(attempt, f->folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(kept_and_not_kept_are_the_same, set_up, tear_down),
        cmocka_unit_test_setup_teardown(threads_read_the_same, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sums_of_many_are_of_a_sample, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sums_are_the_training_split, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damaged_image_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(interrupt_stops_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(allocation_failures, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
