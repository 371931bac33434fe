/* New rows of over-sampling against plain definitions: whose neighbour is whose is worked out again
 * here, all distances in double and sorted. */
#include "helpers/helpers.h"

#include "ballast/resample.h"
#include "base/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 160 };

typedef struct world {
    const char *why;
    int rows, columns, classes;
    float *values;
    int32_t labels[MOST];
    int order[MOST][MOST]; /* all rows by (distance, number), the row itself left out */
    bool cosine;
} world;

/* ---- the plain definitions ---- */

static double distance_of(const world *w, int a, int b)
{
    const float *x = w->values + a * w->columns, *y = w->values + b * w->columns;
    double sum = 0.0, xx = 0.0, yy = 0.0;
    for (int j = 0; j < w->columns; j++) {
        const double p = (double)x[j], q = (double)y[j];
        sum += w->cosine ? p * q : (p - q) * (p - q);
        xx += p * p;
        yy += q * q;
    }
    if (!w->cosine)
        return sum;
    return xx == 0.0 || yy == 0.0 ? 1.0 : 1.0 - sum / (sqrt(xx) * sqrt(yy));
}

static void sort_neighbours(world *w)
{
    for (int i = 0; i < w->rows; i++) {
        int count = 0;
        for (int j = 0; j < w->rows; j++) {
            if (j == i)
                continue;
            int at = count++;
            for (; at > 0 && distance_of(w, i, j) < distance_of(w, i, w->order[i][at - 1]); at--)
                w->order[i][at] = w->order[i][at - 1];
            w->order[i][at] = j;
        }
    }
}

/* Is b one of the k nearest of a among the rows that are of class c (same) or not (!same)? */
static bool among_nearest(const world *w, int a, int b, int k, int32_t c, bool same)
{
    for (int j = 0; j < w->rows - 1 && k > 0; j++) {
        const int row = w->order[a][j];
        if ((w->labels[row] == c) != same)
            continue;
        if (row == b)
            return true;
        k--;
    }
    return false;
}

static int enemies_of(const world *w, int a, int k)
{
    int count = 0;
    for (int j = 0; j < k; j++)
        count += w->labels[w->order[a][j]] != w->labels[a];
    return count;
}

static int rows_of(const world *w, int32_t label)
{
    int count = 0;
    for (int i = 0; i < w->rows; i++)
        count += w->labels[i] == label;
    return count;
}

/* ---- worlds ---- */

static world *make_world(const char *why, int columns, const int *counts, uint64_t seed)
{
    static const int32_t names[] = {3, 0, 7, -1};
    world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->why = why;
    w->columns = columns;
    bal_random random = bal_random_at(test_seed(), BAL_STREAM_TEST, 100, seed);
    for (; counts[w->classes]; w->classes++)
        for (int i = 0; i < counts[w->classes]; i++)
            w->labels[w->rows++] = names[w->classes];
    assert_true(w->rows <= MOST);
    for (int i = w->rows - 1; i > 0; i--) {
        const int j = (int)bal_random_below(&random, (uint64_t)i + 1);
        const int32_t held = w->labels[i];
        w->labels[i] = w->labels[j];
        w->labels[j] = held;
    }
    w->values = calloc((size_t)(w->rows * columns), sizeof *w->values);
    assert_non_null(w->values);
    for (int i = 0; i < w->rows; i++)
        for (int j = 0; j < columns; j++)
            w->values[i * columns + j] =
                (float)(bal_random_normal(&random) + (j == 0 ? 0.3 * w->labels[i] : 0.0));
    return w;
}

enum { WORLDS = 5 };

