/* relu: y = max(x, 0); the gradient at 0 is 0. NaN stays NaN. */
#include "net/ops/op_rows.h"

static void forward(const bal_op_call *c)
{
    const int64_t count = bal_call_y_count(c);
    for (int64_t i = 0; i < count; i++)
        c->y[i] = c->x[0][i] <= 0.0 ? 0.0 : c->x[0][i];
}

static void backward(const bal_op_call *c)
{
    const int64_t count = bal_call_y_count(c);
    for (int64_t i = 0; c->dx[0] && i < count; i++)
        c->dx[0][i] += c->y[i] <= 0.0 ? 0.0 : c->dy[i];
}

const bal_op bal_op_row_RELU = {.shape = bal_op_same_shape,
                                .flops = bal_op_flops_one,
                                .forward = forward,
                                .backward = backward};
