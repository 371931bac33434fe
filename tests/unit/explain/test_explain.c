/* Measures of embeddings: bad input, memory, threads, intervals, the common size. The figures
 * themselves are compared with NumPy in tests/golden/test_explain_golden.c. */
#include "helpers/helpers.h"

#include "ballast/explain.h"
#include "base/random.h"
#include "explain/explain_parts.h"
#include "helpers/near.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES = 4, DIM = 13, TRAIN = 331, TEST = 157 };

typedef struct fixture {
    float train[TRAIN * DIM], test[TEST * DIM], weight[CLASSES * DIM], bias[CLASSES];
    int32_t train_labels[TRAIN], test_labels[TEST];
    bal_explain_settings s;
} fixture;

/* Class c has features around 1 + c at every (k % CLASSES == c), noise elsewhere, all at least 0.
 */
static void make_side(float *z, int32_t *labels, int items, uint64_t epoch)
{
    for (int i = 0; i < items; i++) {
        bal_random r = bal_random_at(test_seed(), BAL_STREAM_TEST, epoch, (uint64_t)i);
        labels[i] = (int32_t)(i % 9 < 5 ? 0 : i % 9 < 7 ? 1 : i % 9 < 8 ? 2 : 3);
        for (int k = 0; k < DIM; k++) {
            const double centre = k % CLASSES == labels[i] ? 2.0 : 0.3;
            const double v = centre + bal_random_normal(&r);
            z[i * DIM + k] = v > 0.0 ? (float)v : 0.0F;
        }
    }
}

static void setup(fixture *f)
{
    make_side(f->train, f->train_labels, TRAIN, 0);
    make_side(f->test, f->test_labels, TEST, 1);
    for (int c = 0; c < CLASSES; c++) {
        bal_random r = bal_random_at(test_seed(), BAL_STREAM_TEST, 2, (uint64_t)c);
        f->bias[c] = (float)bal_random_normal(&r) * 0.1F;
        for (int k = 0; k < DIM; k++)
            f->weight[c * DIM + k] =
                (k % CLASSES == c ? 0.7F : -0.2F) + 0.1F * (float)bal_random_normal(&r);
    }
    f->s = bal_explain_defaults();
    f->s.classes = CLASSES;
    f->s.dim = DIM;
    f->s.top = 3;
    f->s.own_top = 4;
    f->s.head = (bal_linear_head){.weight = f->weight, .bias = f->bias};
    f->s.side[BAL_SIDE_TRAIN] =
        (bal_embedding){.features = f->train, .labels = f->train_labels, .items = TRAIN};
    f->s.side[BAL_SIDE_TEST] =
        (bal_embedding){.features = f->test, .labels = f->test_labels, .items = TEST};
}

/* ---- threads ---- */

static void same_class(const bal_explained_class *a, const bal_explained_class *b)
{
    assert_memory_equal(a->figures, b->figures, sizeof a->figures);
    assert_memory_equal(a->feature_mean, b->feature_mean, DIM * sizeof(double));
    assert_memory_equal(a->ce_mean, b->ce_mean, DIM * sizeof(double));
    assert_memory_equal(a->medoids, b->medoids, sizeof a->medoids);
}

static void threads_change_nothing(void **state)
{
    (void)state;
    fixture f;
    setup(&f);
    bal_ctx *one = test_ctx_threads(1), *three = test_ctx_threads(3);
    bal_explain *a, *b;
    test_ok(one, bal_explain_open(&a, one, &f.s));
    test_ok(three, bal_explain_open(&b, three, &f.s));
    for (int side = 0; side < BAL_SIDES; side++) {
        const bal_explained_side *x = bal_explain_side(a, (bal_side)side),
                                 *y = bal_explain_side(b, (bal_side)side);
        for (int c = 0; c < CLASSES; c++)
            same_class(&x->class_of[c], &y->class_of[c]);
        assert_memory_equal(&x->collapse, &y->collapse, sizeof x->collapse);
        assert_memory_equal(x->needed, y->needed, (size_t)x->items * sizeof *x->needed);
        assert_memory_equal(x->archetypes, y->archetypes, (size_t)x->items);
    }
    bal_explain_close(&a);
    bal_explain_close(&b);
    bal_ctx_close(&one);
    bal_ctx_close(&three);
}

