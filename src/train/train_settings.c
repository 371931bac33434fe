/* What a training run is asked for: defaults, option rows, and their meeting with the recipe. */
#include "train/trainer.h"

#include <stdio.h>
#include <string.h>

bal_train_settings bal_train_defaults(void)
{
    return (bal_train_settings){.model = "resnet20",
                                .recipe = BAL_RECIPE_AUTO,
                                .seed = 1,
                                .monitor = "balanced_accuracy",
                                .workers = 1,
                                .data_cache = 1024,
                                .checkpoint_every = 1};
}

#define MOST_CACHE (1 << 24) /* MiB */
#define FIELD(f) offsetof(bal_train_settings, f)
static const bal_option rows[] = {
    {"model", BAL_OPTION_TEXT, FIELD(model), 0, 0, "NAME", NULL, "network; default resnet20"},
    {"recipe", BAL_OPTION_TEXT, FIELD(recipe), 0, 0, "NAME|FILE", NULL,
     "how it is trained: a built-in recipe or a YAML file; default auto, chosen by the "
     "imbalance"},
    {"epochs", BAL_OPTION_INT, FIELD(epochs), 1, 100000, "N", NULL,
     "passes over the training split; default: the recipe's"},
    {"batch-size", BAL_OPTION_INT, FIELD(batch_size), 1, 65536, "N", NULL,
     "images per step; default: the recipe's"},
    {"lr", BAL_OPTION_REAL, FIELD(lr), 1e-12, 1e12, "X", NULL,
     "learning rate after the warm-up; default: the recipe's"},
    {"seed", BAL_OPTION_SEED, FIELD(seed), 0, 0, "N", NULL,
     "of every random draw, members of the splits included; default 1"},
    {"output", BAL_OPTION_TEXT, FIELD(out), 0, 0, "FOLDER", NULL,
     "run folder; default runs/DATA-MODEL-RECIPE-SEED"},
    {"resume", BAL_OPTION_FLAG, FIELD(resume), 0, 0, NULL, NULL,
     "go on with the run in the folder where it stopped"},
    {"overwrite", BAL_OPTION_FLAG, FIELD(overwrite), 0, 0, NULL, NULL,
     "replace the run in the folder"},
    {"eval-metric", BAL_OPTION_TEXT, FIELD(monitor), 0, 0, "METRIC", NULL,
     "metric on the validation split that chooses the best epoch; default balanced_accuracy"},
    {"patience", BAL_OPTION_INT, FIELD(patience), 0, 100000, "N", NULL,
     "stop after N epochs without a better metric; default 0: never"},
    {"checkpoint-every", BAL_OPTION_INT, FIELD(checkpoint_every), 1, 100000, "N", NULL,
     "epochs between saved states; default 1"},
    {"workers", BAL_OPTION_INT, FIELD(workers), 0, BAL_LOADER_WORKERS_MAX, "N", NULL,
     "threads that decode and augment ahead of the training; default 1"},
    {"data-cache", BAL_OPTION_INT, FIELD(data_cache), 0, MOST_CACHE, "MIB", NULL,
     "decoded images kept in memory; others are decoded in every epoch; default 1024"},
    {"engine", BAL_OPTION_TEXT, FIELD(engine), 0, 0, "NAME", NULL,
     "what computes; default: the best of this build"},
    {"init-weights", BAL_OPTION_TEXT, FIELD(init_weights), 0, 0, "FILE", NULL,
     "safetensors file to start from; default: He initialisation"},
    {NULL, BAL_OPTION_FLAG, 0, 0, 0, NULL, NULL, NULL},
};

const bal_option *bal_train_options(void)
{
    return rows;
}

/* ---- texts ---- */

static bal_status keep(bal_trainer *t, const char **text)
{
    if (!*text)
        return BAL_OK;
    char *copy = bal_strdup(t->ctx, *text);
    if (!copy)
        return BAL_NO_MEMORY;
    t->texts[t->text_count++] = copy;
    *text = copy;
    return BAL_OK;
}

/* "runs/cifar10-exp100-resnet20-ldam-drw-1", "runs/cifar10-step10-0.5-...": the first colon of the
 * cut is left out, and what would not do in a file's name is replaced. */
