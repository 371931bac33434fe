/* See spanning_tree.h. Each row has a list of its nearest rows outside its component. A component
 * takes its shortest edge from these lists, unless a list that has run out (all of it is in the
 * component by now) could hide a shorter one; those rows are searched again. The largest component
 * waits: the others' edges are right without its own, and its rows are most of the work. */
#include "numeric/neighbours/spanning_tree.h"

#include "numeric/neighbours/neighbour_search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LIST 10 /* rows of a list */

typedef struct tree {
    bal_ctx *ctx;
    const bal_spanning_tree_settings *settings;
    bal_edge *edges;
    int64_t rows, found, k; /* k: length of the lists */
    int32_t *parent;        /* union-find */
    int32_t *component;     /* a row: its root, in this round */
    int32_t *size;          /* a root */
    int64_t *near;          /* rows x k */
    double *apart;          /* rows x k */
    int32_t *at;            /* a row: entries of its list before this are in its component */
    bal_edge *best;         /* a root: the shortest edge out of it; infinite: none known */
    int64_t *order;         /* all rows in the order of their components */
    int64_t *searched;      /* rows to be searched */
    int64_t *start;         /* a root: for the order */
    int64_t *fresh;         /* searched x k: what the search found */
    double *fresh_apart;
} tree;

static int32_t root_of(tree *t, int32_t row)
{
    while (t->parent[row] != row) {
        t->parent[row] = t->parent[t->parent[row]];
        row = t->parent[row];
    }
    return row;
}

static bool shorter(const bal_edge *a, const bal_edge *b)
{
    if (a->distance != b->distance)
        return a->distance < b->distance;
    return a->from != b->from ? a->from < b->from : a->to < b->to;
}

/* Offers the first entry of a row's list that leads out of its component. */
static void offer(tree *t, int64_t row)
{
    const int32_t c = t->component[row];
    const int64_t *near = t->near + row * t->k;
    while (t->at[row] < t->k && near[t->at[row]] >= 0 && t->component[near[t->at[row]]] == c)
        t->at[row]++;
    if (t->at[row] == t->k || near[t->at[row]] < 0)
        return;
    const int64_t other = near[t->at[row]];
    const bal_edge edge = {
        .from = row < other ? row : other,
        .to = row < other ? other : row,
        .distance = t->apart[row * t->k + t->at[row]],
    };
    if (shorter(&edge, &t->best[c]))
        t->best[c] = edge;
}

/* Whether a row's list has run out, and rows that it does not name could be nearer than what the
 * component has; as near is near enough, for the order of rows decides then. */
static bool hides(const tree *t, int64_t row)
{
    return t->at[row] == t->k &&
           t->apart[row * t->k + t->k - 1] <= t->best[t->component[row]].distance;
}

/* The components of this round; returns the largest. */
static int32_t label(tree *t)
{
    int32_t most = 0;
    memset(t->size, 0, (size_t)t->rows * sizeof *t->size);
    for (int64_t i = 0; i < t->rows; i++) {
        const int32_t c = root_of(t, (int32_t)i);
        t->component[i] = c;
        t->best[i].distance = INFINITY;
        t->best[i].from = t->best[i].to = INT64_MAX;
        t->size[c]++;
    }
    for (int64_t c = 0; c < t->rows; c++)
        if (t->size[c] > t->size[most])
            most = (int32_t)c;
    return most;
}

/* Fills order with all rows, and searched with those that hide, both by component. */
static int64_t list_rows(tree *t, int32_t waits)
{
    int64_t sum = 0, count = 0;
    for (int64_t c = 0; c < t->rows; c++) {
        t->start[c] = sum;
        sum += t->size[c];
    }
    for (int64_t i = 0; i < t->rows; i++)
        t->order[t->start[t->component[i]]++] = i;
    for (int64_t p = 0; p < t->rows; p++) {
        const int64_t row = t->order[p];
        if (t->component[row] != waits && hides(t, row))
            t->searched[count++] = row;
    }
    return count;
}

/* New lists for the rows that hide. */
static bal_status search(tree *t, int64_t count)
{
    bal_search_settings s = {
        .basic = {.points = t->settings->rows,
                  .point_rows = t->order,
                  .point_count = t->rows,
                  .query_rows = t->searched,
                  .query_count = count,
                  .k = t->k,
                  .memory = t->settings->memory},
        .group = t->component,
    };
    t->fresh = bal_calloc(t->ctx, (size_t)count, (size_t)t->k * sizeof *t->fresh);
    t->fresh_apart = bal_calloc(t->ctx, (size_t)count, (size_t)t->k * sizeof *t->fresh_apart);
    if (!t->fresh || !t->fresh_apart)
        return BAL_NO_MEMORY;
    s.index = t->fresh;
    s.distance = t->fresh_apart;
    BAL_TRY(bal_search(t->ctx, &s));
    for (int64_t i = 0; i < count; i++) {
        const int64_t row = t->searched[i];
        memcpy(t->near + row * t->k, t->fresh + i * t->k, (size_t)t->k * sizeof *t->near);
        memcpy(t->apart + row * t->k, t->fresh_apart + i * t->k, (size_t)t->k * sizeof *t->apart);
        t->at[row] = 0;
        offer(t, row);
    }
    bal_free(t->ctx, t->fresh);
    bal_free(t->ctx, t->fresh_apart);
    t->fresh = NULL;
    t->fresh_apart = NULL;
    return BAL_OK;
}

