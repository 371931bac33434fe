/* Getting a data set: the table, files as they are, archives, going on after a failure, and the
 * real Fashion-MNIST where Debian's package is. */
#include "helpers/helpers.h"
#include "helpers/sets.h"
#include "helpers/tars.h"

#include "base/cursor.h"
#include "data/known/download.h"
#include "data/known/known.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct fixture {
    bal_ctx *ctx;
    char *folder, *data;
    char mirror[512];
    char sums[BAL_KNOWN_FILES][BAL_SUM_LENGTH];
    bal_get_settings s;
    bal_get_progress last;
    int calls;
} fixture;

static void on_progress(void *user, const bal_get_progress *progress)
{
    fixture *f = user;
    f->last = *progress;
    f->calls++;
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->ctx = test_ctx_threads(1);
    f->folder = test_folder();
    f->data = test_folder();
    assert_int_equal(mkdir(test_path(f->folder, "mirror"), 0777), 0);
    snprintf(f->mirror, sizeof f->mirror, "file://%s/mirror", f->folder);
    f->s = bal_get_defaults();
    f->s.out = f->data;
    f->s.mirror = f->mirror;
    f->s.wait = 0;
    f->s.progress = on_progress;
    f->s.progress_user = f;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    test_folder_remove(f->folder);
    test_folder_remove(f->data);
    bal_ctx_close(&f->ctx);
    free(f);
    return 0;
}

static bool is_there(const char *folder, const char *name)
{
    return access(test_path(folder, name), F_OK) == 0;
}

/* A row of IDX files that lie in mirror/, with their sums. */
static bal_known_row idx_row(fixture *f)
{
    static const char *const names[BAL_KNOWN_FILES] = {
        "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz",
        "t10k-labels-idx1-ubyte.gz"};
    bal_known_row row = {
        .about = {.name = "toy"}, .format = "idx", .folders = {"toy"}, .classes = 3};
    test_write_idx_set(test_path(f->folder, "mirror"), 30, 3, true);
    for (int i = 0; i < BAL_KNOWN_FILES; i++) {
        char path[1024];
        struct stat info;
        snprintf(path, sizeof path, "%s/mirror/%s", f->folder, names[i]);
        const bal_sum_kind kind = i == 1 ? BAL_SUM_MD5 : BAL_SUM_SHA256;
        test_ok(f->ctx, bal_sum_file(f->ctx, path, kind, f->sums[i]));
        assert_int_equal(stat(path, &info), 0);
        row.files[i] = (bal_known_file){.folder = "https://nowhere.invalid/",
                                        .name = names[i],
                                        .bytes = i == 2 ? 0 : (int64_t)info.st_size,
                                        .kind = kind,
                                        .sum = f->sums[i]};
    }
    return row;
}

/* An archive of CIFAR-10 in mirror/. */
static bal_known_row cifar_row(fixture *f, const char *link)
{
    bal_known_row row = {.about = {.name = "cifar10"},
                         .format = "cifar10",
                         .folders = {"cifar10"},
                         .classes = 10,
                         .inside = "cifar-10-batches-bin"};
    test_tar tar = {0};
    char name[64];
    for (int batch = 1; batch <= 6; batch++) {
        size_t bytes;
        uint8_t *records = test_cifar_records(10, 1, 0, 10, &bytes);
        if (batch <= 5)
            snprintf(name, sizeof name, "cifar-10-batches-bin/data_batch_%d.bin", batch);
        else
            snprintf(name, sizeof name, "cifar-10-batches-bin/test_batch.bin");
        test_tar_file(&tar, name, records, bytes);
        free(records);
    }
    if (link)
        test_tar_add(&tar, &(test_tar_entry){.name = "cifar-10-batches-bin/readme.html",
                                             .type = '2',
                                             .link = link});
    test_tar_write_packed(&tar, test_path(f->folder, "mirror/c.tar.gz"), "gzip");
    test_ok(f->ctx, bal_sum_file(f->ctx, test_path(f->folder, "mirror/c.tar.gz"), BAL_SUM_SHA256,
                                 f->sums[0]));
    row.files[0] = (bal_known_file){.folder = "https://nowhere.invalid/",
                                    .name = "c.tar.gz",
                                    .kind = BAL_SUM_SHA256,
                                    .sum = f->sums[0]};
    return row;
}

