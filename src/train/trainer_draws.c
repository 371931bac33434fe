/* What a stage shows: its sampler, how it mixes, and how long its epochs are. */
#include "train/trainer.h"

#include <string.h>

#define SECOND_STREAM_SEED 0x5ec0d57e /* the second stream draws other images than the first */

static bal_status open_sampler(const bal_trainer *t, const bal_recipe_stage *stage,
                               bal_sampler_settings *settings, bal_sampler **out)
{
    settings->classes = (int)t->classes;
    const bal_status status = bal_sampler_open(out, t->ctx, settings);
    return status == BAL_BAD_ARG
               ? bal_fail_within(t->ctx, BAL_MISMATCH, "%s:%d", t->recipe->where, stage->line)
               : status;
}

bal_status bal_trainer_row_sampler(const bal_trainer *t, int stage, const bal_trainer_rows *rows,
                                   bal_sampler **out)
{
    const bal_recipe_stage *from = &t->recipe->stages[stage];
    bal_sampler_settings settings = bal_sampler_defaults();
    settings.name = from->sampler;
    settings.q = from->sampler_q;
    settings.beta = from->sampler_beta;
    settings.t = from->sampler_t;
    settings.seed = t->settings.seed;
    settings.items = rows->count;
    settings.labels = rows->labels;
    settings.length = rows->length;
    *out = NULL;
    return open_sampler(t, from, &settings, out);
}

bal_status bal_trainer_sampler(const bal_trainer *t, int stage, bal_sampler **out)
{
    bal_trainer_rows rows = {.count = t->train_items, .labels = t->labels};
    *out = NULL;
    BAL_TRY(bal_schedule_images(t->ctx, "epoch_length", t->recipe->stages[stage].epoch_length,
                                t->train_items, &rows.length));
    return bal_trainer_row_sampler(t, stage, &rows, out);
}

bal_status bal_trainer_mix(const bal_trainer *t, int stage, bal_mix **out)
{
    const bal_recipe_mix *from = &t->recipe->stages[stage].mix;
    *out = NULL;
    if (strcmp(from->name, "none") == 0)
        return BAL_OK;
    const bal_mix_settings settings = {.name = from->name,
                                       .classes = (int)t->classes,
                                       .counts = t->counts + BAL_SPLIT_TRAIN * t->classes,
                                       .alpha = from->alpha,
                                       .prob = from->prob,
                                       .k = from->k,
                                       .tau = from->tau,
                                       .f = from->f,
                                       .a = from->a,
                                       .per_pair = strcmp(from->draw, "image") == 0};
    return bal_mix_open(out, t->ctx, &settings);
}

bal_status bal_trainer_second(const bal_trainer *t, int stage, const bal_mix *mix,
                              bal_sampler **out)
{
    bal_sampler_settings settings = bal_sampler_defaults();
    *out = NULL;
    if (!mix || !bal_mix_second_stream(mix, &settings.q))
        return BAL_OK;
    settings.name = "power";
    settings.seed = t->settings.seed ^ SECOND_STREAM_SEED;
    settings.length = t->stages[stage].length;
    settings.items = t->train_items;
    settings.labels = t->labels;
    return open_sampler(t, &t->recipe->stages[stage], &settings, out);
}

bool bal_trainer_mixes_in(const bal_trainer *t, int epoch)
{
    const bal_recipe_mix *mix = &t->recipe->stages[bal_recipe_stage_at(t->recipe, epoch)].mix;
    return strcmp(mix->name, "none") != 0 && epoch >= mix->from_epoch && epoch < mix->end_epoch;
}

int64_t bal_trainer_steps(const bal_trainer *t, int epoch)
{
    return t->stages[bal_recipe_stage_at(t->recipe, epoch)].steps;
}

int64_t bal_trainer_steps_before(const bal_trainer *t, int epoch)
{
    const int stage = bal_recipe_stage_at(t->recipe, epoch);
    return t->stages[stage].first_step +
           t->stages[stage].steps * (epoch - t->recipe->stages[stage].first_epoch);
}

int64_t bal_trainer_images_left(const bal_trainer *t, int epoch, int64_t step)
{
    int64_t images = 0;
    for (int i = bal_recipe_stage_at(t->recipe, epoch); i < t->recipe->stage_count; i++) {
        const bal_recipe_stage *stage = &t->recipe->stages[i];
        const int end = stage->first_epoch + stage->epoch_count;
        const int begin = stage->first_epoch > epoch ? stage->first_epoch : epoch;
        images += stage->idle ? 0 : (end - begin) * t->stages[i].length;
    }
    const int64_t shown = step * t->settings.batch_size;
    return images > shown ? images - shown : 0;
}