static world *world_at(int i)
{
    world *w;
    switch (i) {
    case 0:
        w = make_world("overlapping classes", 4, (int[]){70, 31, 12, 0}, 1);
        break;
    case 1:
        w = make_world("two classes", 11, (int[]){90, 40, 0}, 2);
        break;
    case 2: /* k and m reduced */
        w = make_world("a class of 3 and one of 1", 3, (int[]){50, 22, 3, 1, 0}, 3);
        break;
    case 3:
        w = make_world("constant columns, rows twice", 5, (int[]){60, 24, 14, 0}, 4);
        for (int r = 0; r < w->rows; r++) {
            w->values[r * 5 + 2] = 7.5f;
            if (r % 3 == 1) /* as the row before, perhaps in another class */
                memcpy(w->values + r * 5, w->values + (r - 1) * 5, 5 * sizeof(float));
        }
        break;
    default:
        w = make_world("cosine", 6, (int[]){55, 25, 15, 0}, 5);
        w->cosine = true;
        break;
    }
    sort_neighbours(w);
    return w;
}

static void drop_world(world *w)
{
    free(w->values);
    free(w);
}

/* ---- a plan checked row by row ---- */

typedef struct check {
    const world *w;
    bal_resample_settings settings;
    int64_t kept, count;
    bal_resampled_origin *origins;
    float *values;
} check;

static check run(bal_ctx *ctx, const world *w, bal_resample_settings settings)
{
    const bal_resample_data data = {w->values, w->labels, w->rows, w->columns};
    check c = {.w = w, .settings = settings};
    c.settings.distance = w->cosine ? "cosine" : "euclidean";
    bal_resampled *r;
    test_ok(ctx, bal_resample_open(&r, ctx, &data, &c.settings));
    c.kept = bal_resampled_kept(r);
    c.count = bal_resampled_count(r);
    c.origins = calloc((size_t)c.count, sizeof *c.origins);
    c.values = calloc((size_t)(c.count * w->columns), sizeof *c.values);
    assert_true(c.origins && c.values);
    test_ok(ctx, bal_resampled_origins(r, 0, c.count, c.origins));
    test_ok(ctx, bal_resampled_rows(r, 0, c.count, c.values, NULL));
    assert_int_equal(c.kept, w->rows);
    for (int64_t i = c.kept; i < c.count; i++) /* on the line through base and neighbour */
        for (int j = 0; j < w->columns; j++) {
            const bal_resampled_origin *o = &c.origins[i];
            const double a = (double)w->values[o->base * w->columns + j];
            const double b = (double)w->values[o->neighbour * w->columns + j];
            const float want = (float)(a + o->weight * (b - a));
            assert_true(c.values[i * w->columns + j] == want);
        }
    bal_resampled_close(&r);
    return c;
}

static void drop(check *c)
{
    free(c->origins);
    free(c->values);
}

static void wrong(const check *c, int64_t row, const char *what)
{
    const bal_resampled_origin *o = &c->origins[row];
    fail_msg("%s, %s: row %lld of class %d (base %lld, neighbour %lld, weight %g): %s",
             c->settings.method, c->w->why, (long long)row, (int)o->label, (long long)o->base,
             (long long)o->neighbour, o->weight, what);
}

static bool is_copy(const check *c, int64_t row)
{
    const bal_resampled_origin *o = &c->origins[row];
    return rows_of(c->w, o->label) == 1 && o->neighbour == o->base && o->weight == 0.0;
}

static void member_and_neighbour(const check *c, int64_t row, int k)
{
    const bal_resampled_origin *o = &c->origins[row];
    if (c->w->labels[o->base] != o->label)
        wrong(c, row, "the base is of another class");
    if (!among_nearest(c->w, (int)o->base, (int)o->neighbour, k, o->label, true))
        wrong(c, row, "the neighbour is none of the k nearest of the class");
    if (!(o->weight >= 0.0 && o->weight <= 1.0))
        wrong(c, row, "the weight is outside 0..1");
}

static int64_t made_of(const check *c, int32_t label)
{
    int64_t count = 0;
    for (int64_t i = c->kept; i < c->count; i++)
        count += c->origins[i].label == label;
    return count;
}

