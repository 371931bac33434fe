/* What is recommended, from the choices that the rules made, and the command that does it. */
#include "audit/rules/advice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- a command line that grows ---- */

typedef struct line {
    bal_ctx *ctx;
    char *text;
    size_t length, room;
    bool no_memory;
} line;

static void put(line *l, const char *bytes, size_t count)
{
    if (l->length + count + 1 > l->room && !l->no_memory) {
        const size_t room = 2 * (l->length + count + 1);
        char *more = bal_resize(l->ctx, l->text, l->room, room, 1);
        l->no_memory = !more;
        if (more) {
            l->text = more;
            l->room = room;
        }
    }
    if (l->no_memory)
        return;
    memcpy(l->text + l->length, bytes, count);
    l->length += count;
    l->text[l->length] = '\0';
}

static void put_text(line *l, const char *text)
{
    put(l, text, strlen(text));
}

/* As a word of a POSIX shell: bare, or in single quotes with ' as '\''. */
static void put_quoted(line *l, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_./:,+@%-";
    if (*word && strspn(word, plain) == strlen(word)) {
        put_text(l, word);
        return;
    }
    put_text(l, "'");
    for (; *word; word++) {
        if (*word == '\'')
            put_text(l, "'\\''");
        else
            put(l, word, 1);
    }
    put_text(l, "'");
}

static void put_option(line *l, const char *name, const char *value)
{
    put_text(l, " --");
    put_text(l, name);
    if (value) {
        put_text(l, " ");
        put_quoted(l, value);
    }
}

/* The shortest of the usual forms that reads back as the same number. */
static void put_real(line *l, const char *name, double value)
{
    char text[40];
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    put_option(l, name, text);
}

static bool is_other_text(const char *text, const char *usual)
{
    return text && (!usual || strcmp(text, usual) != 0);
}

/* A field that is not as the defaults have it. */
static void put_changed(line *l, const bal_option *row, const void *settings, const void *defaults)
{
    const char *field = (const char *)settings + row->offset;
    const char *usual = (const char *)defaults + row->offset;
    char number[32];
    switch (row->kind) {
    case BAL_OPTION_FLAG:
        if (*(const bool *)field && !*(const bool *)usual)
            put_option(l, row->name, NULL);
        break;
    case BAL_OPTION_INT:
        snprintf(number, sizeof number, "%d", *(const int *)field);
        if (*(const int *)field != *(const int *)usual)
            put_option(l, row->name, number);
        break;
    case BAL_OPTION_SEED:
        snprintf(number, sizeof number, "%llu", (unsigned long long)*(const uint64_t *)field);
        if (*(const uint64_t *)field != *(const uint64_t *)usual)
            put_option(l, row->name, number);
        break;
    case BAL_OPTION_REAL:
        if (*(const double *)field != *(const double *)usual)
            put_real(l, row->name, *(const double *)field);
        break;
    case BAL_OPTION_TEXT:
    case BAL_OPTION_CHOICE:
        if (is_other_text(*(const char *const *)field, *(const char *const *)usual))
            put_option(l, row->name, *(const char *const *)field);
        break;
    }
}

/* ---- advice ---- */

static const char *chosen(const bal_audit *a, const char *choice)
{
    for (int i = 0; i < a->advice.reason_count; i++)
        if (strcmp(a->reasons[i].rule->choice, choice) == 0)
            return a->reasons[i].value;
    return NULL;
}

static int chosen_number(const bal_audit *a, const char *choice)
{
    const char *value = chosen(a, choice);
    return value ? (int)strtol(value, NULL, 10) : 0;
}

static bal_status write_command(bal_audit *a)
{
    const bal_dataset_settings defaults = bal_dataset_defaults();
    bal_dataset_settings s;
    const char *where = bal_dataset_opened_as(a->data, &s);
    line l = {.ctx = a->ctx};
    s.img_size = a->advice.img_size;
    s.channels = a->advice.channels;
    s.skip_bad = s.skip_bad || chosen(a, "skip-bad");
    put_text(&l, "ballast train ");
    if (where[0] == '-')
        put_text(&l, "./"); /* not an option */
    put_quoted(&l, where);
    put_option(&l, "recipe", a->advice.recipe);
    put_option(&l, "model", a->advice.model);
    for (const bal_option *row = bal_dataset_options(); row->name; row++)
        put_changed(&l, row, &s, &defaults);
    if (s.seed != defaults.seed) {
        char number[32];
        snprintf(number, sizeof number, "%llu", (unsigned long long)s.seed);
        put_option(&l, "seed", number);
    }
    a->advice.command = a->command = l.text;
    return l.no_memory ? BAL_NO_MEMORY : BAL_OK;
}

bal_status bal_audit_advise(bal_audit *a)
{
    a->advice.recipe = chosen(a, "recipe");
    a->advice.model = chosen(a, "model");
    a->advice.img_size = chosen_number(a, "img-size");
    a->advice.channels = chosen_number(a, "in-chans");
    return write_command(a);
}
