/* Rows in the coordinates of principal components; see pca.h. */
#include "numeric/blas.h"
#include "numeric/pca.h"

#define BLOCK_BYTES ((int64_t)2 << 20)
#define MOST_ROWS 256

typedef struct transform {
    const bal_ctx *ctx;
    const bal_pca *pca;
    const bal_rows *rows;
    float *out;
    int64_t block;    /* rows at a time */
    double *centred;  /* a worker: block x columns */
    double *products; /* a worker: block x count */
} transform;

static void transform_block(void *user, int64_t item, int worker)
{
    const transform *t = user;
    const bal_pca *p = t->pca;
    if (bal_interrupted(t->ctx))
        return;
    const int64_t first = item * t->block, left = t->rows->rows - first;
    const int64_t rows = left < t->block ? left : t->block, columns = p->columns;
    const float *values = t->rows->values + first * columns;
    double *centred = t->centred + worker * t->block * columns;
    double *products = t->products + worker * t->block * p->count;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t c = 0; c < columns; c++)
            centred[i * columns + c] = (double)values[i * columns + c] - p->mean[c];
    bal_multiply_doubles(&(bal_double_product){
        .rows = rows,
        .columns = p->count,
        .inner = columns,
        .a = centred,
        .b = p->components,
        .out = products,
        .stride = p->count,
    });
    for (int64_t i = 0; i < rows * p->count; i++)
        t->out[first * p->count + i] = (float)products[i];
}

bal_status bal_pca_transform(bal_ctx *ctx, const bal_pca *pca, const bal_rows *rows, float *out)
{
    BAL_TRY(bal_rows_check(ctx, "rows", rows));
    if (rows->columns != pca->columns)
        return bal_fail(ctx, BAL_BAD_ARG, "the rows have %lld columns and the components %lld",
                        (long long)rows->columns, (long long)pca->columns);
    transform t = {.ctx = ctx, .pca = pca, .rows = rows, .out = out};
    t.block = BLOCK_BYTES / (int64_t)sizeof(double) / pca->columns;
    t.block = t.block < 1 ? 1 : t.block < MOST_ROWS ? t.block : MOST_ROWS;
    bal_pool *pool;
    BAL_TRY(bal_blas_pool_open(&pool, ctx));
    const size_t all = (size_t)(bal_pool_threads(pool) * t.block);
    bal_status status = BAL_NO_MEMORY;
    t.centred = bal_calloc_aligned(ctx, all, (size_t)pca->columns * sizeof *t.centred);
    t.products = bal_calloc_aligned(ctx, all, (size_t)pca->count * sizeof *t.products);
    if (t.centred && t.products) {
        bal_blas_pool_run(pool, (rows->rows + t.block - 1) / t.block, transform_block, &t);
        status = bal_take_interrupt(ctx)
                     ? bal_fail(ctx, BAL_INTERRUPTED, "interrupted in the principal components")
                     : BAL_OK;
    }
    bal_free_aligned(ctx, t.centred);
    bal_free_aligned(ctx, t.products);
    bal_pool_close(&pool);
    return status;
}
