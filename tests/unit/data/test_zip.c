/* ZIP archives: every form is read to the same bytes, every lie is refused before memory is asked
 * for. */
#include "helpers/archives.h"
#include "helpers/helpers.h"

#include "base/random.h"
#include "data/readers/zip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LONG 70000 /* more than one block of the deflate data, and than a comment */

typedef struct fixture {
    bal_ctx *ctx;
    uint8_t *noise; /* LONG bytes, hardly compressible */
    uint8_t *steps; /* LONG bytes, well compressible */
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->ctx = test_ctx();
    f->noise = malloc(LONG);
    f->steps = malloc(LONG);
    assert_true(f->noise && f->steps);
    bal_random r = bal_random_at(5, BAL_STREAM_TEST, 0, 0);
    for (int i = 0; i < LONG; i++) {
        f->noise[i] = (uint8_t)bal_random_u64(&r);
        f->steps[i] = (uint8_t)(i / 1000);
    }
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    bal_ctx_close(&f->ctx);
    free(f->noise);
    free(f->steps);
    free(f);
    return 0;
}

/* Three members of all sizes and forms: noise stored or deflated, steps, and an empty one. */
static void make_members(const fixture *f, int form, test_zip_member *m)
{
    m[0] = (test_zip_member){.name = "noise.npy", .bytes = f->noise, .count = LONG};
    m[1] = (test_zip_member){.name = "a/steps", .bytes = f->steps, .count = LONG - 17};
    m[2] = (test_zip_member){.name = "none", .bytes = f->steps, .count = 0};
    for (int i = 0; i < 3; i++) {
        m[i].deflate = (form & 1) && i < 2;
        m[i].zip64 = form & 2;
        m[i].follow = form & 4;
    }
}

static void expect_members(bal_ctx *ctx, const bal_seekable *file, const test_zip_member *want)
{
    bal_zip zip;
    test_ok(ctx, bal_zip_open(&zip, ctx, file));
    assert_int_equal(zip.count, 3);
    for (int i = 0; i < 3; i++) {
        const bal_zip_member *m;
        bal_bytes got;
        uint64_t start;
        test_ok(ctx, bal_zip_find(&zip, ctx, want[i].name, &m));
        assert_non_null(m);
        assert_int_equal(m->size, want[i].count);
        assert_int_equal(bal_zip_is_stored(m), !want[i].deflate);
        test_ok(ctx, bal_zip_unpack(&zip, ctx, m, &got));
        assert_int_equal(got.count, want[i].count);
        assert_memory_equal(got.data, want[i].bytes, want[i].count);
        bal_bytes_free(ctx, &got);
        test_ok(ctx, bal_zip_start(&zip, ctx, m, &start));
        if (!want[i].deflate) {
            uint8_t bytes[64];
            const size_t some = want[i].count < sizeof bytes ? want[i].count : sizeof bytes;
            test_ok(ctx, bal_zip_verify(&zip, ctx, m));
            test_ok(ctx, bal_seekable_read(file, ctx, start, some, bytes));
            assert_memory_equal(bytes, want[i].bytes, some);
        }
    }
    const bal_zip_member *m;
    test_ok(ctx, bal_zip_find(&zip, ctx, "nois", &m));
    assert_null(m);
    bal_zip_close(&zip);
    bal_zip_close(&zip);
}

static void every_form_is_read(void **state)
{
    const fixture *f = *state;
    char *comment = malloc(65536);
    assert_non_null(comment);
    memset(comment, 'c', 65535);
    comment[65535] = '\0';
    memcpy(comment + 100, "PK\5\6 not the end", 16);
    const char *const comments[] = {NULL, "short", comment};
    char *folder = test_folder();
    const char *path = test_path(folder, "a.zip");
    for (int form = 0; form < 8; form++)
        for (int directory64 = 0; directory64 < 2; directory64++)
            for (int c = 0; c < 3; c++) {
                test_zip_member members[3];
                size_t count;
                make_members(f, form, members);
                const test_zip zip = {members, 3, directory64, comments[c]};
                uint8_t *bytes = test_zip_bytes(&zip, &count);
                bal_seekable memory = bal_seekable_over("memory", bytes, count), file;
                expect_members(f->ctx, &memory, members);
                test_write_file(path, bytes, count);
                test_ok(f->ctx, bal_seekable_open(&file, f->ctx, path));
                expect_members(f->ctx, &file, members);
                bal_seekable_close(&file);
                free(bytes);
            }
    free(comment);
    test_folder_remove(folder);
}

