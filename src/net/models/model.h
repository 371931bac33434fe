/* The table of models: a family builds the trunk, the list adds dropout, head and outputs. */
#ifndef BAL_MODEL_H
#define BAL_MODEL_H

#include "net/graph.h"

/* Builds everything before the head on the node `image` and returns the flat feature node. */
typedef int bal_model_trunk_fn(bal_graph *g, int image, int depth);

typedef struct bal_model {
    bal_model_info info;
    bal_model_trunk_fn *trunk;
    int depth;    /* what the family makes of it: layers */
    int min_size; /* of height and width */
} bal_model;

bal_model_trunk_fn bal_cifar_resnet_trunk, bal_lenet_trunk;

#endif
