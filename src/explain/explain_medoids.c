/* The row that has the least sum of distances to the others. */
#include "explain/explain_parts.h"

#include "numeric/distances.h"

static void add_distances(void *user, const bal_distance_block *block, int worker)
{
    double *sums = user;
    (void)worker;
    for (int64_t i = 0; i < block->rows; i++)
        for (int64_t j = 0; j < block->columns; j++)
            sums[block->row + i] += block->values[i * block->columns + j];
}

bal_status bal_explain_medoid(bal_ctx *ctx, const float *rows, int64_t count, int dim,
                              int64_t *medoid)
{
    double *sums = bal_calloc(ctx, (size_t)count, sizeof *sums);
    *medoid = 0;
    if (!sums)
        return BAL_NO_MEMORY;
    const bal_distances_settings how = {
        .a = {rows, count, dim}, .visit = add_distances, .user = sums};
    const bal_status status = bal_distances(ctx, &how);
    for (int64_t i = 1; status == BAL_OK && i < count; i++)
        if (sums[i] < sums[*medoid])
            *medoid = i;
    bal_free(ctx, sums);
    return status;
}
