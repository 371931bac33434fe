/* The index of a shard as a file: written and read, cut, damaged, and lying with a right checksum.
 */
#include "helpers/helpers.h"

#include "base/cursor.h"
#include "data/shards/shard_index.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

#define HEAD 28 /* bytes before those that the checksum covers */

static void fill(bal_ctx *ctx, bal_shard_index *index, bool named)
{
    static const char *const names[] = {"cat", "\xc3\xa4pfel"};
    static const char *const keys[] = {"000001", "a/b/000002", "x"};
    int64_t number;
    *index = (bal_shard_index){.identity = {5000, -7, 123456789}, .tar_size = 7000, .named = named};
    for (size_t i = 0; named && i < BAL_COUNT_OF(names); i++)
        test_ok(ctx, bal_name_set_add(&index->names, ctx, names[i], &number));
    for (uint32_t i = 0; i < BAL_COUNT_OF(keys); i++) {
        const bal_shard_sample sample = {
            .offset = 512 + 1024 * (uint64_t)i, .size = 100 + i, .label = named ? i % 2 : 41 * i};
        test_ok(ctx, bal_shard_index_add(index, ctx, sample, keys[i]));
    }
}

static bal_bytes written(bal_ctx *ctx, const char *path, bool named)
{
    bal_shard_index index;
    bal_bytes file;
    fill(ctx, &index, named);
    test_ok(ctx, bal_shard_index_write(ctx, path, "s.tar", &index));
    bal_shard_index_free(ctx, &index);
    test_ok(ctx, bal_file_read(ctx, path, 10000, &file));
    return file;
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    for (int named = 0; named < 2; named++) {
        bal_shard_index want, got;
        bal_bytes file = written(ctx, test_path(folder, "i"), named);
        fill(ctx, &want, named);
        test_ok(ctx, bal_shard_index_parse(ctx, "i", "s.tar", file.data, file.count, &got));
        assert_true(bal_shard_identity_equal(&want.identity, &got.identity));
        assert_true(got.identity.seconds == -7);
        assert_int_equal(got.tar_size, 7000);
        assert_int_equal(got.named, named);
        assert_int_equal(got.names.count, named ? 2 : 0);
        assert_int_equal(got.count, 3);
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(got.samples[i].offset, want.samples[i].offset);
            assert_int_equal(got.samples[i].size, want.samples[i].size);
            assert_int_equal(got.samples[i].label, want.samples[i].label);
            assert_string_equal(bal_shard_key(&got, i), bal_shard_key(&want, i));
        }
        if (named)
            assert_string_equal(got.names.names[1], "\xc3\xa4pfel");
        bal_shard_index_free(ctx, &want);
        bal_shard_index_free(ctx, &got);
        test_fails(ctx, bal_shard_index_parse(ctx, "i", "t.tar", file.data, file.count, &got),
                   BAL_BAD_FILE, "i: is the index of s.tar, not of t.tar", NULL);
        bal_bytes_free(ctx, &file);
    }
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

static void any_damage_is_seen(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    bal_shard_index got;
    bal_bytes file = written(ctx, test_path(folder, "i"), true);
    for (size_t length = 0; length < file.count; length++)
        test_fails(ctx, bal_shard_index_parse(ctx, "i", "s.tar", file.data, length, &got),
                   BAL_BAD_FILE, "i: ", "index", NULL);
    for (size_t bit = 0; bit < 8 * file.count; bit++) {
        file.data[bit / 8] ^= (unsigned char)(1u << bit % 8);
        test_fails(ctx, bal_shard_index_parse(ctx, "i", "s.tar", file.data, file.count, &got),
                   BAL_BAD_FILE, "i: ", NULL);
        assert_null(got.samples);
        file.data[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
    bal_bytes_free(ctx, &file);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

/* Places in the file that written(named) makes. */
enum {
    TAR_SIZE = HEAD + 20,
    SHARD_NAME = TAR_SIZE + 8,
    NAMED = SHARD_NAME + 2 + 5,
    NAMES = NAMED + 1,
    FIRST_NAME = NAMES + 4,
    SAMPLES = FIRST_NAME + 2 + 3 + 2 + 6,
    FIRST_SAMPLE = SAMPLES + 8
};

static const struct lie {
    size_t at;
    unsigned char byte;
    const char *said;
} lies[] = {
    {NAMED, 2, "which shard"},
    {NAMED, 0, "number of names"},            /* names, but labels are numbers */
    {NAMES + 3, 255, "number of names"},      /* more than there can be */
    {NAMES, 3, "a name"},                     /* the third is none */
    {FIRST_NAME + 1, 255, "a name"},          /* of 65283 bytes */
    {FIRST_NAME + 3, 0, "a name"},            /* with a zero in it */
    {SAMPLES + 7, 255, "number of samples"},  /* 2^63 of them */
    {SAMPLES, 4, "number of samples"},        /* more than fit */
    {SAMPLES, 2, "more after the last"},      /* fewer than there are */
    {FIRST_SAMPLE + 7, 255, "out of range"},  /* beyond the end of the tar file */
    {FIRST_SAMPLE + 10, 255, "out of range"}, /* longer than it */
    {FIRST_SAMPLE + 12, 2, "out of range"},   /* a label without name */
    {FIRST_SAMPLE + 16, 0, "a sample"},       /* no key */
    {TAR_SIZE + 1, 0, "out of range"},        /* a tar file of 88 bytes */
};

static void lies_with_a_right_checksum_are_refused(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    bal_shard_index got;
    for (size_t i = 0; i < BAL_COUNT_OF(lies); i++) {
        bal_bytes file = written(ctx, test_path(folder, "i"), true);
        assert_memory_equal(file.data + FIRST_NAME + 2, "cat", 3);
        assert_int_not_equal(file.data[lies[i].at], lies[i].byte);
        file.data[lies[i].at] = lies[i].byte;
        const uint32_t sum = (uint32_t)crc32_z(0, file.data + HEAD, file.count - HEAD);
        for (int b = 0; b < 4; b++)
            file.data[HEAD - 4 + b] = (unsigned char)(sum >> 8 * b);
        test_fails(ctx, bal_shard_index_parse(ctx, "i", "s.tar", file.data, file.count, &got),
                   BAL_BAD_FILE, "i: damaged index", lies[i].said, NULL);
        bal_bytes_free(ctx, &file);
    }
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

static bal_status round_trip(bal_ctx *ctx, void *path)
{
    bal_shard_index index = {.tar_size = 1000, .named = true}, again;
    bal_bytes file;
    int64_t number;
    bal_status status = bal_name_set_add(&index.names, ctx, "cat", &number);
    if (status == BAL_OK)
        status = bal_shard_index_add(&index, ctx, (bal_shard_sample){.size = 9}, "key");
    if (status == BAL_OK)
        status = bal_shard_index_write(ctx, path, "s.tar", &index);
    bal_shard_index_free(ctx, &index);
    BAL_TRY(status);
    BAL_TRY(bal_file_read(ctx, path, 1000, &file));
    status = bal_shard_index_parse(ctx, path, "s.tar", file.data, file.count, &again);
    bal_bytes_free(ctx, &file);
    bal_shard_index_free(ctx, &again);
    return status;
}

static void no_memory_is_survived(void **state)
{
    (void)state;
    char *folder = test_folder();
    char path[512];
    snprintf(path, sizeof path, "%s/i", folder);
    test_allocation_failures(round_trip, path);
    test_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(any_damage_is_seen),
        cmocka_unit_test(lies_with_a_right_checksum_are_refused),
        cmocka_unit_test(no_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
