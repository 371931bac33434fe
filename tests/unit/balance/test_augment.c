/* Geometry of the augmentations: every offset is reached, pixels land where they should, the
 * padding is 0, and a draw depends on (seed, epoch, item) alone. */
#include "helpers/helpers.h"

#include "ballast/balance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CHANNELS = 3, HEIGHT = 5, WIDTH = 7, SIZE = CHANNELS * HEIGHT * WIDTH };
static const bal_image_shape shape = {CHANNELS, HEIGHT, WIDTH};

/* all different and none 0, so that a pixel tells where it came from */
static void fill(uint8_t *pixels)
{
    for (int i = 0; i < SIZE; i++)
        pixels[i] = (uint8_t)(i + 1);
}

static int at(const uint8_t *pixels, int y, int x, int c)
{
    if (y < 0 || y >= HEIGHT || x < 0 || x >= WIDTH)
        return 0;
    return pixels[(y * WIDTH + x) * CHANNELS + c];
}

static void augment(const bal_augment_settings *settings, uint64_t seed, uint64_t epoch,
                    uint64_t item, uint8_t *pixels, uint8_t *scratch)
{
    const bal_augment_draw draw = {.seed = seed, .epoch = epoch, .item = item};
    bal_augment(settings, shape, &draw, pixels, scratch);
}

static bool is_view(const uint8_t *out, const uint8_t *in, int dy, int dx, bool mirrored)
{
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            for (int c = 0; c < CHANNELS; c++) {
                const int column = mirrored ? WIDTH - 1 - x : x;
                if (at(out, y, x, c) != at(in, y + dy, column + dx, c))
                    return false;
            }
    return true;
}

/* Finds which of the views of in the image is and counts it. */
static void count_view(const uint8_t *out, const uint8_t *in, int padding, int *seen)
{
    int matches = 0;
    for (int dy = -padding; dy <= padding; dy++)
        for (int dx = -padding; dx <= padding; dx++)
            for (int mirrored = 0; mirrored < 2; mirrored++)
                if (is_view(out, in, dy, dx, mirrored)) {
                    matches++;
                    seen[((dy + padding) * (2 * padding + 1) + dx + padding) * 2 + mirrored]++;
                }
    assert_int_equal(matches, 1);
}

static void every_view_is_reached_and_exact(void **state)
{
    (void)state;
    enum { PADDING = 2, VIEWS = (2 * PADDING + 1) * (2 * PADDING + 1) * 2, DRAWS = 4000 };
    const bal_augment_settings settings = {.crop_padding = PADDING, .hflip = 0.5};
    uint8_t in[SIZE], out[SIZE], scratch[SIZE];
    int seen[VIEWS] = {0};
    fill(in);
    for (uint64_t item = 0; item < DRAWS; item++) {
        fill(out);
        augment(&settings, test_seed(), 3, item, out, scratch);
        count_view(out, in, PADDING, seen);
    }
    /* 80 of each are expected, sd 9 */
    for (int v = 0; v < VIEWS; v++)
        if (seen[v] < 35 || seen[v] > 125)
            fail_msg("view %d came %d times of %d", v, seen[v], DRAWS);
}

/* Padding beyond the image's size leaves a view that is all zero. */
static void large_padding_is_safe(void **state)
{
    (void)state;
    const bal_augment_settings settings = {.crop_padding = 20, .hflip = 0.0};
    uint8_t in[SIZE], out[SIZE], scratch[SIZE];
    int empty = 0;
    fill(in);
    for (uint64_t item = 0; item < 500; item++) {
        fill(out);
        augment(&settings, test_seed(), 0, item, out, scratch);
        int sum = 0;
        for (int i = 0; i < SIZE; i++)
            sum += out[i];
        empty += sum == 0;
    }
    assert_true(empty > 250 && empty < 500);
}

static void nothing_asked_changes_nothing(void **state)
{
    (void)state;
    const bal_augment_settings settings = {0};
    uint8_t in[SIZE], out[SIZE], scratch[SIZE];
    fill(in);
    for (uint64_t item = 0; item < 100; item++) {
        fill(out);
        augment(&settings, test_seed(), 0, item, out, scratch);
        assert_memory_equal(in, out, SIZE);
    }
}

