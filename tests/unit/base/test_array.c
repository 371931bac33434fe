/* Arrays in files: every pair of types, what does not fit, and damage. */
#include "helpers/helpers.h"

#include "ballast/array.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void every_type_to_every_type(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    const float f32[] = {0, 1, 2, 3, 100, 255};
    const double f64[] = {0, 1, 2, 3, 100, 255};
    const int32_t i32[] = {0, 1, 2, 3, 100, 255};
    const int64_t i64[] = {0, 1, 2, 3, 100, 255};
    const uint8_t u8[] = {0, 1, 2, 3, 100, 255};
    const void *const values[] = {f32, f64, i32, i64, u8};
    static const size_t sizes[] = {4, 8, 4, 8, 1};
    for (int from = BAL_ARRAY_F32; from <= BAL_ARRAY_U8; from++) {
        const char *path = test_path(folder, "a.npy");
        bal_array out = {.type = (bal_array_type)from, .dims = 2, .shape = {2, 3}};
        void *copy = malloc(6 * sizes[from]);
        assert_non_null(copy);
        out.data = memcpy(copy, values[from], 6 * sizes[from]);
        test_ok(ctx, bal_array_write(ctx, path, &out));
        free(copy);
        for (int to = BAL_ARRAY_F32; to <= BAL_ARRAY_U8; to++) {
            bal_array in;
            test_ok(ctx, bal_array_read(ctx, path, (bal_array_type)to, &in));
            assert_int_equal(in.type, to);
            assert_int_equal(in.dims, 2);
            assert_int_equal(in.shape[0], 2);
            assert_int_equal(in.shape[1], 3);
            assert_int_equal(in.count, 6);
            assert_memory_equal(in.data, values[to], 6 * sizes[to]);
            bal_array_release(ctx, &in);
            assert_null(in.data);
            bal_array_release(ctx, &in);
        }
    }
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

