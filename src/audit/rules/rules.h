/* What the rules of an audit are made of. The table stands in rules.c; the functions that look at
 * the figures and find the words, in rules_extent.c, rules_cleanliness.c, rules_difficulty.c and
 * rules_choice.c. */
#ifndef BAL_RULES_H
#define BAL_RULES_H

#include "audit/audit_handle.h"

/* What a rule says about an audit. */
typedef struct bal_verdict {
    const bal_audit *audit;
    const bal_audit_rule *rule;
    bal_ctx *ctx;
    bool speaks;           /* a finding, or the choice is made */
    bal_severity severity; /* of a finding */
    char *text, *todo;     /* new; the finding's sentences, or the reason of the choice */
    char *value;           /* new; of a choice without one in the table */
    bool no_memory;
} bal_verdict;

typedef void bal_rule_fn(bal_verdict *v);

bal_rule_fn bal_rule_imbalance, bal_rule_few_images, bal_rule_unmeasurable, bal_rule_few_validation,
    bal_rule_no_test, bal_rule_no_validation, bal_rule_prior_shift;
bal_rule_fn bal_rule_leakage, bal_rule_near_leakage, bal_rule_conflicts, bal_rule_unreadable,
    bal_rule_blank, bal_rule_copies, bal_rule_sizes, bal_rule_odd_sizes, bal_rule_channels,
    bal_rule_outliers;
bal_rule_fn bal_rule_overlap, bal_rule_pairs, bal_rule_minority_types, bal_rule_diversity;
bal_rule_fn bal_rule_recipe_separable, bal_rule_recipe_by_ratio;
bal_rule_fn bal_rule_model_small, bal_rule_model_large, bal_rule_model_usual;
bal_rule_fn bal_rule_size_given, bal_rule_size_unknown, bal_rule_size_mixed, bal_rule_size_large,
    bal_rule_size_own;
bal_rule_fn bal_rule_channels_given, bal_rule_channels_mixed, bal_rule_channels_own;
bal_rule_fn bal_rule_skip_bad;

/* The limits of the choices that several rules and their words share. */
#define BAL_RATIO_SEPARABLE                                              \
    10.0 /* below, and classes hardly overlap: imbalance does not matter \
          */
#define BAL_KDN_SEPARABLE 0.05
#define BAL_CLASSES_FEW 20
#define BAL_ITEMS_FEW 2000
#define BAL_ITEMS_MANY 10000
#define BAL_SIDE_LEAST 32
#define BAL_SIDE_MOST 64

/* The severity of a figure by the thresholds of the rule. */
bal_severity bal_rule_grade(const bal_audit_rule *rule, double figure);
/* The rule speaks: severity (of a finding) and sentence. */
void bal_rule_say(bal_verdict *v, bal_severity severity, const char *format, ...) BAL_PRINTF(3, 4);
void bal_rule_todo(bal_verdict *v, const char *format, ...) BAL_PRINTF(2, 3);
void bal_rule_value(bal_verdict *v, const char *format, ...) BAL_PRINTF(2, 3);

/* Words. */
/* A class's name, cut where it is long. */
typedef struct bal_class_name {
    char text[64];
} bal_class_name;
bal_class_name bal_rule_class(const bal_verdict *v, int c);
/* "1,234" */
typedef struct bal_digits {
    char text[32];
} bal_digits;
bal_digits bal_thousands(int64_t value);
/* "51.8 %": two or three significant digits, never "100 %" for less and never "0 %" for more. */
typedef struct bal_percent {
    char text[32];
} bal_percent;
bal_percent bal_percent_of(double share);
/* "a (5), b (8) and 3 more": a few classes, those of the smallest (or largest) value first. */
typedef struct bal_class_list {
    char text[512];
} bal_class_list;
typedef struct bal_class_value {
    int c;
    double value;
} bal_class_value;
typedef enum bal_class_style {
    BAL_CLASS_COUNT,   /* "truck (50)" */
    BAL_CLASS_PERCENT, /* "truck (51.8 %)" */
    BAL_CLASS_RATIO    /* "truck (0.52)" */
} bal_class_style;
/* Sorts values. */
bal_class_list bal_list_classes(const bal_verdict *v, bal_class_value *values, int count,
                                bool ascending, bal_class_style style);

#endif
