/* k-means: clusters that are plain to see, the rules of its result, and what is refused. */
#include "helpers/helpers.h"

#include "base/random.h"
#include "numeric/kmeans.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 240, COLUMNS = 37, CLUSTERS = 5 };

/* Five balls of 10 to 90 points, far apart. */
static float *make_balls(int *ball)
{
    static const int counts[CLUSTERS] = {90, 70, 45, 25, 10};
    float *x = calloc((size_t)ROWS * COLUMNS, sizeof *x);
    assert_non_null(x);
    bal_random random = bal_random_at(test_seed(), BAL_STREAM_TEST, 70, 0);
    int row = 0;
    for (int b = 0; b < CLUSTERS; b++)
        for (int i = 0; i < counts[b]; i++, row++) {
            const int at = (row * 77) % ROWS; /* shuffled */
            ball[at] = b;
            for (int j = 0; j < COLUMNS; j++)
                x[at * COLUMNS + j] =
                    (float)(bal_random_normal(&random) + (j % CLUSTERS == b ? 40.0 : 0.0));
        }
    return x;
}

static bal_kmeans_settings settings_for(const float *x, int64_t clusters)
{
    return (bal_kmeans_settings){.points = {x, ROWS, COLUMNS},
                                 .clusters = clusters,
                                 .attempts = 3,
                                 .iterations = 100,
                                 .tolerance = 1e-4,
                                 .seed = test_seed()};
}

static double squared(const float *a, const float *b)
{
    double sum = 0.0;
    for (int j = 0; j < COLUMNS; j++)
        sum += ((double)a[j] - (double)b[j]) * ((double)a[j] - (double)b[j]);
    return sum;
}

static void balls_are_found(void **state)
{
    (void)state;
    int ball[ROWS];
    float *x = make_balls(ball), centres[CLUSTERS * COLUMNS];
    int64_t cluster[ROWS];
    double inertia;
    bal_ctx *ctx = test_ctx_threads(2);
    const bal_kmeans_settings settings = settings_for(x, CLUSTERS);
    test_ok(ctx, bal_kmeans(ctx, &settings, centres, cluster, &inertia));
    double sum = 0.0;
    for (int i = 0; i < ROWS; i++) {
        for (int j = 0; j < i; j++)
            assert_true((ball[i] == ball[j]) == (cluster[i] == cluster[j]));
        sum += squared(x + i * COLUMNS, centres + cluster[i] * COLUMNS);
    }
    assert_true(fabs(sum - inertia) < 1e-6 * sum);
    for (int c = 0; c < CLUSTERS; c++)
        for (int j = 0; j < COLUMNS; j++) { /* the centre is the mean */
            double mean = 0.0;
            int n = 0;
            for (int i = 0; i < ROWS; i++)
                if (cluster[i] == c) {
                    mean += (double)x[i * COLUMNS + j];
                    n++;
                }
            assert_true(fabs(mean / n - (double)centres[c * COLUMNS + j]) < 1e-4);
        }
    bal_ctx_close(&ctx);
    free(x);
}

/* With more clusters than balls: each point belongs to its nearest centre, none is without points,
 * moving on makes nothing better by much, and threads change nothing. */
static void the_result_is_a_local_optimum(void **state)
{
    (void)state;
    int ball[ROWS];
    float *x = make_balls(ball), *first = calloc(19 * COLUMNS, sizeof *first);
    float *centres = calloc(19 * COLUMNS, sizeof *centres);
    int64_t cluster[ROWS];
    double inertia, first_inertia = 0.0;
    assert_true(first && centres);
    for (int threads = 1; threads <= 3; threads++) {
        bal_ctx *ctx = test_ctx_threads(threads);
        bal_kmeans_settings settings = settings_for(x, 19);
        settings.tolerance = 0.0;
        test_ok(ctx, bal_kmeans(ctx, &settings, centres, cluster, &inertia));
        int members[19] = {0};
        for (int i = 0; i < ROWS; i++) {
            const double own = squared(x + i * COLUMNS, centres + cluster[i] * COLUMNS);
            members[cluster[i]]++;
            for (int c = 0; c < 19; c++)
                assert_true(own <= squared(x + i * COLUMNS, centres + c * COLUMNS) * (1 + 1e-9));
        }
        for (int c = 0; c < 19; c++)
            assert_true(members[c] > 0);
        if (threads == 1) {
            memcpy(first, centres, 19 * COLUMNS * sizeof *first);
            first_inertia = inertia;
        }
        assert_memory_equal(first, centres, 19 * COLUMNS * sizeof *first);
        settings.attempts = 1;
        test_ok(ctx, bal_kmeans(ctx, &settings, centres, NULL, &inertia));
        assert_true(inertia >= first_inertia);
        bal_ctx_close(&ctx);
    }
    free(x);
    free(first);
    free(centres);
}

