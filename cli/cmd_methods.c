/* ballast methods: every list of the library, as text or JSON. */
#include "cli.h"

#include <string.h>

/* One row of a list, whatever the list. Texts that a list lacks are NULL. */
typedef struct method {
    const char *name, *about, *formula, *source;
} method;

static bool recipe_row(int i, method *m)
{
    const bal_recipe_info *info = bal_recipe_at(i);
    if (info)
        *m = (method){info->name, info->about, NULL, info->source};
    return info;
}
static bool choice_row(int i, method *m)
{
    const bal_recipe_choice *choice = bal_recipe_choice_at(i);
    if (choice)
        *m = (method){choice->name, choice->why, choice->when, choice->source};
    return choice;
}
static bool loss_row(int i, method *m)
{
    const bal_loss_info *info = bal_loss_at(i);
    if (info)
        *m = (method){info->name, info->title, info->formula, info->source};
    return info;
}
static bool plain_row(const bal_method_info *info, method *m)
{
    if (info)
        *m = (method){info->name, NULL, info->formula, info->source};
    return info;
}
static bool weighting_row(int i, method *m)
{
    return plain_row(bal_class_weighting_at(i), m);
}
static bool sampler_row(int i, method *m)
{
    return plain_row(bal_sampler_at(i), m);
}
static bool augmentation_row(int i, method *m)
{
    return plain_row(bal_augmentation_at(i), m);
}
static bool mix_row(int i, method *m)
{
    return plain_row(bal_mix_at(i), m);
}
static bool optimizer_row(int i, method *m)
{
    const bal_optimizer_info *info = bal_optimizer_at(i);
    if (info)
        *m = (method){info->name, NULL, info->formula, info->source};
    return info;
}
static bool resampler_row(int i, method *m)
{
    const bal_resampler_info *info = bal_resampler_at(i);
    if (info)
        *m = (method){info->name, NULL, info->formula, info->source};
    return info;
}
static bool calibration_row(int i, method *m)
{
    const bal_calibration_info *info = bal_calibration_at(i);
    if (info)
        *m = (method){info->name, info->about, info->formula, info->source};
    return info;
}
static bool model_row(int i, method *m)
{
    const bal_model_info *info = bal_model_at(i);
    if (info)
        *m = (method){info->name, info->about, NULL, info->source};
    return info;
}
static bool head_row(int i, method *m)
{
    const bal_head_info *info = bal_head_at(i);
    if (info)
        *m = (method){info->name, NULL, info->formula, info->source};
    return info;
}
static bool action_row(int i, method *m)
{
    return plain_row(bal_stage_action_at(i), m);
}
static bool op_row(int i, method *m)
{
    const bal_op_info *info = bal_op_at(i);
    if (info)
        *m = (method){info->name, info->about, NULL, NULL};
    return info;
}
static bool metric_row(int i, method *m)
{
    if (i >= BAL_METRIC_COUNT)
        return false;
    *m = (method){bal_metric_key((bal_metric)i), bal_metric_about((bal_metric)i), NULL, NULL};
    return true;
}
static bool engine_row(int i, method *m)
{
    const bal_engine_info *info = bal_engine_at(i);
    if (info)
        *m = (method){info->name, info->about, NULL, NULL};
    return info;
}

static const struct section {
    const char *name;
    bool (*row)(int i, method *m);
} sections[] = {
    {"recipes", recipe_row},       {"recipe-choices", choice_row},
    {"losses", loss_row},          {"class-weights", weighting_row},
    {"samplers", sampler_row},     {"augmentations", augmentation_row},
    {"mixing", mix_row},           {"optimizers", optimizer_row},
    {"resamplers", resampler_row}, {"calibrations", calibration_row},
    {"stage-actions", action_row}, {"models", model_row},
    {"heads", head_row},           {"ops", op_row},
    {"metrics", metric_row},       {"engines", engine_row},
};
#define SECTIONS ((int)(sizeof sections / sizeof sections[0]))
static const char keys_section[] = "recipe-keys";

static const char *section_name_at(const void *user, int i)
{
    (void)user;
    return i < SECTIONS ? sections[i].name : i == SECTIONS ? keys_section : NULL;
}

/* ---- text ---- */

#define COLUMN 28

static void text_row(const method *m)
{
    char source[256];
    cli_write_entry(stdout, m->name, COLUMN, m->about ? m->about : m->formula);
    if (m->about && m->formula && *m->formula)
        cli_write_paragraph(stdout, COLUMN, m->formula);
    if (m->source && *m->source) {
        snprintf(source, sizeof source, "source: %s", m->source);
        cli_write_paragraph(stdout, COLUMN, source);
    }
}

static void text_section(const struct section *s)
{
    printf("%s:\n", s->name);
    method m;
    for (int i = 0; s->row(i, &m); i++)
        text_row(&m);
}

