/* Graphs: names, shapes, errors of the builders, models. */
#include "helpers/helpers.h"
#include "net/op.h"

#include <string.h>

static const bal_conv2d conv3 = {.out_channels = 4, .kernel = {3, 3}, .padding = {1, 1}};

static bal_graph *open_graph(bal_ctx *ctx)
{
    bal_graph *g;
    test_ok(ctx, bal_graph_open(&g, ctx));
    return g;
}

static void shape_is(bal_shape s, int channels, int height, int width)
{
    assert_int_equal(s.channels, channels);
    assert_int_equal(s.height, height);
    assert_int_equal(s.width, width);
}

static void names_shapes_and_parameters(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_graph *g = open_graph(ctx);
    const int x = bal_add_input(g, "image", (bal_shape){3, 9, 7});
    bal_conv2d grouped = conv3;
    grouped.out_channels = 6;
    grouped.groups = 3;
    grouped.stride[0] = 2;
    grouped.dilation[1] = 2;
    grouped.bias = true;
    const int conv = bal_add_conv2d(g, "a.conv", x, &grouped);
    const int norm = bal_add_batch_norm(g, "a.bn", conv);
    const int relu = bal_add_relu(g, norm);
    const int pool = bal_add_max_pool(
        g, relu, &(bal_pool2d){.kernel = {3, 2}, .stride = {2, 0}, .padding = {1, 0}});
    const int flat = bal_add_flatten(g, pool);
    const int fc = bal_add_linear(g, "fc", flat, 5, true);
    bal_graph_output(g, "logits", fc);
    bal_graph_output(g, "map", relu);
    test_ok(ctx, bal_graph_finish(g));
    test_ok(ctx, bal_graph_finish(g)); /* twice is fine */

    assert_int_equal(bal_graph_nodes(g), 7);
    assert_string_equal(bal_graph_node_name(g, conv), "a.conv");
    assert_string_equal(bal_graph_node_name(g, relu), "relu_3");
    assert_string_equal(bal_graph_node_op(g, pool), "max_pool");
    shape_is(bal_graph_node_shape(g, conv), 6, 5, 5);
    shape_is(bal_graph_node_shape(g, pool), 6, 3, 2);
    shape_is(bal_graph_node_shape(g, flat), 36, 1, 1);
    assert_int_equal(bal_graph_find_node(g, "a.bn"), norm);
    assert_int_equal(bal_graph_find_node(g, "a"), -1);
    assert_int_equal(bal_graph_outputs(g), 2);
    assert_int_equal(bal_graph_output_node(g, bal_graph_find_output(g, "map")), relu);
    assert_int_equal(bal_graph_find_output(g, "image"), -1);
    assert_int_equal(bal_graph_output_node(g, 2), -1);
    assert_int_equal(bal_graph_inputs(g), 1);
    assert_int_equal(bal_graph_input_node(g, 0), x);
    assert_int_equal(bal_graph_input_node(g, 1), -1);
    assert_null(bal_graph_node_name(g, 7));
    assert_null(bal_graph_node_op(g, -1));
    shape_is(bal_graph_node_shape(g, 99), 0, 0, 0);

    static const char *const names[] = {
        "a.conv.weight",     "a.conv.bias",      "a.bn.weight", "a.bn.bias",
        "a.bn.running_mean", "a.bn.running_var", "fc.weight",   "fc.bias"};
    assert_int_equal(bal_graph_params(g), 8);
    for (int i = 0; i < 8; i++) {
        assert_string_equal(bal_graph_param(g, i)->name, names[i]);
        assert_int_equal(bal_graph_find_param(g, names[i]), i);
        assert_int_equal(bal_graph_param(g, i)->learned, i != 4 && i != 5);
    }
    assert_null(bal_graph_param(g, 8));
    assert_int_equal(bal_graph_find_param(g, "fc"), -1);
    const bal_param_info *w = bal_graph_param(g, 0);
    assert_int_equal(w->dims, 4);
    const int64_t shape[] = {6, 1, 3, 3};
    assert_memory_equal(w->shape, shape, sizeof shape);
    assert_int_equal(w->count, 54);
    assert_int_equal(w->node, conv);
    assert_int_equal(bal_graph_learned_count(g), 54 + 6 + 12 + 36 * 5 + 5);
    /* convolution, batch norm, relu, pool, linear */
    const double flops = 150 * (2 * 9 + 1) + 2 * 150 + 150 + 36 * 6 + 5 * (2 * 36 + 1);
    assert_true(bal_graph_flops(g) == flops);
    bal_graph_close(&g);
    assert_null(g);
    bal_graph_close(&g);
    bal_ctx_close(&ctx);
}

