/* Calibration: what must not change, what is refused and how, what an honest estimate says of
 * noise. The file: test_calibration_file.c. The numbers are compared in
 * tests/golden/test_calibration_golden.c. */
#include "helpers/helpers.h"

#include "ballast/calibrate.h"
#include "base/random.h"
#include "helpers/near.h"
#include "helpers/score_sets.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void temperature_keeps_the_order(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx_threads(1);
    test_scores *s = test_make_scores(1.5, 1);
    bal_calibration *c = test_open_calibration(ctx, NULL);
    bal_calibration_report r;
    bal_calibration_settings how = test_calibration_for(s, "temperature");
    for (int k = 0; k < TEST_ITEMS * TEST_CLASSES; k++)
        s->scores[k] *= 3.0f;
    test_ok(ctx, bal_calibration_add(c, &how, &r));
    assert_true(r.added && r.helps && r.after < r.before && r.crossed < r.before);
    assert_true(r.after <= r.crossed);
    assert_string_equal(r.measure, "nll");
    double p[TEST_CLASSES], q[TEST_CLASSES];
    for (int i = 0; i < TEST_ITEMS; i++) {
        const float *row = s->scores + i * TEST_CLASSES;
        assert_int_equal(bal_calibration_predict(NULL, TEST_CLASSES, row, p),
                         bal_calibration_predict(c, TEST_CLASSES, row, q));
        for (int a = 0; a < TEST_CLASSES; a++)
            for (int b = 0; b < TEST_CLASSES; b++)
                assert_int_equal(p[a] > p[b], q[a] > q[b]);
        test_near("sum", 1.0, q[0] + q[1] + q[2] + q[3], 1e-12);
    }
    /* logits k times as large want k times the temperature */
    const double t = 1.0 / bal_calibration_step_at(c, 0)->scale[0];
    bal_calibration_close(&c);
    for (int k = 0; k < TEST_ITEMS * TEST_CLASSES; k++)
        s->scores[k] *= 1024.0f;
    c = test_open_calibration(ctx, NULL);
    test_ok(ctx, bal_calibration_add(c, &how, &r));
    test_near("T of large logits", 1024.0 * t, 1.0 / bal_calibration_step_at(c, 0)->scale[0],
              1e-5 * t);
    bal_calibration_close(&c);
    free(s);
    bal_ctx_close(&ctx);
}

static void probabilities_are_their_logs(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx_threads(1);
    test_scores *s = test_make_scores(1.0, 2);
    bal_calibration_report r;
    double found[2], p[TEST_CLASSES];
    for (int k = 0; k < 2; k++) {
        bal_calibration *c = test_open_calibration(ctx, NULL);
        bal_calibration_settings how = test_calibration_for(s, "temperature");
        how.always = true;
        s->items.scores_are_probabilities = k;
        test_ok(ctx, bal_calibration_add(c, &how, &r));
        found[k] = bal_calibration_step_at(c, 0)->scale[0];
        bal_calibration_close(&c);
        for (int i = 0; i < TEST_ITEMS; i++) {
            bal_calibration_predict(NULL, TEST_CLASSES, s->scores + i * TEST_CLASSES, p);
            for (int j = 0; j < TEST_CLASSES; j++)
                s->scores[i * TEST_CLASSES + j] = (float)p[j];
        }
    }
    test_near("1/T", found[0], found[1], 1e-5);
    free(s);
    bal_ctx_close(&ctx);
}

