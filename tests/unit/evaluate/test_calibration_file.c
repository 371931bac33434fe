/* A calibration as a file and back; memory that runs out. */
#include "helpers/helpers.h"

#include "ballast/calibrate.h"
#include "helpers/score_sets.h"

#include <stdlib.h>
#include <string.h>

static bal_status make_chain(bal_ctx *ctx, const test_scores *s, bal_calibration **out)
{
    static const char *const chain[] = {"prior", "temperature", "em", "offsets"};
    bal_calibration_report r;
    BAL_TRY(bal_calibration_open(out, ctx, TEST_CLASSES, test_counts_prior));
    bal_status status = bal_calibration_set_weights(*out, "best.safetensors sha256:12");
    for (size_t i = 0; i < BAL_COUNT_OF(chain) && status == BAL_OK; i++) {
        bal_calibration_settings how = test_calibration_for(s, chain[i]);
        how.target_prior = test_equal_prior;
        how.always = true;
        status = bal_calibration_add(*out, &how, &r);
    }
    if (status != BAL_OK)
        bal_calibration_close(out);
    return status;
}

static void the_file_is_the_chain(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx_threads(1);
    char *folder = test_folder();
    test_scores *s = test_make_scores(1.0, 11);
    bal_calibration *c, *again;
    char *text, *second;
    test_ok(ctx, make_chain(ctx, s, &c));
    const char *path = test_path(folder, "calibration.json");
    test_ok(ctx, bal_calibration_write(c, ctx, path));
    test_ok(ctx, bal_calibration_read(&again, ctx, path));
    assert_int_equal(bal_calibration_steps(again), 4);
    assert_int_equal(bal_calibration_classes(again), TEST_CLASSES);
    assert_string_equal(bal_calibration_weights(again), "best.safetensors sha256:12");
    assert_string_equal(bal_calibration_step_at(again, 1)->method, "temperature");
    assert_null(bal_calibration_step_at(again, 4));
    for (int i = 0; i < TEST_ITEMS; i++) {
        double p[TEST_CLASSES], q[TEST_CLASSES];
        const float *row = s->scores + i * TEST_CLASSES;
        assert_int_equal(bal_calibration_predict(c, TEST_CLASSES, row, p),
                         bal_calibration_predict(again, TEST_CLASSES, row, q));
        assert_memory_equal(p, q, sizeof p);
    }
    test_ok(ctx, bal_calibration_json(c, ctx, &text));
    test_ok(ctx, bal_calibration_json(again, ctx, &second));
    assert_string_equal(text, second);
    bal_calibration_close(&again);

    /* what is damaged is refused with the file's name */
    static const struct {
        const char *from, *to, *word;
    } damage[] = {
        {"ballast calibration", "another calibration", "something else"},
        {"\"version\": 1", "\"version\": 2", "version 2"},
        {"\"classes\": 4", "\"classes\": 5", "prior"},
        {"\"method\": \"em\"", "\"method\": \"me\"", "no calibration \"me\""},
        {"\"helps\"", "\"hilfs\"", "helps"},
        {"\"nll\"", "\"mll\"", "measure"},
        {"\"scale\": [", "\"scale\": [1e400, ", "not JSON"},
        {"\"scale\": [", "\"scale\": [1e30, ", "scale and offset"},
        {"\"moved\"", "\"version\"", "not JSON"},
    };
    for (size_t i = 0; i < BAL_COUNT_OF(damage); i++) {
        const char *at = strstr(text, damage[i].from);
        assert_non_null(at);
        char *bad = bal_format(ctx, "%.*s%s%s", (int)(at - text), text, damage[i].to,
                               at + strlen(damage[i].from));
        test_fails(ctx, bal_calibration_parse(&again, ctx, "here.json", bad, strlen(bad)),
                   BAL_BAD_FILE, "here.json", damage[i].word, NULL);
        assert_null(again);
        bal_free(ctx, bad);
    }
    test_fails(ctx, bal_calibration_parse(&again, ctx, "cut.json", text, strlen(text) - 3),
               BAL_BAD_FILE, "cut.json", "not JSON", NULL);
    test_fails(ctx, bal_calibration_read(&again, ctx, test_path(folder, "none.json")), BAL_IO,
               "none.json", NULL);
    bal_release(ctx, text);
    bal_release(ctx, second);
    bal_calibration_close(&c);
    free(s);
    test_folder_remove(folder);
    bal_ctx_close(&ctx);
}

static bal_status attempt_chain(bal_ctx *ctx, void *user)
{
    bal_calibration *c, *again;
    char *text;
    double prior[TEST_CLASSES];
    const test_scores *s = user;
    BAL_TRY(make_chain(ctx, s, &c));
    bal_status status = bal_calibration_json(c, ctx, &text);
    bal_calibration_close(&c);
    BAL_TRY(status);
    status = bal_calibration_parse(&again, ctx, "text", text, strlen(text));
    bal_release(ctx, text);
    BAL_TRY(status);
    bal_calibration_close(&again);
    BAL_TRY(bal_calibration_fitted_prior(ctx, TEST_CLASSES, &s->items, 0.1, prior));
    bal_calibration_settings how = test_calibration_for(s, "vector");
    BAL_TRY(bal_calibration_open(&c, ctx, TEST_CLASSES, NULL));
    bal_calibration_report r;
    status = bal_calibration_add(c, &how, &r);
    bal_calibration_close(&c);
    return status;
}

static void allocation_failures(void **state)
{
    (void)state;
    test_scores *s = test_make_scores(1.0, 12);
    test_allocation_failures(attempt_chain, s);
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_file_is_the_chain),
        cmocka_unit_test(allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
