/* One decode of every item, by all threads: what it is made of is kept in a record, what it looks
 * like in hashes; the steps that compare items come after. */
#include "audit/scan/pixel_hash.h"
#include "audit/scan/scan_parts.h"

#include "data/image/dataset_picture.h"

#include <stdlib.h>
#include <string.h>

#define AREA (BAL_AUDIT_PIXELS * BAL_AUDIT_PIXELS)
_Static_assert(2 * BAL_AUDIT_PIXELS == BAL_SMALL_SIDE, "four cells make a pixel");

/* What a thread of the pool has to itself. */
typedef struct looker {
    bal_ctx *ctx;
    bal_small_room room;
    bal_audit_unreadable *unreadable;
    int64_t unreadable_count, unreadable_room;
    bal_status status; /* of what ends the scan */
} looker;

typedef struct scanner {
    bal_scan_work work;
    bal_scan *out;
    int64_t count; /* items that are decoded: all, or the kept ones */
    looker *lookers;
    int threads;
    atomic_bool stop;
    atomic_int_fast64_t done;
} scanner;

bool bal_scan_takes_part(const bal_scan_work *work, int64_t item)
{
    return work->records[item].channels > 0 && !work->records[item].blank;
}

void bal_scan_tell(const bal_scan_work *work, const char *what, int64_t done, int64_t total)
{
    if (work->ask->teller)
        bal_audit_tell(work->ask->teller, what, done, total);
}

static void *mutable(const void *memory)
{
    return (void *)(uintptr_t)memory;
}

/* ---- one item ---- */

static bal_status keep_reason(looker *l, int64_t item)
{
    if (l->unreadable_count == l->unreadable_room) {
        const int64_t room = l->unreadable_room ? 2 * l->unreadable_room : 16;
        bal_audit_unreadable *more = bal_resize(l->ctx, l->unreadable, (size_t)l->unreadable_room,
                                                (size_t)room, sizeof *more);
        if (!more)
            return BAL_NO_MEMORY;
        l->unreadable = more;
        l->unreadable_room = room;
    }
    char *reason = bal_strdup(l->ctx, bal_error(l->ctx));
    if (!reason)
        return BAL_NO_MEMORY;
    l->unreadable[l->unreadable_count++] = (bal_audit_unreadable){item, reason};
    return BAL_OK;
}

/* The place of an item among the kept ones, or -1. */
static int64_t kept_place(const bal_scan_ask *ask, int64_t item)
{
    int64_t low = 0, high = ask->kept_count;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (ask->kept[middle] < item)
            low = middle + 1;
        else
            high = middle;
    }
    return low < ask->kept_count && ask->kept[low] == item ? low : -1;
}

static void keep_pixels(const bal_scan_ask *ask, const bal_small *small, float *out)
{
    float grey[BAL_SMALL_AREA];
    const int channels = ask->kept_channels;
    if (channels == 1)
        bal_small_grey(small, grey);
    for (int c = 0; c < channels; c++) {
        const float *plane = channels == 1 ? grey : small->plane[small->channels == 3 ? c : 0];
        for (int i = 0; i < AREA; i++) {
            const float *at =
                plane + 2 * (i / BAL_AUDIT_PIXELS) * BAL_SMALL_SIDE + 2 * (i % BAL_AUDIT_PIXELS);
            out[i * channels + c] =
                (at[0] + at[1] + at[BAL_SMALL_SIDE] + at[BAL_SMALL_SIDE + 1]) / (4.0f * 255.0f);
        }
    }
}

static void record_of(const bal_picture *picture, const bal_small *small, bal_record *out)
{
    bal_moments moments;
    bal_moments_of(picture, small, &moments);
    bal_pixel_hash(picture, &moments, out->hash);
    for (int c = 0; c < 3; c++) {
        out->mean[c] = (float)moments.mean[c];
        out->deviation[c] = (float)moments.deviation[c];
    }
    out->width = picture->shape.width;
    out->height = picture->shape.height;
    out->channels = (uint8_t)picture->shape.channels;
    out->blank = bal_is_blank(out, small);
}

