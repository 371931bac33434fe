/* Batches that are mixed while they are prepared: what they hold is worked out here image by image,
 * for any number of workers, from any batch on, with a second stream and with weights. */
#include "helpers/helpers.h"
#include "helpers/near.h"
#include "helpers/toy.h"

#include "train/images/batch_mixer.h"
#include "train/images/loader.h"

#include <stdlib.h>
#include <string.h>

enum { SIDE = 6, PIXELS = SIDE * SIDE * 3, BATCH = 4, CLASSES = 3, COUNT = 22 };

static const test_toy toy = {.channels = 3, .side = SIDE, .train = {8, 7, 4}, .test = 0};
static const int64_t counts[CLASSES] = {80, 7, 2};
static const bal_pixel_norm norm = {{0.5, 0.4, 0.3}, {0.25, 0.5, 0.125}};
static const bal_image_shape shape = {3, SIDE, SIDE};

typedef struct fixture {
    bal_ctx *ctx;
    char *folder;
    bal_dataset *data;
    bal_image_store *store;
    bal_pixel_table table;
    bal_augment_settings augment;
    int64_t items[COUNT], second[COUNT];
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
    test_ok(f->ctx, bal_pixel_table_make(&f->table, f->ctx, 3, &norm));
    f->augment = bal_augment_defaults();
    f->augment.crop_padding = 2;
    f->augment.hflip = 0.5;
    for (int i = 0; i < COUNT; i++) {
        f->items[i] = i * 7 % 19;
        f->second[i] = i * 5 % 19;
    }
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

static bal_mix *open_mix(bal_ctx *ctx, const char *name, bool per_pair)
{
    bal_mix_settings s = bal_mix_defaults();
    s.name = name;
    s.classes = CLASSES;
    s.counts = counts;
    s.prob = 0.7;
    s.per_pair = per_pair;
    bal_mix *mix;
    test_ok(ctx, bal_mix_open(&mix, ctx, &s));
    return mix;
}

/* An image before it is mixed; place says where its augmentation is drawn. */
static int plain_image(const fixture *f, int64_t item, uint64_t place, float *planes)
{
    uint8_t pixels[PIXELS], scratch[PIXELS];
    test_ok(f->ctx, bal_dataset_image(f->data, f->ctx, item, pixels));
    bal_augment(&f->augment, shape, &(bal_augment_draw){.seed = 3, .epoch = 2, .item = place},
                pixels, scratch);
    bal_pixel_planes(&f->table, (size_t)SIDE * SIDE, pixels, planes);
    return bal_dataset_label(f->data, item);
}

static void expect_batch(const fixture *f, const bal_mix *mix, int64_t first,
                         const bal_loader_batch *got)
{
    double q;
    const bool second = bal_mix_second_stream(mix, &q);
    bal_mix_pair pairs[BATCH];
    const bal_mix_batch at = {3, 2, (uint64_t)first, got->count, SIDE, SIDE};
    const bool mixed = bal_mix_draw(mix, &at, pairs);
    const int place_of = bal_mix_place(mix, &at);
    assert_true(mixed == (got->targets != NULL));
    assert_int_equal(got->mix_place, mixed ? place_of : 0);
    for (int i = 0; i < got->count; i++) {
        float image[PIXELS], other[PIXELS], target[CLASSES];
        const int64_t place = first + i;
        int label = plain_image(f, f->items[place], (uint64_t)place, image);
        if (mixed && place_of > 0) {
            assert_int_equal(got->partners[i], pairs[i].partner);
            assert_true(got->shares[i] == (float)pairs[i].share);
        }
        if (mixed) {
            const int64_t there = first + pairs[i].partner;
            const int partner = second
                                    ? plain_image(f, f->second[there],
                                                  BAL_LOADER_SECOND_PLACES + (uint64_t)there, other)
                                    : plain_image(f, f->items[there], (uint64_t)there, other);
            const double share = bal_mix_label_share(mix, pairs[i].share, label, partner);
            if (place_of == 0)
                bal_mix_floats(&pairs[i], shape, image, other, image);
            bal_mix_target(share, label, partner, CLASSES, target);
            if (pairs[i].share == 1.0)
                bal_mix_target(1.0, label, label, CLASSES, target);
            assert_memory_equal(target, got->targets + (size_t)i * CLASSES, sizeof target);
            label = share < 0.5 ? partner : label;
        }
        assert_int_equal(got->labels[i], label);
        assert_memory_equal(image, got->images + (size_t)i * PIXELS, sizeof image);
    }
}

static void batches_hold_what_was_drawn(void **state)
{
    fixture *f = *state;
    const bal_method_info *info;
    for (int m = 1; (info = bal_mix_at(m)); m++)
        for (int variant = 0; variant < 2; variant++) {
            bal_mix *mix = open_mix(f->ctx, info->name, variant);
            for (int workers = 0; workers < 6; workers += 1 + workers) { /* 0, 1, 3 */
                const bal_loader_settings settings = {.store = f->store,
                                                      .batch = BATCH,
                                                      .workers = workers,
                                                      .norm = norm,
                                                      .mix_classes = CLASSES};
                bal_loader *loader;
                test_ok(f->ctx, bal_loader_open(&loader, f->ctx, &settings));
                const bal_loader_pass pass = {.items = f->items,
                                              .count = COUNT,
                                              .first_batch = workers % 3,
                                              .augment = &f->augment,
                                              .seed = 3,
                                              .epoch = 2,
                                              .mix = mix,
                                              .second = f->second};
                bal_loader_begin(loader, &pass);
                int64_t place = pass.first_batch * BATCH;
                for (bal_loader_batch batch;; place += batch.count) {
                    test_ok(f->ctx, bal_loader_next(loader, &batch));
                    if (batch.count == 0)
                        break;
                    expect_batch(f, mix, place, &batch);
                }
                assert_int_equal(place, COUNT);
                bal_loader_pass plain = pass; /* and a pass without */
                plain.mix = NULL;
                bal_loader_begin(loader, &plain);
                bal_loader_batch batch;
                test_ok(f->ctx, bal_loader_next(loader, &batch));
                assert_null(batch.targets);
                bal_loader_close(&loader);
            }
            bal_mix_close(&mix);
        }
}

/* The weight of a mixed image is the mean of both, weighted as the labels are. */
static void weights_are_mixed_as_labels_are(void **state)
{
    fixture *f = *state;
    bal_mix *mix = open_mix(f->ctx, "remix", false);
    const bal_batch_mixer_settings settings = {3, CLASSES, {1, 1, 2}};
    bal_batch_mixer *mixer;
    test_ok(f->ctx, bal_batch_mixer_open(&mixer, f->ctx, &settings));
    int mixed = 0;
    for (uint64_t first = 0; first < 60; first += 3) {
        float images[6] = {1, 2, 3, 4, 5, 6}, weights[3] = {1, 10, 100}, targets[9], shares[3];
        int32_t partners[3];
        const float old[3] = {1, 10, 100};
        int32_t labels[3] = {0, 1, 2};
        bal_mix_pair pairs[3];
        bal_mix_batch at = {3, 2, first, 3, 1, 2};
        if (!bal_batch_mixer_draw(mixer, mix, at))
            continue;
        assert_true(bal_mix_draw(mix, &at, pairs));
        const bal_mixed_batch batch = {images, labels, weights, targets, partners, shares};
        assert_int_equal(bal_batch_mixer_apply(mixer, &batch), 0);
        for (int i = 0; i < 3; i++) {
            const int j = pairs[i].partner;
            const double share = bal_mix_label_share(mix, pairs[i].share, i, j);
            test_near("weight", share * (double)old[i] + (1.0 - share) * (double)old[j],
                      (double)weights[i], 1e-5 * 100);
            test_near("target", i == j ? 1.0 : share, (double)targets[i * CLASSES + i], 1e-6);
            test_near("pixel", pairs[i].share * (2 * i + 2) + (1.0 - pairs[i].share) * (2 * j + 2),
                      (double)images[2 * i + 1], 1e-5);
        }
        mixed++;
    }
    assert_true(mixed > 5);
    bal_batch_mixer_close(&mixer);
    bal_mix_close(&mix);
}

static bal_status attempt(bal_ctx *ctx, void *user)
{
    const fixture *f = user;
    bal_dataset *data = NULL;
    bal_image_store *store = NULL;
    bal_loader *loader = NULL;
    bal_status status;
    BAL_GOTO(bal_dataset_open(&data, ctx, f->folder, NULL));
    BAL_GOTO(bal_image_store_open(&store, ctx, &(bal_image_store_settings){.data = data}));
    const bal_loader_settings settings = {
        .store = store, .batch = BATCH, .workers = 2, .norm = norm, .mix_classes = CLASSES};
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
    test_allocation_failures(attempt, *state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(batches_hold_what_was_drawn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(weights_are_mixed_as_labels_are, set_up, tear_down),
        cmocka_unit_test_setup_teardown(allocation_failures, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
