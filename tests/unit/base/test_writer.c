/* Atomic files: whole or not at all, also when the disk is full; JSON and CSV helpers. */
#include "helpers/helpers.h"

#include "base/cursor.h"
#include "base/writer.h"

#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static void file_is(bal_ctx *ctx, const char *path, const char *text)
{
    bal_bytes bytes;
    test_ok(ctx, bal_file_read(ctx, path, 1 << 20, &bytes));
    assert_int_equal(bytes.count, strlen(text));
    assert_memory_equal(bytes.data, text, bytes.count);
    bal_bytes_free(ctx, &bytes);
}

static int entries(const char *folder)
{
    DIR *d = opendir(folder);
    assert_non_null(d);
    int count = 0;
    for (struct dirent *e; (e = readdir(d));)
        count += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(d);
    return count;
}

static void commit_replaces_the_old_file(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    const char *path = test_path(folder, "a.txt");
    test_ok(ctx, bal_file_write(ctx, path, "old", 3));
    assert_int_equal(chmod(path, 0640), 0);
    bal_writer *w;
    test_ok(ctx, bal_writer_open(&w, ctx, path));
    fprintf(bal_writer_stream(w), "n%s", "e");
    bal_writer_bytes(w, "w", 1);
    file_is(ctx, path, "old"); /* nothing is seen before the commit */
    test_ok(ctx, bal_writer_commit(&w));
    assert_null(w);
    file_is(ctx, path, "new");
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0640);
    assert_int_equal(entries(folder), 1);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

