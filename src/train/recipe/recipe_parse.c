/* A recipe from YAML text: libyaml's events, walked with the sections and rows of recipe_keys.h.
 * A recipe is mappings, one list of stages, lists of words, and scalars; anchors, aliases and tags
 * have no use in it and are refused, so the work is bounded by the length of the text. */
#include "train/recipe/recipe_keys.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

#define LONGEST_TEXT ((size_t)256 * 1024)
#define LONGEST_VALUE ((size_t)4096)

typedef struct reader {
    yaml_parser_t yaml;
    yaml_event_t event; /* the present one */
    bool has_event;
    bal_recipe *recipe;
    bal_ctx *ctx;
    const char *where;
} reader;

/* ---- messages ---- */

/* The error text is about line, counted from 1; a value that bal_option_set refused is a recipe
 * that does not fit, not a wrong argument. */
static bal_status at_line(reader *r, int line, bal_status status)
{
    if (status == BAL_OK || status == BAL_NO_MEMORY)
        return status;
    return bal_fail_within(r->ctx, BAL_MISMATCH, "%s:%d", r->where, line);
}

static int line_of(const reader *r)
{
    return (int)r->event.start_mark.line + 1;
}

static bal_status refuse(reader *r, const char *found, const char *wanted)
{
    return bal_fail(r->ctx, BAL_MISMATCH, "%s:%d: %s where %s is expected", r->where, line_of(r),
                    found, wanted);
}

static const char *what_is(const reader *r)
{
    switch (r->event.type) {
    case YAML_SCALAR_EVENT:
        return "a single value";
    case YAML_SEQUENCE_START_EVENT:
        return "a list";
    case YAML_MAPPING_START_EVENT:
        return "a mapping (key: value)";
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_START_EVENT:
    case YAML_DOCUMENT_END_EVENT:
    case YAML_ALIAS_EVENT:
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        break;
    }
    return "nothing";
}

/* ---- events ---- */

static void drop_event(reader *r)
{
    if (r->has_event)
        yaml_event_delete(&r->event);
    r->has_event = false;
}

static bal_status refuse_extras(reader *r, const yaml_char_t *anchor, const yaml_char_t *tag)
{
    if (anchor)
        return bal_fail(r->ctx, BAL_MISMATCH, "%s:%d: anchor \"&%s\": recipes have no anchors",
                        r->where, line_of(r), (const char *)anchor);
    if (tag)
        return bal_fail(r->ctx, BAL_MISMATCH, "%s:%d: tag \"%s\": recipes have no tags", r->where,
                        line_of(r), (const char *)tag);
    return BAL_OK;
}

/* Moves to the next event and refuses what no recipe has. */
static bal_status next(reader *r)
{
    drop_event(r);
    if (!yaml_parser_parse(&r->yaml, &r->event)) {
        if (r->yaml.error == YAML_MEMORY_ERROR)
            return bal_fail(r->ctx, BAL_NO_MEMORY, "no memory to read %s", r->where);
        const bool reading = r->yaml.error == YAML_READER_ERROR;
        return bal_fail(r->ctx, BAL_MISMATCH, "%s:%d: not valid YAML: %s", r->where,
                        reading ? 1 : (int)r->yaml.problem_mark.line + 1,
                        r->yaml.problem ? r->yaml.problem : "damaged");
    }
    r->has_event = true;
    switch (r->event.type) {
    case YAML_ALIAS_EVENT:
        return bal_fail(r->ctx, BAL_MISMATCH, "%s:%d: alias \"*%s\": write the value out", r->where,
                        line_of(r), (const char *)r->event.data.alias.anchor);
    case YAML_SCALAR_EVENT:
        return refuse_extras(r, r->event.data.scalar.anchor, r->event.data.scalar.tag);
    case YAML_SEQUENCE_START_EVENT:
        return refuse_extras(r, r->event.data.sequence_start.anchor,
                             r->event.data.sequence_start.tag);
    case YAML_MAPPING_START_EVENT:
        return refuse_extras(r, r->event.data.mapping_start.anchor,
                             r->event.data.mapping_start.tag);
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_START_EVENT:
    case YAML_DOCUMENT_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        break;
    }
    return BAL_OK;
}

/* The present scalar as a text that the recipe keeps. */
static bal_status take_text(reader *r, const char *name, const char **text)
{
    const char *value = (const char *)r->event.data.scalar.value;
    const size_t length = r->event.data.scalar.length;
    if (strlen(value) != length || length > LONGEST_VALUE)
        return bal_fail(r->ctx, BAL_MISMATCH, "%s:%d: %s %s", r->where, line_of(r), name,
                        length > LONGEST_VALUE ? "is longer than 4096 bytes"
                                               : "contains a zero byte");
    const bool plain = r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (plain && (length == 0 || strcmp(value, "~") == 0 || strcmp(value, "null") == 0))
        return bal_fail(r->ctx, BAL_MISMATCH, "%s:%d: %s has no value", r->where, line_of(r), name);
    *text = bal_recipe_keep(r->recipe, value, length);
    return *text ? BAL_OK : BAL_NO_MEMORY;
}

