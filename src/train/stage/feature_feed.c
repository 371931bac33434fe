/* Rows of resampled features, and the plan of the head that learns from them. */
#include "train/stage/feature_feed.h"

#include "ballast/resample.h"
#include "net/models/heads.h"
#include "train/recipe/recipe_keys.h"

#include <stdio.h>
#include <string.h>

struct bal_feature_feed {
    bal_ctx *ctx;
    bal_graph *graph;
    bal_plan *plan;    /* the head's, or while an epoch trains the network's */
    bal_plan *network; /* NULL: no epoch trains */
    bal_sampler *sampler;
    int64_t rows, length; /* of the table, of an epoch */
    int features;
    float *table;    /* rows x features */
    int32_t *labels; /* rows */
    float *weights;  /* rows; NULL: the data has none */
    int64_t *counts; /* classes */
    int64_t *draws;  /* length */
    float *batch;    /* batch x features */
    int32_t *batch_labels;
    float *batch_weights;
};

bool bal_stage_has_features(const bal_recipe_stage *stage)
{
    return strcmp(stage->features, "none") != 0;
}

/* ---- checks ---- */

static const char *resampler_name(const void *user, int i)
{
    (void)user;
    if (i == 0)
        return "none";
    return bal_resampler_at(i - 1) ? bal_resampler_at(i - 1)->name : NULL;
}

static bal_status refuse(const bal_recipe *r, const bal_recipe_stage *stage, const char *reason)
{
    return bal_fail(r->ctx, BAL_MISMATCH, "%s:%d: features %s: %s", r->where, stage->line,
                    stage->features, reason);
}

bal_status bal_recipe_check_features(const bal_recipe *r, int number)
{
    const bal_recipe_stage *stage = &r->stages[number];
    bool known = false;
    const char *name;
    for (int i = 0; (name = resampler_name(NULL, i)); i++)
        known = known || strcmp(name, stage->features) == 0;
    if (!known) {
        char prefix[512];
        snprintf(prefix, sizeof prefix, "%.480s:%d: features: ", r->where, stage->line);
        return bal_recipe_unknown(r->ctx, BAL_MISMATCH, prefix,
                                  &(bal_name_list){"resampler", resampler_name, NULL},
                                  stage->features);
    }
    if (!bal_stage_has_features(stage))
        return BAL_OK;
    if (stage->idle)
        return refuse(r, stage, "a stage without epochs shows nothing");
    if (strcmp(stage->mix.name, "none") != 0)
        return refuse(r, stage, "the stage shows features, and mix is for images");
    if (r->swa_first >= 0)
        return refuse(r, stage,
                      "no images are shown from which swa_start could measure the "
                      "statistics of batch norm");
    return BAL_OK;
}

bal_status bal_feature_feed_check(const bal_trainer *t, int number, const bool *trains)
{
    const bal_recipe_stage *stage = &t->recipe->stages[number];
    const int head = bal_head_params_of(t->graph).node;
    if (!bal_stage_has_features(stage))
        return BAL_OK;
    for (int p = 0; p < bal_graph_params(t->graph); p++) {
        const bal_param_info *info = bal_graph_param(t->graph, p);
        if (trains[p] && info->node != head)
            return bal_fail(t->ctx, BAL_MISMATCH,
                            "%s:%d: features %s: stages[%d] trains %s, which makes the features; "
                            "train the head alone (train: head)",
                            t->recipe->where, stage->line, stage->features, number, info->name);
    }
    return BAL_OK;
}

/* ---- the table ---- */

void bal_feature_feed_close(bal_feature_feed **feed)
{
    if (!feed || !*feed)
        return;
    bal_feature_feed *f = *feed;
    bal_plan_close(&f->plan);
    bal_graph_close(&f->graph);
    bal_sampler_close(&f->sampler);
    void *const memory[] = {f->table, f->labels, f->weights,      f->counts,
                            f->draws, f->batch,  f->batch_labels, f->batch_weights};
    for (size_t i = 0; i < BAL_COUNT_OF(memory); i++)
        bal_free(f->ctx, memory[i]);
    bal_free(f->ctx, f);
    *feed = NULL;
}

