/* Stratified samples of rows. */
#include "helpers/helpers.h"

#include "numeric/statistics/stratify.h"

#include <string.h>

enum { CLASSES = 4, ROWS = 1057 };
static const int64_t sizes[CLASSES] = {1000, 40, 12, 5};

/* Rows of the classes mixed: row i is of the class whose turn it is, while it has any left. */
static void make_labels(int32_t *labels)
{
    int64_t left[CLASSES];
    memcpy(left, sizes, sizeof left);
    for (int64_t i = 0, c = 0; i < ROWS; c = (c + 1) % CLASSES)
        if (left[c] > 0) {
            left[c]--;
            labels[i++] = (int32_t)c;
        }
}

static void counts_of(const int32_t *labels, const int64_t *rows, int64_t count, int64_t *counts)
{
    memset(counts, 0, CLASSES * sizeof *counts);
    for (int64_t i = 0; i < count; i++) {
        assert_in_range(rows[i], 0, ROWS - 1);
        assert_true(i == 0 || rows[i] > rows[i - 1]);
        counts[labels[rows[i]]]++;
    }
}

static void sample_has_places_for_rare_classes(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    int32_t labels[ROWS];
    make_labels(labels);
    bal_stratify_ask ask = {labels, ROWS, CLASSES, 120, 7, BAL_STREAM_AUDIT};
    int64_t *rows, count, counts[CLASSES];
    test_ok(ctx, bal_stratify(ctx, &ask, &rows, &count));
    assert_int_equal(count, 120);
    counts_of(labels, rows, count, counts);
    /* 7 places each but 5 in the last class; 94 places for the 993, 33, 5 and 0 that are left:
     * 90.54, 3.01, 0.46, 0 */
    const int64_t wanted[CLASSES] = {7 + 91, 7 + 3, 7, 5};
    assert_memory_equal(counts, wanted, sizeof wanted);
    /* the same seed draws the same, another one others */
    int64_t *again, *other;
    test_ok(ctx, bal_stratify(ctx, &ask, &again, &count));
    assert_memory_equal(rows, again, 120 * sizeof *rows);
    ask.seed = 8;
    test_ok(ctx, bal_stratify(ctx, &ask, &other, &count));
    assert_memory_not_equal(rows, other, 120 * sizeof *rows);
    bal_free(ctx, rows);
    bal_free(ctx, again);
    bal_free(ctx, other);
    bal_ctx_close(&ctx);
}

static void sample_of_all_is_all(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    int32_t labels[ROWS];
    make_labels(labels);
    const int64_t most[] = {0, ROWS, ROWS + 1};
    for (size_t m = 0; m < 3; m++) {
        const bal_stratify_ask ask = {labels, ROWS, CLASSES, most[m], 1, BAL_STREAM_AUDIT};
        int64_t *rows, count;
        test_ok(ctx, bal_stratify(ctx, &ask, &rows, &count));
        assert_int_equal(count, ROWS);
        for (int64_t i = 0; i < count; i++)
            assert_int_equal(rows[i], i);
        bal_free(ctx, rows);
    }
    bal_ctx_close(&ctx);
}

/* Every size of sample is exactly that size, and no class gets more than it has. */
static void sample_has_the_size_that_was_asked(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    int32_t labels[ROWS];
    make_labels(labels);
    for (int64_t most = 1; most < ROWS; most++) {
        const bal_stratify_ask ask = {labels, ROWS, CLASSES, most, 3, BAL_STREAM_AUDIT};
        int64_t *rows, count, counts[CLASSES];
        test_ok(ctx, bal_stratify(ctx, &ask, &rows, &count));
        assert_int_equal(count, most);
        counts_of(labels, rows, count, counts);
        for (int c = 0; c < CLASSES; c++)
            assert_true(counts[c] <= sizes[c]);
        bal_free(ctx, rows);
    }
    bal_ctx_close(&ctx);
}

static bal_status attempt(bal_ctx *ctx, void *user)
{
    const bal_stratify_ask ask = {user, ROWS, CLASSES, 120, 7, BAL_STREAM_AUDIT};
    int64_t *rows, count;
    const bal_status status = bal_stratify(ctx, &ask, &rows, &count);
    bal_free(ctx, rows);
    return status;
}

static void memory_that_runs_out_leaves_nothing(void **state)
{
    (void)state;
    int32_t labels[ROWS];
    make_labels(labels);
    test_allocation_failures(attempt, labels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sample_has_places_for_rare_classes),
        cmocka_unit_test(sample_of_all_is_all),
        cmocka_unit_test(sample_has_the_size_that_was_asked),
        cmocka_unit_test(memory_that_runs_out_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
