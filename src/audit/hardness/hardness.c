/* The difficulty of a set of rows: checks, reduction, and the order of the measures. */
#include "audit/hardness/hardness_parts.h"

#include "numeric/pca.h"

#include <math.h>
#include <string.h>

bal_hardness_settings bal_hardness_defaults(void)
{
    return (bal_hardness_settings){.neighbours = 5,
                                   .seed = 1,
                                   .draws = 20,
                                   .tree = true,
                                   .silhouette = true,
                                   .diversity = true};
}

void bal_hardness_step(void *user, int64_t done, int64_t total)
{
    const bal_hardness_part *part = user;
    if (part->settings->progress)
        part->settings->progress(part->settings->progress_user, part->what, done, total);
}

/* ---- nothing is known yet ---- */

static const bal_drawn no_drawn = {NAN, NAN, NAN};

static bal_audit_class_difficulty unknown_class(void)
{
    return (bal_audit_class_difficulty){
        .kdn = NAN,
        .kdn_median = NAN,
        .chance = NAN,
        .hard = NAN,
        .n1 = NAN,
        .n3 = NAN,
        .silhouette = NAN,
        .fisher = NAN,
        .diversity = {.all = {NAN, NAN, NAN},
                      .effective_rank = no_drawn,
                      .spread = no_drawn,
                      .cosine = no_drawn,
                      .rank_against_head = no_drawn,
                      .spread_against_head = no_drawn,
                      .cosine_against_head = no_drawn},
        .diversity_against_head = NAN,
    };
}

static bal_status prepare_results(bal_hardness_work *w)
{
    const bal_hardness_settings *s = w->settings;
    *w->out = (bal_audit_difficulty){.features = "rows",
                                     .dim = s->dim,
                                     .components = s->dim,
                                     .explained = 1.0,
                                     .of = s->count,
                                     .count = s->count,
                                     .kdn = NAN,
                                     .kdn_median = NAN,
                                     .hard = NAN,
                                     .n1 = NAN,
                                     .n3 = NAN,
                                     .silhouette = NAN,
                                     .fisher = NAN,
                                     .f1 = NAN};
    w->out->each = w->each = bal_calloc(w->ctx, (size_t)s->count, sizeof *w->each);
    w->out->class_of = w->class_of = bal_calloc(w->ctx, (size_t)s->classes, sizeof *w->class_of);
    if (!w->each || !w->class_of)
        return BAL_NO_MEMORY;
    for (int64_t i = 0; i < s->count; i++)
        w->each[i] = (bal_audit_item_difficulty){.kdn = NAN,
                                                 .silhouette = NAN,
                                                 .type = BAL_EXAMPLE_COUNT,
                                                 .n1 = BAL_UNMEASURED,
                                                 .n3 = BAL_UNMEASURED,
                                                 .neighbour = -1};
    for (int c = 0; c < s->classes; c++)
        w->class_of[c] = unknown_class();
    return BAL_OK;
}

/* ---- rows by class ---- */

static bal_status order_by_class(bal_hardness_work *w)
{
    const bal_hardness_settings *s = w->settings;
    w->first = bal_calloc(w->ctx, (size_t)s->classes + 1, sizeof *w->first);
    w->by_class = bal_calloc(w->ctx, (size_t)s->count, sizeof *w->by_class);
    int64_t *next = bal_calloc(w->ctx, (size_t)s->classes, sizeof *next);
    const bal_status status = w->first && w->by_class && next ? BAL_OK : BAL_NO_MEMORY;
    if (status == BAL_OK) {
        for (int64_t i = 0; i < s->count; i++)
            w->first[s->labels[i] + 1]++;
        for (int c = 0; c < s->classes; c++) {
            w->class_of[c].items = w->first[c + 1];
            w->first[c + 1] += w->first[c];
            next[c] = w->first[c];
        }
        for (int64_t i = 0; i < s->count; i++)
            w->by_class[next[s->labels[i]]++] = i;
    }
    bal_free(w->ctx, next);
    return status;
}

static int classes_present(const bal_hardness_work *w)
{
    int present = 0;
    for (int c = 0; c < w->classes; c++)
        present += bal_class_items(w, c) > 0;
    return present;
}

