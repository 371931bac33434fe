/* The difficulty: corners, rules by hand, samples, and what changes nothing. Values against
 * scikit-learn are in golden/test_hardness_golden.c. */
#include "helpers/helpers.h"

#include "ballast/hardness.h"
#include "base/random.h"
#include "helpers/near.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bal_hardness_settings settings_of(const float *rows, const int32_t *labels, int64_t count,
                                         int dim)
{
    bal_hardness_settings s = bal_hardness_defaults();
    s.rows = rows;
    s.labels = labels;
    s.count = count;
    s.dim = dim;
    for (int64_t i = 0; i < count; i++)
        s.classes = labels[i] >= s.classes ? labels[i] + 1 : s.classes;
    return s;
}

static bal_hardness *measured(bal_ctx *ctx, const bal_hardness_settings *s)
{
    bal_hardness *h;
    test_ok(ctx, bal_hardness_open(&h, ctx, s));
    return h;
}

/* Normal rows around a centre of each class; new. */
typedef struct cloud {
    float *rows;
    int32_t *labels;
    int64_t count;
    int dim;
} cloud;

/* sizes ends with 0; active[c] columns of class c vary, the others are constant (NULL: all vary) */
static cloud make_cloud(const int *sizes, const int *active, int dim, double apart)
{
    cloud c = {.dim = dim};
    for (int k = 0; sizes[k]; k++)
        c.count += sizes[k];
    c.rows = calloc((size_t)c.count * (size_t)dim, sizeof *c.rows);
    c.labels = calloc((size_t)c.count, sizeof *c.labels);
    assert_true(c.rows && c.labels);
    bal_random r = bal_random_at(test_seed(), BAL_STREAM_TEST, 0, 0);
    int64_t at = 0;
    for (int k = 0; sizes[k]; k++)
        for (int i = 0; i < sizes[k]; i++, at++) {
            c.labels[at] = k;
            for (int f = 0; f < dim; f++)
                c.rows[at * dim + f] =
                    (float)(5.0 + (f % (k + 2) == 0 ? apart : 0.0) +
                            (active && f >= active[k] ? 0.0 : bal_random_normal(&r)));
        }
    return c;
}

static void free_cloud(cloud *c)
{
    free(c->rows);
    free(c->labels);
}

/* ---- rules by hand ---- */

/* On a line. The four types, and the condition that makes a rare row borderline. */
static void types_of_examples(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx_threads(1);
    static const float rows[] = {
        0,      1,      2,   3,   4,   5, /* class 0 among itself: safe */
        100,    101,    102, 103, 104,    /* class 1, and one of 0 in their midst */
        102.5f,                           /* outlier */
        200,    201,    202, 203, 204,    /* class 1 around two of 0 that only know each other */
        201.9f, 202.1f,                   /* rare */
        300,    303,    306, 309, /* class 1; a row of 0 beside five of its class that have enough
                                   */
        310,    311,    312, 313, 314, /* of their own: */
        299,                           /* class 0, with 300, 303, 306, 309 and 310 near */
    };
    static const int32_t labels[] = {0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 1, 1, 1,
                                     1, 1, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0};
    const int64_t count = BAL_COUNT_OF(rows);
    assert_int_equal(count, BAL_COUNT_OF(labels));
    const bal_hardness_settings s = settings_of(rows, labels, count, 1);
    bal_hardness *h = measured(ctx, &s);
    const bal_audit_item_difficulty *each = bal_hardness_get(h)->each;
    for (int i = 0; i < 6; i++)
        assert_int_equal(each[i].type, BAL_EXAMPLE_SAFE);
    assert_int_equal(each[11].type, BAL_EXAMPLE_OUTLIER);
    assert_int_equal(each[17].type, BAL_EXAMPLE_RARE);
    assert_int_equal(each[18].type, BAL_EXAMPLE_RARE);
    assert_true(each[28].kdn == 0.8f);                       /* one of its class near, */
    assert_int_equal(each[28].type, BAL_EXAMPLE_BORDERLINE); /* which has company: not rare */
    assert_int_equal(each[28].neighbour, 19);
    assert_int_equal(each[11].n3, 1);
    assert_int_equal(each[17].neighbour, 14); /* 202 before 202.1 */
    for (int t = 0; t < BAL_EXAMPLE_COUNT; t++) {
        const bal_audit_difficulty *d = bal_hardness_get(h);
        int64_t seen = 0;
        for (int64_t i = 0; i < count; i++)
            seen += each[i].type == t;
        assert_int_equal(d->types[t], seen);
        assert_int_equal(d->class_of[0].types[t] + d->class_of[1].types[t], seen);
    }
    assert_string_equal(bal_example_type_name(BAL_EXAMPLE_RARE), "rare");
    assert_string_equal(bal_example_type_name(BAL_EXAMPLE_COUNT), "unknown");
    bal_hardness_close(&h);
    bal_ctx_close(&ctx);
}

