/* Softmax without overflow and without cancellation: the one place of the log-sum-exp. */
#ifndef BAL_SOFTMAX_H
#define BAL_SOFTMAX_H

/* With e_k = exp(z_k - z_top), top being the first of the largest:
 *   log sum_k exp(z_k) = max + log1p(rest)        p_k = e_k / (1 + rest)
 * rest leaves the top out, so that 1 - p_top = rest / (1 + rest) keeps its digits near 1. */
typedef struct bal_softmax {
    double max;  /* z_top */
    double rest; /* sum of e_k over k other than top */
    int top;
} bal_softmax;

/* z: count >= 1 numbers; e receives the e_k, and may be z itself. */
bal_softmax bal_softmax_of(const double *z, int count, double *e);
/* -log p_k of a logit: never negative, finite for finite logits. */
double bal_softmax_loss(const bal_softmax *s, double logit);
/* 1 - p_k, where e_k is e[k] */
double bal_softmax_other(const bal_softmax *s, int k, double e_k);

/* log(1 + exp(x)) and 1 / (1 + exp(-x)), for any x */
double bal_softplus(double x);
double bal_sigmoid(double x);

#endif
