/* Options: the whole text or nothing, and "did you mean". */
#include "helpers/helpers.h"

#include "base/context.h"

#include <locale.h>
#include <string.h>

typedef struct settings {
    bool flag;
    int epochs;
    uint64_t seed;
    double lr;
    const char *name, *kind;
} settings;

#define FIELD(f) offsetof(settings, f)
enum { FLAG, EPOCHS, SEED, LR, NAME, KIND };
static const bal_option rows[] = {
    [FLAG] = {"flag", BAL_OPTION_FLAG, FIELD(flag), 0, 0, NULL, NULL, "a flag"},
    [EPOCHS] = {"epochs", BAL_OPTION_INT, FIELD(epochs), 1, 100000, "N", NULL, "passes"},
    [SEED] = {"seed", BAL_OPTION_SEED, FIELD(seed), 0, 0, "N", NULL, "seed"},
    [LR] = {"lr", BAL_OPTION_REAL, FIELD(lr), 1e-12, 1e3, "X", NULL, "rate"},
    [NAME] = {"name", BAL_OPTION_TEXT, FIELD(name), 0, 0, "TEXT", NULL, "name"},
    [KIND] = {"kind", BAL_OPTION_CHOICE, FIELD(kind), 0, 0, "K", "sgd|adam|sgdw", "kind"},
};

static void good_values_are_stored(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    settings s = {0};
    test_ok(ctx, bal_option_set(ctx, &rows[EPOCHS], &s, "--", "2000"));
    assert_int_equal(s.epochs, 2000);
    test_ok(ctx, bal_option_set(ctx, &rows[SEED], &s, "--", "18446744073709551615"));
    assert_true(s.seed == UINT64_MAX);
    test_ok(ctx, bal_option_set(ctx, &rows[LR], &s, "--", "2e-4"));
    assert_true(s.lr == 2e-4);
    test_ok(ctx, bal_option_set(ctx, &rows[LR], &s, "--", ".5"));
    assert_true(s.lr == 0.5);
    test_ok(ctx, bal_option_set(ctx, &rows[NAME], &s, "--", "my run"));
    assert_string_equal(s.name, "my run");
    test_ok(ctx, bal_option_set(ctx, &rows[KIND], &s, "--", "sgd"));
    assert_string_equal(s.kind, "sgd");
    test_ok(ctx, bal_option_set(ctx, &rows[FLAG], &s, "--", "yes"));
    assert_true(s.flag);
    test_ok(ctx, bal_option_set(ctx, &rows[FLAG], &s, "--", "false"));
    assert_false(s.flag);
    bal_ctx_close(&ctx);
}

static void bad_values_are_refused_and_change_nothing(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    settings s = {true, 7, 8, 0.5, "n", "adam"};
    test_fails(ctx, bal_option_set(ctx, &rows[EPOCHS], &s, "--", "2000*12"), BAL_BAD_ARG,
               "--epochs wants a whole number from 1 to 100000, got \"2000*12\"", NULL);
    static const struct {
        int row;
        const char *text;
    } bad[] = {
        {EPOCHS, ""},    {EPOCHS, " 5"},  {EPOCHS, "5 "},     {EPOCHS, "0"},
        {EPOCHS, "1.0"}, {EPOCHS, "1e2"}, {EPOCHS, "0x10"},   {EPOCHS, "100001"},
        {EPOCHS, "-3"},  {EPOCHS, "--3"}, {EPOCHS, "nan"},    {EPOCHS, "99999999999999999999"},
        {SEED, "-1"},    {SEED, ""},      {SEED, "1.5"},      {SEED, "18446744073709551616"},
        {SEED, " 1"},    {LR, "nan"},     {LR, "inf"},        {LR, "0"},
        {LR, "1e4"},     {LR, "0x1p-3"},  {LR, "0,1"},        {LR, "0.1x"},
        {LR, ""},        {LR, "1e999"},   {LR, "-0.1"},       {LR, "."},
        {NAME, ""},      {KIND, "sg"},    {KIND, "sgd|adam"}, {KIND, ""},
        {KIND, "SGD"},   {FLAG, "maybe"}, {FLAG, ""},
    };
    for (size_t i = 0; i < BAL_COUNT_OF(bad); i++)
        test_fails(ctx, bal_option_set(ctx, &rows[bad[i].row], &s, "", bad[i].text), BAL_BAD_ARG,
                   rows[bad[i].row].name, " wants ", NULL);
    assert_true(s.flag && s.epochs == 7 && s.seed == 8 && s.lr == 0.5);
    assert_string_equal(s.name, "n");
    assert_string_equal(s.kind, "adam");
    test_fails(ctx, bal_option_set(ctx, &rows[KIND], &s, "--", "rms"), BAL_BAD_ARG,
               "--kind wants one of sgd|adam|sgdw, got \"rms\"", NULL);
    bal_ctx_close(&ctx);
}

static void the_locale_changes_nothing(void **state)
{
    (void)state;
    if (!setlocale(LC_ALL, "de_DE.UTF-8"))
        skip();
    bal_ctx *ctx = test_ctx();
    settings s = {0};
    test_ok(ctx, bal_option_set(ctx, &rows[LR], &s, "--", "0.25"));
    assert_true(s.lr == 0.25);
    setlocale(LC_ALL, "C");
    bal_ctx_close(&ctx);
}

static const char *names[] = {"epochs", "lr", "batch-size", "warmup-epochs", "weight-decay", NULL};

static const char *name_at(const void *user, int i)
{
    return ((const char *const *)user)[i];
}

static void near_names_are_found(void **state)
{
    (void)state;
    assert_string_equal(bal_nearest_name("epoch", name_at, names), "epochs");
    assert_string_equal(bal_nearest_name("epcohs", name_at, names), "epochs");
    assert_string_equal(bal_nearest_name("batchsize", name_at, names), "batch-size");
    assert_string_equal(bal_nearest_name("weigth-deacy", name_at, names), "weight-decay");
    assert_string_equal(bal_nearest_name("rl", name_at, names), "lr");
    assert_null(bal_nearest_name("momentum", name_at, names));
    assert_null(bal_nearest_name("x", name_at, names));
    assert_null(bal_nearest_name("", name_at, names));
    char endless[5000];
    memset(endless, 'e', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    assert_null(bal_nearest_name(endless, name_at, names));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_values_are_stored),
        cmocka_unit_test(bad_values_are_refused_and_change_nothing),
        cmocka_unit_test(the_locale_changes_nothing),
        cmocka_unit_test(near_names_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
