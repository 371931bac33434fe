/* Hand-written loops of the oneDNN engine; see onednn_kernels.h. */
#include "engine/onednn/onednn_kernels.h"

#include <math.h>
#include <string.h>

static int blocks_of(bal_blocked t)
{
    return (t.channels + t.block - 1) / t.block;
}

int64_t bal_blocked_count(bal_blocked t)
{
    return (int64_t)t.batch * blocks_of(t) * t.block * t.height * t.width;
}

void bal_kernel_add(float *y, const float *a, const float *b, int64_t count, bool relu)
{
    if (relu) {
#pragma omp parallel for simd schedule(static)
        for (int64_t i = 0; i < count; i++) {
            const float sum = a[i] + b[i];
            y[i] = sum <= 0.0f ? 0.0f : sum;
        }
    } else {
#pragma omp parallel for simd schedule(static)
        for (int64_t i = 0; i < count; i++)
            y[i] = a[i] + b[i];
    }
}

void bal_kernel_relu(float *y, const float *x, int64_t count)
{
#pragma omp parallel for simd schedule(static)
    for (int64_t i = 0; i < count; i++)
        y[i] = x[i] <= 0.0f ? 0.0f : x[i];
}

/* x where y is positive (or NaN), else 0, without a branch: half of all signs would be
 * mispredicted. */
static inline float keep(float y, float x)
{
    union {
        float f;
        uint32_t bits;
    } u = {.f = x};
    u.bits &= -(uint32_t) !(y <= 0.0f);
    return u.f;
}

void bal_kernel_gradient_sum(float *out, const float *a, const float *b, const float *y,
                             int64_t count)
{
    if (b && y) {
#pragma omp parallel for simd schedule(static)
        for (int64_t i = 0; i < count; i++) {
            out[i] = keep(y[i], a[i] + b[i]);
        }
    } else if (b) {
        bal_kernel_add(out, a, b, count, false);
    } else if (y) {
#pragma omp parallel for simd schedule(static)
        for (int64_t i = 0; i < count; i++)
            out[i] = keep(y[i], a[i]);
    } else if (out != a) {
        memcpy(out, a, (size_t)count * sizeof *out);
    }
}

/* Offset of channel c, position 0, of image n. Positions are t.block apart. */
static int64_t channel_at(bal_blocked t, int n, int c)
{
    const int64_t positions = (int64_t)t.height * t.width;
    return ((int64_t)n * blocks_of(t) + c / t.block) * positions * t.block + c % t.block;
}

static int padded_channels(bal_blocked t)
{
    return blocks_of(t) * t.block;
}

void bal_kernel_convert(float *dst, bal_blocked to, const float *src, bal_blocked from)
{
    const int64_t positions = (int64_t)to.height * to.width;
    const int channels = padded_channels(to);
#pragma omp parallel for collapse(2) schedule(static)
    for (int n = 0; n < to.batch; n++)
        for (int c = 0; c < channels; c++) {
            float *d = dst + channel_at(to, n, c);
            if (c >= to.channels) {
                for (int64_t i = 0; i < positions; i++)
                    d[i * to.block] = 0.0f;
                continue;
            }
            const float *s = src + channel_at(from, n, c);
            for (int64_t i = 0; i < positions; i++)
                d[i * to.block] = s[i * from.block];
        }
}

void bal_kernel_global_pool(float *y, const float *x, bal_blocked t)
{
    const int64_t positions = (int64_t)t.height * t.width;
#pragma omp parallel for collapse(2) schedule(static)
    for (int n = 0; n < t.batch; n++)
        for (int c = 0; c < t.channels; c++) {
            const float *s = x + channel_at(t, n, c);
            double sum = 0.0;
            for (int64_t i = 0; i < positions; i++)
                sum += (double)s[i * t.block];
            y[(int64_t)n * t.channels + c] = (float)(sum / (double)positions);
        }
}

void bal_kernel_global_pool_back(float *dx, const float *dy, bal_blocked t)
{
    const int64_t positions = (int64_t)t.height * t.width;
    const int channels = padded_channels(t);
#pragma omp parallel for collapse(2) schedule(static)
    for (int n = 0; n < t.batch; n++)
        for (int c = 0; c < channels; c++) {
            float *d = dx + channel_at(t, n, c);
            const float g =
                c < t.channels ? dy[(int64_t)n * t.channels + c] / (float)positions : 0.0f;
            for (int64_t i = 0; i < positions; i++)
                d[i * t.block] = g;
        }
}

