/* The head on blocks of items: logits in double, predictions, and what an item needs. */
#include "explain/explain_parts.h"

#include "numeric/blas.h"

#include <math.h>
#include <string.h>

enum { BLOCK = 256 }; /* items that are looked at together */

/* ---- weights ---- */

static double norm_of(const float *x, int dim)
{
    double squares = 0.0;
    for (int k = 0; k < dim; k++)
        squares += (double)x[k] * (double)x[k];
    return sqrt(squares);
}

static bal_status check_finite(bal_explain *e, const char *what, const float *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return bal_fail(e->ctx, BAL_BAD_DATA, "%s of the head: value %lld (class %lld) is %g",
                            what, (long long)i, (long long)(i / (count / e->classes)),
                            (double)values[i]);
    return BAL_OK;
}

bal_status bal_explain_take_head(bal_explain *e)
{
    const bal_linear_head *head = &e->s.head;
    if (!head->weight)
        return BAL_OK;
    const size_t classes = (size_t)e->classes, dim = (size_t)e->dim;
    BAL_TRY(check_finite(e, "weights", head->weight, (int64_t)(classes * dim)));
    if (head->bias)
        BAL_TRY(check_finite(e, "biases", head->bias, (int64_t)classes));
    e->weight = bal_calloc(e->ctx, classes, dim * sizeof *e->weight);
    e->bias = bal_calloc(e->ctx, classes, sizeof *e->bias);
    e->weight_norm = bal_calloc(e->ctx, classes, sizeof *e->weight_norm);
    if (!e->weight || !e->bias || !e->weight_norm)
        return BAL_NO_MEMORY;
    for (size_t c = 0; c < classes; c++) {
        const float *from = head->weight + c * dim;
        const double norm = norm_of(from, e->dim);
        const double factor = head->cosine ? head->scale / fmax(norm, 1e-12) : 1.0;
        e->weight_norm[c] = norm;
        e->bias[c] = head->bias ? (double)head->bias[c] : 0.0;
        for (size_t k = 0; k < dim; k++)
            e->weight[c * dim + k] = (double)from[k] * factor;
    }
    return BAL_OK;
}

double bal_explain_scale(const bal_explain *e, double norm)
{
    return e->weight && e->s.head.cosine ? 1.0 / fmax(norm, 1e-12) : 1.0;
}

/* ---- predictions ---- */

typedef struct predicting {
    bal_explain *e;
    bal_side_work *w;
    double *rows;    /* a worker: BLOCK x dim */
    double *logits;  /* a worker: BLOCK x classes */
    int64_t *broken; /* a worker: the first item with a value that is not finite; items: none */
    int64_t start;   /* the first block of those that run now */
} predicting;

static bool take_rows(const predicting *p, int64_t first, int64_t count, double *rows, int worker)
{
    const int dim = p->e->dim;
    for (int64_t i = 0; i < count; i++) {
        const float *z = p->w->in.features + (first + i) * dim;
        const double norm = norm_of(z, dim);
        if (!isfinite(norm)) {
            if (first + i < p->broken[worker])
                p->broken[worker] = first + i;
            return false;
        }
        p->w->norms[first + i] = norm;
        const double scale = bal_explain_scale(p->e, norm);
        for (int k = 0; rows && k < dim; k++)
            rows[i * dim + k] = (double)z[k] * scale;
    }
    return true;
}

static void judge_item(const predicting *p, int64_t item, const double *logits)
{
    const int classes = p->e->classes;
    bal_side_work *w = p->w;
    int best = 0;
    if (w->in.predictions)
        best = w->in.predictions[item];
    else
        for (int c = 1; c < classes; c++)
            if (logits[c] > logits[best])
                best = c;
    double runner_up = -INFINITY;
    for (int c = 0; c < classes; c++)
        if (c != best && logits[c] > runner_up)
            runner_up = logits[c];
    w->predictions[item] = best;
    w->runner_up[item] = runner_up;
}

