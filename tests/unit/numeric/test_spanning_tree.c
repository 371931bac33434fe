/* The minimum spanning tree against Kruskal's algorithm over all pairs. */
#include "helpers/helpers.h"

#include "base/random.h"
#include "numeric/neighbours/spanning_tree.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef enum shape { NORMAL, WHOLE, FAR_CLUSTERS, NEAR_CLUSTERS, COPIES, LINE, SAME } shape;

static const struct {
    shape kind;
    int64_t rows, columns;
} samples[] = {
    {NORMAL, 2, 3},   {NORMAL, 7, 1},  {NORMAL, 331, 9},       {NORMAL, 613, 2},
    {WHOLE, 401, 3},  {WHOLE, 257, 1}, {FAR_CLUSTERS, 517, 5}, {NEAR_CLUSTERS, 499, 4},
    {COPIES, 379, 6}, {LINE, 283, 2},  {SAME, 149, 4},         {FAR_CLUSTERS, 1201, 3},
};

static float *make_rows(shape kind, int64_t rows, int64_t columns)
{
    bal_random r = bal_random_at(test_seed(), BAL_STREAM_TEST, 40 + (uint64_t)kind, (uint64_t)rows);
    float *values = calloc((size_t)(rows * columns), sizeof *values);
    assert_non_null(values);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t c = 0; c < columns; c++) {
            float *x = values + i * columns + c;
            const double z = bal_random_normal(&r);
            *x = kind == WHOLE           ? (float)bal_random_below(&r, 7)
                 : kind == FAR_CLUSTERS  ? (float)(z + (double)(i % 5 * i % 5 * 500))
                 : kind == NEAR_CLUSTERS ? (float)(z + (double)(i % 3 * 8))
                 : kind == LINE          ? (float)(i * i) /* each row's nearest is its neighbour */
                 : kind == SAME          ? 3.0F
                                         : (float)z;
            if (kind == COPIES && i >= 40)
                *x = values[i % 40 * columns + c];
        }
    return values;
}

static int by_length(const void *a, const void *b)
{
    const bal_edge *x = a, *y = b;
    if (x->distance != y->distance)
        return x->distance < y->distance ? -1 : 1;
    if (x->from != y->from)
        return x->from < y->from ? -1 : 1;
    return (x->to > y->to) - (x->to < y->to);
}

static void kruskal(const float *values, int64_t rows, int64_t columns, bal_edge *tree)
{
    bal_edge *all = calloc((size_t)(rows * (rows - 1) / 2), sizeof *all);
    int64_t *group = calloc((size_t)rows, sizeof *group), count = 0, found = 0;
    assert_true(all && group);
    for (int64_t j = 0; j < rows; j++) {
        group[j] = j;
        for (int64_t i = 0; i < j; i++)
            all[count++] = (bal_edge){
                i, j, bal_rows_euclidean(values + i * columns, values + j * columns, columns)};
    }
    qsort(all, (size_t)count, sizeof *all, by_length);
    for (int64_t e = 0; e < count && found < rows - 1; e++) {
        const int64_t from = group[all[e].from], to = group[all[e].to];
        if (from == to)
            continue;
        tree[found++] = all[e];
        for (int64_t i = 0; i < rows; i++)
            if (group[i] == to)
                group[i] = from;
    }
    assert_int_equal(found, rows - 1);
    free(all);
    free(group);
}

static void trees_equal_kruskals(void **state)
{
    (void)state;
    for (size_t k = 0; k < BAL_COUNT_OF(samples); k++) {
        const int64_t rows = samples[k].rows, columns = samples[k].columns;
        float *values = make_rows(samples[k].kind, rows, columns);
        bal_edge *want = calloc((size_t)rows, sizeof *want),
                 *got = calloc((size_t)rows, sizeof *got);
        assert_true(want && got);
        kruskal(values, rows, columns, want);
        for (int threads = 1; threads <= 3; threads++) {
            bal_ctx *ctx = test_ctx_threads(threads);
            bal_spanning_tree_settings s = {.rows = {values, rows, columns},
                                            .memory = threads == 2 ? 100000 : 0};
            memset(got, 0xff, (size_t)rows * sizeof *got);
            test_ok(ctx, bal_spanning_tree(ctx, &s, got));
            for (int64_t e = 0; e < rows - 1; e++)
                if (want[e].from != got[e].from || want[e].to != got[e].to ||
                    want[e].distance != got[e].distance)
                    fail_msg("sample %d, edge %d: want %d-%d at %.17g, got %d-%d at %.17g", (int)k,
                             (int)e, (int)want[e].from, (int)want[e].to, want[e].distance,
                             (int)got[e].from, (int)got[e].to, got[e].distance);
            bal_ctx_close(&ctx);
        }
        free(values);
        free(want);
        free(got);
    }
}

static void stop(void *user, int64_t done, int64_t total)
{
    bal_ctx *ctx = user;
    assert_true(done >= 1 && done <= total);
    bal_ctx_interrupt(ctx);
}

static void bad_input_and_interruption(void **state)
{
    (void)state;
    bal_ctx *ctx = test_ctx();
    float *values = make_rows(NORMAL, 50, 2);
    bal_edge edges[49];
    bal_spanning_tree_settings s = {.rows = {values, 1, 2}};
    test_ok(ctx, bal_spanning_tree(ctx, &s, edges)); /* a tree without edges */
    s.rows.rows = 0;
    test_fails(ctx, bal_spanning_tree(ctx, &s, edges), BAL_BAD_ARG, "0 rows", NULL);
    s.rows.rows = 50;
    s.progress = stop;
    s.user = ctx;
    test_fails(ctx, bal_spanning_tree(ctx, &s, edges), BAL_INTERRUPTED, "edges", NULL);
    values[7] = NAN;
    test_fails(ctx, bal_spanning_tree(ctx, &s, edges), BAL_BAD_ARG, "row 3, column 1", NULL);
    free(values);
    bal_ctx_close(&ctx);
}

static bal_status attempt(bal_ctx *ctx, void *user)
{
    const bal_rows *rows = user;
    bal_edge edges[100];
    bal_spanning_tree_settings s = {.rows = *rows};
    return bal_spanning_tree(ctx, &s, edges);
}

static void allocations_may_fail(void **state)
{
    (void)state;
    float *values = make_rows(FAR_CLUSTERS, 100, 2); /* searches again */
    test_allocation_failures(attempt, &(bal_rows){values, 100, 2});
    free(values);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trees_equal_kruskals),
        cmocka_unit_test(bad_input_and_interruption),
        cmocka_unit_test(allocations_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
