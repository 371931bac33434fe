/* The difficulty against scikit-learn, SciPy and NumPy on three sets. The files are written by
 * make_hardness_golden.py. */
#include "helpers/helpers.h"

#include "ballast/array.h"
#include "ballast/hardness.h"
#include "helpers/near.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define TOLERANCE 1e-6

typedef struct golden {
    const char *name, *set;
    bal_array rows, labels, items;
    const json_t *want;
} golden;

static double number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!value)
        fail_msg("the golden file has no %s", key);
    return json_is_null(value) ? NAN : json_number_value(value);
}

/* Ratios may be large: relative above 1. */
static void near(const golden *g, const char *what, double want, double got)
{
    char text[160];
    snprintf(text, sizeof text, "%s: %s", g->name, what);
    test_near(text, want, got, TOLERANCE * (fabs(want) > 1.0 ? fabs(want) : 1.0));
}

static void read_array(bal_ctx *ctx, const char *name, const char *part, bal_array_type type,
                       bal_array *out)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/hardness_%s_%s.npy", BAL_TEST_DATA, name, part);
    test_ok(ctx, bal_array_read(ctx, path, type, out));
}

static void check_types(const golden *g, const json_t *want, const int64_t *got)
{
    for (size_t t = 0; t < BAL_EXAMPLE_COUNT; t++)
        near(g, bal_example_type_name((bal_example_type)t),
             json_number_value(json_array_get(json_object_get(want, "types"), t)), (double)got[t]);
}

static void check_class(const golden *g, const json_t *want, const bal_audit_class_difficulty *d)
{
    if (json_is_null(want)) {
        assert_int_equal(d->items, 0);
        assert_true(isnan(d->kdn) && isnan(d->kdn_median) && isnan(d->hard) && isnan(d->n1) &&
                    isnan(d->n3) && isnan(d->silhouette) && isnan(d->fisher) &&
                    isnan(d->diversity.all.effective_rank) && isnan(d->diversity_against_head));
        return;
    }
    const struct {
        const char *key;
        double got;
    } fields[] = {
        {"items", (double)d->items},
        {"kdn", d->kdn},
        {"kdn_median", d->kdn_median},
        {"chance", d->chance},
        {"hard", d->hard},
        {"n1", d->n1},
        {"n3", d->n3},
        {"silhouette", d->silhouette},
        {"fisher", d->fisher},
        {"effective_rank", d->diversity.all.effective_rank},
        {"spread", d->diversity.all.spread},
        {"cosine", d->diversity.all.cosine},
    };
    for (size_t i = 0; i < BAL_COUNT_OF(fields); i++)
        near(g, fields[i].key, number(want, fields[i].key), fields[i].got);
    check_types(g, want, d->types);
}

static void check_all(const golden *g, const bal_audit_difficulty *d)
{
    const struct {
        const char *key;
        double got;
    } fields[] = {
        {"neighbours", d->neighbours},
        {"explained", d->explained},
        {"kdn", d->kdn},
        {"kdn_median", d->kdn_median},
        {"hard", d->hard},
        {"n1", d->n1},
        {"n3", d->n3},
        {"fisher", d->fisher},
        {"f1", d->f1},
        {"silhouette", d->silhouette},
    };
    for (size_t i = 0; i < BAL_COUNT_OF(fields); i++)
        near(g, fields[i].key, number(g->want, fields[i].key), fields[i].got);
    check_types(g, g->want, d->types);
    assert_int_equal(d->count, g->rows.shape[0]);
    assert_int_equal(d->of, d->count);
}

/* kdn, silhouette, type, n1, n3, nearest */
static void check_items(const golden *g, const bal_audit_difficulty *d)
{
    const float *want = g->items.data;
    for (int64_t i = 0; i < d->count; i++, want += 6) {
        const bal_audit_item_difficulty *e = &d->each[i];
        near(g, "an item's kdn", (double)want[0], (double)e->kdn);
        near(g, "an item's silhouette", (double)want[1], (double)e->silhouette);
        near(g, "an item's type", (double)want[2], e->type);
        near(g, "an item's n1", (double)want[3], e->n1);
        near(g, "an item's n3", (double)want[4], e->n3);
        near(g, "an item's neighbour", (double)want[5], e->neighbour);
        assert_int_equal(d->items[i], i);
        assert_true(e->n1 >= e->n3); /* the tree joins every item to its nearest neighbour */
    }
}

