/* Evaluation: a set worked by hand, edge cases, groups, JSON, errors, allocation failures. The
 * formulas at large are compared with scikit-learn in tests/golden. */
#include "helpers/helpers.h"

#include "ballast/evaluate.h"
#include "helpers/near.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

static bal_evaluation *evaluate(bal_ctx *ctx, bal_evaluation_settings settings)
{
    bal_evaluation *e;
    test_ok(ctx, bal_evaluate(&e, ctx, &settings));
    return e;
}

static bal_evaluation_settings on(int classes, int64_t items, const float *scores,
                                  const int32_t *labels)
{
    bal_evaluation_settings s = bal_evaluation_defaults();
    s.classes = classes;
    s.items = items;
    s.scores = scores;
    s.labels = labels;
    s.bootstrap = 0;
    return s;
}

/* Three classes, the last absent but once predicted.
 *   truth 0 0 0 1 1, predicted 0 0 2 1 0: confusion rows (2 0 1) (1 1 0) (0 0 0) */
static const float absent_scores[15] = {0.7f, 0.2f, 0.1f, 0.5f, 0.4f, 0.1f, 0.2f, 0.2f,
                                        0.6f, 0.1f, 0.8f, 0.1f, 0.5f, 0.4f, 0.1f};
static const int32_t absent_labels[5] = {0, 0, 0, 1, 1};

static void one_absent_class_by_hand(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    bal_evaluation_settings s = on(3, 5, absent_scores, absent_labels);
    s.scores_are_probabilities = true;
    bal_evaluation *e = evaluate(ctx, s);
    const double f1_0 = 4.0 / 6.0, f1_1 = 2.0 / 3.0;
    const struct {
        bal_metric metric;
        double want;
        int covered;
    } rows[] = {
        {BAL_METRIC_accuracy, 3.0 / 5.0, 0},
        {BAL_METRIC_balanced_accuracy, (2.0 / 3.0 + 1.0 / 2.0) / 2.0, 2}, /* classes present */
        {BAL_METRIC_macro_recall, (2.0 / 3.0 + 1.0 / 2.0) / 3.0, 3},      /* present or predicted */
        {BAL_METRIC_macro_precision, (2.0 / 3.0 + 1.0) / 3.0, 3},
        {BAL_METRIC_macro_f1, (f1_0 + f1_1) / 3.0, 3},
        {BAL_METRIC_weighted_f1, (3.0 * f1_0 + 2.0 * f1_1) / 5.0, 2},
        {BAL_METRIC_gmean, sqrt(1.0 / 3.0), 2},
        {BAL_METRIC_worst_class_recall, 0.5, 0},
        {BAL_METRIC_top5_accuracy, 1.0, 0},
        /* class 0: positives .7 .5 .2, negatives .1 .5: pairs 2 + 1.5 + 1 of 6; class 1: positives
         * .8 .4, negatives .2 .4 .2: 3 + 2.5 of 6 */
        {BAL_METRIC_auroc_macro, (4.5 / 6.0 + 5.5 / 6.0) / 2.0, 2},
        /* largest probabilities .7 right, .5 right, .6 wrong, .8 right, .5 wrong: each in a bin of
         * its own but the two .5, whose gaps -.5 and +.5 cancel */
        {BAL_METRIC_ece, (0.3 + 0.6 + 0.2) / 5.0, 0},
    };
    for (size_t i = 0; i < BAL_COUNT_OF(rows); i++) {
        test_near(bal_metric_key(rows[i].metric), rows[i].want,
                  bal_evaluation_metric(e, rows[i].metric), 1e-7);
        assert_int_equal(rows[i].covered, bal_evaluation_covered(e, rows[i].metric));
    }
    const bal_class_metrics *m = bal_evaluation_class(e, 2);
    assert_int_equal(m->support, 0);
    assert_int_equal(m->predicted, 1);
    test_near("precision", 0.0, m->precision, 0.0);
    test_near("recall", NAN, m->recall, 0.0);
    test_near("f1", 0.0, m->f1, 0.0);
    test_near("auroc", NAN, m->auroc, 0.0);
    test_near("average precision", NAN, m->average_precision, 0.0);
    test_near("loss", NAN, m->loss, 0.0);
    test_near("interval", NAN, m->recall_interval.low, 0.0);
    test_near("loss of class 1", -(log(0.8) + log(0.4)) / 2.0, bal_evaluation_class(e, 1)->loss,
              1e-7);
    assert_int_equal(bal_evaluation_confusion(e, 0, 2), 1);
    assert_int_equal(bal_evaluation_confusion(e, 1, 0), 1);
    assert_int_equal(bal_evaluation_confusion(e, 3, 0), 0);
    assert_int_equal(bal_evaluation_items(e), 5);
    assert_int_equal(bal_evaluation_classes(e), 3);
    assert_string_equal(bal_evaluation_class_name(e, 2), "2");
    assert_null(bal_evaluation_class(e, 3));
    bal_evaluation_close(&e);
    bal_ctx_close(&ctx);
}

