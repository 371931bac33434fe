/* ballast help, version and manual. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

/* ---- help ---- */

static bal_status run_help(cli *c)
{
    if (c->arg_count == 0) {
        cli_write_overview(stdout);
        return BAL_OK;
    }
    int used;
    const cli_command *command = cli_find_command(c->arg_count, c->args, &used);
    if (command && used == c->arg_count) {
        cli_write_help(stdout, command);
        return BAL_OK;
    }
    if (c->arg_count == 1 && cli_write_family(stdout, c->args[0]))
        return BAL_OK;
    char text[512];
    cli_unknown_command(c->arg_count, c->args, text, sizeof text);
    return cli_fail(c, BAL_BAD_ARG, "%s", text);
}

const cli_command cli_command_help = {
    .name = "help",
    .usage = "[COMMAND]",
    .about = "list the commands, or show the help of one",
    .run = run_help,
    .arguments = (const cli_argument[]){{"COMMAND", "for instance train, or data info"}, {0}},
    .least = 0,
    .most = 2,
    .examples = (const cli_example[]){{"ballast help", "list the commands"},
                                      {"ballast help data info", "show the help of one"},
                                      {0}},
};

/* ---- version ---- */

static bal_status run_version(cli *c)
{
    if (cli_wants_text(c)) {
        printf("ballast %s\n", bal_version());
        for (int i = 0; bal_engine_at(i); i++)
            printf("engine %s%s%s\n", bal_engine_at(i)->name,
                   bal_engine_at(i)->version[0] ? " " : "", bal_engine_at(i)->version);
    }
    if (!cli_wants_json(c))
        return BAL_OK;
    json_t *engines = json_array();
    for (int i = 0; bal_engine_at(i); i++)
        json_array_append_new(engines, json_pack("{s:s, s:s}", "name", bal_engine_at(i)->name,
                                                 "version", bal_engine_at(i)->version));
    return cli_put_json(c, json_pack("{s:s, s:o}", "version", bal_version(), "engines", engines));
}

const cli_command cli_command_version = {
    .name = "version",
    .usage = "[options]",
    .about = "versions of the program and of what it stands on",
    .run = run_version,
    .examples = (const cli_example[]){{"ballast version", "show them"}, {0}},
};

/* ---- manual ---- */

#define MANUAL(f) offsetof(cli_manual, f)
static const bal_option *manual_rows(void)
{
    static const bal_option rows[] = {
        {"markdown", BAL_OPTION_TEXT, MANUAL(markdown), 0, 0, "FOLDER", NULL,
         "write a Markdown page per command into this folder"},
        {"roff", BAL_OPTION_FLAG, MANUAL(roff), 0, 0, NULL, NULL,
         "the man page ballast(1) on stdout"},
        {NULL, BAL_OPTION_FLAG, 0, 0, 0, NULL, NULL, NULL},
    };
    return rows;
}
static const cli_group manual_groups[] = {
    {"what to write", manual_rows, offsetof(cli_settings, manual), CLI_BY_HAND},
    {NULL, NULL, 0, CLI_ONCE},
};

static bal_status write_page(cli *c, const cli_command *command)
{
    char name[64], path[4096], *text = NULL;
    size_t length = 0;
    snprintf(name, sizeof name, "%s", command->name);
    for (char *p = name; *p; p++)
        *p = *p == ' ' ? '-' : *p;
    const char *folder = c->settings.manual.markdown;
    if (snprintf(path, sizeof path, "%s/%s.md", folder, name) >= (int)sizeof path)
        return cli_fail(c, BAL_BAD_ARG, "--markdown: the path is too long");
    FILE *memory = open_memstream(&text, &length);
    if (!memory)
        return cli_fail(c, BAL_NO_MEMORY, "no memory for a page");
    cli_write_markdown(memory, command);
    bal_status status;
    if (fclose(memory) != 0)
        status = cli_fail(c, BAL_NO_MEMORY, "no memory for a page");
    else
        status = bal_report_write(c->ctx, path, text);
    free(text);
    return status;
}

static bal_status run_manual(cli *c)
{
    const cli_manual *manual = &c->settings.manual;
    if (!manual->markdown && !manual->roff)
        return cli_fail(c, BAL_BAD_ARG, "--markdown or --roff is needed");
    bal_status status = BAL_OK;
    for (int i = 0; manual->markdown && cli_command_at(i) && status == BAL_OK; i++)
        status = write_page(c, cli_command_at(i));
    if (manual->roff && status == BAL_OK)
        cli_write_roff(stdout);
    return status;
}

const cli_command cli_command_manual = {
    .name = "manual",
    .usage = "--markdown FOLDER | --roff",
    .about = "write the manual from the program's tables",
    .run = run_manual,
    .groups = manual_groups,
    .examples = (const cli_example[]){{"ballast manual --roff", "the man page"}, {0}},
};
