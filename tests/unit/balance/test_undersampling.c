/* Methods that remove rows: what the comparison with imbalanced-learn leaves open. Plain
 * definitions are worked out again here. */
#include "ballast/resample.h"
#include "base/random.h"
#include "helpers/helpers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 130, COLUMNS = 3, CLASSES = 3, MOST = 4 * ROWS };
static const int sizes[CLASSES] = {70, 41, 19};
static const int32_t names[CLASSES] = {-4, 7, 30};

typedef struct world {
    bal_ctx *ctx;
    float values[ROWS * COLUMNS];
    int32_t labels[ROWS];
    bal_resample_data data;
} world;

static void make_world(world *w)
{
    bal_random random = bal_random_at(test_seed(), BAL_STREAM_TEST, 2, 0);
    w->ctx = test_ctx();
    for (int c = 0, row = 0; c < CLASSES; c++)
        for (int i = 0; i < sizes[c]; i++, row++) {
            w->labels[row] = names[c];
            for (int j = 0; j < COLUMNS; j++)
                w->values[row * COLUMNS + j] =
                    (float)(bal_random_normal(&random) + (j == c ? 1.3 : 0.0));
        }
    w->data = (bal_resample_data){w->values, w->labels, ROWS, COLUMNS};
}

static bal_resample_settings by(const char *method)
{
    bal_resample_settings s = bal_resample_defaults();
    s.method = method;
    s.seed = 5;
    return s;
}

static bal_resampled *open_plan(world *w, const bal_resample_settings *s)
{
    bal_resampled *r;
    test_ok(w->ctx, bal_resample_open(&r, w->ctx, &w->data, s));
    return r;
}

static void random_draws_are_fair(void **state)
{
    (void)state;
    world w;
    int taken[ROWS] = {0};
    make_world(&w);
    bal_resample_settings s = by("random-under");
    const int runs = 400;
    for (int i = 0; i < runs; i++) {
        s.seed = (uint64_t)i;
        bal_resampled *r = open_plan(&w, &s);
        assert_int_equal(bal_resampled_count(r), 3 * sizes[2]);
        int64_t last = -1;
        for (int64_t k = 0; k < bal_resampled_count(r); k++) {
            bal_resampled_origin o;
            test_ok(w.ctx, bal_resampled_origins(r, k, 1, &o));
            assert_true(o.base > last); /* in their order, none twice */
            last = o.base;
            taken[o.base]++;
        }
        bal_resampled_close(&r);
    }
    for (int row = 0; row < ROWS; row++) {
        const double p = (double)sizes[2] / (row < 70 ? 70 : row < 111 ? 41 : 19);
        assert_true(fabs(taken[row] - runs * p) <= 5.0 * sqrt(runs * p * (1.0 - p)));
    }
    bal_ctx_close(&w.ctx);
}

static void replacement_repeats_rows(void **state)
{
    (void)state;
    world w;
    make_world(&w);
    bal_resample_settings s = by("random-under");
    s.replacement = true;
    s.strategy = "-4:60";
    bal_resampled *r = open_plan(&w, &s);
    assert_int_equal(bal_resampled_class_at(r, 0).after, 60);
    assert_int_equal(bal_resampled_class_at(r, 1).after, 41);
    int repeated = 0;
    int64_t last = -1;
    for (int64_t k = 0; k < bal_resampled_count(r); k++) {
        bal_resampled_origin o;
        test_ok(w.ctx, bal_resampled_origins(r, k, 1, &o));
        assert_true(o.base >= last);
        repeated += o.base == last;
        last = o.base;
    }
    assert_in_range(repeated, 5, 40);
    bal_resampled_close(&r);
    bal_ctx_close(&w.ctx);
}

static double nearest_of(const world *w, const float *x, int32_t label, int64_t *which)
{
    double best = 1e30;
    for (int64_t i = 0; i < ROWS; i++) {
        double sum = 0.0;
        for (int j = 0; j < COLUMNS; j++)
            sum += pow((double)w->values[i * COLUMNS + j] - (double)x[j], 2.0);
        if (w->labels[i] == label && sum < best) {
            best = sum;
            *which = i;
        }
    }
    return best;
}

