/* Multi-index hashing with four to six bands. */
#include "audit/scan/near_index.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_BANDS 4
#define MOST_BANDS 6
#define MOST_BITS 16 /* of a band */
#define MOST_FLIPS (BAL_NEAR_LARGEST / LEAST_BANDS)
#define RUN 64 /* items that are looked at together */

/* An item and its hash, so that a list is read in order. */
typedef struct entry {
    uint32_t item, high, low;
} entry;

typedef struct band {
    int shift, bits, flips; /* flips: of the band's bits that are tried; -1: none */
    uint32_t *start;        /* 2^bits + 1: where the items of each value begin */
    entry *entries;
} band;

struct bal_near_index {
    bal_ctx *ctx;
    const bal_look *looks;
    int64_t count;
    int distance;
    float least_cosine;
    int band_count;
    band bands[MOST_BANDS];
    uint16_t *masks; /* of MOST_BITS bits, by how many are set */
    int first_mask[MOST_FLIPS + 2];
};

static uint32_t key_of(const band *b, uint64_t hash)
{
    return (uint32_t)(hash >> b->shift) & ((1u << b->bits) - 1u);
}

/* Few items: many bands, so that fewer values are tried and each list still is short. */
static int bands_for(int64_t items)
{
    return items > 1 << 17 ? LEAST_BANDS : items > 1 << 13 ? 5 : MOST_BANDS;
}

/* Two hashes at distance r differ in some band b by flips_b at most when the sum of (flips_b + 1)
 * is above r. */
static void share_bits(bal_near_index *index)
{
    int shift = 0;
    index->band_count = bands_for(index->count);
    for (int b = 0; b < index->band_count; b++) {
        band *at = &index->bands[b];
        at->shift = shift;
        at->bits = (BAL_LOOK_BITS - shift + index->band_count - b - 1) / (index->band_count - b);
        at->flips = -1;
        shift += at->bits;
    }
    for (int left = index->distance + 1, b = 0; left > 0; left--, b = (b + 1) % index->band_count)
        index->bands[b].flips++;
}

static bal_status list_masks(bal_near_index *index)
{
    const int most = index->bands[0].flips;
    for (int pass = 0; pass < 2; pass++) {
        int count = 0;
        for (int flips = 0; flips <= most; flips++) {
            index->first_mask[flips] = count;
            for (uint32_t mask = 0; mask < 1u << MOST_BITS; mask++)
                if (BAL_BITS_SET(mask) == flips) {
                    if (pass == 1)
                        index->masks[count] = (uint16_t)mask;
                    count++;
                }
        }
        index->first_mask[most + 1] = count;
        if (pass == 0)
            index->masks = bal_calloc(index->ctx, (size_t)count, sizeof *index->masks);
        if (!index->masks)
            return BAL_NO_MEMORY;
    }
    return BAL_OK;
}

/* Counting sort by the band's value; among equals by item. */
static bal_status fill_band(bal_near_index *index, band *b, const uint8_t *wanted)
{
    const uint32_t keys = 1u << b->bits;
    uint32_t members = 0;
    b->start = bal_calloc(index->ctx, keys + 1, sizeof *b->start);
    if (!b->start)
        return BAL_NO_MEMORY;
    for (int64_t i = 0; i < index->count; i++)
        if (wanted[i]) {
            b->start[key_of(b, index->looks[i].hash[0]) + 1]++;
            members++;
        }
    b->entries = bal_calloc(index->ctx, members, sizeof *b->entries);
    if (!b->entries)
        return BAL_NO_MEMORY;
    for (uint32_t k = 0; k < keys; k++)
        b->start[k + 1] += b->start[k];
    for (int64_t i = 0; i < index->count; i++) {
        if (!wanted[i])
            continue;
        const uint64_t hash = index->looks[i].hash[0];
        b->entries[b->start[key_of(b, hash)]++] =
            (entry){(uint32_t)i, (uint32_t)(hash >> 32), (uint32_t)hash};
    }
    for (uint32_t k = keys; k > 0; k--) /* each start has moved to its end */
        b->start[k] = b->start[k - 1];
    b->start[0] = 0;
    return BAL_OK;
}

bal_status bal_near_index_open(bal_near_index **out, bal_ctx *ctx,
                               const bal_near_index_settings *settings)
{
    *out = NULL;
    bal_near_index *index = bal_calloc(ctx, 1, sizeof *index);
    if (!index)
        return BAL_NO_MEMORY;
    index->ctx = ctx;
    index->looks = settings->looks;
    index->count = settings->count;
    index->distance = settings->distance;
    index->least_cosine = settings->least_cosine;
    share_bits(index);
    bal_status status;
    BAL_GOTO(list_masks(index));
    for (int b = 0; b < index->band_count; b++)
        if (index->bands[b].flips >= 0)
            BAL_GOTO(fill_band(index, &index->bands[b], settings->wanted));
    *out = index;
    return BAL_OK;
fail:
    bal_near_index_close(&index);
    return status;
}

void bal_near_index_close(bal_near_index **index_at)
{
    if (!index_at || !*index_at)
        return;
    bal_near_index *index = *index_at;
    bal_ctx *ctx = index->ctx;
    for (int b = 0; b < MOST_BANDS; b++) {
        bal_free(ctx, index->bands[b].start);
        bal_free(ctx, index->bands[b].entries);
    }
    bal_free(ctx, index->masks);
    bal_free(ctx, index);
    *index_at = NULL;
}

