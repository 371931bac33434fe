/* Thumbs in one growing array, found by a number for each item. */
#include "audit/scan/near_thumbs.h"

#include "data/image/dataset_picture.h"

#include <string.h>

#define FIRST_ROOM 256

bal_status bal_thumbs_start(bal_thumbs *t, const bal_scan_work *work)
{
    memset(t, 0, sizeof *t);
    t->work = work;
    atomic_init(&t->stop, false);
    atomic_init(&t->no_memory, false);
    t->rooms = bal_calloc(work->ctx, (size_t)bal_pool_threads(work->pool), sizeof *t->rooms);
    t->slot_of = bal_calloc(work->ctx, (size_t)work->ask->items, sizeof *t->slot_of);
    if (!t->rooms || !t->slot_of)
        return BAL_NO_MEMORY;
    for (int64_t i = 0; i < work->ask->items; i++)
        t->slot_of[i] = -1;
    return BAL_OK;
}

void bal_thumbs_free(bal_thumbs *t)
{
    bal_ctx *ctx = t->work->ctx;
    for (int i = 0; t->rooms && i < bal_pool_threads(t->work->pool); i++)
        bal_small_room_free(ctx, &t->rooms[i]);
    bal_free(ctx, t->rooms);
    bal_free(ctx, t->slot_of);
    bal_free(ctx, t->owners);
    bal_free(ctx, t->thumbs);
}

static bal_status grow(bal_thumbs *t)
{
    bal_ctx *ctx = t->work->ctx;
    const size_t old = (size_t)t->room, room = old ? 2 * old : FIRST_ROOM;
    bal_thumb *thumbs = bal_resize(ctx, t->thumbs, old, room, sizeof *thumbs);
    if (!thumbs)
        return BAL_NO_MEMORY;
    t->thumbs = thumbs;
    int64_t *owners = bal_resize(ctx, t->owners, old, room, sizeof *owners);
    if (!owners)
        return BAL_NO_MEMORY;
    t->owners = owners;
    t->room = (int64_t)room;
    return BAL_OK;
}

bal_status bal_thumbs_want(bal_thumbs *t, int64_t item)
{
    if (t->slot_of[item] >= 0)
        return BAL_OK;
    if (t->count == t->room)
        BAL_TRY(grow(t));
    t->slot_of[item] = (int32_t)t->count;
    t->owners[t->count++] = item;
    return BAL_OK;
}

static void decode(void *user, int64_t i, int worker)
{
    bal_thumbs *t = user;
    bal_thumb *thumb = &t->thumbs[t->ready + i];
    bal_ctx *ctx = t->work->workers[worker];
    bal_picture picture;
    thumb->width = 0;
    if (atomic_load_explicit(&t->stop, memory_order_relaxed) || bal_interrupted(t->work->ctx)) {
        atomic_store(&t->stop, true);
        return;
    }
    bal_status status = bal_dataset_picture(t->work->ask->data, ctx, t->owners[t->ready + i],
                                            (bal_ask){.height = 0}, &picture);
    if (status == BAL_OK) {
        status = bal_thumb_make(ctx, &t->rooms[worker], &picture, thumb);
        bal_picture_free(ctx, &picture);
    }
    if (status == BAL_NO_MEMORY) {
        atomic_store(&t->no_memory, true);
        atomic_store(&t->stop, true);
    }
}

bal_status bal_thumbs_decode(bal_thumbs *t)
{
    bal_ctx *ctx = t->work->ctx;
    bal_pool_run(t->work->pool, t->count - t->ready, decode, t);
    t->decoded += t->count - t->ready;
    t->ready = t->count;
    if (atomic_load(&t->no_memory))
        return bal_fail(ctx, BAL_NO_MEMORY, "no memory to decode images for comparison");
    if (bal_take_interrupt(ctx))
        return bal_fail(ctx, BAL_INTERRUPTED, "interrupted while near duplicates were searched");
    return BAL_OK;
}

const bal_thumb *bal_thumbs_at(const bal_thumbs *t, int64_t item)
{
    return &t->thumbs[t->slot_of[item]];
}

void bal_thumbs_clear(bal_thumbs *t)
{
    for (int64_t i = 0; i < t->count; i++)
        t->slot_of[t->owners[i]] = -1;
    t->count = t->ready = 0;
}
