/* Numbers and lists of classes in the sentences of the rules. */
#include "audit/rules/rules.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMED 4 /* classes of a list that are named */

bal_class_name bal_rule_class(const bal_verdict *v, int c)
{
    bal_class_name out;
    const char *name = bal_dataset_class_name(v->audit->data, c);
    const bool number = *name && strspn(name, "0123456789") == strlen(name);
    size_t length = strlen(name);
    if (number) { /* "0 has" would mislead */
        snprintf(out.text, sizeof out.text, "class %s", name);
        return out;
    }
    if (length >= sizeof out.text)
        length = sizeof out.text - 1;
    while (name[length] && ((unsigned char)name[length] & 0xC0) == 0x80)
        length--; /* whole UTF-8 characters */
    memcpy(out.text, name, length);
    out.text[length] = '\0';
    return out;
}

bal_digits bal_thousands(int64_t value)
{
    bal_digits out;
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRId64, value);
    const size_t length = strlen(digits);
    size_t at = 0;
    for (size_t i = 0; i < length; i++) {
        out.text[at++] = digits[i];
        if ((length - 1 - i) % 3 == 0 && i + 1 < length && digits[i] != '-')
            out.text[at++] = ',';
    }
    out.text[at] = '\0';
    return out;
}

bal_percent bal_percent_of(double share)
{
    bal_percent out;
    const double p = 100.0 * share;
    if (isnan(share))
        snprintf(out.text, sizeof out.text, "n/a");
    else if (p > 0.0 && p < 0.01)
        snprintf(out.text, sizeof out.text, "below 0.01 %%");
    else if (p > 99.99 && p < 100.0)
        snprintf(out.text, sizeof out.text, "above 99.99 %%");
    else if (p == 0.0 || p == 100.0)
        snprintf(out.text, sizeof out.text, "%.0f %%", p);
    else
        snprintf(out.text, sizeof out.text, "%.*f %%",
                 p < 1.0 || p > 99.9  ? 2
                 : p < 10.0 || p > 99 ? 1
                                      : 0,
                 p);
    return out;
}

static int rising(const void *a, const void *b)
{
    const bal_class_value *x = a, *y = b;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return x->c - y->c;
}

static int falling(const void *a, const void *b)
{
    const bal_class_value *x = a, *y = b;
    if (x->value != y->value)
        return x->value > y->value ? -1 : 1;
    return x->c - y->c;
}

bal_class_list bal_list_classes(const bal_verdict *v, bal_class_value *values, int count,
                                bool ascending, bal_class_style style)
{
    bal_class_list list = {""};
    size_t at = 0;
    qsort(values, (size_t)count, sizeof *values, ascending ? rising : falling);
    const int named = count > NAMED + 1 ? NAMED : count;
    for (int i = 0; i < named; i++) {
        const char *before = i == 0 ? "" : i == count - 1 ? " and " : ", ";
        char number[40];
        if (style == BAL_CLASS_COUNT)
            snprintf(number, sizeof number, "%s", bal_thousands((int64_t)values[i].value).text);
        else if (style == BAL_CLASS_PERCENT)
            snprintf(number, sizeof number, "%s", bal_percent_of(values[i].value).text);
        else
            snprintf(number, sizeof number, "%.2f", values[i].value);
        at += (size_t)snprintf(list.text + at, sizeof list.text - at, "%s%s (%s)", before,
                               bal_rule_class(v, values[i].c).text, number);
    }
    if (named < count)
        snprintf(list.text + at, sizeof list.text - at, " and %d more", count - named);
    return list;
}
