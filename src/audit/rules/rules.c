/* The one table of rules: what an audit says about its figures and what it recommends. A row with a
 * choice decides it when it is the first of that choice to speak; all others make findings. */
#include "audit/rules/rules.h"

#include "audit/rules/advice.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OWN "ballast's own limits"
#define NO NAN, NAN, NAN

typedef struct rule_row {
    bal_audit_rule info;
    bal_rule_fn *look;
} rule_row;

#define EXTENT BAL_AUDIT_EXTENT, NULL, NULL
#define CLEANLINESS BAL_AUDIT_CLEANLINESS, NULL, NULL
#define DIFFICULTY BAL_AUDIT_DIFFICULTY, NULL, NULL
#define CHOOSE(choice, value) BAL_AUDIT_ADVICE, choice, value

/* The order within a section is that of equally severe findings; that of a choice counts. */
static const rule_row rules[] = {
    {{"imbalance", EXTENT, "training images of the largest class over those of the smallest", 3, 20,
      200, "Buda et al. 2018; steps: " OWN},
     bal_rule_imbalance},
    {{"few-images", EXTENT, "training images of the smallest class, or fewer", 100, 19, 4,
      "Liu et al. 2019 (many, medium and few shots)"},
     bal_rule_few_images},
    {{"unmeasurable", EXTENT,
      "width of the exact 95 % interval of a class's recall when nine of ten are right", 0.15,
      BAL_AUDIT_WIDE, 0.6, "Clopper and Pearson 1934; steps: " OWN},
     bal_rule_unmeasurable},
    {{"few-validation", EXTENT,
      "validation images of the class that has fewest, or fewer, where there is a test split", 10,
      2, NAN, "Cawley and Talbot 2010; steps: " OWN},
     bal_rule_few_validation},
    {{"no-validation", EXTENT, "no validation split", NO, "Cawley and Talbot 2010"},
     bal_rule_no_validation},
    {{"no-test", EXTENT, "no test split", NO, "Cawley and Talbot 2010"}, bal_rule_no_test},
    {{"prior-shift", EXTENT,
      "total variation distance of the class shares of training and of the split that is measured",
      0.1, NAN, NAN, "Saerens et al. 2002"},
     bal_rule_prior_shift},

    {{"leakage", CLEANLINESS,
      "validation and test images with an exact copy in training, over all such images", 0, 0.001,
      0.01, "Barz and Denzler 2020; steps: " OWN},
     bal_rule_leakage},
    {{"conflicts", CLEANLINESS, "images that share their pixels with another class, over all", 0,
      0.001, 0.01, "Northcutt et al. 2021; steps: " OWN},
     bal_rule_conflicts},
    {{"unreadable", CLEANLINESS, "images that cannot be read, over all", NAN, 0, 0.05, OWN},
     bal_rule_unreadable},
    {{"near-leakage", CLEANLINESS,
      "validation and test images with a near copy in training, over all such images", 0, 0.02, 0.1,
      "Barz and Denzler 2020; steps: " OWN},
     bal_rule_near_leakage},
    {{"blank", CLEANLINESS, "images of one colour, over all", 0, 0.01, 0.1, OWN}, bal_rule_blank},
    {{"copies", CLEANLINESS, "images that repeat another exactly, over all", 0, 0.05, 0.25, OWN},
     bal_rule_copies},
    {{"sizes", CLEANLINESS, "different sizes of images", 2, NAN, NAN, OWN}, bal_rule_sizes},
    {{"odd-sizes", CLEANLINESS, "images of an odd size or shape, over all", 0, NAN, NAN, OWN},
     bal_rule_odd_sizes},
    {{"channels", CLEANLINESS, "grey and colour images in one set", NO, OWN}, bal_rule_channels},
    {{"outliers", CLEANLINESS,
      "images far from their class in brightness, contrast, colour or channels, over all", 0, NAN,
      NAN, "Iglewicz and Hoaglin 1993 (robust z-scores)"},
     bal_rule_outliers},

    {{"overlap", DIFFICULTY,
      "mean kDN of a class, averaged over classes; on pixels never more than mild", 0.3, 0.5, 0.8,
      "Smith et al. 2014 (kDN); steps: " OWN},
     bal_rule_overlap},
    {{"pairs", DIFFICULTY,
      "share of the neighbours that two classes have in each other; on pixels never more than mild",
      0.1, 0.25, NAN, "Denil and Trappenberg 2010; steps: " OWN},
     bal_rule_pairs},
    {{"minority-types", DIFFICULTY,
      "rare and outlying members of a minority class, their share; on pixels never more than mild",
      0.3, 0.5, 0.8, "Napierala and Stefanowski 2016; steps: " OWN},
     bal_rule_minority_types},
    {{"diversity", DIFFICULTY,
      "effective rank of as many images of a minority class as of the largest, over its, or less",
      0.8, 0.5, NAN, "Roy and Vetterli 2007 (effective rank); steps: " OWN},
     bal_rule_diversity},

    {{"recipe-separable", CHOOSE("recipe", "ce"),
      "imbalance ratio above 3 and below 10, and mean kDN below 0.05", NO,
      "Prati et al. 2004; Denil and Trappenberg 2010"},
     bal_rule_recipe_separable},
    {{"recipe-by-ratio", CHOOSE("recipe", NULL),
      "otherwise: ce up to 3, balanced-softmax above, as train --recipe auto chooses", NO,
      "Buda et al. 2018; Ren et al. 2020; Menon et al. 2021"},
     bal_rule_recipe_by_ratio},
    {{"model-small", CHOOSE("model", "resnet8"), "fewer than 2,000 training images", NO, OWN},
     bal_rule_model_small},
    {{"model-large", CHOOSE("model", "resnet32"),
      "10,000 training images or more, and more than 20 classes", NO,
      "He et al. 2016; the network of most long-tail papers"},
     bal_rule_model_large},
    {{"model-usual", CHOOSE("model", "resnet20"), "otherwise", NO, "He et al. 2016"},
     bal_rule_model_usual},
    {{"size-given", CHOOSE("img-size", NULL), "--img-size was given", NO, OWN},
     bal_rule_size_given},
    {{"size-unknown", CHOOSE("img-size", NULL), "sizes were not looked at", NO, OWN},
     bal_rule_size_unknown},
    {{"size-mixed", CHOOSE("img-size", NULL), "images have several sizes", NO, OWN},
     bal_rule_size_mixed},
    {{"size-large", CHOOSE("img-size", NULL), "images are larger than 64 pixels", NO, OWN},
     bal_rule_size_large},
    {{"size-own", CHOOSE("img-size", NULL), "otherwise", NO, OWN}, bal_rule_size_own},
    {{"channels-given", CHOOSE("in-chans", NULL), "--in-chans was given", NO, OWN},
     bal_rule_channels_given},
    {{"channels-mixed", CHOOSE("in-chans", "3"), "grey and colour images", NO, OWN},
     bal_rule_channels_mixed},
    {{"channels-own", CHOOSE("in-chans", "0"), "otherwise", NO, OWN}, bal_rule_channels_own},
    {{"skip-bad", CHOOSE("skip-bad", "yes"), "images cannot be read", NO, OWN}, bal_rule_skip_bad},
};

