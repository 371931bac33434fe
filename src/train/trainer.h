/* The inside of a trainer: what was checked when it was opened, and what lives while it runs. */
#ifndef BAL_TRAINER_H
#define BAL_TRAINER_H

#include "ballast/evaluate.h"
#include "ballast/loss.h"
#include "ballast/train.h"
#include "engine/engine.h"
#include "train/images/class_strength.h"
#include "train/images/image_store.h"
#include "train/images/loader.h"
#include "train/loss_inputs.h"
#include "train/recipe/recipe.h"
#include "train/run/run_folder.h"
#include "train/run/run_state.h"
#include "train/score.h"
#include "train/snapshot.h"

#define BAL_STATE_FILE "state.safetensors"
#define BAL_BEST_FILE "best.safetensors"
#define BAL_LAST_FILE "last.safetensors"
#define BAL_METADATA_EPOCH "ballast.epoch"

/* What is known of a stage before it begins. */
typedef struct bal_trainer_stage {
    int64_t length;     /* images shown in an epoch */
    int64_t steps;      /* of an epoch */
    int64_t first_step; /* steps of the run before its first epoch */
} bal_trainer_stage;

/* Opened and checked; nothing of it changes afterwards. */
struct bal_trainer {
    bal_ctx *ctx;
    const bal_dataset *data;
    bal_dataset_info info;
    bal_train_settings settings; /* resolved; texts are owned, see texts */
    bal_recipe *recipe;          /* resolved and checked */
    bal_graph *graph;
    int logits;     /* number of the output */
    size_t classes; /* of the data */
    const bal_engine *engine;
    bal_weights *start; /* what training starts from, in the graph's order */
    bal_metric monitor;
    int64_t train_items;
    bal_trainer_stage *stages; /* of the recipe */
    bool mixes;                /* in some stage */
    int64_t *counts;           /* BAL_SPLIT_COUNT x classes */
    const char **class_names;
    int32_t *labels; /* of the training split, in the order of its items */
    char *texts[8];
    int text_count;
};

/* Copies the texts, fills in what is 0 or NULL from the recipe and the data, and opens the recipe,
 * with the settings as overrides. theirs may be NULL. */
BAL_MUST_CHECK bal_status bal_trainer_resolve(bal_trainer *t, const bal_recipe *theirs,
                                              const bal_train_settings *settings);

/* ---- stages ---- */
/* counts: what the stage trains on, NULL: the training images of each class. */
BAL_MUST_CHECK bal_status bal_trainer_loss(const bal_trainer *t, int stage, const int64_t *counts,
                                           bal_loss **out);
BAL_MUST_CHECK bal_status bal_trainer_sampler(const bal_trainer *t, int stage, bal_sampler **out);
/* The stage's sampler over other rows than the images, with epochs of so many draws. */
typedef struct bal_trainer_rows {
    int64_t count;
    const int32_t *labels;
    int64_t length;
} bal_trainer_rows;
BAL_MUST_CHECK bal_status bal_trainer_row_sampler(const bal_trainer *t, int stage,
                                                  const bal_trainer_rows *rows, bal_sampler **out);
/* How a stage mixes, and the sampler of the images that are mixed in; each NULL: not needed. */
BAL_MUST_CHECK bal_status bal_trainer_mix(const bal_trainer *t, int stage, bal_mix **out);
BAL_MUST_CHECK bal_status bal_trainer_second(const bal_trainer *t, int stage, const bal_mix *mix,
                                             bal_sampler **out);
/* Whether the stage of an epoch (from 0) mixes in it. */
bool bal_trainer_mixes_in(const bal_trainer *t, int epoch);
/* Steps of an epoch (from 0), and of the run before it. */
int64_t bal_trainer_steps(const bal_trainer *t, int epoch);
int64_t bal_trainer_steps_before(const bal_trainer *t, int epoch);
/* Images that are still to be shown after a step of an epoch, to the end of the run. */
int64_t bal_trainer_images_left(const bal_trainer *t, int epoch, int64_t step);
/* A training plan for a set of parameters (one bool each, see bal_recipe_stage_trains). */
BAL_MUST_CHECK bal_status bal_trainer_plan_open(const bal_trainer *t, const bool *trains,
                                                bool measure_only, bal_plan **out);
