/* Far from the others, whatever a few of the others are. */
#ifndef BAL_ROBUST_H
#define BAL_ROBUST_H

#include <stdint.h>

/* So many robust deviations from the median are far: of a normal sample one value in 10^9 or so;
 * real classes have longer tails, and docs/methods/audit.md shows what is left of them. */
#define BAL_ROBUST_FAR 6.0

/* The median of count >= 1 values and 1.4826 times the median absolute deviation from it, which for
 * a normal sample is its standard deviation. The values are overwritten. */
void bal_robust_centre(double *values, int64_t count, double *median, double *spread);

#endif
