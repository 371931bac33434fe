/* Opening a trainer: everything that can be wrong is found here, before a file is written. */
#include "net/models/heads.h"
#include "train/stage/feature_feed.h"
#include "train/stage/stage_actions.h"
#include "train/trainer.h"

#include "train/stage/head_bias.h"

#include <string.h>

void bal_trainer_close(bal_trainer **trainer)
{
    if (!trainer || !*trainer)
        return;
    bal_trainer *t = *trainer;
    bal_weights_close(&t->start);
    bal_graph_close(&t->graph);
    bal_recipe_close(&t->recipe);
    bal_free(t->ctx, t->counts);
    bal_free(t->ctx, t->class_names);
    bal_free(t->ctx, t->labels);
    bal_free(t->ctx, t->stages);
    for (int i = 0; i < t->text_count; i++)
        bal_free(t->ctx, t->texts[i]);
    bal_free(t->ctx, t);
    *trainer = NULL;
}

/* ---- data ---- */

static bal_status read_data(bal_trainer *t)
{
    t->info = bal_dataset_describe(t->data);
    t->classes = (size_t)t->info.classes;
    t->train_items = t->info.items[BAL_SPLIT_TRAIN];
    t->counts = bal_calloc(t->ctx, BAL_SPLIT_COUNT * t->classes, sizeof *t->counts);
    t->class_names = bal_calloc(t->ctx, t->classes, sizeof *t->class_names);
    t->labels = bal_calloc(t->ctx, (size_t)t->train_items, sizeof *t->labels);
    if (!t->counts || !t->class_names || !t->labels)
        return BAL_NO_MEMORY;
    for (size_t split = 0; split < BAL_SPLIT_COUNT; split++)
        bal_dataset_counts(t->data, (bal_split)split, t->counts + split * t->classes);
    for (size_t c = 0; c < t->classes; c++)
        t->class_names[c] = bal_dataset_class_name(t->data, (int)c);
    const int64_t *items = bal_dataset_items(t->data, BAL_SPLIT_TRAIN);
    for (int64_t i = 0; i < t->train_items; i++)
        t->labels[i] = (int32_t)bal_dataset_label(t->data, items[i]);
    return BAL_OK;
}

static bal_status check_data(const bal_trainer *t)
{
    if (t->settings.patience > 0 && t->info.items[BAL_SPLIT_VAL] == 0)
        return bal_fail(t->ctx, BAL_BAD_ARG,
                        "patience is %d, but %s has no validation split to watch (val-split is 0)",
                        t->settings.patience, t->info.name);
    return BAL_OK;
}

/* ---- network ---- */

_Static_assert((int)BAL_MIX_PLACES == (int)BAL_MODEL_MIX_PLACES,
               "every network has the places that manifold mixup draws");

static bal_status open_network(bal_trainer *t)
{
    bal_model_settings model = bal_model_defaults();
    model.name = t->settings.model;
    model.classes = t->info.classes;
    model.input = (bal_shape){t->info.channels, t->info.height, t->info.width};
    model.head = t->recipe->general.head;
    model.scale = t->recipe->general.scale;
    for (int i = 0; i < t->recipe->stage_count; i++)
        model.mix_places = model.mix_places || bal_mix_is_hidden(t->recipe->stages[i].mix.name);
    BAL_TRY(bal_engine_find(t->ctx, t->settings.engine, &t->engine));
    BAL_TRY(bal_model_build(&t->graph, t->ctx, &model));
    int classes;
    return bal_score_output(t->ctx, t->graph, &t->logits, &classes);
}

static bal_status open_start(bal_trainer *t)
{
    if (!t->settings.init_weights) {
        BAL_TRY(bal_weights_init(&t->start, t->ctx, t->graph, t->settings.seed));
        return bal_head_bias_set(t->recipe, t->graph, t->start);
    }
    bal_weights *file;
    BAL_TRY(bal_weights_read(&file, t->ctx, t->settings.init_weights));
    const bal_status status = bal_weights_fit(&t->start, t->ctx, file, t->graph);
    bal_weights_close(&file);
    return status == BAL_OK ? status
                            : bal_fail_within(t->ctx, status, "%s", t->settings.init_weights);
}

/* ---- stages ---- */

