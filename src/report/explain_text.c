/* An explanation as text for people: a table of the classes, what goes with recall, neural
 * collapse, and the findings. */
#include "ballast/explain.h"
#include "ballast/report.h"
#include "report/text.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { WIDTH = 80, NAME = 14, MOST_CLASSES = 100 };

typedef struct page {
    const bal_explain *e;
    bal_ctx *ctx;
    FILE *out;
    const bal_explained_side *train, *test, *side; /* side: test, or training where there is none */
} page;

static void put_title(const page *p, const char *title)
{
    fprintf(p->out, "\n%s\n", title);
    for (size_t i = 0; i < strlen(title); i++)
        fputc('=', p->out);
    fputs("\n\n", p->out);
}

/* Words in lines of WIDTH, the first one beginning at `at`, the others at `from`. */
static void put_words(const page *p, int at, int from, const char *words)
{
    bool first = true;
    while (*words) {
        size_t length = strcspn(words, " ");
        if (strncmp(words + length, " %", 2) == 0)
            length += 1 + strcspn(words + length + 1, " ");
        if (!first && at + 1 + (int)length > WIDTH) {
            fprintf(p->out, "\n%*s", from, "");
            at = from;
            first = true;
        }
        fputs(first ? "" : " ", p->out);
        for (size_t i = 0; i < length; i++)
            fputc((unsigned char)words[i] < 0x20 || words[i] == 0x7f ? '?' : words[i], p->out);
        at += (int)length + (first ? 0 : 1);
        first = false;
        words += length;
        words += strspn(words, " ");
    }
    fputc('\n', p->out);
}