const int64_t *bal_feature_feed_counts(const bal_feature_feed *feed)
{
    return feed->counts;
}

/* A row weighs what the image weighs that it was made from. */
static bal_status take_weights(bal_feature_feed *f, const bal_training *g,
                               const bal_resampled *rows)
{
    const int64_t *items = bal_dataset_items(g->t->data, BAL_SPLIT_TRAIN);
    if (!g->t->info.weighted)
        return BAL_OK;
    f->weights = bal_calloc(f->ctx, (size_t)f->rows, sizeof *f->weights);
    if (!f->weights)
        return BAL_NO_MEMORY;
    for (int64_t i = 0; i < f->rows; i++) {
        bal_resampled_origin origin;
        BAL_TRY(bal_resampled_origins(rows, i, 1, &origin));
        f->weights[i] =
            origin.base >= 0 ? (float)bal_dataset_weight(g->t->data, items[origin.base]) : 1.0f;
    }
    return BAL_OK;
}

static bal_status take_rows(bal_feature_feed *f, const bal_training *g, bal_resampled *rows)
{
    const size_t width = (size_t)f->features;
    f->rows = bal_resampled_count(rows);
    if (f->rows < 1)
        return bal_fail(f->ctx, BAL_BAD_DATA, "resampling has left no features");
    f->table = bal_calloc(f->ctx, (size_t)f->rows, width * sizeof *f->table);
    f->labels = bal_calloc(f->ctx, (size_t)f->rows, sizeof *f->labels);
    f->counts = bal_calloc(f->ctx, g->t->classes, sizeof *f->counts);
    if (!f->table || !f->labels || !f->counts)
        return BAL_NO_MEMORY;
    BAL_TRY(bal_resampled_rows(rows, 0, f->rows, f->table, f->labels));
    for (int64_t i = 0; i < f->rows; i++)
        f->counts[f->labels[i]]++;
    return take_weights(f, g, rows);
}

static bal_status resample(bal_feature_feed *f, const bal_training *g, const char *method)
{
    const bal_trainer *t = g->t;
    const size_t items = (size_t)t->train_items;
    bal_resample_settings settings = bal_resample_defaults();
    settings.method = method;
    settings.seed = t->settings.seed;
    bal_resampled *rows = NULL;
    float *values = bal_calloc(f->ctx, items, (size_t)f->features * sizeof *values);
    bal_status status = values ? BAL_OK : BAL_NO_MEMORY;
    if (status == BAL_OK)
        status = bal_plan_score_items(
            g->plan, g->loader,
            &(bal_score_pass){.items = bal_dataset_items(t->data, BAL_SPLIT_TRAIN),
                              .count = t->train_items,
                              .features = values});
    if (status == BAL_OK)
        status = bal_resample_open(&rows, f->ctx,
                                   &(bal_resample_data){.values = values,
                                                        .labels = t->labels,
                                                        .rows = t->train_items,
                                                        .columns = f->features},
                                   &settings);
    if (status == BAL_OK)
        status = take_rows(f, g, rows);
    bal_resampled_close(&rows);
    bal_free(f->ctx, values);
    return status;
}

/* ---- the head's plan ---- */

static bal_status open_plan(bal_feature_feed *f, const bal_training *g)
{
    const bal_trainer *t = g->t;
    bal_model_settings model = bal_model_defaults();
    model.classes = t->info.classes;
    model.head = t->recipe->general.head;
    model.scale = t->recipe->general.scale;
    BAL_TRY(bal_head_build(&f->graph, f->ctx, &model, f->features));
    bool *trains = bal_calloc(f->ctx, (size_t)bal_graph_params(f->graph), sizeof *trains);
    if (!trains)
        return BAL_NO_MEMORY;
    for (int p = 0; p < bal_graph_params(f->graph); p++) {
        const int whole = bal_graph_find_param(t->graph, bal_graph_param(f->graph, p)->name);
        trains[p] = whole >= 0 && g->trains[whole];
    }
    const bal_status status = bal_trainer_plan_open_of(t, f->graph, trains, &f->plan);
    bal_free(f->ctx, trains);
    return status;
}

