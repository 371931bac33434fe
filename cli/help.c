/* Help, manual pages and man page, written from the tables of commands and options. */
#include "cli.h"

#include <ctype.h>
#include <string.h>

static const char about_program[] =
    "trains convolutional networks on class-imbalanced images, and shows what that does to the "
    "rare classes";

/* "--lr X", "--quiet", "--head linear|cosine" */
static void option_words(const bal_option *row, char *out, size_t size)
{
    if (row->kind == BAL_OPTION_FLAG)
        snprintf(out, size, "--%s", row->name);
    else if (row->kind == BAL_OPTION_CHOICE)
        snprintf(out, size, "--%s %s", row->name, row->choices);
    else
        snprintf(out, size, "--%s %s", row->name, row->value ? row->value : "VALUE");
}

/* Writes text in lines of at most `width` characters, each after the first behind `indent`. */
static void wrapped(FILE *out, const char *text, int indent, int width)
{
    int at = indent;
    while (*text) {
        const int length = (int)strcspn(text, " ");
        if (at > indent && at + 1 + length > width) {
            fprintf(out, "\n%*s", indent, "");
            at = indent;
        } else if (at > indent) {
            fputc(' ', out);
            at++;
        }
        fprintf(out, "%.*s", length, text);
        at += length;
        text += length;
        text += strspn(text, " ");
    }
    fputc('\n', out);
}

#define COLUMN 28
#define WIDTH 80

void cli_write_entry(FILE *out, const char *words, int column, const char *about)
{
    const int width = fprintf(out, "  %s", words);
    if (width + 2 > column)
        fprintf(out, "\n%*s", column, "");
    else
        fprintf(out, "%*s", column - width, "");
    wrapped(out, about, column, WIDTH);
}

void cli_write_paragraph(FILE *out, int indent, const char *text)
{
    fprintf(out, "%*s", indent, "");
    wrapped(out, text, indent, WIDTH);
}

static void write_commands(FILE *out, const char *family, size_t length)
{
    for (int i = 0; cli_command_at(i); i++) {
        const cli_command *command = cli_command_at(i);
        if (!length ||
            (strncmp(command->name, family, length) == 0 && command->name[length] == ' '))
            cli_write_entry(out, command->name, 18, command->about);
    }
}

void cli_write_overview(FILE *out)
{
    fprintf(out, "ballast %s\n\nusage: ballast COMMAND [arguments] [options]\n\ncommands:\n",
            bal_version());
    write_commands(out, "", 0);
    fprintf(out, "\n`ballast help COMMAND` says more about one of them.\n");
}

bool cli_write_family(FILE *out, const char *word)
{
    const size_t length = strlen(word);
    bool found = false;
    for (int i = 0; cli_command_at(i) && !found; i++)
        found = length && strncmp(cli_command_at(i)->name, word, length) == 0 &&
                cli_command_at(i)->name[length] == ' ';
    if (!found)
        return false;
    fprintf(out, "usage: ballast %s COMMAND [arguments] [options]\n\ncommands:\n", word);
    write_commands(out, word, length);
    return true;
}

static void usage_lines(FILE *out, const cli_command *command)
{
    const char *line = command->usage;
    for (const char *lead = "usage: "; line; lead = "       ") {
        const char *end = strchr(line, '\n');
        const int length = end ? (int)(end - line) : (int)strlen(line);
        fprintf(out, "%sballast %s%s%.*s\n", lead, command->name, length ? " " : "", length, line);
        line = end ? end + 1 : NULL;
    }
}

static void usage_and_options(FILE *out, const cli_command *command)
{
    usage_lines(out, command);
    fputc('\n', out);
    wrapped(out, command->about, 0, WIDTH);
    if (command->arguments && command->arguments->name)
        fputs("\narguments:\n", out);
    for (const cli_argument *a = command->arguments; a && a->name; a++)
        cli_write_entry(out, a->name, COLUMN, a->about);
    const cli_group *group, *last = NULL;
    const bal_option *row;
    for (int i = 0; (row = cli_option_at(command, i, &group)); i++) {
        if (group != last)
            fprintf(out, "\n%s:\n", group->title);
        last = group;
        char words[128];
        option_words(row, words, sizeof words);
        cli_write_entry(out, words, COLUMN, row->about);
    }
}

void cli_write_help(FILE *out, const cli_command *command)
{
    usage_and_options(out, command);
    if (command->examples && command->examples->line)
        fputs("\nexamples:\n", out);
    for (const cli_example *e = command->examples; e && e->line; e++) {
        fputs("  ", out);
        for (const char *p = e->line; *p; p++)
            fprintf(out, *p == '\n' ? "%c  " : "%c", *p);
        fprintf(out, "\n      %s\n", e->about);
    }
}

