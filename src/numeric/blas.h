/* Matrix products by BLAS. blas.c is the only file that includes cblas.h. */
#ifndef BAL_BLAS_H
#define BAL_BLAS_H

#include "base/threads.h"

/* out = A B^T for A of rows x inner and B of columns x inner, row major without gaps; out has
 * stride numbers from row to row. Sizes below 2^31. */
typedef struct bal_float_product {
    int64_t rows, columns, inner;
    const float *a, *b;
    float *out;
    int64_t stride;
} bal_float_product;
void bal_multiply_floats(const bal_float_product *product);

typedef struct bal_double_product {
    int64_t rows, columns, inner;
    const double *a, *b;
    double *out;
    int64_t stride;
} bal_double_product;
void bal_multiply_doubles(const bal_double_product *product);

/* Adds A^T B to out, for A of rows x columns and B of rows x others; both have inner_stride numbers
 * from row to row, out has stride. */
typedef struct bal_double_sums {
    int64_t rows, columns, others, inner_stride;
    const double *a, *b;
    double *out;
    int64_t stride;
} bal_double_sums;
void bal_add_products(const bal_double_sums *sums);

/* A pool for work that multiplies: as many threads as the context has, but no more than BLAS can
 * serve at the same time. Close with bal_pool_close. */
BAL_MUST_CHECK bal_status bal_blas_pool_open(bal_pool **out, bal_ctx *ctx);
/* bal_pool_run, with the products of each worker done by that worker alone: threads of BLAS beside
 * those of the pool would wait for each other. */
void bal_blas_pool_run(bal_pool *pool, int64_t count,
                       void (*work)(void *user, int64_t i, int worker), void *user);
/* The products and LAPACK calls of the calling thread run on so many threads from now on. Returns
 * how many it was before, to be put back. */
int bal_blas_threads(int threads);

#endif
