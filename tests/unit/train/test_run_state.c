/* The state of a run as text: bit for bit there and back, what makes it another run, damage. */
#include "helpers/helpers.h"

#include "train/run/run_state.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bal_run_identity identity(const char *seed, const char *recipe, const char *threads)
{
    bal_run_identity i = {json_pack("{s:s, s:s}", "seed", seed, "recipe", recipe),
                          json_pack("{s:s}", "threads", threads)};
    assert_true(i.must && i.should);
    return i;
}

static bool same_bits(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

static void state_comes_back_bit_for_bit(void **state)
{
    (void)state;
    const bal_run_state cases[] = {
        bal_run_state_start(),
        {.epoch = 7,
         .step = INT64_C(1) << 52,
         .loss_sum = 0.1 + 0.2,
         .seen = INT64_C(9007199254740993), /* no double holds it */
         .right = 12345678901,
         .best_epoch = 5,
         .best = 1.0 / 3.0,
         .seconds = 1e-3},
        {.epoch = 1, .best = NAN, .loss_sum = DBL_MAX, .seconds = DBL_MIN},
        {.epoch = 1000000000, .best_epoch = 1, .best = -0.0, .loss_sum = 4.9406564584124654e-324},
        {.epoch = 2, .begun = 3, .best_epoch = 2, .best = 1.0, .loss_sum = 3.0, .seconds = 100.0},
    };
    bal_ctx *ctx = test_ctx();
    for (size_t i = 0; i < BAL_COUNT_OF(cases); i++) {
        const bal_run_state *want = &cases[i];
        bal_run_identity is = identity("18446744073709551615", "a: 1\nb: \"x\"\n", "2"), was;
        bal_run_state got;
        char *text;
        test_ok(ctx, bal_run_state_text(ctx, want, &is, &text));
        test_ok(ctx, bal_run_state_parse(ctx, "F", text, &got, &was));
        assert_int_equal(want->epoch, got.epoch);
        assert_true(want->step == got.step && want->seen == got.seen && want->right == got.right);
        assert_true(same_bits(want->loss_sum, got.loss_sum));
        assert_int_equal(want->best_epoch, got.best_epoch);
        assert_int_equal(want->begun, got.begun);
        assert_true(isnan(want->best) ? isnan(got.best) : same_bits(want->best, got.best));
        assert_true(same_bits(want->seconds, got.seconds));
        assert_true(json_equal(is.must, was.must));
        assert_true(json_equal(is.should, was.should));
        bal_free(ctx, text);
        bal_run_identity_free(&is);
        bal_run_identity_free(&was);
        assert_null(was.must);
    }
    bal_ctx_close(&ctx);
}

/* ---- identity ---- */

static void keep_line(void *user, bal_log_level level, const char *line)
{
    if (level == BAL_LOG_WARN)
        snprintf(user, 1024, "%s", line);
}

static void another_run_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *seed, *recipe, *says;
    } cases[] = {
        {"2", "lr: 1\nepochs: 3\n", "started with seed \"1\", now it is \"2\""},
        {"1", "lr: 1\nepochs: 4\n", "started with recipe \"epochs: 3\", now it is \"epochs: 4\""},
        {"1", "lr: 10\nepochs: 3\n", "recipe \"lr: 1\", now it is \"lr: 10\""},
        {"1", "lr: 1\n  nesterov: true\n", "\"epochs: 3\", now it is \"nesterov: true\""},
        {"1", "lr: 1\nepochs: 3\nlast: 1\n", "recipe \"\", now it is \"last: 1\""},
        {"1", "lr: 1\n", "recipe \"epochs: 3\", now it is \"\""},
    };
    bal_ctx *ctx = test_ctx();
    bal_run_identity was = identity("1", "lr: 1\nepochs: 3\n", "2");
    for (size_t i = 0; i < BAL_COUNT_OF(cases); i++) {
        bal_run_identity is = identity(cases[i].seed, cases[i].recipe, "2");
        test_fails(ctx, bal_run_identity_check(ctx, "dir/F", &was, &is), BAL_MISMATCH,
                   "dir/F: ", cases[i].says, NULL);
        bal_run_identity_free(&is);
    }
    bal_run_identity is = identity("1", "lr: 1\nepochs: 3\n", "2");
    test_ok(ctx, bal_run_identity_check(ctx, "F", &was, &is));
    json_object_set_new(is.must, "metric", json_string("nll")); /* a key that was not there */
    test_fails(ctx, bal_run_identity_check(ctx, "F", &was, &is), BAL_MISMATCH,
               "metric \"\", now it is \"nll\"", NULL);
    bal_run_identity_free(&is);
    bal_run_identity_free(&was);
    bal_ctx_close(&ctx);
}

