/* The oneDNN plan's batch norm against its formulas in double: every block size, also those that
 * this machine's plans never choose, channels that do not fill the last block, with and without the
 * ReLU, both kinds of statistics, in place, accumulated, and with any number of threads. */
#include "helpers/helpers.h"

#ifdef BAL_WITH_ONEDNN
#include "base/random.h"
#include "engine/onednn/norm_kernels.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 5, CHANNELS = 19, HEIGHT = 3, WIDTH = 7, POSITIONS = HEIGHT * WIDTH };
#define COUNT (BATCH * CHANNELS * POSITIONS)

typedef struct arrays {
    double x[COUNT], dy[COUNT], y[COUNT], dx[COUNT];
    double mean[CHANNELS], variance[CHANNELS], weight[CHANNELS], bias[CHANNELS];
    double d_weight[CHANNELS], d_bias[CHANNELS];
} arrays;

/* NCHW */
static size_t plain_at(int n, int c, int i)
{
    return ((size_t)n * CHANNELS + (size_t)c) * POSITIONS + (size_t)i;
}

static void expected(arrays *a, bool batch_statistics, bool relu)
{
    const double items = BATCH * POSITIONS, eps = 1e-5;
    for (int c = 0; c < CHANNELS; c++) {
        double mean = 0, square = 0, sum = 0, along = 0;
        for (int n = 0; n < BATCH; n++)
            for (int i = 0; i < POSITIONS; i++)
                mean += a->x[plain_at(n, c, i)] / items;
        for (int n = 0; n < BATCH; n++)
            for (int i = 0; i < POSITIONS; i++)
                square += pow(a->x[plain_at(n, c, i)] - mean, 2) / items;
        if (batch_statistics) {
            a->mean[c] = mean;
            a->variance[c] = square;
        }
        const double inverse = 1 / sqrt(a->variance[c] + eps);
        for (int n = 0; n < BATCH; n++)
            for (int i = 0; i < POSITIONS; i++) {
                const size_t at = plain_at(n, c, i);
                const double unit = (a->x[at] - a->mean[c]) * inverse;
                a->y[at] = unit * a->weight[c] + a->bias[c];
                a->dx[at] = relu && a->y[at] <= 0 ? 0 : a->dy[at];
                a->y[at] = relu && a->y[at] <= 0 ? 0 : a->y[at];
                sum += a->dx[at];
                along += a->dx[at] * unit;
            }
        for (int n = 0; n < BATCH; n++)
            for (int i = 0; i < POSITIONS; i++) {
                const size_t at = plain_at(n, c, i);
                const double unit = (a->x[at] - a->mean[c]) * inverse;
                const double through = batch_statistics ? sum / items + unit * along / items : 0.0;
                a->dx[at] = a->weight[c] * inverse * (a->dx[at] - through);
            }
        a->d_weight[c] = along;
        a->d_bias[c] = sum;
    }
}

/* Blocked floats, padding zero, from NCHW doubles; and back. */
static float *blocked(const double *from, bal_blocked t)
{
    float *to = calloc((size_t)bal_blocked_count(t), sizeof *to);
    const int blocks = (CHANNELS + t.block - 1) / t.block;
    for (int n = 0; n < BATCH; n++)
        for (int c = 0; c < CHANNELS; c++)
            for (int i = 0; i < POSITIONS; i++)
                to[((n * blocks + c / t.block) * POSITIONS + i) * t.block + c % t.block] =
                    (float)from[plain_at(n, c, i)];
    return to;
}

static void check_blocked(const char *what, const double *want, const float *got, bal_blocked t)
{
    float *expected_floats = blocked(want, t);
    test_close(what, expected_floats, got, bal_blocked_count(t), 1e-5);
    const int blocks = (CHANNELS + t.block - 1) / t.block;
    for (int n = 0; n < BATCH; n++)
        for (int c = CHANNELS; c < blocks * t.block; c++)
            for (int i = 0; i < POSITIONS; i++)
                assert_true(
                    got[((n * blocks + c / t.block) * POSITIONS + i) * t.block + c % t.block] ==
                    0.0f);
    free(expected_floats);
}

static void check_vector(const char *what, const double *want, const float *got)
{
    float floats[CHANNELS];
    for (int c = 0; c < CHANNELS; c++)
        floats[c] = (float)want[c];
    test_close(what, floats, got, CHANNELS, 1e-5);
}

static void to_floats(float *to, const double *from)
{
    for (int c = 0; c < CHANNELS; c++)
        to[c] = (float)from[c];
}