static void hardly_any_rows(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx_threads(1);
    static const float rows[] = {1, 2, 1, 2, 5, 2};
    static const int32_t one[] = {1, 1, 1}, two[] = {0, 2, 2};
    bal_hardness_settings s = settings_of(rows, one, 3, 2);
    for (int64_t count = 1; count <= 3; count += 2) { /* of one class: nothing can be said */
        s.count = count;
        bal_hardness *h = measured(ctx, &s);
        const bal_audit_difficulty *d = bal_hardness_get(h);
        assert_true(isnan(d->kdn) && isnan(d->n1) && isnan(d->n3) && isnan(d->silhouette) &&
                    isnan(d->fisher) && isnan(d->f1) && isnan(d->hard) && isnan(d->kdn_median));
        assert_true(isnan(d->class_of[1].kdn) && isnan(d->class_of[1].diversity.all.cosine));
        assert_true(isnan(d->each[0].kdn) && isnan(d->each[0].silhouette));
        assert_int_equal(d->each[0].n1, BAL_UNMEASURED);
        assert_int_equal(d->each[0].n3, BAL_UNMEASURED);
        assert_int_equal(d->each[0].type, BAL_EXAMPLE_COUNT);
        assert_int_equal(d->each[0].neighbour, -1);
        assert_int_equal(d->class_of[1].items, count);
        assert_int_equal(d->count, count);
        assert_int_equal(d->overlap_count, 0);
        bal_hardness_close(&h);
    }
    s = settings_of(rows, two, 3, 2); /* rows 0 and 1 are equal, 1 and 2 of a class */
    bal_hardness *h = measured(ctx, &s);
    const bal_audit_difficulty *d = bal_hardness_get(h);
    assert_int_equal(d->neighbours, 2);
    assert_true(d->class_of[0].kdn == 1.0 && d->class_of[2].kdn == 0.5 && d->kdn == 2.0 / 3.0);
    assert_true(isnan(d->class_of[1].kdn));
    assert_int_equal(d->each[2].neighbour, 0); /* as far as row 1: the lower number */
    assert_true(d->n3 == 1.0);
    /* the tree: 0-1 at 0, 0-2 at 4 (before 1-2, as long): both join classes */
    assert_true(d->n1 == 1.0);
    /* a = 4, b = 0 and 4: -1 and 0; the only item of its class 0 */
    assert_true(d->each[0].silhouette == 0.0f && d->each[1].silhouette == -1.0f &&
                d->each[2].silhouette == 0.0f);
    test_near("fisher", 1.0 * 4.0 * 2.0 / 3.0 / 8.0, d->fisher, 1e-12);
    assert_int_equal(d->common, 0);
    assert_true(isnan(d->class_of[0].diversity.effective_rank.median));
    bal_hardness_close(&h);
    bal_ctx_close(&ctx);
}

