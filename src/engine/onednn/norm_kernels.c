/* Batch norm. A tile is the block of channels of one image; it is gone through in runs of positions
 * that fit into the first cache, so what passes over a run twice reads memory once. Sums over a run
 * are float, everything beyond is double, in the order of runs and images. */
#include "engine/onednn/norm_kernels.h"

#include "base/compiler.h"

#include <math.h>

#define LANES 16 /* of the largest block */
#define RUN 1024 /* positions */

/* One block of channels with all factors; lanes beyond the channels have factors of 0. */
typedef struct lanes {
    float mean[LANES], factor[LANES], bias[LANES];
    double inverse[LANES]; /* 1 / sqrt(variance + eps) */
} lanes;

static int blocks_of(bal_blocked t)
{
    return (t.channels + t.block - 1) / t.block;
}

static int64_t positions_of(bal_blocked t)
{
    return (int64_t)t.height * t.width;
}

static int64_t tile_at(bal_blocked t, int n, int b)
{
    return ((int64_t)n * blocks_of(t) + b) * positions_of(t) * t.block;
}

/* Two numbers for each lane of a tile. */
static double *tile_work(double *work, bal_blocked t, int n, int b)
{
    return work + ((int64_t)n * blocks_of(t) + b) * 2 * t.block;
}

int64_t bal_norm_work(bal_blocked t)
{
    return (int64_t)t.batch * blocks_of(t) * 2 * t.block;
}

static lanes lanes_of(const bal_norm *how, bal_blocked t, int b)
{
    lanes l = {{0}, {0}, {0}, {0}};
    for (int i = 0; i < t.block && b * t.block + i < t.channels; i++) {
        const int c = b * t.block + i;
        l.inverse[i] = 1.0 / sqrt((double)how->variance[c] + (double)how->eps);
        l.mean[i] = how->mean[c];
        l.factor[i] = (float)(l.inverse[i] * (double)how->weight[c]);
        l.bias[i] = how->bias[c];
    }
    return l;
}

/* Lanes of block b, made only where l is of another one (*of). */
static void use_lanes(lanes *l, int *of, const bal_norm *how, bal_blocked t, int b)
{
    if (*of != b)
        *l = lanes_of(how, t, b);
    *of = b;
}

/* The loops are written for a block that the compiler knows: NAME is NAME_block with one. */
#define FOR_BLOCKS(name, parameters, ...)  \
    BAL_WIDE static void name parameters   \
    {                                      \
        if (block == 8)                    \
            name##_block(__VA_ARGS__, 8);  \
        else if (block == 16)              \
            name##_block(__VA_ARGS__, 16); \
        else                               \
            name##_block(__VA_ARGS__, 1);  \
    }

/* ---- statistics ---- */

/* Mean and sum of squared deviations of a tile: Chan's sum of those of its runs. */
static inline void tile_statistics_block(double *out, const float *x, int64_t positions,
                                         const int block)
{
    for (int64_t first = 0; first < positions; first += RUN) {
        const int64_t count = positions - first < RUN ? positions - first : RUN;
        const float *run = x + first * block;
        float sum[LANES] = {0}, squares[LANES] = {0}, mean[LANES];
        for (int64_t i = 0; i < count; i++)
#pragma omp simd
            for (int k = 0; k < block; k++)
                sum[k] += run[i * block + k];
        for (int k = 0; k < block; k++)
            mean[k] = sum[k] / (float)count;
        for (int64_t i = 0; i < count; i++)
#pragma omp simd
            for (int k = 0; k < block; k++) {
                const float d = run[i * block + k] - mean[k];
                squares[k] += d * d;
            }
        const double before = (double)first, share = (double)count / (before + (double)count);
        for (int k = 0; k < block; k++) {
            const double step = first > 0 ? (double)mean[k] - out[k] : 0.0;
            out[k] = first > 0 ? out[k] + step * share : (double)mean[k];
            out[block + k] = (first > 0 ? out[block + k] : 0.0) + (double)squares[k] +
                             step * step * before * share;
        }
    }
}

