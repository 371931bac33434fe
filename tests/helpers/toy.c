/* A small image folder that can be learned; see toy.h. */
#include "helpers/toy.h"

#include "helpers/helpers.h"
#include "helpers/pictures.h"

#include "base/random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define TWO_PI 6.283185307179586

static void draw(const test_toy *toy, int label, uint64_t number, uint8_t *pixels)
{
    bal_random r = bal_random_at(11, BAL_STREAM_TEST, (uint64_t)label, number);
    for (int y = 0; y < toy->side; y++)
        for (int x = 0; x < toy->side; x++)
            for (int c = 0; c < toy->channels; c++) {
                const double along = label % 2 ? y : x, waves = 1 + label / 2;
                const double v = 120.0 + 10.0 * c +
                                 45.0 * cos(TWO_PI * waves * along / toy->side + c) +
                                 30.0 * bal_random_normal(&r);
                *pixels++ = (uint8_t)(v < 0.0 ? 0.0 : v > 255.0 ? 255.0 : v);
            }
}

static void write_class(const char *folder, const char *split, const test_toy *toy, int label)
{
    const bool train = split[1] == 'r';
    const int count = train ? toy->train[label] : toy->test;
    uint8_t *pixels = malloc((size_t)(toy->side * toy->side * toy->channels));
    char name[64];
    assert_non_null(pixels);
    snprintf(name, sizeof name, "%s/c%d", split, label);
    assert_int_equal(mkdir(test_path(folder, name), 0777), 0);
    for (int i = 0; i < count; i++) {
        size_t bytes;
        draw(toy, label, (uint64_t)i + (train ? 0 : 1000000), pixels);
        uint8_t *file = test_png(&(test_picture){.height = toy->side,
                                                 .width = toy->side,
                                                 .channels = toy->channels,
                                                 .pixels = pixels},
                                 &bytes);
        snprintf(name, sizeof name, "%s/c%d/%d.png", split, label, i);
        test_write_file(test_path(folder, name), file, bytes);
        free(file);
    }
    free(pixels);
}

void test_write_toy(const char *folder, const test_toy *toy)
{
    static const char *const splits[] = {"train", "test"};
    mkdir(folder, 0777);
    for (int s = 0; s < (toy->test > 0 ? 2 : 1); s++) {
        assert_int_equal(mkdir(test_path(folder, splits[s]), 0777), 0);
        for (int label = 0; label < TEST_TOY_CLASSES && toy->train[label] > 0; label++)
            write_class(folder, splits[s], toy, label);
    }
}

bal_dataset *test_open_toy(bal_ctx *ctx, const char *folder, double val_fraction)
{
    bal_dataset_settings settings = bal_dataset_defaults();
    settings.val_fraction = val_fraction;
    bal_dataset *data;
    test_ok(ctx, bal_dataset_open(&data, ctx, folder, &settings));
    return data;
}