/* ---- one builder call that must fail, and words of the sentence ---- */
static void bad_name(bal_graph *g, int x)
{
    bal_add_conv2d(g, NULL, x, &conv3);
}
static void double_name(bal_graph *g, int x)
{
    bal_add_batch_norm(g, "a", bal_add_conv2d(g, "a", x, &conv3));
}
static void no_such_node(bal_graph *g, int x)
{
    bal_add_relu(g, x + 1);
}
static void negative_node(bal_graph *g, int x)
{
    bal_add_add(g, x, -1);
}
static void no_channels(bal_graph *g, int x)
{
    bal_add_conv2d(g, "c", x, &(bal_conv2d){.kernel = {1, 1}});
}
static void no_kernel(bal_graph *g, int x)
{
    bal_add_conv2d(g, "c", x, &(bal_conv2d){.out_channels = 1});
}
static void negative_stride(bal_graph *g, int x)
{
    bal_add_conv2d(g, "c", x,
                   &(bal_conv2d){.out_channels = 1, .kernel = {1, 1}, .stride = {1, -1}});
}
static void window_too_large(bal_graph *g, int x)
{
    bal_add_conv2d(g, "c", x,
                   &(bal_conv2d){.out_channels = 1, .kernel = {3, 3}, .dilation = {9, 1}});
}
static void groups(bal_graph *g, int x)
{
    bal_add_conv2d(g, "c", x, &(bal_conv2d){.out_channels = 4, .kernel = {1, 1}, .groups = 2});
}
static void pool_padding(bal_graph *g, int x)
{
    bal_add_max_pool(g, x, &(bal_pool2d){.kernel = {2, 2}, .padding = {2, 0}});
}
static void sum_of_different(bal_graph *g, int x)
{
    bal_add_add(g, x, bal_add_conv2d(g, "c", x, &conv3));
}
static void linear_on_map(bal_graph *g, int x)
{
    bal_add_linear(g, "fc", x, 5, true);
}
static void cosine_scale(bal_graph *g, int x)
{
    bal_add_cosine_linear(g, "fc", bal_add_flatten(g, x), 5, -1.0);
}
static void dropout_all(bal_graph *g, int x)
{
    bal_add_dropout(g, x, 1.0);
}
static void unflatten_map(bal_graph *g, int x)
{
    bal_add_unflatten(g, x, (bal_shape){3, 8, 9});
}

static void unflatten_rest(bal_graph *g, int x)
{
    (void)x;
    bal_add_unflatten(g, bal_add_input(g, "vector", (bal_shape){27, 1, 1}), (bal_shape){2, 3, 4});
}

static void upsample_none(bal_graph *g, int x)
{
    bal_add_upsample(g, x, 0);
}

static void shortcut_stride(bal_graph *g, int x)
{
    bal_add_pad_shortcut(g, x, 0, 1, 1);
}
static void mix_nowhere(bal_graph *g, int x)
{
    bal_add_batch_mix(g, x, 0);
}

