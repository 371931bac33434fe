/* From bytes to a network's floats, and mean and standard deviation of bytes. */
#include "helpers/helpers.h"
#include "helpers/near.h"

#include "base/random.h"
#include "train/images/normalise.h"

#include <math.h>
#include <stdlib.h>

static const bal_pixel_norm norm = {{0.5, 0.25, 0.4}, {0.25, 0.5, 0.2}};

static void table_by_hand(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_pixel_table table;
    test_ok(ctx, bal_pixel_table_make(&table, ctx, 3, &norm));
    assert_int_equal(table.channels, 3);
    test_near("black, first", -2.0, table.value[0][0], 1e-6);
    test_near("white, first", 2.0, table.value[0][255], 1e-6);
    test_near("black, second", -0.5, table.value[1][0], 1e-6);
    test_near("white, second", 1.5, table.value[1][255], 1e-6);
    test_near("51 is a fifth", (0.2 - 0.4) / 0.2, table.value[2][51], 1e-6);
    test_near("102 is two fifths", 0.0, table.value[2][102], 1e-6);
    bal_ctx_close(&ctx);
}

static void planes_are_channels(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    const uint8_t pixels[] = {0, 1, 2, 10, 11, 12, 20, 21, 22, 30, 31, 32};
    for (int channels = 1; channels <= 3; channels++) { /* 3 has a loop of its own */
        const size_t area = 12 / (size_t)channels;
        bal_pixel_table table;
        float planes[12];
        test_ok(ctx, bal_pixel_table_make(&table, ctx, channels, &norm));
        bal_pixel_planes(&table, area, pixels, planes);
        for (size_t i = 0; i < area; i++)
            for (int c = 0; c < channels; c++) {
                const double byte = pixels[i * (size_t)channels + (size_t)c];
                test_near("a pixel of a plane", (byte / 255.0 - norm.mean[c]) / norm.std[c],
                          planes[(size_t)c * area + i], 1e-6);
            }
    }
    bal_ctx_close(&ctx);
}

static void sums_equal_a_direct_computation(void **state)
{
    (void)state;
    enum { IMAGES = 7, AREA = 35, CHANNELS = 3, EACH = AREA * CHANNELS };
    uint8_t pixels[IMAGES * EACH];
    bal_random r = bal_random_at(test_seed(), BAL_STREAM_TEST, 1, 0);
    for (size_t i = 0; i < sizeof pixels; i++) /* each channel with another spread */
        pixels[i] = (uint8_t)(20 * (i % CHANNELS) + bal_random_below(&r, 60 + 60 * (i % CHANNELS)));
    bal_pixel_sums all = {0}, a = {0}, b = {0};
    for (int i = 0; i < IMAGES; i++) {
        bal_pixel_sums_add(&all, CHANNELS, AREA, pixels + i * EACH);
        bal_pixel_sums_add(i % 2 ? &a : &b, CHANNELS, AREA, pixels + i * EACH);
    }
    bal_pixel_sums_merge(&a, &b);
    assert_memory_equal(&all, &a, sizeof a); /* whatever the order */
    assert_int_equal(all.pixels, IMAGES * AREA);
    const bal_pixel_norm got = bal_pixel_sums_norm(&all, CHANNELS);
    for (int c = 0; c < CHANNELS; c++) {
        double mean = 0.0, variance = 0.0;
        for (int i = 0; i < IMAGES * AREA; i++)
            mean += pixels[i * CHANNELS + c] / 255.0 / (IMAGES * AREA);
        for (int i = 0; i < IMAGES * AREA; i++) {
            const double away = pixels[i * CHANNELS + c] / 255.0 - mean;
            variance += away * away / (IMAGES * AREA);
        }
        test_near("mean", mean, got.mean[c], 1e-12);
        test_near("std", sqrt(variance), got.std[c], 1e-12);
    }
}

static void constant_channel_has_std_1(void **state)
{
    (void)state;
    const uint8_t pixels[] = {7, 0, 255, 7, 255, 255, 7, 0, 255, 7, 255, 255};
    bal_pixel_sums sums = {0};
    bal_pixel_sums_add(&sums, 3, 4, pixels);
    const bal_pixel_norm got = bal_pixel_sums_norm(&sums, 3);
    test_near("mean of a constant", 7.0 / 255.0, got.mean[0], 1e-15);
    test_near("its std", 1.0, got.std[0], 0.0);
    test_near("std of black and white", 0.5, got.std[1], 1e-12);
    test_near("std of white", 1.0, got.std[2], 0.0);
    const bal_pixel_norm none = bal_pixel_sums_norm(&(bal_pixel_sums){0}, 3);
    test_near("mean of nothing", 0.0, none.mean[0], 0.0);
    test_near("std of nothing", 1.0, none.std[0], 0.0);
}

static void bad_numbers_are_refused(void **state)
{
    (void)state;
    static const bal_pixel_norm bad[] = {
        {{0, 0, 0}, {1, 0, 1}},   {{0, 0, 0}, {1, -0.5, 1}},     {{0, 0, 0}, {1, NAN, 1}},
        {{0, NAN, 0}, {1, 1, 1}}, {{0, 0, 0}, {1, INFINITY, 1}}, {{0, -INFINITY, 0}, {1, 1, 1}}};
    bal_ctx *ctx = test_ctx();
    bal_pixel_table table;
    for (size_t i = 0; i < BAL_COUNT_OF(bad); i++) {
        test_fails(ctx, bal_pixel_table_make(&table, ctx, 3, &bad[i]), BAL_BAD_ARG, "channel 1",
                   "std must be above 0", NULL);
        test_ok(ctx, bal_pixel_table_make(&table, ctx, 1, &bad[i])); /* of a channel not there */
    }
    test_fails(ctx, bal_pixel_table_make(&table, ctx, 0, &norm), BAL_BAD_ARG, "0 channels", NULL);
    test_fails(ctx, bal_pixel_table_make(&table, ctx, 4, &norm), BAL_BAD_ARG, "4 channels", NULL);
    bal_ctx_close(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_by_hand),
        cmocka_unit_test(planes_are_channels),
        cmocka_unit_test(sums_equal_a_direct_computation),
        cmocka_unit_test(constant_channel_has_std_1),
        cmocka_unit_test(bad_numbers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