static void equal_rows(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx_threads(1);
    float rows[24 * 3];
    int32_t labels[24];
    for (int i = 0; i < 24; i++) {
        labels[i] = i % 2;
        for (int f = 0; f < 3; f++)
            rows[i * 3 + f] = 0.1f * (float)(f + 1);
    }
    const bal_hardness_settings s = settings_of(rows, labels, 24, 3);
    bal_hardness *h = measured(ctx, &s);
    const bal_audit_difficulty *d = bal_hardness_get(h);
    assert_true(isnan(d->fisher) && isnan(d->f1)); /* no feature says anything */
    assert_true(d->silhouette == 0.0);
    assert_true(isnan(d->class_of[0].diversity.all.effective_rank));
    assert_true(d->class_of[0].diversity.all.spread == 0.0);
    assert_true(d->class_of[0].diversity.all.cosine < 1e-15);
    assert_int_equal(d->common, 6);
    assert_true(isnan(d->class_of[0].diversity.effective_rank.median));
    bal_hardness_close(&h);
    for (int i = 0; i < 24; i++) /* one feature that separates without variance */
        rows[i * 3 + 1] = labels[i] ? 0.3f : 0.1f;
    h = measured(ctx, &s);
    d = bal_hardness_get(h);
    assert_true(isinf(d->fisher) && d->f1 == 0.0);
    assert_true(isinf(d->class_of[1].fisher));
    assert_true(d->kdn == 0.0 && d->silhouette == 1.0);
    bal_hardness_close(&h);
    bal_ctx_close(&ctx);
}

static void cosine_with_zeros(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx_threads(1);
    /* class 0: (1,0) (3,0) (0,2) (0,0) (0,0): pairs 0, 1, 1, and 1 for the seven with zeros */
    static const float rows[] = {1, 0, 3, 0, 0, 2, 0, 0, 0, 0, 7, 7};
    static const int32_t labels[] = {0, 0, 0, 0, 0, 1};
    const bal_hardness_settings s = settings_of(rows, labels, 6, 2);
    bal_hardness *h = measured(ctx, &s);
    const bal_class_diversity *v = &bal_hardness_get(h)->class_of[0].diversity;
    test_near("cosine", 0.9, v->all.cosine, 1e-12);
    /* means .8 and .4; variances (.04 + 4.84 + 3 * .64) / 4 and (4 * .16 + 2.56) / 4 */
    test_near("spread", (6.8 + 3.2) / 4.0 / 0.8, v->all.spread, 1e-12);
    assert_true(isnan(bal_hardness_get(h)->class_of[1].diversity.all.spread));
    bal_hardness_close(&h);
    bal_ctx_close(&ctx);
}

/* ---- diversity at a common size ---- */

static void size_alone_is_no_diversity(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx_threads(1);
    /* 0 and 1 are alike but for their size; 2 varies in a quarter of the columns; 3 is too small */
    static const int sizes[] = {700, 60, 80, 9, 0}, active[] = {40, 40, 10, 40};
    cloud c = make_cloud(sizes, active, 40, 0.0);
    bal_hardness_settings s = settings_of(c.rows, c.labels, c.count, c.dim);
    bal_hardness *h = measured(ctx, &s);
    const bal_audit_difficulty *d = bal_hardness_get(h);
    const bal_class_diversity *v[4];
    for (int k = 0; k < 4; k++)
        v[k] = &d->class_of[k].diversity;
    assert_int_equal(d->common, 30);
    assert_int_equal(d->draws, 20);
    assert_true(v[1]->all.effective_rank < 0.75 * v[0]->all.effective_rank);
    const bal_drawn *const alike[] = {&v[1]->rank_against_head, &v[1]->spread_against_head,
                                      &v[1]->cosine_against_head};
    for (int i = 0; i < 3; i++)
        assert_true(alike[i]->low < 1.06 && fabs(alike[i]->median - 1.0) < 0.12 &&
                    alike[i]->high > 0.94 && alike[i]->low < alike[i]->high);
    assert_true(v[2]->rank_against_head.high < 0.6 && v[2]->cosine_against_head.high < 0.6);
    assert_true(v[0]->rank_against_head.low == 1.0 && v[0]->cosine_against_head.high == 1.0);
    for (int k = 0; k < 3; k++) {
        assert_true(v[k]->effective_rank.low < v[k]->effective_rank.median &&
                    v[k]->effective_rank.median < v[k]->effective_rank.high);
        assert_true(v[k]->effective_rank.high < v[k]->all.effective_rank);
        assert_true(d->class_of[k].diversity_against_head == v[k]->rank_against_head.median);
    }
    assert_true(isnan(v[3]->effective_rank.median) && isnan(v[3]->rank_against_head.low) &&
                isnan(d->class_of[3].diversity_against_head));
    assert_true(v[3]->all.effective_rank > 1.0 && v[3]->all.effective_rank < 8.0);

    bal_hardness *again = measured(ctx, &s);
    assert_memory_equal(d->class_of, bal_hardness_get(again)->class_of, 4 * sizeof *d->class_of);
    bal_hardness_close(&again);
    s.seed = 2;
    again = measured(ctx, &s);
    const bal_class_diversity *other = &bal_hardness_get(again)->class_of[1].diversity;
    assert_true(other->all.effective_rank == v[1]->all.effective_rank);
    assert_true(other->effective_rank.median != v[1]->effective_rank.median);
    bal_hardness_close(&again);
    s.draws = 0;
    again = measured(ctx, &s);
    assert_int_equal(bal_hardness_get(again)->common, 0);
    assert_true(isnan(bal_hardness_get(again)->class_of[1].diversity.effective_rank.median));
    assert_true(bal_hardness_get(again)->class_of[1].diversity.all.cosine > 0.0);
    bal_hardness_close(&again);
    bal_hardness_close(&h);
    free_cloud(&c);
    bal_ctx_close(&ctx);
}