static void huge_parameter(bal_graph *g, int x)
{
    bal_add_linear(g, "fc", bal_add_flatten(g, x), 1 << 24, true);
}
static void huge_result(bal_graph *g, int x)
{
    bal_add_conv2d(
        g, "c", x,
        &(bal_conv2d){.out_channels = 9, .kernel = {1, 1}, .padding = {1 << 20, 1 << 20}});
}
static void second_input_of_size_0(bal_graph *g, int x)
{
    (void)x;
    bal_add_input(g, "more", (bal_shape){1, 0, 1});
}
static void nine_inputs(bal_graph *g, int x)
{
    (void)x;
    for (int i = 0; i < BAL_GRAPH_MAX_INPUTS; i++) {
        const char name[] = {(char)('a' + i), 0};
        bal_add_input(g, name, (bal_shape){1, 1, 1});
    }
}
static void output_of_nothing(bal_graph *g, int x)
{
    bal_graph_output(g, "o", x + 7);
}
static void output_without_name(bal_graph *g, int x)
{
    bal_graph_output(g, "", bal_add_relu(g, x));
}
static void output_is_input(bal_graph *g, int x)
{
    bal_graph_output(g, "o", x);
}
static void outputs_of_one_name(bal_graph *g, int x)
{
    const int y = bal_add_relu(g, x);
    bal_graph_output(g, "o", y);
    bal_graph_output(g, "o", y);
}
static void no_output(bal_graph *g, int x)
{
    bal_add_relu(g, x);
}
static void unused_node(bal_graph *g, int x)
{
    bal_graph_output(g, "o", bal_add_relu(g, x));
    bal_add_conv2d(g, "lost", x, &conv3);
}

static void bad_graphs_are_told(void **state)
{
    (void)state;
    static const struct {
        void (*build)(bal_graph *g, int x);
        bal_status status;
        const char *word, *other;
    } rows[] = {
        {bad_name, BAL_BAD_ARG, "name", "node"},
        {double_name, BAL_BAD_ARG, "\"a\"", "twice"},
        {no_such_node, BAL_BAD_ARG, "relu", "node 1"},
        {negative_node, BAL_BAD_ARG, "add", "-1"},
        {no_channels, BAL_MISMATCH, "node c", "channels"},
        {no_kernel, BAL_MISMATCH, "kernel", "0"},
        {negative_stride, BAL_MISMATCH, "stride", "-1"},
        {window_too_large, BAL_MISMATCH, "19", "height 8"},
        {groups, BAL_MISMATCH, "2 groups", "3 channels"},
        {pool_padding, BAL_MISMATCH, "padding", "half"},
        {sum_of_different, BAL_MISMATCH, "3 x 8 x 9", "4 x 8 x 9"},
        {linear_on_map, BAL_MISMATCH, "flat", "3 x 8 x 9"},
        {cosine_scale, BAL_MISMATCH, "scale", "-1"},
        {dropout_all, BAL_MISMATCH, "dropout", "1"},
        {shortcut_stride, BAL_MISMATCH, "stride", "0"},
        {unflatten_map, BAL_MISMATCH, "flat", "3 x 8 x 9"},
        {unflatten_rest, BAL_MISMATCH, "27 numbers", "2 x 3 x 4"},
        {upsample_none, BAL_MISMATCH, "scale factor", "0"},
        {mix_nowhere, BAL_MISMATCH, "place", "0"},
        {huge_parameter, BAL_MISMATCH, "weight", "numbers"},
        {huge_result, BAL_MISMATCH, "too large", "node c"},
        {second_input_of_size_0, BAL_MISMATCH, "more", "1 x 0 x 1"},
        {nine_inputs, BAL_BAD_ARG, "at most", "inputs"},
        {output_of_nothing, BAL_BAD_ARG, "output o", "node 7"},
        {output_without_name, BAL_BAD_ARG, "name", "output"},
        {output_is_input, BAL_BAD_ARG, "output o", "image"},
        {outputs_of_one_name, BAL_BAD_ARG, "two outputs", "\"o\""},
        {no_output, BAL_BAD_ARG, "no output", "graph"},
        {unused_node, BAL_BAD_ARG, "lost", "not used"},
    };
    bal_ctx *ctx = test_ctx();
    for (size_t i = 0; i < BAL_COUNT_OF(rows); i++) {
        bal_graph *g = open_graph(ctx);
        const int x = bal_add_input(g, "image", (bal_shape){3, 8, 9});
        rows[i].build(g, x);
        (void)bal_fail(ctx, BAL_IO, "something else happened in between");
        test_fails(ctx, bal_graph_finish(g), rows[i].status, rows[i].word, rows[i].other, NULL);
        bal_graph_close(&g);
    }
    bal_ctx_close(&ctx);
}

