/* The inside of an explanation. Its parts, one file each, in the order in which explain.c calls
 * them: explain_head.c        logits, predictions, what is needed of an item explain_order.c items
 * class by class, the right ones first explain_sums.c        sums over the items of a class, also
 * under the bootstrap's weights explain_figures.c     the figures of a class from its sums
 *   explain_classes.c     runs the two over all classes, and again at the common size
 *   explain_variety.c     diversity of a class
 *   explain_collapse.c    second pass with the class means: neural collapse
 *   explain_archetypes.c  neighbours (explain_medoids.c: medoids)
 *   explain_pairs.c       class against class: overlap, density, confusion
 *   explain_trends.c      rank correlations over the classes
 */
#ifndef BAL_EXPLAIN_PARTS_H
#define BAL_EXPLAIN_PARTS_H

#include "ballast/explain.h"
#include "base/context.h"
#include "base/threads.h"

enum { BAL_GROUP_RIGHT, BAL_GROUP_WRONG, BAL_GROUPS }; /* without predictions all are "wrong" */

/* The vectors of a class, dim numbers each. */
typedef enum bal_class_part {
    BAL_VECTOR_FEATURE,
    BAL_VECTOR_CE,
    BAL_VECTOR_WRONG_CE,
    BAL_VECTOR_WRONG_OWN,
    BAL_VECTOR_FREQUENCY,
    BAL_VECTOR_FREQUENCY_ALL,
    BAL_VECTOR_LOW,
    BAL_VECTOR_HIGH,
    BAL_VECTORS
} bal_class_part;

/* A side as it is measured; view is what the caller sees. */
typedef struct bal_side_work {
    bal_embedding in;
    bal_explained_side view;
    bal_explained_class *class_of; /* classes */
    double *vectors;               /* of all classes: the doubles that class_of points to */
    int32_t *indices;              /* classes x 2 K: T_c, and that of the FE */
    double *magnitudes;            /* classes x 2 K: what stands at T_c, all and conditional */
    int32_t *predictions, *needed; /* items */
    double *runner_up;             /* items: the largest logit besides the predicted class's */
    double *norms;                 /* items: |z| */
    uint8_t *archetypes;
    int64_t *order;   /* items, class by class, in each the right ones first, ascending */
    int64_t *first;   /* classes + 1: where each class begins */
    int64_t *right;   /* classes: how many right ones */
    double *means;    /* classes x dim: of FE; the class's feature_mean without NaN */
    double *variance; /* classes: mean |z - mu_c|^2 */
    int64_t *confusion, *holds;
    double *overlap, *density, *adversaries, *cdnv;
} bal_side_work;

struct bal_explain {
    bal_ctx *ctx;
    bal_explain_settings s;
    bal_pool *pool; /* while it is opened */
    int classes, dim, top, own_top;
    char **names;
    int64_t *train_counts;
    signed char *group_of;
    const char *const *group_names;
    double *weight;      /* classes x dim: what z is multiplied with; NULL: no head */
    double *bias;        /* classes */
    double *weight_norm; /* classes: of the weights as they came */
    bal_side_work side[BAL_SIDES];
    bal_trend *trends;
    int trend_count;
    bal_explain_finding *findings;
    int finding_count;
};

static inline double *bal_class_vector(const bal_side_work *w, int c, bal_class_part part, int dim)
{
    return w->vectors + ((size_t)c * BAL_VECTORS + (size_t)part) * (size_t)dim;
}
static inline int32_t *bal_class_top(const bal_side_work *w, int c, int top)
{
    return w->indices + (size_t)c * 2 * (size_t)top;
}
static inline bool bal_is_archetype(int figure)
{
    return figure >= BAL_FIGURE_safe && figure <= BAL_FIGURE_outlier;
}
static inline bool bal_side_present(const bal_explain *e, int side)
{
    return e->side[side].in.items > 0;
}
static inline bool bal_side_predicts(const bal_explain *e, int side)
{
    return e->side[side].predictions != NULL;
}

void bal_explain_tell(const bal_explain *e, const char *what, int64_t done, int64_t total);
BAL_MUST_CHECK bal_status bal_explain_stopped(const bal_explain *e); /* BAL_INTERRUPTED or BAL_OK */

/* ---- head ---- */

/* weight, bias and weight_norm. */
BAL_MUST_CHECK bal_status bal_explain_take_head(bal_explain *e);
/* predictions, runner_up and norms of a side; checks its values. */
BAL_MUST_CHECK bal_status bal_explain_predict(bal_explain *e, int side);
/* What z is multiplied by before the head sees it: 1, or with a cosine head 1 / |z|. */
double bal_explain_scale(const bal_explain *e, double norm);

/* How many features an item needs. ce: dim numbers. The first `count` (the result) of indices are
 * the needed ones afterwards, largest CE first, equal ones by index; room for dim. bias and
 * runner_up are those of the item; won: its class has the largest logit. */
typedef struct bal_needed_ask {
    const double *ce;
    int dim;
    double bias, runner_up;
    bool won;
    int32_t *indices;
} bal_needed_ask;
int bal_explain_needed(const bal_needed_ask *ask);
/* The count largest of dim values, largest first, equal ones by index. */
void bal_explain_largest(const double *values, int dim, int count, int32_t *indices);

/* ---- order ---- */

BAL_MUST_CHECK bal_status bal_explain_order(bal_explain *e, int side);
static inline int64_t bal_class_size(const bal_side_work *w, int c)
{
    return w->first[c + 1] - w->first[c];
}

/* ---- sums ---- */

