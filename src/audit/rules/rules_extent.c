/* What the counts mean. */
#include "audit/rules/rules.h"

#include <math.h>
#include <stdlib.h>

static bal_class_value *class_values(bal_verdict *v)
{
    bal_class_value *values = bal_calloc(v->ctx, (size_t)v->audit->extent.classes, sizeof *values);
    v->no_memory = v->no_memory || !values;
    return values;
}

static const char *split_words(bal_split split)
{
    return split == BAL_SPLIT_TEST ? "test" : "validation";
}

void bal_rule_imbalance(bal_verdict *v)
{
    const bal_audit_extent *e = &v->audit->extent;
    const bal_severity severity = bal_rule_grade(v->rule, e->imbalance_ratio);
    if (severity == BAL_SEVERITY_OK)
        return;
    bal_rule_say(v, severity, "%s has %.*f times the training images of %s (%s against %s).",
                 bal_rule_class(v, e->largest_class).text, e->imbalance_ratio < 10 ? 1 : 0,
                 e->imbalance_ratio, bal_rule_class(v, e->smallest_class).text,
                 bal_thousands(e->largest).text, bal_thousands(e->smallest).text);
    bal_rule_todo(v, "train with the recipe below; judge by the recall of each class and by their "
                     "mean, not by accuracy");
}

void bal_rule_few_images(bal_verdict *v)
{
    const bal_audit_extent *e = &v->audit->extent;
    const bal_severity severity = bal_rule_grade(v->rule, (double)e->smallest);
    if (severity == BAL_SEVERITY_OK)
        return;
    const double limit = severity == BAL_SEVERITY_SEVERE    ? v->rule->severe
                         : severity == BAL_SEVERITY_SERIOUS ? v->rule->serious
                                                            : v->rule->mild;
    bal_class_value *values = class_values(v);
    if (!values)
        return;
    int count = 0;
    for (int c = 0; c < e->classes; c++)
        if ((double)e->of[c].items[BAL_SPLIT_TRAIN] <= limit)
            values[count++] = (bal_class_value){c, (double)e->of[c].items[BAL_SPLIT_TRAIN]};
    bal_rule_say(v, severity, "%d of %d classes %s at most %.0f training images: %s.", count,
                 e->classes, count == 1 ? "has" : "have", limit,
                 bal_list_classes(v, values, count, true, BAL_CLASS_COUNT).text);
    bal_rule_todo(v, "no recipe replaces images that are not there: collect more of these first, "
                     "or merge classes");
    bal_free(v->ctx, values);
}

void bal_rule_unmeasurable(bal_verdict *v)
{
    const bal_audit_extent *e = &v->audit->extent;
    bal_class_value *values = class_values(v);
    if (!values)
        return;
    int without = 0, wide = 0, worst = -1;
    double widest = 0.0;
    for (int c = 0; c < e->classes; c++) {
        const bal_audit_class_extent *of = &e->of[c];
        const double width = of->interval.high - of->interval.low;
        if (of->measured == 0)
            values[without++] = (bal_class_value){c, 0.0};
        else if (width > widest) {
            widest = width;
            worst = c;
        }
        wide += of->measured > 0 && width > v->rule->mild;
    }
    const char *split = split_words(e->measured_on);
    if (e->items[e->measured_on] == 0) {
        bal_rule_say(v, BAL_SEVERITY_SEVERE,
                     "There is neither a test nor a validation split: nothing can be measured.");
        bal_rule_todo(v, "keep images apart (--val-split)");
    } else if (without > 0) {
        bal_rule_say(v, BAL_SEVERITY_SEVERE,
                     "%d of %d classes %s no %s images, so that their recall cannot be known: %s.",
                     without, e->classes, without == 1 ? "has" : "have", split,
                     bal_list_classes(v, values, without, true, BAL_CLASS_COUNT).text);
        bal_rule_todo(v, "move some of their images into the %s split", split);
    } else if (bal_rule_grade(v->rule, widest) != BAL_SEVERITY_OK) {
        const bal_audit_class_extent *of = &e->of[worst];
        bal_rule_say(v, bal_rule_grade(v->rule, widest),
                     "%s has %lld %s image%s: when %lld of %lld are right, the truth may be "
                     "anything from %s to %s.",
                     bal_rule_class(v, worst).text, (long long)of->measured, split,
                     of->measured == 1 ? "" : "s", (long long)of->right, (long long)of->measured,
                     bal_percent_of(of->interval.low).text, bal_percent_of(of->interval.high).text);
        bal_rule_todo(v,
                      "believe a difference in the recall of %d such class%s only with more %s "
                      "images, or over several splits (--seed)",
                      wide, wide == 1 ? "" : "es", split);
    }
    bal_free(v->ctx, values);
}

