/* Augmented images a second of one thread's processor time, one line of JSON each:
 *   bench_augment [SIDE [IMAGES]]
 * Each line is one augmentation on top of crop and flip, on SIDE x SIDE x 3 images (32), beside
 * crop and flip alone measured in turn with it. times is what one image costs over what crop, flip
 * and the conversion to float32 cost. */
#include "ballast/balance.h"
#include "base/compiler.h"
#include "train/images/normalise.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ROUNDS 7

typedef struct work {
    bal_image_shape shape;
    int64_t images;
    bal_pixel_table table;
    uint8_t *pictures, *pixels, *scratch; /* 64 images, one, one */
    float *planes;
} work;

/* Of this thread alone, so that a busy machine tells the same. */
static double processor_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static double seconds_of(const work *w, const bal_augment_settings *s, int level)
{
    const size_t area = (size_t)w->shape.height * (size_t)w->shape.width;
    const size_t bytes = area * (size_t)w->shape.channels;
    const double start = processor_seconds();
    for (int64_t i = 0; i < w->images; i++) {
        const uint8_t *from = w->pictures + (size_t)(i % 64) * bytes;
        for (size_t k = 0; k < bytes; k++)
            w->pixels[k] = from[k];
        bal_augment(s, w->shape,
                    &(bal_augment_draw){.seed = 1, .item = (uint64_t)i, .level = level}, w->pixels,
                    w->scratch);
        bal_pixel_planes(&w->table, area, w->pixels, w->planes);
    }
    return processor_seconds() - start;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(const work *w, const char *name, bal_augment_settings s, int level)
{
    const bal_augment_settings plain = {.crop_padding = 4, .hflip = 0.5};
    double alone[ROUNDS], with[ROUNDS], times[ROUNDS];
    s.crop_padding = 4;
    s.hflip = 0.5;
    for (int r = 0; r < ROUNDS; r++) {
        alone[r] = seconds_of(w, &plain, 0);
        with[r] = seconds_of(w, &s, level);
        times[r] = with[r] / alone[r];
    }
    qsort(with, ROUNDS, sizeof *with, by_value);
    qsort(times, ROUNDS, sizeof *times, by_value);
    printf(
        "{\"augmentation\": \"%s\", \"side\": %d, \"images_per_second\": %.0f, \"times\": %.2f}\n",
        name, w->shape.width, (double)w->images / with[ROUNDS / 2], times[ROUNDS / 2]);
}

static void measure_all(const work *w)
{
    const bal_augment_settings none = bal_augment_defaults();
    bal_augment_settings s;
#define MEASURE(name, level, ...)   \
    do {                            \
        s = none;                   \
        __VA_ARGS__;                \
        measure(w, name, s, level); \
    } while (0)
    MEASURE("crop and hflip", 0, (void)0);
    MEASURE("vflip", 0, s.vflip = 0.5);
    MEASURE("affine nearest", 0, s.degrees = 15);
    MEASURE("affine bilinear", 0, s.degrees = 15; s.interpolation = "bilinear");
    MEASURE("autoaugment-cifar10", 0, s.auto_augment = "autoaugment-cifar10");
    MEASURE("randaugment", 0, s.auto_augment = "randaugment");
    MEASURE("trivialaugment", 0, s.auto_augment = "trivialaugment");
    MEASURE("cuda level 3", 3, s.by_class = "cuda");
    MEASURE("cuda level 10", 10, s.by_class = "cuda");
    MEASURE("color-jitter without hue", 0, s.color_jitter = 0.4);
    MEASURE("color-jitter", 0, s.color_jitter = 0.4; s.hue = 0.1);
    MEASURE("grayscale", 0, s.grayscale = 0.2);
    MEASURE("gaussian-blur", 0, s.gaussian_blur = 0.5);
    MEASURE("gaussian-noise", 0, s.gaussian_noise = 0.1);
    MEASURE("cutout", 0, s.cutout = w->shape.width / 2);
    MEASURE("random-erasing", 0, s.random_erasing = 0.5);
    MEASURE("autoaugment-cifar10 and cutout", 0, s.auto_augment = "autoaugment-cifar10";
            s.cutout = w->shape.width / 2);
}

int main(int count, char **words)
{
    const int side = count > 1 ? atoi(words[1]) : 32;
    work w = {.shape = {3, side, side}, .images = count > 2 ? atoll(words[2]) : 20000};
    const bal_pixel_norm norm = {{0.5, 0.5, 0.5}, {0.25, 0.25, 0.25}};
    bal_ctx *ctx;
    if (side < 1 || side > 4096 || w.images < 1 || bal_ctx_open(&ctx, NULL) != BAL_OK) {
        fprintf(stderr, "bench_augment [SIDE [IMAGES]]\n");
        return 2;
    }
    const size_t bytes = (size_t)side * (size_t)side * 3;
    w.pictures = malloc(64 * bytes);
    w.pixels = malloc(bytes);
    w.scratch = malloc(bytes);
    w.planes = malloc(bytes * sizeof *w.planes);
    const bool ready = w.pictures && w.pixels && w.scratch && w.planes &&
                       bal_pixel_table_make(&w.table, ctx, 3, &norm) == BAL_OK;
    for (size_t i = 0; ready && i < 64 * bytes; i++)
        w.pictures[i] = (uint8_t)((i * 7 + i / 97 * 13) % 251);
    if (ready)
        measure_all(&w);
    free(w.pictures);
    free(w.pixels);
    free(w.scratch);
    free(w.planes);
    bal_ctx_close(&ctx);
    return ready ? 0 : 1;
}