static void the_table_is_sound(void **state)
{
    (void)state;
    const bal_known_row *row;
    int i = 0;
    for (; (row = bal_known_row_at(i)); i++) {
        assert_ptr_equal(bal_known_row_named(row->about.name), row);
        assert_string_equal(row->folders[0], row->about.name);
        assert_non_null(bal_reader_named(row->format));
        assert_true(row->classes >= 2);
        assert_true(*row->about.licence && *row->about.about && *row->about.how_to_get);
        for (int c = 0; row->class_names && c < row->classes; c++)
            assert_true(*row->class_names[c]);
        assert_non_null(row->files[0].name);
        assert_true(!row->inside || !row->files[1].name);
        for (int k = 0; k < BAL_KNOWN_FILES && row->files[k].name; k++) {
            const bal_known_file *file = &row->files[k];
            assert_true(bal_download_can(file->folder));
            assert_int_equal(file->folder[strlen(file->folder) - 1], '/');
            assert_null(strpbrk(file->name, "/?"));
            assert_int_equal(strlen(file->sum), file->kind == BAL_SUM_MD5 ? 32 : 64);
            for (const char *c = file->sum; *c; c++)
                assert_true(isxdigit((unsigned char)*c) && !isupper((unsigned char)*c));
            for (int other = 0; other < i; other++) /* a sum that was copied twice */
                for (int o = 0; o < BAL_KNOWN_FILES; o++)
                    if (bal_known_row_at(other)->files[o].sum)
                        assert_string_not_equal(file->sum, bal_known_row_at(other)->files[o].sum);
        }
    }
    assert_true(i >= 15);
}

static void files_become_a_folder(void **state)
{
    fixture *f = *state;
    const bal_known_row row = idx_row(f);
    char *path;
    bal_dataset *d;
    test_ok(f->ctx, bal_known_row_get(f->ctx, &row, &f->s, &path));
    assert_string_equal(path, test_path(f->data, "toy"));
    assert_false(is_there(f->data, "toy.part"));
    assert_true(f->calls >= 4);
    assert_int_equal(f->last.number, 4);
    assert_int_equal(f->last.files, 4);
    assert_string_equal(f->last.file, "t10k-labels-idx1-ubyte.gz");
    assert_false(f->last.unpacking);
    test_ok(f->ctx, bal_dataset_open(&d, f->ctx, path, NULL));
    assert_int_equal(bal_dataset_describe(d).classes, 3);
    bal_dataset_close(&d);
    bal_release(f->ctx, path);
    /* it is there now: nothing is loaded */
    f->calls = 0;
    f->s.mirror = "file:///nowhere";
    test_ok(f->ctx, bal_known_row_get(f->ctx, &row, &f->s, &path));
    assert_string_equal(path, test_path(f->data, "toy"));
    assert_int_equal(f->calls, 0);
    bal_release(f->ctx, path);
}

static void archives_become_a_folder(void **state)
{
    fixture *f = *state;
    const bal_known_row row = cifar_row(f, NULL);
    char *path;
    bal_dataset *d;
    test_ok(f->ctx, bal_known_row_get(f->ctx, &row, &f->s, &path));
    assert_string_equal(path, test_path(f->data, "cifar10"));
    assert_false(is_there(f->data, "cifar10.part"));
    assert_true(f->last.unpacking);
    test_ok(f->ctx, bal_dataset_open(&d, f->ctx, path, NULL));
    assert_string_equal(bal_dataset_class_name(d, 3), "cat");
    bal_dataset_close(&d);
    bal_release(f->ctx, path);
}

static void a_hostile_archive_leaves_nothing_behind(void **state)
{
    fixture *f = *state;
    const bal_known_row row = cifar_row(f, "/etc/passwd");
    char *path;
    test_fails(f->ctx, bal_known_row_get(f->ctx, &row, &f->s, &path), BAL_BAD_FILE, "c.tar.gz",
               "readme.html\" is a link", NULL);
    assert_null(path);
    assert_false(is_there(f->data, "cifar10"));
    assert_false(is_there(f->data, "cifar10.part/unpacked"));
    /* an archive without the folder that is expected in it */
    bal_known_row other = cifar_row(f, NULL);
    other.inside = "cifar-10";
    test_fails(f->ctx, bal_known_row_get(f->ctx, &other, &f->s, &path), BAL_BAD_FILE, "c.tar.gz",
               "has no folder cifar-10", NULL);
    assert_false(is_there(f->data, "cifar10"));
}

