/* An explanation from beginning to end: settings are checked, the parts run one after the other. */
#include "explain/explain_parts.h"

#include "evaluate/class_groups.h"
#include "numeric/blas.h"

#include <math.h>
#include <string.h>

/* ---- settings ---- */

bal_explain_settings bal_explain_defaults(void)
{
    return (bal_explain_settings){.head.scale = 30.0,
                                  .own_top = 10,
                                  .bootstrap = 200,
                                  .draws = 20,
                                  .max_items = 20000,
                                  .confidence = 0.95,
                                  .seed = 1};
}

#define FIELD(f) offsetof(bal_explain_settings, f)
const bal_option *bal_explain_options(void)
{
    static const bal_option rows[] = {
        {"top", BAL_OPTION_INT, FIELD(top), 0, 1 << 22, "K", NULL,
         "features that count as a class's most important (default 0: a tenth of all)"},
        {"own-top", BAL_OPTION_INT, FIELD(own_top), 1, 1 << 22, "N", NULL,
         "features that an image is said to hold, for the density (default 10)"},
        {"bootstrap", BAL_OPTION_INT, FIELD(bootstrap), 0, 10000, "N", NULL,
         "draws of the bootstrap's intervals; 0: none (default 200)"},
        {"draws", BAL_OPTION_INT, FIELD(draws), 0, 1000, "N", NULL,
         "subsamples at a common size of the classes; 0: none (default 20)"},
        {"max-items", BAL_OPTION_INT, FIELD(max_items), 0, 2147483647, "N", NULL,
         "of more images the neighbours are searched in a sample; 0: all (default 20000)"},
        {NULL, BAL_OPTION_FLAG, 0, 0, 0, NULL, NULL, NULL},
    };
    return rows;
}

static bal_status check_numbers(bal_ctx *ctx, const bal_explain_settings *s)
{
    if (s->dim < 1 || s->classes < 2)
        return bal_fail(ctx, BAL_BAD_ARG,
                        "%d features and %d classes: at least 1 feature and 2 classes are expected",
                        s->dim, s->classes);
    if (s->top < 0 || s->own_top < 1)
        return bal_fail(ctx, BAL_BAD_ARG,
                        "top is %d, must not be below 0; own top is %d, must be at least 1", s->top,
                        s->own_top);
    if (s->bootstrap < 0 || s->bootstrap > 10000 || s->draws < 0 || s->draws > 1000)
        return bal_fail(ctx, BAL_BAD_ARG,
                        "bootstrap is %d, must be 0 to 10000; draws is %d, must be 0 to 1000",
                        s->bootstrap, s->draws);
    if (s->max_items < 0)
        return bal_fail(ctx, BAL_BAD_ARG, "max items is %d, must not be below 0", s->max_items);
    if (!(s->confidence > 0.0 && s->confidence < 1.0))
        return bal_fail(ctx, BAL_BAD_ARG, "confidence is %g, must be between 0 and 1",
                        s->confidence);
    return BAL_OK;
}

static bal_status check_settings(bal_ctx *ctx, const bal_explain_settings *s)
{
    int64_t items = 0;
    BAL_TRY(check_numbers(ctx, s));
    if (s->head.cosine && !(s->head.scale > 0.0 && isfinite(s->head.scale)))
        return bal_fail(ctx, BAL_BAD_ARG, "the cosine head's scale is %g, must be above 0",
                        s->head.scale);
    if (s->head.cosine && s->head.bias)
        return bal_fail(ctx, BAL_BAD_ARG, "a cosine head has no bias");
    for (int side = 0; side < BAL_SIDES; side++) {
        const bal_embedding *in = &s->side[side];
        if (in->items < 0 || in->items > INT32_MAX)
            return bal_fail(ctx, BAL_BAD_ARG, "%lld %s items: 0 to %d are expected",
                            (long long)in->items, bal_side_name((bal_side)side), INT32_MAX);
        if (in->items > 0 && (!in->features || !in->labels))
            return bal_fail(ctx, BAL_BAD_ARG, "%s features and labels are both needed",
                            bal_side_name((bal_side)side));
        items += in->items;
    }
    return items > 0 ? BAL_OK
                     : bal_fail(ctx, BAL_BAD_ARG, "there are no items: neither train nor test");
}

/* ---- progress ---- */

void bal_explain_tell(const bal_explain *e, const char *what, int64_t done, int64_t total)
{
    if (e->s.progress)
        e->s.progress(e->s.progress_user, what, done, total);
}

bal_status bal_explain_stopped(const bal_explain *e)
{
    if (!bal_take_interrupt(e->ctx))
        return BAL_OK;
    return bal_fail(e->ctx, BAL_INTERRUPTED, "interrupted while embeddings were measured");
}

/* ---- memory ---- */

