/* What each augmentation beyond crop and flip draws, and that none disturbs another. */
#include "helpers/helpers.h"

#include "ballast/balance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { HEIGHT = 18, WIDTH = 23, MOST = HEIGHT * WIDTH * 3 };
static const bal_image_shape colour = {3, HEIGHT, WIDTH}, grey = {1, HEIGHT, WIDTH};

static void fill(bal_image_shape shape, uint8_t *pixels)
{
    for (int i = 0; i < shape.channels * HEIGHT * WIDTH; i++)
        pixels[i] = (uint8_t)(i * 73 + i / 50 * 11);
}

static void make(const bal_augment_settings *s, bal_image_shape shape, uint64_t item, uint8_t *out)
{
    uint8_t scratch[MOST];
    const bal_augment_draw draw = {.seed = test_seed(), .epoch = 4, .item = item};
    bal_augment(s, shape, &draw, out, scratch);
}

/* Everything on, each by itself. */
static bal_augment_settings all_on(void)
{
    bal_augment_settings s = bal_augment_defaults();
    s.degrees = 30;
    s.translate = 0.2;
    s.shear = s.shear_y = 10;
    s.affine_scale_min = 0.7;
    s.auto_augment = "randaugment";
    s.color_jitter = 0.5;
    s.hue = 0.2;
    s.grayscale = 0.5;
    s.gaussian_blur = 0.5;
    s.gaussian_noise = 0.1;
    s.cutout = 8;
    s.random_erasing = 0.5;
    return s;
}

static void strength_0_leaves_crop_and_flips(void **state)
{
    (void)state;
    const bal_augment_settings plain = {.crop_padding = 2, .hflip = 0.5, .vflip = 0.5};
    bal_augment_settings all = all_on();
    const char *const policies[] = {"autoaugment-cifar10", "randaugment", "trivialaugment"};
    const double none = 0.0;
    uint8_t a[MOST], b[MOST], scratch[MOST];
    all.crop_padding = 2;
    all.hflip = all.vflip = 0.5;
    for (uint64_t item = 0; item < 150; item++) {
        all.auto_augment = policies[item % 3];
        const bal_image_shape shape = item % 2 ? colour : grey;
        const bal_augment_draw draw = {.seed = 1, .item = item, .strength = &none};
        fill(shape, a);
        fill(shape, b);
        bal_augment(&plain, shape, &draw, a, scratch);
        bal_augment(&all, shape, &draw, b, scratch);
        assert_memory_equal(a, b, (size_t)(shape.channels * HEIGHT * WIDTH));
    }
}

/* An augmentation that is on but hits no image moves nothing of what the others draw. */
static void none_disturbs_another(void **state)
{
    (void)state;
    const double never = 1e-300;
    bal_augment_settings only[8], also;
    for (size_t i = 0; i < BAL_COUNT_OF(only); i++)
        only[i] = bal_augment_defaults();
    only[0].degrees = 40;
    only[1].auto_augment = "trivialaugment";
    only[2].color_jitter = 0.5;
    only[3].grayscale = 0.5;
    only[4].gaussian_blur = 0.5;
    only[5].gaussian_noise = 0.2;
    only[6].cutout = 6;
    only[7].random_erasing = 0.5;
    for (size_t i = 0; i < BAL_COUNT_OF(only); i++) {
        int changed = 0;
        also = only[i];
        also.vflip = never;
        also.grayscale = also.grayscale > 0 ? also.grayscale : never;
        also.gaussian_blur = also.gaussian_blur > 0 ? also.gaussian_blur : never;
        also.random_erasing = also.random_erasing > 0 ? also.random_erasing : never;
        also.gaussian_noise = also.gaussian_noise > 0 ? also.gaussian_noise : 1e-12;
        also.translate = 1e-9;
        for (uint64_t item = 0; item < 60; item++) {
            uint8_t in[MOST], a[MOST], b[MOST];
            fill(colour, in);
            fill(colour, a);
            fill(colour, b);
            make(&only[i], colour, item, a);
            make(&also, colour, item, b);
            assert_memory_equal(a, b, MOST);
            changed += memcmp(a, in, MOST) != 0;
        }
        if (changed < 20)
            fail_msg("augmentation %zu changed %d images of 60", i, changed);
    }
}

