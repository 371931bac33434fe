/* Two networks beside each other: which features are the same, and what changed for each class. */
#include "explain/explain_parts.h"

#include "base/random.h"
#include "base/writer.h"
#include "numeric/assignment.h"
#include "numeric/blas.h"
#include "numeric/statistics/quantile.h"

#include <math.h>
#include <string.h>

enum { MOST_FEATURES = 8192, BLOCK = 512 };

struct bal_match {
    bal_ctx *ctx;
    bal_matching view;
    int32_t *partner;
    double *correlation;
    bal_matched_class *class_of;
};

typedef struct matching {
    bal_match *out;
    const bal_explain *e[2];
    const bal_side_work *w[2];
    int64_t items;
    int dim[2];
    double *mean[2], *length[2]; /* dim: of the centred feature over all items */
    double *product;             /* dim[0] x dim[1]: correlations */
    double *rows;                /* BLOCK x (dim[0] + dim[1]) */
    int64_t *shuffled;           /* items; NULL: as they are */
    int64_t *pairs;              /* dim[0] */
} matching;

/* ---- correlations ---- */

static void find_means(matching *m, int which)
{
    const int dim = m->dim[which];
    const float *z = m->w[which]->in.features;
    double *mean = m->mean[which], *length = m->length[which];
    for (int64_t i = 0; i < m->items; i++)
        for (int k = 0; k < dim; k++)
            mean[k] += (double)z[i * dim + k];
    for (int k = 0; k < dim; k++)
        mean[k] /= (double)m->items;
    for (int64_t i = 0; i < m->items; i++)
        for (int k = 0; k < dim; k++) {
            const double d = (double)z[i * dim + k] - mean[k];
            length[k] += d * d;
        }
    for (int k = 0; k < dim; k++)
        length[k] = sqrt(length[k]);
}

static bal_status correlate(matching *m)
{
    const int64_t stride = m->dim[0] + m->dim[1];
    memset(m->product, 0, (size_t)m->dim[0] * (size_t)m->dim[1] * sizeof *m->product);
    const int threads = bal_blas_threads(1); /* the same bits for any number of them */
    bal_status status = BAL_OK;
    for (int64_t first = 0; first < m->items && status == BAL_OK; first += BLOCK) {
        const int64_t count = m->items - first < BLOCK ? m->items - first : BLOCK;
        for (int64_t i = 0; i < count; i++)
            for (int which = 0; which < 2; which++) {
                const int dim = m->dim[which];
                const int64_t item = which && m->shuffled ? m->shuffled[first + i] : first + i;
                const float *z = m->w[which]->in.features + item * dim;
                double *row = m->rows + i * stride + (which ? m->dim[0] : 0);
                for (int k = 0; k < dim; k++)
                    row[k] = m->length[which][k] > 0.0
                                 ? ((double)z[k] - m->mean[which][k]) / m->length[which][k]
                                 : 0.0;
            }
        bal_add_products(&(bal_double_sums){.rows = count,
                                            .columns = m->dim[0],
                                            .others = m->dim[1],
                                            .inner_stride = stride,
                                            .a = m->rows,
                                            .b = m->rows + m->dim[0],
                                            .out = m->product,
                                            .stride = m->dim[1]});
        status = bal_explain_stopped(m->e[0]);
    }
    bal_blas_threads(threads);
    return status;
}

/* Pairs, and the mean of their correlations. A feature that never changes pairs at 0. */
static bal_status pair(matching *m, double *mean)
{
    const size_t count = (size_t)m->dim[0] * (size_t)m->dim[1];
    double sum = 0.0;
    int64_t pairs = 0;
    for (size_t i = 0; i < count; i++)
        m->product[i] = -m->product[i];
    BAL_TRY(
        bal_assign(m->out->ctx, &(bal_assignment_ask){m->product, m->dim[0], m->dim[1]}, m->pairs));
    for (int k = 0; k < m->dim[0]; k++) {
        const int64_t other = m->pairs[k];
        if (other < 0 || m->length[0][k] <= 0.0 || m->length[1][other] <= 0.0)
            continue;
        sum -= m->product[(int64_t)k * m->dim[1] + other];
        pairs++;
    }
    *mean = pairs ? sum / (double)pairs : NAN;
    return BAL_OK;
}

static void keep_pairs(matching *m)
{
    for (int k = 0; k < m->dim[0]; k++) {
        const int64_t other = m->pairs[k];
        m->out->partner[k] = (int32_t)other;
        m->out->correlation[k] = other < 0 || m->length[0][k] <= 0.0 || m->length[1][other] <= 0.0
                                     ? NAN
                                     : -m->product[(int64_t)k * m->dim[1] + other];
    }
}

