/* Metrics by group of items, by hand: three sites, three classes. */
#include "helpers/helpers.h"

#include "ballast/evaluate.h"
#include "helpers/near.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

enum { CLASSES = 3, MOST = 64 };

typedef struct set {
    float scores[MOST * CLASSES];
    int32_t labels[MOST], groups[MOST];
    int64_t items;
} set;

static void add(set *s, int group, int label, int predicted, int times)
{
    for (; times > 0; times--, s->items++) {
        assert_true(s->items < MOST);
        s->scores[s->items * CLASSES + predicted] = 2.0f;
        s->labels[s->items] = label;
        s->groups[s->items] = group;
    }
}

/* north: class 0 9 of 12, class 1 3 of 4; south: class 0 10 of 10, class 2 5 of 11; west: class 1
 * 0 of 3; nobody in east; two items of no group, both wrong */
static set make_set(void)
{
    set s = {.items = 0};
    add(&s, 0, 0, 0, 9);
    add(&s, 0, 0, 2, 3);
    add(&s, 0, 1, 1, 3);
    add(&s, 0, 1, 0, 1);
    add(&s, 1, 0, 0, 10);
    add(&s, 1, 2, 2, 5);
    add(&s, 1, 2, 1, 6);
    add(&s, 2, 1, 2, 3);
    add(&s, -1, 2, 0, 2);
    return s;
}

static const char *const site_names[] = {"north", "south", "west", "east"};
static const char *const class_names[] = {"a", "b", "c"};

static bal_evaluation_settings settings_for(const set *s)
{
    bal_evaluation_settings how = bal_evaluation_defaults();
    how.classes = CLASSES;
    how.items = s->items;
    how.scores = s->scores;
    how.labels = s->labels;
    how.class_names = class_names;
    how.bootstrap = 0;
    how.item_groups = s->groups;
    how.item_group_count = 4;
    how.item_group_names = site_names;
    return how;
}

static void groups_by_hand(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    const set s = make_set();
    const bal_evaluation_settings how = settings_for(&s);
    bal_evaluation *e;
    test_ok(ctx, bal_evaluate(&e, ctx, &how));
    assert_int_equal(bal_evaluation_item_groups(e), 4);
    const bal_item_group_metrics *north = bal_evaluation_item_group(e, 0),
                                 *south = bal_evaluation_item_group(e, 1),
                                 *west = bal_evaluation_item_group(e, 2),
                                 *east = bal_evaluation_item_group(e, 3);
    assert_null(bal_evaluation_item_group(e, 4));
    assert_int_equal(north->items, 16);
    assert_int_equal(north->classes, 2);
    test_near("north", 0.75, north->accuracy, 1e-12);
    test_near("north recall", 0.75, north->recall, 1e-12);
    assert_int_equal(south->items, 21);
    test_near("south", 15.0 / 21, south->accuracy, 1e-12);
    test_near("south recall", (1.0 + 5.0 / 11) / 2, south->recall, 1e-12);
    /* Wilson's interval of 12 of 16, by the formula, in Python */
    test_near("low", 0.50501683, north->accuracy_interval.low, 1e-6);
    test_near("high", 0.89817933, north->accuracy_interval.high, 1e-6);
    assert_int_equal(west->items, 3);
    test_near("west recall", 0.0, west->recall, 1e-12);
    assert_true(east->items == 0 && isnan(east->recall) && isnan(east->accuracy));
    const bal_fairness *f = bal_evaluation_fairness(e);
    assert_int_equal(f->worst_group, 1); /* west has too few items */
    assert_int_equal(f->best_group, 0);
    test_near("gap", 0.75 - (1.0 + 5.0 / 11) / 2, f->gap, 1e-12);
    assert_int_equal(f->cell_group, 1);
    assert_int_equal(f->cell_class, 2);
    assert_int_equal(f->cell_items, 11);
    test_near("cell", 5.0 / 11, f->cell_recall, 1e-12);
    assert_int_equal(f->small_groups, 1);
    assert_int_equal(f->small_cells, 2);
    /* of the classes: 19 of 22, 3 of 7, 5 of 13 */
    test_near("class gap", 19.0 / 22 - 5.0 / 13,
              bal_evaluation_metric(e, BAL_METRIC_class_recall_gap), 1e-12);
    assert_true(isnan(bal_evaluation_metric(e, BAL_METRIC_group_recall_gap)));

    char *text;
    test_ok(ctx, bal_evaluation_json(e, ctx, &text));
    json_t *json = json_loads(text, 0, NULL);
    assert_int_equal(json_array_size(json_object_get(json, "item_groups")), 3); /* not east */
    const json_t *fair = json_object_get(json, "fairness");
    assert_string_equal(json_string_value(json_object_get(fair, "cell_group")), "south");
    assert_string_equal(json_string_value(json_object_get(fair, "cell_class")), "c");
    assert_int_equal(json_integer_value(json_object_get(fair, "small_cells")), 2);
    json_decref(json);
    bal_release(ctx, text);
    bal_evaluation_close(&e);
    bal_ctx_close(&ctx);
}

