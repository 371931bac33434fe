/* Evaluations and comparisons as text: golden text, and a sentence that says what the numbers say.
 */
#include "helpers/helpers.h"

#include "ballast/report.h"

#include <string.h>

#define CLASSES 3
#define EACH 100

/* EACH items a class; the first right[c] of a class are predicted as it, the others as class 0 (of
 * class 0: as class 1). */
typedef struct made {
    int right[CLASSES];
    bool without_last; /* the last class has no items */
    int bootstrap;
    const int64_t *train_counts;
} made;

static const int64_t tail[CLASSES] = {1000, 60, 5};
static const char *const names[CLASSES] = {"cat", "dog", "lynx"};

static bal_status evaluate(bal_evaluation **out, bal_ctx *ctx, const made *m)
{
    static float scores[CLASSES * EACH][CLASSES];
    static int32_t labels[CLASSES * EACH];
    const int present = m->without_last ? CLASSES - 1 : CLASSES;
    memset(scores, 0, sizeof scores);
    for (int c = 0; c < present; c++) {
        for (int i = 0; i < EACH; i++) {
            const int guess = i < m->right[c] ? c : c == 0 ? 1 : 0;
            scores[c * EACH + i][guess] = 4.0F;
            labels[c * EACH + i] = c;
        }
    }
    bal_evaluation_settings s = bal_evaluation_defaults();
    s.classes = CLASSES;
    s.items = (int64_t)present * EACH;
    s.scores = &scores[0][0];
    s.labels = labels;
    s.train_counts = m->train_counts;
    s.class_names = names;
    s.bootstrap = m->bootstrap;
    s.seed = 1;
    return bal_evaluate(out, ctx, &s);
}

static void has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in:\n%s", part, text);
}

static void has_not(const char *text, const char *part)
{
    if (strstr(text, part))
        fail_msg("\"%s\" is in:\n%s", part, text);
}

static void an_evaluation_in_full(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    const made m = {{90, 50, 10}, false, 0, tail};
    bal_evaluation *e;
    char *text;
    test_ok(ctx, evaluate(&e, ctx, &m));
    test_ok(ctx, bal_report_evaluation(e, tail, ctx, &text));
    has(text, "300 items, 3 classes\n\nmetric ");
    has(text, "\naccuracy                 0.500\n");
    has(text, "\ngroup   classes  recall  95 % interval\n"
              "--------------------------------------\n"
              "many          1   0.900  n/a\n"
              "medium        1   0.500  n/a\n"
              "few           1   0.100  n/a\n"
              "\nclass  train  items  precision  recall  95 % interval      f1  auroc\n"
              "--------------------------------------------------------------------\n"
              "cat     1000    100      0.391   0.900  0.826 to 0.945  0.545  ");
    has(text, "\nlynx       5    100      1.000   0.100  0.055 to 0.174  0.182  ");
    bal_release(ctx, text);
    bal_evaluation_close(&e);
    bal_ctx_close(&ctx);
}

static void an_evaluation_with_gaps(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    const made m = {{90, 50, 0}, true, 50, NULL};
    bal_evaluation *e;
    char *text;
    test_ok(ctx, evaluate(&e, ctx, &m));
    test_ok(ctx, bal_report_evaluation(e, NULL, ctx, &text));
    has(text, "200 items, 3 classes\n");
    has(text, "over 2 of 3 classes");
    has(text, "\nlynx     n/a      0        n/a     n/a  n/a               n/a    n/a\n");
    has(text, " to ");         /* an interval of a single number */
    has_not(text, "\ngroup "); /* no table of them */
    has(text, "\ngroup_recall_gap           n/a");
    bal_release(ctx, text);
    bal_evaluation_close(&e);
    bal_ctx_close(&ctx);
}

/* The text of two arms, "ce" and "remedy". */
static void compare(const made *first, const made *last, const int64_t *counts, char *out,
                    size_t size)
{
    bal_ctx *ctx = test_ctx();
    bal_evaluation *a, *b;
    char *text;
    test_ok(ctx, evaluate(&a, ctx, first));
    test_ok(ctx, evaluate(&b, ctx, last));
    const bal_report_arm arms[] = {{"ce", a}, {"remedy", b}};
    test_ok(ctx, bal_report_compare(arms, 2, counts, ctx, &text));
    assert_true(strlen(text) < size);
    memcpy(out, text, strlen(text) + 1);
    bal_release(ctx, text);
    bal_evaluation_close(&a);
    bal_evaluation_close(&b);
    bal_ctx_close(&ctx);
}

