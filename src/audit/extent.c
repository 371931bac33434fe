/* How many images there are of what, how far from equal that is, and what the counts allow to be
 * measured. Formulas and sources stand in ballast/audit.h. */
#include "audit/audit_handle.h"

#include "evaluate/class_groups.h"
#include "numeric/statistics/intervals.h"

#include <math.h>
#include <stdlib.h>

static double effective_number(int64_t n)
{
    return -expm1((double)n * log(BAL_AUDIT_BETA)) / (1.0 - BAL_AUDIT_BETA);
}

/* Hellinger distance of shares p from equal ones, without its factor: it cancels in the ratio. */
static double distance_from_equal(double p, double equal)
{
    const double d = sqrt(p) - sqrt(equal);
    return d * d;
}

static double imbalance_degree(const bal_audit_extent *e, double total)
{
    const double classes = e->classes, equal = 1.0 / classes;
    double sum = 0.0;
    int below = 0;
    for (int c = 0; c < e->classes; c++) {
        const int64_t n = e->of[c].items[BAL_SPLIT_TRAIN];
        below += (double)n * classes < total;
        sum += distance_from_equal((double)n / total, equal);
    }
    if (below == 0)
        return 0.0;
    const double farthest = below * distance_from_equal(0.0, equal) +
                            distance_from_equal((below + 1.0) / classes, equal);
    return sqrt(sum / farthest) + below - 1;
}

static int ascending(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* sum_i sum_j |n_i - n_j| = 2 sum_i (2 i - C - 1) n_(i), over counts in ascending order, i from 1
 */
static bal_status gini(bal_ctx *ctx, const bal_audit_extent *e, double total, double *out)
{
    const int classes = e->classes;
    int64_t *order = bal_calloc(ctx, (size_t)classes, sizeof *order);
    if (!order)
        return BAL_NO_MEMORY;
    for (int c = 0; c < classes; c++)
        order[c] = e->of[c].items[BAL_SPLIT_TRAIN];
    qsort(order, (size_t)classes, sizeof *order, ascending);
    double sum = 0.0;
    for (int i = 0; i < classes; i++)
        sum += (2.0 * (i + 1) - classes - 1) * (double)order[i];
    bal_free(ctx, order);
    *out = sum / (classes * total);
    return BAL_OK;
}

/* What follows from the training counts alone. */
static bal_status measure_imbalance(bal_ctx *ctx, bal_audit_extent *e, bal_audit_class_extent *of)
{
    const double total = (double)e->items[BAL_SPLIT_TRAIN];
    double information = 0.0; /* sum n ln(C n / N) */
    e->largest = e->smallest = of[0].items[BAL_SPLIT_TRAIN];
    for (int c = 0; c < e->classes; c++) {
        const int64_t n = of[c].items[BAL_SPLIT_TRAIN];
        if (n > e->largest) {
            e->largest = n;
            e->largest_class = c;
        }
        if (n < e->smallest) {
            e->smallest = n;
            e->smallest_class = c;
        }
        of[c].share = (double)n / total;
        of[c].effective = effective_number(n);
        e->effective += of[c].effective;
        if (n > 0)
            information += (double)n * log(e->classes * of[c].share);
    }
    e->imbalance_ratio = e->smallest > 0 ? (double)e->largest / (double)e->smallest : NAN;
    e->imbalance_degree = imbalance_degree(e, total);
    e->lrid = 2.0 * information;
    e->evenness = 1.0 - information / (total * log(e->classes));
    return gini(ctx, e, total, &e->gini);
}

static bal_status group_classes(bal_ctx *ctx, bal_audit_extent *e, bal_audit_class_extent *of)
{
    const size_t classes = (size_t)e->classes;
    signed char *group_of = bal_calloc(ctx, classes, 1);
    int64_t *counts = bal_calloc(ctx, classes, sizeof *counts);
    const char *const *names;
    bal_status status = group_of && counts ? BAL_OK : BAL_NO_MEMORY;
    for (size_t c = 0; status == BAL_OK && c < classes; c++)
        counts[c] = of[c].items[BAL_SPLIT_TRAIN];
    if (status == BAL_OK)
        status = bal_group_by_count(ctx, counts, e->classes, group_of, &names);
    for (int g = 0; status == BAL_OK && g < BAL_GROUP_COUNT; g++)
        e->group_names[g] = names[g];
    for (size_t c = 0; status == BAL_OK && c < classes; c++) {
        of[c].group = group_of[c];
        e->group_classes[of[c].group]++;
        e->group_items[of[c].group] += counts[c];
    }
    bal_free(ctx, group_of);
    bal_free(ctx, counts);
    return status;
}

/* How well the recall of a class can be known. */
static void measure_classes(bal_audit_extent *e, bal_audit_class_extent *of)
{
    e->measured_on = e->items[BAL_SPLIT_TEST] > 0 ? BAL_SPLIT_TEST : BAL_SPLIT_VAL;
    for (int c = 0; c < e->classes; c++) {
        bal_audit_class_extent *k = &of[c];
        k->measured = k->items[e->measured_on];
        k->right = k->measured * 9 / 10;
        k->interval = (bal_interval){NAN, NAN};
        if (k->measured > 0)
            bal_clopper_pearson_interval((double)k->right, (double)k->measured, 0.95,
                                         &k->interval.low, &k->interval.high);
        k->too_rare = k->measured == 0 || k->interval.high - k->interval.low > BAL_AUDIT_WIDE;
        e->too_rare += k->too_rare;
    }
}

bal_status bal_audit_measure_counts(bal_ctx *ctx, bal_audit_extent *e, bal_audit_class_extent *of)
{
    e->of = of;
    BAL_TRY(measure_imbalance(ctx, e, of));
    BAL_TRY(group_classes(ctx, e, of));
    measure_classes(e, of);
    return BAL_OK;
}

bal_status bal_audit_measure_extent(bal_audit *a)
{
    const bal_dataset_info info = bal_dataset_describe(a->data);
    const size_t classes = (size_t)info.classes;
    bal_audit_extent *e = &a->extent;
    bal_audit_class_extent *of = bal_calloc(a->ctx, classes, sizeof *of);
    int64_t *counts = bal_calloc(a->ctx, classes, sizeof *counts);
    a->extent_of = of;
    e->classes = info.classes;
    bal_status status = of && counts ? BAL_OK : BAL_NO_MEMORY;
    for (int s = 0; status == BAL_OK && s < BAL_SPLIT_COUNT; s++) {
        e->items[s] = info.items[s];
        bal_dataset_counts(a->data, (bal_split)s, counts);
        for (size_t c = 0; c < classes; c++)
            of[c].items[s] = counts[c];
    }
    if (status == BAL_OK)
        status = bal_audit_measure_counts(a->ctx, e, of);
    bal_free(a->ctx, counts);
    return status;
}
