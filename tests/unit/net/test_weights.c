/* Weights: the container, safetensors that are right and hostile, initialisation, fitting by name.
 */
#include "base/cursor.h"
#include "helpers/helpers.h"
#include "net/weights.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- safetensors by hand ---- */
typedef struct file {
    unsigned char bytes[4096];
    size_t count;
} file;

static file file_of(const char *header, size_t data_bytes)
{
    file f = {.count = 8};
    const size_t length = strlen(header);
    for (int i = 0; i < 8; i++)
        f.bytes[i] = (unsigned char)((uint64_t)length >> 8 * i);
    memcpy(f.bytes + 8, header, length);
    f.count += length;
    for (size_t i = 0; i < data_bytes; i++)
        f.bytes[f.count++] = (unsigned char)i;
    return f;
}

static bal_status parse(bal_weights **out, bal_ctx *ctx, const file *f)
{
    unsigned char *exact = malloc(f->count > 0 ? f->count : 1); /* so that reading past is seen */
    assert_non_null(exact);
    memcpy(exact, f->bytes, f->count);
    const bal_status status = bal_weights_parse(out, ctx, "w.safetensors", exact, f->count);
    free(exact);
    return status;
}

#define T(dtype, shape, from, to) \
    "{\"dtype\":\"" dtype "\",\"shape\":[" shape "],\"data_offsets\":[" #from "," #to "]}"

static void hostile_headers_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t data;
        const char *word;
    } rows[] = {
        {"", 0, "JSON"},
        {" {}", 0, "JSON"},
        {"[]", 0, "JSON"},
        {"{", 0, "header byte"},
        {"{}x", 0, "header byte"},
        {"{}", 1, "end at byte 0"},
        {"{\"a\":1}", 0, "not described"},
        {"{\"\":" T("F32", "1", 0, 4) "}", 4, "not described"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 0, "not described"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":1}}", 4,
         "not described"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"offsets\":[0,4]}}", 4, "data_offsets"},
        {"{\"a\":{\"dtype\":3,\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "dtype"},
        {"{\"a\":" T("F31", "1", 0, 4) "}", 4, "F31"},
        {"{\"a\":" T("F8_E4M3", "4", 0, 4) "}", 4, "F8_E4M3"},
        {"{\"a\":" T("F32", "2", 0, 4) "}", 4, "shape of 8 bytes"},
        {"{\"a\":" T("F32", "-1", 0, 4) "}", 4, "dimension"},
        {"{\"a\":" T("F32", "1.0", 0, 4) "}", 4, "dimension"},
        {"{\"a\":" T("F32", "\"1\"", 0, 4) "}", 4, "dimension"},
        {"{\"a\":" T("F32", "4294967296,4294967296", 0, 4) "}", 4, "overflows"},
        {"{\"a\":" T("F32", "9223372036854775807,2", 0, 4) "}", 4, "overflows"},
        {"{\"a\":" T("F32", "1,1,1,1,1,1,1,1,1", 0, 4) "}", 4, "dimensions"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":4,\"data_offsets\":[0,4]}}", 4, "dimensions"},
        {"{\"a\":" T("F32", "1", 4, 0) "}", 4, "4 to 0"},
        {"{\"a\":" T("F32", "1", -4, 0) "}", 4, "data_offsets"},
        {"{\"a\":" T("F32", "2", 0, 8) "}", 4, "0 to 8"},
        {"{\"a\":" T("F32", "1", 0, 18446744073709551616) "}", 4, "header byte"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]}}", 4, "data_offsets"},
        {"{\"a\":" T("F32", "1", 0, 4) ",\"a\":" T("F32", "1", 4, 8) "}", 8, "duplicate"},
        {"{\"a\":" T("F32", "2", 0, 8) ",\"b\":" T("F32", "2", 4, 12) "}", 12, "inside another"},
        {"{\"a\":" T("F32", "1", 0, 4) ",\"b\":" T("F32", "1", 0, 4) "}", 4, "inside another"},
        {"{\"a\":" T("F32", "1", 0, 4) ",\"b\":" T("F32", "1", 8, 12) "}", 12, "hole"},
        {"{\"a\":" T("F32", "1", 4, 8) "}", 8, "hole"},
        {"{\"a\":" T("F32", "1", 0, 4) "}", 5, "end at byte 4"},
        {"{\"__metadata__\":3}", 0, "__metadata__"},
        {"{\"__metadata__\":{\"k\":3}}", 0, "__metadata__ k"},
        {"{\"a\\u0000b\":" T("F32", "1", 0, 4) "}", 4, "header byte"},
    };
    bal_ctx *ctx = test_ctx();
    for (size_t i = 0; i < BAL_COUNT_OF(rows); i++) {
        const file f = file_of(rows[i].header, rows[i].data);
        bal_weights *w;
        test_fails(ctx, parse(&w, ctx, &f), BAL_BAD_FILE, "w.safetensors", rows[i].word, NULL);
        assert_null(w);
    }
    bal_ctx_close(&ctx);
}