const bal_audit_rule *bal_audit_rule_at(int i)
{
    return i >= 0 && i < (int)BAL_COUNT_OF(rules) ? &rules[i].info : NULL;
}

bal_severity bal_rule_grade(const bal_audit_rule *rule, double figure)
{
    const double from[BAL_SEVERITY_COUNT] = {NAN, rule->mild, rule->serious, rule->severe};
    const bool less = rule->mild > rule->serious;
    for (int s = BAL_SEVERITY_SEVERE; s > BAL_SEVERITY_OK; s--)
        if (less ? figure <= from[s] : figure >= from[s]) /* false for NaN */
            return (bal_severity)s;
    return BAL_SEVERITY_OK;
}

/* ---- what rules say ---- */

static char *format_text(bal_verdict *v, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    const int length = vsnprintf(NULL, 0, format, args);
    char *text = bal_calloc(v->ctx, length < 0 ? 1 : (size_t)length + 1, 1);
    if (text)
        vsnprintf(text, length < 0 ? 1 : (size_t)length + 1, format, again);
    va_end(again);
    v->no_memory = v->no_memory || !text;
    return text;
}

void bal_rule_say(bal_verdict *v, bal_severity severity, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    v->text = format_text(v, format, args);
    va_end(args);
    v->severity = severity;
    v->speaks = true;
}

