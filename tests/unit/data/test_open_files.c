/* A few open files for many: which are kept open, and reading from several threads. */
#include "helpers/helpers.h"

#include "base/threads.h"
#include "data/readers/open_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILES 7
#define BYTES 1000

typedef struct bench {
    char paths[FILES][512];
    bal_open_files *files;
} bench;

static const char *path_at(const void *user, size_t file)
{
    return ((const bench *)user)->paths[file];
}

static unsigned char byte_at(size_t file, size_t offset)
{
    return (unsigned char)(37 * file + offset * offset % 251);
}

static char *setup(bench *b)
{
    char *folder = test_folder();
    for (size_t f = 0; f < FILES; f++) {
        unsigned char bytes[BYTES];
        for (size_t i = 0; i < BYTES; i++)
            bytes[i] = byte_at(f, i);
        snprintf(b->paths[f], sizeof b->paths[f], "%s/%zu", folder, f);
        test_write_file(b->paths[f], bytes, BYTES);
    }
    return folder;
}

static void read_one(bal_ctx *ctx, const bench *b, size_t file)
{
    unsigned char bytes[10];
    const size_t offset = 100 * file + 5;
    test_ok(ctx, bal_open_files_read(b->files, ctx, file, offset, bytes, sizeof bytes));
    for (size_t i = 0; i < sizeof bytes; i++)
        assert_int_equal(bytes[i], byte_at(file, offset + i));
}

static void those_used_last_stay_open(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bench b;
    char *folder = setup(&b);
    test_ok(ctx, bal_open_files_open(
                     &b.files, ctx,
                     &(bal_open_files_settings){.path_at = path_at, .user = &b, .most = 2}));
    static const struct {
        size_t file;
        int64_t opened; /* so far */
    } steps[] = {{0, 1}, {0, 1}, {1, 2}, {0, 2}, {2, 3}, {0, 3}, {1, 4}, {0, 4}, {2, 5}, {0, 5}};
    for (size_t i = 0; i < BAL_COUNT_OF(steps); i++) {
        read_one(ctx, &b, steps[i].file);
        assert_int_equal(bal_open_files_opened(b.files), steps[i].opened);
    }
    /* an open file is read also where its name is gone, others are not */
    unlink(b.paths[0]);
    unlink(b.paths[3]);
    read_one(ctx, &b, 0);
    unsigned char bytes[10];
    test_fails(ctx, bal_open_files_read(b.files, ctx, 3, 0, bytes, 1), BAL_IO, b.paths[3],
               "cannot open", NULL);
    test_fails(ctx, bal_open_files_read(b.files, ctx, 1, BYTES - 5, bytes, 10), BAL_BAD_FILE,
               b.paths[1], "cut off: 10 bytes expected at byte 995, 5 are there", NULL);
    snprintf(b.paths[4], sizeof b.paths[4], "%s", folder);
    test_fails(ctx, bal_open_files_read(b.files, ctx, 4, 0, bytes, 1), BAL_BAD_FILE, folder,
               "is not a regular file", NULL);
    bal_open_files_close(&b.files);
    assert_null(b.files);
    bal_open_files_close(&b.files);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

typedef struct crowd {
    bench b;
    bal_ctx *ctx[8];
    int wrong[8];
} crowd;

static void read_often(void *user, int64_t i, int worker)
{
    crowd *c = user;
    unsigned char bytes[64];
    const size_t file = (size_t)i * 5 % FILES, offset = (size_t)i * 13 % (BYTES - sizeof bytes);
    if (bal_open_files_read(c->b.files, c->ctx[worker], file, offset, bytes, sizeof bytes) !=
        BAL_OK)
        c->wrong[worker]++;
    for (size_t k = 0; k < sizeof bytes; k++)
        c->wrong[worker] += bytes[k] != byte_at(file, offset + k);
}

static void many_threads_read_right(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    crowd c = {0};
    bal_pool *pool;
    char *folder = setup(&c.b);
    for (int i = 0; i < 8; i++)
        c.ctx[i] = test_ctx_threads(1);
    for (int most = 1; most <= 3;
         most++) { /* fewer than threads: some open a file for themselves */
        test_ok(ctx, bal_open_files_open(&c.b.files, ctx,
                                         &(bal_open_files_settings){
                                             .path_at = path_at, .user = &c.b, .most = most}));
        test_ok(ctx, bal_pool_open(&pool, ctx, 8));
        bal_pool_run(pool, 3000, read_often, &c);
        bal_pool_close(&pool);
        bal_open_files_close(&c.b.files);
    }
    for (int i = 0; i < 8; i++) {
        assert_int_equal(c.wrong[i], 0);
        bal_ctx_close(&c.ctx[i]);
    }
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

static bal_status open_and_read(bal_ctx *ctx, void *user)
{
    bench *b = user;
    unsigned char byte;
    BAL_TRY(bal_open_files_open(
        &b->files, ctx, &(bal_open_files_settings){.path_at = path_at, .user = b, .most = 3}));
    const bal_status status = bal_open_files_read(b->files, ctx, 0, 0, &byte, 1);
    bal_open_files_close(&b->files);
    return status;
}

static void no_memory_is_survived(void **state)
{
    (void)state;
    bench b;
    char *folder = setup(&b);
    test_allocation_failures(open_and_read, &b);
    test_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(those_used_last_stay_open),
        cmocka_unit_test(many_threads_read_right),
        cmocka_unit_test(no_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
