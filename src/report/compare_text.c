/* Evaluations of the same items side by side, and one sentence on the rare classes that says what
 * the numbers say. */
#include "ballast/report.h"

#include "report/text.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define MOST_ARMS 64
#define UNCHANGED 0.0005 /* differences below this print as 0.000 */

static const bal_metric main_metrics[] = {BAL_METRIC_accuracy, BAL_METRIC_balanced_accuracy,
                                          BAL_METRIC_macro_f1, BAL_METRIC_worst_class_recall,
                                          BAL_METRIC_ece};

typedef struct side_by_side {
    const bal_report_arm *arms;
    int count;
    const int64_t *train_counts;
    bal_table *table;
} side_by_side;

static bool has(bal_interval interval)
{
    return !isnan(interval.low) && !isnan(interval.high);
}

/* "0.713 [0.704, 0.722]" in a buffer. */
static const char *with_interval(double value, bal_interval interval, char *buffer, size_t size)
{
    if (isnan(value))
        snprintf(buffer, size, "n/a");
    else if (has(interval))
        snprintf(buffer, size, "%.3f [%.3f, %.3f]", value, interval.low, interval.high);
    else
        snprintf(buffer, size, "%.3f", value);
    return buffer;
}

static void value_cell(bal_table *t, double value, bal_interval interval)
{
    char buffer[64];
    bal_table_cell(t, "%s", with_interval(value, interval, buffer, sizeof buffer));
}

static void change_cell(bal_table *t, double first, double last)
{
    if (isnan(last - first))
        bal_table_cell(t, "n/a");
    else if (fabs(last - first) < UNCHANGED)
        bal_table_cell(t, "0.000");
    else
        bal_table_cell(t, "%+.3f", last - first);
}

static void metric_rows(const side_by_side *s)
{
    const bal_evaluation *first = s->arms[0].evaluation;
    const bal_evaluation *last = s->arms[s->count - 1].evaluation;
    for (size_t m = 0; m < BAL_COUNT_OF(main_metrics); m++) {
        const bal_metric metric = main_metrics[m];
        bal_table_cell(s->table, "%s", bal_metric_key(metric));
        bal_table_cell(s->table, "%s", "");
        for (int a = 0; a < s->count; a++)
            value_cell(s->table, bal_evaluation_metric(s->arms[a].evaluation, metric),
                       bal_evaluation_interval(s->arms[a].evaluation, metric));
        change_cell(s->table, bal_evaluation_metric(first, metric),
                    bal_evaluation_metric(last, metric));
    }
}

static void group_rows(const side_by_side *s)
{
    for (int g = 0; g < BAL_GROUP_COUNT; g++) {
        const bal_group_metrics *first = bal_evaluation_group(s->arms[0].evaluation, g);
        const bal_group_metrics *last = bal_evaluation_group(s->arms[s->count - 1].evaluation, g);
        if (first->classes == 0)
            continue;
        bal_table_cell(s->table, "recall, %s (%d class%s)", first->name, first->classes,
                       first->classes == 1 ? "" : "es");
        bal_table_cell(s->table, "%s", "");
        for (int a = 0; a < s->count; a++) {
            const bal_group_metrics *group = bal_evaluation_group(s->arms[a].evaluation, g);
            value_cell(s->table, group->recall, group->interval);
        }
        change_cell(s->table, first->recall, last->recall);
    }
}

static void class_rows(const side_by_side *s)
{
    const bal_evaluation *first = s->arms[0].evaluation;
    const bal_evaluation *last = s->arms[s->count - 1].evaluation;
    for (int c = 0; c < bal_evaluation_classes(first); c++) {
        bal_table_cell(s->table, "recall, %s", bal_evaluation_class_name(first, c));
        if (s->train_counts)
            bal_table_cell(s->table, "%" PRId64, s->train_counts[c]);
        else
            bal_table_cell(s->table, "n/a");
        for (int a = 0; a < s->count; a++) {
            const bal_class_metrics *m = bal_evaluation_class(s->arms[a].evaluation, c);
            value_cell(s->table, m->recall, m->recall_interval);
        }
        change_cell(s->table, bal_evaluation_class(first, c)->recall,
                    bal_evaluation_class(last, c)->recall);
    }
}

static bal_status put_table(side_by_side *s, bal_ctx *ctx, bal_text *text)
{
    char align[MOST_ARMS + 4] = "lr";
    memset(align + 2, 'l', (size_t)s->count);
    align[2 + s->count] = 'r';
    BAL_TRY(bal_table_open(&s->table, ctx, s->count + 3, align));
    bal_table_cell(s->table, "95 %% intervals in brackets");
    bal_table_cell(s->table, "train");
    for (int a = 0; a < s->count; a++)
        bal_table_cell(s->table, "%s", s->arms[a].name);
    bal_table_cell(s->table, "change");
    bal_table_rule(s->table);
    metric_rows(s);
    bal_table_rule(s->table);
    group_rows(s);
    bal_table_rule(s->table);
    class_rows(s);
    char *lines;
    const bal_status status = bal_table_text(s->table, ctx, &lines);
    bal_table_close(&s->table);
    if (status != BAL_OK)
        return status;
    fprintf(text->out, "%s\n", lines);
    bal_free(ctx, lines);
    return BAL_OK;
}

