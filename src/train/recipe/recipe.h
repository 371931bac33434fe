/* The inside of a recipe: what the YAML file says, field by field, and what that means for a given
 * number of epochs and a given graph.
 *
 * How the trainer uses it:
 *   bal_recipe_copy(&mine, ctx, theirs)      then bal_recipe_set(mine, "epochs", "30") and so on
 *   bal_recipe_check(mine)                   resolves epochs, stages and schedule; before training
 *   mine->stages[i].first_epoch, .epoch_count; bal_recipe_stage_at(mine, epoch)
 *   bal_recipe_lr(mine, epoch)
 *   bal_recipe_stage_trains(mine, i, graph, trains)
 *   bal_recipe_weight_decay(mine, i, graph, decay)
 *
 * Epochs count from 0 over the whole run. A stage of 0 epochs that only acts (key begin) has one
 * epoch too, in which nothing is trained: its end is where the run scores it. Amounts, shares and
 * the schedule of the run do not count it. */
#ifndef BAL_RECIPE_H
#define BAL_RECIPE_H

#include "ballast/balance.h"
#include "ballast/loss.h"
#include "ballast/train.h"
#include "base/context.h"
#include "train/recipe/schedule.h"

#define BAL_RECIPE_STAGES 32

typedef struct bal_recipe_general {
    const char *name, *about, *source;
    const char *head;      /* a row of bal_head_at */
    double scale;          /* of the cosine head; the s of bal_loss_settings too */
    const char *head_bias; /* where the head's biases begin: "zero" or "one-vs-all" */
    int batch_size;
    int epochs;         /* of all stages together */
    const char *select; /* "best" or "last-stage": whose epochs may become the best one */
} bal_recipe_general;

/* What 0 turns off is off by default. */
typedef struct bal_recipe_optimizer {
    const char *name; /* "sgd" or "adamw" */
    double lr, weight_decay;
    double momentum; /* sgd */
    bool nesterov;
    double beta1, beta2, eps; /* adamw */
    bool decay_norm;          /* weight decay on batch norm and biases too */
    double clip_grad;         /* largest length of the gradient; 0: any */
    int grad_accum_steps;     /* batches of an update */
    double sam_rho;           /* length of the step uphill of sharpness-aware minimization */
    int sam_eta;              /* it is taken for classes with fewer images alone; 0: for all */
    double ema_decay;         /* of the moving average of the weights */
    bool ema_warmup;
    const char *swa_start; /* an amount: when averaging begins; "0": never */
    double swa_lr;         /* the learning rate from then on; 0: the schedule's */
} bal_recipe_optimizer;

/* Defaults that a check has to know. */
#define BAL_RECIPE_MOMENTUM 0.9
#define BAL_RECIPE_BETA1 0.9
#define BAL_RECIPE_BETA2 0.999
#define BAL_RECIPE_EPS 1e-8
bool bal_recipe_is_adamw(const bal_recipe_optimizer *o);

/* As written; resolved: bal_recipe.schedule. Amounts are epochs ("160") or percentages ("80%"). */
typedef struct bal_recipe_schedule {
    const char *name;
    const char *warmup; /* an amount */
    const char *drops;  /* amounts with ", " between them, or NULL */
    double factor, min_lr;
} bal_recipe_schedule;

typedef struct bal_recipe_loss {
    const char *name;   /* a row of bal_loss_at */
    const char *weight; /* a row of bal_class_weighting_at */
    double beta;        /* of effective */
    double rho;         /* of generalized */
    double label_smoothing;
    const char *reduction; /* "mean" or "weighted_mean" */
    const char *las_shape;
    BAL_LOSS_NUMBER_LIST(BAL_LOSS_NUMBER_FIELD)
} bal_recipe_loss;

typedef struct bal_recipe_mix {
    const char *name; /* a row of bal_mix_at */
    double alpha, prob, k, tau, f, a;
    const char *draw;                   /* "batch" or "image" */
    const char *skip_first, *skip_last; /* amounts: of the run, in which the stage does not mix */

    int from_epoch, end_epoch; /* resolved by bal_recipe_check: mixes in from..end-1, from 0 */
} bal_recipe_mix;

