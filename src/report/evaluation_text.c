/* An evaluation as text for people: main numbers, groups, a row per class. */
#include "ballast/report.h"

#include "report/text.h"

#include <inttypes.h>
#include <math.h>

static void interval_cell(bal_table *t, bal_interval interval)
{
    if (isnan(interval.low) || isnan(interval.high))
        bal_table_cell(t, "n/a");
    else
        bal_table_cell(t, "%.3f to %.3f", interval.low, interval.high);
}

static void header(bal_table *t, const char *const *names, int count)
{
    for (int i = 0; i < count; i++)
        bal_table_cell(t, "%s", names[i]);
    bal_table_rule(t);
}

static bal_status put_table(bal_text *text, bal_ctx *ctx, bal_table **table)
{
    char *lines;
    const bal_status status = bal_table_text(*table, ctx, &lines);
    bal_table_close(table);
    if (status == BAL_OK)
        fprintf(text->out, "%s", lines);
    bal_free(ctx, status == BAL_OK ? lines : NULL);
    return status;
}

static bal_status metrics_part(bal_text *text, bal_ctx *ctx, const bal_evaluation *e)
{
    static const char *const names[] = {"metric", "value", "95 % interval", ""};
    const int classes = bal_evaluation_classes(e);
    bal_table *t;
    BAL_TRY(bal_table_open(&t, ctx, 4, "lrll"));
    header(t, names, 4);
    for (int m = 0; m < BAL_METRIC_COUNT; m++) {
        const bal_metric metric = (bal_metric)m;
        const int covered = bal_evaluation_covered(e, metric);
        bal_table_cell(t, "%s", bal_metric_key(metric));
        bal_table_number(t, bal_evaluation_metric(e, metric), 3);
        const bal_interval interval = bal_evaluation_interval(e, metric);
        if (isnan(interval.low) || isnan(interval.high))
            bal_table_cell(t, "%s", "");
        else
            interval_cell(t, interval);
        if (covered > 0 && covered < classes)
            bal_table_cell(t, "over %d of %d classes", covered, classes);
        else
            bal_table_cell(t, "%s", "");
    }
    return put_table(text, ctx, &t);
}

static bal_status groups_part(bal_text *text, bal_ctx *ctx, const bal_evaluation *e)
{
    static const char *const names[] = {"group", "classes", "recall", "95 % interval"};
    bool known = false;
    for (int g = 0; g < BAL_GROUP_COUNT; g++)
        known = known || bal_evaluation_group(e, g)->classes > 0;
    if (!known)
        return BAL_OK; /* training counts are not known */
    bal_table *t;
    BAL_TRY(bal_table_open(&t, ctx, 4, "lrrl"));
    header(t, names, 4);
    for (int g = 0; g < BAL_GROUP_COUNT; g++) {
        const bal_group_metrics *group = bal_evaluation_group(e, g);
        bal_table_cell(t, "%s", group->name);
        bal_table_cell(t, "%d", group->classes);
        bal_table_number(t, group->recall, 3);
        interval_cell(t, group->interval);
    }
    fputc('\n', text->out);
    return put_table(text, ctx, &t);
}

static bal_status classes_part(bal_text *text, bal_ctx *ctx, const bal_evaluation *e,
                               const int64_t *train_counts)
{
    static const char *const names[] = {"class",  "train",         "items", "precision",
                                        "recall", "95 % interval", "f1",    "auroc"};
    bal_table *t;
    BAL_TRY(bal_table_open(&t, ctx, 8, "lrrrrlrr"));
    header(t, names, 8);
    for (int c = 0; c < bal_evaluation_classes(e); c++) {
        const bal_class_metrics *m = bal_evaluation_class(e, c);
        bal_table_cell(t, "%s", bal_evaluation_class_name(e, c));
        if (train_counts)
            bal_table_cell(t, "%" PRId64, train_counts[c]);
        else
            bal_table_cell(t, "n/a");
        bal_table_cell(t, "%" PRId64, m->support);
        bal_table_number(t, m->precision, 3);
        bal_table_number(t, m->recall, 3);
        interval_cell(t, m->recall_interval);
        bal_table_number(t, m->f1, 3);
        bal_table_number(t, m->auroc, 3);
    }
    fputc('\n', text->out);
    return put_table(text, ctx, &t);
}

