/* The state of a loss that has one, in the file of a run's state. */
#ifndef BAL_LOSS_STATE_H
#define BAL_LOSS_STATE_H

#include "ballast/loss.h"
#include "ballast/net.h"

/* As metadata of the weights, with the stage that it belongs to; nothing for a loss without state.
 */
BAL_MUST_CHECK bal_status bal_loss_state_save(const bal_loss *loss, bal_ctx *ctx, int stage,
                                              bal_weights *weights);
/* Takes it back where the weights have the state of that stage; a stage that has only begun has its
 * own, from 0. where is for messages. Fails with BAL_BAD_FILE. */
BAL_MUST_CHECK bal_status bal_loss_state_restore(bal_loss *loss, bal_ctx *ctx, int stage,
                                                 const bal_weights *weights, const char *where);

#endif