/* ---- reduction ---- */

/* Components that hold nothing but rounding are left out: their noise would count as a feature. */
static int64_t real_components(const bal_pca *pca)
{
    int64_t count = 1;
    while (count < pca->count && pca->variance[count] > 1e-12 * pca->total_variance)
        count++;
    return count;
}

static bal_status reduce(bal_hardness_work *w, float **reduced)
{
    const bal_hardness_settings *s = w->settings;
    *reduced = NULL;
    w->rows = w->given;
    if (s->components == 0 || s->components >= s->dim)
        return BAL_OK;
    bal_hardness_part part = {s, "principal components"};
    bal_hardness_step(&part, 0, 1);
    bal_pca *pca;
    const int64_t most = s->components < s->count ? s->components : s->count;
    BAL_TRY(bal_pca_open(&pca, w->ctx, &w->given, most));
    pca->count = real_components(pca);
    double kept = 0.0;
    for (int64_t i = 0; i < pca->count; i++)
        kept += pca->variance[i];
    w->out->components = (int)pca->count;
    w->out->explained = pca->total_variance > 0.0 ? kept / pca->total_variance : 1.0;
    *reduced = bal_calloc(w->ctx, (size_t)s->count, (size_t)pca->count * sizeof **reduced);
    bal_status status = *reduced ? BAL_OK : BAL_NO_MEMORY;
    if (status == BAL_OK)
        status = bal_pca_transform(w->ctx, pca, &w->given, *reduced);
    w->rows = (bal_rows){*reduced, s->count, pca->count};
    bal_pca_close(&pca);
    bal_hardness_step(&part, 1, 1);
    return status;
}

/* ---- the whole ---- */

static bal_status measure(bal_hardness_work *w)
{
    const bal_hardness_settings *s = w->settings;
    BAL_TRY(bal_measure_neighbours(w));
    BAL_TRY(bal_measure_fisher(w));
    BAL_TRY(bal_measure_overlaps(w));
    if (s->tree)
        BAL_TRY(bal_measure_tree(w));
    if (s->silhouette)
        BAL_TRY(bal_measure_silhouette(w));
    return s->diversity ? bal_measure_diversity(w) : BAL_OK;
}

static bal_status check_values(bal_ctx *ctx, const bal_rows *rows)
{
    const bal_status status = rows->rows > 0 ? bal_rows_check(ctx, "features", rows) : BAL_OK;
    return status == BAL_BAD_ARG ? bal_fail_within(ctx, BAL_BAD_DATA, "difficulty") : status;
}

bal_status bal_measure_hardness(bal_ctx *ctx, const bal_hardness_settings *settings,
                                bal_audit_difficulty *out)
{
    bal_hardness_work w = {.ctx = ctx,
                           .settings = settings,
                           .given = {settings->rows, settings->count, settings->dim},
                           .labels = settings->labels,
                           .classes = settings->classes,
                           .out = out};
    float *reduced = NULL;
    bal_status status;
    *out = (bal_audit_difficulty){0};
    BAL_GOTO(check_values(ctx, &w.given));
    BAL_GOTO(prepare_results(&w));
    BAL_GOTO(order_by_class(&w));
    if (classes_present(&w) >= 2) {
        BAL_GOTO(reduce(&w, &reduced));
        status = measure(&w);
    }
fail:
    bal_free(ctx, w.first);
    bal_free(ctx, w.by_class);
    bal_free(ctx, w.nearest);
    bal_free(ctx, w.mean);
    bal_free(ctx, w.within);
    bal_free(ctx, reduced);
    return status;
}

void bal_hardness_free(bal_ctx *ctx, bal_audit_difficulty *difficulty)
{
    const void *const owned[] = {difficulty->each, difficulty->class_of, difficulty->overlaps,
                                 difficulty->neighbour_share};
    for (size_t i = 0; i < BAL_COUNT_OF(owned); i++)
        bal_free(ctx, (void *)(uintptr_t)owned[i]);
    *difficulty = (bal_audit_difficulty){0};
}