static bal_status look_at(scanner *s, looker *l, int64_t item)
{
    const bal_scan_ask *ask = s->work.ask;
    bal_picture picture;
    bal_small small;
    bal_status status =
        bal_dataset_picture(ask->data, l->ctx, item, (bal_ask){.height = 0}, &picture);
    if (status == BAL_NO_MEMORY)
        return status;
    if (status != BAL_OK)
        return ask->clean ? keep_reason(l, item) : BAL_OK;
    status = bal_small_make(l->ctx, &l->room, &picture, &small);
    if (status == BAL_OK && s->work.records)
        record_of(&picture, &small, &s->work.records[item]);
    if (status == BAL_OK && s->work.looks) {
        float grey[BAL_SMALL_AREA];
        bal_small_grey(&small, grey);
        bal_look_of(grey, &s->work.looks[item]);
    }
    const int64_t place = status == BAL_OK ? kept_place(ask, item) : -1;
    if (place >= 0) {
        keep_pixels(ask, &small, s->out->pixels + place * AREA * ask->kept_channels);
        s->out->readable[place] = 1;
    }
    bal_picture_free(l->ctx, &picture);
    return status;
}

static void look(void *user, int64_t i, int worker)
{
    scanner *s = user;
    looker *l = &s->lookers[worker];
    if (atomic_load_explicit(&s->stop, memory_order_relaxed))
        return;
    const int64_t item = s->work.ask->clean ? i : s->work.ask->kept[i];
    l->status = bal_interrupted(s->work.ctx) ? BAL_INTERRUPTED : look_at(s, l, item);
    if (l->status != BAL_OK)
        atomic_store(&s->stop, true);
    const int64_t done = atomic_fetch_add_explicit(&s->done, 1, memory_order_relaxed) + 1;
    if (worker == 0)
        bal_scan_tell(&s->work, "images", done, s->count);
}

/* ---- all of them ---- */

static bal_status open_work(scanner *s)
{
    bal_scan_work *w = &s->work;
    const bal_scan_ask *ask = w->ask;
    const size_t items = (size_t)ask->items;
    s->lookers = bal_calloc(w->ctx, (size_t)s->threads, sizeof *s->lookers);
    w->workers = bal_calloc(w->ctx, (size_t)s->threads, sizeof *w->workers);
    if (!s->lookers || !w->workers)
        return BAL_NO_MEMORY;
    for (int i = 0; i < s->threads; i++) {
        BAL_TRY(bal_worker_ctx_open(&w->workers[i], w->ctx));
        s->lookers[i].ctx = w->workers[i];
    }
    if (ask->kept_count > 0) {
        s->out->pixels =
            bal_calloc(w->ctx, (size_t)ask->kept_count * AREA * (size_t)ask->kept_channels,
                       sizeof *s->out->pixels);
        s->out->readable = bal_calloc(w->ctx, (size_t)ask->kept_count, 1);
        if (!s->out->pixels || !s->out->readable)
            return BAL_NO_MEMORY;
    }
    if (ask->clean) {
        w->records = bal_calloc(w->ctx, items, sizeof *w->records);
        w->splits = bal_calloc(w->ctx, items, 1);
        w->marks = bal_calloc(w->ctx, items, 1);
        if (!w->records || !w->splits || !w->marks)
            return BAL_NO_MEMORY;
        const bal_dataset_info info = bal_dataset_describe(ask->data);
        for (int split = 0; split < BAL_SPLIT_COUNT; split++)
            for (int64_t i = 0; i < info.items[split]; i++)
                w->splits[bal_dataset_items(ask->data, (bal_split)split)[i]] = (uint8_t)split;
    }
    if (ask->clean && ask->near_distance >= 0) {
        w->looks = bal_calloc(w->ctx, items, sizeof *w->looks);
        if (!w->looks)
            return BAL_NO_MEMORY;
    }
    return bal_pool_open(&w->pool, w->ctx, s->threads);
}

static void close_work(scanner *s)
{
    bal_scan_work *w = &s->work;
    bal_pool_close(&w->pool);
    for (int i = 0; s->lookers && i < s->threads; i++) {
        looker *l = &s->lookers[i];
        for (int64_t j = 0; j < l->unreadable_count; j++)
            bal_free(w->ctx, mutable(l->unreadable[j].reason));
        bal_free(w->ctx, l->unreadable);
        bal_small_room_free(w->ctx, &l->room);
    }
    for (int i = 0; w->workers && i < s->threads; i++)
        bal_ctx_close(&w->workers[i]);
    bal_free(w->ctx, w->workers);
    bal_free(w->ctx, s->lookers);
    bal_free(w->ctx, w->records);
    bal_free(w->ctx, w->looks);
    bal_free(w->ctx, w->splits);
    bal_free(w->ctx, w->marks);
}