/* A label with probability 0 costs -log of the smallest step of a double, not infinity. */
static void impossible_label_has_a_finite_loss(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    const float scores[4] = {1.0f, 0.0f, 0.0f, 1.0f};
    const int32_t labels[2] = {1, 1};
    bal_evaluation_settings s = on(2, 2, scores, labels);
    s.scores_are_probabilities = true;
    bal_evaluation *e = evaluate(ctx, s);
    test_near("nll", 0.5 * 52.0 * log(2.0), bal_evaluation_metric(e, BAL_METRIC_nll), 1e-12);
    bal_evaluation_close(&e);
    /* logits need no such floor */
    const float logits[4] = {5000.0f, -5000.0f, 0.0f, 0.0f};
    e = evaluate(ctx, on(2, 2, logits, labels));
    test_near("nll", (1e4 + log(2.0)) / 2.0, bal_evaluation_metric(e, BAL_METRIC_nll), 1e-9);
    bal_evaluation_close(&e);
    bal_ctx_close(&ctx);
}

static void groups_by_training_counts(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    enum { C = 10 };
    const struct {
        int64_t counts[C];
        const char *names[3];
        int sizes[3];
    } rows[] = {
        /* the limits themselves: 101 is many, 100 and 20 are medium, 19 is few */
        {{500, 101, 100, 50, 20, 19, 5, 3, 2, 1}, {"many", "medium", "few"}, {2, 3, 5}},
        {{5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50},
         {"head", "middle", "tail"},
         {3, 4, 3}},
        {{9, 9, 9, 9, 9, 9, 9, 9, 9, 9}, {"many", "medium", "few"}, {0, 0, 10}}, /* no ranks */
    };
    float scores[C * C] = {0};
    int32_t labels[C];
    for (int i = 0; i < C; i++) {
        labels[i] = i;
        scores[i * C + (i < 6 ? i : 0)] = 1.0f; /* classes 6 to 9 are taken for 0 */
    }
    for (size_t r = 0; r < BAL_COUNT_OF(rows); r++) {
        bal_evaluation_settings s = on(C, C, scores, labels);
        s.train_counts = rows[r].counts;
        bal_evaluation *e = evaluate(ctx, s);
        for (int g = 0; g < BAL_GROUP_COUNT; g++) {
            const bal_group_metrics *group = bal_evaluation_group(e, g);
            int from = 0, right = 0;
            for (int before = 0; before < g; before++)
                from += rows[r].sizes[before];
            for (int c = from; c < from + rows[r].sizes[g]; c++)
                right += c < 6;
            assert_string_equal(group->name, rows[r].names[g]);
            assert_int_equal(group->classes, rows[r].sizes[g]);
            test_near(group->name, rows[r].sizes[g] ? (double)right / rows[r].sizes[g] : NAN,
                      group->recall, 1e-12);
        }
        assert_null(bal_evaluation_group(e, 3));
        bal_evaluation_close(&e);
    }
    bal_evaluation *e = evaluate(ctx, on(C, C, scores, labels));
    test_near("without counts", NAN, bal_evaluation_group(e, 0)->recall, 0.0);
    assert_int_equal(bal_evaluation_group(e, 0)->classes, 0);
    bal_evaluation_close(&e);
    bal_ctx_close(&ctx);
}

