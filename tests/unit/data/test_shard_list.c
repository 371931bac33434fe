/* Which files a place means, and the split of each. */
#include "helpers/helpers.h"

#include "data/shards/shard_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char warning[512];

static void keep_warning(void *user, bal_log_level level, const char *line)
{
    (void)user;
    if (level == BAL_LOG_WARN)
        snprintf(warning, sizeof warning, "%s", line);
}

static bal_ctx *listening_ctx(void)
{
    bal_ctx *ctx;
    const bal_ctx_settings settings = {.log = keep_warning, .threads = 1};
    assert_int_equal(bal_ctx_open(&ctx, &settings), BAL_OK);
    warning[0] = '\0';
    return ctx;
}

static void touch(const char *folder, const char *name)
{
    test_write_file(test_path(folder, name), "", 0);
}

static void make(const char *folder, const char *name)
{
    assert_int_equal(mkdir(test_path(folder, name), 0777), 0);
}

/* "train:x.tar val:y.tar" of the place folder/below. */
static void expect(bal_ctx *ctx, const char *folder, const char *below, const char *want)
{
    bal_shard_list list;
    char got[1024] = "";
    test_ok(ctx, bal_shard_list_read(ctx, test_path(folder, below), &list));
    for (size_t i = 0; i < list.count; i++) {
        const size_t at = strlen(got);
        snprintf(got + at, sizeof got - at, "%s%s:%s", i ? " " : "",
                 bal_split_name(list.files[i].split), list.files[i].path + list.files[i].name);
    }
    assert_string_equal(got, want);
    bal_shard_list_free(ctx, &list);
}

static void names_of_shards(void **state)
{
    (void)state;
    static const char *const yes[] = {"x.tar", "x.tar.gz", "x.tgz", "x.tar.zst", "x.y.tar"};
    static const char *const no[] = {
        ".tar", "x.tar.ballast-index", "x.tar.bz2", ".x.tar", "xtar", "x.TAR", "x.gz", ""};
    for (size_t i = 0; i < BAL_COUNT_OF(yes); i++)
        assert_true(bal_shard_has_name(yes[i]));
    for (size_t i = 0; i < BAL_COUNT_OF(no); i++)
        assert_false(bal_shard_has_name(no[i]));
}

static void places_are_probed(void **state)
{
    (void)state;
    char *folder = test_folder();
    assert_false(bal_shard_place(folder));
    touch(folder, "classnames.txt");
    assert_false(bal_shard_place(folder));
    touch(folder, "a.tar");
    touch(folder, "a.tar.ballast-index");
    assert_true(bal_shard_place(folder));
    assert_true(bal_shard_place(test_path(folder, "a.tar")));
    assert_false(bal_shard_place(test_path(folder, "b.tar"))); /* not there, and no pattern */
    assert_false(bal_shard_place(test_path(folder, "classnames.txt")));
    assert_true(bal_shard_place(test_path(folder, "b-{0..9}.tar")));
    assert_true(bal_shard_place("{a,b}.tar.zst"));
    assert_false(bal_shard_place("{a,b}.zip"));
    assert_false(bal_shard_place("{a}.tar"));
    assert_false(bal_shard_place("{a,b}.tar/x"));
    touch(folder, "1.png"); /* pictures beside: not ours */
    assert_false(bal_shard_place(folder));
    test_folder_remove(folder);

    folder = test_folder();
    make(folder, "train");
    touch(folder, "train/0.tar");
    assert_true(bal_shard_place(folder));
    touch(folder, "classnames.txt");
    make(folder, "test");
    assert_false(bal_shard_place(folder)); /* test is empty */
    touch(folder, "test/0.tar");
    assert_true(bal_shard_place(folder));
    make(folder, "other");
    assert_false(bal_shard_place(folder)); /* may be a folder of images */
    test_folder_remove(folder);
}

