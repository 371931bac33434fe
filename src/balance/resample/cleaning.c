/* Edited nearest neighbours and Tomek links over any rows; see cleaning.h. */
#include "balance/resample/cleaning.h"

#include <string.h>

bal_status bal_cleaning_open_over(bal_cleaning *out, const bal_resampled *r, const float *values,
                                  const int32_t *of_row, int64_t count)
{
    *out = (bal_cleaning){
        .r = r, .values = values, .of_row = of_row, .count = count, .value_rows = count};
    out->rows = bal_calloc(r->ctx, (size_t)count, sizeof *out->rows);
    out->remove = bal_calloc(r->ctx, (size_t)count, sizeof *out->remove);
    if (!out->rows || !out->remove) {
        bal_cleaning_close(out);
        return BAL_NO_MEMORY;
    }
    for (int64_t i = 0; i < count; i++)
        out->rows[i] = i;
    return BAL_OK;
}

bal_status bal_cleaning_open(bal_cleaning *out, const bal_resampled *r)
{
    return bal_cleaning_open_over(out, r, NULL, r->classes.of_row, r->data.rows);
}

void bal_cleaning_close(bal_cleaning *c)
{
    bal_free(c->r->ctx, c->rows);
    bal_free(c->r->ctx, c->remove);
    c->rows = NULL;
    c->remove = NULL;
}

int64_t bal_cleaning_apply(bal_cleaning *c)
{
    int64_t left = 0;
    for (int64_t i = 0; i < c->count; i++)
        if (!c->remove[i])
            c->rows[left++] = c->rows[i];
    const int64_t removed = c->count - left;
    c->count = left;
    memset(c->remove, 0, (size_t)left * sizeof *c->remove);
    return removed;
}

void bal_cleaning_counts(const bal_cleaning *c, int64_t *counts)
{
    memset(counts, 0, (size_t)c->r->classes.count * sizeof *counts);
    for (int64_t i = 0; i < c->count; i++)
        counts[c->of_row[c->rows[i]]]++;
}

int32_t bal_cleaning_mode(const int32_t *labels, int64_t count, int64_t *work)
{
    int32_t best = labels[0];
    for (int64_t i = 0; i < count; i++)
        work[labels[i]]++;
    for (int64_t i = 0; i < count; i++)
        if (work[labels[i]] > work[best] || (work[labels[i]] == work[best] && labels[i] < best))
            best = labels[i];
    for (int64_t i = 0; i < count; i++)
        work[labels[i]] = 0;
    return best;
}

bool *bal_cleaning_chosen(const bal_resampled *r)
{
    bool *chosen = bal_calloc(r->ctx, (size_t)r->classes.count, sizeof *chosen);
    for (int c = 0; chosen && c < r->classes.count; c++)
        chosen[c] = r->target[c].chosen;
    return chosen;
}

bool bal_cleaning_by_mode(const bal_resampled *r)
{
    return strcmp(r->settings.kind_sel, "mode") == 0;
}

/* The k nearest of some of the rows, among all that are there. */
static bal_status neighbours(const bal_cleaning *c, const int64_t *of, int64_t of_count, int64_t k,
                             int64_t *index)
{
    const bal_neighbourhood how = {.what = "neighbours of all classes",
                                   .values = c->values,
                                   .rows = c->value_rows,
                                   .columns = c->r->data.columns,
                                   .of = of,
                                   .of_count = of_count,
                                   .among = c->rows,
                                   .among_count = c->count,
                                   .k = k};
    return bal_neighbourhood_find(c->r, &how, index, NULL);
}

/* ---- edited nearest neighbours ---- */

typedef struct edit {
    bal_cleaning *c;
    int64_t k;
    bool mode;
    int64_t *of, *place; /* rows of the chosen classes, and where they stand in c->rows */
    int64_t count;
    int64_t *index;  /* their neighbours */
    int32_t *labels; /* of one row's neighbours */
    int64_t *work;
} edit;

