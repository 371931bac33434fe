/* See rows.h. */
#include "numeric/rows.h"

#include <math.h>
#include <string.h>

#define MOST_ROWS INT32_MAX
#define MOST_COLUMNS (1 << 22)
#define CHUNK 64
#define LANES 8

/* The largest magnitude as bits, which order as magnitudes do, with infinities and NaN above all
 * numbers. */
BAL_WIDE static uint32_t largest_bits(const float *values, int64_t count)
{
    uint32_t most[CHUNK] = {0};
    int64_t i = 0;
    for (; i + CHUNK <= count; i += CHUNK) {
        uint32_t bits[CHUNK];
        memcpy(bits, values + i, sizeof bits);
        for (int l = 0; l < CHUNK; l++) {
            const uint32_t b = bits[l] & INT32_MAX;
            most[l] = b > most[l] ? b : most[l];
        }
    }
    uint32_t largest = 0;
    for (int l = 0; l < CHUNK; l++)
        largest = most[l] > largest ? most[l] : largest;
    for (; i < count; i++) {
        uint32_t b;
        memcpy(&b, values + i, sizeof b);
        b &= INT32_MAX;
        largest = b > largest ? b : largest;
    }
    return largest;
}

float bal_largest_magnitude(const float *values, int64_t count)
{
    const uint32_t bits = largest_bits(values, count);
    float largest;
    memcpy(&largest, &bits, sizeof largest);
    return largest;
}

bal_status bal_rows_check_shape(bal_ctx *ctx, const char *what, const bal_rows *rows)
{
    if (!rows->values)
        return bal_fail(ctx, BAL_BAD_ARG, "there are no %s", what);
    if (rows->rows < 1 || rows->rows > MOST_ROWS)
        return bal_fail(ctx, BAL_BAD_ARG, "%lld rows of %s: 1..%d are possible",
                        (long long)rows->rows, what, MOST_ROWS);
    if (rows->columns < 1 || rows->columns > MOST_COLUMNS)
        return bal_fail(ctx, BAL_BAD_ARG, "the %s have %lld columns: 1..%d are possible", what,
                        (long long)rows->columns, MOST_COLUMNS);
    return BAL_OK;
}

bal_status bal_rows_not_finite(bal_ctx *ctx, const char *what, const bal_rows *rows, int64_t row)
{
    const float *values = rows->values + row * rows->columns;
    for (int64_t c = 0; c < rows->columns; c++)
        if (!isfinite(values[c]))
            return bal_fail(ctx, BAL_BAD_ARG, "row %lld, column %lld of the %s is %s",
                            (long long)row, (long long)c, what,
                            isnan(values[c]) ? "not a number" : "infinite");
    return bal_fail(ctx, BAL_BAD_ARG, "the %s changed while they were read", what);
}

bal_status bal_rows_check(bal_ctx *ctx, const char *what, const bal_rows *rows)
{
    BAL_TRY(bal_rows_check_shape(ctx, what, rows));
    if (isfinite(bal_largest_magnitude(rows->values, rows->rows * rows->columns)))
        return BAL_OK;
    int64_t row = 0;
    while (row + 1 < rows->rows &&
           isfinite(bal_largest_magnitude(rows->values + row * rows->columns, rows->columns)))
        row++;
    return bal_rows_not_finite(ctx, what, rows, row);
}

int64_t bal_find_row(const int64_t *list, int64_t count, int64_t row)
{
    int64_t low = 0, high = count - 1;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (list[middle] < row)
            low = middle + 1;
        else
            high = middle;
    }
    return count > 0 && list[low] == row ? low : -1;
}

static double sum_lanes(const double *sum)
{
    return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

BAL_WIDE static double squared_difference(const float *a, const float *b, int64_t columns)
{
    double sum[LANES] = {0.0};
    int64_t c = 0;
    for (; c + LANES <= columns; c += LANES)
        for (int l = 0; l < LANES; l++) {
            const double d = (double)a[c + l] - (double)b[c + l];
            sum[l] += d * d;
        }
    for (int l = 0; c + l < columns; l++) {
        const double d = (double)a[c + l] - (double)b[c + l];
        sum[l] += d * d;
    }
    return sum_lanes(sum);
}

BAL_WIDE static double dot(const float *a, const float *b, int64_t columns)
{
    double sum[LANES] = {0.0};
    int64_t c = 0;
    for (; c + LANES <= columns; c += LANES)
        for (int l = 0; l < LANES; l++)
            sum[l] += (double)a[c + l] * (double)b[c + l];
    for (int l = 0; c + l < columns; l++)
        sum[l] += (double)a[c + l] * (double)b[c + l];
    return sum_lanes(sum);
}

double bal_rows_euclidean(const float *a, const float *b, int64_t columns)
{
    return sqrt(squared_difference(a, b, columns));
}

double bal_rows_square(const float *a, int64_t columns)
{
    return dot(a, a, columns);
}

double bal_rows_cosine(const float *a, const float *b, int64_t columns)
{
    const double aa = dot(a, a, columns), bb = dot(b, b, columns);
    if (aa == 0.0 || bb == 0.0)
        return 1.0;
    /* one root of the product: equal rows are at exactly 0, and rows of whole numbers that point
     * the same way mostly are */
    const double distance = 1.0 - dot(a, b, columns) / sqrt(aa * bb);
    return distance < 0.0 ? 0.0 : distance > 2.0 ? 2.0 : distance;
}
