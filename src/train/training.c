/* A run from its first epoch, or the one where it stopped, to its end. */
#include "base/clock.h"
#include "train/stage/feature_feed.h"
#include "train/loss_state.h"
#include "train/stage/stage_actions.h"
#include "train/trainer.h"

#include <stdio.h>
#include <string.h>

double bal_training_seconds(const bal_training *g)
{
    return g->seconds + bal_clock() - g->began;
}

void bal_training_say(bal_training *g, const char *format, ...)
{
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    char error[BAL_ERROR_LENGTH]; /* what a failure is about to tell stays told */
    memcpy(error, g->ctx->error, sizeof error);
    bal_log(g->ctx, BAL_LOG_INFO, "%s", line);
    if (bal_run_folder_log(g->folder, line) != BAL_OK)
        bal_log(g->ctx, BAL_LOG_WARN, "%s", bal_error(g->ctx));
    memcpy(g->ctx->error, error, sizeof error);
}

/* ---- stages ---- */

static bal_status open_plan(bal_training *g, const bal_weights *from)
{
    const bal_trainer *t = g->t;
    bal_weights *taken = NULL;
    if (!from && g->plan) {
        BAL_TRY(bal_snapshot_take(g->plan, &taken));
        from = taken;
    }
    bal_plan_close(&g->plan);
    bal_status status = bal_trainer_plan_open(t, g->trains, false, &g->plan);
    if (status == BAL_OK)
        status = bal_snapshot_restore(g->plan, from, t->settings.out);
    bal_weights_close(&taken);
    return status;
}

static bool same_trains(const bal_training *g)
{
    const size_t params = (size_t)bal_graph_params(g->t->graph);
    return g->plan && memcmp(g->plan->trainable, g->trains, params * sizeof *g->trains) == 0;
}

/* Whether a stage begins with something that is made of the values before it: of their average,
 * where there is one. */
static bool takes_over(const bal_recipe_stage *stage)
{
    return stage->begin || bal_stage_has_features(stage);
}

/* Goes back over the stages that train the same parameters as this one, and change nothing between.
 */
static bal_status find_stage_group(bal_training *g, int stage)
{
    const bal_trainer *t = g->t;
    const size_t params = (size_t)bal_graph_params(t->graph);
    bool *before = bal_calloc(g->ctx, params, sizeof *before);
    bal_status status = before ? BAL_OK : BAL_NO_MEMORY;
    g->stage_group_epoch = t->recipe->stages[stage].first_epoch;
    for (int i = stage - 1; status == BAL_OK && i >= 0 && !takes_over(&t->recipe->stages[i + 1]);
         i--) {
        status = bal_recipe_stage_trains(t->recipe, i, t->graph, before);
        if (status != BAL_OK || t->recipe->stages[i].idle ||
            memcmp(before, g->trains, params * sizeof *before) != 0)
            break;
        g->stage_group_epoch = t->recipe->stages[i].first_epoch;
    }
    bal_free(g->ctx, before);
    return status;
}

static void close_draws(bal_training *g)
{
    bal_sampler_close(&g->sampler);
    bal_sampler_close(&g->second_sampler);
    bal_mix_close(&g->mix);
}

static bal_status open_draws(bal_training *g, int stage)
{
    close_draws(g);
    BAL_TRY(bal_trainer_sampler(g->t, stage, &g->sampler));
    BAL_TRY(bal_trainer_mix(g->t, stage, &g->mix));
    return bal_trainer_second(g->t, stage, g->mix, &g->second_sampler);
}

/* The values may be half changed: the state of the boundary, or the start, is what there is. */
static bal_status interrupted_before(bal_training *g, int stage)
{
    bal_take_interrupt(g->ctx);
    bal_training_say(g, "interrupted before stages[%d]", stage);
    return bal_fail(g->ctx, BAL_INTERRUPTED,
                    "interrupted while stages[%d] began, before epoch %d of %d; resuming the run "
                    "in %s goes on from there",
                    stage, g->state.epoch + 1, g->t->settings.epochs, g->t->settings.out);
}

