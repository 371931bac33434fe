/* See normal.h. */
#include "numeric/statistics/normal.h"

#include <math.h>

/* Halley's steps on erfc, which libm has to full precision in the tail, from a start that is good
 * to three digits (Abramowitz and Stegun 26.2.23). */
double bal_normal_quantile(double p)
{
    if (!(p > 0.0 && p < 1.0))
        return p == 0.0 ? -INFINITY : p == 1.0 ? INFINITY : NAN;
    const double tail = p < 0.5 ? p : 1.0 - p; /* work in the lower tail, z <= 0 */
    const double t = sqrt(-2.0 * log(tail));
    double z = (2.515517 + t * (0.802853 + t * 0.010328)) /
                   (1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308))) -
               t;
    for (int i = 0; i < 3; i++) {
        const double density = 0.39894228040143267794 * exp(-0.5 * z * z);
        const double step = (0.5 * erfc(-z * 0.70710678118654752440) - tail) / density;
        z -= step / (1.0 + 0.5 * z * step);
    }
    return p < 0.5 ? z : -z;
}
