/* Ops: each is declared once, in one file under ops/, with its shape rule, parameters, FLOP count,
 * and its forward and backward in plain C and double. The reference engine runs these; other
 * engines are compared with them; tolerances stand in this list only. */
#ifndef BAL_OP_H
#define BAL_OP_H

#include "net/graph.h"

/*   kind             name               inputs  fwd tol  bwd tol  about
 * Tolerances are errors divided by the root mean square of the expected tensor. */
#define BAL_OP_LIST(X)                                                                             \
    X(INPUT, "input", 0, 0.0, 0.0, "images or features handed in")                                 \
    X(CONV2D, "conv2d", 1, 1e-5, 1e-4, "convolution with groups, stride, padding, dilation")       \
    X(BATCH_NORM, "batch_norm", 1, 1e-5, 1e-4, "batch norm, eps 1e-5, momentum 0.1")               \
    X(RELU, "relu", 1, 1e-6, 1e-6, "max(x, 0)")                                                    \
    X(ADD, "add", 2, 1e-6, 1e-6, "sum of two tensors")                                             \
    X(MAX_POOL, "max_pool", 1, 1e-6, 1e-6, "largest value of a window")                            \
    X(AVG_POOL, "avg_pool", 1, 1e-6, 1e-5, "mean of a window")                                     \
    X(GLOBAL_AVG_POOL, "global_avg_pool", 1, 1e-6, 1e-5, "mean over all positions")                \
    X(FLATTEN, "flatten", 1, 0.0, 0.0, "C x H x W to one vector, in NCHW order")                   \
    X(LINEAR, "linear", 1, 1e-5, 1e-4, "W x + b")                                                  \
    X(COSINE_LINEAR, "cosine_linear", 1, 1e-5, 1e-4, "scale times the cosine of w_j and x")        \
    X(DROPOUT, "dropout", 1, 1e-6, 1e-6, "zeroes at random in training")                           \
    X(PAD_SHORTCUT, "pad_shortcut", 1, 0.0, 0.0, "every stride-th position, zero channels around") \
    X(UNFLATTEN, "unflatten", 1, 0.0, 0.0, "one vector to C x H x W, in NCHW order")               \
    X(UPSAMPLE, "upsample", 1, 0.0, 1e-6, "every position repeated along rows and columns")        \
    X(SCALED_LINEAR, "scaled_linear", 1, 1e-5, 1e-4, "s_j (w_j x + b_j)")                          \
    X(NORM_SHIFTED_LINEAR, "norm_shifted_linear", 1, 1e-5, 1e-4,                                   \
      "omega_j (w_j x + b_j) + beta_j |w_j|")                                                      \
    X(CONFIDENT_LINEAR, "confident_linear", 1, 1e-5, 1e-4,                                         \
      "(1 + c alpha_j) (w_j x + b_j) + c beta_j, c = sigmoid(v x + a)")                            \
    X(BATCH_MIX, "batch_mix", 1, 1e-6, 1e-6, "blends images of a batch, where a pass asks for it")

typedef enum bal_op_kind {
#define BAL_OP_ENUM(kind, name, inputs, fwd, bwd, about) BAL_OP_##kind,
    BAL_OP_LIST(BAL_OP_ENUM)
#undef BAL_OP_ENUM
        BAL_OP_COUNT
} bal_op_kind;

/* What forward and backward of a node see. All tensors are double, NCHW, dense. */
typedef struct bal_op_call {
    const bal_graph *graph;
    int node;
    int batch;
    bool training;       /* batch statistics and dropout; else running statistics and identity */
    uint64_t seed, step; /* dropout draws bal_random_at(seed, DROPOUT, step, node) */
    const bal_batch_mix *mix; /* of a pass in training mode; NULL: none */
    const double *x[BAL_OP_MAX_INPUTS];
    double *y; /* forward writes it; backward reads it */
    double *
        param[BAL_OP_MAX_PARAMS]; /* batch_norm's forward in training updates its statistics here */
    double *saved;                /* saved_count doubles, written by forward, read by backward */
    const double *dy;             /* backward */
    double *dx[BAL_OP_MAX_INPUTS];     /* backward ADDS to it; NULL: not wanted */
    double *dparam[BAL_OP_MAX_PARAMS]; /* backward ADDS to it; NULL: not wanted (frozen) */
} bal_op_call;

typedef struct bal_op_param {
    const char *suffix; /* "weight", "bias", "running_mean", ... */
    bool learned;
    int dims;
    int64_t shape[4];
} bal_op_param;

typedef struct bal_op {
    /* Checks the settings and sets node->shape from the inputs' shapes; BAL_MISMATCH with a
     * sentence. */
    bal_status (*shape)(bal_ctx *ctx, const bal_graph *g, bal_node *node);
    /* Lists the parameters of a node whose shape is known; returns how many. NULL: none. */
    int (*params)(const bal_graph *g, const bal_node *node, bal_op_param out[BAL_OP_MAX_PARAMS]);
    double (*flops)(const bal_graph *g, const bal_node *node); /* one image, forward */
    /* How many doubles forward hands to backward for a batch; NULL: none. */
    int64_t (*saved_count)(const bal_graph *g, const bal_node *node, int batch);
    void (*forward)(const bal_op_call *call);
    void (*backward)(const bal_op_call *call);
} bal_op;

const bal_op *bal_op_of(bal_op_kind kind);
const char *bal_op_name(bal_op_kind kind);
double bal_op_forward_tolerance(bal_op_kind kind);
double bal_op_backward_tolerance(bal_op_kind kind);
/* The dropout mask of a node, the same on every engine: keep[i] for i in 0..count-1 (NCHW order).
 */
void bal_dropout_mask(uint64_t seed, uint64_t step, int node, double probability, int64_t count,
                      uint8_t *keep);

#endif