static void text_keys(void)
{
    printf("%s:\n", keys_section);
    const bal_recipe_key *key;
    for (int i = 0; (key = bal_recipe_key_at(i)); i++) {
        char name[96];
        snprintf(name, sizeof name, "%s%s%s", key->section, *key->section ? "." : "",
                 key->option->name);
        cli_write_entry(stdout, name, 30, key->option->about);
    }
}

/* ---- JSON ---- */

static json_t *json_section(const struct section *s)
{
    json_t *rows = json_array();
    method m;
    for (int i = 0; s->row(i, &m); i++) {
        json_t *row = json_pack("{s:s}", "name", m.name);
        const char *const texts[][2] = {
            {"about", m.about}, {"formula", m.formula}, {"source", m.source}};
        for (int t = 0; t < 3; t++)
            if (texts[t][1] && *texts[t][1])
                json_object_set_new(row, texts[t][0], json_string(texts[t][1]));
        json_array_append_new(rows, row);
    }
    return rows;
}

static json_t *json_keys(void)
{
    json_t *rows = json_array();
    const bal_recipe_key *key;
    for (int i = 0; (key = bal_recipe_key_at(i)); i++)
        json_array_append_new(rows, json_pack("{s:s, s:s, s:s}", "section", key->section, "name",
                                              key->option->name, "about", key->option->about));
    return rows;
}

/* ---- the command ---- */

static const char *recipe_name_at(const void *user, int i)
{
    (void)user;
    return bal_recipe_at(i) ? bal_recipe_at(i)->name : NULL;
}

static bal_status print_recipe(cli *c, const char *name)
{
    const bal_recipe_info *info;
    for (int i = 0; (info = bal_recipe_at(i)); i++) {
        if (strcmp(info->name, name) == 0) {
            fputs(info->yaml, stdout);
            return BAL_OK;
        }
    }
    const char *near = bal_nearest_name(name, recipe_name_at, NULL);
    return cli_fail(c, BAL_BAD_ARG, "--yaml: no built-in recipe \"%s\"%s%s%s", name,
                    near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static bal_status run_methods(cli *c)
{
    const char *only = c->arg_count ? c->args[0] : NULL;
    if (c->settings.methods.yaml)
        return print_recipe(c, c->settings.methods.yaml);
    json_t *all = json_object();
    bool found = false;
    for (int s = 0; s <= SECTIONS; s++) {
        const char *name = section_name_at(NULL, s);
        if (only && strcmp(only, name) != 0)
            continue;
        if (cli_wants_text(c)) {
            if (found)
                putchar('\n');
            if (s < SECTIONS)
                text_section(&sections[s]);
            else
                text_keys();
        }
        found = true;
        json_object_set_new(all, name, s < SECTIONS ? json_section(&sections[s]) : json_keys());
    }
    if (found && cli_wants_json(c))
        return cli_put_json(c, all);
    json_decref(all);
    if (found)
        return BAL_OK;
    const char *near = bal_nearest_name(only, section_name_at, NULL);
    return cli_fail(c, BAL_BAD_ARG, "no list \"%s\"%s%s%s (ballast methods --help names them)",
                    only, near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static const bal_option *methods_rows(void)
{
    static const bal_option rows[] = {
        {"yaml", BAL_OPTION_TEXT, offsetof(cli_methods, yaml), 0, 0, "NAME", NULL,
         "print this built-in recipe instead, to begin an own one with"},
        {NULL, BAL_OPTION_FLAG, 0, 0, 0, NULL, NULL, NULL},
    };
    return rows;
}
static const cli_group methods_groups[] = {
    {"recipes", methods_rows, offsetof(cli_settings, methods), CLI_BY_HAND},
    {NULL, NULL, 0, CLI_ONCE},
};

const cli_command cli_command_methods = {
    .name = "methods",
    .usage = "[LIST] [options]",
    .about = "every recipe, loss, sampler, model, metric and engine",
    .text = "Without LIST all of them, class weightings, augmentations and ops too.\n\n"
            "Formulas use C classes, n_j training images of class j, logits z and p = softmax(z).\n"
            "The recipe keys are those of a recipe file, and of `ballast train --set KEY=VALUE`.",
    .run = run_methods,
    .groups = methods_groups,
    .arguments =
        (const cli_argument[]){
            {"LIST",
             "only recipes, recipe-choices (what auto takes), losses, class-weights, "
             "samplers, augmentations, mixing, "
             "optimizers, resamplers, calibrations, stage-actions, models, heads, ops, metrics, "
             "engines or recipe-keys"},
            {0}},
    .least = 0,
    .most = 1,
    .examples = (const cli_example[]){{"ballast methods recipes", "what can be trained"},
                                      {"ballast methods --json", "everything, for machines"},
                                      {"ballast methods --yaml ldam-drw", "a recipe as a file"},
                                      {0}},
};
