/* k-means (Lloyd 1982) from k-means++ starts (Arthur & Vassilvitskii 2007). */
#ifndef BAL_KMEANS_H
#define BAL_KMEANS_H

#include "numeric/rows.h"

typedef struct bal_kmeans_settings {
    bal_rows points;
    int64_t clusters; /* 1..points */
    int attempts;     /* starts, at least 1; the one with the least inertia counts, the first of
                         equals */
    int iterations;   /* at most so many a start, at least 1 */
    double tolerance; /* a start ends when the centres' squared moves sum up to no more than this
                         times the mean variance of the columns; 1e-4 in scikit-learn */
    uint64_t seed;
    size_t memory;               /* as in neighbours.h */
    bal_rows_progress *progress; /* or NULL */
    void *user;
} bal_kmeans_settings;

/* centres receives clusters x columns numbers; cluster (points; may be NULL) the nearest centre of
 * each point, the lowest of equals; inertia (may be NULL) the sum of the squared distances to them.
 * A cluster without points gets the point that is farthest from its centre; where all points lie on
 * centres it stays empty. The result does not depend on the number of threads.
 * Fails with BAL_BAD_ARG (see rows.h; clusters, attempts or iterations out of range),
 * BAL_NO_MEMORY, BAL_INTERRUPTED. */
BAL_MUST_CHECK bal_status bal_kmeans(bal_ctx *ctx, const bal_kmeans_settings *settings,
                                     float *centres, int64_t *cluster, double *inertia);

#endif
