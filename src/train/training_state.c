/* Saving a run so that it can go on, and going on. */
#include "train/run/event_file.h"
#include "train/loss_state.h"
#include "train/trainer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define METADATA_STATE "ballast.state"

/* ---- what the run is ---- */

/* A checksum of the members: name, label and split of every item, and its weight where there are
 * some. */
static uint32_t members(const bal_trainer *t)
{
    uint32_t sum = 0;
    for (int split = 0; split < BAL_SPLIT_COUNT; split++) {
        const int64_t *items = bal_dataset_items(t->data, (bal_split)split);
        for (int64_t i = 0; i < t->info.items[split]; i++) {
            char name[512], line[640];
            int at = snprintf(line, sizeof line, "%u %d %d %s", (unsigned)sum, split,
                              bal_dataset_label(t->data, items[i]),
                              bal_dataset_item_name(t->data, items[i], name, sizeof name));
            if (t->info.weighted)
                snprintf(line + at, sizeof line - (size_t)at, " %.9g",
                         bal_dataset_weight(t->data, items[i]));
            sum = bal_crc32c(line, strlen(line));
        }
    }
    return sum;
}

static json_t *data_text(const bal_trainer *t)
{
    return json_sprintf("%d classes, %lld + %lld + %lld images of %d x %d x %d, members %08x",
                        t->info.classes, (long long)t->info.items[BAL_SPLIT_TRAIN],
                        (long long)t->info.items[BAL_SPLIT_VAL],
                        (long long)t->info.items[BAL_SPLIT_TEST], t->info.channels, t->info.height,
                        t->info.width, (unsigned)members(t));
}

bal_status bal_training_identify(bal_training *g)
{
    const bal_trainer *t = g->t;
    char *recipe;
    BAL_TRY(bal_recipe_yaml(t->recipe, g->ctx, &recipe));
    g->identity.must = json_pack("{s:o, s:s, s:s, s:o, s:s}", "seed",
                                 json_sprintf("%llu", (unsigned long long)t->settings.seed),
                                 "model", t->settings.model, "recipe", recipe, "data", data_text(t),
                                 "metric", t->settings.monitor);
    g->identity.should =
        json_pack("{s:s, s:s, s:o}", "ballast", bal_version(), "engine", t->engine->name, "threads",
                  json_sprintf("%d", bal_ctx_threads(g->ctx)));
    bal_release(g->ctx, recipe);
    if (!g->identity.must || !g->identity.should)
        return bal_fail(g->ctx, BAL_NO_MEMORY, "no memory for what the run is");
    return BAL_OK;
}

/* ---- writing ---- */

static bal_status write_weights(bal_training *g, const bal_weights *weights, const char *name)
{
    char *path = bal_run_folder_file(g->folder, name);
    const bal_status status = path ? bal_weights_write(weights, g->ctx, path) : BAL_NO_MEMORY;
    bal_free(g->ctx, path);
    return status;
}

bal_status bal_training_save(bal_training *g)
{
    char *text = NULL;
    bal_weights *all = NULL;
    g->state.seconds = bal_training_seconds(g);
    bal_status status;
    BAL_GOTO(bal_run_state_text(g->ctx, &g->state, &g->identity, &text));
    BAL_GOTO(bal_snapshot_take(g->plan, &all));
    BAL_GOTO(bal_class_strength_save(g->strength, all));
    BAL_GOTO(bal_weights_set_metadata(all, METADATA_STATE, text));
    BAL_GOTO(bal_loss_state_save(g->loss, g->ctx, g->stage, all));
    status = write_weights(g, all, BAL_STATE_FILE);
fail:
    bal_free(g->ctx, text);
    bal_weights_close(&all);
    return status;
}

bal_status bal_training_write_weights(bal_training *g, const char *name, int epoch)
{
    char number[32];
    snprintf(number, sizeof number, "%d", epoch);
    bal_weights *values;
    BAL_TRY(bal_plan_save(g->plan, &values));
    bal_status status;
    BAL_GOTO(bal_weights_set_metadata(values, "format", "pt")); /* names are torchvision's */
    BAL_GOTO(bal_weights_set_metadata(values, "ballast.model", g->t->settings.model));
    BAL_GOTO(bal_weights_set_metadata(values, BAL_METADATA_EPOCH, number));
    status = write_weights(g, values, name);
fail:
    bal_weights_close(&values);
    return status;
}

/* ---- reading ---- */

static bal_status check_fits(const bal_training *g, const char *path)
{
    const bal_run_state *s = &g->state;
    const int epochs = g->t->settings.epochs;
    const int64_t steps = bal_trainer_steps(g->t, s->epoch);
    if (s->epoch > epochs || s->step > steps)
        return bal_fail(g->ctx, BAL_BAD_FILE,
                        "%s: epoch %d and step %lld, but the run has %d epochs of %lld steps", path,
                        s->epoch, (long long)s->step, epochs, (long long)steps);
    return BAL_OK;
}

static bal_status read_state(bal_training *g, const char *path, bal_weights **snapshot)
{
    BAL_TRY(bal_weights_read(snapshot, g->ctx, path));
    const char *text = bal_weights_metadata(*snapshot, METADATA_STATE);
    if (!text)
        return bal_fail(g->ctx, BAL_BAD_FILE, "%s: not the state of a run: no metadata \"%s\"",
                        path, METADATA_STATE);
    bal_run_identity was;
    BAL_TRY(bal_run_state_parse(g->ctx, path, text, &g->state, &was));
    bal_status status = bal_run_identity_check(g->ctx, path, &was, &g->identity);
    bal_run_identity_free(&was);
    if (status == BAL_OK)
        status = check_fits(g, path);
    g->seconds = g->state.seconds;
    return status;
}

bal_status bal_training_resume(bal_training *g, bal_weights **snapshot)
{
    *snapshot = NULL;
    if (!bal_run_folder_has(g->folder, BAL_STATE_FILE))
        return BAL_OK; /* stopped before the first state was saved */
    char *path = bal_run_folder_file(g->folder, BAL_STATE_FILE);
    if (!path)
        return BAL_NO_MEMORY;
    const bal_status status = read_state(g, path, snapshot);
    bal_free(g->ctx, path);
    if (status != BAL_OK)
        bal_weights_close(snapshot);
    return status;
}
