/* What a recipe means: names that must exist, stages and drops in whole epochs, and which
 * parameters of a graph a stage trains. */
#include "train/recipe/recipe.h"

#include "net/graph.h"
#include "train/stage/feature_feed.h"
#include "train/stage/head_bias.h"
#include "train/recipe/recipe_keys.h"

#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define LONGEST_PATTERN 255
#define MOST_STARS 8 /* fnmatch tries every place for every star */

/* ---- names ---- */

static const char *loss_name(const void *user, int i)
{
    (void)user;
    const bal_loss_info *info = bal_loss_at(i);
    return info ? info->name : NULL;
}

/* user points to one of the lists of balance.h. */
typedef struct method_list {
    const bal_method_info *(*at)(int i);
} method_list;

static const char *method_name(const void *user, int i)
{
    const method_list *methods = user;
    const bal_method_info *info = methods->at(i);
    return info ? info->name : NULL;
}

static const char *head_name(const void *user, int i)
{
    (void)user;
    return bal_head_at(i) ? bal_head_at(i)->name : NULL;
}

static bool is_listed(const bal_name_list *list, const char *word)
{
    const char *name;
    for (int i = 0; (name = list->name_at(list->user, i)); i++)
        if (strcmp(name, word) == 0)
            return true;
    return false;
}

static bal_status check_name(const bal_recipe *r, int line, const bal_name_list *list,
                             const char *word)
{
    if (is_listed(list, word))
        return BAL_OK;
    char prefix[512];
    snprintf(prefix, sizeof prefix, "%.480s:%d: ", r->where, line);
    return bal_recipe_unknown(r->ctx, BAL_MISMATCH, prefix, list, word);
}

static bal_status check_augment(const bal_recipe *r, const bal_recipe_stage *stage)
{
    const bal_status status = bal_augment_check(r->ctx, &stage->augment);
    const int line = stage->augment_line ? stage->augment_line : stage->line;
    return status == BAL_OK ? BAL_OK
                            : bal_fail_within(r->ctx, BAL_MISMATCH, "%s:%d", r->where, line);
}

/* What the loss of that name needs, and what it cannot have. */
static bal_status check_loss(const bal_recipe *r, const bal_recipe_loss *loss, int line)
{
    const bal_loss_info *info = bal_loss_find(loss->name);
    if (info->needs_cosine_head && strcmp(r->general.head, "cosine") != 0)
        return bal_fail(r->ctx, BAL_MISMATCH,
                        "%s:%d: loss %s takes margins off cosines, so it needs \"head: cosine\"; "
                        "the head is %s",
                        r->where, line, loss->name, r->general.head);
    if (info->no_smoothing && loss->label_smoothing > 0.0)
        return bal_fail(r->ctx, BAL_MISMATCH, "%s:%d: loss %s takes no label_smoothing: %s",
                        r->where, line, loss->name, info->no_smoothing);
    return BAL_OK;
}

static bal_status check_mix(const bal_recipe *r, const bal_recipe_stage *stage)
{
    static const method_list mixes = {bal_mix_at};
    const int line = stage->mix_line ? stage->mix_line : stage->line;
    BAL_TRY(check_name(r, line, &(bal_name_list){"mixing", method_name, &mixes}, stage->mix.name));
    if (strcmp(stage->mix.name, "none") != 0 &&
        !bal_loss_find(stage->loss.name)->takes_soft_targets)
        return bal_fail(
            r->ctx, BAL_MISMATCH,
            "%s:%d: mixing %s makes targets of two classes, and loss %s takes one class "
            "only",
            r->where, line, stage->mix.name, stage->loss.name);
    return BAL_OK;
}

static bal_status check_stage(const bal_recipe *r, const bal_recipe_stage *stage)
{
    static const method_list samplers = {bal_sampler_at}, weightings = {bal_class_weighting_at};
    const bal_recipe_loss *loss = &stage->loss;
    const int loss_line = stage->loss_line ? stage->loss_line : stage->line;
    BAL_TRY(check_name(r, stage->line, &(bal_name_list){"sampler", method_name, &samplers},
                       stage->sampler));
    BAL_TRY(check_name(r, loss_line, &(bal_name_list){"loss", loss_name, NULL}, loss->name));
    BAL_TRY(check_name(r, loss_line, &(bal_name_list){"class weight", method_name, &weightings},
                       loss->weight));
    BAL_TRY(check_augment(r, stage));
    BAL_TRY(check_mix(r, stage));
    return check_loss(r, loss, loss_line);
}