static void names_of_metrics(void **state)
{
    (void)state;
    static const char *const keys[] = {"accuracy",
                                       "balanced_accuracy",
                                       "macro_precision",
                                       "macro_recall",
                                       "macro_f1",
                                       "weighted_f1",
                                       "mcc",
                                       "kappa",
                                       "gmean",
                                       "auroc_macro",
                                       "average_precision_macro",
                                       "ece",
                                       "nll",
                                       "brier",
                                       "worst_class_recall",
                                       "top5_accuracy",
                                       "classwise_ece",
                                       "class_recall_gap",
                                       "group_recall_gap"};
    assert_int_equal(BAL_COUNT_OF(keys), BAL_METRIC_COUNT);
    for (size_t i = 0; i < BAL_COUNT_OF(keys); i++) {
        const bal_metric metric = bal_metric_find(keys[i]);
        assert_true(metric < BAL_METRIC_COUNT);
        assert_string_equal(bal_metric_key(metric), keys[i]);
        assert_true(strlen(bal_metric_about(metric)) > 5);
    }
    assert_int_equal(bal_metric_find("f1"), BAL_METRIC_COUNT);
    assert_int_equal(bal_metric_find(NULL), BAL_METRIC_COUNT);
    assert_null(bal_metric_key(BAL_METRIC_COUNT));
    assert_true(bal_metric_is_loss(BAL_METRIC_ece) && bal_metric_is_loss(BAL_METRIC_nll));
    assert_false(bal_metric_is_loss(BAL_METRIC_mcc));
}

static void json_has_the_promised_keys(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    const char *const names[3] = {"cat", "tr\xc3\xbc\142", "caf\xe9"}; /* the last is not UTF-8 */
    const int64_t counts[3] = {500, 50, 5};
    bal_evaluation_settings s = on(3, 5, absent_scores, absent_labels);
    s.scores_are_probabilities = true;
    s.bootstrap = 200;
    s.class_names = names;
    s.train_counts = counts;
    bal_evaluation *e = evaluate(ctx, s);
    char *text;
    test_ok(ctx, bal_evaluation_json(e, ctx, &text));
    json_t *root = json_loads(text, 0, NULL);
    assert_non_null(root);
    for (int k = 0; k < BAL_METRIC_COUNT; k++) {
        const char *key = bal_metric_key((bal_metric)k);
        const double value = bal_evaluation_metric(e, (bal_metric)k);
        const json_t *shown = json_object_get(root, key);
        assert_non_null(shown);
        test_near(key, value, json_is_null(shown) ? NAN : json_number_value(shown), 0.0);
        const bal_interval interval = bal_evaluation_interval(e, (bal_metric)k);
        const json_t *pair = json_object_get(json_object_get(root, "ci"), key);
        assert_int_equal(pair != NULL, !isnan(interval.low));
        if (pair)
            test_near(key, interval.high, json_number_value(json_array_get(pair, 1)), 0.0);
        const json_t *covered = json_object_get(json_object_get(root, "covered"), key);
        assert_int_equal(json_integer_value(covered), bal_evaluation_covered(e, (bal_metric)k));
    }
    assert_int_equal(json_integer_value(json_object_get(root, "items")), 5);
    const json_t *classes = json_object_get(root, "per_class");
    assert_int_equal(json_array_size(classes), 3);
    static const char *const keys[] = {
        "name", "support", "predicted",         "precision", "recall",
        "f1",   "auroc",   "average_precision", "loss",      "recall_interval"};
    for (size_t k = 0; k < BAL_COUNT_OF(keys); k++)
        assert_non_null(json_object_get(json_array_get(classes, 2), keys[k]));
    assert_true(json_is_null(json_object_get(json_array_get(classes, 2), "recall")));
    assert_true(json_is_null(json_object_get(json_array_get(classes, 2), "recall_interval")));
    assert_string_equal(json_string_value(json_object_get(json_array_get(classes, 1), "name")),
                        names[1]);
    assert_string_equal(json_string_value(json_object_get(json_array_get(classes, 2), "name")),
                        "caf?");
    const json_t *groups = json_object_get(root, "groups");
    assert_int_equal(json_array_size(groups), 3);
    assert_string_equal(json_string_value(json_object_get(json_array_get(groups, 0), "name")),
                        "many");
    const json_t *row = json_array_get(json_object_get(root, "confusion"), 0);
    assert_int_equal(json_integer_value(json_array_get(row, 2)), 1);
    json_decref(root);
    bal_release(ctx, text);
    bal_evaluation_close(&e);
    bal_ctx_close(&ctx);
}