FOR_BLOCKS(tile_statistics, (double *out, const float *x, int64_t positions, int block), out, x,
           positions)

/* Chan's sum of variances, for tiles of one size. */
static void channel_statistics(float *mean, float *variance, const double *work, bal_blocked t,
                               int c)
{
    const int b = c / t.block, k = c % t.block;
    const double positions = (double)positions_of(t);
    double sum = 0.0, squares = 0.0;
    for (int n = 0; n < t.batch; n++)
        sum += work[(((int64_t)n * blocks_of(t) + b) * 2) * t.block + k];
    const double m = sum / t.batch;
    for (int n = 0; n < t.batch; n++) {
        const double *at = work + ((int64_t)n * blocks_of(t) + b) * 2 * t.block;
        squares += at[t.block + k] + positions * (at[k] - m) * (at[k] - m);
    }
    mean[c] = (float)m;
    variance[c] = (float)(squares / (positions * t.batch));
}

void bal_kernel_norm_statistics(float *mean, float *variance, double *work, const float *x,
                                bal_blocked t)
{
    const int blocks = blocks_of(t);
    const int64_t positions = positions_of(t);
#pragma omp parallel
    {
#pragma omp for collapse(2) schedule(static)
        for (int n = 0; n < t.batch; n++)
            for (int b = 0; b < blocks; b++)
                tile_statistics(tile_work(work, t, n, b), x + tile_at(t, n, b), positions, t.block);
#pragma omp for schedule(static)
        for (int c = 0; c < t.channels; c++)
            channel_statistics(mean, variance, work, t, c);
    }
}

/* ---- forward ---- */

static inline void tile_norm_block(float *y, const float *x, const lanes *l, bool relu,
                                   int64_t positions, const int block)
{
    const float least = relu ? 0.0f : -INFINITY;
    for (int64_t i = 0; i < positions; i++)
#pragma omp simd
        for (int k = 0; k < block; k++) {
            const float v = (x[i * block + k] - l->mean[k]) * l->factor[k] + l->bias[k];
            y[i * block + k] = v < least ? least : v; /* a NaN stays */
        }
}

FOR_BLOCKS(tile_norm,
           (float *y, const float *x, const lanes *l, bool relu, int64_t positions, int block), y,
           x, l, relu, positions)

void bal_kernel_norm(float *y, const float *x, const bal_norm *how, bal_blocked t)
{
    const int blocks = blocks_of(t);
    const int64_t positions = positions_of(t);
#pragma omp parallel
    {
        lanes l;
        int of = -1; /* the block that l is of */
#pragma omp for collapse(2) schedule(static)
        for (int b = 0; b < blocks; b++)
            for (int n = 0; n < t.batch; n++) {
                use_lanes(&l, &of, how, t, b);
                const int64_t at = tile_at(t, n, b);
                tile_norm(y + at, x + at, &l, how->relu, positions, t.block);
            }
    }
}

/* ---- backward ---- */

/* dy behind the ReLU's mask, without a branch. */
static inline float masked(float dy, float x, float mean, float factor, float bias, bool relu)
{
    union {
        float f;
        uint32_t bits;
    } u = {.f = dy};
    const float y = (x - mean) * factor + bias;
    u.bits &= -(uint32_t)(!relu | !(y <= 0.0f));
    return u.f;
}

/* Sums of dy and of dy (x - mean). */
static inline void tile_sums_block(double *out, const float *dy, const float *x, const lanes *l,
                                   bool relu, int64_t positions, const int block)
{
    for (int k = 0; k < 2 * block; k++)
        out[k] = 0.0;
    for (int64_t first = 0; first < positions; first += RUN) {
        const int64_t end = positions - first < RUN ? positions : first + RUN;
        float sum[LANES] = {0}, along[LANES] = {0};
        for (int64_t i = first; i < end; i++)
#pragma omp simd
            for (int k = 0; k < block; k++) {
                const int64_t at = i * block + k;
                const float g = masked(dy[at], x[at], l->mean[k], l->factor[k], l->bias[k], relu);
                sum[k] += g;
                along[k] += g * (x[at] - l->mean[k]);
            }
        for (int k = 0; k < block; k++) {
            out[k] += (double)sum[k];
            out[block + k] += (double)along[k];
        }
    }
}