bal_status bal_near_room_open(const bal_near_index *index, bal_near_room *room)
{
    room->seen = bal_calloc(index->ctx, (size_t)index->count / 64 + 1, sizeof *room->seen);
    room->visited = bal_calloc(index->ctx, BAL_NEAR_VISITS, sizeof *room->visited);
    if (room->seen && room->visited)
        return BAL_OK;
    bal_near_room_free(index, room);
    return BAL_NO_MEMORY;
}

void bal_near_room_free(const bal_near_index *index, bal_near_room *room)
{
    bal_free(index->ctx, room->seen);
    bal_free(index->ctx, room->visited);
    *room = (bal_near_room){0};
}

/* ---- query ---- */

typedef struct query {
    const bal_near_index *index;
    uint32_t item;
    const bal_look *look;
    bal_near_room *room;
    int visits, steps; /* steps: visits, and meetings of those seen before */
    bal_near_hit *hits;
    int found;
} query;

static bool better(const bal_near_hit *a, const bal_near_hit *b)
{
    return a->cosine != b->cosine ? a->cosine > b->cosine : a->item < b->item;
}

static void keep(query *q, bal_near_hit hit)
{
    int at = q->found;
    while (at > 0 && better(&hit, &q->hits[at - 1]))
        at--;
    if (at >= BAL_NEAR_HITS)
        return;
    if (q->found < BAL_NEAR_HITS)
        q->found++;
    memmove(q->hits + at + 1, q->hits + at, (size_t)(q->found - at - 1) * sizeof *q->hits);
    q->hits[at] = hit;
}

static void compare(query *q, uint32_t other, int distance)
{
    uint64_t *word = &q->room->seen[other / 64];
    const uint64_t bit = UINT64_C(1) << (other % 64);
    if (*word & bit)
        return;
    *word |= bit;
    q->room->visited[q->visits++] = other;
    const bal_near_hit hit = {other, distance, bal_look_cosine(q->look, &q->index->looks[other])};
    if (hit.cosine >= q->index->least_cosine)
        keep(q, hit);
}

/* Which of the entries are near, and how near; returns how many. */
static BAL_WIDE int sieve(const uint64_t hash[BAL_LOOKS], int most, const entry *entries, int count,
                          uint32_t *near, int *distances)
{
    int left = 0;
    for (int i = 0; i < count; i++) {
        const uint64_t other = (uint64_t)entries[i].high << 32 | entries[i].low;
        int distance = BAL_LOOK_BITS;
        for (int k = 0; k < BAL_LOOKS; k++) {
            const int d = BAL_BITS_SET(hash[k] ^ other);
            distance = d < distance ? d : distance;
        }
        near[left] = entries[i].item;
        distances[left] = distance;
        left += distance <= most;
    }
    return left;
}

static bool visit(query *q, const band *b, uint32_t from, uint32_t to)
{
    uint32_t near[RUN];
    int distances[RUN];
    for (uint32_t at = from; at < to; at += RUN) {
        const int count = to - at < RUN ? (int)(to - at) : RUN;
        if (q->steps + count > BAL_NEAR_VISITS)
            return false;
        q->steps += count;
        const int left =
            sieve(q->look->hash, q->index->distance, b->entries + at, count, near, distances);
        for (int i = 0; i < left; i++)
            compare(q, near[i], distances[i]);
    }
    return true;
}

/* The items of one value of a band; false: enough were visited. A crowded list is entered at the
 * query's own place and left after a full turn. */
static bool visit_key(query *q, const band *b, uint32_t key)
{
    const uint32_t from = b->start[key], to = b->start[key + 1];
    uint32_t first = from;
    if (to - from > RUN) {
        uint32_t end = to; /* the first item above the query's number */
        while (first < end) {
            const uint32_t middle = first + (end - first) / 2;
            if (b->entries[middle].item <= q->item)
                first = middle + 1;
            else
                end = middle;
        }
    }
    return visit(q, b, first, to) && visit(q, b, from, first);
}

static bool search(query *q)
{
    const bal_near_index *index = q->index;
    for (int flips = 0; flips <= index->bands[0].flips; flips++)
        for (int i = 0; i < BAL_LOOKS; i++)
            for (int b = 0; b < index->band_count; b++) {
                const band *at = &index->bands[b];
                if (flips > at->flips)
                    continue;
                const uint32_t key = key_of(at, q->look->hash[i]);
                for (int m = index->first_mask[flips]; m < index->first_mask[flips + 1]; m++)
                    if (index->masks[m] < 1u << at->bits &&
                        !visit_key(q, at, key ^ index->masks[m]))
                        return false;
            }
    return true;
}

int bal_near_query(const bal_near_index *index, uint32_t item, bal_near_room *room,
                   bal_near_hit *hits, bool *cut)
{
    query q = {
        .index = index, .item = item, .look = &index->looks[item], .room = room, .hits = hits};
    room->seen[item / 64] |= UINT64_C(1) << (item % 64);
    *cut = !search(&q);
    room->seen[item / 64] = 0;
    for (int i = 0; i < q.visits; i++)
        room->seen[room->visited[i] / 64] = 0;
    return q.found;
}
