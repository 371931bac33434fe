/* See distances.h. */
#include "numeric/distances.h"

#include "numeric/blas.h"
#include "numeric/neighbours/scaled_rows.h"

#include <math.h>

#define MOST_STRIP 512
#define LEAST_STRIP 32
#define BLOCK 256
#define CHUNK 32
#define ACCURACY 1e-9
#define U 0x1p-53

/* Rows in double, less the centre, and the sums of their squares. */
typedef struct centred {
    double *values, *squares;
} centred;

typedef struct walk {
    bal_ctx *ctx;
    const bal_distances_settings *settings;
    const bal_rows *a, *b;
    const float *centre;
    int64_t strip; /* rows of a that a worker takes at a time */
    double lost;   /* share of the squares below which a squared distance has lost digits */
    struct walk_space {
        centred a, b;
        double *block; /* strip x BLOCK */
    } * spaces;        /* a worker */
    atomic_int_fast64_t done;
    int64_t total;
} walk;

static void centre_rows(const walk *w, const bal_rows *rows, int64_t first, int64_t count,
                        const centred *out)
{
    const int64_t columns = rows->columns;
    for (int64_t i = 0; i < count; i++) {
        const float *x = rows->values + (first + i) * columns;
        double *y = out->values + i * columns, sum = 0.0;
        for (int64_t c = 0; c < columns; c++) {
            y[c] = (double)x[c] - (double)w->centre[c];
            sum += y[c] * y[c];
        }
        out->squares[i] = sum;
    }
}

/* Products to distances, in place. Returns whether a square was too small for its digits. The loops
 * are cut so that compilers make vectors of them. */
BAL_WIDE static bool to_distances(double *restrict row, double square,
                                  const double *restrict squares, int64_t count, double lost)
{
    int64_t any = 0, j = 0;
    for (; j + CHUNK <= count; j += CHUNK) {
        double d[CHUNK];
        for (int l = 0; l < CHUNK; l++) {
            const double sum = square + squares[j + l];
            d[l] = sum - 2.0 * row[j + l];
            any |= d[l] <= lost * sum ? (int64_t)1 : 0;
        }
        for (int l = 0; l < CHUNK; l++)
            row[j + l] = sqrt(d[l]);
    }
    for (; j < count; j++) {
        const double sum = square + squares[j], d = sum - 2.0 * row[j];
        any |= d <= lost * sum;
        row[j] = sqrt(d);
    }
    return any != 0;
}

/* The distances that have lost digits once more, from the rows as they were. */
static void repair(const walk *w, const bal_distance_block *block, int64_t i, double *row,
                   double square, const double *squares)
{
    const int64_t columns = w->a->columns;
    const float *x = w->a->values + (block->row + i) * columns;
    const double lost = w->lost * 1.0001; /* the root was rounded */
    for (int64_t j = 0; j < block->columns; j++)
        if (!(row[j] * row[j] > lost * (square + squares[j])))
            row[j] = bal_rows_euclidean(x, w->b->values + (block->column + j) * columns, columns);
}

static void walk_block(const walk *w, const struct walk_space *space, bal_distance_block *block,
                       int worker)
{
    bal_multiply_doubles(&(bal_double_product){
        .rows = block->rows,
        .columns = block->columns,
        .inner = w->a->columns,
        .a = space->a.values,
        .b = space->b.values,
        .out = space->block,
        .stride = block->columns,
    });
    for (int64_t i = 0; i < block->rows; i++) {
        double *row = space->block + i * block->columns;
        const double square = space->a.squares[i];
        if (to_distances(row, square, space->b.squares, block->columns, w->lost))
            repair(w, block, i, row, square, space->b.squares);
    }
    block->values = space->block;
    w->settings->visit(w->settings->user, block, worker);
}

static void walk_strip(void *user, int64_t item, int worker)
{
    walk *w = user;
    const struct walk_space *space = &w->spaces[worker];
    const int64_t first = item * w->strip, left = w->a->rows - first;
    const int64_t rows = left < w->strip ? left : w->strip;
    centre_rows(w, w->a, first, rows, &space->a);
    for (int64_t column = 0; column < w->b->rows; column += BLOCK) {
        if (bal_interrupted(w->ctx))
            return;
        const int64_t more = w->b->rows - column;
        bal_distance_block block = {first, rows, column, more < BLOCK ? more : BLOCK, NULL};
        centre_rows(w, w->b, column, block.columns, &space->b);
        walk_block(w, space, &block, worker);
    }
    const int64_t done = atomic_fetch_add(&w->done, 1) + 1;
    if (worker == 0 && w->settings->progress)
        w->settings->progress(w->settings->user, done, w->total);
}