void bal_rule_todo(bal_verdict *v, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    v->todo = format_text(v, format, args);
    va_end(args);
}

void bal_rule_value(bal_verdict *v, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    v->value = format_text(v, format, args);
    va_end(args);
}

/* ---- walking the table ---- */

static bool is_chosen(const bal_audit *a, const char *choice)
{
    for (int i = 0; i < a->advice.reason_count; i++)
        if (strcmp(a->reasons[i].rule->choice, choice) == 0)
            return true;
    return false;
}

static bal_status look(bal_audit *a, const rule_row *r)
{
    bal_verdict v = {.audit = a, .rule = &r->info, .ctx = a->ctx};
    if (r->info.choice && is_chosen(a, r->info.choice))
        return BAL_OK;
    if (r->info.section != BAL_AUDIT_ADVICE && !a->asked[r->info.section])
        return BAL_OK;
    r->look(&v);
    if (v.speaks && r->info.value && !v.value)
        bal_rule_value(&v, "%s", r->info.value);
    char *const texts[] = {v.text, v.todo, v.value};
    for (size_t i = 0; i < BAL_COUNT_OF(texts); i++)
        a->texts[a->text_count++] = texts[i];
    if (v.no_memory)
        return BAL_NO_MEMORY;
    if (v.speaks && r->info.choice)
        a->reasons[a->advice.reason_count++] = (bal_audit_reason){&r->info, v.value, v.text};
    else if (v.speaks)
        a->findings[a->finding_count++] = (bal_audit_finding){&r->info, v.severity, v.text, v.todo};
    return BAL_OK;
}

static int by_severity(const void *a, const void *b)
{
    const bal_audit_finding *x = a, *y = b;
    if (x->rule->section != y->rule->section)
        return (int)x->rule->section - (int)y->rule->section;
    if (x->severity != y->severity)
        return (int)y->severity - (int)x->severity;
    return (x->rule > y->rule) - (x->rule < y->rule); /* as in the table */
}

bal_status bal_audit_apply_rules(bal_audit *a)
{
    const size_t rows = BAL_COUNT_OF(rules);
    a->findings = bal_calloc(a->ctx, rows, sizeof *a->findings);
    a->reasons = bal_calloc(a->ctx, rows, sizeof *a->reasons);
    a->texts = bal_calloc(a->ctx, 3 * rows, sizeof *a->texts);
    if (!a->findings || !a->reasons || !a->texts)
        return BAL_NO_MEMORY;
    a->advice.reasons = a->reasons;
    for (size_t i = 0; i < rows; i++)
        BAL_TRY(look(a, &rules[i]));
    qsort(a->findings, (size_t)a->finding_count, sizeof *a->findings, by_severity);
    return bal_audit_advise(a);
}

void bal_audit_free_rules(bal_audit *a)
{
    for (int i = 0; i < a->text_count; i++)
        bal_free(a->ctx, a->texts[i]);
    bal_free(a->ctx, a->texts);
    bal_free(a->ctx, a->findings);
    bal_free(a->ctx, a->reasons);
    bal_free(a->ctx, a->command);
}
