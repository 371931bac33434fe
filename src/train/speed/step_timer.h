/* The time of the bare training step: no data set, no loader. */
#ifndef BAL_STEP_TIMER_H
#define BAL_STEP_TIMER_H

#include "ballast/loss.h"
#include "engine/engine.h"

/* Medians, in seconds. */
typedef struct bal_step_times {
    double forward; /* and the loss */
    double backward, update, step;
} bal_step_times;

/* Trains the plan on random images and labels of its batch for some steps after a warm-up; its
 * parameters are changed. Fails with BAL_INTERRUPTED. */
BAL_MUST_CHECK bal_status bal_time_steps(bal_plan *plan, const bal_loss *loss, int steps,
                                         bal_step_times *times);

#endif
