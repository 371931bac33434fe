/* What the heads of long-tail methods share: the product of a linear layer, that they scale and
 * shift by class. Parameter 0 is the matrix, 1 the bias where the node has one. */
#ifndef BAL_HEAD_ROWS_H
#define BAL_HEAD_ROWS_H

#include "net/ops/op_rows.h"

typedef struct bal_head_sizes {
    int64_t batch, in, out;
    bool bias;
    int next; /* number of the first parameter behind matrix and bias */
} bal_head_sizes;
bal_head_sizes bal_head_sizes_of(const bal_op_call *c);

/* Lists matrix and bias; returns how many. */
int bal_head_params_list(const bal_graph *g, const bal_node *node, bal_op_param *out);
double bal_head_flops(const bal_graph *g, const bal_node *node);
/* z = W x + b, batch x out. */
void bal_head_product(const bal_op_call *c, double *z);
/* Takes dz of image n and class j back to x, W and b. */
void bal_head_product_back(const bal_op_call *c, int64_t n, int64_t j, double dz);

#endif
