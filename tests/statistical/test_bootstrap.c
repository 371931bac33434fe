/* The stratified bootstrap: its spread against the binomial's, its independence of the number of
 * threads, classes kept whole, metrics without an interval left alone. */
#include "helpers/helpers.h"

#include "ballast/evaluate.h"
#include "base/random.h"
#include "helpers/near.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES = 4 };
static const int sizes[CLASSES] = {1200, 300, 60, 1};
static const double recalls[CLASSES] = {0.9, 0.7, 0.5, 1.0};
enum { ITEMS = 1200 + 300 + 60 + 1 };

typedef struct test_set {
    float scores[ITEMS * CLASSES];
    int32_t labels[ITEMS];
} test_set;

/* Exactly recalls x sizes of each class are right; the rest is taken for the next class. Confidence
 * varies, so that every metric moves. */
static test_set *make_set(void)
{
    test_set *set = calloc(1, sizeof *set);
    assert_non_null(set);
    bal_random random = bal_random_at(test_seed(), BAL_STREAM_TEST, 5, 0);
    int64_t at = 0;
    for (int c = 0; c < CLASSES; c++)
        for (int i = 0; i < sizes[c]; i++, at++) {
            const int shown = i < (int)round(recalls[c] * sizes[c]) ? c : (c + 1) % CLASSES;
            set->labels[at] = c;
            set->scores[at * CLASSES + shown] = (float)(1.0 + 3.0 * bal_random_unit(&random));
        }
    return set;
}

static bal_evaluation *evaluate(const test_set *set, int threads, uint64_t seed, bal_ctx **ctx)
{
    static const int64_t counts[CLASSES] = {1000, 500, 50, 5};
    const bal_ctx_settings context = {.threads = threads};
    bal_evaluation_settings s = bal_evaluation_defaults();
    s.classes = CLASSES;
    s.items = ITEMS;
    s.scores = set->scores;
    s.labels = set->labels;
    s.train_counts = counts;
    s.seed = seed;
    bal_evaluation *e;
    assert_int_equal(bal_ctx_open(ctx, &context), BAL_OK);
    test_ok(*ctx, bal_evaluate(&e, *ctx, &s));
    return e;
}

/* Half the width of a 95 % interval of a mean of recalls is 1.96 sqrt(sum w^2 p (1 - p) / n). */
static double half_width(const double *weights)
{
    double variance = 0.0;
    for (int c = 0; c < CLASSES; c++)
        variance += weights[c] * weights[c] * recalls[c] * (1.0 - recalls[c]) / sizes[c];
    return 1.96 * sqrt(variance);
}

static void check_width(const char *what, bal_interval got, const double *weights)
{
    double middle = 0.0;
    for (int c = 0; c < CLASSES; c++)
        middle += weights[c] * recalls[c];
    const double half = half_width(weights);
    /* 2,000 draws know a quantile to about 6 % of the half width; small classes add steps */
    test_near(what, middle - half, got.low, 0.2 * half);
    test_near(what, middle + half, got.high, 0.2 * half);
}

static void spread_is_that_of_the_binomial(void **state)
{
    (void)state;
    test_set *set = make_set();
    bal_ctx *ctx;
    bal_evaluation *e = evaluate(set, 2, 1, &ctx);
    double by_items[CLASSES], by_classes[CLASSES];
    for (int c = 0; c < CLASSES; c++) {
        by_items[c] = (double)sizes[c] / ITEMS;
        by_classes[c] = 1.0 / CLASSES;
    }
    check_width("accuracy", bal_evaluation_interval(e, BAL_METRIC_accuracy), by_items);
    check_width("balanced accuracy", bal_evaluation_interval(e, BAL_METRIC_balanced_accuracy),
                by_classes);
    const double many[CLASSES] = {0.5, 0.5, 0.0, 0.0}, medium[CLASSES] = {0.0, 0.0, 1.0, 0.0};
    check_width("many", bal_evaluation_group(e, BAL_GROUP_MANY)->interval, many);
    check_width("medium", bal_evaluation_group(e, BAL_GROUP_MEDIUM)->interval, medium);
    /* a class of one item is drawn as it is: strata stay whole */
    test_near("few", 1.0, bal_evaluation_group(e, BAL_GROUP_FEW)->interval.low, 0.0);
    bal_evaluation_close(&e);
    bal_ctx_close(&ctx);
    free(set);
}

static void every_interval_holds_its_value(void **state)
{
    (void)state;
    test_set *set = make_set();
    bal_ctx *ctx;
    bal_evaluation *e = evaluate(set, 2, 1, &ctx);
    int intervals = 0;
    for (int k = 0; k < BAL_METRIC_COUNT; k++) {
        const bal_interval i = bal_evaluation_interval(e, (bal_metric)k);
        const double value = bal_evaluation_metric(e, (bal_metric)k);
        if (isnan(i.low))
            continue;
        intervals++;
        if (!(i.low < i.high && i.low <= value && value <= i.high))
            fail_msg("%s is %g, its interval %g to %g", bal_metric_key((bal_metric)k), value, i.low,
                     i.high);
    }
    /* all but AUROC, average precision, top 5, class-wise ECE, the gap between groups */
    assert_int_equal(intervals, 14);
    bal_evaluation_close(&e);
    bal_ctx_close(&ctx);
    free(set);
}

static void threads_do_not_change_it(void **state)
{
    (void)state;
    test_set *set = make_set();
    bal_ctx *ctx[4];
    bal_evaluation *e[4];
    char *text[4];
    const int threads[4] = {1, 2, 7, 2};
    for (int i = 0; i < 4; i++) {
        e[i] = evaluate(set, threads[i], i == 3 ? 2 : 1, &ctx[i]);
        test_ok(ctx[i], bal_evaluation_json(e[i], ctx[i], &text[i]));
    }
    assert_string_equal(text[0], text[1]);
    assert_string_equal(text[0], text[2]);
    assert_string_not_equal(text[0], text[3]); /* another seed */
    for (int i = 0; i < 4; i++) {
        bal_release(ctx[i], text[i]);
        bal_evaluation_close(&e[i]);
        bal_ctx_close(&ctx[i]);
    }
    free(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spread_is_that_of_the_binomial),
        cmocka_unit_test(every_interval_holds_its_value),
        cmocka_unit_test(threads_do_not_change_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
