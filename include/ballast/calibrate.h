/* ballast/calibrate.h: what is done to the scores of a trained model, on plain arrays.
 *
 * A calibration is a chain of steps over C classes. Nearly all of them are maps of logits,
 *     z_j becomes a_j z_j + b_j,   p = softmax(z),
 * and one, `offsets`, changes decisions alone: the prediction is argmax_j log p_j + d_j, and the
 * probabilities stay what they were. Every step is fitted to what the steps before it leave, so
 * their order has a meaning; `offsets` is the last.
 *
 * Priors. Probabilities refer to a class prior: that of the training images with plain cross
 * entropy, equal shares after a balanced softmax or with balanced draws. The chain follows it: it
 * begins with the prior that the caller states, and a step that adds b_j to the logits multiplies
 * it by exp(b_j). Steps that need it refuse to work where it is not known. Once the chain has moved
 * the prior, later fits weight the items of class j by prior_j over the class's share of them, so
 * that they are fitted to the prior that is meant and not to that of the items at hand.
 *
 *   logit-adjustment  z_j - tau log pi_j                             Menon et al. 2021
 *   prior             z_j + log q_j - log pi'_j for a stated q       Saerens et al. 2002
 *   em                the same, q estimated from unlabelled scores   Saerens et al. 2002
 *   temperature       z / T                                          Guo et al. 2017
 *   vector            a_j z_j + b_j                                  Guo et al. 2017
 *   offsets           argmax_j log p_j + d_j                         Lachiche and Flach 2003
 */
#ifndef BALLAST_CALIBRATE_H
#define BALLAST_CALIBRATE_H

#include "ballast/base.h"
#include "ballast/evaluate.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bal_calibration_info {
    const char *name, *about, *formula, *source;
    const char *settings; /* the rows of bal_calibration_options that are its own, space separated;
                             "" for none */
    bool needs_labels;    /* is fitted to labelled items */
    bool needs_prior;     /* wants to know which prior the scores refer to */
} bal_calibration_info;
/* Row i of the list of methods, NULL at the end. */
BAL_API const bal_calibration_info *bal_calibration_at(int i);

/* Items that a step is fitted to; all arrays are borrowed during the call. */
typedef struct bal_calibration_items {
    int64_t items;
    const float *scores;           /* items x classes */
    bool scores_are_probabilities; /* then z = log p, p at least 2.2e-16; else logits */
    const int32_t *labels;         /* items, or NULL where no step needs them */
} bal_calibration_items;

typedef struct bal_calibration_settings {
    const char *method;
    double tau;            /* logit-adjustment: finite; default 1 */
    double ridge;          /* vector: 1e-6 and above, default 0.1; see below */
    const char *objective; /* offsets: "balanced_accuracy" (default), "macro_f1" or "cost" */
    int folds;             /* of the cross-fitting, 2..100; default 5 */
    uint64_t seed;         /* of the folds; default 1 */
    bool always;           /* keep a step that the cross-fitting says does not help */

    const bal_calibration_items *fit;    /* labelled, usually the validation split */
    const bal_calibration_items *target; /* em: items of the prior that is to be estimated */
    const int64_t *train_counts;         /* logit-adjustment: C, each at least 1 */
    const double *target_prior;          /* prior: C, above 0, sum 1 within 1e-3 */
    const double *cost;                  /* offsets for "cost": C x C, cost[true][predicted] */
} bal_calibration_settings;
BAL_API bal_calibration_settings bal_calibration_defaults(void);
/* Rows for tau, ridge, objective, folds and always, ended by a NULL name. */
BAL_API const bal_option *bal_calibration_options(void);

/* What a fit says of itself. The measure is the mean -log p_y of the items for temperature and
 * vector, the objective for offsets, and the mean log-likelihood of the target items for em. NaN:
 * there is none. The cross-fitted value is honest: every item is judged by a fit to the other
 * folds. */
typedef struct bal_calibration_report {
    const char *method;     /* a row of bal_calibration_at */
    int64_t items;          /* fitted to */
    double effective_items; /* (sum w)^2 / sum w^2 of their weights */
    int classes_without;    /* classes that have none of them */
    const char *measure;    /* "nll", a key of BAL_METRIC_LIST, "cost", "log_likelihood", or "" */
    bool larger_is_better;
    double before, after; /* on the items of the fit */
    double crossed;       /* cross-fitted */
    bal_interval gain;    /* offsets: 95 % interval of crossed - before (stratified bootstrap) */
    int iterations;
    bool helps; /* crossed is better than before (offsets: all of gain is), or there is nothing to
                   cross-fit */
    bool added; /* the step is part of the chain now: it helps, or `always` was asked for */
} bal_calibration_report;

typedef struct bal_calibration_step {
    const char *method;   /* a row of bal_calibration_at */
    const double *scale;  /* C: a_j */
    const double *offset; /* C: b_j, or d_j for offsets */
    bool decision;        /* offset is added to log p for the prediction alone */
    const double *prior;  /* C: that the probabilities refer to after the step; NULL: not known */
    bal_calibration_report report;
} bal_calibration_step;

/* An empty chain. train_prior: C numbers above 0 that sum to 1 within 1e-3, the prior that the
 * scores refer to; or NULL where it is not known. Fails with BAL_BAD_ARG. */
