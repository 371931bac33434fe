/* Downloading from a server of our own: resuming, redirections, cuts, wrong lengths, wrong sums,
 * interruption, a full disk; and from files. */
#include "helpers/helpers.h"
#include "helpers/web.h"

#include "base/cursor.h"
#include "data/known/download.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE 300007 /* several reads of the network */

typedef struct fixture {
    bal_ctx *ctx;
    char *folder, path[512], part[520], sum[BAL_SUM_LENGTH];
    unsigned char *body;
    int64_t last_now, last_total;
    bal_ctx *stop; /* is interrupted at the first bytes */
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->ctx = test_ctx_threads(1);
    f->folder = test_folder();
    f->body = malloc(SIZE);
    assert_non_null(f->body);
    for (size_t i = 0; i < SIZE; i++)
        f->body[i] = (unsigned char)(i * i % 253 + i / 1000);
    snprintf(f->path, sizeof f->path, "%s/file", f->folder);
    snprintf(f->part, sizeof f->part, "%s.part", f->path);
    test_write_file(test_path(f->folder, "source"), f->body, SIZE);
    test_ok(f->ctx, bal_sum_file(f->ctx, test_path(f->folder, "source"), BAL_SUM_SHA256, f->sum));
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    test_folder_remove(f->folder);
    bal_ctx_close(&f->ctx);
    free(f->body);
    free(f);
    return 0;
}

static void on_progress(void *user, int64_t now, int64_t total)
{
    fixture *f = user;
    assert_true(now >= f->last_now || f->last_now == SIZE);
    f->last_now = now;
    f->last_total = total;
    if (f->stop)
        bal_ctx_interrupt(f->stop);
}

static bal_download plan(fixture *f, const char *url)
{
    f->last_now = f->last_total = 0;
    return (bal_download){.url = url,
                          .path = f->path,
                          .bytes = SIZE,
                          .kind = BAL_SUM_SHA256,
                          .sum = f->sum,
                          .timeout = 1,
                          .attempts = 2,
                          .wait = 0.01,
                          .progress = on_progress,
                          .user = f};
}

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

static void check_file(const fixture *f)
{
    bal_bytes file;
    test_ok(f->ctx, bal_file_read(f->ctx, f->path, SIZE + 1, &file));
    assert_int_equal(file.count, SIZE);
    assert_memory_equal(file.data, f->body, SIZE);
    bal_bytes_free(f->ctx, &file);
    assert_false(is_there(f->part));
}

static int64_t part_size(const fixture *f)
{
    struct stat info;
    return stat(f->part, &info) == 0 ? (int64_t)info.st_size : -1;
}

static void write_part(const fixture *f, size_t count)
{
    test_write_file(f->part, f->body, count);
}

static void files_are_loaded_whole(void **state)
{
    fixture *f = *state;
    test_web *web = test_web_open(
        (test_route[]){{.path = "/a", .body = f->body, .size = SIZE},
                       {.path = "/unknown", .body = f->body, .size = SIZE, .no_length = true},
                       {0}});
    bal_download d = plan(f, test_web_url(web, "/a?download=1"));
    test_ok(f->ctx, bal_download_file(f->ctx, &d));
    check_file(f);
    assert_int_equal(f->last_now, SIZE);
    assert_int_equal(f->last_total, SIZE);
    /* what is there and right is not loaded again; what is there and wrong is */
    const int before = test_web_requests(web);
    test_ok(f->ctx, bal_download_file(f->ctx, &d));
    assert_int_equal(test_web_requests(web), before);
    test_write_file(f->path, "wrong", 5);
    test_ok(f->ctx, bal_download_file(f->ctx, &d));
    check_file(f);
    unlink(f->path);
    d = plan(f, test_web_url(web, "/unknown"));
    d.bytes = 0;
    test_ok(f->ctx, bal_download_file(f->ctx, &d));
    check_file(f);
    assert_int_equal(f->last_total, 0);
    unlink(f->path);
    d = plan(f, test_web_url(web, "/a"));
    d.bytes = 0;
    test_ok(f->ctx, bal_download_file(f->ctx, &d));
    assert_int_equal(f->last_total, SIZE); /* as the server says */
    test_web_close(web);
}

