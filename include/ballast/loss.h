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
 * Not every loss takes everything: bal_loss_info says what it reads, and what is refused.
 *
 * A class without training images (count 0) is an error where a formula divides by its count or
 * takes its log (ldam, balanced-softmax, logit-adjusted, vs, cdt, lade, gcl). The others have a
 * meaning for it: seql takes it as rare, las as the rarest; the rest read no counts.
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

typedef enum bal_loss_draws {
    BAL_DRAWS_NONE,
    BAL_DRAWS_UNIFORM, /* in [0, 1) */
    BAL_DRAWS_NORMAL   /* mean 0, variance 1 */
} bal_loss_draws;

/* name as in recipes, formula of l_y(z), source, what it reads and what it takes */
typedef struct bal_loss_info {
    const char *name, *title, *formula, *source;
    bool needs_counts;      /* reads the class counts */
    bool removes_prior;     /* softmax(z) is fitted with tau log pi_j added, so plain z refer to the
                               training prior over pi_j^tau (tau 1 where it is no setting) */
    bool needs_cosine_head; /* its numbers are meaningful only on a cosine head */
    bool needs_features;    /* reads bal_loss_batch.feature_norms */
    bool has_state;         /* bal_loss_observe before each bal_loss_compute */
    bool takes_soft_targets;  /* false: labels only, so no mixing of images */
    bool own_smoothing;       /* label_smoothing is part of the formula, not of the target */
    bool wants_bias;          /* the head's biases should begin at -log(C - 1) (Cui et al. 2019) */
    bal_loss_draws draws;     /* what bal_loss_batch.draws holds */
    const char *no_smoothing; /* why label_smoothing above 0 is refused; NULL: it is taken */
    const char *settings;     /* the fields of bal_loss_settings that are its own, space separated;
                                 every loss reads classes, weights, label_smoothing, reduction */
} bal_loss_info;
/* Row i of the list of losses, NULL at the end. */
BAL_API const bal_loss_info *bal_loss_at(int i);
/* The row of a name, NULL: none. */
BAL_API const bal_loss_info *bal_loss_find(const char *name);

typedef enum bal_reduction { BAL_REDUCE_MEAN, BAL_REDUCE_WEIGHTED_MEAN } bal_reduction;

/* The numbers of the losses: field of bal_loss_settings and key of recipes, what help calls its
 * value, least, most, default, meaning. A loss checks those that it reads. The defaults are the
 * papers' or their authors' code's; the pages in docs/methods/losses say which. */
#define BAL_LOSS_NUMBER_LIST(X)                                                                   \
    X(gamma, "G", 0, 100, 2, "focal, sigmoid-focal: how much easy images count less")             \
    X(max_m, "M", 1e-6, 100, 0.5, "ldam: margin of the rarest class, in cosine")                  \
    X(tau, "T", 0, 100, 1, "logit-adjusted, vs: share of log prior")                              \
    X(vs_gamma, "G", 0, 10, 0.3, "vs: logits are multiplied by (n_j / n_max)^G")                  \
    X(cdt_gamma, "G", 0, 10, 0.2, "cdt: logits are divided by (n_max / n_j)^G")                   \
    X(gamma_pos, "G", 0, 100, 0, "asl: exponent of 1 - p on the label's class")                   \
    X(gamma_neg, "G", 0, 100, 4, "asl: exponent of p on the other classes")                       \
    X(las_head, "E", 0, 0.999999, 0.4, "las: smoothing of the most frequent class")               \
    X(las_tail, "E", 0, 0.999999, 0.1, "las: smoothing of the rarest class")                      \
    X(seql_gamma, "P", 0, 1, 0.9, "seql: how likely a rare class is spared as a wrong one")       \
    X(seql_lambda, "L", 0, 1, 0.005, "seql: classes with a smaller share of the images are rare") \
    X(seesaw_p, "P", 0, 100, 0.8, "seesaw: exponent of the ratio of counts")                      \
    X(seesaw_q, "Q", 0, 100, 2, "seesaw: exponent of the ratio of probabilities")                 \
    X(seesaw_eps, "E", 1e-12, 1, 0.01, "seesaw: least probability of the label in that ratio")    \
    X(ib_alpha, "A", 1e-6, 1e9, 1000, "ib: factor on the loss")                                   \
    X(ib_eps, "E", 1e-9, 1, 0.001, "ib: added to the influence that is divided by")               \
    X(lade_alpha, "A", 0, 1000, 0.1, "lade: weight of the batch's term")                          \
    X(lade_lambda, "L", 0, 1000, 0.1, "lade: regularisation of its estimate")                     \
    X(gcl_noise, "M", 0, 10, 0.5, "gcl: largest lowering of the rarest class, in cosine")

