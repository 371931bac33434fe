/* Which classes lie in each other, by the classes of their items' neighbours. Kept sparse: there
 * may be thousands of classes. */
#include "audit/hardness/hardness_parts.h"

#include <math.h>
#include <stdlib.h>

/* So many neighbours of the items of class `of` are of class `in`. */
typedef struct cell {
    int of, in;
    int64_t count;
} cell;

typedef struct cells {
    cell *list; /* by of, then in */
    int64_t count;
    int64_t *first; /* classes + 1: where the cells of each class begin */
} cells;

static int by_class(const void *a, const void *b)
{
    const int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

/* Counts the neighbours of a class's items in count (classes, zero) and lists the classes that have
 * some, ascending; returns how many. */
static int count_class(const bal_hardness_work *w, int c, int64_t *count, int *touched)
{
    int found = 0;
    for (int64_t i = w->first[c]; i < w->first[c + 1]; i++) {
        const int64_t *nearest = w->nearest + (size_t)w->by_class[i] * (size_t)w->near;
        for (int j = 0; j < w->out->neighbours; j++) {
            const int32_t in = w->labels[nearest[j]];
            if (count[in]++ == 0)
                touched[found++] = in;
        }
    }
    qsort(touched, (size_t)found, sizeof *touched, by_class);
    return found;
}

/* The cells of all classes; with list NULL they are only counted. */
static void fill_cells(const bal_hardness_work *w, int64_t *count, int *touched, cells *out)
{
    out->count = 0;
    for (int c = 0; c < w->classes; c++) {
        const int found = count_class(w, c, count, touched);
        out->first[c] = out->count;
        for (int j = 0; j < found; j++) {
            if (out->list)
                out->list[out->count] = (cell){c, touched[j], count[touched[j]]};
            out->count++;
            count[touched[j]] = 0;
        }
    }
    out->first[w->classes] = out->count;
}

static bal_status make_cells(const bal_hardness_work *w, cells *out)
{
    int64_t *count = bal_calloc(w->ctx, (size_t)w->classes, sizeof *count);
    int *touched = bal_calloc(w->ctx, (size_t)w->classes, sizeof *touched);
    out->first = bal_calloc(w->ctx, (size_t)w->classes + 1, sizeof *out->first);
    bal_status status = count && touched && out->first ? BAL_OK : BAL_NO_MEMORY;
    if (status == BAL_OK) {
        fill_cells(w, count, touched, out);
        out->list = bal_calloc(w->ctx, (size_t)out->count, sizeof *out->list);
        status = out->list ? BAL_OK : BAL_NO_MEMORY;
    }
    if (status == BAL_OK)
        fill_cells(w, count, touched, out);
    bal_free(w->ctx, count);
    bal_free(w->ctx, touched);
    return status;
}

/* Share of the neighbours of class `of` that are of class `in`. */
static double share(const bal_hardness_work *w, const cells *all, int of, int in)
{
    int64_t low = all->first[of], high = all->first[of + 1];
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (all->list[middle].in < in)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == all->first[of + 1] || all->list[low].in != in)
        return 0.0;
    const double places = (double)bal_class_items(w, of) * (double)w->out->neighbours;
    return (double)all->list[low].count / places;
}

static int most_first(const void *a, const void *b)
{
    const bal_audit_overlap *x = a, *y = b;
    if (x->share != y->share)
        return x->share < y->share ? 1 : -1;
    return x->a != y->a ? x->a - y->a : x->b - y->b;
}

/* Each pair is met at its cell (a, b) with a < b, or at (b, a) where a has no neighbour in b. */
static bool is_pair(const bal_hardness_work *w, const cells *all, const cell *at)
{
    return at->of < at->in || (at->of > at->in && share(w, all, at->in, at->of) == 0.0);
}

static bal_status list_pairs(bal_hardness_work *w, const cells *all)
{
    int64_t count = 0;
    for (int64_t i = 0; i < all->count; i++)
        count += is_pair(w, all, &all->list[i]);
    bal_audit_overlap *pairs = bal_calloc(w->ctx, (size_t)count, sizeof *pairs);
    if (!pairs)
        return BAL_NO_MEMORY;
    int64_t at = 0;
    for (int64_t i = 0; i < all->count; i++) {
        const cell *one = &all->list[i];
        if (!is_pair(w, all, one))
            continue;
        bal_audit_overlap *p = &pairs[at++];
        p->a = one->of < one->in ? one->of : one->in;
        p->b = one->of < one->in ? one->in : one->of;
        p->a_in_b = share(w, all, p->a, p->b);
        p->b_in_a = share(w, all, p->b, p->a);
        p->share = (p->a_in_b + p->b_in_a) / 2.0;
        p->lift = (p->a_in_b / (double)bal_class_items(w, p->b) +
                   p->b_in_a / (double)bal_class_items(w, p->a)) /
                  2.0 * (double)(w->rows.rows - 1);
    }
    qsort(pairs, (size_t)count, sizeof *pairs, most_first);
    const int64_t kept = count < BAL_OVERLAPS_MOST ? count : BAL_OVERLAPS_MOST;
    for (int64_t i = 0; i < kept; i++)
        pairs[i].fisher = bal_fisher_of_pair(w, pairs[i].a, pairs[i].b);
    bal_audit_overlap *smaller =
        kept < count ? bal_resize(w->ctx, pairs, (size_t)count, (size_t)kept, sizeof *pairs) : NULL;
    w->out->overlaps = smaller ? smaller : pairs;
    w->out->overlap_count = kept;
    return BAL_OK;
}

static bal_status make_matrix(bal_hardness_work *w, const cells *all)
{
    if (w->classes > BAL_OVERLAP_MATRIX_CLASSES)
        return BAL_OK;
    const size_t classes = (size_t)w->classes;
    double *matrix = bal_calloc(w->ctx, classes, classes * sizeof *matrix);
    if (!matrix)
        return BAL_NO_MEMORY;
    w->out->neighbour_share = matrix;
    for (int c = 0; c < w->classes; c++)
        for (size_t i = 0; i < classes && bal_class_items(w, c) == 0; i++)
            matrix[(size_t)c * classes + i] = NAN;
    for (int64_t i = 0; i < all->count; i++) {
        const cell *one = &all->list[i];
        matrix[(size_t)one->of * classes + (size_t)one->in] = share(w, all, one->of, one->in);
    }
    return BAL_OK;
}

bal_status bal_measure_overlaps(bal_hardness_work *w)
{
    cells all = {0};
    bal_status status;
    BAL_GOTO(make_cells(w, &all));
    BAL_GOTO(list_pairs(w, &all));
    status = make_matrix(w, &all);
fail:
    bal_free(w->ctx, all.list);
    bal_free(w->ctx, all.first);
    return status;
}
