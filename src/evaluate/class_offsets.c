/* The search for class offsets: argmax_j log p_j + d_j, one d_j at a time to the best of all its
 * values. An item's decision changes where d_j passes one threshold, so all values are gone through
 * in one sweep over the sorted thresholds (Lachiche and Flach 2003 do this for weights of classes).
 */
#include "evaluate/calibration.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PASSES = 50 };
#define GAP 1e-9     /* of thresholds between which no offset is put */
#define BETTER 1e-12 /* less is rounding */
#define BEYOND 1.0   /* how far outside all thresholds */

typedef struct threshold {
    double at; /* the item goes to the class where d_j is above this */
    int64_t item;
    int other; /* and to this class below it */
} threshold;

typedef struct search {
    const bal_fit *fit;
    const bal_offset_goal *goal;
    bal_decision_sums sums;
    double *memory;
    threshold *thresholds;
    double *best; /* C: offsets of the best start */
} search;

/* ---- scores ---- */

/* What a class adds to the sum that the score is made of. counted: whether it is averaged over. */
static double part_of(const bal_offset_goal *goal, const bal_decision_sums *s, int c,
                      double *counted)
{
    const double support = s->support[c], predicted = s->predicted[c], right = s->right[c];
    const bool f1 = goal->objective == BAL_OBJECTIVE_F1;
    const double below = f1 ? support + fmax(predicted, 0.0) : support;
    *counted = below > 1e-15 ? 1.0 : 0.0;
    return *counted > 0.0 ? (f1 ? 2.0 : 1.0) * right / below : 0.0;
}

double bal_offset_score(const bal_offset_goal *goal, const bal_decision_sums *sums)
{
    double sum = 0.0, classes = 0.0;
    if (goal->objective == BAL_OBJECTIVE_COST)
        return -sums->cost / sums->weight;
    for (int c = 0; c < goal->classes; c++) {
        double counted;
        sum += part_of(goal, sums, c, &counted);
        classes += counted;
    }
    return sum / classes;
}

void bal_count_decision(const bal_offset_goal *goal, bal_decision_sums *sums, int label,
                        int predicted, double weight)
{
    sums->support[label] += weight;
    sums->predicted[predicted] += weight;
    sums->right[label] += label == predicted ? weight : 0.0;
    sums->weight += weight;
    if (goal->cost)
        sums->cost += weight * goal->cost[(int64_t)label * goal->classes + predicted];
}

static void forget(search *s)
{
    memset(s->sums.support, 0, 3 * (size_t)s->goal->classes * sizeof *s->sums.support);
    s->sums.cost = s->sums.weight = 0.0;
}

/* ---- one class ---- */

static int by_threshold(const void *a, const void *b)
{
    const threshold *x = a, *y = b;
    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return (x->item > y->item) - (x->item < y->item);
}

/* Thresholds of class j, sorted, and the sums of decisions without it. */
static void decisions_without(search *s, int j, const double *d)
{
    const int classes = s->fit->classes;
    forget(s);
    for (int64_t i = 0; i < bal_fit_count(s->fit); i++) {
        const int64_t item = bal_fit_item(s->fit, i);
        const double *z = s->fit->z + item * classes;
        int other = j == 0;
        for (int k = other + 1; k < classes; k++)
            if (k != j && z[k] + d[k] > z[other] + d[other])
                other = k;
        s->thresholds[i] = (threshold){z[other] + d[other] - z[j], item, other};
        bal_count_decision(s->goal, &s->sums, s->fit->labels[item], other,
                           s->fit->class_weight[s->fit->labels[item]]);
    }
    qsort(s->thresholds, (size_t)bal_fit_count(s->fit), sizeof *s->thresholds, by_threshold);
}

/* The running sum that a score is made of, kept while items change sides. */
typedef struct running {
    double sum, classes;
} running;

static void take_out(const search *s, running *r, int c, double sign)
{
    double counted;
    r->sum += sign * part_of(s->goal, &s->sums, c, &counted);
    r->classes += sign * counted;
}

/* The item goes from its other class to j. */
static void move_item(search *s, running *r, const threshold *t, int j)
{
    const int label = s->fit->labels[t->item];
    const double weight = s->fit->class_weight[label];
    const double *cost = s->goal->cost ? s->goal->cost + (int64_t)label * s->goal->classes : NULL;
    take_out(s, r, t->other, -1.0);
    take_out(s, r, j, -1.0);
    s->sums.predicted[t->other] -= weight;
    s->sums.predicted[j] += weight;
    s->sums.right[t->other] -= label == t->other ? weight : 0.0;
    s->sums.right[j] += label == j ? weight : 0.0;
    s->sums.cost += cost ? weight * (cost[j] - cost[t->other]) : 0.0;
    take_out(s, r, t->other, 1.0);
    take_out(s, r, j, 1.0);
}