static void a_part_is_gone_on_with(void **state)
{
    fixture *f = *state;
    test_web *web = test_web_open(
        (test_route[]){{.path = "/a", .body = f->body, .size = SIZE},
                       {.path = "/whole", .body = f->body, .size = SIZE, .no_ranges = true},
                       {0}});
    bal_download d = plan(f, test_web_url(web, "/a"));
    write_part(f, 123456);
    test_ok(f->ctx, bal_download_file(f->ctx, &d));
    assert_int_equal(test_web_last_begin(web), 123456);
    assert_int_equal(test_web_requests(web), 1);
    check_file(f);
    unlink(f->path);
    /* a part that is whole needs no request; with an unknown size the server says that it is */
    write_part(f, SIZE);
    test_ok(f->ctx, bal_download_file(f->ctx, &d));
    assert_int_equal(test_web_requests(web), 1);
    check_file(f);
    unlink(f->path);
    write_part(f, SIZE);
    d.bytes = 0;
    test_ok(f->ctx, bal_download_file(f->ctx, &d));
    assert_int_equal(test_web_requests(web), 2);
    check_file(f);
    unlink(f->path);
    /* a server that cannot go on in the middle starts again */
    write_part(f, 5000);
    d = plan(f, test_web_url(web, "/whole"));
    f->last_now = SIZE; /* the count may go back */
    test_ok(f->ctx, bal_download_file(f->ctx, &d));
    check_file(f);
    unlink(f->path);
    /* a part of another file is found by its sum and removed, then all is well */
    test_write_file(f->part, "something else", 14);
    d = plan(f, test_web_url(web, "/a"));
    test_fails(f->ctx, bal_download_file(f->ctx, &d), BAL_BAD_FILE, "SHA-256", f->sum, "expected",
               NULL);
    assert_false(is_there(f->part));
    assert_false(is_there(f->path));
    test_ok(f->ctx, bal_download_file(f->ctx, &d));
    check_file(f);
    test_web_close(web);
}

static void cuts_are_survived(void **state)
{
    fixture *f = *state;
    test_web *web = test_web_open(
        (test_route[]){{.path = "/cut",
                        .body = f->body,
                        .size = SIZE,
                        .cut_after = 50000,
                        .cuts = 4}, /* more than attempts, but each brings some */
                       {.path = "/busy", .body = f->body, .size = SIZE, .failures = 1},
                       {.path = "/down", .body = f->body, .size = SIZE, .failures = 9},
                       {.path = "/none", .status = 404},
                       {.path = "/stall", .body = f->body, .size = SIZE, .stalls = true},
                       {0}});
    bal_download d = plan(f, test_web_url(web, "/cut"));
    test_ok(f->ctx, bal_download_file(f->ctx, &d));
    assert_int_equal(test_web_requests(web), 5);
    assert_int_equal(test_web_last_begin(web), 200000);
    check_file(f);
    unlink(f->path);
    d = plan(f, test_web_url(web, "/busy"));
    test_ok(f->ctx, bal_download_file(f->ctx, &d));
    check_file(f);
    unlink(f->path);
    int before = test_web_requests(web);
    d = plan(f, test_web_url(web, "/down"));
    test_fails(f->ctx, bal_download_file(f->ctx, &d), BAL_IO, "/down", "503", "2 attempts", NULL);
    assert_int_equal(test_web_requests(web), before + 2);
    before = test_web_requests(web);
    d = plan(f, test_web_url(web, "/none"));
    test_fails(f->ctx, bal_download_file(f->ctx, &d), BAL_IO, "/none", "404", NULL);
    assert_int_equal(test_web_requests(web), before + 1); /* it will not come by waiting */
    d = plan(f, test_web_url(web, "/stall"));
    d.attempts = 1;
    write_part(f, 10); /* the server then stalls at once */
    test_fails(f->ctx, bal_download_file(f->ctx, &d), BAL_IO, "/stall", "are kept in", NULL);
    assert_int_equal(part_size(f), 10);
    d = plan(f, test_web_url(web, "/cut"));
    test_web_close(web);
    test_fails(f->ctx, bal_download_file(f->ctx, &d), BAL_IO, "127.0.0.1", NULL); /* nobody there */
}

static void redirections_are_limited(void **state)
{
    fixture *f = *state;
    char url[256];
    snprintf(url, sizeof url, "file://%s/source", f->folder);
    test_web *web = test_web_open((test_route[]){{.path = "/a", .body = f->body, .size = SIZE},
                                                 {.path = "/1", .location = "/a"},
                                                 {.path = "/loop", .location = "/loop"},
                                                 {.path = "/file", .location = url},
                                                 {.path = "/ftp", .location = "ftp://127.0.0.1/x"},
                                                 {0}});
    bal_download d = plan(f, test_web_url(web, "/1"));
    test_ok(f->ctx, bal_download_file(f->ctx, &d));
    check_file(f);
    unlink(f->path);
    static const struct {
        const char *path, *said;
    } rows[] = {{"/loop", "redirects"}, {"/file", "file"}, {"/ftp", "ftp"}};
    for (size_t i = 0; i < BAL_COUNT_OF(rows); i++) {
        d = plan(f, test_web_url(web, rows[i].path));
        test_fails(f->ctx, bal_download_file(f->ctx, &d), BAL_IO, rows[i].path, rows[i].said, NULL);
        assert_int_equal(part_size(f), 0);
    }
    test_web_close(web);
    static const char *const kinds[] = {"ftp://x/y", "gopher://x", "/etc/passwd",
                                        "",          "dict://x",   "scp://x/y"};
    for (size_t i = 0; i < BAL_COUNT_OF(kinds); i++) {
        d = plan(f, kinds[i]);
        test_fails(f->ctx, bal_download_file(f->ctx, &d), BAL_BAD_ARG, kinds[i], "https://", NULL);
    }
}