static void refuses(double value, bal_array_type type, const char *found, const char *wanted)
{
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    const char *path = test_path(folder, "labels.npy");
    double values[] = {1.0, 2.0, value};
    const bal_array out = {.type = BAL_ARRAY_F64, .dims = 1, .shape = {3}, .data = values};
    bal_array in;
    test_ok(ctx, bal_array_write(ctx, path, &out));
    test_fails(ctx, bal_array_read(ctx, path, type, &in), BAL_BAD_DATA, "labels.npy", "element 2",
               found, wanted, NULL);
    assert_null(in.data);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

static void values_must_fit(void **state)
{
    (void)state;
    refuses(2.5, BAL_ARRAY_I32, "2.5", "int32");
    refuses(NAN, BAL_ARRAY_I64, "nan", "int64");
    refuses(INFINITY, BAL_ARRAY_I32, "inf", "int32");
    refuses(0x1p63, BAL_ARRAY_I64, "9.22337e+18", "int64");
    refuses(0x1p31, BAL_ARRAY_I32, "2.14748e+09", "int32");
    refuses(-1, BAL_ARRAY_U8, "-1", "uint8");
    refuses(256, BAL_ARRAY_U8, "256", "uint8");
    refuses(1e300, BAL_ARRAY_F32, "1e+300", "float32");
}

static void large_whole_numbers_keep_their_size(void **state)
{
    (void)state;
    static const char bytes[] = "\x93NUMPY\1\0\x40\0"
                                "{'descr': '<u8', 'fortran_order': False, 'shape': (2,), }      \n"
                                "\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x80";
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    const char *path = test_path(folder, "a.npy");
    bal_array in;
    bal_array_file *file;
    test_write_file(path, bytes, sizeof bytes - 1);
    test_ok(ctx, bal_array_read(ctx, path, BAL_ARRAY_F64, &in));
    assert_true(((double *)in.data)[0] == 1.0 && ((double *)in.data)[1] == 0x1p63);
    bal_array_release(ctx, &in);
    test_fails(ctx, bal_array_read(ctx, path, BAL_ARRAY_I64, &in), BAL_BAD_DATA, "element 1",
               "9.22337e+18", NULL);
    test_ok(ctx, bal_array_file_open(&file, ctx, path, BAL_ARRAY_F32));
    const bal_array_origin origin = bal_array_file_origin(file);
    assert_int_equal(origin.type, BAL_ARRAY_I64);
    assert_false(origin.mapped);
    assert_true(((const float *)bal_array_file_array(file).data)[1] == 0x1p63f);
    bal_array_file_close(&file);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

static void infinities_and_extremes_stay(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    const char *path = test_path(folder, "a.npy");
    double values[] = {INFINITY, -INFINITY, NAN, 0.1};
    bal_array in, out = {.type = BAL_ARRAY_F64, .dims = 1, .shape = {4}, .data = values};
    test_ok(ctx, bal_array_write(ctx, path, &out));
    test_ok(ctx, bal_array_read(ctx, path, BAL_ARRAY_F32, &in));
    const float *f = in.data;
    assert_true(isinf(f[0]) && f[0] > 0 && isinf(f[1]) && f[1] < 0 && isnan(f[2]) && f[3] == 0.1f);
    bal_array_release(ctx, &in);
    int64_t whole[] = {INT64_MIN, INT64_MAX};
    out = (bal_array){.type = BAL_ARRAY_I64, .dims = 1, .shape = {2}, .data = whole};
    test_ok(ctx, bal_array_write(ctx, path, &out));
    test_ok(ctx, bal_array_read(ctx, path, BAL_ARRAY_I64, &in));
    assert_memory_equal(in.data, whole, sizeof whole);
    bal_array_release(ctx, &in);
    test_fails(ctx, bal_array_read(ctx, path, BAL_ARRAY_I32, &in), BAL_BAD_DATA, "element 0",
               "-9223372036854775808", NULL);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

static void damage_is_named(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    const char *path = test_path(folder, "a.npy");
    bal_array in;
    test_fails(ctx, bal_array_read(ctx, path, BAL_ARRAY_F32, &in), BAL_IO, "a.npy", NULL);
    test_write_file(path, "not numpy", 9);
    test_fails(ctx, bal_array_read(ctx, path, BAL_ARRAY_F32, &in), BAL_BAD_FILE, "a.npy", NULL);
    test_fails(ctx, bal_array_read(ctx, path, (bal_array_type)77, &in), BAL_BAD_ARG, "77", NULL);
    const bal_array out = {.type = (bal_array_type)77, .dims = 1, .shape = {1}};
    test_fails(ctx, bal_array_write(ctx, path, &out), BAL_BAD_ARG, "77", NULL);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

/* ---- mapped files, and files written in parts ---- */

static void write_numpy(const char *path, const char *header, const void *data, size_t count)
{
    unsigned char file[1024] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
    const size_t length = strlen(header);
    file[8] = (unsigned char)length;
    memcpy(file + 10, header, length);
    memcpy(file + 10 + length, data, count);
    test_write_file(path, file, 10 + length + count);
}

static void files_are_mapped_or_converted(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    const char *path = test_path(folder, "a.npy");
    float values[2 * 3] = {1, 2, 3, 4, 5, 6.5f};
    const bal_array out = {.type = BAL_ARRAY_F32, .dims = 2, .shape = {2, 3}, .data = values};
    test_ok(ctx, bal_array_write(ctx, path, &out));
    bal_array_file *file;
    test_ok(ctx, bal_array_file_open(&file, ctx, path, BAL_ARRAY_F32));
    bal_array got = bal_array_file_array(file);
    bal_array_origin origin = bal_array_file_origin(file);
    assert_true(origin.mapped);
    assert_int_equal(got.dims, 2);
    assert_int_equal(got.shape[1], 3);
    assert_int_equal(got.count, 6);
    assert_memory_equal(got.data, values, sizeof values);
    bal_array_file_close(&file);
    assert_null(file);
    bal_array_file_close(&file);
    test_ok(ctx, bal_array_file_open(&file, ctx, path, BAL_ARRAY_F64));
    origin = bal_array_file_origin(file);
    got = bal_array_file_array(file);
    assert_false(origin.mapped);
    assert_int_equal(origin.type, BAL_ARRAY_F32);
    assert_true(((double *)got.data)[5] == 6.5);
    bal_array_file_close(&file);
    /* Fortran order, and data that no float may be read from where it lies */
    write_numpy(path, "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3)}", values,
                sizeof values);
    test_ok(ctx, bal_array_file_open(&file, ctx, path, BAL_ARRAY_F32));
    origin = bal_array_file_origin(file);
    got = bal_array_file_array(file);
    assert_true(origin.fortran && !origin.mapped);
    assert_true(((float *)got.data)[1] == 3.0f);
    bal_array_file_close(&file);
    for (int pad = 0; pad < 4; pad++) {
        char header[80] = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}";
        strcat(header, &"   "[3 - pad]);
        write_numpy(path, header, values, sizeof values);
        test_ok(ctx, bal_array_file_open(&file, ctx, path, BAL_ARRAY_F32));
        got = bal_array_file_array(file);
        assert_int_equal((uintptr_t)got.data % 4, 0);
        assert_memory_equal(got.data, values, sizeof values);
        bal_array_file_close(&file);
    }
    test_write_file(path, "", 0);
    test_fails(ctx, bal_array_file_open(&file, ctx, path, BAL_ARRAY_F32), BAL_BAD_FILE, "a.npy",
               NULL);
    assert_null(file);
    test_fails(ctx, bal_array_file_open(&file, ctx, folder, BAL_ARRAY_F32), BAL_BAD_FILE, "folder",
               NULL);
    test_fails(ctx, bal_array_file_open(&file, ctx, test_path(folder, "no"), BAL_ARRAY_F32), BAL_IO,
               "no", NULL);
    assert_string_equal(bal_array_type_name(BAL_ARRAY_I64), "int64");
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

static void files_are_written_in_parts(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    char path[4096];
    snprintf(path, sizeof path, "%s", test_path(folder, "a.npy"));
    const int32_t values[] = {1, -2, 3, 4, 5, 6};
    const bal_array like = {.type = BAL_ARRAY_I32, .dims = 2, .shape = {3, 2}};
    bal_array_writer *w;
    bal_array in;
    test_ok(ctx, bal_array_writer_open(&w, ctx, path, &like));
    test_ok(ctx, bal_array_writer_put(w, values, 5));
    test_fails(ctx, bal_array_writer_put(w, values, 2), BAL_BAD_ARG, "room for 1", "a.npy", NULL);
    test_fails(ctx, bal_array_writer_commit(&w), BAL_BAD_ARG, "1 values are missing", NULL);
    assert_null(w);
    test_fails(ctx, bal_array_read(ctx, path, BAL_ARRAY_I32, &in), BAL_IO, "a.npy", NULL);
    test_ok(ctx, bal_array_writer_open(&w, ctx, path, &like));
    test_ok(ctx, bal_array_writer_put(w, values, 2));
    test_ok(ctx, bal_array_writer_put(w, values + 2, 0));
    test_ok(ctx, bal_array_writer_put(w, values + 2, 4));
    test_ok(ctx, bal_array_writer_commit(&w));
    test_ok(ctx, bal_array_read(ctx, path, BAL_ARRAY_I32, &in));
    assert_int_equal(in.shape[0], 3);
    assert_memory_equal(in.data, values, sizeof values);
    bal_array_release(ctx, &in);
    test_ok(ctx, bal_array_writer_open(&w, ctx, path, &like));
    bal_array_writer_abandon(&w);
    assert_null(w);
    bal_array_writer_abandon(&w);
    test_ok(ctx, bal_array_read(ctx, path, BAL_ARRAY_I32, &in)); /* what was there stays */
    bal_array_release(ctx, &in);
    const bal_array wrong = {.type = BAL_ARRAY_I32, .dims = 5};
    test_fails(ctx, bal_array_writer_open(&w, ctx, path, &wrong), BAL_BAD_ARG, "5 dimensions",
               NULL);
    assert_null(w);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

static bal_status map_and_write(bal_ctx *ctx, void *user)
{
    bal_array_file *file;
    BAL_TRY(bal_array_file_open(&file, ctx, user, BAL_ARRAY_F64));
    const bal_array array = bal_array_file_array(file);
    bal_array_writer *w;
    bal_status status = bal_array_writer_open(&w, ctx, user, &array);
    if (status == BAL_OK)
        status = bal_array_writer_put(w, array.data, array.count);
    if (status == BAL_OK)
        status = bal_array_writer_commit(&w);
    bal_array_writer_abandon(&w);
    bal_array_file_close(&file);
    return status;
}

static bal_status read_converted(bal_ctx *ctx, void *user)
{
    bal_array in;
    const bal_status status = bal_array_read(ctx, user, BAL_ARRAY_F32, &in);
    bal_array_release(ctx, &in);
    return status;
}

static void memory_may_run_out(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    char path[4096];
    snprintf(path, sizeof path, "%s", test_path(folder, "a.npy"));
    int32_t values[] = {4, 5};
    const bal_array out = {.type = BAL_ARRAY_I32, .dims = 1, .shape = {2}, .data = values};
    test_ok(ctx, bal_array_write(ctx, path, &out));
    test_allocation_failures(read_converted, path);
    test_allocation_failures(map_and_write, path);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_to_every_type),
        cmocka_unit_test(values_must_fit),
        cmocka_unit_test(large_whole_numbers_keep_their_size),
        cmocka_unit_test(infinities_and_extremes_stay),
        cmocka_unit_test(damage_is_named),
        cmocka_unit_test(files_are_mapped_or_converted),
        cmocka_unit_test(files_are_written_in_parts),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