static void other_bits_are_a_warning(void **state)
{
    (void)state;
    char warned[1024] = "";
    const bal_ctx_settings settings = {.log = keep_line, .log_user = warned};
    bal_ctx *ctx;
    assert_int_equal(bal_ctx_open(&ctx, &settings), BAL_OK);
    bal_run_identity was = identity("1", "a", "2"), is = identity("1", "a", "4");
    test_ok(ctx, bal_run_identity_check(ctx, "F", &was, &was));
    assert_string_equal(warned, "");
    test_ok(ctx, bal_run_identity_check(ctx, "F", &was, &is));
    assert_non_null(strstr(warned, "threads 2"));
    assert_non_null(strstr(warned, "with 4"));
    bal_run_identity_free(&was);
    bal_run_identity_free(&is);
    bal_ctx_close(&ctx);
}

/* ---- damage ---- */

static const char good[] =
    "{\"version\":1,\"epoch\":3,\"begun\":1,\"step\":4,\"loss_sum\":2.5,\"seen\":10,\"right\":5,"
    "\"best_epoch\":2,\"best\":0.5,\"seconds\":1.5,\"must\":{\"seed\":\"1\"},\"should\":{}}";

static const char *const keys[] = {"version",  "epoch",   "begun", "step",
                                   "loss_sum", "seen",    "right", "best_epoch",
                                   "best",     "seconds", "must",  "should"};

static void expect_damage(bal_ctx *ctx, const char *text, const char *says)
{
    bal_run_state s;
    bal_run_identity is;
    const bal_status status = bal_run_state_parse(ctx, "dir/F", text, &s, &is);
    if (status != BAL_BAD_FILE)
        fail_msg("read without a complaint: %s", text);
    test_fails(ctx, status, BAL_BAD_FILE, "dir/F: ", says, NULL);
    assert_null(is.must);
    assert_null(is.should);
}

static void expect_changed(bal_ctx *ctx, const char *key, json_t *value, const char *says)
{
    json_t *all = json_loads(good, 0, NULL);
    assert_non_null(all);
    if (value)
        json_object_set_new(all, key, value);
    else
        json_object_del(all, key);
    char *text = json_dumps(all, 0);
    expect_damage(ctx, text, says);
    free(text);
    json_decref(all);
}

static void damage_is_named(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_run_state s;
    bal_run_identity is;
    test_ok(ctx, bal_run_state_parse(ctx, "F", good, &s, &is));
    assert_int_equal(s.epoch, 3);
    bal_run_identity_free(&is);
    for (size_t i = 0; i < BAL_COUNT_OF(keys); i++) {
        expect_changed(ctx, keys[i], NULL, keys[i]);
        expect_changed(ctx, keys[i], json_true(), keys[i]);
        expect_changed(ctx, keys[i], json_string("7"), keys[i]);
    }
    expect_changed(ctx, "version", json_integer(2), "version 2");
    expect_changed(ctx, "epoch", json_integer(-1), "epoch -1");
    expect_changed(ctx, "epoch", json_integer(1), "best epoch 2"); /* of one finished */
    expect_changed(ctx, "epoch", json_integer(INT64_C(1) << 33), "epoch 8589934592");
    expect_changed(ctx, "epoch", json_real(3.0), "epoch");
    expect_changed(ctx, "step", json_integer(-4), "step -4");
    expect_changed(ctx, "right", json_integer(11), "right");
    expect_changed(ctx, "must", json_pack("{s:i}", "seed", 1), "must");
    for (size_t n = 0; n < sizeof good - 1; n++) { /* cut off anywhere */
        char cut[sizeof good] = "";
        memcpy(cut, good, n);
        expect_damage(ctx, cut, "no JSON");
    }
    expect_damage(ctx, "[1, 2]", "the state of the run");
    expect_damage(ctx, "{\"epoch\":1,\"epoch\":1}", "no JSON"); /* twice */
    bal_ctx_close(&ctx);
}

/* ---- no memory ---- */

static bal_status attempt(bal_ctx *ctx, void *user)
{
    bal_run_identity is = identity("1", "a", "2"), was = {NULL, NULL};
    bal_run_state s = bal_run_state_start();
    char *text = NULL;
    (void)user;
    bal_status status = bal_run_state_text(ctx, &s, &is, &text);
    if (status == BAL_OK)
        status = bal_run_state_parse(ctx, "F", text, &s, &was);
    bal_free(ctx, text);
    bal_run_identity_free(&is);
    bal_run_identity_free(&was);
    return status;
}

static void allocation_failures(void **state)
{
    (void)state;
    test_allocation_failures(attempt, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(state_comes_back_bit_for_bit), cmocka_unit_test(another_run_is_told),
        cmocka_unit_test(other_bits_are_a_warning),     cmocka_unit_test(damage_is_named),
        cmocka_unit_test(allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
