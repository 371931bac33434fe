/* The engine boundary: an engine is a struct of functions that is handed a whole graph once, builds
 * a plan, and runs it many times. Outside an engine tensors are float32, NCHW and OIHW. Call the
 * bal_plan_* functions below: they check arguments once for all engines. */
#ifndef BAL_ENGINE_H
#define BAL_ENGINE_H

#include "base/context.h"
#include "net/graph.h"

typedef struct bal_engine bal_engine;
typedef struct bal_plan bal_plan;

typedef void bal_gradient_ready_fn(void *user, int param);

/* How parameters are updated; see bal_update. */
typedef enum bal_optimizer { BAL_SGD, BAL_ADAMW } bal_optimizer;

typedef struct bal_plan_settings {
    int batch;         /* the largest batch, >= 1; smaller ones may be run, training or not */
    bool training;     /* false: forward in inference mode only; memory is shared harder */
    bool measure_only; /* plan_cost works, nothing large is allocated, nothing else may be called */
    const bool *trainable; /* one per graph parameter; NULL: all learned ones. What is frozen costs
                              no backward work; batch norm whose parameters are frozen still uses
                              batch statistics in training mode. Copied. */
    bool frozen_norm;      /* instead of that it uses its running statistics, which do not move */
    const int *keep;       /* nodes whose activation (and its gradient, when training) can be read.
                              Copied.       Outputs of the graph can always be read. */
    int keep_count;
    bal_optimizer optimizer; /* of all updates of a plan that trains */
    /* Room beside the parameters of a plan that trains, all 0 at first; see bal_param_part. */
    bool average, aside, sum;
    bool input_gradient; /* the inputs are kept too: backward makes their gradient */
    uint64_t seed;       /* dropout */
    /* Called when a parameter's gradient is final: once for every trainable parameter in every
     * backward pass, also where no gradient arrived. NULL: nobody asks. */
    bal_gradient_ready_fn *gradient_ready;
    void *user;
} bal_plan_settings;

typedef struct bal_plan_cost {
    size_t parameter_bytes; /* weights, gradients, momentum and the like, in the engine's layouts */
    size_t activation_bytes; /* the shared arena */
    size_t scratch_bytes;
    double forward_flops, backward_flops; /* for the planned batch */
} bal_plan_cost;

typedef struct bal_forward {
    const float *const
        *inputs;              /* one per graph input: batch x C x H x W; borrowed during the call */
    int batch;                /* 1..planned */
    bool training;            /* batch statistics and dropout; running statistics are updated */
    uint64_t step;            /* dropout draws are a function of (seed, step, node) */
    const bal_batch_mix *mix; /* in training; NULL: none. Its arrays are borrowed until the backward
                                 pass has run */
} bal_forward;

typedef struct bal_backward {
    const float *const
        *output_gradients; /* one per graph output: batch x count; NULL entry: none */
    bool accumulate; /* add to the gradients of the pass before (several passes, one update) */
} bal_backward;

/* As PyTorch does it.
 *   SGD    g += wd w; v = momentum v + g; d = nesterov ? g + momentum v : v; w -= lr d
 *   AdamW  w -= lr wd w; m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2;
 *          w -= lr (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps), t the number of the
 *          parameter's update, 1 for the first (bal_plan.updates)  (Loshchilov and Hutter 2019) */
typedef struct bal_update {
    const float *lr;           /* one per graph parameter (groups are the caller's business) */
    const float *weight_decay; /* likewise */
    double momentum;           /* SGD */
    bool nesterov;             /* SGD */
    double beta1, beta2, eps;  /* AdamW: 0.9, 0.999, 1e-8 are usual */
} bal_update;

/* AdamW's numbers that are the same for all parameters, after bal_update has been checked. */
typedef struct bal_adamw_step {
    double lr, weight_decay, beta1, beta2, eps;
    double first, second; /* 1 - beta1^t, 1 - beta2^t */
} bal_adamw_step;
bal_adamw_step bal_adamw_step_of(const bal_plan *plan, const bal_update *how, int param);

typedef enum bal_param_part {
    BAL_PARAM_VALUE,
    BAL_PARAM_GRADIENT,
    BAL_PARAM_MOMENTUM, /* SGD's v, AdamW's m */
    BAL_PARAM_SECOND,   /* AdamW's v */
    BAL_PARAM_AVERAGE,  /* of values over the updates; running statistics have one too */
    BAL_PARAM_ASIDE,    /* values put aside; likewise */
    BAL_PARAM_SUM       /* of the gradients of several passes */
} bal_param_part;
typedef enum bal_node_part { BAL_NODE_ACTIVATION, BAL_NODE_GRADIENT } bal_node_part;

/* to = keep to + add from, in double, for every parameter that has both parts (what is frozen and
 * running statistics have no gradient, so they stay where it is added to values). keep 0 does not
 * read `to`; then add 1 is a copy, bit for bit. */
typedef struct bal_combine {
    bal_param_part to, from;
    double keep, add;
} bal_combine;

/* One primitive measured alone, for `bench`. */
typedef struct bal_floor {
    double milliseconds; /* one training step's convolutions and batch norms, each alone, median of
                            runs */
    double matmul_gflops;
} bal_floor;

/* plan_open receives the settings resolved: trainable has one entry per parameter (true for learned
 * ones only, and in plans that train only), keep holds no node twice and includes the inputs where
 * input_gradient is set; both live as long as the plan. On failure it releases all and leaves *out
 * NULL, or leaves the half built plan there for plan_close. The calls below get arguments that
 * bal_plan_* has checked. */