/* As many clusters as points, and more clusters than different points. */
static void extremes_are_done(void **state)
{
    (void)state;
    int ball[ROWS];
    float *x = make_balls(ball), *centres = calloc(ROWS * COLUMNS, sizeof *centres);
    int64_t cluster[ROWS];
    double inertia;
    bal_ctx *ctx = test_ctx_threads(2);
    assert_non_null(centres);
    bal_kmeans_settings settings = settings_for(x, ROWS);
    test_ok(ctx, bal_kmeans(ctx, &settings, centres, cluster, &inertia));
    assert_true(inertia == 0.0);
    settings.clusters = 1;
    test_ok(ctx, bal_kmeans(ctx, &settings, centres, cluster, &inertia));
    assert_true(inertia > 0.0);
    for (int i = 0; i < ROWS; i++)
        memcpy(x + i * COLUMNS, x + i % 3 * COLUMNS, COLUMNS * sizeof *x);
    settings.clusters = 7;
    test_ok(ctx, bal_kmeans(ctx, &settings, centres, cluster, &inertia));
    assert_true(inertia == 0.0);
    for (int i = 3; i < ROWS; i++)
        assert_int_equal(cluster[i], cluster[i % 3]);
    bal_ctx_close(&ctx);
    free(x);
    free(centres);
}

static void interrupt(void *user, int64_t done, int64_t total)
{
    (void)done;
    (void)total;
    bal_ctx_interrupt(user);
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    int ball[ROWS];
    float *x = make_balls(ball), centres[CLUSTERS * COLUMNS];
    bal_ctx *ctx = test_ctx_threads(2);
    bal_kmeans_settings s = settings_for(x, 0);
    test_fails(ctx, bal_kmeans(ctx, &s, centres, NULL, NULL), BAL_BAD_ARG, "0 clusters", NULL);
    s.clusters = ROWS + 1;
    test_fails(ctx, bal_kmeans(ctx, &s, centres, NULL, NULL), BAL_BAD_ARG, "241 clusters of 240",
               NULL);
    s = settings_for(x, CLUSTERS);
    s.attempts = 0;
    test_fails(ctx, bal_kmeans(ctx, &s, centres, NULL, NULL), BAL_BAD_ARG, "0 attempts", NULL);
    s = settings_for(x, CLUSTERS);
    s.tolerance = NAN;
    test_fails(ctx, bal_kmeans(ctx, &s, centres, NULL, NULL), BAL_BAD_ARG, "tolerance nan", NULL);
    s = settings_for(x, CLUSTERS);
    s.progress = interrupt;
    s.user = ctx;
    test_fails(ctx, bal_kmeans(ctx, &s, centres, NULL, NULL), BAL_INTERRUPTED, "interrupted", NULL);
    s.progress = NULL;
    x[5 * COLUMNS + 3] = NAN;
    test_fails(ctx, bal_kmeans(ctx, &s, centres, NULL, NULL), BAL_BAD_ARG, "points", NULL);
    bal_ctx_close(&ctx);
    free(x);
}

static bal_status cluster(bal_ctx *ctx, void *user)
{
    float centres[CLUSTERS * COLUMNS];
    bal_kmeans_settings settings = settings_for(user, CLUSTERS);
    settings.attempts = 1;
    settings.iterations = 2;
    return bal_kmeans(ctx, &settings, centres, NULL, NULL);
}

static void memory_may_run_out(void **state)
{
    (void)state;
    int ball[ROWS];
    float *x = make_balls(ball);
    test_allocation_failures(cluster, x);
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(balls_are_found),    cmocka_unit_test(the_result_is_a_local_optimum),
        cmocka_unit_test(extremes_are_done),  cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
