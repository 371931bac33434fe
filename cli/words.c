/* From words and environment into the settings, by the tables of options. */
#include "cli.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

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
    if (group->kind == CLI_REPEATED)
        return add_to_list(c, (cli_list *)(void *)(settings + row->offset), text);
    return bal_option_set(c->ctx, row, settings, prefix, text);
}

/* ---- environment ---- */

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
        if (!text || !*text || group->kind != CLI_ONCE || strcmp(row->name, "help") == 0)
            continue;
        snprintf(prefix, sizeof prefix, "%s in the environment: --", name);
        const bal_status status = store(c, group, row, prefix, text);
        if (status != BAL_OK)
            return status;
    }
    return BAL_OK;
}

/* ---- words ---- */

static bal_status unknown_option(cli *c, const char *name)
{
    const char *near = bal_nearest_name(name, cli_option_name_at, c->command);
    return cli_fail(c, BAL_BAD_ARG, "unknown option --%s%s%s%s (ballast %s --help lists them)",
                    name, near ? "; did you mean --" : "", near ? near : "", near ? "?" : "",
                    c->command->name);
}

/* The option that a word without its dashes means; *no: it was written as --no-NAME. */
static bal_status which_option(cli *c, const char *name, int *option, bool *no)
{
    char others[256];
    const cli_group *group;
    *option = cli_find_option(c->command, name, others, sizeof others);
    *no = *option == CLI_UNKNOWN && strncmp(name, "no-", 3) == 0;
    if (*no) {
        *option = cli_find_option(c->command, name + 3, others, sizeof others);
        if (*option >= 0 && cli_option_at(c->command, *option, &group)->kind != BAL_OPTION_FLAG)
            *option = CLI_UNKNOWN;
    }
    if (*option == CLI_AMBIGUOUS)
        return cli_fail(c, BAL_BAD_ARG, "--%s could be %s", name, others);
    return *option == CLI_UNKNOWN ? unknown_option(c, name) : BAL_OK;
}

static bal_status parse_long(cli *c, int count, char **words, int *at)
{
    const char *word = words[*at] + 2;
    const char *equals = strchr(word, '=');
    char name[80];
    int option;
    bool no;
    snprintf(name, sizeof name, "%.*s", equals ? (int)(equals - word) : (int)strlen(word), word);
    const bal_status status = which_option(c, name, &option, &no);
    if (status != BAL_OK)
        return status;
    const cli_group *group;
    const bal_option *row = cli_option_at(c->command, option, &group);
    if (option < CLI_MOST_OPTIONS)
        c->given[option] = true;
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
                        "--%s wants a value (write --%s=VALUE where it begins with --)", row->name,
                        row->name);
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

const char *cli_given_of(const cli *c, const bal_option *(*rows)(void))
{
    const cli_group *group;
    const bal_option *row;
    for (int i = 0; i < CLI_MOST_OPTIONS && (row = cli_option_at(c->command, i, &group)); i++)
        if (c->given[i] && group->rows == rows)
            return row->name;
    return NULL;
}
