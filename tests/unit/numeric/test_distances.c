/* Distances between all pairs: each pair once, in the promised order, with the promised digits. */
#include "helpers/helpers.h"

#include "base/random.h"
#include "numeric/distances.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

typedef struct table {
    int64_t a, b;
    double *values;  /* a x b, -1 where nothing was handed out */
    int64_t *next;   /* a row of a: the column that must come next */
    int32_t *worker; /* a row of a: who came first */
    atomic_int bad;
    bal_ctx *stop;
} table;

static void keep(void *user, const bal_distance_block *block, int worker)
{
    table *t = user;
    if (block->rows < 1 || block->columns < 1 || block->row + block->rows > t->a ||
        block->column + block->columns > t->b) {
        atomic_fetch_add(&t->bad, 1);
        return;
    }
    for (int64_t i = 0; i < block->rows; i++) {
        const int64_t row = block->row + i;
        if (block->column == 0)
            t->worker[row] = worker;
        if (t->next[row] != block->column || t->worker[row] != worker)
            atomic_fetch_add(&t->bad, 1);
        t->next[row] = block->column + block->columns;
        memcpy(t->values + row * t->b + block->column, block->values + i * block->columns,
               (size_t)block->columns * sizeof(double));
    }
    if (t->stop)
        bal_ctx_interrupt(t->stop);
}

static table make_table(int64_t a, int64_t b)
{
    table t = {.a = a, .b = b};
    t.values = calloc((size_t)(a * b), sizeof *t.values);
    t.next = calloc((size_t)a, sizeof *t.next);
    t.worker = calloc((size_t)a, sizeof *t.worker);
    assert_true(t.values && t.next && t.worker);
    return t;
}

static void free_table(table *t)
{
    free(t->values);
    free(t->next);
    free(t->worker);
}

/* Some rows are copies of others, some nearly, and all lie away from the origin. */
static float *make_rows(int64_t rows, int64_t columns, double offset, uint64_t item)
{
    bal_random r = bal_random_at(test_seed(), BAL_STREAM_TEST, 30, item);
    float *values = calloc((size_t)(rows * columns), sizeof *values);
    assert_non_null(values);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t c = 0; c < columns; c++) {
            float *x = values + i * columns + c;
            *x = (float)(offset + bal_random_normal(&r));
            if (i > 3 && i % 5 == 0)
                *x = values[(i - 3) * columns + c];
            if (i > 3 && i % 7 == 0)
                *x = (float)((double)values[(i - 2) * columns + c] +
                             1e-6 * bal_random_normal(&r) * (1.0 + fabs(offset)));
        }
    return values;
}

static void check_table(const table *t, const bal_rows *a, const bal_rows *b)
{
    assert_int_equal(atomic_load(&t->bad), 0);
    for (int64_t i = 0; i < a->rows; i++) {
        assert_int_equal(t->next[i], b->rows);
        for (int64_t j = 0; j < b->rows; j++) {
            double sum = 0.0;
            for (int64_t c = 0; c < a->columns; c++) {
                const double d =
                    (double)a->values[i * a->columns + c] - (double)b->values[j * b->columns + c];
                sum += d * d;
            }
            const double want = sqrt(sum), got = t->values[i * t->b + j];
            if (!(fabs(want - got) <= 1e-9 * want))
                fail_msg("rows %d and %d: want %.17g, got %.17g", (int)i, (int)j, want, got);
        }
    }
}

static void check_shape(int64_t rows, int64_t others, int64_t columns, double offset)
{
    float *values = make_rows(rows, columns, offset, 1), *more = NULL;
    bal_distances_settings s = {.a = {values, rows, columns}, .visit = keep};
    if (others) {
        more = make_rows(others, columns, offset, 2);
        s.b = (bal_rows){more, others, columns};
    }
    const bal_rows *b = others ? &s.b : &s.a;
    table first = make_table(rows, b->rows);
    for (int threads = 1; threads <= 3; threads++) {
        bal_ctx *ctx = test_ctx_threads(threads);
        table t = make_table(rows, b->rows);
        s.user = &t;
        test_ok(ctx, bal_distances(ctx, &s));
        check_table(&t, &s.a, b);
        if (threads == 1)
            memcpy(first.values, t.values, (size_t)(rows * b->rows) * sizeof(double));
        assert_memory_equal(first.values, t.values, (size_t)(rows * b->rows) * sizeof(double));
        free_table(&t);
        bal_ctx_close(&ctx);
    }
    free_table(&first);
    free(values);
    free(more);
}

static void all_pairs_have_their_distance(void **state)
{
    (void)state;
    check_shape(1, 0, 1, 0.0);
    check_shape(41, 0, 3, 0.0);
    check_shape(677, 0, 11, 0.0);
    check_shape(571, 0, 6, 1e4);
    check_shape(45, 613, 17, -3e3);
    check_shape(601, 1, 130, 0.0);
    check_shape(31, 37, 1, 1e6);
}

/* The squares of these are beyond float, and a copy is still at 0. */
static void huge_values(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    const float values[6] = {3e38F, -3e38F, 3e38F, -3e38F, -1e38F, 0.0F};
    table t = make_table(3, 3);
    bal_distances_settings s = {.a = {values, 3, 2}, .visit = keep, .user = &t};
    test_ok(ctx, bal_distances(ctx, &s));
    check_table(&t, &s.a, &s.a);
    assert_true(t.values[1] == 0.0 && t.values[2] > 4.9e38);
    free_table(&t);
    bal_ctx_close(&ctx);
}

static void on_progress(void *user, int64_t done, int64_t total)
{
    const table *t = user;
    assert_true(done >= 1 && done <= total && t->bad == 0);
}

static void bad_input_and_interruption(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx_threads(1);
    float *values = make_rows(700, 2, 0.0, 3);
    table t = make_table(700, 700);
    bal_distances_settings s = {.a = {values, 700, 2}, .visit = keep, .user = &t};
    s.progress = on_progress;
    s.b = (bal_rows){values, 350, 4};
    test_fails(ctx, bal_distances(ctx, &s), BAL_BAD_ARG, "2 columns", "4", NULL);
    s.b = (bal_rows){NULL, 0, 0};
    t.stop = ctx;
    test_fails(ctx, bal_distances(ctx, &s), BAL_INTERRUPTED, "interrupted", "0 of", NULL);
    t.stop = NULL;
    memset(t.next, 0, 700 * sizeof *t.next);
    test_ok(ctx, bal_distances(ctx, &s));
    values[699 * 2] = NAN;
    test_fails(ctx, bal_distances(ctx, &s), BAL_BAD_ARG, "row 699, column 0", "not a number", NULL);
    free_table(&t);
    free(values);
    bal_ctx_close(&ctx);
}

static bal_status attempt(bal_ctx *ctx, void *user)
{
    const bal_distances_settings *s = user;
    return bal_distances(ctx, s);
}

static void ignore(void *user, const bal_distance_block *block, int worker)
{
    (void)user;
    (void)block;
    (void)worker;
}

static void allocations_may_fail(void **state)
{
    (void)state;
    float *values = make_rows(9, 3, 0.0, 4);
    test_allocation_failures(attempt,
                             &(bal_distances_settings){.a = {values, 9, 3}, .visit = ignore});
    free(values);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_pairs_have_their_distance),
        cmocka_unit_test(huge_values),
        cmocka_unit_test(bad_input_and_interruption),
        cmocka_unit_test(allocations_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
