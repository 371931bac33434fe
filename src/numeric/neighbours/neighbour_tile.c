/* See neighbour_tile.h. The scan looks for any passing value in chunks of a row, which compilers
 * turn into vector instructions; only chunks with one are looked at value by value. */
#include "numeric/neighbours/neighbour_tile.h"

#include "numeric/blas.h"

#include <float.h>
#include <math.h>
#include <string.h>

bal_status bal_tile_space_open(bal_tile_space *s, bal_ctx *ctx, int64_t edge, int64_t k)
{
    const size_t n = (size_t)edge;
    *s = (bal_tile_space){0};
    s->product = bal_calloc_aligned(ctx, n * n, sizeof *s->product);
    s->half = bal_calloc_aligned(ctx, n, sizeof *s->half);
    s->best = bal_calloc(ctx, n / BAL_TILE_GROUP * n, sizeof *s->best);
    s->found = bal_calloc(ctx, n / BAL_TILE_CHUNK, 1);
    const size_t room = (size_t)bal_candidates_room(k), groups = n / BAL_TILE_GROUP;
    s->scratch = bal_calloc(ctx, room > groups ? room : groups, sizeof *s->scratch);
    bool complete = s->product && s->half && s->best && s->found && s->scratch;
    for (int v = 0; v < 2 && complete; v++) {
        bal_tile_view *view = &s->views[v];
        view->limit = bal_calloc_aligned(ctx, n, sizeof *view->limit);
        view->margin = bal_calloc(ctx, n, sizeof *view->margin);
        view->hits = bal_calloc(ctx, BAL_TILE_HITS, sizeof *view->hits);
        complete = view->limit && view->margin && view->hits;
    }
    if (complete)
        return BAL_OK;
    bal_tile_space_close(ctx, s);
    return BAL_NO_MEMORY;
}

void bal_tile_space_close(bal_ctx *ctx, bal_tile_space *s)
{
    for (int v = 0; v < 2; v++) {
        bal_free_aligned(ctx, s->views[v].limit);
        bal_free(ctx, s->views[v].margin);
        bal_free(ctx, s->views[v].hits);
    }
    bal_free_aligned(ctx, s->product);
    bal_free_aligned(ctx, s->half);
    bal_free(ctx, s->best);
    bal_free(ctx, s->found);
    bal_free(ctx, s->scratch);
    *s = (bal_tile_space){0};
}

static int64_t block_rows(const bal_tile_work *work, const bal_tile_side *side, int64_t block)
{
    const int64_t left = side->count - block * work->edge;
    return left < work->edge ? left : work->edge;
}

static int64_t row_at(const bal_tile_side *side, int64_t place)
{
    return side->rows ? side->rows[place] : side->first + place;
}

/* Where a row is in a block of the points; -1: not there. */
static int64_t place_of(const bal_tile_work *work, int64_t block, int64_t row)
{
    const bal_tile_side *points = &work->points;
    const int64_t first = block * work->edge, count = block_rows(work, points, block);
    if (row < row_at(points, first) || row > row_at(points, first + count - 1))
        return -1;
    return points->rows ? bal_find_row(points->rows + first, count, row)
                        : row - points->first - first;
}

/* Under the lock of the view's block. */
static void take_limits(const bal_tile_work *work, bal_tile_view *view)
{
    const int64_t list = view->block * work->edge;
    for (int64_t r = 0; r < view->rows; r++) {
        const double limit = work->set.bound[list + r] - (double)view->margin[r];
        view->limit[r] = limit > -FLT_MAX ? nextafterf((float)limit, -FLT_MAX) : -FLT_MAX;
        if (work->set.last[list + r] < view->other->lowest[view->other_block])
            view->limit[r] = INFINITY;
    }
}

