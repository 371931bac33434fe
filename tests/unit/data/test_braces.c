/* Braces as a shell expands them; the expected texts are bash's. */
#include "helpers/helpers.h"

#include "data/shards/braces.h"

#include <stdio.h>
#include <string.h>

static const struct row {
    const char *text, *expanded; /* blanks between */
} rows[] = {
    {"x.tar", "x.tar"},
    {"s-{000000..000002}.tar", "s-000000.tar s-000001.tar s-000002.tar"},
    {"s-{8..11}.tar", "s-8.tar s-9.tar s-10.tar s-11.tar"},
    {"s-{08..11}.tar", "s-08.tar s-09.tar s-10.tar s-11.tar"},
    {"s-{8..011}.tar", "s-008.tar s-009.tar s-010.tar s-011.tar"},
    {"s-{3..1}", "s-3 s-2 s-1"},
    {"{0..0}", "0"},
    {"s-{00..00}", "s-00"},
    {"{train,val}-{0..1}.tar", "train-0.tar train-1.tar val-0.tar val-1.tar"},
    {"a{,b}c", "ac abc"},
    {"a{b,}c", "abc ac"},
    {"{a,b{1..2},c}", "a b1 b2 c"},
    {"{{a,b},{c,d}}{1,2}", "a1 a2 b1 b2 c1 c2 d1 d2"},
    {"{x}.tar", "{x}.tar"},
    {"{x{1..2}}", "{x1} {x2}"},
    {"{x{a,b}", "{xa {xb"},
    {"{}-{1..}-{..2}-{1..2..3}", "{}-{1..}-{..2}-{1..2..3}"},
    {"a}{1,2}", "a}1 a}2"},
    {"{1..2", "{1..2"},
};

static void texts_are_those_of_a_shell(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    for (size_t i = 0; i < BAL_COUNT_OF(rows); i++) {
        bal_texts texts;
        char got[256] = "";
        test_ok(ctx, bal_braces_expand(ctx, rows[i].text, 100, &texts));
        for (size_t k = 0; k < texts.count; k++) {
            const size_t at = strlen(got);
            snprintf(got + at, sizeof got - at, "%s%s", k ? " " : "", texts.items[k]);
        }
        assert_string_equal(got, rows[i].expanded);
        assert_int_equal(bal_braces_in(rows[i].text), strcmp(rows[i].text, rows[i].expanded) != 0);
        bal_texts_free(ctx, &texts);
    }
    bal_ctx_close(&ctx);
}

static void too_much_is_refused(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_texts texts;
    char many[128] = "", deep[256] = "";
    for (int i = 0; i < 17; i++) {
        strcat(many, "{0}");
        strcat(deep, "{1,2}");
    }
    test_ok(ctx, bal_braces_expand(ctx, many, 10, &texts)); /* no groups at all */
    assert_int_equal(texts.count, 1);
    bal_texts_free(ctx, &texts);
    test_ok(ctx, bal_braces_expand(ctx, "{1..10}", 10, &texts));
    bal_texts_free(ctx, &texts);
    test_fails(ctx, bal_braces_expand(ctx, "x{1..11}", 10, &texts), BAL_BAD_ARG, "x{1..11}",
               "more than 10 names", NULL);
    assert_null(texts.items);
    test_fails(ctx, bal_braces_expand(ctx, "{0..999999999}{0..999999999}", 1000, &texts),
               BAL_BAD_ARG, "more than 1000", NULL);
    test_fails(ctx, bal_braces_expand(ctx, deep, SIZE_MAX, &texts), BAL_BAD_ARG, "16 groups", NULL);
    char longest[8200];
    memset(longest, 'a', sizeof longest);
    memcpy(longest, "{1,2}", 5);
    longest[sizeof longest - 1] = '\0';
    test_fails(ctx, bal_braces_expand(ctx, longest, 10, &texts), BAL_BAD_ARG, "too long", NULL);
    bal_ctx_close(&ctx);
}

static bal_status expand_and_free(bal_ctx *ctx, void *user)
{
    bal_texts texts;
    BAL_TRY(bal_braces_expand(ctx, user, 100, &texts));
    bal_texts_free(ctx, &texts);
    return BAL_OK;
}

static void no_memory_is_survived(void **state)
{
    (void)state;
    char pattern[] = "{a,b}-{00..20}";
    test_allocation_failures(expand_and_free, pattern);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_those_of_a_shell),
        cmocka_unit_test(too_much_is_refused),
        cmocka_unit_test(no_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
