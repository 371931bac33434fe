/* Values and momenta of a plan as named tensors: what a checkpoint holds, and what goes from one
 * stage's plan to the next. A momentum is the tensor "momentum/NAME". */
#ifndef BAL_SNAPSHOT_H
#define BAL_SNAPSHOT_H

#include "engine/engine.h"

/* Returns new; release with bal_weights_close. */
BAL_MUST_CHECK bal_status bal_snapshot_take(bal_plan *plan, bal_weights **out);
/* Momenta that the snapshot has not stay 0, those of parameters that the plan does not train are
 * left out. where is for messages. Fails with BAL_MISMATCH (a value is missing or has another
 * shape). */
BAL_MUST_CHECK bal_status bal_snapshot_restore(bal_plan *plan, const bal_weights *from,
                                               const char *where);

#endif
