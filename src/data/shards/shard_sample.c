/* Samples by the rule of WebDataset (https://github.com/webdataset/webdataset), labels as it and
 * timm keep them: KEY.cls with a class number, or KEY.json with a field. */
#include "data/shards/shard_sample.h"

#include "base/parse.h"
#include "data/image/image.h"

#include <ctype.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include <strings.h>

#define LONGEST_LABEL 255

static const char *const part_names[] = {
    [BAL_SHARD_PICTURE] = "picture", [BAL_SHARD_CLS] = ".cls", [BAL_SHARD_JSON] = ".json"};

/* The fields of a JSON label, in order of preference. */
static const char *const json_fields[] = {"label", "cls"};

/* ---- names ---- */

/* "__x__" alone or as the first folder: WebDataset's place for what is about the shard. */
static bool is_meta(const char *name)
{
    const size_t length = strcspn(name, "/");
    return length >= 4 && strncmp(name, "__", 2) == 0 && strncmp(name + length - 2, "__", 2) == 0;
}

bool bal_shard_member_of(const char *name, bal_shard_member *out)
{
    while (strncmp(name, "./", 2) == 0)
        name += 2;
    const char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name;
    const char *point = strchr(base, '.');
    if (!point || point == base || is_meta(name))
        return false;
    const size_t length = (size_t)(point - name);
    memcpy(out->key, name, length);
    out->key[length] = '\0';
    out->rank = bal_image_ending(point);
    out->part = out->rank >= 0                    ? BAL_SHARD_PICTURE
                : strcasecmp(point, ".cls") == 0  ? BAL_SHARD_CLS
                : strcasecmp(point, ".json") == 0 ? BAL_SHARD_JSON
                                                  : BAL_SHARD_NOTHING;
    return true;
}

/* ---- labels ---- */

static bal_status bad_label(const bal_shard_sampler *s, const char *what)
{
    return bal_fail(s->ctx, BAL_BAD_FILE, "%s#%s: %s", s->shard, s->now.key, what);
}

static bal_status set_number(bal_shard_sampler *s, long long number)
{
    if (number < 0 || number >= BAL_SHARD_MOST_CLASSES)
        return bal_fail(s->ctx, BAL_BAD_FILE, "%s#%s: label %lld, 0 to %d expected", s->shard,
                        s->now.key, number, BAL_SHARD_MOST_CLASSES - 1);
    if (s->index->named)
        return bal_fail(s->ctx, BAL_BAD_FILE,
                        "%s#%s: label %lld is a number, but \"%s\" before it is a name", s->shard,
                        s->now.key, number, s->index->names.names[0]);
    s->picture.label = (uint32_t)number;
    return BAL_OK;
}

static bal_status set_name(bal_shard_sampler *s, const char *name)
{
    int64_t number;
    if (!*name || strlen(name) > LONGEST_LABEL)
        return bal_fail(s->ctx, BAL_BAD_FILE, "%s#%s: a label of %zu bytes, 1 to %d expected",
                        s->shard, s->now.key, strlen(name), LONGEST_LABEL);
    for (const char *c = name; *c; c++)
        if (iscntrl((unsigned char)*c))
            return bad_label(s, "the label has control characters: a class number or name is "
                                "expected");
    if (!s->index->named && s->index->count > 0)
        return bal_fail(s->ctx, BAL_BAD_FILE,
                        "%s#%s: label \"%s\" is a name, but those before it are numbers", s->shard,
                        s->now.key, name);
    BAL_TRY(bal_name_set_add(&s->index->names, s->ctx, name, &number));
    if (number >= BAL_SHARD_MOST_CLASSES)
        return bal_fail(s->ctx, BAL_BAD_FILE, "%s: more than %d different labels", s->shard,
                        BAL_SHARD_MOST_CLASSES);
    s->index->named = true;
    s->picture.label = (uint32_t)number;
    return BAL_OK;
}

static bal_status set_text(bal_shard_sampler *s, const char *text)
{
    long long number;
    return bal_parse_whole(text, &number) ? set_number(s, number) : set_name(s, text);
}

