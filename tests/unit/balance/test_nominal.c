/* SMOTE-NC and SMOTEN against their definitions, worked out again in the plainest way. */
#include "helpers/helpers.h"

#include "ballast/resample.h"
#include "base/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 90, COLUMNS = 7, CLASSES = 3 };

typedef struct table {
    float values[ROWS * COLUMNS];
    int32_t labels[ROWS]; /* 50 of class 4, 28 of class 1, 12 of class 9 */
} table;

/* Columns 0, 2, 5 and 6 have categories, the others numbers. */
static bool is_category(int j)
{
    return j == 0 || j == 2 || j >= 5;
}

static table make_table(void)
{
    table t;
    bal_random random = bal_random_at(test_seed(), BAL_STREAM_TEST, 31, 0);
    for (int i = 0; i < ROWS; i++) {
        const int at = (i * 37) % ROWS;
        t.labels[i] = at < 50 ? 4 : at < 78 ? 1 : 9;
        for (int j = 0; j < COLUMNS; j++)
            t.values[i * COLUMNS + j] =
                is_category(j) ? (float)bal_random_below(&random, 3 + (uint64_t)j) / 4.0f
                               : (float)((1.0 + j) * bal_random_normal(&random));
    }
    return t;
}

static float at(const table *t, int64_t row, int j)
{
    return t->values[row * COLUMNS + j];
}

/* ---- distances ---- */

static double deviation(const table *t, int j, int32_t label)
{
    double sum = 0.0, squares = 0.0;
    int n = 0;
    for (int i = 0; i < ROWS; i++)
        if (t->labels[i] == label) {
            sum += (double)at(t, i, j);
            n++;
        }
    for (int i = 0; i < ROWS; i++)
        if (t->labels[i] == label)
            squares += pow((double)at(t, i, j) - sum / n, 2.0);
    return sqrt(squares / n);
}

/* Three number columns, so the median is the middle one; class 9 is the smallest. */
static double median_deviation(const table *t)
{
    const double a = deviation(t, 1, 9), b = deviation(t, 3, 9), c = deviation(t, 4, 9);
    return fmax(fmin(a, b), fmin(fmax(a, b), c));
}

static double mixed_distance(const table *t, int a, int b)
{
    const double median = median_deviation(t);
    double sum = 0.0;
    for (int j = 0; j < COLUMNS; j++) {
        const double d = (double)at(t, a, j) - (double)at(t, b, j);
        sum += !is_category(j) ? d * d : d != 0.0 ? median * median : 0.0;
    }
    return sum;
}

static double share(const table *t, int j, float value, int32_t label)
{
    int all = 0, of_class = 0;
    for (int i = 0; i < ROWS; i++) {
        all += at(t, i, j) == value;
        of_class += at(t, i, j) == value && t->labels[i] == label;
    }
    return (double)of_class / all;
}

static double value_difference(const table *t, int a, int b)
{
    static const int32_t labels[CLASSES] = {1, 4, 9};
    double sum = 0.0;
    for (int j = 0; j < COLUMNS; j++) {
        double delta = 0.0;
        for (int c = 0; c < CLASSES; c++)
            delta +=
                fabs(share(t, j, at(t, a, j), labels[c]) - share(t, j, at(t, b, j), labels[c]));
        sum += delta * delta;
    }
    return sum;
}

typedef double distance_fn(const table *t, int a, int b);

/* The k nearest of a row in its class, by (distance, row); returns how many. Distances that differ
 * by rounding alone are taken as equal by telling the caller: *clear is false then. */
static int nearest(const table *t, int row, int k, distance_fn *distance, int64_t *best,
                   bool *clear)
{
    int count = 0, order[ROWS];
    double near[ROWS];
    for (int i = 0; i < ROWS; i++) {
        if (i == row || t->labels[i] != t->labels[row])
            continue;
        const double d = distance(t, row, i);
        int place = count++;
        for (; place > 0 && d < near[place - 1]; place--) {
            near[place] = near[place - 1];
            order[place] = order[place - 1];
        }
        near[place] = d;
        order[place] = i;
    }
    *clear = count <= k || near[k] - near[k - 1] > 1e-6 * near[k];
    for (int i = 0; i < k && i < count; i++)
        best[i] = order[i];
    return k < count ? k : count;
}