/* ---- samples ---- */

static void a_sample_is_told_and_measured(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx_threads(1);
    static const int sizes[] = {150, 40, 6, 0};
    cloud c = make_cloud(sizes, NULL, 5, 0.7);
    bal_hardness_settings s = settings_of(c.rows, c.labels, c.count, c.dim);
    s.max_items = 90;
    bal_hardness *h = measured(ctx, &s);
    const bal_audit_difficulty *d = bal_hardness_get(h);
    assert_int_equal(d->of, 196);
    assert_int_equal(d->count, 90);
    assert_int_equal(d->class_of[2].items, 6); /* a quarter of 90 places, shared by three */
    float rows[90 * 5];
    int32_t labels[90];
    for (int i = 0; i < 90; i++) {
        assert_true(d->items[i] >= 0 && d->items[i] < 196 &&
                    (i == 0 || d->items[i] > d->items[i - 1]));
        memcpy(rows + i * 5, c.rows + d->items[i] * 5, 5 * sizeof *rows);
        labels[i] = c.labels[d->items[i]];
    }
    const bal_hardness_settings alone = settings_of(rows, labels, 90, 5);
    bal_hardness *of_rows = measured(ctx, &alone);
    const bal_audit_difficulty *same = bal_hardness_get(of_rows);
    assert_memory_equal(d->each, same->each, 90 * sizeof *d->each);
    assert_true(d->kdn == same->kdn && d->fisher == same->fisher);
    assert_int_equal(same->of, 90);
    bal_hardness_close(&of_rows);
    bal_hardness_close(&h);
    s.max_items = 196;
    h = measured(ctx, &s);
    assert_int_equal(bal_hardness_get(h)->count, 196);
    bal_hardness_close(&h);
    free_cloud(&c);
    bal_ctx_close(&ctx);
}

/* ---- what changes nothing, and what is left out ---- */

typedef struct told {
    int calls;
    char what[6][32];
    int kinds;
} told;

static void tell(void *user, const char *what, int64_t done, int64_t total)
{
    told *t = user;
    t->calls++;
    assert_true(done >= 0 && done <= total);
    if (t->kinds == 0 || strcmp(t->what[t->kinds - 1], what) != 0) {
        assert_true(t->kinds < 6);
        strncpy(t->what[t->kinds++], what, sizeof t->what[0] - 1);
    }
}