/* ---- epochs ---- */

static bal_status amount_at(const bal_recipe *r, int line, const char *name, const char *text,
                            double *epochs)
{
    const bal_status status = bal_schedule_amount(r->ctx, name, text, r->general.epochs, epochs);
    return status == BAL_OK ? BAL_OK
                            : bal_fail_within(r->ctx, BAL_MISMATCH, "%s:%d", r->where, line);
}

/* In which epochs of the run a stage mixes; may be none. */
static bal_status resolve_mixes(bal_recipe *r)
{
    for (int i = 0; i < r->stage_count; i++) {
        bal_recipe_mix *mix = &r->stages[i].mix;
        const int line = r->stages[i].mix_line ? r->stages[i].mix_line : r->stages[i].line;
        double first, last;
        BAL_TRY(amount_at(r, line, "skip_first", mix->skip_first, &first));
        BAL_TRY(amount_at(r, line, "skip_last", mix->skip_last, &last));
        mix->from_epoch = bal_recipe_epoch_of(r, bal_schedule_round(first));
        mix->end_epoch = bal_recipe_epoch_of(r, r->general.epochs - bal_schedule_round(last));
    }
    return BAL_OK;
}

static bal_status resolve_drops(bal_recipe *r, int line, bal_schedule *s)
{
    const char *at = r->schedule_text.drops, *item;
    size_t length;
    double before = 0.0;
    while (bal_recipe_next_item(&at, &item, &length)) {
        char amount[64];
        double epochs;
        snprintf(amount, sizeof amount, "%.*s", (int)length, item);
        BAL_TRY(amount_at(r, line, "drops", amount, &epochs));
        if (epochs <= before)
            return bal_fail(r->ctx, BAL_MISMATCH,
                            "%s:%d: drops must ascend from above 0; %s stands in %s", r->where,
                            line, amount, r->schedule_text.drops);
        if (epochs >= s->epochs)
            return bal_fail(r->ctx, BAL_MISMATCH,
                            "%s:%d: the drop at %s is not within the run's %d epochs", r->where,
                            line, amount, s->epochs);
        if (s->drop_count == BAL_SCHEDULE_DROPS)
            return bal_fail(r->ctx, BAL_MISMATCH, "%s:%d: more than %d drops", r->where, line,
                            BAL_SCHEDULE_DROPS);
        s->drops[s->drop_count++] = bal_schedule_round(epochs);
        before = epochs;
    }
    return BAL_OK;
}

static bal_status resolve_schedule(bal_recipe *r)
{
    const bal_recipe_schedule *text = &r->schedule_text;
    const int line = r->schedule_line ? r->schedule_line : 1;
    bal_schedule s = {.kind = bal_schedule_kind_of(text->name),
                      .lr = r->optimizer.lr,
                      .epochs = r->general.epochs,
                      .factor = text->factor,
                      .min_lr = text->min_lr};
    double warmup;
    BAL_TRY(amount_at(r, line, "warmup", text->warmup, &warmup));
    if (warmup > s.epochs)
        return bal_fail(r->ctx, BAL_MISMATCH,
                        "%s:%d: a warm-up of %s epochs is longer than the run's %d", r->where, line,
                        text->warmup, s.epochs);
    s.warmup = bal_schedule_round(warmup);
    if (s.kind == BAL_SCHEDULE_COSINE && s.min_lr > s.lr)
        return bal_fail(r->ctx, BAL_MISMATCH, "%s:%d: min_lr %g is above the learning rate %g",
                        r->where, line, s.min_lr, s.lr);
    if (s.kind == BAL_SCHEDULE_STEP)
        BAL_TRY(resolve_drops(r, line, &s));
    r->schedule = s;
    return BAL_OK;
}