static void certain_flip_is_exact_and_its_own_inverse(void **state)
{
    (void)state;
    const bal_augment_settings settings = {.hflip = 1.0};
    uint8_t in[SIZE], out[SIZE], scratch[SIZE];
    fill(in);
    fill(out);
    augment(&settings, 1, 0, 0, out, scratch);
    assert_true(is_view(out, in, 0, 0, true));
    augment(&settings, 1, 1, 0, out, scratch);
    assert_memory_equal(in, out, SIZE);
}

static void draw_is_a_function_of_seed_epoch_and_item(void **state)
{
    (void)state;
    const bal_augment_settings settings = {.crop_padding = 4, .hflip = 0.5};
    uint8_t first[SIZE], again[SIZE], scratch[SIZE];
    int differ[3] = {0};
    for (uint64_t item = 0; item < 50; item++) {
        const uint64_t other[4][3] = {{1, 2, item}, {2, 2, item}, {1, 3, item}, {1, 2, item + 50}};
        fill(first);
        augment(&settings, 1, 2, item, first, scratch);
        for (int k = 0; k < 4; k++) {
            fill(again);
            augment(&settings, other[k][0], other[k][1], other[k][2], again, scratch);
            const bool same = memcmp(first, again, SIZE) == 0;
            if (k == 0)
                assert_true(same);
            else
                differ[k - 1] += !same;
        }
    }
    for (int k = 0; k < 3; k++)
        assert_true(differ[k] > 40);
}

/* Turning the crop on does not move which images are mirrored. */
static void augmentations_do_not_disturb_each_other(void **state)
{
    (void)state;
    const bal_augment_settings flip = {.hflip = 0.5}, both = {.crop_padding = 1, .hflip = 0.5};
    uint8_t in[SIZE], a[SIZE], b[SIZE], scratch[SIZE];
    fill(in);
    for (uint64_t item = 0; item < 200; item++) {
        fill(a);
        fill(b);
        augment(&flip, 1, 0, item, a, scratch);
        augment(&both, 1, 0, item, b, scratch);
        int seen[18] = {0}, mirrored = 0;
        count_view(b, in, 1, seen);
        for (int v = 1; v < 18; v += 2)
            mirrored += seen[v];
        assert_int_equal(mirrored, memcmp(a, in, SIZE) != 0);
    }
}

/* How far the share of values below each step is from the uniform one, at most. */
static double farthest_from_uniform(const double *values, int count)
{
    enum { STEPS = 50 };
    double farthest = 0.0;
    for (int s = 1; s < STEPS; s++) {
        int below = 0;
        for (int i = 0; i < count; i++)
            below += values[i] < (double)s / STEPS;
        farthest = fmax(farthest, fabs((double)below / count - (double)s / STEPS));
    }
    return farthest;
}

/* Where every box fits, area, logarithm of the ratio, and place are uniform. */
static void boxes_are_drawn_as_torchvision_draws_them(void **state)
{
    (void)state;
    enum { DRAWS = 4000 };
    static double area[DRAWS], ratio[DRAWS], top[DRAWS], left[DRAWS];
    const bal_augment_settings s = {
        .resized_crop = true, .scale_min = 0.1, .scale_max = 0.4, .ratio_min = 0.5, .ratio_max = 2};
    const int height = 1900, width = 2000;
    for (int i = 0; i < DRAWS; i++) {
        const bal_augment_draw draw = {.seed = test_seed(), .epoch = 5, .item = (uint64_t)i};
        const bal_augment_region box = bal_augment_box(&s, &draw, height, width);
        assert_true(box.height >= 1 && box.width >= 1 && box.top >= 0 && box.left >= 0);
        assert_true(box.top + box.height <= height && box.left + box.width <= width);
        area[i] = ((double)box.height * box.width / height / width - 0.1) / 0.3;
        ratio[i] = (log((double)box.width / box.height) - log(0.5)) / log(4.0);
        top[i] = (box.top + 0.5) / (height - box.height + 1);
        left[i] = (box.left + 0.5) / (width - box.width + 1);
    }
    /* Kolmogorov: beyond 2.1 / sqrt(n) once in some 3,000 seeds */
    const double limit = 2.1 / sqrt(DRAWS);
    assert_true(farthest_from_uniform(area, DRAWS) < limit);
    assert_true(farthest_from_uniform(ratio, DRAWS) < limit);
    assert_true(farthest_from_uniform(top, DRAWS) < limit);
    assert_true(farthest_from_uniform(left, DRAWS) < limit);
}

