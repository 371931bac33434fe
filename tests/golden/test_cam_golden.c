/* Class activation maps on every engine against PyTorch's autograd; what ties them to the features;
 * and what is refused. cam.json is written by make_cam_golden.py. */
#include "ballast/cam.h"
#include "helpers/formula.h"
#include "helpers/formula_weights.h"
#include "helpers/helpers.h"
#include "helpers/near.h"
#include "helpers/runs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOLERANCE 1e-4

typedef struct network {
    bal_ctx *ctx;
    const json_t *golden, *one;
    char *folder;
    bal_shape input;
    int classes;
    int64_t count;
    bal_model *model;
    uint8_t *pixels;
} network;

static const char *text_of(const json_t *one, const char *key)
{
    const json_t *value = json_object_get(one, key);
    return json_is_string(value) ? json_string_value(value) : NULL;
}

static void make_pixels(network *n)
{
    const int64_t bytes = n->count * n->input.channels * n->input.height * n->input.width;
    const formula f = formula_of("cam");
    n->pixels = calloc((size_t)bytes, 1);
    assert_non_null(n->pixels);
    for (int64_t i = 0; i < bytes; i++)
        n->pixels[i] = (uint8_t)floor((unit_at(f, i) + 1.0) * 128.0);
}

static network *open_network(bal_ctx *ctx, const json_t *golden, size_t i, const char *engine)
{
    network *n = calloc(1, sizeof *n);
    assert_non_null(n);
    n->ctx = ctx;
    n->golden = golden;
    n->one = json_array_get(json_object_get(golden, "cases"), i);
    n->folder = test_folder();
    n->classes = (int)test_json_number(golden, "classes");
    n->count = (int64_t)test_json_number(golden, "count");
    n->input = (bal_shape){(int)test_json_item(n->one, "input", 0),
                           (int)test_json_item(n->one, "input", 1),
                           (int)test_json_item(n->one, "input", 2)};
    bal_model_settings how = bal_model_defaults();
    how.name = text_of(n->one, "model");
    how.head = text_of(n->one, "head");
    how.classes = n->classes;
    how.input = n->input;
    bal_graph *g;
    test_ok(ctx, bal_model_build(&g, ctx, &how));
    bal_weights *w = formula_weights(ctx, g);
    char path[4096];
    snprintf(path, sizeof path, "%s/w.safetensors", n->folder);
    test_ok(ctx, bal_weights_write(w, ctx, path));
    bal_weights_close(&w);
    bal_graph_close(&g);
    bal_predictor_settings s = bal_predictor_defaults();
    s.model = how.name;
    s.weights = path;
    s.head = how.head;
    s.channels = n->input.channels;
    s.height = n->input.height;
    s.width = n->input.width;
    s.engine = engine;
    for (int c = 0; c < 3; c++) {
        s.mean[c] = test_json_item(golden, "mean", c);
        s.std[c] = test_json_item(golden, "std", c);
    }
    test_ok(ctx, bal_model_open(&n->model, ctx, &s));
    make_pixels(n);
    return n;
}

static void close_network(network *n)
{
    bal_model_close(&n->model);
    test_folder_remove(n->folder);
    free(n->pixels);
    free(n);
}

/* The golden script takes every feature but k % 3 == 1. */
static bool *some_features(const network *n, int features)
{
    bool *some = calloc((size_t)(n->classes * features), sizeof *some);
    assert_non_null(some);
    for (int i = 0; i < n->classes * features; i++)
        some[i] = i % features % 3 != 1;
    return some;
}

static void compare(network *n, const char *engine, int batch)
{
    bal_cam_settings s = bal_cam_defaults();
    s.kind = text_of(n->one, "kind");
    s.layer = text_of(n->one, "layer");
    s.engine = engine;
    s.batch_size = batch;
    bal_cam *cam;
    test_ok(n->ctx, bal_cam_open(&cam, n->ctx, n->model, &s));
    const bal_shape shape = bal_cam_shape(cam);
    assert_int_equal(shape.channels, (int)test_json_item(n->one, "shape", 0));
    assert_int_equal(shape.height, (int)test_json_item(n->one, "shape", 1));
    assert_int_equal(shape.width, (int)test_json_item(n->one, "shape", 2));
    const int64_t area = (int64_t)shape.height * shape.width, all = n->count * area;
    float *maps = calloc((size_t)all, sizeof *maps), *want = calloc((size_t)all, sizeof *want);
    int32_t classes[8], predicted[8];
    float probability[8];
    assert_true(maps && want && n->count <= 8);
    bool *some = json_object_get(n->one, "some") ? some_features(n, shape.channels) : NULL;
    for (int64_t i = 0; i < n->count; i++)
        classes[i] = (int32_t)test_json_item(n->one, "classes", (int)i);
    for (int64_t i = 0; i < all; i++)
        want[i] = (float)test_json_item(n->one, "maps", (int)i);
    test_ok(n->ctx, bal_cam_maps(cam, &(bal_cam_ask){.pixels = n->pixels,
                                                     .count = n->count,
                                                     .classes = classes,
                                                     .features = some,
                                                     .maps = maps,
                                                     .predicted = predicted,
                                                     .probability = probability}));
    char what[128];
    snprintf(what, sizeof what, "%s of %s at %s, %s", s.kind, text_of(n->one, "model"),
             bal_cam_layer(cam), engine);
    test_close(what, want, maps, all, TOLERANCE);
    for (int64_t i = 0; i < n->count; i++) {
        assert_int_equal(predicted[i], (int)test_json_item(n->one, "predicted", (int)i));
        test_near("probability", test_json_item(n->one, "probability", (int)i),
                  (double)probability[i], TOLERANCE);
    }
    bal_cam_close(&cam);
    free(some);
    free(maps);
    free(want);
}