static void each_class_is_full(const check *c)
{
    const int most = rows_of(c->w, 3);
    for (int i = 0; i < c->w->rows; i++)
        assert_int_equal(rows_of(c->w, c->w->labels[i]) + made_of(c, c->w->labels[i]), most);
}

static const bal_resampler_info *info_of(const char *method)
{
    const bal_resampler_info *info;
    for (int i = 0; (info = bal_resampler_at(i)); i++)
        if (strcmp(info->name, method) == 0)
            return info;
    fail_msg("there is no %s", method);
    return NULL;
}

typedef void row_check(const check *c, int64_t row);

/* Runs a method in all worlds, with some k and m; each new row that is no copy goes to `each`. */
static void in_all_worlds(const char *method, row_check *each, row_check *whole)
{
    bal_ctx *ctx = test_ctx_threads(2);
    for (int i = 0; i < WORLDS; i++) {
        world *w = world_at(i);
        for (int k = 1; k <= 7; k += 3) {
            bal_resample_settings settings = bal_resample_defaults();
            settings.method = method;
            settings.k = k;
            if (strstr(info_of(method)->options, " m "))
                settings.m = 2 * k + 1;
            settings.seed = test_seed() + (uint64_t)k;
            check c = run(ctx, w, settings);
            for (int64_t row = c.kept; row < c.count; row++)
                if (!is_copy(&c, row))
                    each(&c, row);
            if (whole)
                whole(&c, 0);
            drop(&c);
        }
        drop_world(w);
    }
    bal_ctx_close(&ctx);
}

/* ---- SMOTE ---- */

static void smote_row(const check *c, int64_t row)
{
    member_and_neighbour(c, row, c->settings.k);
}

static void smote_whole(const check *c, int64_t row)
{
    (void)row;
    each_class_is_full(c);
}

static void smote_stays_within_the_class(void **state)
{
    (void)state;
    in_all_worlds("smote", smote_row, smote_whole);
}

/* Every base and every neighbour of it comes up, so none is preferred by mistake. */
static void smote_uses_all_pairs(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx_threads(1);
    world *w = world_at(2);
    bal_resample_settings settings = bal_resample_defaults();
    settings.strategy = "0:822";
    settings.k = 4;
    check c = run(ctx, w, settings);
    static bool seen[MOST][MOST];
    int pairs = 0;
    for (int64_t i = c.kept; i < c.count; i++) {
        bool *pair = &seen[c.origins[i].base][c.origins[i].neighbour];
        pairs += !*pair;
        *pair = true;
    }
    assert_int_equal(c.count - c.kept, 800);
    assert_int_equal(pairs, 22 * 4);
    drop(&c);
    drop_world(w);
    bal_ctx_close(&ctx);
}

/* ---- Borderline-SMOTE ---- */

static bool in_danger(const check *c, int row)
{
    const int there = c->w->rows - 1, m = c->settings.m < there ? c->settings.m : there;
    const int enemies = enemies_of(c->w, row, m);
    return 2 * enemies >= m && enemies < m;
}

static void borderline_row(const check *c, int64_t row)
{
    member_and_neighbour(c, row, c->settings.k);
    if (!in_danger(c, (int)c->origins[row].base))
        wrong(c, row, "the base is not in danger");
}

/* A class without rows in danger stays as it is, every other one is filled. */
static void borderline_whole(const check *c, int64_t row)
{
    (void)row;
    const int most = rows_of(c->w, 3);
    for (int i = 0; i < c->w->rows; i++) {
        bool any = false;
        for (int j = 0; j < c->w->rows; j++)
            any = any || (c->w->labels[j] == c->w->labels[i] && in_danger(c, j));
        assert_int_equal(made_of(c, c->w->labels[i]),
                         any ? most - rows_of(c->w, c->w->labels[i]) : 0);
    }
}

static int towards_seen, within_seen;