void bal_rule_few_validation(bal_verdict *v)
{
    const bal_audit_extent *e = &v->audit->extent;
    if (e->measured_on == BAL_SPLIT_VAL || e->items[BAL_SPLIT_VAL] == 0)
        return; /* others speak of that */
    int fewest = 0;
    for (int c = 1; c < e->classes; c++)
        if (e->of[c].items[BAL_SPLIT_VAL] < e->of[fewest].items[BAL_SPLIT_VAL])
            fewest = c;
    const int64_t count = e->of[fewest].items[BAL_SPLIT_VAL];
    const bal_severity severity = bal_rule_grade(v->rule, (double)count);
    if (severity == BAL_SEVERITY_OK)
        return;
    bal_rule_say(v, severity,
                 "%s has %lld validation image%s: one more or less right moves the mean recall, by "
                 "which the best epoch is chosen, by %s.",
                 bal_rule_class(v, fewest).text, (long long)count, count == 1 ? "" : "s",
                 count > 0 ? bal_percent_of(1.0 / (double)count / e->classes).text : "nothing");
    bal_rule_todo(v,
                  "take a larger validation split (--val-split), or trust the last epoch as much");
}

void bal_rule_no_validation(bal_verdict *v)
{
    if (v->audit->extent.items[BAL_SPLIT_VAL] > 0)
        return;
    bal_rule_say(v, BAL_SEVERITY_SERIOUS,
                 "There is no validation split: the best epoch cannot be chosen without looking at "
                 "the test split.");
    bal_rule_todo(v, "take one from the training images (--val-split)");
}

void bal_rule_no_test(bal_verdict *v)
{
    const bal_audit_extent *e = &v->audit->extent;
    if (e->items[BAL_SPLIT_TEST] > 0 || e->items[BAL_SPLIT_VAL] == 0)
        return;
    bal_rule_say(v, BAL_SEVERITY_MILD,
                 "There is no test split: the %s validation images choose the epoch and measure "
                 "it, so the numbers will be somewhat too good.",
                 bal_thousands(e->items[BAL_SPLIT_VAL]).text);
    bal_rule_todo(v, "keep a test split apart that nothing is chosen by");
}

void bal_rule_prior_shift(bal_verdict *v)
{
    const bal_audit_extent *e = &v->audit->extent;
    const double measured = (double)e->items[e->measured_on];
    double distance = 0.0;
    if (measured == 0.0)
        return;
    for (int c = 0; c < e->classes; c++)
        distance += 0.5 * fabs(e->of[c].share - (double)e->of[c].measured / measured);
    const bal_severity severity = bal_rule_grade(v->rule, distance);
    if (severity == BAL_SEVERITY_OK)
        return;
    bal_rule_say(v, severity,
                 "The classes have other shares in the %s split than in training: %s of the images "
                 "would have to change class.",
                 split_words(e->measured_on), bal_percent_of(distance).text);
    bal_rule_todo(v, "accuracy and probabilities depend on the shares; say which ones you mean");
}
