/* The steps of an epoch, and what is said about it when it ends. */
#include "base/clock.h"
#include "train/trainer.h"

#include <math.h>
#include <string.h>

#define PROGRESS_EVERY 0.1 /* seconds */

/* ---- a step ---- */

static int64_t count_right(const bal_training *g, const bal_loader_batch *batch)
{
    const size_t classes = g->t->classes;
    int64_t right = 0;
    for (int i = 0; i < batch->count; i++) {
        const float *row = g->logits + (size_t)i * classes;
        size_t best = 0;
        for (size_t c = 1; c < classes; c++)
            best = row[c] > row[best] ? c : best;
        right += (size_t)batch->labels[i] == best;
    }
    return right;
}

static bal_status diverged(const bal_training *g, const char *what, double value)
{
    const int epoch = g->state.epoch;
    const int64_t step = g->state.step < g->t->steps ? g->state.step + 1 : g->t->steps;
    const bool saved = bal_run_folder_has(g->folder, BAL_STATE_FILE);
    return bal_fail(g->ctx, BAL_DIVERGED,
                    "training diverged: %s is %g in epoch %d, step %lld, at a learning rate of "
                    "%g%s%s%s; a smaller rate or a longer warm-up may help",
                    what, value, epoch + 1, (long long)step,
                    bal_schedule_lr(&g->t->recipe->schedule, epoch), saved ? "; " : "",
                    saved ? g->t->settings.out : "", saved ? " keeps the state saved before" : "");
}

bal_status bal_training_check_finite(bal_training *g)
{
    bal_weights *all;
    BAL_TRY(bal_snapshot_take(g->plan, &all));
    bal_status status = BAL_OK;
    for (int i = 0; i < bal_weights_count(all) && status == BAL_OK; i++) {
        const bal_tensor *t = bal_weights_at(all, i);
        for (int64_t k = 0; k < t->count && status == BAL_OK; k++)
            if (!isfinite(t->data[k]))
                status = diverged(g, t->name, (double)t->data[k]);
    }
    bal_weights_close(&all);
    return status;
}

static bal_status train_step(bal_training *g, const bal_loader_batch *batch)
{
    const bal_trainer *t = g->t;
    const bal_recipe_optimizer *optimizer = &t->recipe->optimizer;
    const bal_forward forward = {.inputs = (const float *const[]){batch->images},
                                 .batch = batch->count,
                                 .training = true,
                                 .step = (uint64_t)(g->state.epoch * t->steps + g->state.step)};
    BAL_TRY(bal_plan_forward(g->plan, &forward));
    BAL_TRY(bal_plan_read_output(g->plan, t->logits, g->logits));
    const bal_loss_batch in = {.samples = batch->count,
                               .logits = g->logits,
                               .labels = batch->labels,
                               .sample_weights = batch->weights};
    double value;
    BAL_TRY(bal_loss_compute(g->loss, g->ctx, &in, &value, NULL, g->gradient));
    if (!isfinite(value))
        return diverged(g, "the loss", value);
    BAL_TRY(bal_plan_backward(g->plan, &(bal_backward){.output_gradients = g->output_gradients}));
    BAL_TRY(bal_plan_update(g->plan, &(bal_update){.lr = g->lr,
                                                   .weight_decay = g->decay,
                                                   .momentum = optimizer->momentum,
                                                   .nesterov = optimizer->nesterov}));
    g->state.step++;
    g->state.loss_sum += value * batch->count;
    g->state.seen += batch->count;
    g->state.right += count_right(g, batch);
    g->epoch_images += batch->count;
    g->run_images += batch->count;
    return BAL_OK;
}

static void tell_progress(bal_training *g)
{
    const bal_trainer *t = g->t;
    const double now = bal_clock(), busy = g->run_busy + now - g->epoch_began;
    if (!g->callbacks->progress || now - g->last_progress < PROGRESS_EVERY)
        return;
    g->last_progress = now;
    const int64_t left = (int64_t)(t->settings.epochs - g->state.epoch) * t->train_items -
                         g->state.step * t->settings.batch_size;
    const double speed = busy > 0.0 ? (double)g->run_images / busy : NAN;
    const bal_progress progress = {.epoch = g->state.epoch + 1,
                                   .epochs = t->settings.epochs,
                                   .step = g->state.step,
                                   .steps = t->steps,
                                   .loss = g->state.loss_sum / (double)g->state.seen,
                                   .images_per_second = speed,
                                   .seconds_left = (double)(left > 0 ? left : 0) / speed};
    g->callbacks->progress(g->callbacks->user, &progress);
}