void bal_kernel_shortcut(float *y, bal_blocked to, const float *x, bal_blocked from, int stride,
                         int before)
{
    const int channels = padded_channels(to);
#pragma omp parallel for collapse(2) schedule(static)
    for (int n = 0; n < to.batch; n++)
        for (int c = 0; c < channels; c++) {
            float *d = y + channel_at(to, n, c);
            const int source = c - before;
            const bool filled = source >= 0 && source < from.channels;
            const float *s = filled ? x + channel_at(from, n, source) : NULL;
            for (int i = 0; i < to.height; i++)
                for (int j = 0; j < to.width; j++, d += to.block)
                    *d =
                        s ? s[((int64_t)i * stride * from.width + (int64_t)j * stride) * from.block]
                          : 0.0f;
        }
}

void bal_kernel_shortcut_back(float *dx, bal_blocked to, const float *dy, bal_blocked from,
                              int stride, int before)
{
    const int channels = padded_channels(to);
    const int64_t positions = (int64_t)to.height * to.width;
#pragma omp parallel for collapse(2) schedule(static)
    for (int n = 0; n < to.batch; n++)
        for (int c = 0; c < channels; c++) {
            float *d = dx + channel_at(to, n, c);
            for (int64_t i = 0; i < positions; i++)
                d[i * to.block] = 0.0f;
            if (c >= to.channels || c + before >= from.channels)
                continue;
            const float *s = dy + channel_at(from, n, c + before);
            for (int i = 0; i < from.height; i++)
                for (int j = 0; j < from.width; j++, s += from.block)
                    d[((int64_t)i * stride * to.width + (int64_t)j * stride) * to.block] = *s;
        }
}

void bal_kernel_upsample(float *y, const float *x, bal_blocked t, int factor)
{
    const int64_t planes = (int64_t)t.batch * blocks_of(t), width = (int64_t)t.width * factor;
    const int64_t area = (int64_t)t.height * t.width * t.block;
#pragma omp parallel for schedule(static)
    for (int64_t plane = 0; plane < planes; plane++)
        for (int64_t row = 0; row < (int64_t)t.height * factor; row++) {
            const float *from = x + plane * area + row / factor * t.width * t.block;
            float *to = y + plane * area * factor * factor + row * width * t.block;
            for (int64_t col = 0; col < width; col++)
                memcpy(to + col * t.block, from + col / factor * t.block,
                       (size_t)t.block * sizeof *to);
        }
}

void bal_kernel_upsample_back(float *dx, const float *dy, bal_blocked t, int factor)
{
    const int64_t planes = (int64_t)t.batch * blocks_of(t), width = (int64_t)t.width * factor;
    const int64_t area = (int64_t)t.height * t.width * t.block;
#pragma omp parallel for schedule(static)
    for (int64_t plane = 0; plane < planes; plane++) {
        memset(dx + plane * area, 0, (size_t)area * sizeof *dx);
        for (int64_t row = 0; row < (int64_t)t.height * factor; row++) {
            float *to = dx + plane * area + row / factor * t.width * t.block;
            const float *from = dy + plane * area * factor * factor + row * width * t.block;
            for (int64_t col = 0; col < width; col++)
                for (int i = 0; i < t.block; i++)
                    to[col / factor * t.block + i] += from[col * t.block + i];
        }
    }
}

void bal_kernel_dropout(float *out, const float *in, const uint8_t *keep, float scale,
                        bal_blocked t)
{
    const int64_t positions = (int64_t)t.height * t.width;
    const int channels = padded_channels(t);
#pragma omp parallel for collapse(2) schedule(static)
    for (int n = 0; n < t.batch; n++)
        for (int c = 0; c < channels; c++) {
            const int64_t at = channel_at(t, n, c);
            const uint8_t *k =
                c < t.channels ? keep + ((int64_t)n * t.channels + c) * positions : NULL;
            for (int64_t i = 0; i < positions; i++)
                out[at + i * t.block] = k && k[i] ? in[at + i * t.block] * scale : 0.0f;
        }
}

void bal_kernel_batch_mix(float *out, const float *in, const bal_batch_mix *mix, bal_blocked t)
{
    const int64_t size = bal_blocked_count(t) / t.batch;
#pragma omp parallel for schedule(static)
    for (int n = 0; n < t.batch; n++) {
        const float *own = in + n * size;
        if (!mix) {
            memcpy(out + n * size, own, (size_t)size * sizeof *out);
            continue;
        }
        const float *other = in + mix->partner[n] * size;
        const float share = mix->share[n], rest = 1.0f - share;
        for (int64_t i = 0; i < size; i++)
            out[n * size + i] = share * own[i] + rest * other[i];
    }
}

