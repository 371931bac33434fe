/* Groups of classes by their number of training images, as evaluate.h says. */
#ifndef BAL_CLASS_GROUPS_H
#define BAL_CLASS_GROUPS_H

#include "ballast/evaluate.h"

/* group_of receives one BAL_GROUP_... a class, names the groups' BAL_GROUP_COUNT names (constant).
 * Fails with BAL_NO_MEMORY. */
BAL_MUST_CHECK bal_status bal_group_by_count(bal_ctx *ctx, const int64_t *counts, int classes,
                                             signed char *group_of, const char *const **names);

#endif
