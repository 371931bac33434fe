/* ballast, the program: the table of commands, one run from words to exit code. Only this file
 * exits. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The order is that of the help. */
static const cli_command *const commands[] = {
    &cli_command_audit,
    &cli_command_train,
    &cli_command_eval,
    &cli_command_calibrate,
    &cli_command_predict,
    &cli_command_explain,
    &cli_command_resample,
    &cli_command_report,
    &cli_command_data_list,
    &cli_command_data_get,
    &cli_command_data_info,
    &cli_command_data_longtail,
    &cli_command_methods,
    &cli_command_bench_train,
    &cli_command_version,
    &cli_command_help,
    &cli_command_completion,
    &cli_command_manual,
    NULL,
};

const cli_command *cli_command_at(int i)
{
    return commands[i];
}

static void complain(const char *sentence)
{
    fprintf(stderr, "%s %s\n", cli_colours() ? "\033[1;31mballast:\033[0m" : "ballast:", sentence);
}

static int wrong_usage(const char *sentence)
{
    complain(sentence);
    return bal_status_exit_code(BAL_BAD_ARG);
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

/* A full disk or a closed pipe must not look like success. Of a pipe that its reader closed nothing
 * is said: `| head` is no mistake. */
static int flushed(int code)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    char text[256];
    snprintf(text, sizeof text, "standard output: %s",
             errno ? strerror(errno) : "what was written before is lost");
    if (errno != EPIPE)
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

/* A file that is opened must not get the number of a standard stream that the caller closed. What
 * is then written to that stream fails, as it should. */
static void keep_standard_streams(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDONLY);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

static bool asks_help(const char *word)
{
    return word && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0);
}

int main(int argc, char **argv)
{
    keep_standard_streams();
    signal(SIGPIPE, SIG_IGN); /* a write then fails, and flushed() sees it */
    if (argc < 2) {
        cli_write_overview(stderr);
        return bal_status_exit_code(BAL_BAD_ARG);
    }
    int used;
    const cli_command *command = cli_find_command(argc - 1, (const char *const *)argv + 1, &used);
    if (command)
        return run(command, argc - 1 - used, argv + 1 + used);
    if (asks_help(argv[1])) {
        cli_write_overview(stdout);
        return flushed(0);
    }
    if (strcmp(argv[1], "--version") == 0)
        return run(&cli_command_version, argc - 2, argv + 2);
    if (argv[1][0] == '-')
        return wrong_usage("options follow the command (usage: ballast COMMAND [arguments] "
                           "[options])");
    if (asks_help(argv[2]) && cli_write_family(stdout, argv[1]))
        return flushed(0);
    if (!argv[2] && cli_write_family(stderr, argv[1]))
        return bal_status_exit_code(BAL_BAD_ARG);
    char text[512];
    cli_unknown_command(argc - 1, (const char *const *)argv + 1, text, sizeof text);
    return wrong_usage(text);
}