static void begin_view(bal_tile_work *work, bal_tile_view *view)
{
    const int64_t list = view->block * work->edge;
    view->rows = block_rows(work, view->own, view->block);
    view->count = 0;
    for (int64_t r = 0; r < view->rows; r++)
        view->margin[r] = nextafterf(
            (float)bal_score_margin(work->scaling, (double)view->own->scaled.radius[list + r],
                                    (double)view->other->most[view->other_block]),
            FLT_MAX);
    for (int64_t r = view->rows; r < work->edge; r++)
        view->limit[r] = INFINITY;
    pthread_mutex_lock(&work->locks[view->block]);
    take_limits(work, view);
    pthread_mutex_unlock(&work->locks[view->block]);
}

static void hand_over(bal_tile_work *work, bal_tile_view *view, double *scratch)
{
    const int64_t list = view->block * work->edge, other = view->other_block * work->edge;
    pthread_mutex_lock(&work->locks[view->block]);
    for (int64_t h = 0; h < view->count; h++) {
        const bal_tile_hit *hit = &view->hits[h];
        const int64_t index = row_at(view->other, other + hit->other);
        if (work->group && work->group[index] == work->group[row_at(view->own, list + hit->list)])
            continue;
        const bal_candidate row = {
            .guess = {hit->score, view->margin[hit->list]},
            .index = (int32_t)index,
        };
        bal_candidates_offer(&work->set, list + hit->list, &row, scratch);
    }
    take_limits(work, view);
    pthread_mutex_unlock(&work->locks[view->block]);
    view->count = 0;
}

/* found[c]: whether chunk c of a row has a value that passes. */
BAL_WIDE static bool scan_row(const float *product, const float *half, float limit, int64_t chunks,
                              unsigned char *found)
{
    int any = 0;
    for (int64_t c = 0; c < chunks; c++) {
        const float *p = product + c * BAL_TILE_CHUNK, *h = half + c * BAL_TILE_CHUNK;
        int hit = 0;
        for (int l = 0; l < BAL_TILE_CHUNK; l++)
            hit |= p[l] - h[l] >= limit;
        found[c] = (unsigned char)hit;
        any |= hit;
    }
    return any;
}

/* The same for both sides: the row as a query, and as a point of every column. */
BAL_WIDE static bool scan_both(const float *product, const float *half, float limit, int64_t chunks,
                               unsigned char *found, float own_half, const float *limits)
{
    int any = 0;
    for (int64_t c = 0; c < chunks; c++) {
        const float *p = product + c * BAL_TILE_CHUNK, *h = half + c * BAL_TILE_CHUNK;
        const float *t = limits + c * BAL_TILE_CHUNK;
        int hit = 0;
        for (int l = 0; l < BAL_TILE_CHUNK; l++)
            hit |= (p[l] - h[l] >= limit) | (p[l] - own_half >= t[l]);
        found[c] = (unsigned char)hit;
        any |= hit;
    }
    return any;
}

/* ---- a chunk with a value that passes ----
 * It is marked whole, in vector instructions, and then looked at in eighths: few of them have a
 * passing value. */

enum { EIGHTH = BAL_TILE_CHUNK / 8 };

BAL_WIDE static void mark_row(const float *product, const float *half, float limit,
                              unsigned char *passes)
{
    for (int l = 0; l < BAL_TILE_CHUNK; l++)
        passes[l] = product[l] - half[l] >= limit;
}

BAL_WIDE static void mark_columns(const float *product, float half, const float *limits,
                                  unsigned char *passes)
{
    for (int l = 0; l < BAL_TILE_CHUNK; l++)
        passes[l] = product[l] - half >= limits[l];
}

static bool has_mark(const unsigned char *eighth)
{
    static const unsigned char none[EIGHTH];
    return memcmp(eighth, none, EIGHTH) != 0;
}

/* Written whether it passes or not, and kept if it does: which one does cannot be guessed. */
static void add_hit(bal_tile_view *view, int64_t list, int64_t other, float score, bool passes)
{
    view->hits[view->count] = (bal_tile_hit){(int32_t)list, (int32_t)other, score};
    view->count += passes;
}

