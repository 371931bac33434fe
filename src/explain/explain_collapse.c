/* Neural collapse: a second pass over the items, now that the class means are known. */
#include "explain/explain_parts.h"

#include "numeric/blas.h"
#include "numeric/eigen.h"

#include <math.h>
#include <string.h>

enum { BLOCK = 128 }; /* items that are looked at together */
#define NOTHING 1e-10 /* eigenvalues below this share of the largest are 0 */

typedef struct collapsing {
    bal_explain *e;
    bal_side_work *w;
    int present, rank;
    double *global;     /* dim: mean of the class means */
    double *moved;      /* classes x dim: mu_c - mu; 0 for classes without items */
    double *half;       /* classes: half of its squared length; infinite without items */
    double *directions; /* rank x dim: eigenvectors of S_B over the root of their eigenvalues */
    double *rows;       /* a worker: BLOCK x dim */
    double *products;   /* a worker: BLOCK x (the larger of classes and rank) */
    double *within;     /* a block of the class: sum of |z - mu_c|^2 */
    double *along;      /* a block: sum of squares along the directions */
    int64_t *elsewhere; /* a block: nearest to another class's mean */
    int64_t *otherwise; /* a block: nearest mean and prediction differ */
    int64_t wide;       /* the larger of classes and rank */
    int c;
    int64_t first_block;
} collapsing;

/* ---- between the classes ---- */

static void find_means(collapsing *g)
{
    const size_t dim = (size_t)g->e->dim;
    for (int c = 0; c < g->e->classes; c++) {
        g->present += g->w->class_of[c].items > 0;
        for (size_t k = 0; k < dim; k++)
            g->global[k] += g->w->means[(size_t)c * dim + k];
    }
    for (size_t k = 0; k < dim; k++)
        g->global[k] /= g->present;
    for (int c = 0; c < g->e->classes; c++) {
        const size_t at = (size_t)c * dim;
        double squares = 0.0;
        if (g->w->class_of[c].items == 0) {
            g->half[c] = INFINITY;
            continue;
        }
        for (size_t k = 0; k < dim; k++) {
            g->moved[at + k] = g->w->means[at + k] - g->global[k];
            squares += g->moved[at + k] * g->moved[at + k];
        }
        g->half[c] = squares / 2.0;
    }
}

/* Eigenvectors u of S_B = M^T M / C with eigenvalue l, as u / sqrt(l). Where there are fewer
 * classes than features they come from M M^T / C, whose vectors v give u = M^T v / sqrt(C l). */
static bal_status find_directions(collapsing *g)
{
    bal_ctx *ctx = g->e->ctx;
    const size_t dim = (size_t)g->e->dim, classes = (size_t)g->e->classes;
    const bool of_classes = classes < dim;
    const size_t size = of_classes ? classes : dim;
    double *matrix = bal_calloc(ctx, size, size * sizeof *matrix);
    double *values = bal_calloc(ctx, size, sizeof *values);
    double *vectors = bal_calloc(ctx, size, size * sizeof *vectors);
    bal_status status = matrix && values && vectors ? BAL_OK : BAL_NO_MEMORY;
    const int threads = bal_blas_threads(1);
    if (status == BAL_OK && of_classes)
        bal_multiply_doubles(&(bal_double_product){.rows = (int64_t)classes,
                                                   .columns = (int64_t)classes,
                                                   .inner = (int64_t)dim,
                                                   .a = g->moved,
                                                   .b = g->moved,
                                                   .out = matrix,
                                                   .stride = (int64_t)classes});
    else if (status == BAL_OK)
        bal_add_products(&(bal_double_sums){.rows = (int64_t)classes,
                                            .columns = (int64_t)dim,
                                            .others = (int64_t)dim,
                                            .inner_stride = (int64_t)dim,
                                            .a = g->moved,
                                            .b = g->moved,
                                            .out = matrix,
                                            .stride = (int64_t)dim});
    for (size_t i = 0; status == BAL_OK && i < size * size; i++)
        matrix[i] /= g->present;
    if (status == BAL_OK)
        status = bal_symmetric_eigen(ctx, matrix, (int64_t)size, (int64_t)size, values, vectors);
    while (status == BAL_OK && g->rank < (int)size && values[g->rank] > NOTHING * values[0] &&
           values[0] > 0.0) {
        double *out = g->directions + (size_t)g->rank * dim;
        const double *v = vectors + (size_t)g->rank * size;
        const double l = values[g->rank];
        for (size_t c = 0; of_classes && c < classes; c++)
            for (size_t k = 0; k < dim; k++)
                out[k] += g->moved[c * dim + k] * v[c] / (sqrt(g->present * l) * sqrt(l));
        for (size_t k = 0; !of_classes && k < dim; k++)
            out[k] = v[k] / sqrt(l);
        g->rank++;
    }
    bal_blas_threads(threads);
    bal_free(ctx, matrix);
    bal_free(ctx, values);
    bal_free(ctx, vectors);
    return status;
}

