/* Reader of JSONL manifests: an object a line with the keys of a CSV's columns. */
#include "data/readers/csv.h"
#include "data/readers/manifest.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#define LONGEST_LINE ((size_t)1 << 20)
#define NUMBER_LENGTH 24

/* A line while it is read. */
typedef struct jsonl_line {
    bal_source *source;
    bal_ctx *ctx;
    int64_t number;
    bal_manifest_row row;
    char label[NUMBER_LENGTH], group[NUMBER_LENGTH]; /* of those that are whole numbers */
} jsonl_line;

static bal_status fail_value(const jsonl_line *l, const char *key, const char *wanted)
{
    return bal_fail(l->ctx, BAL_BAD_FILE, "%s:%" PRId64 ": %s is not %s", l->source->path,
                    l->number, key, wanted);
}

/* number: where to write a whole number as text; NULL: texts only. */
static bal_status take_text(const jsonl_line *l, const char *key, const json_t *value, char *number,
                            const char **out)
{
    if (json_is_null(value))
        return BAL_OK;
    *out = json_string_value(value);
    if (!*out && number && json_is_integer(value)) {
        snprintf(number, NUMBER_LENGTH, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        *out = number;
    }
    return *out ? BAL_OK : fail_value(l, key, number ? "a text or a whole number" : "a text");
}

static bal_status take_value(jsonl_line *l, const char *key, const json_t *value)
{
    if (strcmp(key, "path") == 0)
        return take_text(l, key, value, NULL, &l->row.path);
    if (strcmp(key, "label") == 0)
        return take_text(l, key, value, l->label, &l->row.label);
    if (strcmp(key, "split") == 0)
        return take_text(l, key, value, NULL, &l->row.split);
    if (strcmp(key, "group") == 0)
        return take_text(l, key, value, l->group, &l->row.group);
    if (strcmp(key, "weight") != 0)
        return bal_manifest_ignore(l->source, l->ctx, key);
    if (!json_is_number(value) && !json_is_null(value))
        return fail_value(l, key, "a number of 0 or above");
    l->row.weight = json_is_null(value) ? 1.0 : json_number_value(value);
    return BAL_OK;
}

static bal_status take_line(bal_source *source, bal_ctx *ctx, int64_t number, const char *begin,
                            size_t length)
{
    json_error_t error;
    jsonl_line l = {
        .source = source, .ctx = ctx, .number = number, .row = {.line = number, .weight = 1.0}};
    if (length > LONGEST_LINE)
        return bal_fail(ctx, BAL_BAD_FILE, "%s:%" PRId64 ": a line of %zu bytes, at most %zu",
                        source->path, number, length, LONGEST_LINE);
    json_t *object = json_loadb(begin, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (!object)
        return bal_fail(ctx, BAL_BAD_FILE, "%s:%" PRId64 ": no JSON at column %d: %s", source->path,
                        number, error.column, error.text);
    bal_status status = BAL_OK;
    if (!json_is_object(object))
        status =
            bal_fail(ctx, BAL_BAD_FILE, "%s:%" PRId64 ": is not an object", source->path, number);
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        if (status == BAL_OK)
            status = take_value(&l, key, value);
    }
    if (status == BAL_OK)
        status = bal_manifest_add(source, ctx, &l.row);
    json_decref(object);
    return status;
}

static bool is_blank(const char *begin, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (begin[i] != ' ' && begin[i] != '\t' && begin[i] != '\r')
            return false;
    return true;
}

bal_status bal_manifest_jsonl(bal_source *source, bal_ctx *ctx, const bal_bytes *text)
{
    size_t at;
    BAL_TRY(bal_manifest_begin(source, ctx));
    BAL_TRY(bal_text_check(ctx, source->path, text, &at));
    for (int64_t number = 1; at < text->count; number++) {
        const char *begin = (const char *)text->data + at;
        const char *end = memchr(begin, '\n', text->count - at);
        const size_t length = end ? (size_t)(end - begin) : text->count - at;
        if (!is_blank(begin, length))
            BAL_TRY(take_line(source, ctx, number, begin, length));
        at += length + (end ? 1 : 0);
    }
    return bal_manifest_finish(source, ctx);
}

/* ---- the reader ---- */

static bool probe(const char *path)
{
    return bal_is_file_ending(path, ".jsonl");
}

static bal_status open_file(bal_source *source, bal_ctx *ctx)
{
    return bal_manifest_open(source, ctx, bal_manifest_jsonl);
}

const bal_reader bal_reader_jsonl = {
    .info = {"jsonl", "manifest FILE.jsonl: an object a line with path, label, and split, weight, "
                      "group where wanted"},
    .probe = probe,
    .open = open_file,
    .picture = bal_manifest_picture,
    .item_name = bal_manifest_item_name,
    .close = bal_manifest_close,
};
