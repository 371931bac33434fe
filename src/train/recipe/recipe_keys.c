/* The table of recipe keys, and looking things up in it. */
#include "train/recipe/recipe_keys.h"

#include "balance/augment/augment_keys.h"

#include <stdio.h>
#include <string.h>

#define VALUE_AMOUNT "N|P%"
#define VALUE_AMOUNTS "N|P%,..."
#define VALUE_IMAGES "N|P%|natural"
#define VALUE_PATTERNS "PATTERN,..."
#define VALUE_ACTIONS "ACTION,..."

#define KEY(section, type, field, kind, min, max, value, choices, about)                      \
    {                                                                                         \
        section, &(const bal_option)                                                          \
        {                                                                                     \
#field, BAL_OPTION_##kind, offsetof(type, field), min, max, value, choices, about \
        }                                                                                     \
    }
#define GENERAL(...) KEY("", bal_recipe_general, __VA_ARGS__)
#define OPTIMIZER(...) KEY("optimizer", bal_recipe_optimizer, __VA_ARGS__)
#define SCHEDULE(...) KEY("schedule", bal_recipe_schedule, __VA_ARGS__)
#define STAGE(...) KEY("stages", bal_recipe_stage, __VA_ARGS__)
#define LOSS(...) KEY("stages.loss", bal_recipe_loss, __VA_ARGS__)
#define LOSS_NUMBER(name, value, least, most, standard, about) \
    LOSS(name, REAL, least, most, value, NULL, about "; default " #standard),
#define MIX(...) KEY("stages.mix", bal_recipe_mix, __VA_ARGS__)
#define AUGMENT(...) KEY("stages.augment", bal_augment_settings, __VA_ARGS__),

/* clang-format off */
static const bal_recipe_key keys[] = {
    GENERAL(name, TEXT, 0, 0, "NAME", NULL, "what the run folder and tables call the recipe"),
    GENERAL(about, TEXT, 0, 0, "TEXT", NULL, "one line on what it does"),
    GENERAL(source, TEXT, 0, 0, "TEXT", NULL, "where the method comes from"),
    GENERAL(head, TEXT, 0, 0, "HEAD", NULL,
            "last layer (ballast methods heads); default linear"),
    GENERAL(scale, REAL, 1e-3, 1e3, "S", NULL,
            "factor on the cosines of a cosine head (s of LDAM); default 30"),
    GENERAL(head_bias, CHOICE, 0, 0, "NAME", "zero|one-vs-all",
            "where the head's biases begin; one-vs-all: -log(C - 1), without weight decay; default zero"),
    GENERAL(batch_size, INT, 1, 65536, "N", NULL, "images per step; default 128"),
    GENERAL(epochs, INT, 1, 100000, "N", NULL, "passes over the data, all stages; default 200"),
    GENERAL(select, CHOICE, 0, 0, "WHICH", "best|last-stage",
            "epochs that may become the best one: all, or the last stage's; default best"),

    OPTIMIZER(name, CHOICE, 0, 0, "NAME", "sgd|adamw", "the optimizer; default sgd"),
    OPTIMIZER(lr, REAL, 1e-12, 1e12, "LR", NULL,
              "learning rate after warm-up (adamw wants about 1e-3); default 0.1"),
    OPTIMIZER(momentum, REAL, 0, 0.999999, "M", NULL, "sgd; default 0.9"),
    OPTIMIZER(nesterov, FLAG, 0, 0, NULL, NULL, "sgd: Nesterov's momentum; default false"),
    OPTIMIZER(beta1, REAL, 0, 0.999999, "B", NULL, "adamw: of the mean gradient; default 0.9"),
    OPTIMIZER(beta2, REAL, 0, 0.9999999, "B", NULL, "adamw: of its square; default 0.999"),
    OPTIMIZER(eps, REAL, 1e-16, 1, "E", NULL, "adamw: added to the root; default 1e-8"),
    OPTIMIZER(weight_decay, REAL, 0, 100, "WD", NULL,
              "sgd: added to the gradient as WD times the weight; adamw: each step takes LR times "
              "WD of the weight; default 2e-4"),
    OPTIMIZER(decay_norm, FLAG, 0, 0, NULL, NULL,
              "weight decay on batch norm and biases too; default true"),
    OPTIMIZER(clip_grad, REAL, 0, 1e12, "L", NULL,
              "a longer gradient, all parameters together, is shortened to L, 0: never; "
              "default 0"),
    OPTIMIZER(grad_accum_steps, INT, 1, 65536, "N", NULL,
              "batches of an update, as if they were one; default 1"),
    OPTIMIZER(sam_rho, REAL, 0, 1000, "R", NULL,
              "sharpness-aware minimization: the gradient is taken R uphill; 0: off; default 0"),
    OPTIMIZER(sam_eta, INT, 0, 1000000000, "N", NULL,
              "sam_rho only for classes with fewer than N training images, 0: for all; default 0"),
    OPTIMIZER(ema_decay, REAL, 0, 0.9999999, "D", NULL,
              "moving average of the weights, which is what is validated and kept, "
              "0: none; default 0"),
    OPTIMIZER(ema_warmup, FLAG, 0, 0, NULL, NULL,
              "ema_decay rises to its value as 1 - (1 + t)^(-2/3), t updates; default true"),
    OPTIMIZER(swa_start, TEXT, 0, 0, VALUE_AMOUNT, NULL,
              "epoch or share of the run after which the weights of the epochs are averaged, "
              "0: none; default 0"),
    OPTIMIZER(swa_lr, REAL, 0, 1e12, "LR", NULL,
              "learning rate from swa_start on, 0: the schedule's; default 0"),

    SCHEDULE(name, CHOICE, 0, 0, "NAME", BAL_SCHEDULE_CHOICES,
             "how the learning rate falls; default step"),
    SCHEDULE(warmup, TEXT, 0, 0, VALUE_AMOUNT, NULL,
             "epochs or share of the run during which lr rises to its value; default 2.5%"),
    SCHEDULE(drops, TEXT, 0, 0, VALUE_AMOUNTS, NULL,
             "step: after which epochs or shares of the run lr falls; default 80%, 90%"),
    SCHEDULE(factor, REAL, 1e-12, 1, "F", NULL,
             "step: what lr is multiplied by at each drop; default 0.01"),
    SCHEDULE(min_lr, REAL, 0, 1e12, "LR", NULL, "cosine: where lr ends; default 0"),

    STAGE(epochs, TEXT, 0, 0, VALUE_AMOUNT, NULL,
          "epochs or share of the run; all stages make the whole run; default 100%"),
    STAGE(sampler, TEXT, 0, 0, "NAME", NULL,
          "which images an epoch draws; default instance"),
    STAGE(sampler_q, REAL, -BAL_SAMPLER_Q_MOST, BAL_SAMPLER_Q_MOST, "Q", NULL,
          "sampler power: classes are drawn as n_j^Q; default 0.5"),
    STAGE(sampler_beta, REAL, 0, 0.9999999999, "B", NULL,
          "sampler effective: how far counts reach; default 0.9999"),
    STAGE(sampler_t, REAL, 0, 1, "T", NULL,
          "sampler repeat-factor: share of the images below which a class's are repeated; 0: "
          "1/classes; default 0"),
    STAGE(epoch_length, TEXT, 0, 0, VALUE_IMAGES, NULL,
          "images of an epoch: a number, a share of the training images, or what the sampler "
          "shows by itself; default natural"),
    STAGE(train, TEXT, 0, 0, VALUE_PATTERNS, NULL,
          "parameters that learn: shell patterns for their names, or head; default *"),
    STAGE(freeze, TEXT, 0, 0, VALUE_PATTERNS, NULL,
          "parameters taken away from train; default none"),
    STAGE(begin, TEXT, 0, 0, VALUE_ACTIONS, NULL,
          "what is done when the stage begins (ballast methods stage-actions); default none"),
    STAGE(normalize_tau, REAL, 0, 10, "T", NULL,
          "begin tau-normalize: power of the norm that rows are divided by; default 1"),
    STAGE(norm, CHOICE, 0, 0, "WHICH", "batch|frozen",
          "batch norm that does not learn: statistics of the batch, or the running ones, which "
          "then do not move; default batch"),
    STAGE(lr, REAL, 0, 1e12, "LR", NULL,
          "learning rate in place of the optimizer's, 0: that one; default 0"),
    STAGE(schedule, CHOICE, 0, 0, "NAME", "run|cosine|constant",
          "the run's schedule goes on, or an own one over the stage's length; default run"),
    STAGE(weight_decay, REAL, -1, 100, "WD", NULL,
          "in place of the optimizer's, -1: that one; default -1"),
    STAGE(features, TEXT, 0, 0, "NAME", NULL,
          "how the features of the images are resampled that a head alone learns from (ballast "
          "methods resamplers), instead of images; default none"),
    STAGE(max_norm, REAL, 0, 1e12, "B", NULL,
          "after every step the head's rows are cut to this norm, 0: they are not; default 0"),

    LOSS(name, TEXT, 0, 0, "NAME", NULL, "the loss; default ce"),
    LOSS(weight, TEXT, 0, 0, "NAME", NULL, "class weights; default none"),
    LOSS(beta, REAL, 0, 0.9999999999, "B", NULL,
         "weight effective: how far counts reach; default 0.9999"),
    LOSS(rho, REAL, 0, 10, "R", NULL, "weight generalized: exponent of 1 / pi_j; default 1.2"),
    BAL_LOSS_NUMBER_LIST(LOSS_NUMBER)
    LOSS(las_shape, CHOICE, 0, 0, "NAME", "concave|linear|convex",
         "las: how smoothing grows with the count; default concave"),
    LOSS(label_smoothing, REAL, 0, 0.999999, "E", NULL,
         "share of the target spread over all classes; default 0"),
    LOSS(reduction, CHOICE, 0, 0, "NAME", "mean|weighted_mean",
         "divide by the images or by the class weights drawn; default mean"),

    MIX(name, TEXT, 0, 0, "NAME", NULL, "how two images become one; default none"),
    MIX(alpha, REAL, 1e-3, 1e3, "A", NULL,
        "the image's share is drawn from Beta(A, A); default 1"),
    MIX(prob, REAL, 0, 1, "P", NULL, "probability of mixing at all; default 1"),
    MIX(k, REAL, 1, 1e12, "K", NULL,
        "remix: ratio of counts from which the rarer class takes the label; default 3"),
    MIX(tau, REAL, 0, 1, "T", NULL,
        "remix: share of the frequent class below which it loses its label; default 0.5"),
    MIX(f, REAL, -10, 10, "F", NULL,
        "mamix: half of the label is where margins n_j^F meet; default -0.25"),
    MIX(a, REAL, -9, 11, "A", NULL,
        "cmo: images are pasted with weights 1 / n_j^A; default 1"),
    MIX(draw, CHOICE, 0, 0, "WHAT", "batch|image",
        "what has a share and box of its own; default batch"),
    MIX(skip_first, TEXT, 0, 0, VALUE_AMOUNT, NULL,
        "first epochs or share of the run without mixing; default 0"),
    MIX(skip_last, TEXT, 0, 0, VALUE_AMOUNT, NULL,
        "last epochs or share of the run without mixing; default 0"),

    BAL_AUGMENT_KEYS(AUGMENT)
};
/* clang-format on */

_Static_assert(BAL_COUNT_OF(keys) + BAL_RECIPE_SECTIONS <= BAL_RECIPE_KEYS_MOST,
               "the parser has no room for so many keys");

const bal_recipe_section bal_recipe_sections[BAL_RECIPE_SECTIONS] = {
    [BAL_SECTION_GENERAL] = {"", "", offsetof(bal_recipe, general), false, 0},
    {"optimizer", "optimizer", offsetof(bal_recipe, optimizer), false,
     offsetof(bal_recipe, optimizer_line)},
    {"schedule", "schedule", offsetof(bal_recipe, schedule_text), false,
     offsetof(bal_recipe, schedule_line)},
    [BAL_SECTION_STAGE] = {"stages", "stages", 0, true, offsetof(bal_recipe_stage, line)},
    {"stages.loss", "loss", offsetof(bal_recipe_stage, loss), true,
     offsetof(bal_recipe_stage, loss_line)},
    {"stages.augment", "augment", offsetof(bal_recipe_stage, augment), true,
     offsetof(bal_recipe_stage, augment_line)},
    {"stages.mix", "mix", offsetof(bal_recipe_stage, mix), true,
     offsetof(bal_recipe_stage, mix_line)},
};

const bal_recipe_key *bal_recipe_key_at(int i)
{
    return i >= 0 && (size_t)i < BAL_COUNT_OF(keys) ? &keys[i] : NULL;
}

bal_recipe_form bal_recipe_form_of(const bal_option *row)
{
    if (row->kind != BAL_OPTION_TEXT)
        return BAL_FORM_PLAIN;
    if (strcmp(row->value, VALUE_AMOUNT) == 0)
        return BAL_FORM_AMOUNT;
    if (strcmp(row->value, VALUE_IMAGES) == 0)
        return BAL_FORM_IMAGES;
    if (strcmp(row->value, VALUE_AMOUNTS) == 0)
        return BAL_FORM_AMOUNTS;
    if (strcmp(row->value, VALUE_ACTIONS) == 0)
        return BAL_FORM_WORDS;
    return strcmp(row->value, VALUE_PATTERNS) == 0 ? BAL_FORM_PATTERNS : BAL_FORM_PLAIN;
}

bool bal_recipe_in_section(const bal_recipe_section *section, int i)
{
    return strcmp(keys[i].section, section->name) == 0;
}

int bal_recipe_find_key(const bal_recipe_section *section, const char *name)
{
    for (int i = 0; i < (int)BAL_COUNT_OF(keys); i++)
        if (bal_recipe_in_section(section, i) && strcmp(keys[i].option->name, name) == 0)
            return i;
    return -1;
}

const bal_recipe_section *bal_recipe_subsection(const bal_recipe_section *parent, const char *key)
{
    const bool general = parent == &bal_recipe_sections[BAL_SECTION_GENERAL];
    const bool stage = parent == &bal_recipe_sections[BAL_SECTION_STAGE];
    for (int i = BAL_SECTION_GENERAL + 1; i < BAL_RECIPE_SECTIONS; i++) {
        const bal_recipe_section *s = &bal_recipe_sections[i];
        const bool below_stage = s->in_stage && i != BAL_SECTION_STAGE;
        if (strcmp(s->key, key) == 0 && (below_stage ? stage : general))
            return s;
    }
    return NULL;
}

bool bal_recipe_next_item(const char **at, const char **item, size_t *length)
{
    if (!*at)
        return false;
    const char *comma = strchr(*at, ',');
    const char *end = comma ? comma : *at + strlen(*at);
    const char *begin = *at;
    while (begin < end && *begin == ' ')
        begin++;
    while (end > begin && end[-1] == ' ')
        end--;
    *item = begin;
    *length = (size_t)(end - begin);
    *at = comma ? comma + 1 : NULL;
    return true;
}

bal_status bal_recipe_unknown(bal_ctx *ctx, bal_status status, const char *prefix,
                              const bal_name_list *list, const char *word)
{
    const char *near = bal_nearest_name(word, list->name_at, list->user);
    if (near)
        return bal_fail(ctx, status, "%sunknown %s \"%s\"; did you mean \"%s\"?", prefix,
                        list->what, word, near);
    char names[960] = "";
    size_t used = 0;
    const char *name;
    for (int i = 0; (name = list->name_at(list->user, i)) && used < sizeof names; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", name);
    return bal_fail(ctx, status, "%sunknown %s \"%s\"; there are: %s", prefix, list->what, word,
                    names);
}