/* The text of a .cls, without blanks at both ends. */
static bal_status read_cls(bal_shard_sampler *s)
{
    const char *begin = (const char *)s->cls.data, *end = begin + s->cls.count;
    char text[LONGEST_LABEL + 2];
    if (memchr(begin, 0, s->cls.count))
        return bad_label(s, ".cls is no text: a class number or name is expected");
    while (begin < end && isspace((unsigned char)*begin))
        begin++;
    while (end > begin && isspace((unsigned char)end[-1]))
        end--;
    size_t length = (size_t)(end - begin);
    if (length > sizeof text - 1)
        length = sizeof text - 1; /* which is too long for a name */
    memcpy(text, begin, length);
    text[length] = '\0';
    return set_text(s, text);
}

static bal_status read_json(bal_shard_sampler *s)
{
    json_error_t error;
    json_t *root = json_loadb((const char *)s->json.data, s->json.count, 0, &error);
    if (!root)
        return bal_fail(s->ctx, BAL_BAD_FILE, "%s#%s: .json, line %d: %s", s->shard, s->now.key,
                        error.line, error.text);
    const json_t *value = NULL;
    for (size_t i = 0; i < BAL_COUNT_OF(json_fields) && !value; i++)
        value = json_object_get(root, json_fields[i]);
    bal_status status;
    if (json_is_integer(value))
        status = set_number(s, json_integer_value(value));
    else if (json_is_string(value))
        status = set_text(s, json_string_value(value));
    else
        status = bad_label(s, value ? "\"label\" of .json is neither a number nor a text"
                                    : "no .cls, and .json has neither \"label\" nor \"cls\"");
    json_decref(root);
    return status;
}

/* ---- gathering ---- */

void bal_shard_sampler_free(bal_shard_sampler *s)
{
    bal_bytes_free(s->ctx, &s->cls);
    bal_bytes_free(s->ctx, &s->json);
    memset(s->seen, 0, sizeof s->seen);
    s->now.key[0] = '\0';
    s->rank = -1;
}

bal_status bal_shard_sampler_end(bal_shard_sampler *s)
{
    bal_status status = BAL_OK;
    const bool picture = s->rank >= 0, label = s->cls.data || s->json.data;
    if (picture && !label)
        status = bad_label(s, "a picture without a label (KEY.cls or KEY.json expected beside it)");
    else if (label && !picture && s->cls.data)
        status = bad_label(s, "a label without a picture (the key of a name ends at its first "
                              "point)");
    else if (picture && s->cls.data)
        status = read_cls(s);
    else if (picture)
        status = read_json(s);
    if (status == BAL_OK && picture)
        status = bal_shard_index_add(s->index, s->ctx, s->picture, s->now.key);
    bal_shard_sampler_free(s);
    return status;
}

bal_status bal_shard_sampler_member(bal_shard_sampler *s, const bal_shard_member *member)
{
    if (strcmp(s->now.key, member->key) != 0) {
        BAL_TRY(bal_shard_sampler_end(s));
        s->now = *member;
    }
    const bal_shard_part part = member->part;
    if ((part == BAL_SHARD_PICTURE && member->rank == s->rank) ||
        (part > BAL_SHARD_PICTURE && s->seen[part]))
        return bal_fail(s->ctx, BAL_BAD_FILE, "%s#%s: two members are its %s", s->shard, s->now.key,
                        part_names[part]);
    s->seen[part] = true;
    return BAL_OK;
}

void bal_shard_sampler_picture(bal_shard_sampler *s, int rank, uint64_t offset, uint32_t size)
{
    if (s->rank >= 0 && s->rank < rank)
        return;
    s->rank = rank;
    s->picture = (bal_shard_sample){.offset = offset, .size = size};
}

void bal_shard_sampler_label(bal_shard_sampler *s, bal_shard_part part, bal_bytes bytes)
{
    *(part == BAL_SHARD_CLS ? &s->cls : &s->json) = bytes;
}