static void borderline_2_row(const check *c, int64_t row)
{
    const bal_resampled_origin *o = &c->origins[row];
    if (c->w->labels[o->neighbour] == o->label) {
        within_seen++;
        borderline_row(c, row);
        return;
    }
    towards_seen++;
    if (!in_danger(c, (int)o->base) || c->w->labels[o->base] != o->label)
        wrong(c, row, "the base is not in danger");
    if (!among_nearest(c->w, (int)o->base, (int)o->neighbour, c->settings.k, o->label, false))
        wrong(c, row, "the neighbour is none of the k nearest of other classes");
    if (!(o->weight >= 0.0 && o->weight < 0.5))
        wrong(c, row, "the weight is outside 0..0.5");
}

static void borderline_starts_from_rows_in_danger(void **state)
{
    (void)state;
    in_all_worlds("borderline-1", borderline_row, borderline_whole);
    in_all_worlds("borderline-2", borderline_2_row, borderline_whole);
    assert_true(towards_seen > 300 && within_seen > 300);
}

/* ---- ADASYN ---- */

static void adasyn_row(const check *c, int64_t row)
{
    member_and_neighbour(c, row, c->settings.k);
}

static void adasyn_whole(const check *c, int64_t row)
{
    (void)row;
    const int most = rows_of(c->w, 3);
    for (int i = 0; i < c->w->rows; i++) {
        const int32_t label = c->w->labels[i];
        double sum = 0.0;
        for (int j = 0; j < c->w->rows; j++)
            sum += c->w->labels[j] == label ? enemies_of(c->w, j, c->settings.k) : 0;
        const double share = enemies_of(c->w, i, c->settings.k) / sum;
        int64_t made = 0;
        for (int64_t j = c->kept; j < c->count; j++)
            made += c->origins[j].base == i;
        const double want = share * (most - rows_of(c->w, label));
        if (fabs(want - floor(want) - 0.5) > 1e-9) /* a tie may be rounded either way */
            assert_int_equal(made, (int64_t)rint(want));
    }
}

static void adasyn_shares_by_enemies(void **state)
{
    (void)state;
    in_all_worlds("adasyn", adasyn_row, adasyn_whole);
}

static void adasyn_needs_enemies(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx_threads(1);
    float values[12];
    int32_t labels[12];
    for (int i = 0; i < 12; i++) {
        labels[i] = i < 4;
        values[i] = (float)(i + (i < 4 ? 100 : 0));
    }
    const bal_resample_data data = {values, labels, 12, 1};
    bal_resample_settings settings = bal_resample_defaults();
    bal_resampled *r;
    settings.method = "adasyn";
    settings.k = 2;
    test_fails(ctx, bal_resample_open(&r, ctx, &data, &settings), BAL_BAD_DATA, "class 1",
               "another class", NULL);
    bal_ctx_close(&ctx);
}

/* ---- Safe-Level-SMOTE ---- */

static void safe_level_row(const check *c, int64_t row)
{
    const bal_resampled_origin *o = &c->origins[row];
    member_and_neighbour(c, row, c->settings.k);
    const double p = c->settings.k - enemies_of(c->w, (int)o->base, c->settings.k);
    const double n = c->settings.k - enemies_of(c->w, (int)o->neighbour, c->settings.k);
    if (p == 0.0 && n == 0.0)
        wrong(c, row, "base and neighbour are noise");
    if (n == 0.0 && o->weight != 0.0)
        wrong(c, row, "the neighbour is noise, so the weight is 0");
    if (n > 0.0 && p > n && o->weight > n / p)
        wrong(c, row, "the weight is not on the base's side");
    if (n > 0.0 && p < n && o->weight < 1.0 - p / n)
        wrong(c, row, "the weight is not on the neighbour's side");
}

static void safe_level_moves_to_the_safer_end(void **state)
{
    (void)state;
    in_all_worlds("safe-level-smote", safe_level_row, NULL);
}

/* ---- SVM-SMOTE ---- */