/* ---- intervals ---- */

/* Of a mean the bootstrap's interval is near to the normal one. */
static void intervals_are_as_wide_as_they_should_be(void **state)
{
    (void)state;
    fixture f;
    setup(&f);
    f.s.bootstrap = 4000;
    f.s.draws = 200;
    bal_ctx *ctx = test_ctx_threads(2);
    bal_explain *e;
    test_ok(ctx, bal_explain_open(&e, ctx, &f.s));
    const bal_explained_side *side = bal_explain_side(e, BAL_SIDE_TRAIN);
    for (int c = 0; c < CLASSES; c++) {
        const bal_explained_class *of_class = &side->class_of[c];
        const bal_figure_value *needed = &of_class->figures[BAL_FIGURE_needed_all];
        double squares = 0.0;
        for (int i = 0; i < TRAIN; i++)
            if (f.train_labels[i] == c)
                squares += pow(side->needed[i] - needed->value, 2.0);
        const double n = (double)of_class->items, half = 1.96 * sqrt(squares / n / n);
        test_near("low", 0.0, (needed->interval.low - (needed->value - half)) / half, 0.2);
        test_near("high", 0.0, (needed->interval.high - (needed->value + half)) / half, 0.2);
        /* drawn down, the mean over items stays about where it is */
        test_near("common", needed->value, needed->common, 4.0 * half);
        assert_true(needed->common_interval.low <= needed->common &&
                    needed->common <= needed->common_interval.high);
        for (int i = 0; i < BAL_FIGURE_COUNT; i++) {
            const bal_figure_value *v = &of_class->figures[i];
            if (i != BAL_FIGURE_recall)
                assert_true(bal_figure_at(i)->interval || isnan(v->interval.low));
            assert_true(bal_figure_at(i)->common || isnan(v->common));
            if (!isnan(v->interval.low))
                assert_true(v->interval.low <= v->value && v->value <= v->interval.high);
        }
        /* more items show more features and lie in a larger range */
        assert_true(of_class->figures[BAL_FIGURE_distinct].common <=
                    of_class->figures[BAL_FIGURE_distinct].value);
    }
    assert_int_equal(side->common, 18); /* half of the 36 items of class 3 */
    bal_explain_close(&e);
    bal_ctx_close(&ctx);
}

static void sum_of_ce_is_the_logit(void **state)
{
    (void)state;
    fixture f;
    setup(&f);
    f.s.bootstrap = f.s.draws = 0;
    f.s.max_items = 40; /* a sample */
    bal_ctx *ctx = test_ctx_threads(2);
    bal_explain *e;
    test_ok(ctx, bal_explain_open(&e, ctx, &f.s));
    const bal_explained_side *side = bal_explain_side(e, BAL_SIDE_TEST);
    assert_int_equal(side->measured, 40);
    for (int64_t i = 0; i < TEST; i++) {
        double ce[DIM], sum = 0.0, logit = 0.0;
        test_ok(ctx, bal_explain_ce(e, ctx, (bal_ce_ask){BAL_SIDE_TEST, i, -1}, ce));
        const int p = side->predictions[i];
        for (int k = 0; k < DIM; k++) {
            sum += ce[k];
            logit += (double)f.test[i * DIM + k] * (double)f.weight[p * DIM + k];
        }
        test_near("logit", logit, sum, 1e-12);
    }
    double ce[DIM];
    test_fails(ctx, bal_explain_ce(e, ctx, (bal_ce_ask){BAL_SIDE_TEST, TEST, -1}, ce), BAL_BAD_ARG,
               "item 157", NULL);
    test_fails(ctx, bal_explain_ce(e, ctx, (bal_ce_ask){BAL_SIDE_TEST, 0, CLASSES}, ce),
               BAL_BAD_ARG, "class 4", NULL);
    bal_explain_close(&e);
    bal_ctx_close(&ctx);
}

