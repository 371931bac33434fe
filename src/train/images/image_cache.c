/* Images in blocks; an atomic number for each item says where it lies. */
#include "train/images/image_cache.h"

#include <string.h>

#define BLOCK_BYTES ((size_t)4 << 20)

/* Of an item that lies nowhere. */
enum { NOT_ALLOWED = -1, ALLOWED = -2, ON_ITS_WAY = -3 };

typedef _Atomic(uint8_t *) block_pointer;

struct bal_image_cache {
    bal_ctx *ctx;
    bal_image_cache_settings settings;
    int64_t per_block;
    size_t block_count;
    block_pointer *blocks;
    atomic_int_least32_t *places; /* of each item: NOT_ALLOWED and so on, or the image's number */
    atomic_int_least64_t taken;   /* places given away; may pass settings.images */
    atomic_int_least64_t kept;
};

static bal_status open_places(bal_image_cache *c)
{
    const size_t items = (size_t)c->settings.items;
    c->places = bal_calloc(c->ctx, items, sizeof *c->places);
    c->blocks = bal_calloc(c->ctx, c->block_count, sizeof *c->blocks);
    if (!c->places || !c->blocks)
        return BAL_NO_MEMORY;
    for (size_t i = 0; i < items; i++)
        atomic_init(&c->places[i], NOT_ALLOWED);
    for (size_t i = 0; i < c->block_count; i++)
        atomic_init(&c->blocks[i], NULL);
    return BAL_OK;
}

bal_status bal_image_cache_open(bal_image_cache **out, bal_ctx *ctx,
                                const bal_image_cache_settings *settings)
{
    *out = NULL;
    bal_image_cache *c = bal_calloc(ctx, 1, sizeof *c);
    if (!c)
        return BAL_NO_MEMORY;
    c->ctx = ctx;
    c->settings = *settings;
    if (c->settings.images > INT32_MAX)
        c->settings.images = INT32_MAX;
    c->per_block = settings->bytes < BLOCK_BYTES ? (int64_t)(BLOCK_BYTES / settings->bytes) : 1;
    c->block_count = (size_t)((c->settings.images + c->per_block - 1) / c->per_block);
    atomic_init(&c->taken, 0);
    atomic_init(&c->kept, 0);
    if (open_places(c) != BAL_OK) {
        bal_image_cache_close(&c);
        return BAL_NO_MEMORY;
    }
    *out = c;
    return BAL_OK;
}

void bal_image_cache_close(bal_image_cache **cache)
{
    if (!cache || !*cache)
        return;
    bal_image_cache *c = *cache;
    for (size_t i = 0; c->blocks && i < c->block_count; i++)
        bal_free(c->ctx, atomic_load(&c->blocks[i]));
    bal_free(c->ctx, c->blocks);
    bal_free(c->ctx, c->places);
    bal_free(c->ctx, c);
    *cache = NULL;
}

void bal_image_cache_allow(bal_image_cache *c, int64_t item)
{
    atomic_store_explicit(&c->places[item], ALLOWED, memory_order_relaxed);
}

static uint8_t *place_in(const bal_image_cache *c, uint8_t *block, int64_t number)
{
    return block + (size_t)(number % c->per_block) * c->settings.bytes;
}

bool bal_image_cache_get(const bal_image_cache *c, int64_t item, uint8_t *pixels)
{
    const int32_t number = atomic_load_explicit(&c->places[item], memory_order_acquire);
    if (number < 0)
        return false;
    uint8_t *block = atomic_load_explicit(&c->blocks[number / c->per_block], memory_order_acquire);
    memcpy(pixels, place_in(c, block, number), c->settings.bytes);
    return true;
}

/* The block, made by whoever needs it first; of two that make it, one is thrown away. */
static uint8_t *block_of(bal_image_cache *c, bal_ctx *ctx, int64_t number)
{
    const int64_t at = number / c->per_block, left = c->settings.images - at * c->per_block;
    block_pointer *place = &c->blocks[at];
    uint8_t *block = atomic_load_explicit(place, memory_order_acquire), *none = NULL;
    if (block)
        return block;
    block = bal_calloc(ctx, (size_t)(left < c->per_block ? left : c->per_block), c->settings.bytes);
    if (!block || atomic_compare_exchange_strong(place, &none, block))
        return block;
    bal_free(ctx, block);
    return none;
}

void bal_image_cache_offer(bal_image_cache *c, bal_ctx *ctx, int64_t item, const uint8_t *pixels)
{
    int32_t was = ALLOWED;
    if (atomic_load_explicit(&c->taken, memory_order_relaxed) >= c->settings.images ||
        !atomic_compare_exchange_strong(&c->places[item], &was, ON_ITS_WAY))
        return;
    const int64_t number = atomic_fetch_add(&c->taken, 1);
    uint8_t *block = number < c->settings.images ? block_of(c, ctx, number) : NULL;
    if (!block)
        return; /* it stays on its way, and is decoded each time */
    memcpy(place_in(c, block, number), pixels, c->settings.bytes);
    atomic_store_explicit(&c->places[item], (int32_t)number, memory_order_release);
    atomic_fetch_add_explicit(&c->kept, 1, memory_order_relaxed);
}

int64_t bal_image_cache_count(const bal_image_cache *c)
{
    return atomic_load_explicit(&c->kept, memory_order_relaxed);
}
