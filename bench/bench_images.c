/* Folders of image files, one line of JSON each:
 *   bench_images first FOLDER SIDE [CACHE_MIB]  time and peak memory until the first training
 * batch, and after a whole pass bench_images decode FOLDER [ROUNDS]         reading and decoding
 * every JPEG by all threads, beside bare libjpeg-turbo on the same files */
#include "base/clock.h"
#include "base/threads.h"
#include "data/image/dataset_picture.h"
#include "train/images/loader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <jpeglib.h>

#define BATCH 128
#define MOST_THREADS 256

static double peak_mib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024.0;
}

/* ---- the first batch ---- */

static bal_status pass_over(bal_loader *loader, const bal_dataset *data, int64_t items,
                            double *first, double *first_mib)
{
    const bal_augment_settings augment = {.crop_padding = 4, .hflip = 0.5};
    bal_loader_batch batch;
    const double start = bal_clock();
    bal_loader_begin(loader, &(bal_loader_pass){.items = bal_dataset_items(data, BAL_SPLIT_TRAIN),
                                                .count = items,
                                                .augment = &augment,
                                                .seed = 1});
    *first = 0.0;
    do {
        BAL_TRY(bal_loader_next(loader, &batch));
        if (*first == 0.0) {
            *first = bal_clock() - start;
            *first_mib = peak_mib();
        }
    } while (batch.count > 0);
    return BAL_OK;
}

static bal_status first_batch(bal_ctx *ctx, const char *folder, int side, int cache)
{
    bal_dataset *data = NULL;
    bal_image_store *store = NULL;
    bal_loader *loader = NULL;
    double first = 0.0, first_mib = 0.0;
    const bal_dataset_settings as = {.img_size = side, .val_fraction = 0.1, .seed = 1};
    const double start = bal_clock();
    bal_status status;
    BAL_GOTO(bal_dataset_open(&data, ctx, folder, &as));
    const double opened = bal_clock();
    const bal_dataset_info info = bal_dataset_describe(data);
    const bal_image_store_settings kept = {.data = data,
                                           .keep = {[BAL_SPLIT_TRAIN] = true},
                                           .limit = (size_t)cache << 20,
                                           .sums = true,
                                           .seed = 1};
    BAL_GOTO(bal_image_store_open(&store, ctx, &kept));
    const double summed = bal_clock();
    const bal_loader_settings loading = {
        .store = store,
        .batch = BATCH,
        .workers = 1,
        .norm = bal_pixel_sums_norm(bal_image_store_sums(store), info.channels)};
    BAL_GOTO(bal_loader_open(&loader, ctx, &loading));
    BAL_GOTO(pass_over(loader, data, info.items[BAL_SPLIT_TRAIN], &first, &first_mib));
    printf("{\"train_items\": %lld, \"open_seconds\": %.2f, \"means_seconds\": %.2f, "
           "\"first_batch_seconds\": %.3f, \"first_batch_mib\": %.1f, \"pass_seconds\": %.2f, "
           "\"pass_mib\": %.1f}\n",
           (long long)info.items[BAL_SPLIT_TRAIN], opened - start, summed - opened, first,
           first_mib, bal_clock() - summed, peak_mib());
fail:
    bal_loader_close(&loader);
    bal_image_store_close(&store);
    bal_dataset_close(&data);
    return status;
}

/* ---- decoding ---- */

typedef struct decoding {
    const bal_dataset *data;
    const char *folder;
    bal_ctx *ctx[MOST_THREADS];
    bool failed[MOST_THREADS];
} decoding;

static void decode_ours(void *user, int64_t i, int worker)
{
    decoding *d = user;
    bal_picture picture;
    if (bal_dataset_picture(d->data, d->ctx[worker], i, (bal_ask){0}, &picture) != BAL_OK)
        d->failed[worker] = true;
    bal_picture_free(d->ctx[worker], &picture);
}