static void abandon_leaves_nothing(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    bal_writer *w;
    test_ok(ctx, bal_writer_open(&w, ctx, test_path(folder, "a.txt")));
    bal_writer_bytes(w, "text", 4);
    bal_writer_abandon(&w);
    assert_null(w);
    bal_writer_abandon(&w);
    bal_writer_abandon(NULL);
    assert_int_equal(entries(folder), 0);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

static void a_missing_folder_is_named(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    bal_writer *w;
    test_fails(ctx, bal_writer_open(&w, ctx, test_path(folder, "none/a.txt")), BAL_IO, "none/a.txt",
               "No such file", NULL);
    assert_null(w);
    test_ok(ctx, bal_make_folders(ctx, test_path(folder, "x//y/z/")));
    test_ok(ctx, bal_make_folders(ctx, test_path(folder, "x/y/z")));
    test_ok(ctx, bal_file_write(ctx, test_path(folder, "x/y/z/f"), "1", 1));
    test_fails(ctx, bal_make_folders(ctx, test_path(folder, "x/y/z/f/g")), BAL_IO, "x/y/z/f", NULL);
    /* a folder under the final name: the rename is refused */
    test_fails(ctx, bal_file_write(ctx, test_path(folder, "x/y"), "1", 1), BAL_IO, "x/y", NULL);
    assert_int_equal(entries(test_path(folder, "x")), 1);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

/* What a full disk does: writes beyond the limit fail. Both ways of writing, and the small text
 * that only fails when it is flushed. */
static void folders_and_devices_are_not_replaced(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    bal_writer *w;
    test_fails(ctx, bal_writer_open(&w, ctx, folder), BAL_IO, folder, "a folder", NULL);
    const char *pipe_path = test_path(folder, "pipe");
    assert_int_equal(mkfifo(pipe_path, 0600), 0);
    test_fails(ctx, bal_writer_open(&w, ctx, pipe_path), BAL_IO, pipe_path, "device or pipe", NULL);
    struct stat info;
    assert_int_equal(stat(pipe_path, &info), 0);
    assert_true(S_ISFIFO(info.st_mode));
    assert_int_equal(entries(folder), 1);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

static void a_full_disk_leaves_the_old_file(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    const char *path = test_path(folder, "state.bin");
    test_ok(ctx, bal_file_write(ctx, path, "precious", 8));
    static char big[1 << 16];
    memset(big, 'x', sizeof big);
    struct rlimit before, tiny;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    tiny = before;
    tiny.rlim_cur = 10;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    bal_status status[4];
    char messages[4][BAL_ERROR_LENGTH];
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tiny), 0);
    status[0] = bal_file_write(ctx, path, big, sizeof big);
    strcpy(messages[0], bal_error(ctx));
    status[1] = bal_file_write(ctx, path, big, 11);
    strcpy(messages[1], bal_error(ctx));
    bal_writer *w;
    status[2] = bal_writer_open(&w, ctx, path);
    if (status[2] == BAL_OK) {
        for (int i = 0; i < 100; i++)
            fprintf(bal_writer_stream(w), "%.999s\n", big);
        status[2] = bal_writer_commit(&w);
    }
    strcpy(messages[2], bal_error(ctx));
    status[3] = bal_file_append_line(ctx, path, "more than that");
    strcpy(messages[3], bal_error(ctx));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(status[i], BAL_IO);
        assert_non_null(strstr(messages[i], "state.bin"));
        assert_non_null(strstr(messages[i], "File too large"));
    }
    bal_bytes bytes;
    test_ok(ctx, bal_file_read(ctx, path, 100, &bytes));
    assert_true(bytes.count >= 8 && memcmp(bytes.data, "precious", 8) == 0);
    bal_bytes_free(ctx, &bytes);
    assert_int_equal(entries(folder), 1);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

static void lines_are_appended(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder();
    const char *path = test_path(folder, "metrics.jsonl");
    test_ok(ctx, bal_file_append_line(ctx, path, "{\"epoch\":1}"));
    test_ok(ctx, bal_file_append_line(ctx, path, "{\"epoch\":2}"));
    file_is(ctx, path, "{\"epoch\":1}\n{\"epoch\":2}\n");
    test_fails(ctx, bal_file_append_line(ctx, folder, "x"), BAL_IO, folder, "directory", NULL);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

static bal_status write_once(bal_ctx *ctx, void *folder)
{
    BAL_TRY(bal_make_folders(ctx, test_path(folder, "p/q")));
    BAL_TRY(bal_file_append_line(ctx, test_path(folder, "lines"), "x"));
    return bal_file_write(ctx, test_path(folder, "p/q/f"), "text", 4);
}

static void no_memory_is_survived(void **state)
{
    (void)state;
    char *folder = test_folder();
    test_allocation_failures(write_once, folder);
    assert_int_equal(entries(test_path(folder, "p/q")), 1);
    test_folder_remove(folder);
}

static void csv_fields_are_quoted_where_they_must(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } rows[] = {{"plain", "plain"},   {"", ""},
                {"a,b", "\"a,b\""},   {"say \"x\"", "\"say \"\"x\"\"\""},
                {"a\nb", "\"a\nb\""}, {" a ", " a "},
                {"\r", "\"\r\""}};
    for (size_t i = 0; i < BAL_COUNT_OF(rows); i++) {
        char text[64] = "";
        FILE *f = fmemopen(text, sizeof text, "w");
        assert_non_null(f);
        bal_csv_field(f, rows[i].in);
        fclose(f);
        assert_string_equal(text, rows[i].out);
    }
}

static bal_status some_json(bal_ctx *ctx, void *user)
{
    json_t *object = json_object();
    json_object_set_new(object, "z", bal_json_real(0.1));
    json_object_set_new(object, "a", bal_json_real(NAN));
    json_object_set_new(object, "b", bal_json_real(-INFINITY));
    char *text = bal_json_text(ctx, object, false);
    json_decref(object);
    if (!text)
        return BAL_NO_MEMORY;
    if (user)
        strcpy(user, text);
    bal_free(ctx, text);
    return BAL_OK;
}

static void undefined_numbers_are_null(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char text[256];
    test_ok(ctx, some_json(ctx, text));
    assert_string_equal(text, "{\"z\":0.10000000000000001,\"a\":null,\"b\":null}");
    json_t *list = json_pack("[i]", 1);
    char *indented = bal_json_text(ctx, list, true);
    assert_string_equal(indented, "[\n  1\n]");
    bal_free(ctx, indented);
    json_decref(list);
    test_allocation_failures(some_json, NULL);
    bal_ctx_close(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commit_replaces_the_old_file),
        cmocka_unit_test(abandon_leaves_nothing),
        cmocka_unit_test(a_missing_folder_is_named),
        cmocka_unit_test(folders_and_devices_are_not_replaced),
        cmocka_unit_test(a_full_disk_leaves_the_old_file),
        cmocka_unit_test(lines_are_appended),
        cmocka_unit_test(no_memory_is_survived),
        cmocka_unit_test(csv_fields_are_quoted_where_they_must),
        cmocka_unit_test(undefined_numbers_are_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
