/* Neighbours among input rows that lie apart: gathered in parts that fit the memory, and the
 * nearest of all parts merged. */
#include "balance/resample/neighbourhood.h"

#include "numeric/neighbours.h"

#include <string.h>

/* Rows as the search wants them: a view of the values where they lie side by side, else a copy of a
 * part of them. */
typedef struct gathered {
    const int64_t *rows; /* NULL: all */
    int64_t count, part; /* rows in all, and taken at a time */
    float *copy;         /* part rows, or NULL */
} gathered;

typedef struct search {
    const bal_resampled *r;
    const bal_neighbourhood *how;
    const float *values;
    int64_t columns;
    gathered of, among;
    int64_t *index;      /* what a part of the points gave: of.part x (k + 1) */
    double *distance;    /* likewise */
    double *best;        /* distances of the best so far: of.part x k */
    int64_t *have;       /* how many a query has: of.part */
    size_t memory;       /* for the search itself */
    int64_t done, total; /* pairs of parts */
} search;

static int64_t row_at(const gathered *g, int64_t i)
{
    return g->rows ? g->rows[i] : i;
}

static bool side_by_side(const gathered *g)
{
    for (int64_t i = 1; g->rows && i < g->count; i++)
        if (g->rows[i] != g->rows[0] + i)
            return false;
    return true;
}

/* extra: bytes that a row takes besides its copy. */
static bal_status gathered_open(bal_ctx *ctx, gathered *g, int64_t columns, size_t extra,
                                size_t memory)
{
    const bool copied = !side_by_side(g);
    const size_t bytes = extra + (copied ? (size_t)columns * sizeof *g->copy : 0);
    const size_t fit = bytes ? memory / bytes : (size_t)g->count;
    g->part = fit < 1 ? 1 : fit < (size_t)g->count ? (int64_t)fit : g->count;
    if (!copied)
        return BAL_OK;
    g->copy = bal_calloc(ctx, (size_t)g->part, (size_t)columns * sizeof *g->copy);
    return g->copy ? BAL_OK : BAL_NO_MEMORY;
}

static bal_rows gather(const search *s, const gathered *g, int64_t first, int64_t count)
{
    if (!g->copy)
        return (bal_rows){s->values + row_at(g, first) * s->columns, count, s->columns};
    for (int64_t i = 0; i < count; i++)
        memcpy(g->copy + i * s->columns, s->values + row_at(g, first + i) * s->columns,
               (size_t)s->columns * sizeof *s->values);
    return (bal_rows){g->copy, count, s->columns};
}

static bool are_themselves(const search *s)
{
    return s->of.rows == s->among.rows && s->of.count == s->among.count &&
           s->among.part == s->among.count;
}

static bal_status search_open(search *s)
{
    const bal_neighbourhood *how = s->how;
    bal_ctx *ctx = s->r->ctx;
    const size_t k = (size_t)how->k, quarter = (size_t)s->r->settings.memory * 1024 * 1024 / 4;
    s->values = how->values ? how->values : s->r->data.values;
    s->columns = how->values ? how->columns : s->r->data.columns;
    s->of = (gathered){how->of, how->of ? how->of_count : s->r->data.rows, 0, NULL};
    s->among = (gathered){how->among, how->among ? how->among_count : s->r->data.rows, 0, NULL};
    s->memory = 2 * quarter;
    BAL_TRY(gathered_open(ctx, &s->among, s->columns, 0, quarter));
    s->total = 1;
    if (are_themselves(s))
        return BAL_OK;
    BAL_TRY(gathered_open(ctx, &s->of, s->columns, (3 * k + 3) * sizeof(double), quarter));
    const size_t queries = (size_t)s->of.part;
    s->index = bal_calloc(ctx, queries, (k + 1) * sizeof *s->index);
    s->distance = bal_calloc(ctx, queries, (k + 1) * sizeof *s->distance);
    s->best = bal_calloc(ctx, queries, k * sizeof *s->best);
    s->have = bal_calloc(ctx, queries, sizeof *s->have);
    s->total = ((s->of.count - 1) / s->of.part + 1) * ((s->among.count - 1) / s->among.part + 1);
    return s->index && s->distance && s->best && s->have ? BAL_OK : BAL_NO_MEMORY;
}

static void search_close(search *s)
{
    bal_ctx *ctx = s->r->ctx;
    bal_free(ctx, s->of.copy);
    bal_free(ctx, s->among.copy);
    bal_free(ctx, s->index);
    bal_free(ctx, s->distance);
    bal_free(ctx, s->best);
    bal_free(ctx, s->have);
}

static bool nearer(double a, int64_t a_row, double b, int64_t b_row)
{
    return a < b || (a == b && a_row < b_row);
}

/* Puts a row into its place among the best of a query, or not at all. */
static void insert(const search *s, int64_t i, int64_t *best, int64_t row, double distance)
{
    const int64_t k = s->how->k;
    double *best_distance = s->best + i * k;
    int64_t at = s->have[i];
    if (at < k)
        s->have[i]++;
    else if (!nearer(distance, row, best_distance[k - 1], best[k - 1]))
        return;
    else
        at = k - 1;
    for (; at > 0 && nearer(distance, row, best_distance[at - 1], best[at - 1]); at--) {
        best[at] = best[at - 1];
        best_distance[at] = best_distance[at - 1];
    }
    best[at] = row;
    best_distance[at] = distance;
}