static void put_name(const page *p, bal_table *t, int c)
{
    char name[NAME + 1];
    snprintf(name, sizeof name, "%s", bal_explain_class_name(p->e, c));
    for (char *s = name; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            *s = '?';
    while (*name && ((unsigned char)name[strlen(name) - 1] & 0xC0) == 0x80)
        name[strlen(name) - 1] = '\0'; /* half a character of a name that was cut */
    bal_table_cell(t, "%s", name);
}

static bal_status put_table(const page *p, bal_table **table)
{
    char *lines;
    const bal_status status = bal_table_text(*table, p->ctx, &lines);
    bal_table_close(table);
    if (status == BAL_OK)
        fputs(lines, p->out);
    bal_free(p->ctx, status == BAL_OK ? lines : NULL);
    return status;
}

static bal_status open_table(const page *p, bal_table **table, const char *const *names)
{
    int columns = 0;
    char align[16] = "l";
    while (names[columns]) {
        align[columns] = columns ? 'r' : 'l';
        columns++;
    }
    align[columns] = '\0';
    BAL_TRY(bal_table_open(table, p->ctx, columns, align));
    for (int i = 0; i < columns; i++)
        bal_table_cell(*table, "%s", names[i]);
    bal_table_rule(*table);
    return BAL_OK;
}

static const bal_figure_value *figure(const bal_explained_side *side, int c, bal_figure i)
{
    return &side->class_of[c].figures[i];
}

static int listed(const page *p)
{
    const int classes = bal_explain_classes(p->e);
    return classes < MOST_CLASSES ? classes : MOST_CLASSES;
}

static void put_rest(const page *p)
{
    if (listed(p) < bal_explain_classes(p->e))
        fprintf(p->out, "... and %d more classes: --json and --out have them all\n",
                bal_explain_classes(p->e) - listed(p));
}

/* ---- what the decisions rest on ---- */

static void put_top(bal_table *t, const bal_explained_class *of_class)
{
    char list[64] = "";
    size_t at = 0;
    for (int i = 0; i < of_class->top_count && i < 3; i++)
        at += (size_t)snprintf(list + at, sizeof list - at, "%s%d", i ? " " : "",
                               (int)of_class->top[i]);
    bal_table_cell(t, "%s", *list ? list : "n/a");
}

static bal_status put_decisions(const page *p)
{
    static const char *const names[] = {"class",    "n",        "items", "recall",
                                        "features", "largest",  "share", "needed",
                                        "by FN",    "distinct", NULL};
    bal_table *t;
    BAL_TRY(open_table(p, &t, names));
    for (int c = 0; c < listed(p); c++) {
        const bal_explained_class *k = &p->side->class_of[c];
        put_name(p, t, c);
        bal_table_cell(t, "%" PRId64, bal_explain_train_counts(p->e)[c]);
        bal_table_cell(t, "%" PRId64, k->items);
        bal_table_number(t, figure(p->side, c, BAL_FIGURE_recall)->value, 3);
        put_top(t, k);
        bal_table_number(t, figure(p->side, c, BAL_FIGURE_peak)->value, 2);
        bal_table_number(t, figure(p->side, c, BAL_FIGURE_share_positive)->value, 3);
        bal_table_number(t, figure(p->side, c, BAL_FIGURE_needed)->value, 2);
        bal_table_number(t, figure(p->side, c, BAL_FIGURE_needed_wrong)->value, 2);
        bal_table_number(t, figure(p->side, c, BAL_FIGURE_distinct)->value, 0);
    }
    BAL_TRY(put_table(p, &t));
    put_rest(p);
    fputc('\n', p->out);
    char line[512];
    snprintf(line, sizeof line,
             "n: training images. features: the first of the %d (of %d) with the largest mean CE "
             "among the right ones; largest: that of the first; share: what the %d carry of the "
             "positive CE. needed: features that are enough for the decision, mean over the right "
             "and over the wrong ones (FN); distinct: that any of the right ones needs.",
             bal_explain_top(p->e), bal_explain_dim(p->e), bal_explain_top(p->e));
    put_words(p, 0, 0, line);
    return BAL_OK;
}

/* ---- how the classes lie ---- */

static void put_other(const page *p, bal_table *t, int c, double share)
{
    if (c < 0)
        bal_table_cell(t, "n/a");
    else
        bal_table_cell(t, "%.12s %.0f %%", bal_explain_class_name(p->e, c), 100.0 * share);
}

static bal_status put_space(const page *p)
{
    static const char *const names[] = {"class", "gap",  "gap FN",  "range gap", "rank",
                                        "safe",  "rare", "outlier", "lost to",   NULL};
    bal_table *t;
    BAL_TRY(open_table(p, &t, names));
    for (int c = 0; c < listed(p); c++) {
        const bal_explained_class *k = &p->side->class_of[c];
        put_name(p, t, c);
        bal_table_number(t, figure(p->side, c, BAL_FIGURE_gap_signed)->value, 3);
        bal_table_number(t, figure(p->side, c, BAL_FIGURE_gap_wrong_signed)->value, 3);
        bal_table_number(t, figure(p->side, c, BAL_FIGURE_range_gap)->value, 2);
        bal_table_number(t, figure(p->side, c, BAL_FIGURE_effective_rank)->common, 1);
        bal_table_number(t, figure(p->side, c, BAL_FIGURE_safe)->value, 2);
        bal_table_number(t, figure(p->side, c, BAL_FIGURE_rare)->value, 2);
        bal_table_number(t, figure(p->side, c, BAL_FIGURE_outlier)->value, 2);
        put_other(p, t, k->lost_to, k->items ? (double)k->lost / (double)k->items : NAN);
    }
    BAL_TRY(put_table(p, &t));
    put_rest(p);
    fputc('\n', p->out);
    char line[600], rank[160];
    if (p->side->common > 0)
        snprintf(rank, sizeof rank,
                 "rank: effective rank of %" PRId64
                 " images of each class, so that size does not decide it",
                 p->side->common);
    else
        snprintf(rank, sizeof rank,
                 "rank: not measured (no draws, or too few images in every class)");
    snprintf(line, sizeof line,
             "gap: how far the top magnitudes of the right test images are above (+) or below (-) "
             "those of training, and of the FN; range gap: what test features show outside the "
             "training range; %s; safe, rare, outlier: share with 4 or 5, 1, 0 of the 5 nearest of "
             "its own class, among %" PRId64 " images.",
             rank, p->side->measured);
    put_words(p, 0, 0, line);
    return BAL_OK;
}

/* ---- the whole network ---- */

static bal_status put_trends(const page *p)
{
    static const char *const names[] = {"figure",    "side",           "with recall", "size held",
                                        "with size", "at common size", NULL};
    bal_table *t;
    const bal_trend *trend;
    int rows = 0;
    BAL_TRY(open_table(p, &t, names));
    for (int i = 0; (trend = bal_explain_trend(p->e, i)); i++) {
        if (isnan(trend->recall) && isnan(trend->size))
            continue;
        bal_table_cell(t, "%s", bal_figure_at((int)trend->figure)->key);
        bal_table_cell(t, "%s", bal_side_name(trend->side));
        bal_table_number(t, trend->recall, 2);
        bal_table_number(t, trend->recall_given_size, 2);
        bal_table_number(t, trend->size, 2);
        bal_table_number(t, trend->common_size, 2);
        rows++;
    }
    if (rows == 0) {
        bal_table_close(&t);
        fputs("fewer than 3 classes, or all alike: there are none\n", p->out);
        return BAL_OK;
    }
    return put_table(p, &t);
}

static bal_status put_collapse(const page *p)
{
    static const char *const names[] = {"side", "NC1", "CDNV",     "NC2 norms", "NC2 angles",
                                        "NC3",  "NC4", "tail cos", "head cos",  NULL};
    bal_table *t;
    BAL_TRY(open_table(p, &t, names));
    for (int side = 0; side < BAL_SIDES; side++) {
        const bal_explained_side *s = bal_explain_side(p->e, (bal_side)side);
        if (!s)
            continue;
        const bal_collapse *k = &s->collapse;
        const double values[] = {k->nc1,     k->cdnv,         k->mean_norm_spread, k->mean_angle,
                                 k->duality, k->disagreement, k->tail_cosine,      k->head_cosine};
        bal_table_cell(t, "%s", bal_side_name((bal_side)side));
        for (size_t i = 0; i < BAL_COUNT_OF(values); i++)
            bal_table_number(t, values[i], 3);
    }
    return put_table(p, &t);
}

static void put_findings(const page *p)
{
    const bal_explain_finding *f;
    for (int i = 0; (f = bal_explain_finding_at(p->e, i)); i++)
        put_words(p, fprintf(p->out, "- "), 2, f->text);
    if (!bal_explain_finding_at(p->e, 0))
        fputs("nothing that the rules speak about\n", p->out);
}

static bal_status write_page(const page *p)
{
    if (p->side->class_of[0].top_count > 0 || bal_explain_has_head(p->e)) {
        put_title(p, "what the decisions rest on");
        BAL_TRY(put_decisions(p));
    } else {
        fputs("\nthere is no linear or cosine head: without it there is no classification "
              "embedding\n",
              p->out);
    }
    put_title(p, "how the classes lie");
    BAL_TRY(put_space(p));
    put_title(p, "rank correlations over the classes");
    BAL_TRY(put_trends(p));
    put_title(p, "neural collapse");
    BAL_TRY(put_collapse(p));
    put_title(p, "findings");
    put_findings(p);
    return BAL_OK;
}

bal_status bal_report_explain(const bal_explain *e, bal_ctx *ctx, char **text)
{
    *text = NULL;
    bal_text lines;
    BAL_TRY(bal_text_open(&lines, ctx));
    page p = {.e = e,
              .ctx = ctx,
              .out = lines.out,
              .train = bal_explain_side(e, BAL_SIDE_TRAIN),
              .test = bal_explain_side(e, BAL_SIDE_TEST)};
    p.side = p.test ? p.test : p.train;
    fprintf(p.out,
            "%d classes, %d features, K = %d; %" PRId64 " training and %" PRId64 " test items\n",
            bal_explain_classes(e), bal_explain_dim(e), bal_explain_top(e),
            p.train ? p.train->items : 0, p.test ? p.test->items : 0);
    return bal_text_finish(&lines, ctx, write_page(&p), text);
}
