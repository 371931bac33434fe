/* Values of a plan, and what belongs to them, as named tensors: what a checkpoint holds, and what
 * goes from one stage's plan to the next. Beside the value NAME there are, where the plan has them,
 * "momentum/NAME", AdamW's "second/NAME" and "updates/NAME" (how many it has made of the
 * parameter), and "average/NAME". */
#ifndef BAL_SNAPSHOT_H
#define BAL_SNAPSHOT_H

#include "engine/engine.h"

/* Returns new; release with bal_weights_close. */
BAL_MUST_CHECK bal_status bal_snapshot_take(bal_plan *plan, bal_weights **out);
/* What the snapshot has not besides the values stays as it is, in a new plan 0; what belongs to
 * parameters that the plan does not train is left out. where is for messages. Fails with
 * BAL_MISMATCH (a value is missing or has another shape). */
BAL_MUST_CHECK bal_status bal_snapshot_restore(bal_plan *plan, const bal_weights *from,
                                               const char *where);

/* Values, momenta, averages and numbers of updates of the parameters that both plans have, by name.
 * What only one of them keeps is left alone. */
BAL_MUST_CHECK bal_status bal_plan_carry(bal_plan *from, bal_plan *to);

#endif