static bal_status take_names(bal_explain *e)
{
    e->names = bal_calloc(e->ctx, (size_t)e->classes, sizeof *e->names);
    for (int c = 0; e->names && c < e->classes; c++) {
        e->names[c] = e->s.class_names ? bal_strdup(e->ctx, e->s.class_names[c])
                                       : bal_format(e->ctx, "%d", c);
        if (!e->names[c])
            return BAL_NO_MEMORY;
    }
    return e->names ? BAL_OK : BAL_NO_MEMORY;
}

/* n_c: as given, or the training side's, or the test side's. */
static bal_status take_counts(bal_explain *e)
{
    const bal_side_work *w =
        &e->side[bal_side_present(e, BAL_SIDE_TRAIN) ? BAL_SIDE_TRAIN : BAL_SIDE_TEST];
    e->train_counts = bal_calloc(e->ctx, (size_t)e->classes, sizeof *e->train_counts);
    e->group_of = bal_calloc(e->ctx, (size_t)e->classes, 1);
    if (!e->train_counts || !e->group_of)
        return BAL_NO_MEMORY;
    for (int c = 0; c < e->classes; c++)
        e->train_counts[c] = e->s.train_counts ? e->s.train_counts[c] : bal_class_size(w, c);
    e->s.train_counts = NULL;
    e->s.class_names = NULL;
    return bal_group_by_count(e->ctx, e->train_counts, e->classes, e->group_of, &e->group_names);
}

static void point_to_vectors(const bal_explain *e, bal_side_work *w, int c)
{
    bal_explained_class *out = &w->class_of[c];
    const int dim = e->dim;
    out->top = bal_class_top(w, c, e->top);
    out->feature_top = out->top + e->top;
    out->magnitude = w->magnitudes + (size_t)c * 2 * (size_t)e->top;
    out->conditional = out->magnitude + e->top;
    out->feature_mean = bal_class_vector(w, c, BAL_VECTOR_FEATURE, dim);
    out->ce_mean = bal_class_vector(w, c, BAL_VECTOR_CE, dim);
    out->wrong_ce_mean = bal_class_vector(w, c, BAL_VECTOR_WRONG_CE, dim);
    out->wrong_own_mean = bal_class_vector(w, c, BAL_VECTOR_WRONG_OWN, dim);
    out->frequency = bal_class_vector(w, c, BAL_VECTOR_FREQUENCY, dim);
    out->frequency_all = bal_class_vector(w, c, BAL_VECTOR_FREQUENCY_ALL, dim);
    out->low = bal_class_vector(w, c, BAL_VECTOR_LOW, dim);
    out->high = bal_class_vector(w, c, BAL_VECTOR_HIGH, dim);
    out->lost_to = out->adversary = -1;
    out->adversary_share = NAN;
    for (int a = 0; a < BAL_ARCHETYPES; a++)
        out->medoids[a] = -1;
    for (int i = 0; i < BAL_FIGURE_COUNT; i++) {
        const bal_interval none = {NAN, NAN};
        out->figures[i] = (bal_figure_value){NAN, none, NAN, none};
    }
}

static bal_status open_side(bal_explain *e, bal_side_work *w)
{
    const size_t classes = (size_t)e->classes, dim = (size_t)e->dim, top = (size_t)e->top;
    w->class_of = bal_calloc(e->ctx, classes, sizeof *w->class_of);
    w->vectors = bal_calloc(e->ctx, classes * BAL_VECTORS, dim * sizeof *w->vectors);
    w->indices = bal_calloc(e->ctx, classes * 2, top * sizeof *w->indices);
    w->magnitudes = bal_calloc(e->ctx, classes * 2, top * sizeof *w->magnitudes);
    w->means = bal_calloc(e->ctx, classes, dim * sizeof *w->means);
    w->variance = bal_calloc(e->ctx, classes, sizeof *w->variance);
    w->holds = bal_calloc(e->ctx, classes, dim * sizeof *w->holds);
    w->archetypes = bal_calloc(e->ctx, (size_t)w->in.items, 1);
    if (!w->class_of || !w->vectors || !w->indices || !w->magnitudes || !w->means || !w->variance ||
        !w->holds || !w->archetypes)
        return BAL_NO_MEMORY;
    memset(w->archetypes, BAL_ARCHETYPES, (size_t)w->in.items);
    for (size_t i = 0; i < classes * BAL_VECTORS * dim; i++)
        w->vectors[i] = NAN;
    for (int c = 0; c < e->classes; c++)
        point_to_vectors(e, w, c);
    return BAL_OK;
}

