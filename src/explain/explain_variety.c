/* Diversity of some items of a class, which are brought together for it. */
#include "explain/explain_parts.h"

#include "numeric/statistics/variety.h"

#include <math.h>
#include <string.h>

bal_status bal_explain_variety(bal_explain *e, int side, const int64_t *items, int64_t count,
                               double values[BAL_FIGURE_COUNT])
{
    const size_t dim = (size_t)e->dim;
    const float *from = e->side[side].in.features;
    float *rows = bal_calloc(e->ctx, (size_t)count, dim * sizeof *rows);
    bal_variety v = {NAN, NAN, NAN};
    bal_status status = rows ? bal_explain_stopped(e) : BAL_NO_MEMORY;
    for (int64_t i = 0; status == BAL_OK && i < count; i++)
        memcpy(rows + (size_t)i * dim, from + (size_t)items[i] * dim, dim * sizeof *rows);
    if (status == BAL_OK)
        status = bal_variety_of(e->ctx, &(bal_rows){rows, count, e->dim}, &v);
    bal_free(e->ctx, rows);
    values[BAL_FIGURE_effective_rank] = v.effective_rank;
    values[BAL_FIGURE_spread] = v.spread;
    values[BAL_FIGURE_cosine] = v.cosine;
    return status;
}