static void wrong_files_are_removed(void **state)
{
    fixture *f = *state;
    unsigned char *other = malloc(SIZE + 5);
    assert_non_null(other);
    memcpy(other, f->body, SIZE);
    memset(other + SIZE, 'x', 5);
    test_web *web =
        test_web_open((test_route[]){{.path = "/longer", .body = other, .size = SIZE + 5},
                                     {.path = "/shorter", .body = other, .size = SIZE - 5},
                                     {.path = "/other", .body = other + 1, .size = SIZE},
                                     {0}});
    static const struct {
        const char *path, *said;
    } rows[] = {{"/longer", "more than the 300007 bytes"},
                {"/shorter", "gave 300002 bytes, 300007 expected"},
                {"/other", "SHA-256"}};
    for (size_t i = 0; i < BAL_COUNT_OF(rows); i++) {
        bal_download d = plan(f, test_web_url(web, rows[i].path));
        test_fails(f->ctx, bal_download_file(f->ctx, &d), BAL_BAD_FILE, rows[i].path, rows[i].said,
                   NULL);
        assert_false(is_there(f->part));
        assert_false(is_there(f->path));
    }
    test_web_close(web);
    free(other);
}

static void an_interrupt_keeps_what_came(void **state)
{
    fixture *f = *state;
    test_web *web = test_web_open(
        (test_route[]){{.path = "/stall", .body = f->body, .size = SIZE, .stalls = true},
                       {.path = "/a", .body = f->body, .size = SIZE},
                       {0}});
    bal_download d = plan(f, test_web_url(web, "/stall"));
    d.timeout = 100;
    f->stop = f->ctx;
    test_fails(f->ctx, bal_download_file(f->ctx, &d), BAL_INTERRUPTED, "interrupted", "are kept in",
               "file.part", NULL);
    assert_false(bal_interrupted(f->ctx));
    const int64_t kept = part_size(f);
    assert_true(kept > 0 && kept <= SIZE / 2);
    f->stop = NULL;
    d = plan(f, test_web_url(web, "/a"));
    test_ok(f->ctx, bal_download_file(f->ctx, &d));
    assert_int_equal(test_web_last_begin(web), kept);
    check_file(f);
    test_web_close(web);
}

static void a_full_disk_is_said(void **state)
{
    fixture *f = *state;
    struct rlimit old;
    test_web *web =
        test_web_open((test_route[]){{.path = "/a", .body = f->body, .size = SIZE}, {0}});
    bal_download d = plan(f, test_web_url(web, "/a"));
    signal(SIGXFSZ, SIG_IGN); /* then writing fails as on a full disk */
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    const struct rlimit small = {.rlim_cur = 40000, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    const bal_status status = bal_download_file(f->ctx, &d);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    test_fails(f->ctx, status, BAL_IO, "file.part: cannot write after 40000 bytes",
               "File too large", NULL);
    assert_int_equal(part_size(f), 40000);
    test_ok(f->ctx, bal_download_file(f->ctx, &d));
    assert_int_equal(test_web_last_begin(web), 40000);
    check_file(f);
    unlink(f->path);
    /* too little room is known before the first byte */
    d.bytes = INT64_MAX / 2;
    const int before = test_web_requests(web);
    test_fails(f->ctx, bal_download_file(f->ctx, &d), BAL_IO, "file.part: the disk has", "MiB",
               NULL);
    assert_int_equal(test_web_requests(web), before);
    test_web_close(web);
}

static void files_are_addresses_too(void **state)
{
    fixture *f = *state;
    char url[512];
    snprintf(url, sizeof url, "file://%s/source", f->folder);
    bal_download d = plan(f, url);
    test_ok(f->ctx, bal_download_file(f->ctx, &d));
    check_file(f);
    unlink(f->path);
    write_part(f, 777);
    test_ok(f->ctx, bal_download_file(f->ctx, &d));
    check_file(f);
    snprintf(url, sizeof url, "file://%s/none", f->folder);
    unlink(f->path);
    d = plan(f, url);
    test_fails(f->ctx, bal_download_file(f->ctx, &d), BAL_IO, "none", NULL);
    /* the name of the part must not lead elsewhere */
    unlink(f->part);
    assert_int_equal(symlink("/tmp/elsewhere", f->part), 0);
    test_fails(f->ctx, bal_download_file(f->ctx, &d), BAL_IO, "file.part: cannot create", NULL);
    unlink(f->part);
    assert_int_equal(mkdir(f->part, 0777), 0);
    test_fails(f->ctx, bal_download_file(f->ctx, &d), BAL_IO, "file.part: cannot create", NULL);
}

static bal_status load(bal_ctx *ctx, void *user)
{
    fixture *f = user;
    char url[512];
    snprintf(url, sizeof url, "file://%s/source", f->folder);
    bal_download d = plan(f, url);
    unlink(f->path);
    return bal_download_file(ctx, &d);
}

static void no_memory_is_survived(void **state)
{
    test_allocation_failures(load, *state);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(files_are_loaded_whole),  TEST(a_part_is_gone_on_with),
        TEST(cuts_are_survived),       TEST(redirections_are_limited),
        TEST(wrong_files_are_removed), TEST(an_interrupt_keeps_what_came),
        TEST(a_full_disk_is_said),     TEST(files_are_addresses_too),
        TEST(no_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
