/* The end of a run: the last and the best weights, and what the best ones do. */
#include "base/writer.h"
#include "train/trainer.h"

#include <stdlib.h>
#include <string.h>

int bal_training_best_epoch(const bal_training *g)
{
    return g->state.best_epoch > 0 ? g->state.best_epoch : g->state.epoch;
}

static bal_status load_best(bal_training *g)
{
    char *path = bal_run_folder_file(g->folder, BAL_BEST_FILE);
    if (!path)
        return BAL_NO_MEMORY;
    bal_weights *best = NULL;
    bal_status status = bal_weights_read(&best, g->ctx, path);
    const char *epoch = best ? bal_weights_metadata(best, BAL_METADATA_EPOCH) : NULL;
    if (epoch && strtol(epoch, NULL, 10) != bal_training_best_epoch(g))
        bal_log(g->ctx, BAL_LOG_WARN, "%s holds epoch %s, but the best one was %d", path, epoch,
                bal_training_best_epoch(g));
    if (status == BAL_OK)
        status = bal_snapshot_restore(g->plan, best, path);
    bal_weights_close(&best);
    bal_free(g->ctx, path);
    return status;
}

static bal_status evaluate(bal_training *g, int64_t items, bal_evaluation **out)
{
    const bal_trainer *t = g->t;
    bal_evaluation_settings settings = bal_evaluation_defaults();
    settings.classes = (int)t->classes;
    settings.items = items;
    settings.scores = g->scores;
    settings.labels = g->score_labels;
    settings.train_counts = t->counts + BAL_SPLIT_TRAIN * t->classes;
    settings.class_names = t->class_names;
    settings.seed = t->settings.seed;
    return bal_evaluate(out, g->ctx, &settings);
}

/* All metrics of a split as JSON; null where the data has no such split. */
static bal_status measure(bal_training *g, bal_split split, json_t **out)
{
    const int64_t items = g->t->info.items[split];
    *out = items > 0 ? NULL : json_null();
    if (items == 0)
        return BAL_OK;
    const bal_score_pass pass = {.items = bal_dataset_items(g->t->data, split),
                                 .count = items,
                                 .scores = g->scores,
                                 .labels = g->score_labels};
    BAL_TRY(bal_plan_score_items(g->plan, g->loader, &pass));
    bal_evaluation *e;
    BAL_TRY(evaluate(g, items, &e));
    char *text;
    const bal_status status = bal_evaluation_json(e, g->ctx, &text);
    bal_evaluation_close(&e);
    BAL_TRY(status);
    *out = json_loads(text, 0, NULL);
    bal_release(g->ctx, text);
    return *out ? BAL_OK : bal_fail(g->ctx, BAL_NO_MEMORY, "no memory for the metrics");
}

static bal_status write_summary(bal_training *g, json_t *val, json_t *test)
{
    const bal_trainer *t = g->t;
    json_t *exposure;
    BAL_TRY(bal_training_exposure(g, &exposure));
    json_t *summary =
        json_pack("{s:s, s:s, s:i, s:b, s:i, s:s, s:o, s:f, s:b, s:o, s:O, s:O}", "model",
                  t->settings.model, "recipe", bal_recipe_name(t->recipe), "epochs", g->state.epoch,
                  "stopped_early", g->state.epoch < t->settings.epochs, "best_epoch",
                  bal_training_best_epoch(g), "metric", t->settings.monitor, "best",
                  bal_json_real(g->state.best), "seconds", bal_training_seconds(g), "item_weights",
                  (int)t->info.weighted, "exposure", exposure, "val", val, "test", test);
    if (!summary)
        return bal_fail(g->ctx, BAL_NO_MEMORY, "no memory for the summary");
    const bal_status status = bal_run_folder_summary(g->folder, summary);
    json_decref(summary);
    return status;
}

/* The averaged weights where there are such. */
static bal_status write_last(bal_training *g)
{
    bal_status status = bal_training_show_average(g);
    if (status == BAL_OK)
        status = bal_training_write_weights(g, BAL_LAST_FILE, g->state.epoch);
    if (status == BAL_OK && g->state.best_epoch == 0) /* nothing chose one: this is what there is */
        status = bal_training_write_weights(g, BAL_BEST_FILE, g->state.epoch);
    return bal_training_hide_average(g, status);
}

bal_status bal_training_finish(bal_training *g)
{
    json_t *val = NULL, *test = NULL;
    bal_status status;
    BAL_GOTO(write_last(g));
    BAL_GOTO(load_best(g));
    BAL_GOTO(measure(g, BAL_SPLIT_VAL, &val));
    BAL_GOTO(measure(g, BAL_SPLIT_TEST, &test));
    BAL_GOTO(write_summary(g, val, test));
    bal_training_say(g, "finished after %d epochs", g->state.epoch);
fail:
    json_decref(val);
    json_decref(test);
    if (status == BAL_INTERRUPTED) {
        bal_take_interrupt(g->ctx);
        return bal_fail(g->ctx, status,
                        "interrupted while the best weights were measured; the state is in %s, and "
                        "resuming the run goes on from there",
                        g->t->settings.out);
    }
    return status;
}
