/* See golden_net.h. */
#include "helpers/golden_net.h"

#include "helpers/formula.h"
#include "helpers/formula_weights.h"
#include "helpers/helpers.h"
#include "helpers/near.h"
#include "helpers/pictures.h"
#include "helpers/runs.h"
#include "net/op.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- the golden file ---- */

double test_golden_number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_number(value))
        fail_msg("the golden file has no number %s", key);
    return json_number_value(value);
}

int test_golden_whole(const json_t *object, const char *key)
{
    return (int)test_golden_number(object, key);
}

bal_shape test_golden_shape(const json_t *one)
{
    const json_t *s = json_object_get(one, "input");
    assert_int_equal(json_array_size(s), 3);
    return (bal_shape){(int)json_integer_value(json_array_get(s, 0)),
                       (int)json_integer_value(json_array_get(s, 1)),
                       (int)json_integer_value(json_array_get(s, 2))};
}

void test_golden_losses(const char *what, const json_t *one, const double *losses, int count)
{
    const json_t *want = json_object_get(one, "losses");
    assert_int_equal(json_array_size(want), count);
    for (int i = 0; i < count; i++) {
        const double value = json_number_value(json_array_get(want, (size_t)i));
        test_near(what, value, losses[i], TEST_GOLDEN_TOLERANCE * fabs(value));
    }
}

void test_golden_param(const char *what, const json_t *params, const char *name, const float *got,
                       int64_t count)
{
    const json_t *want = json_object_get(params, name);
    const size_t places = json_array_size(want) - 2;
    char text[256];
    snprintf(text, sizeof text, "%s: %s", what, name);
    if (json_array_size(want) < 3)
        fail_msg("%s is not in the golden file", text);
    const double rms = json_number_value(json_array_get(want, places + 1));
    for (size_t i = 0; i < places; i++)
        test_near(text, json_number_value(json_array_get(want, i)),
                  (double)got[(int64_t)i * count / (int64_t)places], TEST_GOLDEN_TOLERANCE * rms);
    const formula f = formula_of("product");
    double product = 0.0;
    for (int64_t i = 0; i < count; i++)
        product += (double)got[i] * unit_at(f, i);
    test_near(text, json_number_value(json_array_get(want, places)), product,
              TEST_GOLDEN_TOLERANCE * rms * sqrt((double)count));
}

/* ---- whole runs ---- */

int test_golden_images(const char *folder, const json_t *run)
{
    const json_t *counts = json_object_get(run, "counts");
    const bal_shape s = test_golden_shape(run);
    const int64_t bytes = bal_shape_count(s);
    uint8_t *pixels = malloc((size_t)bytes);
    int written = 0;
    assert_non_null(pixels);
    assert_int_equal(mkdir(folder, 0777), 0);
    assert_int_equal(mkdir(test_path(folder, "train"), 0777), 0);
    for (size_t c = 0; c < json_array_size(counts); c++) {
        char name[64];
        snprintf(name, sizeof name, "train/c%zu", c);
        assert_int_equal(mkdir(test_path(folder, name), 0777), 0);
        for (int i = 0; i < (int)json_integer_value(json_array_get(counts, c)); i++, written++) {
            snprintf(name, sizeof name, "train/c%zu/%d.png", c, i);
            const formula f = formula_of(name + strlen("train/"));
            for (int64_t k = 0; k < bytes; k++)
                pixels[k] = (uint8_t)floor((unit_at(f, k) + 1.0) * 128.0);
            size_t count;
            uint8_t *file = test_png(
                &(test_picture){
                    .height = s.height, .width = s.width, .channels = s.channels, .pixels = pixels},
                &count);
            test_write_file(test_path(folder, name), file, count);
            free(file);
        }
    }
    free(pixels);
    return written;
}

void test_golden_start(bal_ctx *ctx, const json_t *run, const char *path)
{
    bal_model_settings s = bal_model_defaults();
    const char *model = json_string_value(json_object_get(run, "model")),
               *head = json_string_value(json_object_get(run, "head"));
    s.name = model ? model : "resnet8";
    s.head = head ? head : "linear";
    s.scale = TEST_GOLDEN_SCALE;
    s.classes = (int)json_array_size(json_object_get(run, "counts"));
    s.input = test_golden_shape(run);
    bal_graph *g;
    test_ok(ctx, bal_model_build(&g, ctx, &s));
    bal_weights *w = formula_weights(ctx, g);
    test_ok(ctx, bal_weights_write(w, ctx, path));
    bal_weights_close(&w);
    bal_graph_close(&g);
}

void test_golden_run(bal_ctx *ctx, const json_t *run, const char *folder, const char *what)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/metrics.jsonl", folder);
    json_t *lines = test_json_lines(path);
    const int epochs = test_golden_whole(run, "epochs");
    double losses[16];
    assert_int_equal(json_array_size(lines), epochs);
    for (int i = 0; i < epochs && i < 16; i++)
        losses[i] = test_golden_number(json_array_get(lines, (size_t)i), "train_loss");
    test_golden_losses(what, run, losses, epochs);
    json_decref(lines);
    bal_weights *w;
    test_ok(ctx, bal_weights_read(&w, ctx, test_path(folder, "last.safetensors")));
    assert_int_equal(json_object_size(json_object_get(run, "params")), bal_weights_count(w));
    for (int i = 0; i < bal_weights_count(w); i++) {
        const bal_tensor *t = bal_weights_at(w, i);
        test_golden_param(what, json_object_get(run, "params"), t->name, t->data, t->count);
    }
    bal_weights_close(&w);
}