/* ---- nearest ---- */

static void nearest_is_the_nearest_of_another_class(void **state)
{
    (void)state;
    fixture f;
    setup(&f);
    memcpy(f.train + 9 * DIM, f.test + 4 * DIM, DIM * sizeof *f.train);  /* label 0, as item 4's */
    memcpy(f.train + 14 * DIM, f.test + 4 * DIM, DIM * sizeof *f.train); /* label 1 */
    memcpy(f.train + 17 * DIM, f.test + 4 * DIM, DIM * sizeof *f.train); /* label 3 */
    f.s.bootstrap = f.s.draws = 0;
    bal_ctx *ctx = test_ctx_threads(1);
    bal_explain *e;
    int64_t i;
    test_ok(ctx, bal_explain_open(&e, ctx, &f.s));
    const struct {
        int but;
        int64_t want;
    } cases[] = {{-1, 9}, {0, 14}, {1, 9}};
    for (size_t c = 0; c < BAL_COUNT_OF(cases); c++) {
        const bal_nearest_ask ask = {BAL_SIDE_TEST, 4, BAL_SIDE_TRAIN, cases[c].but};
        test_ok(ctx, bal_explain_nearest(e, ctx, &ask, &i));
        assert_int_equal(i, cases[c].want);
    }
    /* among its own side an item is not its own nearest */
    test_ok(ctx, bal_explain_nearest(
                     e, ctx, &(bal_nearest_ask){BAL_SIDE_TRAIN, 9, BAL_SIDE_TRAIN, -1}, &i));
    assert_int_equal(i, 14);
    test_fails(
        ctx,
        bal_explain_nearest(e, ctx, &(bal_nearest_ask){BAL_SIDE_TEST, TEST, BAL_SIDE_TRAIN, 0}, &i),
        BAL_BAD_ARG, "item 157", NULL);
    assert_int_equal(i, -1);
    bal_explain_close(&e);
    bal_ctx_close(&ctx);
}

/* ---- order ---- */

static void equal_features_are_taken_by_index(void **state)
{
    (void)state;
    const double ce[] = {1, 2, 1, 2, 1, 1, -3, 1, 2, 1, 1};
    const int32_t wanted[] = {1, 3, 8, 0, 2, 4, 5};
    int32_t indices[BAL_COUNT_OF(ce)];
    bal_needed_ask ask = {
        .ce = ce, .dim = (int)BAL_COUNT_OF(ce), .bias = 0.5, .won = true, .indices = indices};
    const struct {
        double runner_up;
        int needed;
    } cases[] = {{-2.5, 0}, {-2.25, 1}, {-0.5, 1}, {3.5, 3}, {4.5, 4}, {4.75, 5}, {7.5, 7}};
    for (size_t i = 0; i < BAL_COUNT_OF(cases); i++) {
        ask.runner_up = cases[i].runner_up;
        assert_int_equal(bal_explain_needed(&ask), cases[i].needed);
        for (int k = 0; k < cases[i].needed; k++)
            assert_int_equal(indices[k], wanted[k]);
    }
    ask.won = false; /* a prediction that was given: all may not be enough */
    ask.runner_up = 100.0;
    assert_int_equal(bal_explain_needed(&ask), ask.dim);
    bal_explain_largest(ce, ask.dim, 5, indices);
    assert_memory_equal(indices, wanted, 5 * sizeof *wanted);
}

/* ---- two networks ---- */