/* What the stage begins with, unless a run that was stopped has done it. */
static bal_status begin_stage(bal_training *g, int stage)
{
    const bal_recipe_stage *s = &g->t->recipe->stages[stage];
    if (g->state.begun > stage)
        return BAL_OK;
    BAL_TRY(bal_stage_begin(g, stage));
    return takes_over(s) ? bal_training_restart_average(g) : BAL_OK;
}

/* On what the stage shows. */
static bal_status open_loss(bal_training *g, int stage, const bal_weights *from)
{
    const bal_trainer *t = g->t;
    bal_loss_inputs_close(&g->loss_inputs);
    bal_loss_close(&g->loss);
    memset(g->output_gradients, 0,
           (size_t)bal_graph_outputs(t->graph) * sizeof *g->output_gradients);
    g->output_gradients[t->logits] = g->gradient;
    BAL_TRY(
        bal_trainer_loss(t, stage, g->feed ? bal_feature_feed_counts(g->feed) : NULL, &g->loss));
    BAL_TRY(bal_loss_state_restore(g->loss, g->ctx, stage, from, t->settings.out));
    return bal_loss_inputs_open(&g->loss_inputs, g->plan, g->loss, t->settings.batch_size);
}

bal_status bal_training_enter(bal_training *g, int epoch, const bal_weights *from)
{
    const bal_trainer *t = g->t;
    const int stage = bal_recipe_stage_at(t->recipe, epoch);
    if (stage == g->stage && !from)
        return BAL_OK;
    bal_feature_feed_close(&g->feed);
    BAL_TRY(bal_recipe_stage_trains(t->recipe, stage, t->graph, g->trains));
    if (from || !same_trains(g))
        BAL_TRY(open_plan(g, from));
    BAL_TRY(open_draws(g, stage));
    BAL_TRY(find_stage_group(g, stage));
    bal_recipe_weight_decay(t->recipe, stage, t->graph, g->decay);
    g->plan->settings.frozen_norm = strcmp(t->recipe->stages[stage].norm, "frozen") == 0;
    bal_class_strength_enter(g->strength, &t->recipe->stages[stage].augment);
    if (g->stage >= 0)
        bal_training_say(g, "stages[%d] begins with epoch %d", stage, epoch + 1);
    g->stage = stage;
    bal_status status = begin_stage(g, stage);
    if (status == BAL_OK && bal_stage_has_features(&t->recipe->stages[stage]))
        status = bal_feature_feed_open(&g->feed, g, stage);
    if (status == BAL_INTERRUPTED)
        return interrupted_before(g, stage);
    BAL_TRY(status);
    g->state.begun = g->state.begun > stage ? g->state.begun : stage + 1;
    return open_loss(g, stage, from);
}

/* ---- one epoch after the other ---- */

bool bal_training_stops(const bal_training *g)
{
    const int patience = g->t->settings.patience;
    int since = g->state.best_epoch; /* or the epochs that could not become the best one */
    while (since < g->state.epoch && !bal_recipe_selects(g->t->recipe, since))
        since++;
    return patience > 0 && g->state.epoch - since >= patience;
}

/* Whether a stage begins with an epoch, and changes what there is: a run that is stopped in that
 * has to make the changes again. */
static bool boundary(const bal_training *g, int epoch)
{
    const bal_recipe *r = g->t->recipe;
    if (epoch >= g->t->settings.epochs)
        return false;
    const bal_recipe_stage *next = &r->stages[bal_recipe_stage_at(r, epoch)];
    return next->first_epoch == epoch && takes_over(next);
}

/* Validates, and keeps the weights of a new best epoch: the averaged ones where there are such.
 * These are also what a stage changes. */
