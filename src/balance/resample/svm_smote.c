/* SVM-SMOTE (Nguyen, Cooper & Kamei 2011): the bases are the class's support vectors. Those in
 * danger are joined with neighbours of the class, beyond the safe ones the class is extended. */
#include "balance/resample/neighbourhood.h"

#include "numeric/support_vectors.h"

enum { BETWEEN, BEYOND };

typedef struct bases {
    int64_t *danger, *safe; /* input rows, ascending */
    int64_t danger_count, safe_count;
    int64_t *enemies; /* of each member */
} bases;

static void bases_close(bases *b, bal_ctx *ctx)
{
    bal_free(ctx, b->danger);
    bal_free(ctx, b->safe);
    bal_free(ctx, b->enemies);
}

static bal_status find_bases(const bal_resampled *r, int c, const bool *support, bases *b)
{
    const int64_t n = bal_class_rows_in(&r->classes, c);
    const int64_t *members = r->classes.members + r->classes.first[c];
    int64_t m = r->settings.m;
    b->danger = bal_calloc(r->ctx, (size_t)n, sizeof *b->danger);
    b->safe = bal_calloc(r->ctx, (size_t)n, sizeof *b->safe);
    b->enemies = bal_calloc(r->ctx, (size_t)n, sizeof *b->enemies);
    if (!b->danger || !b->safe || !b->enemies)
        return BAL_NO_MEMORY;
    BAL_TRY(bal_neighbourhood_enemies(r, c, &m, b->enemies));
    for (int64_t i = 0; i < n; i++) {
        if (!support[members[i]] || b->enemies[i] == m) /* all are of other classes: noise */
            continue;
        if (2 * b->enemies[i] >= m)
            b->danger[b->danger_count++] = members[i];
        else
            b->safe[b->safe_count++] = members[i];
    }
    return BAL_OK;
}

static bal_status plan_from(bal_resampled *r, int c, const bases *b, int which, int64_t count)
{
    const bool between = which == BETWEEN;
    const bal_interpolation how = {.c = c,
                                   .bases = between ? b->danger : b->safe,
                                   .base_count = between ? b->danger_count : b->safe_count,
                                   .among = r->classes.members + r->classes.first[c],
                                   .among_count = bal_class_rows_in(&r->classes, c),
                                   .count = count,
                                   .k = r->settings.k,
                                   .step = between ? 1.0 : -r->settings.out_step,
                                   .purpose = (uint32_t)which};
    return bal_interpolation_plan(r, &how);
}

static bal_status plan_class(bal_resampled *r, int c, const bool *support)
{
    const int64_t count = r->target[c].count;
    bases b = {0};
    bal_status status = find_bases(r, c, support, &b);
    int64_t between = bal_interpolation_share(r, c, count);
    if (b.safe_count == 0)
        between = count;
    if (b.danger_count == 0)
        between = 0;
    if (status == BAL_OK && b.danger_count == 0 && b.safe_count == 0)
        bal_log(r->ctx, BAL_LOG_WARN,
                "class %d: no support vector has another row of the class near it, so none is made",
                (int)r->classes.labels[c]);
    else if (status == BAL_OK) {
        status = plan_from(r, c, &b, BETWEEN, between);
        if (status == BAL_OK)
            status = plan_from(r, c, &b, BEYOND, count - between);
    }
    bases_close(&b, r->ctx);
    return status;
}

static bal_status plan_classes(bal_resampled *r, bool *support)
{
    const bal_support_settings how = {.rows = {r->data.values, r->data.rows, r->data.columns},
                                      .classes = r->classes.of_row,
                                      .c = 1.0,
                                      .memory = (size_t)r->settings.memory * 1024 * 1024};
    BAL_TRY(bal_resample_step(r, "support vectors", 0, 1));
    BAL_TRY(bal_support_vectors(r->ctx, &how, support));
    for (int c = 0; c < r->classes.count; c++) {
        BAL_TRY(bal_resample_step(r, "classes", c, r->classes.count));
        if (r->target[c].count > 0)
            BAL_TRY(plan_class(r, c, support));
    }
    return BAL_OK;
}

static bal_status plan(bal_resampled *r)
{
    BAL_TRY(bal_resampled_keep_all(r));
    bool *support = bal_calloc(r->ctx, (size_t)r->data.rows, sizeof *support);
    if (!support)
        return BAL_NO_MEMORY;
    const bal_status status = plan_classes(r, support);
    bal_free(r->ctx, support);
    return status;
}

const bal_resampler bal_resampler_svm_smote = {
    .info = {.name = "svm-smote",
             .formula = "SMOTE from the class's support vectors in danger, x' = x_i - out_step u "
                        "(x_z - x_i) from the safe ones",
             .source = "Nguyen, Cooper & Kamei 2011",
             .kind = BAL_RESAMPLE_OVER,
             .options = "k m distance out-step",
             .k = 5,
             .m = 10},
    .plan = plan,
};
