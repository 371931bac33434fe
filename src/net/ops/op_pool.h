/* What the two pools share: the walk over windows. */
#ifndef BAL_OP_POOL_H
#define BAL_OP_POOL_H

#include "net/op.h"

typedef struct bal_pool_window {
    int64_t plane;                    /* where the channel's plane begins in x */
    int64_t width;                    /* of x */
    int64_t top, bottom, left, right; /* the part of the window inside the image; never empty */
    int64_t result;                   /* the number of the result in y */
} bal_pool_window;

/* Calls once for every result, in the order of y. */
void bal_pool_walk(const bal_op_call *c,
                   void (*each)(const bal_op_call *c, const bal_pool_window *w));
/* Windows fit, and padding is at most half the kernel, so that no window lies outside the image. */
bal_status bal_pool_shape(bal_ctx *ctx, const bal_graph *g, bal_node *node);
double bal_pool_flops(const bal_graph *g, const bal_node *node);

#endif
