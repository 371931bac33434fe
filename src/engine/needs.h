/* Which backward work a plan needs: the same question for every engine. */
#ifndef BAL_NEEDS_H
#define BAL_NEEDS_H

#include "engine/engine.h"

/* Sets, for every node, gradient[i]: the gradient of its result has to be made, because a trainable
 * parameter at it or before it, or a kept node, wants it; and runs[i]: its op's backward has to
 * run. With settings->training off both are false everywhere. Settings are resolved ones. */
void bal_plan_needs(const bal_graph *g, const bal_plan_settings *settings, bool *gradient,
                    bool *runs);
/* FLOPs of the backward pass of a batch: a node's forward FLOPs once for its inputs' gradients and
 * once for its parameters', where each is wanted. */
double bal_plan_backward_flops(const bal_graph *g, const bal_plan_settings *settings,
                               const bool *gradient);

#endif
