/* See pca.h. With fewer rows than columns the Gram matrix of the rows has the same eigenvalues as
 * their scatter; it is the scatter of the transposed matrix, so both are summed by the same code:
 * chunks of `inner` x n numbers in double, and tiles of n x n that a worker each adds to. */
#include "numeric/pca.h"

#include "numeric/blas.h"
#include "numeric/eigen.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define CHUNK_BYTES ((int64_t)8 << 20)
#define MOST_CHUNK 512
#define MOST_TILE 256
#define LEAST_TILE 32

typedef struct fit {
    bal_ctx *ctx;
    bal_pca *pca;
    const bal_rows *rows;
    bal_pool *pool;
    bool gram;            /* n is rows, and a chunk so many columns; else the other way round */
    int64_t n, inner;     /* of the matrix; all that is summed over */
    int64_t chunk;        /* inner numbers at a time */
    int64_t tile, tiles;  /* edge of a tile, and how many make n */
    double *matrix;       /* n x n */
    double *centred;      /* chunk x n */
    int64_t first, count; /* of the present chunk */
    double *vectors;      /* pca->count x n, of the Gram matrix */
} fit;

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* How many rows of so many doubles make a chunk. */
static int64_t chunk_rows(int64_t columns)
{
    const int64_t rows = CHUNK_BYTES / (int64_t)sizeof(double) / columns;
    return rows < 1 ? 1 : smaller(rows, MOST_CHUNK);
}

static void find_mean(const bal_rows *rows, double *mean)
{
    for (int64_t i = 0; i < rows->rows; i++) {
        const float *row = rows->values + i * rows->columns;
        for (int64_t c = 0; c < rows->columns; c++)
            mean[c] += (double)row[c];
    }
    for (int64_t c = 0; c < rows->columns; c++)
        mean[c] /= (double)rows->rows;
}

/* Line i of the present chunk: a row, or with the Gram matrix a column. */
static void centre_line(void *user, int64_t i, int worker)
{
    (void)worker;
    const fit *f = user;
    const int64_t columns = f->rows->columns, at = f->first + i;
    double *line = f->centred + i * f->n;
    if (f->gram)
        for (int64_t r = 0; r < f->n; r++)
            line[r] = (double)f->rows->values[r * columns + at] - f->pca->mean[at];
    else
        for (int64_t c = 0; c < f->n; c++)
            line[c] = (double)f->rows->values[at * columns + c] - f->pca->mean[c];
}

static void add_tile(void *user, int64_t item, int worker)
{
    (void)worker;
    const fit *f = user;
    int64_t i = 0, left = item;
    for (; left > i; i++) /* row i of the lower triangle has i + 1 tiles */
        left -= i + 1;
    const int64_t row = i * f->tile, column = left * f->tile;
    bal_add_products(&(bal_double_sums){
        .rows = f->count,
        .columns = smaller(f->tile, f->n - row),
        .others = smaller(f->tile, f->n - column),
        .inner_stride = f->n,
        .a = f->centred + row,
        .b = f->centred + column,
        .out = f->matrix + row * f->n + column,
        .stride = f->n,
    });
}

static bal_status sum_up(fit *f)
{
    for (f->first = 0; f->first < f->inner; f->first += f->chunk) {
        f->count = smaller(f->chunk, f->inner - f->first);
        bal_pool_run(f->pool, f->count, centre_line, f);
        bal_blas_pool_run(f->pool, f->tiles * (f->tiles + 1) / 2, add_tile, f);
        if (bal_take_interrupt(f->ctx))
            return bal_fail(f->ctx, BAL_INTERRUPTED, "interrupted in the principal components");
    }
    return BAL_OK;
}

