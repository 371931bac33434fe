/* What was found among the images. */
#include "audit/rules/rules.h"

#include <stdio.h>

#define NAME_LENGTH 200

static double of_all(const bal_verdict *v, int64_t count)
{
    const int64_t all = v->audit->scan.clean.scanned;
    return all > 0 ? (double)count / (double)all : 0.0;
}

static int64_t held_out(const bal_verdict *v)
{
    return v->audit->extent.items[BAL_SPLIT_VAL] + v->audit->extent.items[BAL_SPLIT_TEST];
}

static const char *plural(int64_t count)
{
    return count == 1 ? "" : "s";
}

static const char *name_of(const bal_verdict *v, int64_t item, char *buffer)
{
    return bal_dataset_item_name(v->audit->data, item, buffer, NAME_LENGTH);
}

void bal_rule_leakage(bal_verdict *v)
{
    const int64_t leaked = v->audit->scan.clean.leaked;
    if (leaked == 0)
        return;
    const double share = (double)leaked / (double)held_out(v);
    bal_rule_say(v, bal_rule_grade(v->rule, share),
                 "%s of the %s validation and test images (%s) %s in the training split as well, "
                 "pixel for pixel.",
                 bal_thousands(leaked).text, bal_thousands(held_out(v)).text,
                 bal_percent_of(share).text, leaked == 1 ? "is" : "are");
    bal_rule_todo(v, "remove one of each pair: what was trained on measures memory, not skill");
}

void bal_rule_near_leakage(bal_verdict *v)
{
    const int64_t leaked = v->audit->scan.clean.leaked_near;
    if (leaked == 0)
        return;
    const double share = (double)leaked / (double)held_out(v);
    bal_rule_say(v, bal_rule_grade(v->rule, share),
                 "%s validation and test images (%s) %s much like one in the training split.",
                 bal_thousands(leaked).text, bal_percent_of(share).text,
                 leaked == 1 ? "looks" : "look");
    bal_rule_todo(v, "look at the pairs: copies that were cropped or saved again belong into one "
                     "split; images that only look alike may stay");
}

void bal_rule_conflicts(bal_verdict *v)
{
    const bal_audit_cleanliness *clean = &v->audit->scan.clean;
    int64_t exact = 0, first = -1;
    for (int64_t g = 0; g < clean->copies_count; g++) {
        if (!clean->copies[g].conflict)
            continue;
        exact += clean->copies[g].count;
        first = first < 0 ? g : first;
    }
    if (exact > 0) {
        const bal_audit_copies *group = &clean->copies[first];
        char a[NAME_LENGTH], b[NAME_LENGTH];
        int64_t other = 1;
        while (other < group->count - 1 && bal_dataset_label(v->audit->data, group->items[other]) ==
                                               bal_dataset_label(v->audit->data, group->items[0]))
            other++;
        bal_rule_say(v, bal_rule_grade(v->rule, of_all(v, exact)),
                     "%s images have the pixels of an image of another class, for instance %s and "
                     "%s.",
                     bal_thousands(exact).text, name_of(v, group->items[0], a),
                     name_of(v, group->items[other], b));
        bal_rule_todo(v, "decide which label is right, or remove all of them");
    } else if (clean->conflicting > 0) {
        bal_rule_say(v, BAL_SEVERITY_MILD, "%s images look much like one of another class.",
                     bal_thousands(clean->conflicting).text);
        bal_rule_todo(v, "look at the pairs: some may be labelled wrongly");
    }
}

void bal_rule_unreadable(bal_verdict *v)
{
    const bal_audit_cleanliness *clean = &v->audit->scan.clean;
    const int64_t count = clean->unreadable_count;
    if (count == 0)
        return;
    bal_rule_say(v, bal_rule_grade(v->rule, of_all(v, count)),
                 "%s image%s cannot be read, for instance: %s.", bal_thousands(count).text,
                 plural(count), clean->unreadable[0].reason);
    bal_rule_todo(v, "get %s again, or leave %s out with --skip-bad", count == 1 ? "it" : "them",
                  count == 1 ? "it" : "them");
}

