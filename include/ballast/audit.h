/* ballast/audit.h: what is wrong with a data set, before an hour is spent on training.
 *
 * An audit has four sections, in order of use: extent (how imbalanced, what can be measured at
 * all), cleanliness (copies, leaks between splits, contradicting labels, damaged and odd images),
 * difficulty (how the classes overlap in a space of features) and advice (recipe, model, command).
 * Every image is decoded once, by all threads of the context. Undefined values are NaN (n/a in
 * text, null in JSON), never 0. Formulas with their sources stand here and, with a guide to
 * reading them, in docs/methods/audit.md.
 *
 * Memory: BAL_AUDIT_ITEM_BYTES for each item of the set, the findings themselves, small copies of
 * the images that are compared as near duplicates (150 MB at most), and what the difficulty needs
 * for max_items items; it does not depend on the size of the images.
 */
#ifndef BALLAST_AUDIT_H
#define BALLAST_AUDIT_H

#include "ballast/base.h"
#include "ballast/data.h"
#include "ballast/evaluate.h"
#include "ballast/hardness.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What the records of one item take, at most, in bytes. */
#define BAL_AUDIT_ITEM_BYTES 512

/* How bad a finding is, in rising order: name, meaning. */
#define BAL_SEVERITY_LIST(X)                                           \
    X(OK, "ok", "nothing to do")                                       \
    X(MILD, "mild", "worth knowing; results stay valid")               \
    X(SERIOUS, "serious", "training or its numbers suffer; act on it") \
    X(SEVERE, "severe", "numbers would be wrong, or classes not learned")

typedef enum bal_severity {
#define BAL_SEVERITY_ENUM(name, text, about) BAL_SEVERITY_##name,
    BAL_SEVERITY_LIST(BAL_SEVERITY_ENUM)
#undef BAL_SEVERITY_ENUM
        BAL_SEVERITY_COUNT
} bal_severity;
/* "ok", "mild", "serious", "severe" */
BAL_API const char *bal_severity_name(bal_severity severity);

typedef enum bal_audit_section {
    BAL_AUDIT_EXTENT,
    BAL_AUDIT_CLEANLINESS,
    BAL_AUDIT_DIFFICULTY,
    BAL_AUDIT_ADVICE, /* of rules only: they choose, and say why */
    BAL_AUDIT_SECTION_COUNT
} bal_audit_section;
/* "extent", "cleanliness", "difficulty", "advice" */
BAL_API const char *bal_audit_section_name(bal_audit_section section);

typedef struct bal_audit_progress {
    const char *what;    /* "images", "neighbours", ... */
    int64_t done, total; /* of the present work */
} bal_audit_progress;

typedef struct bal_audit_settings {
    const char *parts; /* NULL: all; else "extent,cleanliness,difficulty" or some of them; the
                          extent is always computed */
    int near_distance; /* largest distance of the perceptual hashes of near duplicates, in bits;
                          0..16; -1: they are not searched */
    int neighbours;    /* k of kDN, of the types of minority examples and of N3's reports; 1..100,
                          default 5 */
    int max_items;     /* above so many training images the difficulty is measured on a stratified
                          sample of this size, and says so; 0: on all; default 20000 */
    int components;    /* principal components that the features are reduced to; 0: none; default
                          50 */
    uint64_t seed;     /* of the sample; default 1; it has no row: it is the one of the data set */
    /* Where the features of training images come from: writes count rows of feature_dim numbers,
     * one for each of the items, which ascend. NULL: the pixels, squeezed to BAL_AUDIT_PIXELS x
     * BAL_AUDIT_PIXELS. A failure is that of the audit. */
    bal_status (*features)(void *user, const int64_t *items, int64_t count, float *rows);
    void *feature_user;
    int feature_dim;
    const char *feature_name; /* where they come from, for reports ("runs/ce"); NULL: "features" */
    /* Called from the calling thread, at most ten times a second; or NULL. */
    void (*progress)(void *user, const bal_audit_progress *progress);
    void *progress_user;
} bal_audit_settings;

#define BAL_AUDIT_PIXELS 16

BAL_API bal_audit_settings bal_audit_defaults(void);
/* The rows: parts, near-distance, neighbours, max-items, components. */
BAL_API const bal_option *bal_audit_options(void);

typedef struct bal_audit bal_audit;
/* Runs the audit. The data set is borrowed and must outlive the audit; it should have been opened
 * with mixed_sizes, so that images of every size and those that cannot be read are found instead of
 * being an error. settings NULL: defaults. Fails with BAL_BAD_ARG (a setting), BAL_BAD_DATA
 * (features that are not finite), BAL_NO_MEMORY, BAL_INTERRUPTED. An image that cannot be read is a
 * finding, not a failure. */
