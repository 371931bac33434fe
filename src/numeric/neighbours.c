/* See neighbours.h. */
#include "numeric/neighbours.h"

#include "numeric/neighbour_search.h"

bal_status bal_neighbours(bal_ctx *ctx, const bal_neighbours_settings *settings, int64_t *index,
                          double *distance)
{
    bal_search_settings search = {.basic = *settings, .index = index, .distance = distance};
    BAL_TRY(bal_search_check(ctx, settings, &search.largest));
    return bal_search(ctx, &search);
}
