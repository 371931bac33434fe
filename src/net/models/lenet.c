/* A small LeNet-style net after LeCun et al. 1998: two 5x5 convolutions, each with ReLU and 2x2 max
 * pooling, and one hidden layer. The convolutions keep the size, so any image of 4 x 4 or more
 * fits. */
#include "net/models/model.h"

static int stage(bal_graph *g, const char *name, int x, int out)
{
    const bal_conv2d conv = {
        .out_channels = out, .kernel = {5, 5}, .padding = {2, 2}, .bias = true};
    x = bal_add_relu(g, bal_add_conv2d(g, name, x, &conv));
    return bal_add_max_pool(g, x, &(bal_pool2d){.kernel = {2, 2}});
}

int bal_lenet_trunk(bal_graph *g, int image, const bal_model_settings *settings, int depth)
{
    (void)depth;
    int x = bal_model_mix_place(g, stage(g, "conv1", image, 16), settings, 1);
    x = bal_model_mix_place(g, stage(g, "conv2", x, 32), settings, 2);
    x = bal_add_linear(g, "fc1", bal_add_flatten(g, x), 128, true);
    return bal_add_relu(g, x);
}
