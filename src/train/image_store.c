/* Decoded images in memory, filled by a pool of threads. */
#include "train/image_store.h"

#include "base/threads.h"

#include <string.h>

/* What a thread of the pool needs while the store is filled. */
typedef struct filler {
    bal_ctx *ctx;
    uint8_t *pixels; /* of one image that is not kept */
    bal_pixel_sums sums;
    bal_status status;
    int64_t failed_at; /* number of the item in the work list */
} filler;

struct bal_image_store {
    bal_ctx *ctx;
    const bal_dataset *data;
    int channels;
    size_t area, bytes; /* of an image */
    uint8_t *kept;
    int64_t *row; /* item -> image in kept, -1: not kept; NULL: nothing is kept */
    bal_pixel_sums sums;

    /* while it is filled */
    filler *fillers;
    int filler_count;
    int64_t *work;       /* items to decode; the training split's come first */
    int64_t train_items; /* of them, for the sums */
    atomic_bool stop;
};

static size_t image_bytes(const bal_dataset_info *info)
{
    return (size_t)info->channels * (size_t)info->height * (size_t)info->width;
}

static int64_t kept_items(const bal_image_store_settings *s, const bal_dataset_info *info)
{
    int64_t items = 0;
    for (int split = 0; split < BAL_SPLIT_COUNT; split++)
        items += s->keep[split] ? info->items[split] : 0;
    return items;
}

size_t bal_image_store_plan(const bal_image_store_settings *settings)
{
    const bal_dataset_info info = bal_dataset_describe(settings->data);
    const size_t bytes = image_bytes(&info), items = (size_t)kept_items(settings, &info);
    return bytes == 0 || items > settings->limit / bytes ? 0 : items * bytes;
}

static bal_status open_fillers(bal_image_store *store)
{
    store->filler_count = bal_ctx_threads(store->ctx);
    store->fillers = bal_calloc(store->ctx, (size_t)store->filler_count, sizeof *store->fillers);
    if (!store->fillers)
        return BAL_NO_MEMORY;
    for (int i = 0; i < store->filler_count; i++) {
        BAL_TRY(bal_worker_ctx_open(&store->fillers[i].ctx, store->ctx));
        store->fillers[i].pixels = bal_calloc(store->ctx, store->bytes, 1);
        if (!store->fillers[i].pixels)
            return BAL_NO_MEMORY;
    }
    return BAL_OK;
}

static void close_fillers(bal_image_store *store)
{
    for (int i = 0; store->fillers && i < store->filler_count; i++) {
        bal_free(store->ctx, store->fillers[i].pixels);
        bal_ctx_close(&store->fillers[i].ctx);
    }
    bal_free(store->ctx, store->fillers);
    bal_free(store->ctx, store->work);
    store->fillers = NULL;
    store->work = NULL;
}

static void decode(void *user, int64_t i, int worker)
{
    bal_image_store *store = user;
    filler *f = &store->fillers[worker];
    if (atomic_load_explicit(&store->stop, memory_order_relaxed))
        return;
    if (bal_interrupted(store->ctx)) {
        atomic_store(&store->stop, true);
        return;
    }
    const int64_t item = store->work[i], row = store->row ? store->row[item] : -1;
    uint8_t *pixels = row >= 0 ? store->kept + (size_t)row * store->bytes : f->pixels;
    const bal_status status = bal_dataset_image(store->data, f->ctx, item, pixels);
    if (status != BAL_OK) {
        f->status = status;
        f->failed_at = i;
        atomic_store(&store->stop, true);
    } else if (i < store->train_items) {
        bal_pixel_sums_add(&f->sums, store->channels, store->area, pixels);
    }
}

/* Of several failures the one that stands first in the list. */
static bal_status gather(bal_image_store *store)
{
    const filler *failed = NULL;
    for (int i = 0; i < store->filler_count; i++) {
        const filler *f = &store->fillers[i];
        bal_pixel_sums_merge(&store->sums, &f->sums);
        if (f->status != BAL_OK && (!failed || f->failed_at < failed->failed_at))
            failed = f;
    }
    if (failed)
        return bal_fail(store->ctx, failed->status, "%s", bal_error(failed->ctx));
    if (bal_take_interrupt(store->ctx))
        return bal_fail(store->ctx, BAL_INTERRUPTED, "interrupted while the images were read");
    return BAL_OK;
}

static bal_status fill(bal_image_store *store, int64_t count)
{
    bal_pool *pool;
    BAL_TRY(open_fillers(store));
    BAL_TRY(bal_pool_open(&pool, store->ctx, store->filler_count));
    bal_pool_run(pool, count, decode, store);
    bal_pool_close(&pool);
    return gather(store);
}

/* Lists what must be decoded now, and numbers what is kept. */
static bal_status list_work(bal_image_store *store, const bal_image_store_settings *s, bool keeps,
                            int64_t *count)
{
    const bal_dataset_info info = bal_dataset_describe(s->data);
    int64_t all = 0, rows = 0;
    for (int split = 0; split < BAL_SPLIT_COUNT; split++)
        all += info.items[split];
    store->work = bal_calloc(store->ctx, (size_t)all, sizeof *store->work);
    store->row = keeps ? bal_calloc(store->ctx, (size_t)all, sizeof *store->row) : NULL;
    store->kept = keeps ? bal_calloc(store->ctx, bal_image_store_plan(s), 1) : NULL;
    if (!store->work || (keeps && (!store->row || !store->kept)))
        return BAL_NO_MEMORY;
    for (int64_t i = 0; keeps && i < all; i++)
        store->row[i] = -1;
    *count = 0;
    for (int split = 0; split < BAL_SPLIT_COUNT; split++) {
        const bool kept = keeps && s->keep[split];
        if (!kept && !(s->sums && split == BAL_SPLIT_TRAIN))
            continue;
        const int64_t *items = bal_dataset_items(s->data, (bal_split)split);
        for (int64_t i = 0; i < info.items[split]; i++) {
            store->work[(*count)++] = items[i];
            if (kept)
                store->row[items[i]] = rows++;
        }
    }
    store->train_items = s->sums ? info.items[BAL_SPLIT_TRAIN] : 0;
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
    int64_t count;
    BAL_GOTO(list_work(store, settings, bal_image_store_plan(settings) > 0, &count));
    if (count > 0)
        BAL_GOTO(fill(store, count));
    close_fillers(store);
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
    close_fillers(store);
    bal_free(store->ctx, store->row);
    bal_free(store->ctx, store->kept);
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
    if (!store->row || store->row[item] < 0)
        return bal_dataset_image(store->data, ctx, item, pixels);
    memcpy(pixels, store->kept + (size_t)store->row[item] * store->bytes, store->bytes);
    return BAL_OK;
}
