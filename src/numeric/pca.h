/* Principal components (Pearson 1901; Hotelling 1933), in double. */
#ifndef BAL_PCA_H
#define BAL_PCA_H

#include "numeric/rows.h"

typedef struct bal_pca {
    bal_ctx *ctx;
    int64_t columns, count; /* count components, by descending variance */
    double *mean;           /* columns */
    double *components;     /* count x columns: unit length, at right angles to each other; the
                               loading that is largest by magnitude (the first of equals) is
                               positive */
    double *variance;       /* count: explained variance, divided by rows - 1 */
    double total_variance;  /* of all components */
} bal_pca;

/* count: 1..min(rows, columns); at least two rows. Where the rows span fewer dimensions than count,
 * the components beyond have variance 0 (or rounding) and complete the others at right angles.
 * Takes the smaller of the covariance and the Gram matrix: 8 min(rows, columns)^2 bytes, twice.
 * Equal to scikit-learn's PCA(svd_solver='full') up to rounding. Close with bal_pca_close. Fails
 * with BAL_BAD_ARG (see rows.h), BAL_INTERRUPTED. */
BAL_MUST_CHECK bal_status bal_pca_open(bal_pca **out, bal_ctx *ctx, const bal_rows *rows,
                                       int64_t count);
void bal_pca_close(bal_pca **pca);

/* out receives rows x pca->count: (row - mean) . component, computed in double and rounded. rows
 * must have pca->columns columns. */
BAL_MUST_CHECK bal_status bal_pca_transform(bal_ctx *ctx, const bal_pca *pca, const bal_rows *rows,
                                            float *out);

#endif