static void first_failure_stays(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_graph *g = open_graph(ctx);
    const int x = bal_add_input(g, "image", (bal_shape){3, 8, 9});
    assert_int_equal(bal_add_relu(g, 5), -1);
    assert_int_equal(bal_add_relu(g, x), -1);
    assert_int_equal(bal_add_dropout(g, x, 7.0), -1);
    bal_graph_output(g, "y", x);
    test_fails(ctx, bal_graph_finish(g), BAL_BAD_ARG, "relu", "node 5", NULL);
    bal_graph_close(&g);
    g = open_graph(ctx);
    bal_graph_output(g, "y", bal_add_relu(g, bal_add_input(g, "x", (bal_shape){1, 1, 1})));
    test_ok(ctx, bal_graph_finish(g));
    assert_int_equal(bal_add_relu(g, 0), -1);
    test_fails(ctx, bal_graph_finish(g), BAL_BAD_ARG, "finished", NULL);
    bal_graph_close(&g);
    bal_ctx_close(&ctx);
}

/* ---- models ---- */
static bal_graph *build(bal_ctx *ctx, const char *name, bal_shape input, int classes)
{
    bal_model_settings s = bal_model_defaults();
    s.name = name;
    s.input = input;
    s.classes = classes;
    bal_graph *g;
    test_ok(ctx, bal_model_build(&g, ctx, &s));
    return g;
}

/* The papers' counts: He et al. 2016 (0.27, 0.46, 0.66, 0.85 and 1.7 million), exactly as in the
 * usual ports with 10 classes. */
static void models_have_the_known_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t learned;
    } rows[] = {{"resnet8", 75290},   {"resnet20", 269722}, {"resnet32", 464154},
                {"resnet44", 658586}, {"resnet56", 853018}, {"resnet110", 1727962}};
    bal_ctx *ctx = test_ctx();
    for (size_t i = 0; i < BAL_COUNT_OF(rows); i++) {
        bal_graph *g = build(ctx, rows[i].name, (bal_shape){3, 32, 32}, 10);
        assert_int_equal(bal_graph_learned_count(g), rows[i].learned);
        bal_graph_close(&g);
    }
    bal_ctx_close(&ctx);
}

static void every_model_takes_any_size(void **state)
{
    (void)state;
    static const bal_shape sizes[] = {{1, 4, 4}, {1, 28, 28}, {3, 32, 32}, {3, 33, 47}, {3, 7, 5}};
    bal_ctx *ctx = test_ctx();
    for (int m = 0; bal_model_at(m); m++)
        for (size_t i = 0; i < BAL_COUNT_OF(sizes); i++) {
            bal_graph *g = build(ctx, bal_model_at(m)->name, sizes[i], 7);
            assert_int_equal(bal_graph_inputs(g), 1);
            assert_string_equal(bal_graph_node_name(g, bal_graph_input_node(g, 0)), "image");
            const int logits = bal_graph_output_node(g, bal_graph_find_output(g, "logits"));
            const int features = bal_graph_output_node(g, bal_graph_find_output(g, "features"));
            shape_is(bal_graph_node_shape(g, logits), 7, 1, 1);
            assert_int_equal(bal_graph_node_shape(g, features).height, 1);
            assert_true(bal_graph_find_param(g, "fc.weight") >= 0);
            assert_true(bal_graph_find_param(g, "fc.bias") >= 0);
            assert_non_null(bal_model_at(m)->about);
            assert_non_null(bal_model_at(m)->source);
            bal_graph_close(&g);
        }
    bal_ctx_close(&ctx);
}

