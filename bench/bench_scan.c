/* Speed of the audit's scan (every image decoded, counted and hashed) beside bare libjpeg-turbo
 * decoding the same files with the same threads: bench_scan FOLDER [THREADS [ROUNDS]]. The two
 * alternate; the best round of each counts, by the clock on the wall and in processor time, which a
 * busy machine disturbs less. Prints one line of JSON. */
#include "audit/scan/scan_parts.h"

#include "base/clock.h"
#include "data/readers/source.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jpeglib.h>

typedef struct bare {
    const bal_dataset *data;
    const char *folder;
    unsigned char **file, **pixels; /* one a thread */
    size_t *file_room, *pixel_room;
    atomic_int_fast64_t pixels_decoded, failed;
} bare;

typedef struct trap {
    struct jpeg_error_mgr errors;
    jmp_buf escape;
} trap;

static void on_error(j_common_ptr info)
{
    longjmp(((trap *)info->err)->escape, 1);
}

static void be_silent(j_common_ptr info)
{
    (void)info;
}

static unsigned char *room_for(unsigned char **memory, size_t *room, size_t wanted)
{
    if (*room < wanted) {
        free(*memory);
        *memory = malloc(wanted);
        *room = *memory ? wanted : 0;
    }
    return *memory;
}

static size_t read_file(bare *b, int64_t item, int worker)
{
    char name[BAL_PATH_LENGTH], path[2 * BAL_PATH_LENGTH];
    bal_dataset_item_name(b->data, item, name, sizeof name);
    snprintf(path, sizeof path, "%s/%s", b->folder, name);
    FILE *f = fopen(path, "rb");
    if (!f)
        return 0;
    fseek(f, 0, SEEK_END);
    const long size = ftell(f);
    rewind(f);
    size_t got = 0;
    if (size > 0 && room_for(&b->file[worker], &b->file_room[worker], (size_t)size))
        got = fread(b->file[worker], 1, (size_t)size, f);
    fclose(f);
    return got;
}

/* All of the picture, as RGB or grey, the way the documentation of libjpeg has it. */
static void decode(void *user, int64_t item, int worker)
{
    bare *b = user;
    struct jpeg_decompress_struct jpeg;
    trap t;
    const size_t bytes = read_file(b, item, worker);
    jpeg.err = jpeg_std_error(&t.errors);
    t.errors.error_exit = on_error;
    t.errors.output_message = be_silent;
    if (bytes == 0 || setjmp(t.escape)) {
        atomic_fetch_add(&b->failed, 1);
        if (bytes > 0)
            jpeg_destroy_decompress(&jpeg);
        return;
    }
    jpeg_create_decompress(&jpeg);
    jpeg_mem_src(&jpeg, b->file[worker], (unsigned long)bytes);
    jpeg_read_header(&jpeg, TRUE);
    if (jpeg.jpeg_color_space != JCS_GRAYSCALE)
        jpeg.out_color_space = JCS_RGB;
    jpeg_start_decompress(&jpeg);
    const size_t stride = (size_t)jpeg.output_width * (size_t)jpeg.output_components;
    unsigned char *out =
        room_for(&b->pixels[worker], &b->pixel_room[worker], stride * (size_t)jpeg.output_height);
    while (out && jpeg.output_scanline < jpeg.output_height) {
        JSAMPROW row = out + (size_t)jpeg.output_scanline * stride;
        jpeg_read_scanlines(&jpeg, &row, 1);
    }
    atomic_fetch_add(&b->pixels_decoded, (int64_t)jpeg.output_width * jpeg.output_height);
    jpeg_finish_decompress(&jpeg);
    jpeg_destroy_decompress(&jpeg);
}

typedef struct took {
    double seconds, processor;
} took;

