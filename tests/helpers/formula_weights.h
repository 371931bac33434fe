/* Starting values of a network that golden scripts make by the same formula. */
#ifndef BAL_TEST_FORMULA_WEIGHTS_H
#define BAL_TEST_FORMULA_WEIGHTS_H

#include "ballast/net.h"

/* The values of `fill` in tests/golden/make_net_golden.py for all parameters of a graph, by their
 * names; returns new. */
bal_weights *formula_weights(bal_ctx *ctx, const bal_graph *g);

#endif
