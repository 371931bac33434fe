/* ballast/train.h: recipes, training runs, trained models, speed.
 *
 * A recipe is data: stages, each with what trains, on which draws, with which loss, for how long.
 * Built-in recipes and a user's YAML file are the same thing. A run is a folder in which every file
 * appears whole or not at all.
 */
#ifndef BALLAST_TRAIN_H
#define BALLAST_TRAIN_H

#include "ballast/balance.h"
#include "ballast/base.h"
#include "ballast/calibrate.h"
#include "ballast/data.h"
#include "ballast/evaluate.h"
#include "ballast/net.h"
#include "ballast/resample.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- engines ---- */
typedef struct bal_engine_info {
    const char *name, *about, *version; /* version: of the library below, or "" */
} bal_engine_info;
/* The engines of this build in order of preference, NULL at the end. */
BAL_API const bal_engine_info *bal_engine_at(int i);

/* ---- recipes ---- */
typedef struct bal_recipe bal_recipe;
typedef struct bal_recipe_info {
    const char *name, *about, *source;
    const char *yaml; /* the whole text */
} bal_recipe_info;
/* Built-in recipe i, NULL at the end. */
BAL_API const bal_recipe_info *bal_recipe_at(int i);
/* A built-in name, or a path to a YAML file (anything with '/' or ending in .yaml or .yml). Fails
 * with BAL_BAD_ARG (unknown name: nearest suggested), BAL_IO, BAL_MISMATCH (`FILE:12: unknown key
 * "gama" in loss; did you mean "gamma"?`). */
BAL_API BAL_MUST_CHECK bal_status bal_recipe_open(bal_recipe **out, bal_ctx *ctx,
                                                  const char *name_or_path);
/* The same for a data set: the name BAL_RECIPE_AUTO takes the row of bal_recipe_choice_for
 * (ballast/balance.h) that the counts of the training split call for; the recipe is then the
 * built-in one of that row, with its name.
 * data is borrowed during the call. */
#define BAL_RECIPE_AUTO "auto"
BAL_API BAL_MUST_CHECK bal_status bal_recipe_open_for(bal_recipe **out, bal_ctx *ctx,
                                                      const char *name_or_path,
                                                      const bal_dataset *data);
/* Why BAL_RECIPE_AUTO took this recipe, a sentence; NULL for a recipe that was named. Borrowed. */
BAL_API const char *bal_recipe_chosen(const bal_recipe *recipe);
/* The same from text; where is what messages call it. */
BAL_API BAL_MUST_CHECK bal_status bal_recipe_parse(bal_recipe **out, bal_ctx *ctx,
                                                   const char *where, const char *text,
                                                   size_t length);
BAL_API void bal_recipe_close(bal_recipe **recipe);
/* Overrides a field: "optimizer.lr", "schedule.name", "epochs", "stages[1].loss.gamma"; without an
 * index, "loss.gamma", it is set in every stage. Fails with BAL_BAD_ARG as bal_option_set does. */
BAL_API BAL_MUST_CHECK bal_status bal_recipe_set(bal_recipe *recipe, const char *key,
                                                 const char *text);
/* The resolved recipe as YAML text; new, release with bal_release. Parsing it gives the same
 * recipe. */
BAL_API BAL_MUST_CHECK bal_status bal_recipe_yaml(const bal_recipe *recipe, bal_ctx *ctx,
                                                  char **text);
BAL_API const char *bal_recipe_name(const bal_recipe *recipe);
/* Every key of a recipe, for `ballast methods` and the manual: row i, NULL at the end. */
typedef struct bal_recipe_key {
    const char
        *section; /* "", "optimizer", "schedule", "stages", "stages.loss", "stages.augment" */
    const bal_option *option;
} bal_recipe_key;
BAL_API const bal_recipe_key *bal_recipe_key_at(int i);
/* What a recipe's optimizer section offers: row i, NULL at the end. keys: those of the section that
 * it reads, with blanks between them. g is the gradient of a batch, w the weights. */
typedef struct bal_optimizer_info {
    const char *name, *formula, *source, *keys;
} bal_optimizer_info;
BAL_API const bal_optimizer_info *bal_optimizer_at(int i);

/* What a stage can begin with (the key begin of stages): row i, NULL at the end. */
BAL_API const bal_method_info *bal_stage_action_at(int i);