static void draws_are_functions_of_seed_epoch_and_item(void **state)
{
    (void)state;
    const bal_augment_settings all = all_on();
    int same_item = 0, same_epoch = 0;
    for (uint64_t item = 0; item < 50; item++) {
        uint8_t a[MOST], b[MOST], scratch[MOST];
        fill(colour, a);
        fill(colour, b);
        memset(scratch, (int)item, sizeof scratch); /* what lies there must not matter */
        bal_augment(&all, colour, &(bal_augment_draw){.seed = 3, .epoch = 1, .item = item}, a,
                    scratch);
        memset(scratch, 0, sizeof scratch);
        bal_augment(&all, colour, &(bal_augment_draw){.seed = 3, .epoch = 1, .item = item}, b,
                    scratch);
        assert_memory_equal(a, b, MOST);
        fill(colour, b);
        bal_augment(&all, colour, &(bal_augment_draw){.seed = 3, .epoch = 1, .item = item + 50}, b,
                    scratch);
        same_item += memcmp(a, b, MOST) == 0;
        fill(colour, b);
        bal_augment(&all, colour, &(bal_augment_draw){.seed = 3, .epoch = 2, .item = item}, b,
                    scratch);
        same_epoch += memcmp(a, b, MOST) == 0;
    }
    assert_int_equal(same_item, 0);
    assert_int_equal(same_epoch, 0);
}

/* The smallest images there are; the sanitizers watch. */
static void tiny_images_are_safe(void **state)
{
    (void)state;
    static const bal_image_shape shapes[] = {{3, 1, 1}, {1, 1, 1}, {1, 1, 9}, {3, 7, 1}, {3, 2, 3}};
    const char *const policies[] = {"autoaugment-cifar10", "randaugment", "trivialaugment"};
    bal_augment_settings s = all_on();
    s.vflip = s.hflip = 0.5;
    s.crop_padding = 3;
    s.gaussian_blur = 1;
    s.sigma_max = 30;
    s.by_class = "cuda";
    for (size_t k = 0; k < BAL_COUNT_OF(shapes); k++)
        for (uint64_t item = 0; item < 200; item++) {
            const size_t bytes = (size_t)(shapes[k].channels * shapes[k].height * shapes[k].width);
            uint8_t *pixels = calloc(bytes, 1), *scratch = calloc(bytes, 1);
            assert_true(pixels && scratch);
            s.auto_augment = policies[item % 3];
            s.interpolation = item % 2 ? "bilinear" : "nearest";
            bal_augment(&s, shapes[k],
                        &(bal_augment_draw){.seed = 9, .item = item, .level = (int)item % 11},
                        pixels, scratch);
            free(pixels);
            free(scratch);
        }
}

/* ---- what is drawn ---- */

static void vflip_comes_as_often_as_said(void **state)
{
    (void)state;
    const bal_augment_settings s = {.vflip = 0.25};
    int turned = 0;
    for (uint64_t item = 0; item < 4000; item++) {
        uint8_t in[MOST], out[MOST];
        fill(colour, in);
        fill(colour, out);
        make(&s, colour, item, out);
        if (memcmp(in, out, MOST) == 0)
            continue;
        turned++;
        for (int y = 0; y < HEIGHT; y++)
            assert_memory_equal(in + y * WIDTH * 3, out + (HEIGHT - 1 - y) * WIDTH * 3, WIDTH * 3);
    }
    assert_true(abs(turned - 1000) < 140); /* sd 27 */
}

/* The box of bytes that differ; false: none do. */
static bool changed_box(const uint8_t *in, const uint8_t *out, bal_augment_region *box)
{
    int top = HEIGHT, left = WIDTH, bottom = -1, right = -1, changed = 0;
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            if (memcmp(in + (y * WIDTH + x) * 3, out + (y * WIDTH + x) * 3, 3) != 0) {
                changed++;
                top = y < top ? y : top;
                left = x < left ? x : left;
                bottom = y > bottom ? y : bottom;
                right = x > right ? x : right;
            }
    *box = (bal_augment_region){top, left, bottom - top + 1, right - left + 1};
    if (changed > 0)
        assert_int_equal(changed, box->height * box->width);
    return changed > 0;
}

