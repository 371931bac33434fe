/* Nearest neighbours against a loop over all pairs in double. */
#include "helpers/helpers.h"

#include "base/random.h"
#include "numeric/neighbours/neighbours.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum shape {
    NORMAL,
    OFFSET,
    WHOLE,
    COPIES,
    HUGE_VALUES,
    OUTLIER,
    CLUSTERS,
    TINY,
    ZEROS
} shape;

typedef struct sample {
    const char *why;
    shape kind;
    bal_distance distance;
    int64_t points, queries, columns, k; /* queries 0: the points */
} sample;

static const sample samples[] = {
    {"two rows", NORMAL, BAL_EUCLIDEAN, 2, 0, 3, 1},
    {"one block", NORMAL, BAL_EUCLIDEAN, 61, 0, 7, 4},
    {"several blocks, the last not full", NORMAL, BAL_EUCLIDEAN, 613, 0, 19, 5},
    {"all others", NORMAL, BAL_EUCLIDEAN, 131, 0, 5, 130},
    {"more than a chunk of neighbours", NORMAL, BAL_EUCLIDEAN, 517, 0, 12, 203},
    {"one column", NORMAL, BAL_EUCLIDEAN, 401, 0, 1, 3},
    {"many columns", NORMAL, BAL_EUCLIDEAN, 97, 0, 1031, 6},
    {"others' rows", NORMAL, BAL_EUCLIDEAN, 307, 143, 11, 7},
    {"one query", NORMAL, BAL_EUCLIDEAN, 211, 1, 9, 211},
    {"one point", NORMAL, BAL_EUCLIDEAN, 1, 67, 8, 1},
    {"far from the origin", OFFSET, BAL_EUCLIDEAN, 523, 0, 17, 5},
    {"far from the origin, others' rows", OFFSET, BAL_EUCLIDEAN, 389, 149, 13, 4},
    {"ties", WHOLE, BAL_EUCLIDEAN, 601, 0, 4, 9},
    {"ties, others' rows", WHOLE, BAL_EUCLIDEAN, 457, 211, 3, 31},
    {"ties in one column", WHOLE, BAL_EUCLIDEAN, 499, 0, 1, 8},
    {"copies", COPIES, BAL_EUCLIDEAN, 487, 0, 6, 5},
    {"more copies than neighbours", COPIES, BAL_EUCLIDEAN, 487, 0, 6, 100},
    {"squares beyond float", HUGE_VALUES, BAL_EUCLIDEAN, 283, 0, 10, 6},
    {"one row far away", OUTLIER, BAL_EUCLIDEAN, 431, 0, 14, 3},
    {"clusters that float cannot resolve", CLUSTERS, BAL_EUCLIDEAN, 367, 0, 15, 4},
    {"denormals", TINY, BAL_EUCLIDEAN, 263, 0, 8, 3},
    {"all rows equal", ZEROS, BAL_EUCLIDEAN, 571, 0, 5, 7},
    {"cosine", NORMAL, BAL_COSINE, 541, 0, 16, 5},
    {"cosine, others' rows", NORMAL, BAL_COSINE, 229, 317, 21, 11},
    {"cosine, ties and rows of zeros", WHOLE, BAL_COSINE, 463, 0, 2, 12},
    {"cosine, copies", COPIES, BAL_COSINE, 359, 0, 5, 6},
    {"cosine, huge", HUGE_VALUES, BAL_COSINE, 251, 0, 9, 5},
    {"cosine, denormals", TINY, BAL_COSINE, 223, 0, 7, 4},
    {"cosine, nothing but zeros", ZEROS, BAL_COSINE, 277, 0, 3, 5},
};

static float draw(bal_random *r, shape kind, int64_t row, int64_t column)
{
    const double z = bal_random_normal(r);
    switch (kind) {
    case OFFSET:
        return (float)(1e4 + z * 0.1);
    case WHOLE:
        return (float)bal_random_below(r, 5) - 2.0F;
    case HUGE_VALUES:
        return (float)(z * 8e37);
    case OUTLIER:
        return row == 100 ? (float)(z * 1e30) : (float)z;
    case CLUSTERS:
        return (float)(row % 7 * (column % 3) * 1000) + (float)(z * 1e-3);
    case TINY:
        return (float)(z * 1e-40);
    case ZEROS:
        return 0.0F;
    default:
        return (float)z;
    }
}

