/* The inside of a graph: what models build, engines plan and ops describe. */
#ifndef BAL_GRAPH_H
#define BAL_GRAPH_H

#include "ballast/net.h"
#include "base/context.h"

#define BAL_OP_MAX_INPUTS 2
#define BAL_OP_MAX_PARAMS 6
#define BAL_GRAPH_MAX_INPUTS 8
/* Largest size of one dimension, kernel, stride, padding or dilation, so that products of a few
 * of them fit in 64 bits; and the most numbers in one image's tensor or in one parameter. */
#define BAL_SIZE_MAX (1 << 24)
#define BAL_COUNT_MAX INT32_MAX

/* Settings of a node; which fields mean something is the op's business. Defaults are resolved by
 * the builders: a stride or dilation is never 0 here, a pool's stride is its real one. */
typedef struct bal_op_settings {
    int out_channels; /* conv2d, linear, cosine_linear */
    int kernel[2], stride[2], padding[2],
        dilation[2]; /* conv2d, pools; stride[0] of pad_shortcut, the factor of upsample */
    int groups;
    bool bias;
    bool count_include_pad;
    int channels_before, channels_after; /* pad_shortcut */
    bal_shape to;                        /* unflatten */
    double scale;                        /* cosine_linear */
    double probability;                  /* dropout */
    double eps, momentum;                /* batch_norm */
    int place;                           /* batch_mix */
} bal_op_settings;

/* A pass that blends what the images of a batch have become at one place of the network: x_i
 * becomes share_i x_i + (1 - share_i) x_partner_i in the batch_mix nodes of that place. */
typedef struct bal_batch_mix {
    int place;
    const int32_t *partner; /* of each image, 0..batch-1 */
    const float *share;     /* of each image, 0..1 */
} bal_batch_mix;

typedef struct bal_node {
    int op; /* a bal_op_kind, see op.h */
    char *name;
    int inputs, input[BAL_OP_MAX_INPUTS];
    bal_shape shape; /* of the result, per image */
    bal_op_settings settings;
    int params, param[BAL_OP_MAX_PARAMS]; /* numbers of graph parameters, in the op's order */
} bal_node;

typedef struct bal_output {
    char *name;
    int node;
} bal_output;

struct bal_graph {
    bal_ctx *ctx;
    bal_status status; /* the first failure of a builder, and its sentence */
    char error[BAL_ERROR_LENGTH];
    bool finished;
    bal_node *nodes;
    int node_count, node_room;
    bal_param_info *params; /* names owned */
    int param_count, param_room;
    bal_output *outputs;
    int output_count, output_room;
    int inputs[BAL_GRAPH_MAX_INPUTS];
    int input_count;
};

static inline int64_t bal_shape_count(bal_shape s)
{
    return (int64_t)s.channels * s.height * s.width;
}

#endif