static void priors_go_there_and_back(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx_threads(1);
    test_scores *s = test_make_scores(1.0, 3);
    bal_calibration *c = test_open_calibration(ctx, test_counts_prior);
    bal_calibration_report r;
    bal_calibration_settings how = test_calibration_for(s, "prior");
    double p[TEST_CLASSES], q[TEST_CLASSES];
    how.target_prior = test_equal_prior;
    test_ok(ctx, bal_calibration_add(c, &how, &r));
    bal_calibration_predict(NULL, TEST_CLASSES, s->scores, p);
    bal_calibration_predict(c, TEST_CLASSES, s->scores, q);
    double sum = 0.0;
    for (int j = 0; j < TEST_CLASSES; j++)
        sum += p[j] * test_equal_prior[j] / test_counts_prior[j];
    for (int j = 0; j < TEST_CLASSES; j++)
        test_near("Bayes' rule", p[j] * test_equal_prior[j] / test_counts_prior[j] / sum, q[j],
                  1e-12);
    how.target_prior = test_counts_prior;
    test_ok(ctx, bal_calibration_add(c, &how, &r));
    bal_calibration_predict(c, TEST_CLASSES, s->scores, q);
    for (int j = 0; j < TEST_CLASSES; j++) {
        test_near("back", p[j], q[j], 1e-12);
        test_near("prior", test_counts_prior[j], bal_calibration_prior(c)[j], 1e-12);
        test_near("prior before", test_counts_prior[j], bal_calibration_prior_before(c)[j], 1e-12);
    }
    bal_calibration_close(&c);

    /* tau 1 of scores at the training prior is the correction to test_equal_prior shares */
    bal_calibration *adjusted = test_open_calibration(ctx, test_counts_prior);
    c = test_open_calibration(ctx, test_counts_prior);
    how.target_prior = test_equal_prior;
    test_ok(ctx, bal_calibration_add(c, &how, &r));
    how.method = "logit-adjustment";
    test_ok(ctx, bal_calibration_add(adjusted, &how, &r));
    bal_calibration_predict(c, TEST_CLASSES, s->scores, p);
    bal_calibration_predict(adjusted, TEST_CLASSES, s->scores, q);
    for (int j = 0; j < TEST_CLASSES; j++) {
        test_near("adjusted", p[j], q[j], 1e-12);
        test_near("its prior", 0.25, bal_calibration_prior(adjusted)[j], 1e-12);
    }
    bal_calibration_close(&c);
    bal_calibration_close(&adjusted);
    free(s);
    bal_ctx_close(&ctx);
}

/* EM on scores that are exact posteriors at test_equal_prior shares finds the shares of the items.
 */
static void em_finds_the_shares(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx_threads(1);
    const int64_t many = 20000;
    float *scores = calloc((size_t)many * 3, sizeof *scores);
    const double shares[3] = {0.7, 0.25, 0.05}, thirds[3] = {1.0 / 3, 1.0 / 3, 1.0 / 3};
    assert_non_null(scores);
    bal_random random = bal_random_at(test_seed(), BAL_STREAM_TEST, 9, 0);
    for (int64_t i = 0; i < many; i++) {
        const int y = i < 14000 ? 0 : i < 19000 ? 1 : 2;
        for (int j = 0; j < 3;
             j++) { /* x_j normal with mean 2 [j = y]: log density ratio is 2 x_j */
            const double x = bal_random_normal(&random) + (j == y ? 2.0 : 0.0);
            scores[i * 3 + j] = (float)(2.0 * x);
        }
    }
    const bal_calibration_items items = {.items = many, .scores = scores};
    bal_calibration *c;
    bal_calibration_report r;
    bal_calibration_settings how = bal_calibration_defaults();
    how.method = "em";
    how.target = &items;
    test_ok(ctx, bal_calibration_open(&c, ctx, 3, thirds));
    test_ok(ctx, bal_calibration_add(c, &how, &r));
    for (int j = 0; j < 3; j++)
        test_near("share", shares[j], bal_calibration_prior(c)[j], 0.01);
    assert_true(r.after > r.before);
    bal_calibration_close(&c);
    free(scores);
    bal_ctx_close(&ctx);
}

static void the_fitted_prior_is_the_one_that_is_missing(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx_threads(1);
    const int64_t many = 30000;
    float *scores = calloc((size_t)many * 3, sizeof *scores);
    int32_t *labels = calloc((size_t)many, sizeof *labels);
    double prior[3];
    assert_true(scores && labels);
    bal_random random = bal_random_at(test_seed(), BAL_STREAM_TEST, 10, 0);
    for (int64_t i = 0; i < many; i++) {
        labels[i] = i < 20000 ? 0 : i < 28000 ? 1 : 2;
        for (int j = 0; j < 3; j++) /* exact posteriors at shares of 1 to 2 to 4 */
            scores[i * 3 + j] =
                (float)(2.0 * (bal_random_normal(&random) + (j == labels[i] ? 2.0 : 0.0)) +
                        j * log(2.0));
    }
    const bal_calibration_items items = {.items = many, .scores = scores, .labels = labels};
    test_ok(ctx, bal_calibration_fitted_prior(ctx, 3, &items, 0.1, prior));
    test_near("share 0", 1.0 / 7, prior[0], 0.01);
    test_near("share 1", 2.0 / 7, prior[1], 0.015);
    test_near("share 2", 4.0 / 7, prior[2], 0.02);
    for (int64_t i = 0; i < many; i++)
        labels[i] = labels[i] == 2 ? 1 : labels[i];
    test_fails(ctx, bal_calibration_fitted_prior(ctx, 3, &items, 0.1, prior), BAL_BAD_DATA,
               "class 2 has no items", NULL);
    free(scores);
    free(labels);
    bal_ctx_close(&ctx);
}