bal_status bal_trainer_loss(const bal_trainer *t, int stage, const int64_t *counts, bal_loss **out)
{
    const bal_recipe_loss *from = &t->recipe->stages[stage].loss;
    counts = counts ? counts : t->counts + BAL_SPLIT_TRAIN * t->classes;
    double *weights = bal_calloc(t->ctx, t->classes, sizeof *weights);
    if (!weights)
        return BAL_NO_MEMORY;
    const bal_class_weight_settings weighting = {.name = from->weight,
                                                 .beta = from->beta,
                                                 .rho = from->rho,
                                                 .classes = (int)t->classes,
                                                 .counts = counts};
    bal_status status = bal_class_weights(t->ctx, &weighting, weights);
    if (status == BAL_OK) {
#define NUMBER(name, value, least, most, standard, about) .name = from->name,
        const bal_loss_settings settings = {
            .name = from->name,
            .classes = (int)t->classes,
            .counts = counts,
            .weights = weights,
            .label_smoothing = from->label_smoothing,
            BAL_LOSS_NUMBER_LIST(NUMBER).s = t->recipe->general.scale,
            .las_shape = from->las_shape,
            .reduction = strcmp(from->reduction, "weighted_mean") == 0 ? BAL_REDUCE_WEIGHTED_MEAN
                                                                       : BAL_REDUCE_MEAN};
#undef NUMBER
        status = bal_loss_open(out, t->ctx, &settings);
    }
    bal_free(t->ctx, weights);
    return status;
}

static bal_plan_settings plan_settings(const bal_trainer *t, const bool *trains)
{
    const bal_recipe_optimizer *o = &t->recipe->optimizer;
    return (bal_plan_settings){.batch = t->settings.batch_size,
                               .training = true,
                               .trainable = trains,
                               .optimizer = bal_recipe_is_adamw(o) ? BAL_ADAMW : BAL_SGD,
                               .average = o->ema_decay > 0.0 || t->recipe->swa_first >= 0,
                               .aside = o->sam_rho > 0.0,
                               .sum = o->grad_accum_steps > 1 || o->sam_eta > 0,
                               .seed = t->settings.seed};
}

bal_status bal_trainer_plan_open(const bal_trainer *t, const bool *trains, bool measure_only,
                                 bal_plan **out)
{
    bal_plan_settings settings = plan_settings(t, trains);
    settings.measure_only = measure_only;
    return bal_plan_open(out, t->ctx, t->engine, t->graph, &settings);
}

bal_status bal_trainer_plan_open_of(const bal_trainer *t, const bal_graph *graph,
                                    const bool *trains, bal_plan **out)
{
    const bal_plan_settings settings = plan_settings(t, trains);
    return bal_plan_open(out, t->ctx, t->engine, graph, &settings);
}

bal_image_store_settings bal_trainer_store_settings(const bal_trainer *t)
{
    bool whole = false; /* a stage shows images as they are, not boxes drawn anew each time */
    for (int i = 0; i < t->recipe->stage_count; i++)
        whole = whole || !t->recipe->stages[i].augment.resized_crop;
    return (bal_image_store_settings){.data = t->data,
                                      .keep = {[BAL_SPLIT_TRAIN] = whole, [BAL_SPLIT_VAL] = true},
                                      .limit = (size_t)t->settings.data_cache << 20,
                                      .sums = true,
                                      .seed = t->settings.seed};
}

bool bal_trainer_is_rare(const bal_trainer *t, size_t class_number)
{
    return t->counts[BAL_SPLIT_TRAIN * t->classes + class_number] < t->recipe->optimizer.sam_eta;
}

static bal_status check_optimizer(const bal_trainer *t)
{
    const bal_recipe *r = t->recipe;
    const int line = r->optimizer_line ? r->optimizer_line : 1;
    bool any = r->optimizer.sam_eta == 0;
    for (size_t c = 0; c < t->classes && !any; c++)
        any = bal_trainer_is_rare(t, c);
    if (!any)
        return bal_fail(t->ctx, BAL_MISMATCH,
                        "%s:%d: sam_eta is %d, but every class of %s has at least as many training "
                        "images, so sam_rho would do nothing",
                        r->where, line, r->optimizer.sam_eta, t->info.name);
    if (bal_recipe_is_adamw(&r->optimizer) && r->optimizer.lr >= 0.05)
        bal_log(t->ctx, BAL_LOG_WARN,
                "optimizer adamw at a learning rate of %g, which is one for sgd; about 0.001 is "
                "usual (optimizer.lr)",
                r->optimizer.lr);
    return BAL_OK;
}

