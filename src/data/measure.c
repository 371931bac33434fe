/* The size and the channels of a source's images, and which of them cannot be read. Images are
 * looked at by threads, a block at a time; what is made of a block goes by item, so that nothing
 * depends on the threads. */
#include "data/measure.h"

#include "base/threads.h"

#include <string.h>

#define BLOCK 4096

typedef bal_status shape_fn(const bal_source *source, bal_ctx *ctx, int64_t item,
                            bal_picture_shape *shape);

typedef struct look {
    bal_status status;
    bal_picture_shape shape;
    char *reason; /* where it failed; NULL: no memory for it */
} look;

typedef struct looker {
    const bal_source *source;
    shape_fn *shape_of; /* NULL: the whole picture is decoded */
    bal_ctx *ctx;
    bal_ctx **contexts; /* one a thread */
    bal_pool *pool;
    look *looks; /* BLOCK */
    int64_t first;
} looker;

/* ---- looking ---- */

static bal_status decode(const bal_source *source, bal_ctx *ctx, int64_t item,
                         bal_picture_shape *shape)
{
    const bal_ask ask = {.height = source->wanted.height, .width = source->wanted.width};
    bal_picture picture = {0};
    const bal_status status = source->reader->picture(source, ctx, item, ask, &picture);
    *shape = (bal_picture_shape){picture.shape.channels, bal_picture_height(&picture),
                                 bal_picture_width(&picture)};
    bal_picture_free(ctx, &picture);
    return status;
}

static void look_at(void *user, int64_t i, int worker)
{
    looker *l = user;
    look *at = &l->looks[i];
    bal_ctx *ctx = l->contexts[worker];
    *at = (look){.status = BAL_OK};
    if (bal_interrupted(l->ctx))
        return;
    at->status = (l->shape_of ? l->shape_of : decode)(l->source, ctx, l->first + i, &at->shape);
    if (at->status != BAL_OK)
        at->reason = bal_strdup(ctx, bal_error(ctx));
}

static void close_looker(looker *l)
{
    const int threads = l->pool ? bal_pool_threads(l->pool) : bal_ctx_threads(l->ctx);
    for (int i = 0; l->contexts && i < threads; i++)
        bal_ctx_close(&l->contexts[i]);
    for (int i = 0; l->looks && i < BLOCK; i++)
        bal_free(l->ctx, l->looks[i].reason);
    bal_pool_close(&l->pool);
    bal_free(l->ctx, l->contexts);
    bal_free(l->ctx, l->looks);
}

static bal_status open_looker(looker *l)
{
    const int threads = bal_ctx_threads(l->ctx);
    l->looks = bal_calloc(l->ctx, BLOCK, sizeof *l->looks);
    l->contexts = bal_calloc(l->ctx, (size_t)threads, sizeof(bal_ctx *));
    if (!l->looks || !l->contexts)
        return BAL_NO_MEMORY;
    for (int i = 0; i < threads; i++)
        BAL_TRY(bal_worker_ctx_open(&l->contexts[i], l->ctx));
    return bal_pool_open(&l->pool, l->ctx, threads);
}

/* The looks of count items from first on, for as long as the next block is not looked at. */
static bal_status look_at_block(looker *l, int64_t first, int64_t count)
{
    for (int i = 0; i < BLOCK; i++) {
        bal_free(l->ctx, l->looks[i].reason);
        l->looks[i].reason = NULL;
    }
    l->first = first;
    bal_pool_run(l->pool, count, look_at, l);
    if (bal_take_interrupt(l->ctx))
        return bal_fail(l->ctx, BAL_INTERRUPTED, "interrupted while the images were looked at");
    return BAL_OK;
}

static bal_status fail_as(bal_ctx *ctx, const look *at)
{
    return at->reason ? bal_fail(ctx, at->status, "%s", at->reason)
                      : bal_fail(ctx, BAL_NO_MEMORY, "no memory to say what cannot be read");
}

/* ---- sizes ---- */

static bal_status fail_sizes(const bal_source *source, bal_ctx *ctx, int64_t first, int64_t item,
                             bal_picture_shape shape)
{
    char one[BAL_PATH_LENGTH], other[BAL_PATH_LENGTH];
    source->reader->item_name(source, first, one, sizeof one);
    source->reader->item_name(source, item, other, sizeof other);
    return bal_fail(ctx, BAL_BAD_DATA,
                    "%s: %s has %dx%d pixels (w x h), %s has %dx%d: bring all to one size with "
                    "--img-size N",
                    source->path, one, source->native.width, source->native.height, other,
                    shape.width, shape.height);
}

