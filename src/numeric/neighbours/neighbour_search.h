/* The search behind neighbours.h, which can also look for neighbours in other groups only. */
#ifndef BAL_NEIGHBOUR_SEARCH_H
#define BAL_NEIGHBOUR_SEARCH_H

#include "numeric/neighbours/neighbours.h"

typedef struct bal_search_settings {
    bal_neighbours_settings basic;
    /* A number for each row of the points, which then are the queries' matrix as well: rows of the
     * same group are no neighbours. The lists of rows are in the order of their groups then. NULL:
     * no groups. */
    const int32_t *group;
    /* queries x k: where a query has fewer neighbours, index -1 at an infinite distance */
    int64_t *index;
    double *distance; /* or NULL */
} bal_search_settings;

BAL_MUST_CHECK bal_status bal_search(bal_ctx *ctx, const bal_search_settings *settings);

#endif