/* Every centre is the mean of the rows that are nearest to it, and rows nearest to the centres are
 * those that hard voting keeps. */
static void centroids_are_means(void **state)
{
    (void)state;
    static float centres[2 * ROWS * COLUMNS];
    static int32_t labels[2 * ROWS];
    world w;
    make_world(&w);
    bal_resample_settings s = by("cluster-centroids");
    bal_resampled *r = open_plan(&w, &s);
    const int64_t kept = bal_resampled_kept(r), count = bal_resampled_count(r);
    assert_int_equal(kept, sizes[2]);
    assert_int_equal(count, 3 * sizes[2]);
    test_ok(w.ctx, bal_resampled_rows(r, 0, count, centres, labels));
    double sum[2 * ROWS][COLUMNS] = {{0.0}};
    int members[2 * ROWS] = {0};
    for (int64_t i = 0; i < sizes[0] + sizes[1]; i++) {
        int64_t own = -1;
        double best = 1e30;
        for (int64_t c = kept; c < count; c++) {
            double d = 0.0;
            for (int j = 0; j < COLUMNS; j++)
                d += pow((double)w.values[i * COLUMNS + j] - (double)centres[c * COLUMNS + j], 2.0);
            if (labels[c] == w.labels[i] && d < best) {
                best = d;
                own = c;
            }
        }
        members[own]++;
        for (int j = 0; j < COLUMNS; j++)
            sum[own][j] += (double)w.values[i * COLUMNS + j];
    }
    for (int64_t c = kept; c < count; c++) {
        assert_true(members[c] > 0);
        for (int j = 0; j < COLUMNS; j++)
            assert_true(fabs(sum[c][j] / members[c] - (double)centres[c * COLUMNS + j]) < 1e-4);
    }
    bal_resampled_close(&r);

    s.voting = "hard";
    r = open_plan(&w, &s);
    assert_int_equal(bal_resampled_kept(r), count);
    bool found[ROWS] = {false}, wanted[ROWS] = {false};
    for (int64_t i = 0; i < count; i++) {
        bal_resampled_origin o;
        int64_t which = -1;
        test_ok(w.ctx, bal_resampled_origins(r, i, 1, &o));
        found[o.base] = true;
        if (i < kept)
            wanted[sizes[0] + sizes[1] + i] = true;
        else
            nearest_of(&w, centres + i * COLUMNS, labels[i], &which);
        if (which >= 0)
            wanted[which] = true;
    }
    assert_memory_equal(found, wanted, sizeof found);
    bal_resampled_close(&r);
    s.voting = "loud";
    test_fails(w.ctx, bal_resample_open(&r, w.ctx, &w.data, &s), BAL_BAD_ARG, "voting", "loud",
               NULL);
    bal_ctx_close(&w.ctx);
}

/* ---- after smote ---- */

typedef struct cloud {
    float values[MOST * COLUMNS];
    int32_t labels[MOST];
    int count;
    bool remove[MOST];
} cloud;

static double squared(const cloud *p, int a, int b)
{
    double sum = 0.0;
    for (int j = 0; j < COLUMNS; j++) {
        const double d = (double)p->values[a * COLUMNS + j] - (double)p->values[b * COLUMNS + j];
        sum += d * d;
    }
    return sum;
}

/* The j-th nearest of row a, by (distance, number). */
static int nearest(const cloud *p, int a, int wanted)
{
    bool used[MOST] = {false};
    int best = -1;
    for (int round = 0; round <= wanted; round++) {
        best = -1;
        for (int b = 0; b < p->count; b++)
            if (b != a && !used[b] && (best < 0 || squared(p, a, b) < squared(p, a, best)))
                best = b;
        used[best] = true;
    }
    return best;
}

static void mark(cloud *p, bool edit)
{
    for (int a = 0; a < p->count; a++) {
        if (edit) {
            p->remove[a] = false;
            for (int j = 0; j < 3; j++)
                p->remove[a] |= p->labels[nearest(p, a, j)] != p->labels[a];
        } else {
            const int b = nearest(p, a, 0);
            p->remove[a] = p->labels[b] != p->labels[a] && nearest(p, b, 0) == a;
        }
    }
}

