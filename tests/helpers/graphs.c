/* Small graphs; see graphs.h. */
#include "helpers/graphs.h"

#include "helpers/helpers.h"

static bal_graph *model(bal_ctx *ctx, const char *name, bal_shape input, const char *head,
                        double dropout)
{
    bal_model_settings s = bal_model_defaults();
    s.name = name;
    s.classes = 5;
    s.input = input;
    s.head = head;
    s.dropout = dropout;
    s.scale = 4.0;
    bal_graph *g;
    test_ok(ctx, bal_model_build(&g, ctx, &s));
    return g;
}

bal_graph *test_graph_resnet(bal_ctx *ctx)
{
    return model(ctx, "resnet8", (bal_shape){3, 11, 9}, "linear", 0.0);
}

bal_graph *test_graph_lenet(bal_ctx *ctx)
{
    return model(ctx, "lenet", (bal_shape){1, 10, 9}, "cosine", 0.3);
}

bal_graph *test_graph_knot(bal_ctx *ctx)
{
    bal_graph *g;
    test_ok(ctx, bal_graph_open(&g, ctx));
    const int x = bal_add_input(g, "x", (bal_shape){3, 9, 8});
    const int side = bal_add_input(g, "side", (bal_shape){6, 1, 1});
    const bal_conv2d wide = {.out_channels = 17, .kernel = {3, 3}, .padding = {1, 1}};
    const bal_conv2d depthwise = {
        .out_channels = 17, .kernel = {3, 3}, .padding = {1, 1}, .groups = 17};
    const bal_conv2d strided = {
        .out_channels = 12, .kernel = {1, 1}, .stride = {2, 2}, .bias = true};
    const bal_conv2d grouped = {.out_channels = 12,
                                .kernel = {3, 3},
                                .stride = {2, 2},
                                .padding = {2, 2},
                                .dilation = {2, 2},
                                .groups = 1};
    const int bn = bal_add_batch_norm(g, "stem.bn", bal_add_conv2d(g, "stem.conv", x, &wide));
    const int a = bal_add_relu(g, bn);
    const int b = bal_add_batch_norm(g, "b.bn", bal_add_conv2d(g, "b.conv", a, &depthwise));
    const int sum = bal_add_add(g, b, bn);
    const int c = bal_add_relu(g, sum);
    const int left = bal_add_conv2d(g, "left", c, &strided);
    const int right = bal_add_batch_norm(g, "right.bn", bal_add_conv2d(g, "right", c, &grouped));
    const int joined = bal_add_add(g, left, right);
    const bal_pool2d padded = {.kernel = {3, 3}, .stride = {2, 2}, .padding = {1, 1}};
    const bal_pool2d counted = {
        .kernel = {3, 3}, .stride = {2, 2}, .padding = {1, 1}, .count_include_pad = true};
    const int pooled =
        bal_add_add(g, bal_add_max_pool(g, joined, &padded), bal_add_avg_pool(g, joined, &counted));
    const int flat = bal_add_flatten(g, bal_add_global_avg_pool(g, bal_add_relu(g, pooled)));
    const int mixed = bal_add_add(g, bal_add_linear(g, "project", side, 12, true), flat);
    bal_graph_output(g, "map", joined);
    bal_graph_output(g, "features", mixed);
    bal_graph_output(g, "logits", bal_add_linear(g, "fc", bal_add_relu(g, mixed), 5, true));
    test_ok(ctx, bal_graph_finish(g));
    return g;
}

static const test_graph all[] = {
    {"resnet8", test_graph_resnet}, {"lenet", test_graph_lenet}, {"knot", test_graph_knot}};

const test_graph *test_graph_at(int i)
{
    return i >= 0 && i < (int)BAL_COUNT_OF(all) ? &all[i] : NULL;
}
