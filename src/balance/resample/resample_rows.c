/* The rows of a plan: origins, and values made in parts by all threads. */
#include "balance/resample/resampling.h"
#include "base/writer.h"

#include <inttypes.h>
#include <string.h>

static bal_status check_range(const bal_resampled *r, int64_t first, int64_t count)
{
    const int64_t all = bal_resampled_count(r);
    if (first < 0 || count < 0 || first > all || count > all - first)
        return bal_fail(r->ctx, BAL_BAD_ARG,
                        "%" PRId64 " rows from %" PRId64 " on: the plan has %" PRId64, count, first,
                        all);
    return BAL_OK;
}

static bal_resampled_origin origin_of(const bal_resampled *r, int64_t row)
{
    if (row < r->kept_count)
        return (bal_resampled_origin){r->kept[row], -1, 0.0, r->data.labels[r->kept[row]]};
    const bal_synthetic *made = &r->made[row - r->kept_count];
    return (bal_resampled_origin){made->base, made->neighbour, made->weight,
                                  r->classes.labels[made->class_number]};
}

bal_status bal_resampled_origins(const bal_resampled *resampled, int64_t first, int64_t count,
                                 bal_resampled_origin *origins)
{
    BAL_TRY(check_range(resampled, first, count));
    for (int64_t i = 0; i < count; i++)
        origins[i] = origin_of(resampled, first + i);
    return BAL_OK;
}

bal_status bal_resampled_write_origins(const bal_resampled *resampled, const char *path)
{
    bal_writer *w;
    BAL_TRY(bal_writer_open(&w, resampled->ctx, path));
    FILE *out = bal_writer_stream(w);
    fputs("row,base,neighbour,weight,label\n", out);
    const int64_t count = bal_resampled_count(resampled);
    for (int64_t i = 0; i < count; i++) {
        const bal_resampled_origin o = origin_of(resampled, i);
        fprintf(out, "%" PRId64 ",%" PRId64 ",%" PRId64 ",%.17g,%d\n", i, o.base, o.neighbour,
                o.weight, (int)o.label);
    }
    return bal_writer_commit(&w);
}

BAL_WIDE static void blend(const float *base, const float *neighbour, double weight, int64_t count,
                           float *out)
{
    for (int64_t i = 0; i < count; i++) {
        const double x = (double)base[i];
        out[i] = (float)(x + weight * ((double)neighbour[i] - x));
    }
}

void bal_interpolate(const bal_resampled *r, const bal_synthetic *made, float *values)
{
    const int64_t columns = r->data.columns;
    const float *base = r->data.values + made->base * columns;
    if (made->neighbour == made->base || made->weight == 0.0)
        memcpy(values, base, (size_t)columns * sizeof *values);
    else
        blend(base, r->data.values + made->neighbour * columns, made->weight, columns, values);
}

typedef struct filling {
    const bal_resampled *r;
    int64_t first, count, rows_each;
    float *values;
} filling;

static void fill_part(void *user, int64_t part, int worker)
{
    const filling *f = user;
    const bal_resampled *r = f->r;
    const int64_t columns = r->data.columns, begin = part * f->rows_each;
    const int64_t end = f->count - begin < f->rows_each ? f->count : begin + f->rows_each;
    int64_t i = begin;
    for (; i < end && f->first + i < r->kept_count; i++)
        memcpy(f->values + i * columns, r->data.values + r->kept[f->first + i] * columns,
               (size_t)columns * sizeof *f->values);
    if (i == end)
        return;
    const bal_synthetic *made = &r->made[f->first + i - r->kept_count];
    if (r->method->fill) {
        r->method->fill(r, made, end - i, f->values + i * columns, worker);
        return;
    }
    for (; i < end; i++, made++)
        bal_interpolate(r, made, f->values + i * columns);
}

/* Values made by one thread at a time, and by all of them between two looks at the interruption. */
enum { PART = 1 << 15, ROUND = 1 << 24 };

static int64_t rows_for(int64_t values, int64_t columns)
{
    return columns < values ? values / columns : 1;
}

bal_status bal_resampled_rows(bal_resampled *resampled, int64_t first, int64_t count, float *values,
                              int32_t *labels)
{
    bal_resampled *r = resampled;
    BAL_TRY(check_range(r, first, count));
    for (int64_t i = 0; labels && i < count; i++)
        labels[i] = origin_of(r, first + i).label;
    const int64_t columns = r->data.columns, round = rows_for(ROUND, columns);
    for (int64_t at = 0; values && at < count; at += round) {
        if (bal_take_interrupt(r->ctx))
            return bal_fail(r->ctx, BAL_INTERRUPTED, "resampling was interrupted");
        filling f = {.r = r,
                     .first = first + at,
                     .count = count - at < round ? count - at : round,
                     .rows_each = rows_for(PART, columns),
                     .values = values + at * columns};
        bal_pool_run(r->pool, (f.count - 1) / f.rows_each + 1, fill_part, &f);
    }
    return BAL_OK;
}
