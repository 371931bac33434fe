/* The rows that can be among the k nearest of each query, while the points go by in any order.
 *
 * A candidate is known by its score and a margin (scaled_rows.h), or, once that was needed, by its
 * exact distance. The k-th largest of score - margin bounds the k-th nearest from below; whoever's
 * score + margin is below that bound is dropped. When too many remain (ties), their distances are
 * computed and the k nearest kept. The outcome does not depend on the order. */
#ifndef BAL_CANDIDATES_H
#define BAL_CANDIDATES_H

#include "numeric/neighbours/scaled_rows.h"

typedef struct bal_candidate {
    union {
        double distance; /* where exact */
        struct {
            float score, margin;
        } guess;
    };
    int32_t index;
    bool exact;
} bal_candidate; /* 16 bytes */

typedef struct bal_candidates {
    const bal_scaling *scaling;
    bal_rows points;     /* as the caller has them */
    bal_rows queries;    /* the same */
    const int64_t *rows; /* of the queries, from list 0 on; NULL: first, first + 1, ... */
    int64_t first;
    const float *half; /* of the scaled queries, from list 0 on */
    int64_t k, room;   /* room: entries a list */
    bal_candidate *entries;
    int64_t *count;
    double *bound; /* no row whose score is below it matters any more */
    int32_t *last; /* no row whose index is above it matters any more (k copies at distance 0) */
} bal_candidates;

/* Entries that a list needs for k neighbours. */
int64_t bal_candidates_room(int64_t k);
/* Bytes a list. */
size_t bal_candidates_bytes(int64_t k);
/* Empties the lists first..first+count-1. */
void bal_candidates_clear(bal_candidates *set, int64_t list, int64_t count);
/* Raises a list's bound before its first rows are offered: count scores of different rows, each
 * known up to margin; scores is overwritten. Does nothing where there are fewer than k. */
void bal_candidates_raise(bal_candidates *set, int64_t list, double *scores, int64_t count,
                          double margin);
/* Offers a row to a list; scratch has room for as many doubles and is the
 * calling thread's. One thread at a time a list. */
void bal_candidates_offer(bal_candidates *set, int64_t list, const bal_candidate *row,
                          double *scratch);
/* Leaves the k nearest in a list, exact, in ascending order of (distance, index); fewer where fewer
 * were offered. Returns them. */
const bal_candidate *bal_candidates_finish(bal_candidates *set, int64_t list, double *scratch,
                                           int64_t *count);

#endif