static void check_overlaps(const golden *g, const bal_audit_difficulty *d)
{
    const json_t *share = json_object_get(g->want, "share"),
                 *pairs = json_object_get(g->want, "pairs");
    const size_t classes = json_array_size(share);
    for (size_t i = 0; i < classes * classes; i++) {
        const json_t *want = json_array_get(json_array_get(share, i / classes), i % classes);
        near(g, "the matrix", json_is_null(want) ? NAN : json_number_value(want),
             d->neighbour_share[i]);
    }
    assert_int_equal(json_array_size(pairs), d->overlap_count);
    for (size_t i = 0; i < json_array_size(pairs); i++) {
        const json_t *want = json_array_get(pairs, i);
        const bal_audit_overlap *o = &d->overlaps[i];
        near(g, "a pair's share", number(want, "share"), o->share);
        near(g, "a", number(want, "a"), o->a);
        near(g, "b", number(want, "b"), o->b);
        near(g, "a in b", number(want, "a_in_b"), o->a_in_b);
        near(g, "b in a", number(want, "b_in_a"), o->b_in_a);
        near(g, "a pair's lift", number(want, "lift"), o->lift);
        near(g, "a pair's ratio", number(want, "fisher"), o->fisher);
    }
}

static void check_case(bal_ctx *ctx, golden *g)
{
    read_array(ctx, g->set, "rows", BAL_ARRAY_F32, &g->rows);
    read_array(ctx, g->set, "labels", BAL_ARRAY_I32, &g->labels);
    read_array(ctx, g->name, "items", BAL_ARRAY_F32, &g->items);
    assert_int_equal(g->rows.shape[0], g->labels.shape[0]);
    assert_int_equal(g->rows.shape[0], g->items.shape[0]);
    assert_int_equal(g->items.shape[1], 6);
    bal_hardness_settings s = bal_hardness_defaults();
    s.rows = g->rows.data;
    s.labels = g->labels.data;
    s.count = g->rows.shape[0];
    s.dim = (int)g->rows.shape[1];
    s.classes = (int)number(g->want, "classes");
    s.neighbours = (int)number(g->want, "neighbours");
    s.components = (int)number(g->want, "components");
    bal_hardness *h;
    test_ok(ctx, bal_hardness_open(&h, ctx, &s));
    const bal_audit_difficulty *d = bal_hardness_get(h);
    assert_int_equal(d->components, s.components ? s.components : s.dim);
    check_all(g, d);
    for (int c = 0; c < s.classes; c++)
        check_class(g, json_array_get(json_object_get(g->want, "class"), (size_t)c),
                    &d->class_of[c]);
    check_items(g, d);
    check_overlaps(g, d);
    bal_hardness_close(&h);
    bal_array_release(ctx, &g->rows);
    bal_array_release(ctx, &g->labels);
    bal_array_release(ctx, &g->items);
}

static void as_scikit_learn(void **state)
{
    (void)state;
    golden cases[] = {{.name = "flowers", .set = "flowers"},
                      {.name = "fashion", .set = "fashion"},
                      {.name = "noise", .set = "noise"},
                      {.name = "noise_pca", .set = "noise"}};
    json_t *file = json_load_file(BAL_TEST_DATA "/hardness.json", 0, NULL);
    assert_int_equal(json_object_size(file), BAL_COUNT_OF(cases));
    for (int threads = 1; threads <= 3; threads += 2) {
        bal_ctx *ctx = test_ctx_threads(threads);
        for (size_t i = 0; i < BAL_COUNT_OF(cases); i++) {
            cases[i].want = json_object_get(file, cases[i].name);
            check_case(ctx, &cases[i]);
        }
        bal_ctx_close(&ctx);
    }
    json_decref(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_scikit_learn)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
