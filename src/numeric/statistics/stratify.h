/* Which rows are looked at where all would be too many. */
#ifndef BAL_STRATIFY_H
#define BAL_STRATIFY_H

#include "base/context.h"
#include "base/random.h"

typedef struct bal_stratify_ask {
    const int32_t *labels; /* count, 0..classes-1 */
    int64_t count;
    int classes;
    int64_t most; /* so many rows at most; 0: all */
    uint64_t seed;
    bal_stream stream; /* epoch 0 of it is drawn from */
} bal_stratify_ask;
/* Chooses rows, ascending: all, or exactly `most`, drawn without replacement. A quarter of the
 * places is shared evenly by the classes, so that the rare ones are seen, the rest goes by what is
 * left of each. rows is new, release with bal_free. Fails with BAL_NO_MEMORY. */
BAL_MUST_CHECK bal_status bal_stratify(bal_ctx *ctx, const bal_stratify_ask *ask, int64_t **rows,
                                       int64_t *count);

#endif