static void cutout_is_a_clipped_square_anywhere(void **state)
{
    (void)state;
    enum { SIDE = 6 };
    const bal_augment_settings s = {.cutout = SIDE, .mean = {9, 8, 7}};
    int rows[HEIGHT] = {0}, columns[WIDTH] = {0};
    for (uint64_t item = 0; item < 4000; item++) {
        uint8_t in[MOST], out[MOST];
        bal_augment_region box;
        memset(in, 200, sizeof in);
        memset(out, 200, sizeof out);
        make(&s, colour, item, out);
        assert_true(changed_box(in, out, &box));
        assert_memory_equal(out + (box.top * WIDTH + box.left) * 3, s.mean, 3);
        /* the middle, where the box was not cut off at the near side */
        const int y = box.top > 0 ? box.top + SIDE / 2 : box.height - SIDE / 2;
        const int x = box.left > 0 ? box.left + SIDE / 2 : box.width - SIDE / 2;
        const int below = y + SIDE / 2 < HEIGHT ? y + SIDE / 2 : HEIGHT;
        const int beside = x + SIDE / 2 < WIDTH ? x + SIDE / 2 : WIDTH;
        assert_int_equal(box.top + box.height, below);
        assert_int_equal(box.left + box.width, beside);
        rows[y]++;
        columns[x]++;
    }
    for (int y = 0; y < HEIGHT; y++) /* 222 each, sd 15 */
        assert_true(abs(rows[y] - 4000 / HEIGHT) < 75);
    for (int x = 0; x < WIDTH; x++) /* 174 each, sd 13 */
        assert_true(abs(columns[x] - 4000 / WIDTH) < 66);
}

static void erased_boxes_have_the_sizes_asked_for(void **state)
{
    (void)state;
    bal_augment_settings s = bal_augment_defaults();
    s.random_erasing = 0.7;
    s.erasing_scale_min = 0.1;
    s.erasing_scale_max = 0.3;
    s.erasing_ratio_min = 0.5;
    s.erasing_ratio_max = 2.0;
    int erased = 0, high = 0;
    for (uint64_t item = 0; item < 3000; item++) {
        uint8_t in[MOST], out[MOST];
        bal_augment_region box;
        memset(in, 200, sizeof in);
        memset(out, 200, sizeof out);
        make(&s, colour, item, out);
        if (!changed_box(in, out, &box))
            continue;
        const double area = (double)box.height * box.width / (HEIGHT * WIDTH);
        const double slack = 0.5 * (box.height + box.width + 1) / (HEIGHT * WIDTH);
        erased++;
        high += box.height > box.width;
        assert_true(area > 0.1 - slack && area < 0.3 + slack);
        assert_true((box.height + 0.5) / (box.width - 0.5) > 0.5);
        assert_true((box.height - 0.5) / (box.width + 0.5) < 2.0);
    }
    assert_true(abs(erased - 2100) < 130); /* sd 25 */
    assert_true(abs(2 * high - erased) < erased / 4);
}

static void erasing_fills_as_asked(void **state)
{
    (void)state;
    bal_augment_settings s = bal_augment_defaults();
    uint8_t out[MOST], before[MOST];
    int64_t seen[256] = {0}, all = 0;
    s.random_erasing = 1;
    s.erasing_value = "black";
    memset(before, 77, sizeof before);
    memset(out, 77, sizeof out);
    make(&s, colour, 1, out);
    for (int i = 0; i < MOST; i++)
        assert_true(out[i] == 77 || out[i] == 0);
    assert_memory_not_equal(out, before, MOST);
    s.erasing_value = "random";
    for (uint64_t item = 0; item < 300; item++) {
        memset(out, 77, sizeof out);
        make(&s, colour, item, out);
        for (int i = 0; i < MOST; i++)
            if (out[i] != 77) {
                seen[out[i]]++;
                all++;
            }
    }
    assert_true(all > 20000);
    for (int v = 0; v < 256; v++)
        if (v != 77)
            assert_true(fabs((double)seen[v] - (double)all / 255.0) <
                        6.0 * sqrt((double)all / 255.0));
}

