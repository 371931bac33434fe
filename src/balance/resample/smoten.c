/* SMOTEN (Chawla et al. 2002, section 6.2): columns of categories alone. Distances are those of the
 * value difference metric (Cost & Salzberg 1993), as imbalanced-learn has it:
 *     d(x, y) = sum_j delta_j(x_j, y_j)^2,   delta_j(a, b) = sum_c |N_jac / N_ja - N_jbc / N_jb|,
 * N_ja rows with category a in column j, N_jac of them of class c. It is no Euclidean distance, so
 * the neighbours are found here. The categories of a new row are the most frequent ones of the base
 * and its k nearest neighbours. */
#include "balance/resample/neighbourhood.h"
#include "balance/resample/nominal.h"

#include <stdlib.h>
#include <string.h>

typedef struct metric {
    bal_resampled *r;
    int32_t *codes; /* columns x rows: number of the category */
    int64_t *first; /* columns + 1: where the categories of a column begin in shares */
    double *shares; /* categories x classes: N_jac / N_ja */
    double *counts; /* work space: categories */
    float *sorted;  /* work space: rows */
} metric;

static void metric_close(metric *m)
{
    bal_ctx *ctx = m->r->ctx;
    bal_free(ctx, m->codes);
    bal_free(ctx, m->first);
    bal_free(ctx, m->shares);
    bal_free(ctx, m->counts);
    bal_free(ctx, m->sorted);
}

