/* Images whose brightness, contrast, colour or channels are far from those of their class. */
#include "audit/scan/scan_parts.h"

#include "audit/scan/robust.h"
#include "numeric/statistics/quantile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_CLASS 16   /* images of a class that can have outliers */
#define LEAST_SPREAD 2.0 /* levels: smaller robust deviations count as this */
#define MOST 0.9         /* of a class: so many of one kind of channels make the other an outlier */

typedef struct by_class {
    bal_scan_work *work;
    int64_t *first; /* classes + 1: where the items of each class begin */
    int64_t *items;
    double *values;
    bal_audit_outlier *found;
    int64_t count, room;
    double *medians[2]; /* of brightness and contrast, one a class */
} by_class;

static double measure(const bal_record *r, bal_audit_outlier_kind kind)
{
    const int n = r->channels;
    double low = 255.0, high = 0.0, mean = 0.0, square = 0.0;
    for (int c = 0; c < n; c++) {
        const double m = (double)r->mean[c], d = (double)r->deviation[c];
        low = fmin(low, m);
        high = fmax(high, m);
        mean += m / n;
        square += d * d / n;
    }
    return kind == BAL_AUDIT_BRIGHTNESS ? mean
           : kind == BAL_AUDIT_CONTRAST ? sqrt(square)
                                        : high - low;
}

static bal_status add(by_class *b, bal_audit_outlier outlier)
{
    if (b->count == b->room) {
        const int64_t room = b->room ? 2 * b->room : 64;
        bal_audit_outlier *more =
            bal_resize(b->work->ctx, b->found, (size_t)b->room, (size_t)room, sizeof *more);
        if (!more)
            return BAL_NO_MEMORY;
        b->found = more;
        b->room = room;
    }
    b->found[b->count++] = outlier;
    return BAL_OK;
}

/* Colour is compared among the images of three channels. */
static bool is_compared(const bal_record *r, bal_audit_outlier_kind kind)
{
    return kind != BAL_AUDIT_COLOUR || r->channels == 3;
}

static bal_status compare(by_class *b, int class, bal_audit_outlier_kind kind)
{
    const bal_record *records = b->work->records;
    const int64_t *items = b->items + b->first[class];
    const int64_t members = b->first[class + 1] - b->first[class];
    int64_t count = 0;
    double median, spread;
    for (int64_t i = 0; i < members; i++)
        if (is_compared(&records[items[i]], kind))
            b->values[count++] = measure(&records[items[i]], kind);
    if (count == 0)
        return BAL_OK;
    bal_robust_centre(b->values, count, &median, &spread);
    if (kind != BAL_AUDIT_COLOUR)
        b->medians[kind][class] = median;
    if (count < LEAST_CLASS)
        return BAL_OK;
    spread = fmax(spread, LEAST_SPREAD);
    for (int64_t i = 0; i < members; i++) {
        const bal_record *r = &records[items[i]];
        const double value = measure(r, kind), score = fabs(value - median) / spread;
        if (is_compared(r, kind) && score > BAL_ROBUST_FAR)
            BAL_TRY(add(b, (bal_audit_outlier){items[i], kind, value, median, score}));
    }
    return BAL_OK;
}

static bal_status compare_channels(by_class *b, int class)
{
    const bal_record *records = b->work->records;
    const int64_t *items = b->items + b->first[class];
    const int64_t members = b->first[class + 1] - b->first[class];
    int64_t grey = 0;
    for (int64_t i = 0; i < members; i++)
        grey += records[items[i]].channels == 1;
    const int64_t usual = 2 * grey > members ? grey : members - grey;
    if (members < LEAST_CLASS || usual == members || (double)usual < MOST * (double)members)
        return BAL_OK;
    const int typical = usual == grey ? 1 : 3;
    for (int64_t i = 0; i < members; i++)
        if (records[items[i]].channels != typical)
            BAL_TRY(add(b, (bal_audit_outlier){items[i], BAL_AUDIT_CHANNELS,
                                               records[items[i]].channels, typical, NAN}));
    return BAL_OK;
}

static bal_status sort_by_class(by_class *b)
{
    const bal_scan_ask *ask = b->work->ask;
    const size_t classes = (size_t)ask->classes;
    bal_ctx *ctx = b->work->ctx;
    b->first = bal_calloc(ctx, classes + 1, sizeof *b->first);
    b->items = bal_calloc(ctx, (size_t)ask->items, sizeof *b->items);
    b->values = bal_calloc(ctx, (size_t)ask->items, sizeof *b->values);
    b->medians[0] = bal_calloc(ctx, classes, sizeof *b->medians[0]);
    b->medians[1] = bal_calloc(ctx, classes, sizeof *b->medians[1]);
    if (!b->first || !b->items || !b->values || !b->medians[0] || !b->medians[1])
        return BAL_NO_MEMORY;
    for (int64_t i = 0; i < ask->items; i++)
        if (bal_scan_takes_part(b->work, i))
            b->first[bal_dataset_label(ask->data, i) + 1]++;
    for (size_t c = 0; c < classes; c++) {
        b->first[c + 1] += b->first[c];
        b->medians[0][c] = b->medians[1][c] = NAN;
    }
    for (int64_t i = 0; i < ask->items; i++)
        if (bal_scan_takes_part(b->work, i))
            b->items[b->first[bal_dataset_label(ask->data, i)]++] = i;
    for (size_t c = classes; c > 0; c--) /* each start has moved to its end */
        b->first[c] = b->first[c - 1];
    b->first[0] = 0;
    return BAL_OK;
}

static int by_item(const void *a, const void *b)
{
    const bal_audit_outlier *x = a, *y = b;
    if (x->item != y->item)
        return x->item < y->item ? -1 : 1;
    return (int)x->kind - (int)y->kind;
}

static bal_status find_all(by_class *b)
{
    BAL_TRY(sort_by_class(b));
    for (int c = 0; c < b->work->ask->classes; c++) {
        for (int kind = 0; kind <= BAL_AUDIT_COLOUR; kind++)
            BAL_TRY(compare(b, c, (bal_audit_outlier_kind)kind));
        BAL_TRY(compare_channels(b, c));
    }
    if (b->count > 0)
        qsort(b->found, (size_t)b->count, sizeof *b->found, by_item);
    return BAL_OK;
}

bal_status bal_scan_outliers(bal_scan_work *work)
{
    by_class b = {.work = work};
    const bal_status status = find_all(&b);
    work->out->outliers = b.found;
    work->out->outlier_count = b.count;
    work->out->class_brightness = b.medians[0];
    work->out->class_contrast = b.medians[1];
    bal_free(work->ctx, b.first);
    bal_free(work->ctx, b.items);
    bal_free(work->ctx, b.values);
    return status;
}
