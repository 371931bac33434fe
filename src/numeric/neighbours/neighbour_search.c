/* See neighbour_search.h. The work is cut into parts that fit in memory, a part into blocks, and
 * each pair of blocks is an item for the pool (neighbour_tile.h). Where all fits in one part and
 * the queries are the points, half of the pairs do. */
#include "numeric/neighbours/neighbour_search.h"

#include "numeric/blas.h"
#include "numeric/neighbours/neighbour_tile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_MEMORY ((size_t)256 << 20)
#define MOST_EDGE 512
#define LEAST_EDGE 64
#define LEAST_FOR_QUERIES ((size_t)64 << 10)
#define MEASURED 256 /* rows at a time */

typedef struct search {
    bal_ctx *ctx;
    const bal_search_settings *all;
    const bal_neighbours_settings *settings; /* all->basic */
    bal_rows queries;
    int64_t query_count, point_count; /* all, or those of the lists */
    bool same;                        /* the queries are the points */
    bal_scaling scaling;
    bal_pool *pool;
    int64_t query_part, point_part; /* rows of a part */
    bal_tile_work work;
    int64_t locks; /* that were made */
    bal_tile_space *spaces;
    bal_tile_side *filling; /* the side that is scaled at the moment */
    const bal_rows *measured;
    const int64_t *listed; /* of the rows measured, or NULL: all of them */
    int64_t listed_count;
    float *largest;                 /* a worker: of the magnitudes that it saw */
    atomic_int_fast64_t not_finite; /* place of the first row with such a value */
    atomic_int_fast64_t done;
    int64_t total;
} search;

static int64_t blocks_of(int64_t rows, int64_t edge)
{
    return (rows + edge - 1) / edge;
}

/* Whether a query can be one of the points. */
static bool share_rows(const bal_neighbours_settings *t)
{
    if (t->queries.values)
        return false;
    if (!t->point_rows || !t->query_rows || t->point_rows == t->query_rows)
        return true;
    for (int64_t i = 0; i < t->query_count; i++)
        if (bal_find_row(t->point_rows, t->point_count, t->query_rows[i]) >= 0)
            return true;
    return false;
}

static bal_status check(search *s)
{
    const bal_neighbours_settings *t = s->settings;
    bal_ctx *ctx = s->ctx;
    BAL_TRY(bal_rows_check_shape(ctx, "points", &t->points));
    if (t->queries.values)
        BAL_TRY(bal_rows_check_shape(ctx, "queries", &t->queries));
    s->queries = t->queries.values ? t->queries : t->points;
    s->point_count = t->point_rows ? t->point_count : t->points.rows;
    s->query_count = t->query_rows ? t->query_count : s->queries.rows;
    if (s->queries.columns != t->points.columns)
        return bal_fail(ctx, BAL_BAD_ARG, "the queries have %lld columns and the points %lld",
                        (long long)s->queries.columns, (long long)t->points.columns);
    s->same =
        !t->queries.values && t->query_rows == t->point_rows && s->query_count == s->point_count;
    const int64_t most = s->point_count - (!s->all->group && share_rows(t));
    if (most < 1)
        return bal_fail(ctx, BAL_BAD_ARG, "a single point has no neighbours");
    if (t->k < 1 || t->k > most)
        return bal_fail(ctx, BAL_BAD_ARG, "k is %lld: with %lld points it can be 1..%lld",
                        (long long)t->k, (long long)s->point_count, (long long)most);
    if (t->distance != BAL_EUCLIDEAN && t->distance != BAL_COSINE)
        return bal_fail(ctx, BAL_BAD_ARG, "distance %d does not exist", (int)t->distance);
    return BAL_OK;
}

static int64_t within(int64_t value, int64_t least, int64_t most)
{
    value = value > least ? value : least;
    return value < most ? value : most;
}