static double running_score(const search *s, const running *r)
{
    return s->goal->objective == BAL_OBJECTIVE_COST ? -s->sums.cost / s->sums.weight
                                                    : r->sum / r->classes;
}

/* The best d_j with the others as they are: the middle of the widest best interval, or the present
 * value where that is as good. */
static double best_offset(search *s, int j, const double *d)
{
    const int64_t items = bal_fit_count(s->fit);
    const threshold *t = s->thresholds;
    running r = {0.0, 0.0};
    decisions_without(s, j, d);
    for (int c = 0; c < s->goal->classes; c++)
        take_out(s, &r, c, 1.0);
    double best = -INFINITY, width = -1.0, at = d[j];
    bool present = false; /* at is d_j itself */
    for (int64_t i = 0; i <= items; i++) {
        const double low = i ? t[i - 1].at : -INFINITY, high = i < items ? t[i].at : INFINITY;
        const bool ends = i == 0 || i == items;
        if (ends || high - low > GAP) {
            const double score = running_score(s, &r);
            const bool has_present = d[j] > low && d[j] < high;
            const double room = ends ? 0.0 : high - low;
            if (score > best + BETTER ||
                (score > best - BETTER && !present && (has_present || room > width))) {
                best = fmax(best, score);
                width = room;
                present = has_present;
                at = has_present  ? d[j]
                     : i == 0     ? high - BEYOND
                     : i == items ? low + BEYOND
                                  : 0.5 * (low + high);
            }
        }
        if (i < items)
            move_item(s, &r, &t[i], j);
    }
    return at;
}

/* ---- all classes ---- */

static double score_of(search *s, const double *d)
{
    const int classes = s->fit->classes;
    forget(s);
    for (int64_t i = 0; i < bal_fit_count(s->fit); i++) {
        const int64_t item = bal_fit_item(s->fit, i);
        const double *z = s->fit->z + item * classes;
        int top = 0;
        for (int k = 1; k < classes; k++)
            if (z[k] + d[k] > z[top] + d[top])
                top = k;
        bal_count_decision(s->goal, &s->sums, s->fit->labels[item], top,
                           s->fit->class_weight[s->fit->labels[item]]);
    }
    return bal_offset_score(s->goal, &s->sums);
}

static double climb(search *s, double *d, int *passes)
{
    double score = score_of(s, d);
    for (int pass = 0; pass < MOST_PASSES; pass++) {
        const double before = score;
        ++*passes;
        for (int j = 0; j < s->fit->classes; j++) {
            const double was = d[j];
            if (s->fit->support[j] == 0) /* nothing says what would be good for it */
                continue;
            d[j] = best_offset(s, j, d);
            const double now = d[j] == was ? score : score_of(s, d);
            if (now > score + BETTER)
                score = now;
            else
                d[j] = was;
        }
        if (score <= before + BETTER)
            break;
    }
    return score;
}

/* Start 0 leaves the decisions alone; the others stand against the prior of the items, half, whole
 * and once and a half. */
static void start_at(const search *s, int start, double *d)
{
    double mean = 0.0;
    for (int j = 0; j < s->fit->classes; j++) {
        const double share =
            ((double)s->fit->support[j] * s->fit->class_weight[j]) + 0.5 / s->fit->effective;
        d[j] = -0.5 * start * log(share);
        mean += d[j] / s->fit->classes;
    }
    for (int j = 0; j < s->fit->classes; j++)
        d[j] = s->fit->support[j] ? d[j] - mean : 0.0;
}

enum { STARTS = 4 };

bal_status bal_search_offsets(const bal_fit *fit, const bal_offset_goal *goal, double *offsets,
                              int *passes)
{
    const size_t classes = (size_t)fit->classes;
    search s = {.fit = fit, .goal = goal};
    bal_status status = BAL_NO_MEMORY;
    s.memory = bal_calloc(fit->ctx, 4 * classes, sizeof *s.memory);
    s.thresholds = bal_calloc(fit->ctx, (size_t)bal_fit_count(fit), sizeof *s.thresholds);
    if (!s.memory || !s.thresholds)
        goto fail;
    s.sums.support = s.memory;
    s.sums.predicted = s.memory + classes;
    s.sums.right = s.memory + 2 * classes;
    s.best = s.memory + 3 * classes;
    double best = -INFINITY;
    *passes = 0;
    for (int start = 0; start < STARTS; start++) {
        start_at(&s, start, s.best);
        const double score = climb(&s, s.best, passes);
        if (score > best + BETTER) {
            best = score;
            memcpy(offsets, s.best, classes * sizeof *offsets);
        }
    }
    status = BAL_OK;
fail:
    bal_free(fit->ctx, s.memory);
    bal_free(fit->ctx, s.thresholds);
    return status;
}
