/* Class against class: who is taken for whom, which of them share their features. */
#include "explain/explain_parts.h"

#include <math.h>

static bool has_matrices(const bal_explain *e)
{
    return e->classes <= BAL_EXPLAIN_MATRIX_CLASSES;
}

static bal_status open_matrix(const bal_explain *e, double **matrix)
{
    const size_t count = (size_t)e->classes * (size_t)e->classes;
    if (!has_matrices(e))
        return BAL_OK;
    *matrix = bal_calloc(e->ctx, count, sizeof **matrix);
    for (size_t i = 0; *matrix && i < count; i++)
        (*matrix)[i] = NAN;
    return *matrix ? BAL_OK : BAL_NO_MEMORY;
}

/* ---- confusion ---- */

static bal_status count_confusion(bal_explain *e, bal_side_work *w)
{
    const size_t classes = (size_t)e->classes;
    int64_t *row = bal_calloc(e->ctx, classes, sizeof *row);
    if (has_matrices(e))
        w->confusion = bal_calloc(e->ctx, classes * classes, sizeof *w->confusion);
    if (!row || (has_matrices(e) && !w->confusion)) {
        bal_free(e->ctx, row);
        return BAL_NO_MEMORY;
    }
    for (size_t c = 0; c < classes; c++) {
        bal_explained_class *out = &w->class_of[c];
        for (int64_t i = w->first[c]; i < w->first[c + 1]; i++)
            row[w->predictions[w->order[i]]]++;
        for (size_t d = 0; d < classes; d++) {
            if (d != c && row[d] > out->lost) {
                out->lost = row[d];
                out->lost_to = (int)d;
            }
            if (w->confusion)
                w->confusion[c * classes + d] = row[d];
            w->class_of[d].predicted += row[d];
            row[d] = 0;
        }
    }
    bal_free(e->ctx, row);
    return BAL_OK;
}

/* ---- overlap of the top-K ---- */

static int shared(const bal_explained_class *c, const bool *marked)
{
    int both = 0;
    for (int i = 0; i < c->top_count; i++)
        both += marked[c->top[i]];
    return both;
}

static void measure_overlap(const bal_explain *e, bal_side_work *w, int c, bool *marked)
{
    bal_explained_class *of_c = &w->class_of[c];
    double most = NAN;
    if (of_c->top_count == 0)
        return;
    for (int i = 0; i < e->top; i++)
        marked[of_c->top[i]] = true;
    for (int d = 0; d < e->classes; d++) {
        if (w->class_of[d].top_count == 0)
            continue;
        const double share = (double)shared(&w->class_of[d], marked) / e->top;
        if (w->overlap)
            w->overlap[(size_t)c * (size_t)e->classes + (size_t)d] = share;
        if (d != c && !(share <= most))
            most = share;
    }
    for (int i = 0; i < e->top; i++)
        marked[of_c->top[i]] = false;
    of_c->figures[BAL_FIGURE_overlap_class].value = most;
}

/* ---- density ---- */

/* Sum over T_r of the share of c's items that hold the feature. */
static double held(const bal_explain *e, const bal_side_work *w, int r, int c)
{
    int64_t sum = 0;
    for (int i = 0; i < e->top; i++)
        sum += w->holds[(size_t)c * (size_t)e->dim + (size_t)w->class_of[r].feature_top[i]];
    return (double)sum / (double)w->class_of[c].items;
}

static void measure_density(const bal_explain *e, bal_side_work *w, int r)
{
    double sum = 0.0;
    int others = 0;
    if (w->class_of[r].items == 0)
        return;
    const double own = held(e, w, r, r);
    if (own == 0.0)
        return;
    for (int c = 0; c < e->classes; c++) {
        if (w->class_of[c].items == 0)
            continue;
        const double ratio = held(e, w, r, c) / own;
        if (w->density)
            w->density[(size_t)r * (size_t)e->classes + (size_t)c] = ratio;
        sum += c == r ? 0.0 : ratio;
        others += c != r;
    }
    if (others > 0)
        w->class_of[r].figures[BAL_FIGURE_density].value = sum / others;
}

bal_status bal_explain_measure_pairs(bal_explain *e, int side)
{
    bal_side_work *w = &e->side[side];
    BAL_TRY(open_matrix(e, &w->overlap));
    BAL_TRY(open_matrix(e, &w->density));
    if (w->predictions)
        BAL_TRY(count_confusion(e, w));
    bool *marked = bal_calloc(e->ctx, (size_t)e->dim, sizeof *marked);
    if (!marked)
        return BAL_NO_MEMORY;
    for (int c = 0; c < e->classes; c++) {
        measure_overlap(e, w, c, marked);
        measure_density(e, w, c);
    }
    bal_free(e->ctx, marked);
    return BAL_OK;
}