BAL_API BAL_MUST_CHECK bal_status bal_calibration_open(bal_calibration **out, bal_ctx *ctx,
                                                       int classes, const double *train_prior);
BAL_API void bal_calibration_close(bal_calibration **calibration);

/* Fits a step and adds it to the chain, unless it does not help (report->added).
 *
 * temperature minimises the mean of -log softmax(z / T)_y: the minimum is unique. Where every item
 * is right the likelihood grows without end, and where the scores say nothing T would be infinite:
 * both are BAL_BAD_DATA.
 * vector minimises the mean of -log softmax(a z + b)_y + ridge / (2 n) sum_j ((a_j - 1)^2 + b_j^2),
 * n the effective number of items: ridge is the weight of one item against the wish to leave the
 * logits alone, and keeps the minimum finite for classes that have no items or can be separated.
 * Both by a Newton method in double that goes on until the step is below 1e-10.
 * em iterates q_j <- mean_i q_j/pi_j p_ij / sum_k q_k/pi_k p_ik until no class can raise the
 * mean log-likelihood by more than 1e-7 (a bound that the concave likelihood gives), at most 20,000
 * times. Shares below 1e-9 are kept at that.
 * offsets: coordinate ascent, one class at a time to the best of all values that make a difference,
 * from several starts. That is a local optimum. Gains and whether they are kept are judged by
 * cross-fitting over stratified folds.
 *
 * Fails with BAL_BAD_ARG (a setting; an array that is missing), BAL_BAD_DATA (a score that is NaN
 * or infinite: row and column named; data that no step fits), BAL_MISMATCH (a method that needs a
 * prior without one, a step after offsets). The chain is then as it was. */
BAL_API BAL_MUST_CHECK bal_status bal_calibration_add(bal_calibration *calibration,
                                                      const bal_calibration_settings *settings,
                                                      bal_calibration_report *report);

/* Adds several, "prior,temperature" (blanks are allowed), in that order, each with the same
 * settings but for the method. reports has room for BAL_CALIBRATION_MOST; *count receives how many
 * were written. Fails as bal_calibration_add, and with BAL_BAD_ARG for an empty or too long list;
 * the chain then holds the steps before the one that failed. */
#define BAL_CALIBRATION_MOST 16
BAL_API BAL_MUST_CHECK bal_status bal_calibration_add_list(bal_calibration *calibration,
                                                           const bal_calibration_settings *settings,
                                                           const char *methods,
                                                           bal_calibration_report *reports,
                                                           int *count);

/* The prior that scores refer to, by what they say of labelled items: with softmax(z + b) fitted to
 * them (the ridge of vector on b alone), share_j exp(-b_j), normalised. For models whose training
 * leaves no prior that can be computed. prior receives C numbers. Fails as bal_calibration_add. */
BAL_API BAL_MUST_CHECK bal_status bal_calibration_fitted_prior(bal_ctx *ctx, int classes,
                                                               const bal_calibration_items *items,
                                                               double ridge, double *prior);

BAL_API int bal_calibration_classes(const bal_calibration *calibration);
BAL_API int bal_calibration_steps(const bal_calibration *calibration);
/* Step i, borrowed until the chain changes; NULL at the end. */
BAL_API const bal_calibration_step *bal_calibration_step_at(const bal_calibration *calibration,
                                                            int i);
/* The prior that the probabilities refer to now, C numbers; NULL: not known. Before: before the
 * first step. */
BAL_API const double *bal_calibration_prior(const bal_calibration *calibration);
BAL_API const double *bal_calibration_prior_before(const bal_calibration *calibration);

/* One row of C logits: probabilities receives C numbers (or is NULL), and the predicted class is
 * returned (of equal ones the lowest). calibration may be NULL: plain softmax. logits must be
 * finite. Allocates nothing where probabilities is given. */
BAL_API int bal_calibration_predict(const bal_calibration *calibration, int classes,
                                    const float *logits, double *probabilities);

/* The chain as JSON text, new, release with bal_release; and back. Reading is strict: BAL_BAD_FILE
 * names `where` and what is wrong, another version too. */
BAL_API BAL_MUST_CHECK bal_status bal_calibration_json(const bal_calibration *calibration,
                                                       bal_ctx *ctx, char **text);
BAL_API BAL_MUST_CHECK bal_status bal_calibration_parse(bal_calibration **out, bal_ctx *ctx,
                                                        const char *where, const char *text,
                                                        size_t length);
/* The same as a file, which appears whole or not at all. */
BAL_API BAL_MUST_CHECK bal_status bal_calibration_write(const bal_calibration *calibration,
                                                        bal_ctx *ctx, const char *path);
BAL_API BAL_MUST_CHECK bal_status bal_calibration_read(bal_calibration **out, bal_ctx *ctx,
                                                       const char *path);
/* Which weights the chain was fitted to, for instance "best.safetensors sha256:..."; "" without. */
BAL_API const char *bal_calibration_weights(const bal_calibration *calibration);
BAL_API BAL_MUST_CHECK bal_status bal_calibration_set_weights(bal_calibration *calibration,
                                                              const char *weights);

#ifdef __cplusplus
}
#endif
#endif