static void predict_block(void *user, int64_t block, int worker)
{
    predicting *p = user;
    const bal_explain *e = p->e;
    const int64_t first = block * BLOCK,
                  count = p->w->in.items - first < BLOCK ? p->w->in.items - first : BLOCK;
    double *rows = p->rows ? p->rows + (size_t)worker * BLOCK * (size_t)e->dim : NULL;
    if (!take_rows(p, first, count, rows, worker) || !e->weight)
        return;
    double *logits = p->logits + (size_t)worker * BLOCK * (size_t)e->classes;
    bal_multiply_doubles(&(bal_double_product){.rows = count,
                                               .columns = e->classes,
                                               .inner = e->dim,
                                               .a = rows,
                                               .b = e->weight,
                                               .out = logits,
                                               .stride = e->classes});
    for (int64_t i = 0; i < count; i++) {
        for (int c = 0; c < e->classes; c++)
            logits[i * e->classes + c] += e->bias[c];
        judge_item(p, first + i, logits + i * e->classes);
    }
}

static bal_status tell_broken(const bal_explain *e, int side, int64_t item)
{
    const float *z = e->side[side].in.features + item * e->dim;
    int k = 0;
    while (k < e->dim - 1 && isfinite(z[k]))
        k++;
    return bal_fail(e->ctx, BAL_BAD_DATA,
                    "%s features: row %lld, column %d is %g, which is no finite number",
                    bal_side_name((bal_side)side), (long long)item, k, (double)z[k]);
}

static bal_status check_numbers(const bal_explain *e, int side, const char *what,
                                const int32_t *values)
{
    for (int64_t i = 0; i < e->side[side].in.items; i++)
        if (values[i] < 0 || values[i] >= e->classes)
            return bal_fail(e->ctx, BAL_BAD_DATA, "%s %s: item %lld is %d, 0 to %d expected",
                            bal_side_name((bal_side)side), what, (long long)i, (int)values[i],
                            e->classes - 1);
    return BAL_OK;
}

static void predict_some(void *user, int64_t block, int worker)
{
    predicting *p = user;
    predict_block(p, p->start + block, worker);
}

static bal_status run_blocks(predicting *p, int side)
{
    enum { TOGETHER = 256 }; /* blocks between looks at the interruption */
    const int64_t items = p->w->in.items, blocks = (items + BLOCK - 1) / BLOCK;
    const int workers = bal_pool_threads(p->e->pool);
    int64_t broken = items;
    for (int i = 0; i < workers; i++)
        p->broken[i] = items;
    for (p->start = 0; p->start < blocks && broken == items; p->start += TOGETHER) {
        const int64_t left = blocks - p->start;
        BAL_TRY(bal_explain_stopped(p->e));
        bal_blas_pool_run(p->e->pool, left < TOGETHER ? left : TOGETHER, predict_some, p);
        for (int i = 0; i < workers; i++)
            broken = p->broken[i] < broken ? p->broken[i] : broken;
        bal_explain_tell(p->e, "predictions", p->start * BLOCK, items);
    }
    return broken < items ? tell_broken(p->e, side, broken) : BAL_OK;
}

