/* Options: defaults, the rows that only the program has, and looking them up. words.c fills the
 * settings. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

cli_settings cli_settings_defaults(void)
{
    return (cli_settings){
        .train = bal_train_defaults(),
        .dataset = bal_dataset_defaults(),
        .bench = bal_bench_defaults(),
        .get = bal_get_defaults(),
        .source = {.batch_size = bal_predictor_defaults().batch_size},
        .measure = {.bootstrap = bal_evaluation_defaults().bootstrap,
                    .seed = bal_dataset_defaults().seed},
        .calibrate = {.method = bal_model_calibration_defaults().methods,
                      .seed = bal_calibration_defaults().seed},
        .calibration = bal_calibration_defaults(),
        .predict = {.top = 3},
        .images = bal_image_resample_defaults(),
        .audit = bal_audit_defaults(),
        .explain = bal_explain_defaults(),
        .explain_files = {.seed = 1, .columns = 6},
    };
}

/* ---- rows ---- */

#define GLOBAL(f) offsetof(cli_global, f)
static const bal_option *global_rows(void)
{
    static const bal_option rows[] = {
        {"threads", BAL_OPTION_INT, GLOBAL(threads), 0, 1024, "N", NULL,
         "processors to use (default 0: all)"},
        {"json", BAL_OPTION_TEXT, GLOBAL(json), 0, 0, "FILE", NULL,
         "result as JSON too; - for stdout instead of text (also when no FILE follows)"},
        {"quiet", BAL_OPTION_FLAG, GLOBAL(quiet), 0, 0, NULL, NULL, "results and errors only (-q)"},
        {"verbose", BAL_OPTION_FLAG, GLOBAL(verbose), 0, 0, NULL, NULL, "say more (-v)"},
        {"help", BAL_OPTION_FLAG, GLOBAL(help), 0, 0, NULL, NULL, "show this and stop (-h)"},
        {NULL, BAL_OPTION_FLAG, 0, 0, 0, NULL, NULL, NULL},
    };
    return rows;
}
const cli_group cli_group_global[] = {
    {"everywhere", global_rows, offsetof(cli_settings, global), CLI_ONCE},
    {NULL, NULL, 0, CLI_ONCE},
};

const bal_option *cli_dataset_seed_rows(void)
{
    static const bal_option rows[] = {
        {"seed", BAL_OPTION_SEED, offsetof(bal_dataset_settings, seed), 0, 0, "N", NULL,
         "decides the members of the long tail and of the validation split (default 1)"},
        {NULL, BAL_OPTION_FLAG, 0, 0, 0, NULL, NULL, NULL},
    };
    return rows;
}

#define SOURCE(f) offsetof(cli_source, f)
const bal_option *cli_running_rows(void)
{
    static const bal_option rows[] = {
        {"engine", BAL_OPTION_TEXT, SOURCE(engine), 0, 0, "NAME", NULL,
         "engine that computes (default: the best of this build)"},
        {"batch-size", BAL_OPTION_INT, SOURCE(batch_size), 1, 65536, "N", NULL,
         "images at a time (default 128)"},
        {"last", BAL_OPTION_FLAG, SOURCE(last), 0, 0, NULL, NULL,
         "a run's last weights instead of its best"},
        {NULL, BAL_OPTION_FLAG, 0, 0, 0, NULL, NULL, NULL},
    };
    return rows;
}

#define MEASURE(f) offsetof(cli_measure, f)
const bal_option *cli_saved_scores_rows(void)
{
    static const bal_option rows[] = {
        {"scores", BAL_OPTION_TEXT, MEASURE(scores), 0, 0, "FILE", NULL,
         "logits, items x classes, as NPY"},
        {"labels", BAL_OPTION_TEXT, MEASURE(labels), 0, 0, "FILE", NULL,
         "class numbers from 0, one an item, as NPY"},
        {"probabilities", BAL_OPTION_FLAG, MEASURE(probabilities), 0, 0, NULL, NULL,
         "the scores are probabilities"},
        {"train-counts", BAL_OPTION_TEXT, MEASURE(train_counts), 0, 0, "N,N,...", NULL,
         "training images per class, for groups of frequent and rare classes, and for priors"},
        {NULL, BAL_OPTION_FLAG, 0, 0, 0, NULL, NULL, NULL},
    };
    return rows;
}

const bal_option *cli_calibrated_rows(void)
{
    static const bal_option rows[] = {
        {"no-calibration", BAL_OPTION_FLAG, SOURCE(no_calibration), 0, 0, NULL, NULL,
         "plain softmax, also where the run has a calibration"},
        {NULL, BAL_OPTION_FLAG, 0, 0, 0, NULL, NULL, NULL},
    };
    return rows;
}