static void agree_with_autograd(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    json_t *golden = test_json_file(test_path(BAL_TEST_DATA, "cam.json"));
    const size_t count = json_array_size(json_object_get(golden, "cases"));
    assert_true(count > 0);
    for (int e = 0; bal_engine_at(e); e++)
        for (size_t i = 0; i < count; i++) {
            network *n = open_network(ctx, golden, i, bal_engine_at(e)->name);
            compare(n, bal_engine_at(e)->name, i % 2 ? 2 : 7); /* in parts, and at once */
            close_network(n);
        }
    json_decref(golden);
    bal_ctx_close(&ctx);
}

/* The sum of the signed map is the logit less the bias: what the classification embedding sums to.
 */
static void sums_to_the_embedding(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    json_t *golden = test_json_file(test_path(BAL_TEST_DATA, "cam.json"));
    network *n = open_network(ctx, golden, 4, "reference");
    bal_cam_settings s = bal_cam_defaults();
    s.kind = "ce";
    bal_cam *cam;
    test_ok(ctx, bal_cam_open(&cam, ctx, n->model, &s));
    const bal_shape shape = bal_cam_shape(cam);
    const int area = shape.height * shape.width;
    float *maps = calloc((size_t)(n->count * area), sizeof *maps);
    float *logits = calloc((size_t)(n->count * n->classes), sizeof *logits);
    assert_true(maps && logits);
    int32_t predicted[8];
    test_ok(ctx, bal_cam_maps(cam, &(bal_cam_ask){.pixels = n->pixels,
                                                  .count = n->count,
                                                  .maps = maps,
                                                  .predicted = predicted}));
    test_ok(ctx, bal_model_logits(n->model, n->pixels, n->count, logits));
    const formula bias = formula_of("fc.bias");
    for (int64_t i = 0; i < n->count; i++) {
        double sum = (double)(float)(0.25 * unit_at(bias, predicted[i]));
        for (int p = 0; p < area; p++)
            sum += (double)maps[i * area + p];
        test_near("sum of the map and bias", (double)logits[i * n->classes + predicted[i]], sum,
                  1e-4);
    }
    bal_cam_close(&cam);
    free(maps);
    free(logits);
    close_network(n);
    json_decref(golden);
    bal_ctx_close(&ctx);
}

static void must_refuse(network *n, bal_cam_settings s, bal_status status, const char *words)
{
    bal_cam *cam;
    s.engine = "reference";
    assert_int_equal(bal_cam_open(&cam, n->ctx, n->model, &s), status);
    assert_null(cam);
    if (!strstr(bal_error(n->ctx), words))
        fail_msg("\"%s\" lacks \"%s\"", bal_error(n->ctx), words);
}

static void refuses_with_a_reason(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    json_t *golden = test_json_file(test_path(BAL_TEST_DATA, "cam.json"));
    network *lenet = open_network(ctx, golden, 3, "reference");
    network *resnet = open_network(ctx, golden, 0, "reference");
    const int batch = bal_cam_defaults().batch_size;
    must_refuse(lenet, (bal_cam_settings){"ce", NULL, batch, NULL}, BAL_MISMATCH, "gradcam works");
    must_refuse(resnet, (bal_cam_settings){"ce", "conv1", batch, NULL}, BAL_BAD_ARG, "pooling");
    must_refuse(resnet, (bal_cam_settings){"cam", NULL, batch, NULL}, BAL_BAD_ARG, "gradcam or ce");
    must_refuse(resnet, (bal_cam_settings){"gradcam", "layer3.0.conv3", batch, NULL}, BAL_BAD_ARG,
                "did you mean \"layer3.0.conv");
    must_refuse(resnet, (bal_cam_settings){"gradcam", "fc", batch, NULL}, BAL_BAD_ARG,
                "single position");
    must_refuse(resnet, (bal_cam_settings){"gradcam", NULL, 0, NULL}, BAL_BAD_ARG, "batch_size");
    bal_cam *cam;
    test_ok(ctx, bal_cam_open(&cam, ctx, resnet->model, NULL));
    float maps[3 * 200];
    const int32_t classes[] = {0, resnet->classes, 1};
    assert_int_equal(
        bal_cam_maps(
            cam,
            &(bal_cam_ask){.pixels = resnet->pixels, .count = 3, .classes = classes, .maps = maps}),
        BAL_BAD_ARG);
    assert_non_null(strstr(bal_error(ctx), "class of image 1 is 5"));
    bal_cam_close(&cam);
    close_network(resnet);
    close_network(lenet);
    json_decref(golden);
    bal_ctx_close(&ctx);
}

static bal_status attempt(bal_ctx *ctx, void *user)
{
    bal_cam *cam;
    const bal_status status = bal_cam_open(&cam, ctx, user, NULL);
    bal_cam_close(&cam);
    return status;
}

static void survives_failing_allocations(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    json_t *golden = test_json_file(test_path(BAL_TEST_DATA, "cam.json"));
    network *n = open_network(ctx, golden, 0, "reference");
    test_allocation_failures(attempt, n->model);
    close_network(n);
    json_decref(golden);
    bal_ctx_close(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agree_with_autograd),
        cmocka_unit_test(sums_to_the_embedding),
        cmocka_unit_test(refuses_with_a_reason),
        cmocka_unit_test(survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