static float *make_rows(shape kind, int64_t rows, int64_t columns, uint64_t item)
{
    bal_random r = bal_random_at(test_seed(), BAL_STREAM_TEST, (uint64_t)kind, item);
    float *values = calloc((size_t)(rows * columns), sizeof *values);
    assert_non_null(values);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t c = 0; c < columns; c++)
            values[i * columns + c] = draw(&r, kind, i, c);
    if (kind == COPIES)
        for (int64_t i = rows / 10; i < rows; i++)
            memcpy(values + i * columns,
                   values + (int64_t)bal_random_below(&r, (uint64_t)rows / 10) * columns,
                   (size_t)columns * sizeof *values);
    return values;
}

typedef struct pair {
    double distance;
    int64_t index;
} pair;

static int nearer(const void *a, const void *b)
{
    const pair *x = a, *y = b;
    if (x->distance != y->distance)
        return x->distance < y->distance ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

static double apart(const float *a, const float *b, int64_t columns, bal_distance kind)
{
    double square = 0.0, aa = 0.0, bb = 0.0, ab = 0.0;
    for (int64_t c = 0; c < columns; c++) {
        const double x = (double)a[c], y = (double)b[c];
        square += (x - y) * (x - y);
        aa += x * x;
        bb += y * y;
        ab += x * y;
    }
    if (kind == BAL_EUCLIDEAN)
        return sqrt(square);
    return aa > 0.0 && bb > 0.0 ? fmax(0.0, 1.0 - ab / sqrt(aa * bb)) : 1.0;
}

static void by_all_pairs(const bal_neighbours_settings *s, pair *out)
{
    const bool self = !s->queries.values;
    const bal_rows *q = self ? &s->points : &s->queries, *p = &s->points;
    pair *row = calloc((size_t)p->rows, sizeof *row);
    assert_non_null(row);
    for (int64_t i = 0; i < q->rows; i++) {
        int64_t count = 0;
        for (int64_t j = 0; j < p->rows; j++)
            if (!self || i != j)
                row[count++] = (pair){apart(q->values + i * q->columns, p->values + j * p->columns,
                                            p->columns, s->distance),
                                      j};
        qsort(row, (size_t)count, sizeof *row, nearer);
        memcpy(out + i * s->k, row, (size_t)s->k * sizeof *row);
    }
    free(row);
}

/* Where two distances differ by rounding alone, either order is right: the index is then checked by
 * its distance. Ties of whole numbers have no rounding, and are checked as they are. */
static void compare(const sample *c, const bal_neighbours_settings *s, const pair *want,
                    const int64_t *index, const double *distance)
{
    const bal_rows *q = s->queries.values ? &s->queries : &s->points, *p = &s->points;
    for (int64_t i = 0; i < q->rows * s->k; i++) {
        const double tolerance = c->distance == BAL_COSINE ? 1e-13 : 1e-13 * fabs(want[i].distance);
        assert_true(index[i] >= 0 && index[i] < p->rows);
        if (!(fabs(want[i].distance - distance[i]) <= tolerance))
            fail_msg("%s: query %d, neighbour %d: want row %d at %.17g, got row %d at %.17g",
                     c->why, (int)(i / s->k), (int)(i % s->k), (int)want[i].index, want[i].distance,
                     (int)index[i], distance[i]);
        const float *row = q->values + i / s->k * q->columns;
        const double again = apart(row, p->values + index[i] * p->columns, p->columns, c->distance);
        if (!(fabs(again - distance[i]) <= tolerance))
            fail_msg("%s: query %d: row %d is at %.17g, not %.17g", c->why, (int)(i / s->k),
                     (int)index[i], again, distance[i]);
        if (index[i] != want[i].index && (c->kind != CLUSTERS || again == want[i].distance) &&
            (c->distance != BAL_COSINE || c->kind == ZEROS))
            fail_msg("%s: query %d, neighbour %d: want row %d, got %d", c->why, (int)(i / s->k),
                     (int)(i % s->k), (int)want[i].index, (int)index[i]);
        if (i % s->k > 0)
            assert_true(distance[i] > distance[i - 1] ||
                        (distance[i] == distance[i - 1] && index[i] > index[i - 1]));
    }
}

static void check_sample(const sample *c)
{
    float *points = make_rows(c->kind, c->points, c->columns, 1), *queries = NULL;
    const int64_t rows = c->queries ? c->queries : c->points;
    if (c->queries)
        queries = make_rows(c->kind, c->queries, c->columns, 2);
    bal_neighbours_settings s = {
        .points = {points, c->points, c->columns},
        .queries = {queries, c->queries, c->columns},
        .k = c->k,
        .distance = c->distance,
    };
    const size_t count = (size_t)(rows * c->k);
    pair *want = calloc(count, sizeof *want);
    int64_t *index = calloc(count, sizeof *index), *first = calloc(count, sizeof *first);
    double *distance = calloc(count, sizeof *distance);
    assert_true(want && index && distance && first);
    by_all_pairs(&s, want);
    static const size_t memories[] = {0, (size_t)1 << 20, 200000, 1};
    for (int threads = 1; threads <= 3; threads++)
        for (size_t m = 0; m < BAL_COUNT_OF(memories); m++) {
            bal_ctx *ctx = test_ctx_threads(threads);
            s.memory = memories[m];
            memset(index, 0xff, count * sizeof *index);
            test_ok(ctx, bal_neighbours(ctx, &s, index, distance));
            compare(c, &s, want, index, distance);
            if (threads == 1 && m == 0)
                memcpy(first, index, count * sizeof *index);
            assert_memory_equal(first, index, count * sizeof *index);
            test_ok(ctx, bal_neighbours(ctx, &s, index, NULL));
            assert_memory_equal(first, index, count * sizeof *index);
            bal_ctx_close(&ctx);
        }
    free(points);
    free(queries);
    free(want);
    free(index);
    free(first);
    free(distance);
}

static void neighbours_equal_all_pairs(void **state)
{
    (void)state;
    for (size_t i = 0; i < BAL_COUNT_OF(samples); i++)
        check_sample(&samples[i]);
}

/* ---- some rows of a matrix among some ---- */

enum { LISTED = 613, LISTED_COLUMNS = 4, LISTED_K = 6 };

static void by_all_listed(const bal_neighbours_settings *s, int64_t *index, double *distance)
{
    const int64_t columns = s->points.columns;
    const int64_t queries = s->query_rows ? s->query_count : s->points.rows;
    const int64_t points = s->point_rows ? s->point_count : s->points.rows;
    pair row[LISTED];
    for (int64_t i = 0; i < queries; i++) {
        const int64_t q = s->query_rows ? s->query_rows[i] : i;
        int64_t count = 0;
        for (int64_t j = 0; j < points; j++) {
            const int64_t p = s->point_rows ? s->point_rows[j] : j;
            if (p != q)
                row[count++] = (pair){apart(s->points.values + q * columns,
                                            s->points.values + p * columns, columns, s->distance),
                                      p};
        }
        qsort(row, (size_t)count, sizeof *row, nearer);
        for (int64_t n = 0; n < s->k; n++) {
            index[i * s->k + n] = row[n].index;
            distance[i * s->k + n] = row[n].distance;
        }
    }
}

/* Whole numbers: ties are ties, so that the answers are the same to the bit. */
static void check_lists(bal_neighbours_settings s)
{
    static int64_t want[LISTED * LISTED_K], index[LISTED * LISTED_K];
    static double want_apart[LISTED * LISTED_K], distance[LISTED * LISTED_K];
    static const size_t memories[] = {0, 200000, 1};
    const size_t count = (size_t)((s.query_rows ? s.query_count : LISTED) * s.k);
    by_all_listed(&s, want, want_apart);
    for (int threads = 1; threads <= 3; threads++)
        for (size_t m = 0; m < BAL_COUNT_OF(memories); m++) {
            bal_ctx *ctx = test_ctx_threads(threads);
            s.memory = memories[m];
            memset(index, 0xff, count * sizeof *index);
            test_ok(ctx, bal_neighbours(ctx, &s, index, distance));
            assert_memory_equal(want, index, count * sizeof *index);
            assert_memory_equal(want_apart, distance, count * sizeof *distance);
            bal_ctx_close(&ctx);
        }
}

static void lists_choose_the_rows(void **state)
{
    (void)state;
    float *values = make_rows(WHOLE, LISTED, LISTED_COLUMNS, 5);
    int64_t odd[LISTED / 2], backwards[LISTED / 3];
    for (int i = 0; i < LISTED / 2; i++)
        odd[i] = 2 * i + 1;
    for (int i = 0; i < LISTED / 3; i++)
        backwards[i] = 3 * (LISTED / 3 - 1 - i);
    const bal_neighbours_settings all = {.points = {values, LISTED, LISTED_COLUMNS}, .k = LISTED_K};
    bal_neighbours_settings s = all;
    s.point_rows = odd;
    s.point_count = BAL_COUNT_OF(odd);
    check_lists(s); /* all rows among the odd ones */
    s.query_rows = backwards;
    s.query_count = BAL_COUNT_OF(backwards);
    check_lists(s); /* some are both */
    s.query_rows = odd;
    s.query_count = BAL_COUNT_OF(odd);
    check_lists(s);
    s.query_count = 100; /* of the same array, but fewer */
    check_lists(s);
    s.query_count = BAL_COUNT_OF(odd);
    s.point_count = 100;
    check_lists(s);
    s.point_rows = NULL;
    check_lists(s);
    free(values);
}

static void lists_are_checked(void **state)
{
    (void)state;
    float points[] = {0, 1, NAN, 3, 4, 5, 6, 7};
    const int64_t even[] = {0, 2}, odd[] = {1, 3}, three[] = {3};
    bal_ctx *ctx = test_ctx();
    int64_t index[8];
    bal_neighbours_settings s = {.points = {points, 4, 2}, .k = 2};
    s.point_rows = even;
    s.point_count = 2;
    s.query_rows = three;
    s.query_count = 1;
    test_ok(ctx, bal_neighbours(ctx, &s, index, NULL)); /* the row that is not finite is in none */
    assert_int_equal(index[0], 2);
    s.query_rows = even;
    s.query_count = 2;
    test_fails(ctx, bal_neighbours(ctx, &s, index, NULL), BAL_BAD_ARG, "k is 2: with 2 points",
               "1..1", NULL);
    s.k = 1;
    s.query_rows = odd;
    test_fails(ctx, bal_neighbours(ctx, &s, index, NULL), BAL_BAD_ARG, "row 1, column 0", "queries",
               NULL);
    s.point_rows = odd;
    s.query_rows = even;
    test_fails(ctx, bal_neighbours(ctx, &s, index, NULL), BAL_BAD_ARG, "row 1, column 0", "points",
               NULL);
    s.point_rows = s.query_rows = three;
    s.point_count = s.query_count = 1;
    test_fails(ctx, bal_neighbours(ctx, &s, index, NULL), BAL_BAD_ARG, "single point", NULL);
    s.point_count = 0;
    test_fails(ctx, bal_neighbours(ctx, &s, index, NULL), BAL_BAD_ARG, "no neighbours", NULL);
    bal_ctx_close(&ctx);
}

/* 3-4-5 triangles and rows that point the same way, by hand */
static void distances_by_hand(void **state)
{
    (void)state;
    const float points[] = {0, 0, 3, 4, 6, 8, 0, 0, -3, -4};
    bal_ctx *ctx = test_ctx();
    int64_t index[5 * 4];
    double distance[5 * 4];
    bal_neighbours_settings s = {.points = {points, 5, 2}, .k = 4};
    test_ok(ctx, bal_neighbours(ctx, &s, index, distance));
    static const int64_t want[] = {3, 1, 4, 2, 0, 2, 3, 4, 1, 0, 3, 4, 0, 1, 4, 2, 0, 3, 1, 2};
    static const double apart_by[] = {0,  5,  5, 10, 5, 5,  5, 10, 5,  10,
                                      10, 15, 0, 5,  5, 10, 5, 5,  10, 15};
    assert_memory_equal(want, index, sizeof want);
    assert_memory_equal(apart_by, distance, sizeof apart_by);
    s.distance = BAL_COSINE;
    test_ok(ctx, bal_neighbours(ctx, &s, index, distance));
    static const int64_t turned[] = {1, 2, 3, 4, 2, 0, 3, 4, 1, 0, 3, 4, 0, 1, 2, 4, 0, 3, 1, 2};
    static const double by_angle[] = {1, 1, 1, 1, 0, 1, 1, 2, 0, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 2};
    assert_memory_equal(turned, index, sizeof turned);
    assert_memory_equal(by_angle, distance, sizeof by_angle);
    bal_ctx_close(&ctx);
}

static void bad_input_is_named(void **state)
{
    (void)state;
    float points[6] = {0, 1, 2, 3, 4, 5};
    const float others[4] = {0, 1, 2, 3};
    bal_ctx *ctx = test_ctx();
    int64_t index[6];
    bal_neighbours_settings s = {.points = {points, 3, 2}};
    test_fails(ctx, bal_neighbours(ctx, &s, index, NULL), BAL_BAD_ARG, "k is 0", "1..2", NULL);
    s.k = 3;
    test_fails(ctx, bal_neighbours(ctx, &s, index, NULL), BAL_BAD_ARG, "k is 3", "1..2", NULL);
    s.k = 2;
    s.queries = (bal_rows){others, 4, 1};
    test_fails(ctx, bal_neighbours(ctx, &s, index, NULL), BAL_BAD_ARG, "queries", "1 col", "2",
               NULL);
    s.queries = (bal_rows){others, 0, 2};
    test_fails(ctx, bal_neighbours(ctx, &s, index, NULL), BAL_BAD_ARG, "0 rows", "queries", NULL);
    s.queries = (bal_rows){NULL, 0, 0};
    s.points.columns = 0;
    test_fails(ctx, bal_neighbours(ctx, &s, index, NULL), BAL_BAD_ARG, "0 columns", NULL);
    s.points = (bal_rows){points, 1, 6};
    s.k = 1;
    test_fails(ctx, bal_neighbours(ctx, &s, index, NULL), BAL_BAD_ARG, "single point", NULL);
    s.points = (bal_rows){points, 3, 2};
    points[3] = NAN;
    test_fails(ctx, bal_neighbours(ctx, &s, index, NULL), BAL_BAD_ARG, "row 1, column 1", "points",
               "not a number", NULL);
    s.queries = (bal_rows){points, 2, 2};
    s.points = (bal_rows){others, 2, 2};
    points[3] = 0;
    points[2] = -INFINITY;
    test_fails(ctx, bal_neighbours(ctx, &s, index, NULL), BAL_BAD_ARG, "row 1, column 0", "queries",
               "infinite", NULL);
    s.queries.values = NULL;
    s.distance = (bal_distance)7;
    test_fails(ctx, bal_neighbours(ctx, &s, index, NULL), BAL_BAD_ARG, "distance 7", NULL);
    bal_ctx_close(&ctx);
}

static bal_status attempt(bal_ctx *ctx, void *user)
{
    const bal_neighbours_settings *s = user;
    int64_t index[90];
    return bal_neighbours(ctx, s, index, NULL);
}

static void allocations_may_fail(void **state)
{
    (void)state;
    float *points = make_rows(NORMAL, 30, 4, 3);
    bal_neighbours_settings s = {.points = {points, 30, 4}, .k = 3};
    test_allocation_failures(attempt, &s);
    s.memory = 1;
    s.distance = BAL_COSINE;
    test_allocation_failures(attempt, &s);
    free(points);
}

typedef struct watch {
    bal_ctx *ctx;
    int64_t seen, total;
    bool stop;
} watch;

static void on_progress(void *user, int64_t done, int64_t total)
{
    watch *w = user;
    assert_true(done >= 1 && done <= total && (w->total == 0 || w->total == total));
    w->seen = done;
    w->total = total;
    if (w->stop)
        bal_ctx_interrupt(w->ctx);
}

static void progress_and_interruption(void **state)
{
    (void)state;
    float *points = make_rows(NORMAL, 700, 3, 4);
    int64_t *index = calloc(1400, sizeof *index);
    watch w = {.ctx = test_ctx_threads(1)};
    bal_neighbours_settings s = {
        .points = {points, 700, 3}, .k = 2, .memory = 60000, .progress = on_progress, .user = &w};
    test_ok(w.ctx, bal_neighbours(w.ctx, &s, index, NULL));
    assert_true(w.total > 10);
    assert_int_equal(w.total, w.seen); /* all of the work was announced, in parts too */
    w = (watch){.ctx = w.ctx, .stop = true};
    test_fails(w.ctx, bal_neighbours(w.ctx, &s, index, NULL), BAL_INTERRUPTED, "interrupted",
               "1 of", NULL);
    assert_int_equal(w.seen, 1);
    w.stop = false;
    test_ok(w.ctx, bal_neighbours(w.ctx, &s, index, NULL)); /* the wish was taken */
    bal_ctx_close(&w.ctx);
    free(points);
    free(index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(neighbours_equal_all_pairs), cmocka_unit_test(lists_choose_the_rows),
        cmocka_unit_test(lists_are_checked),          cmocka_unit_test(distances_by_hand),
        cmocka_unit_test(bad_input_is_named),         cmocka_unit_test(allocations_may_fail),
        cmocka_unit_test(progress_and_interruption),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