static bal_status judge_epoch(bal_training *g, bal_epoch_report *report)
{
    bal_status status = bal_training_show_average(g);
    if (status == BAL_OK)
        status = bal_training_report(g, report);
    if (status == BAL_OK && report->best)
        status = bal_training_write_weights(g, BAL_BEST_FILE, report->epoch);
    if (status == BAL_OK && boundary(g, g->state.epoch + 1))
        return bal_training_keep_average(g);
    return bal_training_hide_average(g, status);
}

/* The order matters to a run that is killed: see run_folder.h. A state is saved with every new best
 * epoch, so that the two do not come apart. */
static bal_status end_epoch(bal_training *g)
{
    const bal_train_settings *s = &g->t->settings;
    bal_epoch_report report;
    BAL_TRY(bal_training_check_finite(g));
    BAL_TRY(judge_epoch(g, &report));
    if (report.best) {
        g->state.best_epoch = report.epoch;
        g->state.best = report.monitored;
    }
    BAL_TRY(bal_run_folder_epoch(g->folder, &report));
    g->state.epoch++;
    g->state.step = 0;
    g->state.loss_sum = 0.0;
    g->state.seen = g->state.right = 0;
    if (report.best || g->state.epoch % s->checkpoint_every == 0 || g->state.epoch == s->epochs ||
        bal_training_stops(g) || boundary(g, g->state.epoch))
        BAL_TRY(bal_training_save(g));
    if (g->callbacks->epoch)
        g->callbacks->epoch(g->callbacks->user, &report);
    return BAL_OK;
}

static bal_status diverged(bal_training *g)
{
    bal_training_say(g, "%s", bal_error(g->ctx));
    return BAL_DIVERGED;
}

static bal_status interrupted(bal_training *g)
{
    bal_take_interrupt(g->ctx);
    const bal_status status = bal_training_check_finite(g);
    if (status == BAL_DIVERGED)
        return diverged(g);
    BAL_TRY(status);
    BAL_TRY(bal_training_save(g));
    bal_training_say(g, "interrupted in epoch %d after step %lld", g->state.epoch + 1,
                     (long long)g->state.step);
    return bal_fail(g->ctx, BAL_INTERRUPTED,
                    "interrupted in epoch %d of %d after step %lld of %lld; the state is in %s, "
                    "and resuming the run goes on from there",
                    g->state.epoch + 1, g->t->settings.epochs, (long long)g->state.step,
                    (long long)bal_trainer_steps(g->t, g->state.epoch), g->t->settings.out);
}

static bal_status train(bal_training *g)
{
    while (g->state.epoch < g->t->settings.epochs && !bal_training_stops(g)) {
        bal_status status = bal_training_enter(g, g->state.epoch, NULL);
        if (status == BAL_DIVERGED)
            return diverged(g);
        BAL_TRY(status);
        const bool idle = g->t->recipe->stages[g->stage].idle;
        status = idle ? bal_training_rest(g) : bal_training_epoch(g);
        if (status == BAL_OK)
            status = end_epoch(g);
        if (status == BAL_INTERRUPTED)
            return interrupted(g);
        if (status == BAL_DIVERGED)
            return diverged(g);
        BAL_TRY(status);
    }
    return BAL_OK;
}

/* ---- start ---- */

