/* Where a run stands: all of it, with parameters and momenta, is one file, so that a process that
 * is killed between two files never leaves a pair that does not fit. */
#ifndef BAL_RUN_STATE_H
#define BAL_RUN_STATE_H

#include "base/context.h"

#include <jansson.h>

typedef struct bal_run_state {
    int epoch;    /* finished epochs */
    int64_t step; /* finished steps of the epoch after them */
    int begun;    /* stages that have begun, their changes to the values included */
    /* over these steps */
    double loss_sum; /* sum of loss times images */
    int64_t seen, right;

    int best_epoch; /* counted from 1; 0: none yet */
    double best;    /* the monitor then; NaN: none yet */
    double seconds; /* spent by all processes */
} bal_run_state;

bal_run_state bal_run_state_start(void);

/* What a run is (`must`: going on with something else is an error) and what its bits depend on
 * besides (`should`: a warning). Both are objects of texts. */
typedef struct bal_run_identity {
    json_t *must, *should;
} bal_run_identity;
void bal_run_identity_free(bal_run_identity *identity);
/* Fails with BAL_MISMATCH: `PATH: the run was started with seed "1", now it is "2"`; of texts with
 * several lines the first that differs is told. Differences in `should` go to the log. */
BAL_MUST_CHECK bal_status bal_run_identity_check(bal_ctx *ctx, const char *path,
                                                 const bal_run_identity *was,
                                                 const bal_run_identity *is);

/* As JSON text; new, bal_free. */
BAL_MUST_CHECK bal_status bal_run_state_text(bal_ctx *ctx, const bal_run_state *state,
                                             const bal_run_identity *identity, char **text);
/* Fails with BAL_BAD_FILE, naming path and field. On success identity is to be freed. */
BAL_MUST_CHECK bal_status bal_run_state_parse(bal_ctx *ctx, const char *path, const char *text,
                                              bal_run_state *state, bal_run_identity *identity);

#endif
