/* Class counts of a long tail, exactly as the literature makes them. */
#include "ballast/data.h"

#include "base/context.h"
#include "base/parse.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define LONGEST_NUMBER 63

typedef struct longtail {
    bool step;
    double ratio, fraction;
} longtail;

/* The number between begin and end (the text's end when NULL). */
static bool parse_part(const char *begin, const char *end, double *out)
{
    char text[LONGEST_NUMBER + 1] = "";
    const size_t length = end ? (size_t)(end - begin) : strlen(begin);
    if (length == 0 || length > LONGEST_NUMBER)
        return false;
    memcpy(text, begin, length);
    return bal_parse_real(text, out);
}

static bool parse_spec(const char *spec, longtail *out)
{
    *out = (longtail){0};
    if (strncmp(spec, "exp:", 4) == 0)
        return parse_part(spec + 4, NULL, &out->ratio) && out->ratio >= 1.0;
    if (strncmp(spec, "step:", 5) != 0)
        return false;
    const char *colon = strchr(spec + 5, ':');
    out->step = true;
    return colon && parse_part(spec + 5, colon, &out->ratio) && out->ratio >= 1.0 &&
           parse_part(colon + 1, NULL, &out->fraction) && out->fraction >= 0.0 &&
           out->fraction <= 1.0;
}

/* floor() of a number that was computed with rounding: 49.99999999999999 is 50. */
static int64_t whole_below(double x)
{
    const double nearest = round(x);
    return (int64_t)(fabs(x - nearest) <= 1e-9 * fabs(x) ? nearest : floor(x));
}

static int64_t count_of(const longtail *tail, int classes, int c, int64_t most)
{
    const double n = (double)most;
    if (!tail->step)
        return whole_below(n * pow(tail->ratio, -(double)c / (double)(classes - 1)));
    const int64_t few = whole_below((double)classes * tail->fraction);
    return c < classes - few ? most : whole_below(n / tail->ratio);
}

bal_status bal_longtail_counts(bal_ctx *ctx, const char *spec, int classes, const int64_t *counts,
                               int64_t *out)
{
    longtail tail;
    if (!parse_spec(spec, &tail))
        return bal_fail(ctx, BAL_BAD_ARG,
                        "longtail wants exp:RATIO or step:RATIO:FRACTION with RATIO at least 1 and "
                        "FRACTION from 0 to 1, got \"%s\"",
                        spec);
    if (classes < 2)
        return bal_fail(ctx, BAL_BAD_ARG, "a long tail over %d classes: at least 2 are needed",
                        classes);
    int64_t most = counts[0];
    for (int c = 1; c < classes; c++)
        most = counts[c] < most ? counts[c] : most;
    for (int c = 0; c < classes; c++) {
        out[c] = count_of(&tail, classes, c, most);
        if (out[c] < 1)
            return bal_fail(ctx, BAL_BAD_ARG,
                            "longtail %s leaves class %d without images: %" PRId64
                            " are in the smallest class",
                            spec, c, most);
    }
    return BAL_OK;
}
