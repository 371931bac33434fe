/* See neighbours.h. */
#include "numeric/neighbours/neighbours.h"

#include "numeric/neighbours/neighbour_search.h"

bal_status bal_neighbours(bal_ctx *ctx, const bal_neighbours_settings *settings, int64_t *index,
                          double *distance)
{
    return bal_search(
        ctx, &(bal_search_settings){.basic = *settings, .index = index, .distance = distance});
}
