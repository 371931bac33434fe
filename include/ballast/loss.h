/* ballast/loss.h: logits in, value and gradient out; plain arrays, no engine.
 *
 * Notation: C classes, n_j training images of class j, N = sum n_j, pi_j = n_j / N, z logits,
 * p = softmax(z), y label, w_j class weight, t a target distribution over the classes.
 * Everything goes through log-sum-exp; computation is in double.
 *
 * A loss is defined by its value l_j(z) for the hard label j. For soft targets (label smoothing,
 * mixing) the value of a sample is sum_j t_j w_j l_j(z); so a class weight multiplies the part of
 * its own class, as in PyTorch. Label smoothing eps replaces t by (1 - eps) t + eps / C, before the
 * class weights. What a loss takes from the logits (focal's factor, the margin) never depends on
 * the class weights.
 *
 * Reduction, with sample weights s_i: mean divides the sum over samples by sum_i s_i (the batch
 * size where none are given); weighted_mean divides by sum_i s_i w_{y_i} (PyTorch's `mean` for
 * index targets), for soft targets by sum_i s_i sum_j t_ij w_j with t before smoothing. Where that
 * divisor is 0, value and gradient are 0.
 *
 * Example with w = (1, 3), three samples of classes 0, 0, 1 with plain losses 1, 2, 4:
 * the sum is 1 + 2 + 3 x 4 = 15; mean 15 / 3 = 5; weighted_mean 15 / (1 + 1 + 3) = 3.
 */
#ifndef BALLAST_LOSS_H
#define BALLAST_LOSS_H

#include "ballast/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* name as in recipes, formula of l_y(z), source, which settings it reads */
typedef struct bal_loss_info {
    const char *name, *title, *formula, *source;
    bool needs_counts;      /* reads the class counts */
    bool needs_cosine_head; /* margins are meaningful only on a cosine head */
    const char *settings;   /* the fields of bal_loss_settings that are its own, space separated;
                               every loss reads classes, weights, label_smoothing, reduction */
} bal_loss_info;
/* Row i of the list of losses, NULL at the end. */
BAL_API const bal_loss_info *bal_loss_at(int i);

typedef enum bal_reduction { BAL_REDUCE_MEAN, BAL_REDUCE_WEIGHTED_MEAN } bal_reduction;

typedef struct bal_loss_settings {
    const char *name;       /* "ce", "focal", "ldam", "balanced-softmax", "logit-adjusted" */
    int classes;            /* 2.. */
    const int64_t *counts;  /* training images per class, each at least 1 where the loss
                               reads them; or NULL; borrowed during open */
    const double *weights;  /* class weights, >= 0, or NULL for 1; borrowed during open */
    double label_smoothing; /* 0 <= eps < 1; default 0 */
    double gamma;           /* focal: >= 0; default 2 (Lin et al. 2017) */
    double max_m;           /* ldam: largest margin, > 0; default 0.5 (Cao et al. 2019) */
    double s;   /* ldam: scale of the cosine head, > 0; default 30. The head multiplies the
                   cosines by s, so logits arrive scaled and the margin taken off is s m_y */
    double tau; /* logit-adjusted: default 1 (Menon et al. 2021) */
    bal_reduction reduction;
} bal_loss_settings;
BAL_API bal_loss_settings bal_loss_defaults(void);

typedef struct bal_loss bal_loss;
/* Fails with BAL_BAD_ARG: unknown name (nearest suggested), number out of range, counts missing or
 * 0. The handle keeps work space: one thread at a time. */
BAL_API BAL_MUST_CHECK bal_status bal_loss_open(bal_loss **out, bal_ctx *ctx,
                                                const bal_loss_settings *settings);
BAL_API void bal_loss_close(bal_loss **loss);

typedef struct bal_loss_batch {
    int64_t samples;
    const float *logits;         /* samples x C */
    const int32_t *labels;       /* samples, each 0..C-1; or NULL: then targets */
    const float *targets;        /* samples x C, rows sum to 1 within 1e-3; or NULL: then labels */
    const float *sample_weights; /* samples, >= 0; or NULL for 1 */
} bal_loss_batch;

/* value      receives the reduced loss
 * per_sample receives samples values before reduction (s_i times the sample's value), or NULL
 * gradient   receives samples x C: d value / d logits, or NULL
 * Finite for any finite logits, NaN for logits that are NaN. Cost: O(C) a sample, and one power
 * more (focal) for every non-zero part of the target. Allocates nothing. Fails with BAL_BAD_ARG: no
 * samples, a label out of range, a target that is no distribution, a negative sample weight. */
BAL_API BAL_MUST_CHECK bal_status bal_loss_compute(const bal_loss *loss, bal_ctx *ctx,
                                                   const bal_loss_batch *batch, double *value,
                                                   double *per_sample, float *gradient);

/* One sample in double, for checks: returns sum_j t_j w_j l_j(z), t after the smoothing of the
 * settings, and writes its gradient (C numbers, or NULL). logits, target: C numbers. */
BAL_API double bal_loss_sample(const bal_loss *loss, const double *logits, const double *target,
                               double *gradient);

#ifdef __cplusplus
}
#endif
#endif
