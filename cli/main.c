/* ballast, the program: the table of commands, one run from words to exit code. Only this file
 * exits. */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The order is that of the help. */
static const cli_command *const commands[] = {
    &cli_command_train,         &cli_command_eval,
    &cli_command_predict,       &cli_command_report,
    &cli_command_data_list,     &cli_command_data_info,
    &cli_command_data_longtail, &cli_command_methods,
    &cli_command_bench_train,   &cli_command_version,
    &cli_command_help,          &cli_command_completion,
    &cli_command_manual,        NULL,
};

const cli_command *cli_command_at(int i)
{
    return commands[i];
}

static void complain(const char *sentence)
{
    const bool colour = isatty(STDERR_FILENO) && !getenv("NO_COLOR");
    fprintf(stderr, "%s %s\n", colour ? "\033[1;31mballast:\033[0m" : "ballast:", sentence);
}

static const char *command_word(const void *user, int i)
{
    (void)user;
    return commands[i] ? commands[i]->name : NULL;
}

static int unknown_command(int count, char **words)
{
    /* "data lits" is compared with two words, "trian" with one */
    char both[128], text[512];
    snprintf(both, sizeof both, "%s %s", words[0], count > 1 ? words[1] : "");
    const char *near = bal_nearest_name(both, command_word, NULL);
    if (!near) {
        near = bal_nearest_name(words[0], command_word, NULL);
        snprintf(both, sizeof both, "%s", words[0]);
    }
    snprintf(text, sizeof text, "unknown command \"%s\"%s%s%s (ballast help lists them)", both,
             near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    complain(text);
    return bal_status_exit_code(BAL_BAD_ARG);
}

/* "ballast data": the beginning of two-word commands. Lists them; no such beginning: false. */
static bool show_family(FILE *out, const char *word)
{
    const size_t length = strlen(word);
    bool found = false;
    for (int i = 0; commands[i]; i++) {
        if (strncmp(commands[i]->name, word, length) != 0 || commands[i]->name[length] != ' ')
            continue;
        if (!found)
            fprintf(out, "usage:\n");
        found = true;
        fprintf(out, "  ballast %s %s\n      %s\n", commands[i]->name, commands[i]->usage,
                commands[i]->about);
    }
    return found;
}

/* The command itself, with the context that its options ask for. */
static bal_status run_command(cli *c, int count, char **words)
{
    bal_status status = bal_ctx_open(&c->ctx, NULL);
    if (status != BAL_OK)
        return cli_fail(c, status, "no memory to start");
    status = cli_parse(c, count, words);
    if (status != BAL_OK || c->settings.global.help)
        return status;
    const bal_ctx_settings settings = {
        .log = cli_log, .log_user = c, .threads = c->settings.global.threads};
    bal_ctx_close(&c->ctx);
    status = bal_ctx_open(&c->ctx, &settings);
    if (status != BAL_OK)
        return cli_fail(c, status, "no memory to start");
    return c->command->run(c);
}

/* A full disk or a closed pipe must not look like success. */
static int flushed(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    char text[256];
    snprintf(text, sizeof text, "standard output: %s", strerror(errno));
    complain(text);
    return code ? code : 1;
}

static int run(const cli_command *command, int count, char **words)
{
    cli c = {.command = command, .settings = cli_settings_defaults()};
    const bal_status status = run_command(&c, count, words);
    cli_bar_clear(&c);
    if (status != BAL_OK)
        complain(cli_error(&c));
    else if (c.settings.global.help)
        cli_write_help(stdout, command);
    free(c.settings.train_extra.set.items);
    free(c.args);
    free(c.command_line);
    bal_ctx_close(&c.ctx);
    return flushed(bal_status_exit_code(status));
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        cli_write_overview(stderr);
        return bal_status_exit_code(BAL_BAD_ARG);
    }
    int used;
    const cli_command *command = cli_find_command(argc - 1, argv + 1, &used);
    if (command)
        return run(command, argc - 1 - used, argv + 1 + used);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        cli_write_overview(stdout);
        return flushed(0);
    }
    if (strcmp(argv[1], "--version") == 0)
        return run(&cli_command_version, 0, NULL);
    const bool asked = argc > 2 && (strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-h") == 0);
    if ((argc == 2 || asked) && show_family(asked ? stdout : stderr, argv[1]))
        return asked ? flushed(0) : bal_status_exit_code(BAL_BAD_ARG);
    return unknown_command(argc - 1, argv + 1);
}