static bal_status measure_chance(matching *m)
{
    bal_ctx *ctx = m->out->ctx;
    m->shuffled = bal_calloc(ctx, (size_t)m->items, sizeof *m->shuffled);
    if (!m->shuffled)
        return BAL_NO_MEMORY;
    for (int64_t i = 0; i < m->items; i++)
        m->shuffled[i] = i;
    bal_random r = bal_random_at(m->e[0]->s.seed, BAL_STREAM_EXPLAIN, UINT64_MAX, 0);
    bal_random_shuffle(&r, m->shuffled, m->items);
    BAL_TRY(correlate(m));
    return pair(m, &m->out->view.chance);
}

/* ---- classes ---- */

static void sorted_profile(const double *m, int dim, double *out)
{
    for (int k = 0; k < dim; k++)
        out[k] = -m[k];
    bal_sort_doubles(out, dim);
    const double largest = out[0];
    for (int k = 0; k < dim; k++)
        out[k] /= largest != 0.0 ? largest : 1.0;
}

static double profile_distance(const matching *m, const bal_explained_class *const k[2])
{
    const int count = m->dim[0] < m->dim[1] ? m->dim[0] : m->dim[1];
    double *both = m->rows, sum = 0.0; /* the rows are done with */
    for (int which = 0; which < 2; which++)
        sorted_profile(k[which]->ce_mean, m->dim[which], both + (which ? m->dim[0] : 0));
    for (int i = 0; i < count; i++)
        sum += fabs(both[i] - both[m->dim[0] + i]);
    return sum / count;
}

static void match_top(const matching *m, const bal_explained_class *const k[2],
                      bal_matched_class *out)
{
    double sum = 0.0;
    int shared = 0, pairs = 0;
    for (int i = 0; i < k[0]->top_count; i++) {
        const int feature = (int)k[0]->top[i];
        if (!isnan(m->out->correlation[feature])) {
            sum += m->out->correlation[feature];
            pairs++;
        }
        for (int j = 0; j < k[1]->top_count; j++)
            shared += k[1]->top[j] == m->out->partner[feature];
    }
    out->correlation = pairs ? sum / pairs : NAN;
    out->overlap = k[0]->top_count == k[1]->top_count ? (double)shared / k[0]->top_count : NAN;
    out->profile = profile_distance(m, k);
}

static void match_class(const matching *m, int c)
{
    bal_matched_class *out = &m->out->class_of[c];
    const bal_explained_class *const k[2] = {&m->w[0]->class_of[c], &m->w[1]->class_of[c]};
    out->overlap = out->correlation = out->profile = NAN;
    for (int which = 0; which < 2; which++) {
        const bal_figure_value *f = k[which]->figures;
        out->recall[which] = f[BAL_FIGURE_recall].value;
        out->size[which] = (double)m->e[which]->train_counts[c];
        out->magnitude[which] = f[BAL_FIGURE_magnitude].value;
        out->peak[which] = f[BAL_FIGURE_peak].value;
        out->share[which] = f[BAL_FIGURE_share_positive].value;
        out->needed[which] = f[BAL_FIGURE_needed].value;
        out->rank[which] = f[BAL_FIGURE_effective_rank].value;
        out->gap[which] = f[BAL_FIGURE_gap_signed].value;
    }
    if (k[0]->top_count > 0 && k[1]->top_count > 0)
        match_top(m, k, out);
}

/* ---- all ---- */

static bal_status check_pair(bal_ctx *ctx, const bal_explain *a, const bal_explain *b, int side)
{
    const bal_embedding *x = &a->side[side].in, *y = &b->side[side].in;
    if (a->classes != b->classes)
        return bal_fail(ctx, BAL_MISMATCH, "one network knows %d classes, the other %d", a->classes,
                        b->classes);
    if (x->items != y->items || x->items == 0)
        return bal_fail(ctx, BAL_MISMATCH,
                        "%lld %s items of one network and %lld of the other: the same are expected",
                        (long long)x->items, bal_side_name((bal_side)side), (long long)y->items);
    for (int64_t i = 0; i < x->items; i++)
        if (x->labels[i] != y->labels[i])
            return bal_fail(ctx, BAL_MISMATCH,
                            "%s item %lld is of class %d for one network and %d for the other: the "
                            "same items in the same order are expected",
                            bal_side_name((bal_side)side), (long long)i, (int)x->labels[i],
                            (int)y->labels[i]);
    if (a->dim > MOST_FEATURES || b->dim > MOST_FEATURES)
        return bal_fail(ctx, BAL_BAD_ARG, "%d and %d features: at most %d are matched", a->dim,
                        b->dim, MOST_FEATURES);
    return BAL_OK;
}