static int by_value(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Codes of a column in the order of the values; returns how many categories there are. */
static int64_t encode_column(metric *m, int64_t column)
{
    const bal_resample_data *d = &m->r->data;
    for (int64_t i = 0; i < d->rows; i++)
        m->sorted[i] = d->values[i * d->columns + column];
    qsort(m->sorted, (size_t)d->rows, sizeof *m->sorted, by_value);
    int64_t count = 0;
    for (int64_t i = 0; i < d->rows; i++)
        if (i == 0 || m->sorted[i] != m->sorted[count - 1])
            m->sorted[count++] = m->sorted[i];
    for (int64_t i = 0; i < d->rows; i++) {
        const float value = d->values[i * d->columns + column];
        int64_t low = 0, high = count - 1;
        while (low < high) {
            const int64_t middle = low + (high - low) / 2;
            if (m->sorted[middle] < value)
                low = middle + 1;
            else
                high = middle;
        }
        m->codes[column * d->rows + i] = (int32_t)low;
    }
    return count;
}

static void count_shares(metric *m)
{
    const bal_resample_data *d = &m->r->data;
    const int classes = m->r->classes.count;
    for (int64_t j = 0; j < d->columns; j++)
        for (int64_t i = 0; i < d->rows; i++) {
            const int64_t category = m->first[j] + m->codes[j * d->rows + i];
            m->counts[category] += 1.0;
            m->shares[category * classes + m->r->classes.of_row[i]] += 1.0;
        }
    for (int64_t a = 0; a < m->first[d->columns]; a++)
        for (int c = 0; c < classes; c++)
            m->shares[a * classes + c] /= m->counts[a];
}

static bal_status metric_open(metric *m)
{
    bal_ctx *ctx = m->r->ctx;
    const bal_resample_data *d = &m->r->data;
    const size_t rows = (size_t)d->rows, columns = (size_t)d->columns;
    if (d->rows > INT32_MAX)
        return bal_fail(ctx, BAL_BAD_ARG, "%lld rows, smoten takes at most %d", (long long)d->rows,
                        INT32_MAX);
    m->codes = bal_calloc(ctx, columns, rows * sizeof *m->codes);
    m->first = bal_calloc(ctx, columns + 1, sizeof *m->first);
    m->sorted = bal_calloc(ctx, rows, sizeof *m->sorted);
    if (!m->codes || !m->first || !m->sorted)
        return BAL_NO_MEMORY;
    for (int64_t j = 0; j < d->columns; j++) {
        m->first[j + 1] = m->first[j] + encode_column(m, j);
        BAL_TRY(bal_resample_step(m->r, "categories", j, d->columns));
    }
    const size_t categories = (size_t)m->first[d->columns];
    m->counts = bal_calloc(ctx, categories, sizeof *m->counts);
    m->shares = bal_calloc(ctx, categories, (size_t)m->r->classes.count * sizeof *m->shares);
    if (!m->counts || !m->shares)
        return BAL_NO_MEMORY;
    count_shares(m);
    return BAL_OK;
}

static double distance_of(const metric *m, int64_t a, int64_t b)
{
    const int64_t rows = m->r->data.rows;
    const int classes = m->r->classes.count;
    double sum = 0.0;
    for (int64_t j = 0; j < m->r->data.columns; j++) {
        const int32_t x = m->codes[j * rows + a], y = m->codes[j * rows + b];
        if (x == y)
            continue;
        const double *p = m->shares + (m->first[j] + x) * classes;
        const double *q = m->shares + (m->first[j] + y) * classes;
        double delta = 0.0;
        for (int c = 0; c < classes; c++)
            delta += p[c] > q[c] ? p[c] - q[c] : q[c] - p[c];
        sum += delta * delta;
    }
    return sum;
}

/* ---- neighbours within a class ---- */

typedef struct search {
    const metric *m;
    int c;
    int64_t n, k, first; /* first: of the members that are done in this round */
    const int64_t *members;
    const bool *used;
    int64_t *index;   /* n x k */
    double *distance; /* threads x k */
} search;

static void search_row(void *user, int64_t item, int worker)
{
    const search *s = user;
    const int64_t i = s->first + item;
    if (!s->used[i])
        return;
    int64_t *best = s->index + i * s->k, have = 0;
    double *near = s->distance + worker * s->k;
    for (int64_t j = 0; j < s->n; j++) {
        const double d = j == i ? 0.0 : distance_of(s->m, s->members[i], s->members[j]);
        if (j == i || (have == s->k && d >= near[have - 1]))
            continue;
        int64_t at = have < s->k ? have++ : have - 1;
        for (; at > 0 && d < near[at - 1]; at--) {
            near[at] = near[at - 1];
            best[at] = best[at - 1];
        }
        near[at] = d;
        best[at] = s->members[j];
    }
}

enum { ROWS_AT_ONCE = 64 };

static bal_status find_voters(const metric *m, int c, const bool *used, bal_voters *voters)
{
    bal_resampled *r = m->r;
    search s = {.m = m,
                .c = c,
                .n = bal_class_rows_in(&r->classes, c),
                .members = r->classes.members + r->classes.first[c],
                .used = used};
    s.k = voters->k = bal_neighbourhood_k(r, c, r->settings.k, s.n - 1);
    s.index = voters->index = bal_calloc(r->ctx, (size_t)s.n, (size_t)s.k * sizeof *voters->index);
    s.distance =
        bal_calloc(r->ctx, (size_t)bal_pool_threads(r->pool), (size_t)s.k * sizeof *s.distance);
    bal_status status = s.index && s.distance ? BAL_OK : BAL_NO_MEMORY;
    for (; s.first < s.n && status == BAL_OK; s.first += ROWS_AT_ONCE) {
        const int64_t left = s.n - s.first;
        bal_pool_run(r->pool, left < ROWS_AT_ONCE ? left : ROWS_AT_ONCE, search_row, &s);
        status = bal_resample_step(r, "neighbours", s.first, s.n);
    }
    bal_free(r->ctx, s.distance);
    return status;
}

static bal_status plan_class(const metric *m, int c)
{
    bal_resampled *r = m->r;
    const int64_t n = bal_class_rows_in(&r->classes, c), count = r->target[c].count;
    const int64_t *members = r->classes.members + r->classes.first[c];
    bal_synthetic *made;
    bool *used = bal_calloc(r->ctx, (size_t)n, sizeof *used);
    bal_status status = used ? bal_resampled_make(r, count, &made) : BAL_NO_MEMORY;
    for (int64_t i = 0; i < count && status == BAL_OK; i++) {
        bal_random random = bal_resample_random(r, 0, c, (uint64_t)i);
        const int64_t base = (int64_t)bal_random_below(&random, (uint64_t)n);
        made[i] = (bal_synthetic){
            .base = members[base], .neighbour = -1, .class_number = c, .key = (uint32_t)i};
        used[base] = true;
    }
    if (status == BAL_OK && n > 1)
        status = find_voters(m, c, used, &((bal_nominal *)r->state)->voters[c]);
    else if (status == BAL_OK)
        bal_log(r->ctx, BAL_LOG_WARN, "class %d has one row, which is copied",
                (int)r->classes.labels[c]);
    bal_free(r->ctx, used);
    return status;
}

static bal_status plan_classes(metric *m)
{
    bal_resampled *r = m->r;
    BAL_TRY(metric_open(m));
    for (int c = 0; c < r->classes.count; c++)
        if (r->target[c].count > 0)
            BAL_TRY(plan_class(m, c));
    return BAL_OK;
}

static bal_status plan(bal_resampled *r)
{
    BAL_TRY(bal_resampled_keep_all(r));
    BAL_TRY(bal_nominal_open(r));
    ((bal_nominal *)r->state)->base_votes = true;
    metric m = {.r = r};
    const bal_status status = plan_classes(&m);
    metric_close(&m);
    return status;
}

const bal_resampler bal_resampler_smoten = {
    .info = {.name = "smoten",
             .formula = "x'_j the most frequent category of x_i and its k nearest by the value "
                        "difference metric",
             .source = "Chawla et al. 2002; Cost & Salzberg 1993",
             .kind = BAL_RESAMPLE_OVER,
             .options = "k",
             .k = 5},
    .plan = plan,
    .fill = bal_nominal_fill,
    .release = bal_nominal_release,
};
