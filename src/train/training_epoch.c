/* The steps of an epoch, and what is said about it when it ends. */
#include "base/clock.h"
#include "train/stage/feature_feed.h"
#include "train/trainer.h"

#include <math.h>
#include <string.h>

#define PROGRESS_EVERY 0.1 /* seconds */

static void tell_progress(bal_training *g)
{
    const bal_trainer *t = g->t;
    const double now = bal_clock(), busy = g->run_busy + now - g->epoch_began;
    if (!g->callbacks->progress || now - g->last_progress < PROGRESS_EVERY)
        return;
    g->last_progress = now;
    const int64_t left = bal_trainer_images_left(t, g->state.epoch, g->state.step);
    const double speed = busy > 0.0 ? (double)g->run_images / busy : NAN;
    const bal_progress progress = {.epoch = g->state.epoch + 1,
                                   .epochs = t->settings.epochs,
                                   .step = g->state.step,
                                   .steps = bal_trainer_steps(t, g->state.epoch),
                                   .loss = g->state.loss_sum / (double)g->state.seen,
                                   .images_per_second = speed,
                                   .seconds_left = (double)left / speed};
    g->callbacks->progress(g->callbacks->user, &progress);
}

/* ---- the steps of an epoch ---- */

bal_loader_pass bal_training_loader_pass(const bal_training *g, int64_t first_batch)
{
    const bal_trainer *t = g->t;
    bal_loader_pass pass = {.items = g->shown,
                            .count = bal_sampler_length(g->sampler),
                            .first_batch = first_batch,
                            .augment = &t->recipe->stages[g->stage].augment,
                            .seed = t->settings.seed,
                            .epoch = (uint64_t)g->state.epoch,
                            .mix = bal_trainer_mixes_in(t, g->state.epoch) ? g->mix : NULL,
                            .second = g->second_sampler ? g->second : NULL};
    bal_class_strength_tell(g->strength, &pass);
    return pass;
}

/* The items that an epoch shows, and those that are mixed in. */
static bal_status draw(bal_training *g)
{
    const bal_trainer *t = g->t;
    const int epoch = g->state.epoch, epochs = t->settings.epochs;
    const int64_t *items = bal_dataset_items(t->data, BAL_SPLIT_TRAIN);
    const int64_t length = bal_sampler_length(g->sampler);
    BAL_TRY(bal_sampler_draw(g->sampler, epoch, epochs, g->shown));
    memset(g->class_drawn, 0, t->classes * sizeof *g->class_drawn);
    for (int64_t i = 0; i < length; i++) {
        g->class_drawn[t->labels[g->shown[i]]]++;
        g->shown[i] = items[g->shown[i]];
    }
    if (!g->second_sampler)
        return BAL_OK;
    BAL_TRY(bal_sampler_draw(g->second_sampler, epoch, epochs, g->second));
    for (int64_t i = 0; i < length; i++)
        g->second[i] = items[g->second[i]];
    return BAL_OK;
}

bal_status bal_training_draw(bal_training *g)
{
    const bal_trainer *t = g->t;
    const int epoch = g->state.epoch;
    const float lr = (float)bal_recipe_lr(t->recipe, epoch);
    for (int p = 0; p < bal_graph_params(t->graph); p++)
        g->lr[p] = lr;
    if (g->feed) {
        BAL_TRY(bal_feature_feed_begin(g));
    } else {
        BAL_TRY(draw(g));
        const bal_loader_pass pass = bal_training_loader_pass(g, g->state.step);
        bal_loader_begin(g->loader, &pass);
    }
    g->epoch_began = bal_clock();
    g->epoch_images = 0;
    return BAL_OK;
}

static bal_status next_batch(bal_training *g, bal_loader_batch *batch)
{
    if (!g->feed)
        return bal_loader_next(g->loader, batch);
    bal_feature_feed_next(g, batch);
    return BAL_OK;
}

bal_status bal_training_epoch(bal_training *g)
{
    BAL_TRY(bal_class_strength_epoch(g->strength, g->plan, g->loader, g->state.epoch));
    BAL_TRY(bal_training_draw(g));
    bal_status status = BAL_OK;
    for (;;) {
        bal_loader_batch batch;
        if (bal_training_group_ends(g, g->state.step) && bal_interrupted(g->ctx)) {
            status = bal_fail(g->ctx, BAL_INTERRUPTED, "interrupted");
            break;
        }
        status = next_batch(g, &batch);
        if (status != BAL_OK || batch.count == 0)
            break;
        status = bal_training_step(g, &batch);
        if (status != BAL_OK)
            break;
        tell_progress(g);
    }
    bal_loader_stop(g->loader);
    g->run_busy += bal_clock() - g->epoch_began;
    return g->feed ? bal_feature_feed_end(g, status) : status;
}