/* How large blocks and parts are. */
static void plan(search *s)
{
    const bal_neighbours_settings *t = s->settings;
    const int64_t threads = bal_pool_threads(s->pool);
    const int64_t points = s->point_count, queries = s->query_count;
    const size_t memory = t->memory ? t->memory : DEFAULT_MEMORY;
    int64_t edge = MOST_EDGE;
    while (edge > LEAST_EDGE && ((size_t)(threads * edge * edge) * sizeof(float) > memory / 4 ||
                                 blocks_of(points, edge) * blocks_of(queries, edge) < 8 * threads))
        edge /= 2;
    const size_t tiles = (size_t)(threads * edge * edge) * sizeof(float);
    const size_t room = memory > tiles ? memory - tiles : 0;
    const size_t a_point = (size_t)(t->points.columns + 2) * sizeof(float);
    const size_t a_query = a_point + bal_candidates_bytes(t->k);
    s->work.edge = edge;
    s->work.group = s->all->group;
    s->work.self = !t->queries.values && !s->work.group;
    s->work.mirrors = s->work.self && s->same && (int64_t)(room / a_query) >= queries;
    s->query_part = queries;
    s->point_part = points;
    if (s->work.mirrors)
        return;
    size_t for_points = room / 2;
    if ((int64_t)(for_points / a_query) >= queries)
        for_points = room - (size_t)queries * a_query;
    s->point_part = within((int64_t)(for_points / a_point), edge, points);
    const size_t used = (size_t)s->point_part * a_point;
    size_t for_queries = room > used ? room - used : 0;
    for_queries = for_queries > LEAST_FOR_QUERIES ? for_queries : LEAST_FOR_QUERIES;
    s->query_part = within((int64_t)(for_queries / a_query), 1, queries);
}

static bal_status open_side(search *s, bal_tile_side *side, int64_t rows)
{
    const size_t n = (size_t)rows, blocks = (size_t)blocks_of(rows, s->work.edge);
    side->scaled.values =
        bal_alloc_aligned(s->ctx, n * (size_t)s->scaling.columns, sizeof *side->scaled.values);
    side->scaled.half = bal_calloc(s->ctx, n, sizeof *side->scaled.half);
    side->scaled.radius = bal_calloc(s->ctx, n, sizeof *side->scaled.radius);
    side->most = bal_calloc(s->ctx, blocks, sizeof *side->most);
    side->lowest = bal_calloc(s->ctx, blocks, sizeof *side->lowest);
    return side->scaled.values && side->scaled.half && side->scaled.radius && side->most &&
                   side->lowest
               ? BAL_OK
               : BAL_NO_MEMORY;
}

static void close_side(search *s, bal_tile_side *side)
{
    bal_free_aligned(s->ctx, side->scaled.values);
    bal_free(s->ctx, side->scaled.half);
    bal_free(s->ctx, side->scaled.radius);
    bal_free(s->ctx, side->most);
    bal_free(s->ctx, side->lowest);
}

static bal_status open_lists(search *s)
{
    const size_t lists = (size_t)s->query_part;
    const int64_t blocks = blocks_of(s->query_part, s->work.edge);
    bal_candidates *set = &s->work.set;
    *set = (bal_candidates){
        .scaling = &s->scaling,
        .points = s->settings->points,
        .queries = s->queries,
        .half = s->work.queries.scaled.half,
        .k = s->settings->k,
        .room = bal_candidates_room(s->settings->k),
    };
    set->count = bal_calloc(s->ctx, lists, sizeof *set->count);
    set->bound = bal_calloc(s->ctx, lists, sizeof *set->bound);
    set->last = bal_calloc(s->ctx, lists, sizeof *set->last);
    s->work.locks = bal_calloc(s->ctx, (size_t)blocks, sizeof *s->work.locks);
    if (!set->count || !set->bound || !set->last || !s->work.locks)
        return BAL_NO_MEMORY;
    set->entries = bal_calloc(s->ctx, lists, (size_t)set->room * sizeof *set->entries);
    if (!set->entries)
        return BAL_NO_MEMORY;
    for (; s->locks < blocks; s->locks++)
        pthread_mutex_init(&s->work.locks[s->locks], NULL);
    return BAL_OK;
}

static void close_search(search *s)
{
    bal_candidates *set = &s->work.set;
    for (int w = 0; s->spaces && w < bal_pool_threads(s->pool); w++)
        bal_tile_space_close(s->ctx, &s->spaces[w]);
    bal_free(s->ctx, s->spaces);
    bal_free(s->ctx, s->largest);
    for (int64_t i = 0; i < s->locks; i++)
        pthread_mutex_destroy(&s->work.locks[i]);
    bal_free(s->ctx, s->work.locks);
    bal_free(s->ctx, set->entries);
    bal_free(s->ctx, set->count);
    bal_free(s->ctx, set->bound);
    bal_free(s->ctx, set->last);
    if (!s->work.mirrors)
        close_side(s, &s->work.points);
    close_side(s, &s->work.queries);
    bal_scaling_close(s->ctx, &s->scaling);
    bal_pool_close(&s->pool);
}

