/* How often each class and each training image was shown. Draws are a function of (seed, epoch), so
 * they are drawn once more here instead of being kept: what a killed run had counted needs no place
 * in its state. */
#include "train/stage/feature_feed.h"
#include "train/trainer.h"

#include <stdio.h>
#include <string.h>

/* 0, 1, 2, 3-4, 5-8, ..., the last without an end */
#define BINS 20

typedef struct exposure {
    int64_t *times;      /* of each training image */
    int64_t *draws;      /* of an epoch */
    int64_t *shown;      /* per class */
    int64_t *images;     /* classes x BINS: how many images of the class were shown so often */
    int64_t least, most; /* times of an image */
    int bins;            /* up to the last that holds something */
} exposure;

static int bin_of(int64_t times)
{
    int bin = (int)(times < 2 ? times : 2);
    for (int64_t end = 2; times > end && bin < BINS - 1; end *= 2)
        bin++;
    return bin;
}

static void name_bin(int bin, char *name, size_t size)
{
    const int64_t end = (int64_t)1 << (bin > 0 ? bin - 1 : 0);
    if (bin <= 2)
        snprintf(name, size, "%d", bin);
    else if (bin == BINS - 1)
        snprintf(name, size, "%lld+", (long long)(end / 2 + 1));
    else
        snprintf(name, size, "%lld-%lld", (long long)(end / 2 + 1), (long long)end);
}

/* ---- counting ---- */

static bal_status count_stage(const bal_training *g, int stage, exposure *e)
{
    const bal_trainer *t = g->t;
    const bal_recipe_stage *s = &t->recipe->stages[stage];
    const int end = s->first_epoch + s->epoch_count;
    if (s->idle || strcmp(s->features, "none") != 0) /* no images are shown */
        return BAL_OK;
    bal_sampler *sampler;
    if (s->idle || bal_stage_has_features(s)) /* shows no images */
        return BAL_OK;
    BAL_TRY(bal_trainer_sampler(t, stage, &sampler));
    bal_status status = BAL_OK;
    for (int epoch = s->first_epoch; status == BAL_OK && epoch < end && epoch < g->state.epoch;
         epoch++) {
        status = bal_sampler_draw(sampler, epoch, t->settings.epochs, e->draws);
        for (int64_t i = 0; status == BAL_OK && i < t->stages[stage].length; i++)
            e->times[e->draws[i]]++;
    }
    bal_sampler_close(&sampler);
    return status;
}

static bal_status count(const bal_training *g, exposure *e)
{
    const bal_trainer *t = g->t;
    for (int stage = 0; stage < t->recipe->stage_count; stage++)
        BAL_TRY(count_stage(g, stage, e));
    e->least = e->most = e->times[0];
    for (int64_t i = 0; i < t->train_items; i++) {
        const int64_t times = e->times[i];
        const int bin = bin_of(times);
        e->shown[t->labels[i]] += times;
        e->images[(size_t)t->labels[i] * BINS + (size_t)bin]++;
        e->least = times < e->least ? times : e->least;
        e->most = times > e->most ? times : e->most;
        e->bins = bin + 1 > e->bins ? bin + 1 : e->bins;
    }
    return BAL_OK;
}

/* ---- telling ---- */

static json_t *numbers(const int64_t *values, int count)
{
    json_t *list = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(list, json_integer((json_int_t)values[i]));
    return list;
}

static json_t *to_json(const bal_training *g, const exposure *e)
{
    const int classes = (int)g->t->classes;
    json_t *names = json_array(), *images = json_array();
    for (int bin = 0; bin < e->bins; bin++) {
        char name[64];
        name_bin(bin, name, sizeof name);
        json_array_append_new(names, json_string(name));
    }
    for (int c = 0; c < classes; c++)
        json_array_append_new(images, numbers(e->images + (size_t)c * BINS, e->bins));
    return json_pack("{s:i, s:o, s:I, s:I, s:o, s:o}", "epochs", g->state.epoch, "class_drawn",
                     numbers(e->shown, classes), "least", (json_int_t)e->least, "most",
                     (json_int_t)e->most, "times", names, "images", images);
}

/* "images shown 0 times: 12, 1: 30, 2: 4, 3-4: 1" */
static void say(bal_training *g, const exposure *e)
{
    char line[900] = "", name[64];
    size_t used = 0;
    for (int bin = 0; bin < e->bins && used < sizeof line; bin++) {
        int64_t images = 0;
        for (size_t c = 0; c < g->t->classes; c++)
            images += e->images[c * BINS + (size_t)bin];
        name_bin(bin, name, sizeof name);
        if (images > 0)
            used += (size_t)snprintf(line + used, sizeof line - used, "%s%s times: %lld",
                                     used ? ", " : "", name, (long long)images);
    }
    bal_training_say(g, "images by how often they were shown in %d epochs: %s", g->state.epoch,
                     line);
}

bal_status bal_training_exposure(bal_training *g, json_t **out)
{
    const bal_trainer *t = g->t;
    size_t longest = 0;
    for (int i = 0; i < t->recipe->stage_count; i++)
        longest = (size_t)t->stages[i].length > longest ? (size_t)t->stages[i].length : longest;
    exposure e = {.times = bal_calloc(g->ctx, (size_t)t->train_items, sizeof *e.times),
                  .draws = bal_calloc(g->ctx, longest, sizeof *e.draws),
                  .shown = bal_calloc(g->ctx, t->classes, sizeof *e.shown),
                  .images = bal_calloc(g->ctx, t->classes * BINS, sizeof *e.images)};
    *out = NULL;
    bal_status status = e.times && e.draws && e.shown && e.images ? count(g, &e) : BAL_NO_MEMORY;
    if (status == BAL_OK) {
        *out = to_json(g, &e);
        status = *out ? BAL_OK : bal_fail(g->ctx, BAL_NO_MEMORY, "no memory for the exposure");
    }
    if (status == BAL_OK)
        say(g, &e);
    bal_free(g->ctx, e.times);
    bal_free(g->ctx, e.draws);
    bal_free(g->ctx, e.shown);
    bal_free(g->ctx, e.images);
    return status;
}