/* ---- the sentence ---- */

/* What the two intervals allow to be said about a difference. */
static const char *verdict(bal_interval a, bal_interval b)
{
    if (!has(a) || !has(b))
        return "no intervals were computed";
    return a.high < b.low || b.high < a.low ? "the 95 % intervals do not overlap"
                                            : "the 95 % intervals overlap, so this may be chance";
}

/* "rose by 0.279, from 0.123 [0.100, 0.150] to 0.402 [0.360, 0.440] (...)" */
static void say_change(FILE *out, const bal_group_metrics *a, const bal_group_metrics *b)
{
    char from[64], to[64];
    const double change = b->recall - a->recall;
    with_interval(a->recall, a->interval, from, sizeof from);
    with_interval(b->recall, b->interval, to, sizeof to);
    if (fabs(change) < UNCHANGED)
        fprintf(out, "stayed the same, %s and %s", from, to);
    else
        fprintf(out, "%s by %.3f, from %s to %s (%s)", change > 0 ? "rose" : "fell", fabs(change),
                from, to, verdict(a->interval, b->interval));
}

static void say_group(FILE *out, const char *kind, const bal_group_metrics *a,
                      const bal_group_metrics *b)
{
    fprintf(out, "mean recall of the %d %s class%s (%s) ", a->classes, kind,
            a->classes == 1 ? "" : "es", a->name);
    say_change(out, a, b);
}

static void sentence(FILE *out, const bal_report_arm *from, const bal_report_arm *to)
{
    const bal_group_metrics *rare[2], *frequent[2];
    const bal_evaluation *both[2] = {from->evaluation, to->evaluation};
    for (int i = 0; i < 2; i++) {
        rare[i] = bal_evaluation_group(both[i], BAL_GROUP_FEW);
        frequent[i] = bal_evaluation_group(both[i], BAL_GROUP_MANY);
    }
    if (rare[0]->classes == 0 || rare[1]->classes == 0) {
        fprintf(out,
                "Nothing is said about the rare classes: the training counts are not known.\n");
        return;
    }
    if (isnan(rare[0]->recall) || isnan(rare[1]->recall)) {
        fprintf(out, "Nothing is said about the rare classes: they have no items here.\n");
        return;
    }
    fprintf(out, "With %s instead of %s, the ", to->name, from->name);
    say_group(out, "rare", rare[0], rare[1]);
    if (frequent[0]->classes > 0 && !isnan(frequent[0]->recall) && !isnan(frequent[1]->recall)) {
        fprintf(out, "; the ");
        say_group(out, "frequent", frequent[0], frequent[1]);
    }
    fprintf(out, ".\n");
}

static bal_status check(const bal_report_arm *arms, int count, bal_ctx *ctx)
{
    if (count < 2 || count > MOST_ARMS)
        return bal_fail(ctx, BAL_BAD_ARG, "%d evaluation%s to compare, 2 to %d expected", count,
                        count == 1 ? "" : "s", MOST_ARMS);
    const bal_evaluation *first = arms[0].evaluation;
    for (int a = 1; a < count; a++) {
        const bal_evaluation *e = arms[a].evaluation;
        if (bal_evaluation_classes(e) != bal_evaluation_classes(first))
            return bal_fail(ctx, BAL_BAD_ARG, "%s has %d classes and %s has %d", arms[0].name,
                            bal_evaluation_classes(first), arms[a].name, bal_evaluation_classes(e));
        for (int c = 0; c < bal_evaluation_classes(e); c++) {
            const int64_t want = bal_evaluation_class(first, c)->support;
            const int64_t got = bal_evaluation_class(e, c)->support;
            if (want != got)
                return bal_fail(ctx, BAL_BAD_ARG,
                                "%s has %" PRId64 " items of class %s and %s has %" PRId64
                                ": they were not evaluated on the same items",
                                arms[0].name, want, bal_evaluation_class_name(first, c),
                                arms[a].name, got);
        }
    }
    return BAL_OK;
}

bal_status bal_report_compare(const bal_report_arm *arms, int count, const int64_t *train_counts,
                              bal_ctx *ctx, char **text)
{
    *text = NULL;
    BAL_TRY(check(arms, count, ctx));
    bal_text lines;
    BAL_TRY(bal_text_open(&lines, ctx));
    side_by_side s = {arms, count, train_counts, NULL};
    const bal_status status = put_table(&s, ctx, &lines);
    if (status == BAL_OK)
        sentence(lines.out, &arms[0], &arms[count - 1]);
    return bal_text_finish(&lines, ctx, status, text);
}
