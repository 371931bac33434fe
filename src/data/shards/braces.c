/* Brace expansion: the first group is replaced by each of its alternatives in turn, and what
 * follows is expanded again. So groups inside an alternative need no case of their own. */
#include "data/shards/braces.h"

#include "data/readers/source.h"

#include <stdio.h>
#include <string.h>

#define MOST_GROUPS 16
#define MOST_DIGITS 9

typedef struct brace_group {
    size_t begin, end; /* of the "{", and behind the "}" */
    bool range;
    long first, last; /* of the range */
    int width;        /* its numbers are padded with zeros to this */
} brace_group;

static size_t digits(const char *text)
{
    return strspn(text, "0123456789");
}

/* "000..012}" */
static bool read_range(const char *text, brace_group *group)
{
    const size_t a = digits(text);
    const char *second = text + a + 2;
    if (a == 0 || a > MOST_DIGITS || text[a] != '.' || text[a + 1] != '.')
        return false;
    const size_t b = digits(second);
    if (b == 0 || b > MOST_DIGITS || second[b] != '}')
        return false;
    group->range = true;
    group->first = group->last = 0;
    for (size_t i = 0; i < a; i++)
        group->first = group->first * 10 + (text[i] - '0');
    for (size_t i = 0; i < b; i++)
        group->last = group->last * 10 + (second[i] - '0');
    const bool padded = (a > 1 && text[0] == '0') || (b > 1 && second[0] == '0');
    group->width = padded ? (int)(a > b ? a : b) : 1;
    return true;
}

/* The first group from `at` on. */
static bool find_group(const char *text, size_t at, brace_group *group)
{
    for (; text[at]; at++) {
        if (text[at] != '{')
            continue;
        int depth = 0;
        bool list = false;
        for (size_t i = at; text[i]; i++) {
            depth += text[i] == '{';
            depth -= text[i] == '}';
            list = list || (depth == 1 && text[i] == ',');
            if (depth > 0)
                continue;
            *group = (brace_group){.begin = at, .end = i + 1};
            if (list || read_range(text + at + 1, group))
                return true;
            break; /* a name in braces stands for itself; there may be a group inside */
        }
    }
    return false;
}

bool bal_braces_in(const char *text)
{
    brace_group group;
    return find_group(text, 0, &group);
}

bal_status bal_texts_add(bal_texts *texts, bal_ctx *ctx, const char *text, size_t length)
{
    if (texts->count == texts->room) {
        const size_t room = texts->room ? 2 * texts->room : 16;
        char **bigger = bal_resize(ctx, texts->items, texts->count, room, sizeof *bigger);
        if (!bigger)
            return BAL_NO_MEMORY;
        texts->items = bigger;
        texts->room = room;
    }
    char *copy = bal_calloc(ctx, length + 1, 1);
    if (!copy)
        return BAL_NO_MEMORY;
    memcpy(copy, text, length);
    texts->items[texts->count++] = copy;
    return BAL_OK;
}

void bal_texts_free(bal_ctx *ctx, bal_texts *texts)
{
    for (size_t i = 0; i < texts->count; i++)
        bal_free(ctx, texts->items[i]);
    bal_free(ctx, texts->items);
    *texts = (bal_texts){0};
}

typedef struct expansion {
    bal_ctx *ctx;
    const char *pattern; /* for messages */
    size_t most;
    int groups; /* that are open now */
    bal_texts *out;
} expansion;

static bal_status expand(expansion *e, const char *text, size_t at);

/* The text with `length` bytes of an alternative in the place of the group. */
static bal_status expand_with(expansion *e, const char *text, const brace_group *group,
                              const char *alternative, size_t length)
{
    char next[BAL_PATH_LENGTH];
    const int written = snprintf(next, sizeof next, "%.*s%.*s%s", (int)group->begin, text,
                                 (int)length, alternative, text + group->end);
    if (written < 0 || (size_t)written >= sizeof next)
        return bal_fail(e->ctx, BAL_BAD_ARG, "the path is too long: %.80s...", e->pattern);
    return expand(e, next, group->begin);
}

static bal_status expand_range(expansion *e, const char *text, const brace_group *group)
{
    const long step = group->first <= group->last ? 1 : -1;
    for (long n = group->first; n != group->last + step; n += step) {
        char number[MOST_DIGITS + 2];
        const int length = snprintf(number, sizeof number, "%0*ld", group->width, n);
        BAL_TRY(expand_with(e, text, group, number, (size_t)length));
    }
    return BAL_OK;
}

static bal_status expand_list(expansion *e, const char *text, const brace_group *group)
{
    int depth = 0;
    size_t begin = group->begin + 1;
    for (size_t i = begin; i < group->end; i++) {
        const bool last = i + 1 == group->end;
        if (last || (depth == 0 && text[i] == ',')) {
            BAL_TRY(expand_with(e, text, group, text + begin, i - begin));
            begin = i + 1;
        }
        depth += text[i] == '{';
        depth -= text[i] == '}';
    }
    return BAL_OK;
}

static bal_status expand(expansion *e, const char *text, size_t at)
{
    brace_group group;
    if (!find_group(text, at, &group)) {
        if (e->out->count == e->most)
            return bal_fail(e->ctx, BAL_BAD_ARG, "%s: stands for more than %zu names", e->pattern,
                            e->most);
        return bal_texts_add(e->out, e->ctx, text, strlen(text));
    }
    if (e->groups == MOST_GROUPS)
        return bal_fail(e->ctx, BAL_BAD_ARG, "%s: more than %d groups in braces", e->pattern,
                        MOST_GROUPS);
    e->groups++;
    const bal_status status =
        group.range ? expand_range(e, text, &group) : expand_list(e, text, &group);
    e->groups--;
    return status;
}

bal_status bal_braces_expand(bal_ctx *ctx, const char *text, size_t most, bal_texts *out)
{
    expansion e = {.ctx = ctx, .pattern = text, .most = most, .out = out};
    *out = (bal_texts){0};
    const bal_status status = expand(&e, text, 0);
    if (status != BAL_OK)
        bal_texts_free(ctx, out);
    return status;
}
