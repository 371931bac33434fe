/* EOS, expansive over-sampling (Dablain et al. 2023): new rows between a row of the class and its
 * nearest enemies, rows of other classes among its k nearest of all. Bases are the rows that have
 * such enemies. Where no row of the class has any, each row and its nearest enemy are taken. */
#include "balance/resample/neighbourhood.h"

typedef struct enemies {
    bal_resampled *r;
    int c;
    int64_t n, k;
    const int64_t *members;
    int64_t *index; /* n x k */
    int64_t *count; /* n: how many of them are enemies; these come first */
    int64_t *bases; /* numbers of the members that have any */
    int64_t base_count;
} enemies;

static void keep_enemies(enemies *e)
{
    for (int64_t i = 0; i < e->n; i++) {
        int64_t *row = e->index + i * e->k;
        for (int64_t j = 0; j < e->k; j++)
            if (e->r->classes.of_row[row[j]] != e->c)
                row[e->count[i]++] = row[j];
        if (e->count[i] > 0)
            e->bases[e->base_count++] = i;
    }
}

static bal_status find_nearest(enemies *e)
{
    bal_log(e->r->ctx, BAL_LOG_WARN,
            "class %d: no row has an enemy among its %lld nearest, so its one nearest enemy is "
            "taken",
            (int)e->r->classes.labels[e->c], (long long)e->k);
    int64_t count;
    int64_t *others = bal_rows_of_others(e->r, e->c, &count);
    if (!others)
        return BAL_NO_MEMORY;
    e->k = 1;
    const bal_neighbourhood how = {.what = "nearest enemies",
                                   .of = e->members,
                                   .of_count = e->n,
                                   .among = others,
                                   .among_count = count,
                                   .k = 1};
    const bal_status status = bal_neighbourhood_find(e->r, &how, e->index, NULL);
    bal_free(e->r->ctx, others);
    if (status == BAL_OK)
        keep_enemies(e);
    return status;
}

static void draw(const enemies *e, bal_synthetic *made, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        bal_random random = bal_resample_random(e->r, 0, e->c, (uint64_t)i);
        const int64_t base = e->bases[bal_random_below(&random, (uint64_t)e->base_count)];
        const int64_t j = (int64_t)bal_random_below(&random, (uint64_t)e->count[base]);
        made[i] = (bal_synthetic){.base = e->members[base],
                                  .neighbour = e->index[base * e->k + j],
                                  .weight = bal_random_unit(&random),
                                  .class_number = e->c,
                                  .key = (uint32_t)i};
    }
}

static bal_status plan_class(enemies *e)
{
    bal_ctx *ctx = e->r->ctx;
    bal_synthetic *made;
    e->k = bal_neighbourhood_k(e->r, e->c, e->r->settings.k, e->r->data.rows - 1);
    e->index = bal_calloc(ctx, (size_t)e->n, (size_t)e->k * sizeof *e->index);
    e->count = bal_calloc(ctx, (size_t)e->n, sizeof *e->count);
    e->bases = bal_calloc(ctx, (size_t)e->n, sizeof *e->bases);
    if (!e->index || !e->count || !e->bases)
        return BAL_NO_MEMORY;
    const bal_neighbourhood how = {
        .what = "enemies", .of = e->members, .of_count = e->n, .k = e->k};
    BAL_TRY(bal_neighbourhood_find(e->r, &how, e->index, NULL));
    keep_enemies(e);
    if (e->base_count == 0)
        BAL_TRY(find_nearest(e));
    BAL_TRY(bal_resampled_make(e->r, e->r->target[e->c].count, &made));
    draw(e, made, e->r->target[e->c].count);
    return BAL_OK;
}

static bal_status plan(bal_resampled *r)
{
    BAL_TRY(bal_resampled_keep_all(r));
    for (int c = 0; c < r->classes.count; c++) {
        BAL_TRY(bal_resample_step(r, "classes", c, r->classes.count));
        if (r->target[c].count == 0)
            continue;
        enemies e = {.r = r,
                     .c = c,
                     .n = bal_class_rows_in(&r->classes, c),
                     .members = r->classes.members + r->classes.first[c]};
        const bal_status status = plan_class(&e);
        bal_free(r->ctx, e.index);
        bal_free(r->ctx, e.count);
        bal_free(r->ctx, e.bases);
        BAL_TRY(status);
    }
    return BAL_OK;
}

const bal_resampler bal_resampler_eos = {
    .info = {.name = "eos",
             .formula = "x' = x_i + u (x_e - x_i), x_e a row of another class among the k nearest "
                        "of all, u ~ U(0, 1)",
             .source = "Dablain et al. 2023",
             .kind = BAL_RESAMPLE_OVER,
             .options = "k distance",
             .k = 10},
    .plan = plan,
};
