/* One pass over the scores: prediction, probabilities and errors of each item. */
#include "evaluate/calibration.h"
#include "evaluate/evaluation.h"

#include "numeric/softmax.h"

#include <float.h>
#include <math.h>

int bal_calibration_bin(double p)
{
    int bin = (int)ceil(p * BAL_CALIBRATION_BINS) - 1;
    /* the product may round across an edge; the edges are b / 15 */
    if (bin > 0 && p <= (double)bin / BAL_CALIBRATION_BINS)
        bin--;
    else if (bin >= 0 && p > (double)(bin + 1) / BAL_CALIBRATION_BINS)
        bin++;
    if (bin < 0)
        return 0;
    return bin < BAL_CALIBRATION_BINS ? bin : BAL_CALIBRATION_BINS - 1;
}

static bal_status check_row(bal_ctx *ctx, const bal_evaluation_settings *s, int64_t i)
{
    const float *row = s->scores + i * s->classes;
    double sum = 0.0;
    for (int c = 0; c < s->classes; c++) {
        if (!isfinite(row[c]))
            return bal_fail(ctx, BAL_BAD_DATA, "the score in row %lld, column %d is %g",
                            (long long)i, c, (double)row[c]);
        if (s->scores_are_probabilities && row[c] < 0.0f)
            return bal_fail(ctx, BAL_BAD_DATA,
                            "the probability in row %lld, column %d is %g, must not be negative",
                            (long long)i, c, (double)row[c]);
        sum += (double)row[c];
    }
    if (s->scores_are_probabilities && !(fabs(sum - 1.0) < 1e-3))
        return bal_fail(ctx, BAL_BAD_DATA, "the probabilities in row %lld sum to %g, must be 1",
                        (long long)i, sum);
    return BAL_OK;
}

/* Equal scores count for the lower class number, as in the prediction. */
static bool label_is_among_top(const double *row, int classes, int label)
{
    int before = 0;
    for (int c = 0; c < classes && before < BAL_TOP; c++)
        before += row[c] > row[label] || (row[c] == row[label] && c < label);
    return before < BAL_TOP;
}

/* Turns p (C logits or probabilities) into probabilities; returns -log p_label. */
static double to_probabilities(const bal_evaluation_settings *s, double *p, int label, int *top,
                               bal_item_norm *norm)
{
    if (s->scores_are_probabilities && !s->calibration) {
        *top = 0;
        for (int c = 1; c < s->classes; c++)
            if (p[c] > p[*top])
                *top = c;
        return -log(fmax(p[label], DBL_EPSILON));
    }
    const double logit = p[label];
    const bal_softmax softmax = bal_softmax_of(p, s->classes, p);
    *top = softmax.top;
    *norm = (bal_item_norm){softmax.max, 1.0 + softmax.rest};
    for (int c = 0; c < s->classes; c++)
        p[c] /= norm->sum;
    return bal_softmax_loss(&softmax, logit);
}

static bal_item_score score_item(bal_evaluation_work *w, int64_t i)
{
    const bal_evaluation_settings *s = w->settings;
    const float *row = s->scores + i * s->classes;
    const int label = s->labels[i];
    double *p = w->row;
    int top, decided = -1;
    for (int c = 0; c < s->classes; c++)
        p[c] = (double)row[c];
    if (s->calibration) {
        bal_take_logits(row, s->scores_are_probabilities, s->classes, p);
        for (int c = 0; c < s->classes; c++)
            p[c] = bal_calibrated(s->calibration, c, p[c]);
        decided = bal_calibration_decide(s->calibration, p);
    }
    w->top5 += label_is_among_top(p, s->classes, label);
    bal_item_score item = {.loss = to_probabilities(s, p, label, &top, &w->norms[i])};
    if (decided >= 0)
        top = decided;
    for (int c = 0; c < s->classes; c++) {
        const double off = p[c] - (c == label ? 1.0 : 0.0);
        item.brier += off * off;
    }
    item.predicted = top;
    item.bin = bal_calibration_bin(p[top]);
    item.gap = p[top] - (top == label ? 1.0 : 0.0);
    return item;
}

static void add_to_tally(bal_tally *tally, const bal_item_score *item, int label)
{
    tally->predicted[item->predicted]++;
    tally->right[label] += item->predicted == label;
    tally->loss += item->loss;
    tally->brier += item->brier;
    tally->gaps[item->bin] += item->gap;
}

bal_status bal_score_items(bal_evaluation_work *w)
{
    const bal_evaluation_settings *s = w->settings;
    for (int64_t i = 0; i < s->items; i++) {
        if (s->labels[i] < 0 || s->labels[i] >= s->classes)
            return bal_fail(w->e->ctx, BAL_BAD_ARG, "label of row %lld is %d, must be 0 to %d",
                            (long long)i, (int)s->labels[i], s->classes - 1);
        w->support[s->labels[i]]++;
    }
    int64_t *next = bal_calloc(w->e->ctx, (size_t)s->classes, sizeof *next);
    if (!next)
        return BAL_NO_MEMORY;
    for (int c = 0; c < s->classes; c++) {
        next[c] = w->first[c];
        w->first[c + 1] = w->first[c] + w->support[c];
    }
    bal_status status = BAL_OK;
    for (int64_t i = 0; i < s->items && status == BAL_OK; i++) {
        status = check_row(w->e->ctx, s, i);
        if (status != BAL_OK)
            break;
        const int label = s->labels[i];
        const bal_item_score item = score_item(w, i);
        w->scores[next[label]++] = item;
        w->e->confusion[(int64_t)label * s->classes + item.predicted]++;
        w->e->per_class[label].loss += item.loss; /* divided by the support later */
        add_to_tally(&w->tally, &item, label);
        bal_item_groups_count(w, i, label, item.predicted);
    }
    bal_free(w->e->ctx, next);
    return status;
}
