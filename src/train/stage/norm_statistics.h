/* Running statistics of batch norm measured anew, for weights that were not trained with them. */
#ifndef BAL_NORM_STATISTICS_H
#define BAL_NORM_STATISTICS_H

#include "engine/engine.h"
#include "train/images/loader.h"

/* As torch.optim.swa_utils.update_bn: every running statistic becomes the mean over the batches of
 * the pass of the batch's own statistic, whatever the sizes of the batches. The images are
 * forwarded in training mode; no other value changes. Without batch norm nothing is read. Fails
 * with what the loader fails with, BAL_INTERRUPTED; the statistics are then of no use. */
BAL_MUST_CHECK bal_status bal_plan_measure_norms(bal_plan *plan, bal_loader *loader,
                                                 const bal_loader_pass *pass);

#endif
