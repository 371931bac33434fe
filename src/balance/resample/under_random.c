/* Random under-sampling: members drawn without replacement, or with it. */
#include "balance/resample/resampling.h"

#include <stdlib.h>
#include <string.h>

enum { DRAW_ORDER, DRAW_MEMBER };

static int by_number(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Writes the rows of class c that stay, ascending; out has room for all of them. */
static int64_t draw_class(const bal_resampled *r, int c, int64_t *out)
{
    const int64_t n = bal_class_rows_in(&r->classes, c);
    const int64_t *members = r->classes.members + r->classes.first[c];
    const int64_t wanted = r->target[c].chosen ? r->target[c].count : n;
    memcpy(out, members, (size_t)n * sizeof *out);
    if (!r->target[c].chosen)
        return n;
    if (r->settings.replacement) {
        for (int64_t i = 0; i < wanted; i++) {
            bal_random random = bal_resample_random(r, DRAW_MEMBER, c, (uint64_t)i);
            out[i] = members[bal_random_below(&random, (uint64_t)n)];
        }
    } else {
        bal_random random = bal_resample_random(r, DRAW_ORDER, c, 0);
        bal_random_shuffle(&random, out, n);
    }
    qsort(out, (size_t)wanted, sizeof *out, by_number);
    return wanted;
}

static bal_status plan(bal_resampled *r)
{
    int64_t *rows = bal_calloc(r->ctx, (size_t)r->data.rows, sizeof *rows);
    int64_t count = 0;
    if (!rows)
        return BAL_NO_MEMORY;
    for (int c = 0; c < r->classes.count; c++)
        count += draw_class(r, c, rows + count);
    qsort(rows, (size_t)count, sizeof *rows, by_number);
    const bal_status status = bal_resampled_keep(r, rows, count);
    bal_free(r->ctx, rows);
    return status;
}

const bal_resampler bal_resampler_random_under = {
    .info = {.name = "random-under",
             .formula = "keeps a uniform draw of each class",
             .source = "Japkowicz & Stephen 2002",
             .kind = BAL_RESAMPLE_UNDER,
             .options = "replacement"},
    .plan = plan,
};
