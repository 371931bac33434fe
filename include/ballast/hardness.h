/* ballast/hardness.h: how hard the classes of a data set are to tell apart, on any array of
 * features (pixels, the embedding of a network, the output of another program) with labels.
 *
 * All distances are Euclidean. Neighbours are exact, and equal distances are ordered by row number.
 * An undefined value is NaN (n/a in text, null in JSON), never 0. The results depend on nothing but
 * the settings, in particular not on the number of threads. How to read the figures stands in
 * docs/methods/difficulty.md.
 */
#ifndef BALLAST_HARDNESS_H
#define BALLAST_HARDNESS_H

#include "ballast/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* An item by the share s of its five nearest neighbours (or of all others where there are fewer)
 * that are of its own class (Napierala and Stefanowski 2016): safe s > 0.7 (4 or 5 of them),
 * borderline s > 0.3 (2 or 3), rare s > 0.1 (1), outlier (0). Their further condition: with one of
 * its own class among the five an item is rare only if that one has none of its class among its own
 * five, or this very item alone; otherwise there is more of the class near by, and it is
 * borderline. */
typedef enum bal_example_type {
    BAL_EXAMPLE_SAFE,
    BAL_EXAMPLE_BORDERLINE,
    BAL_EXAMPLE_RARE,
    BAL_EXAMPLE_OUTLIER,
    BAL_EXAMPLE_COUNT
} bal_example_type;
/* "safe", "borderline", "rare", "outlier" */
BAL_API const char *bal_example_type_name(bal_example_type type);

#define BAL_HARD 0.5 /* an item with a kDN above it is called hard */

/* How much the items of a class differ from each other, on the rows as given (before a reduction).
 */
typedef struct bal_diversity {
    double effective_rank; /* exp(-sum q ln q), q the eigenvalues of the covariance over their sum
                              (Roy and Vetterli 2007); 1..min(dim, items - 1); NaN where all items
                              are equal */
    double spread;         /* trace of the covariance (divided by items - 1) over the squared norm
                              of the mean; 0..; NaN for a mean of 0 */
    double cosine; /* mean of 1 - cos over all pairs; 0..2; a row of zeros is at 1 from the others
                    */
} bal_diversity;   /* all NaN for a class of one */

/* Over the draws: median, 2.5 % and 97.5 % quantile. They tell what other items of the same class
 * would have given; they are no interval for images that nobody has taken. */
typedef struct bal_drawn {
    double median, low, high;
} bal_drawn;

typedef struct bal_class_diversity {
    bal_diversity
        all; /* of all its items: larger classes have larger ranks for that reason alone */
    /* Of bal_audit_difficulty.common items of the class, drawn without replacement again and again:
     * the same number for every class. NaN for a class that has not more than that. */
    bal_drawn effective_rank, spread, cosine;
    /* The same over the figure of the class with most items (the first of them), draw by draw. */
    bal_drawn rank_against_head, spread_against_head, cosine_against_head;
} bal_class_diversity;

typedef struct bal_audit_class_difficulty {
    int64_t items;     /* that were measured */
    double kdn;        /* mean over its items of the share of the k nearest neighbours that are of
                          another class (Smith et al. 2014); 0..1 */
    double kdn_median; /* over its items */
    double chance; /* the kDN that neighbours at random would give: 1 - (items - 1) / (all - 1) */
    double hard;   /* share of its items with kDN above BAL_HARD */
    double n1;     /* share of its items that the minimum spanning tree joins to another class
                      (Ho and Basu 2002); 0..1 */
    double n3;     /* share of its items that 1-NN, leaving the item out, gets wrong; 0..1 */
    double silhouette; /* mean silhouette width (Rousseeuw 1987); -1..1; 0 for a class of one */
    double fisher;     /* Fisher's ratio of the class against all others together, the largest over
                          features; 0.., INFINITY where a feature separates without any variance */
    int64_t types[BAL_EXAMPLE_COUNT];
    bal_class_diversity diversity;
    double diversity_against_head; /* diversity.rank_against_head.median: below 1 the class has less
                                      variety than as many items of the largest class */
} bal_audit_class_difficulty;

#define BAL_UNMEASURED 2

typedef struct bal_audit_item_difficulty {
    float kdn, silhouette;
    uint8_t type;      /* bal_example_type; BAL_EXAMPLE_COUNT: not measured */
    uint8_t n1, n3;    /* 1: joined to another class by the tree; wrong by 1-NN; 0: not;
                          BAL_UNMEASURED */
    int32_t neighbour; /* the nearest other row; -1: not measured */
} bal_audit_item_difficulty;