static void hostile_lengths_are_refused(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_weights *w;
    file f = file_of("{\"a\":" T("F32", "1", 0, 4) "}", 4);
    test_ok(ctx, parse(&w, ctx, &f));
    bal_weights_close(&w);
    const size_t whole = f.count;
    for (f.count = 0; f.count < whole; f.count++) /* truncated anywhere */
        test_fails(ctx, parse(&w, ctx, &f), BAL_BAD_FILE, "w.safetensors", NULL);
    f.count = whole;
    for (int high = 2; high < 8; high++) { /* lengths beyond the file and beyond 63 bits */
        file g = f;
        g.bytes[high] = 0xff;
        test_fails(ctx, parse(&w, ctx, &g), BAL_BAD_FILE, "header has", NULL);
    }
    bal_ctx_close(&ctx);
}

static void types_are_converted(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    file f = file_of(
        "{\"__metadata__\":{\"format\":\"pt\"},"
        "\"f16\":" T("F16", "6", 0, 12) ",\"bf16\":" T("BF16", "2", 12, 16) ",\"n\":" T(
            "I64", "1", 16, 24) ",\"f64\":" T("F64", "", 24,
                                              32) ",\"none\":" T("F32", "3,0", 32,
                                                                 32) ",\"f32\":" T("F32", "1,1", 32,
                                                                                   36) "}  ",
        0);
    const uint16_t halves[] = {0x3c00, 0xc100, 0x0001, 0x7c00, 0x8000, 0x7bff, 0x3fc0, 0xc000};
    const double pi = 3.14159265358979;
    const float third = 1.0f / 3.0f;
    for (int i = 0; i < 8; i++) {
        f.bytes[f.count++] = (unsigned char)halves[i];
        f.bytes[f.count++] = (unsigned char)(halves[i] >> 8);
    }
    memset(f.bytes + f.count, 7, 8);
    uint64_t bits;
    memcpy(&bits, &pi, 8);
    for (int i = 0; i < 8; i++)
        f.bytes[f.count + 8 + (size_t)i] = (unsigned char)(bits >> 8 * i);
    uint32_t low;
    memcpy(&low, &third, 4);
    for (int i = 0; i < 4; i++)
        f.bytes[f.count + 16 + (size_t)i] = (unsigned char)(low >> 8 * i);
    f.count += 20;
    bal_weights *w;
    test_ok(ctx, parse(&w, ctx, &f));
    assert_int_equal(bal_weights_count(w), 5); /* the integers are skipped */
    assert_null(bal_weights_find(w, "n"));
    assert_string_equal(bal_weights_metadata(w, "format"), "pt");
    assert_null(bal_weights_metadata(w, "other"));
    const float *half = bal_weights_find(w, "f16")->data;
    const float wanted[] = {1.0f, -2.5f, 0x1p-24f, INFINITY, -0.0f, 65504.0f};
    assert_memory_equal(half, wanted, sizeof wanted);
    assert_true(bal_weights_find(w, "bf16")->data[0] == 1.5f);
    assert_true(bal_weights_find(w, "bf16")->data[1] == -2.0f);
    assert_int_equal(bal_weights_find(w, "f64")->dims, 0);
    assert_true(bal_weights_find(w, "f64")->data[0] == (float)pi);
    assert_true(bal_weights_find(w, "f32")->data[0] == third);
    assert_int_equal(bal_weights_find(w, "none")->count, 0);
    bal_weights_close(&w);
    bal_weights_close(&w);
    bal_ctx_close(&ctx);
}