/* ---- damage ---- */

static bal_status open_and_unpack(bal_ctx *ctx, const bal_seekable *file)
{
    bal_zip zip;
    BAL_TRY(bal_zip_open(&zip, ctx, file));
    bal_status status = BAL_OK;
    for (size_t i = 0; status == BAL_OK && i < zip.count; i++) {
        const bal_zip_member *m;
        bal_bytes bytes;
        status = bal_zip_find(&zip, ctx, zip.members[i].name, &m);
        if (status == BAL_OK)
            status = bal_zip_unpack(&zip, ctx, m, &bytes);
        if (status == BAL_OK)
            bal_bytes_free(ctx, &bytes);
        if (status == BAL_OK && bal_zip_is_stored(m))
            status = bal_zip_verify(&zip, ctx, m);
    }
    bal_zip_close(&zip);
    return status;
}

static bal_status unpack_all(bal_ctx *ctx, const uint8_t *bytes, size_t count)
{
    const bal_seekable file = bal_seekable_over("bad.zip", bytes, count);
    return open_and_unpack(ctx, &file);
}

/* One byte of a good archive, and what it makes of it. */
typedef struct lie {
    int form;
    const char *signature;
    int record;
    size_t offset; /* of the byte from the record's begin */
    uint8_t value; /* is put there */
    bal_status status;
    const char *word;
} lie;