static void measure_block(void *user, int64_t block, int worker)
{
    search *s = user;
    const bal_rows *rows = s->measured;
    const int64_t first = block * MEASURED;
    for (int64_t i = first; i < first + MEASURED && i < s->listed_count; i++) {
        const int64_t row = s->listed ? s->listed[i] : i;
        const float most = bal_largest_magnitude(rows->values + row * rows->columns, rows->columns);
        s->largest[worker] = most > s->largest[worker] ? most : s->largest[worker];
        int_fast64_t seen = atomic_load_explicit(&s->not_finite, memory_order_relaxed);
        while (!isfinite(most) && i < seen &&
               !atomic_compare_exchange_weak(&s->not_finite, &seen, i)) {
        }
    }
}

static bal_status measure(search *s, const char *what, const bal_rows *rows, const int64_t *listed,
                          int64_t count)
{
    s->measured = rows;
    s->listed = listed;
    s->listed_count = count;
    atomic_store(&s->not_finite, count);
    bal_pool_run(s->pool, blocks_of(count, MEASURED), measure_block, s);
    const int64_t bad = atomic_load(&s->not_finite);
    return bad == count ? BAL_OK
                        : bal_rows_not_finite(s->ctx, what, rows, listed ? listed[bad] : bad);
}

/* The largest magnitude of all rows that are looked at. */
static bal_status measure_all(search *s, float *largest)
{
    const bal_neighbours_settings *t = s->settings;
    const int threads = bal_pool_threads(s->pool);
    s->largest = bal_calloc(s->ctx, (size_t)threads, sizeof *s->largest);
    if (!s->largest)
        return BAL_NO_MEMORY;
    BAL_TRY(measure(s, "points", &t->points, t->point_rows, s->point_count));
    if (!s->same)
        BAL_TRY(measure(s, "queries", &s->queries, t->query_rows, s->query_count));
    *largest = 0.0F;
    for (int w = 0; w < threads; w++)
        *largest = s->largest[w] > *largest ? s->largest[w] : *largest;
    return BAL_OK;
}

static bal_status open_search(search *s)
{
    const bal_neighbours_settings *t = s->settings;
    float largest;
    BAL_TRY(check(s));
    BAL_TRY(bal_blas_pool_open(&s->pool, s->ctx));
    BAL_TRY(measure_all(s, &largest));
    BAL_TRY(bal_scaling_open(&s->scaling, s->ctx, &t->points, t->point_rows, t->point_count,
                             t->distance, largest));
    s->work.scaling = &s->scaling;
    plan(s);
    BAL_TRY(open_side(s, &s->work.queries, s->query_part));
    if (s->work.mirrors)
        s->work.points = s->work.queries;
    else
        BAL_TRY(open_side(s, &s->work.points, s->point_part));
    BAL_TRY(open_lists(s));
    const int threads = bal_pool_threads(s->pool);
    s->spaces = bal_calloc(s->ctx, (size_t)threads, sizeof *s->spaces);
    if (!s->spaces)
        return BAL_NO_MEMORY;
    for (int w = 0; w < threads; w++)
        BAL_TRY(bal_tile_space_open(&s->spaces[w], s->ctx, s->work.edge, t->k));
    return BAL_OK;
}

static void scale_block(void *user, int64_t block, int worker)
{
    (void)worker;
    search *s = user;
    bal_tile_side *side = s->filling;
    const bal_rows *rows = side == &s->work.queries ? &s->queries : &s->settings->points;
    const int64_t first = block * s->work.edge;
    float most = 0.0F;
    int64_t lowest = INT64_MAX;
    for (int64_t i = first; i < first + s->work.edge && i < side->count; i++) {
        const int64_t row = side->rows ? side->rows[i] : side->first + i;
        bal_scale_row(&s->scaling, rows, row, &side->scaled, i);
        most = side->scaled.radius[i] > most ? side->scaled.radius[i] : most;
        lowest = row < lowest ? row : lowest;
    }
    side->most[block] = most;
    side->lowest[block] = lowest;
}

