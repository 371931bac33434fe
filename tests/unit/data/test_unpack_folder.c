/* Unpacking into a folder: what is whole, what is refused, and that nothing is ever written
 * outside. */
#include "helpers/helpers.h"
#include "helpers/tars.h"

#include "base/cursor.h"
#include "data/known/unpack_folder.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct fixture {
    bal_ctx *ctx;
    char *folder, archive[512], to[512];
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->ctx = test_ctx_threads(1);
    f->folder = test_folder();
    snprintf(f->archive, sizeof f->archive, "%s/a.tar.gz", f->folder);
    assert_int_equal(mkdir(test_path(f->folder, "in"), 0777), 0);
    snprintf(f->to, sizeof f->to, "%s/in/new", f->folder);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    test_folder_remove(f->folder);
    bal_ctx_close(&f->ctx);
    free(f);
    return 0;
}

static bal_status unpack_limited(const fixture *f, bal_ctx *ctx, uint64_t bytes, int64_t files)
{
    const bal_unpack u = {
        .archive = f->archive, .folder = f->to, .most_bytes = bytes, .most_files = files};
    return bal_unpack_folder(ctx, &u);
}

static bal_status unpack(const fixture *f)
{
    return unpack_limited(f, f->ctx, 1 << 20, 100);
}

static int entries(const char *path)
{
    int count = 0;
    DIR *folder = opendir(path);
    assert_non_null(folder);
    for (const struct dirent *e; (e = readdir(folder));)
        count += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(folder);
    return count;
}

static void check_file(const fixture *f, const char *name, const char *text)
{
    char path[1024];
    bal_bytes file;
    snprintf(path, sizeof path, "%s/%s", f->to, name);
    test_ok(f->ctx, bal_file_read(f->ctx, path, 1 << 20, &file));
    assert_int_equal(file.count, strlen(text));
    assert_memory_equal(file.data, text, file.count);
    bal_bytes_free(f->ctx, &file);
}

static void archives_are_unpacked(void **state)
{
    fixture *f = *state;
    static const char *const filters[] = {"gzip", "bzip2", "xz", "zstd"};
    char name[300];
    struct stat info;
    for (size_t i = 0; i < BAL_COUNT_OF(filters); i++) {
        test_tar tar = {0};
        memset(name, 'n', sizeof name);
        memcpy(name, "long/", 5);
        name[200] = '\0';
        test_tar_add(&tar, &(test_tar_entry){.name = "set/", .type = '5'});
        test_tar_text(&tar, "set/a.bin", "first");
        test_tar_text(&tar, "set/b/c/d", "made on the way");
        test_tar_text(&tar, "./set/./empty", "");
        test_tar_add(&tar, &(test_tar_entry){
                               .name = name, .style = TEST_TAR_PAX, .data = "long", .size = 4});
        test_tar_text(&tar, "set/..two points", "..");
        test_tar_write_packed(&tar, f->archive, filters[i]);
        test_ok(f->ctx, unpack(f));
        check_file(f, "set/a.bin", "first");
        check_file(f, "set/b/c/d", "made on the way");
        check_file(f, "set/empty", "");
        check_file(f, name, "long");
        check_file(f, "set/..two points", "..");
        assert_int_equal(stat(test_path(f->to, "set/a.bin"), &info), 0);
        assert_int_equal(info.st_mode & 0111, 0); /* nothing becomes a program */
        assert_int_equal(entries(test_path(f->folder, "in")), 1);
        test_ok(f->ctx, bal_remove_folder(f->ctx, f->to));
    }
    test_ok(f->ctx, bal_remove_folder(f->ctx, f->to)); /* not there: fine */
}

static const struct hostile {
    test_tar_entry entry;
    const char *said;
} hostile[] = {
    {{.name = "../out", .data = "x", .size = 1}, "\"../out\" leads out of the folder"},
    {{.name = "..", .type = '5'}, "leads out"},
    {{.name = "a/../../out", .data = "x", .size = 1}, "leads out"},
    {{.name = "a/..", .type = '5'}, "leads out"},
    {{.name = "/tmp/out", .data = "x", .size = 1}, "\"/tmp/out\" has an absolute name"},
    {{.name = "a\\..\\out", .data = "x", .size = 1}, "backslashes"},
    {{.name = "a\nb", .data = "x", .size = 1}, "control characters"},
    {{.name = "good", .data = "again", .size = 5}, "\"good\" is there twice"},
    {{.name = "good/below", .data = "x", .size = 1}, "cannot make this folder"},
    {{.name = "l", .type = '2', .link = "/etc/passwd"}, "\"l\" is a link"},
    {{.name = "l", .type = '2', .link = "good"}, "is a link"},
    {{.name = "l", .type = '1', .link = "good"}, "is a link"},
    {{.name = "l", .type = '1', .link = "../../../etc/passwd"}, "is a link"},
    {{.name = "d", .type = '3'}, "\"d\" is neither a file nor a folder"},
    {{.name = "d", .type = '4'}, "neither"},
    {{.name = "d", .type = '6'}, "neither"},
    {{.name = "x", .claims = true, .claimed = 0777777777}, "cannot be unpacked"},
    {{.name = "x", .wrong_sum = true}, "cannot be unpacked"},
};

