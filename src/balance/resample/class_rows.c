/* Which classes the labels have, and the rows of each. */
#include "balance/resample/resampling.h"

#include <stdlib.h>
#include <string.h>

static int by_number(const void *a, const void *b)
{
    const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* The different labels in order; returns how many. */
static int distinct(int32_t *labels, int64_t rows)
{
    qsort(labels, (size_t)rows, sizeof *labels, by_number);
    int count = 0;
    for (int64_t i = 0; i < rows; i++)
        if (i == 0 || labels[i] != labels[count - 1])
            labels[count++] = labels[i];
    return count;
}

static int find(const bal_class_rows *classes, int32_t label)
{
    int low = 0, high = classes->count - 1;
    while (low < high) {
        const int middle = (low + high) / 2;
        if (classes->labels[middle] < label)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void group(bal_class_rows *classes, const int32_t *labels, int64_t rows)
{
    int64_t *first = classes->first;
    for (int64_t i = 0; i < rows; i++) {
        /* labels often come in runs */
        const bool again = i > 0 && labels[i] == labels[i - 1];
        classes->of_row[i] = again ? classes->of_row[i - 1] : find(classes, labels[i]);
        first[classes->of_row[i] + 1]++;
    }
    for (int c = 0; c < classes->count; c++)
        first[c + 1] += first[c];
    /* first[c] runs ahead while the members are filled in and ends where class c + 1 begins */
    for (int64_t i = 0; i < rows; i++)
        classes->members[first[classes->of_row[i]]++] = i;
    memmove(first + 1, first, (size_t)classes->count * sizeof *first);
    first[0] = 0;
    for (int c = 1; c < classes->count; c++) {
        const int64_t n = bal_class_rows_in(classes, c);
        if (n > bal_class_rows_in(classes, classes->majority))
            classes->majority = c;
        if (n < bal_class_rows_in(classes, classes->minority))
            classes->minority = c;
    }
}

bal_status bal_class_rows_open(bal_class_rows *out, bal_ctx *ctx, const int32_t *labels,
                               int64_t rows)
{
    *out = (bal_class_rows){0};
    out->labels = bal_calloc(ctx, (size_t)rows, sizeof *out->labels);
    out->members = bal_calloc(ctx, (size_t)rows, sizeof *out->members);
    out->of_row = bal_calloc(ctx, (size_t)rows, sizeof *out->of_row);
    if (!out->labels || !out->members || !out->of_row) {
        bal_class_rows_close(out, ctx);
        return BAL_NO_MEMORY;
    }
    memcpy(out->labels, labels, (size_t)rows * sizeof *labels);
    out->count = distinct(out->labels, rows);
    out->first = bal_calloc(ctx, (size_t)out->count + 1, sizeof *out->first);
    if (!out->first) {
        bal_class_rows_close(out, ctx);
        return BAL_NO_MEMORY;
    }
    group(out, labels, rows);
    return BAL_OK;
}

void bal_class_rows_close(bal_class_rows *classes, bal_ctx *ctx)
{
    bal_free(ctx, classes->labels);
    bal_free(ctx, classes->first);
    bal_free(ctx, classes->members);
    bal_free(ctx, classes->of_row);
    *classes = (bal_class_rows){0};
}

int64_t bal_class_rows_in(const bal_class_rows *classes, int c)
{
    return classes->first[c + 1] - classes->first[c];
}
