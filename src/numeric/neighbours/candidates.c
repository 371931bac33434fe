/* See candidates.h. */
#include "numeric/neighbours/candidates.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

int64_t bal_candidates_room(int64_t k)
{
    return 2 * k + 22;
}

size_t bal_candidates_bytes(int64_t k)
{
    return (size_t)bal_candidates_room(k) * sizeof(bal_candidate) + sizeof(int64_t) +
           sizeof(int32_t) + sizeof(double);
}

void bal_candidates_clear(bal_candidates *set, int64_t list, int64_t count)
{
    for (int64_t i = list; i < list + count; i++) {
        set->count[i] = 0;
        set->bound[i] = -FLT_MAX; /* below every score, above the padding's -infinity */
        set->last[i] = INT32_MAX;
    }
}

/* Moves the k-th largest of the values (k >= 1, in place) to values[k - 1]; Hoare's quickselect. */
static double kth_largest(double *values, int64_t count, int64_t k)
{
    int64_t low = 0, high = count - 1;
    while (low < high) {
        const double pivot = values[low + (high - low) / 2];
        int64_t i = low, j = high;
        while (i <= j) {
            while (values[i] > pivot)
                i++;
            while (values[j] < pivot)
                j--;
            if (i <= j) {
                const double swap = values[i];
                values[i++] = values[j];
                values[j--] = swap;
            }
        }
        if (k - 1 <= j)
            high = j;
        else if (k - 1 >= i)
            low = i;
        else
            break;
    }
    return values[k - 1];
}

void bal_candidates_raise(bal_candidates *set, int64_t list, double *scores, int64_t count,
                          double margin)
{
    if (count < set->k)
        return;
    const double bound = kth_largest(scores, count, set->k) - margin;
    if (bound > set->bound[list])
        set->bound[list] = bound;
}

static double lower_bound(const bal_candidates *set, int64_t list, const bal_candidate *c)
{
    if (c->exact)
        return bal_score_at(set->scaling, set->half[list], c->distance);
    return (double)c->guess.score - (double)c->guess.margin;
}

static bool can_matter(const bal_candidates *set, int64_t list, const bal_candidate *c)
{
    return c->exact || (c->index <= set->last[list] &&
                        (double)c->guess.score + (double)c->guess.margin >= set->bound[list]);
}

static void drop(bal_candidates *set, int64_t list, double *scratch)
{
    bal_candidate *entries = set->entries + list * set->room;
    const int64_t count = set->count[list];
    if (count > set->k) {
        for (int64_t i = 0; i < count; i++)
            scratch[i] = lower_bound(set, list, &entries[i]);
        const double bound = kth_largest(scratch, count, set->k);
        if (bound > set->bound[list])
            set->bound[list] = bound;
    }
    int64_t kept = 0;
    for (int64_t i = 0; i < count; i++)
        if (can_matter(set, list, &entries[i]))
            entries[kept++] = entries[i];
    set->count[list] = kept;
}

static int nearer(const void *a, const void *b)
{
    const bal_candidate *x = a, *y = b;
    if (x->distance != y->distance)
        return x->distance < y->distance ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

/* Computes the distances and keeps the k nearest. */
static void resolve(bal_candidates *set, int64_t list)
{
    bal_candidate *entries = set->entries + list * set->room;
    const int64_t columns = set->points.columns;
    const int64_t row = set->rows ? set->rows[list] : set->first + list;
    const float *query = set->queries.values + row * columns;
    for (int64_t i = 0; i < set->count[list]; i++) {
        bal_candidate *c = &entries[i];
        if (c->exact)
            continue;
        const float *point = set->points.values + c->index * columns;
        c->distance = set->scaling->distance == BAL_COSINE
                          ? bal_rows_cosine(query, point, columns)
                          : bal_rows_euclidean(query, point, columns);
        c->exact = true;
    }
    qsort(entries, (size_t)set->count[list], sizeof *entries, nearer);
    if (set->count[list] < set->k)
        return;
    set->count[list] = set->k;
    const bal_candidate *worst = &entries[set->k - 1];
    const double bound = bal_score_at(set->scaling, set->half[list], worst->distance);
    if (bound > set->bound[list])
        set->bound[list] = bound;
    if (worst->distance == 0.0)
        set->last[list] = worst->index;
}

void bal_candidates_offer(bal_candidates *set, int64_t list, const bal_candidate *row,
                          double *scratch)
{
    if (!can_matter(set, list, row))
        return;
    if (set->count[list] == set->room) {
        drop(set, list, scratch);
        if (set->count[list] > set->k + (set->room - set->k) / 2)
            resolve(set, list);
    }
    set->entries[list * set->room + set->count[list]++] = *row;
}

const bal_candidate *bal_candidates_finish(bal_candidates *set, int64_t list, double *scratch,
                                           int64_t *count)
{
    drop(set, list, scratch);
    resolve(set, list);
    *count = set->count[list];
    return set->entries + list * set->room;
}