static int votes_for(const table *t, const int64_t *voters, int count, int j, float value)
{
    int votes = 0;
    for (int i = 0; i < count; i++)
        votes += at(t, voters[i], j) == value;
    return votes;
}

/* ---- runs ---- */

typedef struct output {
    int64_t kept, count;
    float values[3 * ROWS * COLUMNS];
    bal_resampled_origin origins[3 * ROWS];
} output;

static void run(const table *t, const bal_resample_settings *settings, output *out)
{
    bal_ctx *ctx = test_ctx_threads(2);
    const bal_resample_data data = {t->values, t->labels, ROWS, COLUMNS};
    bal_resampled *r;
    test_ok(ctx, bal_resample_open(&r, ctx, &data, settings));
    out->kept = bal_resampled_kept(r);
    out->count = bal_resampled_count(r);
    assert_int_equal(out->kept, ROWS);
    assert_int_equal(out->count, 150);
    test_ok(ctx, bal_resampled_rows(r, 0, out->count, out->values, NULL));
    test_ok(ctx, bal_resampled_origins(r, 0, out->count, out->origins));
    bal_resampled_close(&r);
    bal_ctx_close(&ctx);
}

static void numbers_are_interpolated_and_categories_voted(void **state)
{
    (void)state;
    const table t = make_table();
    static output out;
    int checked = 0, categories_not_of_base = 0;
    for (int k = 1; k <= 13; k += 4) {
        bal_resample_settings settings = bal_resample_defaults();
        settings.method = "smote-nc";
        settings.categorical = "0,2,5-6";
        settings.k = k;
        run(&t, &settings, &out);
        for (int64_t i = out.kept; i < out.count; i++) {
            const bal_resampled_origin *o = &out.origins[i];
            int64_t voters[ROWS];
            bool clear, among = false;
            const int count = nearest(&t, (int)o->base, k, mixed_distance, voters, &clear);
            if (!clear)
                continue;
            for (int v = 0; v < count; v++)
                among = among || voters[v] == o->neighbour;
            assert_true(among);
            for (int j = 0; j < COLUMNS; j++) {
                const float got = out.values[i * COLUMNS + j];
                if (!is_category(j)) {
                    const double a = (double)at(&t, o->base, j),
                                 b = (double)at(&t, o->neighbour, j);
                    assert_true(got == (float)(a + o->weight * (b - a)));
                    continue;
                }
                int most = 0;
                for (int v = 0; v < count; v++) {
                    const int votes = votes_for(&t, voters, count, j, at(&t, voters[v], j));
                    most = votes > most ? votes : most;
                }
                assert_int_equal(votes_for(&t, voters, count, j, got), most);
                categories_not_of_base += got != at(&t, o->base, j);
                checked++;
            }
        }
    }
    assert_true(checked > 800);
    assert_true(categories_not_of_base > 100);
}

/* Where two categories have as many votes, both come up. */
static void ties_are_drawn(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx_threads(1);
    static const float values[10] = {0, 5, 1, 5, 2, 6, 90, 8, 91, 8}; /* row 1 has voters 5 and 6 */
    static const float more[] = {92, 8, 93, 8};
    float all[14];
    memcpy(all, values, sizeof values);
    memcpy(all + 10, more, sizeof more);
    static const int32_t labels[7] = {0, 0, 0, 1, 1, 1, 1};
    const bal_resample_data data = {all, labels, 7, 2};
    bal_resample_settings settings = bal_resample_defaults();
    settings.method = "smote-nc";
    settings.categorical = "1";
    settings.strategy = "0:303";
    settings.k = 2;
    bal_resampled *r;
    test_ok(ctx, bal_resample_open(&r, ctx, &data, &settings));
    int five = 0, six = 0;
    for (int64_t i = 7; i < 307; i++) {
        bal_resampled_origin o;
        float row[2];
        test_ok(ctx, bal_resampled_origins(r, i, 1, &o));
        test_ok(ctx, bal_resampled_rows(r, i, 1, row, NULL));
        if (o.base == 1) {
            five += row[1] == 5.0f;
            six += row[1] == 6.0f;
        }
    }
    assert_true(five > 25 && six > 25);
    bal_resampled_close(&r);
    bal_ctx_close(&ctx);
}

