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
    double *weights;        /* C class weights */
    double *offsets;        /* C numbers of the family: log priors or margins; NULL: none */
    double label_smoothing; /* eps */
    double gamma;
    bal_reduction reduction;
    /* Work space, C numbers each: one sample's logits, coefficients, gradient, exponentials. */
    double *logits, *coefficients, *gradient, *exponentials;
};

struct bal_loss_family {
    bal_loss_info info;
    /* Checks the settings of its own and fills offsets or gamma; NULL: nothing to do. counts are
     * checked before (all at least 1) where the family needs them. */
    bal_status (*prepare)(bal_loss *loss, const bal_loss_settings *settings);
    /* Returns sum_j c_j l_j(z), and writes its gradient where gradient is not NULL. c is
     * loss->coefficients: targets after smoothing times class weights times whatever else
     * multiplies the sample. May use loss->exponentials. Cost: O(C), and O(1) more per non-zero
     * coefficient. */
    double (*sample)(const bal_loss *loss, const double *logits, double *gradient);
};

extern const bal_loss_family bal_loss_cross_entropy;
extern const bal_loss_family bal_loss_focal;
extern const bal_loss_family bal_loss_ldam;
extern const bal_loss_family bal_loss_balanced_softmax;
extern const bal_loss_family bal_loss_logit_adjusted;

/* sum_j c_j CE_j(z + b) and its gradient, for every family that only shifts the logits; b may be
 * NULL. */
double bal_loss_shifted(const bal_loss *loss, const double *logits, const double *shift,
                        double *gradient);

#endif
