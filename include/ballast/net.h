/* ballast/net.h: networks as graphs, ready-made models, and weight files.
 *
 * A graph is static: nodes are added in order, each reads earlier nodes. Shapes are per image
 * (channels, height, width); the batch size belongs to the plan that runs the graph. A vector of D
 * features is D x 1 x 1. Parameters are float32 with torchvision's names and layouts:
 * convolution OIHW (out, in / groups, kernel height, kernel width), linear (out, in),
 * batch norm NAME.weight, NAME.bias, NAME.running_mean, NAME.running_var.
 */
#ifndef BALLAST_NET_H
#define BALLAST_NET_H

#include "ballast/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bal_graph bal_graph;

typedef struct bal_shape {
    int channels, height, width;
} bal_shape;

/* ---- building a graph: every function returns the number of the new node, or -1 after a failure.
 * The first failure is kept (bal_graph_finish reports it), later calls do nothing, so a model is
 * written without a check per line. Names must be unique among nodes with parameters. ---- */
BAL_API BAL_MUST_CHECK bal_status bal_graph_open(bal_graph **out, bal_ctx *ctx);
BAL_API void bal_graph_close(bal_graph **graph);
/* Checks the whole and freezes it: unreachable nodes, no output, the first error of the builders.
 */
BAL_API BAL_MUST_CHECK bal_status bal_graph_finish(bal_graph *graph);

typedef struct bal_conv2d {
    int out_channels;
    int kernel[2];   /* height, width; {3, 3} */
    int stride[2];   /* 0 means 1 */
    int padding[2];  /* zeros on each side */
    int dilation[2]; /* 0 means 1 */
    int groups;      /* 0 means 1; divides both channel counts */
    bool bias;
} bal_conv2d;
typedef struct bal_pool2d {
    int kernel[2];
    int stride[2]; /* 0 means the kernel's size */
    int padding[2];
    bool
        count_include_pad; /* average pool: the padding counts in the divisor (torchvision: true) */
} bal_pool2d;
BAL_API int bal_add_input(bal_graph *g, const char *name, bal_shape shape);
BAL_API int bal_add_conv2d(bal_graph *g, const char *name, int x, const bal_conv2d *settings);
/* eps 1e-5, momentum 0.1: running = 0.9 running + 0.1 batch, running variance unbiased. */
BAL_API int bal_add_batch_norm(bal_graph *g, const char *name, int x);
BAL_API int bal_add_relu(bal_graph *g, int x);
BAL_API int bal_add_add(bal_graph *g, int a, int b);
BAL_API int bal_add_max_pool(bal_graph *g, int x, const bal_pool2d *settings);
BAL_API int bal_add_avg_pool(bal_graph *g, int x, const bal_pool2d *settings);
BAL_API int bal_add_global_avg_pool(bal_graph *g, int x);
BAL_API int bal_add_flatten(bal_graph *g, int x);
/* y = W x + b on a flat x. */
BAL_API int bal_add_linear(bal_graph *g, const char *name, int x, int out_features, bool bias);
/* y_j = scale * cos(w_j, x) on a flat x; norms are bounded below by 1e-12. No bias. */
BAL_API int bal_add_cosine_linear(bal_graph *g, const char *name, int x, int out_features,
                                  double scale);
/* Heads of long-tail methods on a flat x, with z_j = w_j x + b_j; parameters besides NAME.weight
 * and NAME.bias are of one number a class, and at their start the head is a linear layer. scaled
 * y_j = s_j z_j                               NAME.scale 1 norm_shifted    y_j = omega_j z_j +
 * beta_j |w_j|            NAME.omega 1, NAME.beta 0 confident       y_j = (1 + c alpha_j) z_j + c
 * beta_j, c = sigmoid(v x + a) NAME.alpha 0, NAME.beta 0, NAME.confidence (v, of x's size) 0.1,
 *                   NAME.confidence_bias (a, one number) 0 */
BAL_API int bal_add_scaled_linear(bal_graph *g, const char *name, int x, int out_features,
                                  bool bias);
BAL_API int bal_add_norm_shifted_linear(bal_graph *g, const char *name, int x, int out_features,
                                        bool bias);
BAL_API int bal_add_confident_linear(bal_graph *g, const char *name, int x, int out_features,
                                     bool bias);
