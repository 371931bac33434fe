/* Near duplicates: candidates from the index of hashes, a match of the thumbs of each pair, and the
 * verdict.
 *
 * Bounded work: an item has at most BAL_NEAR_HITS candidates, found in BAL_NEAR_VISITS steps. When
 * BAL_THUMBS are too few for all candidates, items are decoded again, at most DECODES times each on
 * average. */
#include "audit/scan/near_index.h"
#include "audit/scan/near_thumbs.h"
#include "audit/scan/scan_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_COSINE 0.85f
#define DECODES 4
#define PIECE 32 /* items that a thread takes at a time */
#define K BAL_NEAR_HITS

/* The limits of a match; docs/methods/audit.md shows what they rest on. */
#define SAME_STRUCTURE 0.05 /* the same picture, whatever else looks like it */
#define LIKE_STRUCTURE 0.12 /* the same where nothing else comes near: */
#define LIKE_SHARE 0.4      /* at most this share of the third of the other candidates' */
#define LIKE_RANK 2
#define LEAST_DETAIL 0.7
#define MOST_COLOUR 40.0

typedef struct candidate {
    uint32_t other;
    float structure; /* INFINITY: they could not be laid over each other */
    uint8_t distance;
    bool plausible; /* detail and colour are within the limits */
    bool mirrored;  /* the other has this item among its own candidates and says what they are */
} candidate;

/* What a thread has to itself. */
typedef struct seeker {
    bal_near_room room;
    bal_template template;
} seeker;

typedef struct search {
    bal_scan_work *work;
    int64_t items;
    uint8_t *wanted; /* first of its copies, readable, not blank */
    bal_near_index *index;
    candidate *candidates; /* K an item */
    uint8_t *counts;
    seeker *seekers;
    bal_thumbs thumbs;
    int64_t from, to; /* items of the present round */
    atomic_bool cut, stop;
} search;

static bool stops(search *s)
{
    if (bal_interrupted(s->work->ctx))
        atomic_store(&s->stop, true);
    return atomic_load_explicit(&s->stop, memory_order_relaxed);
}

static bal_status check_stop(const search *s)
{
    if (!bal_take_interrupt(s->work->ctx))
        return BAL_OK;
    return bal_fail(s->work->ctx, BAL_INTERRUPTED,
                    "interrupted while near duplicates were searched");
}

static int64_t pieces(int64_t items)
{
    return (items + PIECE - 1) / PIECE;
}

/* ---- candidates ---- */

static void query(void *user, int64_t piece, int worker)
{
    search *s = user;
    const int64_t from = piece * PIECE, end = from + PIECE < s->items ? from + PIECE : s->items;
    for (int64_t i = from; i < end && !stops(s); i++) {
        bal_near_hit hits[K];
        bool cut;
        if (!s->wanted[i])
            continue;
        const int count =
            bal_near_query(s->index, (uint32_t)i, &s->seekers[worker].room, hits, &cut);
        for (int k = 0; k < count; k++)
            s->candidates[i * K + k] = (candidate){.other = hits[k].item,
                                                   .structure = INFINITY,
                                                   .distance = (uint8_t)hits[k].distance};
        s->counts[i] = (uint8_t)count;
        if (cut)
            atomic_store(&s->cut, true);
    }
    if (worker == 0)
        bal_scan_tell(s->work, "near duplicates: hashes", end, s->items);
}

static candidate *find(const search *s, int64_t item, int64_t other)
{
    for (int k = 0; k < s->counts[item]; k++)
        if (s->candidates[item * K + k].other == other)
            return &s->candidates[item * K + k];
    return NULL;
}

/* A pair that each finds from its own side is compared once, and has the smaller distance. */
static void pair_up(search *s)
{
    for (int64_t i = 0; i < s->items; i++)
        for (int k = 0; k < s->counts[i]; k++) {
            candidate *c = &s->candidates[i * K + k];
            candidate *back = (int64_t)c->other < i ? find(s, c->other, i) : NULL;
            c->mirrored = back != NULL;
            if (back && c->distance < back->distance)
                back->distance = c->distance;
        }
}

static void close_index(search *s)
{
    for (int i = 0; s->index && i < bal_pool_threads(s->work->pool); i++)
        bal_near_room_free(s->index, &s->seekers[i].room);
    bal_near_index_close(&s->index);
}

static bal_status find_candidates(search *s)
{
    const bal_near_index_settings settings = {.looks = s->work->looks,
                                              .wanted = s->wanted,
                                              .count = s->items,
                                              .distance = s->work->ask->near_distance,
                                              .least_cosine = LEAST_COSINE};
    BAL_TRY(bal_near_index_open(&s->index, s->work->ctx, &settings));
    for (int i = 0; i < bal_pool_threads(s->work->pool); i++)
        BAL_TRY(bal_near_room_open(s->index, &s->seekers[i].room));
    bal_pool_run(s->work->pool, pieces(s->items), query, s);
    BAL_TRY(check_stop(s));
    pair_up(s);
    close_index(s);
    return BAL_OK;
}

