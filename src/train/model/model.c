/* A trained model: from a run folder, or from a network's name and a weights file. */
#include "train/model/trained_model.h"

#include "train/trainer.h"

#include <stdlib.h>
#include <string.h>

bal_predictor_settings bal_predictor_defaults(void)
{
    return (bal_predictor_settings){.std = {1.0, 1.0, 1.0}, .head = "linear", .batch_size = 128};
}

/* ---- what the network is ---- */

/* The tensor of so many dimensions under one of the names, with or without "module."; NULL: none.
 */
static const bal_tensor *find_tensor(const bal_weights *w, int dims, const char *const *names)
{
    for (int i = 0; i < bal_weights_count(w); i++) {
        const bal_tensor *t = bal_weights_at(w, i);
        const char *name = strncmp(t->name, "module.", 7) == 0 ? t->name + 7 : t->name;
        for (size_t k = 0; names[k] && t->dims == dims; k++)
            if (strcmp(name, names[k]) == 0)
                return t;
    }
    return NULL;
}

static const char *const head_names[] = {"fc.weight", "linear.weight", "classifier.weight",
                                         "head.weight", NULL};
static const char *const first_layer_names[] = {"conv1.weight", NULL};

/* The settings of the model from the caller's, and what is missing from the weights. */
static bal_status describe(bal_model *m, const bal_predictor_settings *s, const bal_weights *file,
                           bal_model_settings *network)
{
    const bal_tensor *head = find_tensor(file, 2, head_names),
                     *first = find_tensor(file, 4, first_layer_names);
    int classes = s->classes, channels = s->channels;
    if (classes == 0 && !head)
        return bal_fail(m->ctx, BAL_MISMATCH,
                        "%s: no matrix fc.weight, linear.weight, classifier.weight or head.weight "
                        "that tells the number of classes; give it",
                        s->weights);
    if (classes == 0)
        classes = head->shape[0] > 0 && head->shape[0] <= 1000000 ? (int)head->shape[0] : 0;
    if (channels == 0)
        channels = first && first->shape[1] == 1 ? 1 : 3;
    network->name = s->model;
    network->classes = classes;
    network->input = (bal_shape){channels, s->height ? s->height : 32, s->width ? s->width : 32};
    network->head = s->head ? s->head : "linear";
    for (int c = 0; c < BAL_CHANNELS_MAX; c++) {
        m->norm.mean[c] = s->mean[c];
        m->norm.std[c] = s->std[c];
    }
    return BAL_OK;
}

static void describe_run(bal_model *m, bal_model_settings *network)
{
    const bal_run_data *d = &m->data;
    network->name = d->model;
    network->classes = d->classes;
    network->input = (bal_shape){d->channels, d->height, d->width};
    network->head = d->head;
    network->scale = d->scale;
    for (int c = 0; c < d->channels; c++) {
        m->norm.mean[c] = d->mean[c];
        m->norm.std[c] = d->std[c];
    }
}

/* ---- opening ---- */

static bal_status open_plan(bal_model *m, const bal_predictor_settings *s,
                            const bal_model_settings *network, const bal_weights *file,
                            const char *path)
{
    const bal_engine *engine;
    bal_weights *fitting;
    BAL_TRY(bal_engine_find(m->ctx, s->engine, &engine));
    BAL_TRY(bal_model_build(&m->graph, m->ctx, network));
    BAL_TRY(bal_score_output(m->ctx, m->graph, &m->logits, &m->classes));
    BAL_TRY(bal_feature_output(m->ctx, m->graph, &m->features));
    bal_status status = bal_weights_fit(&fitting, m->ctx, file, m->graph);
    if (status != BAL_OK)
        return bal_fail_within(m->ctx, status, "%s", path);
    const bal_plan_settings settings = {.batch = m->batch};
    status = bal_plan_open(&m->plan, m->ctx, engine, m->graph, &settings);
    if (status == BAL_OK)
        status = bal_plan_load(m->plan, fitting);
    bal_weights_close(&fitting);
    return status;
}

static bal_status open_memory(bal_model *m, const bal_model_settings *network)
{
    m->input = network->input;
    const size_t pixels = (size_t)m->input.channels * (size_t)m->input.height *
                          (size_t)m->input.width * (size_t)m->batch;
    BAL_TRY(bal_pixel_table_make(&m->table, m->ctx, m->input.channels, &m->norm));
    m->planes = bal_calloc(m->ctx, pixels, sizeof *m->planes);
    return m->planes ? BAL_OK : BAL_NO_MEMORY;
}