static void combined_cleans_what_smote_made(void **state)
{
    (void)state;
    static const char *const methods[] = {"smote-enn", "smote-tomek"};
    static cloud before;
    world w;
    make_world(&w);
    for (size_t m = 0; m < BAL_COUNT_OF(methods); m++) {
        const bal_resample_settings s = by("smote"), both = by(methods[m]);
        bal_resampled *r = open_plan(&w, &s);
        before.count = (int)bal_resampled_count(r);
        assert_int_equal(before.count, 3 * sizes[0]);
        test_ok(w.ctx, bal_resampled_rows(r, 0, before.count, before.values, before.labels));
        bal_resampled_close(&r);
        mark(&before, m == 0);

        r = open_plan(&w, &both);
        int at = 0, removed = 0, old_removed = 0;
        for (int i = 0; i < before.count; i++) {
            float values[COLUMNS];
            int32_t label;
            removed += before.remove[i];
            old_removed += before.remove[i] && i < ROWS;
            if (before.remove[i])
                continue;
            test_ok(w.ctx, bal_resampled_rows(r, at++, 1, values, &label));
            assert_int_equal(label, before.labels[i]);
            assert_memory_equal(values, before.values + i * COLUMNS, sizeof values);
        }
        assert_int_equal(at, bal_resampled_count(r));
        assert_int_equal(bal_resampled_kept(r), ROWS - old_removed);
        assert_true(removed > old_removed && old_removed > 0);
        bal_resampled_close(&r);
    }
    bal_ctx_close(&w.ctx);
}

/* ---- what is asked ---- */

static void counts_are_those_asked_for(void **state)
{
    (void)state;
    world w;
    make_world(&w);
    const bal_resampler_info *info;
    for (int i = 0; (info = bal_resampler_at(i)); i++) {
        if (info->kind != BAL_RESAMPLE_UNDER || strcmp(info->name, "near-miss-3") == 0)
            continue;
        bal_resample_settings s = by(info->name);
        s.strategy = "-4:33,30:11"; /* the minority too */
        bal_resampled *r = open_plan(&w, &s);
        assert_int_equal(bal_resampled_class_at(r, 0).after, 33);
        assert_int_equal(bal_resampled_class_at(r, 1).after, 41);
        assert_int_equal(bal_resampled_class_at(r, 2).after, 11);
        bal_resampled_close(&r);
        s.strategy = "-4:71";
        test_fails(w.ctx, bal_resample_open(&r, w.ctx, &w.data, &s), BAL_BAD_ARG, "71", "70", NULL);
    }
    bal_ctx_close(&w.ctx);
}

static void bad_options_are_told(void **state)
{
    (void)state;
    world w;
    bal_resampled *r;
    make_world(&w);
    bal_resample_settings s = by("enn");
    s.kind_sel = "most";
    test_fails(w.ctx, bal_resample_open(&r, w.ctx, &w.data, &s), BAL_BAD_ARG, "kind-sel", "most",
               NULL);
    s = by("renn");
    s.max_iter = 0;
    test_fails(w.ctx, bal_resample_open(&r, w.ctx, &w.data, &s), BAL_BAD_ARG, "max-iter", "0",
               NULL);
    s = by("cnn");
    s.n_seeds = -2;
    test_fails(w.ctx, bal_resample_open(&r, w.ctx, &w.data, &s), BAL_BAD_ARG, "n-seeds", "-2",
               NULL);
    s = by("ncr");
    s.threshold_cleaning = 1.5;
    test_fails(w.ctx, bal_resample_open(&r, w.ctx, &w.data, &s), BAL_BAD_ARG, "threshold-cleaning",
               "1.5", NULL);
    s = by("tomek");
    s.strategy = "0.5";
    test_fails(w.ctx, bal_resample_open(&r, w.ctx, &w.data, &s), BAL_BAD_ARG, "0.5", NULL);
    bal_ctx_close(&w.ctx);
}