/* An image gathers from all that it was mixed into, in the order of the batch. */
void bal_kernel_batch_mix_back(float *dx, const float *dy, const bal_batch_mix *mix, bal_blocked t)
{
    const int64_t size = bal_blocked_count(t) / t.batch;
#pragma omp parallel for schedule(static)
    for (int n = 0; n < t.batch; n++) {
        float *d = dx + n * size;
        if (!mix) {
            memcpy(d, dy + n * size, (size_t)size * sizeof *d);
            continue;
        }
        const float share = mix->share[n];
        for (int64_t i = 0; i < size; i++)
            d[i] = share * dy[n * size + i];
        for (int m = 0; m < t.batch; m++) {
            const float rest = 1.0f - mix->share[m];
            for (int64_t i = 0; mix->partner[m] == n && i < size; i++)
                d[i] += rest * dy[m * size + i];
        }
    }
}

void bal_kernel_sgd(float *w, float *v, const float *g, int64_t count, bal_sgd_step how)
{
#pragma omp parallel for simd schedule(static) if (count > 16384)
    for (int64_t i = 0; i < count; i++) {
        const float gradient = g[i] + how.weight_decay * w[i];
        const float momentum = how.momentum * v[i] + gradient;
        v[i] = momentum;
        w[i] -= how.lr * (how.nesterov ? gradient + how.momentum * momentum : momentum);
    }
}

void bal_kernel_adamw(float *w, float *m, float *v, const float *g, int64_t count,
                      const bal_adamw_step *how)
{
    const float shrink = (float)(1.0 - how->lr * how->weight_decay);
    const float beta1 = (float)how->beta1, rest1 = (float)(1.0 - how->beta1);
    const float beta2 = (float)how->beta2, rest2 = (float)(1.0 - how->beta2);
    const float lr = (float)(how->lr / how->first), eps = (float)how->eps;
    const float root = (float)(1.0 / sqrt(how->second));
#pragma omp parallel for simd schedule(static) if (count > 16384)
    for (int64_t i = 0; i < count; i++) {
        m[i] = beta1 * m[i] + rest1 * g[i];
        v[i] = beta2 * v[i] + rest2 * g[i] * g[i];
        w[i] = shrink * w[i] - lr * m[i] / (sqrtf(v[i]) * root + eps);
    }
}

void bal_kernel_combine(float *to, const float *from, int64_t count, double keep, double add)
{
    if (keep == 0.0 && add == 1.0) {
        memcpy(to, from, (size_t)count * sizeof *to);
    } else if (keep == 0.0) {
#pragma omp parallel for simd schedule(static) if (count > 16384)
        for (int64_t i = 0; i < count; i++)
            to[i] = (float)(add * (double)from[i]);
    } else {
#pragma omp parallel for simd schedule(static) if (count > 16384)
        for (int64_t i = 0; i < count; i++)
            to[i] = (float)(keep * (double)to[i] + add * (double)from[i]);
    }
}

void bal_kernel_exchange(float *a, float *b, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        const float kept = a[i];
        a[i] = b[i];
        b[i] = kept;
    }
}

/* Eight sums run side by side, so that the processor need not wait for one addition after the
 * other. */
double bal_kernel_squares(const float *x, int64_t count)
{
    double sums[8] = {0.0};
    int64_t i = 0;
    for (; i + 8 <= count; i += 8)
        for (int k = 0; k < 8; k++)
            sums[k] += (double)x[i + k] * (double)x[i + k];
    for (; i < count; i++)
        sums[0] += (double)x[i] * (double)x[i];
    for (int k = 1; k < 8; k++)
        sums[0] += sums[k];
    return sums[0];
}

void bal_kernel_normalise(float *out, float *inverse, const float *x, int64_t rows, int64_t columns)
{
    for (int64_t r = 0; r < rows; r++) {
        double squares = 0.0;
        for (int64_t i = 0; i < columns; i++)
            squares += (double)x[r * columns + i] * (double)x[r * columns + i];
        const double length = sqrt(squares);
        inverse[r] = (float)(1.0 / (length > 1e-12 ? length : 1e-12));
        for (int64_t i = 0; i < columns; i++)
            out[r * columns + i] = x[r * columns + i] * inverse[r];
    }
}

void bal_kernel_normalise_back(float *dx, const float *d, const float *unit, const float *inverse,
                               int64_t rows, int64_t columns)
{
    for (int64_t r = 0; r < rows; r++) {
        const float *u = unit + r * columns, *from = d + r * columns;
        double along = 0.0;
        for (int64_t i = 0; i < columns; i++)
            along += (double)from[i] * (double)u[i];
        for (int64_t i = 0; i < columns; i++)
            dx[r * columns + i] = (float)(((double)from[i] - along * (double)u[i]) * inverse[r]);
    }
}
