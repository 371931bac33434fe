/* See neighbourhood.h. */
#include "balance/resample/neighbourhood.h"

#include "numeric/neighbours/neighbours.h"

typedef struct telling {
    const bal_resampled *r;
    const char *what;
} telling;

static void tell(void *user, int64_t done, int64_t total)
{
    const telling *t = user;
    t->r->settings.progress(t->r->settings.progress_user, t->what, done, total);
}

bal_status bal_neighbourhood_find(const bal_resampled *r, const bal_neighbourhood *how,
                                  int64_t *index, double *distance)
{
    telling t = {r, how->what};
    const bal_neighbours_settings settings = {
        .points = how->values ? (bal_rows){how->values, how->rows, how->columns}
                              : (bal_rows){r->data.values, r->data.rows, r->data.columns},
        .point_rows = how->among,
        .point_count = how->among_count,
        .query_rows = how->of,
        .query_count = how->of_count,
        .k = how->k,
        .distance = r->cosine ? BAL_COSINE : BAL_EUCLIDEAN,
        .memory = (size_t)r->settings.memory * 1024 * 1024,
        .progress = r->settings.progress ? tell : NULL,
        .user = &t};
    return bal_neighbours(r->ctx, &settings, index, distance);
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
