/* Plain-text tables. */
#include "ballast/report.h"

#include "base/context.h"
#include "report/text.h"

#include <math.h>
#include <string.h>

#define GAP 2 /* blanks between columns */

struct bal_table {
    bal_ctx *ctx;
    int columns;
    char *align;  /* 'l' or 'r' a column */
    char **cells; /* row by row */
    int count, room;
    bool *rules; /* a line after row i - 1; a place for every row there is room for, and one more */
    int rule_room;
    bal_status status; /* the first failure */
};

bal_status bal_table_open(bal_table **out, bal_ctx *ctx, int columns, const char *align)
{
    *out = NULL;
    if (columns < 1 || strlen(align) != (size_t)columns || strspn(align, "lr") != (size_t)columns)
        return bal_fail(ctx, BAL_BAD_ARG,
                        "a table of %d columns wants one letter l or r for each, got \"%s\"",
                        columns, align);
    bal_table *t = bal_calloc(ctx, 1, sizeof *t);
    if (!t)
        return BAL_NO_MEMORY;
    t->ctx = ctx;
    t->columns = columns;
    t->align = bal_strdup(ctx, align);
    if (!t->align) {
        bal_table_close(&t);
        return BAL_NO_MEMORY;
    }
    *out = t;
    return BAL_OK;
}

void bal_table_close(bal_table **table)
{
    bal_table *t = table ? *table : NULL;
    if (!t)
        return;
    for (int i = 0; i < t->count; i++)
        bal_free(t->ctx, t->cells[i]);
    bal_free(t->ctx, t->cells);
    bal_free(t->ctx, t->rules);
    bal_free(t->ctx, t->align);
    bal_free(t->ctx, t);
    *table = NULL;
}

void bal_table_cell(bal_table *table, const char *format, ...)
{
    if (table->status != BAL_OK)
        return;
    if (table->count == table->room) {
        const int room = table->room ? 2 * table->room : 16 * table->columns;
        char **more =
            bal_resize(table->ctx, table->cells, (size_t)table->room, (size_t)room, sizeof *more);
        if (!more) {
            table->status = BAL_NO_MEMORY;
            return;
        }
        table->cells = more;
        table->room = room;
    }
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    const int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = bal_calloc(table->ctx, length < 0 ? 1 : (size_t)length + 1, 1);
    if (text) {
        vsnprintf(text, length < 0 ? 1 : (size_t)length + 1, format, again);
        table->cells[table->count++] = text;
    } else {
        table->status = BAL_NO_MEMORY;
    }
    va_end(again);
}

void bal_table_number(bal_table *table, double value, int decimals)
{
    if (isnan(value))
        bal_table_cell(table, "n/a");
    else
        bal_table_cell(table, "%.*f", decimals, value);
}

void bal_table_rule(bal_table *table)
{
    if (table->status != BAL_OK)
        return;
    const int row = (table->count + table->columns - 1) / table->columns;
    if (row >= table->rule_room) {
        const int room = row + 16;
        bool *more = bal_resize(table->ctx, table->rules, (size_t)table->rule_room, (size_t)room,
                                sizeof *more);
        if (!more) {
            table->status = BAL_NO_MEMORY;
            return;
        }
        table->rules = more;
        table->rule_room = room;
    }
    table->rules[row] = true;
}

/* Characters of a UTF-8 text: all bytes but those that continue one. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xC0) != 0x80;
    return width;
}

static void write_rule(FILE *out, size_t width)
{
    for (size_t i = 0; i < width; i++)
        fputc('-', out);
    fputc('\n', out);
}

static void write_row(const bal_table *t, FILE *out, int row, const size_t *widths)
{
    size_t blanks = 0; /* owed, so that no line ends in blanks */
    for (int c = 0; c < t->columns && row * t->columns + c < t->count; c++) {
        const char *text = t->cells[row * t->columns + c];
        const size_t fill = widths[c] - width_of(text);
        if (t->align[c] == 'r')
            blanks += fill;
        if (*text) {
            fprintf(out, "%*s%s", (int)blanks, "", text);
            blanks = 0;
        }
        if (t->align[c] == 'l')
            blanks += fill;
        blanks += GAP;
    }
    fputc('\n', out);
}

bal_status bal_table_text(const bal_table *table, bal_ctx *ctx, char **text)
{
    *text = NULL;
    if (table->status != BAL_OK)
        return bal_fail(ctx, table->status, "no memory for a table's cells");
    size_t *widths = bal_calloc(ctx, (size_t)table->columns, sizeof *widths);
    if (!widths)
        return BAL_NO_MEMORY;
    size_t total = (size_t)GAP * (size_t)(table->columns - 1);
    for (int i = 0; i < table->count; i++) {
        const size_t width = width_of(table->cells[i]);
        size_t *widest = &widths[i % table->columns];
        *widest = width > *widest ? width : *widest;
    }
    for (int c = 0; c < table->columns; c++)
        total += widths[c];
    bal_text lines;
    bal_status status = bal_text_open(&lines, ctx);
    if (status == BAL_OK) {
        const int rows = (table->count + table->columns - 1) / table->columns;
        for (int r = 0; r <= rows; r++) {
            if (r < table->rule_room && table->rules[r])
                write_rule(lines.out, total);
            if (r < rows)
                write_row(table, lines.out, r, widths);
        }
        status = bal_text_finish(&lines, ctx, BAL_OK, text);
    }
    bal_free(ctx, widths);
    return status;
}
