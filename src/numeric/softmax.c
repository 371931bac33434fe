/* See softmax.h. */
#include "numeric/softmax.h"

#include <math.h>

bal_softmax bal_softmax_of(const double *z, int count, double *e)
{
    bal_softmax s = {z[0], 0.0, 0};
    for (int k = 1; k < count; k++)
        if (z[k] > s.max) {
            s.max = z[k];
            s.top = k;
        }
    for (int k = 0; k < count; k++)
        e[k] = exp(z[k] - s.max);
    for (int k = 0; k < s.top; k++)
        s.rest += e[k];
    for (int k = s.top + 1; k < count; k++)
        s.rest += e[k];
    return s;
}

double bal_softmax_loss(const bal_softmax *s, double logit)
{
    return (s->max - logit) + log1p(s->rest);
}

double bal_softmax_other(const bal_softmax *s, int k, double e_k)
{
    return k == s->top ? s->rest / (1.0 + s->rest) : (1.0 + (s->rest - e_k)) / (1.0 + s->rest);
}

double bal_softplus(double x)
{
    return x > 0.0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

double bal_sigmoid(double x)
{
    return x >= 0.0 ? 1.0 / (1.0 + exp(-x)) : exp(x) / (1.0 + exp(x));
}