const bal_option *cli_weights_rows(void)
{
    static const bal_option rows[] = {
        {"model", BAL_OPTION_TEXT, SOURCE(model), 0, 0, "NAME", NULL,
         "instead of a run: the network (ballast methods models)"},
        {"weights", BAL_OPTION_TEXT, SOURCE(weights), 0, 0, "FILE", NULL,
         "its weights, a safetensors file"},
        {"mean", BAL_OPTION_TEXT, SOURCE(mean), 0, 0, "A,B,C", NULL,
         "taken off pixels / 255, one number a channel (default 0)"},
        {"std", BAL_OPTION_TEXT, SOURCE(std), 0, 0, "A,B,C", NULL,
         "then divided by, one number a channel (default 1)"},
        {"head", BAL_OPTION_CHOICE, SOURCE(head), 0, 0, NULL, "linear|cosine",
         "its last layer (default linear)"},
        {NULL, BAL_OPTION_FLAG, 0, 0, 0, NULL, NULL, NULL},
    };
    return rows;
}

/* ---- looking at the tables ---- */

const bal_option *cli_option_at(const cli_command *command, int i, const cli_group **group)
{
    const cli_group *const parts[] = {command->groups, cli_group_global};
    for (int p = 0; p < 2; p++) {
        for (const cli_group *g = parts[p]; g && g->title; g++) {
            for (const bal_option *row = g->rows(); row->name; row++) {
                if (i-- == 0) {
                    *group = g;
                    return row;
                }
            }
        }
    }
    return NULL;
}

const char *cli_option_name_at(const void *command, int i)
{
    const cli_group *group;
    const bal_option *row = cli_option_at(command, i, &group);
    return row ? row->name : NULL;
}

int cli_find_option(const cli_command *command, const char *name, char *others, size_t size)
{
    const size_t length = strlen(name);
    const char *option;
    int found = CLI_UNKNOWN;
    others[0] = '\0';
    for (int i = 0; (option = cli_option_name_at(command, i)); i++) {
        if (strncmp(option, name, length) != 0)
            continue;
        if (!option[length])
            return i;
        const size_t at = strlen(others);
        snprintf(others + at, size - at, "%s--%s", at ? ", " : "", option);
        found = found == CLI_UNKNOWN ? i : CLI_AMBIGUOUS;
    }
    return found;
}

/* Lists of the library that an option's value comes from. */
static const char *recipe_name(int i)
{
    const bal_recipe_info *info = bal_recipe_at(i);
    return info ? info->name : NULL;
}
static const char *recipe_or_auto(int i)
{
    return i == 0 ? BAL_RECIPE_AUTO : recipe_name(i - 1);
}
static const char *model_name(int i)
{
    const bal_model_info *info = bal_model_at(i);
    return info ? info->name : NULL;
}
static const char *engine_name(int i)
{
    const bal_engine_info *info = bal_engine_at(i);
    return info ? info->name : NULL;
}
static const char *metric_name(int i)
{
    return i < BAL_METRIC_COUNT ? bal_metric_key((bal_metric)i) : NULL;
}
static const struct {
    const char *option;
    const char *(*name_at)(int i);
} value_lists[] = {
    {"recipe", recipe_or_auto}, {"yaml", recipe_name},        {"model", model_name},
    {"engine", engine_name},    {"eval-metric", metric_name},
};

const char *cli_value_at(const bal_option *row, int i, char *buffer, size_t size)
{
    for (size_t l = 0; l < sizeof value_lists / sizeof value_lists[0]; l++)
        if (strcmp(value_lists[l].option, row->name) == 0)
            return value_lists[l].name_at(i);
    const char *at = row->choices;
    for (; at && i > 0; i--) {
        at = strchr(at, '|');
        at = at ? at + 1 : NULL;
    }
    if (!at)
        return NULL;
    snprintf(buffer, size, "%.*s", (int)strcspn(at, "|"), at);
    return buffer;
}

const cli_command *cli_find_command(int count, const char *const *words, int *used)
{
    for (int i = 0; cli_command_at(i); i++) {
        const cli_command *command = cli_command_at(i);
        const char *space = strchr(command->name, ' ');
        const size_t first = space ? (size_t)(space - command->name) : strlen(command->name);
        if (count < 1 || strlen(words[0]) != first || strncmp(words[0], command->name, first) != 0)
            continue;
        if (space && (count < 2 || strcmp(words[1], space + 1) != 0))
            continue;
        *used = space ? 2 : 1;
        return command;
    }
    return NULL;
}

static const char *command_name_at(const void *user, int i)
{
    (void)user;
    return cli_command_at(i) ? cli_command_at(i)->name : NULL;
}

void cli_unknown_command(int count, const char *const *words, char *text, size_t size)
{
    /* "data lits" is compared with two words, "trian fashion-mnist" with its first */
    char name[128];
    const char *near = NULL;
    if (count > 1) {
        snprintf(name, sizeof name, "%s %s", words[0], words[1]);
        near = bal_nearest_name(name, command_name_at, NULL);
    }
    if (!near || !strchr(near, ' ')) {
        snprintf(name, sizeof name, "%s", words[0]);
        near = bal_nearest_name(name, command_name_at, NULL);
    }
    snprintf(text, size, "unknown command \"%s\"%s%s%s (ballast help lists them)", name,
             near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}