static bal_status open_memory(bal_training *g)
{
    const bal_trainer *t = g->t;
    const size_t params = (size_t)bal_graph_params(t->graph),
                 batch = (size_t)t->settings.batch_size, classes = t->classes,
                 outputs = (size_t)bal_graph_outputs(t->graph);
    const int64_t *items = t->info.items;
    const size_t scored =
        (size_t)(items[BAL_SPLIT_VAL] > items[BAL_SPLIT_TEST] ? items[BAL_SPLIT_VAL]
                                                              : items[BAL_SPLIT_TEST]);
    size_t longest = 0;
    for (int i = 0; i < t->recipe->stage_count; i++)
        longest = (size_t)t->stages[i].length > longest ? (size_t)t->stages[i].length : longest;
    g->trains = bal_calloc(g->ctx, params, sizeof *g->trains);
    g->lr = bal_calloc(g->ctx, params, sizeof *g->lr);
    g->decay = bal_calloc(g->ctx, params, sizeof *g->decay);
    g->logits = bal_calloc(g->ctx, batch * classes, sizeof *g->logits);
    g->gradient = bal_calloc(g->ctx, batch * classes, sizeof *g->gradient);
    g->output_gradients = bal_calloc(g->ctx, outputs, sizeof *g->output_gradients);
    g->shown = bal_calloc(g->ctx, longest, sizeof *g->shown);
    g->second = bal_calloc(g->ctx, t->mixes ? longest : 1, sizeof *g->second);
    g->class_drawn = bal_calloc(g->ctx, classes, sizeof *g->class_drawn);
    g->rare = bal_calloc(g->ctx, classes, sizeof *g->rare);
    g->scores = bal_calloc(g->ctx, scored * classes, sizeof *g->scores);
    g->score_labels = bal_calloc(g->ctx, scored, sizeof *g->score_labels);
    g->class_loss = bal_calloc(g->ctx, classes, sizeof *g->class_loss);
    g->class_recall = bal_calloc(g->ctx, classes, sizeof *g->class_recall);
    if (!g->trains || !g->lr || !g->decay || !g->logits || !g->gradient || !g->output_gradients ||
        !g->shown || !g->second || !g->class_drawn || !g->rare || !g->scores || !g->score_labels ||
        !g->class_loss || !g->class_recall)
        return BAL_NO_MEMORY;
    for (size_t c = 0; c < classes; c++)
        g->rare[c] = bal_trainer_is_rare(t, c);
    return BAL_OK;
}

static void close_training(bal_training *g)
{
    bal_loader_close(&g->loader);
    bal_image_store_close(&g->store);
    bal_feature_feed_close(&g->feed);
    bal_plan_close(&g->plan);
    bal_loss_inputs_close(&g->loss_inputs);
    bal_loss_close(&g->loss);
    close_draws(g);
    bal_class_strength_close(&g->strength);
    bal_run_identity_free(&g->identity);
    void *const memory[] = {g->trains,      g->lr,     g->decay,        g->logits,
                            g->gradient,    g->shown,  g->score_labels, (void *)g->output_gradients,
                            g->class_drawn, g->scores, g->class_loss,   g->class_recall,
                            g->rare,        g->second};
    for (size_t i = 0; i < BAL_COUNT_OF(memory); i++)
        bal_free(g->ctx, memory[i]);
    bal_run_folder_close(&g->folder);
}

static bal_status open_strength(bal_training *g, const bal_weights *snapshot)
{
    const bal_trainer *t = g->t;
    const bal_class_strength_settings settings = {
        .classes = (int)t->classes,
        .counts = t->counts + BAL_SPLIT_TRAIN * t->classes,
        .items = bal_dataset_items(t->data, BAL_SPLIT_TRAIN),
        .labels = t->labels,
        .item_count = t->train_items,
        .seed = t->settings.seed};
    BAL_TRY(bal_class_strength_open(&g->strength, g->ctx, &settings));
    return snapshot ? bal_class_strength_restore(g->strength, snapshot, t->settings.out) : BAL_OK;
}

static bal_status open_images(bal_training *g)
{
    const bal_image_store_settings store = bal_trainer_store_settings(g->t);
    BAL_TRY(bal_image_store_open(&g->store, g->ctx, &store));
    g->norm = bal_pixel_sums_norm(bal_image_store_sums(g->store), g->t->info.channels);
    const bal_loader_settings loader = {.store = g->store,
                                        .batch = g->t->settings.batch_size,
                                        .workers = g->t->settings.workers,
                                        .norm = g->norm,
                                        .mix_classes = g->t->mixes ? (int)g->t->classes : 0};
    return bal_loader_open(&g->loader, g->ctx, &loader);
}