bal_status bal_explain_predict(bal_explain *e, int side)
{
    bal_side_work *w = &e->side[side];
    const size_t items = (size_t)w->in.items, workers = (size_t)bal_pool_threads(e->pool);
    const bool predicts = e->weight || w->in.predictions;
    BAL_TRY(check_numbers(e, side, "labels", w->in.labels));
    if (w->in.predictions)
        BAL_TRY(check_numbers(e, side, "predictions", w->in.predictions));
    bal_explain_tell(e, "predictions", 0, w->in.items);
    predicting p = {.e = e, .w = w};
    w->norms = bal_calloc(e->ctx, items, sizeof *w->norms);
    p.broken = bal_calloc(e->ctx, workers, sizeof *p.broken);
    bool enough = w->norms && p.broken;
    if (predicts) {
        w->predictions = bal_calloc(e->ctx, items, sizeof *w->predictions);
        enough = enough && w->predictions;
    }
    if (e->weight) {
        w->runner_up = bal_calloc(e->ctx, items, sizeof *w->runner_up);
        w->needed = bal_calloc(e->ctx, items, sizeof *w->needed);
        p.rows = bal_calloc(e->ctx, workers * BLOCK, (size_t)e->dim * sizeof *p.rows);
        p.logits = bal_calloc(e->ctx, workers * BLOCK, (size_t)e->classes * sizeof *p.logits);
        enough = enough && w->runner_up && w->needed && p.rows && p.logits;
    }
    bal_status status = enough ? run_blocks(&p, side) : BAL_NO_MEMORY;
    if (status == BAL_OK && !e->weight && predicts)
        memcpy(w->predictions, w->in.predictions, items * sizeof *w->predictions);
    bal_free(e->ctx, p.broken);
    bal_free(e->ctx, p.rows);
    bal_free(e->ctx, p.logits);
    return status;
}

/* ---- what an item needs ---- */

static bool before(const double *values, int32_t a, int32_t b)
{
    return values[a] != values[b] ? values[a] > values[b] : a < b;
}

/* A heap whose first index is before all others. */
static void sift(const double *values, int32_t *heap, int count, int at)
{
    const int32_t moving = heap[at];
    for (int child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && before(values, heap[child + 1], heap[child]))
            child++;
        if (!before(values, heap[child], moving))
            break;
        heap[at] = heap[child];
    }
    heap[at] = moving;
}

static void make_heap(const double *values, int32_t *heap, int count)
{
    for (int k = 0; k < count; k++)
        heap[k] = k;
    for (int k = count / 2 - 1; k >= 0; k--)
        sift(values, heap, count, k);
}

/* Takes the first out; it goes to the end of the heap. */
static int32_t pop(const double *values, int32_t *heap, int count)
{
    const int32_t top = heap[0];
    heap[0] = heap[count - 1];
    heap[count - 1] = top;
    sift(values, heap, count - 1, 0);
    return top;
}

/* The popped indices stand at the end, the last one first. */
static void put_in_front(int32_t *indices, int dim)
{
    for (int a = 0, b = dim - 1; a < b; a++, b--) {
        const int32_t kept = indices[a];
        indices[a] = indices[b];
        indices[b] = kept;
    }
}

int bal_explain_needed(const bal_needed_ask *ask)
{
    double sum = 0.0;
    int needed = 0;
    bool any = false;
    for (int k = 0; k < ask->dim; k++) {
        sum += ask->ce[k] < 0.0 ? ask->ce[k] : 0.0;
        any |= ask->ce[k] > 0.0;
    }
    sum += ask->bias;
    if (sum >= ask->runner_up || (ask->won && !any))
        return 0;
    make_heap(ask->ce, ask->indices, ask->dim);
    while (needed < ask->dim) {
        const int32_t k = pop(ask->ce, ask->indices, ask->dim - needed);
        needed++;
        sum += ask->ce[k];
        if (sum >= ask->runner_up)
            break;
        /* all positive ones together are the logit: only rounding can say that it is too small */
        if (ask->won && (needed == ask->dim || ask->ce[ask->indices[0]] <= 0.0))
            break;
    }
    put_in_front(ask->indices, ask->dim);
    return needed;
}

void bal_explain_largest(const double *values, int dim, int count, int32_t *indices)
{
    for (int k = 0, have = 0; k < dim; k++) {
        int at = have;
        if (have == count && !before(values, k, indices[have - 1]))
            continue;
        if (have == count)
            at--;
        else
            have++;
        for (; at > 0 && before(values, k, indices[at - 1]); at--)
            indices[at] = indices[at - 1];
        indices[at] = k;
    }
}