static bool misfit(const edit *e, int64_t i)
{
    const int32_t own = e->c->of_row[e->of[i]];
    bool all = true;
    for (int64_t j = 0; j < e->k; j++) {
        e->labels[j] = e->c->of_row[e->index[i * e->k + j]];
        all = all && e->labels[j] == own;
    }
    return e->mode ? bal_cleaning_mode(e->labels, e->k, e->work) != own : !all;
}

/* Where nearly all rows are asked about, all are: each pair of rows is looked at once then, which
 * is half the work. */
static bal_status find_neighbours(edit *e)
{
    const bal_cleaning *c = e->c;
    if (e->count < c->count - c->count / 4)
        return neighbours(c, e->of, e->count, e->k, e->index);
    BAL_TRY(neighbours(c, c->rows, c->count, e->k, e->index));
    for (int64_t i = 0; i < e->count; i++) /* place[i] >= i: nothing is overwritten unread */
        memmove(e->index + i * e->k, e->index + e->place[i] * e->k,
                (size_t)e->k * sizeof *e->index);
    return BAL_OK;
}

static bal_status judge(edit *e)
{
    BAL_TRY(find_neighbours(e));
    for (int64_t i = 0; i < e->count; i++)
        e->c->remove[e->place[i]] = misfit(e, i);
    return BAL_OK;
}

bal_status bal_cleaning_edit(bal_cleaning *c, int64_t k, bool mode, const bool *chosen)
{
    bal_ctx *ctx = c->r->ctx;
    edit e = {.c = c, .k = k < c->count - 1 ? k : c->count - 1, .mode = mode};
    if (e.k < 1)
        return BAL_OK;
    e.of = bal_calloc(ctx, (size_t)c->count, sizeof *e.of);
    e.place = bal_calloc(ctx, (size_t)c->count, sizeof *e.place);
    for (int64_t i = 0; e.of && e.place && i < c->count; i++)
        if (chosen[c->of_row[c->rows[i]]]) {
            e.of[e.count] = c->rows[i];
            e.place[e.count++] = i;
        }
    e.index = bal_calloc(ctx, (size_t)c->count, (size_t)e.k * sizeof *e.index);
    e.labels = bal_calloc(ctx, (size_t)e.k, sizeof *e.labels);
    e.work = bal_calloc(ctx, (size_t)c->r->classes.count, sizeof *e.work);
    bal_status status = BAL_NO_MEMORY;
    if (e.of && e.place && e.index && e.labels && e.work)
        status = e.count > 0 ? judge(&e) : BAL_OK;
    void *const memory[] = {e.of, e.place, e.index, e.labels, e.work};
    for (size_t i = 0; i < BAL_COUNT_OF(memory); i++)
        bal_free(ctx, memory[i]);
    return status;
}

/* ---- Tomek links ---- */

bal_status bal_cleaning_tomek(bal_cleaning *c, const bool *chosen)
{
    if (c->count < 2)
        return BAL_OK;
    bal_ctx *ctx = c->r->ctx;
    const int64_t last = c->rows[c->count - 1];
    int64_t *nearest = bal_calloc(ctx, (size_t)c->count, sizeof *nearest);
    int64_t *of_row = bal_calloc(ctx, (size_t)last + 1, sizeof *of_row); /* nearest by row */
    bal_status status = nearest && of_row ? BAL_OK : BAL_NO_MEMORY;
    if (status == BAL_OK)
        status = neighbours(c, c->rows, c->count, 1, nearest);
    for (int64_t i = 0; status == BAL_OK && i < c->count; i++)
        of_row[c->rows[i]] = nearest[i];
    for (int64_t i = 0; status == BAL_OK && i < c->count; i++) {
        const int64_t row = c->rows[i], other = nearest[i];
        c->remove[i] =
            chosen[c->of_row[row]] && c->of_row[other] != c->of_row[row] && of_row[other] == row;
    }
    bal_free(ctx, nearest);
    bal_free(ctx, of_row);
    return status;
}
