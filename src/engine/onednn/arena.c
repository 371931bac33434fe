/* Memory sharing by liveness: buffers whose lives do not meet get the same room. Largest first,
 * each at the lowest place that is free during its whole life (greedy by size, Pisarchyk and Lee
 * 2020). */
#include "engine/onednn/onednn_plan.h"

#include <stdlib.h>

#define ALIGN 64

typedef struct item {
    size_t bytes;
    int buffer;
} item;

static int by_size(const void *a, const void *b)
{
    const item *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return x->buffer - y->buffer;
}

static int by_offset(const void *a, const void *b)
{
    const one_buffer *const *x = a, *const *y = b;
    if ((*x)->offset != (*y)->offset)
        return (*x)->offset < (*y)->offset ? -1 : 1;
    return 0;
}

static bool lives_meet(const one_buffer *a, const one_buffer *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* The lowest free place for b among the placed buffers that live at the same time. */
static size_t find_room(const one_buffer *b, one_buffer *const *placed, int placed_count)
{
    size_t at = 0;
    for (int i = 0; i < placed_count; i++) {
        const one_buffer *other = placed[i];
        if (!lives_meet(b, other))
            continue;
        if (other->offset >= at + b->bytes)
            return at;
        if (other->offset + other->bytes > at)
            at = other->offset + other->bytes;
    }
    return at;
}

/* Buffers are in the order of their making, so the root of an input is known before its output's.
 */
static void share_in_place(one_buffer *buffers, int count)
{
    for (int i = 0; i < count; i++)
        for (int k = 0; k < 2 && buffers[i].root == i; k++) {
            if (buffers[i].takes[k] < 0)
                continue;
            one_buffer *r = &buffers[buffers[buffers[i].takes[k]].root];
            if (r->last != buffers[i].first || r->bytes != buffers[i].bytes)
                continue;
            buffers[i].root = (int)(r - buffers);
            r->last = buffers[i].last;
        }
}

bal_status bal_one_place(bal_ctx *ctx, one_buffer *buffers, int count, size_t *bytes)
{
    *bytes = 0;
    item *order = bal_calloc(ctx, (size_t)count, sizeof *order);
    one_buffer **placed = bal_calloc(ctx, (size_t)count, sizeof(one_buffer *));
    if (!order || !placed) {
        bal_free(ctx, order);
        bal_free(ctx, placed);
        return BAL_NO_MEMORY;
    }
    int items = 0, placed_count = 0;
    share_in_place(buffers, count);
    for (int i = 0; i < count; i++)
        if (buffers[i].root == i) {
            buffers[i].bytes = (buffers[i].bytes + ALIGN - 1) / ALIGN * ALIGN;
            order[items++] = (item){buffers[i].bytes, i};
        }
    qsort(order, (size_t)items, sizeof *order, by_size);
    for (int i = 0; i < items; i++) {
        one_buffer *b = &buffers[order[i].buffer];
        b->offset = find_room(b, placed, placed_count);
        placed[placed_count++] = b;
        qsort(placed, (size_t)placed_count, sizeof(one_buffer *), by_offset);
        if (b->offset + b->bytes > *bytes)
            *bytes = b->offset + b->bytes;
    }
    bal_free(ctx, order);
    bal_free(ctx, placed);
    return BAL_OK;
}
