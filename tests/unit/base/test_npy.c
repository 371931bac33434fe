/* NPY files: round trips, NumPy's own bytes, and hostile headers. */
#include "helpers/helpers.h"

#include "base/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const size_t sizes[] = {
    [BAL_NPY_F32] = 4, [BAL_NPY_F64] = 8, [BAL_NPY_I32] = 4, [BAL_NPY_I64] = 8, [BAL_NPY_U8] = 1,
    [BAL_NPY_I8] = 1,  [BAL_NPY_I16] = 2, [BAL_NPY_U16] = 2, [BAL_NPY_U32] = 4, [BAL_NPY_U64] = 8};

static void what_is_written_is_read(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    const char *path = test_path(folder, "a.npy");
    unsigned char data[8 * 2 * 3 * 4 * 5];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)(i * 31);
    const int64_t shape[4] = {2, 3, 4, 5};
    for (int type = BAL_NPY_F32; type < (int)BAL_COUNT_OF(sizes); type++) {
        size_t count = 1;
        for (int dims = 1; dims <= 4; dims++) {
            bal_npy a;
            count *= (size_t)shape[dims - 1];
            test_ok(ctx, bal_npy_write(ctx, path, (bal_npy_type)type, dims, shape, data));
            test_ok(ctx, bal_npy_read(ctx, path, &a));
            assert_int_equal(a.type, type);
            assert_int_equal(a.dims, dims);
            assert_memory_equal(a.shape, shape, (size_t)dims * sizeof shape[0]);
            assert_memory_equal(a.data, data, count * sizes[type]);
            bal_npy_free(ctx, &a);
            assert_null(a.data);
        }
    }
    bal_npy a;
    const int64_t none[2] = {0, 7};
    test_ok(ctx, bal_npy_write(ctx, path, BAL_NPY_F32, 2, none, NULL));
    test_ok(ctx, bal_npy_read(ctx, path, &a));
    assert_int_equal(a.shape[0], 0);
    bal_npy_free(ctx, &a);
    test_fails(ctx, bal_npy_write(ctx, path, BAL_NPY_F32, 0, shape, data), BAL_BAD_ARG,
               "0 dimensions", NULL);
    const int64_t negative[1] = {-1};
    test_fails(ctx, bal_npy_write(ctx, path, BAL_NPY_F32, 1, negative, data), BAL_BAD_ARG, "-1",
               NULL);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

/* A file with this header text (version 1.0, or 2.0) and data. */
static void write_raw(const char *path, int major, const char *header, const void *data,
                      size_t count)
{
    unsigned char file[1024] = {0x93, 'N', 'U', 'M', 'P', 'Y', (unsigned char)major, 0};
    const size_t length = strlen(header), lead = major == 1 ? 10 : 12;
    file[8] = (unsigned char)(length & 255);
    file[9] = (unsigned char)(length >> 8);
    memcpy(file + lead, header, length);
    memcpy(file + lead + length, data, count);
    test_write_file(path, file, lead + length + count);
}

