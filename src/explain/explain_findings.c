/* What the figures say: the table of rules, and the sentences. */
#include "explain/explain_parts.h"

#include "numeric/statistics/quantile.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMED = 4, LEAST_CLASSES = 5, LEAST_ITEMS = 10 };

/* Where a rule begins to speak. */
#define SHARE_FEW 0.8        /* of the positive CE in the top-K */
#define FALLS_SHORT 0.15     /* of the training magnitude */
#define LOST_MUCH 0.1        /* of a class's items to one other class */
#define NORM_TIED 0.7        /* rank correlation of |w_c| with n_c */
#define TAIL_TOGETHER 0.2    /* mean cosine in the tail above that in the head */
#define PREDICTED_LITTLE 0.8 /* times as often as there are items */
#define AMONG_OTHERS 0.3     /* of the items rare or outlier */
#define TREND 0.6

typedef struct hit { /* a class that a rule is about */
    int c;
    double badness;
    char words[160];
} hit;

typedef struct verdict {
    bal_explain *e;
    const bal_explained_side *train, *test, *side; /* side: test, or training where there is none */
    hit *hits;                                     /* classes */
    int count;
    char *text; /* of a rule that is not about classes */
} verdict;

static double figure(const bal_explained_side *side, int c, bal_figure i)
{
    return side ? side->class_of[c].figures[i].value : NAN;
}

static hit *hit_class(verdict *v, int c, double badness)
{
    hit *h = &v->hits[v->count++];
    h->c = c;
    h->badness = badness;
    return h;
}

/* ---- rules about classes ---- */

static void few_features(verdict *v)
{
    for (int c = 0; c < v->e->classes; c++) {
        const double share = figure(v->side, c, BAL_FIGURE_share_positive),
                     peak = figure(v->side, c, BAL_FIGURE_peak);
        if (!(share >= SHARE_FEW) || v->e->top * 2 >= v->e->dim)
            continue;
        hit *h = hit_class(v, c, share);
        snprintf(h->words, sizeof h->words, "%.0f %%, largest %.2f", 100.0 * share, peak);
    }
}

static void falls_short(verdict *v)
{
    for (int c = 0; c < v->e->classes; c++) {
        const bal_figure_value *gap = &v->side->class_of[c].figures[BAL_FIGURE_gap_signed];
        if (!v->test || !(gap->value <= -FALLS_SHORT) || gap->interval.high >= 0.0)
            continue;
        hit *h = hit_class(v, c, -gap->value);
        snprintf(h->words, sizeof h->words, "%.0f %%", 100.0 * gap->value);
    }
}

/* Interval at the common size wholly below the median class. */
static void little_variety(verdict *v)
{
    const bal_explained_side *side = v->train ? v->train : v->test;
    double *values = bal_calloc(v->e->ctx, (size_t)v->e->classes, sizeof *values);
    int count = 0;
    for (int c = 0; values && c < v->e->classes; c++) {
        const double common = side->class_of[c].figures[BAL_FIGURE_effective_rank].common;
        if (!isnan(common))
            values[count++] = common;
    }
    const double median = count >= LEAST_CLASSES ? bal_median(values, count) : NAN;
    bal_free(v->e->ctx, values);
    for (int c = 0; c < v->e->classes; c++) {
        const bal_figure_value *rank = &side->class_of[c].figures[BAL_FIGURE_effective_rank];
        if (!(rank->common_interval.high < median))
            continue;
        hit *h = hit_class(v, c, median / rank->common);
        snprintf(h->words, sizeof h->words, "%.1f against %.1f", rank->common, median);
    }
}

static void loses_to(verdict *v)
{
    for (int c = 0; c < v->e->classes; c++) {
        const bal_explained_class *of_class = &v->side->class_of[c];
        if (of_class->lost_to < 0 || of_class->wrong < LEAST_ITEMS)
            continue;
        const double share = (double)of_class->lost / (double)of_class->items;
        if (share < LOST_MUCH)
            continue;
        hit *h = hit_class(v, c, share);
        char overlap[48] = "";
        if (v->side->overlap)
            snprintf(overlap, sizeof overlap, ", %.0f %% of the top features shared",
                     100.0 * v->side->overlap[(size_t)c * (size_t)v->e->classes +
                                              (size_t)of_class->lost_to]);
        if (strstr(overlap, "nan"))
            overlap[0] = '\0';
        snprintf(h->words, sizeof h->words, "%.0f %% to %.40s%s", 100.0 * share,
                 v->e->names[of_class->lost_to], overlap);
    }
}