static bal_status write_start(const bal_training *g, const char *command)
{
    const bal_trainer *t = g->t;
    const bal_recipe_general *general = &t->recipe->general;
    bal_run_data data = {.name = t->info.name,
                         .format = t->info.format,
                         .classes = t->info.classes,
                         .channels = t->info.channels,
                         .height = t->info.height,
                         .width = t->info.width,
                         .class_names = t->class_names,
                         .model = t->settings.model,
                         .head = general->head,
                         .scale = general->scale};
    data.where = bal_dataset_opened_as(t->data, &data.dataset);
    for (size_t split = 0; split < BAL_SPLIT_COUNT; split++)
        data.counts[split] = t->counts + split * t->classes;
    for (int c = 0; c < data.channels; c++) {
        data.mean[c] = g->norm.mean[c];
        data.std[c] = g->norm.std[c];
    }
    const bal_run_start start = {.recipe = t->recipe,
                                 .command = command,
                                 .dataset = t->data,
                                 .data = &data,
                                 .seed = t->settings.seed,
                                 .engine = t->engine->name,
                                 .engine_version = t->engine->version ? t->engine->version() : ""};
    return bal_run_folder_start(g->folder, &start);
}

static void say_started(bal_training *g)
{
    const bal_trainer *t = g->t;
    if (bal_recipe_chosen(t->recipe))
        bal_training_say(g, "%s", bal_recipe_chosen(t->recipe));
    bal_training_say(g, "started%s",
                     t->info.weighted ? "; the images' losses are weighted by the data" : "");
}

static bal_status start(bal_training *g, const char *command)
{
    const bal_trainer *t = g->t;
    const bal_run_mode mode = t->settings.resume      ? BAL_RUN_RESUME
                              : t->settings.overwrite ? BAL_RUN_OVERWRITE
                                                      : BAL_RUN_NEW;
    if (mode == BAL_RUN_OVERWRITE) /* an image that cannot be read must not cost the old run */
        BAL_TRY(open_images(g));
    BAL_TRY(bal_run_folder_open(&g->folder, g->ctx, t->settings.out, mode));
    BAL_TRY(bal_training_identify(g));
    bal_weights *snapshot = NULL;
    bal_status status = BAL_OK;
    if (t->settings.resume)
        BAL_GOTO(bal_training_resume(g, &snapshot));
    BAL_GOTO(open_memory(g));
    BAL_GOTO(open_strength(g, snapshot));
    if (!g->store)
        BAL_GOTO(open_images(g));
    if (!snapshot)
        BAL_GOTO(write_start(g, command));
    BAL_GOTO(bal_run_folder_truncate(g->folder, g->state.epoch));
    const int last = t->settings.epochs - 1;
    BAL_GOTO(bal_training_enter(g, g->state.epoch < last ? g->state.epoch : last,
                                snapshot ? snapshot : t->start));
    if (snapshot)
        bal_training_say(g, "resumed in epoch %d after step %lld", g->state.epoch + 1,
                         (long long)g->state.step);
    else
        say_started(g);
fail:
    bal_weights_close(&snapshot);
    return status;
}

bal_status bal_trainer_run(bal_trainer *t, const char *command,
                           const bal_train_callbacks *callbacks, bal_train_result *result)
{
    static const bal_train_callbacks none;
    bal_train_result ignored;
    result = result ? result : &ignored;
    memset(result, 0, sizeof *result);
    snprintf(result->out, sizeof result->out, "%s", t->settings.out);
    bal_training g = {.t = t,
                      .ctx = t->ctx,
                      .callbacks = callbacks ? callbacks : &none,
                      .state = bal_run_state_start(),
                      .stage = -1,
                      .began = bal_clock()};
    bal_status status = start(&g, command);
    if (status == BAL_OK)
        status = train(&g);
    if (status == BAL_OK)
        status = bal_training_finish(&g);
    result->epochs = g.state.epoch;
    result->best_epoch = bal_training_best_epoch(&g);
    result->best_monitored = g.state.best;
    result->stopped_early = status == BAL_OK && g.state.epoch < t->settings.epochs;
    result->seconds = bal_training_seconds(&g);
    close_training(&g);
    return status;
}