/* The values of one chunk that pass. */
static void take_chunk(bal_tile_work *work, bal_tile_space *space, int64_t row, int64_t column)
{
    unsigned char passes[BAL_TILE_CHUNK];
    bal_tile_view *rows = &space->views[0], *columns = &space->views[1];
    const float *product = space->product + row * work->edge + column;
    const float *halves = space->half + column;
    if (rows->count + BAL_TILE_CHUNK > BAL_TILE_HITS)
        hand_over(work, rows, space->scratch);
    mark_row(product, halves, rows->limit[row], passes);
    for (int64_t e = 0; e < BAL_TILE_CHUNK; e += EIGHTH)
        if (has_mark(passes + e))
            for (int64_t c = e; c < e + EIGHTH; c++)
                add_hit(rows, row, column + c, product[c] - halves[c], passes[c]);
    if (!columns->rows)
        return;
    if (columns->count + BAL_TILE_CHUNK > BAL_TILE_HITS)
        hand_over(work, columns, space->scratch);
    const float half = work->queries.scaled.half[rows->block * work->edge + row];
    mark_columns(product, half, columns->limit + column, passes);
    for (int64_t e = 0; e < BAL_TILE_CHUNK; e += EIGHTH)
        if (has_mark(passes + e))
            for (int64_t c = e; c < e + EIGHTH; c++)
                add_hit(columns, column + c, row, product[c] - half, passes[c]);
}

static void multiply(const bal_tile_work *work, bal_tile_space *space, int64_t i, int64_t j)
{
    const int64_t edge = work->edge, inner = work->scaling->columns;
    const int64_t columns = block_rows(work, &work->points, j);
    bal_multiply_floats(&(bal_float_product){
        .rows = block_rows(work, &work->queries, i),
        .columns = columns,
        .inner = inner,
        .a = work->queries.scaled.values + i * edge * inner,
        .b = work->points.scaled.values + j * edge * inner,
        .out = space->product,
        .stride = edge,
    });
    memcpy(space->half, work->points.scaled.half + j * edge, (size_t)columns * sizeof(float));
    for (int64_t c = columns; c < edge; c++)
        space->half[c] = INFINITY;
}

/* Whether all rows of both blocks are in the same group. */
static bool same_group(const bal_tile_work *work, int64_t i, int64_t j)
{
    const int64_t edge = work->edge;
    const int64_t first = i * edge, last = first + block_rows(work, &work->queries, i) - 1;
    const int64_t begin = j * edge, end = begin + block_rows(work, &work->points, j) - 1;
    const int32_t group = work->group[row_at(&work->queries, first)];
    return group == work->group[row_at(&work->queries, last)] &&
           group == work->group[row_at(&work->points, begin)] &&
           group == work->group[row_at(&work->points, end)];
}

static void begin_views(bal_tile_work *work, bal_tile_space *space, int64_t i, int64_t j)
{
    bal_tile_view *rows = &space->views[0], *columns = &space->views[1];
    rows->block = columns->other_block = i;
    rows->other_block = columns->block = j;
    rows->own = columns->other = &work->queries;
    rows->other = columns->own = &work->points;
    begin_view(work, rows);
    columns->rows = 0;
    if (work->mirrors && i != j)
        begin_view(work, columns);
}

/* ---- the first tile of a list ----
 * A list without a bound would take every row of its first tile. The k-th largest of the best
 * scores of groups of rows is a bound that costs one look at each, and nearly all fail it. */

BAL_WIDE static void best_of_row(const float *product, const float *half, int64_t groups,
                                 double *best)
{
    for (int64_t g = 0; g < groups; g++) {
        float most = -INFINITY;
        for (int64_t c = g * BAL_TILE_GROUP; c < (g + 1) * BAL_TILE_GROUP; c++) {
            const float score = product[c] - half[c];
            most = score > most ? score : most;
        }
        best[g] = (double)most;
    }
}

BAL_WIDE static void best_of_columns(const float *product, float half, int64_t edge, float *best)
{
    for (int64_t c = 0; c < edge; c++) {
        const float score = product[c] - half;
        best[c] = score > best[c] ? score : best[c];
    }
}

