/* Safe-Level-SMOTE (Bunkhumpornpat et al. 2009): new rows lie nearer to the end of the segment that
 * is safer. The safe level s of a row is how many of its k nearest neighbours among all rows are of
 * its class. With base i, neighbour z and the ratio q = s_i / s_z the weight is uniform in
 *     [0, 1] for q = 1,  [0, 1/q] for q > 1,  [1 - q, 1] for q < 1,  and 0 for s_z = 0 < s_i;
 * a pair with s_i = s_z = 0 is noise and gives no row. */
#include "balance/resample/neighbourhood.h"

enum { DRAW_PAIR, DRAW_WEIGHT };

typedef struct levels {
    bal_resampled *r;
    int c;
    int64_t n, k;
    const int64_t *members;
    int64_t *safe;  /* n */
    int64_t *index; /* n x k: neighbours within the class, as numbers of members */
    int64_t *pairs; /* those that are no noise: i k + j */
    int64_t pair_count;
} levels;

static int64_t number_of(const levels *l, int64_t row)
{
    int64_t low = 0, high = l->n - 1;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (l->members[middle] < row)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bal_status measure(levels *l)
{
    bal_ctx *ctx = l->r->ctx;
    int64_t k = l->r->settings.k;
    l->safe = bal_calloc(ctx, (size_t)l->n, sizeof *l->safe);
    l->index = bal_calloc(ctx, (size_t)l->n, (size_t)l->k * sizeof *l->index);
    l->pairs = bal_calloc(ctx, (size_t)l->n, (size_t)l->k * sizeof *l->pairs);
    if (!l->safe || !l->index || !l->pairs)
        return BAL_NO_MEMORY;
    BAL_TRY(bal_neighbourhood_enemies(l->r, l->c, &k, l->safe));
    for (int64_t i = 0; i < l->n; i++)
        l->safe[i] = k - l->safe[i];
    const bal_neighbourhood within = {.what = "neighbours",
                                      .of = l->members,
                                      .of_count = l->n,
                                      .among = l->members,
                                      .among_count = l->n,
                                      .k = l->k};
    BAL_TRY(bal_neighbourhood_find(l->r, &within, l->index, NULL));
    for (int64_t p = 0; p < l->n * l->k; p++) {
        l->index[p] = number_of(l, l->index[p]);
        if (l->safe[p / l->k] > 0 || l->safe[l->index[p]] > 0)
            l->pairs[l->pair_count++] = p;
    }
    return BAL_OK;
}

static double draw_weight(int64_t base, int64_t neighbour, double u)
{
    if (neighbour == 0)
        return 0.0;
    const double ratio = (double)base / (double)neighbour;
    return ratio > 1.0 ? u / ratio : ratio < 1.0 ? 1.0 - ratio + ratio * u : u;
}

static void draw(const levels *l, bal_synthetic *made, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        bal_random random = bal_resample_random(l->r, DRAW_PAIR, l->c, (uint64_t)i);
        const int64_t pair = l->pairs[bal_random_below(&random, (uint64_t)l->pair_count)];
        const int64_t base = pair / l->k, neighbour = l->index[pair];
        made[i] = (bal_synthetic){
            .base = l->members[base],
            .neighbour = l->members[neighbour],
            .weight = draw_weight(l->safe[base], l->safe[neighbour], bal_random_unit(&random)),
            .class_number = l->c,
            .key = (uint32_t)i};
    }
}

/* A class of one row has no pairs: what is copied needs no safety. */
static bal_status copy(bal_resampled *r, int c)
{
    const int64_t *member = r->classes.members + r->classes.first[c];
    const bal_interpolation how = {.c = c,
                                   .bases = member,
                                   .base_count = 1,
                                   .among = member,
                                   .among_count = 1,
                                   .count = r->target[c].count};
    return bal_interpolation_plan(r, &how);
}

static bal_status plan_class(levels *l)
{
    bal_synthetic *made;
    const int64_t count = l->r->target[l->c].count;
    l->k = bal_neighbourhood_k(l->r, l->c, l->r->settings.k, l->n - 1);
    BAL_TRY(measure(l));
    if (l->pair_count == 0) {
        bal_log(l->r->ctx, BAL_LOG_WARN,
                "class %d: no row has another of its class near it, so none is made",
                (int)l->r->classes.labels[l->c]);
        return BAL_OK;
    }
    BAL_TRY(bal_resampled_make(l->r, count, &made));
    draw(l, made, count);
    return BAL_OK;
}

static bal_status plan(bal_resampled *r)
{
    BAL_TRY(bal_resampled_keep_all(r));
    for (int c = 0; c < r->classes.count; c++) {
        BAL_TRY(bal_resample_step(r, "classes", c, r->classes.count));
        levels l = {.r = r,
                    .c = c,
                    .n = bal_class_rows_in(&r->classes, c),
                    .members = r->classes.members + r->classes.first[c]};
        if (r->target[c].count == 0)
            continue;
        const bal_status status = l.n == 1 ? copy(r, c) : plan_class(&l);
        bal_free(r->ctx, l.safe);
        bal_free(r->ctx, l.index);
        bal_free(r->ctx, l.pairs);
        BAL_TRY(status);
    }
    return BAL_OK;
}

const bal_resampler bal_resampler_safe_level = {
    .info = {.name = "safe-level-smote",
             .formula = "SMOTE nearer to the safer end: s_i/s_z decides the range of u, s of the k "
                        "nearest of all rows are of the class",
             .source = "Bunkhumpornpat, Sinapiromsaran & Lursinsap 2009",
             .kind = BAL_RESAMPLE_OVER,
             .options = "k distance",
             .k = 5},
    .plan = plan,
};