/* rows: of all places, of which those from first on are filled in; or NULL. */
static void fill(search *s, bal_tile_side *side, const int64_t *rows, int64_t first, int64_t count)
{
    side->rows = rows ? rows + first : NULL;
    side->first = first;
    side->count = count;
    s->filling = side;
    bal_pool_run(s->pool, blocks_of(count, s->work.edge), scale_block, s);
}

static void run_tile(void *user, int64_t item, int worker)
{
    search *s = user;
    if (bal_interrupted(s->ctx))
        return;
    const int64_t columns = blocks_of(s->work.points.count, s->work.edge);
    int64_t i = item / columns, j = item % columns;
    if (s->work.mirrors) { /* row i has columns - i pairs: the blocks from i on */
        for (i = 0, j = item; j >= columns - i; i++)
            j -= columns - i;
        j += i;
    }
    bal_tile_run(&s->work, &s->spaces[worker], i, j);
    const int64_t done = atomic_fetch_add(&s->done, 1) + 1;
    if (worker == 0 && s->settings->progress) /* worker 0 is the calling thread */
        s->settings->progress(s->settings->user, done, s->total);
}

static void finish_block(void *user, int64_t block, int worker)
{
    search *s = user;
    const int64_t k = s->settings->k, first = block * s->work.edge;
    for (int64_t i = first; i < first + s->work.edge && i < s->work.queries.count; i++) {
        int64_t found;
        const bal_candidate *nearest =
            bal_candidates_finish(&s->work.set, i, s->spaces[worker].scratch, &found);
        const int64_t out = (s->work.queries.first + i) * k;
        for (int64_t n = 0; n < k; n++) {
            s->all->index[out + n] = n < found ? nearest[n].index : -1;
            if (s->all->distance)
                s->all->distance[out + n] = n < found ? nearest[n].distance : INFINITY;
        }
    }
}

static bal_status search_part(search *s, int64_t first, int64_t count)
{
    const int64_t points = s->point_count, edge = s->work.edge;
    fill(s, &s->work.queries, s->settings->query_rows, first, count);
    s->work.set.rows = s->work.queries.rows;
    s->work.set.first = first;
    bal_candidates_clear(&s->work.set, 0, count);
    for (int64_t p = 0; p < points; p += s->point_part) {
        const int64_t left = points - p;
        int64_t columns, items;
        if (s->work.mirrors)
            s->work.points = s->work.queries;
        else
            fill(s, &s->work.points, s->settings->point_rows, p,
                 left < s->point_part ? left : s->point_part);
        columns = blocks_of(s->work.points.count, edge);
        items = s->work.mirrors ? columns * (columns + 1) / 2 : blocks_of(count, edge) * columns;
        bal_blas_pool_run(s->pool, items, run_tile, s);
        if (bal_take_interrupt(s->ctx))
            return bal_fail(s->ctx, BAL_INTERRUPTED,
                            "interrupted in the search for neighbours, %lld of %lld blocks done",
                            (long long)atomic_load(&s->done), (long long)s->total);
    }
    bal_pool_run(s->pool, blocks_of(count, edge), finish_block, s);
    return BAL_OK;
}

/* The number of tiles in all. */
static int64_t count_tiles(const search *s)
{
    const int64_t edge = s->work.edge, points = s->point_count;
    if (s->work.mirrors) {
        const int64_t blocks = blocks_of(points, edge);
        return blocks * (blocks + 1) / 2;
    }
    int64_t rows = 0, columns = 0;
    for (int64_t left = s->query_count; left > 0; left -= s->query_part)
        rows += blocks_of(left < s->query_part ? left : s->query_part, edge);
    for (int64_t left = points; left > 0; left -= s->point_part)
        columns += blocks_of(left < s->point_part ? left : s->point_part, edge);
    return rows * columns;
}

bal_status bal_search(bal_ctx *ctx, const bal_search_settings *settings)
{
    search s = {.ctx = ctx, .all = settings, .settings = &settings->basic};
    bal_status status = open_search(&s);
    if (status != BAL_OK)
        goto fail;
    s.total = count_tiles(&s);
    for (int64_t first = 0; first < s.query_count; first += s.query_part) {
        const int64_t left = s.query_count - first;
        BAL_GOTO(search_part(&s, first, left < s.query_part ? left : s.query_part));
    }
fail:
    close_search(&s);
    return status;
}
