/* Weights of items: carried by the loader, multiplied to the loss in training, and nowhere else. */
#include "helpers/helpers.h"
#include "helpers/pictures.h"
#include "helpers/runs.h"

#include "train/images/loader.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIDE 6
#define AREA (SIDE * SIDE)
#define ITEMS 20 /* 14 for training, 3 for validation, 3 for the test */
#define TRAIN 14
#define LEFT_OUT 5

/* One batch holds all images, so that their order does not matter. */
static const char recipe[] = "name: plain\n"
                             "batch_size: 64\n"
                             "epochs: 3\n"
                             "optimizer: {lr: 0.05}\n"
                             "schedule: {name: constant}\n"
                             "stages:\n"
                             "  - epochs: 3\n"
                             "    loss: {name: focal, weight: sqrt}\n"
                             "    augment: {crop_padding: 0, hflip: 0}\n";

typedef struct fixture {
    bal_ctx *ctx;
    char *folder;
} fixture;

/* All images are permutations of the same bytes: whichever is left out, the mean and the deviation
 * of the pixels stay. */
static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->ctx = test_ctx_threads(1);
    f->folder = test_folder();
    for (int i = 0; i < ITEMS; i++) {
        uint8_t pixels[AREA];
        char name[32];
        size_t count;
        for (int p = 0; p < AREA; p++)
            pixels[p] = (uint8_t)(7 * ((p * (i % 2 ? 5 : 1) + 11 * i) % AREA));
        uint8_t *png = test_png(
            &(test_picture){.height = SIDE, .width = SIDE, .channels = 1, .pixels = pixels},
            &count);
        snprintf(name, sizeof name, "%02d.png", i);
        test_write_file(test_path(f->folder, name), png, count);
        free(png);
    }
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    test_folder_remove(f->folder);
    bal_ctx_close(&f->ctx);
    free(f);
    return 0;
}

/* NAME.csv with a weight for each image; negative: the image is left out. */
static bal_dataset *open_weighted(fixture *f, const double *weights)
{
    char text[4096] = "path,label,split,weight\n";
    for (int i = 0; i < ITEMS; i++)
        if (weights[i] >= 0.0)
            snprintf(text + strlen(text), sizeof text - strlen(text), "%02d.png,%d,%s,%g\n", i,
                     i % 3,
                     i < TRAIN       ? "train"
                     : i < TRAIN + 3 ? "val"
                                     : "test",
                     weights[i]);
    const char *path = test_path(f->folder, "m.csv");
    bal_dataset *d;
    test_write_file(path, text, strlen(text));
    test_ok(f->ctx, bal_dataset_open(&d, f->ctx, path, NULL));
    return d;
}

static void fill(double *weights, double value)
{
    for (int i = 0; i < ITEMS; i++)
        weights[i] = value;
}

static bal_train_settings settings_of(const fixture *f, const char *run)
{
    bal_train_settings s = bal_train_defaults();
    s.model = "lenet";
    s.engine = "reference";
    s.out = test_path(f->folder, run);
    return s;
}

static void train_in(fixture *f, const double *weights, const char *run)
{
    bal_dataset *d = open_weighted(f, weights);
    const bal_train_settings s = settings_of(f, run);
    test_ok(f->ctx,
            test_train(f->ctx, &(test_training){.data = d, .recipe = recipe, .settings = &s}));
    bal_dataset_close(&d);
}

static char *in_run(const fixture *f, const char *run, const char *name)
{
    static char path[2][4096];
    static int at;
    snprintf(path[at ^= 1], sizeof path[0], "%s/%s/%s", f->folder, run, name);
    return path[at];
}

/* The largest difference of two runs' last weights, over the largest weight. */
static double difference(fixture *f, const char *a, const char *b)
{
    bal_weights *x, *y;
    double worst = 0.0, largest = 0.0;
    test_ok(f->ctx, bal_weights_read(&x, f->ctx, in_run(f, a, "last.safetensors")));
    test_ok(f->ctx, bal_weights_read(&y, f->ctx, in_run(f, b, "last.safetensors")));
    assert_int_equal(bal_weights_count(x), bal_weights_count(y));
    for (int i = 0; i < bal_weights_count(x); i++) {
        const bal_tensor *t = bal_weights_at(x, i), *u = bal_weights_at(y, i);
        assert_int_equal(t->count, u->count);
        for (int64_t k = 0; k < t->count; k++) {
            worst = fmax(worst, fabs((double)t->data[k] - (double)u->data[k]));
            largest = fmax(largest, fabs((double)t->data[k]));
        }
    }
    bal_weights_close(&x);
    bal_weights_close(&y);
    assert_true(largest > 0.01);
    return worst / largest;
}

static bool summary_says(const fixture *f, const char *run)
{
    json_t *summary = test_json_file(in_run(f, run, "summary.json"));
    const json_t *value = json_object_get(summary, "item_weights");
    assert_true(json_is_boolean(value));
    const bool says = json_is_true(value);
    json_decref(summary);
    return says;
}

/* ---- the loader ---- */

