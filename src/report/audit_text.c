/* An audit as text for people: verdicts first, then the sections, then the advice. */
#include "report/audit_text.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define COLUMN 11 /* where sentences begin beside a word */

/* ---- words and numbers ---- */

/* Columns of a UTF-8 text: all bytes but those that continue a character. */
static int columns_of(const char *text, size_t length)
{
    int columns = 0;
    for (size_t i = 0; i < length; i++)
        columns += ((unsigned char)text[i] & 0xC0) != 0x80;
    return columns;
}

void bal_page_words(const bal_audit_page *p, int at, int from, const char *words)
{
    bool first = true;
    while (*words) {
        size_t length = strcspn(words, " ");
        if (strncmp(words + length, " %", 2) == 0) /* a percent sign stays with its number */
            length += 1 + strcspn(words + length + 1, " ");
        const int columns = columns_of(words, length);
        if (!first && at + 1 + columns > BAL_TEXT_WIDTH) {
            fprintf(p->out, "\n%*s", from, "");
            at = from;
            first = true;
        }
        if (first && at < from) {
            fprintf(p->out, "%*s", from - at, "");
            at = from;
        }
        fprintf(p->out, "%s%.*s", first ? "" : " ", (int)length, words);
        at += columns + (first ? 0 : 1);
        first = false;
        words += length;
        words += strspn(words, " ");
    }
    fputc('\n', p->out);
}

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

char *bal_page_plain(const bal_audit_page *p, const char *text)
{
    char *plain = bal_strdup(p->ctx, text);
    for (char *c = plain; c && *c; c++)
        if (is_control(*c))
            *c = '?';
    return plain;
}

static bal_page_name cut_name(const char *name, int most)
{
    bal_page_name out;
    const size_t room = sizeof out.text - 4; /* a character more and the end */
    size_t at = 0;
    int columns = 0;
    const bool long_name = columns_of(name, strlen(name)) > most;
    for (const char *c = name; *c && at < room; c++) {
        if (((unsigned char)*c & 0xC0) != 0x80 && ++columns > most - (long_name ? 2 : 0))
            break;
        out.text[at++] = is_control(*c) ? '?' : *c;
    }
    if (long_name)
        at += (size_t)snprintf(out.text + at, 3, "..");
    out.text[at] = '\0';
    return out;
}

bal_page_name bal_page_class(const bal_audit_page *p, int c, int most)
{
    return cut_name(bal_dataset_class_name(p->data, c), most);
}

bal_page_name bal_page_item(const bal_audit_page *p, int64_t item)
{
    char name[240];
    return cut_name(bal_dataset_item_name(p->data, item, name, sizeof name), 240);
}

bal_page_number bal_page_count(int64_t value)
{
    bal_page_number out;
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRId64, value);
    const size_t length = strlen(digits);
    size_t at = 0;
    for (size_t i = 0; i < length; i++) {
        out.text[at++] = digits[i];
        if ((length - 1 - i) % 3 == 0 && i + 1 < length)
            out.text[at++] = ',';
    }
    out.text[at] = '\0';
    return out;
}

bal_page_number bal_page_share(double share, int decimals)
{
    bal_page_number out;
    if (isnan(share))
        snprintf(out.text, sizeof out.text, "n/a");
    else
        snprintf(out.text, sizeof out.text, "%.*f %%", decimals, 100.0 * share);
    return out;
}

/* ---- tables and findings ---- */

void bal_page_header(bal_table *t, const char *const *names, int count)
{
    for (int i = 0; i < count; i++)
        bal_table_cell(t, "%s", names[i]);
    bal_table_rule(t);
}

bal_status bal_page_table(const bal_audit_page *p, bal_table **table)
{
    char *lines;
    const bal_status status = bal_table_text(*table, p->ctx, &lines);
    bal_table_close(table);
    if (status == BAL_OK)
        fputs(lines, p->out);
    bal_free(p->ctx, status == BAL_OK ? lines : NULL);
    return status;
}

void bal_page_findings(const bal_audit_page *p, bal_audit_section section)
{
    const bal_audit_finding *f;
    bool any = false;
    for (int i = 0; (f = bal_audit_finding_at(p->audit, i)); i++) {
        if (f->rule->section != section)
            continue;
        char *text = bal_page_plain(p, f->text);
        if (!any)
            fputc('\n', p->out);
        any = true;
        bal_page_words(p, fprintf(p->out, "%s", bal_severity_name(f->severity)), COLUMN,
                       text ? text : "");
        if (f->todo)
            bal_page_words(p, fprintf(p->out, "%*s-> ", COLUMN, ""), COLUMN + 3, f->todo);
        bal_free(p->ctx, text);
    }
    if (!any)
        fputs("\nnothing to complain of\n", p->out);
}

