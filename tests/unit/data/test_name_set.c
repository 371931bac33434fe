/* The set of numbered names. */
#include "helpers/helpers.h"

#include "data/readers/name_set.h"

#include <stdio.h>
#include <string.h>

#define MANY 5000

static void numbers_stay(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_name_set set = {0};
    char name[32];
    int64_t number;
    assert_int_equal(bal_name_set_find(&set, "n0"), -1);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < MANY; i++) {
            snprintf(name, sizeof name, "n%d", i);
            test_ok(ctx, bal_name_set_add(&set, ctx, name, &number));
            assert_int_equal(number, i);
        }
    }
    assert_int_equal(set.count, MANY);
    for (int i = MANY - 1; i >= 0; i--) {
        snprintf(name, sizeof name, "n%d", i);
        assert_int_equal(bal_name_set_find(&set, name), i);
        assert_string_equal(set.names[i], name);
    }
    assert_int_equal(bal_name_set_find(&set, "n5000"), -1);
    assert_int_equal(bal_name_set_find(&set, ""), -1);
    bal_name_set_free(ctx, &set);
    assert_int_equal(bal_name_set_find(&set, "n1"), -1);
    bal_ctx_close(&ctx);
}

/* Texts of all lengths: longer than a block too, and those given out before stay where they are. */
static void texts_do_not_move(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_name_set set = {0};
    static char name[300000];
    const char *kept[400];
    int64_t number;
    for (size_t i = 0; i < BAL_COUNT_OF(kept); i++) {
        const size_t length = i * i * (i % 50 == 0 ? 1 : 0) + i;
        memset(name, 'a' + (int)(i % 26), length);
        name[length] = '\0';
        test_ok(ctx, bal_name_set_add(&set, ctx, name, &number));
        assert_int_equal(number, i);
        kept[i] = set.names[i];
    }
    for (size_t i = 0; i < BAL_COUNT_OF(kept); i++) {
        const size_t length = i * i * (i % 50 == 0 ? 1 : 0) + i;
        assert_ptr_equal(kept[i], set.names[i]);
        assert_int_equal(strlen(kept[i]), length);
        assert_true(length == 0 || kept[i][length - 1] == 'a' + (int)(i % 26));
        assert_int_equal(bal_name_set_find(&set, kept[i]), i);
    }
    bal_name_set_free(ctx, &set);
    bal_ctx_close(&ctx);
}

static void the_hash_is_fnv_1a(void **state)
{
    (void)state;
    /* the test vectors of draft-eastlake-fnv */
    assert_true(bal_text_hash("") == UINT64_C(0xcbf29ce484222325));
    assert_true(bal_text_hash("a") == UINT64_C(0xaf63dc4c8601ec8c));
    assert_true(bal_text_hash("foobar") == UINT64_C(0x85944171f73967e8));
}

static bal_status add_many(bal_ctx *ctx, void *user)
{
    (void)user;
    bal_name_set set = {0};
    bal_status status = BAL_OK;
    for (int i = 0; status == BAL_OK && i < 100; i++) {
        char name[16];
        int64_t number;
        snprintf(name, sizeof name, "%d", i);
        status = bal_name_set_add(&set, ctx, name, &number);
    }
    bal_name_set_free(ctx, &set);
    return status;
}

static void no_memory_is_survived(void **state)
{
    (void)state;
    test_allocation_failures(add_many, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_stay),
        cmocka_unit_test(texts_do_not_move),
        cmocka_unit_test(the_hash_is_fnv_1a),
        cmocka_unit_test(no_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