/* The same for another graph than the model's, which must outlive the plan. */
BAL_MUST_CHECK bal_status bal_trainer_plan_open_of(const bal_trainer *t, const bal_graph *graph,
                                                   const bool *trains, bal_plan **out);
/* Whether a class has fewer training images than the recipe's sam_eta. */
bool bal_trainer_is_rare(const bal_trainer *t, size_t class_number);
/* The image store of a run, opened or only planned. */
bal_image_store_settings bal_trainer_store_settings(const bal_trainer *t);

/* ---- a run ---- */
/* A pass of a batch: whether it is the step's first, which is what the log tells of, and whose
 * share of the gradient with respect to the logits it sends back. */
typedef enum bal_pass_part { BAL_PASS_ALL, BAL_PASS_RARE, BAL_PASS_COMMON } bal_pass_part;
typedef struct bal_pass_how {
    bool first;
    bal_pass_part part;
} bal_pass_how;

typedef struct bal_feature_feed bal_feature_feed;
typedef struct bal_training {
    const bal_trainer *t;
    bal_ctx *ctx;
    bal_run_folder *folder;
    bal_image_store *store;
    bal_loader *loader;
    const bal_train_callbacks *callbacks;
    bal_pixel_norm norm;
    bal_run_identity identity;
    bal_run_state state;

    int stage;              /* of plan, loss and sampler; -1: none yet */
    bal_plan *plan;         /* the network's; of a feed, its head's while an epoch trains */
    bal_feature_feed *feed; /* NULL: the stage shows images */
    bal_loss *loss;
    bal_loss_inputs *loss_inputs;
    bal_sampler *sampler, *second_sampler; /* second_sampler: of mix, or NULL */
    bal_mix *mix;                          /* NULL: the stage mixes nothing */
    bal_class_strength *strength;          /* of augmentation */
    bool *trains;                          /* per parameter: what a stage learns */
    float *lr, *decay;                     /* per parameter */

    bool *rare; /* classes: fewer images than the optimizer's sam_eta */
    /* of the group of batches that the next update is made from */
    bool gathered;         /* SUM holds gradients */
    double group_weight;   /* of them */
    double divisor;        /* of the last batch: what its losses were divided by */
    int stage_group_epoch; /* since when the stages train the present set of parameters */
    bool average_shown;    /* VALUE and AVERAGE are exchanged */

    float *logits, *gradient;       /* batch x classes */
    const float **output_gradients; /* per output of the graph */
    int64_t *shown, *second;        /* items of the epoch, in the order shown; and mixed in */
    int64_t *class_drawn;           /* classes */
    float *scores;                  /* of a whole split: the larger of val and test, x classes */
    int32_t *score_labels;
    double *class_loss, *class_recall; /* classes */

    double began;         /* this process's start */
    double seconds;       /* of the processes before */
    double epoch_began;   /* of the part of the epoch that this process does */
    int64_t epoch_images; /* trained on since then */
    int64_t run_images;   /* since began, */
    double run_busy;      /* in so many seconds of training */
    double last_progress;
} bal_training;

double bal_training_seconds(const bal_training *g);
/* A line for log.txt and for the context's log. A failure to write it is only logged. */
void bal_training_say(bal_training *g, const char *format, ...) BAL_PRINTF(2, 3);

/* Plan, loss, samplers and mixing for the stage of an epoch, and what the stage begins with. Values
 * and momenta come from `from` (see snapshot.h), or where that is NULL from the plan that there is.
 */
BAL_MUST_CHECK bal_status bal_training_enter(bal_training *g, int epoch, const bal_weights *from);
/* Trains on what is left of the present epoch (state.epoch, state.step). Fails with BAL_INTERRUPTED
 * after a finished step, BAL_DIVERGED. */
BAL_MUST_CHECK bal_status bal_training_epoch(bal_training *g);
/* The draws of the present epoch, the learning rate and the loader's pass over them. */
BAL_MUST_CHECK bal_status bal_training_draw(bal_training *g);
/* An epoch in which nothing is trained. Fails with BAL_INTERRUPTED. */
BAL_MUST_CHECK bal_status bal_training_rest(bal_training *g);
/* The loader's pass over what the epoch draws (g->shown), from a batch on. */
bal_loader_pass bal_training_loader_pass(const bal_training *g, int64_t first_batch);

