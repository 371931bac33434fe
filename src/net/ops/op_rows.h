/* One row an op, each defined in its own file; derived from BAL_OP_LIST, so a listed op without a
 * file does not link. Also what several ops share. */
#ifndef BAL_OP_ROWS_H
#define BAL_OP_ROWS_H

#include "net/op.h"

#define BAL_OP_DECLARE(kind, name, inputs, fwd, bwd, about) extern const bal_op bal_op_row_##kind;
BAL_OP_LIST(BAL_OP_DECLARE)
#undef BAL_OP_DECLARE

static inline const bal_node *bal_op_input(const bal_graph *g, const bal_node *node, int i)
{
    return &g->nodes[node->input[i]];
}

/* How many numbers input i and the result of a call have, all images together. */
static inline int64_t bal_call_x_count(const bal_op_call *c, int i)
{
    const bal_node *n = &c->graph->nodes[c->node];
    return c->batch * bal_shape_count(bal_op_input(c->graph, n, i)->shape);
}
static inline int64_t bal_call_y_count(const bal_op_call *c)
{
    return c->batch * bal_shape_count(c->graph->nodes[c->node].shape);
}

/* Shape rule of ops whose result has the shape of their first input. */
bal_status bal_op_same_shape(bal_ctx *ctx, const bal_graph *g, bal_node *node);
/* FLOPs of ops that do one operation a number, and none. */
double bal_op_flops_one(const bal_graph *g, const bal_node *node);
double bal_op_flops_none(const bal_graph *g, const bal_node *node);
/* Checks kernel, stride, padding and dilation of a window and sets the result's height and width.
 */
bal_status bal_op_window_shape(bal_ctx *ctx, bal_shape x, bal_node *node);
/* Checks the number of features that a node makes, and that its input is flat. */
bal_status bal_op_flat_shape(bal_ctx *ctx, const bal_graph *g, bal_node *node);

#endif
