/* How much the rows of a set differ from each other: effective rank, spread, cosine distances. */
#include "numeric/statistics/variety.h"

#include "numeric/blas.h"
#include "numeric/eigen.h"

#include <math.h>

enum { CHUNK = 256 }; /* rows that are centred at a time */

/* The mean, taken relative to the first row: rows that are all equal have it exactly. */
static void mean_of(const bal_rows *x, double *mean)
{
    for (int64_t i = 0; i < x->rows; i++)
        for (int64_t f = 0; f < x->columns; f++)
            mean[f] += (double)x->values[i * x->columns + f] - x->values[f];
    for (int64_t f = 0; f < x->columns; f++)
        mean[f] = x->values[f] + mean[f] / (double)x->rows;
}

static double centre(const bal_rows *x, const double *mean, int64_t row, int64_t rows, double *out)
{
    double squares = 0.0;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t f = 0; f < x->columns; f++) {
            const double d = x->values[(row + i) * x->columns + f] - mean[f];
            out[i * x->columns + f] = d;
            squares += d * d;
        }
    return squares;
}

/* exp of the entropy of the eigenvalues' shares. */
static double rank_of(const double *values, int64_t count)
{
    double sum = 0.0, entropy = 0.0;
    for (int64_t i = 0; i < count; i++)
        sum += values[i] > 0.0 ? values[i] : 0.0;
    for (int64_t i = 0; i < count; i++)
        if (values[i] > 0.0)
            entropy -= values[i] / sum * log(values[i] / sum);
    return sum > 0.0 ? exp(entropy) : NAN;
}

/* The smaller of the covariance and the rows' own products, which share their eigenvalues but for
 * zeros; not divided, as only shares are asked for. */
static bal_status spectrum(bal_ctx *ctx, const bal_rows *x, const double *mean, bal_variety *out)
{
    const bool of_rows = x->rows <= x->columns;
    const int64_t size = of_rows ? x->rows : x->columns;
    const int64_t chunk = of_rows || x->rows < CHUNK ? x->rows : CHUNK;
    double *centred = bal_calloc(ctx, (size_t)chunk, (size_t)x->columns * sizeof *centred);
    double *matrix = bal_calloc(ctx, (size_t)size, (size_t)size * sizeof *matrix);
    double *values = bal_calloc(ctx, (size_t)size, sizeof *values);
    bal_status status = centred && matrix && values ? BAL_OK : BAL_NO_MEMORY;
    double squares = 0.0, norm = 0.0;
    const int threads = bal_blas_threads(1); /* the same bits for any number of them */
    for (int64_t row = 0; row < x->rows && status == BAL_OK; row += chunk) {
        const int64_t rows = x->rows - row < chunk ? x->rows - row : chunk;
        squares += centre(x, mean, row, rows, centred);
        if (!of_rows)
            bal_add_products(&(bal_double_sums){.rows = rows,
                                                .columns = size,
                                                .others = size,
                                                .inner_stride = size,
                                                .a = centred,
                                                .b = centred,
                                                .out = matrix,
                                                .stride = size});
    }
    if (status == BAL_OK && of_rows)
        bal_multiply_doubles(&(bal_double_product){.rows = size,
                                                   .columns = size,
                                                   .inner = x->columns,
                                                   .a = centred,
                                                   .b = centred,
                                                   .out = matrix,
                                                   .stride = size});
    if (status == BAL_OK && squares > 0.0)
        status = bal_symmetric_eigen(ctx, matrix, size, size, values, NULL);
    for (int64_t f = 0; f < x->columns; f++)
        norm += mean[f] * mean[f];
    if (status == BAL_OK) {
        out->effective_rank = rank_of(values, size);
        if (norm > 0.0)
            out->spread = squares / (double)(x->rows - 1) / norm;
    }
    bal_blas_threads(threads);
    bal_free(ctx, centred);
    bal_free(ctx, matrix);
    bal_free(ctx, values);
    return status;
}

static double norm_of(const float *x, int64_t columns)
{
    double squares = 0.0;
    for (int64_t f = 0; f < columns; f++)
        squares += (double)x[f] * x[f];
    return sqrt(squares);
}

/* For unit vectors 1 - cos is half the squared distance, and the squared distances of all pairs are
 * n times those from the mean: no digits are lost where all point the same way. Pairs with a row of
 * zeros are put right afterwards. mean is scratch, zero. */
static double cosine_of(const bal_rows *x, double *mean)
{
    int64_t zeros = 0;
    double squares = 0.0;
    for (int pass = 0; pass < 2; pass++) {
        for (int64_t i = 0; i < x->rows; i++) {
            const float *row = x->values + i * x->columns;
            const double norm = norm_of(row, x->columns);
            zeros += pass == 0 && norm == 0.0;
            for (int64_t f = 0; f < x->columns; f++) {
                const double u = norm > 0.0 ? row[f] / norm : 0.0;
                if (pass == 0)
                    mean[f] += u;
                else
                    squares += (u - mean[f]) * (u - mean[f]);
            }
        }
        for (int64_t f = 0; f < x->columns && pass == 0; f++)
            mean[f] /= (double)x->rows;
    }
    const double n = (double)x->rows, z = (double)zeros;
    const double sum = n * squares / 2.0 + z * (n - z) / 2.0 + z * (z - 1.0) / 2.0;
    return sum / (n * (n - 1.0) / 2.0);
}

bal_status bal_variety_of(bal_ctx *ctx, const bal_rows *rows, bal_variety *out)
{
    *out = (bal_variety){NAN, NAN, NAN};
    if (rows->rows < 2)
        return BAL_OK;
    double *mean = bal_calloc(ctx, (size_t)rows->columns, sizeof *mean);
    double *scratch = bal_calloc(ctx, (size_t)rows->columns, sizeof *scratch);
    bal_status status = mean && scratch ? BAL_OK : BAL_NO_MEMORY;
    if (status == BAL_OK) {
        mean_of(rows, mean);
        status = spectrum(ctx, rows, mean, out);
    }
    if (status == BAL_OK)
        out->cosine = cosine_of(rows, scratch);
    bal_free(ctx, mean);
    bal_free(ctx, scratch);
    return status;
}