/* ---- values ---- */

/* A list of scalars becomes one text, "80%, 90%". The present event is the list's start. */
static bal_status read_list(reader *r, const bal_option *row, const char **text)
{
    char list[LONGEST_VALUE + 1];
    size_t used = 0;
    int items = 0;
    for (;; items++) {
        const char *item;
        BAL_TRY(next(r));
        if (r->event.type == YAML_SEQUENCE_END_EVENT)
            break;
        if (r->event.type != YAML_SCALAR_EVENT)
            return refuse(r, what_is(r), "a list of single values");
        BAL_TRY(take_text(r, row->name, &item));
        if (strchr(item, ','))
            return bal_fail(r->ctx, BAL_MISMATCH, "%s:%d: an item of %s has a comma: \"%s\"",
                            r->where, line_of(r), row->name, item);
        const int wrote =
            snprintf(list + used, sizeof list - used, "%s%s", items ? ", " : "", item);
        if (wrote < 0 || (size_t)wrote >= sizeof list - used)
            return bal_fail(r->ctx, BAL_MISMATCH, "%s:%d: %s is longer than %zu bytes", r->where,
                            line_of(r), row->name, LONGEST_VALUE);
        used += (size_t)wrote;
    }
    *text = items ? bal_recipe_keep(r->recipe, list, used) : "[]";
    return *text ? BAL_OK : BAL_NO_MEMORY;
}

static bal_status read_value(reader *r, const bal_option *row, void *settings)
{
    const char *text;
    BAL_TRY(next(r));
    const int line = line_of(r);
    if (r->event.type == YAML_SCALAR_EVENT)
        BAL_TRY(take_text(r, row->name, &text));
    else if (r->event.type == YAML_SEQUENCE_START_EVENT && bal_recipe_is_list(row))
        BAL_TRY(read_list(r, row, &text));
    else
        return bal_fail(r->ctx, BAL_MISMATCH, "%s:%d: %s is %s; it wants a %s", r->where, line,
                        row->name, what_is(r),
                        bal_recipe_is_list(row) ? "list of values" : "single value");
    return at_line(r, line, bal_recipe_store(r->recipe, row, settings, "", text));
}

/* ---- mappings ---- */

/* The names that a mapping knows: rows, then sections below it. */
static const char *name_in_section(const void *user, int i)
{
    const bal_recipe_section *section = user;
    const bal_recipe_key *key;
    for (int k = 0; (key = bal_recipe_key_at(k)); k++)
        if (bal_recipe_in_section(section, k) && i-- == 0)
            return key->option->name;
    for (int s = 0; s < BAL_RECIPE_SECTIONS; s++) {
        const bal_recipe_section *below = &bal_recipe_sections[s];
        if (bal_recipe_subsection(section, below->key) == below && i-- == 0)
            return below->key;
    }
    return NULL;
}

static const char *title_of(const bal_recipe_section *section)
{
    if (section == &bal_recipe_sections[BAL_SECTION_GENERAL])
        return "the recipe";
    return section == &bal_recipe_sections[BAL_SECTION_STAGE] ? "a stage" : section->key;
}

static bal_status refuse_key(reader *r, const bal_recipe_section *section, const char *key)
{
    const char *near = bal_nearest_name(key, name_in_section, section);
    if (near)
        return bal_fail(r->ctx, BAL_MISMATCH,
                        "%s:%d: unknown key \"%s\" in %s; did you mean \"%s\"?", r->where,
                        line_of(r), key, title_of(section), near);
    for (int s = 0; s < BAL_RECIPE_SECTIONS; s++)
        if (bal_recipe_find_key(&bal_recipe_sections[s], key) >= 0)
            return bal_fail(r->ctx, BAL_MISMATCH,
                            "%s:%d: unknown key \"%s\" in %s; it belongs in %s", r->where,
                            line_of(r), key, title_of(section), title_of(&bal_recipe_sections[s]));
    return bal_fail(r->ctx, BAL_MISMATCH, "%s:%d: unknown key \"%s\" in %s", r->where, line_of(r),
                    key, title_of(section));
}

static bal_status read_stages(reader *r);

/* A mapping into a struct of the recipe. owner is the bal_recipe or the bal_recipe_stage. The
 * present event is the mapping's start. Sections nest two deep, so the recursion does too. */