void cli_write_markdown(FILE *out, const cli_command *command)
{
    fprintf(out,
            "<!-- Generated from the program's tables (ballast manual --markdown FOLDER). -->\n"
            "# ballast %s\n\n",
            command->name);
    fprintf(out, "%c%s.\n\n```text\n", toupper((unsigned char)command->about[0]),
            command->about + 1);
    usage_and_options(out, command);
    fputs("```\n", out);
    if (command->text)
        fprintf(out, "\n%s\n", command->text);
    if (command->examples && command->examples->line)
        fputs("\n## Examples\n", out);
    for (const cli_example *e = command->examples; e && e->line; e++)
        fprintf(out, "\n%c%s:\n\n```console\n$ %s\n```\n", toupper((unsigned char)e->about[0]),
                e->about + 1, e->line);
}

/* ---- roff ---- */

/* Text in which nothing is a request: minus signs, backslashes, and points at a line's start. What
 * stands between backticks becomes bold. */
static void roff_text(FILE *out, const char *text)
{
    bool line_start = true, bold = false;
    for (; *text; text++) {
        if (*text == '`') {
            bold = !bold;
            fputs(bold ? "\\fB" : "\\fR", out);
            continue;
        }
        if (line_start && (*text == '.' || *text == '\''))
            fputs("\\&", out);
        if (*text == '-')
            fputs("\\-", out);
        else if (*text == '\\')
            fputs("\\e", out);
        else
            fputc(*text, out);
        line_start = *text == '\n';
    }
}

static void roff_tagged(FILE *out, const char *words, const char *about)
{
    fputs(".TP\n.B ", out);
    roff_text(out, words);
    fputc('\n', out);
    roff_text(out, about);
    fputc('\n', out);
}

static void roff_group(FILE *out, const cli_command *command, bool everywhere)
{
    const cli_group *group, *last = NULL;
    const bal_option *row;
    for (int i = 0; (row = cli_option_at(command, i, &group)); i++) {
        if ((group == cli_group_global) != everywhere)
            continue;
        if (group != last && !everywhere) {
            fputs(".PP\n.I ", out);
            roff_text(out, group->title);
            fputs(":\n", out);
        }
        last = group;
        char words[128];
        option_words(row, words, sizeof words);
        roff_tagged(out, words, row->about);
    }
}

static void roff_command(FILE *out, const cli_command *command)
{
    fputs(".SS ballast ", out);
    roff_text(out, command->name);
    fputs("\n.nf\n", out);
    usage_lines(out, command);
    fputs(".fi\n.PP\n", out);
    roff_text(out, command->about);
    fputs(".\n", out);
    if (command->text) {
        fputs(".PP\n", out);
        for (const char *line = command->text; line;) {
            const char *end = strchr(line, '\n');
            char part[1024];
            snprintf(part, sizeof part, "%.*s", end ? (int)(end - line) : (int)strlen(line), line);
            if (part[0])
                roff_text(out, part);
            else
                fputs(".PP", out);
            fputc('\n', out);
            line = end ? end + 1 : NULL;
        }
    }
    for (const cli_argument *a = command->arguments; a && a->name; a++)
        roff_tagged(out, a->name, a->about);
    roff_group(out, command, false);
    for (const cli_example *e = command->examples; e && e->line; e++) {
        fputs(".PP\n", out);
        roff_text(out, e->about);
        fputs(":\n.PP\n.RS\n.nf\n", out);
        roff_text(out, e->line);
        fputs("\n.fi\n.RE\n", out);
    }
}

void cli_write_roff(FILE *out)
{
    fprintf(out, ".TH BALLAST 1 \"\" \"ballast %s\" \"User Commands\"\n.SH NAME\nballast \\- ",
            bal_version());
    roff_text(out, about_program);
    fputs("\n.SH SYNOPSIS\n.B ballast\n.I COMMAND\n[arguments] [options]\n.SH OPTIONS\n"
          "These belong to every command:\n",
          out);
    roff_group(out, cli_command_at(0), true);
    fputs(".SH COMMANDS\n", out);
    for (int i = 0; cli_command_at(i); i++)
        roff_command(out, cli_command_at(i));
    fputs(".SH ENVIRONMENT\n", out);
    roff_tagged(out, "BALLAST_DATA", "folder where data sets are looked for by name");
    roff_tagged(out, "BALLAST_NAME",
                "value of the option --name (a minus becomes an underline: BALLAST_BATCH_SIZE) "
                "where the command line does not give it");
    roff_tagged(out, "NO_COLOR", "set: no colours");
    fputs(".SH EXIT STATUS\n", out);
    roff_tagged(out, "0", "done");
    roff_tagged(out, "1", "failed");
    roff_tagged(out, "2", "wrong usage");
    roff_tagged(out, "3", "bad data");
    roff_tagged(out, "4", "model or recipe does not fit");
    roff_tagged(out, "5", "training diverged");
    roff_tagged(out, "130", "interrupted; the message says how to go on");
}