/* The second network has the first one's features in another order, with noise, and one more. */
static void features_are_found_again(void **state)
{
    (void)state;
    static float other[TEST * (DIM + 1)], weight[CLASSES * (DIM + 1)];
    fixture f;
    setup(&f);
    f.s.side[BAL_SIDE_TRAIN].items = 0;
    f.s.bootstrap = f.s.draws = 0;
    bal_explain_settings second = f.s;
    for (int k = 0; k <= DIM; k++) {
        const int from = (5 * k) % (DIM + 1); /* DIM + 1 and 5 share no factor */
        for (int i = 0; i < TEST; i++) {
            bal_random r =
                bal_random_at(test_seed(), BAL_STREAM_TEST, 3 + (uint64_t)k, (uint64_t)i);
            const double noise = bal_random_normal(&r);
            other[i * (DIM + 1) + k] =
                from < DIM ? 2.0F * f.test[i * DIM + from] + 0.1F * (float)noise : (float)noise;
        }
        for (int c = 0; c < CLASSES; c++)
            weight[c * (DIM + 1) + k] = from < DIM ? f.weight[c * DIM + from] / 2.0F : 0.0F;
    }
    second.dim = DIM + 1;
    second.head.weight = weight;
    second.side[BAL_SIDE_TEST].features = other;
    bal_ctx *ctx = test_ctx_threads(2);
    bal_explain *a, *b;
    bal_match *match, *back;
    test_ok(ctx, bal_explain_open(&a, ctx, &f.s));
    test_ok(ctx, bal_explain_open(&b, ctx, &second));
    test_ok(ctx, bal_match_open(&match, ctx, a, b));
    test_ok(ctx, bal_match_open(&back, ctx, b, a));
    const bal_matching *m = bal_match_get(match), *n = bal_match_get(back);
    assert_true(m->mean > 0.95 && m->chance < 0.5);
    int alone = 0;
    for (int k = 0; k <= DIM; k++) {
        const int from = (5 * k) % (DIM + 1);
        alone += n->partner[k] < 0;
        if (from == DIM)
            continue;
        assert_int_equal(m->partner[from], k);
        assert_int_equal(n->partner[k], from);
        assert_true(m->correlation[from] > 0.95);
    }
    assert_int_equal(alone, 1);
    for (int c = 0; c < CLASSES; c++) {
        assert_true(m->class_of[c].overlap >= 2.0 / 3.0);
        assert_true(m->class_of[c].profile < 0.05);
        test_near("size", m->class_of[c].size[0], m->class_of[c].size[1], 0.0);
    }
    bal_match_close(&match);
    bal_match_close(&back);
    bal_explain_close(&b);
    f.test_labels[9] ^= 1;
    second.side[BAL_SIDE_TEST].features = other;
    int32_t labels[TEST];
    memcpy(labels, f.test_labels, sizeof labels);
    f.test_labels[9] ^= 1;
    second.side[BAL_SIDE_TEST].labels = labels;
    test_ok(ctx, bal_explain_open(&b, ctx, &second));
    test_fails(ctx, bal_match_open(&match, ctx, a, b), BAL_MISMATCH, "item 9", "same items", NULL);
    assert_null(match);
    bal_explain_close(&b);
    bal_explain_close(&a);
    bal_ctx_close(&ctx);
}

/* ---- bad input ---- */

static void refuse(fixture *f, bal_status wanted, const char *word, const char *other)
{
    bal_ctx *ctx = test_ctx_threads(1);
    bal_explain *e;
    test_fails(ctx, bal_explain_open(&e, ctx, &f->s), wanted, word, other, NULL);
    assert_null(e);
    bal_ctx_close(&ctx);
    setup(f);
}