static void raise_rows(bal_tile_work *work, bal_tile_space *space)
{
    bal_tile_view *view = &space->views[0];
    const int64_t edge = work->edge, groups = edge / BAL_TILE_GROUP;
    pthread_mutex_lock(&work->locks[view->block]);
    for (int64_t r = 0; r < view->rows; r++)
        if (view->limit[r] == -FLT_MAX) {
            best_of_row(space->product + r * edge, space->half, groups, space->scratch);
            bal_candidates_raise(&work->set, view->block * edge + r, space->scratch, groups,
                                 (double)view->margin[r]);
        }
    take_limits(work, view);
    pthread_mutex_unlock(&work->locks[view->block]);
}

static void raise_columns(bal_tile_work *work, bal_tile_space *space)
{
    bal_tile_view *view = &space->views[1];
    const int64_t edge = work->edge, groups = edge / BAL_TILE_GROUP;
    const int64_t rows = space->views[0].rows, first = space->views[0].block * edge;
    for (int64_t i = 0; i < groups * edge; i++)
        space->best[i] = -INFINITY;
    for (int64_t r = 0; r < rows; r++)
        best_of_columns(space->product + r * edge, work->queries.scaled.half[first + r], edge,
                        space->best + r / BAL_TILE_GROUP * edge);
    pthread_mutex_lock(&work->locks[view->block]);
    for (int64_t c = 0; c < view->rows; c++)
        if (view->limit[c] == -FLT_MAX) {
            for (int64_t g = 0; g < groups; g++)
                space->scratch[g] = (double)space->best[g * edge + c];
            bal_candidates_raise(&work->set, view->block * edge + c, space->scratch, groups,
                                 (double)view->margin[c]);
        }
    take_limits(work, view);
    pthread_mutex_unlock(&work->locks[view->block]);
}

static bool has_list_without_bound(const bal_tile_view *view)
{
    for (int64_t r = 0; r < view->rows; r++)
        if (view->limit[r] == -FLT_MAX)
            return true;
    return false;
}

/* Rows of the same group are no neighbours, so a best score may be nobody's: no bounds then. */
static void raise_bounds(bal_tile_work *work, bal_tile_space *space)
{
    if (work->group || work->set.k > work->edge / BAL_TILE_GROUP)
        return;
    if (has_list_without_bound(&space->views[0]))
        raise_rows(work, space);
    if (has_list_without_bound(&space->views[1]))
        raise_columns(work, space);
}

void bal_tile_run(bal_tile_work *work, bal_tile_space *space, int64_t i, int64_t j)
{
    const int64_t edge = work->edge;
    const int64_t chunks =
        (block_rows(work, &work->points, j) + BAL_TILE_CHUNK - 1) / BAL_TILE_CHUNK;
    bal_tile_view *rows = &space->views[0], *columns = &space->views[1];
    if (work->group && same_group(work, i, j))
        return;
    multiply(work, space, i, j);
    begin_views(work, space, i, j);
    for (int64_t r = 0; work->self && r < rows->rows; r++) {
        const int64_t self = place_of(work, j, row_at(&work->queries, i * edge + r));
        if (self >= 0)
            space->product[r * edge + self] = -INFINITY; /* passes nowhere */
    }
    raise_bounds(work, space);
    for (int64_t r = 0; r < rows->rows; r++) {
        const float *product = space->product + r * edge;
        const float half = work->queries.scaled.half[i * edge + r];
        if (columns->rows ? !scan_both(product, space->half, rows->limit[r], chunks, space->found,
                                       half, columns->limit)
                          : !scan_row(product, space->half, rows->limit[r], chunks, space->found))
            continue;
        for (int64_t c = 0; c < chunks; c++)
            if (space->found[c])
                take_chunk(work, space, r, c * BAL_TILE_CHUNK);
    }
    hand_over(work, rows, space->scratch);
    if (columns->rows)
        hand_over(work, columns, space->scratch);
}
