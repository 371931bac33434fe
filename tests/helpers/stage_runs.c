/* See stage_runs.h. */
#include "helpers/stage_runs.h"

#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const test_toy toy = {.channels = 3, .side = 6, .train = {24, 12, 7}, .test = 3};

stage_runs *stage_runs_open(void)
{
    stage_runs *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->ctx = test_ctx_threads(1);
    f->folder = test_folder();
    snprintf(f->images, sizeof f->images, "%s/toy", f->folder);
    snprintf(f->run, sizeof f->run, "%s/run", f->folder);
    test_write_toy(f->images, &toy);
    f->data = test_open_toy(f->ctx, f->images, 0.25);
    f->train_items = bal_dataset_describe(f->data).items[BAL_SPLIT_TRAIN];
    f->settings = bal_train_defaults();
    f->settings.model = "resnet8";
    f->settings.engine = "reference";
    f->settings.out = f->run;
    f->settings.overwrite = true;
    return f;
}

void stage_runs_close(stage_runs **runs)
{
    stage_runs *f = *runs;
    bal_weights_close(&f->kept);
    bal_dataset_close(&f->data);
    bal_ctx_close(&f->ctx);
    test_folder_remove(f->folder);
    free(f);
    *runs = NULL;
}

int stage_runs_set_up(void **state)
{
    *state = stage_runs_open();
    return 0;
}

int stage_runs_tear_down(void **state)
{
    stage_runs *f = *state;
    stage_runs_close(&f);
    return 0;
}

double stage_norm(const float *row)
{
    double sum = 0.0;
    for (int i = 0; i < STAGE_FEATURES; i++)
        sum += (double)row[i] * row[i];
    return sqrt(sum);
}

bal_weights *stage_read(const stage_runs *f, const char *name)
{
    bal_weights *w;
    test_ok(f->ctx, bal_weights_read(&w, f->ctx, test_path(f->settings.out, name)));
    return w;
}

static void see_epoch(void *user, const bal_epoch_report *report)
{
    stage_runs *f = user;
    assert_in_range(f->epochs, 0, STAGE_EPOCHS_MAX - 1);
    f->reports[f->epochs] = *report;
    memcpy(f->drawn[f->epochs++], report->class_drawn, sizeof f->drawn[0]);
    if (report->epoch == f->keep) {
        bal_weights_close(&f->kept);
        f->kept = stage_read(f, "state.safetensors");
    }
    if (report->epoch == f->interrupt_at)
        bal_ctx_interrupt(f->ctx);
}

static void see_progress(void *user, const bal_progress *progress)
{
    const stage_runs *f = user;
    (void)progress;
    if (f->interrupt_soon)
        bal_ctx_interrupt(f->ctx);
}

bal_status stage_train(stage_runs *f, const char *recipe)
{
    const bal_train_callbacks callbacks = {see_epoch, see_progress, f};
    f->epochs = 0;
    return test_train(f->ctx, &(test_training){.data = f->data,
                                               .recipe = recipe,
                                               .settings = &f->settings,
                                               .callbacks = &callbacks});
}

bool stage_same_bits(const bal_tensor *a, const bal_tensor *b)
{
    assert_true(a && b && a->count == b->count);
    return memcmp(a->data, b->data, (size_t)a->count * sizeof *a->data) == 0;
}

static int expect(const bal_weights *a, const bal_weights *b, const char *names, bool same)
{
    int found = 0;
    for (int i = 0; i < bal_weights_count(a); i++) {
        const bal_tensor *t = bal_weights_at(a, i);
        if (strchr(t->name, '/') || fnmatch(names, t->name, 0) != 0)
            continue;
        found++;
        if (stage_same_bits(t, bal_weights_find(b, t->name)) != same)
            fail_msg("%s %s", t->name, same ? "has changed" : "has not changed");
    }
    assert_true(found > 0);
    return found;
}

int stage_expect_same(const bal_weights *a, const bal_weights *b, const char *names)
{
    return expect(a, b, names, true);
}

int stage_expect_moved(const bal_weights *a, const bal_weights *b, const char *names)
{
    return expect(a, b, names, false);
}

const char *stage_acting(const char *stage, const char *more)
{
    static char text[1024];
    snprintf(text, sizeof text,
             "batch_size: 8\nepochs: 2\noptimizer: {lr: 0.05}\nselect: last-stage\n%s"
             "stages:\n"
             "  - {epochs: 100%%, augment: {crop_padding: 1}}\n"
             "  - {epochs: 0, %s, augment: {crop_padding: 0, hflip: 0}}\n",
             more, stage);
    return text;
}

stage_rows stage_rows_of(const stage_runs *f, bal_split split)
{
    bal_predictor_settings s = bal_predictor_defaults();
    bal_model *model;
    s.run = f->run;
    s.last = true;
    s.engine = "reference";
    test_ok(f->ctx, bal_model_open(&model, f->ctx, &s));
    const size_t n = (size_t)bal_dataset_describe(f->data).items[split];
    stage_rows r = {malloc(n * STAGE_FEATURES * sizeof(float)),
                    malloc(n * STAGE_CLASSES * sizeof(float)), malloc(n * sizeof(int32_t))};
    test_ok(f->ctx, bal_model_features(model, f->data,
                                       &(bal_feature_ask){.split = split,
                                                          .features = r.features,
                                                          .logits = r.logits,
                                                          .labels = r.labels}));
    bal_model_close(&model);
    return r;
}

void stage_rows_close(stage_rows *r)
{
    free(r->features);
    free(r->logits);
    free(r->labels);
}