/* As a program of a few lines does it: the file in one read, the pixels in one block. */
static void decode_bare(void *user, int64_t i, int worker)
{
    decoding *d = user;
    char name[2048], path[4200];
    snprintf(path, sizeof path, "%s/%s", d->folder,
             bal_dataset_item_name(d->data, i, name, sizeof name));
    FILE *f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END) != 0) {
        d->failed[worker] = true;
        if (f)
            fclose(f);
        return;
    }
    const size_t count = (size_t)ftell(f);
    unsigned char *bytes = malloc(count);
    rewind(f);
    const bool whole = bytes && fread(bytes, 1, count, f) == count;
    fclose(f);
    if (whole) {
        struct jpeg_decompress_struct jpeg;
        struct jpeg_error_mgr errors;
        jpeg.err = jpeg_std_error(&errors); /* of a folder that was made for this */
        jpeg_create_decompress(&jpeg);
        jpeg_mem_src(&jpeg, bytes, count);
        jpeg_read_header(&jpeg, TRUE);
        jpeg_start_decompress(&jpeg);
        const size_t row = (size_t)jpeg.output_width * (size_t)jpeg.output_components;
        unsigned char *pixels = malloc(row * jpeg.output_height);
        while (pixels && jpeg.output_scanline < jpeg.output_height) {
            JSAMPROW at = pixels + row * jpeg.output_scanline;
            jpeg_read_scanlines(&jpeg, &at, 1);
        }
        if (pixels)
            jpeg_finish_decompress(&jpeg);
        jpeg_destroy_decompress(&jpeg);
        free(pixels);
    }
    d->failed[worker] |= !whole;
    free(bytes);
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bal_status compare(bal_ctx *ctx, decoding *d, bal_pool *pool, int rounds)
{
    const int64_t items = bal_dataset_describe(d->data).items[BAL_SPLIT_TRAIN];
    double ours[64], bare[64], shares[64];
    bal_pool_run(pool, items, decode_bare, d); /* the files come into the cache of the system */
    for (int r = 0; r < rounds; r++) {
        double start = bal_clock();
        bal_pool_run(pool, items, decode_ours, d);
        ours[r] = (double)items / (bal_clock() - start);
        start = bal_clock();
        bal_pool_run(pool, items, decode_bare, d);
        bare[r] = (double)items / (bal_clock() - start);
        shares[r] = ours[r] / bare[r];
    }
    for (int i = 0; i < bal_pool_threads(pool); i++)
        if (d->failed[i])
            return bal_fail(ctx, BAL_BAD_DATA, "%s: an image cannot be read", d->folder);
    qsort(ours, (size_t)rounds, sizeof *ours, by_value);
    qsort(bare, (size_t)rounds, sizeof *bare, by_value);
    qsort(shares, (size_t)rounds, sizeof *shares, by_value);
    printf("{\"images\": %lld, \"threads\": %d, \"rounds\": %d, \"images_per_second\": %.0f, "
           "\"bare_libjpeg\": %.0f, \"share\": %.3f, \"share_min\": %.3f, \"share_max\": %.3f}\n",
           (long long)items, bal_pool_threads(pool), rounds, ours[rounds / 2], bare[rounds / 2],
           shares[rounds / 2], shares[0], shares[rounds - 1]);
    return BAL_OK;
}

static bal_status decode(bal_ctx *ctx, const char *folder, int rounds)
{
    decoding d = {.folder = folder};
    bal_dataset *data = NULL;
    bal_pool *pool = NULL;
    const int threads = bal_ctx_threads(ctx) < MOST_THREADS ? bal_ctx_threads(ctx) : MOST_THREADS;
    const bal_dataset_settings as = {.mixed_sizes = true, .seed = 1};
    bal_status status;
    BAL_GOTO(bal_dataset_open(&data, ctx, folder, &as));
    d.data = data;
    for (int i = 0; i < threads; i++)
        BAL_GOTO(bal_worker_ctx_open(&d.ctx[i], ctx));
    BAL_GOTO(bal_pool_open(&pool, ctx, threads));
    status = compare(ctx, &d, pool, rounds < 1 ? 1 : rounds > 64 ? 64 : rounds);
fail:
    bal_pool_close(&pool);
    for (int i = 0; i < threads; i++)
        bal_ctx_close(&d.ctx[i]);
    bal_dataset_close(&data);
    return status;
}

int main(int count, char **words)
{
    bal_ctx *ctx;
    const bool first = count > 3 && strcmp(words[1], "first") == 0;
    if (!first && !(count > 2 && strcmp(words[1], "decode") == 0)) {
        fprintf(stderr, "bench_images first FOLDER SIDE [CACHE_MIB] | decode FOLDER [ROUNDS]\n");
        return 2;
    }
    if (bal_ctx_open(&ctx, NULL) != BAL_OK)
        return 1;
    const int last = count > (first ? 4 : 3) ? atoi(words[first ? 4 : 3]) : first ? 1024 : 5;
    const bal_status status =
        first ? first_batch(ctx, words[2], atoi(words[3]), last) : decode(ctx, words[2], last);
    if (status != BAL_OK)
        fprintf(stderr, "%s\n", bal_error(ctx));
    bal_ctx_close(&ctx);
    return status == BAL_OK ? 0 : 1;
}
