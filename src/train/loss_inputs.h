/* What a loss reads besides logits and targets: random draws, and the features of the network,
 * which get a gradient of their own. Nothing is read or kept for a loss that asks for neither. */
#ifndef BAL_LOSS_INPUTS_H
#define BAL_LOSS_INPUTS_H

#include "ballast/loss.h"
#include "engine/engine.h"

typedef struct bal_loss_inputs bal_loss_inputs;

/* For batches of at most so many samples of the plan's graph. Fails with BAL_MISMATCH: the loss
 * reads features and the graph has no such output. */
BAL_MUST_CHECK bal_status bal_loss_inputs_open(bal_loss_inputs **out, const bal_plan *plan,
                                               const bal_loss *loss, int64_t samples);
void bal_loss_inputs_close(bal_loss_inputs **inputs);
/* Fills draws, feature_norms and feature_slopes of a batch whose forward pass has run. They stay
 * until the next call. */
BAL_MUST_CHECK bal_status bal_loss_inputs_read(bal_loss_inputs *inputs, bal_plan *plan,
                                               const bal_loss_place *at, bal_loss_batch *batch);
/* After bal_loss_compute on that batch: the gradients of the features go to the entry of their
 * output in gradients (one per output of the graph). */
void bal_loss_inputs_gradient(bal_loss_inputs *inputs, const float **gradients);

#endif