static int by_item(const void *a, const void *b)
{
    const bal_audit_unreadable *x = a, *y = b;
    return (x->item > y->item) - (x->item < y->item);
}

/* The reasons of all threads, by item; they change hands. */
static bal_status gather_unreadable(scanner *s)
{
    bal_audit_cleanliness *clean = &s->out->clean;
    int64_t count = 0;
    for (int i = 0; i < s->threads; i++)
        count += s->lookers[i].unreadable_count;
    bal_audit_unreadable *all = bal_calloc(s->work.ctx, (size_t)count, sizeof *all);
    if (!all)
        return BAL_NO_MEMORY;
    for (int i = 0; i < s->threads; i++) {
        looker *l = &s->lookers[i];
        if (l->unreadable_count > 0)
            memcpy(all + clean->unreadable_count, l->unreadable,
                   (size_t)l->unreadable_count * sizeof *all);
        clean->unreadable_count += l->unreadable_count;
        l->unreadable_count = 0;
    }
    if (count > 0)
        qsort(all, (size_t)count, sizeof *all, by_item);
    clean->unreadable = all;
    return BAL_OK;
}

static bal_status list_blank(scanner *s)
{
    bal_audit_cleanliness *clean = &s->out->clean;
    const bal_record *records = s->work.records;
    int64_t at = 0, *blank;
    for (int64_t i = 0; i < s->count; i++)
        clean->blank_count += records[i].blank;
    blank = bal_calloc(s->work.ctx, (size_t)clean->blank_count, sizeof *blank);
    if (!blank)
        return BAL_NO_MEMORY;
    for (int64_t i = 0; i < s->count; i++)
        if (records[i].blank)
            blank[at++] = i;
    clean->blank = blank;
    return BAL_OK;
}

static bal_status run(scanner *s)
{
    BAL_TRY(open_work(s));
    bal_pool_run(s->work.pool, s->count, look, s);
    for (int i = 0; i < s->threads; i++)
        if (s->lookers[i].status == BAL_NO_MEMORY)
            return bal_fail(s->work.ctx, BAL_NO_MEMORY, "%s", bal_error(s->lookers[i].ctx));
    if (bal_take_interrupt(s->work.ctx))
        return bal_fail(s->work.ctx, BAL_INTERRUPTED, "interrupted while the images were read");
    bal_scan_tell(&s->work, "images", s->count, s->count);
    if (!s->work.ask->clean)
        return BAL_OK;
    s->out->clean.scanned = s->count;
    BAL_TRY(gather_unreadable(s));
    BAL_TRY(list_blank(s));
    BAL_TRY(bal_scan_copies(&s->work));
    if (s->work.looks)
        BAL_TRY(bal_scan_near(&s->work));
    bal_scan_count_marks(&s->work);
    BAL_TRY(bal_scan_sizes(&s->work));
    return bal_scan_outliers(&s->work);
}

bal_status bal_audit_scan(bal_ctx *ctx, const bal_scan_ask *ask, bal_scan *out)
{
    *out = (bal_scan){.pixels = NULL};
    scanner s = {.work = {.ctx = ctx, .ask = ask, .out = &out->clean},
                 .out = out,
                 .count = ask->clean ? ask->items : ask->kept_count,
                 .threads = bal_ctx_threads(ctx)};
    atomic_init(&s.stop, false);
    atomic_init(&s.done, 0);
    const bal_status status = run(&s);
    close_work(&s);
    if (status != BAL_OK)
        bal_scan_free(ctx, out);
    return status;
}

void bal_scan_free(bal_ctx *ctx, bal_scan *scan)
{
    bal_audit_cleanliness *c = &scan->clean;
    if (c->copies_count > 0) /* the items of all groups are one array */
        bal_free(ctx, mutable(c->copies[0].items));
    bal_free(ctx, mutable(c->copies));
    bal_free(ctx, mutable(c->near));
    for (int64_t i = 0; i < c->unreadable_count; i++)
        bal_free(ctx, mutable(c->unreadable[i].reason));
    bal_free(ctx, mutable(c->unreadable));
    bal_free(ctx, mutable(c->blank));
    bal_free(ctx, mutable(c->odd));
    bal_free(ctx, mutable(c->outliers));
    bal_free(ctx, mutable(c->class_brightness));
    bal_free(ctx, mutable(c->class_contrast));
    bal_free(ctx, scan->pixels);
    bal_free(ctx, scan->readable);
    *scan = (bal_scan){.pixels = NULL};
}
