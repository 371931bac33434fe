/* Bounded reading, whole files, gzip. */
#include "helpers/helpers.h"
#include "helpers/sets.h"

#include "base/cursor.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void nothing_is_read_past_the_end(void **state)
{
    (void)state;
    static const unsigned char bytes[8] = {1, 2, 3, 4, 5, 6, 7, 0x88};
    bal_cursor c = bal_cursor_over(bytes, sizeof bytes);
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    const unsigned char *part;
    assert_true(bal_take_u64le(&c, &u64) && u64 == 0x8807060504030201u);
    assert_int_equal(bal_cursor_left(&c), 0);
    assert_int_equal(bal_cursor_offset(&c), 8);
    assert_false(bal_take_u8(&c, &u8));
    assert_true(bal_take_bytes(&c, 0, &part));
    c = bal_cursor_over(bytes, sizeof bytes);
    assert_true(bal_take_u8(&c, &u8) && u8 == 1);
    assert_true(bal_take_u16le(&c, &u16) && u16 == 0x0302);
    assert_true(bal_take_u32be(&c, &u32) && u32 == 0x04050607);
    assert_false(bal_take_u16le(&c, &u16));
    assert_false(bal_take_u32le(&c, &u32));
    assert_false(bal_take_u32be(&c, &u32));
    assert_false(bal_take_u64le(&c, &u64));
    assert_false(bal_take_bytes(&c, 2, &part));
    assert_false(bal_take_bytes(&c, SIZE_MAX, &part));
    assert_int_equal(bal_cursor_left(&c), 1); /* a failed take moves nothing */
    assert_true(bal_take_u8(&c, &u8) && u8 == 0x88);
    c = bal_cursor_over(bytes + 4, 4);
    assert_true(bal_take_u32le(&c, &u32) && u32 == 0x88070605u);
    c = bal_cursor_over(NULL, 0);
    assert_false(bal_take_u8(&c, &u8));
}

static void files_are_read_whole(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    const char *path = test_path(folder, "f");
    bal_bytes b;
    test_write_file(path, "hello", 5);
    test_ok(ctx, bal_file_read(ctx, path, 5, &b));
    assert_int_equal(b.count, 5);
    assert_memory_equal(b.data, "hello", 5);
    bal_bytes_free(ctx, &b);
    assert_null(b.data);
    test_fails(ctx, bal_file_read(ctx, path, 4, &b), BAL_BAD_FILE, path, "limit of 4", NULL);
    assert_null(b.data);
    test_write_file(path, "", 0);
    test_ok(ctx, bal_file_read(ctx, path, 5, &b));
    assert_int_equal(b.count, 0);
    bal_bytes_free(ctx, &b);
    test_fails(ctx, bal_file_read(ctx, test_path(folder, "none"), 5, &b), BAL_IO, "none",
               "No such file", NULL);
    test_fails(ctx, bal_file_read(ctx, folder, 5, &b), BAL_BAD_FILE, "folder", NULL);
    const char *pipe = test_path(folder, "pipe"); /* must not wait for a writer */
    assert_int_equal(mkfifo(pipe, 0600), 0);
    test_fails(ctx, bal_file_read(ctx, pipe, 5, &b), BAL_BAD_FILE, "regular", NULL);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

static void gzip_is_inflated_within_the_limit(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    enum { COUNT = 200000 };
    uint8_t *bytes = malloc(COUNT);
    assert_non_null(bytes);
    for (int i = 0; i < COUNT; i++)
        bytes[i] = (uint8_t)((uint32_t)i * (uint32_t)i >> 7);
    size_t packed;
    uint8_t *zipped = test_gzip(bytes, COUNT, &packed);
    bal_bytes in = {zipped, packed}, out;
    test_ok(ctx, bal_gunzip(ctx, "a.gz", &in, COUNT, &out));
    assert_int_equal(out.count, COUNT);
    assert_memory_equal(out.data, bytes, COUNT);
    bal_bytes_free(ctx, &out);
    test_fails(ctx, bal_gunzip(ctx, "a.gz", &in, COUNT - 1, &out), BAL_BAD_FILE, "a.gz", "limit",
               NULL);
    assert_null(out.data);
    test_fails(ctx, bal_gunzip(ctx, "a.gz", &in, 0, &out), BAL_BAD_FILE, "limit", NULL);
    for (size_t n = 0; n < packed; n += n < 30 || n + 30 > packed ? 1 : 997) {
        in.count = n;
        test_fails(ctx, bal_gunzip(ctx, "a.gz", &in, COUNT, &out), BAL_BAD_FILE, "a.gz", NULL);
    }
    /* two members are one text; rubbish after the last is refused */
    uint8_t *twice = malloc(2 * packed + 1);
    assert_non_null(twice);
    memcpy(twice, zipped, packed);
    memcpy(twice + packed, zipped, packed);
    twice[2 * packed] = 'x';
    in = (bal_bytes){twice, 2 * packed};
    test_ok(ctx, bal_gunzip(ctx, "a.gz", &in, 2 * COUNT, &out));
    assert_int_equal(out.count, 2 * COUNT);
    assert_memory_equal(out.data + COUNT, bytes, COUNT);
    bal_bytes_free(ctx, &out);
    in.count++;
    test_fails(ctx, bal_gunzip(ctx, "a.gz", &in, 2 * COUNT, &out), BAL_BAD_FILE, "a.gz", NULL);
    for (size_t i = packed - 8; i < packed; i++) {
        in = (bal_bytes){zipped, packed};
        zipped[i] ^= 4;
        test_fails(ctx, bal_gunzip(ctx, "a.gz", &in, COUNT, &out), BAL_BAD_FILE, "damaged", NULL);
        zipped[i] ^= 4;
    }
    in = (bal_bytes){zipped, 0};
    test_fails(ctx, bal_gunzip(ctx, "a.gz", &in, COUNT, &out), BAL_BAD_FILE, "a.gz", NULL);
    free(twice);
    free(zipped);
    free(bytes);
    bal_ctx_close(&ctx);
}

static bal_status read_and_inflate(bal_ctx *ctx, void *path)
{
    bal_bytes in, out;
    BAL_TRY(bal_file_read(ctx, path, 1 << 20, &in));
    const bal_status status = bal_gunzip(ctx, path, &in, 1 << 20, &out);
    bal_bytes_free(ctx, &in);
    bal_bytes_free(ctx, &out);
    return status;
}

static void no_memory_is_survived(void **state)
{
    (void)state;
    static uint8_t zeros[300000];
    char *folder = test_folder();
    char path[4096];
    size_t packed;
    uint8_t *zipped = test_gzip(zeros, sizeof zeros, &packed);
    strcpy(path, test_path(folder, "a.gz"));
    test_write_file(path, zipped, packed);
    test_allocation_failures(read_and_inflate, path);
    free(zipped);
    test_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_read_past_the_end),
        cmocka_unit_test(files_are_read_whole),
        cmocka_unit_test(gzip_is_inflated_within_the_limit),
        cmocka_unit_test(no_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