/* A step: gradient, and after the last batch of a group update and average. Each is a file
 * training_*.c. Fails with BAL_DIVERGED. */
BAL_MUST_CHECK bal_status bal_training_step(bal_training *g, const bal_loader_batch *batch);
/* Forward, loss, backward; GRADIENT is then that of the pass. */
BAL_MUST_CHECK bal_status bal_training_pass(bal_training *g, const bal_loader_batch *batch,
                                            bal_pass_how how);
/* All passes of a batch; GRADIENT, or SUM, is then what the update is made from. */
BAL_MUST_CHECK bal_status bal_training_gradient(bal_training *g, const bal_loader_batch *batch);
/* How much of image i of the batch belongs to rare classes, 0 to 1. */
double bal_training_rare_share(const bal_training *g, const bal_loader_batch *batch, int i);
/* Whether so many steps of an epoch end a group of batches. Between groups alone a run is
 * interrupted and saved. */
bool bal_training_group_ends(const bal_training *g, int64_t steps);
BAL_MUST_CHECK bal_status bal_training_update(bal_training *g);
BAL_MUST_CHECK bal_status bal_training_average(bal_training *g);
/* Whether there is an average of the weights by now: then it is what is validated and written. */
bool bal_training_averages(const bal_training *g);
/* Makes the average, if there is one, the plan's values; and takes that back, whatever status said,
 * which is returned. The state is never saved in between. */
BAL_MUST_CHECK bal_status bal_training_show_average(bal_training *g);
BAL_MUST_CHECK bal_status bal_training_hide_average(bal_training *g, bal_status status);
/* Instead of hiding it: training goes on from the average. */
BAL_MUST_CHECK bal_status bal_training_keep_average(bal_training *g);
/* The average becomes the values that there are: another one begins. */
BAL_MUST_CHECK bal_status bal_training_restart_average(bal_training *g);
/* The sentence of BAL_DIVERGED: what is not finite, and its value. */
BAL_MUST_CHECK bal_status bal_training_diverged(const bal_training *g, const char *what,
                                                double value);
/* The logits of the validation split, from the values that the plan has: g->scores and
 * g->score_labels. Fails with BAL_DIVERGED, BAL_INTERRUPTED. */
BAL_MUST_CHECK bal_status bal_training_score_validation(bal_training *g);
/* The first `items` rows of g->scores, judged without intervals. */
BAL_MUST_CHECK bal_status bal_training_evaluate(const bal_training *g, int64_t items,
                                                bal_evaluation **out);
/* Fills the report about the epoch that ends, validation included. BAL_INTERRUPTED: nothing is
 * lost. */
BAL_MUST_CHECK bal_status bal_training_report(bal_training *g, bal_epoch_report *report);
/* BAL_DIVERGED where the last step broke the weights: they have not met a loss yet, and must not
 * replace good ones. */
BAL_MUST_CHECK bal_status bal_training_check_finite(bal_training *g);
/* The epoch of the weights in BAL_BEST_FILE: the last one where no metric chose. */
int bal_training_best_epoch(const bal_training *g);
/* True once patience has run out. */
bool bal_training_stops(const bal_training *g);

/* What the run is, for going on with it. */
BAL_MUST_CHECK bal_status bal_training_identify(bal_training *g);
/* state.safetensors: all that going on needs. Fails with BAL_DIVERGED (nothing is written) where a
 * value or momentum is not finite. */
BAL_MUST_CHECK bal_status bal_training_save(bal_training *g);
/* The present values as a weights file of the run. */
BAL_MUST_CHECK bal_status bal_training_write_weights(bal_training *g, const char *name, int epoch);
/* Reads the state, and the values and momenta that belong to it, where there is one; checks that it
 * is this run's. Without one *snapshot is NULL and the state that of a start. */
BAL_MUST_CHECK bal_status bal_training_resume(bal_training *g, bal_weights **snapshot);
/* How often each class and each image was shown in the finished epochs, for summary.json; and the
 * line about it. */
BAL_MUST_CHECK bal_status bal_training_exposure(bal_training *g, json_t **out);
/* last.safetensors, best.safetensors, both splits measured with the best weights, summary.json. */
BAL_MUST_CHECK bal_status bal_training_finish(bal_training *g);

#endif