void bal_rule_blank(bal_verdict *v)
{
    const bal_audit_cleanliness *clean = &v->audit->scan.clean;
    char name[NAME_LENGTH];
    if (clean->blank_count == 0)
        return;
    bal_rule_say(v, bal_rule_grade(v->rule, of_all(v, clean->blank_count)),
                 "%s image%s nothing but one colour, for instance %s.",
                 bal_thousands(clean->blank_count).text,
                 clean->blank_count == 1 ? " shows" : "s show", name_of(v, clean->blank[0], name));
    bal_rule_todo(v, "remove what shows nothing");
}

void bal_rule_copies(bal_verdict *v)
{
    const bal_audit_cleanliness *clean = &v->audit->scan.clean;
    if (clean->copied == 0)
        return;
    bal_rule_say(v, bal_rule_grade(v->rule, of_all(v, clean->copied)),
                 "%s image%s another exactly (%lld group%s, all splits).",
                 bal_thousands(clean->copied).text, clean->copied == 1 ? " repeats" : "s repeat",
                 (long long)clean->copies_count, plural(clean->copies_count));
    bal_rule_todo(v, "keep one of each group: copies count twice in training and in every number");
}

void bal_rule_sizes(bal_verdict *v)
{
    const bal_audit_cleanliness *clean = &v->audit->scan.clean;
    const bal_severity severity = bal_rule_grade(v->rule, clean->sizes);
    if (severity == BAL_SEVERITY_OK)
        return;
    bal_rule_say(v, severity,
                 "Images have %s different sizes, %d to %d wide and %d to %d high (median %d x "
                 "%d).",
                 bal_thousands(clean->sizes).text, clean->width_min, clean->width_max,
                 clean->height_min, clean->height_max, clean->width_median, clean->height_median);
    bal_rule_todo(v, "train with --img-size; check that the size of an image does not give its "
                     "class away");
}

void bal_rule_odd_sizes(bal_verdict *v)
{
    const bal_audit_cleanliness *clean = &v->audit->scan.clean;
    char name[NAME_LENGTH];
    if (clean->odd_count == 0)
        return;
    const bal_audit_sized *first = &clean->odd[0];
    bal_rule_say(v, bal_rule_grade(v->rule, of_all(v, clean->odd_count)),
                 "%s image%s of an odd size or shape, for instance %s (%d x %d).",
                 bal_thousands(clean->odd_count).text, clean->odd_count == 1 ? " is" : "s are",
                 name_of(v, first->item, name), first->width, first->height);
    bal_rule_todo(v, "look whether they show what they should");
}

void bal_rule_channels(bal_verdict *v)
{
    const bal_audit_cleanliness *clean = &v->audit->scan.clean;
    if (clean->grey == 0 || clean->colour == 0)
        return;
    bal_rule_say(v, BAL_SEVERITY_MILD, "%s images are grey and %s in colour.",
                 bal_thousands(clean->grey).text, bal_thousands(clean->colour).text);
    bal_rule_todo(v, "train with --in-chans 1 if colour says nothing about the class, else with 3");
}

void bal_rule_outliers(bal_verdict *v)
{
    const bal_audit_cleanliness *clean = &v->audit->scan.clean;
    char name[NAME_LENGTH], figure[120] = "";
    if (clean->outlier_count == 0)
        return;
    const bal_audit_outlier *worst = &clean->outliers[0];
    for (int64_t i = 1; i < clean->outlier_count; i++)
        if (clean->outliers[i].score > worst->score)
            worst = &clean->outliers[i];
    if (worst->kind != BAL_AUDIT_CHANNELS)
        snprintf(figure, sizeof figure, " (%s %.0f, its class %.0f)",
                 bal_audit_outlier_name(worst->kind), worst->value, worst->typical);
    bal_rule_say(
        v, bal_rule_grade(v->rule, of_all(v, clean->outlier_count)),
        "%s image%s far from the others of %s class in brightness, contrast or colour, "
        "for instance %s%s.",
        bal_thousands(clean->outlier_count).text, clean->outlier_count == 1 ? " is" : "s are",
        clean->outlier_count == 1 ? "its" : "their", name_of(v, worst->item, name), figure);
    bal_rule_todo(v, "look at them: some may be damaged, or of another source");
}