/* Sums over items, one row a draw: row 0 has weight 1 for every item, the others the bootstrap's.
 * A row has segments of dim numbers, and three numbers: the sum of weights, of what is needed, of
 * |z|. */
typedef enum bal_segment {
    BAL_SEGMENT_Z,    /* z as the head sees it */
    BAL_SEGMENT_MASK, /* 1 where the item needs the feature */
    BAL_SEGMENT_CE,   /* right: CE where it is needed; wrong: CE */
    BAL_SEGMENT_RAW   /* z as it came; cosine heads only, else as Z */
} bal_segment;
enum { BAL_SUM_WEIGHT, BAL_SUM_NEEDED, BAL_SUM_NORM, BAL_SUMS };

typedef struct bal_class_sums {
    int64_t count[BAL_GROUPS];
    int dim, segments, draws;
    double *rows[BAL_GROUPS]; /* (1 + draws) x (segments x dim + BAL_SUMS) */
    double *low, *high;       /* dim: range over both groups */
    int64_t *holds;           /* dim: items whose own_top largest hold the feature */
} bal_class_sums;

static inline size_t bal_sums_stride(const bal_class_sums *s)
{
    return (size_t)s->segments * (size_t)s->dim + BAL_SUMS;
}
static inline const double *bal_sums_segment(const bal_class_sums *s, int group, int draw,
                                             bal_segment segment)
{
    const size_t at = segment == BAL_SEGMENT_RAW && s->segments < 4 ? 0 : (size_t)segment;
    return s->rows[group] + (size_t)draw * bal_sums_stride(s) + at * (size_t)s->dim;
}
static inline double bal_sums_of(const bal_class_sums *s, int group, int draw, int which)
{
    return s->rows[group][(size_t)(draw + 1) * bal_sums_stride(s) - BAL_SUMS + (size_t)which];
}

/* Which items: count[0] right ones and count[1] wrong ones of one class. */
typedef struct bal_sums_ask {
    int side, c;
    const int64_t *items[BAL_GROUPS];
    int64_t count[BAL_GROUPS];
    bool first_time; /* keep what each item needs, count what it holds */
} bal_sums_ask;

typedef struct bal_sums_space bal_sums_space; /* blocks and buffers that are used again and again */
BAL_MUST_CHECK bal_status bal_sums_space_open(bal_sums_space **out, bal_explain *e, int draws);
void bal_sums_space_close(bal_sums_space **space);
BAL_MUST_CHECK bal_status bal_class_sums_open(bal_class_sums *out, const bal_explain *e, int draws);
void bal_class_sums_close(bal_ctx *ctx, bal_class_sums *sums);
/* Fails with BAL_INTERRUPTED. The result depends on the items and their order alone. */
BAL_MUST_CHECK bal_status bal_class_sums_add(bal_sums_space *space, const bal_sums_ask *ask,
                                             bal_class_sums *sums);

/* ---- figures ---- */

/* T_c of one side's sums (draw 0): e->top indices; false: there is none. m: dim, receives m_c. */
bool bal_explain_class_top(const bal_explain *e, int c, const bal_class_sums *sums, double *m,
                           int32_t *top);

typedef struct bal_figures_ask {
    int c, draw;
    const bal_class_sums *sums[BAL_SIDES]; /* NULL: the side is missing */
    const int32_t *top[BAL_SIDES];         /* NULL: none */
    bool predicts[BAL_SIDES];
    double *m;        /* dim: scratch */
    int32_t *scratch; /* e->top: the same */
} bal_figures_ask;
/* Fills the figures of both sides that follow from sums: others are left as they are. */
void bal_explain_figures_of(const bal_explain *e, const bal_figures_ask *ask,
                            double values[BAL_SIDES][BAL_FIGURE_COUNT]);

/* ---- the rest ---- */

BAL_MUST_CHECK bal_status bal_explain_measure_classes(bal_explain *e);
BAL_MUST_CHECK bal_status bal_explain_measure_common(bal_explain *e);
/* Diversity of so many items, which must be at most settings.max_items: three figures. */
BAL_MUST_CHECK bal_status bal_explain_variety(bal_explain *e, int side, const int64_t *items,
                                              int64_t count, double values[BAL_FIGURE_COUNT]);
BAL_MUST_CHECK bal_status bal_explain_measure_collapse(bal_explain *e, int side);
BAL_MUST_CHECK bal_status bal_explain_measure_archetypes(bal_explain *e, int side);
BAL_MUST_CHECK bal_status bal_explain_measure_pairs(bal_explain *e, int side);
BAL_MUST_CHECK bal_status bal_explain_measure_trends(bal_explain *e);

/* Items a class of the common size, 0: none. */
int64_t bal_explain_common_size(const bal_explain *e, int side);
/* count of the class's items, drawn without replacement; a function of (seed, draw, side, class).
 * items receives all of the class, the drawn ones first. */
typedef struct bal_draw_ask {
    int side, c, draw;
    int64_t count;
} bal_draw_ask;
void bal_explain_draw_items(const bal_explain *e, const bal_draw_ask *ask, int64_t *items);
/* Medians and limits of the draws of one figure; values are sorted. */
void bal_explain_set_common(double *values, int draws, bal_figure_value *out);

BAL_MUST_CHECK bal_status bal_explain_find(bal_explain *e);
void bal_explain_findings_free(bal_explain *e);

/* explain_medoids.c: row numbers of the least sum of distances, in rows of dim numbers. */
BAL_MUST_CHECK bal_status bal_explain_medoid(bal_ctx *ctx, const float *rows, int64_t count,
                                             int dim, int64_t *medoid);

#endif