BAL_API BAL_MUST_CHECK bal_status bal_audit_open(bal_audit **out, bal_ctx *ctx,
                                                 const bal_dataset *data,
                                                 const bal_audit_settings *settings);
BAL_API void bal_audit_close(bal_audit **audit);
/* Everything below is borrowed from the audit. */
BAL_API const bal_dataset *bal_audit_data(const bal_audit *audit);
/* Seconds that each section took; NaN for one that was not asked for. */
BAL_API double bal_audit_seconds(const bal_audit *audit, bal_audit_section section);

/* ---- extent ---------------------------------------------------------------------------------- */

typedef struct bal_audit_class_extent {
    int64_t items[BAL_SPLIT_COUNT];
    double share;     /* of the training images */
    double effective; /* (1 - beta^n) / (1 - beta), beta = BAL_AUDIT_BETA (Cui et al. 2019) */
    int group;        /* BAL_GROUP_MANY, ..._MEDIUM, ..._FEW, by the rule of evaluate.h */
    /* What the split that measures it can say about the class's recall: the exact 95 % interval
     * (Clopper and Pearson 1934) when `right` of its `measured` images are right. right is
     * floor(0.9 measured): a class that is learned well. measured 0: right 0, interval NaN. */
    int64_t measured, right;
    bal_interval interval;
    bool too_rare; /* interval wider than BAL_AUDIT_WIDE, or nothing to measure on */
} bal_audit_class_extent;

#define BAL_AUDIT_WIDE 0.30
#define BAL_AUDIT_BETA 0.9999 /* as the recipes with effective-number weights */

typedef struct bal_audit_extent {
    int classes;
    int64_t items[BAL_SPLIT_COUNT];
    /* Over the training counts n_1..n_C, N their sum, p_j = n_j / N: */
    int64_t largest, smallest;
    int largest_class, smallest_class; /* the first of them */
    double imbalance_ratio;            /* largest / smallest; 1.. */
    double imbalance_degree; /* d_H(p, e) / d_H(i_m, e) + m - 1, e uniform, m the classes below 1/C,
                                i_m the distribution with m such classes farthest from e (m zeros,
                                C - m - 1 times 1/C, the rest in one), d_H the Hellinger distance;
                                0 for equal counts; 0..C-1 (Ortigosa-Hernandez et al. 2017) */
    double lrid;      /* 2 sum n_j ln(C n_j / N): the likelihood ratio statistic against equal
                         classes; 0.. (Zhu et al. 2018) */
    double evenness;  /* Shannon: -sum p_j ln p_j / ln C; 0..1, 1 when all are equal */
    double gini;      /* sum_i sum_j |n_i - n_j| / (2 C N); 0..1 - 1/C */
    double effective; /* sum of the classes' effective numbers */
    int group_classes[BAL_GROUP_COUNT];
    int64_t group_items[BAL_GROUP_COUNT];
    const char *group_names[BAL_GROUP_COUNT]; /* "many"... or "head"... as evaluate.h says */
    bal_split measured_on;                    /* test, or validation where there is no test split */
    int too_rare;                             /* classes */
    const bal_audit_class_extent *of;         /* one a class */
} bal_audit_extent;
BAL_API const bal_audit_extent *bal_audit_get_extent(const bal_audit *audit);

/* ---- cleanliness ----------------------------------------------------------------------------- */

/* Images whose pixels are the same after decoding (size, channels and every value). */
typedef struct bal_audit_copies {
    const int64_t *items;         /* ascending */
    int64_t count;                /* >= 2 */
    bool across_splits, conflict; /* not all in one split; not all of one class */
} bal_audit_copies;

/* Two images that show the same and are not exact copies: up to re-encoding, brightness and
 * contrast, and a slight crop. a < b, each the first of its exact copies. An image has at most
 * eight candidates, those that look most like it, so of thousands that show the same every one is
 * in a pair, but not every pair is listed. */
typedef struct bal_audit_pair {
    int64_t a, b;
    int distance; /* of the perceptual hashes, in bits; the smallest over slight crops of either */
    bool across_splits, conflict;
} bal_audit_pair;

typedef struct bal_audit_unreadable {
    int64_t item;
    const char *reason; /* the sentence of the decoder */
} bal_audit_unreadable;

typedef struct bal_audit_sized {
    int64_t item;
    int width, height;
} bal_audit_sized;

typedef enum bal_audit_outlier_kind {
    BAL_AUDIT_BRIGHTNESS, /* mean of the pixels */
    BAL_AUDIT_CONTRAST,   /* their standard deviation */
    BAL_AUDIT_COLOUR,     /* distance of the channels' means from each other */
    BAL_AUDIT_CHANNELS,   /* a grey image in a class of colour, or the opposite */
    BAL_AUDIT_OUTLIER_COUNT
} bal_audit_outlier_kind;
/* "brightness", "contrast", "colour", "channels" */
BAL_API const char *bal_audit_outlier_name(bal_audit_outlier_kind kind);

