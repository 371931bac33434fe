/* Which items are measured where all would be too many. */
#include "numeric/statistics/stratify.h"

#include <stdlib.h>

typedef struct remainder {
    double part;
    int c;
} remainder;

/* largest first; equal ones in class order */
static int larger_first(const void *a, const void *b)
{
    const remainder *x = a, *y = b;
    if (x->part != y->part)
        return x->part < y->part ? 1 : -1;
    return x->c - y->c;
}

/* How many of each class: an even share first, then by what is left of each class (largest
 * remainders). places < sum of counts. */
static bal_status share_places(bal_ctx *ctx, const int64_t *counts, int classes, int64_t places,
                               int64_t *quota)
{
    remainder *order = bal_calloc(ctx, (size_t)classes, sizeof *order);
    if (!order)
        return BAL_NO_MEMORY;
    const int64_t even = places / 4 / classes;
    int64_t free_places = places, left = 0;
    for (int c = 0; c < classes; c++) {
        quota[c] = counts[c] < even ? counts[c] : even;
        free_places -= quota[c];
        left += counts[c] - quota[c];
    }
    const double each = (double)free_places / (double)left;
    for (int c = 0; c < classes; c++) {
        const double wanted = (double)(counts[c] - quota[c]) * each;
        const int64_t whole = (int64_t)wanted;
        order[c] = (remainder){wanted - (double)whole, c};
        quota[c] += whole;
        free_places -= whole;
    }
    qsort(order, (size_t)classes, sizeof *order, larger_first);
    for (int i = 0; free_places > 0; i = (i + 1) % classes) {
        const int c = order[i].c;
        if (quota[c] < counts[c]) {
            quota[c]++;
            free_places--;
        }
    }
    bal_free(ctx, order);
    return BAL_OK;
}

/* The first quota[c] rows of each class after a shuffle, ascending. */
static bal_status choose(bal_ctx *ctx, const bal_stratify_ask *ask, const int64_t *counts,
                         const int64_t *quota, int64_t *rows)
{
    int64_t *places = bal_calloc(ctx, (size_t)ask->count, sizeof *places);
    int64_t *next = bal_calloc(ctx, (size_t)ask->classes, sizeof *next);
    uint8_t *keep = bal_calloc(ctx, (size_t)ask->count, 1);
    const bal_status status = places && next && keep ? BAL_OK : BAL_NO_MEMORY;
    if (status == BAL_OK) { /* rows, class by class */
        for (int c = 1; c < ask->classes; c++)
            next[c] = next[c - 1] + counts[c - 1];
        for (int64_t i = 0; i < ask->count; i++)
            places[next[ask->labels[i]]++] = i;
        for (int c = 0; c < ask->classes; c++) {
            int64_t *of_class = places + next[c] - counts[c];
            bal_random draw = bal_random_at(ask->seed, ask->stream, 0, (uint64_t)c);
            bal_random_shuffle(&draw, of_class, counts[c]);
            for (int64_t i = 0; i < quota[c]; i++)
                keep[of_class[i]] = 1;
        }
        for (int64_t i = 0; i < ask->count; i++)
            if (keep[i])
                *rows++ = i;
    }
    bal_free(ctx, places);
    bal_free(ctx, next);
    bal_free(ctx, keep);
    return status;
}

bal_status bal_stratify(bal_ctx *ctx, const bal_stratify_ask *ask, int64_t **rows, int64_t *count)
{
    *count = ask->most > 0 && ask->most < ask->count ? ask->most : ask->count;
    *rows = bal_calloc(ctx, (size_t)*count, sizeof **rows);
    if (!*rows)
        return BAL_NO_MEMORY;
    if (*count == ask->count) {
        for (int64_t i = 0; i < *count; i++)
            (*rows)[i] = i;
        return BAL_OK;
    }
    int64_t *counts = bal_calloc(ctx, (size_t)ask->classes, sizeof *counts);
    int64_t *quota = bal_calloc(ctx, (size_t)ask->classes, sizeof *quota);
    bal_status status = counts && quota ? BAL_OK : BAL_NO_MEMORY;
    if (status == BAL_OK) {
        for (int64_t i = 0; i < ask->count; i++)
            counts[ask->labels[i]]++;
        status = share_places(ctx, counts, ask->classes, *count, quota);
    }
    if (status == BAL_OK)
        status = choose(ctx, ask, counts, quota, *rows);
    bal_free(ctx, counts);
    bal_free(ctx, quota);
    if (status != BAL_OK) {
        bal_free(ctx, *rows);
        *rows = NULL;
    }
    return status;
}