static void batches_carry_weights(void **state)
{
    fixture *f = *state;
    for (int workers = 0; workers < 3; workers++) {
        for (int weighted = 0; weighted < 2; weighted++) {
            double weights[ITEMS];
            bal_image_store *store;
            bal_loader *loader;
            bal_loader_batch batch;
            for (int i = 0; i < ITEMS; i++)
                weights[i] = weighted ? i * 0.25 : 1.0;
            bal_dataset *d = open_weighted(f, weights);
            assert_int_equal(bal_dataset_describe(d).weighted, weighted);
            test_ok(f->ctx,
                    bal_image_store_open(&store, f->ctx, &(bal_image_store_settings){.data = d}));
            const bal_loader_settings settings = {
                .store = store, .batch = 3, .workers = workers, .norm = {{0.5}, {0.25}}};
            test_ok(f->ctx, bal_loader_open(&loader, f->ctx, &settings));
            static const int64_t items[] = {3, 1, 13, 3, 0};
            bal_loader_begin(loader, &(bal_loader_pass){.items = items, .count = 5});
            for (int64_t place = 0; place < 5; place += 3) {
                test_ok(f->ctx, bal_loader_next(loader, &batch));
                assert_int_equal(batch.count, place == 0 ? 3 : 2);
                for (int i = 0; i < batch.count && weighted; i++)
                    assert_true(batch.weights[i] == (float)weights[items[place + i]]);
                assert_true(weighted || !batch.weights);
            }
            test_ok(f->ctx, bal_loader_next(loader, &batch));
            assert_int_equal(batch.count, 0);
            bal_loader_close(&loader);
            bal_image_store_close(&store);
            bal_dataset_close(&d);
        }
    }
}

/* ---- training ---- */

/* `mean` divides by the sum of the weights, so a factor of all of them is none. */
static void equal_weights_are_none(void **state)
{
    fixture *f = *state;
    double weights[ITEMS];
    fill(weights, 1.0);
    train_in(f, weights, "ones");
    fill(weights, 2.0); /* a power of two rounds nothing */
    train_in(f, weights, "twos");
    assert_true(difference(f, "ones", "twos") == 0.0);
    assert_false(summary_says(f, "ones"));
    assert_true(summary_says(f, "twos"));
    /* those of the other splits are not used at all */
    for (int i = 0; i < ITEMS; i++)
        weights[i] = i < TRAIN ? 1.0 : 0.125 * i;
    train_in(f, weights, "others");
    assert_true(difference(f, "ones", "others") == 0.0);
    assert_false(summary_says(f, "others"));
    json_t *one = test_json_file(in_run(f, "ones", "summary.json"));
    json_t *other = test_json_file(in_run(f, "others", "summary.json"));
    assert_true(json_equal(json_object_get(one, "val"), json_object_get(other, "val")));
    assert_true(json_equal(json_object_get(one, "test"), json_object_get(other, "test")));
    json_decref(one);
    json_decref(other);
}

static void a_weight_of_0_leaves_out(void **state)
{
    fixture *f = *state;
    double weights[ITEMS];
    fill(weights, 1.0);
    weights[2] = 3.0;
    weights[LEFT_OUT] = 0.0;
    /* without class weights: an image of weight 0 counts for its class all the same */
    char plain[sizeof recipe];
    snprintf(plain, sizeof plain, "%s", recipe);
    memcpy(strstr(plain, "sqrt"), "none", 4);
    static const char *const runs[] = {"zero", "absent", "present"};
    for (int i = 0; i < 3; i++) {
        const bal_train_settings s = settings_of(f, runs[i]);
        weights[LEFT_OUT] = i == 0 ? 0.0 : i == 1 ? -1.0 : 1.0;
        bal_dataset *d = open_weighted(f, weights);
        assert_int_equal(bal_dataset_describe(d).items[BAL_SPLIT_TRAIN],
                         i == 1 ? TRAIN - 1 : TRAIN);
        test_ok(f->ctx,
                test_train(f->ctx, &(test_training){.data = d, .recipe = plain, .settings = &s}));
        bal_dataset_close(&d);
    }
    const double error = difference(f, "zero", "absent"), effect = difference(f, "zero", "present");
    if (error > 1e-5 || effect < 1e-3)
        fail_msg("left out by weight and by absence differ by %g, with and without by %g", error,
                 effect);
}

static void going_on_with_other_weights_is_refused(void **state)
{
    fixture *f = *state;
    double weights[ITEMS];
    fill(weights, 0.5);
    train_in(f, weights, "resumed");
    weights[4] = 0.75;
    bal_dataset *d = open_weighted(f, weights);
    bal_train_settings s = settings_of(f, "resumed");
    s.resume = true;
    test_fails(f->ctx,
               test_train(f->ctx, &(test_training){.data = d, .recipe = recipe, .settings = &s}),
               BAL_MISMATCH, "members", NULL);
    bal_dataset_close(&d);
    weights[4] = 0.5;
    d = open_weighted(f, weights);
    test_ok(f->ctx,
            test_train(f->ctx, &(test_training){.data = d, .recipe = recipe, .settings = &s}));
    bal_dataset_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_carry_weights),
        cmocka_unit_test(equal_weights_are_none),
        cmocka_unit_test(a_weight_of_0_leaves_out),
        cmocka_unit_test(going_on_with_other_weights_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