/* ---- writing ---- */
static bal_status make(bal_weights **out, bal_ctx *ctx, bool reversed)
{
    static const char *const names[] = {"b.weight", "a", "quote\"and\xc3\xa4"};
    const int64_t shape[] = {2, 3};
    const float data[] = {1.0f, -0.0f, INFINITY, 1e-40f, 3.14159f, -2.0f};
    bal_weights *w;
    BAL_TRY(bal_weights_open(&w, ctx));
    bal_status status = BAL_OK;
    for (int i = 0; i < 3; i++)
        BAL_GOTO(bal_weights_add(w, names[reversed ? 2 - i : i], 2, shape, data));
    BAL_GOTO(bal_weights_set_metadata(w, reversed ? "z" : "format", "1"));
    BAL_GOTO(bal_weights_set_metadata(w, reversed ? "format" : "z", "2"));
    BAL_GOTO(bal_weights_set_metadata(w, "format", "ballast"));
    BAL_GOTO(bal_weights_set_metadata(w, "z", "last"));
    *out = w;
    return BAL_OK;
fail:
    bal_weights_close(&w);
    *out = NULL;
    return status;
}

static void round_trip(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    const char *paths[] = {test_path(folder, "one.safetensors"),
                           test_path(folder, "two.safetensors")};
    bal_bytes files[2];
    for (int i = 0; i < 2; i++) {
        bal_weights *w, *back;
        test_ok(ctx, make(&w, ctx, i == 1));
        test_ok(ctx, bal_weights_write(w, ctx, paths[i]));
        test_ok(ctx, bal_weights_read(&back, ctx, paths[i]));
        assert_int_equal(bal_weights_count(back), 3);
        assert_string_equal(bal_weights_at(back, 0)->name, "a"); /* name order */
        assert_null(bal_weights_at(back, 3));
        for (int k = 0; k < 3; k++) {
            const bal_tensor *a = bal_weights_at(w, k), *b = bal_weights_find(back, a->name);
            assert_non_null(b);
            assert_int_equal(b->dims, 2);
            assert_memory_equal(a->shape, b->shape, sizeof a->shape);
            assert_memory_equal(a->data, b->data, 6 * sizeof(float)); /* bit for bit */
        }
        assert_string_equal(bal_weights_metadata(back, "format"), "ballast");
        assert_string_equal(bal_weights_metadata(back, "z"), "last");
        bal_weights_close(&w);
        bal_weights_close(&back);
        test_ok(ctx, bal_file_read(ctx, paths[i], 1 << 20, &files[i]));
    }
    assert_int_equal(files[0].count, files[1].count); /* equal weights are equal files */
    assert_memory_equal(files[0].data, files[1].data, files[0].count);
    uint64_t length;
    bal_cursor c = bal_cursor_over(files[0].data, files[0].count);
    assert_true(bal_take_u64le(&c, &length) && length % 8 == 0);
    bal_bytes_free(ctx, &files[0]);
    bal_bytes_free(ctx, &files[1]);

    bal_weights *empty, *back;
    test_ok(ctx, bal_weights_open(&empty, ctx));
    test_ok(ctx, bal_weights_write(empty, ctx, paths[0]));
    test_ok(ctx, bal_weights_read(&back, ctx, paths[0]));
    assert_int_equal(bal_weights_count(back), 0);
    bal_weights_close(&back);
    const int64_t one = 1;
    test_ok(ctx, bal_weights_add(empty, "\xff", 1, &one, NULL));
    test_fails(ctx, bal_weights_write(empty, ctx, paths[0]), BAL_BAD_ARG, "UTF-8", NULL);
    bal_weights_close(&empty);
    test_ok(ctx, bal_weights_read(&back, ctx, paths[0])); /* the old file is still whole */
    bal_weights_close(&back);
    test_fails(ctx, bal_weights_read(&back, ctx, test_path(folder, "none")), BAL_IO, "none", NULL);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

static void bad_tensors_are_refused(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_weights *w;
    test_ok(ctx, bal_weights_open(&w, ctx));
    const int64_t shape[9] = {2, 2, 2, 2, 2, 2, 2, 2, 2}, huge[] = {INT64_MAX, 3}, below[] = {-1};
    test_ok(ctx, bal_weights_add(w, "a", 2, shape, NULL));
    assert_true(bal_weights_at(w, 0)->data[3] == 0.0f);
    test_fails(ctx, bal_weights_add(w, "a", 2, shape, NULL), BAL_BAD_ARG, "already", NULL);
    test_fails(ctx, bal_weights_add(w, "", 2, shape, NULL), BAL_BAD_ARG, "name", NULL);
    test_fails(ctx, bal_weights_add(w, NULL, 2, shape, NULL), BAL_BAD_ARG, "name", NULL);
    test_fails(ctx, bal_weights_add(w, "b", 9, shape, NULL), BAL_BAD_ARG, "9 dimensions", NULL);
    test_fails(ctx, bal_weights_add(w, "b", 2, huge, NULL), BAL_BAD_ARG, "too many", NULL);
    test_fails(ctx, bal_weights_add(w, "b", 1, below, NULL), BAL_BAD_ARG, "-1", NULL);
    assert_int_equal(bal_weights_count(w), 1);
    bal_weights_close(&w);
    bal_ctx_close(&ctx);
}

/* ---- initialisation and fitting ---- */
static bal_graph *small(bal_ctx *ctx)
{
    bal_graph *g;
    test_ok(ctx, bal_graph_open(&g, ctx));
    const bal_conv2d conv = {.out_channels = 64, .kernel = {5, 3}, .groups = 2};
    int x = bal_add_input(g, "image", (bal_shape){32, 5, 3});
    x = bal_add_batch_norm(g, "bn", bal_add_conv2d(g, "conv", x, &conv));
    bal_graph_output(g, "logits", bal_add_linear(g, "fc", x, 10, true));
    test_ok(ctx, bal_graph_finish(g));
    return g;
}

static void initialised_as_he_says(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_graph *g = small(ctx);
    bal_weights *w, *again, *other;
    test_ok(ctx, bal_weights_init(&w, ctx, g, 1));
    test_ok(ctx, bal_weights_init(&again, ctx, g, 1));
    test_ok(ctx, bal_weights_init(&other, ctx, g, 2));
    assert_int_equal(bal_weights_count(w), bal_graph_params(g));
    const bal_tensor *conv = bal_weights_at(w, 0);
    double sum = 0.0, squares = 0.0;
    for (int64_t i = 0; i < conv->count; i++) {
        sum += conv->data[i];
        squares += (double)conv->data[i] * conv->data[i];
    }
    const double n = (double)conv->count, fan_in = 16 * 5 * 3;
    assert_true(n == 64 * fan_in);
    assert_true(fabs(sum / n) < 5 * sqrt(2 / fan_in / n));
    assert_true(fabs(squares / n / (2 / fan_in) - 1) < 5 * sqrt(2 / n));
    assert_memory_equal(conv->data, bal_weights_at(again, 0)->data,
                        (size_t)conv->count * sizeof(float));
    assert_true(conv->data[0] != bal_weights_at(other, 0)->data[0]);
    assert_true(conv->data[0] != bal_weights_find(w, "fc.weight")->data[0]);
    assert_true(bal_weights_find(w, "bn.weight")->data[63] == 1.0f);
    assert_true(bal_weights_find(w, "bn.bias")->data[63] == 0.0f);
    assert_true(bal_weights_find(w, "bn.running_mean")->data[63] == 0.0f);
    assert_true(bal_weights_find(w, "bn.running_var")->data[63] == 1.0f);
    assert_true(bal_weights_find(w, "fc.bias")->data[9] == 0.0f);
    bal_weights_close(&w);
    bal_weights_close(&again);
    bal_weights_close(&other);
    bal_graph_close(&g);
    bal_ctx_close(&ctx);
}

/* The weights of small() under other names, in reverse order; change edits them. */
static bal_weights *renamed(bal_ctx *ctx, const bal_graph *g, const char *prefix, const char *head)
{
    bal_weights *from, *w;
    test_ok(ctx, bal_weights_init(&from, ctx, g, 3));
    test_ok(ctx, bal_weights_open(&w, ctx));
    for (int i = bal_weights_count(from) - 1; i >= 0; i--) {
        const bal_tensor *t = bal_weights_at(from, i);
        char name[128];
        const bool is_head = strncmp(t->name, "fc.", 3) == 0;
        snprintf(name, sizeof name, "%s%s%s", prefix, is_head ? head : "",
                 t->name + (is_head ? 2 : 0));
        test_ok(ctx, bal_weights_add(w, name, t->dims, t->shape, t->data));
    }
    bal_weights_close(&from);
    return w;
}

static void usual_names_fit(void **state)
{
    (void)state;
    static const char *const heads[] = {"fc", "linear", "classifier", "head"};
    static const char *const prefixes[] = {"", "module."};
    bal_ctx *ctx = test_ctx();
    bal_graph *g = small(ctx);
    bal_weights *want;
    test_ok(ctx, bal_weights_init(&want, ctx, g, 3));
    for (int p = 0; p < 2; p++)
        for (int h = 0; h < 4; h++) {
            bal_weights *from = renamed(ctx, g, prefixes[p], heads[h]), *got;
            test_ok(ctx, bal_weights_add(from, "bn.num_batches_tracked", 0, NULL, NULL));
            test_ok(ctx, bal_weights_fit(&got, ctx, from, g));
            assert_int_equal(bal_weights_count(got), bal_graph_params(g));
            for (int i = 0; i < bal_weights_count(got); i++) {
                const bal_tensor *t = bal_weights_at(got, i);
                assert_string_equal(t->name, bal_graph_param(g, i)->name);
                assert_memory_equal(t->data, bal_weights_at(want, i)->data,
                                    (size_t)t->count * sizeof(float));
            }
            bal_weights_close(&got);
            bal_weights_close(&from);
        }
    bal_weights_close(&want);
    bal_graph_close(&g);
    bal_ctx_close(&ctx);
}

static void a_misfit_is_told_by_name(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_graph *g = small(ctx);
    bal_weights *from = renamed(ctx, g, "", "fc"), *got;
    const int64_t two[] = {2, 5};
    test_ok(ctx, bal_weights_add(from, "head.weight", 2, two, NULL)); /* a second head */
    for (int i = 0; i < 6; i++) {
        char name[32];
        snprintf(name, sizeof name, "extra%d.weight", i);
        test_ok(ctx, bal_weights_add(from, name, 2, two, NULL));
    }
    test_fails(ctx, bal_weights_fit(&got, ctx, from, g), BAL_MISMATCH, "7 unexpected",
               "head.weight", "extra0.weight", "...", NULL);
    assert_null(got);
    bal_weights_close(&from);
    test_ok(ctx, bal_weights_open(&from, ctx));
    test_ok(ctx, bal_weights_add(from, "fc.weight", 2, two, NULL));
    test_fails(ctx, bal_weights_fit(&got, ctx, from, g), BAL_MISMATCH, "6 missing", "conv.weight",
               "bn.running_mean", "1 of another shape", "fc.weight is 2 x 5 but should be 10 x 64",
               NULL);
    bal_weights_close(&from);
    char longest[600];
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = 0;
    test_ok(ctx, bal_weights_open(&from, ctx));
    test_ok(ctx, bal_weights_add(from, longest, 2, two, NULL));
    test_fails(ctx, bal_weights_fit(&got, ctx, from, g), BAL_MISMATCH, "xxx", "1 unexpected", NULL);
    bal_weights_close(&from);
    bal_graph_close(&g);
    bal_ctx_close(&ctx);
}

/* ---- memory ---- */
static bal_status write_and_read(bal_ctx *ctx, void *path)
{
    bal_weights *w = NULL, *back = NULL;
    bal_status status = make(&w, ctx, false);
    if (status == BAL_OK)
        status = bal_weights_write(w, ctx, path);
    if (status == BAL_OK)
        status = bal_weights_read(&back, ctx, path);
    bal_weights_close(&w);
    bal_weights_close(&back);
    return status;
}

static bal_status init_and_fit(bal_ctx *ctx, void *graph)
{
    bal_weights *w = NULL, *fitted = NULL;
    bal_status status = bal_weights_init(&w, ctx, graph, 1);
    if (status == BAL_OK)
        status = bal_weights_fit(&fitted, ctx, w, graph);
    bal_weights_close(&w);
    bal_weights_close(&fitted);
    return status;
}

static void memory_may_run_out(void **state)
{
    (void)state;
    char *folder = test_folder();
    char path[4096];
    snprintf(path, sizeof path, "%s", test_path(folder, "w.safetensors"));
    test_allocation_failures(write_and_read, path);
    test_folder_remove(folder);
    bal_ctx *ctx = test_ctx();
    bal_graph *g = small(ctx);
    test_allocation_failures(init_and_fit, g);
    bal_graph_close(&g);
    bal_ctx_close(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_headers_are_refused),
        cmocka_unit_test(hostile_lengths_are_refused),
        cmocka_unit_test(types_are_converted),
        cmocka_unit_test(round_trip),
        cmocka_unit_test(bad_tensors_are_refused),
        cmocka_unit_test(initialised_as_he_says),
        cmocka_unit_test(usual_names_fit),
        cmocka_unit_test(a_misfit_is_told_by_name),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
