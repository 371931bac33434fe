/* The support vectors of a classifier, by libsvm (Chang & Lin 2011). support_vectors.c is the only
 * file that includes it. */
#ifndef BAL_SUPPORT_VECTORS_H
#define BAL_SUPPORT_VECTORS_H

#include "numeric/rows.h"

typedef struct bal_support_settings {
    bal_rows rows;
    const int32_t *classes; /* of each row, 0..N - 1; all of them, two at least, have rows */
    double c;               /* penalty, above 0 */
    size_t memory;          /* bytes of libsvm's cache; 0: 200 MiB */
} bal_support_settings;

/* support (rows) receives which rows are support vectors of a C-SVC with the kernel
 * exp(-gamma |x - y|^2), one against one, gamma = 1 / (columns x variance of all values) (1 where
 * that is 0), stopped at a tolerance of 1e-3: scikit-learn's SVC() and its defaults.
 * One thread, and no end before it is done; memory besides is 16 bytes a value that is not 0, and
 * what libsvm takes, which does not survive that there is none.
 * Fails with BAL_BAD_ARG (see rows.h; what libsvm refuses) and BAL_NO_MEMORY. */
BAL_MUST_CHECK bal_status bal_support_vectors(bal_ctx *ctx, const bal_support_settings *settings,
                                              bool *support);

#endif
