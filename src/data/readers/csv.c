/* Records of a CSV text. */
#include "data/readers/csv.h"

#include <inttypes.h>
#include <string.h>

#define MOST_FIELDS 4096

static int64_t line_of(const bal_bytes *text, const unsigned char *at)
{
    int64_t line = 1;
    for (const unsigned char *c = text->data; c < at; c++)
        line += *c == '\n';
    return line;
}

bal_status bal_text_check(bal_ctx *ctx, const char *name, const bal_bytes *text, size_t *skip)
{
    const unsigned char *t = text->data;
    *skip = text->count >= 3 && memcmp(t, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    if (text->count >= 2 && (memcmp(t, "\xff\xfe", 2) == 0 || memcmp(t, "\xfe\xff", 2) == 0))
        return bal_fail(ctx, BAL_BAD_FILE, "%s: is UTF-16, save it as UTF-8", name);
    const unsigned char *zero = text->count ? memchr(t, 0, text->count) : NULL;
    if (zero)
        return bal_fail(ctx, BAL_BAD_FILE, "%s:%" PRId64 ": a zero byte, text was expected", name,
                        line_of(text, zero));
    return BAL_OK;
}

bal_status bal_csv_open(bal_csv *out, bal_ctx *ctx, const char *name, const bal_bytes *text,
                        char delimiter)
{
    size_t skip;
    *out = (bal_csv){.ctx = ctx, .name = name, .delimiter = delimiter, .next_line = 1};
    BAL_TRY(bal_text_check(ctx, name, text, &skip));
    out->at = text->data + skip;
    out->end = text->data + text->count;
    return BAL_OK;
}

void bal_csv_close(bal_csv *csv)
{
    if (csv->ctx)
        bal_free(csv->ctx, csv->fields);
    *csv = (bal_csv){0};
}

static bal_status fail_at(const bal_csv *csv, int64_t line, const char *what)
{
    return bal_fail(csv->ctx, BAL_BAD_FILE, "%s:%" PRId64 ": %s", csv->name, line, what);
}

/* How many bytes of line end are here; the end of the text is one of none. */
static bool at_line_end(const bal_csv *csv, size_t *bytes)
{
    *bytes = 0;
    if (csv->at == csv->end)
        return true;
    if (*csv->at == '\n')
        *bytes = 1;
    else if (*csv->at == '\r' && csv->at + 1 == csv->end)
        *bytes = 1;
    else if (*csv->at == '\r' && csv->at[1] == '\n')
        *bytes = 2;
    return *bytes > 0;
}

static bal_status add_field(bal_csv *csv, unsigned char *begin)
{
    if (csv->count == MOST_FIELDS)
        return fail_at(csv, csv->line, "more than 4096 fields");
    if (csv->count == csv->room) {
        const size_t room = csv->room ? 2 * csv->room : 8;
        char **fields = bal_resize(csv->ctx, csv->fields, csv->count, room, sizeof *fields);
        if (!fields)
            return BAL_NO_MEMORY;
        csv->fields = fields;
        csv->room = room;
    }
    csv->fields[csv->count++] = (char *)begin;
    return BAL_OK;
}

/* Moves the text together over the quotes; *stop receives its end. */
static bal_status take_quoted(bal_csv *csv, unsigned char **stop)
{
    const int64_t opened = csv->next_line;
    unsigned char *out = csv->at++;
    for (;; csv->at++) {
        if (csv->at == csv->end)
            return fail_at(csv, opened, "the quote that is opened here is never closed");
        if (*csv->at == '"') {
            if (csv->at + 1 == csv->end || csv->at[1] != '"')
                break;
            csv->at++;
        }
        csv->next_line += *csv->at == '\n';
        *out++ = *csv->at;
    }
    csv->at++;
    *stop = out;
    size_t end;
    if (!at_line_end(csv, &end) && *csv->at != (unsigned char)csv->delimiter)
        return fail_at(csv, csv->next_line,
                       "something follows a closing quote; a quote in a field is written twice");
    return BAL_OK;
}

static bal_status take_plain(bal_csv *csv, unsigned char **stop)
{
    size_t end;
    for (; !at_line_end(csv, &end) && *csv->at != (unsigned char)csv->delimiter; csv->at++) {
        if (*csv->at == '"')
            return fail_at(csv, csv->next_line,
                           "a quote within a field that does not begin with one");
        if (*csv->at == '\r')
            return fail_at(csv, csv->next_line, "a carriage return without a line feed");
    }
    *stop = csv->at;
    return BAL_OK;
}

bal_status bal_csv_next(bal_csv *csv, bool *more)
{
    size_t end;
    csv->count = 0;
    while (csv->at < csv->end && at_line_end(csv, &end)) {
        csv->at += end;
        csv->next_line++;
    }
    csv->line = csv->next_line;
    *more = csv->at < csv->end;
    for (bool ended = !*more; !ended;) {
        unsigned char *begin = csv->at, *stop = begin;
        const bool quoted = csv->at < csv->end && *csv->at == '"';
        BAL_TRY(quoted ? take_quoted(csv, &stop) : take_plain(csv, &stop));
        ended = at_line_end(csv, &end);
        csv->next_line += ended && end > 0;
        csv->at += ended ? end : 1;
        *stop = '\0'; /* the delimiter, or a quote, or the byte behind the text */
        BAL_TRY(add_field(csv, begin));
    }
    return BAL_OK;
}