/* ---- training ---- */
typedef struct bal_epoch_report {
    int epoch, epochs; /* finished epoch, counted from 1 */
    int stage;         /* of the recipe, counted from 0 */
    double lr, train_loss, train_accuracy;
    double val_loss, val_balanced_accuracy, monitored; /* NaN without a validation split */
    bool best;
    double seconds, images_per_second;
    int classes;
    const double *val_class_loss, *val_class_recall; /* per class; borrowed for the call */
    const int64_t *class_drawn; /* how often images of each class were shown; borrowed likewise */
    const int
        *class_level;    /* of augmentation by_class cuda in this epoch; NULL: not used; borrowed */
    int64_t level_tests; /* images classified before the epoch to find the levels */
} bal_epoch_report;      /* without a validation split its values are NaN */
typedef struct bal_progress {
    int epoch, epochs;
    int64_t step, steps; /* within the epoch */
    double loss, images_per_second, seconds_left;
} bal_progress;

typedef struct bal_train_settings {
    const char *model;   /* default "resnet20" */
    const char *recipe;  /* name or path; default "auto": chosen by the imbalance */
    const char *engine;  /* NULL: the best of this build */
    const char *out;     /* run folder; default "runs/DATA-MODEL-RECIPE-SEED" */
    int epochs;          /* 0: the recipe's */
    int batch_size;      /* 0: the recipe's */
    double lr;           /* 0: the recipe's */
    uint64_t seed;       /* default 1 */
    const char *monitor; /* metric for the best checkpoint; default "balanced_accuracy" */
    int patience;   /* stop after so many epochs without a better monitor; 0: never; default 0 */
    int workers;    /* threads that decode and augment ahead; default 1 */
    int data_cache; /* MiB of decoded images that are kept in memory; what does not fit is decoded
                       again in every epoch. Results do not depend on it. 0: none; default 1024 */
    const char *init_weights; /* safetensors to start from, or NULL */
    bool resume;              /* go on from out's state */
    bool overwrite;           /* an existing run folder is replaced; without it that is an error */
    int checkpoint_every;     /* epochs between saved states; default 1 */
} bal_train_settings;
BAL_API bal_train_settings bal_train_defaults(void);
/* The rows for bal_train_settings, ended by a NULL name. */
BAL_API const bal_option *bal_train_options(void);

typedef struct bal_train_callbacks {
    void (*epoch)(void *user, const bal_epoch_report *report); /* or NULL */
    void (*progress)(void *user,
                     const bal_progress *progress); /* or NULL; at most ten times a second */
    void *user;
} bal_train_callbacks;

typedef struct bal_train_plan { /* what --dry-run prints */
    int64_t parameters;
    double flops_per_image; /* forward */
    double flops_total;     /* forward and backward over the whole run */
    size_t memory_bytes;    /* plan: activations, weights, scratch */
    size_t data_bytes;      /* decoded images held in memory, once all were read */
    double seconds;         /* estimate from a few timed steps; NaN when not measured */
    int epochs, batch_size;
    int64_t steps_per_epoch;
    int passes; /* forward and backward, of a step, at most: 1; SAM 2, its imbalanced form 3 */
} bal_train_plan;

typedef struct bal_train_result {
    char out[1024];         /* the run folder */
    int epochs, best_epoch; /* best_epoch: the last one where no metric chose */
    double best_monitored;
    bool stopped_early;
    double seconds;
} bal_train_result;

typedef struct bal_trainer bal_trainer;
/* Checks everything (recipe against model and data) before anything is written. The data set is
 * borrowed and must outlive the trainer. recipe: NULL opens settings->recipe (as
 * bal_recipe_open_for); else borrowed during the call (with its overrides). Fails with BAL_BAD_ARG
 * (a setting, an unknown name), BAL_MISMATCH (recipe or starting weights do not fit), BAL_IO,
 * BAL_BAD_FILE (the files that they come from). */
BAL_API BAL_MUST_CHECK bal_status bal_trainer_open(bal_trainer **out, bal_ctx *ctx,
                                                   const bal_dataset *data,
                                                   const bal_recipe *recipe,
                                                   const bal_train_settings *settings);
BAL_API void bal_trainer_close(bal_trainer **trainer);
/* Costs without writing a file; with measure, a few steps are timed. */
BAL_API BAL_MUST_CHECK bal_status bal_trainer_plan(bal_trainer *trainer, bool measure,
                                                   bal_train_plan *plan);
