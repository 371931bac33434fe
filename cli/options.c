/* Options: defaults, the rows that only the program has, and the parsing of words and environment
 * into the settings by the tables. */
#include "cli.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

cli_settings cli_settings_defaults(void)
{
    return (cli_settings){
        .train = bal_train_defaults(),
        .dataset = bal_dataset_defaults(),
        .bench = bal_bench_defaults(),
        .source = {.batch_size = bal_predictor_defaults().batch_size},
        .measure = {.bootstrap = bal_evaluation_defaults().bootstrap,
                    .seed = bal_dataset_defaults().seed},
        .predict = {.top = 3},
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
    {"everywhere", global_rows, offsetof(cli_settings, global), false},
    {NULL, NULL, 0, false},
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
#define RUN_SOURCE_ROWS                                          \
    {"engine",                                                   \
     BAL_OPTION_TEXT,                                            \
     SOURCE(engine),                                             \
     0,                                                          \
     0,                                                          \
     "NAME",                                                     \
     NULL,                                                       \
     "engine that computes (default: the best of this build)"},  \
        {"batch-size",                                           \
         BAL_OPTION_INT,                                         \
         SOURCE(batch_size),                                     \
         1,                                                      \
         65536,                                                  \
         "N",                                                    \
         NULL,                                                   \
         "images at a time (default 128)"},                      \
    {                                                            \
        "last", BAL_OPTION_FLAG, SOURCE(last), 0, 0, NULL, NULL, \
            "a run's last weights instead of its best"           \
    }

const bal_option *cli_run_source_rows(void)
{
    static const bal_option rows[] = {
        RUN_SOURCE_ROWS,
        {NULL, BAL_OPTION_FLAG, 0, 0, 0, NULL, NULL, NULL},
    };
    return rows;
}

const bal_option *cli_source_rows(void)
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
        RUN_SOURCE_ROWS,
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

static const char *option_name_at(const void *user, int i)
{
    const cli_group *group;
    const bal_option *row = cli_option_at(user, i, &group);
    return row ? row->name : NULL;
}

/* Second names of options, for those who know them from elsewhere. */
static const struct {
    const char *name, *option;
} aliases[] = {{"batch", "batch-size"}};

static const bal_option *find_option(const cli_command *command, const char *name,
                                     const cli_group **group)
{
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++)
        if (strcmp(aliases[i].name, name) == 0)
            name = aliases[i].option;
    const bal_option *row;
    for (int i = 0; (row = cli_option_at(command, i, group)); i++)
        if (strcmp(row->name, name) == 0)
            return row;
    return NULL;
}

/* Lists of the library that an option's value comes from. */
static const char *recipe_name(int i)
{
    const bal_recipe_info *info = bal_recipe_at(i);
    return info ? info->name : NULL;
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
    {"recipe", recipe_name}, {"yaml", recipe_name},    {"model", model_name},
    {"engine", engine_name}, {"monitor", metric_name},
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

const cli_command *cli_find_command(int count, char **words, int *used)
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

/* ---- parsing ---- */

static bal_status add_to_list(cli *c, cli_list *list, const char *text)
{
    const char **more = realloc(list->items, ((size_t)list->count + 1) * sizeof *more);
    if (!more)
        return cli_fail(c, BAL_NO_MEMORY, "no memory for the command line");
    list->items = more;
    list->items[list->count++] = text;
    return BAL_OK;
}

static bal_status store(cli *c, const cli_group *group, const bal_option *row, const char *prefix,
                        const char *text)
{
    char *settings = (char *)&c->settings + group->offset;
    if (group->repeated)
        return add_to_list(c, (cli_list *)(void *)(settings + row->offset), text);
    return bal_option_set(c->ctx, row, settings, prefix, text);
}

static bal_status from_environment(cli *c)
{
    const cli_group *group;
    const bal_option *row;
    for (int i = 0; (row = cli_option_at(c->command, i, &group)); i++) {
        char name[80] = "BALLAST_", prefix[96];
        size_t at = strlen(name);
        for (const char *p = row->name; *p && at + 1 < sizeof name; p++)
            name[at++] = *p == '-' ? '_' : (char)toupper((unsigned char)*p);
        name[at] = '\0';
        const char *text = getenv(name);
        if (!text || !*text || group->repeated || strcmp(row->name, "help") == 0)
            continue;
        snprintf(prefix, sizeof prefix, "%s in the environment: --", name);
        const bal_status status = store(c, group, row, prefix, text);
        if (status != BAL_OK)
            return status;
    }
    return BAL_OK;
}

static bal_status unknown_option(cli *c, const char *name)
{
    const char *near = bal_nearest_name(name, option_name_at, c->command);
    return cli_fail(c, BAL_BAD_ARG, "unknown option --%s%s%s%s (ballast %s --help lists them)",
                    name, near ? "; did you mean --" : "", near ? near : "", near ? "?" : "",
                    c->command->name);
}

/* One "--name", "--name=value" or "--no-name"; *at is moved over a value that follows. */
static bal_status parse_long(cli *c, int count, char **words, int *at)
{
    const char *word = words[*at] + 2;
    const char *equals = strchr(word, '=');
    char name[80];
    snprintf(name, sizeof name, "%.*s", equals ? (int)(equals - word) : (int)strlen(word), word);
    const cli_group *group;
    const bal_option *row = find_option(c->command, name, &group);
    const bool no = !row && strncmp(name, "no-", 3) == 0;
    if (no)
        row = find_option(c->command, name + 3, &group);
    if (!row || (no && row->kind != BAL_OPTION_FLAG))
        return unknown_option(c, name);
    if (no && equals)
        return cli_fail(c, BAL_BAD_ARG, "--%s takes no value", name);
    if (equals)
        return store(c, group, row, "--", equals + 1);
    if (row->kind == BAL_OPTION_FLAG)
        return store(c, group, row, "--", no ? "false" : "true");
    const bool follows = *at + 1 < count && strncmp(words[*at + 1], "--", 2) != 0;
    if (!follows && strcmp(row->name, "json") == 0)
        return store(c, group, row, "--", "-");
    if (!follows)
        return cli_fail(c, BAL_BAD_ARG,
                        "--%s wants a value (write --%s=VALUE where it begins with --)", name,
                        name);
    return store(c, group, row, "--", words[++*at]);
}

static bal_status parse_short(cli *c, const char *word)
{
    cli_global *global = &c->settings.global;
    for (const char *p = word + 1; *p; p++) {
        if (*p == 'q')
            global->quiet = true;
        else if (*p == 'v')
            global->verbose = true;
        else if (*p == 'h')
            global->help = true;
        else
            return cli_fail(c, BAL_BAD_ARG,
                            "unknown option %s (-q, -v and -h are the short ones; ballast %s "
                            "--help lists the long)",
                            word, c->command->name);
    }
    return BAL_OK;
}

static bal_status check_arguments(cli *c)
{
    const cli_command *command = c->command;
    if (c->settings.global.help)
        return BAL_OK;
    if (c->arg_count < command->least)
        return cli_fail(c, BAL_BAD_ARG, "%s is missing (usage: ballast %s %.*s)",
                        command->arguments[c->arg_count].name, command->name,
                        (int)strcspn(command->usage, "\n"), command->usage);
    if (command->most >= 0 && c->arg_count > command->most)
        return cli_fail(c, BAL_BAD_ARG, "\"%s\" is one argument too many (usage: ballast %s %.*s)",
                        c->args[command->most], command->name, (int)strcspn(command->usage, "\n"),
                        command->usage);
    return BAL_OK;
}

/* The command line as it can be typed again. */
static char *quoted_line(const cli_command *command, int count, char **words)
{
    size_t room = strlen(command->name) + 16;
    for (int i = 0; i < count; i++)
        room += 4 * strlen(words[i]) + 4;
    char *line = malloc(room);
    if (!line)
        return NULL;
    size_t at = (size_t)snprintf(line, room, "ballast %s", command->name);
    for (int i = 0; i < count; i++) {
        const char *plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                            "_-./:=,+%@";
        line[at++] = ' ';
        if (words[i][0] && words[i][strspn(words[i], plain)] == '\0') {
            at += (size_t)snprintf(line + at, room - at, "%s", words[i]);
            continue;
        }
        line[at++] = '\'';
        for (const char *p = words[i]; *p; p++) {
            if (*p == '\'')
                at += (size_t)snprintf(line + at, room - at, "'\\''");
            else
                line[at++] = *p;
        }
        line[at++] = '\'';
    }
    line[at] = '\0';
    return line;
}

bal_status cli_parse(cli *c, int count, char **words)
{
    c->args = calloc((size_t)count + 1, sizeof *c->args);
    c->command_line = quoted_line(c->command, count, words);
    if (!c->args || !c->command_line)
        return cli_fail(c, BAL_NO_MEMORY, "no memory for the command line");
    bal_status status = from_environment(c);
    bool options = true;
    for (int i = 0; i < count && status == BAL_OK; i++) {
        if (options && strcmp(words[i], "--") == 0)
            options = false;
        else if (options && strncmp(words[i], "--", 2) == 0)
            status = parse_long(c, count, words, &i);
        else if (options && words[i][0] == '-' && words[i][1])
            status = parse_short(c, words[i]);
        else
            c->args[c->arg_count++] = words[i];
    }
    return status == BAL_OK ? check_arguments(c) : status;
}
