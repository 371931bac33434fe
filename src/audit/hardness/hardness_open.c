/* The difficulty for others than an audit: settings are checked, a sample is drawn where all rows
 * are too many. */
#include "audit/hardness/hardness_parts.h"

#include "numeric/statistics/stratify.h"

#include <string.h>

enum { NEIGHBOURS_MOST = 1000, DRAWS_MOST = 10000 };

struct bal_hardness {
    bal_ctx *ctx;
    bal_audit_difficulty difficulty;
    int64_t *items;
};

static bal_status check_settings(bal_ctx *ctx, const bal_hardness_settings *s)
{
    if (s->count < 1 || s->count > INT32_MAX || s->dim < 1)
        return bal_fail(ctx, BAL_BAD_ARG,
                        "%lld rows of %d features: at least one of each, and at "
                        "most %d rows are expected",
                        (long long)s->count, s->dim, INT32_MAX);
    if (!s->rows || !s->labels)
        return bal_fail(ctx, BAL_BAD_ARG, "rows and labels are both needed");
    if (s->classes < 1)
        return bal_fail(ctx, BAL_BAD_ARG, "classes is %d, must be at least 1", s->classes);
    if (s->neighbours < 1 || s->neighbours > NEIGHBOURS_MOST)
        return bal_fail(ctx, BAL_BAD_ARG, "neighbours is %d, must be 1 to %d", s->neighbours,
                        NEIGHBOURS_MOST);
    if (s->components < 0 || s->max_items < 0)
        return bal_fail(ctx, BAL_BAD_ARG, "components %d and max items %lld must not be below 0",
                        s->components, (long long)s->max_items);
    if (s->draws < 0 || s->draws > DRAWS_MOST)
        return bal_fail(ctx, BAL_BAD_ARG, "draws is %d, must be 0 to %d", s->draws, DRAWS_MOST);
    for (int64_t i = 0; i < s->count; i++)
        if (s->labels[i] < 0 || s->labels[i] >= s->classes)
            return bal_fail(ctx, BAL_BAD_ARG, "label %lld is %d, 0 to %d expected", (long long)i,
                            (int)s->labels[i], s->classes - 1);
    return BAL_OK;
}

/* Measures the chosen rows only. */
static bal_status measure_sample(bal_hardness *h, const bal_hardness_settings *s, int64_t count)
{
    const size_t dim = (size_t)s->dim;
    float *rows = bal_calloc(h->ctx, (size_t)count, dim * sizeof *rows);
    int32_t *labels = bal_calloc(h->ctx, (size_t)count, sizeof *labels);
    bal_status status = rows && labels ? BAL_OK : BAL_NO_MEMORY;
    if (status == BAL_OK) {
        for (int64_t i = 0; i < count; i++) {
            memcpy(rows + (size_t)i * dim, s->rows + (size_t)h->items[i] * dim, dim * sizeof *rows);
            labels[i] = s->labels[h->items[i]];
        }
        bal_hardness_settings chosen = *s;
        chosen.rows = rows;
        chosen.labels = labels;
        chosen.count = count;
        status = bal_measure_hardness(h->ctx, &chosen, &h->difficulty);
    }
    bal_free(h->ctx, rows);
    bal_free(h->ctx, labels);
    return status;
}

bal_status bal_hardness_open(bal_hardness **out, bal_ctx *ctx,
                             const bal_hardness_settings *settings)
{
    *out = NULL;
    BAL_TRY(check_settings(ctx, settings));
    bal_hardness *h = bal_calloc(ctx, 1, sizeof *h);
    if (!h)
        return BAL_NO_MEMORY;
    h->ctx = ctx;
    const bal_stratify_ask ask = {.labels = settings->labels,
                                  .count = settings->count,
                                  .classes = settings->classes,
                                  .most = settings->max_items,
                                  .seed = settings->seed,
                                  .stream = BAL_STREAM_AUDIT};
    int64_t count;
    bal_status status = bal_stratify(ctx, &ask, &h->items, &count);
    if (status == BAL_OK && count == settings->count)
        status = bal_measure_hardness(ctx, settings, &h->difficulty);
    else if (status == BAL_OK)
        status = measure_sample(h, settings, count);
    h->difficulty.of = settings->count;
    h->difficulty.items = h->items;
    if (status == BAL_OK)
        *out = h;
    else
        bal_hardness_close(&h);
    return status;
}

void bal_hardness_close(bal_hardness **hardness)
{
    if (!hardness || !*hardness)
        return;
    bal_hardness *h = *hardness;
    bal_hardness_free(h->ctx, &h->difficulty);
    bal_free(h->ctx, h->items);
    bal_free(h->ctx, h);
    *hardness = NULL;
}

const bal_audit_difficulty *bal_hardness_get(const bal_hardness *hardness)
{
    return &hardness->difficulty;
}
