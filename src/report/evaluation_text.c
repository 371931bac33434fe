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
    return bal_text_finish(&lines, ctx, status, text);
}