FOR_BLOCKS(tile_sums,
           (double *out, const float *dy, const float *x, const lanes *l, bool relu,
            int64_t positions, int block),
           out, dy, x, l, relu, positions)

/* The sums of all images into the first tile's place. */
static void add_tiles(double *work, bal_blocked t, int b)
{
    double *first = tile_work(work, t, 0, b);
    for (int n = 1; n < t.batch; n++) {
        const double *more = tile_work(work, t, n, b);
        for (int k = 0; k < 2 * t.block; k++)
            first[k] += more[k];
    }
}

/* dx = factor dy - constant - slope (x - mean) */
static inline void tile_back_block(float *dx, const float *dy, const float *x, const lanes *l,
                                   const float *constant, const float *slope, bool relu,
                                   int64_t positions, const int block)
{
    for (int64_t i = 0; i < positions; i++)
#pragma omp simd
        for (int k = 0; k < block; k++) {
            const int64_t at = i * block + k;
            const float d = x[at] - l->mean[k];
            const float g = masked(dy[at], x[at], l->mean[k], l->factor[k], l->bias[k], relu);
            dx[at] = l->factor[k] * g - constant[k] - slope[k] * d;
        }
}

FOR_BLOCKS(tile_back,
           (float *dx, const float *dy, const float *x, const lanes *l, const float *constant,
            const float *slope, bool relu, int64_t positions, int block),
           dx, dy, x, l, constant, slope, relu, positions)

static void parameter_gradients(const bal_norm_gradient *out, const double *sums, const lanes *l,
                                bal_blocked t, int b)
{
    for (int k = 0; k < t.block && b * t.block + k < t.channels; k++) {
        const int c = b * t.block + k;
        const float bias = (float)sums[k], weight = (float)(sums[t.block + k] * l->inverse[k]);
        if (out->bias)
            out->bias[c] = out->accumulate ? out->bias[c] + bias : bias;
        if (out->weight)
            out->weight[c] = out->accumulate ? out->weight[c] + weight : weight;
    }
}

void bal_kernel_norm_back(const bal_norm_gradient *out, double *work, const float *dy,
                          const float *x, const bal_norm *how, bal_blocked t)
{
    const int blocks = blocks_of(t);
    const int64_t positions = positions_of(t);
    const double items = (double)positions * t.batch;
#pragma omp parallel
    {
        lanes l;
        int of = -1; /* the block that l is of */
#pragma omp for collapse(2) schedule(static)
        for (int b = 0; b < blocks; b++)
            for (int n = 0; n < t.batch; n++) {
                use_lanes(&l, &of, how, t, b);
                const int64_t at = tile_at(t, n, b);
                tile_sums(tile_work(work, t, n, b), dy + at, x + at, &l, how->relu, positions,
                          t.block);
            }
#pragma omp for schedule(static)
        for (int b = 0; b < blocks; b++) {
            use_lanes(&l, &of, how, t, b);
            add_tiles(work, t, b);
            parameter_gradients(out, tile_work(work, t, 0, b), &l, t, b);
        }
        if (out->data) {
#pragma omp for collapse(2) schedule(static)
            for (int b = 0; b < blocks; b++)
                for (int n = 0; n < t.batch; n++) {
                    use_lanes(&l, &of, how, t, b);
                    const double *sums = tile_work(work, t, 0, b);
                    float constant[LANES] = {0}, slope[LANES] = {0};
                    for (int k = 0; k < t.block && out->through; k++) {
                        const double factor = (double)l.factor[k] / items;
                        constant[k] = (float)(factor * sums[k]);
                        slope[k] =
                            (float)(factor * l.inverse[k] * l.inverse[k] * sums[t.block + k]);
                    }
                    const int64_t at = tile_at(t, n, b);
                    tile_back(out->data + at, dy + at, x + at, &l, constant, slope, how->relu,
                              positions, t.block);
                }
        }
    }
}
