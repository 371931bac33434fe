/* The table of what can be done when a stage begins, its checks, and running a stage's list. */
#include "train/stage/stage_actions.h"

#include "net/models/heads.h"
#include "train/recipe/recipe_keys.h"

#include <stdio.h>
#include <string.h>

typedef struct action {
    bal_method_info info;
    bal_stage_action_fn *run;
    bool needs_norms; /* of the head's rows: what makes no difference to a cosine head */
    bool needs_bias;
    bool needs_images; /* of every class */
    bool needs_validation;
    bool needs_rows; /* logits of other norms follow from the logits */
} action;

#define KANG "Kang et al. 2020 (decoupling)"

static const action actions[] = {
    {.info = {"reinit-head", "head as at the start, drawn anew from (seed, stage)", KANG},
     .run = bal_stage_reinit_head},
    {.info = {"class-means",
              "w_j = m_j, b_j = -|m_j|^2 / 2, m_j the mean of the features of class j",
              "Kang et al. 2020 (decoupling); Mensink et al. 2013 (nearest class mean)"},
     .run = bal_stage_class_means,
     .needs_bias = true,
     .needs_images = true},
    {.info = {"class-means-cosine",
              "w_j = m_j / |m_j|, b_j = 0, m_j the mean of the features of class j",
              "Kang et al. 2020 (decoupling); Mensink et al. 2013 (nearest class mean)"},
     .run = bal_stage_class_means_cosine,
     .needs_images = true},
    {.info = {"tau-normalize", "w_j <- w_j / |w_j|^tau, b_j <- 0", KANG},
     .run = bal_stage_tau_normalize,
     .needs_norms = true},
    {.info =
         {"tau-search",
          "tau-normalize by the tau of 0, 0.1, ..., 2 with the best metric on the validation split",
          KANG},
     .run = bal_stage_tau_search,
     .needs_norms = true,
     .needs_validation = true,
     .needs_rows = true},
    {.info = {"zero-bias", "b_j <- 0", KANG}, .run = bal_stage_zero_bias, .needs_bias = true},
    {.info =
         {"reestimate-norm",
          "running mean and variance <- their means over the batches of one epoch of the stage's "
          "draws",
          "Zhong et al. 2021 (MiSLAS); Izmailov et al. 2018 (SWA)"},
     .run = bal_stage_reestimate_norm},
    {.info = {"reset-momentum", "v <- 0",
              "a new optimizer, as the second stages of the papers have"},
     .run = bal_stage_reset_momentum},
};

const bal_method_info *bal_stage_action_at(int i)
{
    return i >= 0 && i < (int)BAL_COUNT_OF(actions) ? &actions[i].info : NULL;
}

static const char *name_at(const void *user, int i)
{
    (void)user;
    return i < (int)BAL_COUNT_OF(actions) ? actions[i].info.name : NULL;
}

static const action *find(const char *name, size_t length)
{
    for (size_t i = 0; i < BAL_COUNT_OF(actions); i++)
        if (strlen(actions[i].info.name) == length &&
            memcmp(actions[i].info.name, name, length) == 0)
            return &actions[i];
    return NULL;
}

/* ---- checks ---- */

static bal_status check_action(const bal_recipe *r, const bal_recipe_stage *stage, const action *a)
{
    const bal_head *head = bal_head_find(r->general.head);
    if (a->needs_norms && !head->norms)
        return bal_fail(r->ctx, BAL_MISMATCH,
                        "%s:%d: %s changes the norms of the head's rows, which a head of kind %s "
                        "does not see",
                        r->where, stage->line, a->info.name, r->general.head);
    if (a->needs_rows && !head->rows)
        return bal_fail(r->ctx, BAL_MISMATCH,
                        "%s:%d: %s divides logits by the norms of the head's rows, and those of a "
                        "head of kind %s have more in them; tau-normalize takes the tau that it is "
                        "given",
                        r->where, stage->line, a->info.name, r->general.head);
    if (a->needs_bias && !head->bias)
        return bal_fail(r->ctx, BAL_MISMATCH,
                        "%s:%d: %s sets the bias, and a head of kind %s has none%s", r->where,
                        stage->line, a->info.name, r->general.head,
                        a->needs_images ? "; class-means-cosine needs none" : "");
    return BAL_OK;
}

bal_status bal_recipe_check_actions(const bal_recipe *r, int number)
{
    const bal_recipe_stage *stage = &r->stages[number];
    const char *at = stage->begin, *item;
    size_t length;
    bool takes_tau = false;
    while (bal_recipe_next_item(&at, &item, &length)) {
        const action *a = find(item, length);
        takes_tau = takes_tau || (a && a->run == bal_stage_tau_normalize);
        char word[64], prefix[512];
        snprintf(word, sizeof word, "%.*s", (int)length, item);
        snprintf(prefix, sizeof prefix, "%.480s:%d: ", r->where, stage->line);
        if (!a)
            return bal_recipe_unknown(r->ctx, BAL_MISMATCH, prefix,
                                      &(bal_name_list){"action", name_at, NULL}, word);
        BAL_TRY(check_action(r, stage, a));
    }
    if (!takes_tau && stage->normalize_tau != 1.0)
        return bal_fail(r->ctx, BAL_MISMATCH,
                        "%s:%d: normalize_tau is %g, and stages[%d] does not begin with "
                        "tau-normalize, which takes it",
                        r->where, stage->line, stage->normalize_tau, number);
    return BAL_OK;
}

bal_status bal_stage_check_data(const bal_trainer *t, int number)
{
    const bal_recipe_stage *stage = &t->recipe->stages[number];
    const int64_t *counts = t->counts + BAL_SPLIT_TRAIN * t->classes;
    const char *at = stage->begin, *item;
    size_t length;
    while (bal_recipe_next_item(&at, &item, &length)) {
        const action *a = find(item, length);
        if (a && a->needs_validation && t->info.items[BAL_SPLIT_VAL] == 0)
            return bal_fail(t->ctx, BAL_MISMATCH,
                            "%s:%d: %s chooses by the validation split, and this data has none; "
                            "tau-normalize takes the tau that it is given",
                            t->recipe->where, stage->line, a->info.name);
        for (size_t c = 0; a && a->needs_images && c < t->classes; c++)
            if (counts[c] == 0)
                return bal_fail(t->ctx, BAL_MISMATCH,
                                "%s:%d: %s: class %s has no training image, so its features have "
                                "no mean",
                                t->recipe->where, stage->line, a->info.name, t->class_names[c]);
    }
    return BAL_OK;
}

/* ---- running ---- */

bal_status bal_stage_begin(bal_training *g, int number)
{
    const bal_recipe_stage *stage = &g->t->recipe->stages[number];
    const char *at = stage->begin, *item;
    size_t length;
    while (bal_recipe_next_item(&at, &item, &length))
        BAL_TRY(find(item, length)->run(g, number));
    if (stage->begin)
        bal_training_say(g, "stages[%d]: %s", number, stage->begin);
    return BAL_OK;
}