static bal_status open_draws(bal_feature_feed *f, const bal_training *g, int stage)
{
    const bal_trainer *t = g->t;
    const size_t batch = (size_t)t->settings.batch_size;
    f->length = t->stages[stage].length;
    BAL_TRY(bal_trainer_row_sampler(
        t, stage, &(bal_trainer_rows){.count = f->rows, .labels = f->labels, .length = f->length},
        &f->sampler));
    f->draws = bal_calloc(f->ctx, (size_t)f->length, sizeof *f->draws);
    f->batch = bal_calloc(f->ctx, batch, (size_t)f->features * sizeof *f->batch);
    f->batch_labels = bal_calloc(f->ctx, batch, sizeof *f->batch_labels);
    f->batch_weights = bal_calloc(f->ctx, batch, sizeof *f->batch_weights);
    return f->draws && f->batch && f->batch_labels && f->batch_weights ? BAL_OK : BAL_NO_MEMORY;
}

bal_status bal_feature_feed_open(bal_feature_feed **out, bal_training *g, int stage)
{
    *out = NULL;
    bal_feature_feed *f = bal_calloc(g->ctx, 1, sizeof *f);
    if (!f)
        return BAL_NO_MEMORY;
    f->ctx = g->ctx;
    const char *method = g->t->recipe->stages[stage].features;
    bal_status status;
    BAL_GOTO(bal_feature_output(g->ctx, g->t->graph, &f->features));
    BAL_GOTO(resample(f, g, method));
    BAL_GOTO(open_plan(f, g));
    BAL_GOTO(open_draws(f, g, stage));
    bal_training_say(g, "stages[%d]: %lld features of images, %lld after %s", stage,
                     (long long)g->t->train_items, (long long)f->rows, method);
    *out = f;
    return BAL_OK;
fail:
    bal_feature_feed_close(&f);
    return status;
}

/* ---- an epoch ---- */

static void exchange_plans(bal_training *g)
{
    bal_feature_feed *f = g->feed;
    bal_plan *const held = f->plan;
    f->plan = g->plan;
    g->plan = held;
    f->network = f->network ? NULL : f->plan;
    bal_recipe_weight_decay(g->t->recipe, g->stage, g->plan->graph, g->decay);
}

bal_status bal_feature_feed_begin(bal_training *g)
{
    const bal_trainer *t = g->t;
    bal_feature_feed *f = g->feed;
    BAL_TRY(bal_sampler_draw(f->sampler, g->state.epoch, t->settings.epochs, f->draws));
    memset(g->class_drawn, 0, t->classes * sizeof *g->class_drawn);
    for (int64_t i = 0; i < f->length; i++)
        g->class_drawn[f->labels[f->draws[i]]]++;
    BAL_TRY(bal_plan_carry(g->plan, f->plan));
    exchange_plans(g);
    return BAL_OK;
}

bal_status bal_feature_feed_end(bal_training *g, bal_status status)
{
    if (!g->feed->network)
        return status;
    exchange_plans(g);
    const bal_status carried = bal_plan_carry(g->feed->plan, g->plan);
    return status != BAL_OK ? status : carried;
}

void bal_feature_feed_next(bal_training *g, bal_loader_batch *batch)
{
    const bal_feature_feed *f = g->feed;
    const int64_t size = g->t->settings.batch_size, first = g->state.step * size;
    const int64_t count = f->length - first < size ? f->length - first : size;
    const size_t width = (size_t)f->features;
    *batch = (bal_loader_batch){.images = f->batch, .labels = f->batch_labels};
    for (int64_t i = 0; i < count; i++) {
        const int64_t row = f->draws[first + i];
        memcpy(f->batch + (size_t)i * width, f->table + (size_t)row * width,
               width * sizeof *f->batch);
        f->batch_labels[i] = f->labels[row];
        f->batch_weights[i] = f->weights ? f->weights[row] : 1.0f;
    }
    batch->weights = f->weights ? f->batch_weights : NULL;
    batch->count = count > 0 ? (int)count : 0;
}
