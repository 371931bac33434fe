/* Known names: the places, their order, and what is said when nothing is there. */
#include "helpers/helpers.h"
#include "helpers/sets.h"

#include "ballast/data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void make(const char *folder, const char *name)
{
    assert_int_equal(mkdir(test_path(folder, name), 0777), 0);
}

static void found_at(bal_ctx *ctx, const char *name, const char *folder, const char *below)
{
    char *path, wanted[4096];
    snprintf(wanted, sizeof wanted, "%s%s", folder, below);
    test_ok(ctx, bal_known_dataset_find(ctx, name, &path));
    assert_non_null(path);
    assert_string_equal(path, wanted);
    bal_release(ctx, path);
}

static void not_found(bal_ctx *ctx, const char *name)
{
    char *path;
    test_ok(ctx, bal_known_dataset_find(ctx, name, &path));
    assert_null(path);
}

static void places_are_searched_in_order(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *data = test_folder(), *cache = test_folder();
    setenv("BALLAST_DATA", data, 1);
    setenv("XDG_CACHE_HOME", cache, 1);
    not_found(ctx, "cifar10");
    make(cache, "ballast");
    make(cache, "ballast/cifar10");
    test_write_cifar10_set(test_path(cache, "ballast/cifar10"), 10);
    found_at(ctx, "cifar10", cache, "/ballast/cifar10");
    make(data, "cifar10");
    found_at(ctx, "cifar10", cache, "/ballast/cifar10"); /* an empty folder holds nothing */
    make(data, "cifar10/cifar-10-batches-bin");
    test_write_cifar10_set(test_path(data, "cifar10/cifar-10-batches-bin"), 10);
    found_at(ctx, "cifar10", data, "/cifar10/cifar-10-batches-bin");
    make(data, "cifar-10-batches-bin");
    test_write_cifar10_set(test_path(data, "cifar-10-batches-bin"), 10);
    found_at(ctx, "cifar10", data, "/cifar-10-batches-bin");
    not_found(ctx, "cifar100");
    make(data, "MNIST");
    make(data, "MNIST/raw");
    test_write_idx_set(test_path(data, "MNIST/raw"), 20, 10, true);
    found_at(ctx, "mnist", data, "/MNIST/raw");
    /* the place itself: only where it cannot be another set of the same format */
    setenv("BALLAST_DATA", test_path(data, "cifar-10-batches-bin"), 1);
    found_at(ctx, "cifar10", test_path(data, "cifar-10-batches-bin"), "");
    setenv("BALLAST_DATA", test_path(data, "MNIST/raw"), 1);
    found_at(ctx, "mnist", test_path(data, "MNIST/raw"), "");
    unsetenv("BALLAST_DATA");
    unsetenv("XDG_CACHE_HOME");
    setenv("HOME", cache, 1);
    not_found(ctx, "cifar10");
    assert_int_equal(rename(test_path(cache, "ballast"), test_path(cache, "x")), 0);
    make(cache, ".cache");
    assert_int_equal(rename(test_path(cache, "x"), test_path(cache, ".cache/ballast")), 0);
    found_at(ctx, "cifar10", cache, "/.cache/ballast/cifar10");
    test_folder_remove(data);
    test_folder_remove(cache);
    bal_ctx_close(&ctx);
}

static void names_open_with_their_classes(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *data = test_folder();
    setenv("BALLAST_DATA", data, 1);
    make(data, "fashion-mnist");
    test_write_idx_set(test_path(data, "fashion-mnist"), 20, 10, false);
    bal_dataset *d;
    test_ok(ctx, bal_dataset_open(&d, ctx, "fashion-mnist", NULL));
    const bal_dataset_info info = bal_dataset_describe(d);
    assert_string_equal(info.name, "fashion-mnist");
    assert_string_equal(info.path, test_path(data, "fashion-mnist"));
    assert_string_equal(bal_dataset_class_name(d, 0), "T-shirt/top");
    bal_dataset_close(&d);
    /* the same by its path; under another name the classes are numbers */
    test_ok(ctx, bal_dataset_open(&d, ctx, test_path(data, "fashion-mnist/"), NULL));
    assert_string_equal(bal_dataset_class_name(d, 8), "Bag");
    bal_dataset_close(&d);
    assert_int_equal(rename(test_path(data, "fashion-mnist"), test_path(data, "mine")), 0);
    test_ok(ctx, bal_dataset_open(&d, ctx, test_path(data, "mine"), NULL));
    assert_string_equal(bal_dataset_describe(d).name, "mine");
    assert_string_equal(bal_dataset_class_name(d, 8), "8");
    bal_dataset_close(&d);
    unsetenv("BALLAST_DATA");
    test_folder_remove(data);
    bal_ctx_close(&ctx);
}

static void absent_and_unknown_names_are_explained(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *data = test_folder();
    bal_dataset *d;
    setenv("BALLAST_DATA", data, 1);
    setenv("XDG_CACHE_HOME", data, 1);
    test_fails(ctx, bal_dataset_open(&d, ctx, "cifar100", NULL), BAL_BAD_DATA,
               "cifar100 is not on this machine", data, "ballast data get cifar100",
               "cifar-100-binary.tar.gz", NULL);
    assert_null(d);
    test_fails(ctx, bal_dataset_open(&d, ctx, "cifar-10", NULL), BAL_BAD_DATA,
               "did you mean \"cifar10\"", NULL);
    test_fails(ctx, bal_dataset_open(&d, ctx, "fashion-mnits", NULL), BAL_BAD_DATA,
               "did you mean \"fashion-mnist\"", NULL);
    test_fails(ctx, bal_dataset_open(&d, ctx, "zebras", NULL), BAL_BAD_DATA, "zebras",
               "not a known data set", "cifar100", NULL);
    char *path;
    test_fails(ctx, bal_known_dataset_find(ctx, "zebras", &path), BAL_BAD_DATA, "zebras", NULL);
    unsetenv("BALLAST_DATA");
    unsetenv("XDG_CACHE_HOME");
    test_folder_remove(data);
    bal_ctx_close(&ctx);
}

static void lists_end(void **state)
{
    (void)state;
    int known = 0, formats = 0;
    for (const bal_known_dataset *row; (row = bal_known_dataset_at(known)); known++)
        assert_true(*row->name && *row->about && *row->how_to_get && *row->licence);
    for (const bal_format_info *row; (row = bal_format_at(formats)); formats++)
        assert_true(*row->name && *row->about);
    assert_true(known >= 4);
    assert_true(formats >= 4);
    assert_null(bal_known_dataset_at(-1));
    assert_null(bal_format_at(-1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_are_searched_in_order),
        cmocka_unit_test(names_open_with_their_classes),
        cmocka_unit_test(absent_and_unknown_names_are_explained),
        cmocka_unit_test(lists_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
