/* Exact copies: items whose 128-bit hashes and sizes are equal. */
#include "audit/scan/scan_parts.h"

#include <stdlib.h>
#include <string.h>

typedef struct hashed {
    uint64_t hash[2];
    int64_t item;
} hashed;

static int by_hash(const void *a, const void *b)
{
    const hashed *x = a, *y = b;
    for (int i = 0; i < 2; i++)
        if (x->hash[i] != y->hash[i])
            return x->hash[i] < y->hash[i] ? -1 : 1;
    return (x->item > y->item) - (x->item < y->item);
}

static bool same(const bal_scan_work *work, const hashed *a, const hashed *b)
{
    const bal_record *x = &work->records[a->item], *y = &work->records[b->item];
    return a->hash[0] == b->hash[0] && a->hash[1] == b->hash[1] && x->width == y->width &&
           x->height == y->height && x->channels == y->channels;
}

static void mark_group(bal_scan_work *work, bal_audit_copies *group)
{
    bool in_train = false;
    for (int64_t i = 0; i < group->count; i++) {
        const int64_t item = group->items[i];
        in_train = in_train || work->splits[item] == BAL_SPLIT_TRAIN;
        if (work->splits[item] != work->splits[group->items[0]])
            group->across_splits = true;
        if (bal_dataset_label(work->ask->data, item) !=
            bal_dataset_label(work->ask->data, group->items[0]))
            group->conflict = true;
    }
    for (int64_t i = 0; i < group->count; i++) {
        const int64_t item = group->items[i];
        if (in_train && work->splits[item] != BAL_SPLIT_TRAIN)
            work->marks[item] |= BAL_MARK_LEAKED;
        if (group->conflict)
            work->marks[item] |= BAL_MARK_CONFLICT;
    }
}

/* Leaves only items with copies, in the order of the first item of their group: the first number of
 * the hash becomes that item. */
static int64_t keep_copies(const bal_scan_work *work, hashed *list, int64_t count)
{
    int64_t kept = 0;
    for (int64_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && same(work, &list[i], &list[end]); end++)
            ;
        const uint64_t first = (uint64_t)list[i].item;
        for (int64_t j = i; end - i > 1 && j < end; j++)
            list[kept++] = (hashed){{first, 0}, list[j].item};
    }
    if (kept > 0)
        qsort(list, (size_t)kept, sizeof *list, by_hash);
    return kept;
}

static bal_status make_groups(bal_scan_work *work, const hashed *list, int64_t members)
{
    bal_audit_cleanliness *out = work->out;
    int64_t groups = 0;
    for (int64_t i = 0; i < members; i++)
        groups += (uint64_t)list[i].item == list[i].hash[0];
    bal_audit_copies *all = bal_calloc(work->ctx, (size_t)groups, sizeof *all);
    int64_t *items = bal_calloc(work->ctx, (size_t)members, sizeof *items);
    if (!all || !items || groups == 0) {
        bal_free(work->ctx, items);
        bal_free(work->ctx, all);
        return all && items ? BAL_OK : BAL_NO_MEMORY;
    }
    bal_audit_copies *group = all - 1;
    for (int64_t i = 0; i < members; i++) {
        items[i] = list[i].item;
        if ((uint64_t)items[i] == list[i].hash[0])
            (++group)->items = &items[i];
        group->count++;
    }
    for (int64_t i = 0; i < groups; i++)
        mark_group(work, &all[i]);
    out->copies = all;
    out->copies_count = groups;
    out->copied = members - groups;
    return BAL_OK;
}

bal_status bal_scan_copies(bal_scan_work *work)
{
    hashed *list = bal_calloc(work->ctx, (size_t)work->ask->items, sizeof *list);
    if (!list)
        return BAL_NO_MEMORY;
    int64_t count = 0;
    for (int64_t i = 0; i < work->ask->items; i++)
        if (bal_scan_takes_part(work, i)) {
            memcpy(list[count].hash, work->records[i].hash, sizeof list[count].hash);
            list[count++].item = i;
        }
    if (count > 0)
        qsort(list, (size_t)count, sizeof *list, by_hash);
    const bal_status status = make_groups(work, list, keep_copies(work, list, count));
    bal_free(work->ctx, list);
    return status;
}

const bal_audit_copies *bal_scan_copies_of(const bal_audit_cleanliness *clean, int64_t first)
{
    int64_t low = 0, high = clean->copies_count;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (clean->copies[middle].items[0] < first)
            low = middle + 1;
        else
            high = middle;
    }
    const bool found = low < clean->copies_count && clean->copies[low].items[0] == first;
    return found ? &clean->copies[low] : NULL;
}

void bal_scan_count_marks(bal_scan_work *work)
{
    bal_audit_cleanliness *out = work->out;
    for (int64_t i = 0; i < work->ask->items; i++) {
        const uint8_t marks = work->marks[i];
        out->leaked += (marks & BAL_MARK_LEAKED) != 0;
        out->leaked_near +=
            (marks & (BAL_MARK_LEAKED | BAL_MARK_LEAKED_NEAR)) == BAL_MARK_LEAKED_NEAR;
        out->conflicting += (marks & BAL_MARK_CONFLICT) != 0;
    }
}