static void smoten_takes_the_most_frequent(void **state)
{
    (void)state;
    table t = make_table();
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < COLUMNS; j++)
            if (!is_category(j))
                t.values[i * COLUMNS + j] = floorf(at(&t, i, j) / 2.0f);
    static output out;
    int checked = 0;
    for (int k = 1; k <= 13; k += 4) {
        bal_resample_settings settings = bal_resample_defaults();
        settings.method = "smoten";
        settings.k = k;
        run(&t, &settings, &out);
        for (int64_t i = out.kept; i < out.count; i++) {
            const bal_resampled_origin *o = &out.origins[i];
            int64_t voters[ROWS];
            bool clear;
            int count = nearest(&t, (int)o->base, k, value_difference, voters, &clear);
            assert_int_equal(t.labels[o->base], o->label);
            assert_int_equal(o->neighbour, -1);
            if (!clear)
                continue;
            voters[count++] = o->base;
            for (int j = 0; j < COLUMNS; j++) {
                float want = at(&t, voters[0], j);
                for (int v = 1; v < count; v++) {
                    const float value = at(&t, voters[v], j);
                    const int votes = votes_for(&t, voters, count, j, value);
                    const int most = votes_for(&t, voters, count, j, want);
                    if (votes > most || (votes == most && value < want))
                        want = value;
                }
                assert_true(out.values[i * COLUMNS + j] == want);
                checked++;
            }
        }
    }
    assert_true(checked > 1000);
}

static void refused(const char *categorical, const char *word)
{
    bal_ctx *ctx = test_ctx_threads(1);
    const table t = make_table();
    const bal_resample_data data = {t.values, t.labels, ROWS, COLUMNS};
    bal_resample_settings settings = bal_resample_defaults();
    settings.method = "smote-nc";
    settings.categorical = categorical;
    bal_resampled *r;
    test_fails(ctx, bal_resample_open(&r, ctx, &data, &settings), BAL_BAD_ARG, "categor", word,
               NULL);
    bal_ctx_close(&ctx);
}

static void columns_are_checked(void **state)
{
    (void)state;
    refused(NULL, "smote-nc wants");
    refused("", "expected");
    refused("0,", "expected");
    refused("0;1", "expected");
    refused("0-1-2", "expected");
    refused("7", "0 to 6");
    refused("-1", "0 to 6");
    refused("3-2", "begins with the lower");
    refused("5-99999999999", "0 to 6");
    refused("0-6", "smoten");
}

/* Classes of one row and of fewer rows than k. */
static void small_classes_are_done(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx_threads(1);
    static const float values[] = {1, 5, 2, 5, 3, 6, 4, 6, 50, 8, 60, 7, 61, 7};
    static const int32_t labels[] = {0, 0, 0, 0, 1, 2, 2};
    static const char *const methods[] = {"smote-nc", "smoten"};
    for (int i = 0; i < 2; i++) {
        const bal_resample_data data = {values, labels, 7, 2};
        bal_resample_settings settings = bal_resample_defaults();
        settings.method = methods[i];
        if (i == 0)
            settings.categorical = "1";
        bal_resampled *r;
        float rows[12 * 2];
        int32_t got[12];
        test_ok(ctx, bal_resample_open(&r, ctx, &data, &settings));
        assert_int_equal(bal_resampled_count(r), 12);
        test_ok(ctx, bal_resampled_rows(r, 0, 12, rows, got));
        for (int row = 7; row < 12; row++) {
            if (got[row] == 1)
                assert_memory_equal(rows + row * 2, values + 8, 2 * sizeof(float));
            else
                assert_true(rows[row * 2] >= 60 && rows[row * 2] <= 61 && rows[row * 2 + 1] == 7);
        }
        bal_resampled_close(&r);
    }
    bal_ctx_close(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_interpolated_and_categories_voted),
        cmocka_unit_test(ties_are_drawn),
        cmocka_unit_test(smoten_takes_the_most_frequent),
        cmocka_unit_test(columns_are_checked),
        cmocka_unit_test(small_classes_are_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
