/* Batch norm on tensors with channels in blocks, the ReLU behind it included.
 *
 * The library's own primitive waits at barriers that spin: on a machine that is busy with something
 * else, every one of them costs a time slice. These kernels take the data twice where it takes them
 * three times, and keep no mask for the ReLU: y > 0 is computed again. Padding channels stay zero.
 * Results do not depend on the number of threads. */
#ifndef BAL_NORM_KERNELS_H
#define BAL_NORM_KERNELS_H

#include "engine/onednn/onednn_kernels.h"

/* Vectors of t.channels. */
typedef struct bal_norm {
    const float *mean, *variance; /* biased; what x is normalised with */
    const float *weight, *bias;
    float eps;
    bool relu;
} bal_norm;

/* Doubles of work space for the two kernels that take sums. */
int64_t bal_norm_work(bal_blocked t);

/* The batch's mean and biased variance. */
void bal_kernel_norm_statistics(float *mean, float *variance, double *work, const float *x,
                                bal_blocked t);
/* y = (x - mean) / sqrt(variance + eps) * weight + bias, then the ReLU. y may be x. */
void bal_kernel_norm(float *y, const float *x, const bal_norm *how, bal_blocked t);

typedef struct bal_norm_gradient {
    float *data;          /* dx; may be dy; NULL: nobody wants it */
    float *weight, *bias; /* or NULL */
    bool accumulate;      /* add to weight and bias */
    bool through;         /* the statistics depend on x: they are the batch's */
} bal_norm_gradient;
/* Gradient of bal_kernel_norm at x, given dy. */
void bal_kernel_norm_back(const bal_norm_gradient *out, double *work, const float *dy,
                          const float *x, const bal_norm *how, bal_blocked t);

#endif
