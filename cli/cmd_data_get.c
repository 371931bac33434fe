/* ballast data get. */
#include "cli.h"

#include <string.h>

/* What the lines of a transfer need where there is no bar. */
typedef struct getting {
    cli *c;
    const char *file; /* that the last line was about, NULL: none yet */
    bool unpacking;
    int tenths; /* of it that were told */
} getting;

static const char *mebibytes(int64_t bytes, char *buffer, size_t size)
{
    snprintf(buffer, size, "%.1f MiB", (double)bytes / (1 << 20));
    return buffer;
}

static void draw(cli *c, const bal_get_progress *p)
{
    char head[96], tail[96], now[32], total[32];
    const char *doing = p->unpacking ? "unpacking " : "";
    if (p->files > 1)
        snprintf(head, sizeof head, "%d/%d %s%.60s ", p->number, p->files, doing, p->file);
    else
        snprintf(head, sizeof head, "%s%.70s ", doing, p->file);
    mebibytes(p->now, now, sizeof now);
    if (p->total > 0)
        snprintf(tail, sizeof tail, "%s of %s", now, mebibytes(p->total, total, sizeof total));
    else
        snprintf(tail, sizeof tail, "%s", now);
    cli_bar_line(c, head, p->total > 0 ? (double)p->now / (double)p->total : 0, tail);
}

/* A line where a file begins, and one for every tenth of a large one. */
static void tell(getting *g, const bal_get_progress *p)
{
    enum { LARGE = 16 << 20 };
    char now[32], total[32];
    const bool begins = !g->file || strcmp(g->file, p->file) != 0 || g->unpacking != p->unpacking;
    const int tenths = p->total > 0 ? (int)(10 * p->now / p->total) : 0;
    if (!begins && (p->total < LARGE || tenths <= g->tenths))
        return;
    g->file = p->file;
    g->unpacking = p->unpacking;
    g->tenths = tenths;
    if (begins)
        cli_say(g->c, "%s %s%s%s%s", p->unpacking ? "unpacking" : "loading", p->file,
                p->total > 0 ? " (" : "",
                p->total > 0 ? mebibytes(p->total, total, sizeof total) : "",
                p->total > 0 ? ")" : "");
    else
        cli_say(g->c, "  %d %%, %s", 10 * tenths, mebibytes(p->now, now, sizeof now));
}

static void on_progress(void *user, const bal_get_progress *progress)
{
    getting *g = user;
    if (cli_has_bar(g->c))
        draw(g->c, progress);
    else
        tell(g, progress);
}

static bal_status get_output(cli *c, const bal_known_dataset *known, const char *path)
{
    if (cli_wants_text(c))
        printf("%s is at %s\n", known->name, path);
    if (!cli_wants_json(c))
        return BAL_OK;
    return cli_put_json(c, json_pack("{s:s, s:o, s:s}", "name", known->name, "path",
                                     cli_json_text(path), "licence", known->licence));
}

static bal_status run_get(cli *c)
{
    char *path = NULL;
    getting g = {.c = c};
    bal_get_settings settings = c->settings.get;
    const bal_known_dataset *known = bal_known_dataset_named(c->args[0]);
    settings.progress = on_progress;
    settings.progress_user = &g;
    if (known)
        cli_say(c, "%s\nlicence: %s", known->about, known->licence);
    cli_catch_interrupt(c->ctx);
    bal_status status = bal_known_dataset_get(c->ctx, c->args[0], &settings, &path);
    cli_catch_interrupt(NULL);
    cli_bar_clear(c);
    if (status == BAL_OK)
        status = get_output(c, known, path);
    bal_release(c->ctx, path);
    return status;
}

static const cli_group get_groups[] = {
    {"from and to", bal_get_options, offsetof(cli_settings, get), CLI_ONCE},
    {NULL, NULL, 0, CLI_ONCE},
};

const cli_command cli_command_data_get = {
    .name = "data get",
    .usage = "NAME [options]",
    .about = "load a known data set, check and unpack it",
    .text =
        "The files come from their publisher, or from a mirror that has the same files in one\n"
        "folder. Size and checksum (SHA-256; MD5 for MedMNIST, whose publisher has no other) are\n"
        "compared before anything is used, whichever way they came. An interrupted transfer is\n"
        "taken up again by the same command; what has arrived is in `NAME.part` beside the folder\n"
        "that it will be. Archives are unpacked into a new folder; links, devices and names that\n"
        "lead out of it are refused. A data set that is on this machine already is left as it is.\n"
        "The licence is told before anything is loaded.",
    .run = run_get,
    .groups = get_groups,
    .arguments = (const cli_argument[]){{"NAME", "a name of `ballast data list`"}, {0}},
    .least = 1,
    .most = 1,
    .examples =
        (const cli_example[]){{"ballast data get fashion-mnist", "where it is, once it is here"},
                              {0}},
};
