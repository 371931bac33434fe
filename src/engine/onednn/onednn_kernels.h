/* The loops that oneDNN has no fused primitive for, on tensors with channels in blocks (block 1 is
 * plain NCHW). Padding channels are zero on entry and stay zero. All use OpenMP with the caller's
 * threads; results do not depend on their number unless said. */
#ifndef BAL_ONEDNN_KERNELS_H
#define BAL_ONEDNN_KERNELS_H

#include "engine/engine.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct bal_blocked {
    int batch, channels, height, width, block;
} bal_blocked;

/* Floats of a tensor, padding included. */
int64_t bal_blocked_count(bal_blocked t);

/* y = a + b, or max(a + b, 0). y may be a or b. Here and below a NaN stays NaN behind a ReLU, so
 * that divergence is seen. */
void bal_kernel_add(float *y, const float *a, const float *b, int64_t count, bool relu);
/* y = max(x, 0) */
void bal_kernel_relu(float *y, const float *x, int64_t count);
/* out = (a + b) where y > 0, else 0; b or y may be NULL. out may be a or b. */
void bal_kernel_gradient_sum(float *out, const float *a, const float *b, const float *y,
                             int64_t count);
/* Between two layouts of the same tensor. */
void bal_kernel_convert(float *dst, bal_blocked to, const float *src, bal_blocked from);
/* y (batch x channels) = mean over the positions; and its gradient. */
void bal_kernel_global_pool(float *y, const float *x, bal_blocked t);
void bal_kernel_global_pool_back(float *dx, const float *dy, bal_blocked t);
/* y[n][before + c][i][j] = x[n][c][i stride][j stride], other channels 0; and its gradient. */
void bal_kernel_shortcut(float *y, bal_blocked to, const float *x, bal_blocked from, int stride,
                         int before);
/* t is the small side. */
void bal_kernel_upsample(float *y, const float *x, bal_blocked t, int factor);
void bal_kernel_upsample_back(float *dx, const float *dy, bal_blocked t, int factor);
void bal_kernel_shortcut_back(float *dx, bal_blocked to, const float *dy, bal_blocked from,
                              int stride, int before);
/* out = in * scale where keep (NCHW order), else 0. */
void bal_kernel_dropout(float *out, const float *in, const uint8_t *keep, float scale,
                        bal_blocked t);
/* The blends of a batch_mix, and their gradient; mix NULL: a copy. out is not in. */
void bal_kernel_batch_mix(float *out, const float *in, const bal_batch_mix *mix, bal_blocked t);
void bal_kernel_batch_mix_back(float *dx, const float *dy, const bal_batch_mix *mix, bal_blocked t);
/* One tensor's SGD step (see bal_update). */
typedef struct bal_sgd_step {
    float lr, weight_decay, momentum;
    bool nesterov;
} bal_sgd_step;
void bal_kernel_sgd(float *w, float *v, const float *g, int64_t count, bal_sgd_step how);
/* One tensor's AdamW step. */
void bal_kernel_adamw(float *w, float *m, float *v, const float *g, int64_t count,
                      const bal_adamw_step *how);
/* to = keep to + add from in double; keep 0 does not read to. */
void bal_kernel_combine(float *to, const float *from, int64_t count, double keep, double add);
void bal_kernel_exchange(float *a, float *b, int64_t count);
/* In double, always in the same order. */
double bal_kernel_squares(const float *x, int64_t count);
/* Rows scaled to length 1 (lengths below 1e-12 count as 1e-12); inverse receives 1 / length. */
void bal_kernel_normalise(float *out, float *inverse, const float *x, int64_t rows,
                          int64_t columns);
/* Gradient of bal_kernel_normalise: dx = (d - (d . unit) unit) * inverse, row by row; d may be dx.
 */
void bal_kernel_normalise_back(float *dx, const float *d, const float *unit, const float *inverse,
                               int64_t rows, int64_t columns);

#endif
