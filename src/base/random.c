/* Counter-based random numbers: splitmix64's finaliser over a key and a counter (Steele et al.
 * 2014). */
#include "base/random.h"

#include <math.h>

static uint64_t mix64(uint64_t z)
{
    z += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

bal_random bal_random_at(uint64_t seed, bal_stream purpose, uint64_t epoch, uint64_t item)
{
    const uint64_t key = mix64(mix64(mix64(mix64(seed) ^ (uint64_t)purpose) ^ epoch) ^ item);
    return (bal_random){key, 0};
}

uint64_t bal_random_u64(bal_random *r)
{
    return mix64(r->key + 0x9e3779b97f4a7c15u * ++r->counter);
}

double bal_random_unit(bal_random *r)
{
    return (double)(bal_random_u64(r) >> 11) * 0x1.0p-53;
}

uint64_t bal_random_below(bal_random *r, uint64_t bound)
{
    const uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
    uint64_t draw;
    do
        draw = bal_random_u64(r);
    while (draw >= limit);
    return draw % bound;
}

double bal_random_normal(bal_random *r)
{
    const double two_pi = 6.283185307179586476925;
    const double u = 1.0 - bal_random_unit(r); /* in (0, 1] */
    const double v = bal_random_unit(r);
    return sqrt(-2.0 * log(u)) * cos(two_pi * v);
}

void bal_random_shuffle(bal_random *r, int64_t *items, int64_t count)
{
    for (int64_t i = count - 1; i > 0; i--) {
        const int64_t j = (int64_t)bal_random_below(r, (uint64_t)i + 1);
        const int64_t held = items[i];
        items[i] = items[j];
        items[j] = held;
    }
}
