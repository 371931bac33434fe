/* The normal distribution, and what follows from it for a share. */
#ifndef BAL_NORMAL_H
#define BAL_NORMAL_H

/* z with P(Z <= z) = p for a standard normal Z; infinite at 0 and 1, NaN outside. */
double bal_normal_quantile(double p);
/* Interval of a share of right among count items at a confidence, 0 < confidence < 1 (Wilson 1927);
 * NaN for count 0. */
void bal_wilson_interval(double right, double count, double confidence, double *low, double *high);

#endif
