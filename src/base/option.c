/* Options: strict parsing of one value, and the nearest name for "did you mean". */
#include "ballast/base.h"

#include "base/context.h"
#include "base/parse.h"

#include <limits.h>
#include <string.h>

static bool parse_flag(const char *text, bool *out)
{
    static const char *const yes[] = {"true", "yes", "on", "1"};
    static const char *const no[] = {"false", "no", "off", "0"};
    for (size_t i = 0; i < BAL_COUNT_OF(yes); i++) {
        if (strcmp(text, yes[i]) == 0 || strcmp(text, no[i]) == 0) {
            *out = strcmp(text, yes[i]) == 0;
            return true;
        }
    }
    return false;
}

/* The constant text of the choice itself is not terminated inside "a|b|c", so the caller's text is
 * what is stored. */
static bool is_choice(const char *choices, const char *text)
{
    const size_t length = strlen(text);
    for (const char *at = choices; at;) {
        const char *bar = strchr(at, '|');
        const size_t size = bar ? (size_t)(bar - at) : strlen(at);
        if (size == length && memcmp(at, text, size) == 0)
            return true;
        at = bar ? bar + 1 : NULL;
    }
    return false;
}

static bal_status refuse(bal_ctx *ctx, const bal_option *row, const char *prefix, const char *text)
{
    switch (row->kind) {
    case BAL_OPTION_INT:
        return bal_fail(ctx, BAL_BAD_ARG, "%s%s wants a whole number from %.0f to %.0f, got \"%s\"",
                        prefix, row->name, row->min, row->max, text);
    case BAL_OPTION_SEED:
        return bal_fail(ctx, BAL_BAD_ARG,
                        "%s%s wants a whole number from 0 to 18446744073709551615, got \"%s\"",
                        prefix, row->name, text);
    case BAL_OPTION_REAL:
        return bal_fail(ctx, BAL_BAD_ARG, "%s%s wants a number from %g to %g, got \"%s\"", prefix,
                        row->name, row->min, row->max, text);
    case BAL_OPTION_FLAG:
        return bal_fail(ctx, BAL_BAD_ARG, "%s%s wants true or false, got \"%s\"", prefix, row->name,
                        text);
    case BAL_OPTION_CHOICE:
        return bal_fail(ctx, BAL_BAD_ARG, "%s%s wants one of %s, got \"%s\"", prefix, row->name,
                        row->choices, text);
    case BAL_OPTION_TEXT:
        break;
    }
    return bal_fail(ctx, BAL_BAD_ARG, "%s%s wants a text that is not empty", prefix, row->name);
}

bal_status bal_option_set(bal_ctx *ctx, const bal_option *row, void *settings, const char *prefix,
                          const char *text)
{
    void *field = (char *)settings + row->offset;
    switch (row->kind) {
    case BAL_OPTION_FLAG:
        if (!parse_flag(text, field))
            return refuse(ctx, row, prefix, text);
        return BAL_OK;
    case BAL_OPTION_INT: {
        long long value;
        if (!bal_parse_whole(text, &value) || value < INT_MIN || value > INT_MAX ||
            (double)value < row->min || (double)value > row->max)
            return refuse(ctx, row, prefix, text);
        *(int *)field = (int)value;
        return BAL_OK;
    }
    case BAL_OPTION_SEED: {
        uint64_t value;
        if (!bal_parse_seed(text, &value))
            return refuse(ctx, row, prefix, text);
        *(uint64_t *)field = value;
        return BAL_OK;
    }
    case BAL_OPTION_REAL: {
        double value;
        if (!bal_parse_real(text, &value) || value < row->min || value > row->max)
            return refuse(ctx, row, prefix, text);
        *(double *)field = value;
        return BAL_OK;
    }
    case BAL_OPTION_CHOICE:
        if (!is_choice(row->choices, text))
            return refuse(ctx, row, prefix, text);
        *(const char **)field = text;
        return BAL_OK;
    case BAL_OPTION_TEXT:
        if (!*text)
            return refuse(ctx, row, prefix, text);
        *(const char **)field = text;
        return BAL_OK;
    }
    return bal_fail(ctx, BAL_BAD_ARG, "option %s has an unknown kind", row->name);
}

#define LONGEST_NAME 63

static int least(int a, int b, int c)
{
    const int ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Levenshtein distance, with neighbours swapped counted as one step (optimal string alignment). */
static int distance(const char *a, size_t la, const char *b, size_t lb)
{
    int rows[3][LONGEST_NAME + 1];
    int *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= lb; j++)
        above[j] = (int)j;
    for (size_t i = 1; i <= la; i++) {
        row[0] = (int)i;
        for (size_t j = 1; j <= lb; j++) {
            const int change = a[i - 1] != b[j - 1];
            row[j] = least(above[j] + 1, row[j - 1] + 1, above[j - 1] + change);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < row[j])
                row[j] = before[j - 2] + 1;
        }
        int *free_row = before;
        before = above;
        above = row;
        row = free_row;
    }
    return above[lb];
}

const char *bal_nearest_name(const char *word, const char *(*name_at)(const void *user, int i),
                             const void *user)
{
    const size_t length = strlen(word);
    const char *best = NULL;
    int best_distance = INT_MAX;
    if (length == 0 || length > LONGEST_NAME)
        return NULL;
    const char *name;
    for (int i = 0; (name = name_at(user, i)); i++) {
        const size_t size = strlen(name);
        if (size > LONGEST_NAME)
            continue;
        const int d = distance(word, length, name, size);
        if (d < best_distance) {
            best_distance = d;
            best = name;
        }
    }
    /* a third of the letters may be wrong, at least one, at most three */
    const int most = length < 6 ? 1 + (length > 3) : 3;
    return best_distance <= most && (size_t)best_distance < length ? best : NULL;
}