static bal_status check_max_norm(const bal_trainer *t, int number, const bool *trains)
{
    const bal_recipe_stage *stage = &t->recipe->stages[number];
    const int weight = bal_head_params_of(t->graph).weight;
    if (stage->max_norm <= 0.0)
        return BAL_OK;
    if (stage->idle || weight < 0 || !trains[weight])
        return bal_fail(t->ctx, BAL_MISMATCH,
                        "%s:%d: max_norm bounds the rows of %s after every step, but stages[%d] "
                        "does not train them",
                        t->recipe->where, stage->line,
                        weight < 0 ? "a head" : bal_graph_param(t->graph, weight)->name, number);
    return BAL_OK;
}

/* What only the size of the images can tell. */
static bal_status check_augment(const bal_trainer *t, int stage)
{
    const bal_recipe_stage *s = &t->recipe->stages[stage];
    const int side = t->info.height > t->info.width ? t->info.height : t->info.width;
    if (s->augment.cutout / 2 < side)
        return BAL_OK;
    return bal_fail(t->ctx, BAL_MISMATCH,
                    "%s:%d: cutout %d erases every image of %d x %d whole; it must be below %d",
                    t->recipe->where, s->augment_line ? s->augment_line : s->line,
                    s->augment.cutout, t->info.height, t->info.width, 2 * side);
}

static bal_status check_stage(bal_trainer *t, int i, bool *trains)
{
    bal_trainer_stage *stage = &t->stages[i];
    bal_loss *loss = NULL;
    bal_sampler *sampler = NULL, *second = NULL;
    bal_mix *mix = NULL;
    bal_status status;
    BAL_GOTO(bal_recipe_stage_trains(t->recipe, i, t->graph, trains));
    BAL_GOTO(check_max_norm(t, i, trains));
    BAL_GOTO(bal_stage_check_data(t, i));
    BAL_GOTO(check_augment(t, i));
    BAL_GOTO(bal_feature_feed_check(t, i, trains));
    BAL_GOTO(bal_trainer_loss(t, i, NULL, &loss));
    BAL_GOTO(bal_trainer_sampler(t, i, &sampler));
    stage->length = bal_sampler_length(sampler);
    stage->steps = t->recipe->stages[i].idle
                       ? 0
                       : (stage->length + t->settings.batch_size - 1) / t->settings.batch_size;
    if (i > 0)
        stage->first_step =
            stage[-1].first_step + stage[-1].steps * t->recipe->stages[i - 1].epoch_count;
    BAL_GOTO(bal_trainer_mix(t, i, &mix));
    BAL_GOTO(bal_trainer_second(t, i, mix, &second));
    t->mixes = t->mixes || mix;
fail:
    bal_loss_close(&loss);
    bal_sampler_close(&sampler);
    bal_sampler_close(&second);
    bal_mix_close(&mix);
    return status;
}

/* Every stage can be opened: its loss fits the counts, its patterns fit the parameters. */
static bal_status check_stages(bal_trainer *t)
{
    bool *trains = bal_calloc(t->ctx, (size_t)bal_graph_params(t->graph), sizeof *trains);
    t->stages = bal_calloc(t->ctx, (size_t)t->recipe->stage_count, sizeof *t->stages);
    bal_status status = trains && t->stages ? BAL_OK : BAL_NO_MEMORY;
    for (int i = 0; status == BAL_OK && i < t->recipe->stage_count; i++)
        status = check_stage(t, i, trains);
    bal_free(t->ctx, trains);
    return status;
}

bal_status bal_trainer_open(bal_trainer **out, bal_ctx *ctx, const bal_dataset *data,
                            const bal_recipe *recipe, const bal_train_settings *settings)
{
    *out = NULL;
    bal_trainer *t = bal_calloc(ctx, 1, sizeof *t);
    if (!t)
        return BAL_NO_MEMORY;
    t->ctx = ctx;
    t->data = data;
    bal_status status;
    BAL_GOTO(read_data(t));
    BAL_GOTO(bal_trainer_resolve(t, recipe, settings));
    BAL_GOTO(check_data(t));
    BAL_GOTO(open_network(t));
    BAL_GOTO(check_optimizer(t));
    BAL_GOTO(check_stages(t));
    BAL_GOTO(open_start(t));
    *out = t;
    return BAL_OK;
fail:
    bal_trainer_close(&t);
    return status;
}