static bal_status read_section(reader *r, const bal_recipe_section *section, char *owner)
{
    bool seen[BAL_RECIPE_KEYS_MOST] = {false};
    if (section->line_offset)
        *(int *)(owner + section->line_offset) = line_of(r);
    for (;;) {
        BAL_TRY(next(r));
        if (r->event.type == YAML_MAPPING_END_EVENT)
            return BAL_OK;
        if (r->event.type != YAML_SCALAR_EVENT)
            return refuse(r, what_is(r), "the name of a key");
        const char *name = (const char *)r->event.data.scalar.value;
        const int row = bal_recipe_find_key(section, name);
        const bal_recipe_section *below = bal_recipe_subsection(section, name);
        if (row < 0 && !below)
            return refuse_key(r, section, name);
        const int number =
            row >= 0 ? BAL_RECIPE_SECTIONS + row : (int)(below - bal_recipe_sections);
        if (seen[number])
            return bal_fail(r->ctx, BAL_MISMATCH, "%s:%d: key \"%s\" stands twice in %s", r->where,
                            line_of(r), name, title_of(section));
        seen[number] = true;
        if (row >= 0) {
            BAL_TRY(read_value(r, bal_recipe_key_at(row)->option, owner + section->offset));
            continue;
        }
        BAL_TRY(next(r));
        const bool stages = below == &bal_recipe_sections[BAL_SECTION_STAGE];
        if (stages ? r->event.type != YAML_SEQUENCE_START_EVENT
                   : r->event.type != YAML_MAPPING_START_EVENT)
            return bal_fail(r->ctx, BAL_MISMATCH, "%s:%d: %s is %s; it wants %s", r->where,
                            line_of(r), below->key, what_is(r),
                            stages ? "a list of stages" : "a mapping (key: value)");
        if (stages)
            BAL_TRY(read_stages(r));
        else
            BAL_TRY(read_section(r, below, owner));
    }
}

static bal_status read_stages(reader *r)
{
    for (;;) {
        BAL_TRY(next(r));
        if (r->event.type == YAML_SEQUENCE_END_EVENT)
            return BAL_OK;
        if (r->event.type != YAML_MAPPING_START_EVENT)
            return refuse(r, what_is(r), "a stage, a mapping (key: value)");
        if (r->recipe->stage_count == BAL_RECIPE_STAGES)
            return bal_fail(r->ctx, BAL_MISMATCH, "%s:%d: more than %d stages", r->where,
                            line_of(r), BAL_RECIPE_STAGES);
        bal_recipe_stage *stage = bal_recipe_add_stage(r->recipe);
        if (!stage)
            return BAL_NO_MEMORY;
        BAL_TRY(read_section(r, &bal_recipe_sections[BAL_SECTION_STAGE], (char *)stage));
    }
}

static bal_status read_document(reader *r)
{
    BAL_TRY(next(r)); /* the stream's start */
    BAL_TRY(next(r));
    if (r->event.type != YAML_DOCUMENT_START_EVENT)
        return bal_fail(r->ctx, BAL_MISMATCH, "%s:1: the recipe is empty", r->where);
    BAL_TRY(next(r));
    if (r->event.type != YAML_MAPPING_START_EVENT)
        return refuse(r, what_is(r), "a recipe, a mapping (key: value)");
    BAL_TRY(read_section(r, &bal_recipe_sections[BAL_SECTION_GENERAL], (char *)r->recipe));
    const int last = line_of(r);
    BAL_TRY(next(r)); /* the document's end */
    BAL_TRY(next(r));
    if (r->event.type != YAML_STREAM_END_EVENT)
        return bal_fail(r->ctx, BAL_MISMATCH, "%s:%d: a second document; a file is one recipe",
                        r->where, line_of(r));
    if (r->recipe->stage_count == 0)
        return bal_fail(r->ctx, BAL_MISMATCH, "%s:%d: the recipe has no stages", r->where, last);
    return BAL_OK;
}

bal_status bal_recipe_parse(bal_recipe **out, bal_ctx *ctx, const char *where, const char *text,
                            size_t length)
{
    *out = NULL;
    if (length > LONGEST_TEXT)
        return bal_fail(ctx, BAL_MISMATCH, "%s:1: a recipe of %zu bytes; the most is %zu", where,
                        length, LONGEST_TEXT);
    reader r = {.ctx = ctx, .where = where};
    BAL_TRY(bal_recipe_new(&r.recipe, ctx, where));
    if (!yaml_parser_initialize(&r.yaml)) {
        bal_recipe_close(&r.recipe);
        return bal_fail(ctx, BAL_NO_MEMORY, "no memory to read %s", where);
    }
    yaml_parser_set_input_string(&r.yaml, (const unsigned char *)text, length);
    const bal_status status = read_document(&r);
    drop_event(&r);
    yaml_parser_delete(&r.yaml);
    if (status != BAL_OK) {
        bal_recipe_close(&r.recipe);
        return status;
    }
    *out = r.recipe;
    return BAL_OK;
}