struct bal_engine {
    const char *name, *about;
    const char *(*version)(void);
    bool (*supports)(const bal_graph *g, int node);
    bal_status (*plan_open)(bal_plan **out, bal_ctx *ctx, const bal_graph *g,
                            const bal_plan_settings *s);
    void (*plan_close)(
        bal_plan *plan); /* frees everything, the plan itself included; half built is fine */
    void (*cost)(const bal_plan *plan, bal_plan_cost *cost);
    bal_status (*forward)(bal_plan *plan, const bal_forward *how);
    bal_status (*backward)(bal_plan *plan, const bal_backward *how);
    bal_status (*update)(bal_plan *plan, const bal_update *how);
    bal_status (*read_param)(bal_plan *plan, int param, bal_param_part part, float *out);
    bal_status (*write_param)(bal_plan *plan, int param, bal_param_part part, const float *in);
    bal_status (*read_node)(bal_plan *plan, int node, bal_node_part part, float *out);
    /* of one parameter that has both parts */
    void (*combine)(bal_plan *plan, int param, const bal_combine *how);
    void (*exchange)(bal_plan *plan, int param, bal_param_part a, bal_param_part b);
    double (*squares)(const bal_plan *plan, int param, bal_param_part part);
    bal_status (*measure_floor)(bal_plan *plan, int runs, bal_floor *out); /* NULL: has no floor */
};

/* The common head of every engine's plan (first member). The engine's plan_open fills in nothing
 * here: bal_plan_open does. */
struct bal_plan {
    const bal_engine *engine;
    bal_ctx *ctx;
    const bal_graph *graph; /* borrowed: must outlive the plan */
    bal_plan_settings settings;
    bool *trainable;  /* owned, resolved: one per parameter */
    int *keep;        /* owned */
    int64_t *updates; /* owned, one per parameter: how often bal_plan_update has changed it */
    int last_batch;   /* of the last forward; 0: none yet, or it failed */
    bool last_training;
    bal_batch_mix mix;  /* of the last forward in training; partner NULL: none */
    bool has_gradients; /* backward has run since the last forward */
};

/* Whether a batch norm node uses batch statistics in a pass in training mode: not where its
 * parameters are frozen and the settings want frozen_norm. */
bool bal_plan_norm_trains(const bal_plan *plan, int node);

/* The table, in order of preference. */
const bal_engine *bal_engine_row(int i);
/* NULL name: the first. BAL_BAD_ARG for an unknown one (the names of this build are listed). */
BAL_MUST_CHECK bal_status bal_engine_find(bal_ctx *ctx, const char *name, const bal_engine **out);

/* Fails with BAL_MISMATCH when the engine does not support a node (it is named), BAL_NO_MEMORY,
 * BAL_ENGINE. */
BAL_MUST_CHECK bal_status bal_plan_open(bal_plan **out, bal_ctx *ctx, const bal_engine *engine,
                                        const bal_graph *g, const bal_plan_settings *settings);
void bal_plan_close(bal_plan **plan);
void bal_plan_get_cost(const bal_plan *plan, bal_plan_cost *cost);
BAL_MUST_CHECK bal_status bal_plan_forward(bal_plan *plan, const bal_forward *how);
/* Output i of the last forward: batch x count floats. */
BAL_MUST_CHECK bal_status bal_plan_read_output(bal_plan *plan, int output, float *out);
/* Backward of the last forward, which may have run in training or in inference mode. Once per
 * forward. Needs a plan with settings.training. */
BAL_MUST_CHECK bal_status bal_plan_backward(bal_plan *plan, const bal_backward *how);
BAL_MUST_CHECK bal_status bal_plan_update(bal_plan *plan, const bal_update *how);
/* Whether a parameter has a part: VALUE always, AVERAGE and ASIDE where the plan was opened with
 * them, GRADIENT and MOMENTUM what is trained, SECOND with AdamW, SUM where the plan has it. */
bool bal_plan_has_part(const bal_plan *plan, int param, bal_param_part part);
/* Sums, copies and averages of all parameters, without leaving the engine's layouts. */
BAL_MUST_CHECK bal_status bal_plan_combine(bal_plan *plan, const bal_combine *how);
/* Exchanges two parts of all parameters that have both. */
BAL_MUST_CHECK bal_status bal_plan_exchange(bal_plan *plan, bal_param_part a, bal_param_part b);
/* The Euclidean length of a part of all parameters together, in double and independent of the
 * number of threads; not finite where a number of it is not. */
BAL_MUST_CHECK bal_status bal_plan_norm(const bal_plan *plan, bal_param_part part, double *norm);
/* Whole parameters, in torchvision's layout. BAL_BAD_ARG where the parameter has no such part. */
BAL_MUST_CHECK bal_status bal_plan_read_param(bal_plan *plan, int param, bal_param_part part,
                                              float *out);
BAL_MUST_CHECK bal_status bal_plan_write_param(bal_plan *plan, int param, bal_param_part part,
                                               const float *in);
/* A kept node of the last forward or backward: batch x C x H x W. */
BAL_MUST_CHECK bal_status bal_plan_read_node(bal_plan *plan, int node, bal_node_part part,
                                             float *out);
/* All parameters at once from weights that hold the graph's parameters in order (bal_weights_fit).
 */
BAL_MUST_CHECK bal_status bal_plan_load(bal_plan *plan, const bal_weights *weights);
/* The present values as weights in the graph's order; returns new. */
BAL_MUST_CHECK bal_status bal_plan_save(bal_plan *plan, bal_weights **out);

extern const bal_engine bal_engine_reference;
#ifdef BAL_WITH_ONEDNN
extern const bal_engine bal_engine_onednn;
#endif

#endif