static void tell(void *user, int64_t done, int64_t total)
{
    const search *s = user;
    const bal_resample_settings *settings = &s->r->settings;
    enum { FINE = 1000 };
    if (settings->progress && total > 0)
        settings->progress(settings->progress_user, s->how->what,
                           s->done * FINE + done * FINE / total, s->total * FINE);
}

/* A part of the queries against all parts of the points. index: where their neighbours go. */
static bal_status search_queries(search *s, int64_t first, int64_t count, int64_t *index)
{
    const int64_t k = s->how->k;
    const bal_rows queries = gather(s, &s->of, first, count);
    memset(s->have, 0, (size_t)count * sizeof *s->have);
    for (int64_t at = 0; at < s->among.count; at += s->among.part) {
        const int64_t left = s->among.count - at;
        const int64_t points = left < s->among.part ? left : s->among.part;
        const int64_t found = k + 1 < points ? k + 1 : points; /* one may be the row itself */
        const bal_neighbours_settings settings = {.points = gather(s, &s->among, at, points),
                                                  .queries = queries,
                                                  .k = found,
                                                  .distance =
                                                      s->r->cosine ? BAL_COSINE : BAL_EUCLIDEAN,
                                                  .memory = s->memory,
                                                  .progress = tell,
                                                  .user = s};
        BAL_TRY(bal_neighbours(s->r->ctx, &settings, s->index, s->distance));
        for (int64_t i = 0; i < count; i++)
            for (int64_t j = i * found; j < (i + 1) * found; j++) {
                const int64_t row = row_at(&s->among, at + s->index[j]);
                if (row != row_at(&s->of, first + i))
                    insert(s, i, index + i * k, row, s->distance[j]);
            }
        s->done++;
    }
    return BAL_OK;
}

/* Of rows among themselves, if they fit into a part: each pair is looked at once. */
static bal_status search_themselves(search *s, int64_t *index, double *distance)
{
    const bal_neighbours_settings settings = {.points = gather(s, &s->among, 0, s->among.count),
                                              .k = s->how->k,
                                              .distance = s->r->cosine ? BAL_COSINE : BAL_EUCLIDEAN,
                                              .memory = s->memory,
                                              .progress = tell,
                                              .user = s};
    BAL_TRY(bal_neighbours(s->r->ctx, &settings, index, distance));
    for (int64_t i = 0; i < s->among.count * s->how->k; i++)
        index[i] = row_at(&s->among, index[i]);
    return BAL_OK;
}

bal_status bal_neighbourhood_find(const bal_resampled *r, const bal_neighbourhood *how,
                                  int64_t *index, double *distance)
{
    search s = {.r = r, .how = how};
    bal_status status = search_open(&s);
    if (status == BAL_OK && are_themselves(&s)) {
        status = search_themselves(&s, index, distance);
        search_close(&s);
        return status;
    }
    for (int64_t at = 0; at < s.of.count && status == BAL_OK; at += s.of.part) {
        const int64_t left = s.of.count - at, count = left < s.of.part ? left : s.of.part;
        status = search_queries(&s, at, count, index + at * how->k);
        if (status == BAL_OK && distance)
            memcpy(distance + at * how->k, s.best, (size_t)(count * how->k) * sizeof *distance);
    }
    search_close(&s);
    return status;
}

int64_t bal_neighbourhood_k(const bal_resampled *r, int c, int64_t k, int64_t there)
{
    if (k <= there)
        return k;
    bal_log(r->ctx, BAL_LOG_WARN, "class %d: %lld neighbours are asked for, there are %lld",
            (int)r->classes.labels[c], (long long)k, (long long)there);
    return there;
}

bal_status bal_neighbourhood_enemies(const bal_resampled *r, int c, int64_t *m, int64_t *enemies)
{
    const int64_t n = bal_class_rows_in(&r->classes, c);
    *m = bal_neighbourhood_k(r, c, *m, r->data.rows - 1);
    int64_t *index = bal_calloc(r->ctx, (size_t)n, (size_t)*m * sizeof *index);
    if (!index)
        return BAL_NO_MEMORY;
    const bal_neighbourhood how = {.what = "neighbours of all classes",
                                   .of = r->classes.members + r->classes.first[c],
                                   .of_count = n,
                                   .k = *m};
    const bal_status status = bal_neighbourhood_find(r, &how, index, NULL);
    for (int64_t i = 0; i < n && status == BAL_OK; i++) {
        enemies[i] = 0;
        for (int64_t j = 0; j < *m; j++)
            enemies[i] += r->classes.of_row[index[i * *m + j]] != c;
    }
    bal_free(r->ctx, index);
    return status;
}

int64_t *bal_rows_of_others(const bal_resampled *r, int c, int64_t *count)
{
    *count = r->data.rows - bal_class_rows_in(&r->classes, c);
    int64_t *rows = bal_calloc(r->ctx, (size_t)*count, sizeof *rows);
    int64_t at = 0;
    for (int64_t i = 0; rows && i < r->data.rows; i++)
        if (r->classes.of_row[i] != c)
            rows[at++] = i;
    return rows;
}