static bal_status read_model(bal_model *m, const bal_predictor_settings *s, const char *path)
{
    bal_weights *file = NULL;
    bal_model_settings network = bal_model_defaults();
    bal_status status;
    BAL_GOTO(bal_weights_read(&file, m->ctx, path));
    if (m->held)
        describe_run(m, &network);
    else
        BAL_GOTO(describe(m, s, file, &network));
    const char *epoch = bal_weights_metadata(file, BAL_METADATA_EPOCH);
    m->epoch = epoch ? (int)strtol(epoch, NULL, 10) : 0;
    BAL_GOTO(open_plan(m, s, &network, file, path));
    status = open_memory(m, &network);
fail:
    bal_weights_close(&file);
    return status;
}

static bal_status open_run(bal_model *m, const bal_predictor_settings *s)
{
    BAL_TRY(bal_run_data_open(&m->held, m->ctx, s->run, &m->data));
    m->run = bal_strdup(m->ctx, s->run);
    m->path = bal_format(m->ctx, "%s/%s", s->run, s->last ? BAL_LAST_FILE : BAL_BEST_FILE);
    if (!m->run || !m->path)
        return BAL_NO_MEMORY;
    BAL_TRY(read_model(m, s, m->path));
    return s->no_calibration ? BAL_OK : bal_model_read_calibration(m);
}

static bal_status check_settings(bal_ctx *ctx, const bal_predictor_settings *s)
{
    if (s->run && (s->model || s->weights))
        return bal_fail(ctx, BAL_BAD_ARG,
                        "a run folder knows its model and weights; give it or them, not both");
    if (!s->run && (!s->model || !s->weights))
        return bal_fail(ctx, BAL_BAD_ARG,
                        "a run folder, or a model's name and a weights file are needed");
    if (s->batch_size < 1 || s->classes < 0 || s->channels < 0 || s->height < 0 || s->width < 0)
        return bal_fail(ctx, BAL_BAD_ARG,
                        "batch size %d must be above 0; classes %d, channels %d, height %d and "
                        "width %d must not be below 0",
                        s->batch_size, s->classes, s->channels, s->height, s->width);
    return BAL_OK;
}

bal_status bal_model_open(bal_model **out, bal_ctx *ctx, const bal_predictor_settings *settings)
{
    *out = NULL;
    BAL_TRY(check_settings(ctx, settings));
    bal_model *m = bal_calloc(ctx, 1, sizeof *m);
    if (!m)
        return BAL_NO_MEMORY;
    m->ctx = ctx;
    m->batch = settings->batch_size;
    const bal_status status =
        settings->run ? open_run(m, settings) : read_model(m, settings, settings->weights);
    if (status == BAL_OK)
        *out = m;
    else
        bal_model_close(&m);
    return status;
}

void bal_model_close(bal_model **model)
{
    if (!model || !*model)
        return;
    bal_model *m = *model;
    bal_plan_close(&m->plan);
    bal_graph_close(&m->graph);
    bal_run_data_close(&m->held);
    bal_calibration_close(&m->calibration);
    bal_free(m->ctx, m->run);
    bal_free(m->ctx, m->path);
    bal_free(m->ctx, m->planes);
    bal_free(m->ctx, m);
    *model = NULL;
}

/* ---- looking ---- */

bal_shape bal_model_input(const bal_model *model)
{
    return model->input;
}

int bal_model_classes(const bal_model *model)
{
    return model->classes;
}

const char *bal_model_class_name(const bal_model *model, int c)
{
    return model->held && c >= 0 && c < model->classes ? model->data.class_names[c] : NULL;
}

const int64_t *bal_model_train_counts(const bal_model *model)
{
    return model->held ? model->data.counts[BAL_SPLIT_TRAIN] : NULL;
}

const char *bal_model_data(const bal_model *model, bal_dataset_settings *settings)
{
    if (!model->held)
        return NULL;
    *settings = model->data.dataset;
    return model->data.where;
}

/* ---- running ---- */

bal_status bal_model_logits(bal_model *m, const uint8_t *pixels, int64_t count, float *logits)
{
    const size_t area = (size_t)m->input.height * (size_t)m->input.width,
                 image = area * (size_t)m->input.channels, classes = (size_t)m->classes;
    for (int64_t at = 0; at < count;) {
        const int batch = count - at < m->batch ? (int)(count - at) : m->batch;
        if (bal_take_interrupt(m->ctx))
            return bal_fail(m->ctx, BAL_INTERRUPTED, "interrupted after %lld of %lld images",
                            (long long)at, (long long)count);
        for (int i = 0; i < batch; i++)
            bal_pixel_planes(&m->table, area, pixels + (size_t)(at + i) * image,
                             m->planes + (size_t)i * image);
        const bal_forward forward = {.inputs = (const float *const[]){m->planes}, .batch = batch};
        BAL_TRY(bal_plan_forward(m->plan, &forward));
        BAL_TRY(bal_plan_read_output(m->plan, m->logits, logits + (size_t)at * classes));
        at += batch;
    }
    return BAL_OK;
}