/* How much two classes lie in each other. */
typedef struct bal_audit_overlap {
    int a, b;              /* a < b */
    double share;          /* mean of the two that follow; 0..1 */
    double a_in_b, b_in_a; /* mean share of the k neighbours of a's items that are in b; of b's in a
                            */
    double lift;           /* neighbours that the two have in each other over those that neighbours
                              at random would give; 1: as by chance, whatever the classes' sizes */
    double fisher;         /* Fisher's ratio of the two classes alone, the largest over features */
} bal_audit_overlap;

#define BAL_OVERLAPS_MOST 1000
#define BAL_OVERLAP_MATRIX_CLASSES 1024

typedef struct bal_audit_difficulty {
    const char *features; /* where they come from: "pixels", settings.feature_name, "rows" */
    int dim, components;  /* of the features, and after the reduction (dim: none) */
    double explained;     /* share of the variance that the components keep; 1: no reduction */
    int neighbours;       /* k as it was used: at most the rows less one */
    int64_t of;           /* items that there were */
    int64_t count;        /* that were measured; less than `of`: a stratified sample */
    const int64_t *items; /* count item (or row) numbers, ascending */
    const bal_audit_item_difficulty *each;            /* count */
    double kdn, kdn_median, hard, n1, n3, silhouette; /* over all measured items */
    int64_t types[BAL_EXAMPLE_COUNT];
    /* The largest over features f of r_f = sum_c n_c (mean_cf - mean_f)^2 / sum_c sum_i (x_if -
     * mean_cf)^2, and f1 = 1 / (1 + r): F1 of Lorena et al. 2019, the form of Mollineda et al. 2005
     * for any number of classes; f1 is near 0 where one feature alone separates the classes, 1
     * where none says anything. A feature that never changes is left out. */
    double fisher, f1;
    const bal_audit_class_difficulty *class_of; /* one a class; NaN for a class without items */
    const bal_audit_overlap *overlaps; /* pairs with neighbours in each other, largest share first,
                                          at most BAL_OVERLAPS_MOST */
    int64_t overlap_count;
    /* classes x classes: of the k neighbours of the items of class r the share in class c, so that
     * a row sums to 1; NaN rows for classes without items; NULL for more than
     * BAL_OVERLAP_MATRIX_CLASSES classes */
    const double *neighbour_share;
    int64_t common; /* items a class that the drawn diversity is measured on; 0: there are none */
    int draws;
} bal_audit_difficulty;

typedef struct bal_hardness_settings {
    const float *rows; /* count x dim, finite; borrowed, as labels are, during the call */
    int64_t count;
    int dim;
    const int32_t *labels; /* count, 0..classes-1; classes without a row are allowed */
    int classes;           /* >= 1 */
    int neighbours;        /* k of kDN and of the overlaps; 1..1000, default 5 */
    int components;        /* principal components to which the rows are reduced, where they have
                              more columns; 0: never; default 0. Columns are centred and not scaled */
    int64_t max_items;     /* above so many rows a stratified sample of this size is measured: a
                              quarter of its places is shared evenly by the classes, the rest by
                              their counts; 0: all; default 0 */
    uint64_t seed;         /* of the sample and the draws; default 1 */
    int draws;             /* of the diversity at a common size; 0: none; default 20 */
    bool tree;             /* n1; default true, as the following */
    bool silhouette;       /* time grows with the square of the rows */
    bool diversity;        /* time grows with the cube of dim or of a class's items, the smaller */
    void (*progress)(void *user, const char *what, int64_t done, int64_t total); /* or NULL */
    void *progress_user;
} bal_hardness_settings;
BAL_API bal_hardness_settings bal_hardness_defaults(void);

typedef struct bal_hardness bal_hardness;
/* Measures. With less than two rows, or rows of one class only, the figures are NaN. What was
 * turned off is NaN. Fails with BAL_BAD_ARG (a setting, a label), BAL_BAD_DATA (a value that is not
 * finite: row and column are named), BAL_NO_MEMORY, BAL_INTERRUPTED. */
BAL_API BAL_MUST_CHECK bal_status bal_hardness_open(bal_hardness **out, bal_ctx *ctx,
                                                    const bal_hardness_settings *settings);
BAL_API void bal_hardness_close(bal_hardness **hardness);
/* The figures, borrowed. */
BAL_API const bal_audit_difficulty *bal_hardness_get(const bal_hardness *hardness);

#ifdef __cplusplus
}
#endif
#endif
