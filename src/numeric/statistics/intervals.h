/* Intervals of a share, and the beta distribution that the exact one comes from. */
#ifndef BAL_INTERVALS_H
#define BAL_INTERVALS_H

/* The regularised incomplete beta function I_x(a, b): P(X <= x) for X ~ Beta(a, b). a, b > 0; 0 for
 * x <= 0 and 1 for x >= 1; NaN where an argument is NaN, or a or b is not positive and finite. */
double bal_beta_cdf(double x, double a, double b);
/* x with bal_beta_cdf(x, a, b) = p, for 0 <= p <= 1; NaN outside. */
double bal_beta_quantile(double p, double a, double b);

/* Intervals of the chance behind right out of count, 0 <= right <= count, at a confidence between 0
 * and 1, two-sided. 0 out of 0: 0..1. NaN for arguments outside.
 *
 * The exact one (Clopper and Pearson 1934) covers the truth at least as often as it says; Wilson's
 * (1927) about as often, and is narrower. 8 of 9 at 0.95: 0.5175..0.9972, and 0.5650..0.9801. */
void bal_clopper_pearson_interval(double right, double count, double confidence, double *low,
                                  double *high);
void bal_wilson_interval(double right, double count, double confidence, double *low, double *high);

#endif
