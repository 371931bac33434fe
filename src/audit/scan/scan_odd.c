/* Blank images, sizes far from the set's, and what "far" is. */
#include "audit/scan/robust.h"
#include "audit/scan/scan_parts.h"

#include "numeric/statistics/quantile.h"

#include <math.h>
#include <stdlib.h>

/* Blank: at most this much deviation over all pixels, and this much between the cells of the small
 * picture, so that a small thing on an even ground is none. In levels of 255. */
#define BLANK_DEVIATION 3.0f
#define BLANK_RANGE 6.0f

#define LEAST_RATIO 0.1 /* of sizes, as a natural logarithm: smaller robust deviations count so */

bool bal_is_blank(const bal_record *record, const bal_small *small)
{
    for (int c = 0; c < small->channels; c++) {
        float low = small->plane[c][0], high = low;
        if (record->deviation[c] > BLANK_DEVIATION)
            return false;
        for (int i = 0; i < BAL_SMALL_AREA; i++) {
            low = small->plane[c][i] < low ? small->plane[c][i] : low;
            high = small->plane[c][i] > high ? small->plane[c][i] : high;
        }
        if (high - low > BLANK_RANGE)
            return false;
    }
    return true;
}

void bal_robust_centre(double *values, int64_t count, double *median, double *spread)
{
    *median = bal_median(values, count);
    for (int64_t i = 0; i < count; i++)
        values[i] = fabs(values[i] - *median);
    *spread = 1.4826 * bal_median(values, count);
}

/* ---- sizes ---- */

static int by_size(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Counts equal ones in the sorted list of width << 32 | height. */
static void count_sizes(bal_audit_cleanliness *out, const uint64_t *sizes, int64_t count)
{
    for (int64_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && sizes[end] == sizes[i]; end++)
            ;
        out->sizes++;
        if (end - i > out->common) {
            out->common = end - i;
            out->width = (int)(sizes[i] >> 32);
            out->height = (int)(sizes[i] & UINT32_MAX);
        }
    }
}

typedef struct sizing { /* of logarithms of width x height and width / height */
    double area, area_spread, shape, shape_spread;
} sizing;

static bool is_odd(const bal_record *r, const sizing *s)
{
    const double w = log(r->width), h = log(r->height);
    return fabs(w + h - s->area) > BAL_ROBUST_FAR * fmax(s->area_spread, 2.0 * LEAST_RATIO) ||
           fabs(w - h - s->shape) > BAL_ROBUST_FAR * fmax(s->shape_spread, LEAST_RATIO);
}

/* values: room for a number an item. */
static bal_status find_odd(bal_scan_work *work, double *values)
{
    bal_audit_cleanliness *out = work->out;
    const bal_record *records = work->records;
    int64_t count = 0;
    sizing s = {0};
    for (int kind = 0; kind < 4; kind++) {
        count = 0;
        for (int64_t i = 0; i < work->ask->items; i++) {
            const double w = records[i].width, h = records[i].height;
            if (records[i].channels == 0)
                continue;
            values[count++] = kind == 0 ? w : kind == 1 ? h : kind == 2 ? log(w * h) : log(w / h);
        }
        if (count == 0)
            return BAL_OK;
        if (kind == 2)
            bal_robust_centre(values, count, &s.area, &s.area_spread);
        else if (kind == 3)
            bal_robust_centre(values, count, &s.shape, &s.shape_spread);
        else {
            const int median = (int)bal_median(values, count); /* sorts */
            *(kind == 0 ? &out->width_median : &out->height_median) = median;
            *(kind == 0 ? &out->width_min : &out->height_min) = (int)values[0];
            *(kind == 0 ? &out->width_max : &out->height_max) = (int)values[count - 1];
        }
    }
    bal_audit_sized *odd = NULL;
    for (int pass = 0; pass < 2; pass++) {
        out->odd_count = 0;
        for (int64_t i = 0; i < work->ask->items; i++) {
            if (records[i].channels == 0 || !is_odd(&records[i], &s))
                continue;
            if (pass == 1)
                odd[out->odd_count] = (bal_audit_sized){i, records[i].width, records[i].height};
            out->odd_count++;
        }
        if (pass == 0 && !(odd = bal_calloc(work->ctx, (size_t)out->odd_count, sizeof *odd)))
            return BAL_NO_MEMORY;
    }
    out->odd = odd;
    return BAL_OK;
}

bal_status bal_scan_sizes(bal_scan_work *work)
{
    const size_t items = (size_t)work->ask->items;
    uint64_t *sizes = bal_calloc(work->ctx, items, sizeof *sizes);
    if (!sizes)
        return BAL_NO_MEMORY;
    int64_t count = 0;
    for (int64_t i = 0; i < work->ask->items; i++) {
        const bal_record *r = &work->records[i];
        if (r->channels == 0)
            continue;
        sizes[count++] = (uint64_t)(uint32_t)r->width << 32 | (uint32_t)r->height;
        *(r->channels == 1 ? &work->out->grey : &work->out->colour) += 1;
    }
    if (count > 0)
        qsort(sizes, (size_t)count, sizeof *sizes, by_size);
    count_sizes(work->out, sizes, count);
    bal_free(work->ctx, sizes);
    double *values = bal_calloc(work->ctx, items, sizeof *values);
    const bal_status status = values ? find_odd(work, values) : BAL_NO_MEMORY;
    bal_free(work->ctx, values);
    return status;
}