static bal_status default_folder(bal_trainer *t)
{
    bal_dataset_settings opened;
    bal_dataset_opened_as(t->data, &opened);
    const char *cut = opened.longtail ? opened.longtail : "";
    const int kind = (int)strcspn(cut, ":");
    char *name = bal_format(t->ctx, "runs/%s%s%.*s%s-%s-%s-%llu", t->info.name, *cut ? "-" : "",
                            kind, cut, cut[kind] ? cut + kind + 1 : "", t->settings.model,
                            bal_recipe_name(t->recipe), (unsigned long long)t->settings.seed);
    if (!name)
        return BAL_NO_MEMORY;
    for (char *c = name + strlen("runs/"); *c; c++)
        if (*c == '/' || *c == '\\' || *c == ' ' || (unsigned char)*c < 0x20)
            *c = '_';
        else if (*c == ':')
            *c = '-';
    t->texts[t->text_count++] = name;
    t->settings.out = name;
    return BAL_OK;
}

/* ---- recipe ---- */

static bal_status override(bal_trainer *t, const char *key, bool wanted, const char *format, ...)
    BAL_PRINTF(4, 5);
static bal_status override(bal_trainer *t, const char *key, bool wanted, const char *format, ...)
{
    char text[64];
    if (!wanted)
        return BAL_OK;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return bal_recipe_set(t->recipe, key, text);
}

static bal_status open_recipe(bal_trainer *t, const bal_recipe *theirs)
{
    const bal_train_settings *s = &t->settings;
    BAL_TRY(theirs ? bal_recipe_copy(&t->recipe, t->ctx, theirs)
                   : bal_recipe_open_for(&t->recipe, t->ctx, s->recipe, t->data));
    BAL_TRY(override(t, "epochs", s->epochs > 0, "%d", s->epochs));
    BAL_TRY(override(t, "batch_size", s->batch_size > 0, "%d", s->batch_size));
    BAL_TRY(override(t, "optimizer.lr", s->lr > 0.0, "%.17g", s->lr));
    return bal_recipe_check(t->recipe);
}

/* ---- metric ---- */

static const char *metric_name(const void *user, int i)
{
    (void)user;
    return i < BAL_METRIC_COUNT ? bal_metric_key((bal_metric)i) : NULL;
}

static bal_status find_monitor(bal_trainer *t)
{
    t->monitor = bal_metric_find(t->settings.monitor);
    if (t->monitor != BAL_METRIC_COUNT)
        return BAL_OK;
    const char *near = bal_nearest_name(t->settings.monitor, metric_name, NULL);
    return bal_fail(t->ctx, BAL_BAD_ARG, "no metric \"%s\"%s%s%s", t->settings.monitor,
                    near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static bal_status check_numbers(const bal_trainer *t)
{
    const bal_train_settings *s = &t->settings;
    if (s->epochs < 0 || s->batch_size < 0 || !(s->lr >= 0.0) || s->patience < 0 ||
        s->workers < 0 || s->workers > BAL_LOADER_WORKERS_MAX || s->checkpoint_every < 1)
        return bal_fail(t->ctx, BAL_BAD_ARG,
                        "epochs %d, batch size %d, learning rate %g, patience %d, workers %d or "
                        "checkpoint_every %d is out of range",
                        s->epochs, s->batch_size, s->lr, s->patience, s->workers,
                        s->checkpoint_every);
    if (s->data_cache < 0 || s->data_cache > MOST_CACHE)
        return bal_fail(t->ctx, BAL_BAD_ARG, "data_cache is %d MiB, 0 to %d expected",
                        s->data_cache, MOST_CACHE);
    if (s->resume && s->overwrite)
        return bal_fail(t->ctx, BAL_BAD_ARG, "resume and overwrite exclude each other");
    return BAL_OK;
}

bal_status bal_trainer_resolve(bal_trainer *t, const bal_recipe *theirs,
                               const bal_train_settings *settings)
{
    const bal_train_settings defaults = bal_train_defaults();
    bal_train_settings *s = &t->settings;
    *s = settings ? *settings : defaults;
    s->model = s->model ? s->model : defaults.model;
    s->recipe = s->recipe ? s->recipe : defaults.recipe;
    s->monitor = s->monitor ? s->monitor : defaults.monitor;
    const char **texts[] = {&s->model, &s->recipe,  &s->engine,
                            &s->out,   &s->monitor, &s->init_weights};
    for (size_t i = 0; i < BAL_COUNT_OF(texts); i++)
        BAL_TRY(keep(t, texts[i]));
    BAL_TRY(check_numbers(t));
    BAL_TRY(find_monitor(t));
    BAL_TRY(open_recipe(t, theirs));
    s->epochs = t->recipe->all_epochs;
    s->batch_size = t->recipe->general.batch_size;
    s->lr = t->recipe->optimizer.lr;
    return s->out ? BAL_OK : default_folder(t);
}
