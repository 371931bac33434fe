/* Speed of the exact nearest neighbours beside the bare matrix products of the same blocks:
 * bench_neighbours ROWS COLUMNS K [THREADS [MEMORY_MIB]]. Prints one line of JSON. */
#include "numeric/blas.h"
#include "numeric/neighbours/neighbours.h"

#include "base/clock.h"
#include "base/random.h"

#include <stdio.h>
#include <stdlib.h>

#define EDGE 512

typedef struct bare {
    const float *values;
    float *tiles;
    int64_t rows, columns, blocks;
} bare;

/* One product of two blocks, thrown away. */
static void multiply(void *user, int64_t item, int worker)
{
    const bare *b = user;
    const int64_t i = item / b->blocks * EDGE, j = item % b->blocks * EDGE;
    bal_multiply_floats(&(bal_float_product){
        .rows = b->rows - i < EDGE ? b->rows - i : EDGE,
        .columns = b->rows - j < EDGE ? b->rows - j : EDGE,
        .inner = b->columns,
        .a = b->values + i * b->columns,
        .b = b->values + j * b->columns,
        .out = b->tiles + (int64_t)worker * EDGE * EDGE,
        .stride = EDGE,
    });
}

static bal_status measure(bal_ctx *ctx, const bal_neighbours_settings *s, int64_t *index,
                          double *distance)
{
    const double flop =
        2.0 * (double)s->points.rows * (double)s->points.rows * (double)s->points.columns;
    bare b = {s->points.values, NULL, s->points.rows, s->points.columns, 0};
    bal_pool *pool;
    BAL_TRY(bal_blas_pool_open(&pool, ctx));
    b.blocks = (b.rows + EDGE - 1) / EDGE;
    b.tiles = bal_calloc_aligned(ctx, (size_t)bal_pool_threads(pool) * EDGE * EDGE, sizeof(float));
    double start = bal_clock();
    if (b.tiles)
        bal_blas_pool_run(pool, b.blocks * b.blocks, multiply, &b);
    const double products = bal_clock() - start;
    bal_pool_close(&pool);
    if (!b.tiles)
        return BAL_NO_MEMORY;
    bal_free_aligned(ctx, b.tiles);
    start = bal_clock();
    BAL_TRY(bal_neighbours(ctx, s, index, distance));
    const double seconds = bal_clock() - start;
    printf("{\"n\": %lld, \"d\": %lld, \"k\": %lld, \"threads\": %d, \"seconds\": %.3f, "
           "\"gflops\": %.1f, \"bare_sgemm_seconds\": %.3f, \"times_bare_sgemm\": %.3f}\n",
           (long long)s->points.rows, (long long)s->points.columns, (long long)s->k,
           bal_ctx_threads(ctx), seconds, flop / seconds * 1e-9, products, seconds / products);
    return BAL_OK;
}

int main(int count, char **words)
{
    if (count < 4) {
        fprintf(stderr, "usage: bench_neighbours ROWS COLUMNS K [THREADS [MEMORY_MIB]]\n");
        return 2;
    }
    bal_ctx_settings settings = {.threads = count > 4 ? atoi(words[4]) : 0};
    bal_neighbours_settings s = {.points = {NULL, atoll(words[1]), atoll(words[2])},
                                 .k = atoll(words[3]),
                                 .memory = count > 5 ? (size_t)atoll(words[5]) << 20 : 0};
    bal_ctx *ctx;
    if (bal_ctx_open(&ctx, &settings) != BAL_OK)
        return 1;
    const size_t rows = (size_t)s.points.rows;
    float *values = bal_calloc(ctx, rows * (size_t)s.points.columns, sizeof *values);
    int64_t *index = bal_calloc(ctx, rows * (size_t)s.k, sizeof *index);
    double *distance = bal_calloc(ctx, rows * (size_t)s.k, sizeof *distance);
    bal_status status = values && index && distance ? BAL_OK : BAL_NO_MEMORY;
    if (status == BAL_OK) {
        bal_random r = bal_random_at(1, BAL_STREAM_TEST, 0, 0);
        for (size_t i = 0; i < rows * (size_t)s.points.columns; i++)
            values[i] = (float)bal_random_normal(&r);
        s.points.values = values;
        status = measure(ctx, &s, index, distance);
    }
    if (status != BAL_OK)
        fprintf(stderr, "%s\n", bal_error(ctx));
    bal_free(ctx, values);
    bal_free(ctx, index);
    bal_free(ctx, distance);
    bal_ctx_close(&ctx);
    return bal_status_exit_code(status);
}
