/* CIFAR ResNets (He et al. 2016, section 4.2): a 3x3 convolution, three groups of (depth - 2) / 6
 * blocks with widths 16, 32, 64, global average pooling. Shortcuts have no parameters: where the
 * size halves, every second position with zero channels around. Names are those of the usual
 * PyTorch ports. */
#include "net/models/model.h"

#include <stdio.h>

static int conv_bn(bal_graph *g, const char *prefix, int number, int x, const bal_conv2d *conv)
{
    char name[64];
    snprintf(name, sizeof name, "%sconv%d", prefix, number);
    x = bal_add_conv2d(g, name, x, conv);
    snprintf(name, sizeof name, "%sbn%d", prefix, number);
    return bal_add_batch_norm(g, name, x);
}

static int block(bal_graph *g, const char *prefix, int x, int in, int out)
{
    const int stride = in == out ? 1 : 2;
    bal_conv2d conv = {
        .out_channels = out, .kernel = {3, 3}, .stride = {stride, stride}, .padding = {1, 1}};
    int y = bal_add_relu(g, conv_bn(g, prefix, 1, x, &conv));
    conv.stride[0] = conv.stride[1] = 1;
    y = conv_bn(g, prefix, 2, y, &conv);
    const int grown = (out - in) / 2;
    const int shortcut = in == out ? x : bal_add_pad_shortcut(g, x, stride, grown, grown);
    return bal_add_relu(g, bal_add_add(g, y, shortcut));
}

int bal_cifar_resnet_trunk(bal_graph *g, int image, const bal_model_settings *settings, int depth)
{
    const bal_conv2d first = {.out_channels = 16, .kernel = {3, 3}, .padding = {1, 1}};
    int x = bal_add_relu(g, conv_bn(g, "", 1, image, &first));
    int in = 16;
    for (int layer = 1, out = 16; layer <= 3; layer++, out *= 2) {
        for (int i = 0; i < (depth - 2) / 6; i++) {
            char prefix[32];
            snprintf(prefix, sizeof prefix, "layer%d.%d.", layer, i);
            x = block(g, prefix, x, in, out);
            in = out;
        }
        x = bal_model_mix_place(g, x, settings, layer);
    }
    return bal_add_flatten(g, bal_add_global_avg_pool(g, x));
}
