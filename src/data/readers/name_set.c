/* Open addressing with linear probing; at most half of the slots are used. The texts lie one behind
 * the other in blocks that are never moved. */
#include "data/readers/name_set.h"

#include <inttypes.h>
#include <string.h>

#define FIRST_SLOTS 64
#define FIRST_BLOCK ((size_t)1024)
#define LARGEST_BLOCK ((size_t)1 << 20)

struct bal_name_block {
    bal_name_block *before;
    size_t used, room;
    char text[];
};

uint64_t bal_text_hash(const char *text)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return h;
}

/* The slot of the name, or the free one where it would be. */
static size_t slot_of(const bal_name_set *set, const char *name, uint64_t hash)
{
    const size_t mask = set->slot_count - 1; /* a power of two */
    const uint32_t tag = (uint32_t)(hash >> 32);
    size_t at = (size_t)(hash ^ hash >> 32) & mask;
    while (set->slots[at].number &&
           (set->slots[at].tag != tag || strcmp(set->names[set->slots[at].number - 1], name) != 0))
        at = (at + 1) & mask;
    return at;
}

static int64_t find(const bal_name_set *set, const char *name, uint64_t hash)
{
    return set->slot_count ? (int64_t)set->slots[slot_of(set, name, hash)].number - 1 : -1;
}

int64_t bal_name_set_find(const bal_name_set *set, const char *name)
{
    return find(set, name, bal_text_hash(name));
}

static bal_status grow_slots(bal_name_set *set, bal_ctx *ctx)
{
    const size_t slot_count = set->slot_count ? 2 * set->slot_count : FIRST_SLOTS;
    const size_t mask = slot_count - 1;
    bal_name_slot *slots = bal_calloc(ctx, slot_count, sizeof *slots);
    if (!slots)
        return BAL_NO_MEMORY;
    for (size_t i = 0; i < set->count; i++) { /* all differ */
        const uint64_t hash = bal_text_hash(set->names[i]);
        size_t at = (size_t)(hash ^ hash >> 32) & mask;
        while (slots[at].number)
            at = (at + 1) & mask;
        slots[at] = (bal_name_slot){(uint32_t)i + 1, (uint32_t)(hash >> 32)};
    }
    bal_free(ctx, set->slots);
    set->slots = slots;
    set->slot_count = slot_count;
    return BAL_OK;
}

static bal_status make_room(bal_name_set *set, bal_ctx *ctx)
{
    if (set->count == INT32_MAX)
        return bal_fail(ctx, BAL_UNSUPPORTED, "more than %" PRId32 " names", INT32_MAX);
    if (set->count == set->room) {
        const size_t room = set->room ? 2 * set->room : FIRST_SLOTS / 2;
        char **names = bal_resize(ctx, set->names, set->count, room, sizeof *names);
        if (!names)
            return BAL_NO_MEMORY;
        set->names = names;
        set->room = room;
    }
    return 2 * (set->count + 1) <= set->slot_count ? BAL_OK : grow_slots(set, ctx);
}

/* A copy in the newest block, or in a new one; NULL: no memory. Blocks grow with the set. */
static char *keep_text(bal_name_set *set, bal_ctx *ctx, const char *text)
{
    const size_t bytes = strlen(text) + 1;
    bal_name_block *block = set->block;
    if (!block || bytes > block->room - block->used) {
        size_t room = block ? 2 * block->room : FIRST_BLOCK;
        room = room > LARGEST_BLOCK ? LARGEST_BLOCK : room;
        room = room < bytes ? bytes : room;
        block = bal_calloc(ctx, 1, sizeof *block + room);
        if (!block)
            return NULL;
        block->before = set->block;
        block->room = room;
        set->block = block;
    }
    char *copy = block->text + block->used;
    memcpy(copy, text, bytes);
    block->used += bytes;
    return copy;
}

bal_status bal_name_set_add(bal_name_set *set, bal_ctx *ctx, const char *name, int64_t *number)
{
    const uint64_t hash = bal_text_hash(name);
    *number = find(set, name, hash);
    if (*number >= 0)
        return BAL_OK;
    BAL_TRY(make_room(set, ctx));
    char *copy = keep_text(set, ctx, name);
    if (!copy)
        return BAL_NO_MEMORY;
    *number = (int64_t)set->count;
    set->slots[slot_of(set, name, hash)] =
        (bal_name_slot){(uint32_t)set->count + 1, (uint32_t)(hash >> 32)};
    set->names[set->count++] = copy;
    return BAL_OK;
}

void bal_name_set_free(bal_ctx *ctx, bal_name_set *set)
{
    for (bal_name_block *block = set->block; block;) {
        bal_name_block *before = block->before;
        bal_free(ctx, block);
        block = before;
    }
    bal_free(ctx, set->names);
    bal_free(ctx, set->slots);
    *set = (bal_name_set){0};
}
