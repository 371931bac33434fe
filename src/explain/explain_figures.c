/* The figures of a class that follow from its sums, of one draw. */
#include "explain/explain_parts.h"

#include <math.h>

/* z * w_c of the mean over a group; false: no item has weight in this draw. */
static bool own_mean(const bal_explain *e, int c, const bal_class_sums *s, int group, int draw,
                     double *out)
{
    const double weight = bal_sums_of(s, group, draw, BAL_SUM_WEIGHT);
    const double *z = bal_sums_segment(s, group, draw, BAL_SEGMENT_Z);
    const double *w = e->weight + (size_t)c * (size_t)e->dim;
    if (weight <= 0.0)
        return false;
    for (int k = 0; k < e->dim; k++)
        out[k] = z[k] * w[k] / weight;
    return true;
}

bool bal_explain_class_top(const bal_explain *e, int c, const bal_class_sums *sums, double *m,
                           int32_t *top)
{
    if (!e->weight || !own_mean(e, c, sums, BAL_GROUP_RIGHT, 0, m))
        return false;
    bal_explain_largest(m, e->dim, e->top, top);
    return true;
}

static double mean_at(const double *m, const int32_t *top, int count)
{
    double sum = 0.0;
    for (int i = 0; i < count; i++)
        sum += m[top[i]];
    return sum / count;
}

static double ratio(double a, double b)
{
    return b != 0.0 ? a / b : NAN;
}

/* ---- one side ---- */

static void measure_right(const bal_explain *e, const bal_figures_ask *ask, const bal_class_sums *s,
                          const int32_t *top, double *out)
{
    const double *mask = bal_sums_segment(s, BAL_GROUP_RIGHT, ask->draw, BAL_SEGMENT_MASK);
    const double *ce = bal_sums_segment(s, BAL_GROUP_RIGHT, ask->draw, BAL_SEGMENT_CE);
    if (!top || !own_mean(e, ask->c, s, BAL_GROUP_RIGHT, ask->draw, ask->m))
        return;
    double all = 0.0, positive = 0.0, in_top = 0.0, held = 0.0, needs = 0.0, entropy = 0.0;
    int distinct = 0, holding = 0;
    for (int k = 0; k < e->dim; k++) {
        all += ask->m[k];
        positive += ask->m[k] > 0.0 ? ask->m[k] : 0.0;
        distinct += mask[k] > 0.0;
        needs += mask[k];
    }
    for (int k = 0; k < e->dim; k++)
        if (mask[k] > 0.0)
            entropy -= mask[k] / needs * log(mask[k] / needs);
    for (int i = 0; i < e->top; i++) {
        in_top += ask->m[top[i]];
        if (mask[top[i]] > 0.0) {
            held += ce[top[i]] / mask[top[i]];
            holding++;
        }
    }
    out[BAL_FIGURE_magnitude] = in_top / e->top;
    out[BAL_FIGURE_peak] = ask->m[top[0]];
    out[BAL_FIGURE_magnitude_needed] = holding ? held / holding : NAN;
    out[BAL_FIGURE_share] = ratio(in_top, all);
    out[BAL_FIGURE_share_positive] = ratio(in_top, positive);
    out[BAL_FIGURE_distinct] = distinct;
    out[BAL_FIGURE_entropy] = needs > 0.0 ? entropy : NAN;
}

/* share_positive of the FN's mean CE, whose own K largest entries count. */
static double wrong_share(const bal_explain *e, const bal_figures_ask *ask, const bal_class_sums *s)
{
    const double *ce = bal_sums_segment(s, BAL_GROUP_WRONG, ask->draw, BAL_SEGMENT_CE);
    double positive = 0.0, in_top = 0.0;
    bal_explain_largest(ce, e->dim, e->top, ask->scratch);
    for (int k = 0; k < e->dim; k++)
        positive += ce[k] > 0.0 ? ce[k] : 0.0;
    for (int i = 0; i < e->top; i++)
        in_top += ce[ask->scratch[i]];
    return ratio(in_top, positive);
}

static void measure_side(const bal_explain *e, const bal_figures_ask *ask, int side, double *out)
{
    const bal_class_sums *s = ask->sums[side];
    double weight[BAL_GROUPS], needed[BAL_GROUPS], norm = 0.0;
    for (int g = 0; g < BAL_GROUPS; g++) {
        weight[g] = bal_sums_of(s, g, ask->draw, BAL_SUM_WEIGHT);
        needed[g] = bal_sums_of(s, g, ask->draw, BAL_SUM_NEEDED);
        norm += bal_sums_of(s, g, ask->draw, BAL_SUM_NORM);
    }
    const double all = weight[0] + weight[1];
    out[BAL_FIGURE_feature_norm] = ratio(norm, all);
    if (ask->predicts[side])
        out[BAL_FIGURE_recall] = ratio(weight[BAL_GROUP_RIGHT], all);
    if (!e->weight)
        return;
    out[BAL_FIGURE_weight_norm] = e->weight_norm[ask->c];
    out[BAL_FIGURE_needed] = ratio(needed[BAL_GROUP_RIGHT], weight[BAL_GROUP_RIGHT]);
    out[BAL_FIGURE_needed_wrong] = ratio(needed[BAL_GROUP_WRONG], weight[BAL_GROUP_WRONG]);
    out[BAL_FIGURE_needed_all] = ratio(needed[0] + needed[1], all);
    measure_right(e, ask, s, ask->top[side], out);
    if (weight[BAL_GROUP_WRONG] <= 0.0)
        return;
    out[BAL_FIGURE_share_wrong] = wrong_share(e, ask, s);
    if (ask->top[side] && own_mean(e, ask->c, s, BAL_GROUP_WRONG, ask->draw, ask->m))
        out[BAL_FIGURE_magnitude_wrong] = mean_at(ask->m, ask->top[side], e->top);
}

