/* Decoded images in memory, and the sums over their pixels by a pool of threads. */
#include "train/images/image_store.h"

#include "base/random.h"
#include "base/threads.h"
#include "train/images/image_cache.h"

/* What a thread of the pool needs while sums are taken. */
typedef struct adder {
    bal_ctx *ctx;
    uint8_t *pixels; /* of one image */
    bal_pixel_sums sums;
    bal_status status;
    int64_t failed_at; /* number of the image in the sample */
} adder;

struct bal_image_store {
    bal_ctx *ctx;
    const bal_dataset *data;
    int channels;
    size_t area, bytes;     /* of an image */
    bal_image_cache *cache; /* NULL: nothing is kept */
    bal_pixel_sums sums;

    /* while sums are taken */
    adder *adders;
    int adder_count;
    int64_t *sample; /* items */
    atomic_bool stop;
};

static size_t image_bytes(const bal_dataset_info *info)
{
    return (size_t)info->channels * (size_t)info->height * (size_t)info->width;
}

/* Images that may be kept, and that there is room for. */
static int64_t most_kept(const bal_image_store_settings *s, const bal_dataset_info *info)
{
    const size_t bytes = image_bytes(info), room = bytes > 0 ? s->limit / bytes : 0;
    int64_t items = 0;
    for (int split = 0; split < BAL_SPLIT_COUNT; split++)
        items += s->keep[split] ? info->items[split] : 0;
    return room < (size_t)items ? (int64_t)room : items;
}

size_t bal_image_store_plan(const bal_image_store_settings *settings)
{
    const bal_dataset_info info = bal_dataset_describe(settings->data);
    return (size_t)most_kept(settings, &info) * image_bytes(&info);
}

/* ---- sums ---- */

/* So many of the training images. */
static int64_t sample_size(const bal_dataset_info *info)
{
    const int64_t all = info->items[BAL_SPLIT_TRAIN];
    const int64_t by_pixels = BAL_PIXEL_SAMPLE_PIXELS / ((int64_t)info->height * info->width);
    const int64_t most = by_pixels > BAL_PIXEL_SAMPLE_IMAGES ? by_pixels : BAL_PIXEL_SAMPLE_IMAGES;
    return all < most ? all : most;
}

/* Evenly from the training split, in its order: class after class, in most data sets. */
static bal_status take_sample(bal_image_store *store, uint64_t seed, int64_t count)
{
    const int64_t all = bal_dataset_describe(store->data).items[BAL_SPLIT_TRAIN];
    const int64_t *items = bal_dataset_items(store->data, BAL_SPLIT_TRAIN);
    bal_random random = bal_random_at(seed, BAL_STREAM_PIXEL_SAMPLE, 0, 0);
    const double begin = bal_random_unit(&random), step = (double)all / (double)count;
    store->sample = bal_calloc(store->ctx, (size_t)count, sizeof *store->sample);
    if (!store->sample)
        return BAL_NO_MEMORY;
    for (int64_t i = 0; i < count; i++) {
        const int64_t at = (int64_t)(((double)i + begin) * step);
        store->sample[i] = items[count == all ? i : at < all ? at : all - 1];
    }
    return BAL_OK;
}

static bal_status open_adders(bal_image_store *store)
{
    store->adder_count = bal_ctx_threads(store->ctx);
    store->adders = bal_calloc(store->ctx, (size_t)store->adder_count, sizeof *store->adders);
    if (!store->adders)
        return BAL_NO_MEMORY;
    for (int i = 0; i < store->adder_count; i++) {
        BAL_TRY(bal_worker_ctx_open(&store->adders[i].ctx, store->ctx));
        store->adders[i].pixels = bal_calloc(store->ctx, store->bytes, 1);
        if (!store->adders[i].pixels)
            return BAL_NO_MEMORY;
    }
    return BAL_OK;
}

static void close_adders(bal_image_store *store)
{
    for (int i = 0; store->adders && i < store->adder_count; i++) {
        bal_free(store->ctx, store->adders[i].pixels);
        bal_ctx_close(&store->adders[i].ctx);
    }
    bal_free(store->ctx, store->adders);
    bal_free(store->ctx, store->sample);
    store->adders = NULL;
    store->sample = NULL;
}