enum { MOST_GROUPS = 30 };

/* What stands out among the groups of items. */
static void fairness_lines(bal_text *text, const bal_evaluation *e, const bal_fairness *f)
{
    if (f->worst_group >= 0)
        fprintf(text->out, "\nworst group %s: recall %.3f, %.3f below the best, %s\n",
                bal_evaluation_item_group(e, f->worst_group)->name,
                bal_evaluation_item_group(e, f->worst_group)->recall, f->gap,
                bal_evaluation_item_group(e, f->best_group)->name);
    if (f->cell_group >= 0)
        fprintf(text->out,
                "worst class and group: %s in %s, recall %.3f of %" PRId64
                " items (95 %% interval %.3f to %.3f)\n",
                bal_evaluation_class_name(e, f->cell_class),
                bal_evaluation_item_group(e, f->cell_group)->name, f->cell_recall, f->cell_items,
                f->cell_interval.low, f->cell_interval.high);
    if (f->small_groups || f->small_cells)
        fprintf(text->out,
                "too few items to be among the worst: %d group%s, %d pair%s of class and group\n",
                f->small_groups, f->small_groups == 1 ? "" : "s", f->small_cells,
                f->small_cells == 1 ? "" : "s");
}

/* The groups of items with their recall; of many those that come first. */
static bal_status item_groups_part(bal_text *text, bal_ctx *ctx, const bal_evaluation *e)
{
    static const char *const names[] = {"group of items", "items",         "classes",
                                        "accuracy",       "95 % interval", "recall"};
    const bal_fairness *f = bal_evaluation_fairness(e);
    int shown = 0, more = 0;
    if (!f)
        return BAL_OK;
    bal_table *t;
    BAL_TRY(bal_table_open(&t, ctx, 6, "lrrrlr"));
    header(t, names, 6);
    for (int g = 0; g < bal_evaluation_item_groups(e); g++) {
        const bal_item_group_metrics *m = bal_evaluation_item_group(e, g);
        if (m->items == 0)
            continue;
        if (++shown > MOST_GROUPS) {
            more++;
            continue;
        }
        bal_table_cell(t, "%s", m->name);
        bal_table_cell(t, "%" PRId64, m->items);
        bal_table_cell(t, "%d", m->classes);
        bal_table_number(t, m->accuracy, 3);
        interval_cell(t, m->accuracy_interval);
        bal_table_number(t, m->recall, 3);
    }
    fputc('\n', text->out);
    BAL_TRY(put_table(text, ctx, &t));
    if (more)
        fprintf(text->out, "and %d more groups (--json has them)\n", more);
    fairness_lines(text, e, f);
    return BAL_OK;
}

bal_status bal_report_evaluation(const bal_evaluation *e, const int64_t *train_counts, bal_ctx *ctx,
                                 char **text)
{
    *text = NULL;
    bal_text lines;
    BAL_TRY(bal_text_open(&lines, ctx));
    fprintf(lines.out, "%" PRId64 " items, %d classes\n\n", bal_evaluation_items(e),
            bal_evaluation_classes(e));
    bal_status status = metrics_part(&lines, ctx, e);
    if (status == BAL_OK)
        status = groups_part(&lines, ctx, e);
    if (status == BAL_OK)
        status = classes_part(&lines, ctx, e, train_counts);
    if (status == BAL_OK)
        status = item_groups_part(&lines, ctx, e);
    return bal_text_finish(&lines, ctx, status, text);
}