static void close_side(bal_ctx *ctx, bal_side_work *w)
{
    void *const parts[] = {w->class_of, w->vectors,   w->indices, w->magnitudes,  w->predictions,
                           w->needed,   w->runner_up, w->norms,   w->archetypes,  w->order,
                           w->first,    w->right,     w->means,   w->variance,    w->confusion,
                           w->holds,    w->overlap,   w->density, w->adversaries, w->cdnv};
    for (size_t i = 0; i < BAL_COUNT_OF(parts); i++)
        bal_free(ctx, parts[i]);
}

/* ---- measuring ---- */

static void count_class(const bal_explain *e, int side, int c)
{
    const bal_side_work *w = &e->side[side];
    bal_explained_class *out = &w->class_of[c];
    out->items = bal_class_size(w, c);
    if (!w->predictions)
        return;
    out->right = w->right[c];
    out->wrong = out->items - out->right;
}

static bal_status begin_side(bal_explain *e, int side)
{
    bal_side_work *w = &e->side[side];
    w->in = e->s.side[side];
    if (!bal_side_present(e, side))
        return BAL_OK;
    BAL_TRY(bal_explain_predict(e, side));
    BAL_TRY(open_side(e, w));
    BAL_TRY(bal_explain_order(e, side));
    for (int c = 0; c < e->classes; c++)
        count_class(e, side, c);
    w->view.items = w->in.items;
    w->view.common = bal_explain_common_size(e, side);
    return BAL_OK;
}

/* What is seen, once all is measured. */
static void finish_side(bal_side_work *w, int classes)
{
    double sum = 0.0;
    int present = 0;
    w->view.class_of = w->class_of;
    w->view.predictions = w->predictions;
    w->view.needed = w->needed;
    w->view.archetypes = w->archetypes;
    w->view.confusion = w->confusion;
    w->view.overlap = w->overlap;
    w->view.density = w->density;
    w->view.adversaries = w->adversaries;
    w->view.cdnv = w->cdnv;
    w->view.holds = w->holds;
    for (int c = 0; c < classes; c++)
        if (w->class_of[c].items > 0) {
            sum += w->class_of[c].figures[BAL_FIGURE_recall].value;
            present++;
        }
    w->view.recall = present ? sum / present : NAN;
}

static bal_status measure(bal_explain *e)
{
    BAL_TRY(bal_explain_take_head(e));
    for (int side = 0; side < BAL_SIDES; side++)
        BAL_TRY(begin_side(e, side));
    BAL_TRY(take_counts(e));
    BAL_TRY(bal_explain_measure_classes(e));
    BAL_TRY(bal_explain_measure_common(e));
    for (int side = 0; side < BAL_SIDES; side++) {
        if (!bal_side_present(e, side))
            continue;
        BAL_TRY(bal_explain_measure_collapse(e, side));
        BAL_TRY(bal_explain_measure_archetypes(e, side));
        BAL_TRY(bal_explain_measure_pairs(e, side));
        finish_side(&e->side[side], e->classes);
    }
    BAL_TRY(bal_explain_measure_trends(e));
    return bal_explain_find(e);
}

static int clamp(int value, int low, int high)
{
    return value < low ? low : value > high ? high : value;
}

bal_status bal_explain_open(bal_explain **out, bal_ctx *ctx, const bal_explain_settings *settings)
{
    *out = NULL;
    BAL_TRY(check_settings(ctx, settings));
    bal_explain *e = bal_calloc(ctx, 1, sizeof *e);
    if (!e)
        return BAL_NO_MEMORY;
    e->ctx = ctx;
    e->s = *settings;
    e->classes = settings->classes;
    e->dim = settings->dim;
    e->top = clamp(settings->top ? settings->top : settings->dim / 10, 1, settings->dim);
    e->own_top = clamp(settings->own_top, 1, settings->dim);
    bal_status status = bal_blas_pool_open(&e->pool, ctx);
    if (status == BAL_OK)
        status = take_names(e);
    if (status == BAL_OK)
        status = measure(e);
    bal_pool_close(&e->pool);
    e->s.progress = NULL;
    if (status == BAL_OK)
        *out = e;
    else
        bal_explain_close(&e);
    return status;
}

void bal_explain_close(bal_explain **explain)
{
    if (!explain || !*explain)
        return;
    bal_explain *e = *explain;
    for (int c = 0; e->names && c < e->classes; c++)
        bal_free(e->ctx, e->names[c]);
    bal_free(e->ctx, e->names);
    bal_free(e->ctx, e->train_counts);
    bal_free(e->ctx, e->group_of);
    bal_free(e->ctx, e->weight);
    bal_free(e->ctx, e->bias);
    bal_free(e->ctx, e->weight_norm);
    bal_free(e->ctx, e->trends);
    bal_explain_findings_free(e);
    for (int side = 0; side < BAL_SIDES; side++)
        close_side(e->ctx, &e->side[side]);
    bal_free(e->ctx, e);
    *explain = NULL;
}