static bal_status open_matching(matching *m)
{
    bal_ctx *ctx = m->out->ctx;
    const size_t dim = (size_t)m->dim[0];
    bool enough = true;
    for (int which = 0; which < 2; which++) {
        m->mean[which] = bal_calloc(ctx, (size_t)m->dim[which], sizeof(double));
        m->length[which] = bal_calloc(ctx, (size_t)m->dim[which], sizeof(double));
        enough = enough && m->mean[which] && m->length[which];
    }
    m->product = bal_calloc(ctx, dim, (size_t)m->dim[1] * sizeof *m->product);
    m->rows = bal_calloc(ctx, BLOCK, (size_t)(m->dim[0] + m->dim[1]) * sizeof *m->rows);
    m->pairs = bal_calloc(ctx, dim, sizeof *m->pairs);
    m->out->partner = bal_calloc(ctx, dim, sizeof *m->out->partner);
    m->out->correlation = bal_calloc(ctx, dim, sizeof *m->out->correlation);
    m->out->class_of = bal_calloc(ctx, (size_t)m->e[0]->classes, sizeof *m->out->class_of);
    return enough && m->product && m->rows && m->pairs && m->out->partner && m->out->correlation &&
                   m->out->class_of
               ? BAL_OK
               : BAL_NO_MEMORY;
}

static bal_status run(matching *m)
{
    BAL_TRY(open_matching(m));
    find_means(m, 0);
    find_means(m, 1);
    BAL_TRY(correlate(m));
    BAL_TRY(pair(m, &m->out->view.mean));
    keep_pairs(m);
    BAL_TRY(measure_chance(m));
    for (int c = 0; c < m->e[0]->classes; c++)
        match_class(m, c);
    m->out->view.dim[0] = m->dim[0];
    m->out->view.dim[1] = m->dim[1];
    m->out->view.classes = m->e[0]->classes;
    m->out->view.partner = m->out->partner;
    m->out->view.correlation = m->out->correlation;
    m->out->view.class_of = m->out->class_of;
    return BAL_OK;
}

bal_status bal_match_open(bal_match **out, bal_ctx *ctx, const bal_explain *a, const bal_explain *b)
{
    const int side = bal_side_present(a, BAL_SIDE_TEST) ? BAL_SIDE_TEST : BAL_SIDE_TRAIN;
    *out = NULL;
    BAL_TRY(check_pair(ctx, a, b, side));
    matching m = {.e = {a, b},
                  .w = {&a->side[side], &b->side[side]},
                  .items = a->side[side].in.items,
                  .dim = {a->dim, b->dim}};
    m.out = bal_calloc(ctx, 1, sizeof *m.out);
    if (!m.out)
        return BAL_NO_MEMORY;
    m.out->ctx = ctx;
    const bal_status status = run(&m);
    for (int which = 0; which < 2; which++) {
        bal_free(ctx, m.mean[which]);
        bal_free(ctx, m.length[which]);
    }
    bal_free(ctx, m.product);
    bal_free(ctx, m.rows);
    bal_free(ctx, m.shuffled);
    bal_free(ctx, m.pairs);
    if (status == BAL_OK)
        *out = m.out;
    else
        bal_match_close(&m.out);
    return status;
}

void bal_match_close(bal_match **match)
{
    if (!match || !*match)
        return;
    bal_match *m = *match;
    bal_free(m->ctx, m->partner);
    bal_free(m->ctx, m->correlation);
    bal_free(m->ctx, m->class_of);
    bal_free(m->ctx, m);
    *match = NULL;
}

const bal_matching *bal_match_get(const bal_match *match)
{
    return &match->view;
}

/* ---- JSON ---- */

static json_t *both(const double values[2])
{
    return json_pack("[o, o]", bal_json_real(values[0]), bal_json_real(values[1]));
}

bal_status bal_match_json(const bal_match *match, bal_ctx *ctx, char **text)
{
    const bal_matching *m = &match->view;
    json_t *partners = json_array(), *correlations = json_array(), *classes = json_array();
    for (int k = 0; k < m->dim[0]; k++) {
        json_array_append_new(partners,
                              m->partner[k] < 0 ? json_null() : json_integer(m->partner[k]));
        json_array_append_new(correlations, bal_json_real(m->correlation[k]));
    }
    for (int c = 0; c < m->classes; c++) {
        const bal_matched_class *k = &m->class_of[c];
        json_array_append_new(
            classes,
            json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "recall",
                      both(k->recall), "train_count", both(k->size), "magnitude",
                      both(k->magnitude), "peak", both(k->peak), "share_positive", both(k->share),
                      "needed", both(k->needed), "effective_rank", both(k->rank), "gap_signed",
                      both(k->gap), "overlap", bal_json_real(k->overlap), "correlation",
                      bal_json_real(k->correlation), "profile", bal_json_real(k->profile)));
    }
    json_t *value =
        json_pack("{s:[i, i], s:o, s:o, s:o, s:o, s:o}", "features", m->dim[0], m->dim[1], "mean",
                  bal_json_real(m->mean), "chance", bal_json_real(m->chance), "partner", partners,
                  "correlation", correlations, "classes", classes);
    *text = value ? bal_json_text(ctx, value, true) : NULL;
    json_decref(value);
    return *text ? BAL_OK : bal_fail(ctx, BAL_NO_MEMORY, "no memory for the JSON text");
}