/* ---- items ---- */

static int nearest_mean(const collapsing *g, const double *products)
{
    int best = -1;
    for (int c = 0; c < g->e->classes; c++)
        if (isfinite(g->half[c]) &&
            (best < 0 || products[c] - g->half[c] > products[best] - g->half[best]))
            best = c;
    return best;
}

static void look_for_means(const collapsing *g, const int64_t *items, int64_t count, int64_t block,
                           const double *products)
{
    const int classes = g->e->classes;
    for (int64_t i = 0; i < count; i++) {
        const int near = nearest_mean(g, products + i * classes);
        g->elsewhere[block] += near != g->c;
        g->otherwise[block] += g->w->predictions && near != g->w->predictions[items[i]];
    }
}

static void multiply(const collapsing *g, int64_t count, const double *rows, const double *by,
                     int64_t columns, double *out)
{
    bal_multiply_doubles(&(bal_double_product){.rows = count,
                                               .columns = columns,
                                               .inner = g->e->dim,
                                               .a = rows,
                                               .b = by,
                                               .out = out,
                                               .stride = columns});
}

/* rows from the global mean to the class mean */
static double move_rows(const collapsing *g, int64_t count, double *rows)
{
    const int dim = g->e->dim;
    const double *moved = g->moved + (size_t)g->c * (size_t)dim;
    double squares = 0.0;
    for (int64_t i = 0; i < count; i++)
        for (int k = 0; k < dim; k++) {
            rows[i * dim + k] -= moved[k];
            squares += rows[i * dim + k] * rows[i * dim + k];
        }
    return squares;
}

static void look_at_block(void *user, int64_t at, int worker)
{
    const collapsing *g = user;
    const bal_explain *e = g->e;
    const int dim = e->dim;
    const int64_t block = g->first_block + at, size = bal_class_size(g->w, g->c);
    const int64_t count = size - block * BLOCK < BLOCK ? size - block * BLOCK : BLOCK;
    const int64_t *items = g->w->order + g->w->first[g->c] + block * BLOCK;
    double *rows = g->rows + (size_t)worker * BLOCK * (size_t)dim,
           *products = g->products + (size_t)worker * BLOCK * (size_t)g->wide;
    for (int64_t i = 0; i < count; i++)
        for (int k = 0; k < dim; k++)
            rows[i * dim + k] = (double)g->w->in.features[items[i] * dim + k] - g->global[k];
    multiply(g, count, rows, g->moved, e->classes, products);
    g->elsewhere[at] = g->otherwise[at] = 0;
    look_for_means(g, items, count, at, products);
    g->within[at] = move_rows(g, count, rows);
    g->along[at] = 0.0;
    if (g->rank == 0)
        return;
    multiply(g, count, rows, g->directions, g->rank, products);
    for (int64_t i = 0; i < count * g->rank; i++)
        g->along[at] += products[i] * products[i];
}

enum { TOGETHER = 1024 }; /* blocks between looks at the interruption */