/* Zeroes with probability p in training and divides the rest by 1 - p; identity in inference. */
BAL_API int bal_add_dropout(bal_graph *g, int x, double p);
/* The parameter-free shortcut of the CIFAR ResNets (He et al. 2016, option A): every stride-th row
 * and column, zero channels before and after. */
BAL_API int bal_add_pad_shortcut(bal_graph *g, int x, int stride, int channels_before,
                                 int channels_after);
/* A flat x as channels x height x width, in that order: the inverse of flatten
 * (torch.nn.Unflatten). */
BAL_API int bal_add_unflatten(bal_graph *g, int x, bal_shape to);
/* Every position scale_factor times along rows and columns (torch.nn.Upsample, mode nearest). */
BAL_API int bal_add_upsample(bal_graph *g, int x, int scale_factor);
/* Where a pass in training mode mixes at this place (1..), x_i of the batch becomes
 * share_i x_i + (1 - share_i) x_partner_i (Verma et al. 2019); otherwise x stays as it is. */
BAL_API int bal_add_batch_mix(bal_graph *g, int x, int place);
/* Makes a node readable from outside under a name ("logits", "features"). */
BAL_API void bal_graph_output(bal_graph *g, const char *name, int x);

/* ---- looking at a graph ---- */
BAL_API int bal_graph_nodes(const bal_graph *g);
BAL_API const char *bal_graph_node_name(const bal_graph *g,
                                        int node); /* "layer1.0.conv1", "relu_4" */
BAL_API const char *bal_graph_node_op(const bal_graph *g, int node); /* "conv2d", ... */
BAL_API bal_shape bal_graph_node_shape(const bal_graph *g, int node);
BAL_API int bal_graph_find_node(const bal_graph *g, const char *name); /* -1: none */
BAL_API int bal_graph_outputs(const bal_graph *g);
BAL_API int bal_graph_find_output(const bal_graph *g,
                                  const char *name); /* output number, -1: none */
BAL_API int bal_graph_output_node(const bal_graph *g, int output);
BAL_API int bal_graph_inputs(const bal_graph *g);
BAL_API int bal_graph_input_node(const bal_graph *g, int input);
/* Floating-point operations of one image's forward pass (a multiply-add is two). */
BAL_API double bal_graph_flops(const bal_graph *g);

typedef struct bal_param_info {
    const char *name; /* "layer1.0.conv1.weight"; borrowed from the graph */
    int dims;
    int64_t shape[4];
    int64_t count;
    int node;     /* the node that uses it */
    bool learned; /* false: a running statistic */
} bal_param_info;
BAL_API int bal_graph_params(const bal_graph *g);
BAL_API const bal_param_info *bal_graph_param(const bal_graph *g, int param);
BAL_API int bal_graph_find_param(const bal_graph *g, const char *name); /* -1: none */
/* How many learned numbers. */
BAL_API int64_t bal_graph_learned_count(const bal_graph *g);

/* The list of ops, NULL at the end. */
typedef struct bal_op_info {
    const char *name, *about;
    int inputs;
} bal_op_info;
BAL_API const bal_op_info *bal_op_at(int i);

/* ---- models ---- */
typedef struct bal_model_info {
    const char *name, *about, *source;
} bal_model_info;
BAL_API const bal_model_info *bal_model_at(int i);

/* Heads: the layer from features f to logits z. Its matrix is fc.weight, rows w_j, its bias
 * fc.bias; other parameters of a head are named in its row of docs/methods/heads. */
typedef struct bal_head_info {
    const char *name, *formula, *source;
} bal_head_info;
BAL_API const bal_head_info *bal_head_at(int i);

/* Place 1 is behind the first group of blocks (ResNets) or the first pooling (LeNet), 2 behind the
 * second. */
#define BAL_MODEL_MIX_PLACES 2

typedef struct bal_model_settings {
    const char *name; /* "resnet20", ... */
    int classes;      /* 2.. */
    bal_shape input;
    const char *head; /* a row of bal_head_at; default "linear" */
    double scale;     /* of the cosine head; default 30 */
    double dropout;   /* before the head; default 0 */
    bool mix_places;  /* batch_mix nodes for manifold mixup, BAL_MODEL_MIX_PLACES of them; default
                         false */
} bal_model_settings;
BAL_API bal_model_settings bal_model_defaults(void);
/* A finished graph with one input "image" and the outputs "logits" and "features" (flat, before the
 * head). Fails with BAL_BAD_ARG (unknown name: nearest suggested), BAL_MISMATCH (input too small).
 */
