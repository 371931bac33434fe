/* The strategy: a text and the classes give what is asked of each class. The rules are those of
 * imbalanced-learn 0.10 (check_sampling_strategy). */
#include "balance/resample/resampling.h"

#include "base/parse.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

typedef struct strategy {
    bal_ctx *ctx;
    const char *text;
    bal_resample_kind kind;
    const bal_class_rows *classes;
    bal_resample_target *target;
} strategy;

static const char *const words[] = {"auto",         "minority", "not minority",
                                    "not majority", "all",      "majority"};

static int64_t rows_in(const strategy *s, int c)
{
    return bal_class_rows_in(s->classes, c);
}

static void choose(const strategy *s, int c)
{
    const int64_t most = rows_in(s, s->classes->majority);
    const int64_t fewest = rows_in(s, s->classes->minority);
    const bool over = s->kind == BAL_RESAMPLE_OVER;
    s->target[c] = (bal_resample_target){true, over ? most - rows_in(s, c) : fewest};
}

/* "not-minority" and "not_minority" are "not minority". */
static int word_number(const char *text)
{
    char plain[16];
    if (strlen(text) >= sizeof plain)
        return -1;
    strcpy(plain, text);
    for (char *at = plain; *at; at++)
        if (*at == '-' || *at == '_')
            *at = ' ';
    for (size_t i = 0; i < BAL_COUNT_OF(words); i++)
        if (strcmp(plain, words[i]) == 0)
            return (int)i;
    return -1;
}

static bal_status read_word(const strategy *s, const char *word)
{
    const bool over = s->kind == BAL_RESAMPLE_OVER;
    if (strcmp(word, "auto") == 0)
        word = over ? "not majority" : "not minority";
    if (strcmp(word, over ? "majority" : "minority") == 0)
        return bal_fail(s->ctx, BAL_BAD_ARG, "strategy \"%s\" does not go with %s", s->text,
                        over ? "over-sampling" : "under-sampling");
    for (int c = 0; c < s->classes->count; c++) {
        const bool most = c == s->classes->majority, fewest = c == s->classes->minority;
        if (strcmp(word, "all") == 0 || (strcmp(word, "minority") == 0 && fewest) ||
            (strcmp(word, "majority") == 0 && most) ||
            (strcmp(word, "not minority") == 0 && !fewest) ||
            (strcmp(word, "not majority") == 0 && !most))
            choose(s, c);
    }
    return BAL_OK;
}

static bal_status read_ratio(const strategy *s, double ratio)
{
    if (s->kind == BAL_RESAMPLE_CLEAN)
        return bal_fail(s->ctx, BAL_BAD_ARG,
                        "strategy \"%s\": a method that cleans has no ratio; give \"all\" or a "
                        "list of classes",
                        s->text);
    if (!(ratio > 0.0 && ratio <= 1.0))
        return bal_fail(s->ctx, BAL_BAD_ARG, "strategy \"%s\": a ratio is above 0 and at most 1",
                        s->text);
    if (s->classes->count != 2)
        return bal_fail(s->ctx, BAL_BAD_ARG,
                        "strategy \"%s\": a ratio wants two classes, there are %d; give counts "
                        "(0:500,3:700)",
                        s->text, s->classes->count);
    const bool over = s->kind == BAL_RESAMPLE_OVER;
    const int fixed = over ? s->classes->majority : s->classes->minority, c = 1 - fixed;
    const int64_t have = rows_in(s, c);
    const double other = (double)rows_in(s, fixed);
    /* at most the majority's rows in one case; the quotient may be huge in the other */
    const double wanted = over ? other * ratio - (double)have : other / ratio;
    if (over ? wanted < 1.0 : wanted >= (double)have + 1.0)
        return bal_fail(s->ctx, BAL_BAD_ARG,
                        "strategy \"%s\": class %d has %lld rows already, %.0f is asked for; %s",
                        s->text, (int)s->classes->labels[c], (long long)have,
                        over ? other * ratio : wanted,
                        over ? "over-sampling only adds" : "under-sampling only removes");
    s->target[c] = (bal_resample_target){true, (int64_t)wanted};
    return BAL_OK;
}

/* ---- counts and lists ---- */

static bal_status find_class(const strategy *s, const char *label, int *out)
{
    long long number;
    if (!bal_parse_whole(label, &number))
        return bal_fail(s->ctx, BAL_BAD_ARG, "strategy \"%s\": \"%s\" is no label", s->text, label);
    for (int c = 0; c < s->classes->count; c++) {
        if (s->classes->labels[c] != number)
            continue;
        if (s->target[c].chosen)
            return bal_fail(s->ctx, BAL_BAD_ARG, "strategy \"%s\": class %lld stands there twice",
                            s->text, number);
        *out = c;
        return BAL_OK;
    }
    return bal_fail(s->ctx, BAL_BAD_ARG, "strategy \"%s\": there are no rows of class %lld",
                    s->text, number);
}