/* ---- matches ---- */

static void match_item(search *s, int64_t item, bal_template *template)
{
    bool made = false;
    for (int k = 0; k < s->counts[item]; k++) {
        candidate *c = &s->candidates[item * K + k];
        bal_match match;
        if (c->mirrored)
            continue;
        const bal_thumb *mine = bal_thumbs_at(&s->thumbs, item);
        const bal_thumb *other = bal_thumbs_at(&s->thumbs, c->other);
        if (mine->width == 0 || other->width == 0)
            continue; /* vanished since */
        if (!made)
            bal_template_of(mine, template);
        made = true;
        if (!bal_near_match(template, other, &match))
            continue;
        c->structure = (float)match.structure;
        c->plausible = match.detail >= LEAST_DETAIL && match.colour <= MOST_COLOUR;
    }
}

static void match(void *user, int64_t piece, int worker)
{
    search *s = user;
    const int64_t from = s->from + piece * PIECE;
    const int64_t end = from + PIECE < s->to ? from + PIECE : s->to;
    for (int64_t i = from; i < end && !stops(s); i++)
        match_item(s, i, &s->seekers[worker].template);
    if (worker == 0)
        bal_scan_tell(s->work, "near duplicates: pictures", end, s->items);
}

/* As many items from s->from on as there is room for the thumbs of. */
static bal_status plan_round(search *s)
{
    for (s->to = s->from; s->to < s->items; s->to++) {
        if (s->thumbs.count + K + 1 > BAL_THUMBS)
            break;
        for (int k = 0; k < s->counts[s->to]; k++) {
            const candidate *c = &s->candidates[s->to * K + k];
            if (c->mirrored)
                continue;
            BAL_TRY(bal_thumbs_want(&s->thumbs, s->to));
            BAL_TRY(bal_thumbs_want(&s->thumbs, c->other));
        }
    }
    return BAL_OK;
}

static bal_status match_candidates(search *s)
{
    BAL_TRY(bal_thumbs_start(&s->thumbs, s->work));
    for (s->from = 0; s->from < s->items; s->from = s->to) {
        BAL_TRY(plan_round(s));
        if (s->thumbs.decoded + s->thumbs.count > DECODES * s->items + BAL_THUMBS) {
            atomic_store(&s->cut, true);
            break;
        }
        BAL_TRY(bal_thumbs_decode(&s->thumbs));
        bal_pool_run(s->work->pool, pieces(s->to - s->from), match, s);
        BAL_TRY(check_stop(s));
        bal_thumbs_clear(&s->thumbs);
    }
    for (int64_t i = 0; i < s->items; i++)
        for (int k = 0; k < s->counts[i]; k++) {
            candidate *c = &s->candidates[i * K + k];
            if (c->mirrored)
                c->structure = find(s, c->other, i)->structure;
        }
    return BAL_OK;
}

/* ---- the verdict ---- */

/* Puts the smallest `count` structures of an item's other candidates into an ascending list. */
static void collect(const search *s, int64_t item, int64_t but, float *list, int count)
{
    for (int k = 0; k < s->counts[item]; k++) {
        const candidate *c = &s->candidates[item * K + k];
        if (c->other == but)
            continue;
        int at = count;
        while (at > 0 && c->structure < list[at - 1])
            at--;
        if (at == count)
            continue;
        memmove(list + at + 1, list + at, (size_t)(count - at - 1) * sizeof *list);
        list[at] = c->structure;
    }
}

static bool is_copy(const search *s, int64_t item, const candidate *c)
{
    float others[LIKE_RANK + 1];
    if (!c->plausible || !((double)c->structure <= LIKE_STRUCTURE))
        return false;
    if ((double)c->structure <= SAME_STRUCTURE)
        return true;
    for (int i = 0; i <= LIKE_RANK; i++)
        others[i] = INFINITY;
    collect(s, item, c->other, others, LIKE_RANK + 1);
    collect(s, c->other, item, others, LIKE_RANK + 1);
    return (double)c->structure <= LIKE_SHARE * (double)others[LIKE_RANK];
}

static int by_distance(const void *a, const void *b)
{
    const bal_audit_pair *x = a, *y = b;
    if (x->distance != y->distance)
        return x->distance < y->distance ? -1 : 1;
    if (x->a != y->a)
        return x->a < y->a ? -1 : 1;
    return (x->b > y->b) - (x->b < y->b);
}

