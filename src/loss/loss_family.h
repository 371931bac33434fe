/* What a family of losses is to the rest: a row of functions. One file a family. */
#ifndef BAL_LOSS_FAMILY_H
#define BAL_LOSS_FAMILY_H

#include "ballast/loss.h"

#include "base/context.h"

typedef struct bal_loss_family bal_loss_family;

struct bal_loss {
    bal_ctx *ctx;
    const bal_loss_family *family;
    int classes;
    double label_smoothing;    /* eps */
    bal_loss_settings numbers; /* the settings, without what was borrowed */
    bal_reduction reduction;
    double *memory;  /* what follows, C numbers each */
    double *weights; /* of the classes */
    double *offsets; /* the family's: log priors, margins, smoothings */
    double *factors; /* the family's: what logits are multiplied by */
    /* work space of one sample */
    double *logits, *coefficients, *gradient, *exponentials, *draws;
    double *spare; /* the family's */
    double *state; /* of a family with state; of others the family's */
};

/* One sample, as a family sees it. */
typedef struct bal_loss_item {
    const double *logits;
    double *c; /* targets after smoothing times class weights times whatever else multiplies the
                  sample; a family may change them */
    const double *draws;  /* or NULL */
    double feature_norm;  /* sum of the absolute features */
    double feature_slope; /* the family sets it: d value / d feature_norm */
} bal_loss_item;

struct bal_loss_family {
    bal_loss_info info;
    bool takes_absent; /* of those that need counts: a count of 0 has a meaning */
    /* Fills what does not change, as offsets; checks what is no number of the list. Numbers and
     * counts are checked before. NULL: nothing to do. */
    bal_status (*prepare)(bal_loss *loss, const bal_loss_settings *settings);
    /* Returns sum_j c_j l_j(z), and writes its gradient where gradient is not NULL. May use
     * loss->exponentials and loss->spare. Cost: O(C), and O(1) more per non-zero coefficient. */
    double (*sample)(const bal_loss *loss, bal_loss_item *item, double *gradient);
    /* A part of the value that belongs to the batch as a whole and is not reduced: its value,
     * before the samples are looked at, and what it adds to the finished gradient of sample i.
     * NULL: none. What gather keeps must not be what sample uses. */
    double (*gather)(const bal_loss *loss, const bal_loss_batch *batch);
    void (*add_gradient)(const bal_loss *loss, const bal_loss_batch *batch, int64_t i,
                         double *gradient);
    /* With state: takes the labels of a batch into it; computes what follows from it. */
    void (*observe)(bal_loss *loss, const bal_loss_batch *batch);
    void (*refresh)(bal_loss *loss);
};

extern const bal_loss_family bal_loss_cross_entropy;
extern const bal_loss_family bal_loss_focal;
extern const bal_loss_family bal_loss_ldam;
extern const bal_loss_family bal_loss_balanced_softmax;
extern const bal_loss_family bal_loss_logit_adjusted;
extern const bal_loss_family bal_loss_vs;
extern const bal_loss_family bal_loss_cdt;
extern const bal_loss_family bal_loss_seql;
extern const bal_loss_family bal_loss_asl;
extern const bal_loss_family bal_loss_las;
extern const bal_loss_family bal_loss_seesaw;
extern const bal_loss_family bal_loss_ib;
extern const bal_loss_family bal_loss_lade;
extern const bal_loss_family bal_loss_gcl;
extern const bal_loss_family bal_loss_sigmoid;
extern const bal_loss_family bal_loss_sigmoid_focal;

/* sum_j c_j CE_j(z + b) and its gradient, for every family that only shifts the logits; b may be
 * NULL. Uses loss->exponentials. */
double bal_loss_shifted(const bal_loss *loss, const bal_loss_item *item, const double *shift,
                        double *gradient);
/* The smallest, the largest and the sum of C counts. */
typedef struct bal_count_range {
    double least, most, total;
} bal_count_range;
bal_count_range bal_loss_count_range(const bal_loss *loss, const int64_t *counts);

#endif