static bal_status set_count(const strategy *s, const char *label, long long count)
{
    int c;
    BAL_TRY(find_class(s, label, &c));
    if (s->kind == BAL_RESAMPLE_CLEAN)
        return bal_fail(s->ctx, BAL_BAD_ARG,
                        "strategy \"%s\": a method that cleans has no counts; give \"all\" or a "
                        "list of classes",
                        s->text);
    const bool over = s->kind == BAL_RESAMPLE_OVER;
    const int64_t have = rows_in(s, c), most = rows_in(s, s->classes->majority);
    if (count < 0)
        return bal_fail(s->ctx, BAL_BAD_ARG, "strategy \"%s\": class %s wants %lld rows", s->text,
                        label, count);
    if (over ? count < have : count > have)
        return bal_fail(s->ctx, BAL_BAD_ARG,
                        "strategy \"%s\": class %s has %lld rows and %lld are asked for; %s",
                        s->text, label, (long long)have, count,
                        over ? "over-sampling only adds" : "under-sampling only removes");
    if (over && count > most)
        bal_log(s->ctx, BAL_LOG_WARN,
                "class %s will have %lld rows, more than the most frequent class %d has (%lld)",
                label, count, (int)s->classes->labels[s->classes->majority], (long long)most);
    s->target[c] = (bal_resample_target){true, over ? count - have : count};
    return BAL_OK;
}

static bal_status add_class(const strategy *s, const char *label)
{
    int c;
    BAL_TRY(find_class(s, label, &c));
    if (s->kind != BAL_RESAMPLE_CLEAN)
        return bal_fail(s->ctx, BAL_BAD_ARG,
                        "strategy \"%s\": a list of classes goes with methods that clean; give "
                        "counts (0:500,3:700)",
                        s->text);
    choose(s, c);
    return BAL_OK;
}

static bal_status malformed(const strategy *s)
{
    return bal_fail(s->ctx, BAL_BAD_ARG,
                    "strategy \"%s\" is none of auto, minority, not minority, not majority, "
                    "majority, all, a ratio (0.5), counts (0:500,3:700)%s",
                    s->text, s->kind == BAL_RESAMPLE_CLEAN ? ", a list of classes ([0,3])" : "");
}

static bal_status read_json(const strategy *s, json_t *json)
{
    const char *label;
    json_t *value;
    json_object_foreach(json, label, value)
    {
        if (!json_is_integer(value))
            return malformed(s);
        BAL_TRY(set_count(s, label, json_integer_value(value)));
    }
    for (size_t i = 0; json_is_array(json) && i < json_array_size(json); i++) {
        char number[32];
        if (!json_is_integer(json_array_get(json, i)))
            return malformed(s);
        snprintf(number, sizeof number, "%lld",
                 (long long)json_integer_value(json_array_get(json, i)));
        BAL_TRY(add_class(s, number));
    }
    return BAL_OK;
}

/* "0:500,3:700" or "0,3" */
static bal_status read_items(const strategy *s)
{
    for (const char *at = s->text; at;) {
        char item[64], *colon;
        const size_t length = strcspn(at, ",");
        if (length == 0 || length >= sizeof item)
            return malformed(s);
        memcpy(item, at, length);
        item[length] = '\0';
        colon = strchr(item, ':');
        long long number;
        if (colon)
            *colon = '\0';
        if (!bal_parse_whole(item, &number) || (colon && !bal_parse_whole(colon + 1, &number)))
            return malformed(s);
        BAL_TRY(colon ? set_count(s, item, number) : add_class(s, item));
        at = at[length] ? at + length + 1 : NULL;
    }
    return BAL_OK;
}

bal_status bal_strategy_read(bal_ctx *ctx, const char *text, bal_resample_kind kind,
                             const bal_class_rows *classes, bal_resample_target *target)
{
    if (kind == BAL_RESAMPLE_COMBINED)
        kind = BAL_RESAMPLE_OVER;
    const strategy s = {ctx, text ? text : "", kind, classes, target};
    for (int c = 0; c < classes->count; c++)
        target[c] = (bal_resample_target){false, 0};
    const int word = word_number(s.text);
    if (word >= 0)
        return read_word(&s, words[word]);
    double ratio;
    long long label;
    const bool is_class = kind == BAL_RESAMPLE_CLEAN && bal_parse_whole(s.text, &label);
    if (!is_class && bal_parse_real(s.text, &ratio))
        return read_ratio(&s, ratio);
    if (s.text[0] != '{' && s.text[0] != '[')
        return read_items(&s);
    json_t *json = json_loads(s.text, JSON_REJECT_DUPLICATES, NULL);
    const bal_status status = json ? read_json(&s, json) : malformed(&s);
    json_decref(json);
    return status;
}
