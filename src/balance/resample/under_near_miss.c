/* NearMiss 1, 2 and 3 (Mani & Zhang 2003): which rows of a class stay is decided by their distances
 * to the minority. */
#include "balance/resample/neighbourhood.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_NUMBERS ((int64_t)1 << 22) /* neighbours held at one time */

typedef struct scored {
    int64_t row;
    double distance; /* the sum over the neighbours that count */
} scored;

static int by_distance(const void *a, const void *b)
{
    const scored *x = a, *y = b;
    if (x->distance != y->distance)
        return x->distance < y->distance ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static int by_distance_falling(const void *a, const void *b)
{
    const scored *x = a, *y = b;
    if (x->distance != y->distance)
        return x->distance > y->distance ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static int by_number(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

typedef struct near_miss {
    bal_resampled *r;
    const int64_t *minority;
    int64_t minority_count, k;
    int64_t *rows, count; /* what stays */
    scored *scores;
    int64_t *index; /* a block's neighbours */
    double *distance;
} near_miss;

static bal_status make_room(near_miss *n, int64_t numbers)
{
    bal_ctx *ctx = n->r->ctx;
    bal_free(ctx, n->index);
    bal_free(ctx, n->distance);
    n->index = bal_calloc(ctx, (size_t)numbers, sizeof *n->index);
    n->distance = bal_calloc(ctx, (size_t)numbers, sizeof *n->distance);
    return n->index && n->distance ? BAL_OK : BAL_NO_MEMORY;
}

/* The sum of the last k of the first `found` distances to the minority, for each of the rows. A row
 * of the minority itself has one row fewer to look at. */
static bal_status score(near_miss *n, int c, const int64_t *rows, int64_t count, int64_t found)
{
    const int64_t others = n->minority_count - (c == n->r->classes.minority);
    found = found < others ? found : others;
    const int64_t k = n->k < found ? n->k : found;
    const int64_t fit = BLOCK_NUMBERS / found, block = fit < 1 ? 1 : fit < count ? fit : count;
    BAL_TRY(make_room(n, block * found));
    for (int64_t at = 0; at < count; at += block) {
        const int64_t some = count - at < block ? count - at : block;
        const bal_neighbourhood how = {.what = "distances to the minority",
                                       .of = rows + at,
                                       .of_count = some,
                                       .among = n->minority,
                                       .among_count = n->minority_count,
                                       .k = found};
        BAL_TRY(bal_resample_step(n->r, "rows", at, count));
        BAL_TRY(bal_neighbourhood_find(n->r, &how, n->index, n->distance));
        for (int64_t i = 0; i < some; i++) {
            scored *s = &n->scores[at + i];
            *s = (scored){.row = rows[at + i]};
            for (int64_t j = found - k; j < found; j++)
                s->distance += n->distance[i * found + j];
        }
    }
    return BAL_OK;
}

static void keep_first(near_miss *n, int64_t there, int64_t wanted,
                       int (*order)(const void *, const void *))
{
    const int64_t count = there < wanted ? there : wanted;
    qsort(n->scores, (size_t)there, sizeof *n->scores, order);
    for (int64_t i = 0; i < count; i++)
        n->rows[n->count++] = n->scores[i].row;
}

static bal_status nearest_or_farthest(near_miss *n, int c, int64_t found)
{
    const int64_t there = bal_class_rows_in(&n->r->classes, c);
    BAL_TRY(score(n, c, n->r->classes.members + n->r->classes.first[c], there, found));
    keep_first(n, there, n->r->target[c].count, by_distance);
    return BAL_OK;
}

/* First the m nearest of the class to each row of the minority, all together. */
static bal_status short_list(near_miss *n, int c, int64_t *list, int64_t *count)
{
    bal_resampled *r = n->r;
    const int64_t m = bal_neighbourhood_k(r, c, r->settings.m, bal_class_rows_in(&r->classes, c));
    const bal_neighbourhood how = {.what = "neighbours of the minority",
                                   .of = n->minority,
                                   .of_count = n->minority_count,
                                   .among = r->classes.members + r->classes.first[c],
                                   .among_count = bal_class_rows_in(&r->classes, c),
                                   .k = m};
    BAL_TRY(make_room(n, n->minority_count * m));
    BAL_TRY(bal_neighbourhood_find(r, &how, n->index, NULL));
    const int64_t all = n->minority_count * m;
    qsort(n->index, (size_t)all, sizeof *n->index, by_number);
    *count = 0;
    for (int64_t i = 0; i < all; i++)
        if (i == 0 || n->index[i] != n->index[i - 1])
            list[(*count)++] = n->index[i];
    return BAL_OK;
}

static bal_status farthest_of_the_near(near_miss *n, int c)
{
    bal_resampled *r = n->r;
    int64_t there;
    int64_t *list = bal_calloc(r->ctx, (size_t)bal_class_rows_in(&r->classes, c), sizeof *list);
    bal_status status = list ? short_list(n, c, list, &there) : BAL_NO_MEMORY;
    if (status == BAL_OK)
        status = score(n, c, list, there, n->k);
    if (status == BAL_OK && there < r->target[c].count)
        bal_log(r->ctx, BAL_LOG_WARN,
                "class %d: %lld rows are asked for, %lld are among the %d nearest of the minority",
                (int)r->classes.labels[c], (long long)r->target[c].count, (long long)there,
                r->settings.m);
    if (status == BAL_OK)
        keep_first(n, there, r->target[c].count, by_distance_falling);
    bal_free(r->ctx, list);
    return status;
}

static bal_status plan_class(near_miss *n, int c, int version)
{
    const bal_class_rows *classes = &n->r->classes;
    const int64_t there = bal_class_rows_in(classes, c);
    if (!n->r->target[c].chosen || n->r->target[c].count >= there) {
        memcpy(n->rows + n->count, classes->members + classes->first[c],
               (size_t)there * sizeof *n->rows);
        n->count += there;
        return BAL_OK;
    }
    if (version == 3)
        return farthest_of_the_near(n, c);
    return nearest_or_farthest(n, c, version == 1 ? n->k : n->minority_count);
}

static bal_status plan_version(bal_resampled *r, int version)
{
    const bal_class_rows *classes = &r->classes;
    near_miss n = {.r = r,
                   .minority = classes->members + classes->first[classes->minority],
                   .minority_count = bal_class_rows_in(classes, classes->minority)};
    n.k = bal_neighbourhood_k(r, classes->minority, r->settings.k, n.minority_count);
    n.rows = bal_calloc(r->ctx, (size_t)r->data.rows, sizeof *n.rows);
    n.scores = bal_calloc(r->ctx, (size_t)r->data.rows, sizeof *n.scores);
    bal_status status = n.rows && n.scores ? BAL_OK : BAL_NO_MEMORY;
    for (int c = 0; status == BAL_OK && c < classes->count; c++)
        status = plan_class(&n, c, version);
    if (status == BAL_OK) {
        qsort(n.rows, (size_t)n.count, sizeof *n.rows, by_number);
        status = bal_resampled_keep(r, n.rows, n.count);
    }
    void *const memory[] = {n.rows, n.scores, n.index, n.distance};
    for (size_t i = 0; i < BAL_COUNT_OF(memory); i++)
        bal_free(r->ctx, memory[i]);
    return status;
}

static bal_status plan_1(bal_resampled *r)
{
    return plan_version(r, 1);
}

static bal_status plan_2(bal_resampled *r)
{
    return plan_version(r, 2);
}

static bal_status plan_3(bal_resampled *r)
{
    return plan_version(r, 3);
}

const bal_resampler bal_resampler_near_miss_1 = {
    .info = {.name = "near-miss-1",
             .formula = "keeps the rows with the smallest mean distance to their k nearest of the "
                        "minority",
             .source = "Mani & Zhang 2003",
             .kind = BAL_RESAMPLE_UNDER,
             .options = "k distance",
             .k = 3},
    .plan = plan_1,
};

const bal_resampler bal_resampler_near_miss_2 = {
    .info = {.name = "near-miss-2",
             .formula = "keeps the rows with the smallest mean distance to the k farthest of the "
                        "minority",
             .source = "Mani & Zhang 2003",
             .kind = BAL_RESAMPLE_UNDER,
             .options = "k distance",
             .k = 3},
    .plan = plan_2,
};

const bal_resampler bal_resampler_near_miss_3 = {
    .info = {.name = "near-miss-3",
             .formula =
                 "of the m nearest to each row of the minority, keeps those with the largest "
                 "mean distance to their k nearest of it",
             .source = "Mani & Zhang 2003",
             .kind = BAL_RESAMPLE_UNDER,
             .options = "k m distance",
             .k = 3,
             .m = 3},
    .plan = plan_3,
};