/* An image far from the others of its class. */
typedef struct bal_audit_outlier {
    int64_t item;
    bal_audit_outlier_kind kind;
    double value, typical; /* the image's, and the class's median; in 0..255, or channels */
    double score;          /* robust z-score |value - median| / (1.4826 MAD); NaN for channels */
} bal_audit_outlier;

typedef struct bal_audit_cleanliness {
    int64_t scanned;                /* all items */
    const bal_audit_copies *copies; /* groups of exact copies, by their first item */
    int64_t copies_count;
    int64_t copied;             /* images beyond the first of each group */
    const bal_audit_pair *near; /* by distance, then items */
    int64_t near_count;
    bool near_searched, near_cut; /* near_cut: images in a crowd of others like them were not
                                     compared with all of it: pairs may be missing */
    /* validation and test images with a copy in the training split: an exact one, and only a near
     * one */
    int64_t leaked, leaked_near;
    int64_t conflicting;                    /* images in a group or pair with more than one class */
    const bal_audit_unreadable *unreadable; /* by item, as all that follow */
    int64_t unreadable_count;
    const int64_t *blank; /* one value everywhere (or very nearly) */
    int64_t blank_count;
    int width, height; /* the most common size */
    int64_t common;    /* images of that size */
    int64_t sizes;     /* how many different sizes there are, saturating at INT32_MAX */
    int width_min, width_max, height_min, height_max;
    int width_median, height_median;
    const bal_audit_sized *odd; /* sizes far from the set's, or of an odd shape */
    int64_t odd_count;
    int64_t grey, colour; /* images of 1 and of 3 channels, as stored */
    const bal_audit_outlier *outliers;
    int64_t outlier_count;
    const double *class_brightness, *class_contrast; /* medians per class; NaN: none readable */
} bal_audit_cleanliness;
/* NULL when it was not asked for. */
BAL_API const bal_audit_cleanliness *bal_audit_get_cleanliness(const bal_audit *audit);

/* ---- difficulty: on the training split; the figures and their meaning are in hardness.h ---------
 */

/* NULL when it was not asked for. */
BAL_API const bal_audit_difficulty *bal_audit_get_difficulty(const bal_audit *audit);

/* ---- findings and advice --------------------------------------------------------------------- */

/* A rule of the one table (src/audit/rules/rules.c) that looks at the figures of an audit. It makes
 * a finding, or, in the section advice, chooses: the first rule of a choice that holds decides. */
typedef struct bal_audit_rule {
    const char *name; /* "leakage", for JSON and tests */
    bal_audit_section section;
    const char *choice, *value; /* "recipe", "ldam-drw"; value NULL: follows from the figures; both
                                   NULL where the rule makes a finding */
    const char *about;          /* what it looks at, in words */
    /* The figure from which a finding is mild, serious, severe (or to which, where less is worse);
     * NaN: it never is. A finding that looks at no figure has NaN three times. */
    double mild, serious, severe;
    const char *source;
} bal_audit_rule;
/* Row i, NULL at the end. */
BAL_API const bal_audit_rule *bal_audit_rule_at(int i);

typedef struct bal_audit_finding {
    const bal_audit_rule *rule;
    bal_severity severity;
    const char *text; /* one sentence, with the figures it rests on */
    const char *todo; /* what to do about it; NULL: nothing */
} bal_audit_finding;
/* Finding i, most severe first within a section, sections in order; NULL at the end. */
BAL_API const bal_audit_finding *bal_audit_finding_at(const bal_audit *audit, int i);
/* The worst finding of a section, and of all. */
BAL_API bal_severity bal_audit_section_severity(const bal_audit *audit, bal_audit_section section);
BAL_API bal_severity bal_audit_worst(const bal_audit *audit);

/* Why a thing is recommended: the rule that chose, what it chose, and the reason with the figures.
 */
typedef struct bal_audit_reason {
    const bal_audit_rule *rule;
    const char *value, *text;
} bal_audit_reason;
typedef struct bal_audit_advice {
    const char *recipe, *model;
    int img_size, channels; /* 0: as the data has it */
    const bal_audit_reason *reasons;
    int reason_count;
    const char *command; /* the exact command line, quoted for a shell */
} bal_audit_advice;
BAL_API const bal_audit_advice *bal_audit_get_advice(const bal_audit *audit);

/* All of it as JSON text; new, release with bal_release. */
BAL_API BAL_MUST_CHECK bal_status bal_audit_json(const bal_audit *audit, bal_ctx *ctx, char **text);

#ifdef __cplusplus
}
#endif
#endif