/* Trains to the end. command: the command line for command.txt, or NULL. Fails with BAL_DIVERGED
 * (a loss, logit or weight is not finite: epoch and step named; the last good state is kept),
 * BAL_INTERRUPTED (after bal_ctx_interrupt; once training has begun the state is saved and the text
 * says where), BAL_BAD_ARG (there is a run in the folder, or none to resume), BAL_MISMATCH (the
 * state is another run's), BAL_BAD_FILE (a damaged image or state), BAL_IO. At the end the test
 * split, where there is one, is read once with the best weights. */
BAL_API BAL_MUST_CHECK bal_status bal_trainer_run(bal_trainer *trainer, const char *command,
                                                  const bal_train_callbacks *callbacks,
                                                  bal_train_result *result);

/* ---- trained models ---- */
typedef struct bal_model bal_model;
typedef struct bal_predictor_settings {
    const char *run;             /* a run folder (best.safetensors), or NULL and the following */
    const char *model;           /* name */
    const char *weights;         /* safetensors */
    int classes;                 /* 0: from the weights' head */
    int channels, height, width; /* 0: 3 (or the first convolution's), 32, 32 */
    double mean[3], std[3];      /* of pixels / 255; default 0 and 1 */
    const char *head;            /* "linear" */
    const char *engine;          /* NULL: best */
    int batch_size;              /* default 128 */
    bool last;                   /* a run's last.safetensors instead of best */
    bool no_calibration;         /* a run's calibration.json is not looked at */
} bal_predictor_settings;
BAL_API bal_predictor_settings bal_predictor_defaults(void);
/* Fails with BAL_BAD_ARG, BAL_IO, BAL_BAD_FILE (weights, data.json, calibration.json), BAL_MISMATCH
 * (weights that do not fit; a calibration that was fitted to other weights of the same name). A
 * calibration of best.safetensors is left out, with a word in the log, where last is asked for, and
 * the other way round. */
BAL_API BAL_MUST_CHECK bal_status bal_model_open(bal_model **out, bal_ctx *ctx,
                                                 const bal_predictor_settings *settings);
BAL_API void bal_model_close(bal_model **model);
BAL_API bal_shape bal_model_input(const bal_model *model);
BAL_API int bal_model_classes(const bal_model *model);
/* Name of a class, or NULL where the model does not know it (weights without a run). */
BAL_API const char *bal_model_class_name(const bal_model *model, int c);
/* Training images per class of the run, or NULL. Borrowed. */
BAL_API const int64_t *bal_model_train_counts(const bal_model *model);
/* pixels: count images, uint8 HWC; logits receives count x classes. */
BAL_API BAL_MUST_CHECK bal_status bal_model_logits(bal_model *model, const uint8_t *pixels,
                                                   int64_t count, float *logits);
/* Logits and labels of a whole split; scores: items x classes, labels: items, caller's memory. */
BAL_API BAL_MUST_CHECK bal_status bal_model_run_split(bal_model *model, const bal_dataset *data,
                                                      bal_split split, float *scores,
                                                      int32_t *labels);

/* Features: what the network's head reads, the flat output "features". The formula of the head's
 * row (bal_head_at) makes logits of them: with a linear head W f + b, with W and b the weights
 * fc.weight and fc.bias; with a cosine head scale * cos(w_j, f); the letters of other heads are
 * parameters as well, see net.h. */
typedef struct bal_feature_ask {
    bal_split split;      /* which items, where items is NULL: the whole split, in its order */
    const int64_t *items; /* or NULL; these, in this order; borrowed during the call */
    int64_t count;        /* of items */
    float *features;      /* receives count x bal_model_feature_count, or NULL; the caller's */
    float *logits;        /* count x classes, or NULL */
    int32_t *labels;      /* count, or NULL */
} bal_feature_ask;
/* How many features an image has. */
BAL_API int bal_model_feature_count(const bal_model *model);
/* Streams the items through the network in batches, without augmentation. Fails with BAL_MISMATCH
 * (classes or shape of the images are not the model's), BAL_BAD_ARG (an item that the data does not
 * have), BAL_BAD_FILE (an image cannot be decoded: it is named), BAL_INTERRUPTED. */