static void failures_are_gone_on_from(void **state)
{
    fixture *f = *state;
    const bal_known_row row = idx_row(f);
    char *path;
    const char *third = test_path(f->folder, "mirror/t10k-images-idx3-ubyte.gz");
    const char *away = test_path(f->folder, "away");
    assert_int_equal(rename(third, away), 0);
    test_fails(f->ctx, bal_known_row_get(f->ctx, &row, &f->s, &path), BAL_IO,
               "t10k-images-idx3-ubyte.gz", NULL);
    assert_null(path);
    assert_true(is_there(f->data, "toy.part/train-labels-idx1-ubyte.gz"));
    assert_false(is_there(f->data, "toy"));
    assert_int_equal(rename(away, third), 0);
    /* what came is not loaded again, also where the mirror has not got it any more */
    unlink(test_path(f->folder, "mirror/train-images-idx3-ubyte.gz"));
    test_ok(f->ctx, bal_known_row_get(f->ctx, &row, &f->s, &path));
    bal_release(f->ctx, path);
    assert_true(is_there(f->data, "toy/train-images-idx3-ubyte.gz"));
    assert_false(is_there(f->data, "toy.part"));
}

static void wrong_sums_are_refused(void **state)
{
    fixture *f = *state;
    bal_known_row row = idx_row(f);
    char *path, md5[BAL_SUM_LENGTH];
    snprintf(md5, sizeof md5, "%s", f->sums[1]);
    f->sums[1][0] = f->sums[1][0] == '0' ? '1' : '0';
    test_fails(f->ctx, bal_known_row_get(f->ctx, &row, &f->s, &path), BAL_BAD_FILE,
               "train-labels-idx1-ubyte.gz", "its MD5 is", md5, f->sums[1], NULL);
    assert_false(is_there(f->data, "toy"));
    assert_false(is_there(f->data, "toy.part/train-labels-idx1-ubyte.gz"));
    assert_false(is_there(f->data, "toy.part/train-labels-idx1-ubyte.gz.part"));
    row.files[1].sum = md5;
    test_ok(f->ctx, bal_known_row_get(f->ctx, &row, &f->s, &path));
    bal_release(f->ctx, path);
}