bal_status bal_training_rest(bal_training *g)
{
    memset(g->class_drawn, 0, g->t->classes * sizeof *g->class_drawn);
    g->epoch_began = bal_clock();
    g->epoch_images = 0;
    return bal_interrupted(g->ctx) ? bal_fail(g->ctx, BAL_INTERRUPTED, "interrupted") : BAL_OK;
}

/* ---- the end of an epoch ---- */

bal_status bal_training_evaluate(const bal_training *g, int64_t items, bal_evaluation **out)
{
    bal_evaluation_settings settings = bal_evaluation_defaults();
    settings.classes = (int)g->t->classes;
    settings.items = items;
    settings.scores = g->scores;
    settings.labels = g->score_labels;
    settings.train_counts = g->t->counts + BAL_SPLIT_TRAIN * g->t->classes;
    settings.bootstrap = 0;
    return bal_evaluate(out, g->ctx, &settings);
}

bal_status bal_training_score_validation(bal_training *g)
{
    const bal_trainer *t = g->t;
    const int64_t items = t->info.items[BAL_SPLIT_VAL];
    const bal_score_pass pass = {.items = bal_dataset_items(t->data, BAL_SPLIT_VAL),
                                 .count = items,
                                 .scores = g->scores,
                                 .labels = g->score_labels};
    BAL_TRY(bal_plan_score_items(g->plan, g->loader, &pass));
    for (size_t i = 0; i < (size_t)items * t->classes; i++)
        if (!isfinite(g->scores[i]))
            return bal_training_diverged(g, "a validation logit", g->scores[i]);
    return BAL_OK;
}

static bal_status validate(bal_training *g, bal_epoch_report *report)
{
    const bal_trainer *t = g->t;
    bal_evaluation *e;
    BAL_TRY(bal_training_score_validation(g));
    BAL_TRY(bal_training_evaluate(g, t->info.items[BAL_SPLIT_VAL], &e));
    report->val_loss = bal_evaluation_metric(e, BAL_METRIC_nll);
    report->val_balanced_accuracy = bal_evaluation_metric(e, BAL_METRIC_balanced_accuracy);
    report->monitored = bal_evaluation_metric(e, t->monitor);
    for (size_t c = 0; c < t->classes; c++) {
        g->class_loss[c] = bal_evaluation_class(e, (int)c)->loss;
        g->class_recall[c] = bal_evaluation_class(e, (int)c)->recall;
    }
    bal_evaluation_close(&e);
    return BAL_OK;
}

static bool is_better(const bal_training *g, double value)
{
    if (isnan(value) || !bal_recipe_selects(g->t->recipe, g->state.epoch))
        return false;
    if (g->state.best_epoch == 0)
        return true;
    return bal_metric_is_loss(g->t->monitor) ? value < g->state.best : value > g->state.best;
}

bal_status bal_training_report(bal_training *g, bal_epoch_report *report)
{
    const bal_trainer *t = g->t;
    const double busy = bal_clock() - g->epoch_began;
    *report =
        (bal_epoch_report){.epoch = g->state.epoch + 1,
                           .epochs = t->settings.epochs,
                           .stage = g->stage,
                           .lr = bal_recipe_lr(t->recipe, g->state.epoch),
                           .train_loss = g->state.loss_sum / (double)g->state.seen,
                           .train_accuracy = (double)g->state.right / (double)g->state.seen,
                           .val_loss = NAN,
                           .val_balanced_accuracy = NAN,
                           .monitored = NAN,
                           .images_per_second = busy > 0.0 ? (double)g->epoch_images / busy : NAN,
                           .classes = (int)t->classes,
                           .val_class_loss = g->class_loss,
                           .val_class_recall = g->class_recall,
                           .class_drawn = g->class_drawn,
                           .class_level = bal_class_strength_levels(g->strength),
                           .level_tests = bal_class_strength_tested(g->strength)};
    for (size_t c = 0; c < t->classes; c++)
        g->class_loss[c] = g->class_recall[c] = NAN;
    if (t->info.items[BAL_SPLIT_VAL] > 0)
        BAL_TRY(validate(g, report));
    report->best = is_better(g, report->monitored);
    report->seconds = bal_clock() - g->epoch_began;
    return BAL_OK;
}