BAL_API BAL_MUST_CHECK bal_status bal_model_build(bal_graph **out, bal_ctx *ctx,
                                                  const bal_model_settings *settings);

/* A convolutional autoencoder: convolutions of stride 2 halve the image as long as both sides are
 * even and above 4 (up to four times), with width, 2 width, 4 width, ... channels; a linear layer
 * makes the latent vector; the decoder is the mirror image, doubling by upsample and convolution.
 * Batch norm and ReLU between. The reconstruction is linear: not bounded to the range of pixels. */
typedef struct bal_autoencoder_settings {
    bal_shape input;
    int latent;        /* numbers of the latent vector, >= 1; default 64 */
    int width;         /* channels of the first convolution, >= 1; default 32 */
    bool decoder_only; /* the input is "latent", the output "reconstruction"; parameters have the
                          names that they have in the whole */
} bal_autoencoder_settings;
BAL_API bal_autoencoder_settings bal_autoencoder_defaults(void);
/* A finished graph with the input "image" and the outputs "latent" and "reconstruction" (as large
 * as the input). Fails with BAL_BAD_ARG (latent or width), BAL_MISMATCH (a side that is odd, or an
 * image of 4 x 4 or less: nothing to halve). */
BAL_API BAL_MUST_CHECK bal_status bal_autoencoder_build(bal_graph **out, bal_ctx *ctx,
                                                        const bal_autoencoder_settings *settings);

/* ---- weights: named float32 tensors ---- */
typedef struct bal_weights bal_weights;
typedef struct bal_tensor {
    const char *name; /* borrowed from the weights */
    int dims;
    int64_t shape[8];
    int64_t count;
    float *data;
} bal_tensor;
BAL_API BAL_MUST_CHECK bal_status bal_weights_open(bal_weights **out, bal_ctx *ctx); /* empty */
BAL_API void bal_weights_close(bal_weights **weights);
BAL_API int bal_weights_count(const bal_weights *w);
BAL_API const bal_tensor *bal_weights_at(const bal_weights *w, int i);
BAL_API const bal_tensor *bal_weights_find(const bal_weights *w, const char *name); /* NULL: none */
/* Adds a zeroed tensor; data may be NULL or is copied. BAL_BAD_ARG: the name exists. */
BAL_API BAL_MUST_CHECK bal_status bal_weights_add(bal_weights *w, const char *name, int dims,
                                                  const int64_t *shape, const float *data);
/* The metadata text under a key, NULL: none. */
BAL_API const char *bal_weights_metadata(const bal_weights *w, const char *key);
BAL_API BAL_MUST_CHECK bal_status bal_weights_set_metadata(bal_weights *w, const char *key,
                                                           const char *text);
/* safetensors: strict. F32, F16, BF16 and F64 are read as float32; offsets must cover the data
 * without holes or overlaps; duplicate names, unknown types and lengths beyond the file are
 * BAL_BAD_FILE. Integer tensors are skipped with a log line. */
BAL_API BAL_MUST_CHECK bal_status bal_weights_read(bal_weights **out, bal_ctx *ctx,
                                                   const char *path);
/* Atomic: the file appears whole or not at all. Tensors in name order, so equal weights are equal
 * files. */
BAL_API BAL_MUST_CHECK bal_status bal_weights_write(const bal_weights *w, bal_ctx *ctx,
                                                    const char *path);

/* He initialisation (He et al. 2015): convolution and linear weights normal with variance 2 /
 * fan_in, biases 0, batch norm 1 and 0, running mean 0 and variance 1. A function of (seed,
 * parameter name). */
BAL_API BAL_MUST_CHECK bal_status bal_weights_init(bal_weights **out, bal_ctx *ctx,
                                                   const bal_graph *g, uint64_t seed);
/* Renames tensors to the graph's parameters: strips "module.", and fits the usual names of the head
 * (fc, linear, classifier, head). *_num_batches_tracked are dropped. Fails with BAL_MISMATCH: the
 * text lists the missing, unexpected and differently shaped names (the first few of each and how
 * many). On success *out holds exactly the graph's parameters, in the graph's order; returns new.
 */
BAL_API BAL_MUST_CHECK bal_status bal_weights_fit(bal_weights **out, bal_ctx *ctx,
                                                  const bal_weights *from, const bal_graph *g);

#ifdef __cplusplus
}
#endif
#endif