static void wrong(bal_ctx *ctx, bal_evaluation_settings s, bal_status status, const char *word)
{
    bal_evaluation *e;
    test_fails(ctx, bal_evaluate(&e, ctx, &s), status, word, NULL);
    assert_null(e);
}

static void errors_name_row_and_column(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    float scores[6] = {0.5f, 0.5f, NAN, 0.5f, 0.25f, 0.75f};
    int32_t labels[3] = {0, 1, 1};
    const bal_evaluation_settings good = on(2, 3, scores, labels);
    wrong(ctx, good, BAL_BAD_DATA, "row 1, column 0 is nan");
    scores[2] = -INFINITY;
    wrong(ctx, good, BAL_BAD_DATA, "row 1, column 0 is -inf");
    scores[2] = 0.0f;
    bal_evaluation_settings s = good;
    s.scores_are_probabilities = true;
    wrong(ctx, s, BAL_BAD_DATA, "row 1 sum to 0.5");
    scores[2] = -0.5f;
    scores[3] = 1.5f;
    wrong(ctx, s, BAL_BAD_DATA, "row 1, column 0 is -0.5");
    labels[2] = 2;
    wrong(ctx, good, BAL_BAD_ARG, "row 2 is 2");
    labels[2] = -1;
    wrong(ctx, good, BAL_BAD_ARG, "row 2 is -1");
    labels[2] = 1;
#define WRONG(field, what, word)          \
    do {                                  \
        bal_evaluation_settings x = good; \
        x.field = (what);                 \
        wrong(ctx, x, BAL_BAD_ARG, word); \
    } while (0)
    WRONG(classes, 1, "classes is 1");
    WRONG(items, 0, "items is 0");
    WRONG(scores, NULL, "scores");
    WRONG(labels, NULL, "labels");
    WRONG(bootstrap, -1, "bootstrap is -1");
    WRONG(confidence, 1.0, "confidence is 1");
    WRONG(confidence, NAN, "confidence");
#undef WRONG
    bal_evaluation *none = NULL;
    bal_evaluation_close(&none);
    bal_evaluation_close(NULL);
    bal_ctx_close(&ctx);
}

static bal_status open_and_close(bal_ctx *ctx, void *user)
{
    const int64_t counts[3] = {900, 500, 400}; /* takes the path of the thirds */
    bal_evaluation_settings s = on(3, 5, absent_scores, absent_labels);
    (void)user;
    s.bootstrap = 3;
    s.train_counts = counts;
    bal_evaluation *e;
    bal_status status = bal_evaluate(&e, ctx, &s);
    assert_true((status == BAL_OK) == (e != NULL));
    if (status == BAL_OK) {
        char *text;
        status = bal_evaluation_json(e, ctx, &text);
        assert_true((status == BAL_OK) == (text != NULL));
        bal_release(ctx, text);
    }
    bal_evaluation_close(&e);
    return status;
}

static void allocation_failures(void **state)
{
    (void)state;
    test_allocation_failures(open_and_close, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_absent_class_by_hand),
        cmocka_unit_test(impossible_label_has_a_finite_loss),
        cmocka_unit_test(groups_by_training_counts),
        cmocka_unit_test(names_of_metrics),
        cmocka_unit_test(json_has_the_promised_keys),
        cmocka_unit_test(errors_name_row_and_column),
        cmocka_unit_test(allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
