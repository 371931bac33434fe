/* See eigen.h. LAPACK runs on one thread here: most of its time goes into steps too small to share,
 * and threads that wait for each other have cost ten times that. */
#include "numeric/eigen.h"

#include "numeric/blas.h"

#include <lapacke.h>
#include <math.h>
#include <string.h>

#define MOST_ROWS 46340 /* the square is below 2^31 */

void bal_sign_vector(double *vector, int64_t n)
{
    int64_t most = 0;
    for (int64_t i = 1; i < n; i++)
        if (fabs(vector[i]) > fabs(vector[most]))
            most = i;
    if (vector[most] < 0.0)
        for (int64_t i = 0; i < n; i++)
            vector[i] = -vector[i];
}

static bal_status check(bal_ctx *ctx, const double *matrix, int64_t n, int64_t count)
{
    if (n < 1 || n > MOST_ROWS)
        return bal_fail(ctx, BAL_BAD_ARG, "a matrix of %lld rows: eigenvalues can be had of 1..%d",
                        (long long)n, MOST_ROWS);
    if (count < 1 || count > n)
        return bal_fail(ctx, BAL_BAD_ARG, "%lld eigenvalues of a matrix of %lld rows",
                        (long long)count, (long long)n);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j <= i; j++)
            if (!isfinite(matrix[i * n + j]))
                return bal_fail(ctx, BAL_BAD_ARG, "row %lld, column %lld of the matrix is %s",
                                (long long)i, (long long)j,
                                isnan(matrix[i * n + j]) ? "not a number" : "infinite");
    return BAL_OK;
}

typedef struct workspace {
    double *values, *vectors, *work;
    lapack_int *support, *integers;
    lapack_int work_count, integer_count, found;
} workspace;

/* The row-major lower triangle is LAPACK's upper one. job: 'V' or 'N'. */
static lapack_int call(double *matrix, lapack_int n, lapack_int count, char job, workspace *w)
{
    return LAPACKE_dsyevr_work(LAPACK_COL_MAJOR, job, 'I', 'U', n, matrix, n, 0.0, 0.0,
                               n - count + 1, n, 0.0, &w->found, w->values, w->vectors, n,
                               w->support, w->work, w->work_count, w->integers, w->integer_count);
}

static bal_status allocate(bal_ctx *ctx, double *matrix, int64_t n, int64_t count, workspace *w)
{
    double work_count = 0.0;
    lapack_int integer_count = 0;
    w->values = bal_calloc(ctx, (size_t)n, sizeof *w->values);
    w->support = bal_calloc(ctx, 2 * (size_t)n, sizeof *w->support);
    if (!w->values || !w->support)
        return BAL_NO_MEMORY;
    workspace ask = {.values = w->values,
                     .vectors = w->vectors,
                     .support = w->support,
                     .work = &work_count,
                     .integers = &integer_count,
                     .work_count = -1,
                     .integer_count = -1};
    if (call(matrix, (lapack_int)n, (lapack_int)count, 'V', &ask) != 0)
        return bal_fail(ctx, BAL_ENGINE, "LAPACK's dsyevr does not say how much memory it needs");
    w->work_count = (lapack_int)work_count;
    w->integer_count = integer_count;
    w->work = bal_calloc(ctx, (size_t)w->work_count, sizeof *w->work);
    w->integers = bal_calloc(ctx, (size_t)w->integer_count, sizeof *w->integers);
    return w->work && w->integers ? BAL_OK : BAL_NO_MEMORY;
}

/* Ascending to descending. */
static void reverse(double *values, double *vectors, int64_t n, int64_t count)
{
    for (int64_t low = 0, high = count - 1; low < high; low++, high--) {
        const double value = values[low];
        values[low] = values[high];
        values[high] = value;
        for (int64_t i = 0; vectors && i < n; i++) {
            const double entry = vectors[low * n + i];
            vectors[low * n + i] = vectors[high * n + i];
            vectors[high * n + i] = entry;
        }
    }
}

bal_status bal_symmetric_eigen(bal_ctx *ctx, double *matrix, int64_t n, int64_t count,
                               double *values, double *vectors)
{
    BAL_TRY(check(ctx, matrix, n, count));
    workspace w = {.vectors = vectors};
    bal_status status;
    const int threads = bal_blas_threads(1);
    BAL_GOTO(allocate(ctx, matrix, n, count, &w));
    const lapack_int info = call(matrix, (lapack_int)n, (lapack_int)count, vectors ? 'V' : 'N', &w);
    if (info != 0 || w.found != count) {
        status = bal_fail(ctx, BAL_ENGINE, "LAPACK's dsyevr gave up on %lld rows (info %d)",
                          (long long)n, (int)info);
        goto fail;
    }
    memcpy(values, w.values, (size_t)count * sizeof *values);
    reverse(values, vectors, n, count);
    for (int64_t i = 0; vectors && i < count; i++)
        bal_sign_vector(vectors + i * n, n);
fail:
    bal_blas_threads(threads);
    bal_free(ctx, w.values);
    bal_free(ctx, w.support);
    bal_free(ctx, w.work);
    bal_free(ctx, w.integers);
    return status;
}
