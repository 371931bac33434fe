/* Instance hardness threshold (Smith, Martinez & Giraud-Carrier 2014): the rows of a class that are
 * easiest stay. A row is as easy as its class is likely there, by the k nearest other rows, each
 * weighing the inverse of its distance; where some are at distance 0, these alone count. */
#include "balance/resample/neighbourhood.h"

#include <stdlib.h>
#include <string.h>

typedef struct easy {
    int64_t row;
    double probability; /* of its own class */
} easy;

static int easiest_first(const void *a, const void *b)
{
    const easy *x = a, *y = b;
    if (x->probability != y->probability)
        return x->probability > y->probability ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static int by_number(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double own_share(const bal_resampled *r, int c, const int64_t *near, const double *distance,
                        int64_t k)
{
    double own = 0.0, all = 0.0;
    const bool touching = distance[0] == 0.0;
    for (int64_t j = 0; j < k && (!touching || distance[j] == 0.0); j++) {
        const double weight = touching ? 1.0 : 1.0 / distance[j];
        all += weight;
        own += r->classes.of_row[near[j]] == c ? weight : 0.0;
    }
    return own / all;
}

static bal_status rank_class(const bal_resampled *r, int c, int64_t k, easy *rank)
{
    const int64_t n = bal_class_rows_in(&r->classes, c);
    const int64_t *members = r->classes.members + r->classes.first[c];
    int64_t *near = bal_calloc(r->ctx, (size_t)n, (size_t)k * sizeof *near);
    double *distance = bal_calloc(r->ctx, (size_t)n, (size_t)k * sizeof *distance);
    const bal_neighbourhood how = {
        .what = "neighbours of all classes", .of = members, .of_count = n, .k = k};
    bal_status status = near && distance ? BAL_OK : BAL_NO_MEMORY;
    if (status == BAL_OK)
        status = bal_neighbourhood_find(r, &how, near, distance);
    for (int64_t i = 0; status == BAL_OK && i < n; i++)
        rank[i] = (easy){members[i], own_share(r, c, near + i * k, distance + i * k, k)};
    if (status == BAL_OK)
        qsort(rank, (size_t)n, sizeof *rank, easiest_first);
    bal_free(r->ctx, near);
    bal_free(r->ctx, distance);
    return status;
}

static bal_status plan(bal_resampled *r)
{
    const int64_t k = bal_neighbourhood_k(r, r->classes.minority, r->settings.k, r->data.rows - 1);
    int64_t *rows = bal_calloc(r->ctx, (size_t)r->data.rows, sizeof *rows);
    easy *rank = bal_calloc(r->ctx, (size_t)r->data.rows, sizeof *rank);
    bal_status status = rows && rank ? BAL_OK : BAL_NO_MEMORY;
    int64_t count = 0;
    for (int c = 0; status == BAL_OK && c < r->classes.count; c++) {
        const int64_t n = bal_class_rows_in(&r->classes, c);
        const bool all = !r->target[c].chosen || r->target[c].count >= n;
        status = bal_resample_step(r, "classes", c, r->classes.count);
        if (status == BAL_OK && !all)
            status = rank_class(r, c, k, rank);
        for (int64_t i = 0; i < (all ? n : r->target[c].count); i++)
            rows[count++] = all ? r->classes.members[r->classes.first[c] + i] : rank[i].row;
    }
    if (status == BAL_OK) {
        qsort(rows, (size_t)count, sizeof *rows, by_number);
        status = bal_resampled_keep(r, rows, count);
    }
    bal_free(r->ctx, rows);
    bal_free(r->ctx, rank);
    return status;
}

const bal_resampler bal_resampler_hardness_threshold = {
    .info = {.name = "instance-hardness",
             .formula = "keeps the rows whose class is likeliest by their k nearest, weighted by "
                        "1 / distance",
             .source = "Smith et al. 2014",
             .kind = BAL_RESAMPLE_UNDER,
             .options = "k distance",
             .k = 5},
    .plan = plan,
};