bal_status bal_recipe_check(bal_recipe *recipe)
{
    if (strchr(recipe->general.name, '/'))
        return bal_fail(recipe->ctx, BAL_MISMATCH,
                        "%s:1: name \"%s\" has a \"/\"; run folders are named after it",
                        recipe->where, recipe->general.name);
    if (bal_recipe_wants_head_bias(recipe) && strcmp(recipe->general.head, "cosine") == 0)
        return bal_fail(recipe->ctx, BAL_MISMATCH,
                        "%s:1: head_bias is %s, but a cosine head has no biases", recipe->where,
                        recipe->general.head_bias);
    BAL_TRY(check_name(recipe, 1, &(bal_name_list){"head", head_name, NULL}, recipe->general.head));
    for (int i = 0; i < recipe->stage_count; i++)
        BAL_TRY(check_stage(recipe, &recipe->stages[i]));
    for (int i = 0; i < recipe->stage_count; i++)
        BAL_TRY(bal_recipe_check_actions(recipe, i));
    BAL_TRY(bal_recipe_resolve_stages(recipe));
    BAL_TRY(resolve_mixes(recipe));
    BAL_TRY(resolve_schedule(recipe));
    BAL_TRY(bal_recipe_check_optimizer(recipe));
    for (int i = 0; i < recipe->stage_count; i++)
        BAL_TRY(bal_recipe_check_features(recipe, i));
    return BAL_OK;
}

/* ---- parameters ---- */

static bool is_of_head(const bal_graph *g, int param)
{
    const int output = bal_graph_find_output(g, "logits");
    return output >= 0 && bal_graph_param(g, param)->node == bal_graph_output_node(g, output);
}

/* Sets trains to value where the parameter fits one of the patterns. */
static bal_status apply_patterns(const bal_recipe *r, const bal_recipe_stage *stage,
                                 const bal_graph *g, bool value, bool *trains)
{
    const char *at = value ? stage->train : stage->freeze, *item;
    size_t length;
    while (bal_recipe_next_item(&at, &item, &length)) {
        char pattern[LONGEST_PATTERN + 1];
        int fitting = 0, stars = 0;
        snprintf(pattern, sizeof pattern, "%.*s", (int)length, item);
        for (size_t i = 0; i < length; i++)
            stars += item[i] == '*';
        if (length > LONGEST_PATTERN || stars > MOST_STARS)
            return bal_fail(r->ctx, BAL_MISMATCH,
                            "%s:%d: pattern \"%.60s\" is longer than %d or has more than %d stars",
                            r->where, stage->line, pattern, LONGEST_PATTERN, MOST_STARS);
        const bool head = strcmp(pattern, "head") == 0;
        for (int p = 0; p < bal_graph_params(g); p++) {
            const bal_param_info *info = bal_graph_param(g, p);
            if (!info->learned || !(head ? is_of_head(g, p) : fnmatch(pattern, info->name, 0) == 0))
                continue;
            trains[p] = value;
            fitting++;
        }
        if (!fitting)
            return bal_fail(r->ctx, BAL_MISMATCH,
                            "%s:%d: %s \"%s\" fits no parameter of the model, for instance \"%s\"",
                            r->where, stage->line, value ? "train" : "freeze", pattern,
                            bal_graph_params(g) > 0 ? bal_graph_param(g, 0)->name : "none");
    }
    return BAL_OK;
}

bal_status bal_recipe_stage_trains(const bal_recipe *recipe, int stage, const bal_graph *g,
                                   bool *trains)
{
    const bal_recipe_stage *s = &recipe->stages[stage];
    memset(trains, 0, (size_t)bal_graph_params(g) * sizeof *trains);
    BAL_TRY(apply_patterns(recipe, s, g, true, trains));
    BAL_TRY(apply_patterns(recipe, s, g, false, trains));
    for (int p = 0; p < bal_graph_params(g); p++)
        if (trains[p])
            return BAL_OK;
    return bal_fail(recipe->ctx, BAL_MISMATCH, "%s:%d: stages[%d] trains nothing", recipe->where,
                    s->line, stage);
}

void bal_recipe_weight_decay(const bal_recipe *recipe, int stage, const bal_graph *g, float *decay)
{
    const double own = recipe->stages[stage].weight_decay;
    const double wanted = own < 0.0 ? recipe->optimizer.weight_decay : own;
    const int spared = bal_recipe_wants_head_bias(recipe) ? bal_head_bias_param(g) : -1;
    for (int p = 0; p < bal_graph_params(g); p++) {
        const bal_param_info *info = bal_graph_param(g, p);
        const bool decays =
            info->learned && p != spared && (recipe->optimizer.decay_norm || info->dims > 1);
        decay[p] = decays ? (float)wanted : 0.0f;
    }
}