typedef struct class_total {
    double within, along;
    int64_t elsewhere, otherwise;
} class_total;

static bal_status look_at_class(collapsing *g, class_total *total)
{
    const int64_t blocks = (bal_class_size(g->w, g->c) + BLOCK - 1) / BLOCK;
    *total = (class_total){0};
    for (g->first_block = 0; g->first_block < blocks; g->first_block += TOGETHER) {
        const int64_t left = blocks - g->first_block, now = left < TOGETHER ? left : TOGETHER;
        BAL_TRY(bal_explain_stopped(g->e));
        bal_blas_pool_run(g->e->pool, now, look_at_block, g);
        for (int64_t i = 0; i < now; i++) {
            total->within += g->within[i];
            total->along += g->along[i];
            total->elsewhere += g->elsewhere[i];
            total->otherwise += g->otherwise[i];
        }
    }
    return BAL_OK;
}

static bal_status look_at_items(collapsing *g)
{
    bal_collapse *out = &g->w->view.collapse;
    double nc1 = 0.0;
    int64_t otherwise = 0;
    for (g->c = 0; g->c < g->e->classes; g->c++) {
        bal_explained_class *of_class = &g->w->class_of[g->c];
        class_total total;
        const double items = (double)of_class->items;
        if (of_class->items == 0)
            continue;
        BAL_TRY(look_at_class(g, &total));
        g->w->variance[g->c] = total.within / items;
        nc1 += total.along / items / g->present;
        otherwise += total.otherwise;
        of_class->figures[BAL_FIGURE_mean_error].value = (double)total.elsewhere / items;
    }
    out->nc1 = g->rank > 0 ? nc1 / g->present : NAN;
    if (g->w->predictions)
        out->disagreement = (double)otherwise / (double)g->w->in.items;
    return BAL_OK;
}

/* ---- pairs of classes ---- */

static double length_of(const double *x, int dim)
{
    double squares = 0.0;
    for (int k = 0; k < dim; k++)
        squares += x[k] * x[k];
    return sqrt(squares);
}

static double product_of(const double *x, const double *y, int dim)
{
    double sum = 0.0;
    for (int k = 0; k < dim; k++)
        sum += x[k] * y[k];
    return sum;
}

/* Standard deviation of the lengths over their mean; who: which rows count. */
static double spread_of(const double *lengths, const bool *who, int classes)
{
    double sum = 0.0, squares = 0.0;
    int count = 0;
    for (int c = 0; c < classes; c++)
        if (who[c]) {
            sum += lengths[c];
            count++;
        }
    const double mean = sum / count;
    for (int c = 0; c < classes; c++)
        if (who[c])
            squares += (lengths[c] - mean) * (lengths[c] - mean);
    return mean > 0.0 ? sqrt(squares / count) / mean : NAN;
}

typedef struct cosines {
    double sum; /* over pairs, of |cos + offset| or of cos */
    int64_t pairs;
} cosines;

static void add_cosine(cosines *sum, double cosine, double offset, bool absolute)
{
    if (isnan(cosine))
        return;
    sum->sum += absolute ? fabs(cosine + offset) : cosine;
    sum->pairs++;
}

static double mean_of(cosines sum)
{
    return sum.pairs ? sum.sum / (double)sum.pairs : NAN;
}

static void measure_weights(const collapsing *g, const double *lengths, const bool *all)
{
    const bal_explain *e = g->e;
    bal_collapse *out = &g->w->view.collapse;
    cosines angle = {0}, of_group[BAL_GROUP_COUNT] = {{0}};
    for (int c = 0; c < e->classes; c++) {
        out->tail_classes += e->group_of[c] == BAL_GROUP_FEW;
        out->head_classes += e->group_of[c] == BAL_GROUP_MANY;
        for (int d = 0; d < c; d++) {
            const double *a = e->weight + (size_t)c * (size_t)e->dim,
                         *b = e->weight + (size_t)d * (size_t)e->dim;
            const double lengths_of_both = lengths[c] * lengths[d];
            const double cosine =
                lengths_of_both > 0.0 ? product_of(a, b, e->dim) / lengths_of_both : NAN;
            add_cosine(&angle, cosine, 1.0 / (e->classes - 1), true);
            if (e->group_of[c] == e->group_of[d])
                add_cosine(&of_group[e->group_of[c]], cosine, 0.0, false);
        }
    }
    out->weight_angle = mean_of(angle);
    out->tail_cosine = mean_of(of_group[BAL_GROUP_FEW]);
    out->head_cosine = mean_of(of_group[BAL_GROUP_MANY]);
    out->weight_norm_spread = spread_of(e->weight_norm, all, e->classes);
}

