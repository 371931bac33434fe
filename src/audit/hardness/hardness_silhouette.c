/* Silhouette widths. The rows are copied class by class, so that the distances of a row arrive one
 * class after the other: a running sum a row is all that is kept, however many classes there are.
 */
#include "audit/hardness/hardness_parts.h"

#include "numeric/distances.h"

#include <math.h>
#include <string.h>

typedef struct widths {
    const bal_hardness_work *work;
    bal_hardness_part part;
    const int32_t *labels; /* of the copied rows, ascending */
    double *sum;           /* of the distances to the class that is being seen, as far as it goes */
    double *own, *other;   /* sum to the own class; least mean to another one */
} widths;

/* All distances of a row to class c have been seen. */
static void close_class(widths *s, int64_t row, int c)
{
    if (c == s->labels[row])
        s->own[row] = s->sum[row];
    else {
        const double mean = s->sum[row] / (double)bal_class_items(s->work, c);
        if (mean < s->other[row])
            s->other[row] = mean;
    }
    s->sum[row] = 0.0;
}

static void visit(void *user, const bal_distance_block *block, int worker)
{
    widths *s = user;
    const int64_t *first = s->work->first;
    const int64_t end = block->column + block->columns;
    (void)worker;
    for (int64_t r = 0; r < block->rows; r++) {
        const double *values = block->values + (size_t)r * (size_t)block->columns;
        const int64_t row = block->row + r;
        for (int64_t at = block->column; at < end;) {
            const int c = s->labels[at];
            const int64_t stop = first[c + 1] < end ? first[c + 1] : end;
            double sum = s->sum[row];
            for (; at < stop; at++)
                sum += values[at - block->column];
            s->sum[row] = sum;
            if (stop == first[c + 1])
                close_class(s, row, c);
        }
    }
}

static void step(void *user, int64_t done, int64_t total)
{
    bal_hardness_step(&((widths *)user)->part, done, total);
}

/* Class by class; *rows and *labels are new. */
static bal_status copy_rows(const bal_hardness_work *w, float **rows, int32_t **labels)
{
    const size_t count = (size_t)w->rows.rows, columns = (size_t)w->rows.columns;
    *rows = bal_calloc(w->ctx, count, columns * sizeof **rows);
    *labels = bal_calloc(w->ctx, count, sizeof **labels);
    if (!*rows || !*labels)
        return BAL_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        const size_t from = (size_t)w->by_class[i];
        memcpy(*rows + i * columns, w->rows.values + from * columns, columns * sizeof **rows);
        (*labels)[i] = w->labels[from];
    }
    return BAL_OK;
}

/* scikit-learn's definition: 0 for the only item of a class, and where both means are 0. */
static double width(const widths *s, int64_t row)
{
    const int64_t items = bal_class_items(s->work, s->labels[row]);
    if (items == 1)
        return 0.0;
    const double a = s->own[row] / (double)(items - 1), b = s->other[row];
    const double larger = a > b ? a : b;
    return larger > 0.0 ? (b - a) / larger : 0.0;
}

static void put_widths(bal_hardness_work *w, const widths *s)
{
    double all = 0.0;
    for (int c = 0; c < w->classes; c++) {
        double sum = 0.0;
        for (int64_t i = w->first[c]; i < w->first[c + 1]; i++) {
            const double value = width(s, i);
            w->each[w->by_class[i]].silhouette = (float)value;
            sum += value;
        }
        if (bal_class_items(w, c) > 0)
            w->class_of[c].silhouette = sum / (double)bal_class_items(w, c);
        all += sum;
    }
    w->out->silhouette = all / (double)w->rows.rows;
}

bal_status bal_measure_silhouette(bal_hardness_work *w)
{
    const size_t count = (size_t)w->rows.rows;
    float *rows = NULL;
    int32_t *labels = NULL;
    widths s = {.work = w, .part = {w->settings, "silhouette"}};
    step(&s, 0, 1);
    bal_status status = copy_rows(w, &rows, &labels);
    s.labels = labels;
    s.sum = bal_calloc(w->ctx, count, sizeof *s.sum);
    s.own = bal_calloc(w->ctx, count, sizeof *s.own);
    s.other = bal_calloc(w->ctx, count, sizeof *s.other);
    if (status == BAL_OK && (!s.sum || !s.own || !s.other))
        status = BAL_NO_MEMORY;
    if (status == BAL_OK) {
        for (size_t i = 0; i < count; i++)
            s.other[i] = INFINITY;
        const bal_distances_settings how = {
            .a = {.values = rows, .rows = w->rows.rows, .columns = w->rows.columns},
            .visit = visit,
            .progress = step,
            .user = &s};
        status = bal_distances(w->ctx, &how);
    }
    if (status == BAL_OK)
        put_widths(w, &s);
    bal_free(w->ctx, rows);
    bal_free(w->ctx, labels);
    bal_free(w->ctx, s.sum);
    bal_free(w->ctx, s.own);
    bal_free(w->ctx, s.other);
    return status;
}
