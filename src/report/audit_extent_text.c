/* The extent of an imbalance: classes with bars, figures, groups. */
#include "report/audit_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NAME_COLUMNS 18
#define BAR_LEAST 8
#define BAR_MOST 28
#define LISTED 30 /* classes above which the middle ones are left out */
#define ENDS 12   /* then so many at each end are shown */

typedef struct ranked {
    int64_t count;
    int c;
} ranked;

/* most images first; equal counts in class order */
static int more_first(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return x->c - y->c;
}

/* "87.9 to 91.8 %" */
static void interval_cell(bal_table *t, bal_interval i)
{
    if (isnan(i.low) || isnan(i.high))
        bal_table_cell(t, "n/a");
    else
        bal_table_cell(t, "%.1f to %.1f %%", 100.0 * i.low, 100.0 * i.high);
}

/* A bar of the logarithm: an eighth of a column is one image, `width` columns are `most`. */
static void bar_cell(bal_table *t, const bal_audit_page *p, int64_t count, int64_t most, int width)
{
    static const char *const eighths[8] = {"",       "\u258F", "\u258E", "\u258D",
                                           "\u258C", "\u258B", "\u258A", "\u2589"};
    char bar[4 * BAR_MOST + 4] = "";
    size_t at = 0;
    if (count > 0 && p->unicode) {
        int steps = (int)lround(8.0 * width * log1p((double)count) / log1p((double)most));
        steps = steps < 1 ? 1 : steps;
        for (int i = 0; i < steps / 8; i++)
            at += (size_t)snprintf(bar + at, sizeof bar - at, "\u2588");
        snprintf(bar + at, sizeof bar - at, "%s", eighths[steps % 8]);
    } else if (count > 0) {
        const int steps = (int)lround(width * log1p((double)count) / log1p((double)most));
        memset(bar, '#', (size_t)(steps < 1 ? 1 : steps));
        bar[steps < 1 ? 1 : steps] = '\0';
    }
    bal_table_cell(t, "%s", bar);
}

/* Columns that the bars may have: what names, counts and intervals leave. */
static int bar_width(const bal_audit_page *p, const bal_audit_extent *e)
{
    size_t used = 14 + 2 * 5; /* an interval, and the gaps */
    size_t widest = 5;
    for (int c = 0; c < e->classes; c++) {
        const size_t width = strlen(bal_page_class(p, c, NAME_COLUMNS).text);
        widest = width > widest ? width : widest;
    }
    used += widest > NAME_COLUMNS ? NAME_COLUMNS : widest;
    for (int s = 0; s < BAL_SPLIT_COUNT; s++) {
        size_t column = strlen(bal_split_name((bal_split)s));
        for (int c = 0; c < e->classes; c++) {
            const size_t width = strlen(bal_page_count(e->of[c].items[s]).text);
            column = width > column ? width : column;
        }
        used += column;
    }
    const int left = BAL_TEXT_WIDTH - (int)used;
    return left < BAR_LEAST ? BAR_LEAST : left > BAR_MOST ? BAR_MOST : left;
}

static bal_status classes_part(const bal_audit_page *p, const bal_audit_extent *e)
{
    static const char *const names[] = {"class", "train",     "val",
                                        "test",  "log scale", "at 90 %: truth"};
    ranked *order = bal_calloc(p->ctx, (size_t)e->classes, sizeof *order);
    bal_table *t = NULL;
    bal_status status = order ? BAL_OK : BAL_NO_MEMORY;
    if (status == BAL_OK)
        status = bal_table_open(&t, p->ctx, 6, "lrrrlr");
    if (status == BAL_OK) {
        for (int c = 0; c < e->classes; c++)
            order[c] = (ranked){e->of[c].items[BAL_SPLIT_TRAIN], c};
        qsort(order, (size_t)e->classes, sizeof *order, more_first);
        bal_page_header(t, names, 6);
        const int width = bar_width(p, e);
        for (int i = 0; i < e->classes; i++) {
            if (e->classes > LISTED && i == ENDS) {
                i = e->classes - ENDS;
                bal_table_cell(t, "... %d more", e->classes - 2 * ENDS);
                for (int k = 1; k < 6; k++)
                    bal_table_cell(t, "%s", "");
            }
            const bal_audit_class_extent *of = &e->of[order[i].c];
            bal_table_cell(t, "%s", bal_page_class(p, order[i].c, NAME_COLUMNS).text);
            for (int s = 0; s < BAL_SPLIT_COUNT; s++)
                bal_table_cell(t, "%s", bal_page_count(of->items[s]).text);
            bar_cell(t, p, of->items[BAL_SPLIT_TRAIN], e->largest, width);
            interval_cell(t, of->interval);
        }
        status = bal_page_table(p, &t);
    }
    bal_free(p->ctx, order);
    return status;
}

static void figure(bal_table *t, const char *name, const char *range, int decimals, double value)
{
    bal_table_cell(t, "%s", name);
    bal_table_number(t, value, decimals);
    bal_table_cell(t, "%s", range);
}

/* Classes with less than an equal share. */
static int below_equal(const bal_audit_extent *e)
{
    int below = 0;
    for (int c = 0; c < e->classes; c++)
        below += e->of[c].items[BAL_SPLIT_TRAIN] * e->classes < e->items[BAL_SPLIT_TRAIN];
    return below;
}

static bal_status figures_part(const bal_audit_page *p, const bal_audit_extent *e)
{
    bal_table *t;
    char degree[80], spread[80], effective[80];
    snprintf(degree, sizeof degree, "0 (equal) to %d; %d class%s below an equal share",
             e->classes - 1, below_equal(e), below_equal(e) == 1 ? " is" : "es are");
    snprintf(spread, sizeof spread, "0 (equal) to %.2f", 1.0 - 1.0 / e->classes);
    snprintf(effective, sizeof effective, "of %s training images, beta %g",
             bal_page_count(e->items[BAL_SPLIT_TRAIN]).text, BAL_AUDIT_BETA);
    BAL_TRY(bal_table_open(&t, p->ctx, 3, "lrl"));
    figure(t, "imbalance ratio", "1 (equal) and up: largest over smallest class",
           e->imbalance_ratio < 100 ? 1 : 0, e->imbalance_ratio);
    figure(t, "imbalance degree", degree, 2, e->imbalance_degree);
    figure(t, "LRID", "0 (equal) and up, grows with the images", 0, e->lrid);
    figure(t, "Shannon evenness", "0 to 1 (equal)", 3, e->evenness);
    figure(t, "Gini coefficient", spread, 3, e->gini);
    bal_table_cell(t, "effective number");
    bal_table_cell(t, "%s", bal_page_count((int64_t)llround(e->effective)).text);
    bal_table_cell(t, "%s", effective);
    fputc('\n', p->out);
    return bal_page_table(p, &t);
}

bal_status bal_page_extent(const bal_audit_page *p)
{
    const bal_audit_extent *e = bal_audit_get_extent(p->audit);
    BAL_TRY(classes_part(p, e));
    BAL_TRY(figures_part(p, e));
    char groups[400] = "groups";
    size_t at = strlen(groups);
    for (int g = 0; g < BAL_GROUP_COUNT; g++)
        at += (size_t)snprintf(groups + at, sizeof groups - at, "%s %s: %d class%s, %s images",
                               g ? ";" : "", e->group_names[g], e->group_classes[g],
                               e->group_classes[g] == 1 ? "" : "es",
                               bal_page_count(e->group_items[g]).text);
    bal_page_words(p, 0, 0, groups);
    return BAL_OK;
}
