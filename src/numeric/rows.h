/* Rows of a float32 matrix, and what the functions that measure distances between rows share. */
#ifndef BAL_ROWS_H
#define BAL_ROWS_H

#include "base/context.h"

/* values: rows x columns, row major, borrowed. At most 2^31 - 1 rows and 2^22 columns, finite: the
 * functions that take rows check that and fail with BAL_BAD_ARG, naming row and column (both
 * counted from 0). */
typedef struct bal_rows {
    const float *values;
    int64_t rows, columns;
} bal_rows;

/* Called now and then from the thread that called the function; done goes up to total. */
typedef void bal_rows_progress(void *user, int64_t done, int64_t total);

/* Fails with BAL_BAD_ARG, naming the rows by what ("points"), when they are too many or too few
 * (at least one of each is needed), or a value is not finite. */
BAL_MUST_CHECK bal_status bal_rows_check(bal_ctx *ctx, const char *what, const bal_rows *rows);
/* The same, but looks at no value. */
BAL_MUST_CHECK bal_status bal_rows_check_shape(bal_ctx *ctx, const char *what,
                                               const bal_rows *rows);
/* Fails with BAL_BAD_ARG, naming the first value of a row that is not finite. */
BAL_MUST_CHECK bal_status bal_rows_not_finite(bal_ctx *ctx, const char *what, const bal_rows *rows,
                                              int64_t row);
/* Where a row number stands in an ascending list of them; -1: nowhere. */
int64_t bal_find_row(const int64_t *list, int64_t count, int64_t row);
/* The largest magnitude of count values; not finite where one of them is not. */
float bal_largest_magnitude(const float *values, int64_t count);

/* The Euclidean distance of two rows as every function here returns it: the differences are squared
 * and summed in double in a fixed order, so the same two rows always give the same bits, either way
 * round. */
double bal_rows_euclidean(const float *a, const float *b, int64_t columns);
/* 1 - cos in double, 0..2; 1 where a row is all zero, as in scikit-learn; 0 for equal rows. Below
 * 1e-15 or so it is rounding. */
double bal_rows_cosine(const float *a, const float *b, int64_t columns);

/* The sum of the squares of a row. */
double bal_rows_square(const float *a, int64_t columns);

#endif