static void boxes_that_never_fit_are_in_the_middle(void **state)
{
    (void)state;
    static const struct {
        int height, width;
        bal_augment_region box;
    } rows[] = {
        {10, 200, {0, 93, 10, 13}}, /* 10 x 4/3 = 13.33 wide */
        {200, 9, {94, 0, 12, 9}},   /* 9 / (3/4) = 12 high */
        {1, 1, {0, 0, 1, 1}},
    };
    const bal_augment_settings large = {.resized_crop = true, .scale_min = 0.9, .scale_max = 1.0};
    for (size_t i = 0; i < BAL_COUNT_OF(rows); i++) {
        const bal_augment_draw draw = {.seed = test_seed(), .item = i};
        const bal_augment_region box =
            bal_augment_box(&large, &draw, rows[i].height, rows[i].width);
        assert_memory_equal(&box, &rows[i].box, sizeof box);
    }
    /* the whole picture, where only that is allowed; and the default's smallest share is 0.08 */
    const bal_augment_settings all = {
        .resized_crop = true, .scale_min = 1.0, .scale_max = 1.0, .ratio_min = 1, .ratio_max = 1};
    const bal_augment_region box =
        bal_augment_box(&all, &(bal_augment_draw){.seed = 1, .epoch = 2, .item = 3}, 40, 40);
    assert_int_equal(box.height * box.width, 1600);
    const bal_augment_settings usual = {.resized_crop = true};
    int least = 1000000;
    for (uint64_t i = 0; i < 2000; i++) {
        const bal_augment_region b =
            bal_augment_box(&usual, &(bal_augment_draw){.seed = 7, .item = i}, 1000, 1000);
        least = b.height * b.width < least ? b.height * b.width : least;
    }
    assert_true(least > 79000 && least < 85000);
}

/* The box has draws of its own, and takes the place of the padding. */
static void a_box_disturbs_nothing(void **state)
{
    (void)state;
    const bal_augment_settings flip = {.hflip = 0.5};
    const bal_augment_settings both = {.hflip = 0.5, .crop_padding = 3, .resized_crop = true};
    uint8_t a[SIZE], b[SIZE], scratch[SIZE];
    int differ[3] = {0};
    for (uint64_t item = 0; item < 100; item++) {
        fill(a);
        fill(b);
        augment(&flip, 1, 0, item, a, scratch);
        augment(&both, 1, 0, item, b, scratch);
        assert_memory_equal(a, b, SIZE);
        const bal_augment_draw draws[] = {{.seed = 1, .item = item},
                                          {.seed = 2, .item = item},
                                          {.seed = 1, .epoch = 1, .item = item},
                                          {.seed = 1, .item = item + 1}};
        const bal_augment_region first = bal_augment_box(&both, &draws[0], 90, 120);
        for (int k = 0; k < 4; k++) {
            const bal_augment_region again = bal_augment_box(&both, &draws[k], 90, 120);
            const bool same = memcmp(&first, &again, sizeof first) == 0;
            if (k == 0)
                assert_true(same);
            else
                differ[k - 1] += !same;
        }
    }
    for (int k = 0; k < 3; k++)
        assert_true(differ[k] > 80);
}

static void the_list_names_all(void **state)
{
    (void)state;
    static const char *const names[] = {
        "resized-crop",   "crop",   "hflip",         "vflip",     "affine",
        "auto-augment",   "cuda",   "color-jitter",  "grayscale", "gaussian-blur",
        "gaussian-noise", "cutout", "random-erasing"};
    int i = 0;
    for (; i < (int)BAL_COUNT_OF(names); i++)
        assert_string_equal(bal_augmentation_at(i)->name, names[i]);
    assert_null(bal_augmentation_at(i));
    assert_null(bal_augmentation_at(-1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_view_is_reached_and_exact),
        cmocka_unit_test(large_padding_is_safe),
        cmocka_unit_test(nothing_asked_changes_nothing),
        cmocka_unit_test(certain_flip_is_exact_and_its_own_inverse),
        cmocka_unit_test(draw_is_a_function_of_seed_epoch_and_item),
        cmocka_unit_test(augmentations_do_not_disturb_each_other),
        cmocka_unit_test(boxes_are_drawn_as_torchvision_draws_them),
        cmocka_unit_test(boxes_that_never_fit_are_in_the_middle),
        cmocka_unit_test(a_box_disturbs_nothing),
        cmocka_unit_test(the_list_names_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
