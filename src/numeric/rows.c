/* See rows.h. */
#include "numeric/rows.h"

#include <math.h>
#include <string.h>

#define MOST_ROWS INT32_MAX
#define MOST_COLUMNS (1 << 22)
#define CHUNK 64
#define LANES 8
#define INFINITE_BITS 0x7f800000u

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

static bal_status name_value(bal_ctx *ctx, const char *what, const bal_rows *rows)
{
    const int64_t count = rows->rows * rows->columns;
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(rows->values[i]))
            return bal_fail(ctx, BAL_BAD_ARG, "row %lld, column %lld of the %s is %s",
                            (long long)(i / rows->columns), (long long)(i % rows->columns), what,
                            isnan(rows->values[i]) ? "not a number" : "infinite");
    return bal_fail(ctx, BAL_BAD_ARG, "the %s changed while they were read", what);
}

bal_status bal_rows_measure(bal_ctx *ctx, const char *what, const bal_rows *rows, float *largest)
{
    if (!rows->values)
        return bal_fail(ctx, BAL_BAD_ARG, "there are no %s", what);
    if (rows->rows < 1 || rows->rows > MOST_ROWS)
        return bal_fail(ctx, BAL_BAD_ARG, "%lld rows of %s: 1..%d are possible",
                        (long long)rows->rows, what, MOST_ROWS);
    if (rows->columns < 1 || rows->columns > MOST_COLUMNS)
        return bal_fail(ctx, BAL_BAD_ARG, "the %s have %lld columns: 1..%d are possible", what,
                        (long long)rows->columns, MOST_COLUMNS);
    const uint32_t bits = largest_bits(rows->values, rows->rows * rows->columns);
    if (bits >= INFINITE_BITS)
        return name_value(ctx, what, rows);
    memcpy(largest, &bits, sizeof bits);
    return BAL_OK;
}

bal_status bal_rows_check(bal_ctx *ctx, const char *what, const bal_rows *rows)
{
    float largest;
    return bal_rows_measure(ctx, what, rows, &largest);
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
