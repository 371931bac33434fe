/* The assignment problem: who is paired with whom, one to one, at the least cost. */
#ifndef BAL_ASSIGNMENT_H
#define BAL_ASSIGNMENT_H

#include "base/context.h"

typedef struct bal_assignment_ask {
    const double *cost; /* rows x columns, finite; borrowed */
    int64_t rows, columns;
} bal_assignment_ask;

/* column_of receives, for each of the rows, its column, or -1 where there are fewer columns than
 * rows; min(rows, columns) pairs of the least total cost (Kuhn 1955; shortest augmenting paths
 * after Jonker and Volgenant 1987). Which of several equal solutions is found depends on the costs
 * alone. Time grows with min^2 x max. Fails with BAL_BAD_ARG (a size below 1 or above 2^31 - 1, a
 * cost that is not finite: its place is named), BAL_NO_MEMORY, BAL_INTERRUPTED. */
BAL_MUST_CHECK bal_status bal_assign(bal_ctx *ctx, const bal_assignment_ask *ask,
                                     int64_t *column_of);

#endif
