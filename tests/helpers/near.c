/* See near.h. */
#include "helpers/near.h"

#include "helpers/helpers.h"

#include <math.h>

void test_near(const char *what, double want, double got, double tolerance)
{
    if (isnan(want) ? isnan(got) : want == got || fabs(want - got) <= tolerance)
        return;
    fail_msg("%s: want %.17g got %.17g, off by %.3g, more than %.3g", what, want, got,
             fabs(want - got), tolerance);
}