/* |W / |W|_F - M / |M|_F|^2 = 2 - 2 <W, M> / (|W|_F |M|_F), over the classes present. */
static double duality_of(const collapsing *g)
{
    const bal_explain *e = g->e;
    double ww = 0.0, mm = 0.0;
    for (int c = 0; c < e->classes; c++) {
        const size_t at = (size_t)c * (size_t)e->dim;
        if (g->w->class_of[c].items == 0)
            continue;
        ww += product_of(e->weight + at, e->weight + at, e->dim);
        mm += product_of(g->moved + at, g->moved + at, e->dim);
    }
    if (!(ww > 0.0 && mm > 0.0))
        return NAN;
    double sum = 0.0;
    for (int c = 0; c < e->classes; c++)
        for (int k = 0; g->w->class_of[c].items > 0 && k < e->dim; k++) {
            const size_t at = (size_t)c * (size_t)e->dim + (size_t)k;
            const double d = e->weight[at] / sqrt(ww) - g->moved[at] / sqrt(mm);
            sum += d * d;
        }
    return sum;
}

static double distance_squared(const double *a, const double *b, int dim)
{
    double sum = 0.0;
    for (int k = 0; k < dim; k++)
        sum += (a[k] - b[k]) * (a[k] - b[k]);
    return sum;
}

/* CDNV of a pair; NaN where the means are the same. sums and counts: per class. */
static void measure_pairs(const collapsing *g, const double *lengths, double *sums, int *counts)
{
    const bal_explain *e = g->e;
    bal_collapse *out = &g->w->view.collapse;
    const size_t dim = (size_t)e->dim, classes = (size_t)e->classes;
    cosines angle = {0}, cdnv = {0};
    for (int c = 0; c < e->classes; c++)
        for (int d = 0; d < c; d++) {
            const double *a = g->moved + (size_t)c * dim, *b = g->moved + (size_t)d * dim;
            if (g->w->class_of[c].items == 0 || g->w->class_of[d].items == 0)
                continue;
            const double both = lengths[c] * lengths[d], apart = distance_squared(a, b, e->dim);
            const double v =
                apart > 0.0 ? (g->w->variance[c] + g->w->variance[d]) / (2.0 * apart) : NAN;
            add_cosine(&angle, both > 0.0 ? product_of(a, b, e->dim) / both : NAN,
                       1.0 / (g->present - 1), true);
            add_cosine(&cdnv, v, 0.0, false);
            if (g->w->cdnv)
                g->w->cdnv[(size_t)c * classes + (size_t)d] =
                    g->w->cdnv[(size_t)d * classes + (size_t)c] = v;
            if (isnan(v))
                continue;
            sums[c] += v;
            sums[d] += v;
            counts[c]++;
            counts[d]++;
        }
    out->mean_angle = mean_of(angle);
    out->cdnv = mean_of(cdnv);
    for (int c = 0; c < e->classes; c++)
        if (counts[c])
            g->w->class_of[c].figures[BAL_FIGURE_cdnv].value = sums[c] / counts[c];
}

