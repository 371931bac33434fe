/* Two networks beside each other, as text. */
#include "ballast/explain.h"
#include "ballast/report.h"
#include "report/text.h"

#include <math.h>
#include <string.h>

enum { COLUMNS = 10 };

/* "0.713 > 0.802" */
static void put_both(bal_table *t, const double values[2], int decimals)
{
    char text[2][24];
    for (int i = 0; i < 2; i++)
        if (isnan(values[i]))
            snprintf(text[i], sizeof text[i], "n/a");
        else
            snprintf(text[i], sizeof text[i], "%.*f", decimals, values[i]);
    bal_table_cell(t, "%s > %s", text[0], text[1]);
}

static bal_status put_classes(const bal_matching *m, const bal_explain *e, bal_ctx *ctx, FILE *out)
{
    static const char *const names[] = {"class",  "n",    "recall",  "magnitude",   "share",
                                        "needed", "rank", "overlap", "correlation", "profile"};
    bal_table *t;
    char *lines;
    BAL_TRY(bal_table_open(&t, ctx, COLUMNS, "lrrrrrrrrr"));
    for (int i = 0; i < COLUMNS; i++)
        bal_table_cell(t, "%s", names[i]);
    bal_table_rule(t);
    for (int c = 0; c < m->classes; c++) {
        const bal_matched_class *k = &m->class_of[c];
        bal_table_cell(t, "%.14s", bal_explain_class_name(e, c));
        put_both(t, k->size, 0);
        put_both(t, k->recall, 3);
        put_both(t, k->magnitude, 2);
        put_both(t, k->share, 2);
        put_both(t, k->needed, 1);
        put_both(t, k->rank, 1);
        bal_table_number(t, k->overlap, 2);
        bal_table_number(t, k->correlation, 2);
        bal_table_number(t, k->profile, 3);
    }
    const bal_status status = bal_table_text(t, ctx, &lines);
    bal_table_close(&t);
    if (status == BAL_OK)
        fputs(lines, out);
    bal_free(ctx, status == BAL_OK ? lines : NULL);
    return status;
}

static bal_status write_match(const bal_matching *m, const bal_explain *e, bal_ctx *ctx, FILE *out)
{
    fputs("\nagainst the other network\n=========================\n\n", out);
    BAL_TRY(put_classes(m, e, ctx, out));
    fprintf(out,
            "\n%d features are paired with %d by their correlation over the same images: mean\n"
            "correlation %.2f, where pairing unrelated ones gives %.2f. overlap: of the top\n"
            "features, after pairing; correlation: of the first network's top features with\n"
            "their partners; profile: distance of the sorted magnitudes, which needs no pairing.\n",
            m->dim[0], m->dim[1], m->mean, m->chance);
    return BAL_OK;
}

bal_status bal_report_match(const bal_match *match, const bal_explain *e, bal_ctx *ctx, char **text)
{
    *text = NULL;
    bal_text lines;
    BAL_TRY(bal_text_open(&lines, ctx));
    return bal_text_finish(&lines, ctx, write_match(bal_match_get(match), e, ctx, lines.out), text);
}