static void check(arrays *a, int block, bool batch_statistics, bool relu, bool in_place)
{
    const bal_blocked t = {BATCH, CHANNELS, HEIGHT, WIDTH, block};
    float *x = blocked(a->x, t), *dy = blocked(a->dy, t);
    float *y = in_place ? blocked(a->x, t) : calloc((size_t)bal_blocked_count(t), sizeof *y);
    double *work = calloc((size_t)bal_norm_work(t), sizeof *work);
    float mean[CHANNELS], variance[CHANNELS], weight[CHANNELS], bias[CHANNELS];
    float d_weight[CHANNELS] = {0}, d_bias[CHANNELS] = {0};
    expected(a, batch_statistics, relu);
    to_floats(mean, a->mean);
    to_floats(variance, a->variance);
    to_floats(weight, a->weight);
    to_floats(bias, a->bias);
    if (batch_statistics) {
        bal_kernel_norm_statistics(mean, variance, work, x, t);
        check_vector("mean", a->mean, mean);
        check_vector("variance", a->variance, variance);
    }
    const bal_norm norm = {mean, variance, weight, bias, 1e-5f, relu};
    bal_kernel_norm(y, in_place ? y : x, &norm, t);
    check_blocked("y", a->y, y, t);
    float *dx = in_place ? dy : y;
    const bal_norm_gradient out = {dx, d_weight, d_bias, false, batch_statistics};
    bal_kernel_norm_back(&out, work, dy, x, &norm, t);
    check_blocked("dx", a->dx, dx, t);
    check_vector("weight's gradient", a->d_weight, d_weight);
    check_vector("bias's gradient", a->d_bias, d_bias);
    if (!in_place) { /* once more, added: twice the gradient */
        const bal_norm_gradient more = {dx, d_weight, d_bias, true, batch_statistics};
        bal_kernel_norm_back(&more, work, dy, x, &norm, t);
        for (int c = 0; c < CHANNELS; c++)
            d_weight[c] /= 2.0f;
        check_vector("weight's gradient, accumulated", a->d_weight, d_weight);
    }
    free(x);
    free(y);
    free(dy);
    free(work);
}

static arrays *random_arrays(void)
{
    arrays *a = calloc(1, sizeof *a);
    bal_random r = bal_random_at(test_seed(), BAL_STREAM_TEST, 0, 0);
    for (int c = 0; c < CHANNELS; c++) {
        a->mean[c] = bal_random_normal(&r);
        a->variance[c] = 0.5 + fabs(bal_random_normal(&r));
        a->weight[c] = bal_random_normal(&r);
        a->bias[c] = bal_random_normal(&r);
    }
    for (size_t i = 0; i < COUNT; i++) {
        a->x[i] = 3.0 + bal_random_normal(&r); /* a mean far from 0 */
        a->dy[i] = bal_random_normal(&r);
    }
    return a;
}

static void norm_follows_its_formula(void **state)
{
    (void)state;
    static const int blocks[] = {1, 8, 16};
    for (size_t b = 0; b < BAL_COUNT_OF(blocks); b++)
        for (int how = 0; how < 8; how++) {
            arrays *a = random_arrays();
            check(a, blocks[b], how & 1, how & 2, how & 4);
            free(a);
        }
}

static void threads_do_not_change_a_bit(void **state)
{
    (void)state;
    const bal_blocked t = {BATCH, CHANNELS, HEIGHT, WIDTH, 8};
    const size_t count = (size_t)bal_blocked_count(t);
    arrays *a = random_arrays();
    float *x = blocked(a->x, t), *dy = blocked(a->dy, t), *first = NULL;
    float weight[CHANNELS], bias[CHANNELS];
    to_floats(weight, a->weight);
    to_floats(bias, a->bias);
    double *work = calloc((size_t)bal_norm_work(t), sizeof *work);
    for (int threads = 1; threads <= 4; threads++) {
        float mean[CHANNELS], variance[CHANNELS];
        float *dx = calloc(count, sizeof *dx);
        omp_set_num_threads(threads);
        bal_kernel_norm_statistics(mean, variance, work, x, t);
        const bal_norm norm = {mean, variance, weight, bias, 1e-5f, true};
        bal_kernel_norm_back(&(bal_norm_gradient){dx, NULL, NULL, false, true}, work, dy, x, &norm,
                             t);
        if (!first)
            first = dx;
        assert_memory_equal(first, dx, count * sizeof *dx);
        if (dx != first)
            free(dx);
    }
    free(first);
    free(work);
    free(x);
    free(dy);
    free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(norm_follows_its_formula),
                                       cmocka_unit_test(threads_do_not_change_a_bit)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
#else
int main(void)
{
    return 0; /* this build has no such kernels */
}
#endif
