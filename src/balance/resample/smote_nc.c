/* SMOTE-NC (Chawla et al. 2002, section 6.1): columns of numbers and of categories. For distances a
 * column of categories that differ counts as much as the median of the deviations of the number
 * columns in the smallest class, Med: Med^2 in the squared distance. A category is spelled out as
 * columns of 0 and Med / sqrt(2) for that. Number columns of a new row are SMOTE's, categories are
 * voted on by the k nearest neighbours of the base. */
#include "balance/resample/neighbourhood.h"
#include "balance/resample/nominal.h"

#include <math.h>
#include <stdlib.h>

static double deviation_of(const bal_resampled *r, int c, int64_t column)
{
    const int64_t *members = r->classes.members + r->classes.first[c];
    const int64_t n = bal_class_rows_in(&r->classes, c);
    double mean = 0.0, squares = 0.0;
    for (int64_t i = 0; i < n; i++)
        mean += (double)r->data.values[members[i] * r->data.columns + column] / (double)n;
    for (int64_t i = 0; i < n; i++) {
        const double off = (double)r->data.values[members[i] * r->data.columns + column] - mean;
        squares += off * off / (double)n;
    }
    return sqrt(squares);
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bal_status find_median(const bal_resampled *r, double *median)
{
    const bal_nominal *nominal = r->state;
    double *deviations = bal_calloc(r->ctx, (size_t)r->data.columns, sizeof *deviations);
    if (!deviations)
        return BAL_NO_MEMORY;
    size_t count = 0;
    for (int64_t j = 0; j < r->data.columns; j++)
        if (!nominal->categorical[j])
            deviations[count++] = deviation_of(r, r->classes.minority, j);
    qsort(deviations, count, sizeof *deviations, by_size);
    *median = count % 2 ? deviations[count / 2]
                        : (deviations[count / 2 - 1] + deviations[count / 2]) / 2.0;
    bal_free(r->ctx, deviations);
    return BAL_OK;
}

/* ---- the class as numbers alone ---- */

typedef struct encoded {
    bal_resampled *r;
    int c;
    int64_t n;
    const int64_t *members;
    double median;
    float *sorted;  /* n x columns, column by column: the different values, ascending */
    int64_t *count; /* columns: how many */
    float *values;  /* n x width */
    int64_t width;
} encoded;

static int by_value(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void find_categories(encoded *e, int64_t column)
{
    float *sorted = e->sorted + column * e->n;
    for (int64_t i = 0; i < e->n; i++)
        sorted[i] = e->r->data.values[e->members[i] * e->r->data.columns + column];
    qsort(sorted, (size_t)e->n, sizeof *sorted, by_value);
    int64_t count = 0;
    for (int64_t i = 0; i < e->n; i++)
        if (i == 0 || sorted[i] != sorted[count - 1])
            sorted[count++] = sorted[i];
    e->count[column] = count;
}

static int64_t category_of(const encoded *e, int64_t column, float value)
{
    const float *sorted = e->sorted + column * e->n;
    int64_t low = 0, high = e->count[column] - 1;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (sorted[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void spell_out(const encoded *e)
{
    const bal_nominal *nominal = e->r->state;
    const float half = (float)(e->median / sqrt(2.0));
    for (int64_t i = 0; i < e->n; i++) {
        const float *row = e->r->data.values + e->members[i] * e->r->data.columns;
        float *out = e->values + i * e->width;
        for (int64_t j = 0; j < e->r->data.columns; j++) {
            if (nominal->categorical[j])
                out[category_of(e, j, row[j])] = half;
            else
                *out = row[j];
            out += nominal->categorical[j] ? e->count[j] : 1;
        }
    }
}

static bal_status encode(encoded *e)
{
    const bal_nominal *nominal = e->r->state;
    bal_ctx *ctx = e->r->ctx;
    const size_t columns = (size_t)e->r->data.columns, n = (size_t)e->n;
    e->sorted = bal_calloc(ctx, n, columns * sizeof *e->sorted);
    e->count = bal_calloc(ctx, columns, sizeof *e->count);
    if (!e->sorted || !e->count)
        return BAL_NO_MEMORY;
    for (int64_t j = 0; j < e->r->data.columns; j++) {
        if (nominal->categorical[j])
            find_categories(e, j);
        e->width += nominal->categorical[j] ? e->count[j] : 1;
    }
    e->values = bal_calloc(ctx, n, (size_t)e->width * sizeof *e->values);
    if (!e->values)
        return BAL_NO_MEMORY;
    spell_out(e);
    return BAL_OK;
}

static void encoded_close(encoded *e)
{
    bal_free(e->r->ctx, e->sorted);
    bal_free(e->r->ctx, e->count);
    bal_free(e->r->ctx, e->values);
}

/* ---- the plan ---- */

static bal_status find_voters(encoded *e, bal_voters *voters)
{
    voters->k = bal_neighbourhood_k(e->r, e->c, e->r->settings.k, e->n - 1);
    const int64_t all = e->n * voters->k;
    voters->index = bal_calloc(e->r->ctx, (size_t)e->n, (size_t)voters->k * sizeof *voters->index);
    if (!voters->index)
        return BAL_NO_MEMORY;
    BAL_TRY(encode(e));
    const bal_neighbourhood how = {.what = "neighbours",
                                   .values = e->values,
                                   .rows = e->n,
                                   .columns = e->width,
                                   .k = voters->k};
    BAL_TRY(bal_neighbourhood_find(e->r, &how, voters->index, NULL));
    for (int64_t i = 0; i < all; i++)
        voters->index[i] = e->members[voters->index[i]];
    return BAL_OK;
}

static void draw(const encoded *e, const bal_voters *voters, bal_synthetic *made, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        bal_random random = bal_resample_random(e->r, 0, e->c, (uint64_t)i);
        const int64_t base = (int64_t)bal_random_below(&random, (uint64_t)e->n);
        made[i] =
            (bal_synthetic){.base = e->members[base], .class_number = e->c, .key = (uint32_t)i};
        made[i].neighbour = made[i].base;
        if (voters->k == 0)
            continue;
        const int64_t j = (int64_t)bal_random_below(&random, (uint64_t)voters->k);
        made[i].neighbour = voters->index[base * voters->k + j];
        made[i].weight = bal_random_unit(&random);
    }
}

static bal_status plan_class(encoded *e)
{
    bal_voters *voters = &((bal_nominal *)e->r->state)->voters[e->c];
    const int64_t count = e->r->target[e->c].count;
    bal_synthetic *made;
    if (e->n > 1)
        BAL_TRY(find_voters(e, voters));
    else
        bal_log(e->r->ctx, BAL_LOG_WARN, "class %d has one row, which is copied",
                (int)e->r->classes.labels[e->c]);
    BAL_TRY(bal_resampled_make(e->r, count, &made));
    draw(e, voters, made, count);
    return BAL_OK;
}

static bal_status check_columns(const bal_resampled *r)
{
    const bal_nominal *nominal = r->state;
    for (int64_t j = 0; j < r->data.columns; j++)
        if (!nominal->categorical[j])
            return BAL_OK;
    return bal_fail(r->ctx, BAL_BAD_ARG,
                    "categorical \"%s\": all columns hold categories; smoten is for that",
                    r->settings.categorical);
}

static bal_status plan(bal_resampled *r)
{
    double median;
    if (!r->settings.categorical)
        return bal_fail(r->ctx, BAL_BAD_ARG,
                        "smote-nc wants to know which columns hold categories (categorical)");
    BAL_TRY(bal_resampled_keep_all(r));
    BAL_TRY(bal_nominal_open(r));
    BAL_TRY(bal_nominal_columns(r, r->settings.categorical));
    BAL_TRY(check_columns(r));
    BAL_TRY(find_median(r, &median));
    for (int c = 0; c < r->classes.count; c++) {
        encoded e = {.r = r,
                     .c = c,
                     .n = bal_class_rows_in(&r->classes, c),
                     .members = r->classes.members + r->classes.first[c],
                     .median = median};
        BAL_TRY(bal_resample_step(r, "classes", c, r->classes.count));
        if (r->target[c].count == 0)
            continue;
        const bal_status status = plan_class(&e);
        encoded_close(&e);
        BAL_TRY(status);
    }
    return BAL_OK;
}

const bal_resampler bal_resampler_smote_nc = {
    .info = {.name = "smote-nc",
             .formula = "SMOTE; categories that differ count Med^2, and those of x' are the most "
                        "frequent of the k nearest",
             .source = "Chawla et al. 2002",
             .kind = BAL_RESAMPLE_OVER,
             .options = "k categorical",
             .k = 5},
    .plan = plan,
    .fill = bal_nominal_fill,
    .release = bal_nominal_release,
};
