/* The normal distribution. */
#ifndef BAL_NORMAL_H
#define BAL_NORMAL_H

/* z with P(Z <= z) = p for a standard normal Z; infinite at 0 and 1, NaN outside. */
double bal_normal_quantile(double p);

#endif