static void threads_change_nothing(void **state)
{
    (void)state;
    static const int sizes[] = {300, 90, 31, 0};
    cloud c = make_cloud(sizes, NULL, 19, 0.6);
    bal_hardness_settings s = settings_of(c.rows, c.labels, c.count, c.dim);
    s.components = 7;
    told t = {0};
    bal_ctx *one = test_ctx_threads(1), *three = test_ctx_threads(3);
    bal_hardness *a = measured(one, &s);
    s.progress = tell;
    s.progress_user = &t;
    bal_hardness *b = measured(three, &s);
    const bal_audit_difficulty *x = bal_hardness_get(a), *y = bal_hardness_get(b);
    assert_memory_equal(x->each, y->each, 421 * sizeof *x->each);
    assert_memory_equal(x->class_of, y->class_of, 3 * sizeof *x->class_of);
    assert_memory_equal(x->neighbour_share, y->neighbour_share, 9 * sizeof(double));
    assert_true(x->kdn == y->kdn && x->n1 == y->n1 && x->silhouette == y->silhouette);
    assert_int_equal(x->components, 7);
    assert_int_equal(x->dim, 19);
    assert_true(x->explained > 0.3 && x->explained < 1.0);
    assert_string_equal(t.what[0], "principal components");
    assert_string_equal(t.what[t.kinds - 1], "diversity");
    bal_hardness_close(&a);
    bal_hardness_close(&b);
    bal_ctx_close(&one);
    bal_ctx_close(&three);
    free_cloud(&c);
}

static void components_of_rounding_are_left_out(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx_threads(1);
    static const int sizes[] = {40, 25, 0};
    cloud c = make_cloud(sizes, NULL, 3, 1.0);
    float rows[65 * 9];
    for (int i = 0; i < 65; i++) /* three dimensions in nine columns */
        for (int f = 0; f < 9; f++)
            rows[i * 9 + f] = c.rows[i * 3 + f % 3] * (float)(1 << f / 3);
    bal_hardness_settings s = settings_of(rows, c.labels, 65, 9);
    s.components = 6;
    bal_hardness *h = measured(ctx, &s);
    assert_int_equal(bal_hardness_get(h)->components, 3);
    test_near("explained", 1.0, bal_hardness_get(h)->explained, 1e-9);
    bal_hardness_close(&h);
    free_cloud(&c);
    bal_ctx_close(&ctx);
}

static void parts_can_be_left_out(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx_threads(1);
    static const int sizes[] = {50, 21, 0};
    cloud c = make_cloud(sizes, NULL, 4, 0.9);
    bal_hardness_settings s = settings_of(c.rows, c.labels, c.count, c.dim);
    s.tree = s.silhouette = s.diversity = false;
    bal_hardness *h = measured(ctx, &s);
    const bal_audit_difficulty *d = bal_hardness_get(h);
    assert_true(isnan(d->n1) && isnan(d->silhouette) && isnan(d->class_of[0].n1) &&
                isnan(d->class_of[1].silhouette) && isnan(d->class_of[1].diversity.all.cosine));
    assert_true(isnan(d->each[3].silhouette) && d->each[3].n1 == BAL_UNMEASURED);
    assert_true(d->kdn >= 0.0 && d->n3 >= 0.0 && d->fisher > 0.0);
    bal_hardness_close(&h);
    free_cloud(&c);
    bal_ctx_close(&ctx);
}

/* Two rows a class, in a row: every class lies in the next ones. */
static void thousands_of_classes(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx_threads(1);
    enum { CLASSES = 1300 };
    float *rows = calloc(2 * CLASSES, sizeof *rows);
    int32_t *labels = calloc(2 * CLASSES, sizeof *labels);
    assert_true(rows && labels);
    for (int i = 0; i < 2 * CLASSES; i++) {
        rows[i] = (float)(i * i);
        labels[i] = i / 2;
    }
    bal_hardness_settings s = settings_of(rows, labels, 2 * CLASSES, 1);
    s.neighbours = 2;
    bal_hardness *h = measured(ctx, &s);
    const bal_audit_difficulty *d = bal_hardness_get(h);
    assert_null(d->neighbour_share);
    assert_int_equal(d->overlap_count, BAL_OVERLAPS_MOST);
    for (int i = 0; i < BAL_OVERLAPS_MOST; i++) {
        const bal_audit_overlap *o = &d->overlaps[i];
        assert_true(o->a < o->b && o->share > 0.0);
        test_near("share", (o->a_in_b + o->b_in_a) / 2.0, o->share, 1e-15);
        assert_true(
            i == 0 || o->share < o[-1].share ||
            (o->share == o[-1].share && (o->a > o[-1].a || (o->a == o[-1].a && o->b > o[-1].b))));
    }
    bal_hardness_close(&h);
    free(rows);
    free(labels);
    bal_ctx_close(&ctx);
}

