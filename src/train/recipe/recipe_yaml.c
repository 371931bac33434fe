/* A recipe as YAML text, every field written: the same sections and rows that the parser walks. */
#include "train/recipe/recipe_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

typedef struct output {
    yaml_emitter_t yaml;
    bal_ctx *ctx;
    char *text;
    size_t count, room;
    bool ok; /* false: no memory, here or in libyaml */
} output;

static int append(void *user, unsigned char *bytes, size_t count)
{
    output *o = user;
    if (o->count + count + 1 > o->room) {
        const size_t room = 2 * (o->count + count + 1);
        char *bigger = bal_resize(o->ctx, o->text, o->count, room, 1);
        if (!bigger)
            return 0;
        o->text = bigger;
        o->room = room;
    }
    memcpy(o->text + o->count, bytes, count);
    o->count += count;
    return 1;
}

/* Takes the outcome of a yaml_..._event_initialize and emits the event. */
static void emit(output *o, int made, yaml_event_t *event)
{
    if (!made)
        o->ok = false;
    else if (!o->ok)
        yaml_event_delete(event);
    else if (!yaml_emitter_emit(&o->yaml, event)) /* which deletes the event */
        o->ok = false;
}

static void begin_mapping(output *o)
{
    yaml_event_t e;
    emit(o, yaml_mapping_start_event_initialize(&e, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE), &e);
}

static void end_mapping(output *o)
{
    yaml_event_t e;
    emit(o, yaml_mapping_end_event_initialize(&e), &e);
}

static void begin_list(output *o, yaml_sequence_style_t style)
{
    yaml_event_t e;
    emit(o, yaml_sequence_start_event_initialize(&e, NULL, NULL, 1, style), &e);
}

static void end_list(output *o)
{
    yaml_event_t e;
    emit(o, yaml_sequence_end_event_initialize(&e), &e);
}

/* Words that mean "no value" when plain, and texts with control characters, stand in quotes. */
static void scalar(output *o, const char *text, size_t length)
{
    bool quoted = (length == 4 && memcmp(text, "null", 4) == 0) || (length == 1 && *text == '~');
    for (size_t i = 0; i < length; i++)
        quoted = quoted || (unsigned char)text[i] < 0x20;
    yaml_event_t e;
    emit(o,
         yaml_scalar_event_initialize(&e, NULL, NULL, (const yaml_char_t *)text, (int)length, 1, 1,
                                      quoted ? YAML_DOUBLE_QUOTED_SCALAR_STYLE
                                             : YAML_ANY_SCALAR_STYLE),
         &e);
}

static void word(output *o, const char *text)
{
    scalar(o, text, strlen(text));
}

/* The shortest text that reads back as the same number, with a point in every locale. */
static void real(output *o, double value)
{
    char text[64];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    const size_t before = strspn(text, "+-0123456789e");
    const size_t point = strcspn(text + before, "+-0123456789e");
    if (point > 0) {
        text[before] = '.';
        memmove(text + before + 1, text + before + point, strlen(text + before + point) + 1);
    }
    word(o, text);
}

static void list(output *o, const char *text)
{
    begin_list(o, YAML_FLOW_SEQUENCE_STYLE);
    const char *at = text, *item;
    size_t length;
    while (bal_recipe_next_item(&at, &item, &length))
        scalar(o, item, length);
    end_list(o);
}

static void row(output *o, const bal_option *option, const char *settings)
{
    const void *field = settings + option->offset;
    const bool text = option->kind == BAL_OPTION_TEXT || option->kind == BAL_OPTION_CHOICE;
    if (text && !*(const char *const *)field && !bal_recipe_is_list(option))
        return;
    word(o, option->name);
    switch (option->kind) {
    case BAL_OPTION_FLAG:
        word(o, *(const bool *)field ? "true" : "false");
        return;
    case BAL_OPTION_REAL:
        real(o, *(const double *)field);
        return;
    case BAL_OPTION_INT:
    case BAL_OPTION_SEED: {
        char number[32];
        if (option->kind == BAL_OPTION_INT)
            snprintf(number, sizeof number, "%d", *(const int *)field);
        else
            snprintf(number, sizeof number, "%llu", (unsigned long long)*(const uint64_t *)field);
        word(o, number);
        return;
    }
    case BAL_OPTION_TEXT:
    case BAL_OPTION_CHOICE:
        break;
    }
    if (bal_recipe_is_list(option))
        list(o, *(const char *const *)field);
    else
        word(o, *(const char *const *)field);
}

static void rows(output *o, const bal_recipe_section *section, const char *owner)
{
    const bal_recipe_key *key;
    for (int i = 0; (key = bal_recipe_key_at(i)); i++)
        if (bal_recipe_in_section(section, i))
            row(o, key->option, owner + section->offset);
}

/* The sections below another, each under its key. */
static void sections(output *o, const bal_recipe_section *parent, const char *owner)
{
    for (int s = 0; s < BAL_RECIPE_SECTIONS; s++) {
        const bal_recipe_section *section = &bal_recipe_sections[s];
        if (s == BAL_SECTION_STAGE || bal_recipe_subsection(parent, section->key) != section)
            continue;
        word(o, section->key);
        begin_mapping(o);
        rows(o, section, owner);
        end_mapping(o);
    }
}

static void stages(output *o, const bal_recipe *recipe)
{
    const bal_recipe_section *section = &bal_recipe_sections[BAL_SECTION_STAGE];
    word(o, section->key);
    begin_list(o, YAML_BLOCK_SEQUENCE_STYLE);
    for (int i = 0; i < recipe->stage_count; i++) {
        const char *stage = (const char *)&recipe->stages[i];
        begin_mapping(o);
        rows(o, section, stage);
        sections(o, section, stage);
        end_mapping(o);
    }
    end_list(o);
}

static void document(output *o, const bal_recipe *recipe)
{
    const bal_recipe_section *general = &bal_recipe_sections[BAL_SECTION_GENERAL];
    yaml_event_t e;
    emit(o, yaml_stream_start_event_initialize(&e, YAML_UTF8_ENCODING), &e);
    emit(o, yaml_document_start_event_initialize(&e, NULL, NULL, NULL, 1), &e);
    begin_mapping(o);
    rows(o, general, (const char *)recipe);
    sections(o, general, (const char *)recipe);
    stages(o, recipe);
    end_mapping(o);
    emit(o, yaml_document_end_event_initialize(&e, 1), &e);
    emit(o, yaml_stream_end_event_initialize(&e), &e);
}

bal_status bal_recipe_yaml(const bal_recipe *recipe, bal_ctx *ctx, char **text)
{
    *text = NULL;
    output o = {.ctx = ctx, .ok = true};
    if (!yaml_emitter_initialize(&o.yaml))
        return bal_fail(ctx, BAL_NO_MEMORY, "no memory to write recipe %s", recipe->where);
    yaml_emitter_set_output(&o.yaml, append, &o);
    yaml_emitter_set_unicode(&o.yaml, 1);
    yaml_emitter_set_width(&o.yaml, -1);
    document(&o, recipe);
    yaml_emitter_delete(&o.yaml);
    if (!o.ok || !o.text) {
        bal_free(ctx, o.text);
        return bal_fail(ctx, BAL_NO_MEMORY, "no memory to write recipe %s", recipe->where);
    }
    o.text[o.count] = '\0';
    *text = o.text;
    return BAL_OK;
}