static void noise_has_its_deviation(void **state)
{
    (void)state;
    const bal_augment_settings s = {.gaussian_noise = 0.08};
    double sum = 0, square = 0, fourth = 0, beside = 0, n = 0;
    for (uint64_t item = 0; item < 200; item++) {
        uint8_t out[MOST];
        memset(out, 128, sizeof out);
        make(&s, colour, item, out);
        for (int i = 0; i < MOST; i++) {
            const double v = out[i] - 128.0;
            sum += v;
            square += v * v;
            fourth += v * v * v * v;
            beside += i ? v * (out[i - 1] - 128.0) : 0.0;
            n++;
        }
    }
    const double sd = 0.08 * 255, variance = sd * sd + 1.0 / 12.0; /* rounded to whole numbers */
    assert_true(fabs(sum / n) < 5 * sd / sqrt(n));
    assert_true(fabs(square / n - variance) < 5 * variance * sqrt(2 / n));
    assert_true(fabs(fourth / n / (variance * variance) - 3.0) < 5 * sqrt(96 / n));
    assert_true(fabs(beside / n) < 5 * variance / sqrt(n));
}

/* Each side by itself: a tail that is cut off, or one-sided, hardly shows in the moments. */
static void noise_has_its_tails(void **state)
{
    (void)state;
    enum { ITEMS = 2000 };
    const bal_augment_settings s = {.gaussian_noise = 0.08};
    static const double limits[] = {2.5, 3.0, 3.5, 4.0};
    double beyond[2][4] = {{0}};
    for (uint64_t item = 0; item < ITEMS; item++) {
        uint8_t out[MOST];
        memset(out, 128, sizeof out);
        make(&s, colour, item, out);
        for (int i = 0; i < MOST; i++)
            for (int k = 0; k < 4; k++) {
                const double far = ceil(limits[k] * 0.08 * 255) - 0.5; /* values are rounded */
                beyond[0][k] += out[i] - 128.0 > far;
                beyond[1][k] += 128.0 - out[i] > far;
            }
    }
    for (int k = 0; k < 4; k++) {
        const double far = ceil(limits[k] * 0.08 * 255) - 0.5;
        const double want = (double)ITEMS * MOST * 0.5 * erfc(far / (0.08 * 255) / sqrt(2.0));
        for (int side = 0; side < 2; side++)
            assert_true(fabs(beyond[side][k] - want) < 5.0 * sqrt(want));
    }
}

/* On a uniform image brightness shows its factor. */
static void jitter_is_uniform_within_its_range(void **state)
{
    (void)state;
    enum { DRAWS = 4000 };
    const bal_augment_settings s = {.brightness = 0.4, .color_jitter_prob = 0.8};
    int unchanged = 0, low = 0, changed = 0;
    for (uint64_t item = 0; item < DRAWS; item++) {
        uint8_t out[MOST];
        memset(out, 100, sizeof out);
        make(&s, colour, item, out);
        assert_true(out[0] >= 60 && out[0] <= 140);
        unchanged += out[0] == 100;
        changed += out[0] != 100;
        low += out[0] < 100;
    }
    /* 20 % stay, and 1 in 80 of the others falls on 100 */
    assert_true(fabs(unchanged - DRAWS * (0.2 + 0.8 / 80)) < 5 * sqrt(DRAWS * 0.17));
    assert_true(abs(2 * low - changed) < 6 * 60);
    const bal_augment_settings timm = {.color_jitter = 0.3};
    const bal_augment_settings three = {.brightness = 0.3, .contrast = 0.3, .saturation = 0.3};
    for (uint64_t item = 0; item < 50; item++) {
        uint8_t a[MOST], b[MOST];
        fill(colour, a);
        fill(colour, b);
        make(&timm, colour, item, a);
        make(&three, colour, item, b);
        assert_memory_equal(a, b, MOST);
    }
}

/* One bright pixel in the middle tells how far the image was moved. */
static void translation_reaches_its_range(void **state)
{
    (void)state;
    const bal_augment_settings s = {.translate = 0.2};
    int dx_seen[2 * WIDTH] = {0}, dy_seen[2 * HEIGHT] = {0};
    for (uint64_t item = 0; item < 3000; item++) {
        uint8_t out[MOST] = {0};
        out[(9 * WIDTH + 11)] = 255;
        make(&s, grey, item, out);
        const uint8_t *at = memchr(out, 255, HEIGHT * WIDTH);
        assert_non_null(at);
        dy_seen[HEIGHT + (int)(at - out) / WIDTH - 9]++;
        dx_seen[WIDTH + (int)(at - out) % WIDTH - 11]++;
    }
    /* U(-4.6, 4.6) and U(-3.6, 3.6), rounded: the outermost come a tenth or a fifth as often */
    for (int d = -4; d <= 4; d++)
        assert_true(dx_seen[WIDTH + d] > 230);
    assert_true(dx_seen[WIDTH - 5] > 5 && dx_seen[WIDTH + 5] > 5 && dx_seen[WIDTH + 6] == 0);
    for (int d = -3; d <= 3; d++)
        assert_true(dy_seen[HEIGHT + d] > 310);
    assert_true(dy_seen[HEIGHT - 4] > 10 && dy_seen[HEIGHT + 4] > 10 && dy_seen[HEIGHT + 5] == 0);
}

