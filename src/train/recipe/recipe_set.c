/* Overrides of a recipe's fields: "optimizer.lr", "stages[1].loss.gamma", "loss.gamma". */
#include "train/recipe/recipe_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST_KEY 127

/* What a dotted key means. */
typedef struct target {
    const bal_recipe_section *section;
    int key;   /* row of bal_recipe_key_at */
    int stage; /* -1: every stage, or not in a stage */
} target;

/* "stages[1].", "stages." or nothing: the stage's number, -1 where none is given; moves *at. */
static bool take_stage(const char **at, int *stage)
{
    *stage = -1;
    if (strncmp(*at, "stages.", 7) == 0) {
        *at += 7;
        return true;
    }
    if (strncmp(*at, "stages[", 7) != 0)
        return false;
    char *end;
    const long number = strtol(*at + 7, &end, 10);
    if ((*at)[7] < '0' || (*at)[7] > '9' || strncmp(end, "].", 2) != 0 ||
        number > BAL_RECIPE_STAGES)
        return false;
    *stage = (int)number;
    *at = end + 2;
    return true;
}

/* Looks for "section.name" or "name" among the sections, stages or not. */
static bool find_target(const char *path, bool staged_only, target *found)
{
    const char *dot = strchr(path, '.');
    for (int s = 0; s < BAL_RECIPE_SECTIONS; s++) {
        const bal_recipe_section *section = &bal_recipe_sections[s];
        if (staged_only && !section->in_stage)
            continue;
        const bool plain = s == BAL_SECTION_GENERAL || s == BAL_SECTION_STAGE;
        const size_t size = dot ? (size_t)(dot - path) : 0;
        if (plain ? dot != NULL
                  : !dot || strlen(section->key) != size || memcmp(section->key, path, size) != 0)
            continue;
        const int key = bal_recipe_find_key(section, dot ? dot + 1 : path);
        if (key >= 0) {
            *found = (target){section, key, -1};
            return true;
        }
    }
    return false;
}

/* The keys as an override spells them, for "did you mean". */
typedef struct spelling {
    char names[BAL_RECIPE_KEYS_MOST][LONGEST_KEY + 1];
    int count;
} spelling;

static const char *spelled(const void *user, int i)
{
    const spelling *s = user;
    return i < s->count ? s->names[i] : NULL;
}

static bal_status refuse_key(bal_recipe *recipe, const char *key, const char *path)
{
    spelling *s = bal_calloc(recipe->ctx, 1, sizeof *s);
    if (!s)
        return BAL_NO_MEMORY;
    const bal_recipe_key *row;
    for (; s->count < BAL_RECIPE_KEYS_MOST && (row = bal_recipe_key_at(s->count)); s->count++) {
        const char *dot = strchr(row->section, '.');
        const char *section = dot ? dot + 1 : strcmp(row->section, "stages") ? row->section : "";
        snprintf(s->names[s->count], sizeof s->names[0], "%s%s%s", section, *section ? "." : "",
                 row->option->name);
    }
    const char *near = bal_nearest_name(path, spelled, s);
    const bal_status status =
        bal_fail(recipe->ctx, BAL_BAD_ARG, "unknown recipe key \"%s\"%s%.*s%s%s", key,
                 near ? "; did you mean \"" : "", near ? (int)(path - key) : 0, key,
                 near ? near : "", near ? "\"?" : "");
    bal_free(recipe->ctx, s);
    return status;
}

bal_status bal_recipe_set(bal_recipe *recipe, const char *key, const char *text)
{
    const char *path = key;
    int stage;
    const bool staged = take_stage(&path, &stage);
    target t;
    if (strlen(key) > LONGEST_KEY || !find_target(path, staged, &t))
        return refuse_key(recipe, key, path);
    if (stage >= recipe->stage_count)
        return bal_fail(recipe->ctx, BAL_BAD_ARG,
                        "recipe key \"%s\": the recipe has %d stages, counted from 0", key,
                        recipe->stage_count);
    const bal_option *row = bal_recipe_key_at(t.key)->option;
    const char *kept = bal_recipe_keep(recipe, text, strlen(text));
    if (!kept)
        return BAL_NO_MEMORY;
    char prefix[LONGEST_KEY + 1];
    snprintf(prefix, sizeof prefix, "%.*s", (int)(strlen(key) - strlen(row->name)), key);
    if (!t.section->in_stage)
        return bal_recipe_store(recipe, row, (char *)recipe + t.section->offset, prefix, kept);
    for (int i = 0; i < recipe->stage_count; i++)
        if (stage < 0 || stage == i)
            BAL_TRY(bal_recipe_store(recipe, row, (char *)&recipe->stages[i] + t.section->offset,
                                     prefix, kept));
    return BAL_OK;
}
