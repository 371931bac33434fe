/* Open addressing with linear probing; at most half of the slots are used. */
#include "data/name_set.h"

#include <inttypes.h>
#include <string.h>

#define FIRST_SLOTS 64

uint64_t bal_text_hash(const char *text)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return h;
}

/* The slot of the name, or the free one where it would be. */
static size_t slot_of(const bal_name_set *set, const char *name)
{
    const size_t mask = set->slot_count - 1; /* a power of two */
    const uint64_t hash = bal_text_hash(name);
    size_t at = (size_t)(hash ^ hash >> 32) & mask;
    while (set->slots[at] && strcmp(set->names[set->slots[at] - 1], name) != 0)
        at = (at + 1) & mask;
    return at;
}

int64_t bal_name_set_find(const bal_name_set *set, const char *name)
{
    return set->slot_count ? (int64_t)set->slots[slot_of(set, name)] - 1 : -1;
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
    if (2 * (set->count + 1) <= set->slot_count)
        return BAL_OK;
    const size_t slot_count = set->slot_count ? 2 * set->slot_count : FIRST_SLOTS;
    uint32_t *slots = bal_calloc(ctx, slot_count, sizeof *slots);
    if (!slots)
        return BAL_NO_MEMORY;
    bal_free(ctx, set->slots);
    set->slots = slots;
    set->slot_count = slot_count;
    for (size_t i = 0; i < set->count; i++)
        set->slots[slot_of(set, set->names[i])] = (uint32_t)i + 1;
    return BAL_OK;
}

bal_status bal_name_set_add(bal_name_set *set, bal_ctx *ctx, const char *name, int64_t *number)
{
    *number = bal_name_set_find(set, name);
    if (*number >= 0)
        return BAL_OK;
    BAL_TRY(make_room(set, ctx));
    char *copy = bal_strdup(ctx, name);
    if (!copy)
        return BAL_NO_MEMORY;
    *number = (int64_t)set->count;
    set->slots[slot_of(set, name)] = (uint32_t)set->count + 1;
    set->names[set->count++] = copy;
    return BAL_OK;
}

void bal_name_set_free(bal_ctx *ctx, bal_name_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        bal_free(ctx, set->names[i]);
    bal_free(ctx, set->names);
    bal_free(ctx, set->slots);
    *set = (bal_name_set){0};
}
