/* The inside of a calibration. Files:
 *   calibration.c        the handle, the table of methods, adding a step, using the chain
 *   calibration_items.c  scores of a fit as the chain leaves them, their weights and folds
 *   scaling.c            temperature and vector scaling: one convex problem
 *   prior_steps.c        logit adjustment, prior correction, EM
 *   class_offsets.c      the search for offsets; offset_steps.c cross-fitting around it
 *   calibration_json.c   to JSON and back */
#ifndef BAL_CALIBRATION_H
#define BAL_CALIBRATION_H

#include "ballast/calibrate.h"

#include "base/context.h"

#include <float.h>

#define BAL_PRIOR_TOLERANCE 1e-3

/* A step in memory: public, with arrays of its own. */
typedef struct bal_step {
    bal_calibration_step is;
    char *method;
    double *scale, *offset, *prior; /* C each; prior: NULL: not known */
} bal_step;

struct bal_calibration {
    bal_ctx *ctx;
    int classes;
    char *weights;
    double *before; /* C: the prior of the scores themselves; NULL: not known */
    bal_step *steps;
    int count, room;
    /* all steps together: z_j becomes scale_j z_j + offset_j; decision_j for the prediction */
    double *scale, *offset, *decision;
    bool decides; /* decision is not all 0 by nature: there is a step offsets */
    bool moved;   /* a step changed what the probabilities refer to */
};

/* What a step is fitted to, after the steps before it. */
typedef struct bal_fit {
    bal_ctx *ctx;
    int classes;
    int64_t items;
    double *z;             /* items x C */
    const int32_t *labels; /* borrowed; NULL: none */
    double *class_weight;  /* C: weight of each item of the class; they sum to 1 over the items */
    int64_t *support;      /* C */
    double effective;      /* items, as their weights count */
    int without;           /* classes without items */
    /* a selection of items: NULL: all */
    const int64_t *chosen;
    int64_t chosen_count;
} bal_fit;

/* Checks items and makes a fit of them. prior: weights are prior over share; NULL: equal. Close
 * with bal_fit_close, also after a failure. */
BAL_MUST_CHECK bal_status bal_fit_open(bal_fit *fit, const bal_calibration *c,
                                       const bal_calibration_items *items, bool labelled);
void bal_fit_close(bal_fit *fit);
/* z of item i of the selection, its label and weight. */
static inline int64_t bal_fit_item(const bal_fit *fit, int64_t i)
{
    return fit->chosen ? fit->chosen[i] : i;
}
static inline int64_t bal_fit_count(const bal_fit *fit)
{
    return fit->chosen ? fit->chosen_count : fit->items;
}

/* Stratified folds: fold_of receives 0..folds-1 for every item, as many of a class in each as can
 * be. */
BAL_MUST_CHECK bal_status bal_fit_folds(const bal_fit *fit, int folds, uint64_t seed, int *fold_of);

/* A step in the making. */
typedef struct bal_step_ask {
    const bal_calibration_settings *settings;
    const bal_calibration *chain;
    double *scale, *offset; /* C: 1 and 0 at the beginning */
    double *prior;          /* C: of the chain; changed where the step moves it */
    bool prior_known;
    bool moves; /* the step moved the prior */
    bal_calibration_report *report;
} bal_step_ask;

typedef struct bal_calibration_method {
    bal_calibration_info info;
    bool decision;
    bal_status (*fit)(bal_step_ask *ask);
} bal_calibration_method;

bal_status bal_fit_logit_adjustment(bal_step_ask *ask);
bal_status bal_fit_prior(bal_step_ask *ask);
bal_status bal_fit_em(bal_step_ask *ask);
bal_status bal_fit_temperature(bal_step_ask *ask);
bal_status bal_fit_vector(bal_step_ask *ask);
bal_status bal_fit_offsets(bal_step_ask *ask);

/* C numbers above 0 that sum to 1 within the tolerance, copied and made to sum to 1. what names it
 * in the message. */
BAL_MUST_CHECK bal_status bal_take_prior(bal_ctx *ctx, const char *what, int classes,
                                         const double *prior, double *out);
/* A new chain step from its parts, which are copied. */
BAL_MUST_CHECK bal_status bal_calibration_append(bal_calibration *c,
                                                 const bal_calibration_step *step);
const bal_calibration_method *bal_calibration_method_find(const char *name);
/* A float score as a logit of double; and a row of them. */
double bal_take_logit(float score, bool probability);
void bal_take_logits(const float *scores, bool probabilities, int classes, double *z);
/* One logit as the chain leaves it. */
static inline double bal_calibrated(const bal_calibration *c, int j, double z)
{
    return c->scale[j] * z + c->offset[j];
}
/* argmax_j z_j + decision_j. */
int bal_calibration_decide(const bal_calibration *c, const double *z);

/* ---- class offsets ---- */
typedef enum bal_objective {
    BAL_OBJECTIVE_RECALL,
    BAL_OBJECTIVE_F1,
    BAL_OBJECTIVE_COST
} bal_objective;
/* Sums of weights of decisions. */
typedef struct bal_decision_sums {
    double *support, *predicted, *right; /* C each */
    double cost;                         /* sum of weight times cost */
    double weight;                       /* of all items */
} bal_decision_sums;
typedef struct bal_offset_goal {
    bal_objective objective;
    int classes;
    const double *cost; /* C x C, or NULL */
} bal_offset_goal;
/* Larger is better: the objective, or minus the mean cost. */
double bal_offset_score(const bal_offset_goal *goal, const bal_decision_sums *sums);
void bal_count_decision(const bal_offset_goal *goal, bal_decision_sums *sums, int label,
                        int predicted, double weight);
/* The best offsets for the items of the fit, whose z must be log p. offsets receives C numbers.
 * Returns the number of passes over the classes in *passes. Fails with BAL_NO_MEMORY. */
BAL_MUST_CHECK bal_status bal_search_offsets(const bal_fit *fit, const bal_offset_goal *goal,
                                             double *offsets, int *passes);

#endif
