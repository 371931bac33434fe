/* From sums over items to metrics. The one place of these formulas: the value of the test set and
 * every draw of the bootstrap go through it. */
#include "evaluate/evaluation.h"

#include <math.h>

/* Matthews correlation of C classes, R_K (Gorodkin 2004); 0 where the denominator is 0. */
static double matthews(double n, double right, double products, double predicted2, double support2)
{
    const double below = (n * n - predicted2) * (n * n - support2);
    return below > 0.0 ? (right * n - products) / sqrt(below) : 0.0;
}

/* 1 - observed disagreement / expected disagreement; NaN where none is expected. */
static double kappa(double n, double right, double products)
{
    const double expected = n - products / n;
    return expected > 0.0 ? 1.0 - (n - right) / expected : NAN;
}

void bal_tally_metrics(const bal_tally *t, int classes, int64_t items, double *values)
{
    const double n = (double)items;
    double right = 0.0, products = 0.0, predicted2 = 0.0, support2 = 0.0;
    double recalls = 0.0, logs = 0.0, worst = NAN, best = NAN, precisions = 0.0, f1s = 0.0,
           weighted = 0.0;
    int present = 0, named = 0;
    for (int c = 0; c < classes; c++) {
        const double support = (double)t->support[c], predicted = (double)t->predicted[c];
        const double hits = (double)t->right[c];
        right += hits;
        products += support * predicted;
        predicted2 += predicted * predicted;
        support2 += support * support;
        if (support > 0.0) {
            const double recall = hits / support;
            present++;
            recalls += recall;
            logs += log(recall); /* -inf for 0: the geometric mean is 0 then */
            worst = recall < worst || isnan(worst) ? recall : worst;
            best = recall > best || isnan(best) ? recall : best;
        }
        if (support + predicted > 0.0) {
            const double f1 = 2.0 * hits / (support + predicted);
            named++;
            precisions += predicted > 0.0 ? hits / predicted : 0.0;
            f1s += f1;
            weighted += support * f1;
        }
    }
    double gaps = 0.0;
    for (int b = 0; b < BAL_CALIBRATION_BINS; b++)
        gaps += fabs(t->gaps[b]);
    values[BAL_METRIC_accuracy] = right / n;
    values[BAL_METRIC_balanced_accuracy] = recalls / present;
    values[BAL_METRIC_macro_precision] = precisions / named;
    values[BAL_METRIC_macro_recall] = recalls / named;
    values[BAL_METRIC_macro_f1] = f1s / named;
    values[BAL_METRIC_weighted_f1] = weighted / n;
    values[BAL_METRIC_mcc] = matthews(n, right, products, predicted2, support2);
    values[BAL_METRIC_kappa] = kappa(n, right, products);
    values[BAL_METRIC_gmean] = exp(logs / present);
    values[BAL_METRIC_ece] = gaps / n;
    values[BAL_METRIC_nll] = t->loss / n;
    values[BAL_METRIC_brier] = t->brier / n;
    values[BAL_METRIC_worst_class_recall] = worst;
    values[BAL_METRIC_class_recall_gap] = best - worst;
}

void bal_tally_groups(const bal_tally *t, int classes, const signed char *group_of, double *recalls)
{
    int present[BAL_GROUP_COUNT] = {0};
    for (int g = 0; g < BAL_GROUP_COUNT; g++)
        recalls[g] = 0.0;
    for (int c = 0; c < classes; c++)
        if (group_of[c] >= 0 && t->support[c] > 0) {
            recalls[group_of[c]] += (double)t->right[c] / (double)t->support[c];
            present[group_of[c]]++;
        }
    for (int g = 0; g < BAL_GROUP_COUNT; g++)
        recalls[g] = present[g] ? recalls[g] / present[g] : NAN;
}