#define BAL_LOSS_NUMBER_FIELD(name, value, least, most, standard, about) double name;
typedef struct bal_loss_settings {
    const char *name;       /* a row of bal_loss_at; default "ce" */
    int classes;            /* 2.. */
    const int64_t *counts;  /* training images per class, or NULL where the loss reads none;
                               borrowed during open */
    const double *weights;  /* class weights, >= 0, or NULL for 1; borrowed during open */
    double label_smoothing; /* 0 <= eps < 1; default 0 */
    double s; /* ldam, gcl: scale of the cosine head, > 0; default 30. The head multiplies the
                 cosines by s, so logits arrive scaled and the margin taken off is s m_y */
    const char *las_shape; /* las: "concave" (the default, also for NULL), "linear", "convex" */
    bal_reduction reduction;
    BAL_LOSS_NUMBER_LIST(BAL_LOSS_NUMBER_FIELD)
} bal_loss_settings;
BAL_API bal_loss_settings bal_loss_defaults(void);

typedef struct bal_loss bal_loss;
/* Fails with BAL_BAD_ARG: unknown name (nearest suggested), number out of range, counts missing or
 * 0 where the loss cannot have that, label smoothing where the loss takes none. The handle keeps
 * work space: one thread at a time. */
BAL_API BAL_MUST_CHECK bal_status bal_loss_open(bal_loss **out, bal_ctx *ctx,
                                                const bal_loss_settings *settings);
BAL_API void bal_loss_close(bal_loss **loss);
BAL_API const bal_loss_info *bal_loss_describe(const bal_loss *loss);

typedef struct bal_loss_batch {
    int64_t samples;
    const float *logits;         /* samples x C */
    const int32_t *labels;       /* samples, each 0..C-1; or NULL: then targets */
    const float *targets;        /* samples x C, rows sum to 1 within 1e-3; or NULL: then labels */
    const float *sample_weights; /* samples, >= 0; or NULL for 1 */
    const float *draws;          /* samples x C random numbers of info.draws' kind, for the losses
                                    that read them (bal_loss_draw); else NULL */
    const float *feature_norms;  /* samples, >= 0: sum of the absolute features of each, for the
                                    losses that read them; else NULL */
    float *feature_slopes;       /* receives samples: d value / d feature_norms; or NULL */
} bal_loss_batch;

/* value      receives the reduced loss
 * per_sample receives samples values before reduction (s_i times the sample's value), or NULL; the
 *            part of lade that belongs to the batch as a whole is in none of them
 * gradient   receives samples x C: d value / d logits, or NULL
 * Finite for any finite logits, NaN for logits that are NaN. Cost: O(C) a sample, and one power
 * more (focal) for every non-zero part of the target. Allocates nothing. Fails with BAL_BAD_ARG: no
 * samples, a label out of range, a target that is no distribution or that the loss does not take, a
 * negative sample weight or norm, draws or norms missing. */
BAL_API BAL_MUST_CHECK bal_status bal_loss_compute(const bal_loss *loss, bal_ctx *ctx,
                                                   const bal_loss_batch *batch, double *value,
                                                   double *per_sample, float *gradient);

/* What bal_loss_compute divides the sum over the samples by: sum_i s_i, or with
 * BAL_REDUCE_WEIGHTED_MEAN sum_i s_i sum_j t_ij w_j. A batch that is computed in parts has the sum
 * of the parts' values and gradients, each times its divisor, over the sum of the divisors. The
 * batch must be one that bal_loss_compute took. */
BAL_API double bal_loss_divisor(const bal_loss *loss, const bal_loss_batch *batch);

/* Takes the labels of a batch into the state of a loss that has one, once a batch and before
 * bal_loss_compute; nothing for the others. Fails as bal_loss_compute does. */
BAL_API BAL_MUST_CHECK bal_status bal_loss_observe(bal_loss *loss, bal_ctx *ctx,
                                                   const bal_loss_batch *batch);
/* The state, for a run that goes on later with the same numbers: C of them, or 0. seesaw: how often
 * each class was observed. Setting fails with BAL_BAD_ARG: another count, a negative number. */
BAL_API int bal_loss_state_count(const bal_loss *loss);
BAL_API void bal_loss_get_state(const bal_loss *loss, double *state);
BAL_API BAL_MUST_CHECK bal_status bal_loss_set_state(bal_loss *loss, bal_ctx *ctx,
                                                     const double *state, int count);

/* Where in a run a batch stands: its samples are the items first, first + 1, ... of the epoch. */
typedef struct bal_loss_place {
    uint64_t seed, epoch, first;
} bal_loss_place;
/* draws receives samples x C numbers of the kind that the loss reads, a function of (seed, epoch,
 * item, class) alone; untouched where it reads none. */
BAL_API void bal_loss_draw(const bal_loss *loss, const bal_loss_place *at, int64_t samples,
                           float *draws);

/* One sample in double, for checks: what a loss reads of it. */
typedef struct bal_loss_point {
    const double *logits, *target; /* C each; the target is a label's where only labels are taken */
    const double *draws;           /* C, or NULL where the loss reads none */
    double feature_norm;
} bal_loss_point;
/* Returns sum_j t_j w_j l_j(z), t after the smoothing of the settings, and writes its gradient (C
 * numbers, or NULL). What belongs to a batch as a whole (lade) is not in it. */
BAL_API double bal_loss_sample(const bal_loss *loss, const bal_loss_point *at, double *gradient);

#ifdef __cplusplus
}
#endif
#endif
