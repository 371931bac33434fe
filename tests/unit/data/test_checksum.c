/* Sums of files against the vectors of their standards. */
#include "helpers/helpers.h"

#include "data/known/checksum.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct row {
    const char *text, *sha256, *md5;
} rows[] = {
    /* RFC 1321, FIPS 180-2 */
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
     "d41d8cd98f00b204e9800998ecf8427e"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
     "900150983cd24fb0d6963f7d28e17f72"},
};

static void sums_are_those_of_the_standards(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    char *folder = test_folder(), text[BAL_SUM_LENGTH];
    const char *path = test_path(folder, "f");
    for (size_t i = 0; i < BAL_COUNT_OF(rows); i++) {
        test_write_file(path, rows[i].text, strlen(rows[i].text));
        test_ok(ctx, bal_sum_file(ctx, path, BAL_SUM_SHA256, text));
        assert_string_equal(text, rows[i].sha256);
        test_ok(ctx, bal_sum_file(ctx, path, BAL_SUM_MD5, text));
        assert_string_equal(text, rows[i].md5);
    }
    /* a million times "a" (FIPS 180-2) is longer than a block of reading */
    char *a = malloc(1000000);
    assert_non_null(a);
    memset(a, 'a', 1000000);
    test_write_file(path, a, 1000000);
    free(a);
    test_ok(ctx, bal_sum_file(ctx, path, BAL_SUM_SHA256, text));
    assert_string_equal(text, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    test_fails(ctx, bal_sum_file(ctx, test_path(folder, "none"), BAL_SUM_MD5, text), BAL_IO, "none",
               "No such file", NULL);
    test_fails(ctx, bal_sum_file(ctx, folder, BAL_SUM_MD5, text), BAL_IO, folder, NULL);
    bal_ctx_interrupt(ctx);
    test_fails(ctx, bal_sum_file(ctx, path, BAL_SUM_MD5, text), BAL_INTERRUPTED, "interrupted",
               NULL);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_those_of_the_standards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
