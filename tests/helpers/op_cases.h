/* One table of op cases for the gradient test and the engines' test, on shapes chosen to hurt: all
 * sizes different, channel counts that fill no vector. An op without a case fails both tests. */
#ifndef BAL_TEST_OP_CASES_H
#define BAL_TEST_OP_CASES_H

#include "helpers/helpers.h"
#include "net/op.h"

typedef struct op_case {
    bal_op_kind op;
    const char *why; /* which corner it is there for */
    int batch;
    bal_shape x;
    bal_op_settings settings; /* as a caller writes them: 0 is the default */
} op_case;

/* How passes of a batch_mix case mix: at place 1, with partners that are no permutation and shares
 * with 0 and 1 among them. NULL: other ops. */
const bal_batch_mix *op_case_mix(const op_case *c);

/* NULL at the end. */
const op_case *op_case_at(int i);
/* Fails the test unless every op that computes has a case. */
void op_cases_cover_all(void);
/* A finished graph: inputs "x" (and "x2"), the op, output "y". Returns the op's node in *node. */
bal_graph *op_case_graph(bal_ctx *ctx, const op_case *c, int *node);

/* Tensors of one op node for the op's own forward and backward, all exactly as large as they must
 * be. x, param and dy hold float32 values; x keeps away from ties and from 0 (no |x| below 0.01, no
 * two values of an input nearer than 0.02). */
typedef struct op_run {
    bal_op_call call;
    int64_t x_count[BAL_OP_MAX_INPUTS], param_count[BAL_OP_MAX_PARAMS], y_count, saved_count;
    double *x[BAL_OP_MAX_INPUTS], *dy;
    int inputs, params;
} op_run;

op_run op_run_open(const bal_graph *g, int node, int batch, uint64_t seed); /* mixes nothing */
void op_run_close(op_run *r);
void op_run_forward(op_run *r, bool training);
/* Gradients are set to 0 before. */
void op_run_backward(op_run *r);
float *op_floats(const double *values, int64_t count); /* release with free */

#endif