static void offsets_touch_decisions_alone(void **state)
{
    (void)state;
    test_scores *s = test_make_scores(1.2, 4);
    double first[TEST_CLASSES] = {0};
    for (int threads = 1; threads <= 3; threads += 2) {
        bal_ctx *ctx = test_ctx_threads(threads);
        bal_calibration *c = test_open_calibration(ctx, NULL);
        bal_calibration_report r;
        bal_calibration_settings how = test_calibration_for(s, "offsets");
        test_ok(ctx, bal_calibration_add(c, &how, &r));
        assert_true(r.added && r.helps && r.after >= r.crossed && r.crossed > r.before);
        assert_true(r.gain.low <= r.crossed - r.before && r.gain.high >= r.crossed - r.before);
        const bal_calibration_step *step = bal_calibration_step_at(c, 0);
        assert_true(step->decision);
        int others = 0;
        for (int i = 0; i < TEST_ITEMS; i++) {
            double p[TEST_CLASSES], q[TEST_CLASSES];
            const float *row = s->scores + i * TEST_CLASSES;
            const int plain = bal_calibration_predict(NULL, TEST_CLASSES, row, p);
            const int tuned = bal_calibration_predict(c, TEST_CLASSES, row, q);
            others += plain != tuned;
            assert_memory_equal(p, q, sizeof p);
            assert_int_equal(tuned, bal_calibration_predict(c, TEST_CLASSES, row, NULL));
            for (int j = 0; j < TEST_CLASSES; j++)
                assert_true(log(p[tuned]) + step->offset[tuned] >=
                            log(p[j]) + step->offset[j] - 1e-9);
        }
        assert_true(others > 0);
        for (int j = 0; j < TEST_CLASSES; j++) {
            if (threads > 1)
                assert_true(first[j] == step->offset[j]); /* whatever the number of threads */
            first[j] = step->offset[j];
        }
        bal_calibration_settings more = test_calibration_for(s, "temperature");
        test_fails(ctx, bal_calibration_add(c, &more, &r), BAL_MISMATCH, "after offsets", NULL);
        assert_int_equal(bal_calibration_steps(c), 1);
        bal_calibration_close(&c);
        bal_ctx_close(&ctx);
    }
    free(s);
}

/* On scores without information the search still finds something; the cross-fitted value does not.
 * Over ten sets the mean of the honest gain must not be above 0 by more than noise. */
static void noise_gains_nothing(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx_threads(1);
    double honest = 0.0, found = 0.0;
    int refused = 0;
    for (uint64_t n = 0; n < 10; n++) {
        test_scores *s = test_make_scores(0.0, 100 + n);
        bal_calibration *c = test_open_calibration(ctx, NULL);
        bal_calibration_report r;
        bal_calibration_settings how = test_calibration_for(s, "offsets");
        how.objective = "macro_f1";
        for (int k = 0; k < TEST_ITEMS * TEST_CLASSES; k++)
            s->scores[k] -= 0.4f * (float)(3 - k % TEST_CLASSES);
        test_ok(ctx, bal_calibration_add(c, &how, &r));
        honest += (r.crossed - r.before) / 10;
        found += (r.after - r.before) / 10;
        refused += !r.added;
        assert_int_equal(bal_calibration_steps(c), r.added);
        assert_int_equal(r.added, r.helps);
        bal_calibration_close(&c);
        free(s);
    }
    assert_true(found > 0.03);
    assert_true(honest < 0.02);
    assert_true(refused > 0);
    bal_ctx_close(&ctx);
}

