/* The table of models: a family builds the trunk, the list adds dropout, head and outputs. */
#ifndef BAL_MODEL_H
#define BAL_MODEL_H

#include "net/graph.h"

/* Builds everything before the head on the node `image` and returns the flat feature node. */
typedef int bal_model_trunk_fn(bal_graph *g, int image, const bal_model_settings *settings,
                               int depth);

typedef struct bal_model {
    bal_model_info info;
    bal_model_trunk_fn *trunk;
    int depth;    /* what the family makes of it: layers */
    int min_size; /* of height and width */
} bal_model;

/* The place that a trunk offers to manifold mixup: x, or a batch_mix node on it where the settings
 * want such. Every trunk has BAL_MODEL_MIX_PLACES of them. */
static inline int bal_model_mix_place(bal_graph *g, int x, const bal_model_settings *settings,
                                      int place)
{
    return settings->mix_places && place <= BAL_MODEL_MIX_PLACES ? bal_add_batch_mix(g, x, place)
                                                                 : x;
}

bal_model_trunk_fn bal_cifar_resnet_trunk, bal_lenet_trunk;

#endif
