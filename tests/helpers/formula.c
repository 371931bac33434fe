/* See formula.h. */
#include "helpers/formula.h"

formula formula_of(const char *name)
{
    formula f = {2166136261u};
    for (; *name; name++)
        f.hash = (f.hash ^ (uint32_t)(unsigned char)*name) * 16777619u;
    return f;
}

double unit_at(formula f, int64_t i)
{
    uint32_t x = (uint32_t)i * 7919u + f.hash;
    x = (x ^ x >> 16) * 0x45d9f3bu;
    x = (x ^ x >> 16) * 0x45d9f3bu;
    x ^= x >> 16;
    return (double)x / 0x1p31 - 1.0;
}