static void a_step_that_does_not_help_is_left_out(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx_threads(1);
    test_scores *s = test_make_scores(0.0, 5);
    bal_calibration_report r;
    bal_calibration *c = test_open_calibration(ctx, NULL);
    bal_calibration_settings how = test_calibration_for(s, "offsets");
    how.objective = "cost";
    double cost[TEST_CLASSES * TEST_CLASSES]; /* whatever is said costs the same */
    for (int k = 0; k < TEST_CLASSES * TEST_CLASSES; k++)
        cost[k] = 2.5;
    how.cost = cost;
    test_ok(ctx, bal_calibration_add(c, &how, &r));
    assert_true(!r.helps && !r.added && !r.larger_is_better);
    test_near("cost", 2.5, r.crossed, 1e-12);
    assert_int_equal(bal_calibration_steps(c), 0);
    how.always = true;
    test_ok(ctx, bal_calibration_add(c, &how, &r));
    assert_true(!r.helps && r.added);
    assert_int_equal(bal_calibration_steps(c), 1);
    bal_calibration_close(&c);
    free(s);
    bal_ctx_close(&ctx);
}

static void separable_data_and_absent_classes(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx_threads(1);
    test_scores *s = test_make_scores(50.0, 6);
    bal_calibration_report r;
    bal_calibration *c = test_open_calibration(ctx, NULL);
    bal_calibration_settings how = test_calibration_for(s, "temperature");
    test_fails(ctx, bal_calibration_add(c, &how, &r), BAL_BAD_DATA, "no temperature fits",
               "all 230 items are right", NULL);
    how.method = "vector";
    how.always = true;
    test_ok(ctx, bal_calibration_add(c, &how, &r));
    for (int j = 0; j < TEST_CLASSES; j++)
        assert_true(isfinite(bal_calibration_step_at(c, 0)->scale[j]));
    bal_calibration_close(&c);

    for (int i = 0; i < TEST_ITEMS; i++) /* wrong on purpose */
        s->labels[i] = (s->labels[i] + 1) % TEST_CLASSES;
    c = test_open_calibration(ctx, NULL);
    how.method = "temperature";
    test_fails(ctx, bal_calibration_add(c, &how, &r), BAL_BAD_DATA, "no better than equal ones",
               NULL);
    bal_calibration_close(&c);
    free(s);

    s = test_make_scores(1.0, 7);
    for (int i = 0; i < TEST_ITEMS; i++)
        s->labels[i] = s->labels[i] == 3 ? 2 : s->labels[i];
    for (int k = 0; k < 2; k++) {
        c = test_open_calibration(ctx, NULL);
        how = test_calibration_for(s, k ? "offsets" : "vector");
        how.always = true;
        test_ok(ctx, bal_calibration_add(c, &how, &r));
        assert_int_equal(r.classes_without, 1);
        const bal_calibration_step *step = bal_calibration_step_at(c, 0);
        assert_true(isfinite(step->offset[3]) && fabs(step->offset[3]) < 20.0);
        if (k)
            assert_true(step->offset[3] == 0.0);
        bal_calibration_close(&c);
    }
    free(s);
    bal_ctx_close(&ctx);
}

