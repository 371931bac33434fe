/* How much the rows of a set differ from each other. */
#ifndef BAL_VARIETY_H
#define BAL_VARIETY_H

#include "numeric/rows.h"

typedef struct bal_variety {
    double effective_rank; /* exp(-sum q ln q), q the eigenvalues of the covariance over their sum
                              (Roy and Vetterli 2007); 1..min(columns, rows - 1); NaN where all rows
                              are equal */
    double spread;         /* trace of the covariance (divided by rows - 1) over the squared norm of
                              the mean; NaN for a mean of 0 */
    double cosine; /* mean of 1 - cos over all pairs; 0..2; a row of zeros is at 1 from the others
                    */
} bal_variety;     /* all NaN for one row */

/* Of all the rows together, which must be finite. The calling thread works alone. Takes
 * 8 min(rows, columns)^2 bytes, and a block of rows in double. Fails with BAL_NO_MEMORY. */
BAL_MUST_CHECK bal_status bal_variety_of(bal_ctx *ctx, const bal_rows *rows, bal_variety *out);

#endif