/* ---- the steps of an epoch ---- */

static bal_status begin(bal_training *g)
{
    const bal_trainer *t = g->t;
    const int epoch = g->state.epoch;
    const int64_t *items = bal_dataset_items(t->data, BAL_SPLIT_TRAIN);
    BAL_TRY(bal_sampler_draw(g->sampler, epoch, t->settings.epochs, g->shown));
    memset(g->class_drawn, 0, t->classes * sizeof *g->class_drawn);
    for (int64_t i = 0; i < t->train_items; i++) {
        g->class_drawn[t->labels[g->shown[i]]]++;
        g->shown[i] = items[g->shown[i]];
    }
    const float lr = (float)bal_schedule_lr(&t->recipe->schedule, epoch);
    for (int p = 0; p < bal_graph_params(t->graph); p++)
        g->lr[p] = lr;
    bal_loader_begin(g->loader, &(bal_loader_pass){.items = g->shown,
                                                   .count = t->train_items,
                                                   .first_batch = g->state.step,
                                                   .augment = &t->recipe->stages[g->stage].augment,
                                                   .seed = t->settings.seed,
                                                   .epoch = (uint64_t)epoch});
    g->epoch_began = bal_clock();
    g->epoch_images = 0;
    return BAL_OK;
}

bal_status bal_training_epoch(bal_training *g)
{
    BAL_TRY(begin(g));
    bal_status status = BAL_OK;
    for (;;) {
        bal_loader_batch batch;
        if (bal_interrupted(g->ctx)) {
            status = bal_fail(g->ctx, BAL_INTERRUPTED, "interrupted");
            break;
        }
        status = bal_loader_next(g->loader, &batch);
        if (status != BAL_OK || batch.count == 0)
            break;
        status = train_step(g, &batch);
        if (status != BAL_OK)
            break;
        tell_progress(g);
    }
    bal_loader_stop(g->loader);
    g->run_busy += bal_clock() - g->epoch_began;
    return status;
}

/* ---- the end of an epoch ---- */

static bal_status evaluate(const bal_training *g, int64_t items, bal_evaluation **out)
{
    bal_evaluation_settings settings = bal_evaluation_defaults();
    settings.classes = (int)g->t->classes;
    settings.items = items;
    settings.scores = g->scores;
    settings.labels = g->score_labels;
    settings.bootstrap = 0;
    return bal_evaluate(out, g->ctx, &settings);
}

static bal_status validate(bal_training *g, bal_epoch_report *report)
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
            return diverged(g, "a validation logit", g->scores[i]);
    bal_evaluation *e;
    BAL_TRY(evaluate(g, items, &e));
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
    if (isnan(value))
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
                           .lr = bal_schedule_lr(&t->recipe->schedule, g->state.epoch),
                           .train_loss = g->state.loss_sum / (double)g->state.seen,
                           .train_accuracy = (double)g->state.right / (double)g->state.seen,
                           .val_loss = NAN,
                           .val_balanced_accuracy = NAN,
                           .monitored = NAN,
                           .images_per_second = busy > 0.0 ? (double)g->epoch_images / busy : NAN,
                           .classes = (int)t->classes,
                           .val_class_loss = g->class_loss,
                           .val_class_recall = g->class_recall,
                           .class_drawn = g->class_drawn};
    for (size_t c = 0; c < t->classes; c++)
        g->class_loss[c] = g->class_recall[c] = NAN;
    if (t->info.items[BAL_SPLIT_VAL] > 0)
        BAL_TRY(validate(g, report));
    report->best = is_better(g, report->monitored);
    report->seconds = bal_clock() - g->epoch_began;
    return BAL_OK;
}