static void every_lie_is_refused(void **state)
{
    const fixture *f = *state;
    static const lie lies[] = {
        {0, "PK\5\6", 0, 4, 1, BAL_UNSUPPORTED, "several disks"},
        {0, "PK\5\6", 0, 8, 2, BAL_UNSUPPORTED, "several disks"},
        {0, "PK\5\6", 0, 14, 0xff, BAL_BAD_FILE, "directory"},   /* its size */
        {0, "PK\5\6", 0, 19, 0xff, BAL_BAD_FILE, "beyond"},      /* its place */
        {0, "PK\5\6", 0, 20, 9, BAL_BAD_FILE, "not a ZIP"},      /* the comment */
        {0, "PK\1\2", 0, 0, 'X', BAL_BAD_FILE, "member 1 of 3"}, /* magic */
        {0, "PK\1\2", 1, 3, 'X', BAL_BAD_FILE, "member 2 of 3"},
        {0, "PK\1\2", 0, 8, 1, BAL_UNSUPPORTED, "encrypted"},
        {0, "PK\1\2", 0, 10, 12, BAL_UNSUPPORTED, "method 12"},
        {0, "PK\1\2", 0, 10, 8, BAL_BAD_FILE, "disagree"},
        {0, "PK\1\2", 0, 16, 0xbb, BAL_BAD_FILE, "disagree"},           /* CRC */
        {4, "PK\1\2", 0, 16, 0xbb, BAL_BAD_FILE, "CRC-32"},             /* CRC, none in front */
        {5, "PK\1\2", 0, 16, 0xbb, BAL_BAD_FILE, "CRC-32"},             /* deflated */
        {4, "PK\1\2", 0, 24, 0xbb, BAL_BAD_FILE, "another size"},       /* size of stored */
        {5, "PK\1\2", 1, 24, 0xbb, BAL_BAD_FILE, "deflate data after"}, /* larger than it is */
        {5, "PK\1\2", 1, 26, 0, BAL_BAD_FILE, "more than its size"},
        {5, "PK\1\2", 1, 27, 0x40, BAL_BAD_FILE, "cannot hold"}, /* a gigabyte of 300 bytes */
        {5, "PK\1\2", 0, 21, 0x10, BAL_BAD_FILE, "deflate data after"}, /* packed size */
        {0, "PK\1\2", 0, 22, 0x7f, BAL_BAD_FILE, "beyond"},
        {0, "PK\1\2", 0, 20, 0xff, BAL_BAD_FILE, "overlap"},
        {0, "PK\1\2", 1, 42, 0, BAL_BAD_FILE, "overlap"}, /* near the first member */
        {0, "PK\1\2", 0, 42, 1, BAL_BAD_FILE, "overlap"},
        {0, "PK\1\2", 0, 45, 0xff, BAL_BAD_FILE, "beyond"},
        {0, "PK\1\2", 0, 34, 1, BAL_UNSUPPORTED, "another disk"},
        {0, "PK\1\2", 2, 28, 0xff, BAL_BAD_FILE, "member 3 of 3"},      /* a name without end */
        {0, "PK\1\2", 0, 46, 'N', BAL_BAD_FILE, "disagree"},            /* its name */
        {2, "PK\1\2", 0, 46 + 9 + 6 + 2, 8, BAL_BAD_FILE, "member 1"},  /* ZIP64 field too short */
        {2, "PK\1\2", 0, 46 + 9 + 6 + 2, 99, BAL_BAD_FILE, "member 1"}, /* and too long */
        {2, "PK\1\2", 0, 46 + 9 + 6 + 4 + 15, 0x80, BAL_BAD_FILE, "beyond"},
        {0, "PK\3\4", 0, 2, 'X', BAL_BAD_FILE, "no header"},
        {0, "PK\3\4", 0, 6, 1, BAL_BAD_FILE, "disagree"},
        {0, "PK\3\4", 0, 18, 0xbb, BAL_BAD_FILE, "disagree"},
        {0, "PK\3\4", 0, 26, 8, BAL_BAD_FILE, "no header"},
        {0, "PK\3\4", 0, 29, 0xff, BAL_BAD_FILE, "follows"}, /* extra fields over the next one */
        {0, "PK\3\4", 0, 30 + 9 + 70, 0xaa, BAL_BAD_FILE, "CRC-32"},
        {1, "PK\3\4", 1, 30 + 7, 0xff, BAL_BAD_FILE, "deflate data after"},
        {2, "PK\3\4", 0, 30 + 9 + 4, 0xbb, BAL_BAD_FILE, "disagree"}, /* size in the ZIP64 field */
        {2, "PK\3\4", 0, 30 + 9 + 2, 99, BAL_BAD_FILE, "disagree"},
        {8, "PK\6\6", 0, 2, 'X', BAL_BAD_FILE, "locator"},
        {8, "PK\6\6", 0, 16, 1, BAL_UNSUPPORTED, "several disks"},
        {8, "PK\6\6", 0, 24, 9, BAL_UNSUPPORTED, "several disks"},
        {8, "PK\6\6", 0, 47, 0xff, BAL_BAD_FILE, "beyond"},
        {8, "PK\6\6", 0, 55, 0xff, BAL_BAD_FILE, "beyond"},
        {8, "PK\6\7", 0, 15, 0xff, BAL_BAD_FILE, "locator"},
        {8, "PK\6\7", 0, 16, 2, BAL_UNSUPPORTED, "several disks"},
        {8, "PK\6\7", 0, 0, 'X', BAL_BAD_FILE, "beyond"}, /* the full fields are then meant */
    };
    for (size_t i = 0; i < BAL_COUNT_OF(lies); i++) {
        const lie *l = &lies[i];
        test_zip_member members[3];
        size_t count;
        make_members(f, l->form & 7, members);
        uint8_t *bytes = test_zip_bytes(&(test_zip){members, 3, l->form & 8, NULL}, &count);
        test_ok(f->ctx, unpack_all(f->ctx, bytes, count));
        const size_t at = test_zip_find(bytes, count, l->signature, l->record) + l->offset;
        assert_true(at < count && bytes[at] != l->value);
        bytes[at] = l->value;
        const bal_status status = unpack_all(f->ctx, bytes, count);
        if (status != l->status || !strstr(bal_error(f->ctx), l->word))
            fail_msg("lie %zu: \"%s\": %s", i, bal_status_text(status), bal_error(f->ctx));
        assert_non_null(strstr(bal_error(f->ctx), "bad.zip"));
        free(bytes);
    }
}