BAL_API BAL_MUST_CHECK bal_status bal_model_features(bal_model *model, const bal_dataset *data,
                                                     const bal_feature_ask *ask);
/* Name of the network of a run (bal_model_at); NULL for weights without a run. */
BAL_API const char *bal_model_name(const bal_model *model);
/* The head's weights, as they came out of training. */
typedef struct bal_model_head {
    int classes, features;
    float *weight; /* classes x features; new */
    float *bias;   /* classes, or NULL; new */
    bool cosine;   /* logits are scale * cos(w_j, f); else W f + b */
    double scale;
} bal_model_head;
/* Release with bal_model_head_free. Scales and shifts of the classes (heads lws, lws-bias, marc)
 * are part of the rows and the bias. Fails with BAL_UNSUPPORTED where the logits are not a linear
 * or cosine layer on the features (head disalign), BAL_NO_MEMORY. */
BAL_API BAL_MUST_CHECK bal_status bal_model_get_head(bal_model *model, bal_model_head *head);
BAL_API void bal_model_head_free(bal_ctx *ctx, bal_model_head *head);
/* True where the features are means of maps (global average pooling): a feature then belongs to
 * places of the image. */
BAL_API bool bal_model_pools(const bal_model *model);
/* The data set that a run was trained on and its settings, from the run folder: texts borrowed from
 * the model; where is NULL for a model without a run. */
BAL_API const char *bal_model_data(const bal_model *model, bal_dataset_settings *settings);

/* ---- calibration of a model ----
 * A calibration is stored with the run, as calibration.json, and read with it. Logits of the
 * functions above are never touched by it: hand it to bal_evaluate, or to bal_calibration_predict
 * for a row of logits. */
/* What was read with the run; NULL: nothing. Borrowed. */
BAL_API const bal_calibration *bal_model_calibration(const bal_model *model);
/* The class prior that the training of the run left in the scores, from its recipe: the probability
 * of drawing a class in the last epoch, times its weight, over pi_j^tau for losses with
 * bal_loss_info.removes_prior. prior receives C numbers. Fails with BAL_MISMATCH (no run),
 * BAL_BAD_DATA (a class without training images), BAL_IO, BAL_BAD_FILE. */
BAL_API BAL_MUST_CHECK bal_status bal_model_left_prior(bal_model *model, double *prior);

typedef struct bal_model_calibration_settings {
    const char *methods; /* "prior,temperature": see bal_calibration_add_list; default
                            "temperature" */
    bal_calibration_settings calibration; /* fit, target and train_counts come from the model */
    bal_split fit;                        /* default BAL_SPLIT_VAL */
    bal_split target;                     /* of em, labels are not looked at; default
                                             BAL_SPLIT_TEST */
    const double *train_prior;            /* C: that the scores refer to; NULL: what the recipe
                                             left */
    bool fitted_prior;                    /* or what the items of fit say of it
                                             (bal_calibration_fitted_prior) */
} bal_model_calibration_settings;
BAL_API bal_model_calibration_settings bal_model_calibration_defaults(void);
/* Runs the splits through the model (which must have been opened without its calibration, or have
 * none) and fits the chain; reports as in bal_calibration_add_list. Fails as that does, as
 * bal_model_run_split, and with BAL_BAD_DATA where a split is empty. Nothing is written. */
BAL_API BAL_MUST_CHECK bal_status bal_model_calibrate(
    bal_calibration **out, bal_model *model, const bal_dataset *data,
    const bal_model_calibration_settings *settings, bal_calibration_report *reports, int *count);
/* Stores the calibration with the run and the weights of the model, as RUN/calibration.json; NULL
 * removes the file, if there is one. Fails with BAL_MISMATCH (no run; other classes), BAL_IO. */
BAL_API BAL_MUST_CHECK bal_status bal_model_store_calibration(bal_model *model,
                                                              bal_calibration *calibration);

/* ---- resampling images ----
 * The training split of a data set, resampled by any method of ballast/resample.h, in the space of
 * pixels (0..255, HWC) or in the latent space of an autoencoder that is trained on the same images.
 * "smote" in latent space is DeepSMOTE (Dablain, Krawczyk and Chawla 2022); "deep-smote" as a
 * method means just that. Their loss has a second part that draws reconstructions to other images
 * of the class; its factor is penalty. Rows that are kept are the images themselves, new ones are
 * decoded. The images of the split are held in memory, in pixel space as float32 as well. */
