/* The search behind neighbours.h, which can also look for neighbours in other groups only. */
#ifndef BAL_NEIGHBOUR_SEARCH_H
#define BAL_NEIGHBOUR_SEARCH_H

#include "numeric/neighbours.h"

typedef struct bal_search_settings {
    bal_neighbours_settings basic; /* valid: see bal_search_check */
    float largest;                 /* of the magnitudes of points and queries */
    /* With group, a number for each row of the points, which then are the queries as well: */
    const int32_t *group;      /* rows of the same group are no neighbours; NULL: no groups */
    const int64_t *point_rows; /* all rows, in the order of their groups */
    const int64_t *query_rows; /* the rows that are queries, in the order of their groups */
    int64_t query_count;
    /* queries x k: where a query has fewer neighbours, index -1 at an infinite distance */
    int64_t *index;
    double *distance; /* or NULL */
} bal_search_settings;

BAL_MUST_CHECK bal_status bal_search_check(bal_ctx *ctx, const bal_neighbours_settings *settings,
                                           float *largest);
BAL_MUST_CHECK bal_status bal_search(bal_ctx *ctx, const bal_search_settings *settings);

#endif
