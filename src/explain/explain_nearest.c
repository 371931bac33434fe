/* The item of a side that lies nearest to an item, of any class but one. */
#include "explain/explain_parts.h"

#include <math.h>

static double squared_distance(const float *a, const float *b, int dim)
{
    double sum = 0.0;
    for (int k = 0; k < dim; k++) {
        const double d = (double)a[k] - (double)b[k];
        sum += d * d;
    }
    return sum;
}

static bool is_side(const bal_explain *e, bal_side side)
{
    return (unsigned)side < BAL_SIDES && bal_side_present(e, (int)side);
}

bal_status bal_explain_nearest(const bal_explain *e, bal_ctx *ctx, const bal_nearest_ask *ask,
                               int64_t *nearest)
{
    *nearest = -1;
    if (!is_side(e, ask->side) || !is_side(e, ask->among) || ask->item < 0 ||
        ask->item >= e->side[ask->side].in.items)
        return bal_fail(ctx, BAL_BAD_ARG, "item %lld of side %d among side %d: there is none",
                        (long long)ask->item, (int)ask->side, (int)ask->among);
    const bal_embedding *from = &e->side[ask->side].in, *to = &e->side[ask->among].in;
    const float *own = from->features + ask->item * e->dim;
    double least = INFINITY;
    for (int64_t i = 0; i < to->items; i++) {
        if (to->labels[i] == ask->but || (ask->side == ask->among && i == ask->item))
            continue;
        const double distance = squared_distance(own, to->features + i * e->dim, e->dim);
        if (distance < least) {
            least = distance;
            *nearest = i;
        }
    }
    return BAL_OK;
}
