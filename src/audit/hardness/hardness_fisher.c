/* Fisher's discriminant ratios: between the classes over within them, feature by feature. Means are
 * taken relative to one of the values, so that what never changes has a variance of exactly 0. */
#include "audit/hardness/hardness_parts.h"

#include <math.h>

/* Mean and sum of squares of every feature of one class; the class has items. */
static void class_moments(const bal_hardness_work *w, int c, double *mean, double *within)
{
    const int64_t columns = w->rows.columns, count = bal_class_items(w, c);
    const int64_t *rows = w->by_class + w->first[c];
    const float *origin = w->rows.values + (size_t)rows[0] * (size_t)columns;
    for (int64_t i = 0; i < count; i++) {
        const float *x = w->rows.values + (size_t)rows[i] * (size_t)columns;
        for (int64_t f = 0; f < columns; f++)
            mean[f] += (double)x[f] - origin[f];
    }
    for (int64_t f = 0; f < columns; f++)
        mean[f] = origin[f] + mean[f] / (double)count;
    for (int64_t i = 0; i < count; i++) {
        const float *x = w->rows.values + (size_t)rows[i] * (size_t)columns;
        for (int64_t f = 0; f < columns; f++)
            within[f] += (x[f] - mean[f]) * (x[f] - mean[f]);
    }
}

/* A feature over all classes. */
typedef struct overall {
    double items, mean;
    double between; /* sum of squares of the classes' means about it, by their items */
    double within;  /* sum of squares within the classes */
} overall;

static overall of_feature(const bal_hardness_work *w, int64_t f)
{
    const size_t columns = (size_t)w->rows.columns;
    overall all = {0.0, 0.0, 0.0, 0.0};
    double origin = 0.0, sum = 0.0;
    for (int c = 0; c < w->classes; c++) {
        const double count = (double)bal_class_items(w, c);
        const size_t at = (size_t)c * columns + (size_t)f;
        if (count == 0.0)
            continue;
        if (all.items == 0.0)
            origin = w->mean[at];
        sum += count * (w->mean[at] - origin);
        all.items += count;
        all.within += w->within[at];
    }
    all.mean = origin + sum / all.items;
    for (int c = 0; c < w->classes; c++) {
        const double apart = w->mean[(size_t)c * columns + (size_t)f] - all.mean;
        all.between += (double)bal_class_items(w, c) * apart * apart;
    }
    return all;
}

/* The larger of two ratios, where NaN (0 / 0: the feature never changes) is none. */
static double larger(double best, double between, double within)
{
    if (between == 0.0 && within == 0.0)
        return best;
    const double ratio = between / within; /* INFINITY where there is no variance within */
    return isnan(best) || ratio > best ? ratio : best;
}

/* The others vary within their classes, and by their means about their own mean: what is left of
 * the means' variation when the class and the step between the two groups are taken away. */
static double against_rest(const overall *all, double items, double mean, double *within)
{
    const double others = all->items - items, apart = mean - all->mean;
    const double step = items / others * apart; /* of the others' mean from that of all */
    const double about_own = all->between - items * apart * apart - others * step * step;
    *within = all->within + (about_own > 1e-12 * all->between ? about_own : 0.0);
    return items * apart * apart + others * step * step;
}

static void measure_ratios(bal_hardness_work *w)
{
    double best = NAN;
    for (int64_t f = 0; f < w->rows.columns; f++) {
        const overall all = of_feature(w, f);
        best = larger(best, all.between, all.within);
        for (int c = 0; c < w->classes; c++) {
            const size_t at = (size_t)c * (size_t)w->rows.columns + (size_t)f;
            const double items = (double)bal_class_items(w, c);
            if (items == 0.0)
                continue;
            double within;
            const double between = against_rest(&all, items, w->mean[at], &within);
            w->class_of[c].fisher = larger(w->class_of[c].fisher, between, within);
        }
    }
    w->out->fisher = best;
    w->out->f1 = 1.0 / (1.0 + best);
}

double bal_fisher_of_pair(const bal_hardness_work *w, int a, int b)
{
    const double na = (double)bal_class_items(w, a), nb = (double)bal_class_items(w, b);
    const size_t columns = (size_t)w->rows.columns, from_a = (size_t)a * columns,
                 from_b = (size_t)b * columns;
    double best = NAN;
    for (size_t f = 0; f < columns; f++) {
        const double apart = w->mean[from_a + f] - w->mean[from_b + f];
        best = larger(best, na * nb / (na + nb) * apart * apart,
                      w->within[from_a + f] + w->within[from_b + f]);
    }
    return best;
}

bal_status bal_measure_fisher(bal_hardness_work *w)
{
    const size_t columns = (size_t)w->rows.columns;
    w->mean = bal_calloc(w->ctx, (size_t)w->classes, columns * sizeof *w->mean);
    w->within = bal_calloc(w->ctx, (size_t)w->classes, columns * sizeof *w->within);
    if (!w->mean || !w->within)
        return BAL_NO_MEMORY;
    for (int c = 0; c < w->classes; c++)
        if (bal_class_items(w, c) > 0)
            class_moments(w, c, w->mean + (size_t)c * columns, w->within + (size_t)c * columns);
    measure_ratios(w);
    return BAL_OK;
}
