/* How hard the classes are to tell apart: a row a class, the pairs that overlap. */
#include "report/audit_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define NAME_COLUMNS 14
#define LISTED 30 /* classes above which only the hardest are shown */
#define HARDEST 20
#define PAIRS 5

/* ---- on what ---- */

static void write_ground(const bal_audit_page *p, const bal_audit_difficulty *d)
{
    char words[600], reduced[120] = "";
    if (d->components < d->dim)
        snprintf(reduced, sizeof reduced, ", reduced to %d component%s (%s of the variance)",
                 d->components, d->components == 1 ? "" : "s",
                 bal_page_share(d->explained, 1).text);
    char *features = bal_page_plain(p, d->features);
    snprintf(words, sizeof words,
             "on %.100s (%d numbers an image%s), %d neighbours, %s%s of %s "
             "training images",
             features ? features : "", d->dim, reduced, d->neighbours,
             d->count < d->of ? "a stratified sample of " : "", bal_page_count(d->count).text,
             bal_page_count(d->of).text);
    bal_free(p->ctx, features);
    bal_page_words(p, 0, 0, words);
    fputc('\n', p->out);
}

/* ---- classes ---- */

typedef struct ranked {
    double kdn;
    int c;
} ranked;

/* hardest first, those without a number last */
static int harder_first(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (isnan(x->kdn) != isnan(y->kdn))
        return isnan(x->kdn) ? 1 : -1;
    if (x->kdn != y->kdn && !isnan(x->kdn))
        return x->kdn < y->kdn ? 1 : -1;
    return x->c - y->c;
}

static void type_cell(bal_table *t, int64_t count, int64_t of)
{
    if (of == 0)
        bal_table_cell(t, "n/a");
    else
        bal_table_cell(t, "%.0f", 100.0 * (double)count / (double)of);
}

static void class_row(const bal_audit_page *p, bal_table *t, const bal_audit_difficulty *d, int c)
{
    const bal_audit_class_difficulty *of = &d->class_of[c];
    bal_table_cell(t, "%s", bal_page_class(p, c, NAME_COLUMNS).text);
    bal_table_number(t, of->kdn, 2);
    bal_table_number(t, of->n1, 2);
    bal_table_number(t, of->n3, 2);
    bal_table_number(t, of->silhouette, 2);
    bal_table_number(t, of->fisher, 2);
    for (int type = 0; type < BAL_EXAMPLE_COUNT; type++)
        type_cell(t, of->types[type], of->items);
    bal_table_number(t, of->diversity_against_head, 2);
}

static void total_row(bal_table *t, const bal_audit_difficulty *d, int classes)
{
    bal_table_rule(t);
    bal_table_cell(t, "all images");
    bal_table_number(t, d->kdn, 2);
    bal_table_number(t, d->n1, 2);
    bal_table_number(t, d->n3, 2);
    bal_table_number(t, d->silhouette, 2);
    bal_table_number(t, d->fisher, 2);
    for (int type = 0; type < BAL_EXAMPLE_COUNT; type++) {
        int64_t count = 0;
        for (int c = 0; c < classes; c++)
            count += d->class_of[c].types[type];
        type_cell(t, count, d->count);
    }
}

static bal_status classes_part(const bal_audit_page *p, const bal_audit_difficulty *d)
{
    static const char *const names[] = {"class", "kDN",   "N1",   "N3",    "silh.", "Fisher",
                                        "safe",  "bord.", "rare", "outl.", "var."};
    const int classes = bal_dataset_describe(p->data).classes;
    ranked *order = bal_calloc(p->ctx, (size_t)classes, sizeof *order);
    bal_table *t = NULL;
    bal_status status = order ? BAL_OK : BAL_NO_MEMORY;
    if (status == BAL_OK)
        status = bal_table_open(&t, p->ctx, 11, "lrrrrrrrrrr");
    if (status == BAL_OK) {
        for (int c = 0; c < classes; c++)
            order[c] = (ranked){d->class_of[c].kdn, c};
        qsort(order, (size_t)classes, sizeof *order, harder_first);
        bal_page_header(t, names, 11);
        const int shown = classes > LISTED ? HARDEST : classes;
        for (int i = 0; i < shown; i++)
            class_row(p, t, d, order[i].c);
        if (shown < classes) {
            bal_table_cell(t, "... %d more", classes - shown);
            for (int k = 1; k < 11; k++)
                bal_table_cell(t, "%s", "");
        }
        total_row(t, d, classes);
        status = bal_page_table(p, &t);
        bal_page_words(p, 0, 0,
                       "kDN, N1, N3: shares of neighbours of other classes, 0 is easy. silh.: -1 "
                       "(mixed) to 1 (apart). Fisher: larger is easier. safe to outl.: % of the "
                       "class by its neighbours. var.: variety within, against the largest class.");
    }
    bal_free(p->ctx, order);
    return status;
}

/* ---- pairs ---- */

static bal_status pairs_part(const bal_audit_page *p, const bal_audit_difficulty *d)
{
    static const char *const names[] = {"overlap",    "and",  "shared", "1st in 2nd",
                                        "2nd in 1st", "lift", "Fisher"};
    if (d->overlap_count == 0)
        return BAL_OK;
    bal_table *t;
    BAL_TRY(bal_table_open(&t, p->ctx, 7, "llrrrrr"));
    bal_page_header(t, names, 7);
    for (int64_t i = 0; i < d->overlap_count && i < PAIRS; i++) {
        const bal_audit_overlap *o = &d->overlaps[i];
        bal_table_cell(t, "%s", bal_page_class(p, o->a, NAME_COLUMNS).text);
        bal_table_cell(t, "%s", bal_page_class(p, o->b, NAME_COLUMNS).text);
        bal_table_cell(t, "%s", bal_page_share(o->share, 1).text);
        bal_table_cell(t, "%s", bal_page_share(o->a_in_b, 1).text);
        bal_table_cell(t, "%s", bal_page_share(o->b_in_a, 1).text);
        bal_table_number(t, o->lift, 1);
        bal_table_number(t, o->fisher, 2);
    }
    fputc('\n', p->out);
    BAL_TRY(bal_page_table(p, &t));
    bal_page_words(
        p, 0, 0,
        "shared: of the neighbours of the one, those in the other. lift: against as many "
        "as chance gives classes of these sizes.");
    return BAL_OK;
}

bal_status bal_page_difficulty(const bal_audit_page *p)
{
    const bal_audit_difficulty *d = bal_audit_get_difficulty(p->audit);
    write_ground(p, d);
    BAL_TRY(classes_part(p, d));
    return pairs_part(p, d);
}