static void predicted_little(verdict *v)
{
    for (int c = 0; c < v->e->classes; c++) {
        const bal_explained_class *of_class = &v->side->class_of[c];
        const double ratio =
            of_class->items ? (double)of_class->predicted / (double)of_class->items : NAN;
        if (!v->side->predictions || v->e->group_of[c] == BAL_GROUP_MANY ||
            !(ratio <= PREDICTED_LITTLE) || of_class->items < LEAST_ITEMS)
            continue;
        hit *h = hit_class(v, c, 1.0 - ratio);
        snprintf(h->words, sizeof h->words, "%.2f times", ratio);
    }
}

static void among_others(verdict *v)
{
    for (int c = 0; c < v->e->classes; c++) {
        const double lost =
            figure(v->side, c, BAL_FIGURE_rare) + figure(v->side, c, BAL_FIGURE_outlier);
        const int d = v->side->class_of[c].adversary;
        if (!(lost >= AMONG_OTHERS) || v->side->class_of[c].items < LEAST_ITEMS)
            continue;
        hit *h = hit_class(v, c, lost);
        snprintf(h->words, sizeof h->words, "%.0f %%%s%.40s", 100.0 * lost,
                 d >= 0 ? ", mostly among " : "", d >= 0 ? v->e->names[d] : "");
    }
}

/* ---- rules about the network ---- */

static const bal_trend *find_trend(const bal_explain *e, bal_figure which, bal_side side)
{
    for (int i = 0; i < e->trend_count; i++)
        if (e->trends[i].figure == which && e->trends[i].side == side)
            return &e->trends[i];
    return NULL;
}

static void norm_tied(verdict *v)
{
    const bal_trend *t =
        find_trend(v->e, BAL_FIGURE_weight_norm, v->test ? BAL_SIDE_TEST : BAL_SIDE_TRAIN);
    double low = INFINITY, high = 0.0;
    for (int c = 0; v->e->weight && c < v->e->classes; c++) {
        low = fmin(low, v->e->weight_norm[c]);
        high = fmax(high, v->e->weight_norm[c]);
    }
    if (!v->e->s.head.cosine && t && t->classes >= LEAST_CLASSES && t->size >= NORM_TIED &&
        high > 1.1 * low)
        v->text = bal_format(v->e->ctx,
                             "the head's weights are longer the more images a class has: rank "
                             "correlation %.2f, from %.2f to %.2f",
                             t->size, low, high);
}

static void tail_together(verdict *v)
{
    const bal_collapse *k = &v->side->collapse;
    if (k->tail_classes >= 2 && k->tail_cosine > k->head_cosine + TAIL_TOGETHER)
        v->text =
            bal_format(v->e->ctx,
                       "the head hardly tells the %d rarest classes apart: their weights have "
                       "a mean cosine of %.2f, those of the most frequent %.2f",
                       k->tail_classes, k->tail_cosine, k->head_cosine);
}

static void gap_and_recall(verdict *v)
{
    const bal_trend *t = find_trend(v->e, BAL_FIGURE_gap, BAL_SIDE_TEST);
    if (t && t->classes >= LEAST_CLASSES && fabs(t->recall) >= TREND)
        v->text = bal_format(v->e->ctx,
                             "over %d classes the train/test gap of the top magnitudes has a rank "
                             "correlation of %.2f with recall and %.2f with the number of training "
                             "images; with that held fixed, %.2f with recall",
                             t->classes, t->recall, t->size, t->recall_given_size);
}

/* ---- the table ---- */

typedef struct rule {
    bal_explain_rule info;
    const char *words; /* before the list of classes; NULL: the function writes it all */
    void (*look)(verdict *v);
} rule;