static void bad_input_is_told(void **state)
{
    (void)state;
    fixture f;
    setup(&f);
    f.test[5 * DIM + 7] = NAN;
    refuse(&f, BAL_BAD_DATA, "test features: row 5, column 7", "nan");
    f.train[330 * DIM] = INFINITY;
    refuse(&f, BAL_BAD_DATA, "train features: row 330, column 0", "inf");
    f.weight[2 * DIM + 1] = NAN;
    refuse(&f, BAL_BAD_DATA, "weights of the head", "class 2");
    f.test_labels[3] = CLASSES;
    refuse(&f, BAL_BAD_DATA, "test labels: item 3 is 4", "0 to 3");
    f.s.dim = 0;
    refuse(&f, BAL_BAD_ARG, "0 features", "at least 1");
    f.s.classes = 1;
    refuse(&f, BAL_BAD_ARG, "1 classes", "2 classes");
    f.s.top = -1;
    refuse(&f, BAL_BAD_ARG, "top is -1", "0");
    f.s.bootstrap = 10001;
    refuse(&f, BAL_BAD_ARG, "bootstrap is 10001", "10000");
    f.s.confidence = 1.0;
    refuse(&f, BAL_BAD_ARG, "confidence is 1", "between");
    f.s.head.cosine = true;
    refuse(&f, BAL_BAD_ARG, "cosine", "scale");
    f.s.side[BAL_SIDE_TRAIN].labels = NULL;
    refuse(&f, BAL_BAD_ARG, "train features and labels", "needed");
    f.s.side[BAL_SIDE_TRAIN].items = f.s.side[BAL_SIDE_TEST].items = 0;
    refuse(&f, BAL_BAD_ARG, "no items", "neither");
    const int32_t wrong = -1;
    f.s.side[BAL_SIDE_TEST].predictions = &wrong;
    f.s.side[BAL_SIDE_TEST].items = 1;
    refuse(&f, BAL_BAD_DATA, "test predictions: item 0 is -1", "0 to 3");
}

static bal_status attempt(bal_ctx *ctx, void *user)
{
    const fixture *f = user;
    bal_explain *e;
    bal_match *match = NULL;
    bal_status status = bal_explain_open(&e, ctx, &f->s);
    if (status == BAL_OK)
        status = bal_match_open(&match, ctx, e, e);
    bal_match_close(&match);
    bal_explain_close(&e);
    return status;
}

static void memory_that_runs_out_leaves_nothing(void **state)
{
    (void)state;
    fixture f;
    setup(&f);
    f.s.bootstrap = 2;
    f.s.draws = 1;
    f.s.side[BAL_SIDE_TRAIN].items = 40;
    f.s.side[BAL_SIDE_TEST].items = 20;
    test_allocation_failures(attempt, &f);
}

static void a_call_is_interrupted(void **state)
{
    (void)state;
    fixture f;
    setup(&f);
    bal_ctx *ctx = test_ctx_threads(2);
    bal_explain *e;
    bal_ctx_interrupt(ctx);
    test_fails(ctx, bal_explain_open(&e, ctx, &f.s), BAL_INTERRUPTED, "interrupted", NULL);
    assert_null(e);
    bal_ctx_close(&ctx);
}

static void figures_name_their_measures(void **state)
{
    (void)state;
    for (int i = 0; i < BAL_FIGURE_COUNT; i++) {
        int m = 0;
        while (bal_measure_at(m) && strcmp(bal_measure_at(m)->name, bal_figure_at(i)->measure) != 0)
            m++;
        if (!bal_measure_at(m))
            fail_msg("%s: no measure %s", bal_figure_at(i)->key, bal_figure_at(i)->measure);
    }
    assert_null(bal_figure_at(BAL_FIGURE_COUNT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(intervals_are_as_wide_as_they_should_be),
        cmocka_unit_test(sum_of_ce_is_the_logit),
        cmocka_unit_test(nearest_is_the_nearest_of_another_class),
        cmocka_unit_test(equal_features_are_taken_by_index),
        cmocka_unit_test(features_are_found_again),
        cmocka_unit_test(bad_input_is_told),
        cmocka_unit_test(memory_that_runs_out_leaves_nothing),
        cmocka_unit_test(a_call_is_interrupted),
        cmocka_unit_test(figures_name_their_measures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