/* ---- settings ---- */

static void wrong_settings_are_refused(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    static const struct {
        bal_augment_settings s;
        const char *word;
    } rows[] = {
        {{.hflip = 1.5}, "hflip is 1.5, must be from 0 to 1"},
        {{.vflip = -0.1}, "vflip"},
        {{.degrees = 181}, "degrees"},
        {{.degrees = NAN}, "degrees"},
        {{.translate = 1.1}, "translate"},
        {{.affine_scale_min = 1.2}, "affine_scale_min 1.2 is above affine_scale_max 1"},
        {{.shear = 90}, "shear"},
        {{.interpolation = "cubic"}, "nearest|bilinear"},
        {{.fill = 256}, "fill"},
        {{.auto_augment = "imagenet"}, "autoaugment-cifar10"},
        {{.auto_augment = "rand"}, "auto_augment"},
        {{.num_ops = 17}, "num_ops"},
        {{.magnitude = 31}, "magnitude"},
        {{.hue = 0.6}, "hue"},
        {{.color_jitter = 0.4, .contrast = 0.2}, "say either"},
        {{.gaussian_blur = 0.5, .sigma_min = 3}, "sigma_min 3 is above sigma_max 2"},
        {{.gaussian_noise = -1}, "gaussian_noise"},
        {{.cutout = -1}, "cutout"},
        {{.random_erasing = 2}, "random_erasing"},
        {{.erasing_scale_min = 0.5, .erasing_scale_max = 0.4}, "erasing_scale_min"},
        {{.erasing_ratio_max = 0.2}, "erasing_ratio_min 0.3 is above erasing_ratio_max 0.2"},
        {{.by_class = "rare"}, "none|frequency|cuda"},
        {{.by_class = "frequency", .vflip = 0.5}, "no augmentation is switched on"},
        {{.by_class = "cuda", .accept_rate = 1.5}, "accept_rate"},
        {{.by_class = "cuda", .aug_prob = -0.5}, "aug_prob"},
        {{.strength_head = 2}, "strength_head"},
        {{.erasing_value = "white"}, "mean|black|random"},
        {{.scale_min = 0.5, .scale_max = 0.25}, "scale_min 0.5 is above scale_max 0.25"},
    };
    for (size_t i = 0; i < BAL_COUNT_OF(rows); i++)
        test_fails(ctx, bal_augment_check(ctx, &rows[i].s), BAL_BAD_ARG, rows[i].word, NULL);
    const bal_augment_settings all = all_on(), usual = bal_augment_defaults();
    test_ok(ctx, bal_augment_check(ctx, &all));
    test_ok(ctx, bal_augment_check(ctx, &usual));
    test_ok(ctx, bal_augment_check(ctx, &(bal_augment_settings){0}));
    assert_false(bal_augment_any(&usual));
    assert_true(bal_augment_any(&all));
    assert_true(bal_augment_any(&(bal_augment_settings){.cutout = 1}));
    bal_ctx_close(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strength_0_leaves_crop_and_flips),
        cmocka_unit_test(none_disturbs_another),
        cmocka_unit_test(draws_are_functions_of_seed_epoch_and_item),
        cmocka_unit_test(tiny_images_are_safe),
        cmocka_unit_test(vflip_comes_as_often_as_said),
        cmocka_unit_test(cutout_is_a_clipped_square_anywhere),
        cmocka_unit_test(erased_boxes_have_the_sizes_asked_for),
        cmocka_unit_test(erasing_fills_as_asked),
        cmocka_unit_test(noise_has_its_deviation),
        cmocka_unit_test(noise_has_its_tails),
        cmocka_unit_test(jitter_is_uniform_within_its_range),
        cmocka_unit_test(translation_reaches_its_range),
        cmocka_unit_test(wrong_settings_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