static bal_status look_at_classes(collapsing *g)
{
    bal_explain *e = g->e;
    const size_t classes = (size_t)e->classes, dim = (size_t)e->dim;
    double *lengths = bal_calloc(e->ctx, classes, sizeof *lengths);
    double *sums = bal_calloc(e->ctx, classes, sizeof *sums);
    int *counts = bal_calloc(e->ctx, classes, sizeof *counts);
    bool *who = bal_calloc(e->ctx, classes, sizeof *who);
    const bool enough = lengths && sums && counts && who;
    for (size_t c = 0; enough && c < classes; c++) {
        lengths[c] = length_of(g->moved + c * dim, e->dim);
        who[c] = g->w->class_of[c].items > 0;
    }
    if (enough) {
        g->w->view.collapse.mean_norm_spread = spread_of(lengths, who, e->classes);
        measure_pairs(g, lengths, sums, counts);
    }
    for (size_t c = 0; enough && e->weight && c < classes; c++) {
        lengths[c] = length_of(e->weight + c * dim, e->dim);
        who[c] = true;
    }
    if (enough && e->weight) {
        measure_weights(g, lengths, who);
        g->w->view.collapse.duality = duality_of(g);
    }
    bal_free(e->ctx, lengths);
    bal_free(e->ctx, sums);
    bal_free(e->ctx, counts);
    bal_free(e->ctx, who);
    return enough ? BAL_OK : BAL_NO_MEMORY;
}

/* ---- all ---- */

static bal_status open_collapsing(collapsing *g)
{
    bal_ctx *ctx = g->e->ctx;
    const size_t classes = (size_t)g->e->classes, dim = (size_t)g->e->dim,
                 workers = (size_t)bal_pool_threads(g->e->pool),
                 rank = classes < dim ? classes : dim;
    g->wide = (int64_t)classes;
    g->global = bal_calloc(ctx, dim, sizeof *g->global);
    g->moved = bal_calloc(ctx, classes, dim * sizeof *g->moved);
    g->half = bal_calloc(ctx, classes, sizeof *g->half);
    g->directions = bal_calloc(ctx, rank, dim * sizeof *g->directions);
    g->rows = bal_calloc(ctx, workers * BLOCK, dim * sizeof *g->rows);
    g->products = bal_calloc(ctx, workers * BLOCK, classes * sizeof *g->products);
    g->within = bal_calloc(ctx, TOGETHER, sizeof *g->within);
    g->along = bal_calloc(ctx, TOGETHER, sizeof *g->along);
    g->elsewhere = bal_calloc(ctx, TOGETHER, sizeof *g->elsewhere);
    g->otherwise = bal_calloc(ctx, TOGETHER, sizeof *g->otherwise);
    bool enough = g->global && g->moved && g->half && g->directions && g->rows && g->products &&
                  g->within && g->along && g->elsewhere && g->otherwise;
    if (classes <= BAL_EXPLAIN_MATRIX_CLASSES) {
        g->w->cdnv = bal_calloc(ctx, classes * classes, sizeof *g->w->cdnv);
        enough = enough && g->w->cdnv;
        for (size_t i = 0; g->w->cdnv && i < classes * classes; i++)
            g->w->cdnv[i] = NAN;
    }
    return enough ? BAL_OK : BAL_NO_MEMORY;
}

bal_status bal_explain_measure_collapse(bal_explain *e, int side)
{
    collapsing g = {.e = e, .w = &e->side[side]};
    bal_collapse *out = &g.w->view.collapse;
    *out = (bal_collapse){0, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, 0, 0};
    bal_explain_tell(e, "neural collapse", side, BAL_SIDES);
    bal_status status = open_collapsing(&g);
    if (status == BAL_OK) {
        find_means(&g);
        out->classes = g.present;
        status = find_directions(&g);
    }
    if (status == BAL_OK)
        status = look_at_items(&g);
    if (status == BAL_OK)
        status = look_at_classes(&g);
    void *const parts[] = {g.global,   g.moved,  g.half,  g.directions, g.rows,
                           g.products, g.within, g.along, g.elsewhere,  g.otherwise};
    for (size_t i = 0; i < BAL_COUNT_OF(parts); i++)
        bal_free(e->ctx, parts[i]);
    return status;
}