static double dot(const double *a, const double *b, int64_t n)
{
    double sum = 0.0;
    for (int64_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* Takes from v what the first `before` components have of it, twice, and makes it of unit length;
 * false where nothing of it is left. */
static bool straighten(const bal_pca *p, double *v, int64_t before)
{
    const double least = 1e-8 * sqrt(dot(v, v, p->columns));
    for (int pass = 0; pass < 2; pass++)
        for (int64_t j = 0; j < before; j++) {
            const double *other = p->components + j * p->columns;
            const double share = dot(v, other, p->columns);
            for (int64_t c = 0; c < p->columns; c++)
                v[c] -= share * other[c];
        }
    const double length = sqrt(dot(v, v, p->columns));
    if (!(length > least))
        return false;
    for (int64_t c = 0; c < p->columns; c++)
        v[c] /= length;
    return true;
}

/* A direction at right angles to the first `before` components: from the axis that they have least
 * of. */
static void complete(const bal_pca *p, double *v, int64_t before)
{
    int64_t axis = 0;
    double least = INFINITY;
    for (int64_t c = 0; c < p->columns; c++) {
        double taken = 0.0;
        for (int64_t j = 0; j < before; j++)
            taken += p->components[j * p->columns + c] * p->components[j * p->columns + c];
        if (taken < least) {
            least = taken;
            axis = c;
        }
    }
    memset(v, 0, (size_t)p->columns * sizeof *v);
    v[axis] = 1.0;
    straighten(p, v, before);
}

/* The components' entries of the present chunk of columns: X^T u. */
static void turn_chunk(const fit *f, double *entries)
{
    bal_pca *p = f->pca;
    bal_multiply_doubles(&(bal_double_product){
        .rows = f->count,
        .columns = p->count,
        .inner = f->n,
        .a = f->centred,
        .b = f->vectors,
        .out = entries,
        .stride = p->count,
    });
    for (int64_t i = 0; i < f->count; i++)
        for (int64_t j = 0; j < p->count; j++)
            p->components[j * p->columns + f->first + i] = entries[i * p->count + j];
}

/* From eigenvectors u of the Gram matrix to components X^T u / |X^T u|. */
static bal_status turn(fit *f)
{
    bal_pca *p = f->pca;
    double *entries = bal_calloc(f->ctx, (size_t)f->chunk, (size_t)p->count * sizeof *entries);
    if (!entries)
        return BAL_NO_MEMORY;
    const int threads = bal_blas_threads(1);
    for (f->first = 0; f->first < f->inner; f->first += f->chunk) {
        f->count = smaller(f->chunk, f->inner - f->first);
        bal_pool_run(f->pool, f->count, centre_line, f);
        turn_chunk(f, entries);
    }
    bal_blas_threads(threads);
    bal_free(f->ctx, entries);
    const double least = p->variance[0] * (double)f->n * 4.0 * DBL_EPSILON;
    for (int64_t j = 0; j < p->count; j++) {
        double *v = p->components + j * p->columns;
        if (!(p->variance[j] > least) || !straighten(p, v, j)) {
            p->variance[j] = 0.0;
            complete(p, v, j);
        }
        bal_sign_vector(v, p->columns);
    }
    return BAL_OK;
}

static bal_status decompose(fit *f)
{
    bal_pca *p = f->pca;
    const double scale = 1.0 / (double)(f->rows->rows - 1);
    double trace = 0.0;
    for (int64_t i = 0; i < f->n; i++)
        trace += f->matrix[i * f->n + i];
    p->total_variance = trace * scale;
    BAL_TRY(bal_symmetric_eigen(f->ctx, f->matrix, f->n, p->count, p->variance,
                                f->gram ? f->vectors : p->components));
    for (int64_t j = 0; j < p->count; j++)
        p->variance[j] = fmax(0.0, p->variance[j] * scale);
    return f->gram ? turn(f) : BAL_OK;
}

static bal_status allocate(fit *f)
{
    bal_ctx *ctx = f->ctx;
    bal_pca *p = f->pca;
    const size_t n = (size_t)f->n, columns = (size_t)p->columns, count = (size_t)p->count;
    p->mean = bal_calloc(ctx, columns, sizeof *p->mean);
    p->components = bal_calloc(ctx, columns, count * sizeof *p->components);
    p->variance = bal_calloc(ctx, count, sizeof *p->variance);
    f->matrix = bal_calloc(ctx, n, n * sizeof *f->matrix);
    f->centred = bal_calloc_aligned(ctx, (size_t)f->chunk, n * sizeof *f->centred);
    if (f->gram)
        f->vectors = bal_calloc(ctx, count, n * sizeof *f->vectors);
    if (!p->mean || !p->components || !p->variance || !f->matrix || !f->centred ||
        (f->gram && !f->vectors))
        return BAL_NO_MEMORY;
    return bal_blas_pool_open(&f->pool, ctx);
}

static bal_status run(fit *f)
{
    BAL_TRY(allocate(f));
    find_mean(f->rows, f->pca->mean);
    BAL_TRY(sum_up(f));
    return decompose(f);
}

bal_status bal_pca_open(bal_pca **out, bal_ctx *ctx, const bal_rows *rows, int64_t count)
{
    *out = NULL;
    BAL_TRY(bal_rows_check(ctx, "rows", rows));
    const int64_t most = smaller(rows->rows, rows->columns);
    if (rows->rows < 2)
        return bal_fail(ctx, BAL_BAD_ARG, "a single row has no principal components");
    if (count < 1 || count > most)
        return bal_fail(
            ctx, BAL_BAD_ARG, "%lld principal components: %lld rows of %lld columns have 1..%lld",
            (long long)count, (long long)rows->rows, (long long)rows->columns, (long long)most);
    fit f = {.ctx = ctx, .rows = rows, .gram = rows->rows < rows->columns, .n = most};
    f.inner = f.gram ? rows->columns : rows->rows;
    f.chunk = smaller(chunk_rows(f.n), f.inner);
    f.tile = smaller(MOST_TILE, (f.n / 4 + LEAST_TILE - 1) / LEAST_TILE * LEAST_TILE);
    f.tile = f.tile < LEAST_TILE ? LEAST_TILE : f.tile;
    f.tiles = (f.n + f.tile - 1) / f.tile;
    f.pca = bal_calloc(ctx, 1, sizeof *f.pca);
    if (!f.pca)
        return BAL_NO_MEMORY;
    *f.pca = (bal_pca){.ctx = ctx, .columns = rows->columns, .count = count};
    const bal_status status = run(&f);
    bal_free(ctx, f.matrix);
    bal_free_aligned(ctx, f.centred);
    bal_free(ctx, f.vectors);
    bal_pool_close(&f.pool);
    if (status == BAL_OK)
        *out = f.pca;
    else
        bal_pca_close(&f.pca);
    return status;
}

void bal_pca_close(bal_pca **pca)
{
    if (!pca || !*pca)
        return;
    bal_pca *p = *pca;
    bal_ctx *ctx = p->ctx;
    bal_free(ctx, p->mean);
    bal_free(ctx, p->components);
    bal_free(ctx, p->variance);
    bal_free(ctx, p);
    *pca = NULL;
}
