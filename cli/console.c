/* Where text goes: results on stdout, talk on stderr, JSON where it was asked for; the progress
 * bar; signals. */
#include "cli.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- failures and memory ---- */

bal_status cli_fail(cli *c, bal_status status, const char *format, ...)
{
    char text[sizeof c->error]; /* the arguments may point into c->error */
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    memcpy(c->error, text, sizeof text);
    return status;
}

const char *cli_error(const cli *c)
{
    return c->error[0] ? c->error : bal_error(c->ctx);
}

void *cli_calloc(cli *c, size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    if (!memory)
        cli_fail(c, BAL_NO_MEMORY, "no memory for %zu x %zu bytes", count, size);
    return memory;
}

bal_status cli_numbers(cli *c, const char *what, const char *text, int count, double *out)
{
    const char *at = text;
    int found = 0;
    for (;; at++) {
        char number[64], *end;
        const size_t length = strcspn(at, ",");
        snprintf(number, sizeof number, "%.*s", (int)(length < 63 ? length : 63), at);
        const double value = strtod(number, &end);
        if (!length || *end || length > 63 || strchr(" \t+", number[0]) || !isfinite(value))
            return cli_fail(c, BAL_BAD_ARG, "%s wants numbers with commas between, got \"%s\"",
                            what, text);
        if (found < count)
            out[found] = value;
        found++;
        at += length;
        if (!*at)
            break;
    }
    if (found != count)
        return cli_fail(c, BAL_BAD_ARG, "%s has %d number%s, %d expected", what, found,
                        found == 1 ? "" : "s", count);
    return BAL_OK;
}

/* ---- results ---- */

bool cli_wants_json(const cli *c)
{
    return c->settings.global.json != NULL;
}

bool cli_wants_text(const cli *c)
{
    return !c->settings.global.json || strcmp(c->settings.global.json, "-") != 0;
}