static void close_spaces(walk *w, int threads)
{
    for (int i = 0; w->spaces && i < threads; i++) {
        struct walk_space *s = &w->spaces[i];
        bal_free_aligned(w->ctx, s->a.values);
        bal_free_aligned(w->ctx, s->b.values);
        bal_free_aligned(w->ctx, s->block);
        bal_free(w->ctx, s->a.squares);
        bal_free(w->ctx, s->b.squares);
    }
    bal_free(w->ctx, w->spaces);
}

static bal_status open_spaces(walk *w, int threads)
{
    const size_t columns = (size_t)w->a->columns, strip = (size_t)w->strip;
    w->spaces = bal_calloc(w->ctx, (size_t)threads, sizeof *w->spaces);
    if (!w->spaces)
        return BAL_NO_MEMORY;
    for (int i = 0; i < threads; i++) {
        struct walk_space *s = &w->spaces[i];
        s->a.values = bal_calloc_aligned(w->ctx, strip * columns, sizeof(double));
        s->b.values = bal_calloc_aligned(w->ctx, BLOCK * columns, sizeof(double));
        s->block = bal_calloc_aligned(w->ctx, strip * BLOCK, sizeof(double));
        s->a.squares = bal_calloc(w->ctx, strip, sizeof(double));
        s->b.squares = bal_calloc(w->ctx, BLOCK, sizeof(double));
        if (!s->a.values || !s->b.values || !s->block || !s->a.squares || !s->b.squares)
            return BAL_NO_MEMORY;
    }
    return BAL_OK;
}

static bal_status run(walk *w, const bal_scaling *scaling)
{
    bal_pool *pool;
    BAL_TRY(bal_blas_pool_open(&pool, w->ctx));
    w->centre = scaling->centre;
    w->total = (w->a->rows + w->strip - 1) / w->strip;
    bal_status status = open_spaces(w, bal_pool_threads(pool));
    if (status == BAL_OK) {
        bal_blas_pool_run(pool, w->total, walk_strip, w);
        if (bal_take_interrupt(w->ctx))
            status = bal_fail(w->ctx, BAL_INTERRUPTED,
                              "interrupted in the distances between rows, %lld of %lld strips done",
                              (long long)atomic_load(&w->done), (long long)w->total);
    }
    close_spaces(w, bal_pool_threads(pool));
    bal_pool_close(&pool);
    return status;
}

bal_status bal_distances(bal_ctx *ctx, const bal_distances_settings *settings)
{
    walk w = {.ctx = ctx, .settings = settings, .a = &settings->a, .b = &settings->b};
    BAL_TRY(bal_rows_check(ctx, "rows", w.a));
    if (!settings->b.values)
        w.b = w.a;
    else
        BAL_TRY(bal_rows_check(ctx, "other rows", w.b));
    if (w.a->columns != w.b->columns)
        return bal_fail(ctx, BAL_BAD_ARG, "the rows have %lld columns and the other rows %lld",
                        (long long)w.a->columns, (long long)w.b->columns);
    /* a sixteenth of the rows, so that there is work for all; never a matter of threads, on which
     * the products' last bits must not depend */
    w.strip = (w.a->rows / 16 + LEAST_STRIP - 1) / LEAST_STRIP * LEAST_STRIP;
    w.strip = w.strip < LEAST_STRIP ? LEAST_STRIP : w.strip < MOST_STRIP ? w.strip : MOST_STRIP;
    /* a product of n terms, and the two sums of squares, are off by (n + 4) u of the squares */
    w.lost = ((double)w.a->columns + 4.0) * U / ACCURACY;
    bal_scaling scaling; /* for its centre only */
    BAL_TRY(bal_scaling_open(&scaling, ctx, w.b, NULL, 0, BAL_EUCLIDEAN, 0.0F));
    const bal_status status = run(&w, &scaling);
    bal_scaling_close(ctx, &scaling);
    return status;
}