static void cut_archives_are_refused(void **state)
{
    const fixture *f = *state;
    test_zip_member members[3];
    size_t count;
    make_members(f, 1, members);
    uint8_t *bytes = test_zip_bytes(&(test_zip){members, 3, true, NULL}, &count);
    for (size_t n = 0; n < count; n += n + 300 < count ? 301 : 1)
        test_fails(f->ctx, unpack_all(f->ctx, bytes, n), BAL_BAD_FILE, "bad.zip", "not a ZIP",
                   NULL);
    free(bytes);
}

static void two_of_one_name_are_refused(void **state)
{
    const fixture *f = *state;
    test_zip_member members[3];
    size_t count;
    make_members(f, 0, members);
    members[2].name = "noise.npy";
    uint8_t *bytes = test_zip_bytes(&(test_zip){members, 3, false, NULL}, &count);
    test_fails(f->ctx, unpack_all(f->ctx, bytes, count), BAL_BAD_FILE, "two members", "noise.npy",
               NULL);
    free(bytes);
}

static void a_file_that_is_cut_while_open(void **state)
{
    const fixture *f = *state;
    test_zip_member members[3];
    size_t count;
    char *folder = test_folder();
    const char *path = test_path(folder, "a.zip");
    make_members(f, 0, members);
    uint8_t *bytes = test_zip_bytes(&(test_zip){members, 3, false, NULL}, &count);
    test_write_file(path, bytes, count);
    free(bytes);
    bal_seekable file;
    bal_zip zip;
    bal_bytes out;
    const bal_zip_member *m;
    test_ok(f->ctx, bal_seekable_open(&file, f->ctx, path));
    test_ok(f->ctx, bal_zip_open(&zip, f->ctx, &file));
    test_ok(f->ctx, bal_zip_find(&zip, f->ctx, "a/steps", &m));
    assert_int_equal(truncate(path, LONG + 500), 0);
    test_fails(f->ctx, bal_zip_unpack(&zip, f->ctx, m, &out), BAL_BAD_FILE, path, "cut off", NULL);
    test_fails(f->ctx, bal_zip_verify(&zip, f->ctx, m), BAL_BAD_FILE, path, "cut off", NULL);
    bal_ctx_interrupt(f->ctx);
    test_fails(f->ctx, bal_zip_verify(&zip, f->ctx, &zip.members[0]), BAL_INTERRUPTED, NULL);
    test_ok(f->ctx, bal_zip_verify(&zip, f->ctx, &zip.members[0]));
    bal_zip_close(&zip);
    bal_seekable_close(&file);
    test_fails(f->ctx, bal_seekable_open(&file, f->ctx, folder), BAL_BAD_FILE, "folder", NULL);
    test_folder_remove(folder);
    test_fails(f->ctx, bal_seekable_open(&file, f->ctx, "/nowhere/a.zip"), BAL_IO, "No such file",
               NULL);
    bal_seekable_close(&file);
}

static bal_status attempt(bal_ctx *ctx, void *user)
{
    return open_and_unpack(ctx, user);
}

static void no_memory_is_survived(void **state)
{
    const fixture *f = *state;
    test_zip_member members[3];
    size_t count;
    make_members(f, 1 | 2, members);
    uint8_t *bytes = test_zip_bytes(&(test_zip){members, 3, true, NULL}, &count);
    bal_seekable file = bal_seekable_over("memory", bytes, count);
    test_allocation_failures(attempt, &file);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_is_read),
        cmocka_unit_test(every_lie_is_refused),
        cmocka_unit_test(cut_archives_are_refused),
        cmocka_unit_test(two_of_one_name_are_refused),
        cmocka_unit_test(a_file_that_is_cut_while_open),
        cmocka_unit_test(no_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
