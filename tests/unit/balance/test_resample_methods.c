/* What every resampling method must do: the loop goes over the table, so a new row is tested. */
#include "helpers/helpers.h"

#include "ballast/resample.h"
#include "base/random.h"

#include <stdlib.h>
#include <string.h>

/* Three overlapping clouds of 61, 23 and 11 rows, labels 5, 0 and 2, shuffled; the last columns are
 * whole numbers of few values, for the methods that want categories. */
enum { ROWS = 95, COLUMNS = 6 };

typedef struct clouds {
    float values[ROWS * COLUMNS];
    int32_t labels[ROWS];
} clouds;

static clouds make_clouds(void)
{
    clouds t;
    bal_random random = bal_random_at(test_seed(), BAL_STREAM_TEST, 0, 0);
    int64_t order[ROWS];
    for (int i = 0; i < ROWS; i++)
        order[i] = i;
    bal_random_shuffle(&random, order, ROWS);
    for (int i = 0; i < ROWS; i++) {
        const int c = order[i] < 61 ? 0 : order[i] < 84 ? 1 : 2;
        t.labels[i] = c == 0 ? 5 : c == 1 ? 0 : 2;
        for (int j = 0; j < COLUMNS; j++) {
            const double x = bal_random_normal(&random) + 0.9 * c * (j % 2);
            t.values[i * COLUMNS + j] = (float)(j < 4 ? x : (double)((int)(2 * x + 8) % 3));
        }
    }
    return t;
}

static bal_resample_settings settings_for(const bal_resampler_info *info)
{
    bal_resample_settings s = bal_resample_defaults();
    s.method = info->name;
    s.seed = 11;
    if (strstr(info->options, "categorical"))
        s.categorical = "4-5";
    return s;
}

typedef struct output {
    int64_t count, kept;
    float *values;
    int32_t *labels;
    bal_resampled_origin *origins;
} output;

static output run(bal_ctx *ctx, const clouds *t, const bal_resample_settings *s)
{
    const bal_resample_data data = {t->values, t->labels, ROWS, COLUMNS};
    bal_resampled *r;
    test_ok(ctx, bal_resample_open(&r, ctx, &data, s));
    output out = {.count = bal_resampled_count(r), .kept = bal_resampled_kept(r)};
    const size_t n = (size_t)out.count;
    out.values = calloc(n * COLUMNS + 1, sizeof *out.values);
    out.labels = calloc(n + 1, sizeof *out.labels);
    out.origins = calloc(n + 1, sizeof *out.origins);
    assert_true(out.values && out.labels && out.origins);
    test_ok(ctx, bal_resampled_rows(r, 0, out.count, out.values, out.labels));
    test_ok(ctx, bal_resampled_origins(r, 0, out.count, out.origins));
    int64_t after = 0;
    for (int c = 0; c < bal_resampled_classes(r); c++) {
        const bal_resampled_class k = bal_resampled_class_at(r, c);
        int64_t found = 0;
        for (int64_t i = 0; i < out.count; i++)
            found += out.labels[i] == k.label;
        assert_int_equal(found, k.after);
        after += k.after;
    }
    assert_int_equal(after, out.count);
    bal_resampled_close(&r);
    return out;
}

static void drop(output *out)
{
    free(out->values);
    free(out->labels);
    free(out->origins);
}

static bool same(const output *a, const output *b)
{
    const size_t n = (size_t)a->count;
    return a->count == b->count && a->kept == b->kept &&
           memcmp(a->values, b->values, n * COLUMNS * sizeof *a->values) == 0 &&
           memcmp(a->labels, b->labels, n * sizeof *a->labels) == 0;
}

/* The bytes are the same for 1, 2 and 3 threads, and others for another seed where anything is
 * drawn. */
static void threads_change_nothing(void **state)
{
    (void)state;
    const clouds t = make_clouds();
    const bal_resampler_info *info;
    for (int i = 0; (info = bal_resampler_at(i)); i++) {
        output first = {0};
        bal_resample_settings s = settings_for(info);
        for (int threads = 1; threads <= 3; threads++) {
            bal_ctx *ctx = test_ctx_threads(threads);
            output out = run(ctx, &t, &s);
            if (threads == 1)
                first = out;
            else if (!same(&first, &out))
                fail_msg("%s: %d threads change the output", info->name, threads);
            if (threads > 1)
                drop(&out);
            bal_ctx_close(&ctx);
        }
        bal_ctx *ctx = test_ctx_threads(1);
        s.seed = 12;
        output other = run(ctx, &t, &s);
        if (info->kind == BAL_RESAMPLE_OVER && same(&first, &other))
            fail_msg("%s: another seed gives the same rows", info->name);
        drop(&other);
        drop(&first);
        bal_ctx_close(&ctx);
    }
}

/* Rows that are kept are input rows, and over-sampling keeps them all, in order, and adds as many
 * as the strategy says (methods that round may differ by a row for each of the input). */
static void kept_rows_are_input_rows(void **state)
{
    (void)state;
    const clouds t = make_clouds();
    bal_ctx *ctx = test_ctx_threads(2);
    const bal_resampler_info *info;
    for (int i = 0; (info = bal_resampler_at(i)); i++) {
        const bal_resample_settings s = settings_for(info);
        output out = run(ctx, &t, &s);
        for (int64_t row = 0; row < out.kept; row++) {
            const int64_t base = out.origins[row].base;
            assert_in_range(base, 0, ROWS - 1);
            assert_int_equal(out.origins[row].neighbour, -1);
            assert_int_equal(out.labels[row], t.labels[base]);
            assert_memory_equal(out.values + row * COLUMNS, t.values + base * COLUMNS,
                                COLUMNS * sizeof(float));
            if (info->kind == BAL_RESAMPLE_OVER)
                assert_int_equal(base, row);
        }
        if (info->kind == BAL_RESAMPLE_OVER) {
            assert_int_equal(out.kept, ROWS);
            assert_true(out.count > 3 * 61 - 12 && out.count < 3 * 61 + 12);
        } else if (info->kind != BAL_RESAMPLE_COMBINED) {
            assert_true(out.count < ROWS);
        }
        for (int64_t row = out.kept; row < out.count; row++) {
            assert_in_range(out.origins[row].base + 1, 0, ROWS);
            assert_in_range(out.origins[row].neighbour + 1, 0, ROWS);
            assert_int_equal(out.origins[row].label, out.labels[row]);
        }
        drop(&out);
    }
    bal_ctx_close(&ctx);
}

typedef struct attempt {
    const clouds *t;
    bal_resample_settings settings;
} attempt;

static bal_status open_and_fill(bal_ctx *ctx, void *user)
{
    const attempt *a = user;
    const bal_resample_data data = {a->t->values, a->t->labels, ROWS, COLUMNS};
    bal_resampled *r;
    BAL_TRY(bal_resample_open(&r, ctx, &data, &a->settings));
    float values[4 * COLUMNS];
    const bal_status status = bal_resampled_rows(r, 0, 4, values, NULL);
    bal_resampled_close(&r);
    return status;
}

static void no_memory_is_survived(void **state)
{
    (void)state;
    const clouds t = make_clouds();
    const bal_resampler_info *info;
    for (int i = 0; (info = bal_resampler_at(i)); i++) {
        attempt a = {&t, settings_for(info)};
        test_allocation_failures(open_and_fill, &a);
        if (strstr(info->options, "shrinkage")) {
            a.settings.shrinkage = 1.0;
            test_allocation_failures(open_and_fill, &a);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(kept_rows_are_input_rows),
        cmocka_unit_test(no_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