static void headers_of_others_are_read(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    const char *path = test_path(folder, "a.npy");
    const unsigned char big[8] = {0, 0, 0, 1, 0xff, 0xff, 0xff, 0xfe};
    bal_npy a;
    write_raw(path, 1, "{'descr': '>i4', 'fortran_order': False, 'shape': (2,), }   \n", big, 8);
    test_ok(ctx, bal_npy_read(ctx, path, &a));
    assert_int_equal(((int32_t *)a.data)[0], 1);
    assert_int_equal(((int32_t *)a.data)[1], -2);
    bal_npy_free(ctx, &a);
    write_raw(path, 2, "{\"shape\":(1,2),\"fortran_order\":False,\"descr\":\"<f4\"}", big, 8);
    test_ok(ctx, bal_npy_read(ctx, path, &a));
    assert_int_equal(a.dims, 2);
    assert_int_equal(a.type, BAL_NPY_F32);
    bal_npy_free(ctx, &a);
    write_raw(path, 1, "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 4)}\n", big, 8);
    test_ok(ctx, bal_npy_read(ctx, path, &a));
    assert_int_equal(((uint8_t *)a.data)[7], 0xfe);
    bal_npy_free(ctx, &a);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

static void fortran_order_is_turned(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    const char *path = test_path(folder, "a.npy");
    /* element (i, j, k) of 2 x 3 x 4 is 100 i + 10 j + k; the first index changes fastest */
    unsigned char data[2 * 3 * 4 * 2];
    for (int k = 0; k < 4; k++)
        for (int j = 0; j < 3; j++)
            for (int i = 0; i < 2; i++)
                data[(k * 3 + j) * 2 + i] = (unsigned char)(100 * i + 10 * j + k);
    bal_npy a;
    write_raw(path, 1, "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3, 4)}\n", data, 24);
    test_ok(ctx, bal_npy_read(ctx, path, &a));
    for (int at = 0; at < 24; at++)
        assert_int_equal(((uint8_t *)a.data)[at], 100 * (at / 12) + 10 * (at / 4 % 3) + at % 4);
    bal_npy_free(ctx, &a);
    const unsigned char big[16] = {0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4};
    write_raw(path, 1, "{'descr': '>i4', 'fortran_order': True, 'shape': (2, 2)}\n", big, 16);
    test_ok(ctx, bal_npy_read(ctx, path, &a));
    assert_int_equal(((int32_t *)a.data)[1], 3);
    assert_int_equal(((int32_t *)a.data)[2], 2);
    bal_npy_free(ctx, &a);
    write_raw(path, 1, "{'descr': '<f8', 'fortran_order': True, 'shape': (3, 0)}\n", big, 0);
    test_ok(ctx, bal_npy_read(ctx, path, &a));
    bal_npy_free(ctx, &a);
    /* any part is that part of the whole */
    bal_npy_layout layout;
    test_write_file(path, "", 0);
    unsigned char file[1024];
    const char *header = "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3, 4)}\n";
    memcpy(file, "\x93NUMPY\1\0", 8);
    file[8] = (unsigned char)strlen(header);
    file[9] = 0;
    memcpy(file + 10, header, strlen(header));
    memcpy(file + 10 + strlen(header), data, 24);
    test_ok(ctx, bal_npy_locate(ctx, "a", file, 10 + strlen(header) + 24, &layout));
    assert_true(layout.fortran);
    for (int first = 0; first < 24; first++) {
        uint8_t part[5];
        const int count = 24 - first < 5 ? 24 - first : 5;
        bal_npy_gather(&layout, first, count, part);
        for (int i = 0, at = first; i < count; i++, at++)
            assert_int_equal(part[i], 100 * (at / 12) + 10 * (at / 4 % 3) + at % 4);
    }
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

static void whole_numbers_of_every_type(void **state)
{
    (void)state;
    static const struct {
        const char *descr, *bytes; /* two values */
        int64_t first, last;
        bool whole, fits; /* the first, the last */
    } rows[] = {
        {"|i1", "\x01\xff", 1, -1, true, true},
        {"|u1", "\x01\xff", 1, 255, true, true},
        {"<i2", "\x01\x02\xfe\xff", 0x0201, -2, true, true},
        {">i2", "\x01\x02\xfe\xff", 0x0102, -257, true, true},
        {"<u2", "\x01\x02\xfe\xff", 0x0201, 0xfffe, true, true},
        {"<i4", "\x01\x02\x03\x04\xfe\xff\xff\xff", 0x04030201, -2, true, true},
        {">u4", "\x01\x02\x03\x04\xfe\xff\xff\xff", 0x01020304, 0xfeffffff, true, true},
        {"<i8", "\1\2\3\4\5\6\7\x08\xfe\xff\xff\xff\xff\xff\xff\xff", 0x0807060504030201, -2, true,
         true},
        {"<u8", "\1\2\3\4\5\6\7\x08\xfe\xff\xff\xff\xff\xff\xff\xff", 0x0807060504030201, 0, true,
         false},
        {"<f4", "\1\2\3\4\1\2\3\4", 0, 0, false, false},
        {"<f8", "\1\2\3\4\5\6\7\x08\1\2\3\4\5\6\7\x08", 0, 0, false, false},
    };
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    const char *path = test_path(folder, "a.npy");
    for (size_t i = 0; i < BAL_COUNT_OF(rows); i++) {
        char header[96];
        int64_t value = 77;
        bal_npy a;
        snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (2,)}",
                 rows[i].descr);
        write_raw(path, 1, header, rows[i].bytes, 2 * (size_t)(rows[i].descr[2] - '0'));
        test_ok(ctx, bal_npy_read(ctx, path, &a));
        assert_int_equal(bal_npy_whole(a.type, a.data, 0, &value), rows[i].whole);
        assert_int_equal(value, rows[i].whole ? rows[i].first : 77);
        assert_int_equal(bal_npy_whole(a.type, a.data, 1, &value), rows[i].fits);
        assert_true(!rows[i].fits || value == rows[i].last);
        bal_npy_free(ctx, &a);
    }
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

static void hostile_headers_are_refused(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    const char *path = test_path(folder, "a.npy");
    static const struct {
        const char *header, *word;
    } rows[] = {
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}", "promises 12 bytes"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", "promises 4 bytes"},
        {"{'descr': '<f4', 'fortran_order': Maybe, 'shape': (2,)}", "malformed"},
        {"{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2)}", "promises 16 bytes"},
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}", "<c8"},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (2,)}", "Python objects"},
        {"{'descr': '|f4', 'fortran_order': False, 'shape': (2,)}", "|f4"},
        {"{'descr': '', 'fortran_order': False, 'shape': (2,)}", "type"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': ()}", "malformed"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2)}", "malformed"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,1,1,1,1)}", "malformed"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}", "malformed"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", "malformed"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", "overflow"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (0, 900000000000000000, 3)}",
         "promises 0 bytes"},
        {"{'descr': '<f4', 'fortran_order': False}", "malformed"},
        {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", "malformed"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}", "malformed"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)", "malformed"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} x", "malformed"},
        {"{'descr': '<f4", "malformed"},
        {"", "malformed"},
    };
    bal_npy a;
    for (size_t i = 0; i < BAL_COUNT_OF(rows); i++) {
        write_raw(path, 1, rows[i].header, "12345678", 8);
        test_fails(ctx, bal_npy_read(ctx, path, &a), BAL_BAD_FILE, "a.npy", rows[i].word, NULL);
        assert_null(a.data);
    }
    write_raw(path, 3, rows[0].header, "", 0);
    test_fails(ctx, bal_npy_read(ctx, path, &a), BAL_BAD_FILE, "version", NULL);
    test_write_file(path, "PK\3\4", 4);
    test_fails(ctx, bal_npy_read(ctx, path, &a), BAL_BAD_FILE, "not an NPY file", NULL);
    test_write_file(path, "\x93NUMPY\2\0\xff\xff\xff\xff{", 13);
    test_fails(ctx, bal_npy_read(ctx, path, &a), BAL_BAD_FILE, "4294967295", NULL);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

static bal_status write_and_read(bal_ctx *ctx, void *path)
{
    static const float data[6] = {1, 2, 3, 4, 5, 6};
    const int64_t shape[2] = {2, 3};
    bal_npy a;
    BAL_TRY(bal_npy_write(ctx, path, BAL_NPY_F32, 2, shape, data));
    BAL_TRY(bal_npy_read(ctx, path, &a));
    bal_npy_free(ctx, &a);
    return BAL_OK;
}

static void no_memory_is_survived(void **state)
{
    (void)state;
    char *folder = test_folder();
    char path[4096];
    strcpy(path, test_path(folder, "a.npy"));
    test_allocation_failures(write_and_read, path);
    test_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(whole_numbers_of_every_type),
        cmocka_unit_test(headers_of_others_are_read),
        cmocka_unit_test(fortran_order_is_turned),
        cmocka_unit_test(hostile_headers_are_refused),
        cmocka_unit_test(no_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