/* What is known after some items. */
typedef struct sizes {
    bal_picture_shape shape;
    int64_t first; /* the item that shape's size comes from, -1: none yet */
    int64_t other; /* the first of another size, -1: none */
    bal_picture_shape other_shape;
} sizes;

static void take_shape(sizes *s, int64_t item, bal_picture_shape shape)
{
    if (s->first < 0) {
        s->first = item;
        s->shape = shape;
    }
    if (shape.channels == 3)
        s->shape.channels = 3;
    if (s->other >= 0 || (shape.height == s->shape.height && shape.width == s->shape.width))
        return;
    s->other = item;
    s->other_shape = shape;
}

static bal_status measure(looker *l, bal_source *source)
{
    const bool any_size = source->wanted.height > 0, any_colour = source->wanted.channels > 0;
    sizes s = {.first = -1, .other = -1, .shape.channels = 1};
    /* one image first: where it is in colour and sizes are of no interest, it is enough */
    for (int64_t at = 0, count = 1; at < source->count; at += count, count = BLOCK) {
        if (any_size && (any_colour || s.shape.channels == 3))
            break;
        count = source->count - at < count ? source->count - at : count;
        BAL_TRY(look_at_block(l, at, count));
        for (int64_t i = 0; i < count && !(any_size && s.shape.channels == 3); i++) {
            if (l->looks[i].status != BAL_OK)
                return fail_as(l->ctx, &l->looks[i]);
            take_shape(&s, at + i, l->looks[i].shape);
            source->native = s.shape;
            if (s.other >= 0 && !any_size)
                return fail_sizes(source, l->ctx, s.first, s.other, s.other_shape);
        }
    }
    source->native = s.shape;
    return BAL_OK;
}

bal_status bal_source_measure(bal_source *source, bal_ctx *ctx, shape_fn *shape_of)
{
    if (source->mixed || (source->wanted.height > 0 && source->wanted.channels > 0))
        return BAL_OK;
    looker l = {.source = source, .shape_of = shape_of, .ctx = ctx};
    bal_status status = open_looker(&l);
    if (status == BAL_OK)
        status = measure(&l, source);
    close_looker(&l);
    return status;
}

/* ---- leaving out ---- */

static bal_status add(bal_left_out_list *list, bal_ctx *ctx, const bal_source *source, int64_t item,
                      look *at)
{
    char name[BAL_PATH_LENGTH];
    if (!at->reason)
        return fail_as(ctx, at);
    if (list->count == list->room) {
        const size_t room = list->room ? 2 * list->room : 16;
        bal_left_out *bigger = bal_resize(ctx, list->of, list->count, room, sizeof *bigger);
        if (!bigger)
            return BAL_NO_MEMORY;
        list->of = bigger;
        list->room = room;
    }
    source->reader->item_name(source, item, name, sizeof name);
    char *copy = bal_strdup(ctx, name);
    if (!copy)
        return BAL_NO_MEMORY;
    list->of[list->count++] = (bal_left_out){item, copy, at->reason};
    at->reason = NULL;
    return BAL_OK;
}

static bal_status leave_out(looker *l, bal_source *source, bool mixed, bal_left_out_list *list)
{
    sizes s = {.first = -1, .other = -1};
    for (int64_t at = 0; at < source->count; at += BLOCK) {
        const int64_t count = source->count - at < BLOCK ? source->count - at : BLOCK;
        BAL_TRY(look_at_block(l, at, count));
        for (int64_t i = 0; i < count; i++) {
            look *seen = &l->looks[i];
            if (seen->status == BAL_OK)
                take_shape(&s, at + i, seen->shape);
            else if (seen->status == BAL_BAD_FILE || seen->status == BAL_IO)
                BAL_TRY(add(list, l->ctx, source, at + i, seen));
            else
                return fail_as(l->ctx, seen);
        }
    }
    source->native = s.shape;
    if (s.other < 0 || source->wanted.height > 0)
        return BAL_OK;
    if (!mixed)
        return fail_sizes(source, l->ctx, s.first, s.other, s.other_shape);
    source->native.height = source->native.width = 0;
    return BAL_OK;
}

bal_status bal_source_leave_out(bal_source *source, bal_ctx *ctx, bool mixed,
                                bal_left_out_list *list)
{
    if (source->native.height > 0 && source->native.channels > 0)
        return BAL_OK;
    looker l = {.source = source, .ctx = ctx};
    bal_status status = open_looker(&l);
    if (status == BAL_OK)
        status = leave_out(&l, source, mixed, list);
    close_looker(&l);
    return status;
}

void bal_left_out_free(bal_ctx *ctx, bal_left_out_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        bal_free(ctx, list->of[i].name);
        bal_free(ctx, list->of[i].reason);
    }
    bal_free(ctx, list->of);
    *list = (bal_left_out_list){0};
}