static void add_image(void *user, int64_t i, int worker)
{
    bal_image_store *store = user;
    adder *a = &store->adders[worker];
    if (atomic_load_explicit(&store->stop, memory_order_relaxed))
        return;
    if (bal_interrupted(store->ctx)) {
        atomic_store(&store->stop, true);
        return;
    }
    const bal_status status = bal_image_store_read(store, a->ctx, store->sample[i], a->pixels);
    if (status != BAL_OK) {
        a->status = status;
        a->failed_at = i;
        atomic_store(&store->stop, true);
    } else {
        bal_pixel_sums_add(&a->sums, store->channels, store->area, a->pixels);
    }
}

/* Of several failures the one that stands first in the sample. */
static bal_status gather(bal_image_store *store)
{
    const adder *failed = NULL;
    for (int i = 0; i < store->adder_count; i++) {
        const adder *a = &store->adders[i];
        bal_pixel_sums_merge(&store->sums, &a->sums);
        if (a->status != BAL_OK && (!failed || a->failed_at < failed->failed_at))
            failed = a;
    }
    if (failed)
        return bal_fail(store->ctx, failed->status, "%s", bal_error(failed->ctx));
    if (bal_take_interrupt(store->ctx))
        return bal_fail(store->ctx, BAL_INTERRUPTED, "interrupted while the images were read");
    return BAL_OK;
}

static bal_status add_up(bal_image_store *store, const bal_dataset_info *info, uint64_t seed)
{
    bal_pool *pool;
    const int64_t count = sample_size(info);
    if (count == 0)
        return BAL_OK;
    BAL_TRY(take_sample(store, seed, count));
    BAL_TRY(open_adders(store));
    BAL_TRY(bal_pool_open(&pool, store->ctx, store->adder_count));
    bal_pool_run(pool, count, add_image, store);
    bal_pool_close(&pool);
    return gather(store);
}

/* ---- the store ---- */

static bal_status open_cache(bal_image_store *store, const bal_image_store_settings *s,
                             const bal_dataset_info *info)
{
    bal_image_cache_settings cache = {.bytes = store->bytes, .images = most_kept(s, info)};
    for (int split = 0; split < BAL_SPLIT_COUNT; split++)
        cache.items += info->items[split];
    if (cache.images == 0)
        return BAL_OK;
    BAL_TRY(bal_image_cache_open(&store->cache, store->ctx, &cache));
    for (int split = 0; split < BAL_SPLIT_COUNT; split++)
        for (int64_t i = 0; s->keep[split] && i < info->items[split]; i++)
            bal_image_cache_allow(store->cache, bal_dataset_items(s->data, (bal_split)split)[i]);
    return BAL_OK;
}

bal_status bal_image_store_open(bal_image_store **out, bal_ctx *ctx,
                                const bal_image_store_settings *settings)
{
    *out = NULL;
    const bal_dataset_info info = bal_dataset_describe(settings->data);
    if (image_bytes(&info) == 0)
        return bal_fail(ctx, BAL_BAD_ARG,
                        "%s: opened with mixed sizes, images want img-size and in-chans",
                        info.path);
    bal_image_store *store = bal_calloc(ctx, 1, sizeof *store);
    if (!store)
        return BAL_NO_MEMORY;
    store->ctx = ctx;
    store->data = settings->data;
    store->channels = info.channels;
    store->bytes = image_bytes(&info);
    store->area = store->bytes / (size_t)info.channels;
    atomic_init(&store->stop, false);
    bal_status status;
    BAL_GOTO(open_cache(store, settings, &info));
    if (settings->sums)
        BAL_GOTO(add_up(store, &info, settings->seed));
    close_adders(store);
    *out = store;
    return BAL_OK;
fail:
    bal_image_store_close(&store);
    return status;
}

void bal_image_store_close(bal_image_store **store_at)
{
    if (!store_at || !*store_at)
        return;
    bal_image_store *store = *store_at;
    close_adders(store);
    bal_image_cache_close(&store->cache);
    bal_free(store->ctx, store);
    *store_at = NULL;
}

const bal_dataset *bal_image_store_data(const bal_image_store *store)
{
    return store->data;
}

const bal_pixel_sums *bal_image_store_sums(const bal_image_store *store)
{
    return &store->sums;
}

bal_status bal_image_store_read(const bal_image_store *store, bal_ctx *ctx, int64_t item,
                                uint8_t *pixels)
{
    if (store->cache && bal_image_cache_get(store->cache, item, pixels))
        return BAL_OK;
    BAL_TRY(bal_dataset_image(store->data, ctx, item, pixels));
    if (store->cache)
        bal_image_cache_offer(store->cache, ctx, item, pixels);
    return BAL_OK;
}

int64_t bal_image_store_kept(const bal_image_store *store)
{
    return store->cache ? bal_image_cache_count(store->cache) : 0;
}