static const rule rules[] = {
    {{"falls-short", "train-test-gap",
      "augmentation that shows the class in other ways, rather than weights, which repeat what is "
      "there",
      "Dablain et al. 2023 (CNN fragility); Dablain et al. 2023 (EOS)", "",
      "--set augment.resized_crop=true"},
     "the magnitudes of the top features fall short of training on test images of",
     falls_short},
    {{"few-features", "share",
      "a loss with margins or augmentation, so that more features carry the decision",
      "Dablain et al. 2023 (CNN fragility); Cao et al. 2019 (LDAM)", "ldam-drw", ""},
     "most of the decision rests on the top features alone for",
     few_features},
    {{"little-variety", "diversity",
      "more images, or augmentation; sampling the same images more often adds none",
      "Dablain et al. 2023 (CNN fragility); Park et al. 2022 (CMO)", "cmo", ""},
     "less variety (effective rank) than as many images of the median class have",
     little_variety},
    {{"loses-to", "overlap", "a larger margin for the rarer class",
      "Cao et al. 2019 (LDAM); Kini et al. 2021 (vector scaling)", "vs|ldam-drw", ""},
     "one other class takes many items of",
     loses_to},
    {{"predicted-little", "class-means", "logits adjusted by the class frequencies",
      "Menon et al. 2021 (logit adjustment); Ren et al. 2020 (balanced softmax)",
      "logit-adjusted|balanced-softmax", ""},
     "predicted less often than there are items",
     predicted_little},
    {{"norm-tied", "norms", "a head that is trained again on balanced draws, or scaled",
      "Kang et al. 2020 (decoupling: cRT, LWS, tau)", "lws|crt|tau-norm|logit-adjusted", ""},
     NULL,
     norm_tied},
    {{"tail-together", "minority-collapse", "a cosine head, or balanced draws",
      "Fang et al. 2021 (minority collapse)", "ldam-drw|class-balanced-sampling", ""},
     NULL,
     tail_together},
    {{"among-others", "archetypes", NULL, "Napierala and Stefanowski 2016", "", ""},
     "many items have hardly a neighbour of their own class in",
     among_others},
    {{"gap-and-recall", "trends", NULL, "Dablain et al. 2023 (CNN fragility)", "", ""},
     NULL,
     gap_and_recall},
};

const bal_explain_rule *bal_explain_rule_at(int i)
{
    return i >= 0 && (size_t)i < BAL_COUNT_OF(rules) ? &rules[i].info : NULL;
}

/* ---- sentences ---- */

static int worse_first(const void *a, const void *b)
{
    const hit *x = a, *y = b;
    if (x->badness != y->badness)
        return x->badness < y->badness ? 1 : -1;
    return x->c - y->c;
}

/* "WORDS truck (93 %, largest 8.46), ship (...) and 2 more" */
static char *class_sentence(verdict *v, const char *words)
{
    char line[1400];
    qsort(v->hits, (size_t)v->count, sizeof *v->hits, worse_first);
    size_t at = (size_t)snprintf(line, sizeof line, "%s ", words);
    for (int i = 0; i < v->count && i < NAMED; i++)
        at += (size_t)snprintf(line + at, sizeof line - at, "%s%.60s (%s)", i ? ", " : "",
                               v->e->names[v->hits[i].c], v->hits[i].words);
    if (v->count > NAMED)
        snprintf(line + at, sizeof line - at, " and %d more", v->count - NAMED);
    return bal_format(v->e->ctx, "%s", line);
}

bal_status bal_explain_find(bal_explain *e)
{
    verdict v = {.e = e,
                 .train = bal_explain_side(e, BAL_SIDE_TRAIN),
                 .test = bal_explain_side(e, BAL_SIDE_TEST)};
    v.side = v.test ? v.test : v.train;
    v.hits = bal_calloc(e->ctx, (size_t)e->classes, sizeof *v.hits);
    e->findings = bal_calloc(e->ctx, BAL_COUNT_OF(rules), sizeof *e->findings);
    bal_status status = v.hits && e->findings ? BAL_OK : BAL_NO_MEMORY;
    for (size_t i = 0; status == BAL_OK && i < BAL_COUNT_OF(rules); i++) {
        v.count = 0;
        v.text = NULL;
        rules[i].look(&v);
        if (v.count > 0)
            v.text = class_sentence(&v, rules[i].words);
        if (v.text)
            e->findings[e->finding_count++] = (bal_explain_finding){&rules[i].info, v.text};
        else if (v.count > 0)
            status = BAL_NO_MEMORY;
    }
    bal_free(e->ctx, v.hits);
    return status;
}

void bal_explain_findings_free(bal_explain *e)
{
    for (int i = 0; i < e->finding_count; i++)
        bal_free(e->ctx, (void *)(uintptr_t)e->findings[i].text);
    bal_free(e->ctx, e->findings);
}

const bal_explain_finding *bal_explain_finding_at(const bal_explain *e, int i)
{
    return i >= 0 && i < e->finding_count ? &e->findings[i] : NULL;
}