/* ---- what is refused ---- */

static void settings_are_checked(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx_threads(1);
    float rows[] = {1, 2, 3, 4, 5, 6};
    int32_t labels[] = {0, 1, 1};
    const bal_hardness_settings good = settings_of(rows, labels, 3, 2);
    bal_hardness_settings bad[] = {good, good, good, good, good, good, good, good, good, good};
    bad[0].count = 0;
    bad[1].dim = 0;
    bad[2].classes = 0;
    bad[3].neighbours = 0;
    bad[4].neighbours = 1001;
    bad[5].components = -1;
    bad[6].max_items = -1;
    bad[7].draws = -1;
    bad[8].rows = NULL;
    bad[9].classes = 1; /* label 1 is beyond */
    bal_hardness *h;
    for (size_t i = 0; i < BAL_COUNT_OF(bad); i++) {
        if (bal_hardness_open(&h, ctx, &bad[i]) != BAL_BAD_ARG)
            fail_msg("settings %zu are not refused", i);
        assert_null(h);
    }
    test_fails(ctx, bal_hardness_open(&h, ctx, &bad[9]), BAL_BAD_ARG, "label 1 is 1", "0 to 0",
               NULL);
    rows[3] = NAN;
    test_fails(ctx, bal_hardness_open(&h, ctx, &good), BAL_BAD_DATA, "difficulty", "1", NULL);
    rows[3] = INFINITY;
    test_fails(ctx, bal_hardness_open(&h, ctx, &good), BAL_BAD_DATA, "difficulty", NULL);
    assert_null(h);
    bal_hardness_close(&h);
    bal_hardness_close(NULL);
    bal_ctx_close(&ctx);
}

static bal_status measure(bal_ctx *ctx, void *user)
{
    const bal_hardness_settings *s = user;
    bal_hardness *h;
    const bal_status status = bal_hardness_open(&h, ctx, s);
    assert_true((status == BAL_OK) == (h != NULL));
    bal_hardness_close(&h);
    return status;
}

static void memory_that_runs_out(void **state)
{
    (void)state;
    static const int sizes[] = {25, 12, 3, 0};
    cloud c = make_cloud(sizes, NULL, 6, 1.0);
    bal_hardness_settings s = settings_of(c.rows, c.labels, c.count, c.dim);
    s.components = 3;
    s.max_items = 33;
    s.draws = 2;
    test_allocation_failures(measure, &s);
    free_cloud(&c);
}

static void interrupt_stops_it(void **state)
{
    (void)state;
    static const int sizes[] = {40, 12, 0};
    bal_ctx *ctx = test_ctx_threads(1);
    cloud c = make_cloud(sizes, NULL, 6, 1.0);
    bal_hardness_settings s = settings_of(c.rows, c.labels, c.count, c.dim);
    bal_ctx_interrupt(ctx);
    bal_hardness *h;
    test_fails(ctx, bal_hardness_open(&h, ctx, &s), BAL_INTERRUPTED, "interrupted", NULL);
    assert_null(h);
    free_cloud(&c);
    bal_ctx_close(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_of_examples),
        cmocka_unit_test(hardly_any_rows),
        cmocka_unit_test(equal_rows),
        cmocka_unit_test(cosine_with_zeros),
        cmocka_unit_test(size_alone_is_no_diversity),
        cmocka_unit_test(a_sample_is_told_and_measured),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(components_of_rounding_are_left_out),
        cmocka_unit_test(parts_can_be_left_out),
        cmocka_unit_test(thousands_of_classes),
        cmocka_unit_test(settings_are_checked),
        cmocka_unit_test(memory_that_runs_out),
        cmocka_unit_test(interrupt_stops_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
