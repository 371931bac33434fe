/* Small whole graphs for tests of engines, all sizes different. */
#ifndef BAL_TEST_GRAPHS_H
#define BAL_TEST_GRAPHS_H

#include "ballast/net.h"

typedef bal_graph *test_graph_fn(bal_ctx *ctx); /* finished, new */

test_graph_fn test_graph_resnet; /* resnet8 */
test_graph_fn test_graph_lenet;  /* with cosine head and dropout */
/* Convolutions before a batch norm have no bias: its gradient would be nothing but rounding. Two
 * inputs and three outputs, one of which others read; batch norm read by ReLU and by others,
 * batch norm after ReLU, a ReLU over an add that is read twice, groups, pools with padding. */
test_graph_fn test_graph_knot;

typedef struct test_graph {
    const char *name;
    test_graph_fn *make;
} test_graph;
/* All of them, NULL at the end. */
const test_graph *test_graph_at(int i);

#endif