typedef struct bal_recipe_stage {
    const char *epochs;  /* an amount */
    const char *sampler; /* a row of bal_sampler_at */
    double sampler_q, sampler_beta, sampler_t;
    const char *epoch_length; /* an amount of images; see bal_schedule_images */
    bal_recipe_loss loss;
    bal_augment_settings augment;
    bal_recipe_mix mix;
    const char *train;    /* patterns with ", " between them; "head": the head's parameters */
    const char *freeze;   /* the same, taken away from train; or NULL */
    const char *begin;    /* actions with ", " between them (stage_actions.h), or NULL */
    double normalize_tau; /* of the action tau-normalize */
    const char *norm;     /* "batch" or "frozen": what batch norm that is frozen computes with */
    double lr;            /* in place of the optimizer's; 0: that */
    const char *schedule; /* "run", or the kind of an own one over the stage's length */
    double weight_decay;  /* in place of the optimizer's; below 0: that */
    double max_norm;      /* of the head's rows after every step; 0: no bound */
    const char *features; /* "none", or a row of bal_resampler_at: the head learns from them */

    /* resolved by bal_recipe_check */
    int first_epoch, epoch_count;                /* first_epoch counts from 0 */
    int trained_before;                          /* epochs of training before the stage */
    bool idle;                                   /* 0 epochs: it acts and is scored */
    int line, loss_line, augment_line, mix_line; /* in the file; for messages */
} bal_recipe_stage;

struct bal_recipe {
    bal_ctx *ctx;
    char *where;        /* what messages call it */
    const char *chosen; /* why `auto` took it, one of texts; or NULL */
    bal_recipe_general general;
    bal_recipe_optimizer optimizer;
    bal_recipe_schedule schedule_text;
    bal_recipe_stage *stages;
    int stage_count;
    int optimizer_line, schedule_line;

    bal_schedule schedule; /* resolved by bal_recipe_check */
    int swa_first;         /* the first averaged epoch, from 0; -1: none; likewise */
    int all_epochs;        /* likewise: general.epochs, and one for every idle stage */

    char **texts; /* all texts above, owned */
    int text_count, text_room;
};

/* Returns new; ctx owns the copy. */
BAL_MUST_CHECK bal_status bal_recipe_copy(bal_recipe **out, bal_ctx *ctx, const bal_recipe *from);

/* Everything that can be said before model and data are known: names of losses, samplers and
 * weightings, margins on a cosine head only, stages that add up to epochs, drops that ascend and
 * fall within the run, a warm-up that ends. Resolves the stages' epochs and the schedule. Fails
 * with BAL_MISMATCH; the text begins with FILE:LINE. Call it again after bal_recipe_set. */
BAL_MUST_CHECK bal_status bal_recipe_check(bal_recipe *recipe);

/* The part of it about the optimizer, after the schedule was resolved. */
BAL_MUST_CHECK bal_status bal_recipe_check_optimizer(bal_recipe *recipe);

/* Number of the stage that epoch (from 0) belongs to. The recipe must have been checked. */
int bal_recipe_stage_at(const bal_recipe *recipe, int epoch);

/* trains receives one bool per graph parameter: true where the stage learns it (running statistics
 * never are). Fails with BAL_MISMATCH when a pattern fits no parameter, or nothing is left. */
BAL_MUST_CHECK bal_status bal_recipe_stage_trains(const bal_recipe *recipe, int stage,
                                                  const bal_graph *g, bool *trains);

/* decay receives one number per graph parameter: the stage's weight decay, or 0 for running
 * statistics, without decay_norm for everything with fewer than two dimensions, and for the head's
 * bias where head_bias sets it. */
void bal_recipe_weight_decay(const bal_recipe *recipe, int stage, const bal_graph *g, float *decay);

/* The epoch in which training goes on after so many epochs of it: idle stages are passed over. */
int bal_recipe_epoch_of(const bal_recipe *recipe, int trained);
/* The learning rate of an epoch, 0 in an idle stage. The recipe must have been checked. */
double bal_recipe_lr(const bal_recipe *recipe, int epoch);
/* Whether the weights of an epoch may become the best ones. */
bool bal_recipe_selects(const bal_recipe *recipe, int epoch);

#endif