static double processor_time(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static took now(void)
{
    return (took){bal_clock(), processor_time()};
}

static void keep_best(took *best, took start, bool counts)
{
    const took end = now(), t = {end.seconds - start.seconds, end.processor - start.processor};
    if (counts && t.seconds < best->seconds)
        best->seconds = t.seconds;
    if (counts && t.processor < best->processor)
        best->processor = t.processor;
}

static bal_status measure_bare(bal_ctx *ctx, bare *b, int64_t items)
{
    bal_pool *pool;
    atomic_store(&b->pixels_decoded, 0);
    atomic_store(&b->failed, 0);
    BAL_TRY(bal_pool_open(&pool, ctx, bal_ctx_threads(ctx)));
    bal_pool_run(pool, items, decode, b);
    bal_pool_close(&pool);
    return BAL_OK;
}

static bal_status measure_scan(bal_ctx *ctx, const bal_scan_ask *ask)
{
    bal_scan scan;
    BAL_TRY(bal_audit_scan(ctx, ask, &scan));
    bal_scan_free(ctx, &scan);
    return BAL_OK;
}

static bal_status run(bal_ctx *ctx, const bal_dataset *data, bare *b, int rounds)
{
    const bal_dataset_info info = bal_dataset_describe(data);
    bal_scan_ask ask = {.data = data, .classes = info.classes, .near_distance = -1, .clean = true};
    took libjpeg = {1e300, 1e300}, scan = libjpeg, near = libjpeg, start;
    for (int split = 0; split < BAL_SPLIT_COUNT; split++)
        ask.items += info.items[split];
    for (int round = 0; round <= rounds; round++) { /* the first fills the page cache */
        start = now();
        BAL_TRY(measure_bare(ctx, b, ask.items));
        keep_best(&libjpeg, start, round > 0);
        start = now();
        BAL_TRY(measure_scan(ctx, &ask));
        keep_best(&scan, start, round > 0);
    }
    ask.near_distance = BAL_SCAN_DISTANCE;
    start = now();
    BAL_TRY(measure_scan(ctx, &ask));
    keep_best(&near, start, true);
    printf("{\"images\": %lld, \"megapixels\": %.1f, \"failed\": %lld, \"threads\": %d, "
           "\"libjpeg_seconds\": %.3f, \"scan_seconds\": %.3f, \"libjpeg_processor\": %.3f, "
           "\"scan_processor\": %.3f, \"speed_of_libjpeg\": %.3f, "
           "\"processor_of_libjpeg\": %.3f, \"with_near_seconds\": %.3f}\n",
           (long long)ask.items, (double)atomic_load(&b->pixels_decoded) * 1e-6,
           (long long)atomic_load(&b->failed), bal_ctx_threads(ctx), libjpeg.seconds, scan.seconds,
           libjpeg.processor, scan.processor, libjpeg.seconds / scan.seconds,
           libjpeg.processor / scan.processor, near.seconds);
    return BAL_OK;
}

int main(int argc, char **argv)
{
    const bal_ctx_settings settings = {.threads = argc > 2 ? atoi(argv[2]) : 0};
    bal_dataset_settings how = bal_dataset_defaults();
    bal_dataset *data = NULL;
    bal_ctx *ctx;
    how.mixed_sizes = true;
    if (argc < 2 || bal_ctx_open(&ctx, &settings) != BAL_OK) {
        fprintf(stderr, "bench_scan FOLDER [THREADS [ROUNDS]]\n");
        return 2;
    }
    const size_t threads = (size_t)bal_ctx_threads(ctx);
    bare b = {.folder = argv[1],
              .file = calloc(threads, sizeof *b.file),
              .pixels = calloc(threads, sizeof *b.pixels),
              .file_room = calloc(threads, sizeof *b.file_room),
              .pixel_room = calloc(threads, sizeof *b.pixel_room)};
    bal_status status = bal_dataset_open(&data, ctx, argv[1], &how);
    b.data = data;
    if (status == BAL_OK)
        status = run(ctx, data, &b, argc > 3 ? atoi(argv[3]) : 3);
    if (status != BAL_OK)
        fprintf(stderr, "bench_scan: %s\n", bal_error(ctx));
    for (size_t i = 0; i < threads; i++) {
        free(b.file[i]);
        free(b.pixels[i]);
    }
    free(b.file);
    free(b.pixels);
    free(b.file_room);
    free(b.pixel_room);
    bal_dataset_close(&data);
    bal_ctx_close(&ctx);
    return status == BAL_OK ? 0 : 1;
}
