/* See intervals.h. */
#include "numeric/statistics/intervals.h"

#include "numeric/statistics/normal.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>

#define MOST_STEPS 100000

/* log(Gamma(z + 1)) less Stirling's formula for it, z > 0. */
static double stirling_error(double z)
{
    int sign; /* lgamma would leave it in a global variable, where threads meet */
    if (z < 16.0)
        return lgamma_r(z + 1.0, &sign) - (z + 0.5) * log(z) + z -
               0.918938533204672741780; /* ln(2 pi) / 2 */
    const double s = 1.0 / (z * z);
    return (1.0 / 12 - (1.0 / 360 - (1.0 / 1260 - (1.0 / 1680 - 1.0 / 1188 * s) * s) * s) * s) / z;
}

/* x log(x / m) + m - x without cancellation where x is near m (Loader 2000). */
static double deviance(double x, double m)
{
    const double v = (x - m) / (x + m);
    if (fabs(v) > 0.1)
        return x * log(x / m) + m - x;
    double sum = (x - m) * v, term = 2.0 * x * v;
    for (int j = 1; j < 100; j++) {
        term *= v * v;
        const double next = sum + term / (2 * j + 1);
        if (next == sum)
            break;
        sum = next;
    }
    return sum;
}

/* x^a y^b / B(a, b) for y = 1 - x, by Loader's form of the binomial distribution: logarithms of the
 * gamma function would lose as many digits as a and b have. */
static double power_over_beta(double x, double y, double a, double b)
{
    const double n = a + b;
    const double apart = deviance(a, n * x) + deviance(b, n * y);
    const double stirling = stirling_error(n) - stirling_error(a) - stirling_error(b);
    return sqrt(a / n * b * 0.15915494309189533577) * exp(stirling - apart); /* 1/(2 pi) */
}

static double not_zero(double v)
{
    return fabs(v) < DBL_MIN ? DBL_MIN : v;
}

/* The continued fraction of DLMF 8.17.22, by Lentz's method; converges fast for
 * x < (a + 1) / (a + b + 2). */
static double fraction(double x, double a, double b)
{
    double c = 1.0, d = 1.0 / not_zero(1.0 - (a + b) * x / (a + 1.0)), value = d;
    for (int m = 1; m < MOST_STEPS; m++) {
        const double even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / not_zero(1.0 + even * d);
        c = not_zero(1.0 + even / c);
        value *= d * c;
        const double odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / not_zero(1.0 + odd * d);
        c = not_zero(1.0 + odd / c);
        value *= d * c;
        if (fabs(d * c - 1.0) < DBL_EPSILON)
            break;
    }
    return value;
}

static bool is_beta(double a, double b)
{
    return a > 0.0 && b > 0.0 && isfinite(a) && isfinite(b);
}

double bal_beta_cdf(double x, double a, double b)
{
    if (isnan(x) || !is_beta(a, b))
        return NAN;
    if (x <= 0.0 || x >= 1.0)
        return x >= 1.0;
    const double y = 1.0 - x, power = power_over_beta(x, y, a, b);
    if (x < (a + 1.0) / (a + b + 2.0))
        return fmin(1.0, power * fraction(x, a, b) / a);
    return fmax(0.0, 1.0 - power * fraction(y, b, a) / b);
}

/* Newton's steps inside a bracket that each value makes smaller; where a step leaves it, or the
 * bracket spans decades, the bracket is halved instead. */
double bal_beta_quantile(double p, double a, double b)
{
    if (!(p >= 0.0 && p <= 1.0) || !is_beta(a, b))
        return NAN;
    if (p == 0.0 || p == 1.0)
        return p;
    double low = 0.0, high = 1.0, x = a / (a + b);
    for (int i = 0; i < 2000; i++) {
        const double above = bal_beta_cdf(x, a, b) - p;
        if (above > 0.0)
            high = x;
        else
            low = x;
        const double density = power_over_beta(x, 1.0 - x, a, b) / (x * (1.0 - x));
        double next = x - above / density;
        if (!(next > low && next < high)) {
            if (above == 0.0)
                return x;
            next = high > 4.0 * low ? sqrt(fmax(low, DBL_MIN)) * sqrt(high) : 0.5 * (low + high);
        }
        if (next == x || !(next > low && next < high) || fabs(next - x) <= 0.5 * DBL_EPSILON * x)
            return next > 0.0 && next < 1.0 ? next : x;
        x = next;
    }
    return x;
}

/* Whether there is something to compute; the answer to 0 out of 0 and to bad arguments if not. */
static bool is_share(double right, double count, double confidence, double *low, double *high)
{
    *low = *high = NAN;
    if (!(confidence > 0.0 && confidence < 1.0) || !(right >= 0.0 && right <= count) ||
        !isfinite(count))
        return false;
    if (count > 0.0)
        return true;
    *low = 0.0;
    *high = 1.0;
    return false;
}

void bal_clopper_pearson_interval(double right, double count, double confidence, double *low,
                                  double *high)
{
    if (!is_share(right, count, confidence, low, high))
        return;
    const double tail = 0.5 * (1.0 - confidence), wrong = count - right;
    *low = right > 0.0 ? bal_beta_quantile(tail, right, wrong + 1.0) : 0.0;
    *high = wrong > 0.0 ? 1.0 - bal_beta_quantile(tail, wrong, right + 1.0) : 1.0;
}

void bal_wilson_interval(double right, double count, double confidence, double *low, double *high)
{
    if (!is_share(right, count, confidence, low, high))
        return;
    const double z = bal_normal_quantile(0.5 + 0.5 * confidence), zz = z * z / count;
    const double share = right / count;
    const double middle = (share + 0.5 * zz) / (1.0 + zz);
    const double half = z / (1.0 + zz) * sqrt(share * (1.0 - share) / count + 0.25 * zz / count);
    *low = right > 0.0 ? fmax(0.0, middle - half) : 0.0;
    *high = right < count ? fmin(1.0, middle + half) : 1.0;
}