static void heads_and_names(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_model_settings s = bal_model_defaults();
    s.name = "resnet8";
    s.head = "cosine";
    s.dropout = 0.5;
    bal_graph *g;
    test_ok(ctx, bal_model_build(&g, ctx, &s));
    assert_int_equal(bal_graph_find_param(g, "fc.bias"), -1);
    assert_true(bal_graph_find_param(g, "layer3.0.bn2.running_var") > 0);
    const int fc = bal_graph_find_node(g, "fc");
    assert_true(g->nodes[fc].settings.scale == 30.0);
    assert_string_equal(bal_graph_node_op(g, g->nodes[fc].input[0]), "dropout");
    assert_int_equal(bal_graph_output_node(g, 1), g->nodes[g->nodes[fc].input[0]].input[0]);
    bal_graph_close(&g);
    bal_ctx_close(&ctx);
}

static void bad_models_are_told(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    const bal_model_settings good = bal_model_defaults();
    bal_graph *g;
    bal_model_settings s = good;
    s.name = "resnet2";
    test_fails(ctx, bal_model_build(&g, ctx, &s), BAL_BAD_ARG, "resnet2", "did you mean", NULL);
    assert_null(g);
    s.name = NULL;
    test_fails(ctx, bal_model_build(&g, ctx, &s), BAL_BAD_ARG, "no model", NULL);
    s = good;
    s.classes = 1;
    test_fails(ctx, bal_model_build(&g, ctx, &s), BAL_BAD_ARG, "classes is 1", NULL);
    s = good;
    s.head = "cosin";
    test_fails(ctx, bal_model_build(&g, ctx, &s), BAL_BAD_ARG, "cosin", "did you mean \"cosine\"",
               NULL);
    s = good;
    s.dropout = 1.0;
    test_fails(ctx, bal_model_build(&g, ctx, &s), BAL_BAD_ARG, "dropout", NULL);
    s = good;
    s.input = (bal_shape){3, 32, 3};
    test_fails(ctx, bal_model_build(&g, ctx, &s), BAL_MISMATCH, "32 x 3", "resnet20", NULL);
    s.input = (bal_shape){0, 32, 32};
    test_fails(ctx, bal_model_build(&g, ctx, &s), BAL_MISMATCH, "0 channels", NULL);
    s = good;
    s.head = "cosine";
    s.scale = 0.0;
    test_fails(ctx, bal_model_build(&g, ctx, &s), BAL_MISMATCH, "resnet20", "scale", NULL);
    bal_ctx_close(&ctx);
}

static bal_status build_and_close(bal_ctx *ctx, void *user)
{
    bal_model_settings s = bal_model_defaults();
    s.name = user;
    bal_graph *g;
    const bal_status status = bal_model_build(&g, ctx, &s);
    if (status != BAL_OK)
        assert_null(g);
    bal_graph_close(&g);
    return status;
}

static void memory_may_run_out(void **state)
{
    (void)state;
    char resnet[] = "resnet8", lenet[] = "lenet";
    test_allocation_failures(build_and_close, resnet);
    test_allocation_failures(build_and_close, lenet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_shapes_and_parameters),
        cmocka_unit_test(bad_graphs_are_told),
        cmocka_unit_test(first_failure_stays),
        cmocka_unit_test(models_have_the_known_sizes),
        cmocka_unit_test(every_model_takes_any_size),
        cmocka_unit_test(heads_and_names),
        cmocka_unit_test(bad_models_are_told),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