/* Too few rows for k, equal rows, a class of one. */
static void small_classes_are_no_failure(void **state)
{
    (void)state;
    static const float values[] = {0, 0, 0, 1, 1, 5, 5, 5};
    static const int32_t labels[] = {1, 1, 1, 1, 1, 2, 1, 2};
    static const int32_t lone[] = {1, 1, 1, 1, 1, 2, 1, 1};
    bal_ctx *ctx = test_ctx();
    const bal_resampler_info *info;
    for (int i = 0; (info = bal_resampler_at(i)); i++) {
        if (info->kind == BAL_RESAMPLE_OVER)
            continue;
        bal_resample_settings s = by(info->name);
        if (info->k > 0)
            s.k = 50;
        for (int one = 0; one < 2; one++) {
            const bal_resample_data data = {values, one ? lone : labels, 8, 1};
            bal_resampled *r;
            test_ok(ctx, bal_resample_open(&r, ctx, &data, &s));
            assert_true(bal_resampled_class_at(r, 1).after >=
                        (info->kind == BAL_RESAMPLE_COMBINED ? 0 : 2 - one));
            bal_resampled_close(&r);
        }
    }
    bal_ctx_close(&ctx);
}

/* ---- subsets ---- */

static void subsets_are_balanced(void **state)
{
    (void)state;
    world w;
    make_world(&w);
    int64_t rows[ROWS], other[ROWS], count;
    bal_subset_settings s = bal_subset_defaults();
    for (int kind = 0; kind < 2; kind++) {
        bool seen[ROWS] = {false};
        int covered = 0;
        s.kind = kind == 0 ? "easy-ensemble" : "balanced-bagging";
        for (int member = 0; member < 40; member++) {
            int per_class[CLASSES] = {0}, repeated = 0;
            test_ok(w.ctx, bal_resample_subset(w.ctx, w.labels, ROWS, &s, member, rows, &count));
            for (int64_t i = 0; i < count; i++) {
                for (int c = 0; c < CLASSES; c++)
                    per_class[c] += w.labels[rows[i]] == names[c];
                repeated += i > 0 && rows[i] == rows[i - 1];
                seen[rows[i]] = true;
            }
            assert_int_equal(per_class[0], per_class[1]);
            assert_int_equal(per_class[0], per_class[2]);
            assert_true(kind == 0 ? repeated == 0 && count == 3 * sizes[2] : repeated > 0);
        }
        for (int i = 0; i < ROWS; i++)
            covered += seen[i];
        assert_int_equal(covered, ROWS);
        test_ok(w.ctx, bal_resample_subset(w.ctx, w.labels, ROWS, &s, 39, other, &count));
        assert_memory_equal(rows, other, (size_t)count * sizeof *rows);
    }
    s.kind = "easy";
    test_fails(w.ctx, bal_resample_subset(w.ctx, w.labels, ROWS, &s, 0, rows, &count), BAL_BAD_ARG,
               "easy", "balanced-bagging", NULL);
    s = bal_subset_defaults();
    test_fails(w.ctx, bal_resample_subset(w.ctx, w.labels, ROWS, &s, -1, rows, &count), BAL_BAD_ARG,
               "-1", NULL);
    bal_ctx_close(&w.ctx);
}

static bal_status attempt(bal_ctx *ctx, void *user)
{
    world *w = user;
    int64_t rows[ROWS], count;
    bal_subset_settings s = bal_subset_defaults();
    s.kind = "balanced-bagging";
    return bal_resample_subset(ctx, w->labels, ROWS, &s, 3, rows, &count);
}

static void memory_may_run_out(void **state)
{
    (void)state;
    world w;
    make_world(&w);
    test_allocation_failures(attempt, &w);
    bal_ctx_close(&w.ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_draws_are_fair),
        cmocka_unit_test(replacement_repeats_rows),
        cmocka_unit_test(centroids_are_means),
        cmocka_unit_test(combined_cleans_what_smote_made),
        cmocka_unit_test(counts_are_those_asked_for),
        cmocka_unit_test(bad_options_are_told),
        cmocka_unit_test(small_classes_are_no_failure),
        cmocka_unit_test(subsets_are_balanced),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