json_t *cli_json_real(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *cli_json_text(const char *text)
{
    json_t *value = json_string(text);
    char *plain = value ? NULL : strdup(text);
    if (!plain)
        return value;
    for (char *p = plain; *p; p++)
        if ((unsigned char)*p >= 0x80)
            *p = '?';
    value = json_string(plain);
    free(plain);
    return value;
}

/* A device or pipe (/dev/null, >(jq .)) is written to; it cannot be replaced as a file is. */
static bool is_special(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
}

static bal_status write_into(cli *c, const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    const bool wrote = file && fputs(text, file) >= 0;
    if (file && fclose(file) == 0 && wrote)
        return BAL_OK;
    return cli_fail(c, BAL_IO, "%s: %s", path, strerror(errno));
}

bal_status cli_put_json(cli *c, json_t *value)
{
    char *bare = value ? json_dumps(value, JSON_INDENT(2) | JSON_REAL_PRECISION(17)) : NULL;
    char *text = bare ? cli_calloc(c, strlen(bare) + 2, 1) : NULL;
    if (text)
        sprintf(text, "%s\n", bare);
    free(bare);
    json_decref(value);
    if (!text)
        return cli_fail(c, BAL_NO_MEMORY, "no memory for the JSON result");
    const char *path = c->settings.global.json;
    bal_status status = BAL_OK;
    if (strcmp(path, "-") == 0)
        fputs(text, stdout);
    else if (is_special(path))
        status = write_into(c, path, text);
    else
        status = bal_report_write(c->ctx, path, text);
    free(text);
    return status;
}

/* Sentences are wrapped; the lines of tables have spaces beside each other. */
static void put_line(const char *line)
{
    if (strlen(line) > 80 && !strstr(line, "  "))
        cli_write_paragraph(stdout, 0, line);
    else
        puts(line);
}

void cli_put_text(cli *c, char *text)
{
    for (char *line = text; *line;) {
        char *end = strchr(line, '\n');
        if (end)
            *end = '\0';
        put_line(line);
        line = end ? end + 1 : line + strlen(line);
    }
    bal_release(c->ctx, text);
}

bal_status cli_put_table(cli *c, bal_table **table)
{
    char *text;
    const bal_status status = bal_table_text(*table, c->ctx, &text);
    bal_table_close(table);
    if (status == BAL_OK)
        cli_put_text(c, text);
    return status;
}

/* ---- talk ---- */

void cli_say(cli *c, const char *format, ...)
{
    if (c->settings.global.quiet)
        return;
    cli_bar_clear(c);
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

void cli_log(void *user, bal_log_level level, const char *line)
{
    cli *c = user;
    const cli_global *global = &c->settings.global;
    if (level >= BAL_LOG_INFO && (global->quiet || !global->verbose))
        return; /* the commands say themselves what everybody should know */
    cli_bar_clear(c);
    fprintf(stderr, "%s%s\n", level <= BAL_LOG_WARN ? "warning: " : "", line);
}

const char *cli_thousands(int64_t value, char *buffer, size_t size)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%lld", (long long)(value < 0 ? -value : value));
    const size_t length = strlen(digits);
    size_t at = 0;
    if (value < 0 && size > 1)
        buffer[at++] = '-';
    for (size_t i = 0; i < length && at + 2 < size; i++) {
        buffer[at++] = digits[i];
        if ((length - 1 - i) % 3 == 0 && i + 1 < length)
            buffer[at++] = ',';
    }
    buffer[at] = '\0';
    return buffer;
}

const char *cli_duration(double seconds, char *buffer, size_t size)
{
    if (!isfinite(seconds) || seconds < 0 || seconds > 1e9) {
        snprintf(buffer, size, "n/a");
        return buffer;
    }
    const long s = lround(seconds);
    if (s >= 3600)
        snprintf(buffer, size, "%ldh%02ldm", s / 3600, s / 60 % 60);
    else if (s >= 60)
        snprintf(buffer, size, "%ldm%02lds", s / 60, s % 60);
    else
        snprintf(buffer, size, "%lds", s);
    return buffer;
}

/* ---- terminal ---- */

static bool is_terminal(void)
{
    const char *terminal = getenv("TERM");
    return isatty(STDERR_FILENO) && terminal && strcmp(terminal, "dumb") != 0;
}

bool cli_colours(void)
{
    const char *none = getenv("NO_COLOR"); /* no-color.org: set and not empty */
    return is_terminal() && !(none && *none);
}

bool cli_has_bar(const cli *c)
{
    return !c->settings.global.quiet && is_terminal();
}

static int terminal_width(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/* "[#####...]" of the width that is left on the line; nothing where that is too little. */
static void draw_cells(char *out, int cells, double share)
{
    enum { LEAST = 4, MOST = 30 };
    out[0] = '\0';
    if (cells < LEAST)
        return;
    if (cells > MOST)
        cells = MOST;
    const int done = (int)(share * cells);
    out[0] = '[';
    memset(out + 1, '.', (size_t)cells);
    memset(out + 1, '#', (size_t)(done < 0 ? 0 : done > cells ? cells : done));
    memcpy(out + 1 + cells, "] ", 3);
}

void cli_bar_line(cli *c, const char *head, double share, const char *tail)
{
    char bar[40], line[256];
    const int room = terminal_width() - 1; /* the last column would scroll */
    draw_cells(bar, room - (int)strlen(head) - (int)strlen(tail) - 3, share);
    int width = snprintf(line, sizeof line, "%s%s%s", head, bar, tail);
    width = width > room ? room : width;
    fprintf(stderr, "\r%.*s%*s", width, line, c->bar_width > width ? c->bar_width - width : 0, "");
    fflush(stderr);
    c->bar_width = width;
}

void cli_bar(cli *c, const bal_progress *p)
{
    char head[64], tail[128], left[32];
    snprintf(head, sizeof head, "epoch %d/%d ", p->epoch, p->epochs);
    snprintf(tail, sizeof tail, "loss %.4f  %.0f images/s  %s left", p->loss, p->images_per_second,
             cli_duration(p->seconds_left, left, sizeof left));
    cli_bar_line(c, head, p->steps > 0 ? (double)p->step / (double)p->steps : 0, tail);
}

void cli_bar_share(cli *c, const char *what, int64_t done, int64_t of)
{
    char head[128], tail[16];
    const double share = of > 0 ? (double)done / (double)of : 0.0;
    if (!cli_has_bar(c))
        return;
    snprintf(head, sizeof head, "%s ", what);
    snprintf(tail, sizeof tail, "%3.0f %%", 100.0 * share);
    cli_bar_line(c, head, share, tail);
}

void cli_bar_clear(cli *c)
{
    if (c->bar_width > 0)
        fprintf(stderr, "\r%*s\r", c->bar_width, "");
    c->bar_width = 0;
}

/* ---- signals ---- */

static bal_ctx *volatile interrupted_ctx;

static void on_signal(int number)
{
    (void)number;
    if (interrupted_ctx)
        bal_ctx_interrupt(interrupted_ctx);
}

void cli_catch_interrupt(bal_ctx *ctx)
{
    interrupted_ctx = ctx;
    struct sigaction action = {.sa_handler = ctx ? on_signal : SIG_DFL};
    if (ctx) /* the second signal kills; system calls of the library go on */
        action.sa_flags = (int)SA_RESETHAND | SA_RESTART;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}