static void unite(tree *t, int32_t waits)
{
    for (int64_t c = 0; c < t->rows; c++) {
        if (c == waits || t->size[c] == 0)
            continue;
        const bal_edge *edge = &t->best[c];
        const int32_t a = root_of(t, (int32_t)edge->from), b = root_of(t, (int32_t)edge->to);
        if (a == b) /* the other component has taken the same edge */
            continue;
        t->parent[a] = b;
        t->edges[t->found++] = *edge;
    }
}

static bal_status grow(tree *t)
{
    while (t->found < t->rows - 1) {
        const int32_t waits = label(t);
        for (int64_t i = 0; i < t->rows; i++)
            if (t->component[i] != waits)
                offer(t, i);
        const int64_t count = list_rows(t, waits);
        if (count > 0)
            BAL_TRY(search(t, count));
        unite(t, waits);
        if (t->settings->progress)
            t->settings->progress(t->settings->user, t->found, t->rows - 1);
        if (bal_take_interrupt(t->ctx))
            return bal_fail(t->ctx, BAL_INTERRUPTED,
                            "interrupted in the spanning tree, %lld of %lld edges found",
                            (long long)t->found, (long long)t->rows - 1);
    }
    return BAL_OK;
}

static int by_length(const void *a, const void *b)
{
    return shorter(a, b) ? -1 : shorter(b, a);
}

static bal_status allocate(tree *t)
{
    const size_t n = (size_t)t->rows, k = (size_t)t->k;
    t->parent = bal_calloc(t->ctx, n, sizeof *t->parent);
    t->component = bal_calloc(t->ctx, n, sizeof *t->component);
    t->size = bal_calloc(t->ctx, n, sizeof *t->size);
    t->near = bal_calloc(t->ctx, n, k * sizeof *t->near);
    t->apart = bal_calloc(t->ctx, n, k * sizeof *t->apart);
    t->at = bal_calloc(t->ctx, n, sizeof *t->at);
    t->best = bal_calloc(t->ctx, n, sizeof *t->best);
    t->order = bal_calloc(t->ctx, n, sizeof *t->order);
    t->searched = bal_calloc(t->ctx, n, sizeof *t->searched);
    t->start = bal_calloc(t->ctx, n, sizeof *t->start);
    return t->parent && t->component && t->size && t->near && t->apart && t->at && t->best &&
                   t->order && t->searched && t->start
               ? BAL_OK
               : BAL_NO_MEMORY;
}

static void release(tree *t)
{
    bal_free(t->ctx, t->parent);
    bal_free(t->ctx, t->component);
    bal_free(t->ctx, t->size);
    bal_free(t->ctx, t->near);
    bal_free(t->ctx, t->apart);
    bal_free(t->ctx, t->at);
    bal_free(t->ctx, t->best);
    bal_free(t->ctx, t->order);
    bal_free(t->ctx, t->searched);
    bal_free(t->ctx, t->start);
    bal_free(t->ctx, t->fresh);
    bal_free(t->ctx, t->fresh_apart);
}

static bal_status build(tree *t)
{
    BAL_TRY(allocate(t));
    for (int64_t i = 0; i < t->rows; i++)
        t->parent[i] = (int32_t)i;
    const bal_search_settings first = {
        .basic = {.points = t->settings->rows, .k = t->k, .memory = t->settings->memory},
        .index = t->near,
        .distance = t->apart,
    };
    BAL_TRY(bal_search(t->ctx, &first));
    BAL_TRY(grow(t));
    qsort(t->edges, (size_t)t->found, sizeof *t->edges, by_length);
    return BAL_OK;
}

bal_status bal_spanning_tree(bal_ctx *ctx, const bal_spanning_tree_settings *settings,
                             bal_edge *edges)
{
    tree t = {.ctx = ctx, .settings = settings, .edges = edges, .rows = settings->rows.rows};
    BAL_TRY(bal_rows_check(ctx, "rows", &settings->rows));
    if (t.rows == 1)
        return BAL_OK;
    t.k = t.rows - 1 < LIST ? t.rows - 1 : LIST;
    const bal_status status = build(&t);
    release(&t);
    return status;
}