/* A folder that a link leads to must stay empty, and nothing may be left of the new one. */
static void hostile_members_are_refused(void **state)
{
    fixture *f = *state;
    for (size_t i = 0; i < BAL_COUNT_OF(hostile); i++) {
        test_tar tar = {0};
        test_tar_text(&tar, "good", "x");
        test_tar_add(&tar, &hostile[i].entry);
        test_tar_write_packed(&tar, f->archive, "gzip");
        test_fails(f->ctx, unpack(f), BAL_BAD_FILE, hostile[i].said, NULL);
        assert_int_equal(entries(test_path(f->folder, "in")), 0);
        assert_int_equal(entries(f->folder), 2); /* the archive and in/ */
    }
    /* a link, and then a file through it */
    test_tar tar = {0};
    test_tar_add(&tar, &(test_tar_entry){.name = "up", .type = '2', .link = ".."});
    test_tar_text(&tar, "up/out", "x");
    test_tar_write_packed(&tar, f->archive, "gzip");
    test_fails(f->ctx, unpack(f), BAL_BAD_FILE, "\"up\" is a link", NULL);
    assert_int_equal(entries(test_path(f->folder, "in")), 0);
}

static void too_much_is_refused(void **state)
{
    fixture *f = *state;
    test_tar tar = {0};
    char name[16], *large = calloc(1000, 1);
    assert_non_null(large);
    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof name, "%d", i);
        test_tar_file(&tar, name, large, 1000);
    }
    test_tar_write_packed(&tar, f->archive, "gzip");
    test_fails(f->ctx, unpack_limited(f, f->ctx, 9999, 100), BAL_BAD_FILE, "limit of 9999 bytes",
               NULL);
    test_fails(f->ctx, unpack_limited(f, f->ctx, 10000, 9), BAL_BAD_FILE, "limit of 9 members",
               NULL);
    assert_int_equal(entries(test_path(f->folder, "in")), 0);
    test_ok(f->ctx, unpack_limited(f, f->ctx, 10000, 10));
    test_fails(f->ctx, unpack(f), BAL_IO, f->to, "File exists", NULL);
    test_ok(f->ctx, bal_remove_folder(f->ctx, f->to));
    /* a hole of a terabyte, as sparse files have */
    test_tar_add(&tar, &(test_tar_entry){.name = "hole",
                                         .pax = "GNU.sparse.map=0,1,1099511627775,1",
                                         .data = "xy",
                                         .size = 2});
    test_tar_write_packed(&tar, f->archive, "gzip");
    test_fails(f->ctx, unpack(f), BAL_BAD_FILE, "limit of 1048576 bytes", NULL);
    assert_int_equal(entries(test_path(f->folder, "in")), 0);
    free(large);
}

static void cuts_and_full_disks_leave_nothing(void **state)
{
    fixture *f = *state;
    test_tar tar = {0};
    struct stat info;
    struct rlimit old;
    char *noise = malloc(200000);
    assert_non_null(noise);
    for (int i = 0; i < 200000; i++)
        noise[i] = (char)(i * 7919 >> (i % 5));
    test_tar_file(&tar, "noise", noise, 200000);
    free(noise);
    test_tar_write_packed(&tar, f->archive, "gzip");
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    const struct rlimit small = {.rlim_cur = 50000, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    const bal_status status = unpack(f);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    test_fails(f->ctx, status, BAL_IO, "noise: cannot write", "File too large", NULL);
    assert_int_equal(entries(test_path(f->folder, "in")), 0);
    bal_ctx_interrupt(f->ctx);
    test_fails(f->ctx, unpack(f), BAL_INTERRUPTED, "a.tar.gz", NULL);
    assert_int_equal(entries(test_path(f->folder, "in")), 0);
    assert_int_equal(stat(f->archive, &info), 0);
    assert_int_equal(truncate(f->archive, info.st_size / 2), 0);
    test_fails(f->ctx, unpack(f), BAL_BAD_FILE, "a.tar.gz: cannot be unpacked", NULL);
    assert_int_equal(entries(test_path(f->folder, "in")), 0);
    unlink(f->archive);
    test_fails(f->ctx, unpack(f), BAL_IO, "a.tar.gz: No such file", NULL);
    assert_int_equal(entries(test_path(f->folder, "in")), 0);
}

static void removing_follows_no_links(void **state)
{
    fixture *f = *state;
    test_write_file(test_path(f->folder, "kept"), "x", 1);
    assert_int_equal(mkdir(f->to, 0777), 0);
    assert_int_equal(symlink(f->folder, test_path(f->to, "link")), 0);
    test_ok(f->ctx, bal_remove_folder(f->ctx, f->to));
    assert_int_equal(access(test_path(f->folder, "kept"), F_OK), 0);
    assert_int_not_equal(access(f->to, F_OK), 0);
}

static bal_status unpack_and_remove(bal_ctx *ctx, void *user)
{
    const fixture *f = user;
    BAL_TRY(unpack_limited(f, ctx, 1 << 20, 100));
    return bal_remove_folder(ctx, f->to);
}

static void no_memory_is_survived(void **state)
{
    fixture *f = *state;
    test_tar tar = {0};
    test_tar_text(&tar, "a/b", "x");
    test_tar_write_packed(&tar, f->archive, "gzip");
    test_allocation_failures(unpack_and_remove, f);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(archives_are_unpacked),     TEST(hostile_members_are_refused),
        TEST(too_much_is_refused),       TEST(cuts_and_full_disks_leave_nothing),
        TEST(removing_follows_no_links), TEST(no_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
