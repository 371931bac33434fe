/* How hard the classes are to tell apart. Pixels overstate it: what looks mixed there a network may
 * separate, so findings on pixels are mild. */
#include "audit/rules/rules.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LISTED_PAIRS 3

static bool on_pixels(const bal_verdict *v)
{
    return strcmp(v->audit->difficulty.features, "pixels") == 0;
}

static bal_severity grade(const bal_verdict *v, double figure)
{
    const bal_severity severity = bal_rule_grade(v->rule, figure);
    return on_pixels(v) && severity > BAL_SEVERITY_MILD ? BAL_SEVERITY_MILD : severity;
}

/* Fewer training images than an equal share. */
static bool is_minority(const bal_verdict *v, int c)
{
    const bal_audit_extent *e = &v->audit->extent;
    return e->of[c].items[BAL_SPLIT_TRAIN] * e->classes < e->items[BAL_SPLIT_TRAIN];
}

static bal_class_value *class_values(bal_verdict *v)
{
    bal_class_value *values = bal_calloc(v->ctx, (size_t)v->audit->extent.classes, sizeof *values);
    v->no_memory = v->no_memory || !values;
    return values;
}

void bal_rule_overlap(bal_verdict *v)
{
    const bal_audit_difficulty *d = &v->audit->difficulty;
    bal_class_value *values = class_values(v);
    if (!values)
        return;
    int count = 0;
    double mean = 0.0, chance = 0.0;
    for (int c = 0; c < v->audit->extent.classes; c++)
        if (!isnan(d->class_of[c].kdn)) {
            values[count++] = (bal_class_value){c, d->class_of[c].kdn};
            mean += d->class_of[c].kdn;
            chance += d->class_of[c].chance;
        }
    mean /= count > 0 ? count : 1;
    chance /= count > 0 ? count : 1;
    const bal_severity severity = grade(v, mean);
    if (severity != BAL_SEVERITY_OK) {
        bal_rule_say(v, severity,
                     "Of the %d nearest neighbours of an image, %s are of another class (mean over "
                     "classes; neighbours at random: %s); the most: %s.",
                     d->neighbours, bal_percent_of(mean).text, bal_percent_of(chance).text,
                     bal_list_classes(v, values, count, false, BAL_CLASS_PERCENT).text);
        bal_rule_todo(v, on_pixels(v) ? "measure again on the features of a trained run "
                                        "(--features RUN): pixels overstate it"
                                      : "expect confusion there; look at labels and pairs of "
                                        "classes before trying more recipes");
    }
    bal_free(v->ctx, values);
}

void bal_rule_pairs(bal_verdict *v)
{
    const bal_audit_difficulty *d = &v->audit->difficulty;
    if (d->overlap_count == 0)
        return;
    const bal_severity severity = grade(v, d->overlaps[0].share);
    if (severity == BAL_SEVERITY_OK)
        return;
    char list[600] = "";
    size_t at = 0;
    int64_t listed = 0;
    for (; listed < d->overlap_count && listed < LISTED_PAIRS; listed++) {
        const bal_audit_overlap *o = &d->overlaps[listed];
        if (o->share < v->rule->mild)
            break;
        at += (size_t)snprintf(list + at, sizeof list - at, "%s%s and %s (%s)",
                               listed == 0 ? "" : "; ", bal_rule_class(v, o->a).text,
                               bal_rule_class(v, o->b).text, bal_percent_of(o->share).text);
    }
    bal_rule_say(v, severity, "Classes that lie in each other, by neighbours shared: %s.", list);
    bal_rule_todo(v, "compare some of their images: are the labels sure, could one class be?");
}

void bal_rule_minority_types(bal_verdict *v)
{
    const bal_audit_difficulty *d = &v->audit->difficulty;
    bal_class_value *values = class_values(v);
    if (!values)
        return;
    int count = 0;
    double worst = 0.0;
    for (int c = 0; c < v->audit->extent.classes; c++) {
        const bal_audit_class_difficulty *of = &d->class_of[c];
        if (!is_minority(v, c) || of->items == 0)
            continue;
        const double share =
            (double)(of->types[BAL_EXAMPLE_RARE] + of->types[BAL_EXAMPLE_OUTLIER]) /
            (double)of->items;
        if (share < v->rule->mild)
            continue;
        values[count++] = (bal_class_value){c, share};
        worst = share > worst ? share : worst;
    }
    if (count > 0) {
        bal_rule_say(v, grade(v, worst),
                     "Minority classes whose images mostly have neighbours of other classes (rare "
                     "examples and outliers): %s.",
                     bal_list_classes(v, values, count, false, BAL_CLASS_PERCENT).text);
        bal_rule_todo(v, "weights alone will not find them: more images there are worth more than "
                         "anywhere else");
    }
    bal_free(v->ctx, values);
}

void bal_rule_diversity(bal_verdict *v)
{
    const bal_audit_difficulty *d = &v->audit->difficulty;
    bal_class_value *values = class_values(v);
    if (!values)
        return;
    int count = 0;
    double least = INFINITY;
    for (int c = 0; c < v->audit->extent.classes; c++) {
        const double diversity = d->class_of[c].diversity_against_head;
        if (!is_minority(v, c) || !(diversity <= v->rule->mild))
            continue;
        values[count++] = (bal_class_value){c, diversity};
        least = diversity < least ? diversity : least;
    }
    if (count > 0) {
        bal_rule_say(v, grade(v, least),
                     "Minority classes with less variety within than the largest class (1 is as "
                     "much): %s.",
                     bal_list_classes(v, values, count, true, BAL_CLASS_RATIO).text);
        bal_rule_todo(v, "drawing the same images more often adds none; collect from other "
                         "sources, augment more");
    }
    bal_free(v->ctx, values);
}
