/* Eigenvalues and eigenvectors of a symmetric matrix. */
#ifndef BAL_EIGEN_H
#define BAL_EIGEN_H

#include "base/context.h"

/* matrix: n x n, symmetric, of which the lower triangle (row >= column, row major) is read; it is
 * overwritten. The count largest eigenvalues, 1 <= count <= n, go to values in descending order,
 * and to vectors (count x n, may be NULL) their vectors: unit length, the entry that is largest by
 * magnitude (the first of equals) positive. Fails with BAL_BAD_ARG for count, n above 46340, or a
 * value that is not finite, and with BAL_NO_MEMORY. */
BAL_MUST_CHECK bal_status bal_symmetric_eigen(bal_ctx *ctx, double *matrix, int64_t n,
                                              int64_t count, double *values, double *vectors);
/* Makes the entry that is largest by magnitude (the first of equals) positive. */
void bal_sign_vector(double *vector, int64_t n);

#endif