static int beyond_seen, between_seen;

/* Which rows are support vectors is compared with scikit-learn's in tests/golden. */
static void svm_row(const check *c, int64_t row)
{
    const bal_resampled_origin *o = &c->origins[row];
    const int there = c->w->rows - 1, m = c->settings.m < there ? c->settings.m : there;
    const int enemies = enemies_of(c->w, (int)o->base, m);
    if (c->w->labels[o->base] != o->label ||
        !among_nearest(c->w, (int)o->base, (int)o->neighbour, c->settings.k, o->label, true))
        wrong(c, row, "not from a member and one of its k nearest");
    if (enemies == m)
        wrong(c, row, "the base is noise");
    if (2 * enemies >= m && !(o->weight >= 0.0 && o->weight < 1.0))
        wrong(c, row, "the base is in danger, so the row lies between");
    if (2 * enemies < m && !(o->weight <= 0.0 && o->weight > -0.5))
        wrong(c, row, "the base is safe, so the row lies beyond");
    between_seen += 2 * enemies >= m;
    beyond_seen += 2 * enemies < m;
}

static void svm_smote_joins_or_extends(void **state)
{
    (void)state;
    in_all_worlds("svm-smote", svm_row, NULL);
    assert_true(between_seen > 300 && beyond_seen > 100);
}

/* ---- EOS ---- */

static void eos_row(const check *c, int64_t row)
{
    const bal_resampled_origin *o = &c->origins[row];
    if (c->w->labels[o->base] != o->label || c->w->labels[o->neighbour] == o->label)
        wrong(c, row, "not from a member to an enemy");
    bool any = false;
    for (int i = 0; i < c->w->rows; i++)
        any = any || (c->w->labels[i] == o->label && enemies_of(c->w, i, c->settings.k) > 0);
    assert_true(any);
    bool near = false;
    for (int j = 0; j < c->settings.k; j++)
        near = near || c->w->order[o->base][j] == o->neighbour;
    if (!near)
        wrong(c, row, "the enemy is none of the k nearest");
    if (!(o->weight >= 0.0 && o->weight < 1.0))
        wrong(c, row, "the weight is outside 0..1");
}

static void eos_goes_towards_near_enemies(void **state)
{
    (void)state;
    in_all_worlds("eos", eos_row, smote_whole);
}

/* Without enemies among the k nearest, the one nearest enemy of each row. */
static void eos_finds_far_enemies(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx_threads(1);
    float values[20];
    int32_t labels[20];
    for (int i = 0; i < 20; i++) {
        labels[i] = i < 7;
        values[i] = (float)(i < 7 ? 100 + i : i);
    }
    const bal_resample_data data = {values, labels, 20, 1};
    bal_resample_settings settings = bal_resample_defaults();
    bal_resampled *r;
    settings.method = "eos";
    settings.k = 3;
    test_ok(ctx, bal_resample_open(&r, ctx, &data, &settings));
    bal_resampled_origin o[6];
    assert_int_equal(bal_resampled_count(r), 26);
    test_ok(ctx, bal_resampled_origins(r, 20, 6, o));
    for (int i = 0; i < 6; i++) {
        assert_in_range(o[i].base, 0, 6);
        assert_int_equal(o[i].neighbour, 19);
    }
    bal_resampled_close(&r);
    bal_ctx_close(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(smote_stays_within_the_class),
        cmocka_unit_test(smote_uses_all_pairs),
        cmocka_unit_test(borderline_starts_from_rows_in_danger),
        cmocka_unit_test(adasyn_shares_by_enemies),
        cmocka_unit_test(adasyn_needs_enemies),
        cmocka_unit_test(safe_level_moves_to_the_safer_end),
        cmocka_unit_test(svm_smote_joins_or_extends),
        cmocka_unit_test(eos_goes_towards_near_enemies),
        cmocka_unit_test(eos_finds_far_enemies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