static void bad_input_is_named(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx_threads(1);
    test_scores *s = test_make_scores(1.0, 8);
    bal_calibration_report r;
    bal_calibration *c, *none;
    const double short_of_one[TEST_CLASSES] = {0.2, 0.2, 0.2, 0.3},
                 zero[TEST_CLASSES] = {0.5, 0.5, 0, 0};
    test_fails(ctx, bal_calibration_open(&none, ctx, 1, NULL), BAL_BAD_ARG, "classes is 1", NULL);
    assert_null(none);
    test_fails(ctx, bal_calibration_open(&none, ctx, TEST_CLASSES, short_of_one), BAL_BAD_ARG,
               "training prior", "sums to 0.9", NULL);
    assert_null(none);
    c = test_open_calibration(ctx, test_counts_prior);
    bal_calibration_settings how = test_calibration_for(s, "temprature");
    test_fails(ctx, bal_calibration_add(c, &how, &r), BAL_BAD_ARG, "temprature",
               "did you mean \"temperature\"", NULL);
    how.method = "prior";
    test_fails(ctx, bal_calibration_add(c, &how, &r), BAL_BAD_ARG, "test prior is missing", NULL);
    how.target_prior = short_of_one;
    test_fails(ctx, bal_calibration_add(c, &how, &r), BAL_BAD_ARG, "test prior", "0.9", NULL);
    how.target_prior = zero;
    test_fails(ctx, bal_calibration_add(c, &how, &r), BAL_BAD_ARG, "class 2", "above 0", NULL);
    how.method = "logit-adjustment";
    how.tau = NAN;
    test_fails(ctx, bal_calibration_add(c, &how, &r), BAL_BAD_ARG, "tau", NULL);
    how.tau = 1.0;
    s->counts[1] = 0;
    test_fails(ctx, bal_calibration_add(c, &how, &r), BAL_BAD_DATA, "class 1", "0 training images",
               NULL);
    how.train_counts = NULL;
    test_fails(ctx, bal_calibration_add(c, &how, &r), BAL_BAD_ARG, "training counts", NULL);
    how.method = "vector";
    how.ridge = 0.0;
    test_fails(ctx, bal_calibration_add(c, &how, &r), BAL_BAD_ARG, "ridge is 0", NULL);
    how.method = "offsets";
    how.folds = 1;
    test_fails(ctx, bal_calibration_add(c, &how, &r), BAL_BAD_ARG, "folds is 1", NULL);
    how.folds = 3;
    how.objective = "cost";
    test_fails(ctx, bal_calibration_add(c, &how, &r), BAL_BAD_ARG, "cost matrix", NULL);
    double cost[TEST_CLASSES * TEST_CLASSES] = {0};
    cost[6] = NAN;
    how.cost = cost;
    test_fails(ctx, bal_calibration_add(c, &how, &r), BAL_BAD_DATA, "class 1 predicted as 2", NULL);
    how.objective = "accuracy";
    test_fails(ctx, bal_calibration_add(c, &how, &r), BAL_BAD_ARG, "accuracy", "macro_f1", NULL);
    how.method = "temperature";
    s->scores[5] = NAN;
    test_fails(ctx, bal_calibration_add(c, &how, &r), BAL_BAD_DATA, "row 1, column 1", NULL);
    s->scores[5] = 0.0f;
    s->labels[7] = TEST_CLASSES;
    test_fails(ctx, bal_calibration_add(c, &how, &r), BAL_BAD_ARG, "row 7 is 4", NULL);
    s->items.items = 0;
    test_fails(ctx, bal_calibration_add(c, &how, &r), BAL_BAD_ARG, "items is 0", NULL);
    how.fit = NULL;
    test_fails(ctx, bal_calibration_add(c, &how, &r), BAL_BAD_ARG, "missing", NULL);
    how.method = "em";
    how.target = NULL;
    test_fails(ctx, bal_calibration_add(c, &how, &r), BAL_BAD_ARG, "em needs", NULL);
    assert_int_equal(bal_calibration_steps(c), 0);
    bal_calibration_close(&c);
    c = test_open_calibration(ctx, NULL);
    test_fails(ctx, bal_calibration_add(c, &how, &r), BAL_MISMATCH, "not known", NULL);
    bal_calibration_close(&c);
    free(s);
    bal_ctx_close(&ctx);
}

static void the_table_is_whole(void **state)
{
    (void)state;
    int i = 0;
    for (const bal_calibration_info *info; (info = bal_calibration_at(i)); i++) {
        assert_true(*info->name && *info->about && *info->formula && *info->source);
        char list[128];
        snprintf(list, sizeof list, "%s", info->settings);
        for (const char *name = strtok(list, " "); name; name = strtok(NULL, " ")) {
            const bal_option *row = bal_calibration_options();
            while (row->name && strcmp(row->name, name) != 0)
                row++;
            assert_non_null(row->name);
        }
    }
    assert_int_equal(i, 6);
    assert_null(bal_calibration_at(-1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(temperature_keeps_the_order),
        cmocka_unit_test(probabilities_are_their_logs),
        cmocka_unit_test(priors_go_there_and_back),
        cmocka_unit_test(em_finds_the_shares),
        cmocka_unit_test(the_fitted_prior_is_the_one_that_is_missing),
        cmocka_unit_test(offsets_touch_decisions_alone),
        cmocka_unit_test(noise_gains_nothing),
        cmocka_unit_test(a_step_that_does_not_help_is_left_out),
        cmocka_unit_test(separable_data_and_absent_classes),
        cmocka_unit_test(bad_input_is_named),
        cmocka_unit_test(the_table_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