static void few_items_count_where_that_is_wanted(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    const set s = make_set();
    const int64_t counts[CLASSES] = {500, 50, 5};
    bal_evaluation_settings how = settings_for(&s);
    bal_evaluation *e;
    how.item_group_least = 1;
    how.train_counts = counts;
    test_ok(ctx, bal_evaluate(&e, ctx, &how));
    const bal_fairness *f = bal_evaluation_fairness(e);
    assert_int_equal(f->worst_group, 2);
    assert_true(f->cell_group == 2 && f->cell_class == 1 && f->cell_items == 3);
    assert_int_equal(f->small_cells, 0);
    test_near("gap of groups of classes", 19.0 / 22 - 5.0 / 13,
              bal_evaluation_metric(e, BAL_METRIC_group_recall_gap), 1e-12);
    bal_evaluation_close(&e);
    how.item_group_least = 100;
    test_ok(ctx, bal_evaluate(&e, ctx, &how));
    f = bal_evaluation_fairness(e);
    assert_true(f->worst_group == -1 && f->cell_group == -1 && isnan(f->gap));
    assert_int_equal(f->small_groups, 3);
    bal_evaluation_close(&e);
    how.item_groups = NULL;
    test_ok(ctx, bal_evaluate(&e, ctx, &how));
    assert_null(bal_evaluation_fairness(e));
    assert_int_equal(bal_evaluation_item_groups(e), 0);
    bal_evaluation_close(&e);
    bal_ctx_close(&ctx);
}

static void bad_groups_are_named(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    set s = make_set();
    bal_evaluation_settings how = settings_for(&s);
    bal_evaluation *e;
    s.groups[5] = 4;
    test_fails(ctx, bal_evaluate(&e, ctx, &how), BAL_BAD_ARG, "row 5 is 4", NULL);
    s.groups[5] = -2;
    test_fails(ctx, bal_evaluate(&e, ctx, &how), BAL_BAD_ARG, "row 5 is -2", NULL);
    s.groups[5] = 0;
    how.item_group_count = 0;
    test_fails(ctx, bal_evaluate(&e, ctx, &how), BAL_BAD_ARG, "item_group_count is 0", NULL);
    assert_null(e);
    bal_ctx_close(&ctx);
}

static bal_status attempt(bal_ctx *ctx, void *user)
{
    const bal_evaluation_settings how = settings_for(user);
    bal_evaluation *e;
    BAL_TRY(bal_evaluate(&e, ctx, &how));
    bal_evaluation_close(&e);
    return BAL_OK;
}

static void allocation_failures(void **state)
{
    (void)state;
    set s = make_set();
    test_allocation_failures(attempt, &s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_by_hand),
        cmocka_unit_test(few_items_count_where_that_is_wanted),
        cmocka_unit_test(bad_groups_are_named),
        cmocka_unit_test(allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