static void what_is_in_the_way_is_named(void **state)
{
    fixture *f = *state;
    const bal_known_row row = idx_row(f);
    char *path;
    assert_int_equal(mkdir(test_path(f->data, "toy"), 0777), 0);
    test_write_file(test_path(f->data, "toy/mine"), "x", 1);
    test_fails(f->ctx, bal_known_row_get(f->ctx, &row, &f->s, &path), BAL_IO,
               "/toy: is there already, and is not toy (idx)", NULL);
    assert_true(is_there(f->data, "toy/mine"));
    unlink(test_path(f->data, "toy/mine")); /* an empty folder is in nobody's way */
    assert_int_equal(mkdir(test_path(f->data, "toy.part"), 0777), 0);
    const int lock = open(test_path(f->data, "toy.part"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0);
    test_fails(f->ctx, bal_known_row_get(f->ctx, &row, &f->s, &path), BAL_IO,
               "toy.part: another process", NULL);
    close(lock);
    test_ok(f->ctx, bal_known_row_get(f->ctx, &row, &f->s, &path));
    bal_release(f->ctx, path);
    f->s.out = NULL;
    unsetenv("BALLAST_DATA");
    char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char *kept[2] = {cache ? strdup(cache) : NULL, home ? strdup(home) : NULL};
    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    test_fails(f->ctx, bal_known_row_get(f->ctx, &row, &f->s, &path), BAL_IO, "BALLAST_DATA", NULL);
    if (kept[0])
        setenv("XDG_CACHE_HOME", kept[0], 1);
    if (kept[1])
        setenv("HOME", kept[1], 1);
    free(kept[0]);
    free(kept[1]);
}

static void settings_are_checked(void **state)
{
    fixture *f = *state;
    char *path;
    static const struct {
        bal_get_settings s;
        const char *said;
    } rows[] = {
        {{.timeout = 0, .attempts = 1}, "timeout is 0"},
        {{.timeout = 3601, .attempts = 1}, "timeout is 3601"},
        {{.timeout = 1, .attempts = 0}, "attempts is 0"},
        {{.timeout = 1, .attempts = 1, .wait = -1}, "wait is -1"},
        {{.timeout = 1, .attempts = 1, .wait = 61}, "wait is 61"},
        {{.timeout = 1, .attempts = 1, .mirror = "/data"}, "mirror is \"/data\""},
        {{.timeout = 1, .attempts = 1, .mirror = "ftp://x"}, "mirror is \"ftp://x\""},
    };
    for (size_t i = 0; i < BAL_COUNT_OF(rows); i++)
        test_fails(f->ctx, bal_known_dataset_get(f->ctx, "mnist", &rows[i].s, &path), BAL_BAD_ARG,
                   rows[i].said, NULL);
    test_fails(f->ctx, bal_known_dataset_get(f->ctx, "mnits", NULL, &path), BAL_BAD_DATA,
               "did you mean \"mnist\"", NULL);
    assert_null(path);
}

/* Debian has compressed the files again: the headers of gzip lack the name and have another time.
 * With both put back they are the publisher's, as their sums prove. */
static void fashion_mnist_from_a_mirror(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *name;
        uint32_t time;
    } files[] = {{"train-images-idx3-ubyte", 1504176606},
                 {"train-labels-idx1-ubyte", 1504176606},
                 {"t10k-images-idx3-ubyte", 1504176627},
                 {"t10k-labels-idx1-ubyte", 1504176627}};
    for (size_t i = 0; i < BAL_COUNT_OF(files); i++) {
        char path[256], to[600];
        bal_bytes file;
        snprintf(path, sizeof path, "/usr/share/datasets/fashion-mnist/%s.gz", files[i].name);
        if (access(path, R_OK) != 0) {
            assert_null(getenv("BALLAST_REQUIRE_DATA"));
            skip();
        }
        test_ok(f->ctx, bal_file_read(f->ctx, path, (size_t)1 << 28, &file));
        snprintf(to, sizeof to, "%s/mirror/%s.gz", f->folder, files[i].name);
        FILE *out = fopen(to, "wb");
        assert_non_null(out);
        const uint32_t t = files[i].time;
        const unsigned char head[10] = {0x1f,
                                        0x8b,
                                        8,
                                        8,
                                        (unsigned char)t,
                                        (unsigned char)(t >> 8),
                                        (unsigned char)(t >> 16),
                                        (unsigned char)(t >> 24),
                                        0,
                                        3};
        fwrite(head, 1, sizeof head, out);
        fwrite(files[i].name, 1, strlen(files[i].name) + 1, out);
        fwrite(file.data + 10, 1, file.count - 10, out);
        assert_int_equal(fclose(out), 0);
        bal_bytes_free(f->ctx, &file);
    }
    char *path;
    bal_dataset *d;
    test_ok(f->ctx, bal_known_dataset_get(f->ctx, "fashion-mnist", &f->s, &path));
    assert_string_equal(path, test_path(f->data, "fashion-mnist"));
    test_ok(f->ctx, bal_dataset_open(&d, f->ctx, path, NULL));
    assert_int_equal(bal_dataset_describe(d).items[BAL_SPLIT_TEST], 10000);
    assert_string_equal(bal_dataset_class_name(d, 9), "Ankle boot");
    bal_dataset_close(&d);
    bal_release(f->ctx, path);
}

static bal_status get_once(bal_ctx *ctx, void *user)
{
    fixture *f = user;
    const bal_known_row row = cifar_row(f, NULL);
    char *path;
    test_folder_remove(f->data);
    f->data = test_folder();
    f->s.out = f->data;
    BAL_TRY(bal_known_row_get(ctx, &row, &f->s, &path));
    bal_release(ctx, path);
    return BAL_OK;
}

static void no_memory_is_survived(void **state)
{
    test_allocation_failures(get_once, *state);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_sound), TEST(files_become_a_folder),
        TEST(archives_become_a_folder),       TEST(a_hostile_archive_leaves_nothing_behind),
        TEST(failures_are_gone_on_from),      TEST(wrong_sums_are_refused),
        TEST(what_is_in_the_way_is_named),    TEST(settings_are_checked),
        TEST(fashion_mnist_from_a_mirror),    TEST(no_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