static void splits_are_words_of_the_name(void **state)
{
    (void)state;
    bal_ctx *ctx = listening_ctx();
    char *folder = test_folder();
    static const char *const names[] = {
        "set-train-0002.tar", "set-train-0010.tar", "set-validation-0.tar.gz",
        "test_set-val.1.tar", "set_test_00.tgz",    "latest-train-0.tar",
        "notes.txt"};
    for (size_t i = 0; i < BAL_COUNT_OF(names); i++)
        touch(folder, names[i]);
    expect(ctx, folder, "",
           "train:latest-train-0.tar train:set-train-0002.tar train:set-train-0010.tar "
           "val:set-validation-0.tar.gz val:test_set-val.1.tar test:set_test_00.tgz");
    /* the order of a pattern is the pattern's */
    expect(ctx, folder, "set-{test,train}-{0010..0002}.tar",
           "train:set-train-0010.tar train:set-train-0009.tar train:set-train-0008.tar "
           "train:set-train-0007.tar train:set-train-0006.tar train:set-train-0005.tar "
           "train:set-train-0004.tar train:set-train-0003.tar train:set-train-0002.tar "
           "test:set-test-0010.tar test:set-test-0009.tar test:set-test-0008.tar "
           "test:set-test-0007.tar test:set-test-0006.tar test:set-test-0005.tar "
           "test:set-test-0004.tar test:set-test-0003.tar test:set-test-0002.tar");
    /* one split alone is the whole set */
    expect(ctx, folder, "set_test_00.tgz", "train:set_test_00.tgz");
    expect(ctx, folder, "set-validation-{0,1}.tar.gz",
           "train:set-validation-0.tar.gz train:set-validation-1.tar.gz");
    assert_string_equal(warning, "");
    touch(folder, "more.tar");
    bal_shard_list list;
    test_fails(ctx, bal_shard_list_read(ctx, folder, &list), BAL_BAD_DATA,
               "more.tar: names no split", NULL);
    assert_null(list.files);
    expect(ctx, folder, "{more,set-train-0002}.tar", "train:more.tar train:set-train-0002.tar");
    assert_non_null(strstr(warning, "taken as one set"));
    test_fails(ctx, bal_shard_list_read(ctx, test_path(folder, "{more,more}.tar"), &list),
               BAL_BAD_DATA, "more.tar: is in the list of shards twice", NULL);
    test_fails(ctx, bal_shard_list_read(ctx, test_path(folder, "{0..999999}.tar"), &list),
               BAL_BAD_ARG, "more than 100000", NULL);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

static void splits_are_folders(void **state)
{
    (void)state;
    bal_ctx *ctx = listening_ctx();
    char *folder = test_folder();
    make(folder, "train");
    make(folder, "valid");
    make(folder, "test");
    touch(folder, "train/0.tar");
    touch(folder, "train/1.tar");
    touch(folder, "valid/0.tar");
    touch(folder, "test/0.tar");
    expect(ctx, folder, "", "train:train/0.tar train:train/1.tar val:valid/0.tar test:test/0.tar");
    expect(ctx, folder, "{test,train}/{0..1}.tar",
           "train:train/0.tar train:train/1.tar test:test/0.tar test:test/1.tar");
    expect(ctx, folder, "test", "train:0.tar");
    expect(ctx, folder, "test/0.tar", "train:0.tar");
    bal_shard_list list;
    test_ok(ctx, bal_shard_list_read(ctx, folder, &list));
    assert_string_equal(list.folder, folder);
    bal_shard_list_free(ctx, &list);
    test_ok(ctx, bal_shard_list_read(ctx, test_path(folder, "train/{0..1}.tar"), &list));
    assert_string_equal(list.folder, test_path(folder, "train/"));
    bal_shard_list_free(ctx, &list);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

static bal_status list_and_free(bal_ctx *ctx, void *folder)
{
    bal_shard_list list;
    BAL_TRY(bal_shard_list_read(ctx, folder, &list));
    bal_shard_list_free(ctx, &list);
    return BAL_OK;
}

static void no_memory_is_survived(void **state)
{
    (void)state;
    char *folder = test_folder();
    char pattern[512], name[32];
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "%s-%d.tar", i % 2 ? "train" : "test", i);
        touch(folder, name);
    }
    test_allocation_failures(list_and_free, folder);
    snprintf(pattern, sizeof pattern, "%s/{a,b}-{1..9}.tar", folder);
    test_allocation_failures(list_and_free, pattern);
    test_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_shards),
        cmocka_unit_test(places_are_probed),
        cmocka_unit_test(splits_are_words_of_the_name),
        cmocka_unit_test(splits_are_folders),
        cmocka_unit_test(no_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
