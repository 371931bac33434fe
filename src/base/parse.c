/* Strict parsing of numbers; see parse.h. */
#include "base/parse.h"

#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A number as it may be typed: strtod and strtoll would also take leading blanks. */
static bool starts_like_number(const char *text)
{
    if (*text == '+' || *text == '-')
        text++;
    return isdigit((unsigned char)*text) || *text == '.';
}

bool bal_parse_whole(const char *text, long long *out)
{
    char *end;
    errno = 0;
    *out = strtoll(text, &end, 10);
    return starts_like_number(text) && end != text && *end == '\0' && errno == 0;
}

bool bal_parse_seed(const char *text, uint64_t *out)
{
    char *end;
    errno = 0;
    const unsigned long long value = strtoull(text, &end, 10);
    *out = value;
    return isdigit((unsigned char)*text) && *end == '\0' && errno == 0;
}

/* The C locale's decimal point, whatever the program's locale is; no hexadecimal, no "inf". */
bool bal_parse_real(const char *text, double *out)
{
    if (!starts_like_number(text) || strpbrk(text, "xX"))
        return false;
    const locale_t plain = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    if (!plain)
        return false;
    const locale_t before = uselocale(plain);
    char *end;
    errno = 0;
    *out = strtod(text, &end);
    const bool in_range = errno != ERANGE || fabs(*out) < 1.0; /* tiny numbers may round */
    uselocale(before);
    freelocale(plain);
    return end != text && *end == '\0' && in_range && isfinite(*out);
}