/* ---- both sides ---- */

typedef struct gaps {
    double absolute, sign;
} gaps;

/* Of the test side's group against the TP of the training side, over T_c(train). A feature that the
 * training side has at 0 says nothing. */
static gaps gaps_of(const bal_explain *e, const bal_figures_ask *ask, int group)
{
    const bal_class_sums *train = ask->sums[BAL_SIDE_TRAIN], *test = ask->sums[BAL_SIDE_TEST];
    const double of_train = bal_sums_of(train, BAL_GROUP_RIGHT, ask->draw, BAL_SUM_WEIGHT),
                 of_test = bal_sums_of(test, group, ask->draw, BAL_SUM_WEIGHT);
    const double *a = bal_sums_segment(train, BAL_GROUP_RIGHT, ask->draw, BAL_SEGMENT_Z),
                 *b = bal_sums_segment(test, group, ask->draw, BAL_SEGMENT_Z);
    const double *w = e->weight + (size_t)ask->c * (size_t)e->dim;
    const int32_t *top = ask->top[BAL_SIDE_TRAIN];
    gaps sum = {0.0, 0.0};
    int count = 0;
    if (of_train <= 0.0 || of_test <= 0.0)
        return (gaps){NAN, NAN};
    for (int i = 0; i < e->top; i++) {
        const double m = a[top[i]] * w[top[i]] / of_train, d = b[top[i]] * w[top[i]] / of_test - m;
        if (m == 0.0)
            continue;
        sum.absolute += fabs(d) / fabs(m);
        sum.sign += d / fabs(m);
        count++;
    }
    return count ? (gaps){sum.absolute / count, sum.sign / count} : (gaps){NAN, NAN};
}

static double shared(const int32_t *a, const int32_t *b, int count)
{
    int both = 0;
    for (int i = 0; i < count; i++)
        for (int j = 0; j < count; j++)
            both += a[i] == b[j];
    return (double)both / count;
}

/* Lengths of the test ranges that the training ranges do not cover. */
static double range_gap(const bal_class_sums *train, const bal_class_sums *test)
{
    double sum = 0.0;
    for (int k = 0; k < train->dim; k++) {
        const double above = test->high[k] - fmax(train->high[k], test->low[k]),
                     below = fmin(train->low[k], test->high[k]) - test->low[k];
        sum += (above > 0.0 ? above : 0.0) + (below > 0.0 ? below : 0.0);
    }
    return sum;
}

static void measure_both(const bal_explain *e, const bal_figures_ask *ask, double *out)
{
    const bal_class_sums *train = ask->sums[BAL_SIDE_TRAIN], *test = ask->sums[BAL_SIDE_TEST];
    if (train->count[0] + train->count[1] > 0 && test->count[0] + test->count[1] > 0)
        out[BAL_FIGURE_range_gap] = range_gap(train, test);
    if (!ask->top[BAL_SIDE_TRAIN])
        return;
    if (ask->top[BAL_SIDE_TEST])
        out[BAL_FIGURE_overlap_sides] =
            shared(ask->top[BAL_SIDE_TRAIN], ask->top[BAL_SIDE_TEST], e->top);
    const gaps right = gaps_of(e, ask, BAL_GROUP_RIGHT), wrong = gaps_of(e, ask, BAL_GROUP_WRONG);
    out[BAL_FIGURE_gap] = right.absolute;
    out[BAL_FIGURE_gap_signed] = right.sign;
    out[BAL_FIGURE_gap_wrong] = wrong.absolute;
    out[BAL_FIGURE_gap_wrong_signed] = wrong.sign;
}

void bal_explain_figures_of(const bal_explain *e, const bal_figures_ask *ask,
                            double values[BAL_SIDES][BAL_FIGURE_COUNT])
{
    for (int side = 0; side < BAL_SIDES; side++)
        if (ask->sums[side])
            measure_side(e, ask, side, values[side]);
    if (ask->sums[BAL_SIDE_TRAIN] && ask->sums[BAL_SIDE_TEST])
        measure_both(e, ask, values[BAL_SIDE_TEST]);
}