typedef struct bal_image_resample_settings {
    bal_resample_settings resample; /* method, strategy, k, seed, progress, ... */
    const char *space;              /* "pixels" (default) or "latent" */
    int latent, width;  /* of the autoencoder: see bal_autoencoder_settings; default 64 and 32 */
    int epochs;         /* of its training; 1..100000, default 40 */
    int batch_size;     /* 1..65536, default 128 */
    double lr;          /* of AdamW at the start, above 0; falls as half a cosine; default 0.003 */
    double penalty;     /* at least 0; default 0.1 (the paper: 1) */
    const char *engine; /* NULL: best */
} bal_image_resample_settings;
BAL_API bal_image_resample_settings bal_image_resample_defaults(void);
/* The settings of the autoencoder and the space as option rows; bal_resample_options() are those of
 * the field resample. */
BAL_API const bal_option *bal_image_resample_options(void);

typedef struct bal_image_resample bal_image_resample;
/* Reads the training split, trains and encodes where the space is latent, and plans. The data set
 * is borrowed and must outlive the handle. Fails as bal_resample_open does, and with BAL_MISMATCH
 * (images that an autoencoder cannot halve), BAL_BAD_FILE (an image), BAL_DIVERGED,
 * BAL_UNSUPPORTED. */
BAL_API BAL_MUST_CHECK bal_status
bal_image_resample_open(bal_image_resample **out, bal_ctx *ctx, const bal_dataset *data,
                        const bal_image_resample_settings *settings);
BAL_API void bal_image_resample_close(bal_image_resample **resample);
/* The plan: rows are the training items in the order of bal_dataset_items(); borrowed. */
BAL_API const bal_resampled *bal_image_resample_plan(const bal_image_resample *resample);
/* The mean squared error of the training images' reconstruction, of pixels from 0 to 1; NaN in
 * pixel space. */
BAL_API double bal_image_resample_error(const bal_image_resample *resample);
/* Output rows as images: count x height x width x channels bytes. Fails with BAL_BAD_ARG (not
 * within the plan), BAL_INTERRUPTED, BAL_BAD_FILE. */
BAL_API BAL_MUST_CHECK bal_status bal_image_resample_pixels(bal_image_resample *resample,
                                                            int64_t first, int64_t count,
                                                            uint8_t *pixels);
/* A picture to look at, as PNG: for every class with new rows a line of at most columns groups of
 * three: base, what was made, neighbour. New rows are taken evenly over the class. Fails with
 * BAL_BAD_ARG (columns outside 1..100), BAL_BAD_DATA (no new rows), BAL_IO. */
BAL_API BAL_MUST_CHECK bal_status bal_image_resample_sheet(bal_image_resample *resample,
                                                           const char *path, int columns);
/* An image folder that can be trained on: FOLDER/train/CLASS/ with all output rows as PNG
 * (NUMBER.png, new rows new-NUMBER.png), and the other splits as they are. A class name with a
 * slash or a leading point gets "_" instead of it. The folder must not exist or be empty:
 * BAL_BAD_ARG. */
BAL_API BAL_MUST_CHECK bal_status bal_image_resample_write(bal_image_resample *resample,
                                                           const char *folder);

/* ---- speed ---- */
typedef struct bal_bench_settings {
    const char *model;           /* default "resnet32" */
    const char *engine;          /* NULL: best */
    int batch_size;              /* default 128 */
    int size, channels, classes; /* default 32, 3, 10 */
    int steps;                   /* timed steps, default 12 */
} bal_bench_settings;
BAL_API bal_bench_settings bal_bench_defaults(void);
BAL_API const bal_option *bal_bench_options(void);
typedef struct bal_bench_result {
    const char *engine;
    double images_per_second, step_ms,
        gflops; /* median step; gflops of all the step's operations */
    double forward_ms, backward_ms, update_ms;
    double floor_ms; /* sum of the step's primitives each alone; NaN where the engine has none */
    double matmul_gflops;  /* this machine's 2048^3 float32 product */
    double peak_memory_mb; /* of the process, MiB */
    int threads;
} bal_bench_result;
BAL_API BAL_MUST_CHECK bal_status bal_bench_train(bal_ctx *ctx, const bal_bench_settings *settings,
                                                  bal_bench_result *result);

#ifdef __cplusplus
}
#endif
#endif
