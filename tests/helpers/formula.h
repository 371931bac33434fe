/* Numbers that are a function of a name and a place: weights and images that golden scripts make by
 * the same formula (`units` in tests/golden/make_net_golden.py), so that files hold results alone.
 */
#ifndef BAL_TEST_FORMULA_H
#define BAL_TEST_FORMULA_H

#include <stdint.h>

typedef struct formula {
    uint32_t hash;
} formula;

formula formula_of(const char *name);
/* Number i, in [-1, 1). */
double unit_at(formula f, int64_t i);

#endif