/* ---- beginning and end ---- */

static void write_verdicts(const bal_audit_page *p)
{
    const bal_dataset_info info = bal_dataset_describe(p->data);
    char line[512];
    snprintf(line, sizeof line, "%s: %s, %d classes, %s training, %s validation and %s test images",
             cut_name(info.name, 200).text, info.format, info.classes,
             bal_page_count(info.items[BAL_SPLIT_TRAIN]).text,
             bal_page_count(info.items[BAL_SPLIT_VAL]).text,
             bal_page_count(info.items[BAL_SPLIT_TEST]).text);
    bal_page_words(p, 0, 0, line);
    fputc('\n', p->out);
    for (int s = 0; s < BAL_AUDIT_ADVICE; s++) {
        const bal_audit_section section = (bal_audit_section)s;
        const double seconds = bal_audit_seconds(p->audit, section);
        if (isnan(seconds))
            fprintf(p->out, "%-13s not looked at\n", bal_audit_section_name(section));
        else
            fprintf(p->out, "%-13s %-9s (%.1f s)\n", bal_audit_section_name(section),
                    bal_severity_name(bal_audit_section_severity(p->audit, section)), seconds);
    }
}

static void write_title(const bal_audit_page *p, bal_audit_section section)
{
    const char *name = bal_audit_section_name(section);
    fprintf(p->out, "\n%s\n", name);
    for (size_t i = 0; i < strlen(name); i++)
        fputc('=', p->out);
    fputs("\n\n", p->out);
}

/* What should be settled before any training: by name, the sentences stand above. */
static void write_first(const bal_audit_page *p)
{
    const bal_audit_finding *f;
    char line[400];
    const size_t start = (size_t)snprintf(line, sizeof line, "settle what is above: ");
    size_t at = start;
    for (int i = 0; (f = bal_audit_finding_at(p->audit, i)); i++)
        if (f->rule->section == BAL_AUDIT_CLEANLINESS && f->severity >= BAL_SEVERITY_SERIOUS)
            at += (size_t)snprintf(line + at, sizeof line - at, "%s%s", at > start ? ", " : "",
                                   f->rule->name);
    if (at == start)
        return;
    fprintf(p->out, "%-*s", COLUMN, "first");
    bal_page_words(p, COLUMN, COLUMN, line);
}

static void write_advice(const bal_audit_page *p)
{
    const bal_audit_advice *advice = bal_audit_get_advice(p->audit);
    write_first(p);
    for (int i = 0; i < advice->reason_count; i++) {
        const bal_audit_reason *r = &advice->reasons[i];
        if (strcmp(r->value, "0") == 0)
            continue; /* nothing that the command would say */
        char line[1024];
        snprintf(line, sizeof line, "%s: %s (%s)", r->value, r->text, r->rule->source);
        fprintf(p->out, "%-*s", COLUMN, r->rule->choice);
        bal_page_words(p, COLUMN, COLUMN, line);
    }
    fprintf(p->out, "\n%s\n", advice->command);
}

static bal_status write_page(const bal_audit_page *p)
{
    write_verdicts(p);
    write_title(p, BAL_AUDIT_EXTENT);
    BAL_TRY(bal_page_extent(p));
    bal_page_findings(p, BAL_AUDIT_EXTENT);
    if (bal_audit_get_cleanliness(p->audit)) {
        write_title(p, BAL_AUDIT_CLEANLINESS);
        BAL_TRY(bal_page_cleanliness(p));
        bal_page_findings(p, BAL_AUDIT_CLEANLINESS);
    }
    if (bal_audit_get_difficulty(p->audit)) {
        write_title(p, BAL_AUDIT_DIFFICULTY);
        BAL_TRY(bal_page_difficulty(p));
        bal_page_findings(p, BAL_AUDIT_DIFFICULTY);
    }
    write_title(p, BAL_AUDIT_ADVICE);
    write_advice(p);
    return BAL_OK;
}

bal_status bal_report_audit(const bal_audit *audit, bool unicode, bal_ctx *ctx, char **text)
{
    *text = NULL;
    bal_text lines;
    BAL_TRY(bal_text_open(&lines, ctx));
    const bal_audit_page page = {audit, bal_audit_data(audit), ctx, lines.out, unicode};
    return bal_text_finish(&lines, ctx, write_page(&page), text);
}
