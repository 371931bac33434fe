/* The table of heads: the last layer of every model, from features to logits. */
#ifndef BAL_HEADS_H
#define BAL_HEADS_H

#include "net/graph.h"

typedef struct bal_head {
    bal_head_info info;
    int (*add)(bal_graph *g, const char *name, int features, const bal_model_settings *s);
    bool bias;  /* it has a parameter NAME.bias, one number a class */
    bool norms; /* the norm of a row of NAME.weight makes a difference */
    bool rows;  /* z_j - b_j is a multiple of w_j f that depends on the class alone */
} bal_head;

/* NULL: there is none of that name. */
const bal_head *bal_head_find(const char *name);

/* Adds the head "fc" on node x, and the outputs of a model. */
int bal_head_add(bal_graph *g, const bal_model_settings *s, int x, int features);
/* A head alone: the input "features" of so many numbers, the outputs "logits" and "features", as
 * models number them; parameters have the names that they have in a model. */
BAL_MUST_CHECK bal_status bal_head_build(bal_graph **out, bal_ctx *ctx, const bal_model_settings *s,
                                         int features);

/* The head of a finished graph: the node that makes "logits", and its parameters NAME.weight and
 * NAME.bias; -1 where there is none. All parameters of that node are the head's. */
typedef struct bal_head_params {
    int node, weight, bias;
} bal_head_params;
bal_head_params bal_head_params_of(const bal_graph *g);

#endif