/* Every copy of an image of one side against every copy of one of the other. */
static void mark_side(search *s, const int64_t *items, int64_t count, bool other_trains,
                      bool conflict)
{
    for (int64_t i = 0; i < count; i++) {
        if (other_trains && s->work->splits[items[i]] != BAL_SPLIT_TRAIN)
            s->work->marks[items[i]] |= BAL_MARK_LEAKED_NEAR;
        if (conflict)
            s->work->marks[items[i]] |= BAL_MARK_CONFLICT;
    }
}

static bool any_trains(const search *s, const int64_t *items, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (s->work->splits[items[i]] == BAL_SPLIT_TRAIN)
            return true;
    return false;
}

static void mark_pair(search *s, const bal_audit_pair *pair)
{
    const bal_audit_copies *a = bal_scan_copies_of(s->work->out, pair->a);
    const bal_audit_copies *b = bal_scan_copies_of(s->work->out, pair->b);
    const int64_t *of_a = a ? a->items : &pair->a, *of_b = b ? b->items : &pair->b;
    const int64_t count_a = a ? a->count : 1, count_b = b ? b->count : 1;
    mark_side(s, of_a, count_a, any_trains(s, of_b, count_b), pair->conflict);
    mark_side(s, of_b, count_b, any_trains(s, of_a, count_a), pair->conflict);
}

static bal_status list_pairs(search *s)
{
    bal_audit_cleanliness *out = s->work->out;
    bal_audit_pair *pairs = NULL;
    for (int pass = 0; pass < 2; pass++) {
        int64_t count = 0;
        for (int64_t i = 0; i < s->items; i++)
            for (int k = 0; k < s->counts[i]; k++) {
                const candidate *c = &s->candidates[i * K + k];
                if (c->mirrored || !is_copy(s, i, c))
                    continue;
                const int64_t a = i < c->other ? i : c->other, b = i < c->other ? c->other : i;
                if (pass == 1)
                    pairs[count] =
                        (bal_audit_pair){.a = a,
                                         .b = b,
                                         .distance = c->distance,
                                         .across_splits = s->work->splits[a] != s->work->splits[b],
                                         .conflict = bal_dataset_label(s->work->ask->data, a) !=
                                                     bal_dataset_label(s->work->ask->data, b)};
                count++;
            }
        if (pass == 1) {
            out->near_count = count;
            break;
        }
        pairs = bal_calloc(s->work->ctx, (size_t)count, sizeof *pairs);
        if (!pairs)
            return BAL_NO_MEMORY;
        out->near = pairs;
    }
    if (out->near_count > 0)
        qsort(pairs, (size_t)out->near_count, sizeof *pairs, by_distance);
    for (int64_t i = 0; i < out->near_count; i++)
        mark_pair(s, &pairs[i]);
    out->near_searched = true;
    out->near_cut = atomic_load(&s->cut);
    return BAL_OK;
}

static bal_status open_search(search *s)
{
    bal_ctx *ctx = s->work->ctx;
    const size_t items = (size_t)s->items;
    s->wanted = bal_calloc(ctx, items, 1);
    s->counts = bal_calloc(ctx, items, 1);
    s->candidates = bal_calloc(ctx, items, K * sizeof *s->candidates);
    s->seekers = bal_calloc(ctx, (size_t)bal_pool_threads(s->work->pool), sizeof *s->seekers);
    if (!s->wanted || !s->counts || !s->candidates || !s->seekers)
        return BAL_NO_MEMORY;
    for (int64_t i = 0; i < s->items; i++)
        s->wanted[i] = bal_scan_takes_part(s->work, i);
    for (int64_t g = 0; g < s->work->out->copies_count; g++) {
        const bal_audit_copies *group = &s->work->out->copies[g];
        for (int64_t i = 1; i < group->count; i++)
            s->wanted[group->items[i]] = 0;
    }
    return BAL_OK;
}

static void close_search(search *s)
{
    bal_ctx *ctx = s->work->ctx;
    if (s->seekers)
        close_index(s);
    if (s->thumbs.work)
        bal_thumbs_free(&s->thumbs);
    bal_free(ctx, s->wanted);
    bal_free(ctx, s->counts);
    bal_free(ctx, s->candidates);
    bal_free(ctx, s->seekers);
}

bal_status bal_scan_near(bal_scan_work *work)
{
    bal_status status;
    search s = {.work = work, .items = work->ask->items};
    atomic_init(&s.cut, false);
    atomic_init(&s.stop, false);
    BAL_GOTO(open_search(&s));
    BAL_GOTO(find_candidates(&s));
    BAL_GOTO(match_candidates(&s));
    BAL_GOTO(list_pairs(&s));
fail:
    close_search(&s);
    return status;
}