static void two_side_by_side(void **state)
{
    (void)state;
    const made first = {{100, 50, 0}, false, 0, tail}, last = {{80, 50, 40}, false, 0, tail};
    char text[8192];
    compare(&first, &last, tail, text, sizeof text);
    has(text,
        "95 % intervals in brackets  train  ce                    remedy                change\n"
        "----");
    has(text, "\nrecall, few (1 class)              0.000                 0.400                 "
              "+0.400\n");
    has(text, "\nrecall, cat                  1000  1.000 [0.963, 1.000]  0.800 [0.711, 0.867]  "
              "-0.200\n"
              "recall, dog                    60  0.500 [0.404, 0.596]  0.500 [0.404, 0.596]   "
              "0.000\n");
    has(text, "\n\nWith remedy instead of ce, the mean recall of the 1 rare class (few) rose by "
              "0.400, from 0.000 to 0.400 (no intervals were computed); the mean recall of the 1 "
              "frequent class (many) fell by 0.200, from 1.000 to 0.800 (no intervals were "
              "computed).\n");
}

static void the_sentence_is_honest(void **state)
{
    (void)state;
    const made none = {{90, 90, 0}, false, 200, tail}, all = {{90, 90, 100}, false, 200, tail};
    const made some = {{90, 90, 50}, false, 200, tail}, near = {{90, 90, 52}, false, 200, tail};
    char text[8192];
    compare(&none, &all, tail, text, sizeof text);
    has(text, "(few) rose by 1.000, from 0.000 [0.000, 0.000] to 1.000 [1.000, 1.000] (the 95 % "
              "intervals do not overlap); the mean recall of the 1 frequent class (many) stayed "
              "the same, 0.900 [");
    compare(&all, &none, tail, text, sizeof text);
    has(text, "(few) fell by 1.000, from 1.000 ");
    compare(&some, &near, tail, text, sizeof text);
    has(text, "(few) rose by 0.020, from 0.500 [");
    has(text, "(the 95 % intervals overlap, so this may be chance); ");
    has_not(text, "do not overlap");
    compare(&some, &some, tail, text, sizeof text);
    has(text, "(few) stayed the same, 0.500 [");
}

static void nothing_is_said_without_ground(void **state)
{
    (void)state;
    const made unknown = {{90, 90, 0}, false, 0, NULL}, absent = {{90, 90, 0}, true, 0, tail};
    char text[8192];
    compare(&unknown, &unknown, NULL, text, sizeof text);
    has(text, "\nNothing is said about the rare classes: the training counts are not known.\n");
    has(text, "\nrecall, dog                   n/a  0.900 [");
    compare(&absent, &absent, tail, text, sizeof text);
    has(text, "\nNothing is said about the rare classes: they have no items here.\n");
    has(text, "\nrecall, lynx                    5  n/a ");
}

static void different_items_are_refused(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    const made one = {{90, 90, 0}, false, 0, tail}, other = {{90, 90, 0}, true, 0, tail};
    bal_evaluation *a, *b;
    char *text;
    test_ok(ctx, evaluate(&a, ctx, &one));
    test_ok(ctx, evaluate(&b, ctx, &other));
    const bal_report_arm arms[] = {{"ce", a}, {"remedy", b}};
    test_fails(ctx, bal_report_compare(arms, 1, NULL, ctx, &text), BAL_BAD_ARG, "2 to", NULL);
    test_fails(ctx, bal_report_compare(arms, 2, NULL, ctx, &text), BAL_BAD_ARG, "ce", "remedy",
               "100", "lynx", NULL);
    assert_null(text);
    bal_evaluation_close(&a);
    bal_evaluation_close(&b);
    bal_ctx_close(&ctx);
}

static bal_status write_both(bal_ctx *ctx, void *user)
{
    const bal_report_arm *arms = user;
    char *text = NULL;
    bal_status status = bal_report_evaluation(arms[0].evaluation, tail, ctx, &text);
    bal_release(ctx, text);
    if (status == BAL_OK) {
        status = bal_report_compare(arms, 2, tail, ctx, &text);
        bal_release(ctx, text);
    }
    return status;
}

static void memory_may_run_out(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    const made m = {{90, 50, 10}, false, 0, tail};
    bal_evaluation *e;
    test_ok(ctx, evaluate(&e, ctx, &m));
    bal_report_arm arms[] = {{"a", e}, {"b", e}};
    test_allocation_failures(write_both, arms);
    bal_evaluation_close(&e);
    bal_ctx_close(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_evaluation_in_full),
        cmocka_unit_test(an_evaluation_with_gaps),
        cmocka_unit_test(two_side_by_side),
        cmocka_unit_test(the_sentence_is_honest),
        cmocka_unit_test(nothing_is_said_without_ground),
        cmocka_unit_test(different_items_are_refused),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
